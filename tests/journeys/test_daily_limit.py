"""The org's requests of the day are used up in the middle: what was done stays, and tomorrow it goes on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.journeys.small import Shop, open_shop, product

from sync_engine_sandbox.faults import Rule

STREAM = {"from": "products", "to": "Item__c", "key": {"Key__c": "sku"}, "fields": {"Name": "name"}}
CODES = [f"mug-{number:03}" for number in range(450)]


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    with open_shop(tmp_path, products=[product(each, name=f"Mug {each}") for each in CODES]) as opened:
        opened.write({"items": STREAM})
        opened.connect(parallel=1)
        yield opened


def check(shop: Shop) -> None:
    assert sorted(row["Key__c"] for row in shop.sandbox.org.rows("Item__c")) == CODES
    shop.settled()


def test_a_transfer_stops_at_the_limit_and_goes_on_the_next_day(shop: Shop) -> None:
    with shop.sandbox.faults.during(Rule("daily_limit", "crm.write", skip=1)) as happened:
        done = shop.run("apply", "--yes", code=69)
    assert len(happened) <= 2, "each call once, and no further one but what is under way"
    assert "the org's daily limit of API requests is used up" in done.err
    assert "run the same command again tomorrow" in done.err
    (stopped,) = shop.run("transfers", "list", "--json").data["transfers"]
    assert (stopped["status"], stopped["summary"]["created"]) == ("failed", 200)
    assert "daily limit" in shop.run("transfers", "show").out
    assert len(shop.rows()) == 200
    assert shop.apply()["summary"]["created"] == 250
    check(shop)


@pytest.mark.parametrize("place", ["crm.create", "crm.upload", "crm.close", "crm.poll", "crm.results"])
def test_a_bulk_job_that_meets_the_limit_is_taken_up_the_next_day(shop: Shop, place: str) -> None:
    shop.connect(bulk_threshold=1)
    with shop.sandbox.faults.during(Rule("daily_limit", place), Rule("daily_limit", "crm.create", skip=1)):
        assert "daily limit" in shop.run("apply", "--yes", code=69).err
    shop.apply()
    check(shop)


def test_a_plan_that_meets_the_limit_says_so(shop: Shop) -> None:
    with shop.sandbox.faults.during(Rule("daily_limit", "crm")):
        assert "daily limit" in shop.run("plan", code=69).err
