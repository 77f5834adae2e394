"""What shall be deleted or deactivated is asked for once more, on both sides, before it goes."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.requests import Request
from starlette.responses import Response
from tests.journeys.between import between, hiding
from tests.journeys.small import Json, Shop, category, model, open_shop, product, uuid_of, values_of

FIELDS = [
    {"name": "Notes__c", "type": "string", "length": 80},
    {"name": "Gone__c", "type": "boolean"},
    {"name": "Title__c", "type": "string", "length": 80},
]
SKUS = [f"mug-{number}" for number in range(12)]
STREAM: Json = {
    "from": "products",
    "to": "Item__c",
    "key": {"Key__c": "sku"},
    "fields": {"Name": "name", "Notes__c": "notes"},
    "on_missing": "delete",
}
SET: Json = {**STREAM, "on_missing": {"set": {"Gone__c": True}}}
ALL = {"max_delete_percent": 100, "max_collapse_percent": 100}


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    products = [product(sku, name=f"Mug {sku}", title={"en_US": "a", "de_DE": "b"}) for sku in SKUS]
    with open_shop(tmp_path, fields=FIELDS, products=products) as opened:
        opened.write({"items": STREAM}, safety=ALL)
        yield opened


def saved(shop: Shop) -> str:
    path = str(shop.project.folder / "plan")
    shop.run("plan", "--out", path)
    return path


def why(shop: Shop, transfer: Json) -> dict[str, str]:
    found = shop.shown(transfer["id"])["outcomes"]
    return {each["key"]: each["reasons"][0]["code"] for each in found if each["outcome"] == "stale"}


def counted(transfer: Json) -> Json:
    return {name: count for name, count in transfer["summary"].items() if count}


def hidden_in_lists(shop: Shop, *skus: str) -> Iterator[str]:
    """A PIM whose lists leave products out, which it finds when it is asked for them."""
    with hiding(shop.project.environment["PIM_URL"], *map(uuid_of, skus)) as shown:
        yield shown


@pytest.mark.parametrize(("stream", "kind"), [(STREAM, "delete"), (SET, "deactivate")])
def test_a_record_that_a_list_left_out_is_asked_for_and_stays(shop: Shop, stream: Json, kind: str) -> None:
    shop.write({"items": stream}, safety=ALL)
    shop.apply()
    shop.sandbox.pim.delete_product(uuid_of(SKUS[1]))
    for url in hidden_in_lists(shop, SKUS[0]):
        shop.project.environment["PIM_URL"] = url
        assert shop.plan()["summary"][kind] == 2
        done = shop.apply(code=6)
        assert counted(done) == {f"{kind}d": 1, "unchanged": 10, "stale": 1}
        assert why(shop, done) == {SKUS[0]: "STILL_THERE"}
    rows = shop.rows()
    assert rows[SKUS[0]]["Gone__c"] is False
    assert rows[SKUS[1]]["Gone__c"] is True if kind == "deactivate" else SKUS[1] not in rows


def test_a_record_that_came_back_before_a_saved_plan_is_applied_stays(shop: Shop) -> None:
    shop.apply()
    gone = shop.sandbox.pim.products.by_key[uuid_of(SKUS[0])]
    for sku in SKUS[:2]:
        shop.sandbox.pim.delete_product(uuid_of(sku))
    path = saved(shop)
    shop.sandbox.pim.add_product(**gone)
    assert "after all" in shop.run("apply", path, "--strict", code=6).err
    assert len(shop.rows()) == len(SKUS)
    done = shop.apply(path, code=6)
    assert counted(done) == {"deleted": 1, "unchanged": 10, "stale": 1}
    assert why(shop, done) == {SKUS[0]: "STILL_THERE"}
    shop.settled()


def test_a_record_that_is_there_but_left_by_the_filter_goes(shop: Shop) -> None:
    shop.write({"items": {**STREAM, "filter": [{"field": "name", "operator": "!=", "value": "x"}]}}, safety=ALL)
    shop.apply()
    shop.change(SKUS[0], name="x")
    assert counted(shop.apply()) == {"deleted": 1, "unchanged": 11}


def test_a_record_that_comes_back_and_cannot_be_written_stays(shop: Shop) -> None:
    shop.apply()
    gone = shop.sandbox.pim.products.by_key[uuid_of(SKUS[0])]
    shop.sandbox.pim.delete_product(uuid_of(SKUS[0]))
    path = saved(shop)
    shop.sandbox.pim.add_product(**gone)
    shop.change(SKUS[0], name=None)
    assert why(shop, shop.apply(path, code=6)) == {SKUS[0]: "STILL_THERE"}


def test_of_several_rows_of_a_record_those_go_that_it_makes_no_more(shop: Shop) -> None:
    rows: Json = {
        **STREAM,
        "for_each": {"locale": ["en_US", "de_DE"]},
        "key": {"Key__c": "{{ sku }}-{{ locale }}"},
        "fields": {"Name": "name", "Title__c": "title"},
    }
    shop.write({"items": rows}, safety=ALL)
    shop.apply()
    assert len(shop.rows()) == 2 * len(SKUS)
    gone = shop.sandbox.pim.products.by_key[uuid_of(SKUS[0])]
    shop.sandbox.pim.delete_product(uuid_of(SKUS[0]))
    path = saved(shop)
    shop.sandbox.pim.add_product(**gone)
    shop.change(SKUS[0], title={"en_US": "a"})
    done = shop.apply(path, code=6)
    assert counted(done) == {"deleted": 1, "unchanged": 22, "stale": 1}
    assert why(shop, done) == {f"{SKUS[0]}-en_US": "STILL_THERE"}


def test_a_record_that_changed_in_the_org_or_left_it_is_not_deleted_by_an_older_plan(shop: Shop) -> None:
    shop.apply()
    for sku in SKUS[:3]:
        shop.sandbox.pim.delete_product(uuid_of(sku))
    path = saved(shop)
    ids = {key: row["Id"] for key, row in shop.rows().items()}
    shop.sandbox.org.edit("Item__c", ids[SKUS[0]], {"Name": "By a person"})
    done = shop.apply(path, code=6)
    assert counted(done) == {"deleted": 2, "unchanged": 9, "stale": 1}
    assert shop.rows()[SKUS[0]]["Name"] == "By a person"
    assert counted(shop.apply(path, code=6)) == {"unchanged": 9, "stale": 3}


def test_a_source_that_cannot_be_asked_once_more_proves_nothing(shop: Shop) -> None:
    shop.apply()
    shop.sandbox.pim.delete_product(uuid_of(SKUS[0]))
    shop.project.edit("sync-engine.yaml", ("adapter: akeneo\n", "adapter: akeneo\n    retry_minutes: 0\n"))

    def out(request: Request) -> Response | None:
        return Response(status_code=503) if '"uuid"' in request.query_params.get("search", "") else None

    with between(shop.project.environment["PIM_URL"], out) as url:
        shop.project.environment["PIM_URL"] = url
        shop.run("apply", "--yes", code=69)
    assert len(shop.rows()) == len(SKUS)
    assert shop.shown()["status"] == "failed"


def test_without_knowing_its_source_record_nothing_is_deleted(shop: Shop) -> None:
    """A ledger of an earlier version does not know it."""
    shop.apply()
    with sqlite3.connect(shop.project.folder / ".sync-engine" / "ledger.db") as ledger:
        ledger.execute("UPDATE written SET source_key = ''")
    ledger.close()
    shop.sandbox.pim.delete_product(uuid_of(SKUS[0]))
    done = shop.apply(code=6)
    assert why(shop, done) == {SKUS[0]: "NO_PROOF"}
    assert len(shop.rows()) == len(SKUS)


def test_models_and_categories_are_asked_for_by_their_own_keys(tmp_path: Path) -> None:
    models = [model(code, name=f"Model {code}") for code in ("m1", "m2", "m3")]
    categories = [category(code, "master", en_US=code) for code in ("c1", "c2", "c3")]
    streams: Json = {
        "models": {**STREAM, "from": "product_models", "key": {"Key__c": "code"}, "fields": {"Name": "name"}},
        "categories": {
            **STREAM,
            "from": "categories",
            "key": {"Key__c": "code"},
            "fields": {"Name": "code"},
            "filter": [{"field": "code", "operator": "!=", "value": "master"}],
        },
    }
    streams["models"]["filter"] = [{"field": "name", "operator": "STARTS WITH", "value": "Model"}]
    with open_shop(tmp_path, fields=FIELDS, models=models, categories=categories) as shop:
        shop.write(streams, safety=ALL)
        assert counted(shop.apply()) == {"created": 6}
        pim = shop.sandbox.pim
        for code in ("m1", "m2"):
            pim.save_model({**pim.models.by_key[code], "values": values_of({"name": "gone"})})
        back = pim.table("categories")["c2"]
        for code in ("c1", "c2"):
            pim.delete_row(("categories",), code)
        path = saved(shop)
        pim.save_model({**pim.models.by_key["m2"], "values": values_of({"name": "Model m2"})})
        pim.put_row(("categories",), back)
        done = shop.apply(path, code=6)
        assert why(shop, done) == {"m2": "STILL_THERE", "c2": "STILL_THERE"}
        assert sorted(shop.rows()) == ["c2", "c3", "m2", "m3"]
