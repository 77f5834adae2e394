"""Criteria as the PIM's ``search`` JSON writes them.

Source of the operators and of the shapes of their values: Akeneo REST API, "Filters".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TypeVar
from zoneinfo import ZoneInfo

import orjson

from sync_engine.sdk.filters import OPERATORS, Criterion
from sync_engine.sdk.source import Attribute, Kind, Query

T = TypeVar("T")

_LISTS = frozenset({"IN", "NOT IN"})

# Property of the collection → property of the PIM's filters, and the operators the PIM has for it.
_PROPERTIES: Mapping[str, Mapping[str, tuple[str, frozenset[str]]]] = {
    "products": {
        "uuid": ("uuid", _LISTS),
        "enabled": ("enabled", frozenset({"=", "!="})),
        "groups": ("groups", frozenset(OPERATORS["groups"])),
        "parent": ("parent", frozenset(OPERATORS["parent"])),
        "completeness": ("completeness", frozenset(OPERATORS["completeness"])),
        "quality_score": ("quality_score", frozenset({"IN"})),
    },
    "product_models": {
        "code": ("identifier", _LISTS),
        "parent": ("parent", frozenset({"IN", "EMPTY", "NOT EMPTY"})),
    },
}
_SHARED: Mapping[str, tuple[str, frozenset[str]]] = {
    "family": ("family", frozenset(OPERATORS["family"])),
    "categories": ("categories", frozenset(OPERATORS["categories"])),
    "created": ("created", frozenset(OPERATORS["datetime"])),
    "updated": ("updated", frozenset(OPERATORS["datetime"])),
}

CLOUD_ONLY = frozenset({("products", "parent", operator) for operator in ("IN", "EMPTY", "NOT EMPTY")})
"""Conditions that only Akeneo's cloud knows (Akeneo REST API, "Filters", "On their parent")."""

NEEDS_TREE = frozenset({"IN CHILDREN", "NOT IN CHILDREN"})
"""Operators that only the PIM can evaluate: they need its category tree."""


class NotExpressible(ValueError):
    """The PIM's filters cannot say this."""


def filter_property(collection: str, attribute: Attribute, operator: str, identifier: str | None) -> str | None:
    """Name under which the PIM filters on an attribute or a property, or None when it has no such operator.

    Args:
        collection: what is read.
        attribute: what the criterion names.
        operator: the criterion's.
        identifier: code of the main identifier attribute.
    """
    if attribute.through:
        return None
    if not attribute.is_property:
        return attribute.code if operator in OPERATORS.get(attribute.kind, {}) else None
    if collection == "products" and attribute.code == "identifier":
        return identifier if operator in OPERATORS[Kind.IDENTIFIER] else None
    known = _PROPERTIES.get(collection, {}).get(attribute.code) or _SHARED.get(attribute.code)
    return known[0] if known is not None and operator in known[1] else None


def condition(criterion: Criterion, attribute: Attribute, query: Query, timezone: ZoneInfo) -> dict[str, object]:
    """The condition that stands in ``search`` under the property's name.

    Args:
        criterion: as written.
        attribute: what it names.
        query: gives the channel where the criterion names none.
        timezone: in which the PIM reads dates and times.

    Raises:
        NotExpressible: a locale, a channel or a currency is missing, or the value has another shape.
    """
    made: dict[str, object] = {"operator": criterion.operator}
    if criterion.operator not in ("EMPTY", "NOT EMPTY", "UNCLASSIFIED"):
        made["value"] = _value(criterion, attribute, timezone)
    if attribute.scopable:
        made["scope"] = _given(criterion.channel or query.channel)
    if attribute.kind is Kind.COMPLETENESS:
        if criterion.operator.endswith("ON ALL LOCALES"):
            made["locales"] = _given(criterion.locales)
        elif criterion.locale is not None:
            made["locale"] = criterion.locale
    elif attribute.localizable:
        made["locale"] = _given(criterion.locale)
    return made


def _given(value: object) -> object:
    if not value:
        raise NotExpressible
    return value


def _value(criterion: Criterion, attribute: Attribute, timezone: ZoneInfo) -> object:
    value = criterion.value
    if criterion.operator == "SINCE LAST N DAYS":
        return _of(value, int)
    if isinstance(value, tuple | list):
        return [_single(each, attribute.kind, timezone) for each in value]
    return _single(value, attribute.kind, timezone)


def _single(value: object, kind: Kind, timezone: ZoneInfo) -> object:
    if kind in (Kind.NUMBER, Kind.COMPLETENESS):
        return _number(value)
    if kind is Kind.BOOLEAN:
        return _of(value, bool)
    if kind is Kind.MEASUREMENT:
        return _amount(value, "unit")
    if kind is Kind.PRICES:
        return _amount(value, "currency")
    if kind is Kind.DATE:
        return _day(value)
    if kind is Kind.DATETIME:
        return _moment(value, timezone)
    return _of(value, str)


def _of(value: object, wanted: type) -> object:
    if isinstance(value, wanted) and (wanted is bool or not isinstance(value, bool)):
        return value
    raise NotExpressible


def _number(value: object) -> object:
    """A number, exactly: a Decimal is written as its digits."""
    if isinstance(value, Decimal) and value.is_finite():
        return orjson.Fragment(format(value, "f"))
    return _of(value, int)


def _amount(value: object, in_: str) -> object:
    """``{amount, unit}`` or ``{amount, currency}``; a bare number says too little for the PIM."""
    if not isinstance(value, Mapping):
        raise NotExpressible
    return {"amount": _number(value.get("amount")), in_: _of(value.get(in_), str)}


def _day(value: object) -> str:
    if isinstance(value, date):
        return value.strftime("%Y-%m-%d")
    return _parsed(value, lambda written: date.fromisoformat(written[:10])).isoformat()


def _moment(value: object, timezone: ZoneInfo) -> str:
    """A date and time as the product filters want it: in the server's zone, without offset, to the second.

    What carries an offset is shifted into that zone; what carries none is in it already.
    """
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day)  # noqa: DTZ001  in the server's zone
    moment = value if isinstance(value, datetime) else _parsed(value, datetime.fromisoformat)
    if moment.tzinfo is not None:
        moment = moment.astimezone(UTC).astimezone(timezone)
    return moment.strftime("%Y-%m-%d %H:%M:%S")


def _parsed(value: object, parse: Callable[[str], T]) -> T:
    if not isinstance(value, str):
        raise NotExpressible
    try:
        return parse(value)
    except ValueError:
        raise NotExpressible from None
