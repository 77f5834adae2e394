"""Every type of value, also those that the Icecat catalogue lacks."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from starlette.responses import Response
from tests.plugins.akeneo.standin import StandIn

from sync_engine.sdk.errors import BrokenContract
from sync_engine.sdk.source import Query, SourceRecord
from sync_engine.sdk.values import Localized, Measurement, MediaRef, Price

COLUMNS = [
    {"code": "material", "data_type": "select"},
    {"code": "note", "data_type": "text"},
    {"code": "share", "data_type": "number"},
    {"code": "safe", "data_type": "boolean"},
    {"code": "since", "data_type": "date"},
    {"code": "mass", "data_type": "measurement"},
    {"code": "maker", "data_type": "reference_entity"},
    {"code": "spare", "data_type": "product_link"},
]
ROW = {
    "material": "steel",
    "note": "12E4",
    "share": "28.50",
    "safe": True,
    "since": "2024-02-29T00:00:00+00:00",
    "mass": {"amount": "1.5", "unit": "KILOGRAM"},
    "maker": "acme",
    "spare": {"type": "product", "id": "0f1e"},
}
CODE = "a/b/c/d/abcd_my_file.pdf"

SHAPES: list[tuple[str, Any, Any]] = [
    ("pim_catalog_identifier", "012", "012"),
    ("pim_catalog_text", "12E4", "12E4"),
    ("pim_catalog_textarea", "<p>\\n</p>", "<p>\\n</p>"),
    ("pim_catalog_number", 12, 12),
    ("pim_catalog_number", "89.8970", Decimal("89.8970")),
    ("pim_catalog_number", "-0.5", Decimal("-0.5")),
    (
        "pim_catalog_metric",
        {"amount": "25.4500", "unit": "GRAM", "symbol": "g"},
        Measurement(Decimal("25.4500"), "GRAM"),
    ),
    ("pim_catalog_metric", {"amount": 7, "unit": "GRAM"}, Measurement(7, "GRAM")),
    ("pim_catalog_metric", {"amount": None, "unit": "GRAM"}, None),
    (
        "pim_catalog_price_collection",
        [
            {"amount": "899.00", "currency": "EUR"},
            {"amount": None, "currency": "USD"},
            {"amount": 5, "currency": "GBP"},
        ],
        (Price(Decimal("899.00"), "EUR"), Price(5, "GBP")),
    ),
    ("pim_catalog_price_collection", [{"amount": None, "currency": "USD"}], None),
    ("pim_catalog_price", [{"amount": "1", "currency": "EUR"}], (Price(Decimal(1), "EUR"),)),
    ("pim_catalog_boolean", False, False),
    ("pim_catalog_date", "2012-03-13T00:00:00+11:00", date(2012, 3, 13)),
    ("pim_catalog_date", "2012-03-13", date(2012, 3, 13)),
    ("pim_catalog_simpleselect", "800", "800"),
    ("pim_catalog_multiselect", ["b", "a"], ("b", "a")),
    ("pim_catalog_multiselect", [], None),
    ("pim_catalog_image", CODE, MediaRef(CODE, "my_file.pdf")),
    ("pim_catalog_file", "short", MediaRef("short", "short")),
    ("pim_catalog_asset_collection", ["z", "a"], ("z", "a")),
    ("pim_assets_collection", ["z", "a"], ("z", "a")),
    ("akeneo_reference_entity", "starck", "starck"),
    ("akeneo_reference_entity_collection", ["starck"], ("starck",)),
    ("pim_reference_data_simpleselect", "red", "red"),
    ("pim_catalog_reference_data_multiselect", ["red"], ("red",)),
    ("pim_catalog_product_link", {"type": "product", "id": "0f1e"}, "0f1e"),
    ("pim_catalog_product_link", {"type": "product", "identifier": "sku-1"}, "sku-1"),
    ("pim_catalog_product_link", {"type": "product_model", "id": "amor"}, "amor"),
    (
        "pim_catalog_table",
        [ROW, {"material": "wood", "unheard_of": "5"}],
        (
            {
                "material": "steel",
                "note": "12E4",
                "share": Decimal("28.50"),
                "safe": True,
                "since": date(2024, 2, 29),
                "mass": Measurement(Decimal("1.5"), "KILOGRAM"),
                "maker": "acme",
                "spare": "0f1e",
            },
            {"material": "wood", "unheard_of": "5"},
        ),
    ),
    ("pim_catalog_text", None, None),
]


def attribute(kind: str, code: str = "it", **more: Any) -> dict[str, Any]:
    return {"code": code, "type": kind, "table_configuration": COLUMNS} | more


def read(pim: StandIn, attributes: list[dict[str, Any]], items: list[Any], **parts: Any) -> list[SourceRecord]:
    """What is read of products when the PIM answers with these items."""
    pim.structure([{"code": "sku", "type": "pim_catalog_identifier"}, *attributes])
    if "products-uuid" not in pim.handlers:
        pim.on("products-uuid", pim.page(items))
    codes = frozenset(each["code"] for each in attributes)
    query = Query(
        "products", codes, frozenset({"uuid"}), **({"locales": (), "channels": frozenset(), "filters": ()} | parts)
    )
    source = pim.open()
    try:
        [partition] = source.pushdown(query).partitions
        return [record for page in source.read(partition) for record in page.records]
    finally:
        source.close()


def item(*entries: dict[str, Any], code: str = "it") -> dict[str, Any]:
    return {"uuid": "u-1", "values": {code: list(entries)}}


def entry(data: Any, locale: str | None = None, scope: str | None = None) -> dict[str, Any]:
    return {"locale": locale, "scope": scope, "data": data}


@pytest.mark.parametrize(("kind", "data", "wanted"), SHAPES, ids=[f"{k}-{str(d)[:20]}" for k, d, _ in SHAPES])
def test_a_value_becomes_what_its_type_says(pim: StandIn, kind: str, data: Any, wanted: Any) -> None:
    [record] = read(pim, [attribute(kind)], [item(entry(data))])
    if wanted is None:
        assert record.values == {}
    else:
        [found] = record.values["it"]
        assert found == Localized(None, None, wanted)
        assert type(found.data) is type(wanted)


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("pim_catalog_text", 12),
        ("pim_catalog_number", "1_000"),
        ("pim_catalog_number", "NaN"),
        ("pim_catalog_number", True),
        ("pim_catalog_number", [1]),
        ("pim_catalog_metric", "25 GRAM"),
        ("pim_catalog_metric", {"amount": 1}),
        ("pim_catalog_price_collection", [{"currency": "EUR"}]),
        ("pim_catalog_price_collection", {"EUR": 5}),
        ("pim_catalog_boolean", "1"),
        ("pim_catalog_date", "13.03.2012"),
        ("pim_catalog_simpleselect", ["a"]),
        ("pim_catalog_multiselect", "a"),
        ("pim_catalog_multiselect", [["a"]]),
        ("pim_catalog_image", {"code": "a"}),
        ("pim_catalog_table", [["steel"]]),
        ("pim_catalog_table", [{"share": "much"}]),
        ("pim_catalog_product_link", {"type": "product"}),
    ],
)
def test_a_value_of_another_shape_breaks_the_contract(pim: StandIn, kind: str, data: Any) -> None:
    with pytest.raises(BrokenContract, match="it of products record 'u-1'"):
        read(pim, [attribute(kind)], [item(entry(data))])


def test_json_fractions_and_long_integers_stay_exact(pim: StandIn) -> None:
    body = json.dumps(pim.page([item(entry(0.5), code="a"), item(entry(7), code="a")]))
    body = body.replace("0.5", "0.1000000000000000055").replace('"data": 7', '"data": 123456789012345678901234567890')
    pim.on("products-uuid", Response(body, media_type="application/json"))
    first, second = read(pim, [attribute("pim_catalog_number", "a")], [])
    assert first.values["a"][0].data == Decimal("0.1000000000000000055")
    assert second.values["a"][0].data == 123456789012345678901234567890


def test_entries_that_the_attribute_cannot_have_are_left_out(pim: StandIn) -> None:
    """``convert_measurements`` adds a converted entry per locale to an attribute that has no locales."""
    [record] = read(
        pim,
        [attribute("pim_catalog_metric")],
        [
            item(
                entry({"amount": "1", "unit": "KILOGRAM"}),
                entry({"amount": "2.2", "unit": "POUND"}, "en_US", "ecommerce"),
                entry({"amount": "2.2", "unit": "POUND"}, "en_US"),
                entry({"amount": "2.2", "unit": "POUND"}, None, "ecommerce"),
            )
        ],
        locales=("en_US",),
        channels=frozenset({"ecommerce"}),
    )
    assert record.values["it"] == [Localized(None, None, Measurement(Decimal(1), "KILOGRAM"))]


def test_values_that_were_not_asked_for_are_left_out(pim: StandIn) -> None:
    """The PIM's own filters cannot say every combination."""
    places = [("en_US", "print"), ("en_US", "mobile"), ("de_DE", "print"), ("fr_FR", "print")]
    [record] = read(
        pim,
        [attribute("pim_catalog_text", localizable=True, scopable=True)],
        [item(*(entry("text", *place) for place in places))],
        locales=("de_DE", "en_US"),
        channels=frozenset({"print"}),
    )
    assert [each[:2] for each in record.values["it"]] == [("en_US", "print"), ("de_DE", "print")]


def test_kinds_that_cannot_be_used_are_not_asked_for(pim: StandIn) -> None:
    [record] = read(
        pim, [attribute("pim_odd", "odd"), attribute("pim_catalog_text")], [item(entry({"a": 1}), code="odd")]
    )
    assert record.values == {}
    assert pim.asked[-1][1]["attributes"] == "it"


def test_quality_scores_and_completenesses_that_are_absent_are_no_values(pim: StandIn) -> None:
    pim.structure([{"code": "sku", "type": "pim_catalog_identifier"}])
    pim.on("products-uuid", pim.page([{"uuid": "u", "values": {}, "completenesses": []}]))
    source = pim.open()
    properties = frozenset({"completeness", "quality_score"})
    query = Query("products", frozenset(), properties, (), frozenset(), ())
    [page] = source.read(source.pushdown(query).partitions[0])
    source.close()
    assert page.records[0].properties == {"completeness": (), "quality_score": ()}
