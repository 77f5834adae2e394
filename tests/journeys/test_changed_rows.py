"""With ``--changed``: keys that people assign, several rows of a record, records that are adopted."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.journeys.small import CREATED, KEY, Json, Shop, category, open_shop, product, uuid_of

FIELDS = [{"name": "Notes__c", "type": "string", "length": 255}]
ROW = {
    "name": "Row__c",
    "fields": [
        KEY,
        {"name": "Item__c", "type": "reference", "references": ["Item__c"], "relationship": "Item__r"},
        {"name": "Part__c", "type": "string", "length": 80},
        {"name": "Text__c", "type": "string", "length": 80},
    ],
}
ITEMS: Json = {
    "from": "products",
    "to": "Item__c",
    "key": {"Key__c": "sku"},
    "fields": {"Name": "name", "Notes__c": "notes"},
}


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    tree = [category("cups", "master", en_US="Cups"), category("sale", "master", en_US="Sale")]
    titles = {"en_US": "Mug", "de_DE": "Becher"}
    mugs = [product(f"mug-{each}", name=f"Mug {each}", categories=["cups"], title=titles) for each in range(20)]
    with open_shop(tmp_path, fields=FIELDS, objects=[ROW], products=mugs, categories=tree) as opened:
        yield opened


def start(shop: Shop, **streams: Json) -> None:
    """Transfer everything, and then nothing but what has changed."""
    shop.write(streams)
    shop.apply()
    assert apply_changed(shop) == {}


def apply_changed(shop: Shop, *, code: int = 0) -> dict[str, int]:
    found = shop.apply("--changed", code=code)["summary"]
    return {name: count for name, count in found.items() if count}


def why_all(shop: Shop) -> list[Any]:
    (planned,) = shop.run("plan", "--changed", "--format", "json").data["catalogs"]
    return [each["all_read_because"] for each in planned["streams"]]


def long_ago(shop: Shop) -> None:
    """Let everything in the PIM have been saved long ago, out of the reach of the overlap."""
    for uuid in list(shop.sandbox.pim.products.by_key):
        shop.sandbox.pim.edit_product(uuid, updated=CREATED)


def test_a_key_that_people_assign_needs_no_reading_of_everything(shop: Shop) -> None:
    start(shop, items=ITEMS)
    shop.change("mug-1", notes="new")
    shop.sandbox.pim.add_product(**{**product("cup", name="Cup"), "updated": shop.sandbox.pim.now_text()})
    assert why_all(shop) == [None]
    assert apply_changed(shop) == {"created": 1, "updated": 1}
    shop.settled()


def test_a_key_of_a_record_that_did_not_change_is_found_to_be_taken(shop: Shop) -> None:
    start(shop, items=ITEMS)
    shop.change("mug-1", sku="mug-2")
    assert why_all(shop) == ["the key mug-2 may be that of another record, too"]
    assert apply_changed(shop, code=4) == {"rejected": 2, "unchanged": 18}
    long_ago(shop)
    assert apply_changed(shop, code=4) == {"rejected": 2}, "from now on both are read, so nothing is in doubt"
    shop.change("mug-1", sku="mug-1", name="Mug one")
    assert apply_changed(shop) == {"updated": 1, "unchanged": 1}
    shop.settled()


def test_a_taken_key_is_found_though_the_record_that_takes_it_cannot_be_written(shop: Shop) -> None:
    start(shop, items=ITEMS)
    shop.change("mug-1", sku="mug-2", notes="x" * 300)
    assert apply_changed(shop, code=4) == {"rejected": 2, "unchanged": 18}


def test_a_record_that_is_read_for_several_reasons_counts_once(shop: Shop) -> None:
    start(
        shop,
        items={
            **ITEMS,
            "fields": {**ITEMS["fields"], "Notes__c": {"value": "categories", "labels": True, "join": ","}},
        },
    )
    shop.change("mug-1", sku="mug-2")
    shop.change("mug-3", sku=None)
    assert apply_changed(shop, code=4) == {"rejected": 3, "unchanged": 17}
    cups = shop.sandbox.pim.tables["categories",]["cups"]
    shop.sandbox.pim.put_row(("categories",), {**cups, "labels": {"en_US": "Beakers"}})
    assert apply_changed(shop, code=4) == {"rejected": 3, "updated": 17}


def test_records_that_swap_their_keys_are_no_doubt(shop: Shop) -> None:
    start(shop, items=ITEMS)
    shop.change("mug-1", sku="mug-2")
    shop.change("mug-2", sku="mug-1")
    assert why_all(shop) == [None]
    assert apply_changed(shop) == {"updated": 2}
    shop.settled()


def test_a_record_of_the_org_that_the_ledger_does_not_know_may_be_anybodys(shop: Shop) -> None:
    start(shop, items=ITEMS)
    shop.sandbox.org.add("Item__c", {"Key__c": "cup", "Name": "of somebody"})
    shop.sandbox.pim.add_product(**{**product("cup", name="Cup"), "updated": shop.sandbox.pim.now_text()})
    assert why_all(shop) == ["the key cup may be that of another record, too"]
    assert apply_changed(shop) == {"updated": 1, "unchanged": 20}
    assert why_all(shop) == [None]


@pytest.mark.parametrize(
    ("rows", "change", "expected"),
    [
        (
            {
                "for_each": "category",
                "key": {"Key__c": "{{ sku }}-{{ category }}"},
                "fields": {
                    "Item__c": {"lookup": "items", "value": "sku"},
                    "Part__c": {"value": "category", "labels": True},
                },
            },
            {"categories": ["cups", "sale"]},
            {"created": 1},
        ),
        (
            {
                "for_each": {"locale": ["en_US", "de_DE"]},
                "key": {"Item__c": {"lookup": "items", "value": "sku"}, "Part__c": "locale"},
                "fields": {"Text__c": "title"},
            },
            {"values": {"title": [{"locale": "de_DE", "scope": None, "data": "Tasse"}]}},
            {"updated": 1},
        ),
    ],
    ids=["categories", "key of several fields"],
)
def test_rows_of_changed_records_are_written_and_no_others_are_read(
    shop: Shop, rows: Json, change: Json, expected: dict[str, int]
) -> None:
    start(shop, items=ITEMS, rows={"from": "products", "to": "Row__c", "on_missing": "delete", **rows})
    held = shop.sandbox.pim.products.by_key[uuid_of("mug-1")]
    values = {**held["values"], **change.get("values", {})}
    shop.sandbox.pim.edit_product(uuid_of("mug-1"), **{**change, "values": values})
    assert why_all(shop) == [None, None]
    done = apply_changed(shop)
    assert {name: count for name, count in done.items() if name != "unchanged"} == expected
    assert done["unchanged"] <= 2, "only mug-1 was read"
    left = shop.plan()["summary"]
    assert (left["create"], left["update"]) == (0, 0)
    assert left["delete"] == ("values" in change), "a row that is gone is found by the next comparison of all"


def test_a_renamed_category_brings_the_rows_of_the_products_in_it(shop: Shop) -> None:
    rows = {"from": "products", "to": "Row__c", "for_each": "category", "key": {"Key__c": "{{ sku }}-{{ category }}"}}
    start(shop, rows={**rows, "fields": {"Part__c": {"value": "category", "labels": True}, "Text__c": "category_path"}})
    shop.sandbox.pim.edit_product(uuid_of("mug-1"), categories=["cups", "sale"], updated=CREATED)
    shop.apply()
    sale = shop.sandbox.pim.tables["categories",]["sale"]
    shop.sandbox.pim.put_row(("categories",), {**sale, "parent": "cups", "labels": {"en_US": "Bargains"}})
    assert why_all(shop) == [None]
    assert apply_changed(shop) == {"updated": 1, "unchanged": 1}
    assert shop.rows("Row__c")["mug-1-sale"]["Part__c"] == "Bargains"
    assert shop.rows("Row__c")["mug-1-sale"]["Text__c"] == "master/cups/sale"
    shop.settled()


def test_a_new_record_adopts_the_one_that_was_there_before(shop: Shop) -> None:
    start(shop, items={**ITEMS, "match": [{"Notes__c": "notes"}]})
    shop.sandbox.org.add("Item__c", {"Notes__c": "serial 7", "Name": "of somebody"})
    new = product("cup", name="Cup", notes="serial 7")
    shop.sandbox.pim.add_product(**{**new, "updated": shop.sandbox.pim.now_text()})
    assert why_all(shop) == [None]
    assert apply_changed(shop) == {"updated": 1}
    assert len(shop.sandbox.org.rows("Item__c")) == 21
    assert shop.rows()["cup"]["Notes__c"] == "serial 7"
    shop.settled()
