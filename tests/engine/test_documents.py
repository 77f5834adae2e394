"""Bytes → plain data with places; every trap of YAML is refused with its position."""

from __future__ import annotations

import os
import time
from decimal import Decimal
from pathlib import Path

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.engine.catalog_project import parsed, short

from sync_engine.documents import Document, load_document, parse_document
from sync_engine.sdk.problem import Origin, Problem


def problems_of(text: str) -> list[Problem]:
    found = parse_document(text, "x.yaml")
    return list(found.problems) if isinstance(found, Document) else found


@pytest.mark.parametrize(
    ("written", "value"),
    [
        *((text, text) for text in ("no", "No", "NO", "on", "off", "yes", "y", "n")),
        *(
            (text, text)
            for text in ("012", "-012", "00", "1_000", "1:30", "2024-01-01", "2024-01-01 10:00:00", "1.2.3")
        ),
        *((text, text) for text in ("1e", "12E4x", "0x", ".", "+", "_1", "<", "=", "a b")),
        *((text, True) for text in ("true", "True", "TRUE")),
        *((text, False) for text in ("false", "False", "FALSE")),
        *((text, None) for text in ("null", "Null", "NULL", "~", "")),
        ("0", 0),
        ("-12", -12),
        ("0.10", Decimal("0.10")),
        ("-1.5", Decimal("-1.5")),
        ('"12"', "12"),
        ("'true'", "true"),
        ('"<<"', "<<"),
        ("|\n  a\n  b\n", "a\nb\n"),
    ],
)
def test_a_scalar_means_what_it_looks_like(written: str, value: object) -> None:
    data = parsed(f"key: {written}").data
    assert data == {"key": value}
    assert isinstance(data, dict)
    assert type(data["key"]) is type(value)


@pytest.mark.parametrize(
    "written",
    ["1e3", "12E4", "0x1F", "0o14", "+5", ".5", "5.", ".inf", "-.INF", ".nan", "1.5e-3", "9" * 39, "0." + "1" * 40],
)
def test_a_scalar_that_may_be_a_number_or_a_text_is_refused_with_advice_to_quote_it(written: str) -> None:
    [problem] = problems_of(f"key: [a, {written}]")
    assert (problem.code, problem.origin) == ("SE116", Origin("x.yaml", 1, 10))
    assert f'"{written}"' in problem.hint


def test_every_value_and_every_key_has_its_place() -> None:
    document = parsed(
        """
        name: shop
        list:
          - a
          - {b: 1, "c": [x]}
        """
    )
    places = {
        (): (1, 1),
        ("name",): (1, 7),
        ("list", 0): (3, 5),
        ("list", 1, "b"): (4, 9),
        ("list", 1, "c", 0): (4, 18),
    }
    assert {pointer: (document.origin(pointer).line, document.origin(pointer).column) for pointer in places} == places
    assert document.key_origin(("list", 1, "c")) == Origin("x.yaml", 4, 12)
    assert document.key_origin(("list", 0)) == Origin("x.yaml", 3, 5)
    assert document.origin(("list", 1, "not written", "at all")) == document.origin(("list", 1))


BOMB = "a: &a [x,x]\nb: &b [*a,*a]\nc: [*b,*b]\n"
MERGE_BOMB = "a: &a {k: 1}\nb: {<<: [*a, *a]}\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (BOMB, ["SE110 1:4", "SE110 2:4", "SE110 2:8", "SE110 2:11", "SE110 3:5", "SE110 3:8"]),
        (MERGE_BOMB, ["SE110 1:4", "SE112 2:5", "SE110 2:10", "SE110 2:14"]),
        ("a: &x [*x]", ["SE110 1:4", "SE110 1:8"]),
        ("a: 1\nb: 2\na: 3\n", ["SE113 3:1"]),
        ("a: 1\n'a': 3\n", ["SE113 2:1"]),
        ("<<: {a: 1}", ["SE112 1:1"]),
        ("a: !!python/object/apply:os.system ['id']", ["SE111 1:4"]),
        (
            "a: !!binary aGk=\nb: !!set {x}\nc: !!timestamp 2024-01-01\nd: !x y\ne: ! z",
            [f"SE111 {n}:4" for n in range(1, 6)],
        ),
        ("1: a", ["SE114 1:1"]),
        ("true: a\nnull: b\n? [c]\n: d\n? {e: f}\n: g\n", ["SE114 1:1", "SE114 2:1", "SE114 3:3", "SE114 5:3"]),
        ("a: 1\n---\nb: 2\n", ["SE109 2:1"]),
        ("%YAML 1.1\n---\na: 1\n", ["SE117 1:1"]),
        ("[" * 3000, ["SE115 1:51"]),
        ("- " * 3000, ["SE115 1:101"]),
        ("a: " + "{a: " * 60, ["SE115 1:197"]),
        ("[" + "a," * 31_000 + "]", ["SE118 1:60000"]),
        ("", ["SE108 1:1"]),
        ("# nothing\n", ["SE108 1:1"]),
        ("~", ["SE108 1:1"]),
        ("a: \u202egnp.exe", ["SE106 1:4"]),
        ("a: b\x00", ["SE106 1:5"]),
        ("a: b\nc: \x1b[2J", ["SE106 2:4"]),
        ("a: \ufeffb", ["SE106 1:4"]),
        ("a: b\u2028c: d", ["SE106 1:5"]),
        ('a: "\\0"\nb: "\\u202e"', ["SE106 1:4", "SE106 2:4"]),
        ("a: [1\nb: 2", ["SE107 2:2"]),
        ("a: b: c", ["SE107 1:5"]),
        ("a:\n\tb: 1", ["SE107 2:1"]),
        ("a: 'b", ["SE107 1:6"]),
        ("a: *", ["SE107 1:5"]),
    ],
)
def test_a_trap_is_refused_at_its_place(text: str, expected: list[str]) -> None:
    assert short(problems_of(text)) == expected


def test_a_key_written_twice_names_both_places_and_keeps_the_first() -> None:
    document = parse_document("a: first\nb:\n  c: 1\n  c: 2\na: second\n", "x.yaml")
    assert isinstance(document, Document)
    assert [each.message for each in document.problems] == [
        "the key `c` is written twice; the first one is in line 3, column 3",
        "the key `a` is written twice; the first one is in line 1, column 1",
    ]
    assert document.data == {"a": "first", "b": {"c": 1}}
    assert document.origin(("a",)) == Origin("x.yaml", 1, 4)


def test_a_tab_in_the_indentation_is_named() -> None:
    [problem] = problems_of("a:\n\tb: 1")
    assert "a tab stands where only spaces may" in problem.message
    assert problem.hint == "Indent with spaces."


def test_the_marks_of_a_merge_are_named() -> None:
    [problem] = problems_of("a: 1\n<<<<<<< HEAD\nb: 2\n=======\nb: 3\n>>>>>>> other\n")
    assert problem.hint.startswith("Line 2 is a mark of a merge")


def test_the_parsers_in_c_and_in_python_see_the_same_document(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "a: [1, 'b', {c: d}]\ne: |\n  text\n\nf: ä€😀x\ng: 'é'\n"
    fast = parsed(text)
    monkeypatch.setattr("sync_engine.documents.parsing._LOADER", yaml.SafeLoader)
    slow = parsed(text)
    assert (fast.data, fast.places, fast.key_places) == (slow.data, slow.places, slow.key_places)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"\xef\xbb\xbfa: 1\n", []),
        (b"a: 1\nb: caf\xe9\n", ["SE105 2:7"]),
        ("a: 1".encode("utf-16"), ["SE105 1:1"]),
        (b"a: \xed\xa0\x80", ["SE105 1:4"]),
        (b"a: x\n" + b"#" * 1_000_000, ["SE104 0:0"]),
    ],
)
def test_a_file_is_utf_8_of_at_most_1_mb(content: bytes, expected: list[str], tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_bytes(content)
    found = load_document(path, "x.yaml")
    assert short(found if isinstance(found, list) else found.problems) == expected


def test_only_regular_files_inside_the_project_are_read(tmp_path: Path) -> None:
    root = tmp_path / "project"
    root.mkdir()
    outside = tmp_path / "secret.yaml"
    outside.write_text("password: hunter2\n")
    (root / "inside.yaml").write_text("a: 1\n")
    (root / "link.yaml").symlink_to(root / "inside.yaml")
    (root / "leaving.yaml").symlink_to(outside)
    (root / "dangling.yaml").symlink_to(root / "nothing.yaml")
    (root / "loop.yaml").symlink_to(root / "loop.yaml")
    (root / "folder.yaml").mkdir()
    os.mkfifo(root / "pipe.yaml")
    found = {
        name: load_document(root / name, name, root=root)
        for name in (
            *("inside.yaml", "link.yaml", "leaving.yaml", "../secret.yaml", "dangling.yaml"),
            *("loop.yaml", "folder.yaml", "pipe.yaml", "missing.yaml", "nul\0.yaml"),
        )
    }
    codes = {name: each[0].code if isinstance(each, list) else "read" for name, each in found.items()}
    assert codes == {
        "inside.yaml": "read",
        "link.yaml": "read",
        "leaving.yaml": "SE103",
        "../secret.yaml": "SE103",
        "dangling.yaml": "SE101",
        "loop.yaml": "SE101",
        "folder.yaml": "SE102",
        "pipe.yaml": "SE102",
        "missing.yaml": "SE101",
        "nul\0.yaml": "SE101",
    }
    assert "hunter2" not in repr(load_document(outside, "secret.yaml"))


_MARKS = ["\n", "\n  ", ": ", "- ", "? ", "&x ", "!!str ", "<<: ", "%YAML 1.2\n", "\t", "\ufeff", "\x00", "\u202e"]
_WORDS = [
    "a",
    "b:",
    "[",
    "]",
    "{",
    "}",
    ",",
    "*x",
    "'",
    '"',
    "|",
    ">",
    "#",
    "---",
    "...",
    "\\x",
    "012",
    "1e3",
    "~",
    "é",
]
_FRAGMENTS = st.lists(st.sampled_from(_MARKS + _WORDS), max_size=60).map(lambda parts: "".join(parts).encode())


@settings(max_examples=300, deadline=1000)
@given(content=st.one_of(st.binary(max_size=300), _FRAGMENTS))
@example(content=b"\xff\xfe")
@example(content=b"!<tag:yaml.org,2002:str> a")
@example(content=b'"\\ud800"')
@example(content=b"a: \xf4\x90\x80\x80")
def test_no_bytes_crash_or_hang(content: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / "fuzz.yaml"
    path.write_bytes(content)
    found = load_document(path, "fuzz.yaml")
    problems = found if isinstance(found, list) else found.problems
    assert isinstance(found, Document) or problems
    assert all(each.origin.file == "fuzz.yaml" for each in problems)


@pytest.mark.parametrize(
    "text",
    [
        "a: [" + "a," * 499_990,
        "a: 1\n" * 199_990,
        "a: [" + "*a," * 330_000,
        "".join(f"k{n}: 1\n" for n in range(90_000)),
        "[" * 999_990,
        "- " * 499_990,
        "a: " * 300_000,
        "? " * 490_000,
        "{" * 999_990,
        "&a " * 300_000,
        "'" * 999_990,
    ],
    ids=[
        "values",
        "duplicates",
        "aliases",
        "mapping",
        "brackets",
        "dashes",
        "keys",
        "questions",
        "braces",
        "anchors",
        "quotes",
    ],
)
def test_no_large_file_hangs(text: str) -> None:
    start = time.process_time()
    parse_document(text, "x.yaml")
    assert time.process_time() - start < 10, "usually well under one second; a bomb would take minutes"
