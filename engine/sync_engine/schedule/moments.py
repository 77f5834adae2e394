"""The moments that a rule names, with the clock put forward in spring and back in autumn.

A rule that names times of day happens once for each of them. A time that the clock skips happens at the first moment
after the skipped hour (02:30 at 03:00 in Berlin); several skipped ones, and one that is due then anyway, happen
together once. A time that the clock shows twice happens the first time.

A cron expression that names every hour means "so often an hour" rather than times of day, so it follows the hours that
there are: none in the skipped hour, and twice as many runs in the doubled one.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from sync_engine.schedule.model import Cron, Times

if TYPE_CHECKING:
    from cronsim import CronSim

_HOUR = 2
_EVERY_HOUR = frozenset(range(24))


def moments(rule: Times | Cron, zone: ZoneInfo, after: datetime) -> Iterator[datetime]:
    """The moments of a rule behind a moment, in UTC, strictly increasing; without end, unless the rule has one.

    Args:
        rule: a cron expression in it must be valid.
        zone: on whose clock.
        after: aware; the first result is later.
    """
    if isinstance(rule, Cron) and _is_hourly(rule.expression):
        yield from _by_the_hour(rule.expression, zone, after)
        return
    last = after
    # From a bit before: the clock shows the doubled hour twice, and a skipped time happens later than it reads.
    begin = (after - timedelta(days=1)).astimezone(zone).replace(tzinfo=None)
    for wall in _walls(rule, begin):
        moment = on_the_clock(wall, zone)
        if moment > last:
            yield moment
            last = moment


def parse_cron(expression: str, after: datetime) -> CronSim:
    """An iterator over the times of a cron expression.

    Raises:
        ValueError: it is none, with the reason.
    """
    from cronsim import CronSim, CronSimError

    try:
        return CronSim(expression, after)
    except CronSimError as error:
        raise ValueError(str(error)) from error


def on_the_clock(wall: datetime, zone: ZoneInfo) -> datetime:
    """The moment, in UTC, at which a clock shows a time: the first one of two, or the first after a skipped hour."""
    moment = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if moment.astimezone(zone).replace(tzinfo=None) == wall:
        return moment
    # The two readings of a skipped time lie on both sides of the leap, which is where the offset changes.
    before = wall.replace(tzinfo=zone, fold=1).astimezone(UTC)
    offset = moment.astimezone(zone).utcoffset()

    def leapt(seconds: int) -> bool:
        return (before + timedelta(seconds=seconds)).astimezone(zone).utcoffset() == offset

    apart = int((moment - before).total_seconds())
    return before + timedelta(seconds=bisect_left(range(apart), True, key=leapt))


def _walls(rule: Times | Cron, after: datetime) -> Iterator[datetime]:
    """The times of a rule as a clock without daylight saving shows them."""
    if isinstance(rule, Cron):
        yield from parse_cron(rule.expression, after)
        return
    day = after.date()
    while True:
        if day.weekday() in rule.days:
            walls = (datetime.combine(day, each) for each in rule.times)
            yield from (each for each in walls if each > after)
        day += timedelta(days=1)


def _is_hourly(expression: str) -> bool:
    fields = parse_cron(expression, datetime(2000, 1, 1))  # noqa: DTZ001 - only its fields are looked at
    return fields.hours >= _EVERY_HOUR


def _by_the_hour(expression: str, zone: ZoneInfo, after: datetime) -> Iterator[datetime]:
    fields = expression.split()
    fields[_HOUR - 1] = "*"
    last = after
    for each in parse_cron(" ".join(fields), after.astimezone(zone)):
        moment = each.astimezone(UTC)
        if moment > last:
            yield moment
            last = moment
