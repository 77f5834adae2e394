"""What is wrong with a schedule by itself."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from itertools import islice

from sync_engine.schedule.model import Cron, Schedule
from sync_engine.schedule.moments import moments, parse_cron
from sync_engine.schedule.runs import delay

FIELDS = ("minute", "hour", "day of the month", "month", "day of the week")
"""Of a cron expression, in order."""
_ANY_DAY = datetime(2024, 1, 1, tzinfo=UTC)
_SPAN = timedelta(days=8 * 366)
_ENOUGH = 20_000
"""So many runs are looked at: two weeks of every minute."""


def bad_cron_fields(expression: str) -> list[tuple[str, str]]:
    """The fields of a cron expression that mean nothing, each with its name; none is wrong by itself when empty.

    Args:
        expression: five fields.
    """
    found = []
    for index, (name, written) in enumerate(zip(FIELDS, expression.split(), strict=True)):
        alone = ["*"] * len(FIELDS)
        alone[index] = written
        try:
            parse_cron(" ".join(alone), _ANY_DAY)
        except ValueError:
            found.append((name, written))
    return found


def never_happens(rule: Cron) -> bool:
    """Whether no day is ever like the one that a cron expression asks for, such as 30 February."""
    try:
        return next(iter(parse_cron(rule.expression, _ANY_DAY)), None) is None
    except ValueError:
        return True


def all_blacked_out(schedule: Schedule, name: str) -> bool:
    """Whether no run is outside the blackout windows; windows that end for good leave the runs after them.

    Args:
        schedule: of a catalog.
        name: of it; the jitter depends on it.
    """
    lasting = tuple(each for each in schedule.blackout if each.last_day is None)
    days = (each.first_day for each in lasting if each.first_day is not None)
    begin = max((datetime.combine(each, time(), UTC) + timedelta(days=1) for each in days), default=_ANY_DAY)
    looked_at = replace(schedule, blackout=lasting)
    late = delay(name, schedule.jitter)
    seen = False
    for due in islice(moments(schedule.rule, schedule.zone, begin), _ENOUGH):
        if due > begin + _SPAN:
            break
        seen = True
        if not looked_at.blacked_out(due + late):
            return False
    return seen
