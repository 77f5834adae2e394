"""Records that were in Salesforce before are adopted when they are found without doubt, and never by guessing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.journeys.conftest import ROOT, NewProject, Project
from tests.journeys.small import open_shop, product
from tests.journeys.test_icecat import data, raw

from sync_engine_sandbox.sandbox import Sandbox

CATALOG = "icecat-products"
MATCH = "match: [{ProductCode: sku}, {StockKeepingUnit: sku}]"


@pytest.fixture
def project(icecat: Sandbox, new_project: NewProject) -> Project:
    made = new_project(ROOT / "catalogs" / "icecat", icecat)
    key = "    key: {PIM_Id__c: uuid}\n"
    made.edit("catalogs/products.yaml", (key, f"{key}    {MATCH}\n"))
    made.run("apply", CATALOG, "--streams", "models", "--yes", code=4)
    return made


def products_plan(project: Project) -> dict[str, Any]:
    found = project.run("plan", CATALOG, "--streams", "products", "--format", "json").data
    (stream,) = found["catalogs"][0]["streams"]
    return dict(stream)


def test_a_record_with_the_same_code_is_adopted_and_keeps_its_id(project: Project, icecat: Sandbox) -> None:
    first, second = [each for each in raw("products") if not each["parent"]][:2]
    by_code = icecat.org.add("Product2", {"Name": "Old name", "ProductCode": data(first, "sku").upper()})
    by_unit = icecat.org.add("Product2", {"Name": "Other", "StockKeepingUnit": data(second, "sku")})

    planned = products_plan(project)
    assert planned["summary"]["update"] == 2
    assert planned["summary"]["create"] == len(raw("products")) - 2
    changes = {each["key"]: each for each in planned["changes"] if each["operation"] == "update"}
    adopted = {each["field"]: (each["before"], each["after"]) for each in changes[first["uuid"]]["fields"]}
    assert adopted["PIM_Id__c"] == (None, first["uuid"])
    assert adopted["Name"] == ("Old name", data(first, "name"))

    project.run("plan", CATALOG, "--streams", "products", "--out", "saved")
    project.run("apply", "saved")
    uuids = {each["uuid"] for each in raw("products")}
    rows = {row["PIM_Id__c"]: row["Id"] for row in icecat.org.rows("Product2") if row["PIM_Id__c"] in uuids}
    assert (rows[first["uuid"]], rows[second["uuid"]]) == (by_code, by_unit)
    assert len(rows) == len(uuids)
    assert products_plan(project)["summary"]["unchanged"] == len(raw("products"))


def test_a_doubtful_match_is_rejected_and_nothing_is_doubled(project: Project, icecat: Sandbox) -> None:
    first, second = [each for each in raw("products") if not each["parent"]][:2]
    twins = [icecat.org.add("Product2", {"Name": "Twin", "ProductCode": data(first, "sku")}) for _ in range(2)]
    taken = icecat.org.add(
        "Product2", {"Name": "Taken", "ProductCode": data(second, "sku"), "PIM_Id__c": "somebody-else"}
    )

    planned = products_plan(project)
    reasons = {each["key"]: each["reasons"][0] for each in planned["rejections"]}
    assert reasons.keys() == {first["uuid"], second["uuid"]}
    assert reasons[first["uuid"]]["code"] == "AMBIGUOUS_MATCH"
    assert planned["matches"] == {"adopted": 0, "ambiguous": 1, "duplicate": 1}
    assert all(each in reasons[first["uuid"]]["message"] for each in twins)
    assert reasons[second["uuid"]]["code"] == "WOULD_DUPLICATE"
    assert taken in reasons[second["uuid"]]["message"]

    project.run("apply", CATALOG, "--streams", "products", "--yes", code=4)
    codes = [row["ProductCode"] for row in icecat.org.rows("Product2")]
    assert codes.count(data(first, "sku")) == 2
    assert codes.count(data(second, "sku")) == 1


def test_two_source_records_cannot_adopt_one_record(project: Project, icecat: Sandbox) -> None:
    """The two stand on different pages of the PIM, so they are not compared at the same time."""
    simple = [each for each in raw("products") if not each["parent"] and each["family"] == "scanners"]
    first, last = simple[0], simple[-1]
    project.edit("catalogs/products.yaml", (MATCH, "match: [{ProductCode: ean}]"))
    for each in (first, last):
        values = {**each["values"], "ean": [{"locale": None, "scope": None, "data": "4711"}]}
        icecat.pim.edit_product(each["uuid"], values=values)
    record = icecat.org.add("Product2", {"Name": "One", "ProductCode": "4711"})

    planned = products_plan(project)
    assert {each["key"] for each in planned["rejections"]} == {first["uuid"], last["uuid"]}
    assert all(record in each["reasons"][0]["message"] for each in planned["rejections"])
    assert planned["summary"]["update"] == 0


def test_the_id_that_an_attribute_holds_or_a_unique_field_finds_the_record(tmp_path: Path) -> None:
    number = {"name": "Number__c", "type": "string", "length": 20, "unique": True, "externalId": True}
    products = [product("a", name="A"), product("b", name="B", ean="4711"), product("c", name="C", ean="nothing")]
    with open_shop(tmp_path, fields=[number], products=products) as shop:
        org = shop.sandbox.org
        by_id = org.add("Item__c", {"Name": "Old A"})
        by_number = org.add("Item__c", {"Name": "Old B", "Number__c": "4711"})
        shop.change("a", name="A", notes=by_id)
        items = {"from": "products", "to": "Item__c", "key": {"Key__c": "sku"}, "fields": {"Name": "name"}}
        shop.write({"items": {**items, "match": [{"Id": "notes"}, {"Number__c": "ean"}]}})
        changes = {each["key"]: each for each in shop.streams()["items"]["changes"]}
        assert {key: each["operation"] for key, each in changes.items()} == {
            "a": "update",
            "b": "update",
            "c": "create",
        }
        assert shop.streams()["items"]["matches"] == {"adopted": 2, "ambiguous": 0, "duplicate": 0}
        saved = str(tmp_path / "saved")
        shop.run("plan", "--out", saved)
        for format_, word in (("text", "there before"), ("markdown", "There before"), ("html", "There before")):
            assert f"{word}: 2 adopted, 0 ambiguous" in shop.run("show", saved, "--format", format_).out
        assert f"~ update a ({by_id})  (it was there before, and is adopted)" in shop.run("show", saved).out
        shop.apply()
        assert {key: row["Id"] for key, row in shop.rows().items() if key != "c"} == {"a": by_id, "b": by_number}
        assert {key: row["Name"] for key, row in shop.rows().items()} == {"a": "A", "b": "B", "c": "C"}
        shop.settled()


def test_a_doubtful_match_is_told_in_the_spelling_of_the_target(tmp_path: Path) -> None:
    with open_shop(tmp_path, products=[product("a", name="Fjord Mug")]) as shop:
        for name in ("FJORD Mug", "FJORD Mug"):
            shop.sandbox.org.add("Item__c", {"Name": name})
        items = {"from": "products", "to": "Item__c", "key": {"Key__c": "sku"}, "fields": {"Name": "name"}}
        shop.write({"items": {**items, "match": [{"Name": "name"}]}})
        (rejected,) = shop.streams()["items"]["rejections"]
        assert "2 records have Name 'FJORD Mug'" in rejected["reasons"][0]["message"]
