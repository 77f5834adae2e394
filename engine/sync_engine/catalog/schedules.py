"""The ``schedule`` of a catalog: what is wrong with it, and the typed value."""

from __future__ import annotations

from datetime import date, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from sync_engine.catalog.findings import Findings, place_name
from sync_engine.documents import Plain, Pointer, items, table, text, texts
from sync_engine.problems import nearest
from sync_engine.schedule.checks import all_blacked_out, bad_cron_fields, never_happens
from sync_engine.schedule.model import DAYS, EVERY_DAY, Blackout, Cron, Missed, Schedule, Times

_KEY = "schedule"
RULES = ("daily", "weekly", "cron")
_OF_RULES = ("missed", "jitter", "blackout")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_FULL_EVERY = "full_every"
FULL_EVERY = timedelta(days=7)
"""How long only what changed is compared where the catalog does not say."""
_LONGEST_JITTER = timedelta(hours=1)


def check_schedule(findings: Findings) -> None:
    """Report everything that is wrong with the schedule beyond its shape."""
    written = table(table(findings.document.data).get(_KEY))
    _check_timezone(written, findings)
    _check_cron(written, findings)
    _check_jitter(written, findings)
    for index in range(len(items(written.get("blackout")))):
        _check_days((_KEY, "blackout", index), table(items(written["blackout"])[index]), findings)
    if not any(each in written for each in RULES):
        for option in _OF_RULES:
            if option in written:
                why = "it names no time; write `daily`, `weekly` or `cron`"
                findings.add("SE209", (_KEY, option), at_key=True, option=option, place=place_name((_KEY,)), why=why)
    schedule = build_schedule(findings)
    name = text(table(findings.document.data).get("name")) or ""
    if schedule is not None and schedule.blackout and all_blacked_out(schedule, name):
        findings.add("SE222", (_KEY, "blackout"), at_key=True)


def build_schedule(findings: Findings) -> Schedule | None:
    """When the catalog is transferred; None when it does not say, and when anything is wrong with what it says."""
    written = table(table(findings.document.data).get(_KEY))
    if findings.touched(_KEY) or not any(each in written for each in RULES):
        return None
    return Schedule(
        rule=_rule(written),
        timezone=timezone(findings),
        missed=Missed(text(written.get("missed")) or Missed.RUN_ONCE),
        jitter=_duration(text(written.get("jitter"))),
        blackout=tuple(_window(table(each)) for each in items(written.get("blackout"))),
    )


def timezone(findings: Findings) -> str:
    """The time zone of the catalog, which is also that of its dates."""
    written = text(table(table(findings.document.data).get(_KEY)).get("timezone"))
    return written if written and not findings.touched(_KEY, "timezone") else "UTC"


def full_every(findings: Findings) -> timedelta:
    """How old the last comparison of all records may be when only what changed is transferred."""
    written = text(table(findings.document.data).get(_FULL_EVERY))
    return _duration(written) if written and not findings.touched(_FULL_EVERY) else FULL_EVERY


def without_times(data: dict[str, Plain]) -> dict[str, Plain]:
    """The data of a catalog without when and how often: only the time zone changes what is transferred."""
    zone = table(data.get(_KEY)).get("timezone")
    rest = {key: value for key, value in data.items() if key not in (_KEY, _FULL_EVERY, "compare")}
    return rest if zone is None else {**rest, _KEY: {"timezone": zone}}


def _rule(written: dict[str, Plain]) -> Times | Cron:
    if "cron" in written:
        return Cron(text(written["cron"]) or "")
    if "daily" in written:
        return Times(_times(written["daily"]))
    weekly = table(written["weekly"])
    return Times(_times(weekly["at"]), _days(weekly["on"]))


def _times(written: Plain) -> tuple[time, ...]:
    return tuple(sorted(map(time.fromisoformat, [written] if isinstance(written, str) else texts(written))))


def _days(written: Plain) -> frozenset[int]:
    return EVERY_DAY if written is None else frozenset(map(DAYS.index, texts(written)))


def _duration(written: str | None) -> timedelta:
    return timedelta(**{_UNITS[written[-1]]: int(written[:-1])}) if written else timedelta()


def _window(written: dict[str, Plain]) -> Blackout:
    start, end = (text(written.get(each)) for each in ("from", "to"))
    return Blackout(
        start=time.fromisoformat(start) if start else None,
        end=time.fromisoformat(end) if end else None,
        days=_days(written.get("on")),
        first_day=_day(written.get("first_day")),
        last_day=_day(written.get("last_day")),
    )


def _day(written: Plain) -> date | None:
    """A day; None when it is not written, and when there is none of that date."""
    try:
        return date.fromisoformat(text(written) or "")
    except ValueError:
        return None


def _check_timezone(written: dict[str, Plain], findings: Findings) -> None:
    zone = text(written.get("timezone"))
    if not zone:
        return
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        hint = nearest(zone, available_timezones())
        findings.add("SE216", (_KEY, "timezone"), hint, timezone=zone)


def _check_cron(written: dict[str, Plain], findings: Findings) -> None:
    expression, pointer = text(written.get("cron")), (_KEY, "cron")
    if expression is None or findings.touched(*pointer):
        return
    wrong = bad_cron_fields(expression)
    for name, field in wrong:
        findings.add("SE218", pointer, cron=expression, name=name, field=field)
    if not wrong and never_happens(Cron(expression)):
        findings.add("SE219", pointer, cron=expression)


def _check_jitter(written: dict[str, Plain], findings: Findings) -> None:
    jitter, pointer = text(written.get("jitter")), (_KEY, "jitter")
    if jitter is not None and not findings.touched(*pointer) and _duration(jitter) > _LONGEST_JITTER:
        findings.add("SE206", pointer, place=place_name(pointer), rule="at most 1 hour", found=f"`{jitter}`")


def _check_days(pointer: Pointer, written: dict[str, Plain], findings: Findings) -> None:
    for key in ("first_day", "last_day"):
        if key in written and not findings.touched(*pointer, key) and _day(written[key]) is None:
            findings.add("SE220", (*pointer, key), day=written[key])
    first, last = _day(written.get("first_day")), _day(written.get("last_day"))
    if first is not None and last is not None and last < first:
        findings.add("SE221", (*pointer, "last_day"), first=first, last=last)
