from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from tests.plugins.sandbox.pim_server import API, ICECAT, Pim, needs_icecat, product, rows, running, tiny

from sync_engine_sandbox.pim.data import load


@pytest.fixture(scope="module")
def icecat() -> Iterator[Pim]:
    if not ICECAT.is_dir():
        pytest.skip(f"the Icecat catalogue is not at {ICECAT}")
    with running(load(ICECAT)) as pim:
        yield pim


@pytest.fixture(scope="module")
def pim() -> Iterator[Pim]:
    with running(tiny(*(product(n) for n in range(1, 6)))) as pim:
        yield pim


def numbers(items: list[dict[str, str]]) -> list[int]:
    return [int(item["uuid"][-12:]) for item in items]


def test_the_first_page_has_the_envelope_of_the_documentation(pim: Pim) -> None:
    page = pim.one("products-uuid", limit=2, with_count="true")
    base = f"{str(pim.http.base_url).rstrip('/')}{API}/products-uuid"
    assert list(page) == ["_links", "current_page", "items_count", "_embedded"]
    assert set(page["_links"]) == {"self", "first", "next"}
    assert page["_links"]["next"]["href"] == f"{base}?page=2&limit=2&with_count=true"
    assert (page["current_page"], page["items_count"]) == (1, 5)
    item = page["_embedded"]["items"][0]
    assert next(iter(item)) == "_links"
    assert item["_links"]["self"]["href"] == f"{base}/{item['uuid']}"


def test_a_later_page_links_back_and_counts_only_on_demand(pim: Pim) -> None:
    page = pim.one("products-uuid", limit=2, page=3)
    assert numbers(page["_embedded"]["items"]) == [5]
    assert set(page["_links"]) == {"self", "first", "previous"}
    assert "items_count" not in page


def test_an_empty_page_keeps_the_envelope(pim: Pim) -> None:
    page = pim.one("products-uuid", page=9)
    assert (page["_embedded"]["items"], page["current_page"]) == ([], 9)


def test_search_after_follows_the_uuid_without_page_or_count(pim: Pim) -> None:
    page = pim.one("products-uuid", pagination_type="search_after", limit=3)
    assert set(page) == {"_links", "_embedded"}
    assert set(page["_links"]) == {"self", "first", "next"}
    last = page["_embedded"]["items"][-1]["uuid"]
    assert page["_links"]["next"]["href"].endswith(f"?pagination_type=search_after&limit=3&search_after={last}")
    rest = pim.http.get(page["_links"]["next"]["href"]).json()
    assert numbers(rest["_embedded"]["items"]) == [4, 5]
    assert "next" not in rest["_links"]


def test_a_full_last_page_leads_to_an_empty_one(pim: Pim) -> None:
    page = pim.one("products-uuid", pagination_type="search_after", limit=5)
    beyond = pim.http.get(page["_links"]["next"]["href"]).json()
    assert (beyond["_embedded"]["items"], set(beyond["_links"])) == ([], {"self", "first"})


def test_links_repeat_every_parameter(pim: Pim) -> None:
    search = {"enabled": [{"operator": "=", "value": True}]}
    given = {"search": search, "locales": "en_US,fr_FR", "attributes": "name,sku", "limit": 1, "with_count": "true"}
    following = pim.one("products-uuid", **given)["_links"]["next"]["href"]
    assert "search=%7B%22enabled%22" in following
    assert "locales=en_US%2Cfr_FR" in following
    assert set(pim.http.get(following).json()["_embedded"]["items"][0]["values"]) == {"sku"}


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"page": "string"}, '"string" is not a valid page number.'),
        ({"page": 0}, '"0" is not a valid page number.'),
        ({"limit": "x"}, '"x" is not a valid limit number.'),
        ({"limit": 101}, "You cannot request more than 100 items."),
        ({"pagination_type": "cursor"}, "Pagination type does not exist."),
        (
            {"with_count": "yes"},
            'Parameter "with_count" has to be a boolean. Only "true" or "false" allowed, "yes" given.',
        ),
    ],
)
def test_paging_parameters_are_checked(pim: Pim, query: dict[str, str], message: str) -> None:
    assert pim.refused("products-uuid", **query) == message


def test_search_after_is_refused_where_it_does_not_exist(pim: Pim) -> None:
    assert pim.refused("families", pagination_type="search_after") == "Pagination type is not supported."


def test_offsets_end_at_ten_thousand_items(pim: Pim) -> None:
    assert pim.get("products-uuid", page=100, limit=100).status_code == 200
    answer = pim.get("products-uuid", page=101, limit=100)
    assert answer.status_code == 422
    assert answer.json()["message"].startswith("You have reached the maximum number of pages")
    assert "documentation" in answer.json()["_links"]


def test_an_offset_misses_an_item_when_an_earlier_one_goes() -> None:
    with running(tiny(*(product(n) for n in range(1, 5)))) as pim:
        first = pim.one("products-uuid", limit=2)
        pim.state.delete_product(product(1)["uuid"])
        second = pim.http.get(first["_links"]["next"]["href"]).json()
        assert numbers(second["_embedded"]["items"]) == [4]


def test_search_after_does_not_miss_items_when_one_goes_or_comes() -> None:
    with running(tiny(*(product(n) for n in (1, 2, 4, 5)))) as pim:
        first = pim.one("products-uuid", limit=2, pagination_type="search_after")
        pim.state.delete_product(product(2)["uuid"])
        pim.state.add_product(**product(3))
        second = pim.http.get(first["_links"]["next"]["href"]).json()
        assert numbers(second["_embedded"]["items"]) == [3, 4]


def test_a_write_shows_in_lists_only_after_the_index_lag() -> None:
    now = [datetime(2026, 1, 1, tzinfo=UTC)]
    with running(tiny(product(1)), clock=lambda: now[0], index_lag=5.0) as pim:
        new = product(2)
        pim.state.add_product(**new)
        pim.state.edit_product(product(1)["uuid"], enabled=False)
        on = {"operator": "=", "value": True}
        assert pim.one(f"products-uuid/{new['uuid']}")["uuid"] == new["uuid"]
        assert pim.found(enabled=on) == [product(1)["uuid"]]
        now[0] += timedelta(seconds=6)
        assert pim.found(enabled=on) == [new["uuid"]]


@needs_icecat
@pytest.mark.parametrize("query", [{"pagination_type": "search_after"}, {}])
def test_every_product_comes_once_in_the_order_of_uuid(icecat: Pim, query: dict[str, str]) -> None:
    uuids = [item["uuid"] for item in icecat.all("products-uuid", limit=100, **query)]
    assert uuids == sorted(row["uuid"] for row in rows("products"))


@needs_icecat
def test_product_models_page_both_ways(icecat: Pim) -> None:
    codes = sorted(row["code"] for row in rows("product-models"))
    assert [row["code"] for row in icecat.all("product-models", limit=50)] == codes
    cursor = icecat.all("product-models", limit=50, pagination_type="search_after")
    assert [row["code"] for row in cursor] == codes


@needs_icecat
def test_products_are_shown_as_they_are_stored(icecat: Pim) -> None:
    host = str(icecat.http.base_url).rstrip("/")
    stored = rows("products")[:100]
    shown = icecat.one("products-uuid", limit=100)["_embedded"]["items"]
    for item in shown:
        del item["_links"]
    text = repr(stored).replace("https://pim.example.test", host)
    assert repr(shown) == text
