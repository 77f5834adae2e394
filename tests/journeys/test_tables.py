"""Table attributes: as one text, and as rows of their own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.journeys.conftest import Project
from tests.journeys.small import KEY, PROJECT_FILE, Json

from sync_engine_sandbox.sandbox import DEMO_DATA, Sandbox, running

OBJECTS: list[Json] = [
    {
        "name": "Item__c",
        "fields": [
            KEY,
            {"name": "Json__c", "type": "longtextarea", "length": 4000},
            {"name": "Html__c", "type": "richtextarea", "length": 8000},
            {"name": "Labels__c", "type": "richtextarea", "length": 8000},
            {"name": "Ready__c", "type": "boolean"},
        ],
    },
    {
        "name": "Part__c",
        "fields": [
            KEY,
            {"name": "Item__c", "type": "reference", "references": ["Item__c"], "relationship": "Item__r"},
            {"name": "Part__c", "type": "string", "length": 80},
            {"name": "Label__c", "type": "string", "length": 80},
            {"name": "Quantity__c", "type": "double", "precision": 8, "scale": 0},
            {"name": "Length_cm__c", "type": "double", "precision": 8, "scale": 1},
        ],
    },
]
ITEMS: Json = {
    "from": "products",
    "filter": [{"field": "components", "operator": "NOT EMPTY"}],
    "to": "Item__c",
    "key": {"Key__c": "uuid"},
    "fields": {
        "Name": "sku",
        "Json__c": {"value": "components", "table": "json"},
        "Html__c": {"value": "components", "table": "html"},
        "Labels__c": {"value": "components", "table": "html", "labels": True, "locale": "de_DE"},
    },
}
PARTS: Json = {
    "from": "products",
    "for_each": {"table_row": ["components"]},
    "to": "Part__c",
    "key": {"Key__c": "{{ uuid }}-{{ row_code }}"},
    "fields": {
        "Name": {"template": "{{ sku }} {{ row_code }}", "truncate": 80},
        "Item__c": {"lookup": "items", "value": "uuid"},
        "Part__c": {"expression": "row.part"},
        "Quantity__c": {"expression": "row.quantity"},
        "Length_cm__c": {"expression": "row.length and row.length | unit('CENTIMETER')", "round": 1},
        "Label__c": {"expression": "row.part | label"},
    },
    "on_missing": "delete",
}


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    org = tmp_path / "org.json"
    org.write_text(json.dumps({"objects": OBJECTS}), encoding="utf-8")
    with running(DEMO_DATA, org) as made:
        yield made


@pytest.fixture
def project(tmp_path: Path, sandbox: Sandbox) -> Project:
    folder = tmp_path / "project"
    (folder / "catalogs").mkdir(parents=True)
    (folder / "sync-engine.yaml").write_bytes(PROJECT_FILE.read_bytes())
    write(folder, {"items": ITEMS, "parts": PARTS})
    return Project(folder, sandbox.environment)


def write(folder: Path, streams: Json) -> None:
    source = {"connection": "pim", "channel": "ecommerce", "locales": ["en_US", "de_DE"]}
    document = {"version": 1, "name": "tables", "source": source, "target": {"connection": "crm"}, "streams": streams}
    (folder / "catalogs" / "tables.yaml").write_text(json.dumps({**document, "safety": {"max_delete_percent": 100}}))


CENTIMETERS = {"CENTIMETER": 1, "METER": 100, "MILLIMETER": 0.1}
LABELS = {
    option["code"]: option["labels"]
    for line in (DEMO_DATA / "attributes.jsonl").read_text(encoding="utf-8").splitlines()
    for attribute in [json.loads(line)]
    if attribute["code"] == "components"
    for option in attribute["table_configuration"][0]["options"]
}


def tables() -> dict[str, list[dict[str, Any]]]:
    """The rows of each product that has the table."""
    lines = (DEMO_DATA / "products.jsonl").read_text(encoding="utf-8").splitlines()
    products = [json.loads(line) for line in lines]
    return {
        each["uuid"]: each["values"]["components"][0]["data"] for each in products if each["values"].get("components")
    }


def test_a_table_becomes_json_html_and_rows(project: Project, sandbox: Sandbox) -> None:
    project.run("apply", "--yes")
    held = {row["Key__c"]: row for row in sandbox.org.rows("Item__c")}
    expected = tables()
    assert len(expected) > 3
    assert held.keys() == expected.keys()
    for uuid, rows in expected.items():
        found = json.loads(held[uuid]["Json__c"])
        assert [row["part"] for row in found] == [row["part"] for row in rows]
        assert [row.get("quantity") for row in found] == [
            int(row["quantity"]) if "quantity" in row else None for row in rows
        ]
        html = held[uuid]["Html__c"]
        assert html.startswith("<table><thead><tr><th>part</th>")
        assert html.count("<tr>") == len(rows) + 1
        german = held[uuid]["Labels__c"]
        assert german.startswith("<table><thead><tr><th>Teil</th>")
        assert all(f"<td>{LABELS[row['part']]['de_DE']}</td>" in german for row in rows)
    parts = {
        row["Key__c"]: (row["Part__c"], row["Label__c"], row.get("Quantity__c"), row.get("Length_cm__c"))
        for row in sandbox.org.rows("Part__c")
    }
    assert parts == {
        f"{uuid}-{row['part']}": (
            row["part"],
            LABELS[row["part"]]["en_US"],
            float(row["quantity"]) if "quantity" in row else None,
            float(row["length"]["amount"]) * CENTIMETERS[row["length"]["unit"]] if "length" in row else None,
        )
        for uuid, rows in expected.items()
        for row in rows
    }
    assert any(each[3] for each in parts.values())
    (plan,) = project.run("plan", "--format", "json").data["catalogs"]
    assert not any(plan["summary"][name] for name in ("create", "update", "delete", "rejected"))


def test_a_row_that_is_taken_out_of_the_table_is_deleted_alone(project: Project, sandbox: Sandbox) -> None:
    project.run("apply", "--yes")
    uuid, rows = next(iter(tables().items()))
    values = sandbox.pim.products.by_key[uuid]["values"]
    fewer = [{"locale": None, "scope": None, "data": rows[1:]}]
    sandbox.pim.edit_product(uuid, values={**values, "components": fewer})
    (plan,) = project.run("plan", "--format", "json").data["catalogs"]
    changes = {each["name"]: each["changes"] for each in plan["streams"]}
    assert [(each["operation"], each["key"]) for each in changes["parts"]] == [("delete", f"{uuid}-{rows[0]['part']}")]
    assert [each["key"] for each in changes["items"]] == [uuid]


@pytest.mark.parametrize(
    ("mapping", "code"),
    [
        ({"Ready__c": "components"}, "SE309"),
        ({"Json__c": "components"}, "SE309"),
        ({"Ready__c": {"value": "components", "table": "json"}}, "SE309"),
        ({"Json__c": {"value": "name", "table": "json"}}, "SE316"),
    ],
)
def test_a_table_goes_where_text_goes_and_only_as_one(project: Project, mapping: Json, code: str) -> None:
    write(project.folder, {"items": {**ITEMS, "fields": {"Name": "sku", **mapping}}})
    said = project.run("plan", code=3).err
    assert code in said
    assert "catalogs/tables.yaml:1:" in said


# An expression, and what is said of it.
PARTLESS = {
    "row.nope": ("`row` has no part `nope`", "Did you mean `note`?"),
    "price.EUR ~ price.CHF": ("`price` has no part `CHF`", "There are: `EUR`, `GBP`, `USD`."),
    "weight.unit ~ weight.amuont": ("`weight` has no part `amuont`", "Did you mean `amount`?"),
}


@pytest.mark.parametrize("expression", PARTLESS)
def test_a_part_that_no_value_can_have_is_refused_and_not_empty(project: Project, expression: str) -> None:
    fields = {**PARTS["fields"], "Part__c": {"expression": expression}}
    write(project.folder, {"items": ITEMS, "parts": {**PARTS, "fields": fields}})
    problem = project.run("validate", "--live", "--format", "json", code=3).data["problems"][-1]
    assert (problem["code"], (problem["message"], problem["hint"])) == ("SE369", PARTLESS[expression])
