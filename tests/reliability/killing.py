"""Kill a run at a point of its work, run again until all is quiet, and look whether anything is lost or doubled."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path

from tests.journeys.crashing import Crashing, Ended, Point
from tests.reliability import invariants
from tests.reliability.invariants import holds
from tests.reliability.worlds import World

APPLY = ("apply", "--yes")
ONLY_CHANGED = ("apply", "--changed", "--yes")
KILLED = -9
MOST_RUNS = 2
"""Further runs in which everything must have come to its end."""
TAKEN_AWAY = ("deactivate", "delete")
"""What a reading of changes never does (docs/incremental.md)."""
OVERLAP = 3
"""Hours; longer than what a reading of changes reads again in any case."""
FEWEST_OF_RESUME = 20
"""Points that ``transfers resume`` passes whatever was under way."""

_IDS = re.compile(r"(?<=[/=%2C])[0-9a-zA-Z]{15,18}(?=[/?&%]|$)|:\d+(?=/)|\?.*")


@dataclass
class Tally:
    """What a sweep did.

    Attributes:
        kills: processes that were killed.
        again: how often the recovery was killed, too.
        points: kinds of points they died at.
        runs: by the number of further runs that were needed, how often.
    """

    kills: int = 0
    again: int = 0
    points: Counter[str] = field(default_factory=Counter)
    runs: Counter[int] = field(default_factory=Counter)

    def died(self, ended: Ended) -> bool:
        """Note how a run ended; whether it died at its point, rather than came to its end before that."""
        if ended.code != KILLED:
            assert ended.code in (0, 6), f"exit {ended.code}\n{ended.err}"
            return False
        self.kills += 1
        self.points[kind(ended.points[-1])] += 1
        return True

    def __str__(self) -> str:
        runs = ", ".join(f"{runs} ({count} times)" for runs, count in sorted(self.runs.items()))
        again = f", {self.again} of them again during recovery" if self.again else ""
        done = f"{self.kills} kills at {len(self.points)} kinds of points{again}"
        return f"{done}; further runs until all was quiet: {runs}; 0 lost, 0 doubled"


def kind(point: str) -> str:
    """The name of a point without what differs from run to run: ids, ports, queries."""
    return _IDS.sub("", point)


def spread(points: int, most: int, offset: int = 0) -> list[int]:
    """So many of the numbers below ``points``, evenly over all of them; all of them where there are not more."""
    if points <= most:
        return list(range(points))
    return sorted({(offset + round(each * points / most)) % points for each in range(most)})


def effects(points: Sequence[str]) -> list[int]:
    """The numbers of these points without those of reads; of each kind of read the first stays."""
    kinds = [kind(each) for each in points]
    return [number for number, each in enumerate(kinds) if " GET " not in each or kinds.index(each) == number]


def points_of(world: World, processes: Crashing, way: Way) -> tuple[str, ...]:
    """Let a round come to its end; gives the points that it passed."""
    world.edit()
    way.prepare(world)
    ended = processes.run(world.shop.project, *way.command(world))
    assert ended.code == 0, ended.err
    settle(world, processes, before=way.between(world, processes, Tally()))
    return ended.points


def settle(
    world: World,
    processes: Crashing,
    tally: Tally | None = None,
    *,
    before: int = 0,
    command: Sequence[str] = APPLY,
) -> None:
    """Run until all is quiet, and see that everything is as it must be; ``before`` counts runs that there were.

    Where only changes are read, all is quiet when nothing is left but what was taken away; then all is compared once.
    """
    runs = before
    unseen = TAKEN_AWAY if command == ONLY_CHANGED else ()
    while runs == before or not quiet(world, but_for=unseen):
        holds("it converges", runs < MOST_RUNS, f"a plan after {runs} further runs is not empty")
        runs += 1
        done = processes.run(world.shop.project, *command)
        holds("it converges", done.code == 0, f"exit {done.code}\n{done.err}")
    if tally is not None:
        tally.runs[runs] += 1
    if unseen:
        settle(world, processes)
    for check in invariants.AT_REST:
        check(world)


def quiet(world: World, *, but_for: Sequence[str] = ()) -> bool:
    """Whether a plan has nothing to do, but for changes of these kinds."""
    summary = world.shop.plan()["summary"]
    return not any(count for name, count in summary.items() if name not in ("unchanged", *but_for))


@dataclass(frozen=True)
class Way:
    """What is killed, and what follows.

    Attributes:
        name: in figures.
        arguments: of the command that is killed; ``{plan}`` is the path of a plan file.
        prepare: done before, when the PIM has changed.
        between: done after the kill, before the runs that settle it; gives how many further runs it was.
        recovery: the command that settles it.
    """

    name: str
    arguments: tuple[str, ...]
    prepare: Callable[[World], None] = lambda _: None
    between: Callable[[World, Crashing, Tally], int] = lambda *_: 0
    recovery: tuple[str, ...] = APPLY

    def command(self, world: World) -> list[str]:
        """The command that is killed."""
        return [each.format(plan=plan_path(world)) for each in self.arguments]


def plan_path(world: World) -> Path:
    return world.shop.project.folder / "made.plan"


def _make_plan(world: World) -> None:
    world.shop.run("plan", "--out", str(plan_path(world)))


def _let_hours_go_by(world: World) -> None:
    """What has just changed in the PIM is no longer read again in any case."""
    world.shop.sandbox.faults.skew["pim"] += OVERLAP * 3600


def _apply_plan(world: World, processes: Crashing, _: Tally) -> int:
    """A plan file is whole, or it is not there."""
    path = plan_path(world)
    if not path.exists():
        return 0
    done = processes.run(world.shop.project, "apply", str(path), "--yes")
    holds("a plan applies only to what it was made for", done.code == 0, done.err)
    path.unlink()
    return 1


def die_again(points: int, chance: random.Random) -> Callable[[World, Crashing, Tally], int]:
    """Of a ``Way``: kill the recovery, too; turn and turn about the next transfer and ``transfers resume``.

    What was under way is taken up early in a transfer, which passes so many points; what follows is like any other.
    """
    turns = cycle(((APPLY, points // 2), (("transfers", "resume"), FEWEST_OF_RESUME)))

    def between(world: World, processes: Crashing, tally: Tally) -> int:
        command, most = next(turns)
        ended = processes.run(world.shop.project, *command, at=("", chance.randrange(most)))
        if ended.code != KILLED:  # it came to its end before that point, and was a further run
            assert ended.code in (0, 4), ended.err
            return 1
        tally.again += 1
        for check in invariants.AFTER_A_KILL:
            check(world)
        return 0

    return between


TRANSFER = Way("apply", APPLY)
CHANGED = Way("apply --changed", ONLY_CHANGED, prepare=_let_hours_go_by, recovery=ONLY_CHANGED)
SAVED = Way("apply of a saved plan", ("apply", "{plan}", "--yes"), prepare=_make_plan)
PLAN = Way("plan --out", ("plan", "--out", "{plan}"), between=_apply_plan)


def kill(world: World, processes: Crashing, at: Point, way: Way = TRANSFER, tally: Tally | None = None) -> None:
    """Let the world change, kill what then runs at that point, and run until all is quiet."""
    tally = tally or Tally()
    world.edit()
    way.prepare(world)
    ended = processes.run(world.shop.project, *way.command(world), at=at)
    try:
        died = tally.died(ended)
        if died:
            for check in invariants.AFTER_A_KILL:
                check(world)
        before = way.between(world, processes, tally)
        settle(world, processes, tally if died else None, before=before, command=way.recovery)
    except AssertionError as error:
        error.add_note(f"{world.shape.name}, {way.name}, round {world.round}, killed at {at}: {ended.points[-1:]}")
        raise


def sweep(world: World, processes: Crashing, numbers: Iterable[int], way: Way = TRANSFER) -> Tally:
    """Kill a round at each of these points, counted from the first of a run."""
    tally = Tally()
    for number in numbers:
        kill(world, processes, ("", number), way, tally)
    return tally
