from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from sync_engine_sandbox.crm.objects import load_objects

SANDBOX = Path(__file__).parents[3] / "plugins" / "sandbox" / "sync_engine_sandbox"
PROJECT = SANDBOX / "demo_project"
PROPERTIES = {"uuid", "code", "family", "parent", "axes", "enabled"}


@cache
def catalog() -> dict[str, Any]:
    return dict(yaml.safe_load((PROJECT / "catalogs" / "outdoor.yaml").read_text(encoding="utf-8")))


def rows(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (SANDBOX / "demo_data" / f"{name}.jsonl").read_bytes().splitlines()]


def english(labelled: list[dict[str, Any]]) -> set[str]:
    return {row["labels"]["en_US"] for row in labelled}


@pytest.mark.parametrize("stream", ["models", "products"])
def test_every_mapped_field_exists_in_the_demo_org(stream: str) -> None:
    product = next(item for item in load_objects(PROJECT / "org.json").objects if item.name == "Product2")
    written = catalog()["streams"][stream]
    for name in [*written["key"], *written["fields"]]:
        assert product.field(name) is not None, name


def test_every_custom_field_of_the_demo_org_is_used() -> None:
    fields = json.loads((PROJECT / "org.json").read_text(encoding="utf-8"))["objects"][0]["fields"]
    used = {name for stream in catalog()["streams"].values() for name in [*stream["key"], *stream["fields"]]}
    assert {field["name"] for field in fields} <= used


@pytest.mark.parametrize("stream", ["models", "products"])
def test_every_mapped_code_exists_in_the_demo_data(stream: str) -> None:
    attributes = {row["code"] for row in rows("attributes")}
    mappings = catalog()["streams"][stream]["fields"].values()
    codes = {each if isinstance(each, str) else each.get("value") for each in mappings} - {None}
    assert codes <= attributes | PROPERTIES


def test_picklists_hold_the_labels_of_everything_that_the_catalog_sends() -> None:
    fields = {field["name"]: field for field in json.loads((PROJECT / "org.json").read_text())["objects"][0]["fields"]}
    families = catalog()["filter"][0]["value"]
    options = rows("attribute-options")
    sent = [row for row in rows("products") if row["family"] in families]
    materials = {code for row in sent for e in row["values"].get("materials", ()) for code in e["data"]}
    assert english([row for row in rows("families") if row["code"] in families]) == set(fields["Family"]["values"])
    assert english([row for row in options if row["attribute"] == "color"]) == set(fields["Color__c"]["values"])
    assert english([o for o in options if o["attribute"] == "materials" and o["code"] in materials]) == set(
        fields["Materials__c"]["values"]
    )
    departments = catalog()["streams"]["products"]["fields"]["Department__c"]["translate"]
    assert departments.keys() == set(families)
    assert set(departments.values()) == set(fields["Department__c"]["values"])


def test_the_project_names_its_secrets_and_holds_none() -> None:
    connections = yaml.safe_load((PROJECT / "sync-engine.yaml").read_text(encoding="utf-8"))["connections"]
    for connection in connections.values():
        for key, value in connection.items():
            assert key in {"adapter", "auth"} or value.startswith("${"), key
