"""Conditions as plain functions: each is made once and then asked for every record.

Text is compared without regard to case unless the field says otherwise. A null is unequal to everything, and neither
smaller nor larger than anything.
"""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from sync_engine_sandbox.crm.fields import Field
    from sync_engine_sandbox.crm.store import Record

    Read = Callable[[Record], Any]
    Test = Callable[[Record], bool]


def folded(item: Field, value: Any) -> Any:
    """What a value is compared by: text without regard to case, unless the field says otherwise."""
    return (
        value.lower()
        if isinstance(value, str) and not item.case_sensitive and item.type not in {"id", "reference"}
        else value
    )


def membership(item: Field, read: Read, allowed: set[Any], *, wanted: bool) -> Test:
    """IN and NOT IN; an empty field is not in a list of values."""
    known = {folded(item, value) for value in allowed}
    return lambda record: (folded(item, read(record)) in known) is wanted


def includes(read: Read, choices: list[str], *, wanted: bool) -> Test:
    """INCLUDES and EXCLUDES; a choice ``a;b`` asks for both."""
    sets = [set(choice.split(";")) for choice in choices]
    return lambda record: any(choice <= set((read(record) or "").split(";")) for choice in sets) is wanted


def like(read: Read, pattern: str) -> Test:
    """LIKE: ``%`` any text, ``_`` one character, case does not count."""
    parts = re.split(r"(\\[%_]|[%_])", pattern)
    wild = {"%": ".*", "_": "."}
    expression = re.compile(
        "".join(wild.get(part) or re.escape(part.removeprefix("\\")) for part in parts), re.IGNORECASE | re.DOTALL
    )
    return lambda record: bool(expression.fullmatch(str(read(record) or "")))


def compare(item: Field, read: Read, operator: str, value: Any) -> Test:
    """One comparison; a null is unequal to everything and neither smaller nor larger."""
    wanted = folded(item, value)

    def key(record: Record) -> Any:
        return folded(item, read(record))

    match operator:
        case "=":
            return lambda record: key(record) == wanted
        case "!=":
            return lambda record: key(record) != wanted
        case "<":
            return lambda record: (found := key(record)) is not None and found < wanted
        case "<=":
            return lambda record: (found := key(record)) is not None and found <= wanted
        case ">":
            return lambda record: (found := key(record)) is not None and found > wanted
        case _:
            return lambda record: (found := key(record)) is not None and found >= wanted


def within(read: Read, operator: str, first: str, after: str) -> Test:
    """A comparison with a range of days: ``=`` is inside, ``<`` before, ``>`` behind it."""
    match operator:
        case "=":
            return lambda record: (found := read(record)) is not None and first <= found < after
        case "!=":
            return lambda record: (found := read(record)) is None or not first <= found < after
        case "<":
            return lambda record: (found := read(record)) is not None and found < first
        case "<=":
            return lambda record: (found := read(record)) is not None and found < after
        case ">":
            return lambda record: (found := read(record)) is not None and found >= after
        case _:
            return lambda record: (found := read(record)) is not None and found >= first


def day_range(word: str, today: date) -> tuple[str, str] | None:
    """First day of a date literal such as ``LAST_N_DAYS:3`` and the day after its last; None where it is none."""
    name, _, count = word.partition(":")
    days = int(count or 0)
    month = today.replace(day=1)
    ranges: dict[str, tuple[date, date]] = {
        "TODAY": (today, today + timedelta(1)),
        "YESTERDAY": (today - timedelta(1), today),
        "TOMORROW": (today + timedelta(1), today + timedelta(2)),
        "LAST_N_DAYS": (today - timedelta(days), today + timedelta(1)),
        "NEXT_N_DAYS": (today + timedelta(1), today + timedelta(days + 1)),
        "THIS_MONTH": (month, (month + timedelta(31)).replace(day=1)),
        "LAST_MONTH": ((month - timedelta(1)).replace(day=1), month),
        "THIS_YEAR": (date(today.year, 1, 1), date(today.year + 1, 1, 1)),
        "LAST_YEAR": (date(today.year - 1, 1, 1), date(today.year, 1, 1)),
    }
    if name not in ranges:
        return None
    first, after = ranges[name]
    return first.isoformat(), after.isoformat()
