"""Options that the PIM has and the org's picklist has not: rejected, sent, or created first, as the mapping says."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.journeys.small import Shop, open_shop, product

from sync_engine_sandbox.crm.org import CrmSettings

FIELDS: list[dict[str, Any]] = [
    {
        "name": "Colour__c",
        "type": "picklist",
        "restricted": True,
        "values": ["red", {"value": "Blue", "default": True}, {"value": "grey", "active": False}],
    },
    {"name": "Open__c", "type": "picklist", "values": ["red"]},
    {"name": "Uses__c", "type": "multipicklist", "restricted": True, "values": ["home"]},
    {"name": "Shared__c", "type": "picklist", "restricted": True, "values": ["red"], "valueSet": "Colours"},
]
PRODUCTS = [
    product("S1", name="One", colour="red", uses=["home"]),
    product("S2", name="Two", colour="teal", uses=["home", "trip"]),
    product("S3", name="Three", colour="teal", uses=["work", "trip"]),
]


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    with open_shop(tmp_path, fields=FIELDS, products=PRODUCTS) as opened:
        yield opened


def write(shop: Shop, fields: dict[str, Any], **rest: Any) -> None:
    items = {"from": "products", "to": "Item__c", "key": {"Key__c": "sku"}, "fields": {"Name": "name", **fields}}
    shop.write({"items": items}, safety={"max_rejected_percent": 100}, **rest)


def values(shop: Shop, field: str) -> dict[str, tuple[str, bool, bool]]:
    """Label, active and default of each value of a picklist of the org."""
    found = shop.sandbox.org.objects.by_name["item__c"].field(field)
    assert found is not None
    return {each.value: (each.label, each.active, each.default) for each in found.values}


def colour(policy: str) -> dict[str, Any]:
    return {"value": "colour", "new_options": policy}


def test_an_option_that_a_restricted_picklist_lacks_is_rejected_unless_something_else_is_said(shop: Shop) -> None:
    write(shop, {"Colour__c": "colour"})
    (stream,) = shop.plan()["streams"]
    assert {each["key"] for each in stream["rejections"]} == {"S2", "S3"}
    reason = stream["rejections"][0]["reasons"][0]
    assert (reason["code"], reason["field"]) == ("NOT_IN_PICKLIST", "Colour__c")
    assert stream["new_options"] == []


def test_an_unrestricted_picklist_takes_any_option_unless_the_mapping_rejects_it(shop: Shop) -> None:
    for fields in ({"Open__c": "colour"}, {"Open__c": colour("send")}):
        write(shop, fields)
        assert shop.plan()["summary"]["rejected"] == 0
    write(shop, {"Open__c": colour("reject")})
    assert shop.plan()["summary"]["rejected"] == 2


def test_new_options_are_shown_in_the_plan_then_created_and_then_the_records_are_written(shop: Shop) -> None:
    write(shop, {"Colour__c": colour("create"), "Uses__c": {"value": "uses", "new_options": "create", "labels": True}})
    before = values(shop, "Colour__c")
    (stream,) = shop.plan()["streams"]
    assert stream["new_options"] == [
        {"field": "Colour__c", "values": [{"value": "teal", "label": "teal"}]},
        {
            "field": "Uses__c",
            "values": [{"value": each, "label": each} for each in ("At home", "At work", "On a trip")],
        },
    ]
    for arguments in ([], ["--format", "markdown"], ["--format", "html"]):
        assert "create 1 new value of the picklist Item__c.Colour__c" in shop.run("plan", *arguments).out
    assert values(shop, "Colour__c") == before
    assert shop.sandbox.org.requests.count("PATCH") == 0
    assert shop.apply()["summary"]["created"] == 3
    assert values(shop, "Colour__c") == {**before, "teal": ("teal", True, False)}
    assert values(shop, "Uses__c").keys() == {"home", "At home", "At work", "On a trip"}
    log = [each.path.rpartition("/v")[2].partition("/")[2] for each in shop.sandbox.org.requests.log]
    definitions = [index for index, path in enumerate(log) if path.startswith("tooling/sobjects")]
    rows = [index for index, path in enumerate(log) if path.startswith("composite/sobjects/Item__c")]
    assert (len(definitions), max(definitions) < min(rows)) == (2, True)
    assert {key: row["Colour__c"] for key, row in shop.rows().items()} == {"S1": "red", "S2": "teal", "S3": "teal"}
    shop.settled()


def test_a_new_value_is_called_as_the_option_of_the_pim(shop: Shop) -> None:
    shop.change("S1", colour="blue")
    source = {"connection": "pim", "channel": "web", "locales": ["de_DE", "en_US"]}
    write(shop, {"Open__c": colour("create")}, source=source)
    (stream,) = shop.plan()["streams"]
    assert stream["new_options"][0]["values"] == [
        {"value": "blue", "label": "Blau"},
        {"value": "teal", "label": "teal"},
    ]


def test_a_saved_plan_creates_what_it_says(shop: Shop) -> None:
    write(shop, {"Colour__c": colour("create")})
    path = shop.project.folder / "plan"
    shop.run("plan", "--out", str(path))
    assert "create 1 new value" in shop.run("show", str(path)).out
    shop.run("apply", str(path))
    assert "teal" in values(shop, "Colour__c")
    shop.settled()


def test_a_value_that_is_there_in_another_case_or_inactive_is_not_created_again(shop: Shop) -> None:
    shop.change("S1", colour="blue")
    shop.sandbox.pim.put_row(("attribute-options", "colour"), {"code": "grey", "attribute": "colour", "labels": {}})
    shop.change("S2", colour="grey")
    write(shop, {"Colour__c": colour("create")})
    (stream,) = shop.plan()["streams"]
    said = {each["key"]: each["reasons"][0]["message"] for each in stream["rejections"]}
    assert said.keys() == {"S1", "S2"}
    assert "has `Blue`" in said["S1"]
    assert "`grey`, which is inactive" in said["S2"]


def test_an_unrestricted_picklist_is_sent_what_it_has_inactive(tmp_path: Path) -> None:
    field = {"name": "Open__c", "type": "picklist", "values": ["red", {"value": "teal", "active": False}]}
    with open_shop(tmp_path, fields=[field], products=PRODUCTS) as shop:
        write(shop, {"Open__c": colour("create")})
        (stream,) = shop.plan()["streams"]
        assert (stream["new_options"], stream["summary"]["rejected"]) == ([], 0)
        shop.apply()
        shop.settled()


def test_two_new_values_that_differ_in_case_only_are_not_guessed_between(shop: Shop) -> None:
    shop.change("S1", ean="Rot")
    shop.change("S2", ean="rot")
    write(shop, {"Colour__c": {"value": "ean", "new_options": "create"}})
    refused = shop.run("plan", code=1).err
    assert "the source has both `Rot` and `rot`, which differ in case only" in refused


POLICIES: dict[str, tuple[dict[str, Any], str, str]] = {
    "sending to a restricted picklist": ({"Colour__c": colour("send")}, "SE367", "new_options"),
    "no picklist": ({"Name": {"value": "name", "new_options": "create"}}, "SE366", "new_options"),
    "a lookup": ({"Colour__c": {"const": "red", "new_options": "create"}}, "SE209", "new_options"),
}


@pytest.mark.parametrize("case", POLICIES)
def test_a_policy_that_cannot_be_is_refused_at_its_place(shop: Shop, case: str) -> None:
    fields, code, text = POLICIES[case]
    write(shop, fields)
    problems = shop.run("validate", "--live", "--format", "json", code=3).data["problems"]
    (found,) = [each for each in problems if each["code"] == code]
    line = (shop.project.folder / "catalogs" / "shop.yaml").read_text(encoding="utf-8").splitlines()[found["line"] - 1]
    assert text in line


def test_values_of_a_standard_picklist_cannot_be_created(shop: Shop) -> None:
    stream = {
        "from": "products",
        "to": "Product2",
        "key": {"ProductCode": "sku"},
        "fields": {"Name": "name", "Family": colour("create")},
    }
    shop.write({"items": stream})
    problems = shop.run("validate", "--live", "--format", "json", code=3).data["problems"]
    (found,) = [each for each in problems if each["code"] == "SE368"]
    assert "standard picklist" in found["message"]


def test_a_global_value_set_is_left_to_people(shop: Shop) -> None:
    write(shop, {"Shared__c": colour("create")})
    refused = shop.run("plan", code=1).err
    assert "no values can be added to Item__c.Shared__c: it uses the global value set Colours" in refused
    assert "Wanted: teal" in refused


def test_without_the_permission_nothing_is_written(tmp_path: Path) -> None:
    with open_shop(tmp_path, fields=FIELDS, products=PRODUCTS, crm=CrmSettings(customize_application=False)) as shop:
        write(shop, {"Colour__c": colour("create")})
        refused = shop.run("apply", "--yes", code=1).err
        assert "Customize Application" in refused
        assert shop.rows() == {}


def test_a_transfer_that_dies_while_creating_has_said_so_before_and_can_be_repeated(shop: Shop) -> None:
    write(shop, {"Colour__c": colour("create")})
    org = shop.sandbox.org
    changed = org.change_field
    journals: list[list[tuple[str, str]]] = []

    def ledger() -> list[tuple[str, str]]:
        with sqlite3.connect(shop.project.folder / ".sync-engine" / "ledger.db") as connection:
            found = connection.execute("SELECT mode, state FROM batches ORDER BY id").fetchall()
        connection.close()
        return found

    def dying(name: str, field: Any) -> None:
        journals.append(ledger())
        changed(name, field)
        raise RuntimeError("the power went out")

    org.change_field = dying  # type: ignore[method-assign]
    try:
        shop.connect(retry_minutes=0)
        failed = shop.run("apply", "--yes", code=None)
    finally:
        del org.change_field
    assert failed.code not in (0, 4)
    assert journals[0] == [("new_options", "creating")]
    assert shop.rows() == {}
    assert "teal" in values(shop, "Colour__c")
    shop.apply()
    assert len(values(shop, "Colour__c")) == 4
    shop.settled()
