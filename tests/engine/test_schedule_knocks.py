"""When schedulers outside ask: whatever they leave out in spring, every run is asked for in time."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from itertools import takewhile
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sync_engine.schedule.knocks import Knock, knocks
from sync_engine.schedule.model import EVERY_DAY, Cron, Missed, Schedule, Times
from sync_engine.schedule.moments import parse_cron
from sync_engine.schedule.runs import PUNCTUAL, coming_runs, due_run

NOW = datetime(2025, 1, 1, tzinfo=UTC)
SPAN = timedelta(days=366)
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "America/Havana", "Australia/Lord_Howe", "Antarctica/Troll")


def crons(rule: Times | Cron, zone: str = "UTC") -> list[str]:
    return [each.cron for each in knocks(Schedule(rule, zone), NOW)]


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (Times((time(2),)), ["0 2 * * *"]),
        (Times((time(6, 30), time(18), time(22)), frozenset({0, 6})), ["30 6 * * 0,1", "0 18,22 * * 0,1"]),
        (Cron("*/15 8-10 * jan-mar mon-fri"), ["0,15,30,45 8,9,10 * 1,2,3 1,2,3,4,5"]),
        (Cron("0 2 L * *"), ["0 2 28,29,30,31 * *"]),
        (Cron("0 2 LW * *"), ["0 2 26,27,28,29,30,31 * *"]),
        (Cron("0 2 * * mon#1"), ["0 2 * * 1"]),
        (Cron("0 2 * * 7"), ["0 2 * * 0"]),
        (Cron("0 2 13 * fri"), ["0 2 13 * *", "0 2 * * 5"]),
        (Cron("* * * * *"), ["* * * * *"]),
    ],
)
def test_what_no_platform_can_say_is_asked_for_more_often(rule: Times | Cron, expected: list[str]) -> None:
    assert crons(rule) == expected


def test_a_time_that_the_clock_skips_is_asked_for_an_hour_later_too_on_days_when_it_may_do_so() -> None:
    assert crons(Times((time(2, 30),)), "Europe/Berlin") == ["30 2 * * *", "30 3 * 3 0"]
    assert crons(Times((time(2, 30),), frozenset({0})), "Europe/Berlin") == ["30 2 * * 1"]
    assert crons(Times((time(1, 30),)), "Antarctica/Troll") == ["30 1 * * *", "30 3 * 3 0"]
    assert crons(Cron("30 * * * *"), "Europe/Berlin") == ["30 * * * *"]


def asked(knock: Knock, zone: ZoneInfo) -> list[datetime]:
    """When a platform asks that leaves out what its clock skips, and takes what it shows twice for the first time."""
    begin = NOW.astimezone(zone).replace(tzinfo=None)
    walls = takewhile(lambda wall: wall < begin + SPAN + PUNCTUAL, parse_cron(knock.cron, begin))
    moments = [(wall, wall.replace(tzinfo=zone).astimezone(UTC)) for wall in walls]
    return [moment for wall, moment in moments if moment.astimezone(zone).replace(tzinfo=None) == wall]


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.times(max_value=time(4)), min_size=1, max_size=3, unique_by=lambda each: (each.hour, each.minute)),
    st.sets(st.integers(0, 6), min_size=1).map(frozenset) | st.just(EVERY_DAY),
    st.sampled_from(ZONES),
)
def test_every_run_happens_within_an_hour_however_a_platform_treats_the_leap(
    times: list[time], days: frozenset[int], zone: str
) -> None:
    rule = Times(tuple(sorted(each.replace(second=0, microsecond=0) for each in times)), days)
    schedule = Schedule(rule, zone, Missed.SKIP)
    expected = [each.due for each in takewhile(lambda run: run.at < NOW + SPAN, coming_runs(schedule, "shop", NOW))]
    happened, since = [], NOW
    for moment in sorted(moment for each in knocks(schedule, NOW) for moment in asked(each, ZoneInfo(zone))):
        run = due_run(schedule, "shop", since, moment)
        if run is not None and run.due < NOW + SPAN:
            happened.append(run.due)
            since = run.due
    # Runs on both sides of the leap may come together.
    missing = [each for each in expected if each not in happened]
    assert len(happened) == len(set(happened))
    assert all(any(each < later <= each + PUNCTUAL for later in happened) for each in missing)
