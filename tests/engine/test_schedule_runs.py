"""When runs come: daylight saving, jitter, blackout windows, and what is due after a while without anybody there."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice, pairwise, takewhile
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sync_engine.schedule.model import Blackout, Cron, Missed, Schedule, Times
from sync_engine.schedule.moments import moments, on_the_clock
from sync_engine.schedule.runs import coming_runs, delay, due_run, last_run, next_run
from sync_engine.schedule.text import describe

BERLIN = "Europe/Berlin"
SPRING, AUTUMN = date(2025, 3, 30), date(2025, 10, 26)
"""At 02:00 the clocks of Berlin are put forward; at 03:00 they are put back."""
ZONES = (
    *("UTC", BERLIN, "Europe/London", "America/New_York", "America/Los_Angeles", "America/St_Johns", "America/Havana"),
    *("America/Sao_Paulo", "America/Caracas", "Africa/Casablanca", "Africa/Cairo", "Asia/Kathmandu", "Asia/Tehran"),
    *("Asia/Beirut", "Australia/Lord_Howe", "Australia/Sydney", "Pacific/Apia", "Pacific/Chatham", "Antarctica/Troll"),
)
"""With leaps of half an hour, of two hours and of a day, at midnight, and in both halves of the year."""

zones = st.sampled_from(ZONES).map(ZoneInfo)
starts = st.datetimes(datetime(1995, 1, 1), datetime(2036, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
times = st.lists(
    st.times().map(lambda each: each.replace(second=0, microsecond=0)), min_size=1, max_size=4, unique=True
)
rules = times.map(lambda each: Times(tuple(sorted(each))))
crons = st.builds(
    "{} {} * * {}".format,
    st.sampled_from(["0", "30", "*/20", "7,53", "*"]),
    st.sampled_from(["2", "0", "*/2", "1-3", "*", "0-23", "*/4", "23"]),
    st.sampled_from(["*", "sun", "mon-fri"]),
).map(Cron)


def walls(rule: Times | Cron, zone: str, day: date, days: int = 1) -> list[str]:
    """The moments of some days as the clock there shows them."""
    where = ZoneInfo(zone)
    begin = datetime.combine(day, time(), where)
    end = datetime.combine(day + timedelta(days=days), time(), where)
    found = takewhile(lambda each: each < end, moments(rule, where, begin - timedelta(seconds=1)))
    return [each.astimezone(where).strftime("%H:%M%z") for each in found]


@pytest.mark.parametrize("rule", [Times((time(2, 30),)), Cron("30 2 * * *"), Cron("30 2 * * sun")])
def test_a_run_in_the_skipped_hour_happens_once_right_after_it(rule: Times | Cron) -> None:
    assert walls(rule, BERLIN, SPRING) == ["03:00+0200"]


@pytest.mark.parametrize("rule", [Times((time(2, 30),)), Cron("30 2 * * *"), Cron("30 2 * * sun")])
def test_a_run_in_the_doubled_hour_happens_once_the_first_time(rule: Times | Cron) -> None:
    assert walls(rule, BERLIN, AUTUMN) == ["02:30+0200"]


def test_runs_of_the_skipped_hour_happen_together_with_the_one_after_it() -> None:
    rule = Times((time(1, 59), time(2), time(2, 30), time(3), time(3, 1)))
    assert walls(rule, BERLIN, SPRING) == ["01:59+0100", "03:00+0200", "03:01+0200"]


def test_a_cron_every_second_hour_keeps_the_skipped_one_and_does_not_double_the_other() -> None:
    assert walls(Cron("0 */2 * * *"), BERLIN, SPRING)[:3] == ["00:00+0100", "03:00+0200", "04:00+0200"]
    assert walls(Cron("0 */2 * * *"), BERLIN, AUTUMN)[:3] == ["00:00+0200", "02:00+0200", "04:00+0100"]


@pytest.mark.parametrize("expression", ["30 * * * *", "30 0-23 * * *", "30 */1 * * *"])
def test_a_cron_that_names_every_hour_follows_the_hours_that_there_are(expression: str) -> None:
    assert walls(Cron(expression), BERLIN, SPRING)[1:3] == ["01:30+0100", "03:30+0200"]
    assert walls(Cron(expression), BERLIN, AUTUMN)[2:4] == ["02:30+0200", "02:30+0100"]
    assert [len(walls(Cron(expression), BERLIN, day)) for day in (SPRING, AUTUMN)] == [23, 25]


def test_a_leap_at_midnight_and_one_of_half_an_hour_are_known() -> None:
    assert walls(Times((time(0, 30),)), "America/Havana", date(2025, 3, 9)) == ["01:00-0400"]
    assert walls(Times((time(2, 15),)), "Australia/Lord_Howe", date(2025, 10, 5)) == ["02:30+1100"]


def test_a_day_that_a_zone_skipped_is_made_up_for_when_the_next_one_begins() -> None:
    found = [each.astimezone(ZoneInfo("Pacific/Apia")) for each in islice(
        moments(Times((time(2),)), ZoneInfo("Pacific/Apia"), datetime(2011, 12, 29, 0, tzinfo=UTC)), 3
    )]  # fmt: skip
    assert [each.strftime("%d %H:%M") for each in found] == ["29 02:00", "31 00:00", "31 02:00"]


@settings(deadline=None)
@given(st.one_of(rules, crons), zones, starts)
def test_moments_only_ever_go_forward(rule: Times | Cron, zone: ZoneInfo, start: datetime) -> None:
    found = [start, *islice(moments(rule, zone, start), 300)]
    assert all(one < other for one, other in pairwise(found))


@settings(deadline=None)
@given(rules, zones, starts)
def test_every_day_has_each_of_its_times_once(rule: Times, zone: ZoneInfo, start: datetime) -> None:
    first = start.astimezone(zone).date() + timedelta(days=1)
    days = [first + timedelta(days=each) for each in range(200)]
    expected = {on_the_clock(datetime.combine(day, each), zone) for day in days for each in rule.times}
    begin = min(expected) - timedelta(seconds=1)
    found = Counter(takewhile(lambda each: each <= max(expected), moments(rule, zone, begin)))
    assert found == Counter(expected)


@settings(deadline=None)
@given(st.times(), zones, starts)
def test_a_time_is_where_the_clock_shows_it_first_or_where_it_has_leapt_over_it(
    at: time, zone: ZoneInfo, start: datetime
) -> None:
    wall = datetime.combine(start.date(), at.replace(microsecond=0))
    moment = on_the_clock(wall, zone)
    shown = moment.astimezone(zone).replace(tzinfo=None)
    before = (moment - timedelta(seconds=1)).astimezone(zone).replace(tzinfo=None)
    assert before < wall <= shown


@settings(deadline=None)
@given(st.one_of(rules, crons), zones, starts, st.integers(0, 5000))
def test_where_one_begins_to_look_makes_no_difference(
    rule: Times | Cron, zone: ZoneInfo, start: datetime, minutes: int
) -> None:
    later = start + timedelta(minutes=minutes)
    seen = takewhile(lambda each: each <= later + timedelta(days=3), moments(rule, zone, start))
    assert [each for each in seen if each > later] == list(
        takewhile(lambda each: each <= later + timedelta(days=3), moments(rule, zone, later))
    )


def test_jitter_is_the_same_for_every_run_of_a_catalog_and_differs_between_catalogs() -> None:
    schedule = Schedule(Times((time(2),)), jitter=timedelta(minutes=30))
    delays = {name: delay(name, schedule.jitter) for name in ("a", "b", "c")}
    assert len(set(delays.values())) == 3
    for name, late in delays.items():
        assert timedelta() <= late < timedelta(minutes=30)
        runs = list(islice(coming_runs(schedule, name, datetime(2025, 1, 1, tzinfo=UTC)), 5))
        assert {each.at - each.due for each in runs} == {late}
        assert [each.due.hour for each in runs] == [2] * 5


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(BERLIN)).astimezone(UTC)


def starts_of(schedule: Schedule, after: str, many: int) -> list[str]:
    found = islice(coming_runs(schedule, "shop", at(after)), many)
    return [each.at.astimezone(ZoneInfo(BERLIN)).strftime("%a %d %H:%M") for each in found]


def test_runs_in_a_blackout_window_are_left_out() -> None:
    work = Blackout(time(8), time(18), frozenset(range(5)))
    schedule = Schedule(Times((time(7, 59), time(8), time(17, 59), time(18))), BERLIN, blackout=(work,))
    assert starts_of(schedule, "2025-06-06T00:00", 6) == [  # a Friday
        "Fri 06 07:59", "Fri 06 18:00", "Sat 07 07:59", "Sat 07 08:00", "Sat 07 17:59", "Sat 07 18:00",
    ]  # fmt: skip


def test_a_window_over_midnight_belongs_to_the_day_on_which_it_begins() -> None:
    friday_night = Blackout(time(22), time(6), frozenset({4}))
    schedule = Schedule(Times((time(5), time(23))), BERLIN, blackout=(friday_night,))
    assert starts_of(schedule, "2025-06-06T00:00", 4) == [
        "Fri 06 05:00",
        "Sat 07 23:00",
        "Sun 08 05:00",
        "Sun 08 23:00",
    ]


def test_a_window_of_dates_has_both_its_days() -> None:
    sale = Blackout(first_day=date(2025, 11, 28), last_day=date(2025, 12, 1))
    schedule = Schedule(Times((time(2),)), BERLIN, blackout=(sale,))
    assert starts_of(schedule, "2025-11-26T12:00", 2) == ["Thu 27 02:00", "Tue 02 02:00"]


NIGHTLY = Schedule(Times((time(2),)), BERLIN)


def due(schedule: Schedule, since: str, now: str) -> str | None:
    found = due_run(schedule, "shop", at(since), at(now))
    return found and found.due.astimezone(ZoneInfo(BERLIN)).strftime("%a %d %H:%M")


def test_a_run_is_due_from_its_moment_on_until_it_has_happened() -> None:
    assert due(NIGHTLY, "2025-06-05T02:00", "2025-06-06T01:59") is None
    assert due(NIGHTLY, "2025-06-05T02:00", "2025-06-06T02:00") == "Fri 06 02:00"
    assert due(NIGHTLY, "2025-06-06T02:00", "2025-06-06T02:00") is None


def test_a_run_that_starts_late_for_its_jitter_has_happened_as_the_run_of_its_moment() -> None:
    late = Schedule(NIGHTLY.rule, BERLIN, jitter=timedelta(minutes=30))
    seconds = delay("shop", late.jitter)
    start = at("2025-06-06T02:00") + seconds
    assert seconds > timedelta()
    assert due_run(late, "shop", at("2025-06-05T02:00"), start - timedelta(seconds=1)) is None
    found = due_run(late, "shop", at("2025-06-05T02:00"), start)
    assert found is not None
    assert (found.due, found.at) == (at("2025-06-06T02:00"), start)
    assert due_run(late, "shop", found.due, start) is None


def test_missed_runs_happen_together_once() -> None:
    assert due(NIGHTLY, "2025-06-01T02:00", "2025-06-06T09:00") == "Fri 06 02:00"
    hourly = Schedule(Cron("0 * * * *"), BERLIN)
    assert due(hourly, "2024-06-01T02:00", "2025-06-06T09:59") == "Fri 06 09:00"


def test_missed_runs_are_skipped_where_the_catalog_says_so() -> None:
    skipping = Schedule(NIGHTLY.rule, BERLIN, Missed.SKIP)
    assert due(skipping, "2025-06-01T02:00", "2025-06-06T02:40") == "Fri 06 02:00"  # late is not missed
    assert due(skipping, "2025-06-01T02:00", "2025-06-06T09:00") is None


def test_a_missed_run_waits_for_the_end_of_a_blackout_window() -> None:
    schedule = Schedule(NIGHTLY.rule, BERLIN, blackout=(Blackout(time(8), time(18)),))
    assert due(schedule, "2025-06-05T02:00", "2025-06-06T09:00") is None
    assert due(schedule, "2025-06-05T02:00", "2025-06-06T18:00") == "Fri 06 02:00"


def test_a_schedule_that_became_known_after_its_moment_is_not_due() -> None:
    assert due(NIGHTLY, "2025-06-06T15:00", "2025-06-06T15:00") is None


def test_a_rule_that_comes_once_in_years_is_found_in_both_directions() -> None:
    leap = Schedule(Cron("0 2 29 2 *"))
    now = datetime(2025, 6, 1, tzinfo=UTC)
    last, following = last_run(leap, "shop", now), next_run(leap, "shop", now)
    assert last is not None
    assert following is not None
    assert (last.due.year, following.due.year) == (2024, 2028)


@pytest.mark.parametrize(
    ("schedule", "text"),
    [
        (NIGHTLY, "daily at 02:00 (Europe/Berlin)"),
        (Schedule(Times((time(6, 30), time(18)), frozenset({0, 3}))), "mon, thu at 06:30, 18:00 (UTC)"),
        (Schedule(Cron("0 */4 * * *")), "cron 0 */4 * * * (UTC)"),
    ],
)
def test_a_schedule_is_described_in_words(schedule: Schedule, text: str) -> None:
    assert describe(schedule) == text
