"""The filter language: criteria, their operators, and the shape of value each operator takes.

The operator names are those of the PIM's product filters, so that a criterion reads the same in a catalog and in the
PIM's own documentation (Akeneo REST API, "Filters").
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from sync_engine.sdk.problem import NOWHERE, Origin


@dataclass(frozen=True, slots=True)
class Criterion:
    """One condition on one field.

    Attributes:
        field: code of an attribute or a property.
        operator: one of the names in ``OPERATORS`` for the field's kind.
        value: as written: text, int, Decimal, bool, or a tuple of them; None for operators without a value.
        locale: where the field is localizable.
        channel: where the field is scopable; None means the catalog's channel.
        locales: for the operators "… ON ALL LOCALES".
        origin: where it was written.
    """

    field: str
    operator: str
    value: object = None
    locale: str | None = None
    channel: str | None = None
    locales: tuple[str, ...] = ()
    origin: Origin = NOWHERE


@dataclass(frozen=True, slots=True)
class AllOf:
    """Holds when every part holds."""

    filters: tuple[Filter, ...]
    origin: Origin = NOWHERE


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Holds when at least one part holds."""

    filters: tuple[Filter, ...]
    origin: Origin = NOWHERE


@dataclass(frozen=True, slots=True)
class Not:
    """Holds when its part does not."""

    filter: Filter
    origin: Origin = NOWHERE


Filter: TypeAlias = Criterion | AllOf | AnyOf | Not


class Shape(StrEnum):
    """What a criterion's ``value`` must be."""

    NONE = "no value"
    TEXT = "a text"
    TEXTS = "a list of texts"
    NUMBER = "a number"
    AMOUNT = "a number, or {amount, unit} or {amount, currency}"
    BOOLEAN = "true or false"
    DAY = "a date (YYYY-MM-DD)"
    DAYS = "two dates [from, to]"
    MOMENT = "a date and time (YYYY-MM-DD hh:mm:ss)"
    MOMENTS = "two dates and times [from, to]"
    COUNT = "a whole number of days"
    PERCENT = "a whole number from 0 to 100"


_EMPTY = {"EMPTY": Shape.NONE, "NOT EMPTY": Shape.NONE}
_LIST = {"IN": Shape.TEXTS, "NOT IN": Shape.TEXTS}
_TEXT = {
    "STARTS WITH": Shape.TEXT,
    "CONTAINS": Shape.TEXT,
    "DOES NOT CONTAIN": Shape.TEXT,
    "=": Shape.TEXT,
    "!=": Shape.TEXT,
}
_ORDER = ("<", "<=", "=", "!=", ">=", ">")
_MOMENT = {
    "=": Shape.MOMENT,
    "!=": Shape.MOMENT,
    "<": Shape.MOMENT,
    ">": Shape.MOMENT,
    "BETWEEN": Shape.MOMENTS,
    "NOT BETWEEN": Shape.MOMENTS,
    "SINCE LAST N DAYS": Shape.COUNT,
}

# Operators by the field's kind (``sdk.source.Kind`` values). A kind that is absent cannot be filtered on.
OPERATORS: dict[str, dict[str, Shape]] = {
    "identifier": {**_TEXT, **_LIST, **_EMPTY},
    "text": {**_TEXT, **_LIST, **_EMPTY},
    "textarea": {**_TEXT, **_LIST, **_EMPTY},
    "number": {**dict.fromkeys(_ORDER, Shape.NUMBER), **_EMPTY},
    "measurement": {**dict.fromkeys(_ORDER, Shape.AMOUNT), **_EMPTY},
    "prices": {**dict.fromkeys(_ORDER, Shape.AMOUNT), **_EMPTY},
    "boolean": {"=": Shape.BOOLEAN, "!=": Shape.BOOLEAN, **_EMPTY},
    "date": {
        "<": Shape.DAY,
        "=": Shape.DAY,
        "!=": Shape.DAY,
        ">": Shape.DAY,
        "BETWEEN": Shape.DAYS,
        "NOT BETWEEN": Shape.DAYS,
        **_EMPTY,
    },
    "datetime": _MOMENT,
    "select": {**_LIST, **_EMPTY},
    "multiselect": {**_LIST, **_EMPTY},
    "image": {**_TEXT, **_EMPTY},
    "file": {**_TEXT, **_EMPTY},
    "record": {**_LIST, **_EMPTY},
    "records": {**_LIST, **_EMPTY},
    "assets": {**_LIST, **_EMPTY},
    "table": _EMPTY,
    "uuid": _LIST,
    "family": {**_LIST, **_EMPTY},
    "groups": {**_LIST, **_EMPTY},
    "categories": {
        **_LIST,
        "IN OR UNCLASSIFIED": Shape.TEXTS,
        "IN CHILDREN": Shape.TEXTS,
        "NOT IN CHILDREN": Shape.TEXTS,
        "UNCLASSIFIED": Shape.NONE,
    },
    "parent": {"=": Shape.TEXT, "IN": Shape.TEXTS, **_EMPTY},
    "completeness": {
        **dict.fromkeys(_ORDER, Shape.PERCENT),
        "GREATER THAN ON ALL LOCALES": Shape.PERCENT,
        "GREATER OR EQUALS THAN ON ALL LOCALES": Shape.PERCENT,
        "LOWER THAN ON ALL LOCALES": Shape.PERCENT,
        "LOWER OR EQUALS THAN ON ALL LOCALES": Shape.PERCENT,
    },
    "quality": {"IN": Shape.TEXTS},
}
