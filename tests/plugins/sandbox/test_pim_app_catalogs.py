from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from tests.plugins.sandbox.pim_server import API, Pim, product, running, tiny

from sync_engine_sandbox.pim.app_catalogs import set_up

Json = dict[str, Any]
ABSENT = "7dd6a4a1-0000-4000-8000-000000000000"
SCHEMA = {
    "$schema": "https://api.akeneo.com/mapping/product/1.0.3/schema",
    "type": "object",
    "properties": {"uuid": {"type": "string"}, "title": {"title": "Name", "type": "string", "maxLength": 80}},
}


@pytest.fixture
def pim() -> Iterator[Pim]:
    with running(tiny(*map(product, range(1, 8))), signed_in=False, app_token="app") as pim:
        pim.http.headers["Authorization"] = "Bearer app"
        yield pim


def made(pim: Pim, **properties: Any) -> str:
    answer = pim.http.post(f"{API}/catalogs", json={"name": "Store US", **properties})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def enabled(pim: Pim, **settings: Any) -> str:
    identifier = made(pim)
    set_up(pim.state, identifier, **settings)
    return identifier


def test_a_catalog_is_made_disabled_and_no_call_enables_it(pim: Pim) -> None:
    identifier = made(pim, managed_locales=["en_US"])
    changed = pim.patch(f"catalogs/{identifier}", {"name": "Store DE", "enabled": True})
    assert changed.status_code == 200
    assert pim.one(f"catalogs/{identifier}") == {
        "id": identifier,
        "name": "Store DE",
        "enabled": False,
        "managed_currencies": [],
        "managed_locales": ["en_US"],
    }


def test_catalogs_come_page_by_page(pim: Pim) -> None:
    made_ones = [made(pim) for _ in range(3)]
    assert [each["id"] for each in pim.all("catalogs", limit=2)] == made_ones
    assert "should be between 1 and 100" in pim.get("catalogs", limit=101).json()["errors"][0]["message"]


def test_a_disabled_catalog_answers_200_with_nothing_but_an_error(pim: Pim) -> None:
    identifier = made(pim)
    for path in ("product-uuids", "products", f"products/{ABSENT}", "mapped-products"):
        answer = pim.one(f"catalogs/{identifier}/{path}")
        assert answer.keys() == {"error"}
        assert f'The catalog "{identifier}" has been disabled on the PIM side.' in answer["error"]


def test_an_enabled_catalog_gives_the_products_of_its_criteria_by_cursor(pim: Pim) -> None:
    keys = list(pim.state.products.order)
    pim.state.edit_product(keys[1], enabled=False)
    identifier = enabled(pim)
    wanted = [keys[0], *keys[2:]]
    first = pim.one(f"catalogs/{identifier}/product-uuids", limit=4, with_count="true")
    assert (first["_embedded"]["items"], first["items_count"]) == (wanted[:4], 6)
    assert first["_links"]["next"]["href"].endswith(f"search_after={wanted[3]}")
    assert pim.all(f"catalogs/{identifier}/product-uuids", limit=4) == wanted
    assert [each["uuid"] for each in pim.all(f"catalogs/{identifier}/products", limit=2)] == wanted
    assert pim.one(f"catalogs/{identifier}/products/{keys[0]}")["uuid"] == keys[0]
    outside = pim.get(f"catalogs/{identifier}/products/{keys[1]}")
    assert (outside.status_code, outside.json()["code"]) == (404, 404)
    set_up(pim.state, identifier, criteria=[{"field": "uuid", "operator": "IN", "value": keys[:2]}])
    assert pim.all(f"catalogs/{identifier}/product-uuids") == keys[:2]


def test_updated_after_looks_at_the_products_own_date(pim: Pim) -> None:
    identifier = enabled(pim)
    key = pim.state.products.order[0]
    since = pim.state.edit_product(key, updated="2030-01-01T00:00:00+00:00") and "2029-01-01T00:00:00+01:00"
    assert pim.all(f"catalogs/{identifier}/product-uuids", updated_after=since) == [key]
    assert key not in pim.all(f"catalogs/{identifier}/product-uuids", updated_before=since)
    wrong = pim.get(f"catalogs/{identifier}/product-uuids", updated_after="yesterday")
    assert (wrong.status_code, wrong.json()["errors"][0]["property"]) == (422, "updatedAfter")


def test_a_selection_that_names_what_is_gone_disables_its_catalog(pim: Pim) -> None:
    family = next(iter(pim.state.table("families")))
    identifier = enabled(pim, criteria=[{"field": "family", "operator": "IN", "value": [family]}])
    assert pim.one(f"catalogs/{identifier}")["enabled"] is True
    pim.state.delete_row(("families",), family)
    assert "error" in pim.one(f"catalogs/{identifier}/product-uuids")
    assert pim.one(f"catalogs/{identifier}")["enabled"] is False


def test_the_screen_is_reached_over_http_too(pim: Pim) -> None:
    identifier = made(pim)
    body = {"criteria": [{"field": "enabled", "operator": "=", "value": False}]}
    assert pim.http.put(f"/_sandbox/catalogs/{identifier}", json=body).status_code == 204
    assert pim.all(f"catalogs/{identifier}/product-uuids") == []
    assert pim.http.put(f"/_sandbox/catalogs/{identifier}", json={"criteria": [{}] * 26}).status_code == 422
    assert pim.http.put(f"/_sandbox/catalogs/{identifier}", json={"enabled": False}).status_code == 204
    assert pim.one(f"catalogs/{identifier}")["enabled"] is False
    assert pim.http.put(f"/_sandbox/catalogs/{ABSENT}", json={}).status_code == 404


def test_a_copy_has_the_selection_and_the_schema_and_is_disabled(pim: Pim) -> None:
    key = pim.state.products.order[0]
    identifier = enabled(pim, criteria=[{"field": "uuid", "operator": "IN", "value": [key]}])
    pim.http.put(f"{API}/catalogs/{identifier}/mapping-schemas/product", json=SCHEMA)
    copy = pim.http.post(f"{API}/catalogs/{identifier}/duplicate", json={"name": "Store FR"}).json()
    assert (copy["name"], copy["enabled"], copy["id"] == identifier) == ("Store FR", False, False)
    set_up(pim.state, copy["id"])
    assert pim.all(f"catalogs/{copy['id']}/product-uuids") == [key]
    assert pim.one(f"catalogs/{copy['id']}/mapping-schemas/product") == SCHEMA


def test_mapped_products_have_the_targets_that_hold_something(pim: Pim) -> None:
    keys = list(pim.state.products.order)
    identifier = enabled(pim, mapping={"title": {"source": "sku"}})
    assert "no product mapping schema" in pim.one(f"catalogs/{identifier}/mapped-products")["error"]
    assert pim.http.put(f"{API}/catalogs/{identifier}/mapping-schemas/product", json=SCHEMA).status_code == 201
    pim.state.edit_product(keys[1], values={})
    first, second, *_ = pim.all(f"catalogs/{identifier}/mapped-products", limit=3)
    assert first.keys() == {"uuid", "title"}
    assert second == {"uuid": keys[1]}
    assert pim.one(f"catalogs/{identifier}/mapped-products/{keys[0]}") == first
    assert pim.http.delete(f"{API}/catalogs/{identifier}/mapping-schemas/product").status_code == 204
    assert pim.get(f"catalogs/{identifier}/mapping-schemas/product").status_code == 404


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"$schema": None}, "You must provide a $schema reference."),
        (
            {"$schema": "https://api.akeneo.com/mapping/product/9.9.9/schema"},
            "You must provide a valid $schema reference.",
        ),
        ({"properties": {"title": {"type": "string"}}}, "You must provide a valid schema."),
        ({"properties": {"uuid": {"type": "string"}, "x": {"type": "date"}}}, "You must provide a valid schema."),
        (
            {"properties": {"uuid": {"type": "string"}, "x": {"type": "string", "unknown": 1}}},
            "You must provide a valid",
        ),
        (
            {"properties": {"uuid": {"type": "string"}, "x": {"type": "number", "maxLength": 1}}},
            "You must provide a val",
        ),
        (
            {"properties": {f"t{each}": {"type": "string"} for each in range(600)} | {"uuid": {"type": "string"}}},
            "You must provide a valid schema.",
        ),
    ],
)
def test_a_schema_outside_of_the_subset_is_refused(pim: Pim, change: Json, message: str) -> None:
    answer = pim.http.put(f"{API}/catalogs/{made(pim)}/mapping-schemas/product", json={**SCHEMA, **change})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["message"].startswith(message)


def test_names_are_checked_and_an_app_has_200_catalogs_at_most(pim: Pim) -> None:
    for name, message in ((" ", "should not be blank"), ("n" * 256, "too long")):
        answer = pim.http.post(f"{API}/catalogs", json={"name": name})
        assert (answer.status_code, answer.json()["errors"][0]["property"]) == (422, "name")
        assert message in answer.json()["errors"][0]["message"]
    for _ in range(200):
        made(pim)
    assert pim.http.post(f"{API}/catalogs", json={"name": "one more"}).status_code == 422


def test_a_catalog_that_is_unknown_or_deleted_is_not_found(pim: Pim) -> None:
    identifier = made(pim)
    assert pim.http.delete(f"{API}/catalogs/{identifier}").status_code == 204
    for each in (identifier, ABSENT, "no-uuid"):
        assert pim.refused(f"catalogs/{each}", 404) == f'Catalog "{each}" does not exist or you can\'t access it.'


def test_values_outside_of_the_catalogs_locales_are_hidden(pim: Pim) -> None:
    key = pim.state.products.order[0]
    entries = [{"locale": each, "scope": None, "data": each} for each in ("en_US", "fr_FR")]
    pim.state.edit_product(key, values={"name": entries})
    identifier = enabled(pim, values={"locales": ["en_US"]})
    assert pim.one(f"catalogs/{identifier}/products/{key}")["values"] == {"name": entries[:1]}


def test_each_call_needs_its_scope_and_a_connection_has_none() -> None:
    with running(tiny(), app_token="app", app_scopes=frozenset({"write_catalogs"})) as pim:
        assert pim.refused("catalogs", 403) == "Access forbidden. You are not allowed to access app catalogs."
        pim.http.headers["Authorization"] = "Bearer app"
        identifier = made(pim)
        assert pim.refused("catalogs", 403).endswith("access app catalogs.")
        assert pim.http.delete(f"{API}/catalogs/{identifier}").json()["message"].endswith("delete app catalogs.")
