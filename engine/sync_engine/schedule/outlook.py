"""The runs that are coming: which of them get in each other's way, and what each day asks of the services."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import takewhile

from sync_engine.schedule.model import Schedule
from sync_engine.schedule.runs import coming_runs


@dataclass(frozen=True, slots=True)
class Expected:
    """A catalog with what is to be expected of each of its runs.

    Attributes:
        name: of the catalog.
        schedule: of it.
        writes: names of what it locks: nobody else may write there meanwhile.
        requests: that a run asks of each connection, as far as that is known.
        takes: how long a run takes; nothing where that is not known.
    """

    name: str
    schedule: Schedule
    writes: frozenset[str]
    requests: Mapping[str, int]
    takes: timedelta = timedelta()


@dataclass(frozen=True, slots=True, order=True)
class Coming:
    """A run that is coming.

    Attributes:
        at: when it starts.
        name: of the catalog.
        until: when it is likely to have ended.
    """

    at: datetime
    name: str
    until: datetime


@dataclass(frozen=True, slots=True)
class Collision:
    """Two catalogs of which runs overlap, although only one may write at a time.

    Attributes:
        first, second: names of catalogs, which may be the same: then a run is not done when the next one comes.
        writes: what both lock.
        at: when the later one starts, the first time.
        times: how often.
    """

    first: str
    second: str
    writes: tuple[str, ...]
    at: datetime
    times: int


@dataclass(frozen=True, slots=True)
class Day:
    """What the runs of a day, in UTC, ask of a connection."""

    day: date
    connection: str
    runs: int
    requests: int


def coming(expected: Sequence[Expected], now: datetime, until: datetime) -> Iterator[Coming]:
    """The runs of all catalogs that start within a time, in order."""
    return heapq.merge(*(_runs(each, now, until) for each in expected))


def _runs(expected: Expected, now: datetime, until: datetime) -> Iterator[Coming]:
    runs = coming_runs(expected.schedule, expected.name, now)
    for each in takewhile(lambda run: run.at < until, runs):
        yield Coming(each.at, expected.name, each.at + expected.takes)


def collisions(expected: Sequence[Expected], runs: Sequence[Coming]) -> list[Collision]:
    """Where runs overlap that write to the same, the earliest first.

    Args:
        expected: the catalogs.
        runs: of them, in order.
    """
    writes = {each.name: each.writes for each in expected}
    found: dict[tuple[str, str], tuple[datetime, int]] = {}
    under_way: list[Coming] = []
    for run in runs:
        under_way = [each for each in under_way if each.until > run.at or each.at == run.at]
        for other in under_way:
            if writes[other.name] & writes[run.name]:
                pair = (other.name, run.name)
                at, times = found.get(pair, (run.at, 0))
                found[pair] = (at, times + 1)
        under_way.append(run)
    return [
        Collision(first, second, tuple(sorted(writes[first] & writes[second])), at, times)
        for (first, second), (at, times) in sorted(found.items(), key=lambda each: (each[1][0], each[0]))
    ]


def days(expected: Sequence[Expected], runs: Sequence[Coming]) -> list[Day]:
    """What each day asks of each connection, as far as it is known what runs ask."""
    requests = {each.name: each.requests for each in expected}
    asked: Counter[tuple[date, str]] = Counter()
    many: Counter[tuple[date, str]] = Counter()
    for run in runs:
        for connection, count in requests[run.name].items():
            place = (run.at.astimezone(UTC).date(), connection)
            asked[place] += count
            many[place] += 1
    return [Day(*place, many[place], asked[place]) for place in sorted(asked)]
