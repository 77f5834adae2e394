"""A transfer may be killed at any instant: after at most two further runs nothing is lost, nothing doubled."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.journeys.crashing import Crashing, crashing
from tests.reliability import invariants
from tests.reliability.killing import APPLY, count_points, settle, spread, sweep
from tests.reliability.worlds import SHAPES, Shape, World, open_world

EVERY = 10_000
SEED = 20261128


@pytest.fixture(scope="module")
def processes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crashing]:
    with crashing(tmp_path_factory.mktemp("crashing") / "runs") as opened:
        yield opened


@pytest.fixture(params=SHAPES, ids=[each.name for each in SHAPES])
def world(request: pytest.FixtureRequest, tmp_path: Path, processes: Crashing) -> Iterator[World]:
    """A world after its first transfer."""
    shape: Shape = request.param
    with open_world(tmp_path, shape) as opened:
        settle(opened, processes)
        yield opened
        invariants.no_secret(opened)


def test_nothing_is_lost_or_doubled_by_a_kill(world: World, processes: Crashing) -> None:
    points = count_points(world, processes, *APPLY)
    tally = sweep(world, processes, spread(points, 5, offset=points // 2))
    assert tally.kills == 5, tally


@pytest.mark.slow
def test_nothing_is_lost_or_doubled_by_a_kill_at_any_point(
    world: World, processes: Crashing, figure: Callable[[str], None]
) -> None:
    points = count_points(world, processes, *APPLY)
    tally = sweep(world, processes, spread(points, EVERY))
    figure(f"kills, {world.shape.name}: {tally}")
    assert tally.kills >= points - 5, "threads may pass fewer points once"
