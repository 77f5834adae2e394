"""The mapped products of the PIM's own catalogs, for apps: the targets of a mapping schema as what streams read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import Request
from tests.journeys import apps
from tests.journeys.small import Json, Shop, open_shop, product, uuid_of

from sync_engine_sandbox.pim.app_catalogs import set_up

FIELDS = [
    {"name": "Text__c", "type": "string", "length": 80},
    {"name": "Weight__c", "type": "double", "precision": 12, "scale": 3},
    {"name": "Price__c", "type": "currency", "precision": 12, "scale": 2},
    {"name": "Washable__c", "type": "boolean"},
    {"name": "Day__c", "type": "date"},
    {"name": "Page__c", "type": "url"},
    {"name": "Uses__c", "type": "multipicklist", "values": ["home", "trip", "work"], "restricted": True},
]
PRICE = {
    "type": "object",
    "properties": {"amount": {"type": "number"}, "currency": {"type": "string"}},
    "required": ["amount", "currency"],
}
LOCALISED = {
    "type": "object",
    "properties": {"locale": {"type": "string"}, "value": {"type": "string"}},
    "required": ["locale", "value"],
}
SCHEMA = {
    "$schema": "https://api.akeneo.com/mapping/product/1.0.3/schema",
    "type": "object",
    "properties": {
        "uuid": {"type": "string"},
        "product_name": {"type": "string", "maxLength": 80},
        "title": {"type": "string", "maxLength": 80},
        "heavy": {"type": "number"},
        "cost": PRICE,
        "clean": {"type": "boolean"},
        "since": {"type": "string", "format": "date-time"},
        "uses": {"type": "array", "items": {"type": "string"}},
        "page": {"type": "string", "format": "uri"},
        "odd": LOCALISED,
    },
}
MAPPING: dict[str, Json] = {
    "product_name": {"source": "name"},
    "title": {"source": "title", "locale": "de_DE"},
    "heavy": {"source": "weight"},
    "cost": {"source": "price", "parameters": {"currency": "EUR"}},
    "clean": {"source": "washable"},
    "since": {"source": "released"},
    "uses": {"source": "uses"},
    "page": {"source": "notes"},
}
STREAM: Json = {
    "from": "mapped_products",
    "to": "Item__c",
    "key": {"Key__c": "uuid"},
    "fields": {
        "Name": "product_name",
        "Text__c": "title",
        "Weight__c": "heavy",
        "Price__c": {"value": "cost", "currency": "EUR"},
        "Washable__c": {"value": "clean", "default": False},
        "Day__c": "since",
        "Uses__c": "uses",
        "Page__c": "page",
    },
    "on_missing": "delete",
}
NAMES: Json = {**STREAM, "fields": {"Name": "product_name"}}
SAFETY = {"max_delete_percent": 100, "max_collapse_percent": 100}
MANY = 130
"""Products that the PIM gives in two pages."""


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    mugs = [product(f"mug-{n:03}", name=f"Mug {n}") for n in range(MANY)]
    full = product(
        "full",
        name="Full",
        title={"en_US": "Cup", "de_DE": "Tasse"},
        weight={"amount": "1.250", "unit": "KILOGRAM"},
        price=[{"amount": "9.90", "currency": "EUR"}, {"amount": "11.00", "currency": "USD"}],
        washable=True,
        released="2024-05-06T00:00:00+00:00",
        uses=["home", "work"],
        notes="https://example.com/full",
    )
    with open_shop(tmp_path, fields=FIELDS, products=[*mugs, full]) as opened:
        apps.connect_as_app(opened.project.folder)
        yield opened


def mapped(shop: Shop, *, schema: Json = SCHEMA, **settings: Any) -> str:
    """An enabled catalog for apps with a mapping schema, mapped; its id."""
    own = apps.enabled(shop, **settings)
    put_schema(shop, own, schema)
    set_up(shop.sandbox.pim, own, mapping=MAPPING)
    return own


def put_schema(shop: Shop, own: str, schema: Json | None) -> None:
    shop.sandbox.pim.app_catalogs[own]["_schema"] = schema


def without(target: str) -> Json:
    """The schema without a target."""
    properties = {name: each for name, each in SCHEMA["properties"].items() if name != target}  # type: ignore[attr-defined]
    return {**SCHEMA, "properties": properties}


def write(shop: Shop, own: str | None, stream: Json = STREAM, **rest: Any) -> None:
    """The catalog of the project, which reads the mapped products of that catalog of the PIM."""
    source = {"connection": "pim", "channel": "web", "locales": ["en_US", "de_DE"]}
    source |= {"catalog": own} if own else {}
    shop.write({"items": stream}, **{"source": source, "safety": SAFETY, **rest})


def names(shop: Shop) -> list[str]:
    return sorted(str(row["Name"]) for row in shop.rows().values())


def test_targets_of_all_types_are_written_and_a_second_plan_has_nothing_to_do(shop: Shop) -> None:
    write(shop, mapped(shop))
    shop.run("validate", "--live")
    assert shop.apply()["summary"]["created"] == MANY + 1
    row = shop.rows()[uuid_of("full")]
    found = {name: row[name] for name in STREAM["fields"]}
    assert found == {
        "Name": "Full",
        "Text__c": "Tasse",
        "Weight__c": 1.25,
        "Price__c": 9.9,
        "Washable__c": True,
        "Day__c": "2024-05-06",
        "Uses__c": "home;work",
        "Page__c": "https://example.com/full",
    }
    assert shop.rows()[uuid_of("mug-001")].get("Text__c") is None
    shop.settled()


def test_a_change_in_the_pim_arrives_and_an_emptied_target_empties_the_field(shop: Shop) -> None:
    write(shop, mapped(shop, criteria=apps.chosen("full", "mug-001")))
    shop.apply()
    shop.change("mug-001", name="Mug one")
    shop.change("full", title=None, price=None)
    (planned,) = shop.run("plan", "--changed", "--format", "json").data["catalogs"]
    assert "mapped_products" in planned["streams"][0]["all_read_because"]
    assert shop.apply("--changed")["summary"]["updated"] == 2
    assert names(shop) == ["Full", "Mug one"]
    row = shop.rows()[uuid_of("full")]
    assert [row.get(name) for name in ("Text__c", "Price__c", "Weight__c")] == [None, None, 1.25]


def test_the_engine_filters_by_targets(shop: Shop) -> None:
    by_target = {"field": "product_name", "operator": "IN", "value": ["Mug 1", "Mug 3", "Full"]}
    by_price = {"field": "cost", "operator": "EMPTY"}
    write(shop, mapped(shop), {**NAMES, "filter": [by_target, by_price]})
    shop.apply()
    assert names(shop) == ["Mug 1", "Mug 3"]


def test_a_product_that_leaves_the_catalog_is_deleted_with_proof(shop: Shop) -> None:
    own = mapped(shop, criteria=apps.chosen("mug-001", "mug-002"))
    write(shop, own, NAMES)
    shop.apply()
    set_up(shop.sandbox.pim, own, criteria=apps.chosen("mug-002"))
    assert shop.apply()["summary"]["deleted"] == 1
    assert names(shop) == ["Mug 2"]


def test_a_product_that_is_back_before_it_is_deleted_stays(shop: Shop) -> None:
    own = mapped(shop, criteria=apps.chosen("mug-001", "mug-002"))
    write(shop, own, NAMES)
    apps.stays_when_selected_again(shop, own)


def test_a_disabled_catalog_is_refused_before_and_while_it_is_read(shop: Shop) -> None:
    own = mapped(shop, criteria=apps.chosen("mug-001"))
    write(shop, own, NAMES)
    shop.apply()
    apps.refused_while_disabled(shop, own)
    apps.refused_when_disabled_meanwhile(shop, own, "/mapped-products")
    assert names(shop) == ["Mug 1"]


def test_a_target_that_goes_while_products_are_read_empties_nothing(shop: Shop) -> None:
    own = mapped(shop, criteria=apps.chosen("full"))
    write(shop, own)
    shop.apply()
    asked: list[str] = []

    async def lose(request: Request) -> None:
        if request.url.path.endswith("/mapping-schemas/product"):
            asked.append(request.url.path)
            if len(asked) == 2:
                put_schema(shop, own, without("title"))

    shop.sandbox.pim.before.append(lose)
    assert 'the target "title" of the catalog "Store US" has changed' in shop.run("apply", "--yes", code=1).err
    assert shop.rows()[uuid_of("full")]["Text__c"] == "Tasse"


def test_a_catalog_without_a_flat_mapping_schema_is_refused(shop: Shop) -> None:
    own = mapped(shop)
    write(shop, own)
    put_schema(shop, own, None)
    for command, code in (("plan", 1), ("validate --live", 3), ("doctor", 1), ("snapshot pim", 1)):
        done = shop.run(*command.split(), code=code)
        assert "has no mapping schema in the PIM" in done.out + done.err
        assert "push-schema" in done.out + done.err
    models = {"code": {"type": "string"}, "variation_axes": {"type": "array"}, "variants": {"type": "array"}}
    put_schema(shop, own, {**SCHEMA, "properties": models})
    assert "of models and variants" in shop.run("plan", code=1).err


def test_unknown_and_unusable_targets_are_refused_with_their_place(shop: Shop) -> None:
    own = mapped(shop)
    for target, code, words in (
        ("titel", "SE302", "Did you mean `title`?"),
        ("name", "SE302", "no attribute and no property of mapped_products"),
        ("odd", "SE320", "object of locale, value"),
    ):
        write(shop, own, {**NAMES, "fields": {"Name": "product_name", "Text__c": target}})
        for command in ("plan", "validate --live"):
            done = shop.run(*command.split(), code=3)
            said = done.out + done.err
            assert re.search(rf"catalogs/shop\.yaml:\d+:\d+.*{code}", said), said
            assert words in said


def test_without_a_catalog_of_the_pim_there_are_none(shop: Shop) -> None:
    mapped(shop)
    write(shop, None)
    for command in ("plan", "validate --live"):
        done = shop.run(*command.split(), code=3)
        said = done.out + done.err
        assert re.search(r"catalogs/shop\.yaml:\d+:\d+.*SE301", said), said
        assert "`source.catalog` names one" in said


def test_the_tree_of_a_channel_does_not_narrow_them(shop: Shop) -> None:
    own = mapped(shop)
    source = {"connection": "pim", "channel": "web", "locales": ["en_US"], "catalog": own, "only_channel_tree": True}
    write(shop, own, source=source)
    assert "only_channel_tree" in shop.run("plan", code=1).err


def test_a_snapshot_holds_the_targets_so_that_they_are_checked_offline(shop: Shop) -> None:
    own = mapped(shop)
    write(shop, None, {**NAMES, "from": "products", "fields": {"Name": "name"}})
    shop.run("snapshot")
    write(shop, own)
    before = shop.run("validate", code=3).out
    assert "SE301" in before
    assert "sync-engine snapshot" in before
    shop.run("snapshot")
    shop.run("validate")
    shop.run("snapshot", "--check")
    write(shop, own, {**NAMES, "fields": {"Name": "product_name", "Text__c": "titel"}})
    assert "Did you mean `title`?" in shop.run("validate", code=3).out
    write(shop, own)
    put_schema(shop, own, without("title"))
    drift = shop.run("snapshot", "--check", code=2).out
    assert "items.Text__c" in drift
    assert "items.Weight__c" not in drift


def test_explain_and_preview_find_one_by_its_key(shop: Shop) -> None:
    own = mapped(shop, criteria=apps.chosen("mug-001"))
    write(shop, own, NAMES)
    shop.apply()
    inside = shop.run("explain", "shop", uuid_of("mug-001")).out
    assert re.search(r"Filter: passes\n *✓ the source's catalog .* selects it", inside)
    assert "Mug 1" in shop.run("preview", "shop", "--key", uuid_of("mug-001")).out
    assert "Mug 2" not in shop.run("preview", "shop", "--key", uuid_of("mug-002"), code=1).out
    shop.run("explain", "shop", uuid_of("mug-002"), code=1)
