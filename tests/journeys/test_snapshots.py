"""A snapshot says what has changed since the last one, and which parts of which catalogs name it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.journeys.small import Shop, open_shop

from sync_engine_sandbox.crm.fields import PicklistValue

FIELDS = [
    {"name": "Colour__c", "type": "picklist", "restricted": True, "values": ["red", "blue", "teal"]},
    {"name": "Title__c", "type": "string", "length": 100},
]


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    with open_shop(tmp_path, fields=FIELDS) as opened:
        items = {
            "from": "products",
            "to": "Item__c",
            "key": {"Key__c": "sku"},
            "filter": [{"field": "size", "operator": "IN", "value": ["s", "l"]}],
            "fields": {"Name": "name", "Colour__c": "colour", "Title__c": {"template": "{{ title }} {{ colour }}"}},
        }
        opened.write({"items": items})
        opened.run("snapshot")
        yield opened


def test_nothing_is_said_where_nothing_has_changed(shop: Shop) -> None:
    done = shop.run("snapshot", "--check", "--json")
    assert done.data["connections"] == [
        {"name": "pim", "differences": [], "affected": {}},
        {"name": "crm", "differences": [], "affected": {}},
    ]


def test_a_changed_attribute_names_the_mappings_and_filters_that_read_it(shop: Shop) -> None:
    pim = shop.sandbox.pim
    pim.put_row(("attribute-options", "colour"), {"code": "pink", "attribute": "colour", "labels": {}})
    pim.put_row(("attributes",), {**pim.table("attributes")["size"], "localizable": True})
    pim.put_row(("attributes",), {**pim.table("attributes")["ean"], "localizable": True})
    (drift, _) = shop.run("snapshot", "--check", "--json", code=2).data["connections"]
    assert any(each.startswith("~ attributes.colour.options") for each in drift["differences"])
    assert any(each.startswith("+ attributes.ean.localizable") for each in drift["differences"])
    assert drift["affected"] == {"shop": ["items.filter", "items.Colour__c", "items.Title__c"]}
    text = shop.run("snapshot", "pim").out
    assert "pim: concerns catalog shop: items.filter, items.Colour__c, items.Title__c" in text
    assert shop.run("snapshot", "--check").out == ""


def test_a_changed_field_names_the_mappings_that_write_it(shop: Shop) -> None:
    org = shop.sandbox.org
    field = org.objects.by_name["item__c"].field("Colour__c")
    assert field is not None
    org.change_field("Item__c", replace(field, values=(*field.values, PicklistValue("pink", "pink"))))
    (_, drift) = shop.run("snapshot", "--json").data["connections"]
    assert drift["affected"] == {"shop": ["items.Colour__c"]}


def test_a_locale_that_the_channel_lost_concerns_the_catalog(shop: Shop) -> None:
    pim = shop.sandbox.pim
    pim.put_row(("channels",), {**pim.table("channels")["web"], "locales": ["en_US"]})
    (drift, _) = shop.run("snapshot", "--json").data["connections"]
    assert drift["affected"] == {"shop": ["source.channel"]}


def test_a_snapshot_that_cannot_be_read_is_replaced(shop: Shop) -> None:
    path = shop.project.folder / "snapshots" / "pim.json"
    path.write_text("{", encoding="utf-8")
    assert "SE322" in shop.run("snapshot").err
    assert shop.run("snapshot", "--check").out == ""
