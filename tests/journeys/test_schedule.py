"""``schedule``: what is coming, what collides, what it costs, and who has paused what."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.journeys.small import Json, Shop, open_shop, product

STREAMS = {"items": {"from": "products", "to": "Item__c", "key": {"Key__c": "sku"}, "fields": {"Name": "name"}}}


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    with open_shop(tmp_path_factory.mktemp("shop"), products=[product("a", name="Mug")]) as opened:
        yield opened


@pytest.fixture
def shop(servers: Shop) -> Iterator[Shop]:
    """With an empty ledger and no catalog."""
    for path in (*servers.project.folder.glob("catalogs/*"), *servers.project.folder.glob(".sync-engine/*")):
        path.unlink()
    path = servers.project.folder / "sync-engine.yaml"
    kept = path.read_text(encoding="utf-8")
    yield servers
    path.write_text(kept, encoding="utf-8")


def at(minutes: int) -> str:
    """A time of day, so many minutes from now, in UTC."""
    return f"{datetime.now(UTC) + timedelta(minutes=minutes):%H:%M}"


def add(shop: Shop, name: str, schedule: Json | None = None, to: str = "Item__c") -> None:
    """Another catalog."""
    shop.write({"items": {**STREAMS["items"], "to": to}}, **({"schedule": schedule} if schedule else {}))
    path = shop.project.folder / "catalogs" / "shop.yaml"
    data = json.loads(path.read_text(encoding="utf-8")) | {"name": name}
    path.unlink()
    path.with_name(f"{name}.yaml").write_text(json.dumps(data), encoding="utf-8")


def coming(shop: Shop, *options: str) -> Any:
    return shop.run("schedule", "next", "--format", "json", *options).data


def test_the_runs_of_all_catalogs_come_in_order_and_each_catalog_has_its_next(shop: Shop) -> None:
    add(shop, "often", {"cron": "0 */6 * * *"})
    add(shop, "nightly", {"daily": "02:00", "timezone": "Europe/Berlin"}, to="Account")
    add(shop, "by-hand", to="Contact")
    found = coming(shop, "--days", "2")
    assert [(each["name"], each["schedule"]) for each in found["catalogs"]] == [
        ("by-hand", None),
        ("nightly", "daily at 02:00 (Europe/Berlin)"),
        ("often", "cron 0 */6 * * * (UTC)"),
    ]
    moments = [each["at"] for each in found["runs"]]
    assert moments == sorted(moments)
    assert [each["catalog"] for each in found["runs"]].count("often") == 8
    assert [each["catalog"] for each in found["runs"]].count("nightly") in (1, 2, 3)  # days have 23 to 25 hours
    firsts = {each["catalog"]: each["at"] for each in reversed(found["runs"])}
    assert {each["name"]: each["next_run"] for each in found["catalogs"]} == {**firsts, "by-hand": None}
    assert (found["collisions"], found["days"]) == ([], [])


def test_catalogs_that_write_to_the_same_at_the_same_time_collide(shop: Shop) -> None:
    add(shop, "one", {"daily": "02:00"})
    add(shop, "two", {"daily": "02:00"})
    add(shop, "three", {"daily": "02:00"}, to="Account")
    (found,) = coming(shop, "--days", "3")["collisions"]
    assert (found["first"], found["second"], found["times"]) == ("one", "two", 3)
    assert found["writes"] == ["object Item__c of crm"]
    text = shop.run("schedule", "next").out
    assert "Collision: two begins while one is likely to write to the same (object Item__c of crm): " in text


def test_a_run_that_takes_longer_than_the_next_one_is_away_collides_with_it(shop: Shop) -> None:
    add(shop, "one", {"cron": "*/1 * * * *"})
    shop.run("apply", "one", "--yes")
    with_ledger(shop, "UPDATE transfers SET started = '2025-01-01T00:00:00.000Z', read_from = ''")
    with_ledger(shop, "UPDATE transfers SET finished = '2025-01-01T00:01:30.000Z'")
    (found,) = coming(shop)["collisions"]
    assert (found["first"], found["second"]) == ("one", "one")
    assert "Collision: one takes longer than it is from one run to the next" in shop.run("schedule", "next").out


def with_ledger(shop: Shop, sql: str) -> None:
    import sqlite3

    with sqlite3.connect(shop.project.folder / ".sync-engine" / "ledger.db") as ledger:
        ledger.execute(sql)
    ledger.close()


def test_what_a_day_asks_of_the_services_is_told_by_the_last_transfers(shop: Shop) -> None:
    add(shop, "one", {"cron": "0 */6 * * *"})
    shop.run("apply", "one", "--yes")
    shop.change("a", name=f"Mug {datetime.now(UTC)}")
    shop.run("apply", "one", "--yes")
    found = coming(shop, "--days", "1", "--live")
    (catalog,) = found["catalogs"]
    assert catalog["source_requests"] > 2
    assert catalog["target_requests"] >= 1
    assert 0 < catalog["seconds"] < 60
    asked = {
        side: sum(each["requests"] for each in found["days"] if each["connection"] == side) for side in ("pim", "crm")
    }
    assert asked == {"pim": 4 * catalog["source_requests"], "crm": 4 * catalog["target_requests"]}
    assert {each["limit"] for each in found["days"] if each["connection"] == "crm"} == {15_000}
    assert "of 15,000 allowed (0 %) in " in shop.run("schedule", "next", "--live").out


def test_a_run_that_the_budget_would_refuse_is_named(shop: Shop) -> None:
    add(shop, "one", {"daily": "02:00"})
    shop.run("apply", "one", "--yes")
    shop.project.edit("sync-engine.yaml", ("version: 1\n", "version: 1\nbudget: {max_source_requests: 1}\n"))
    assert "Over budget: one: about " in shop.run("schedule", "next").out


def test_a_paused_catalog_is_not_started_by_its_schedule_until_it_is_resumed(shop: Shop) -> None:
    add(shop, "one", {"daily": at(-5)})
    shop.run("schedule", "pause", "one", "--reason", "stock-taking", "--by", "jo")
    (catalog,) = coming(shop)["catalogs"]
    assert (catalog["paused"]["reason"], catalog["paused"]["who"], catalog["next_run"]) == ("stock-taking", "jo", None)
    knock = ("apply", "--yes", "--scheduled")
    assert "one: paused by jo since " in shop.run(*knock).err
    (listed,) = shop.run("catalogs", "list", "--json").data["catalogs"]
    assert listed["paused"]["reason"] == "stock-taking"
    assert "paused by jo: stock-taking" in shop.run("catalogs", "list").out
    shop.run("schedule", "resume", "one")
    assert "one was not paused" in shop.run("schedule", "resume", "one").err
    assert "Transfer " in shop.run(*knock).out
    (catalog,) = coming(shop)["catalogs"]
    assert catalog["last_run"]["outcome"] == "done"


def test_by_hand_a_paused_catalog_is_transferred(shop: Shop) -> None:
    add(shop, "one", {"daily": at(-5)})
    shop.run("schedule", "pause", "one", "--reason", "stock-taking")
    assert "Transfer " in shop.run("apply", "one", "--yes").out


def test_only_catalogs_that_there_are_can_be_paused_and_never_without_a_reason(shop: Shop) -> None:
    add(shop, "one", {"daily": "02:00"})
    refused = shop.run("schedule", "pause", "oen", "--reason", "x", code=1)
    assert "Did you mean `one`?" in refused.err
    shop.run("schedule", "pause", "one", "--reason", " ", code=64)
    shop.run("schedule", "pause", "one", code=64)
    shop.run("schedule", "resume", "oen", code=1)


def test_a_catalog_can_be_paused_although_it_has_become_invalid(shop: Shop) -> None:
    add(shop, "one", {"daily": "02:00"})
    shop.project.edit("catalogs/one.yaml", ('"daily": "02:00"', '"daily": "02:00", "missed": "often"'))
    shop.run("validate", code=3)
    shop.run("schedule", "pause", "one", "--reason", "broken")
