"""With ``--changed`` only what may have changed in the PIM is read, and nothing that should be written is missed."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.journeys.small import CREATED, Json, Shop, model, open_shop, product, uuid_of, values_of

from sync_engine.ledger.records import utc_text
from sync_engine.planner import loading
from sync_engine.transfer import run
from sync_engine_sandbox.faults import Rule

FIELDS = [
    {"name": "Parent__c", "type": "reference", "references": ["Item__c"], "relationship": "Parent__r"},
    {"name": "Notes__c", "type": "string", "length": 255},
    {"name": "Colour__c", "type": "string", "length": 80},
]


def streams(**changed: Any) -> Json:
    items = {
        "from": "products",
        "to": "Item__c",
        "key": {"Key__c": "uuid"},
        "fields": {"Name": "name", "Notes__c": "notes", **changed.pop("fields", {})},
    }
    return {"items": {**items, **changed}}


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    plain = [product(f"mug-{number:03}", name=f"Mug {number}", notes="old", colour="red") for number in range(250)]
    variants = [
        product(f"shirt-{size}", parent=parent, name=f"Shirt {size}", colour="red", size=size)
        for parent, size in (("shirt-top", "s"), ("shirt-low", "l"))
    ]
    models = [
        model("shirt-root", notes="of the root"),
        model("shirt-low", parent="shirt-root"),
        model("shirt-top", variant="shirts_size", notes="of the model"),
    ]
    with open_shop(tmp_path, fields=FIELDS, products=[*plain, *variants], models=models) as opened:
        opened.write(streams())
        opened.apply()
        assert len(opened.rows()) == 252
        yield opened


def requests(shop: Shop) -> int:
    """Requests for records since the last time."""
    log = shop.sandbox.pim.requests
    count = sum(1 for each in log if "/products-uuid" in each.path or "/product-models" in each.path)
    log.clear()
    return count


def queries(shop: Shop) -> int:
    """Queries for records of the org since the last time."""
    log = shop.sandbox.org.requests.log
    count = sum(1 for each in log if "/query" in each.path)
    log.clear()
    return count


def save_model(shop: Shop, code: str, **values: Any) -> None:
    """Save a model as people do it, through the PIM itself: what is below inherits the values."""
    known = shop.project.environment
    with httpx.Client(base_url=f"{known['PIM_URL']}/api", trust_env=False) as pim:
        login = {"grant_type": "password", "username": known["PIM_USER"], "password": known["PIM_PASSWORD"]}
        token = pim.post("/oauth/v1/token", json=login, auth=(known["PIM_CLIENT_ID"], known["PIM_SECRET"])).json()
        head = {"Authorization": f"Bearer {token['access_token']}"}
        pim.patch(
            f"/rest/v1/product-models/{code}", json={"values": values_of(values)}, headers=head
        ).raise_for_status()


def changed(shop: Shop) -> Json:
    (planned,) = shop.run("plan", "--changed", "--format", "json").data["catalogs"]
    return dict(planned["streams"][0])


def apply_changed(shop: Shop) -> dict[str, int]:
    found = shop.apply("--changed")["summary"]
    return {name: count for name, count in found.items() if count}


def test_without_any_change_next_to_nothing_is_asked(shop: Shop) -> None:
    requests(shop)
    assert apply_changed(shop) == {}
    assert requests(shop) == 2  # products and models that were saved since


def test_only_the_record_that_changed_is_read_and_written(shop: Shop) -> None:
    shop.change("mug-007", notes="new")
    planned = changed(shop)
    assert planned["changed_since"]
    assert {name: count for name, count in planned["summary"].items() if count} == {"update": 1}
    assert apply_changed(shop) == {"updated": 1}
    shop.settled()


def test_a_changed_model_brings_its_variants_at_every_level(shop: Shop) -> None:
    save_model(shop, "shirt-root", notes="anew")
    assert shop.sandbox.pim.products.by_key[uuid_of("shirt-l")]["updated"] == CREATED
    assert apply_changed(shop) == {"updated": 1}
    assert shop.rows()[uuid_of("shirt-l")]["Notes__c"] == "anew"
    shop.settled()


def test_a_changed_model_brings_the_models_below_it(shop: Shop) -> None:
    of_models = {"from": "product_models", "to": "Item__c", "key": {"Key__c": "code"}}
    shop.write({"models": {**of_models, "fields": {"Name": "code", "Notes__c": "notes"}}})
    shop.apply()
    save_model(shop, "shirt-root", notes="anew")
    assert apply_changed(shop) == {"updated": 2}
    assert {key: shop.rows()[key]["Notes__c"] for key in ("shirt-root", "shirt-low", "shirt-top")} == {
        "shirt-root": "anew",
        "shirt-low": "anew",
        "shirt-top": "of the model",
    }


@pytest.mark.parametrize("way", ["deleted", "disabled", "without a family"])
def test_a_record_that_left_is_left_to_the_next_whole_comparison(shop: Shop, way: str) -> None:
    wanted = [{"field": "enabled", "operator": "=", "value": True}, {"field": "family", "operator": "NOT EMPTY"}]
    shop.write(streams(on_missing="delete", filter=wanted), safety={"max_delete_percent": 50})
    shop.apply()
    if way == "deleted":
        shop.sandbox.pim.delete_product(uuid_of("mug-007"))
    elif way == "disabled":
        shop.sandbox.pim.edit_product(uuid_of("mug-007"), enabled=False)
    else:
        shop.sandbox.pim.edit_product(uuid_of("mug-007"), family=None)
    assert apply_changed(shop) == {}
    assert shop.apply()["summary"]["deleted"] == 1


def test_the_org_is_asked_only_for_what_may_have_changed(shop: Shop) -> None:
    shop.sandbox.org.edit("Item__c", shop.rows()[uuid_of("mug-008")]["Id"], {"Notes__c": "by hand"})
    queries(shop)
    assert apply_changed(shop) == {}
    assert queries(shop) == 0
    shop.change("mug-007", notes="new")
    assert apply_changed(shop) == {"updated": 1}
    assert queries(shop) == 2  # one for its key, and one that reads back what was written
    assert shop.plan()["summary"]["update"] == 1, "what was changed in the org, a whole comparison finds"


def test_a_new_record_finds_its_parent_though_that_has_not_changed(shop: Shop) -> None:
    lookup = {"lookup": "models", "value": "parent"}
    of_models = {"from": "product_models", "to": "Item__c", "key": {"Key__c": "code"}, "fields": {"Name": "code"}}
    shop.write({"models": of_models, **streams(fields={"Parent__c": lookup})})
    shop.apply()
    shirt = product("shirt-xl", parent="shirt-low", name="Shirt XL")
    shop.sandbox.pim.add_product(**{**shirt, "updated": shop.sandbox.pim.now_text()})
    assert apply_changed(shop) == {"created": 1}
    rows = shop.rows()
    assert rows[uuid_of("shirt-xl")]["Parent__c"] == rows["shirt-low"]["Id"]
    shop.settled()


def test_gates_count_among_all_that_was_written(shop: Shop) -> None:
    shop.write(streams(), safety={"max_update_percent": 10})
    shop.apply()
    for number in range(20):
        shop.change(f"mug-{number:03}", notes="new")
    assert apply_changed(shop) == {"updated": 20}, "20 of 252, not 20 of the 20 that were read"
    for number in range(30):
        shop.change(f"mug-{number:03}", notes="newer")
    assert "max_update_percent" in shop.run("apply", "--changed", "--yes", code=5).err


def test_records_that_cannot_be_written_trip_no_gate_for_being_all_that_is_read(shop: Shop) -> None:
    for number in range(15):
        shop.change(f"mug-{number:03}", notes="x" * 300)
    assert shop.apply("--changed", code=4)["summary"]["rejected"] == 15
    _let_it_be_long_ago(shop)
    assert shop.apply("--changed", code=4)["summary"]["rejected"] == 15, "15 of 252, as in a comparison of all"
    for number in range(15):
        shop.change(f"mug-{number:03}", notes=None)
    assert apply_changed(shop) == {"updated": 15}, "the field is emptied in 15 of 252 records"


def test_the_org_is_read_as_a_whole_where_that_takes_fewer_requests(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loading, "MOST", 120)
    for number in range(150):
        shop.change(f"mug-{number:03}", notes="new")
    assert apply_changed(shop) == {"updated": 150}
    shop.settled()


def test_a_filter_that_depends_on_the_day_reads_everything(shop: Shop) -> None:
    recent = {"field": "created", "operator": "SINCE LAST N DAYS", "value": 10_000}
    shop.write(streams(filter=[{"not": recent}]), safety={"expect": {"min": 0}, "max_collapse_percent": 100})
    shop.apply()
    assert changed(shop)["all_read_because"] == "its filter on created depends on the day"


def test_a_changed_mapping_reads_everything_once(shop: Shop) -> None:
    shop.write(streams(fields={"Notes__c": "{{ notes }}!"}))
    done = shop.run("plan", "--changed")
    because = "all records are read: the catalog, sync-engine, an adapter or a field of the target has changed"
    assert because in done.out
    assert because in done.err
    assert apply_changed(shop)["updated"] == 252
    assert apply_changed(shop) == {}


def test_everything_is_read_before_there_is_a_complete_transfer(shop: Shop) -> None:
    (shop.project.folder / ".sync-engine" / "ledger.db").unlink()
    assert changed(shop)["all_read_because"] == "there is no complete transfer before"
    assert apply_changed(shop) == {"unchanged": 252}
    assert apply_changed(shop) == {}


def test_a_catalog_may_want_it_for_every_plan_and_transfer(shop: Shop) -> None:
    shop.write(streams(), compare="changed")
    shop.change("mug-001", name="Jug")
    (stream,) = shop.plan()["streams"]
    assert stream["changed_since"]
    assert stream["summary"] | {"update": 1, "unchanged": 0} == stream["summary"]
    (whole,) = shop.run("plan", "--all", "--format", "json").data["catalogs"]
    assert whole["summary"] | {"update": 1, "unchanged": 251} == whole["summary"]
    assert shop.apply()["summary"] | {"updated": 1, "unchanged": 0} == shop.shown()["summary"]
    assert shop.apply("--all")["summary"]["unchanged"] == 252


def test_everything_is_read_again_after_some_time_and_then_deletes_have_their_proof(shop: Shop) -> None:
    shop.write(streams(on_missing="delete"), safety={"max_delete_percent": 50}, full_every="12h")
    shop.apply()
    shop.sandbox.pim.delete_product(uuid_of("mug-007"))
    assert apply_changed(shop) == {}
    _age(shop, hours=11)
    assert apply_changed(shop) == {}
    _age(shop, hours=1)
    assert "longer ago than `full_every` says" in changed(shop)["all_read_because"]
    assert apply_changed(shop) == {"unchanged": 251, "deleted": 1}
    assert apply_changed(shop) == {}


def _age(shop: Shop, *, hours: int) -> None:
    """Let every transfer in the ledger have begun so much earlier."""
    with closing(sqlite3.connect(shop.project.folder / ".sync-engine" / "ledger.db")) as ledger, ledger:
        for id_, started in ledger.execute("SELECT id, started FROM transfers").fetchall():
            earlier = utc_text(datetime.fromisoformat(started) - timedelta(hours=hours))
            ledger.execute("UPDATE transfers SET started = ? WHERE id = ?", (earlier, id_))


@pytest.mark.parametrize("hours", [-5, 5])
def test_a_clock_of_the_pim_that_is_wrong_hides_nothing(shop: Shop, hours: int) -> None:
    with shop.sandbox.faults.during(Rule("clock", "pim", seconds=hours * 3600)):
        shop.apply()
        shop.change("mug-001", notes="new")
        assert apply_changed(shop) == {"updated": 1}
        assert apply_changed(shop) == {"unchanged": 1}, "it lies in the overlap"
    shop.settled()


def test_a_rejected_record_is_read_again_until_it_is_written_and_nothing_else_is(shop: Shop) -> None:
    shop.change("mug-001", notes="x" * 300)
    shop.apply("--changed", code=4)
    _let_it_be_long_ago(shop)
    assert shop.apply("--changed", code=4)["summary"]["rejected"] == 1
    assert changed(shop)["summary"]["unchanged"] == 0
    shop.change("mug-001", notes="short")
    assert apply_changed(shop) == {"updated": 1}
    _let_it_be_long_ago(shop)
    assert apply_changed(shop) == {}
    shop.settled()


def test_a_record_that_the_org_refused_is_sent_again_though_the_pim_did_not_change_it(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "RETRIES", 1)
    with shop.sandbox.faults.during(Rule("locked", "crm.row")):
        shop.change("mug-001", notes="new")
        shop.apply("--changed", code=4)
    _let_it_be_long_ago(shop)
    assert apply_changed(shop) == {"updated": 1}
    shop.settled()


def test_after_too_many_rejections_everything_since_before_is_read_again(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "MOST_UNWRITTEN", 3)
    for number in range(4):
        shop.change(f"mug-{number:03}", notes="x" * 300)
    shop.change("mug-004", notes="new")
    shop.apply("--changed", code=4)
    found = changed(shop)["summary"]
    assert (found["rejected"], found["unchanged"]) == (4, 1)


def _let_it_be_long_ago(shop: Shop) -> None:
    """Let everything in the PIM have been saved long ago, out of the reach of the overlap."""
    for uuid, each in list(shop.sandbox.pim.products.by_key.items()):
        shop.sandbox.pim.edit_product(uuid, updated=CREATED, values=each["values"])


def test_a_rollback_is_followed_by_a_whole_comparison(shop: Shop) -> None:
    shop.change("mug-001", notes="new")
    done = shop.apply()
    path = str(shop.project.folder / "back")
    shop.run("transfers", "rollback", done["id"], "--out", path)
    shop.apply(path)
    assert apply_changed(shop)["updated"] == 1
    shop.settled()


def test_a_saved_plan_does_not_take_the_option(shop: Shop) -> None:
    path = str(shop.project.folder / "plan")
    shop.run("plan", "--out", path)
    assert "leave out --changed" in shop.run("apply", path, "--changed", code=64).err
