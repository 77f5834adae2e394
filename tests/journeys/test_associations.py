"""The demo project's second catalog: every row is what the demo data say, and follows the PIM."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import pytest
from tests.journeys.conftest import NewProject, Project

from sync_engine_sandbox.sandbox import DEMO_DATA, DEMO_PROJECT, Sandbox

TYPES = ("X_SELL", "UPSELL", "SUBSTITUTION", "SET_CONTENT")


@cache
def raw(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (DEMO_DATA / f"{name}.jsonl").read_bytes().splitlines()]


@pytest.fixture
def project(demo: Sandbox, new_project: NewProject) -> Project:
    return new_project(DEMO_PROJECT, demo)


def plan(project: Project) -> dict[str, Any]:
    (catalog,) = project.run("plan", "associations", "--format", "json").data["catalogs"]
    return dict(catalog)


def expected_associations() -> dict[tuple[str, str, str], int | None]:
    """Quantity by product, type and associated product or model; groups are left out."""
    found: dict[tuple[str, str, str], int | None] = {}
    for product in raw("products"):
        for type_ in TYPES:
            plain = product["associations"].get(type_, {})
            for each in (*plain.get("products", ()), *plain.get("product_models", ())):
                found[product["uuid"], type_, each] = None
            quantified = product["quantified_associations"].get(type_, {})
            for each in (*quantified.get("products", ()), *quantified.get("product_models", ())):
                found[product["uuid"], type_, each.get("uuid") or each["identifier"]] = each["quantity"]
    return found


def associations(sandbox: Sandbox) -> dict[tuple[str, str, str], int | None]:
    keys = {row["Id"]: row["PIM_Id__c"] for row in sandbox.org.rows("Product2")}
    rows = sandbox.org.rows("PIM_Association__c")
    return {
        (keys[row["Product__c"]], row["Type__c"], keys[row["Associated__c"]]): row.get("Quantity__c") for row in rows
    }


def test_the_example_is_valid_offline(project: Project) -> None:
    project.run("snapshot")
    problems = project.run("validate", "--format", "json").data["problems"]
    assert [each for each in problems if "associations" in each["file"]] == []


def test_associations_assignments_and_translations_arrive_and_follow_the_pim(project: Project, demo: Sandbox) -> None:
    project.run("apply", "associations", "--yes")
    expected = expected_associations()
    assert associations(demo) == expected
    assert {quantity for quantity in expected.values() if quantity} == {1, 2, 4, 6}
    assert any(each["associations"]["X_SELL"]["groups"] for each in raw("products")), "groups are left out"
    assert len(demo.org.rows("PIM_Category__c")) == len(raw("categories"))
    assert len(demo.org.rows("PIM_Product_Category__c")) == sum(len(each["categories"]) for each in raw("products"))
    german = {
        each["uuid"]: entry["data"]
        for each in raw("products")
        for entry in each["values"].get("variant_name") or each["values"].get("name", ())
        if entry["locale"] == "de_DE"
    }
    translated = {row["PIM_Id__c"]: row["Name__c"] for row in demo.org.rows("PIM_Product_Translation__c")}
    assert {key: translated.get(f"{key}-de_DE") for key in german} == german

    changes = change(demo)
    found = {
        (each["key"], each["operation"])
        for stream in plan(project)["streams"]
        for each in stream["changes"]
        if stream["name"] == "associations"
    }
    assert found == changes
    project.run("apply", "associations", "--yes")
    assert {name: count for name, count in plan(project)["summary"].items() if name != "unchanged" and count} == {}


def change(sandbox: Sandbox) -> set[tuple[str, str]]:
    """A quantity, an association taken away and one made; returns what the plan must hold."""
    kit = next(each for each in raw("products") if each["quantified_associations"])
    ((type_, targets),) = kit["quantified_associations"].items()
    first, *others = targets["products"]
    more = {**targets, "products": [{**first, "quantity": first["quantity"] + 1}, *others]}
    sandbox.pim.edit_product(kit["uuid"], quantified_associations={type_: more})

    seller = next(each for each in raw("products") if each["associations"]["X_SELL"]["product_models"])
    gone, *kept = seller["associations"]["X_SELL"]["product_models"]
    changed = {**seller["associations"]["X_SELL"], "product_models": kept, "products": [kit["uuid"]]}
    sandbox.pim.edit_product(seller["uuid"], associations={**seller["associations"], "X_SELL": changed})
    return {
        (f"{kit['uuid']}-{type_}-{first['uuid']}", "update"),
        (f"{seller['uuid']}-X_SELL-{gone}", "delete"),
        (f"{seller['uuid']}-X_SELL-{kit['uuid']}", "create"),
    }


@pytest.mark.slow
def test_the_two_examples_agree_on_the_products_that_both_write(project: Project) -> None:
    project.run("apply", "outdoor", "--yes", code=None)
    project.run("apply", "associations", "--yes")
    (outdoor,) = project.run("plan", "outdoor", "--format", "json").data["catalogs"]
    assert (outdoor["summary"]["create"], outdoor["summary"]["update"]) == (0, 0)
