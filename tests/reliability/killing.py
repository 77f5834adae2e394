"""Kill a run at a point of its work, run again until all is quiet, and look whether anything is lost or doubled."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from tests.journeys.crashing import Crashing, Ended
from tests.reliability import invariants
from tests.reliability.invariants import holds
from tests.reliability.worlds import World

APPLY = ("apply", "--yes")
KILLED = -9
MOST_RUNS = 2
"""Further runs in which everything must have come to its end."""

_IDS = re.compile(r"(?<=[/=%2C])[0-9a-zA-Z]{15,18}(?=[/?&%]|$)|:\d+(?=/)|\?.*")


@dataclass
class Tally:
    """What a sweep did.

    Attributes:
        kills: processes that were killed.
        points: kinds of points they died at.
        runs: by the number of further runs that were needed, how often.
    """

    kills: int = 0
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
        runs = ", ".join(f"{count} after {runs} further runs" for runs, count in sorted(self.runs.items()))
        return f"{self.kills} kills at {len(self.points)} kinds of points; quiet: {runs}; 0 lost, 0 doubled"


def kind(point: str) -> str:
    """The name of a point without what differs from run to run: ids, ports, queries."""
    return _IDS.sub("", point)


def spread(points: int, most: int, offset: int = 0) -> list[int]:
    """So many of the numbers below ``points``, evenly over all of them; all of them where there are not more."""
    if points <= most:
        return list(range(points))
    return sorted({(offset + round(each * points / most)) % points for each in range(most)})


def count_points(world: World, processes: Crashing, *command: str) -> int:
    """Let a round come to its end; gives the number of points that it passed."""
    world.edit()
    ended = processes.run(world.shop.project, *command)
    assert ended.code == 0, ended.err
    settle(world, processes)
    return len(ended.points)


def settle(world: World, processes: Crashing, tally: Tally | None = None, *, before: int = 0) -> None:
    """Run until all is quiet, and see that everything is as it must be; ``before`` counts runs that there were."""
    runs = before
    while runs == before or not quiet(world):
        holds("it converges", runs < MOST_RUNS, f"a plan after {runs} further runs is not empty")
        runs += 1
        done = processes.run(world.shop.project, *APPLY)
        holds("it converges", done.code == 0, f"exit {done.code}\n{done.err}")
    if tally is not None:
        tally.runs[runs] += 1
    for check in (
        invariants.one_record_per_key,
        invariants.nothing_is_lost,
        invariants.books_balance,
        invariants.watermark_after_ledger,
    ):
        check(world)


def quiet(world: World) -> bool:
    """Whether a plan has nothing to do."""
    summary = world.shop.plan()["summary"]
    return not any(count for name, count in summary.items() if name != "unchanged")


def sweep(
    world: World,
    processes: Crashing,
    numbers: Iterable[int],
    command: Sequence[str] = APPLY,
    prepare: Callable[[], None] = lambda: None,
    between: Callable[[Tally], int] = lambda _: 0,
) -> Tally:
    """Kill a round at each of these points.

    Args:
        world: changes before each run.
        processes: run the command.
        numbers: which points, counted from the first of a run.
        command: what is killed.
        prepare: done before, when the PIM has changed.
        between: done after the kill, before the runs that settle it; gives how many further runs it was.
    """
    tally = Tally()
    for number in numbers:
        world.edit()
        prepare()
        ended = processes.run(world.shop.project, *command, at=("", number))
        try:
            if tally.died(ended):
                invariants.intent_before_effect(world)
                settle(world, processes, tally, before=between(tally))
            else:
                settle(world, processes)
        except AssertionError as error:
            error.add_note(f"{world.shape.name}, round {world.round}, killed at point {number}: {ended.points[-1:]}")
            raise
    return tally
