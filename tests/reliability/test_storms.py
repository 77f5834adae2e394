"""Both services fail in every way, one fault after the other, and a transfer is killed in the middle of it."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.conftest import Figure
from tests.journeys.crashing import Crashing
from tests.reliability import faulty, invariants
from tests.reliability.killing import APPLY, KILLED, settle
from tests.reliability.worlds import SHAPES, World, open_world

from sync_engine_sandbox.crm.org import CrmSettings
from sync_engine_sandbox.faults import Rule

SHORTENED = f"{faulty.__name__}:shorten"
POINTS = 150
"""Of a transfer; more than most pass."""
STORM = (
    *(Rule(fault, "pim", chance=0.03) for fault in ("429_silent", "502", "reset", "cut", "expired")),
    *(Rule(fault, "crm", chance=0.03) for fault in ("503", "500", "reset", "lost", "cut", "expired")),
    *(Rule(fault, "crm.write", chance=0.1) for fault in ("reset", "lost")),
    # What stops a transfer is rare, or none would come far.
    *(Rule(fault, side, chance=0.002) for fault in ("half", "half_gzip", "html") for side in ("pim", "crm")),
    Rule("disorder", "pim", chance=0.3),
    Rule("disorder", "crm", chance=0.3),
    Rule("locked", "crm.row", chance=0.05),
    Rule("job_fails", "crm.chunk", chance=0.1),
    Rule("job_cut", "crm.chunk", chance=0.1),
)
TWICE = (Rule("twice", "pim", chance=0.03), Rule("twice", "crm", chance=0.03))
"""An insert that arrives twice is there twice, which the matrix of faults has; nobody repeats what is no insert."""
ENDS = {0: "done", 1: "stopped", 4: "rejected some", 69: "given up", KILLED: "killed"}


@pytest.fixture(params=SHAPES, ids=[each.name for each in SHAPES])
def world(request: pytest.FixtureRequest, tmp_path: Path, processes: Crashing) -> Iterator[World]:
    """A world after its first transfer; its lists come in several pages, its jobs in several chunks."""
    with open_world(tmp_path, request.param, CrmSettings(bulk_chunk=1)) as opened:
        opened.shop.connect("pim", page_size=2)
        settle(opened, processes)
        yield opened
        invariants.no_secret(opened)


def weather(world: World, processes: Crashing, seed: int) -> Counter[str]:
    """Two transfers in a storm, of which each may be killed, and at most two after it; gives how the two ended."""
    chance, ends = random.Random(seed), Counter[str]()
    rules = STORM if world.shape.pictures else (*STORM, *TWICE)
    world.edit()
    with world.shop.sandbox.faults.during(*rules, seed=seed) as happened:
        for _ in range(2):
            at = ("", chance.randrange(POINTS)) if chance.random() < 0.5 else None
            ended = processes.run(world.shop.project, *APPLY, at=at, change=SHORTENED)
            assert ended.code in ENDS, f"exit {ended.code}\n{ended.err}"
            assert "Traceback" not in ended.err
            ends[ENDS[ended.code]] += 1
            for check in (*invariants.AFTER_A_KILL, invariants.one_record_per_key):
                check(world)
        ends["faults"] += len(happened)
    settle(world, processes)
    return ends


def sit_out(world: World, processes: Crashing, figure: Figure, storms: int) -> None:
    ends = Counter[str]()
    for seed in range(storms):
        try:
            ends += weather(world, processes, seed)
        except AssertionError as error:
            error.add_note(f"{world.shape.name}, storm {seed}")
            raise
    faults = ends.pop("faults")
    said = ", ".join(f"{count} {name}" for name, count in ends.most_common())
    figure(
        "transfers in a storm of faults",
        ends.total(),
        f"{world.shape.name}: {faults} faults; {said}; 0 lost, 0 doubled",
    )
    assert faults > storms


@pytest.mark.slow
def test_what_a_storm_of_faults_leaves_behind_is_put_right(world: World, processes: Crashing, figure: Figure) -> None:
    sit_out(world, processes, figure, 6)


@pytest.mark.soak
def test_what_many_storms_of_faults_leave_behind_is_put_right(
    world: World, processes: Crashing, figure: Figure
) -> None:
    sit_out(world, processes, figure, 20)
