"""``apply --scheduled`` transfers what is due, once, whoever knocks and however often."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.journeys.crashing import Crashing
from tests.journeys.small import Json, Shop, open_shop, product

from sync_engine.schedule.runs import delay

STREAMS = {"items": {"from": "products", "to": "Item__c", "key": {"Key__c": "sku"}, "fields": {"Name": "name"}}}
TAKEN = ("after commit", 2)
"""The ledger was made, the locks were taken, the run was taken; nothing was read or sent."""


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    with open_shop(tmp_path, products=[product(sku, name=f"Mug {sku}") for sku in "abc"]) as opened:
        yield opened


def at(minutes: int) -> str:
    """A time of day, so many minutes from now, in UTC."""
    return f"{datetime.now(UTC) + timedelta(minutes=minutes):%H:%M}"


def write(shop: Shop, **schedule: Any) -> None:
    shop.write(STREAMS, schedule=schedule)


def knock(shop: Shop, *arguments: str, code: int = 0) -> list[Json]:
    done = shop.run("apply", *arguments, "--yes", "--scheduled", "--json", code=code)
    return list(done.data["transfers"])


def test_a_run_that_is_due_happens_once_and_the_log_says_that_a_schedule_started_it(shop: Shop) -> None:
    write(shop, daily=at(-5))
    (transfer,) = knock(shop, "shop")
    assert transfer["summary"]["created"] == 3
    assert shop.shown()["trigger"] == "schedule"
    shop.change("a", name="Changed")
    assert knock(shop, "shop") == []
    assert shop.rows()["a"]["Name"] == "Mug a"


def test_who_knocks_at_another_time_is_told_when_the_next_run_is(shop: Shop) -> None:
    later = at(120)
    write(shop, daily=later, missed="skip")
    done = shop.run("apply", "--yes", "--scheduled")
    assert f"shop: no run is due; daily at {later} (UTC), next " in done.err
    assert not shop.rows()


def test_a_run_that_was_missed_happens_at_the_next_knock(shop: Shop) -> None:
    write(shop, daily=at(-200))
    assert len(knock(shop)) == 1
    assert knock(shop) == []


@pytest.mark.slow
def test_a_run_waits_for_the_jitter_of_its_catalog(shop: Shop) -> None:
    moment = datetime.now(UTC)
    minute = moment.replace(second=0, microsecond=0)
    # No jitter gives just any delay, so there is not one for every second.
    soon = [(moment + timedelta(seconds=each)).replace(microsecond=0) for each in range(4, 20)]
    delays = {minute + delay("shop", timedelta(seconds=each)): each for each in range(1, 3600)}
    start = next(each for each in soon if each in delays)
    write(shop, daily=f"{moment:%H:%M}", jitter=f"{delays[start]}s")
    assert len(knock(shop)) == 1
    assert datetime.fromisoformat(shop.shown()["started"]) >= start


def test_nothing_starts_in_a_blackout_window(shop: Shop) -> None:
    write(shop, daily=at(-5), blackout=[{"from": at(-1), "to": at(60)}])
    done = shop.run("apply", "--yes", "--scheduled")
    assert "shop: nothing starts now, in a blackout window" in done.err
    assert not shop.rows()


def test_a_catalog_without_a_schedule_is_refused_by_name_and_left_alone_otherwise(shop: Shop) -> None:
    shop.write(STREAMS)
    refused = shop.run("apply", "shop", "--yes", "--scheduled", code=1)
    assert "the catalog shop has no schedule" in refused.err
    assert knock(shop) == []


def test_options_that_a_scheduled_run_cannot_have_are_refused(shop: Shop) -> None:
    write(shop, daily=at(-5))
    for option in (("--approve", "0123"), ("--streams", "items")):
        shop.run("apply", "--yes", "--scheduled", *option, code=64)


def test_the_run_of_a_process_that_died_is_done_by_the_next_one(shop: Shop, processes: Crashing) -> None:
    write(shop, daily=at(-5))
    assert processes.run(shop.project, "apply", "--yes", "--scheduled", at=TAKEN).code == -9
    assert not shop.rows()
    (transfer,) = knock(shop)
    assert transfer["summary"]["created"] == 3
    assert knock(shop) == []


def test_a_run_that_another_process_is_doing_is_not_done_again(shop: Shop, processes: Crashing) -> None:
    write(shop, daily=at(-5))
    first = processes.run(shop.project, "apply", "--yes", "--scheduled", at=TAKEN, how="stop")
    assert "catalog shop is locked" in shop.run("apply", "--yes", "--scheduled", code=7).err
    assert processes.go_on(first.pid).code == 0
    assert knock(shop) == []
    assert len(shop.run("transfers", "list", "--json").data["transfers"]) == 1


def test_a_run_is_due_again_after_a_service_was_unavailable_but_not_after_a_gate(shop: Shop) -> None:
    write(shop, daily=at(-5))
    environment = dict(shop.project.environment)
    shop.project.environment["PIM_URL"] = "http://127.0.0.1:9"
    shop.connect("pim", retry_minutes=0)
    shop.run("apply", "--yes", "--scheduled", code=69)
    shop.project.environment.update(environment)
    shop.write(STREAMS, schedule={"daily": at(-5)}, safety={"expect": {"min": 4}})
    shop.run("apply", "--yes", "--scheduled", code=5)
    assert knock(shop) == []


def test_what_one_catalog_fails_with_does_not_stop_the_others(shop: Shop) -> None:
    shop.write(STREAMS, schedule={"daily": at(-5)}, safety={"expect": {"min": 4}})
    path = shop.project.folder / "catalogs" / "shop.yaml"
    other = json.loads(path.read_text(encoding="utf-8")) | {"name": "the-other", "safety": {}}
    path.with_name("z.yaml").write_text(json.dumps(other), encoding="utf-8")
    done = shop.run("apply", "--yes", "--scheduled", code=5)
    assert "catalog shop: " in done.err
    assert "of the-other: 3 created" in done.out
