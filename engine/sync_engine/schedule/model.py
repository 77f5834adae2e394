"""A schedule as frozen values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
"""Days of the week by ``date.weekday()``."""
EVERY_DAY = frozenset(range(7))


class Missed(StrEnum):
    """What becomes of runs that could not start in time: nobody was there, or the catalog was paused."""

    RUN_ONCE = "run_once"  # all of them together once, as soon as possible
    SKIP = "skip"


@dataclass(frozen=True, slots=True)
class Times:
    """At these times of these days.

    Attributes:
        times: in order.
        days: of the week, by ``date.weekday()``.
    """

    times: tuple[time, ...]
    days: frozenset[int] = EVERY_DAY


@dataclass(frozen=True, slots=True)
class Cron:
    """A cron expression of five fields."""

    expression: str


@dataclass(frozen=True, slots=True)
class Blackout:
    """A window in which nothing starts. All that is given must hold.

    Attributes:
        start, end: times of day; with an end that is not later than the start, the window goes on into the next day.
            Both are None for whole days.
        days: of the week on which the window starts.
        first_day, last_day: between which days, both included, the window starts; None is without end.
    """

    start: time | None = None
    end: time | None = None
    days: frozenset[int] = EVERY_DAY
    first_day: date | None = None
    last_day: date | None = None

    def covers(self, wall: datetime) -> bool:
        """Whether a time on the clock of the schedule's time zone lies in the window."""
        if self.start is None or self.end is None:
            return self._begins_on(wall.date())
        if self.start < self.end:
            return self.start <= wall.time() < self.end and self._begins_on(wall.date())
        late = wall.time() >= self.start and self._begins_on(wall.date())
        early = wall.time() < self.end and self._begins_on(wall.date() - timedelta(days=1))
        return late or early

    def _begins_on(self, day: date) -> bool:
        within = (self.first_day is None or self.first_day <= day) and (self.last_day is None or day <= self.last_day)
        return within and day.weekday() in self.days


@dataclass(frozen=True, slots=True)
class Schedule:
    """When a catalog is transferred.

    Attributes:
        rule: the times, on the clock of the time zone.
        timezone: IANA name.
        missed: see there.
        jitter: within which time after the rule's moment a run starts; how long after depends on the catalog's name
            alone, so that catalogs with the same rule do not start together.
        blackout: windows in which nothing starts.
    """

    rule: Times | Cron
    timezone: str = "UTC"
    missed: Missed = Missed.RUN_ONCE
    jitter: timedelta = timedelta()
    blackout: tuple[Blackout, ...] = ()

    @property
    def zone(self) -> ZoneInfo:
        """The time zone."""
        return ZoneInfo(self.timezone)

    def blacked_out(self, moment: datetime) -> bool:
        """Whether nothing may start at that moment."""
        if not self.blackout:
            return False
        wall = moment.astimezone(self.zone).replace(tzinfo=None)
        return any(each.covers(wall) for each in self.blackout)
