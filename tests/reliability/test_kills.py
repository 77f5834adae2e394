"""A transfer may be killed at any instant: after at most two further runs nothing is lost, nothing doubled."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.conftest import Figure
from tests.journeys.crashing import Crashing
from tests.reliability import invariants
from tests.reliability.killing import (
    CHANGED,
    KILLED,
    PLAN,
    SAVED,
    TRANSFER,
    Tally,
    Way,
    die_again,
    effects,
    points_of,
    settle,
    spread,
    sweep,
)
from tests.reliability.worlds import SHAPES, Shape, World, open_world

SEED = 20261128


@pytest.fixture(params=SHAPES, ids=[each.name for each in SHAPES])
def world(request: pytest.FixtureRequest, tmp_path: Path, processes: Crashing) -> Iterator[World]:
    """A world after its first transfer."""
    shape: Shape = request.param
    with open_world(tmp_path, shape) as opened:
        settle(opened, processes)
        yield opened
        invariants.no_secret(opened)


def show(figure: Figure, world: World, way: str, tally: Tally) -> None:
    figure("kills", tally.kills + tally.again, f"{world.shape.name}, {way}: {tally}")


def nearly(count: int) -> int:
    """So many kills at least: threads may pass a few points less than once before."""
    return count - 5


def test_nothing_is_lost_or_doubled_by_a_kill(world: World, processes: Crashing) -> None:
    points = points_of(world, processes, TRANSFER)
    tally = sweep(world, processes, spread(len(points), 5, offset=len(points) // 2))
    assert tally.kills == 5, tally


@pytest.mark.parametrize("step", ["before fsync", "after fsync", "after commit"])
def test_a_kill_while_the_ledger_is_made_loses_nothing(tmp_path: Path, processes: Crashing, step: str) -> None:
    with open_world(tmp_path, SHAPES[0]) as world:
        assert processes.run(world.shop.project, "apply", "--yes", at=(step, 0)).code == KILLED
        for check in invariants.AFTER_A_KILL:
            check(world)
        settle(world, processes)


@pytest.mark.slow
@pytest.mark.parametrize("way", [TRANSFER, PLAN], ids=["transfer", "plan"])
def test_nothing_is_lost_or_doubled_by_a_kill_at_any_effect(
    world: World, processes: Crashing, figure: Figure, way: Way
) -> None:
    numbers = effects(points_of(world, processes, way))
    tally = sweep(world, processes, numbers, way)
    show(figure, world, f"{way.name} (effects, and each kind of read)", tally)
    assert tally.kills >= nearly(len(numbers))


def kill_twice(world: World, processes: Crashing, pairs: int, seed: int) -> Tally:
    """Kill a transfer at one of its effects, and what recovers from it, so often."""
    points, chance = points_of(world, processes, TRANSFER), random.Random(seed)
    begun = next(number for number, each in enumerate(points) if each.startswith("after commit"))
    firsts = [each for each in effects(points) if each > begun and " GET " not in points[each]]
    numbers = [firsts[each] for each in spread(len(firsts), pairs)]
    return sweep(world, processes, numbers, replace(TRANSFER, between=die_again(len(points), chance)))


@pytest.mark.slow
def test_nothing_is_lost_or_doubled_by_a_kill_during_recovery(
    world: World, processes: Crashing, figure: Figure
) -> None:
    tally = kill_twice(world, processes, 16, SEED)
    show(figure, world, "killed twice", tally)
    assert tally.again >= 10, tally


@pytest.mark.soak
def test_nothing_is_lost_or_doubled_by_a_kill_at_any_point(world: World, processes: Crashing, figure: Figure) -> None:
    points = points_of(world, processes, TRANSFER)
    tally = sweep(world, processes, range(len(points)))
    show(figure, world, "apply (every point)", tally)
    assert tally.kills >= nearly(len(points))


def kill_some(world: World, processes: Crashing, figure: Figure, way: Way, most: int) -> None:
    points = points_of(world, processes, way)
    tally = sweep(world, processes, spread(len(points), most), way)
    show(figure, world, f"{way.name} ({most} points)", tally)
    assert tally.kills >= nearly(most)


other_ways = pytest.mark.parametrize("way", [SAVED, CHANGED], ids=["saved", "changed"])


@pytest.mark.slow
@other_ways
def test_nothing_is_lost_or_doubled_by_a_kill_of_other_transfers(
    world: World, processes: Crashing, figure: Figure, way: Way
) -> None:
    kill_some(world, processes, figure, way, 10)


@pytest.mark.soak
@other_ways
def test_nothing_is_lost_or_doubled_by_many_kills_of_other_transfers(
    world: World, processes: Crashing, figure: Figure, way: Way
) -> None:
    kill_some(world, processes, figure, way, 80)


@pytest.mark.soak
def test_nothing_is_lost_or_doubled_by_many_kills_during_recovery(
    world: World, processes: Crashing, figure: Figure
) -> None:
    tally = kill_twice(world, processes, 45, SEED + 1)
    show(figure, world, "killed twice", tally)
    assert tally.again >= 30, tally
