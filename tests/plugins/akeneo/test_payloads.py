"""Every recorded and documented answer of the PIM is read by the adapter as what it is."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest
from starlette.responses import JSONResponse
from tests.plugins.akeneo.conftest import SHARED
from tests.plugins.akeneo.standin import StandIn
from tests.plugins.akeneo.test_values import attribute, read

from sync_engine.sdk.source import Kind, Query, SourceRecord, SourceSchema
from sync_engine.sdk.values import MediaRef
from sync_engine_akeneo.app_catalogs import AppCatalogs
from sync_engine_akeneo.kinds import KINDS
from sync_engine_akeneo.source import AkeneoSource

Json = dict[str, Any]

FOLDER = SHARED / "payloads"
ENTRY_KEYS = {"locale", "scope", "data", "attribute_type", "reference_data_name", "linked_data", "_links"}
PLACES = (str, type(None))

NOT_ANSWERED = {
    "$ref": "points to another payload",
    "patch": "the body of a write, or the answer to one",
    "Upsert": "the answer to a write",
    "_write__": "the body of a write",
    "category_update": "the body of a write",
    "event-platform": "what a subscription is made of",
    "pim-api-docs/events/": "JSON Schemas",
    "ReferenceEntity__": "entities as such: what they are called is never needed",
    "reference_entities__": "likewise",
    "swagger__products__": "products by identifier; the adapter asks for them by uuid",
}
"""Parts of names, or members, of what the adapter never gets as an answer."""


def documents() -> Iterator[tuple[str, Any]]:
    """Every document with the name of its file."""
    if not FOLDER.is_dir():
        pytest.skip("the payloads are not beside the repository")
    for path in sorted(FOLDER.rglob("*.json*")):
        lines = path.read_text(encoding="utf-8").splitlines() if path.suffix == ".jsonl" else [path.read_text("utf-8")]
        for line in lines:
            document = json.loads(line)
            name = path.relative_to(FOLDER).as_posix()
            yield name, document["json"] if path.suffix == ".jsonl" else document


def objects(document: Any) -> Iterator[Json]:
    """Every object in a document, however deep."""
    if isinstance(document, dict):
        yield document
    for each in document.values() if isinstance(document, dict) else document if isinstance(document, list) else ():
        yield from objects(each)


def answered(name: str, document: Any) -> bool:
    return not any(part in name for part in NOT_ANSWERED) and not (isinstance(document, dict) and "$ref" in document)


def is_entry(found: Json) -> bool:
    """Whether it is a value of a product or model, and no completeness, quality score or proposed change."""
    if not {"locale", "scope", "data"} <= found.keys() <= ENTRY_KEYS or not isinstance(found["locale"], PLACES):
        return False
    placed = found["scope"] is not None and found["locale"] is not None
    return not (placed and (isinstance(found["data"], int) or found["data"] in list("ABCDE")))


SHAPES: Mapping[str, Callable[[Json], bool]] = {
    "value": is_entry,
    "attribute": lambda each: str(each.get("type", "")).startswith(("pim_", "akeneo_")) and "code" in each,
    "linked attribute": lambda each: {"code", "type", "value_per_locale"} <= each.keys(),
    "linked value": lambda each: {"locale", "channel", "data"} <= each.keys() and "attribute_code" not in each,
    "linked record": lambda each: (
        isinstance(each.get("values"), dict) and "code" in each and any("channel" in e for e in entries(each))
    ),
    "option": lambda each: {"code", "labels"} <= each.keys() <= {"_links", "code", "labels", "attribute", "sort_order"},
    "family": lambda each: "attribute_requirements" in each,
    "family variant": lambda each: "variant_attribute_sets" in each,
    "category": lambda each: {"code", "parent", "labels", "updated"} <= each.keys() and "family" not in each,
    "channel": lambda each: {"code", "category_tree", "locales"} <= each.keys(),
    "switched": lambda each: each.keys() - {"_links"} in ({"code", "enabled"}, {"code", "enable"}),
    "measurement family": lambda each: {"standard_unit_code", "units"} <= each.keys(),
    "unit": lambda each: "convert_from_standard" in each and each["code"] != "UNIT_CODE",
    "product": lambda each: isinstance(each.get("values"), dict) and {"categories", "uuid"} <= each.keys(),
    "model": lambda each: isinstance(each.get("values"), dict) and {"categories", "family_variant"} <= each.keys(),
    "asset family": lambda each: "attribute_as_main_media" in each,
    "file": lambda each: {"code", "original_filename"} <= each.keys(),
    "catalog for apps": lambda each: {"id", "name", "enabled"} <= each.keys(),
    "page": lambda each: "_embedded" in each and "_links" in each,
    "token": lambda each: "access_token" in each,
}


def entries(record: Json) -> Iterator[Json]:
    """All entries of a record's values, where they are lists of objects."""
    for found in record["values"].values():
        yield from (each for each in found if isinstance(each, dict)) if isinstance(found, list) else ()


def recorded(shape: str) -> list[Json]:
    """Everything of a shape in all answers."""
    return [
        each
        for name, document in documents()
        if answered(name, document)
        for each in objects(document)
        if SHAPES[shape](each)
    ]


def by_code(found: Iterable[Json]) -> dict[str, Json]:
    return {each["code"]: each for each in found}


def described(pim: StandIn, *, attributes: Iterable[Json] = ()) -> SourceSchema:
    source = pim.open()
    schema = source.describe([each["code"] for each in attributes] or None)
    source.close()
    return schema


def test_every_file_holds_something_that_is_read_here() -> None:
    found: dict[str, bool] = {}
    for name, document in documents():
        if answered(name, document):
            fits = any(shape(each) for each in objects(document) for shape in SHAPES.values())
            found[name] = found.get(name, False) or fits
    assert [name for name, fits in found.items() if not fits] == []
    assert len(found) > 60


def guessed(found: Json) -> str:
    """The type of a recorded entry: as it says itself, or by the look of its data."""
    data = found["data"]
    first = data[0] if isinstance(data, list) and data else None
    by_look = {
        "price": isinstance(first, dict) and "currency" in first,
        "metric": isinstance(data, dict) and "unit" in data,
        "multiselect": isinstance(data, list),
        "boolean": isinstance(data, bool),
        "number": isinstance(data, int),
        "text": True,
    }
    return str(found.get("attribute_type") or f"pim_catalog_{next(name for name, fits in by_look.items() if fits)}")


def test_every_value_is_read(pim: StandIn) -> None:
    # Bodies of writes, and values of products by identifier, have the shape of those that are read.
    found = [each for _, document in documents() for each in objects(document) if is_entry(each)]
    attributes = [
        attribute(
            guessed(each), f"a{number}", localizable=each["locale"] is not None, scopable=each["scope"] is not None
        )
        for number, each in enumerate(found)
    ]
    values = {f"a{number}": [each] for number, each in enumerate(found)}
    locales = tuple({each["locale"] for each in found if each["locale"]})
    channels = frozenset({each["scope"] for each in found if each["scope"]})
    [record] = read(pim, attributes, [{"uuid": "u", "values": values}], locales=locales, channels=channels)
    empty = {f"a{number}" for number, each in enumerate(found) if each["data"] is None}
    assert record.values.keys() == values.keys() - empty
    assert len(found) > 150


def test_every_attribute_is_described(pim: StandIn) -> None:
    found = by_code(recorded("attribute"))
    pim.structure(list(found.values()))
    for code, each in found.items():
        pim.on(f"attributes/{code}/options", pim.page([]))
        pim.on(f"attributes/{code}", each)
    schema = described(pim)
    assert schema.attributes.keys() == found.keys()
    assert all(each.kind is KINDS[found[code]["type"]] for code, each in schema.attributes.items())
    columns = {code: [each["code"] for each in row.get("table_configuration") or []] for code, row in found.items()}
    assert {code: [one.code for one in each.columns] for code, each in schema.attributes.items()} == columns
    assert any(columns.values())
    assert len(found) >= 4


def test_every_option_is_described(pim: StandIn) -> None:
    found = by_code(recorded("option"))
    colour = {"code": "colour", "type": "pim_catalog_simpleselect"}
    pim.structure([colour])
    pim.on("attributes/colour/options", pim.page(list(found.values())))
    options = described(pim).attributes["colour"].options or ()
    assert {each.code: dict(each.labels) for each in options} == {code: each["labels"] for code, each in found.items()}
    assert len(found) > 10


@pytest.mark.parametrize("shape", ["family", "category", "channel", "measurement family"])
def test_everything_of_the_structure_is_described(pim: StandIn, shape: str) -> None:
    found = by_code(recorded(shape))
    path = {"family": "families", "category": "categories", "channel": "channels"}.get(shape, "measurement-families")
    pim.structure([])
    items = list(found.values())
    pim.on(path, items if shape == "measurement family" else pim.page(items))
    schema = described(pim)
    codes: Mapping[str, Iterable[str]] = {
        "family": [each.code for each in schema.families],
        "category": [each.code for each in schema.collections["products"].properties["categories"].options or ()],
        "channel": schema.channels,
        "measurement family": schema.unit_families,
    }
    assert set(codes[shape]) == found.keys()
    assert found


def test_every_unit_is_described(pim: StandIn) -> None:
    found = by_code(recorded("unit"))
    pim.structure([])
    standard = next(iter(found))
    pim.on("measurement-families", [{"code": "All", "labels": {}, "standard_unit_code": standard, "units": found}])
    units = described(pim).unit_families["All"].units
    assert {code: len(each.to_standard) for code, each in units.items()} == {
        code: len(each["convert_from_standard"]) for code, each in found.items()
    }
    assert len(found) > 5


def test_every_currency_is_active_or_not(pim: StandIn) -> None:
    found = by_code(recorded("switched"))
    pim.structure([])
    pim.on("currencies", pim.page(list(found.values())))
    active = {code for code, each in found.items() if each.get("enabled", each.get("enable"))}
    assert set(described(pim).currencies) == active
    assert active


def test_the_axes_of_every_family_variant_are_read(pim: StandIn) -> None:
    found = by_code(recorded("family variant"))
    pim.structure([])
    pim.on("families/F/variants", pim.page(list(found.values())))
    pim.on("product-models", pim.page([{"code": code, "family": "F", "family_variant": code} for code in found]))
    records = all_of(pim, Query("product_models", frozenset(), frozenset({"axes"}), (), frozenset(), ()))
    assert [each.properties["axes"] for each in records] == [
        tuple(min(each["variant_attribute_sets"], key=lambda each: each["level"])["axes"]) for each in found.values()
    ]
    assert found


def all_of(pim: StandIn, query: Query) -> list[SourceRecord]:
    source = pim.open()
    records = [
        record
        for partition in source.pushdown(query).partitions
        for page in source.read(partition)
        for record in page.records
    ]
    source.close()
    return records


PROPERTIES = {
    "product": {"uuid", "family", "categories", "parent", "created", "updated", "completeness", "quality_score"},
    "model": {"code", "family", "family_variant", "categories", "parent", "level", "created"},
}


@pytest.mark.parametrize("shape", ["product", "model"])
def test_every_product_and_model_is_read(pim: StandIn, shape: str) -> None:
    collection, path = {
        "product": ("products", "products-uuid"),
        "model": ("product_models", "product-models"),
    }[shape]
    associated = 0
    found = recorded(shape)
    for whole in (True, False):  # some recordings are cut short
        items = [each for each in found if ("associations" in each) is whole]
        pim.reset()
        pim.structure([{"code": "sku", "type": "pim_catalog_identifier"}])
        pim.on(path, pim.page(items))
        asked = PROPERTIES[shape] | ({"associations"} if whole else set())
        records = all_of(pim, Query(collection, frozenset(), frozenset(asked), (), frozenset(), ()))
        assert [each.key for each in records] == [each["uuid" if shape == "product" else "code"] for each in items]
        associated += sum(len(each.properties.get("associations") or ()) for each in records)  # type: ignore[arg-type]
    assert len(found) >= 3
    assert associated >= 3


def linking(pim: StandIn, kind: str, linked: list[Json], records: list[Json]) -> None:
    """A PIM whose products link to ``E``, which has these attributes and records."""
    owners, items = {"records": ("reference-entities", "records"), "assets": ("asset-families", "assets")}[kind]
    type_ = {"records": "akeneo_reference_entity_collection", "assets": "pim_catalog_asset_collection"}[kind]
    pim.structure([{"code": "link", "type": type_, "reference_data_name": "E"}])
    pim.on(f"{owners}/E/attributes", linked)
    pim.on(f"{owners}/E/{items}", pim.page(records))
    codes = [each["code"] for each in records]
    value = {"locale": None, "scope": None, "data": codes}
    pim.on("products-uuid", pim.page([{"uuid": "u", "values": {"link": [value]}}]))
    for each in linked:
        pim.on(f"{owners}/E/attributes/{each['code']}/options", [])
    pim.on(f"{owners}/E", {"code": "E", "labels": {}})


@pytest.mark.parametrize("kind", ["records", "assets"])
def test_every_attribute_of_linked_records_is_described(pim: StandIn, kind: str) -> None:
    found = by_code(recorded("linked attribute"))
    linking(pim, kind, list(found.values()), [])
    for owner in ("country", "designer", "brand"):
        pim.on(f"reference-entities/{owner}/records", pim.page([]))
    schema = described(pim)
    assert {code.partition(".")[2] for code in schema.attributes if "." in code} == found.keys()
    # Several assets together are neither enabled nor disabled.
    unusable = [each.native_type for code, each in schema.attributes.items() if each.kind is Kind.OTHER]
    assert unusable == ["boolean"]
    assert len(found) > 10


def linked_type(found: Json) -> str:
    if "attribute_type" in found:
        return str(found["attribute_type"])
    return "multiple_options" if isinstance(found["data"], list) else "text"


@pytest.mark.parametrize("kind", ["records", "assets"])
def test_every_value_of_linked_records_is_read(pim: StandIn, kind: str) -> None:
    """Records, assets, and values that stand alone."""
    records = [each for each in recorded("linked record") if "parent" not in each]
    lone = [each for each in recorded("linked value") if isinstance(each["locale"], PLACES)]
    given = [("lone", {f"a{number}": [each] for number, each in enumerate(lone)})]
    given += [
        (f"r{number}", {f"r{number}_{code}": found for code, found in each["values"].items()})
        for number, each in enumerate(records)
    ]
    linked = [
        {
            "code": code,
            "labels": {},
            "type": linked_type(found[0]),
            "value_per_locale": found[0]["locale"] is not None,
            "value_per_channel": found[0]["channel"] is not None,
            "is_required_for_completeness": False,
        }
        for _, values in given
        for code, found in values.items()
        if found
    ]
    linking(pim, kind, linked, [{"code": code, "values": values} for code, values in given])
    wanted = frozenset(f"link.{each['code']}" for each in linked)
    locales = tuple(
        {each["locale"] for _, values in given for found in values.values() for each in found if each["locale"]}
    )
    channels = frozenset(
        each["channel"] for _, values in given for found in values.values() for each in found if each["channel"]
    )
    [record] = all_of(pim, Query("products", wanted, frozenset({"uuid"}), locales, channels, ()))
    assert record.values.keys() - {"link"} == wanted
    assert len(records) > 5
    assert len(lone) > 20


def test_numbers_and_days_of_several_assets_are_texts(pim: StandIn) -> None:
    places = {"value_per_locale": False, "value_per_channel": False}
    linked = [{"code": "pages", "type": "number", **places}, {"code": "day", "type": "date", **places}]
    records = [
        {
            "code": code,
            "values": {name: [{"locale": None, "channel": None, "data": data}] for name, data in given.items()},
        }
        for code, given in {
            "one": {"pages": "1949", "day": "2026-01-31T00:00:00+00:00"},
            "two": {"pages": 7, "day": "2026-02-01"},
        }.items()
    ]
    linking(pim, "assets", linked, records)
    query = Query("products", frozenset({"link.pages", "link.day"}), frozenset({"uuid"}), (), frozenset(), ())
    [record] = all_of(pim, query)
    assert record.values["link.pages"][0].data == ("1949", "7")
    assert record.values["link.day"][0].data == ("2026-01-31", "2026-02-01")


def test_every_link_of_an_asset_leads_where_the_pim_says(pim: StandIn) -> None:
    found = [each for each in recorded("linked value") if each.get("attribute_type") == "media_link"]
    for each in found:
        said = each["linked_data"]
        link = {"code": "it", "type": "media_link", "value_per_locale": False, "value_per_channel": False, **said}
        linking(pim, "assets", [link], [{"code": "one", "values": {"it": [each]}}])
        query = Query("products", frozenset({"link.it"}), frozenset({"uuid"}), (), frozenset(), ())
        [[value]] = [record.values["link.it"] for record in all_of(pim, query)]
        [media] = value.data  # type: ignore[misc]
        assert isinstance(media, MediaRef)
        assert media.code == f"{said['prefix'] or ''}{each['data']}{said['suffix'] or ''}"
    assert found


def test_the_main_file_of_every_asset_family_is_found(pim: StandIn) -> None:
    for each in recorded("asset family"):
        main = each["attribute_as_main_media"]
        file = {"code": main, "type": "media_file", "value_per_locale": False, "value_per_channel": False}
        linking(pim, "assets", [file], [])
        pim.on("asset-families/E", each)
        assert described(pim).attributes["link"].files == f"link.{main}"
    assert recorded("asset family")


def test_every_page_of_a_list_is_followed(pim: StandIn) -> None:
    """Its links are those of other hosts, so only their form is looked at."""
    followed = 0
    for each in recorded("page"):
        if "items" not in each["_embedded"]:
            continue  # the documentation writes `_items` once
        following = each["_links"].get("next", {}).get("href")
        if following and "search_after" in following:
            pim.reset()
            pim.structure([{"code": "sku", "type": "pim_catalog_identifier"}])
            cursor = following.partition("search_after=")[2].partition("&")[0]
            page = {**each, "_embedded": {"items": [{"uuid": "u", "values": {}}]}}
            page["_links"] = {**each["_links"], "next": {"href": pim.link("products-uuid", search_after=cursor)}}
            pim.on("products-uuid", page, pim.page([]))
            all_of(pim, Query("products", frozenset(), frozenset({"uuid"}), (), frozenset(), ()))
            assert pim.asked[-1][1]["search_after"]
            followed += 1
    assert followed


def test_every_token_is_used(pim: StandIn) -> None:
    for each in recorded("token"):
        pim.reset()
        pim.structure([])
        token = f"app-{each['access_token']}"
        pim.token_answer = lambda _, each=each, token=token: JSONResponse({**each, "access_token": token})
        described(pim)
        assert pim.grants == ["password"]
    assert recorded("token")


@contextmanager
def catalogs_of(pim: StandIn) -> Iterator[AppCatalogs]:
    """The calls of catalogs for apps, as the adapter makes them."""
    source = pim.open()
    assert isinstance(source, AkeneoSource)
    yield source.catalogs
    source.close()


def test_every_catalog_for_apps_is_read(pim: StandIn) -> None:
    found = {each["id"]: each for each in recorded("catalog for apps")}
    pim.on("catalogs", pim.page(list(found.values())))
    with catalogs_of(pim) as catalogs:
        shown = {each.id: {"id": each.id, "name": each.name, "enabled": each.enabled} for each in catalogs.all()}
    assert shown == found
    assert {each["enabled"] for each in found.values()} == {True, False}


def test_every_list_of_the_products_of_a_catalog_is_read_to_its_end(pim: StandIn) -> None:
    pages = [each for name, each in documents() if "AppCatalogProduct" in name]
    path = re.search(r"catalogs/[^/]+/product-uuids", pages[0]["_links"]["self"]["href"])
    assert path is not None
    pim.on(path[0], *[json.loads(json.dumps(each).replace("$baseUri", pim.url)) for each in pages])
    with catalogs_of(pim) as catalogs:
        keys = list(catalogs.products(path[0].split("/")[1]))
    assert keys == [key for each in pages for key in each["_embedded"]["items"]]
    assert len(pages) > 1
