"""The coming runs as text and JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sync_engine.ledger.records import Effort, Pause, ScheduledRun, utc_text
from sync_engine.report.plan_text import Paint
from sync_engine.report.values import plural
from sync_engine.schedule.model import Schedule
from sync_engine.schedule.outlook import Collision, Coming, Day
from sync_engine.schedule.runs import Run
from sync_engine.schedule.text import describe, local_text

VERSION = 1
SHOWN = 20
"""Runs that the text lists."""


@dataclass(frozen=True, slots=True)
class Planned:
    """A catalog and its schedule.

    Attributes:
        next: its next run; None when there is none, also while it is paused.
        last: the last run of its schedule.
        effort: what a run usually takes.
        over: which limits of ``budget`` a run would exceed, in words.
    """

    name: str
    schedule: Schedule | None
    next: Run | None
    last: ScheduledRun | None
    paused: Pause | None
    effort: Effort
    over: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Outlook:
    """What is coming.

    Attributes:
        until: up to when.
        runs: in order.
        limits: requests a day that each target allows, as far as it was asked.
    """

    until: datetime
    catalogs: Sequence[Planned]
    runs: Sequence[Coming]
    collisions: Sequence[Collision]
    days: Sequence[Day]
    limits: Mapping[str, int]


def rows(catalogs: Sequence[Planned]) -> list[tuple[str, ...]]:
    """One row per catalog: name, schedule, next run, time, requests."""
    return [
        (
            each.name,
            describe(each.schedule) if each.schedule else "on command",
            next_text(each),
            duration(each.effort.seconds),
            _requests(each.effort),
        )
        for each in catalogs
    ]


def next_text(catalog: Planned) -> str:
    """When a catalog is transferred next, or why not."""
    if catalog.schedule is None:
        return ""
    if catalog.paused is not None:
        return f"paused by {catalog.paused.who}: {catalog.paused.reason}"
    return "never" if catalog.next is None else local_text(catalog.next.at, catalog.schedule.timezone)


def duration(seconds: float | None) -> str:
    """How long something takes, roughly."""
    if seconds is None:
        return "not known"
    if seconds < 60:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{timedelta(seconds=seconds) / timedelta(hours=1):.1f} h"


def _requests(effort: Effort) -> str:
    counts = (effort.source_requests, effort.target_requests)
    if counts == (None, None):
        return "not known"
    return " + ".join("?" if each is None else f"{each:,}" for each in counts)


def lines(outlook: Outlook, paint: Paint) -> Iterator[str]:
    """What is coming, below the table of the catalogs."""
    zones = {each.name: each.schedule.timezone for each in outlook.catalogs if each.schedule}
    yield ""
    yield paint(f"{plural(len(outlook.runs), 'run')} until {local_text(outlook.until, 'UTC')}", "bold")
    for run in outlook.runs[:SHOWN]:
        yield f"  {local_text(run.at, zones[run.name])}  {run.name}"
    if len(outlook.runs) > SHOWN:
        yield f"  … and {len(outlook.runs) - SHOWN:,} more; --format json has all"
    for each in outlook.collisions:
        yield paint(_collision_line(each, zones[each.second]), "yellow")
    for catalog in outlook.catalogs:
        for over in catalog.over:
            yield paint(f"Over budget: {catalog.name}: {over}; its runs would be refused", "yellow")
    if outlook.days:
        yield paint("Requests a day (UTC)", "bold")
    for day in outlook.days:
        limit = outlook.limits.get(day.connection)
        of = f" of {limit:,} allowed ({100 * day.requests / limit:.0f} %)" if limit else ""
        line = f"  {day.day}  {day.connection}: about {day.requests:,}{of} in {plural(day.runs, 'run')}"
        yield paint(line, "yellow") if limit and day.requests > limit else line


def _collision_line(found: Collision, zone: str) -> str:
    when = f"{local_text(found.at, zone)}" + (f", {found.times:,} times in all" if found.times > 1 else "")
    if found.first == found.second:
        return f"Collision: {found.first} takes longer than it is from one run to the next ({when})"
    return (
        f"Collision: {found.second} begins while {found.first} is likely to write to the same "
        f"({', '.join(found.writes)}): {when}"
    )


def data(outlook: Outlook) -> dict[str, Any]:
    """What is coming, for programs; moments in UTC."""
    return {
        "version": VERSION,
        "until": utc_text(outlook.until),
        "catalogs": [catalog_data(each) for each in outlook.catalogs],
        "runs": [
            {"catalog": each.name, "at": utc_text(each.at), "until": utc_text(each.until)} for each in outlook.runs
        ],
        "collisions": [
            {
                "first": each.first,
                "second": each.second,
                "writes": each.writes,
                "at": utc_text(each.at),
                "times": each.times,
            }
            for each in outlook.collisions
        ],
        "days": [
            {
                "day": each.day.isoformat(),
                "connection": each.connection,
                "runs": each.runs,
                "requests": each.requests,
                "limit": outlook.limits.get(each.connection),
            }
            for each in outlook.days
        ],
    }


def catalog_data(catalog: Planned) -> dict[str, Any]:
    """A catalog and its schedule, for programs."""
    return {
        "name": catalog.name,
        **schedule_data(catalog),
        "seconds": catalog.effort.seconds,
        "source_requests": catalog.effort.source_requests,
        "target_requests": catalog.effort.target_requests,
        "over_budget": catalog.over,
    }


def schedule_data(catalog: Planned) -> dict[str, Any]:
    """A catalog's schedule, for programs."""
    paused, last = catalog.paused, catalog.last
    return {
        "schedule": describe(catalog.schedule) if catalog.schedule else None,
        "next_run": utc_text(catalog.next.at) if catalog.next else None,
        "last_run": {"due": utc_text(last.due), "finished": last.finished, "outcome": last.outcome} if last else None,
        "paused": {"reason": paused.reason, "who": paused.who, "since": paused.since} if paused else None,
    }
