"""Values on the wire and as the engine sees them; what Salesforce makes of a value when it stores it.

Storage rules (Salesforce help, and observed): text is trimmed and an empty text is null; numbers are rounded to the
field's scale; a multi-select picklist is a set; moments are kept in UTC to the second; an id has 18 characters.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Any

from sync_engine.sdk.target import FieldDescription, FieldType
from sync_engine.sdk.values import ParentKey, TargetValue
from sync_engine_salesforce.file_fields import FILE_NAME, file_name

NUMBERS = frozenset({FieldType.DECIMAL, FieldType.PERCENT, FieldType.CURRENCY})
IDS = frozenset({FieldType.ID, FieldType.REFERENCE})

_WIDE = Context(prec=400, rounding=ROUND_HALF_UP)
_EXACT_DIGITS = 15
"""Significant digits that a binary double keeps whatever they are (C's DBL_DIG)."""
_CHECKSUM = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"


def normal_form(field: FieldDescription, value: TargetValue) -> TargetValue:
    """The value as the org will hold it; see ``sync_engine.sdk.target.Target.normal_form``."""
    if isinstance(value, str):  # the usual case first
        if field.name == FILE_NAME:
            return file_name(value)
        text = value.replace("\r\n", "\n").replace("\r", "\n").strip()
        return (long_id(text) if field.type in IDS else text) or None
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, ParentKey):
        key = value.key.strip()
        return ParentKey(value.object, value.field, key) if key else None
    if isinstance(value, tuple):
        return tuple(sorted({each.strip() for each in value} - {""})) or None
    if isinstance(value, (int, Decimal)):
        return _number(field, Decimal(value)) if field.type in NUMBERS or field.type is FieldType.INTEGER else value
    if isinstance(value, datetime):
        return _utc(value).replace(microsecond=0)
    if isinstance(value, time):
        return value.replace(microsecond=value.microsecond // 1000 * 1000)
    return value


def _number(field: FieldDescription, value: Decimal) -> Decimal | int:
    """Rounded half up to the field's scale, without trailing zeros."""
    if not value.is_finite():
        return value
    if field.type is FieldType.INTEGER:
        return int(value.quantize(Decimal(1), context=_WIDE))
    return _trimmed(value.quantize(Decimal(1).scaleb(-field.scale), context=_WIDE))


def _trimmed(number: Decimal) -> Decimal:
    """Without trailing zeros, without an exponent, and with one zero only."""
    if not number:
        return Decimal(0)
    number = number.normalize(_WIDE)
    return number.quantize(Decimal(1), context=_WIDE) if number == number.to_integral_value() else number


def _utc(moment: datetime) -> datetime:
    """A moment without a zone is in UTC, as the platform reads it."""
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)


def long_id(text: str) -> str:
    """The id of 18 characters for one of 15: behind it a checksum of which letters are capitals."""
    if len(text) != 15 or not (text.isascii() and text.isalnum()):
        return text
    parts = (text[start : start + 5] for start in (0, 5, 10))
    return text + "".join(_CHECKSUM[sum(each.isupper() << at for at, each in enumerate(part))] for part in parts)


def reader(field: FieldDescription) -> Callable[[Any], TargetValue]:
    """What reads this field's values in an answer; it raises TypeError or ValueError for what none can be."""
    return _READERS.get(field.type, _read_text)


def parent_reader(object_name: str, key_field: str) -> Callable[[Any], TargetValue]:
    """What reads the nested record that a parent comes as; the key's name is found whatever its case."""

    def read(held: Any) -> TargetValue:
        if held is None:
            return None
        if not isinstance(held, Mapping):
            raise TypeError("a parent is no object")
        found = {name.casefold(): value for name, value in held.items()}[key_field.casefold()]
        return None if found is None else ParentKey(object_name, key_field, read_key(found))

    return read


def read_key(value: Any) -> str:
    """The value of a key field as text.

    Raises:
        TypeError: it cannot be a key.
    """
    if isinstance(value, bool):
        return to_text(value)
    return to_text(_read_number(value)) if isinstance(value, (int, Decimal)) else _read_text(value)


def _read_text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("no text")
    if not value.isascii():
        value.encode()  # half of a surrogate pair is no character
    return value


def _read_boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError("no boolean")
    return value


def _read_number(value: Any) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, (int, Decimal)):
        raise TypeError("no number")
    return _trimmed(Decimal(value))


def _read_integer(value: Any) -> int:
    number = _read_number(value)
    if number != number.to_integral_value():
        raise ValueError("no whole number")
    return int(number)


_READERS: Mapping[FieldType, Callable[[Any], TargetValue]] = {
    FieldType.BOOLEAN: _read_boolean,
    FieldType.INTEGER: _read_integer,
    **dict.fromkeys(NUMBERS, _read_number),
    FieldType.MULTIPICKLIST: lambda value: tuple(sorted(_read_text(value).split(";"))),
    FieldType.DATE: lambda value: date.fromisoformat(_read_text(value)),
    FieldType.DATETIME: lambda value: _utc(datetime.fromisoformat(_read_text(value))),
    FieldType.TIME: lambda value: time.fromisoformat(_read_text(value).removesuffix("Z")),
}


def to_json(value: TargetValue) -> str | int | float | bool | None:
    """A value for a JSON body; null empties a field. Parents are nested by the caller."""
    if value is None:
        return None
    if isinstance(value, Decimal):
        if value == value.to_integral_value():
            return int(value)
        # The shortest text of the double is the decimal itself up to this many digits; longer ones go as text.
        return float(value) if len(value.as_tuple().digits) <= _EXACT_DIGITS else format(value, "f")
    if isinstance(value, (bool, int)):
        return value
    return to_text(value) or None


def to_text(value: TargetValue) -> str:
    """A value as text: for CSV, and for JSON where text is the type."""
    if type(value) is str:  # the usual case first
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, datetime):
        moment = _utc(value)
        # Not strftime: it writes the year 987 without its zero.
        return f"{moment.replace(tzinfo=None).isoformat(timespec='milliseconds')}Z"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, time):
        return f"{value.replace(tzinfo=None).isoformat(timespec='milliseconds')}Z"
    if isinstance(value, tuple):
        return ";".join(value)
    if isinstance(value, ParentKey):
        return value.key
    return str(value)
