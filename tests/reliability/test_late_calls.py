"""A call whose answer was lost may take effect later: what cannot be done twice is not done again before."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.reliability.invariants import books_balance, nothing_is_lost, one_record_per_key
from tests.reliability.worlds import SHAPES, World, open_world

from sync_engine.transfer import recovery
from sync_engine_salesforce import composite
from sync_engine_sandbox.faults import Rule

LATE = 20


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setattr(composite, "LATE", LATE)
    monkeypatch.setattr(recovery, "BETWEEN_LOOKS", 0.2)
    with open_world(tmp_path, SHAPES[2]) as opened:
        yield opened


def settled(world: World) -> None:
    one_record_per_key(world)
    nothing_is_lost(world)
    books_balance(world)
    world.shop.settled()


@pytest.mark.parametrize(
    ("skip", "rows"), [(1, 12), (2, 1)], ids=["records without an external id", "a file and its document"]
)
@pytest.mark.slow
def test_what_comes_late_is_waited_for_and_not_made_again(world: World, skip: int, rows: int) -> None:
    """The calls that write: all items, all pairs, one file each."""
    began = time.monotonic()
    with world.shop.sandbox.faults.during(Rule("late", "crm.write", skip=skip, times=1, seconds=4)) as happened:
        first = world.shop.apply(code=4)
    assert [each.fault for each in happened] == ["late"]
    assert first["summary"]["rejected"] == rows
    again = world.shop.run("apply", "--yes")
    assert "so that nothing is there twice" in again.err
    assert f"1 batch under way, {rows} created." in again.err
    assert time.monotonic() - began >= 4
    settled(world)
    books = world.shop.shown(first["id"])["summary"]
    assert (books["created"], books["rejected"]) == (24, 0)


def test_what_never_comes_is_waited_for_and_then_made(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(composite, "LATE", 2)
    with world.shop.sandbox.faults.during(Rule("reset", "crm.write", skip=1, times=1)):
        assert world.shop.apply(code=4)["summary"]["rejected"] == 12
    began = time.monotonic()
    assert world.shop.apply()["summary"]["created"] == 12
    assert time.monotonic() - began > 0.5
    settled(world)


def test_what_is_made_by_its_external_id_is_not_waited_for(world: World) -> None:
    with world.shop.sandbox.faults.during(Rule("late", "crm.write", times=1, seconds=0.5)):
        world.shop.apply()
    time.sleep(0.6)
    settled(world)
