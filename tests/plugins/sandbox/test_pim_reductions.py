from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.plugins.sandbox.pim_server import ICECAT, Json, Pim, needs_icecat, product, rows, running, tiny, value

from sync_engine_sandbox.pim.data import load

BOTH = [*value("Cup", "en_US"), *value("Tasse", "fr_FR")]
SCOPED = [*value("long", "en_US", "web"), *value("court", "fr_FR", "web"), *value("print", "en_US", "paper")]


@pytest.fixture(scope="module")
def pim() -> Iterator[Pim]:
    values = {
        "name": BOTH,
        "description": SCOPED,
        "color": value("red"),
        "styles": value(["casual", "sport"]),
        "price": value([{"amount": "9.00", "currency": "EUR"}]),
    }
    data = tiny(
        product(1, categories=["summer"], values=values),
        product(2, categories=["print"]),
        product(3, family=None),
        product(4, values={"color": value("gone")}),
    )
    with running(data) as pim:
        yield pim


def first(pim: Pim, **query: str) -> Json:
    item: Json = pim.one("products-uuid", limit=1, **query)["_embedded"]["items"][0]
    return item


def test_attributes_keep_only_those(pim: Pim) -> None:
    assert set(first(pim, attributes="name,color")["values"]) == {"name", "color"}


def test_locales_keep_values_without_a_locale(pim: Pim) -> None:
    values = first(pim, locales="fr_FR")["values"]
    assert values["name"] == value("Tasse", "fr_FR")
    assert values["description"] == value("court", "fr_FR", "web")
    assert values["color"] == value("red")


def test_a_scope_drops_products_outside_its_tree_and_filters_values(pim: Pim) -> None:
    items = pim.all("products-uuid", scope="paper")
    assert [item["uuid"][-1] for item in items] == ["2"]
    inside = pim.all("products-uuid", scope="web")
    assert [item["uuid"][-1] for item in inside] == ["1"]
    assert inside[0]["values"]["description"] == SCOPED[:2]
    assert inside[0]["values"]["color"] == value("red")


def test_a_scope_leaves_the_tree_alone_when_the_search_names_categories(pim: Pim) -> None:
    search = {"categories": [{"operator": "IN", "value": ["summer"]}]}
    items = pim.all("products-uuid", scope="paper", search=search)
    assert [item["values"]["description"] for item in items] == [value("print", "en_US", "paper")]
    assert items[0]["values"]["name"] == value("Cup", "en_US")


def test_attribute_options_come_with_their_labels(pim: Pim) -> None:
    values = first(pim, with_attribute_options="true")["values"]
    assert values["color"][0]["linked_data"] == {"attribute": "color", "code": "red", "labels": {"en_US": "Red"}}
    assert set(values["styles"][0]["linked_data"]) == {"casual", "sport"}
    gone = pim.one(f"products-uuid/{product(4)['uuid']}", with_attribute_options="true")
    assert gone["values"]["color"][0]["linked_data"] is None


def test_completenesses_cover_every_channel_and_its_locales(pim: Pim) -> None:
    shares = {
        (row["scope"], row["locale"]): row["data"] for row in first(pim, with_completenesses="true")["completenesses"]
    }
    # web needs sku, name and a price in both currencies; paper needs only the sku.
    assert shares == {("web", "en_US"): 66, ("web", "fr_FR"): 66, ("paper", "en_US"): 100}
    orphan = pim.one(f"products-uuid/{product(3)['uuid']}", with_completenesses="true", with_quality_scores="true")
    assert (orphan["completenesses"], orphan["quality_scores"]) == ([], [])


def test_quality_scores_are_letters(pim: Pim) -> None:
    scores = first(pim, with_quality_scores="true", scope="web")["quality_scores"]
    assert {row["scope"] for row in scores} == {"web"}
    assert all(row["data"] in "ABCDE" for row in scores)
    search = {"quality_score": {"operator": "IN", "value": [scores[0]["data"]], "scope": "web", "locale": "en_US"}}
    assert product(1)["uuid"] in pim.found(**search)


def test_reading_leaves_what_is_stored_alone(pim: Pim) -> None:
    before = pim.one(f"products-uuid/{product(1)['uuid']}")
    first(pim, with_attribute_options="true", locales="en_US", with_completenesses="true")
    assert pim.one(f"products-uuid/{product(1)['uuid']}") == before


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"attributes": "x"}, 'Attribute "x" does not exist.'),
        ({"attributes": "a,sku,b"}, 'Attributes "a, b" do not exist.'),
        ({"scope": "x"}, 'Scope "x" does not exist.'),
        ({"locales": "de_DE"}, 'Locale "de_DE" does not exist or is not activated.'),
        ({"locales": "a,b"}, 'Locales "a, b" do not exist or are not activated.'),
        ({"locales": "fr_FR", "scope": "paper"}, 'Locale "fr_FR" is not activated for the scope "paper".'),
        ({"search_locale": "de_DE"}, 'Locale "de_DE" does not exist or is not activated.'),
    ],
)
def test_reduction_parameters_are_checked(pim: Pim, query: dict[str, str], message: str) -> None:
    assert pim.refused("products-uuid", **query) == message


def test_the_identifier_flavour_has_the_identifier_at_the_top(pim: Pim) -> None:
    item = pim.one("products", limit=1)["_embedded"]["items"][0]
    assert item["identifier"] == "sku-1"
    assert item["_links"]["self"]["href"].endswith("/products/sku-1")
    assert pim.one("products/SKU-1")["uuid"] == product(1)["uuid"]
    assert "identifier" not in first(pim)
    assert pim.refused("products/nope", 404) == "Resource `nope` does not exist."


@needs_icecat
def test_reduced_icecat_values_match_a_plain_computation() -> None:
    with running(load(ICECAT)) as pim:
        query = {"scope": "print", "locales": "en_US", "attributes": "name,description,release_date,sku"}
        shown = {item["uuid"]: item["values"] for item in pim.all("products-uuid", limit=100, **query)}
    wanted = {"name", "description", "release_date", "sku"}
    parents = {row["code"]: row["parent"] for row in rows("categories")}
    tree = next(row["category_tree"] for row in rows("channels") if row["code"] == "print")

    def root(code: str) -> str:
        parent = parents[code]
        return code if parent is None else root(parent)

    expected = {
        row["uuid"]: {
            code: kept
            for code, entries in row["values"].items()
            if code in wanted
            and (kept := [e for e in entries if e["locale"] in {None, "en_US"} and e["scope"] in {None, "print"}])
        }
        for row in rows("products")
        if tree in {root(code) for code in row["categories"]}
    }
    assert shown == expected
    assert expected
