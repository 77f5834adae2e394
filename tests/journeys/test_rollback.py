"""The way back from a transfer: a plan like any other, over nothing that somebody has touched since."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.journeys.small import Shop, open_shop, product, uuid_of

FIELDS = [
    {"name": "Notes__c", "type": "string", "length": 80},
    {"name": "Stock__c", "type": "double", "precision": 9, "scale": 0},
    {"name": "Active__c", "type": "boolean", "default": True},
    {"name": "Uses__c", "type": "multipicklist", "values": ["home", "trip", "work"]},
]
STREAM = {
    "from": "products",
    "to": "Item__c",
    "key": {"Key__c": "sku"},
    "fields": {
        "Name": "name",
        "Notes__c": "notes",
        "Stock__c": "stock",
        "Uses__c": {"value": "uses", "join": ";"},
        "Active__c": {"const": True},
    },
    "on_missing": {"set": {"Active__c": False}},
}


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    products = [
        product(sku, name=f"Mug {sku}", notes=f"notes of {sku}", stock=5, uses=["home", "trip"]) for sku in "abcdefghij"
    ]
    with open_shop(tmp_path, fields=FIELDS, products=products) as opened:
        opened.write({"items": STREAM}, safety={"max_deletes": 2})
        yield opened


def kept(shop: Shop) -> dict[str, dict[str, Any]]:
    """The records without what the org itself keeps."""
    fields = ("Name", "Notes__c", "Stock__c", "Active__c", "Uses__c")
    return {key: {name: row[name] for name in fields} for key, row in shop.rows().items()}


def back(shop: Shop, id_: str, *options: str, code: int = 0) -> tuple[str, dict[str, Any]]:
    """The path and the data of the plan that rolls a transfer back."""
    path = str(shop.project.folder / "back")
    shop.run("transfers", "rollback", id_, "--out", path, *options, code=code)
    return path, shop.run("show", path, "--format", "json").data["catalogs"][0]


def test_a_rollback_restores_every_field_of_updates_and_deactivations(shop: Shop) -> None:
    shop.apply()
    before = kept(shop)
    shop.change("a", notes="new", stock=None, uses=["work"])
    shop.change("b", notes=None)
    shop.sandbox.pim.delete_product(uuid_of("c"))
    done = shop.apply()
    assert (done["summary"]["updated"], done["summary"]["deactivated"]) == (2, 1)
    assert not kept(shop)["c"]["Active__c"]
    path, plan = back(shop, done["id"])
    assert (plan["summary"]["update"], plan["restores"]) == (3, done["id"])
    for form in ("text", "markdown", "html"):
        assert f"olls back transfer {done['id']}" in shop.run("show", path, "--format", form).out
    assert kept(shop)["a"]["Notes__c"] == "new", "planning writes nothing"
    assert shop.apply(path)["summary"]["updated"] == 3
    assert kept(shop) == before


def test_a_record_that_somebody_touched_is_left_alone_and_said(shop: Shop) -> None:
    shop.apply()
    shop.change("a", notes="new")
    shop.change("b", notes="new")
    done = shop.apply()
    shop.sandbox.org.edit("Item__c", shop.rows()["a"]["Id"], {"Notes__c": "by hand"})
    path, plan = back(shop, done["id"])
    assert (plan["summary"]["update"], plan["summary"]["rejected"]) == (1, 1)
    (rejection,) = plan["streams"][0]["rejections"]
    (reason,) = rejection["reasons"]
    assert (rejection["key"], reason["code"], reason["field"]) == ("a", "CHANGED_SINCE", "Notes__c")
    assert reason["message"] == "holds 'by hand', the transfer wrote 'new'"
    shop.apply(path, code=4)
    assert {sku: kept(shop)[sku]["Notes__c"] for sku in "ab"} == {"a": "by hand", "b": "notes of b"}


def test_created_records_stay_unless_asked_and_then_pass_the_gate(shop: Shop) -> None:
    done = shop.apply()
    path = str(shop.project.folder / "back")
    shown = shop.run("transfers", "rollback", done["id"], "--out", path)
    assert "10 records that it created will stay" in shown.err
    assert "0 to delete" in shown.out
    shown = shop.run("transfers", "rollback", done["id"], "--out", path, "--delete-created", code=5)
    assert "Gate max_deletes = 2, found 10" in shown.out
    shop.run("apply", path, "--yes", code=5)
    shop.run("apply", path, "--yes", "--allow", "deletes=10", "--reason", "wrong catalog")
    assert not shop.rows()
    assert shop.plan()["summary"]["create"] == 10


def test_a_rollback_of_a_rollback_brings_the_transfer_back(shop: Shop) -> None:
    shop.apply()
    shop.change("a", notes="new")
    after = shop.apply()
    path, _ = back(shop, after["id"])
    undone = shop.apply(path)
    path, _ = back(shop, undone["id"])
    shop.apply(path)
    assert kept(shop)["a"]["Notes__c"] == "new"
    shop.settled()


def test_the_log_shows_what_was_replaced(shop: Shop) -> None:
    shop.apply()
    shop.change("a", notes="new")
    shop.apply()
    shown = shop.run("transfers", "show", "--records").out
    assert 'Notes__c  "notes of a" → "new"' in shown
    (outcome,) = shop.shown()["outcomes"]
    assert outcome["fields"] == [{"field": "Notes__c", "before": "notes of a", "after": "new"}]


def test_a_log_without_before_values_refuses_a_rollback(shop: Shop) -> None:
    shop.write({"items": STREAM}, log={"level": "changes"})
    shop.apply()
    shop.change("a", notes="new")
    done = shop.apply()
    refused = shop.run("transfers", "rollback", done["id"], code=1).err
    assert "does not say what it replaced" in refused
    assert "log: {level: full}" in refused


def test_a_stream_that_the_catalog_lost_refuses_a_rollback(shop: Shop) -> None:
    shop.apply()
    shop.change("a", notes="new")
    done = shop.apply()
    shop.write({"others": STREAM})
    refused = shop.run("transfers", "rollback", done["id"], code=1).err
    assert f"no longer has the streams that transfer {done['id']} wrote: items" in refused
