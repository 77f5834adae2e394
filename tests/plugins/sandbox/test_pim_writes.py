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
    value,
)

from sync_engine_sandbox.pim.data import load

ONE = product(1)["uuid"]
VARIANT = product(2)["uuid"]
OLD = "2024-01-01T00:00:00+00:00"


@pytest.fixture
def pim() -> Iterator[Pim]:
    variant = product(
        2,
        parent="tee-red",
        categories=["sale", "tops"],
        values={"name": value("Tee", "en_US"), "color": value("red"), "size": value("m")},
    )
    first = product(1, values={"name": value("Cup", "en_US"), "color": value("red")})
    with running(tiny(first, variant)) as pim:
        yield pim


def shown(pim: Pim, uuid: str = ONE) -> Json:
    item: Json = pim.one(f"products-uuid/{uuid}")
    return item


def change(pim: Pim, uuid: str = ONE, **body: Any) -> Json:
    answer = pim.patch(f"products-uuid/{uuid}", body)
    assert answer.status_code == 204, answer.text
    assert answer.headers["Location"].endswith(f"{API}/products-uuid/{uuid}")
    return shown(pim, uuid)


def message(pim: Pim, body: Json, path: str = f"products-uuid/{ONE}") -> str:
    answer = pim.patch(path, body)
    assert answer.status_code == 422, answer.text
    return str(answer.json()["message"])


def test_values_merge_by_attribute_locale_and_scope_and_null_erases(pim: Pim) -> None:
    after = change(pim, values={"name": value("Tasse", "fr_FR")})
    assert after["values"]["name"] == [*value("Cup", "en_US"), *value("Tasse", "fr_FR")]
    after = change(pim, values={"name": value(None, "en_US"), "color": value(None)})
    assert after["values"] == {"name": value("Tasse", "fr_FR"), "sku": value("sku-1")}
    assert after["updated"] > OLD
    assert after["created"] == OLD
    for scope in ("web", "paper"):
        after = change(pim, values={"description": value(scope, "en_US", scope)})
    assert after["values"]["description"] == [*value("paper", "en_US", "paper"), *value("web", "en_US", "web")]


def test_a_write_that_changes_nothing_leaves_updated(pim: Pim) -> None:
    assert change(pim, enabled=True, values={"name": value("Cup", "en_US")})["updated"] == OLD


def test_what_is_not_named_stays_and_lists_replace(pim: Pim) -> None:
    after = change(pim, categories=["summer", "sale"], groups=["sale"], enabled=False)
    assert (after["categories"], after["groups"], after["enabled"]) == (["sale", "summer"], ["sale"], False)
    assert after["values"]["name"] == value("Cup", "en_US")
    after = change(pim, add_categories=["print"], remove_categories=["sale"])
    assert after["categories"] == ["print", "summer"]
    after = change(pim, associations={"PACK": {"products": [VARIANT]}})
    assert after["associations"] == {"PACK": {"products": [VARIANT], "product_models": [], "groups": []}}
    assert pim.one("products/sku-1")["associations"]["PACK"]["products"] == ["sku-2"]


@pytest.mark.parametrize(
    ("code", "given", "stored"),
    [
        ("stock", "12", 12),
        ("rating", 4.5, "4.5000"),
        ("weight", {"amount": 1, "unit": "GRAM"}, {"amount": "1.0000", "unit": "GRAM"}),
        (
            "price",
            [{"amount": 5, "currency": "USD"}, {"amount": "4.5", "currency": "EUR"}],
            [{"amount": "4.50", "currency": "EUR"}, {"amount": "5.00", "currency": "USD"}],
        ),
        ("organic", False, False),
        ("released", "2012-03-13", "2012-03-13T00:00:00+00:00"),
        ("styles", ["sport", "CASUAL"], ["casual", "sport"]),
        ("brand", "kartell", "kartell"),
    ],
)
def test_data_is_read_back_in_the_form_of_its_type(pim: Pim, code: str, given: Any, stored: Any) -> None:
    assert change(pim, values={code: value(given)})["values"][code] == value(stored)


def test_bodies_that_break_a_rule_are_refused_and_change_nothing(pim: Pim) -> None:
    before = shown(pim)
    assert message(pim, {"extra": 1}) == ("Property 'extra' does not exist. Check the standard format documentation.")
    hint = "Check the expected format on the API documentation."
    assert message(pim, {"categories": ["moon"]}) == f"The moon category does not exist in your PIM. {hint}"
    assert message(pim, {"values": None}) == f'Property "values" expects an array as data, "NULL" given. {hint}'
    assert message(pim, {"categories": None}) == f'Property "categories" expects an array as data, "NULL" given. {hint}'
    assert message(pim, {"values": {"moon": value("x")}}) == f"The moon attribute does not exist in your PIM. {hint}"
    assert message(pim, {"values": {"name": value("x")}}) == f"The name attribute requires a locale. {hint}"
    assert "must match the uuid" in message(pim, {"uuid": VARIANT})
    assert "does not exist" in message(pim, {"parent": "nobody"})
    assert shown(pim) == before


def test_a_failed_validation_names_the_value(pim: Pim) -> None:
    answer = pim.patch(f"products-uuid/{ONE}", {"values": {"color": value("tommh")}})
    assert answer.json() == {
        "code": 422,
        "message": "Validation failed.",
        "errors": [
            {
                "property": "values",
                "message": "The tommh value is not in the color attribute option list.",
                "attribute": "color",
                "locale": None,
                "scope": None,
            }
        ],
    }
    long = pim.patch(f"products-uuid/{ONE}", {"values": {"name": value("x" * 256, "en_US")}})
    assert "255 characters" in long.json()["errors"][0]["message"]
    taken = pim.patch(f"products-uuid/{ONE}", {"values": {"sku": value("SKU-2")}})
    assert taken.json()["errors"][0]["property"] == "identifier"


def test_products_are_created_and_deleted(pim: Pim) -> None:
    new = "11111111-1111-4111-8111-111111111111"
    created = pim.http.post(f"{API}/products-uuid", json={"uuid": new, "values": {"sku": value("new")}})
    assert created.status_code == 201
    assert pim.http.get(created.headers["Location"]).json()["values"]["sku"] == value("new")
    assert pim.http.post(f"{API}/products-uuid", json={"uuid": new}).status_code == 422
    patched = pim.patch("products-uuid/22222222-2222-4222-8222-222222222222", {"family": "mug"})
    assert patched.status_code == 201
    assert [item["uuid"][0] for item in pim.all("products-uuid")] == ["0", "0", "1", "2"]
    assert pim.http.delete(f"{API}/products-uuid/{new}").status_code == 204
    assert pim.refused(f"products-uuid/{new}", 404) == f"Resource `{new}` does not exist."
    assert pim.http.delete(f"{API}/products-uuid/{new}").status_code == 404
    assert pim.get("products/new").status_code == 404


def test_a_batch_answers_one_line_for_each(pim: Pim) -> None:
    lines = [
        json.dumps({"uuid": ONE, "enabled": False}),
        "{oops",
        json.dumps({"enabled": True}),
        json.dumps({"uuid": VARIANT, "values": {"size": value("xxl")}}),
        json.dumps({"uuid": "33333333-3333-4333-8333-333333333333"}),
    ]
    answer = pim.http.patch(f"{API}/products-uuid", content="\n".join(lines), headers=COLLECTION)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == COLLECTION["Content-Type"]
    results = [json.loads(line) for line in answer.text.splitlines()]
    assert results[0] == {"line": 1, "uuid": ONE, "status_code": 204}
    assert results[1] == {"line": 2, "status_code": 400, "message": "Invalid json message received"}
    assert results[2] == {"line": 3, "status_code": 422, "message": "Uuid is missing."}
    assert (results[3]["status_code"], results[3]["errors"][0]["attribute"]) == (422, "size")
    assert results[4]["status_code"] == 201
    assert shown(pim)["enabled"] is False


def test_a_batch_has_at_most_a_hundred_lines(pim: Pim) -> None:
    body = "\n".join([json.dumps({"uuid": ONE})] * 101)
    answer = pim.http.patch(f"{API}/products-uuid", content=body, headers=COLLECTION)
    assert (answer.status_code, answer.json()["message"]) == (
        413,
        "Too many resources to process, 100 is the maximum allowed.",
    )


def test_the_identifier_flavour_writes_by_identifier(pim: Pim) -> None:
    assert pim.patch("products/SKU-1", {"associations": {"PACK": {"products": ["sku-2"]}}}).status_code == 204
    assert shown(pim)["associations"]["PACK"]["products"] == [VARIANT]
    assert pim.patch("products/fresh", {"family": "mug"}).status_code == 201
    assert pim.one("products/fresh")["values"]["sku"] == value("fresh")
    lines = json.dumps({"identifier": "fresh", "enabled": False})
    answer = pim.http.patch(f"{API}/products", content=lines, headers=COLLECTION)
    assert json.loads(answer.text) == {"line": 1, "identifier": "fresh", "status_code": 204}
    assert pim.http.delete(f"{API}/products/fresh").status_code == 204


def test_a_changed_model_gives_its_values_to_its_variants_without_touching_their_date(pim: Pim) -> None:
    body = {"values": {"name": value("Shirt", "en_US")}, "categories": ["print"]}
    assert pim.patch("product-models/tee", body).status_code == 204
    child, variant = pim.one("product-models/tee-red"), shown(pim, VARIANT)
    assert child["values"]["name"] == variant["values"]["name"] == value("Shirt", "en_US")
    assert child["values"]["color"] == variant["values"]["color"] == value("red")
    assert variant["values"]["size"] == value("m")
    assert variant["categories"] == ["print", "sale"]
    assert (child["updated"], variant["updated"]) == (OLD, OLD)
    assert pim.one("product-models/tee")["updated"] > OLD
    since = {"operator": ">", "value": "2024-06-01 00:00:00"}
    assert pim.found(updated=since) == [VARIANT]


def test_inherited_values_cannot_be_written_on_a_variant(pim: Pim) -> None:
    after = change(pim, VARIANT, values={"name": value("Mine", "en_US"), "size": value("s")})
    assert after["values"]["name"] == value("Tee", "en_US")
    assert after["values"]["size"] == value("s")


def test_a_variant_without_its_parent_keeps_what_it_inherited(pim: Pim) -> None:
    after = change(pim, VARIANT, parent=None)
    assert after["parent"] is None
    assert after["values"]["name"] == value("Tee", "en_US")
    assert pim.found(parent={"operator": "=", "value": "tee"}) == []


def test_models_are_created_below_each_other_and_deleted_with_all_below(pim: Pim) -> None:
    body = {"family_variant": "by_color_size", "parent": "tee", "values": {"color": value("blue")}}
    created = pim.http.post(f"{API}/product-models", json={"code": "tee-blue", **body})
    assert created.status_code == 201
    blue = pim.one("product-models/tee-blue")
    assert (blue["family"], blue["values"]["name"]) == ("shirt", value("Tee", "en_US"))
    assert pim.http.delete(f"{API}/product-models/tee").status_code == 204
    assert pim.all("product-models") == []
    assert pim.get(f"products-uuid/{VARIANT}").status_code == 404


@needs_icecat
def test_editing_an_icecat_model_changes_nothing_else_in_its_variants() -> None:
    before = {row["uuid"]: row for row in rows("products")}
    codes = {row["code"] for row in rows("product-models") if row["parent"] == "apollon"} | {"apollon"}
    with running(load(ICECAT)) as pim:
        host = str(pim.http.base_url).rstrip("/")
        answer = pim.patch("product-models/apollon", {"values": {"care_instructions": value("Do not iron")}})
        assert answer.status_code == 204
        below = [item for item in pim.all("products-uuid", limit=100) if item["parent"] in codes]
    assert below
    for item in below:
        del item["_links"]
        assert item["values"].pop("care_instructions") == value("Do not iron")
        expected = json.loads(json.dumps(before[item["uuid"]]).replace("https://pim.example.test", host))
        expected["values"].pop("care_instructions", None)
        assert item == expected
