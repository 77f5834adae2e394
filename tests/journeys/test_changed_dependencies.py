"""With ``--changed``, what records depend on brings them, too: options, categories, families, linked records."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.journeys.conftest import Project
from tests.journeys.small import (
    CREATED,
    KEY,
    PROJECT_FILE,
    Json,
    Shop,
    category,
    model,
    open_shop,
    product,
    uuid_of,
)

from sync_engine_sandbox.sandbox import DEMO_DATA, running

FIELDS = [
    {"name": f"{name}__c", "type": "string", "length": 255} for name in ("Colour", "Uses", "Family", "Place", "Weight")
]
MAPPED: Json = {
    "Name": "name",
    "Colour__c": {"value": "colour", "labels": True},
    "Uses__c": {"template": "{{ uses | map('label') | join(', ') }}"},
    "Family__c": {"value": "family", "labels": True},
    "Place__c": {"template": "{{ categories | map('label') | join(', ') }}"},
    "Weight__c": {"value": "weight", "unit": "KILOGRAM"},
}
Labels = dict[str, str]


def streams(**changed: Any) -> Json:
    return {"items": {"from": "products", "to": "Item__c", "key": {"Key__c": "uuid"}, "fields": MAPPED, **changed}}


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    mugs = [
        product("red", name="Red", colour="red", categories=["cups"], weight={"amount": "250", "unit": "GRAM"}),
        product("blue", name="Blue", colour="blue", uses=["home", "trip"], categories=["sale"]),
        product("plain", name="Plain", uses=["work"]),
    ]
    models = [model("shirt", variant="shirts_size", colour="blue")]
    shirts = [product("shirt-s", parent="shirt", name="Shirt", colour="blue", size="s")]
    tree = [category("tableware", "master"), category("cups", "tableware", en_US="Cups"), category("sale", "master")]
    with open_shop(tmp_path, fields=FIELDS, products=[*mugs, *shirts], models=models, categories=tree) as opened:
        yield opened


def start(shop: Shop, streams: Json) -> None:
    """Transfer everything, and then nothing but what has changed."""
    shop.write(streams)
    shop.apply()
    assert counts(shop) == {}


def counts(shop: Shop) -> dict[str, int]:
    """Records of a transfer of what has changed, by what became of them."""
    found = shop.apply("--changed")["summary"]
    return {name: count for name, count in found.items() if count}


def why_all(shop: Shop) -> str | None:
    (planned,) = shop.run("plan", "--changed", "--format", "json").data["catalogs"]
    found: str | None = planned["streams"][0]["all_read_because"]
    return found


def put(shop: Shop, name: tuple[str, ...], code: str, **changed: Any) -> None:
    pim = shop.sandbox.pim
    pim.put_row(name, {**pim.tables[name][code], **changed})


@pytest.mark.parametrize(
    ("name", "code", "labels", "expected"),
    [
        (("attribute-options", "colour"), "blue", {"en_US": "Sky"}, {"blue": "Colour__c", "shirt-s": "Colour__c"}),
        (("attribute-options", "uses"), "trip", {"en_US": "On tour"}, {"blue": "Uses__c"}),
        (("families",), "mugs", {"en_US": "Cups and mugs"}, dict.fromkeys(("red", "blue", "plain"), "Family__c")),
        (("categories",), "cups", {"en_US": "Beakers"}, {"red": "Place__c"}),
    ],
    ids=["option", "one of several options", "family", "category"],
)
def test_a_renamed_code_brings_the_records_that_hold_it_and_no_others(
    shop: Shop, name: tuple[str, ...], code: str, labels: Labels, expected: dict[str, str]
) -> None:
    start(shop, streams())
    put(shop, name, code, labels=labels)
    assert why_all(shop) is None
    assert counts(shop) == {"updated": len(expected)}
    for sku, field in expected.items():
        assert labels["en_US"] in shop.rows()[uuid_of(sku)][field]
    assert counts(shop) == {}
    shop.settled()


def test_a_moved_category_brings_the_products_that_come_into_the_filter_with_it(shop: Shop) -> None:
    inside = {"field": "categories", "operator": "IN CHILDREN", "value": ["tableware"]}
    start(shop, streams(filter=[inside]))
    assert set(shop.rows()) == {uuid_of("red")}
    put(shop, ("categories",), "sale", parent="cups")
    assert counts(shop) == {"created": 1}
    put(shop, ("categories",), "tableware", labels={"en_US": "Tableware"})
    assert counts(shop) == {"unchanged": 2}, "everything below it may have moved with it"
    put(shop, ("categories",), "sale", parent="master")
    assert counts(shop) == {}, "what left the filter is found by the next comparison of all"


def test_products_that_are_complete_once_their_family_requires_less_arrive(shop: Shop) -> None:
    required = {"web": ["sku", "name", "colour"]}
    put(shop, ("families",), "mugs", attribute_requirements=required)
    shop.write(streams(filter=[{"field": "completeness", "operator": "=", "value": 100}]))
    shop.apply()
    assert uuid_of("plain") not in shop.rows()
    put(shop, ("families",), "mugs", attribute_requirements={"web": ["sku", "name"]})
    assert why_all(shop) is None
    assert counts(shop)["created"] == 1
    assert uuid_of("plain") in shop.rows()


def test_a_family_that_requires_what_it_did_brings_no_products(shop: Shop) -> None:
    start(shop, streams(fields={"Name": "name"}, filter=[{"field": "completeness", "operator": ">", "value": 0}]))
    put(shop, ("families",), "mugs", labels={"en_US": "Cups"})
    assert counts(shop) == {}


def test_a_code_that_is_gone_makes_everything_be_read(shop: Shop) -> None:
    start(shop, streams())
    shop.sandbox.pim.delete_row(("attribute-options", "uses"), "trip")
    assert why_all(shop) == "trip is gone from uses"
    counts(shop)
    assert why_all(shop) is None


def test_another_factor_of_a_unit_makes_everything_be_read(shop: Shop) -> None:
    start(shop, streams())
    weight = ("measurement-families",)
    units = shop.sandbox.pim.tables[weight]["Weight"]["units"]
    gram = {**units["GRAM"], "convert_from_standard": [{"operator": "mul", "value": "0.002"}]}
    put(shop, weight, "Weight", units={**units, "GRAM": gram})
    assert why_all(shop) == "the measurement family Weight has changed in the source"
    assert counts(shop) == {"updated": 1, "unchanged": 3}
    assert counts(shop) == {}


@pytest.mark.parametrize(
    ("name", "code", "changed", "expected"),
    [
        (("attributes",), "colour", {"scopable": True}, "the attribute colour has changed in the source"),
        (("attributes",), "weight", {"decimals_allowed": False}, "the attribute weight has changed in the source"),
        (("attributes",), "name", {"group": "texts"}, None),
        (("attributes",), "rating", {"decimals_allowed": False}, None),
        (("channels",), "web", {"currencies": ["EUR"]}, "the channel web has changed in the source"),
        (("channels",), "web", {"labels": {"en_US": "Shop"}}, None),
    ],
    ids=["scopable", "decimals", "group", "of no mapping", "currencies", "label"],
)
def test_everything_is_read_when_what_mappings_depend_on_has_changed(
    shop: Shop, name: tuple[str, ...], code: str, changed: Json, expected: str | None
) -> None:
    start(shop, streams())
    put(shop, name, code, **changed)
    assert why_all(shop) == expected


def test_a_unit_that_nothing_is_measured_in_changes_nothing(shop: Shop) -> None:
    weight = ("measurement-families",)
    shop.sandbox.pim.put_row(weight, {**shop.sandbox.pim.tables[weight]["Weight"], "code": "Length"})
    start(shop, streams())
    put(shop, weight, "Length", units={})
    assert why_all(shop) is None


def test_a_label_that_could_not_be_written_is_tried_again(shop: Shop) -> None:
    start(shop, streams())
    put(shop, ("attribute-options", "colour"), "red", labels={"en_US": "x" * 300})
    shop.apply("--changed", code=4)
    shop.apply("--changed", code=4)
    put(shop, ("attribute-options", "colour"), "red", labels={"en_US": "Scarlet"})
    assert counts(shop) == {"updated": 1}
    assert shop.rows()[uuid_of("red")]["Colour__c"] == "Scarlet"


def test_a_linked_record_that_changed_brings_the_products_that_link_to_it(tmp_path: Path) -> None:
    fields = {"Brand__c": {"value": "brand", "labels": True}, "Founded__c": "brand.founded"}
    item = [KEY, *({"name": name, "type": "string", "length": 255} for name in fields)]
    org, folder = tmp_path / "org.json", tmp_path / "project"
    org.write_text(json.dumps({"objects": [{"name": "Item__c", "fields": item}]}), encoding="utf-8")
    (folder / "catalogs").mkdir(parents=True)
    (folder / "sync-engine.yaml").write_bytes(PROJECT_FILE.read_bytes())
    with running(DEMO_DATA, org) as sandbox:
        shop = Shop(Project(folder, sandbox.environment), sandbox)
        source = {"connection": "pim", "channel": "ecommerce", "locales": ["en_US", "de_DE"]}
        items = {"from": "products", "to": "Item__c", "key": {"Key__c": "uuid"}}
        shop.write({"items": {**items, "fields": {"Name": "{{ sku }}", **fields}}}, source=source)
        shop.apply()
        brands = ("reference-entity-records", "brand")
        products = sandbox.pim.products.by_key.values()
        linking, brand = max(
            (sum(_links(each, code) for each in products), code) for code in sandbox.pim.tables[brands]
        )
        values = sandbox.pim.tables[brands][brand]["values"]
        assert counts(shop) == {}
        now = {"updated": sandbox.pim.now_text()}
        founded = [{"locale": None, "channel": None, "data": "1799"}]
        put(shop, brands, brand, values={**values, "founded": founded}, **now)
        assert counts(shop) == {"updated": linking}
        label = [{"locale": "en_US", "channel": None, "data": "Another name"}]
        put(shop, brands, brand, values={**values, "founded": founded, "label": label}, updated=CREATED)
        assert counts(shop) == {"updated": linking}
        shop.settled()


def _links(item: Json, code: str) -> bool:
    return any(each["data"] == code for each in item["values"].get("brand", ()))
