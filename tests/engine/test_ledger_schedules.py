"""Runs of schedules and pauses in the ledger."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sync_engine.ledger.records import Effort, Pause, Status
from sync_engine.ledger.store import Ledger, open_ledger
from sync_engine.sdk.errors import Locked

DUE = datetime(2025, 6, 6, tzinfo=UTC)


@pytest.fixture
def ledger(ledger_address: str, tmp_path: Path) -> Iterator[Ledger]:
    with open_ledger(ledger_address, tmp_path) as ledger:
        yield ledger


def test_a_run_that_has_happened_is_not_given_again(ledger: Ledger) -> None:
    assert ledger.claim_run("shop", DUE)
    ledger.finish_run("shop", DUE, "done")
    assert not ledger.claim_run("shop", DUE)
    assert not ledger.claim_run("shop", DUE - timedelta(days=1))
    assert ledger.claim_run("other", DUE)
    assert ledger.claim_run("shop", DUE + timedelta(days=1))


def test_the_last_run_is_the_newest_that_has_happened(ledger: Ledger) -> None:
    assert ledger.last_scheduled_run("shop") is None
    for days, outcome in enumerate(["done", "rejected"]):
        ledger.claim_run("shop", DUE + timedelta(days=days))
        ledger.finish_run("shop", DUE + timedelta(days=days), outcome)
    ledger.claim_run("shop", DUE + timedelta(days=2))
    last = ledger.last_scheduled_run("shop")
    assert last is not None
    assert (last.due, last.outcome) == (DUE + timedelta(days=1), "rejected")


def test_a_run_whose_process_died_is_given_to_the_next_one(ledger: Ledger) -> None:
    assert ledger.claim_run("shop", DUE)
    assert ledger.claim_run("shop", DUE)


def test_a_run_happens_once_however_many_processes_see_it(ledger_address: str, tmp_path: Path) -> None:
    open_ledger(ledger_address, tmp_path).close()

    def one(_: int) -> list[int]:
        with open_ledger(ledger_address, tmp_path) as ledger:
            return [number for number in range(20) if _claimed(ledger, DUE + timedelta(hours=number))]

    with ThreadPoolExecutor(3) as pool:
        happened = [number for found in pool.map(one, range(3)) for number in found]
    assert sorted(happened) == list(range(20))


def _claimed(ledger: Ledger, due: datetime) -> bool:
    while True:
        try:
            with ledger.locked(["catalog shop"]):
                if not ledger.claim_run("shop", due):
                    return False
                ledger.finish_run("shop", due, "done")
                return True
        except Locked:
            time.sleep(0.001)


def test_a_schedule_is_known_since_it_was_first_seen_and_anew_once_it_changes(ledger: Ledger) -> None:
    later = DUE + timedelta(days=3)
    assert ledger.schedule_known_since("shop", "daily at 02:00", DUE) == DUE
    assert ledger.schedule_known_since("shop", "daily at 02:00", later) == DUE
    assert ledger.schedule_known_since("shop", "daily at 03:00", later) == later
    assert ledger.schedule_known_since("other", "daily at 03:00", DUE) == DUE


def test_what_a_transfer_usually_takes_is_that_of_the_middle_one_of_the_last(ledger: Ledger) -> None:
    assert ledger.usual_effort("shop") == Effort()
    for source, target in ((1000, 900), (20, None), (30, 10), (None, 12), (40, 14), (50, 16)):
        asked = {"source": source, "target": target}
        ledger.finish(ledger.begin("shop", "", "schedule", requests=asked), Status.DONE, {})
    failed = ledger.begin("shop", "", "schedule", requests={"source": 9999, "target": 9999})
    ledger.finish(failed, Status.FAILED, {})
    found = ledger.usual_effort("shop")
    assert (found.source_requests, found.target_requests) == (40, 14)  # of 20, 30, 40, 50 and of 10, 12, 14, 16
    assert found.seconds is not None
    assert 0 <= found.seconds < 60


def test_a_pause_lasts_until_the_catalog_is_resumed(ledger_address: str, tmp_path: Path) -> None:
    paused = Pause("shop", "stock-taking", "jo", "2025-06-06T00:00:00.000Z")
    with open_ledger(ledger_address, tmp_path) as ledger:
        ledger.pause(Pause("shop", "another reason", "al", "2025-06-01T00:00:00.000Z"))
        ledger.pause(paused)
    with open_ledger(ledger_address, tmp_path) as ledger:
        assert ledger.pauses() == {"shop": paused}
        assert ledger.resume("shop")
        assert not ledger.resume("shop")
        assert ledger.pauses() == {}
