"""The PIM's filter operators on one value; texts and codes are compared as they look in the PIM's index."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from sync_engine.sdk.errors import Refused
from sync_engine.sdk.filters import Criterion
from sync_engine.sdk.source import Kind, UnitFamily
from sync_engine.sdk.units import UnknownUnit, convert
from sync_engine.sdk.values import Measurement, MediaRef, Price

Test = Callable[[Any], bool]
"""A test of a value that is there."""

COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "GREATER THAN ON ALL LOCALES": operator.gt,
    "GREATER OR EQUALS THAN ON ALL LOCALES": operator.ge,
    "LOWER THAN ON ALL LOCALES": operator.lt,
    "LOWER OR EQUALS THAN ON ALL LOCALES": operator.le,
}
_MARKUP = re.compile(r"<[^<>]*+>")


def needs_source(kind: Kind, operator: str) -> bool:
    """Whether only the source can evaluate an operator, because it needs the source's trees."""
    return operator.endswith("IN CHILDREN") or (kind is Kind.PARENT and operator == "=")


def value_test(criterion: Criterion, kind: Kind, family: UnitFamily | None, today: date) -> Test:
    """How a value that is there is tested.

    Args:
        criterion: checked before.
        kind: of the field.
        family: units of a measurement; None when unknown.
        today: for ``SINCE LAST N DAYS``.

    Raises:
        Refused: the operator needs the source's trees, and so can only be evaluated by the source.
    """
    name, wanted = criterion.operator, criterion.value
    if name in ("EMPTY", "UNCLASSIFIED"):
        return lambda _: False
    if name == "NOT EMPTY":
        return lambda _: True
    if needs_source(kind, name):
        raise Refused(
            f"`{criterion.field} {name}` can only be evaluated by the source",
            hint="Use it outside of `any` and `not`, or name the codes with IN.",
        )
    if name in ("IN", "NOT IN", "IN OR UNCLASSIFIED"):
        return _membership(name, wanted, _plain(kind))
    if kind is Kind.MEASUREMENT:
        return _measurement(name, wanted, family)
    if kind is Kind.PRICES:
        return _price(name, wanted)
    if kind in (Kind.DATE, Kind.DATETIME):
        return _moments(name, wanted, kind, today)
    if isinstance(wanted, str):
        return _text(name, wanted, _plain(kind))
    compare = COMPARISONS[name]
    return lambda value: compare(value, wanted)


def _plain(kind: Kind) -> Callable[[Any], str]:
    """How texts, codes and files look in the PIM's index."""
    if kind is Kind.TEXTAREA:
        return lambda value: " ".join(_MARKUP.sub("", str(value)).casefold().split())
    if kind in (Kind.IMAGE, Kind.FILE):
        return lambda value: (value.filename or value.code if isinstance(value, MediaRef) else str(value)).casefold()
    return lambda value: str(value).casefold()


def _membership(name: str, wanted: Any, plain: Callable[[Any], str]) -> Test:
    codes = frozenset(each.casefold() for each in wanted)
    inside = name != "NOT IN"

    def test(value: Any) -> bool:
        held = value if isinstance(value, tuple) else (value,)
        return (not codes.isdisjoint(map(plain, held))) is inside

    return test


def _text(name: str, wanted: str, plain: Callable[[Any], str]) -> Test:
    text = wanted.casefold()  # what looks like markup is looked for as it is
    match name:
        case "STARTS WITH":
            return lambda value: plain(value).startswith(text)
        case "CONTAINS":
            return lambda value: text in plain(value)
        case "DOES NOT CONTAIN":
            return lambda value: text not in plain(value)
        case _:
            compare = COMPARISONS[name]
            return lambda value: compare(plain(value), text)


def _moments(name: str, wanted: Any, kind: Kind, today: date) -> Test:
    """Dates by the day; moments exactly, except that ``=`` and ``!=`` compare whole days in UTC."""
    by_day = kind is Kind.DATE or name in ("=", "!=", "SINCE LAST N DAYS")
    read: Callable[[Any], Any] = _day if by_day else _moment
    if name == "SINCE LAST N DAYS":
        # Only the day is known here, so the first day counts in full rather than from this hour on.
        since = today - timedelta(days=min(wanted, (today - date.min).days))
        return lambda value: bool(_day(value) >= since)
    if name in ("BETWEEN", "NOT BETWEEN"):
        first, last = map(read, wanted)
        return lambda value: (first <= read(value) <= last) is (name == "BETWEEN")
    compare, moment = COMPARISONS[name], read(wanted)
    return lambda value: compare(read(value), moment)


def _day(value: Any) -> date:
    if isinstance(value, datetime):
        return value.astimezone(UTC).date() if value.tzinfo else value.date()
    return value if isinstance(value, date) else date.fromisoformat(value[:10])


def _moment(value: Any) -> datetime:
    """Without an offset it is UTC, the zone of the PIM's own clock."""
    moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _measurement(name: str, wanted: Any, family: UnitFamily | None) -> Test:
    """In the unit of the criterion; a value that cannot be converted does not hold."""
    amount, unit = Decimal(wanted["amount"]), str(wanted["unit"])
    compare = COMPARISONS[name]

    def test(value: Any) -> bool:
        if not isinstance(value, Measurement):
            return False
        if value.unit == unit:
            return compare(value.amount, amount)
        try:
            return family is not None and compare(convert(value, unit, family), amount)
        except UnknownUnit:
            return False

    return test


def _price(name: str, wanted: Any) -> Test:
    amount, currency, compare = Decimal(wanted["amount"]), wanted["currency"], COMPARISONS[name]
    return lambda value: any(
        isinstance(each, Price) and each.currency == currency and compare(each.amount, amount) for each in value
    )
