"""Associations and quantified associations, in every spelling the API's pages have."""

from __future__ import annotations

from typing import Any

import pytest
from tests.plugins.akeneo.standin import StandIn

from sync_engine.sdk.errors import BrokenContract
from sync_engine.sdk.source import Kind, Query

PATHS = {"products": "products-uuid", "product_models": "product-models"}


def read(pim: StandIn, item: dict[str, Any], collection: str = "products") -> Any:
    """The associations of a record that the PIM answers with."""
    key = "uuid" if collection == "products" else "code"
    pim.structure([{"code": "sku", "type": "pim_catalog_identifier"}])
    pim.on(PATHS[collection], pim.page([{key: "it", "values": {}, **item}]))
    source = pim.open()
    try:
        query = Query(collection, frozenset(), frozenset({"associations"}), (), frozenset(), ())
        [partition] = source.pushdown(query).partitions
        [page] = source.read(partition)
        return page.records[0].properties["associations"]
    finally:
        source.close()


def one(type_: str, kind: str, key: str, quantity: int | None = None) -> dict[str, Any]:
    return {"type": type_, "kind": kind, "key": key, "quantity": quantity}


@pytest.mark.parametrize("collection", PATHS)
def test_both_kinds_of_associations_are_read_in_an_order_of_their_own(pim: StandIn, collection: str) -> None:
    found = read(
        pim,
        {
            "associations": {
                "X_SELL": {"products": ["u-2", "u-1"], "product_models": ["m"], "groups": ["g"]},
                "PACK": {"products": ["u-1"], "product_models": [], "groups": []},
            },
            "quantified_associations": {"KIT": {"products": [{"uuid": "u-9", "quantity": 6}], "product_models": []}},
        },
        collection,
    )
    assert found == (
        one("KIT", "product", "u-9", 6),
        one("PACK", "product", "u-1"),
        one("X_SELL", "group", "g"),
        one("X_SELL", "product", "u-1"),
        one("X_SELL", "product", "u-2"),
        one("X_SELL", "product_model", "m"),
    )


@pytest.mark.parametrize("name", ["identifier", "code"])
def test_a_quantified_model_is_named_by_identifier_or_by_code(pim: StandIn, name: str) -> None:
    quantified = {"KIT": {"products": [], "product_models": [{name: "mug", "quantity": 2}]}}
    assert read(pim, {"associations": {}, "quantified_associations": quantified}) == (
        one("KIT", "product_model", "mug", 2),
    )


@pytest.mark.parametrize("nothing", [{}, []])
def test_nothing_is_an_empty_object_or_an_empty_list(pim: StandIn, nothing: Any) -> None:
    assert read(pim, {"associations": nothing, "quantified_associations": nothing}) == ()
    assert read(pim, {"associations": {"PACK": nothing}, "quantified_associations": {"KIT": nothing}}) == ()


def test_a_pim_before_quantities_gives_none(pim: StandIn) -> None:
    assert read(pim, {"associations": {"PACK": {"products": ["u"]}}}) == (one("PACK", "product", "u"),)


@pytest.mark.parametrize(
    "item",
    [
        {},  # missing is not the same as none: rows would be deleted
        {"associations": {"PACK": {"products": "u-1"}}},
        {"associations": {"PACK": {"products": [7]}}},
        {"associations": {}, "quantified_associations": {"KIT": {"products": [{"uuid": "u"}]}}},
        {"associations": {}, "quantified_associations": {"KIT": {"products": [{"uuid": "u", "quantity": "6"}]}}},
        {"associations": {}, "quantified_associations": {"KIT": {"products": [{"quantity": 6}]}}},
    ],
)
def test_associations_of_another_shape_break_the_contract(pim: StandIn, item: dict[str, Any]) -> None:
    with pytest.raises(BrokenContract, match="associations of products record 'it'"):
        read(pim, item)


def test_products_and_models_have_associations_and_categories_have_none(pim: StandIn) -> None:
    pim.structure([])
    source = pim.open()
    collections = source.describe(()).collections
    source.close()
    having = {name for name, each in collections.items() if "associations" in each.properties}
    assert having == set(PATHS)
    assert collections["products"].properties["associations"].kind is Kind.ASSOCIATIONS
