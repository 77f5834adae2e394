"""A process that is stopped past its lease, wherever it stood, commits nothing more when it goes on."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.conftest import Figure
from tests.journeys.crashing import Crashing
from tests.reliability import invariants
from tests.reliability.killing import APPLY, TRANSFER, points_of, settle, spread
from tests.reliability.worlds import SHAPES, World, open_world

WITHIN = ("before commit", "before rollback")
"""Who is stopped within a transaction keeps all others from the ledger, so nobody can overtake it."""


@pytest.fixture(params=SHAPES[:2], ids=[each.name for each in SHAPES[:2]])
def world(request: pytest.FixtureRequest, tmp_path: Path, processes: Crashing) -> Iterator[World]:
    """A world after its first transfer, of a shape that writes nothing that could be there twice."""
    with open_world(tmp_path, request.param) as opened:
        settle(opened, processes)
        yield opened


def let_its_lease_run_out(world: World, pid: int) -> bool:
    """As if that much time had gone by; False when this process holds no lock."""
    path = world.shop.project.folder / ".sync-engine" / "ledger.db"
    with contextlib.closing(sqlite3.connect(path, isolation_level=None, timeout=30)) as ledger:
        return ledger.execute("UPDATE locks SET expires = 1 WHERE pid = ? AND expires > 1", (pid,)).rowcount > 0


def overtake(world: World, processes: Crashing, point: int) -> bool:
    """Stop a transfer there, let another one overtake it, and let it go on; False when it could not be overtaken."""
    world.edit()
    first = processes.run(world.shop.project, *APPLY, at=("", point), how="stop")
    if first.code is not None:
        return False
    overtaken = first.points[-1] not in WITHIN and let_its_lease_run_out(world, first.pid)
    try:
        if overtaken:
            second = processes.run(world.shop.project, *APPLY)
            assert second.code == 0, second.err
            before = invariants.read_books(world)
    finally:
        woken = processes.go_on(first.pid)
    if overtaken:
        invariants.one_writer(world, before)
        finished = before.transfers[-2]["status"] == "done"  # it had nothing left to commit
        assert woken.code == 7 or finished, f"exit {woken.code} after {first.points[-1]}\n{woken.err}"
    settle(world, processes)
    return overtaken


def overtake_at(world: World, processes: Crashing, figure: Figure, most: int) -> int:
    points = points_of(world, processes, TRANSFER)
    done = sum(overtake(world, processes, each) for each in spread(len(points), most))
    figure("processes that were stopped past their lease", done, f"{world.shape.name}: {done}; none committed more")
    return done


@pytest.mark.slow
def test_a_process_that_was_overtaken_commits_nothing_more(world: World, processes: Crashing, figure: Figure) -> None:
    assert overtake_at(world, processes, figure, 16) >= 6


@pytest.mark.soak
def test_a_process_that_was_overtaken_anywhere_commits_nothing_more(
    world: World, processes: Crashing, figure: Figure
) -> None:
    assert overtake_at(world, processes, figure, 60) >= 30
