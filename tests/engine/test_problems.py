"""How problems are shown, and the table of their codes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.engine.catalog_project import project

from sync_engine.catalog.schemas import make_validator, read_schema, violations
from sync_engine.problems import CODES, problem
from sync_engine.problems.page import errors_page
from sync_engine.report.problems import FORMATS, render
from sync_engine.sdk.filters import OPERATORS, Shape
from sync_engine.sdk.problem import Origin, Problem, Severity

__all__ = ["project"]

ROOT = Path(__file__).parents[2]
SOURCES = {"a.yaml": "name: x\r\n\tkey: 日本 valeu\n" + "x" * 150 + "HERE" + "y" * 150}
UNKNOWN = Problem("SE201", "unknown key `valeu`", Origin("a.yaml", 2, 10), "Did you mean `value`?")
WARNING = Problem("SE611", "a secret", Origin("b.yaml", 7, 1), severity=Severity.WARNING)
NOWHERE = Problem("SE601", "there is no project")


def test_text_shows_place_sentence_excerpt_hint_and_a_summary() -> None:
    assert render([UNKNOWN, WARNING, NOWHERE], "text", sources=SOURCES) == (
        "a.yaml:2:10: error SE201: unknown key `valeu`\n"
        "  2 | \tkey: 日本 valeu\n"
        "    | \t         " + " ^\n"
        "  hint: Did you mean `value`?\n"
        "\n"
        "b.yaml:7:1: warning SE611: a secret\n"
        "\n"
        "error SE601: there is no project\n"
        "\n"
        "2 errors, 1 warning in 2 files\n"
    )
    assert render([], "text") == "no problems found\n"


def test_the_excerpt_of_a_long_line_is_the_part_around_the_caret() -> None:
    problem_there = Problem("SE201", "x", Origin("a.yaml", 3, 151))
    line, caret = render([problem_there], "text", sources=SOURCES).splitlines()[1:3]
    assert len(line) < 120
    assert line[caret.index("^") :].startswith("HERE")
    assert line.startswith("  3 | …")
    assert line.endswith("…")


def test_colour_is_used_only_when_asked_for() -> None:
    assert "\x1b[" not in render([UNKNOWN], "text", sources=SOURCES)
    coloured = render([UNKNOWN], "text", colour=True, sources=SOURCES)
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == render([UNKNOWN], "text", sources=SOURCES)
    assert "\x1b[31merror SE201\x1b[0m" in coloured


def test_no_name_in_a_file_can_move_the_cursor_or_fake_a_line() -> None:
    evil = Problem("SE201", "unknown key `\x1b[2J\r\nok`", Origin("a\x1b.yaml", 1, 1), "\u202e")
    shown = render([evil], "text", sources={"a\x1b.yaml": "\x1b[2J"})
    assert not re.search(r"[\x00-\x09\x0b-\x1f\u202e]", shown)
    assert "\\x1b[2J\\r\\nok" in shown


def test_json_has_the_promised_names() -> None:
    assert json.loads(render([UNKNOWN, NOWHERE], "json")) == {
        "version": 1,
        "problems": [
            {
                "file": "a.yaml",
                "line": 2,
                "column": 10,
                "severity": "error",
                "code": "SE201",
                "message": "unknown key `valeu`",
                "hint": "Did you mean `value`?",
            },
            {
                "file": "",
                "line": 0,
                "column": 0,
                "severity": "error",
                "code": "SE601",
                "message": "there is no project",
                "hint": "",
            },
        ],
    }
    assert json.loads(render([], "json")) == {"version": 1, "problems": []}


def test_github_annotations_are_escaped() -> None:
    odd = Problem("SE201", "100 %\n::error::x", Origin("a,b:c.yaml", 1, 2), "hint")
    assert render([odd, WARNING, NOWHERE], "github").splitlines() == [
        "::error file=a%2Cb%3Ac.yaml,line=1,col=2,title=SE201::100 %25%0A::error::x%0Ahint",
        "::warning file=b.yaml,line=7,col=1,title=SE611::a secret",
        "::error title=SE601::there is no project",
    ]


def test_sarif_names_each_rule_once_and_each_result_by_its_rule() -> None:
    sarif = json.loads(render([UNKNOWN, WARNING, UNKNOWN, NOWHERE], "sarif"))
    assert (sarif["version"], sarif["$schema"]) == ("2.1.0", "https://json.schemastore.org/sarif-2.1.0.json")
    [run] = sarif["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert [each["id"] for each in rules] == ["SE201", "SE601", "SE611"]
    assert all(each["fullDescription"]["text"] and "{" not in each["shortDescription"]["text"] for each in rules)
    assert [rules[each["ruleIndex"]]["id"] for each in run["results"]] == ["SE201", "SE611", "SE201", "SE601"]
    assert [each["level"] for each in run["results"]] == ["error", "warning", "error", "error"]
    assert run["results"][0]["locations"] == [
        {"physicalLocation": {"artifactLocation": {"uri": "a.yaml"}, "region": {"startLine": 2, "startColumn": 10}}}
    ]
    assert "locations" not in run["results"][3]


def test_an_unknown_format_is_refused() -> None:
    assert FORMATS == ("text", "json", "github", "gitlab", "sarif")
    with pytest.raises(ValueError, match="unknown format 'xml'"):
        render([], "xml")


def test_the_page_of_errors_is_written_from_the_table() -> None:
    page = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
    assert page == errors_page(), "write it anew: python -m sync_engine.problems > docs/errors.md"


def test_every_code_explains_itself() -> None:
    for code, entry in CODES.items():
        assert re.fullmatch(r"SE[1-8]\d\d|L\d+", code)
        assert entry.explanation.endswith(".")
        assert not entry.message.endswith(".")
        assert "  " not in entry.message + entry.explanation


def test_every_code_of_files_shapes_and_projects_is_used_by_a_test() -> None:
    tests = "".join(each.read_text(encoding="utf-8") for each in Path(__file__).parents[1].glob("*/test_*.py"))
    mine = [code for code in CODES if code.startswith(("SE1", "SE2", "SE6", "SE9"))]
    assert [code for code in mine if code not in tests] == []


def test_a_problem_without_a_value_for_its_sentence_is_a_programming_error() -> None:
    with pytest.raises(KeyError):
        problem("SE201", key="x")


def _described(schema: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every key that a user can write."""
    if isinstance(schema, list):
        for each in schema:
            yield from _described(each, path)
    if not isinstance(schema, dict):
        return
    for name, each in schema.items():
        if name == "properties" and "if" not in path and "then" not in path:
            for key, described in each.items():
                yield f"{path}/{key}", described
        if name not in ("examples", "errorMessage"):
            yield from _described(each, f"{path}/{name}")


@pytest.mark.parametrize("name", ["catalog", "project", "environment"])
def test_every_key_of_a_schema_is_described_with_examples_that_are_valid(name: str) -> None:
    schema = read_schema(name)
    assert schema["$schema"] == "http://json-schema.org/draft-07/schema#"
    found = dict(_described(schema))
    assert len(found) > 3
    for path, described in found.items():
        assert described.get("description", "").endswith("."), path
        assert described.get("examples"), path
        validator = make_validator({**described, "definitions": schema.get("definitions", {})})
        for example in described["examples"]:
            data = json.loads(json.dumps(example), parse_float=Decimal)
            assert list(violations(data, validator)) == [], (path, example)


def test_every_object_of_a_schema_refuses_unknown_keys() -> None:
    def check(schema: Any, path: str) -> None:
        if isinstance(schema, dict):
            if "properties" in schema and not path.endswith(("then", "if", "connection", "notification", "properties")):
                assert schema.get("additionalProperties") is False, path
            for key, each in schema.items():
                if key != "examples":
                    check(each, f"{path}/{key}")
        elif isinstance(schema, list):
            for each in schema:
                check(each, path)

    check(read_schema("catalog"), "")
    check(read_schema("project"), "")
    for kind in read_schema("project")["definitions"]["notification"]["allOf"]:
        assert kind["then"]["additionalProperties"] is False


def test_the_operators_of_the_schema_are_those_of_the_filter_language() -> None:
    criterion = read_schema("catalog")["definitions"]["criterion"]
    assert set(criterion["properties"]["operator"]["enum"]) == {name for each in OPERATORS.values() for name in each}
    without_value = {name for each in OPERATORS.values() for name, shape in each.items() if shape is Shape.NONE}
    lists = {name for each in OPERATORS.values() for name, shape in each.items() if shape is Shape.TEXTS}
    spans = {
        name for each in OPERATORS.values() for name, shape in each.items() if shape in (Shape.DAYS, Shape.MOMENTS)
    }
    rules = criterion["else"]["allOf"]
    assert [set(each["if"]["properties"]["operator"]["enum"]) for each in rules] == [without_value, lists, spans]
