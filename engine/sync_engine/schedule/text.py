"""Schedules in words."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from zoneinfo import ZoneInfo

from sync_engine.schedule.model import DAYS, EVERY_DAY, Schedule, Times


def describe(schedule: Schedule) -> str:
    """The times and the time zone of a schedule: ``mon, thu at 06:30 (Europe/Berlin)``."""
    rule = schedule.rule
    if not isinstance(rule, Times):
        return f"cron {rule.expression} ({schedule.timezone})"
    times = ", ".join(f"{each:%H:%M}" for each in rule.times)
    return f"{'daily' if rule.days == EVERY_DAY else day_names(rule.days)} at {times} ({schedule.timezone})"


def day_names(days: Collection[int]) -> str:
    """Days of the week in their order: ``mon, thu``."""
    return ", ".join(DAYS[each] for each in sorted(days))


def local_text(moment: datetime, timezone: str) -> str:
    """A moment on the clock of a time zone, with its offset: ``Fri 2025-06-06 02:00 +0200``."""
    return moment.astimezone(ZoneInfo(timezone)).strftime("%a %Y-%m-%d %H:%M %z")
