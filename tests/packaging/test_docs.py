"""What the documentation says is true: its examples are evaluated, its catalogs checked, its links followed."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.journeys.apps import connect_as_app
from tests.reliability import fault_matrix

from sync_engine.cli.main import cli, execute
from sync_engine.documents import Document, parse_document
from sync_engine.expressions import EvaluationFailed, InvalidExpression, compile_expression, compile_template
from sync_engine.expressions.filters import FILTERS, TESTS
from sync_engine.expressions.variables import variable_maker
from sync_engine.sdk.filters import OPERATORS
from sync_engine.sdk.source import Attribute, Kind, Option, SourceSchema, Unit, UnitFamily
from sync_engine.sdk.values import Measurement, Price
from sync_engine_sandbox.pim.app_catalogs import new_catalog
from sync_engine_sandbox.sandbox import DEMO_DATA, DEMO_PROJECT, running

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
EXPRESSIONS = (ROOT / "docs" / "expressions.md").read_text(encoding="utf-8")
LANGUAGE = (ROOT / "docs" / "catalog-language.md").read_text(encoding="utf-8")

WEIGHTS = UnitFamily(
    "Weight",
    "KILOGRAM",
    {"KILOGRAM": Unit("KILOGRAM", "kg", ()), "GRAM": Unit("GRAM", "g", (("mul", Decimal("0.001")),))},
)
TENTS = Option("tents", {"en_US": "Tents", "de_DE": "Zelte"})
MATERIALS = (
    Option("pa66", {"en_US": "Polyamide", "de_DE": "Polyamid"}),
    Option("alu", {"en_US": "Aluminium", "de_DE": "Aluminium"}),
)
SCHEMA = SourceSchema("akeneo", "", {}, {}, (TENTS,), {}, ("en_US", "de_DE"), ("EUR",), {"Weight": WEIGHTS})
ATTRIBUTES = {
    "family": Attribute("family", Kind.FAMILY),
    "materials": Attribute("materials", Kind.MULTISELECT, options=MATERIALS),
    "weight": Attribute("weight", Kind.MEASUREMENT, unit_family="Weight"),
    "price": Attribute("price", Kind.PRICES),
}
CATALOG_KEYS = {"version", "name", "source", "target", "filter", "streams", "safety", "schedule", "log", "tests"}
BASE: Mapping[str, Any] = {
    "version": 1,
    "name": "fragment",
    "source": {"connection": "pim", "channel": "ecommerce", "locales": ["en_US", "de_DE"]},
    "target": {"connection": "crm"},
}
MAPPED: Mapping[str, Any] = {
    "uuid": {"type": "string"},
    "title": {"type": "string"},
    "price": {"type": "object", "properties": {"amount": {"type": "number"}, "currency": {"type": "string"}}},
}
"""The targets of the catalog of the PIM that examples read."""
STREAM: Mapping[str, Any] = {
    "from": "products",
    "to": "Product2",
    "key": {"PIM_Id__c": "uuid"},
    "fields": {"Name": "name"},
}


def tables(text: str) -> Iterator[tuple[list[str], list[list[str]]]]:
    """Every table of a page: head and rows."""
    for block in re.findall(r"(?:^\|.*\|\n)+", text, re.MULTILINE):
        rows = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in block.splitlines()]
        yield rows[0], rows[2:]


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def examples() -> list[tuple[str, str]]:
    found = []
    for head, rows in tables(EXPRESSIONS):
        if head[-1] == "yields":
            found += [(row[-2].strip("`").replace("\\|", "|"), row[-1]) for row in rows]
    return found


def variables() -> dict[str, object]:
    """The record at the top of the page as an expression sees it."""
    document = parse_document(blocks(EXPRESSIONS, "yaml")[0], ROOT / "record.yaml", "record.yaml")
    assert isinstance(document, Document), document
    record: dict[str, Any] = dict(document.data)  # type: ignore[arg-type]
    record["materials"] = tuple(record["materials"])
    record["weight"] = Measurement(record["weight"]["amount"], record["weight"]["unit"])
    record["price"] = tuple(Price(amount, currency) for currency, amount in record["price"].items())
    return {
        name: variable_maker(ATTRIBUTES.get(name, Attribute(name, Kind.TEXT)), SCHEMA, "en_US")(value)
        for name, value in record.items()
    }


def outcome(text: str, *, template: bool) -> str:
    """What the page is to say of an example."""
    try:
        compiled = compile_template(text) if template else compile_expression(text)
    except InvalidExpression as error:
        return f"refused {error.problem.code}"
    known = variables()
    try:
        found = compiled.evaluate({name: known[name] for name in compiled.names})
    except EvaluationFailed as error:
        return f"rejected {error.code}"
    if found is None:
        return "nothing"
    if isinstance(found, Measurement):
        return f"{found.amount} {found.unit}"
    if isinstance(found, bool):
        return str(found).lower()
    return format(found, "f") if isinstance(found, Decimal) else json.dumps(found, ensure_ascii=False)


@pytest.mark.parametrize(("text", "says"), examples())
def test_an_example_yields_what_the_page_says(text: str, says: str) -> None:
    template = "{{" in text and not says.startswith("refused")
    assert outcome(text, template=template) == says


def test_the_page_knows_every_filter_and_every_test() -> None:
    named = {
        each for head, rows in tables(EXPRESSIONS) if head[0] == "filter" for row in rows for each in words(row[0])
    }
    assert named == set(FILTERS)
    line = next(each for each in EXPRESSIONS.splitlines() if each.startswith("Tests after"))
    assert set(re.findall(r"`(\w+)`", line)) - {"is"} == set(TESTS)


def words(cell: str) -> set[str]:
    return {each.split("(")[0] for each in re.findall(r"`([^`]+)`", cell)}


def test_the_page_has_every_operator_of_every_kind() -> None:
    said: dict[str, set[str]] = {}
    kinds: list[str] = []
    for head, rows in tables(LANGUAGE):
        if head[0] == "kind of field":
            for kind, operators, _ in rows:
                kinds = [each.strip() for each in kind.split(",")] if kind else kinds
                for each in kinds:
                    said.setdefault(each, set()).update(re.findall(r"`([^`]+)`", operators))
    assert said == {kind: set(operators) for kind, operators in OPERATORS.items()}


@pytest.fixture(scope="module")
def checked_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with snapshots of the demo's PIM and of an org that has the objects of all examples."""
    folder = tmp_path_factory.mktemp("docs")
    objects: dict[str, dict[str, Any]] = {}
    for path in (ROOT / "catalogs" / "icecat" / "org.json", DEMO_PROJECT / "org.json"):
        for each in json.loads(path.read_text(encoding="utf-8"))["objects"]:
            held = objects.setdefault(each["name"], {**each, "fields": []})
            new = {field["name"] for field in each["fields"]}
            held["fields"] = [field for field in held["fields"] if field["name"] not in new] + each["fields"]
    org = folder / "org.json"
    several = {"multiCurrency": True, "currencies": ["EUR", "USD"]}
    org.write_text(json.dumps({"org": several, "objects": list(objects.values())}), encoding="utf-8")
    project = folder / "project"
    (project / "catalogs").mkdir(parents=True)
    (project / "sync-engine.yaml").write_bytes((DEMO_PROJECT / "sync-engine.yaml").read_bytes())
    streams = {
        f"s{number}": {**STREAM, "to": name, "key": {objects[name]["fields"][0]["name"]: "uuid"}}
        for number, name in enumerate(objects)
    }
    streams["prices"] = {
        **STREAM,
        "to": "PricebookEntry",
        "key": {"CurrencyIsoCode": "sku", "UseStandardPrice": "enabled"},
    }
    write(project, {**BASE, "streams": streams})
    reading = {
        **BASE,
        "name": "mapped",
        "source": {**BASE["source"], "catalog": "Store US"},
        "streams": {"mapped": {**STREAM, "from": "mapped_products", "fields": {"Name": "title"}}},
    }
    connect_as_app(project)
    with running(DEMO_DATA, org) as sandbox, pytest.MonkeyPatch.context() as patch:
        for name, value in sandbox.environment.items():
            patch.setenv(name, value)
        new_catalog(sandbox.pim, "Store US", [], [])["_schema"] = {"properties": MAPPED}
        write(project, reading, "mapped.yaml")
        assert execute(["--project", str(project), "snapshot"]) == 0
        (project / "catalogs" / "mapped.yaml").unlink()
    return project


def write(project: Path, catalog: Mapping[str, Any], name: str = "example.yaml") -> None:
    text = json.dumps(catalog)  # which is YAML, too
    (project / "catalogs" / name).write_text(text, encoding="utf-8")


def catalogs() -> list[Any]:
    """Each YAML block of the documentation that is a catalog, a part of one, or a project."""
    return [
        pytest.param(block, id=f"{page.relative_to(ROOT)}-{number}")
        for page in PAGES
        for number, block in enumerate(blocks(page.read_text(encoding="utf-8"), "yaml"))
        if not block.startswith("# the record")
    ]


@pytest.mark.parametrize("block", catalogs())
def test_a_yaml_block_is_valid(block: str, checked_project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    project_file = checked_project / "sync-engine.yaml"
    catalog_file = checked_project / "catalogs" / "example.yaml"
    project = (DEMO_PROJECT / "sync-engine.yaml").read_text(encoding="utf-8")
    if block.startswith("# environments/"):
        check_environment(block, checked_project)
        return
    data = yaml.safe_load(block)
    keys = set(data)
    if "Name" not in data.get("fields", {"Name": ""}):  # which the target requires
        block = block.replace("fields:\n", "fields:\n  Name: name\n")
    if "connections" in keys:
        project = block
        write(checked_project, {**BASE, "streams": {"products": STREAM}})
    elif keys >= {"version", "streams"}:
        catalog_file.write_text(block, encoding="utf-8")
    elif keys <= CATALOG_KEYS:
        catalog_file.write_text(f"{part(BASE, keys)}{part({'streams': {'products': STREAM}}, keys)}{block}", "utf-8")
    else:  # keys of a stream
        head = part({**BASE, "streams": {}}, {"streams"})
        body = part(STREAM, keys) + block
        indented = "".join(f"    {line}" for line in body.splitlines(keepends=True))
        catalog_file.write_text(f"{head}streams:\n  products:\n{indented}", encoding="utf-8")
    project_file.write_text(project, encoding="utf-8")
    assert execute(["--project", str(checked_project), "validate"]) == 0, capsys.readouterr().out
    if "tests" in keys:
        assert execute(["--project", str(checked_project), "test"]) == 0, capsys.readouterr().out


def check_environment(block: str, project: Path) -> None:
    path = project / block.splitlines()[0].removeprefix("# ")
    path.parent.mkdir(exist_ok=True)
    (project / "sync-engine.yaml").write_bytes((DEMO_PROJECT / "sync-engine.yaml").read_bytes())
    write(project, {**BASE, "streams": {"products": STREAM}})
    path.write_text(block, encoding="utf-8")
    assert execute(["--project", str(project), "--env", path.stem, "validate"]) == 0
    path.unlink()


def part(data: Mapping[str, Any], without: set[str]) -> str:
    """The entries of a mapping as YAML, but for those that the example itself has."""
    return "".join(f"{key}: {json.dumps(value)}\n" for key, value in data.items() if key not in without)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_links_of_a_page_lead_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if "://" in link:
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name) if name else page
        assert target.exists(), link
        if anchor:
            assert anchor in anchors(target.read_text(encoding="utf-8")), link


def anchors(text: str) -> set[str]:
    """The anchors that headings get."""
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_commands_of_a_page_exist_with_their_options(page: Path) -> None:
    import click

    context = click.Context(cli)
    for line in re.findall(r"(?:^\$ |`)sync-engine ([a-z][^`\n>&|]*)", page.read_text(encoding="utf-8"), re.MULTILINE):
        name, *arguments = line.split()
        command = cli.get_command(context, name)
        assert command is not None, line
        if isinstance(command, click.Group) and arguments:
            command = command.get_command(context, arguments[0])
            assert command is not None, line
        known = {option for each in command.params for option in each.opts} | {"--help"}
        assert {each.partition("=")[0] for each in arguments if each.startswith("--")} <= known, line


VOLATILE = re.compile(r"[0-9a-f]{64}|[0-9]{8}-[0-9]{6}-[0-9a-f]{6}|01t[0-9A-Za-z]{15}|[0-9,]+ requests")


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("curl") is None, reason="the tutorial changes the PIM with curl")
def test_the_tutorial_works_word_by_word(tmp_path: Path) -> None:
    section = (ROOT / "README.md").read_text(encoding="utf-8").split("\n## Tutorial")[1].split("\n## ")[0]
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / ".venv" / "bin" / "activate").touch()
    script, expected = tutorial(section)
    with running() as sandbox:
        variables = (f"export {name}={shlex.quote(value)}\n" for name, value in sandbox.environment.items())
        (tmp_path / "sandbox.env").write_text("".join(variables), encoding="utf-8")
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        done = subprocess.run(
            ["bash", "-c", script],
            cwd=tmp_path,
            env={"PATH": path, "LANG": "C.UTF-8", "HOME": str(tmp_path)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
            check=False,
        )
    printed = done.stdout.split(MARK)[1:]
    assert len(printed) == len(expected)
    for (_, lines), output in zip(expected, printed, strict=True):
        assert_in_order(lines, output)


def assert_in_order(lines: list[str], output: str) -> None:
    """Each line is printed, in this order; a line may be cut by ``…``, and ids and digests differ from run to run."""
    rest = iter(VOLATILE.sub("~", output).splitlines())
    for line in lines:
        wanted = VOLATILE.sub("~", line)
        head, more, _ = (wanted, "", "") if wanted.lstrip().startswith("…") else wanted.partition("…")
        found = any(each.startswith(head) if more else each == wanted for each in rest)
        assert found, f"{line!r} is not in its place in\n{output}"


@pytest.mark.slow
def test_the_demo_prints_what_the_readme_shows(tmp_path: Path) -> None:
    shown = blocks((ROOT / "README.md").read_text(encoding="utf-8"), "console")[0]
    done = subprocess.run(
        [sys.executable, "-m", "sync_engine", "demo", "--folder", str(tmp_path / "demo")],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert_in_order([line for line in shown.splitlines() if line.strip() != "…"], done.stdout)


MARK = "@@@ next command\n"


def tutorial(section: str) -> tuple[str, list[tuple[str, list[str]]]]:
    """The tutorial as a shell script that marks each command's output, and what each command should print."""
    script: list[str] = []
    expected: list[tuple[str, list[str]]] = []
    file = "catalogs/products.yaml"
    for language, block in re.findall(r"^```(\w+)\n(.*?)^```", section, re.MULTILINE | re.DOTALL):
        if language == "yaml":
            script.append(f"cat > {file} <<'END'\n{block}END")
        elif language == "diff":
            before, after = (
                "\n".join(line[1:] for line in block.splitlines() if line.startswith(sign)) for sign in "-+"
            )
            code = f"import pathlib; p = pathlib.Path({file!r}); t = p.read_text(); assert {before!r} in t; "
            script.append(f"python3 -c {shlex.quote(code + f'p.write_text(t.replace({before!r}, {after!r}))')}")
        elif language == "sh":
            script.append(block)
        else:
            for line in block.splitlines():
                if line.startswith("$ "):
                    command = line.removeprefix("$ ")
                    expected.append((command, []))
                    run = ":" if command.startswith("sync-engine sandbox") else command
                    script.append(f"printf %s {shlex.quote(MARK)}\n{run}")
                elif line.strip() and line != "…":
                    expected[-1][1].append(line)
    return "\n".join(script), expected


def test_the_matrix_of_faults_is_the_one_that_is_tested() -> None:
    written = (ROOT / "docs" / "fault-matrix.md").read_text(encoding="utf-8").splitlines()
    assert written == list(fault_matrix.page()), "python -m tests.reliability.fault_matrix > docs/fault-matrix.md"
