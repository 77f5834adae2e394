"""What is read against the raw JSON that the sandbox PIM was given."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from tests.plugins.akeneo.conftest import Icecat, rows

from sync_engine.sdk.source import Kind
from sync_engine.sdk.values import Localized, Measurement, MediaRef, Price

LOCALES = ("de_DE", "en_US", "fr_FR")
CHANNELS = frozenset({"ecommerce", "mobile", "print"})


def expected(kind: Kind, data: Any) -> Any:
    """Written without looking at the adapter: what the documentation says a value is."""
    match kind:
        case Kind.NUMBER:
            return Decimal(data) if isinstance(data, str) else data
        case Kind.MEASUREMENT:
            amount = data["amount"]
            return Measurement(Decimal(amount) if isinstance(amount, str) else amount, data["unit"])
        case Kind.PRICES:
            return tuple(
                Price(Decimal(each["amount"]) if isinstance(each["amount"], str) else each["amount"], each["currency"])
                for each in data
            )
        case Kind.DATE:
            return date(int(data[:4]), int(data[5:7]), int(data[8:10]))
        case Kind.MULTISELECT:
            return tuple(data)
        case Kind.IMAGE | Kind.FILE:
            return MediaRef(data, data.split("/")[-1].split("_", 1)[1])
        case _:
            return data


def same(found: Any, wanted: Any) -> bool:
    return type(found) is type(wanted) and found == wanted


@pytest.mark.parametrize(("collection", "file"), [("products", "products"), ("product_models", "product-models")])
def test_all_records_with_all_values_equal_the_raw_json(icecat: Icecat, collection: str, file: str) -> None:
    query = icecat.query(
        collection,
        attributes=frozenset(icecat.schema.attributes),
        properties=frozenset({"categories", "family", "parent", "created", "updated"}),
        locales=LOCALES,
        channels=CHANNELS,
    )
    records = {record.key: record for record in icecat.read(query)}
    key = "uuid" if collection == "products" else "code"
    raw = {row[key]: row for row in rows(file)}
    assert records.keys() == raw.keys()
    count = 0
    for record_key, row in raw.items():
        record = records[record_key]
        assert record.values.keys() == row["values"].keys()
        assert record.properties["family"] == row["family"]
        assert record.properties["parent"] == row["parent"]
        assert set(record.properties["categories"]) == set(row["categories"])  # type: ignore[arg-type]
        for moment in ("created", "updated"):
            assert record.properties[moment] == datetime.fromisoformat(row[moment])
        for code, entries in row["values"].items():
            kind = icecat.schema.attributes[code].kind
            wanted = {(each["locale"], each["scope"]): expected(kind, each["data"]) for each in entries}
            found = {(each.locale, each.channel): each.data for each in record.values[code]}
            assert found.keys() == wanted.keys()
            assert all(same(found[place], data) for place, data in wanted.items()), (record_key, code, found, wanted)
            count += len(wanted)
    assert count > 500


def test_the_identifier_is_the_value_of_the_main_identifier_attribute(icecat: Icecat) -> None:
    records = icecat.read(icecat.query(properties=frozenset({"identifier", "enabled", "groups"})))
    raw = {row["uuid"]: row for row in rows("products")}
    assert all(each.properties["identifier"] == raw[each.key]["values"]["sku"][0]["data"] for each in records)
    assert all(each.properties["enabled"] is raw[each.key]["enabled"] for each in records)
    assert all(each.properties["groups"] == tuple(raw[each.key]["groups"]) for each in records)
    assert all(each.values == {} for each in records)


def test_axes_and_top_models_follow_the_family_variants(icecat: Icecat) -> None:
    variants = {row["code"]: row["variant_attribute_sets"] for row in rows("family-variants")}
    models = {row["code"]: row for row in rows("product-models")}

    def axes(variant: str, level: int) -> tuple[str, ...]:
        return tuple(next(each["axes"] for each in variants[variant] if each["level"] == level))

    query = icecat.query(properties=frozenset({"axes", "root_parent", "parent"}))
    seen = set()
    for record in icecat.read(query):
        parent = record.properties["parent"]
        if parent is None:
            assert record.properties["axes"] == ()
            assert record.properties["root_parent"] is None
            continue
        model = models[str(parent)]
        level = len(variants[model["family_variant"]])
        assert record.properties["axes"] == axes(model["family_variant"], level)
        assert record.properties["root_parent"] == (model["parent"] or model["code"])
        seen.add(level)
    assert seen == {1, 2}
    for record in icecat.read(icecat.query("product_models", properties=frozenset({"axes", "level"}))):
        model = models[record.key]
        level = 2 if model["parent"] else 1
        assert record.properties["level"] == level
        assert record.properties["axes"] == axes(model["family_variant"], level)


def test_models_and_variants_are_asked_for_only_when_a_property_needs_them(icecat: Icecat) -> None:
    source = icecat.open()
    before = len(icecat.state.requests)
    icecat.read(icecat.query(properties=frozenset({"parent", "family"})), source)
    assert {path for path, _ in icecat.calls(before)} == {"attributes", "products-uuid"}
    before = len(icecat.state.requests)
    icecat.read(icecat.query(properties=frozenset({"axes"})), source)
    first = [path for path, _ in icecat.calls(before)]
    assert any(path.startswith("product-models") for path in first)
    before = len(icecat.state.requests)
    icecat.read(icecat.query(properties=frozenset({"axes"})), source)
    assert {path for path, _ in icecat.calls(before)} == {"products-uuid"}
    source.close()


def test_nothing_is_asked_for_that_the_query_does_not_need(icecat: Icecat) -> None:
    def asked(**parts: Any) -> dict[str, str]:
        before = len(icecat.state.requests)
        icecat.read(icecat.query(**parts))
        path, parameters = icecat.calls(before)[0]
        assert path == "products-uuid"
        return parameters

    always = {"pagination_type": "search_after", "limit": "100"}
    assert asked() == always | {"attributes": "sku"}
    assert asked(attributes=frozenset({"weight", "name"}), locales=("en_US",)) == always | {"attributes": "name,weight"}
    assert asked(attributes=frozenset({"description"}), locales=("en_US", "de_DE")) == always | {
        "attributes": "description",
        "locales": "de_DE,en_US",
    }
    assert asked(properties=frozenset({"completeness"})) == always | {
        "attributes": "sku",
        "with_completenesses": "true",
    }
    assert asked(properties=frozenset({"quality_score"})) == always | {
        "attributes": "sku",
        "with_quality_scores": "true",
    }


def test_values_of_other_locales_and_channels_are_left_out(icecat: Icecat) -> None:
    query = icecat.query(
        attributes=frozenset({"description", "release_date"}), locales=("en_US",), channels=frozenset({"print"})
    )
    found = {
        (code, each.locale, each.channel)
        for record in icecat.read(query)
        for code, entries in record.values.items()
        for each in entries
    }
    assert found == {("description", "en_US", "print"), ("release_date", None, "print")} & found
    assert ("description", "en_US", "print") in found


def test_only_the_channels_tree_is_read_when_the_catalog_says_so(
    icecat: Icecat, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(icecat.state.table("channels")["mobile"], "category_tree", "suppliers")
    parents = {row["code"]: row["parent"] for row in rows("categories")}

    def root(code: str) -> str:
        return code if parents[code] is None else root(parents[code])

    inside = {row["uuid"] for row in rows("products") if any(root(each) == "suppliers" for each in row["categories"])}
    one = icecat.query(channel="mobile", channels=frozenset({"mobile"}), only_channel_tree=True)
    two = icecat.query(channel="mobile", channels=CHANNELS, only_channel_tree=True)
    assert {record.key for record in icecat.read(one)} == inside
    assert {record.key for record in icecat.read(two)} == inside
    assert "scope" in icecat.source.pushdown(one).partitions[0].request["params"]  # type: ignore[operator]
    assert "scope" not in icecat.source.pushdown(two).partitions[0].request["params"]  # type: ignore[operator]
    assert 0 < len(inside) < 981


def test_reading_goes_on_behind_a_cursor(icecat: Icecat) -> None:
    [partition] = icecat.source.pushdown(icecat.query()).partitions
    pages = list(icecat.source.read(partition))
    assert len(pages) == 10
    assert pages[-1].cursor is None
    rest = [record.key for page in icecat.source.read(partition, pages[6].cursor) for record in page.records]
    assert rest == [record.key for page in pages[7:] for record in page.records]


def test_a_page_costs_one_call(icecat: Icecat) -> None:
    source = icecat.open(page_size=50)
    query = icecat.query(properties=frozenset({"enabled"}))
    source.pushdown(query)
    before = len(icecat.state.requests)
    icecat.read(query, source)
    source.close()
    assert [path for path, _ in icecat.calls(before)] == ["products-uuid"] * 20


def test_categories_know_their_place_in_the_tree(icecat: Icecat) -> None:
    raw = {row["code"]: row for row in rows("categories")}

    def path(code: str) -> str:
        parent = raw[code]["parent"]
        return code if parent is None else f"{path(parent)}/{code}"

    properties = frozenset({"code", "parent", "label", "position", "updated", "root", "level", "path"})
    records = icecat.read(icecat.query("categories", properties=properties, locales=LOCALES))
    assert [record.key for record in records] == list(raw)
    for record in records:
        row = raw[record.key]
        place = path(record.key).split("/")
        assert record.properties == {
            "code": row["code"],
            "parent": row["parent"],
            "label": tuple(Localized(locale, None, text) for locale, text in row["labels"].items()),
            "position": row["position"],
            "updated": datetime.fromisoformat(row["updated"]),
            "root": place[0],
            "level": len(place),
            "path": "/".join(place),
        }
        assert record.properties["updated"].tzinfo is UTC  # type: ignore[union-attr]


def test_categories_are_read_on_behind_a_cursor(icecat: Icecat) -> None:
    [partition] = icecat.source.pushdown(icecat.query("categories")).partitions
    pages = list(icecat.source.read(partition))
    assert [len(page.records) for page in pages] == [100, 68]
    [rest] = icecat.source.read(partition, pages[0].cursor)
    assert rest == pages[1]


def test_family_variants_have_the_axes_of_all_their_levels(icecat: Icecat) -> None:
    raw = sorted(rows("family-variants"), key=lambda row: (row["_family"], row["code"]))
    query = icecat.query("family_variants", properties=frozenset({"code", "family", "label", "axes", "levels"}))
    before = len(icecat.state.requests)
    records = icecat.read(query)
    assert len(icecat.calls(before)) == 1 + len(rows("families"))
    assert len(raw) > 1
    assert [record.properties for record in records] == [
        {
            "code": row["code"],
            "family": row["_family"],
            "label": tuple(Localized(locale, None, text) for locale, text in row["labels"].items()),
            "axes": tuple(axis for level in row["variant_attribute_sets"] for axis in level["axes"]),
            "levels": len(row["variant_attribute_sets"]),
        }
        for row in raw
    ]


def test_completeness_and_quality_are_given_per_channel_and_locale(icecat: Icecat) -> None:
    records = icecat.read(icecat.query(properties=frozenset({"completeness", "quality_score"})))
    entries: Any = records[0].properties["completeness"]
    assert {(each.channel, each.locale) for each in entries} >= {("ecommerce", "en_US"), ("print", "en_US")}
    assert all(type(each.data) is int and 0 <= each.data <= 100 for each in entries)
    scores: Any = records[0].properties["quality_score"]
    assert {each.data for each in scores} <= set("ABCDE")
