"""When a scheduler outside must ask whether a run is due, in terms that every one of them has.

Asking too often does no harm, so what a platform cannot say is asked for more often: any Monday in place of the first
one, and the last days of a month in place of its last. Some (systemd, Kubernetes) leave out a time that the clock skips
in spring; they ask once more an hour later, on such days of such months as the clock does that.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from sync_engine.schedule.model import EVERY_DAY, Cron, Schedule, Times
from sync_engine.schedule.moments import parse_cron

EVERY_MINUTE, EVERY_HOUR, EVERY_DAY_OF_MONTH, EVERY_MONTH = (
    frozenset(range(*each)) for each in ((60,), (24,), (1, 32), (1, 13))
)
_LAST = frozenset(range(28, 32))
_LAST_WEEKDAY = frozenset(range(26, 32))
_ANY_DAY = datetime(2000, 1, 1, tzinfo=UTC)
_AHEAD = 10
"""Years of which the leaps of a clock are looked at."""


@dataclass(frozen=True, slots=True)
class Knock:
    """Times of certain days: all that is given must hold.

    Attributes:
        weekdays: by ``date.weekday()``.
    """

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int] = EVERY_DAY_OF_MONTH
    months: frozenset[int] = EVERY_MONTH
    weekdays: frozenset[int] = EVERY_DAY

    @property
    def cron(self) -> str:
        """As a cron expression of plain numbers and lists."""
        sundays = frozenset((each + 1) % 7 for each in self.weekdays)
        pairs = (
            *(
                (self.minutes, EVERY_MINUTE),
                (self.hours, EVERY_HOUR),
                (self.days, EVERY_DAY_OF_MONTH),
                (self.months, EVERY_MONTH),
            ),
            (sundays, EVERY_DAY),
        )
        return " ".join("*" if found == every else ",".join(map(str, sorted(found))) for found, every in pairs)


def knocks(schedule: Schedule, now: datetime) -> list[Knock]:
    """When to ask, on the clock of the schedule's time zone.

    Args:
        schedule: of a catalog; windows, jitter and pauses are for whoever is asked.
        now: from when on the leaps of the clock are looked at.
    """
    asked = list(_of_times(schedule.rule) if isinstance(schedule.rule, Times) else _of_cron(schedule.rule))
    skipped = skipped_hours(schedule.zone, now)
    return [*asked, *dict.fromkeys(again for each in asked for again in _after_leaps(each, skipped))]


def _of_times(rule: Times) -> Iterator[Knock]:
    hours: defaultdict[int, set[int]] = defaultdict(set)
    for each in rule.times:
        hours[each.minute].add(each.hour)
    for minute, found in sorted(hours.items(), key=lambda pair: (min(pair[1]), pair[0])):
        yield Knock(frozenset({minute}), frozenset(found), weekdays=rule.days)


def _of_cron(rule: Cron) -> Iterator[Knock]:
    fields = parse_cron(rule.expression, _ANY_DAY)
    minutes, hours, months = (frozenset(each) for each in (fields.minutes, fields.hours, fields.months))
    days = frozenset(each for each in fields.days if each > 0)
    days |= _LAST if fields.LAST in fields.days else frozenset()
    days |= _LAST_WEEKDAY if fields.LAST_WEEKDAY in fields.days else frozenset()
    plain = (each if isinstance(each, int) else each[0] for each in fields.weekdays)
    weekdays = frozenset((each - 1) % 7 for each in plain)
    if fields.day_and:
        yield Knock(minutes, hours, days, months, weekdays)
    else:  # either the day of the month or that of the week will do
        yield Knock(minutes, hours, days=days, months=months)
        yield Knock(minutes, hours, months=months, weekdays=weekdays)


def _after_leaps(asked: Knock, skipped: frozenset[Skipped]) -> Iterator[Knock]:
    if asked.hours >= EVERY_HOUR:  # it follows the hours that there are
        return
    by_hour: defaultdict[int, set[Skipped]] = defaultdict(set)
    for each in skipped:
        if each.month in asked.months and each.weekday in asked.weekdays and each.hour in asked.hours:
            by_hour[each.hour].add(each)
    for hour, found in sorted(by_hour.items()):
        later = hour + 1
        while any(replace(each, hour=later) in skipped for each in found):
            later += 1
        months = frozenset(each.month for each in found)
        if later > 23:  # on another day
            yield Knock(asked.minutes, frozenset({later % 24}), months=months | {each % 12 + 1 for each in months})
        elif asked.days == EVERY_DAY_OF_MONTH:
            weekdays = frozenset(each.weekday for each in found)
            yield Knock(asked.minutes, frozenset({later}), months=months, weekdays=weekdays)
        else:
            yield Knock(asked.minutes, frozenset({later}), asked.days, months, asked.weekdays)


@dataclass(frozen=True, slots=True)
class Skipped:
    """An hour that a clock skips, at least in part."""

    month: int
    weekday: int
    hour: int


def skipped_hours(zone: ZoneInfo, now: datetime) -> frozenset[Skipped]:
    """What the clock of a zone skips in the coming years."""
    found = set()
    start = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    before = start.astimezone(zone).utcoffset()
    for day in range(1, _AHEAD * 366):
        moment = start + timedelta(days=day)
        offset = moment.astimezone(zone).utcoffset()
        if offset is not None and before is not None and offset > before:
            found |= set(_skipped(zone, moment - timedelta(days=1), moment))
        before = offset
    return frozenset(found)


def _skipped(zone: ZoneInfo, begin: datetime, end: datetime) -> Iterator[Skipped]:
    """The hours of which the clock does not show every quarter between two moments."""
    wall, last = begin.astimezone(zone).replace(tzinfo=None), end.astimezone(zone).replace(tzinfo=None)
    while wall < last:
        if wall.replace(tzinfo=zone).astimezone(UTC).astimezone(zone).replace(tzinfo=None) != wall:
            yield Skipped(wall.month, wall.weekday(), wall.hour)
        wall += timedelta(minutes=15)
