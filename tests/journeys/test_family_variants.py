"""Family variants as records, and a row for each of their axes, on the demo's data."""

from __future__ import annotations

import json
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.journeys.conftest import NewProject, Project

from sync_engine_sandbox.sandbox import DEMO_DATA, DEMO_PROJECT, Sandbox, running

KEY = {"name": "Key__c", "type": "string", "length": 200, "externalId": True, "unique": True}
ORG = [
    {
        "name": "Set__c",
        "fields": [
            KEY,
            {"name": "Label__c", "type": "string", "length": 100},
            {"name": "Family__c", "type": "string", "length": 100},
            {"name": "Axes__c", "type": "string", "length": 255},
            {"name": "Levels__c", "type": "int"},
        ],
    },
    {
        "name": "Axis__c",
        "fields": [
            KEY,
            {"name": "Set__c", "type": "reference", "references": ["Set__c"], "required": True},
            {"name": "Label__c", "type": "string", "length": 100},
            {"name": "Position__c", "type": "int"},
        ],
    },
    {
        "name": "Model__c",
        "fields": [KEY, {"name": "Set__c", "type": "reference", "references": ["Set__c"], "required": True}],
    },
]
CATALOG = """
version: 1
name: sets
source: {connection: pim, channel: ecommerce, locales: [de_DE, en_US]}
target: {connection: crm}
filter: [{field: family, operator: IN, value: [drinkware, jackets, shoes]}]
streams:
  axes:
    from: family_variants
    for_each: axis
    to: Axis__c
    key: {Key__c: "{{ code }}-{{ axis }}"}
    fields:
      Set__c: {lookup: sets, value: code}
      Label__c: {value: axis, labels: true}
      Position__c: position
    on_missing: delete
  sets:
    from: family_variants
    to: Set__c
    key: {Key__c: code}
    fields:
      Label__c: {expression: "label or code"}
      Family__c: {value: family, labels: true}
      Axes__c: {value: axes, labels: true, join: ", "}
      Levels__c: levels
    on_missing: delete
  models:
    from: product_models
    to: Model__c
    key: {Key__c: code}
    fields: {Set__c: {lookup: sets, value: family_variant}}
"""
FAMILIES = ("drinkware", "jackets", "shoes")


@dataclass(frozen=True)
class Sets:
    project: Project
    sandbox: Sandbox

    def apply(self, *options: str) -> None:
        self.project.run("apply", "sets", "--yes", *options)

    def changes(self, *options: str) -> dict[str, set[tuple[str, str, tuple[str, ...]]]]:
        """By stream: operation, key and changed fields of every change of a plan."""
        (catalog,) = self.project.run("plan", "sets", "--format", "json", *options).data["catalogs"]
        return {
            stream["name"]: {
                (each["operation"], each["key"], tuple(field["field"] for field in each["fields"]))
                for each in stream["changes"]
            }
            for stream in catalog["streams"]
            if stream["changes"]
        }

    def edit(self, *table: str, code: str, **properties: Any) -> None:
        row = self.sandbox.pim.table(*table)[code]
        self.sandbox.pim.put_row(table, {**deepcopy(row), **properties})


@pytest.fixture
def sets(tmp_path: Path, new_project: NewProject) -> Iterator[Sets]:
    (tmp_path / "org.json").write_text(json.dumps({"objects": ORG}), encoding="utf-8")
    with running(DEMO_DATA, tmp_path / "org.json") as sandbox:
        project = new_project(DEMO_PROJECT, sandbox)
        for each in (project.folder / "catalogs").iterdir():
            each.unlink()
        (project.folder / "catalogs" / "sets.yaml").write_text(CATALOG, encoding="utf-8")
        yield Sets(project, sandbox)


def lines(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (DEMO_DATA / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()]


def axes(variant: dict[str, Any]) -> list[str]:
    return [axis for level in variant["variant_attribute_sets"] for axis in level["axes"]]


def test_every_variant_axis_and_model_is_what_the_pim_holds_and_follows_it(sets: Sets) -> None:
    sets.apply()
    variants = [each for each in lines("family-variants") if each["_family"] in FAMILIES]
    german = {each["code"]: each["labels"]["de_DE"] for each in (*lines("attributes"), *lines("families"))}
    keys = {row["Id"]: row["Key__c"] for row in sets.sandbox.org.rows("Set__c")}
    assert {
        (row["Key__c"], row["Label__c"], row["Family__c"], row["Axes__c"], row["Levels__c"])
        for row in sets.sandbox.org.rows("Set__c")
    } == {
        (
            each["code"],
            each["labels"]["de_DE"],
            german[each["_family"]],
            ", ".join(german[axis] for axis in axes(each)),
            len(each["variant_attribute_sets"]),
        )
        for each in variants
    }
    assert {
        (keys[row["Set__c"]], row["Key__c"], row["Label__c"], row["Position__c"])
        for row in sets.sandbox.org.rows("Axis__c")
    } == {
        (each["code"], f"{each['code']}-{axis}", german[axis], position)
        for each in variants
        for position, axis in enumerate(axes(each), start=1)
    }
    assert {len(each["variant_attribute_sets"]) for each in variants} == {1, 2}
    assert {row["Key__c"]: keys[row["Set__c"]] for row in sets.sandbox.org.rows("Model__c")} == {
        each["code"]: each["family_variant"] for each in lines("product-models") if each["family"] in FAMILIES
    }
    assert sets.changes() == {}

    sets.edit("family-variants", "shoes", code="shoes_size", labels={"de_DE": "Nur nach Größe"})
    assert sets.changes() == {"sets": {("update", "shoes_size", ("Label__c",))}}
    sets.apply()
    label = {"de_DE": "Inhalt"}
    sets.edit("attributes", code="volume", labels=label)
    drinkware = "drinkware_color_volume"
    expected = {
        "sets": {("update", drinkware, ("Axes__c",))},
        "axes": {("update", f"{drinkware}-volume", ("Label__c",))},
    }
    assert sets.changes() == expected
    assert sets.changes("--changed") == expected, "family variants are always read as a whole"
    sets.apply()
    levels = [{"level": 1, "axes": ["volume", "color"], "attributes": ["volume", "color"]}]
    sets.edit("family-variants", "drinkware", code=drinkware, variant_attribute_sets=levels)
    assert sets.changes() == {
        "sets": {("update", drinkware, ("Axes__c",))},
        "axes": {("update", f"{drinkware}-{axis}", ("Position__c",)) for axis in ("volume", "color")},
    }
    sets.apply()
    sets.sandbox.pim.delete_row(("family-variants", "shoes"), "shoes_size")
    found = sets.changes()
    assert {stream: {each[:2] for each in changes} for stream, changes in found.items()} == {
        "axes": {("delete", "shoes_size-shoe_size")},
        "sets": {("delete", "shoes_size")},
    }


def test_they_can_be_looked_at_and_their_properties_are_listed(sets: Sets) -> None:
    found = sets.project.run("attributes", "--collection", "family_variants", "--live", "--json").data["attributes"]
    assert [each["code"] for each in found[:5]] == ["code", "family", "label", "axes", "levels"]
    previewed = sets.project.run("preview", "sets", "--key", "jackets_color_size", "--format", "json").data
    shown = {stream["name"]: stream["records"] for stream in previewed["streams"]}
    assert [row["key"] for row in shown["axes"]] == ["jackets_color_size-color", "jackets_color_size-size"]
    explained = sets.project.run("explain", "sets", "jackets_color_size").out
    assert "jackets_color_size of family_variants → Set__c by Key__c" in explained
    assert "✓ family IN" in explained


def test_only_what_has_axes_is_exploded_by_them(sets: Sets) -> None:
    sets.project.edit(
        "catalogs/sets.yaml", ("from: family_variants\n    for_each: axis", "from: categories\n    for_each: axis")
    )
    found = sets.project.run("validate", "--live", "--format", "json", code=3).data["problems"]
    assert "SE325" in {each["code"] for each in found}
