"""A transfer that died is taken up by the next one: nothing is lost, nothing doubled, everything accounted for."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.journeys.crashing import Crashing
from tests.journeys.small import Shop, open_shop, product

from sync_engine.ledger.store import open_ledger
from sync_engine.sdk.target import BatchState
from sync_engine.transfer.recovery import RULES
from sync_engine_sandbox.crm.org import CrmSettings

NOTES = {"name": "Notes__c", "type": "string", "length": 80}
STREAM = {
    "from": "products",
    "to": "Item__c",
    "key": {"Key__c": "sku"},
    "fields": {"Name": "name", "Notes__c": "notes"},
}
FIRST = 3
"""Commits before the one that packs the first batch: the tables, the locks, the beginning of the transfer."""
COLLECTIONS = [BatchState.PACKED, BatchState.SENDING, BatchState.SUBMITTED]
BULK = [
    *(BatchState.PACKED, BatchState.CREATING, BatchState.CREATED, BatchState.UPLOADED, BatchState.CLOSED),
    BatchState.SUBMITTED,
]


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    products = [product(sku, name=f"Mug {sku}", notes="old") for sku in "abc"]
    with open_shop(tmp_path, fields=[NOTES], products=products) as opened:
        opened.write({"items": STREAM}, safety={"max_delete_percent": 100})
        yield opened


def left(shop: Shop) -> list[str]:
    """The states of the batches that are under way."""
    with open_ledger("sqlite:///.sync-engine/ledger.db", shop.project.folder) as ledger:
        return [each.state for each in ledger.batches_left("shop")]


def owned(shop: Shop) -> list[str]:
    with open_ledger("sqlite:///.sync-engine/ledger.db", shop.project.folder) as ledger:
        return [each.key for each in ledger.owned("shop", "items")]


def jobs(shop: Shop) -> list[str]:
    """How the calls that make and close bulk jobs went."""
    return [
        each.method for each in shop.sandbox.org.requests.log if "/jobs/ingest" in each.path and each.method != "GET"
    ]


def kill(shop: Shop, processes: Crashing, at: tuple[str, int]) -> None:
    ended = processes.run(shop.project, "apply", "--yes", at=at)
    assert ended.code == -9, f"it lived\n{ended.points}"


def check(shop: Shop) -> None:
    """Everything is there, once, as the PIM has it, and known as ours."""
    assert sorted(row["Key__c"] for row in shop.sandbox.org.rows("Item__c")) == ["a", "b", "c"]
    assert owned(shop) == ["a", "b", "c"]
    assert left(shop) == []
    shop.settled()


def test_every_state_that_a_batch_can_be_found_in_has_a_rule() -> None:
    assert set(RULES) == set(BatchState) - {BatchState.COMMITTED}
    assert set(RULES) == {*COLLECTIONS, *BULK}


@pytest.mark.parametrize("state", COLLECTIONS)
def test_a_call_is_settled_from_every_state(shop: Shop, processes: Crashing, state: BatchState) -> None:
    kill(shop, processes, ("after commit", FIRST + COLLECTIONS.index(state)))
    assert left(shop) == [state]
    shop.apply()
    check(shop)


@pytest.mark.parametrize("state", BULK)
def test_a_job_is_settled_from_every_state(shop: Shop, processes: Crashing, state: BatchState) -> None:
    shop.connect(bulk_threshold=1)
    kill(shop, processes, ("after commit", FIRST + BULK.index(state)))
    assert left(shop) == [state]
    shop.apply()
    check(shop)


def test_records_whose_answer_was_lost_are_known_as_ours(shop: Shop, processes: Crashing) -> None:
    kill(shop, processes, ("after PATCH", 0))
    done = shop.run("apply", "--yes")
    assert "1 batch under way, 3 created" in done.err
    check(shop)
    died = shop.run("transfers", "list", "--json").data["transfers"][1]
    assert died["status"] == "interrupted"
    assert died["summary"]["created"] == 3
    outcomes = shop.shown(died["id"])["outcomes"]
    assert {(each["key"], each["outcome"]) for each in outcomes} == {(key, "created") for key in "abc"}


def test_what_a_lost_answer_had_changed_or_deleted_is_found_out(shop: Shop, processes: Crashing) -> None:
    shop.write({"items": {**STREAM, "on_missing": "delete"}}, safety={"max_delete_percent": 100})
    shop.apply()
    shop.change("a", notes="new")
    shop.sandbox.pim.delete_product(next(iter(shop.sandbox.pim.products.by_key)))
    gone = (
        {"a", "b", "c"} - {each["values"]["sku"][0]["data"] for each in shop.sandbox.pim.products.by_key.values()}
    ).pop()
    kill(shop, processes, ("after DELETE", 0))
    done = shop.run("apply", "--yes")
    assert "1 deleted" in done.err
    assert sorted(shop.rows()) == sorted({"a", "b", "c"} - {gone}) == owned(shop)
    shop.settled()


def test_a_job_that_was_closed_is_followed_and_not_sent_again(shop: Shop, processes: Crashing) -> None:
    shop.connect(bulk_threshold=1)
    kill(shop, processes, ("after PATCH", 0))
    shop.apply()
    assert jobs(shop) == ["POST", "PUT", "PATCH"]
    check(shop)


def test_a_copy_of_the_ledger_made_while_a_transfer_is_under_way_loses_nothing(shop: Shop, processes: Crashing) -> None:
    stopped = processes.run(shop.project, "apply", "--yes", at=("after PATCH", 0), how="stop")
    shop.run("transfers", "backup", str(shop.project.folder / "copy.db"))
    assert processes.go_on(stopped.pid).code == 0
    shutil.rmtree(shop.project.folder / ".sync-engine")
    (shop.project.folder / ".sync-engine").mkdir(mode=0o700)
    (shop.project.folder / "copy.db").rename(shop.project.folder / ".sync-engine" / "ledger.db")
    assert left(shop) == [BatchState.SENDING]
    assert "1 batch under way, 3 created" in shop.run("apply", "--yes").err
    check(shop)


def test_a_crash_while_taking_up_is_taken_up(shop: Shop, processes: Crashing) -> None:
    kill(shop, processes, ("after PATCH", 0))
    kill(shop, processes, ("before commit", 1))
    assert left(shop) == [BatchState.SENDING]
    kill(shop, processes, ("after commit", 1))
    shop.apply()
    check(shop)


def test_a_transfer_that_is_asked_to_stop_leaves_its_job_to_the_next_one(tmp_path: Path, processes: Crashing) -> None:
    products = [product(sku, name=f"Mug {sku}", notes="old") for sku in "abc"]
    with open_shop(tmp_path / "slow", fields=[NOTES], products=products, crm=CrmSettings(bulk_delay=0.5)) as shop:
        shop.write({"items": STREAM})
        shop.connect(bulk_threshold=1)
        poll = f"before GET {shop.sandbox.access['crm']['url']}/services/data/v62.0/jobs/ingest/"
        ended = processes.run(shop.project, "apply", "--yes", at=(poll, 0), how="end")
        assert ended.code == 130
        assert "Run the same command again" in ended.err
        assert left(shop) == [BatchState.SUBMITTED]
        assert "1 batch under way, 3 created" in shop.run("apply", "--yes").err
        assert jobs(shop) == ["POST", "PUT", "PATCH"]
        died = shop.run("transfers", "list", "--json").data["transfers"][1]
        assert died["status"] == "interrupted"
        assert (died["summary"]["created"], died["summary"]["rejected"]) == (3, 0)
        check(shop)


@pytest.mark.slow
def test_a_process_whose_call_hangs_is_gone_soon_after_it_was_asked_to_stop(shop: Shop, processes: Crashing) -> None:
    began = time.monotonic()
    ended = processes.run(shop.project, "apply", "--yes", at=("after PATCH", 0), how="hang")
    assert ended.code == 130
    assert time.monotonic() - began < 10 + 5, "the ten seconds, and time to start"
    shop.apply()
    check(shop)
