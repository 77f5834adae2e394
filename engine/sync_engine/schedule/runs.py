"""The runs of a catalog: which are coming, and which one is due. The present moment is always given."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sync_engine.schedule.model import Missed, Schedule
from sync_engine.schedule.moments import moments

PUNCTUAL = timedelta(hours=1)
"""How late a run may start without having been missed: a process starts, a lock is waited for, a platform is busy."""
_LOOKING_BACK = tuple(timedelta(days=each) for each in (1 / 24, 1, 7, 31, 366, 30 * 366))
_NEVER = timedelta(days=60 * 366)
"""So far ahead a rule is looked at; the rarest one, a 29 February of a certain day of the week, comes within it."""


@dataclass(frozen=True, slots=True, order=True)
class Run:
    """One run of a catalog.

    Attributes:
        due: the moment that the rule names, in UTC; it identifies the run, whatever the jitter.
        at: when it starts, in UTC.
    """

    due: datetime
    at: datetime


def delay(name: str, jitter: timedelta) -> timedelta:
    """How long after the moment of the rule a catalog's runs start: whole seconds, always the same for a name."""
    seconds = int(jitter.total_seconds())
    number = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8])
    return timedelta(seconds=number % seconds if seconds else 0)


def coming_runs(schedule: Schedule, name: str, after: datetime) -> Iterator[Run]:
    """The runs of a catalog that start behind a moment, in order; those in a blackout window are left out.

    Args:
        schedule: of the catalog.
        name: of the catalog.
        after: aware.
    """
    late = delay(name, schedule.jitter)
    for due in moments(schedule.rule, schedule.zone, after - late):
        at = due + late
        if at - after > _NEVER:
            return
        if not schedule.blacked_out(at):
            yield Run(due, at)


def next_run(schedule: Schedule, name: str, after: datetime) -> Run | None:
    """The first run that starts behind a moment; None if there is none any more."""
    return next(coming_runs(schedule, name, after), None)


def due_run(schedule: Schedule, name: str, since: datetime, now: datetime) -> Run | None:
    """The run that must start now: the newest one that has come, for it does what earlier ones would have done.

    Args:
        schedule: of the catalog.
        name: of the catalog.
        since: up to which moment all is settled: ``due`` of the last run, or when the schedule became known.
        now: the present moment.

    Returns:
        None while nothing has come since, when it was missed and the policy is to skip it, and in a blackout window,
        in which a run that came before has to wait.
    """
    if schedule.blacked_out(now):
        return None
    found = _newest(schedule, name, since, now)
    if found is None or (schedule.missed is Missed.SKIP and now - found.at > PUNCTUAL):
        return None
    return found


def last_run(schedule: Schedule, name: str, now: datetime) -> Run | None:
    """The newest run that has come by now, whether it happened or not."""
    return _newest(schedule, name, datetime.min.replace(tzinfo=UTC), now)


def _newest(schedule: Schedule, name: str, since: datetime, now: datetime) -> Run | None:
    for back in _LOOKING_BACK:  # ever farther, so that neither dense nor rare rules take long
        newest = None
        for each in coming_runs(schedule, name, max(now - back, since)):
            if each.at > now:
                break
            if each.due > since:
                newest = each
        if newest is not None or now - back <= since:
            return newest
    return None
