"""Values of the source and of a trace, as people read them on one line."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from sync_engine.planner.encoding import Encoded
from sync_engine.report.values import quoted, shown
from sync_engine.sdk.values import Blank, Measurement, MediaRef, Price
from sync_engine.trace.model import FieldTrace, InputTrace
from sync_engine.trace.plain import plain_value


def source_text(value: object) -> str:
    """A value of the source: ``"Tent"``, ``2380 GRAM``, ``449 EUR, 499 USD``, ``(none)``."""
    if value is None:
        return "(none)"
    if isinstance(value, (Decimal, int)) and not isinstance(value, bool):
        return _number(value)
    if isinstance(value, Measurement):
        return f"{_number(value.amount)} {value.unit}"
    if isinstance(value, Price):
        return f"{_number(value.amount)} {value.currency}"
    if isinstance(value, MediaRef):
        return value.filename or value.code
    if isinstance(value, (tuple, list)):
        return ", ".join(map(source_text, value)) if value else "(none)"
    plain = plain_value(value)
    if isinstance(plain, Mapping):
        return ", ".join(f"{key} {source_text(each)}".strip() for key, each in plain.items())
    return quoted(plain) if isinstance(plain, (str, bool, int)) else str(plain)


def _number(value: Decimal | int) -> str:
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def input_text(given: InputTrace) -> str:
    """What was read: its code, where it was read, and the value."""
    return f"{input_name(given)} {source_text(given.value)}"


def input_name(given: InputTrace) -> str:
    """The code of what was read, with locale and channel where it has them."""
    place = ", ".join(each for each in (given.locale, given.channel) if each)
    return f"{given.code} ({place})" if place else given.code


def result_text(field: FieldTrace) -> str:
    """What the field will hold."""
    return value_text(field.result, field)


def value_text(value: Encoded | Blank, field: FieldTrace) -> str:
    """A value of the target's field."""
    return "(left alone)" if isinstance(value, Blank) else shown(value, field.planned)
