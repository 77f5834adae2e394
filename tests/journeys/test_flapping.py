"""Fields that do not hold what was written are found right after the transfer, with the reason and what settles it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from tests.journeys.between import between
from tests.journeys.small import Json, Shop, open_shop, product

FIELDS = [
    {"name": "Notes__c", "type": "string", "length": 255},
    {"name": "Text__c", "type": "richtextarea", "length": 5000},
    {"name": "Weight__c", "type": "double", "precision": 10, "scale": 3},
]
VALUES: Json = {"name": "Mug", "notes": 'Long <b style="color:red">notes</b>', "rating": "1.234"}


def write(shop: Shop, mapping: Any, field: str, **rest: Any) -> None:
    fields = {"Name": "name", field: mapping}
    shop.write({"items": {"from": "products", "to": "Item__c", "key": {"Key__c": "sku"}, "fields": fields}}, **rest)


def flapping(done: Json) -> list[tuple[str, str, int, Any, Any]]:
    return [
        (each["field"], each["why"], each["records"], each["example"]["wrote"], each["example"]["holds"])
        for each in done["flapping"]
    ]


CASES = [
    (
        "Weight__c", "rating", {"round": 1}, ("rounding", "1.234", "1.2"),
        {"value": "rating", "round": 1},
    ),
    (
        "Notes__c", "notes", {"shorten": 4}, ("truncation", VALUES["notes"], "Long"),
        {"value": "notes", "truncate": 4},
    ),
    (
        "Text__c", "notes", {"cleanHtml": True}, ("HTML clean-up", VALUES["notes"], "Long <b>notes</b>"),
        {"template": "{{ notes | striptags }}"},
    ),
    (
        "Notes__c", "notes", {"set": "set by a flow"}, ("trigger", VALUES["notes"], "set by a flow"),
        {"value": "notes", "conflict": "keep"},
    ),
]  # fmt: skip


@pytest.mark.parametrize(("field", "code", "flow", "found", "settled"), CASES, ids=[case[3][0] for case in CASES])
def test_it_is_reported_with_its_likely_reason_and_the_advice_settles_it(
    tmp_path: Path, field: str, code: str, flow: Json, found: tuple[str, str, str], settled: Json
) -> None:
    products = [product(sku, **VALUES) for sku in ("a", "b")]
    with open_shop(tmp_path, fields=FIELDS, flows=[{"field": field, **flow}], products=products) as shop:
        write(shop, code, field)
        assert flapping(shop.apply()) == [(field, found[0], 2, *found[1:])]
        assert shop.shown()["flapping"][0]["why"] == found[0]
        done = shop.run("apply", "--yes")
        assert f"≈ flapping: items.{field} did not take what was written ({found[0]}, 2 records)" in done.err
        assert f"({found[0]}, 2 records)" in shop.run("transfers", "show").out
        (advice,) = {each["advice"] for each in shop.shown()["flapping"]}
        assert f"    {advice}" in done.err
        assert next(iter({*settled} - {"value"})) in advice or "striptags" in advice
        write(shop, settled, field)
        assert flapping(shop.apply()) == []
        shop.settled()


def test_a_transfer_whose_values_are_held_reports_nothing(tmp_path: Path) -> None:
    with open_shop(tmp_path, fields=FIELDS, products=[product("a", **VALUES)]) as shop:
        write(shop, "rating", "Weight__c", read_back="all")
        done = shop.apply()
        assert (done["flapping"], done["summary"]["created"]) == ([], 1)


@pytest.mark.parametrize(("say", "records"), [("all", 12), (3, 3), ("none", 0)])
def test_a_catalog_says_how_many_records_are_read_back(tmp_path: Path, say: object, records: int) -> None:
    products = [product(f"mug-{number:02}", **VALUES) for number in range(12)]
    flow = {"field": "Notes__c", "set": "set by a flow"}
    with open_shop(tmp_path, fields=FIELDS, flows=[flow], products=products) as shop:
        write(shop, "notes", "Notes__c", read_back=say)
        assert sum(each["records"] for each in shop.apply()["flapping"]) == records


def test_an_org_that_refuses_to_be_read_afterwards_does_not_undo_the_transfer(tmp_path: Path) -> None:
    def refuse(request: Request) -> Response | None:
        again = "/query" in request.url.path and " IN (" in request.query_params["q"]
        return JSONResponse([{"errorCode": "MALFORMED_QUERY", "message": "no"}], 400) if again else None

    with open_shop(tmp_path, fields=FIELDS, products=[product("a", **VALUES)]) as shop:
        write(shop, "rating", "Weight__c")
        with between(shop.project.environment["CRM_URL"], refuse) as url:
            shop.project.environment["CRM_URL"] = url
            done = shop.run("apply", "--yes")
        assert "could not be read back: " in done.err
        assert "1 created" in done.out
