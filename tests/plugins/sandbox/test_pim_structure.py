from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from tests.plugins.sandbox.pim_server import (
    API,
    COLLECTION,
    ICECAT,
    Json,
    Pim,
    needs_icecat,
    product,
    rows,
    running,
    tiny,
)

from sync_engine_sandbox.pim.data import load

LISTS = {
    "families": "families",
    "attributes": "attributes",
    "attribute-groups": "attribute-groups",
    "association-types": "association-types",
    "channels": "channels",
    "locales": "locales",
    "currencies": "currencies",
}


@pytest.fixture
def pim() -> Iterator[Pim]:
    with running(tiny(product(1))) as pim:
        yield pim


@pytest.fixture(scope="module")
def icecat() -> Iterator[Pim]:
    if not ICECAT.is_dir():
        pytest.skip(f"the Icecat catalogue is not at {ICECAT}")
    with running(load(ICECAT)) as pim:
        yield pim


def bare(items: list[Json]) -> list[Json]:
    return [{name: value for name, value in item.items() if name != "_links"} for item in items]


def codes(pim: Pim, path: str, **search: Any) -> list[str]:
    criteria = {name: [criterion] for name, criterion in search.items()}
    return [item["code"] for item in pim.all(path, search=criteria, limit=100)]


@needs_icecat
@pytest.mark.parametrize("path", LISTS)
def test_lists_come_whole_and_in_the_order_of_their_codes(icecat: Pim, path: str) -> None:
    stored = sorted(rows(LISTS[path]), key=lambda row: str(row["code"]))
    assert bare(icecat.all(path, limit=100)) == stored
    assert icecat.one(f"{path}/{stored[0]['code']}") == stored[0]


@needs_icecat
def test_categories_come_tree_by_tree_depth_first(icecat: Pim) -> None:
    stored = rows("categories")
    shown = bare(icecat.all("categories", limit=100, with_position="true"))
    assert shown == stored
    assert "position" not in icecat.one("categories")["_embedded"]["items"][0]
    cameras = codes(icecat, "categories", parent={"operator": "=", "value": "cameras"})
    assert cameras == ["digital_cameras", "camcorders", "webcams"]
    roots = codes(icecat, "categories", is_root={"operator": "=", "value": True})
    assert roots == [row["code"] for row in stored if row["parent"] is None]


@needs_icecat
def test_measurement_families_are_a_plain_array(icecat: Pim) -> None:
    assert icecat.one("measurement-families") == sorted(rows("measurement-families"), key=lambda row: str(row["code"]))


@needs_icecat
def test_variants_belong_to_their_family_and_options_to_their_attribute(icecat: Pim) -> None:
    shown = icecat.all("families/clothing/variants", limit=100)
    wanted = sorted(row["code"] for row in rows("family-variants") if row["_family"] == "clothing")
    assert [row["code"] for row in shown] == wanted
    assert "_family" not in shown[0]
    shown = bare(icecat.all("attributes/color/options", limit=100))
    options = [row for row in rows("attribute-options") if row["attribute"] == "color"]
    assert shown == sorted(options, key=lambda row: (row["sort_order"], row["code"]))
    assert icecat.refused("attributes/nope/options", 404) == "Resource `nope` does not exist."


def test_options_come_by_sort_order_and_then_by_code(pim: Pim) -> None:
    assert [row["code"] for row in pim.all("attributes/color/options")] == ["blue", "red"]
    assert [row["code"] for row in pim.all("attributes/styles/options")] == ["casual", "sport"]


def test_lists_are_searched_as_documented(pim: Pim) -> None:
    assert codes(pim, "families", code={"operator": "IN", "value": ["mug", "x"]}) == ["mug"]
    assert codes(pim, "families", has_products={"operator": "=", "value": False}) == ["mug"]
    assert codes(pim, "attributes", type={"operator": "IN", "value": ["pim_catalog_image"]}) == ["picture"]
    assert codes(pim, "locales", enabled={"operator": "=", "value": True}) == ["en_US", "fr_FR"]
    assert codes(pim, "currencies", enabled={"operator": "=", "value": False}) == ["GBP"]
    message = pim.refused("channels", search={"code": [{"operator": "IN", "value": ["web"]}]})
    assert message == 'Filter on property "code" is not supported or does not support operator "IN"'


def test_what_was_written_is_found_by_its_date(pim: Pim) -> None:
    since = {"operator": ">", "value": "2025-01-01T00:00:00Z"}
    assert codes(pim, "categories", updated=since) == []
    assert codes(pim, "families", updated=since) == []
    assert pim.patch("categories/sale", {"labels": {"en_US": "Bargains"}}).status_code == 204
    assert pim.patch("families/mug", {"labels": {"en_US": "Mug"}}).status_code == 204
    assert codes(pim, "categories", updated=since) == ["sale"]
    assert codes(pim, "families", updated=since) == ["mug"]
    assert "ISO 8601" in pim.refused("families", search={"updated": [{"operator": ">", "value": "yesterday"}]})


def test_labels_merge_and_an_empty_label_goes(pim: Pim) -> None:
    path = "attributes/color/options/red"
    assert pim.patch(path, {"labels": {"fr_FR": "Rouge"}}).status_code == 204
    assert pim.one(path) == {
        "code": "red",
        "attribute": "color",
        "sort_order": 2,
        "labels": {"en_US": "Red", "fr_FR": "Rouge"},
    }
    pim.patch(path, {"labels": {"en_US": None}, "sort_order": 7})
    assert (pim.one(path)["labels"], pim.one(path)["sort_order"]) == ({"fr_FR": "Rouge"}, 7)


def test_rows_are_created_by_post_patch_and_batch(pim: Pim) -> None:
    answer = pim.http.post(f"{API}/categories", json={"code": "winter", "parent": "shop"})
    assert answer.status_code == 201
    assert pim.http.get(answer.headers["Location"]).json()["parent"] == "shop"
    assert pim.http.post(f"{API}/categories", json={"code": "winter"}).status_code == 422
    assert pim.patch("attributes/color/options/green", {}).status_code == 201
    lines = "\n".join(json.dumps(row) for row in ({"code": "green", "sort_order": 5}, {"code": "pink"}, {"x": 1}))
    batch = pim.http.patch(f"{API}/attributes/color/options", content=lines, headers=COLLECTION)
    assert [json.loads(line)["status_code"] for line in batch.text.splitlines()] == [204, 201, 422]
    assert [row["code"] for row in pim.all("attributes/color/options")] == ["pink", "blue", "red", "green"]
    tree = [row["code"] for row in pim.all("categories")]
    assert tree == ["shop", "sale", "tops", "summer", "winter", "print"]


def test_bodies_that_break_a_rule_are_refused(pim: Pim) -> None:
    extra = pim.patch("categories/sale", {"extra_property": 1})
    assert (extra.status_code, extra.json()["message"]) == (
        422,
        "Property 'extra_property' does not exist. Check the standard format documentation.",
    )
    assert "documentation" in extra.json()["_links"]
    assert pim.patch("categories/sale", {"parent": "moon"}).status_code == 422
    assert pim.patch("categories/sale", {"labels": None}).status_code == 422
    assert pim.patch("categories/sale", {"code": "other"}).status_code == 422
    assert pim.patch("families/mug", {"attributes": ["moon"]}).status_code == 422
    assert pim.refused("categories/moon", 404) == "Category 'moon' does not exist."


def test_measurement_families_are_written_as_an_array(pim: Pim) -> None:
    body = [{"code": "Weight", "labels": {"en_US": "Weight"}}, {"labels": {}}]
    answer = pim.http.patch(f"{API}/measurement-families", json=body)
    assert [row["status_code"] for row in answer.json()] == [204, 422]
    assert pim.one("measurement-families")[0]["labels"] == {"en_US": "Weight"}


def test_tests_may_delete_what_the_api_cannot(pim: Pim) -> None:
    pim.state.delete_row(("attribute-options", "color"), "red")
    assert [row["code"] for row in pim.all("attributes/color/options")] == ["blue"]
