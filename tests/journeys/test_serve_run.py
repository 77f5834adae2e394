"""``serve-run``, which ``serve`` starts: what is to be done is done once, whoever was told to do it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.journeys.small import Shop, open_shop, product
from tests.journeys.test_serve import catalog

from sync_engine.ledger.store import Ledger, open_ledger

DUE = datetime(2026, 3, 1, 2, tzinfo=UTC)


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    with open_shop(tmp_path, products=[product("a"), product("b")]) as shop:
        (shop.project.folder / "catalogs" / "shop.yaml").write_text(catalog(), encoding="utf-8")
        yield shop


def told(shop: Shop, *arguments: str, code: int = 0) -> Any:
    return shop.run("serve-run", "shop", *arguments, code=code).data


def ledger(shop: Shop) -> Ledger:
    return open_ledger("sqlite:///.sync-engine/ledger.db", shop.project.folder)


def test_a_change_is_transferred_once_and_by_whoever_is_furthest(shop: Shop) -> None:
    first = ("--meaning", "one", "--revision", "r1")
    (done,) = told(shop, *first)["transfers"]
    assert (done["status"], done["summary"]["created"]) == ("done", 2)
    assert done["cost"]["target_requests"] > 0
    assert told(shop, *first)["transfers"] == []
    second = ("--meaning", "two", "--instead-of", "one", "--revision", "r2")
    assert len(told(shop, *second)["transfers"]) == 1
    # Somebody who had not seen that yet is told to do what it was before.
    late = ("--meaning", "three", "--instead-of", "one", "--revision", "r0")
    assert told(shop, *late)["transfers"] == []
    with ledger(shop) as opened:
        (kept,) = opened.served().values()
    assert (kept.meaning, kept.revision, kept.outcome) == ("two", "r2", "done")


def test_a_run_that_is_due_happens_once_also_together_with_a_change(shop: Shop) -> None:
    due = ("--due", DUE.isoformat(), "--trigger", "schedule")
    assert len(told(shop, *due)["transfers"]) == 1
    assert told(shop, *due)["transfers"] == []
    later = ("--due", (DUE + timedelta(days=1)).isoformat(), "--meaning", "one", "--revision", "r1")
    assert len(told(shop, *later)["transfers"]) == 1
    assert told(shop, *later)["transfers"] == []
    assert [each.trigger for each in _transfers(shop)] == ["change", "schedule"]


def _transfers(shop: Shop) -> list[Any]:
    with ledger(shop) as opened:
        return list(opened.transfers())


def test_what_a_mistake_refuses_is_not_tried_again_and_what_is_unavailable_is(shop: Shop) -> None:
    shop.run("schedule", "next")  # makes the ledger
    change = ("--meaning", "one", "--revision", "r1")
    away = shop.project.environment["PIM_URL"]
    shop.project.environment["PIM_URL"] = "http://127.0.0.1:9"
    shop.project.edit("sync-engine.yaml", ("    adapter: akeneo\n", "    adapter: akeneo\n    retry_minutes: 0\n"))
    report = told(shop, *change, code=69)
    assert "the PIM cannot be reached" in report["error"]
    shop.project.environment["PIM_URL"] = away
    assert len(told(shop, *change)["transfers"]) == 1
    (shop.project.folder / "catalogs" / "shop.yaml").write_text(catalog(Nothing__c="sku"), encoding="utf-8")
    wrong = ("--meaning", "two", "--instead-of", "one", "--revision", "r2")
    assert "Nothing__c" in told(shop, *wrong, code=3)["error"]
    assert told(shop, *wrong)["transfers"] == []
    with ledger(shop) as opened:
        (kept,) = opened.served().values()
    assert (kept.outcome, "Nothing__c" in kept.message) == ("failed", True)


def test_a_catalog_that_somebody_is_at_work_on_is_left_to_them(shop: Shop) -> None:
    with ledger(shop) as opened, opened.locked(["catalog shop"]):
        report = told(shop, "--meaning", "one", "--revision", "r1", code=7)
    assert "catalog shop is locked" in report["error"]
    assert len(told(shop, "--meaning", "one", "--revision", "r1")["transfers"]) == 1


def test_taking_up_sends_nothing_new(shop: Shop) -> None:
    with ledger(shop) as opened:
        died = opened.begin("shop", "digest", "command")
    assert told(shop, "--take-up")["transfers"] == []
    assert shop.rows() == {}
    assert [(each.id, each.status.value) for each in _transfers(shop)] == [(died, "interrupted")]
