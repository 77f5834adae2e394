"""Target values as plain JSON data, so that they can be compared, kept in a file and read back exactly.

Decimals become canonical text (no exponent, no trailing zeros), dates and times ISO 8601, lists lists, a parent its
key. Two values in normal form are equal exactly when their encodings are.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import TypeAlias

from sync_engine.sdk.target import FieldRequest, FieldType
from sync_engine.sdk.values import ParentKey, TargetValue

Encoded: TypeAlias = str | int | bool | list[str] | None

_DECIMALS = (FieldType.DECIMAL, FieldType.PERCENT, FieldType.CURRENCY)


def encode(value: TargetValue) -> Encoded:
    """The value as plain data; None stays None: the field is empty."""
    if value is None or type(value) in (str, int, bool):
        return value  # type: ignore[return-value] # the three types just named
    if isinstance(value, Decimal):
        return _plain(value)
    if isinstance(value, ParentKey):
        return value.key
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    if isinstance(value, (date, time)):
        return value.isoformat()
    if isinstance(value, tuple):
        return list(value)
    return str(value) if isinstance(value, str) else value


def decode(encoded: Encoded, type_: FieldType, request: FieldRequest) -> TargetValue:
    """The value that ``encode`` made plain."""
    if encoded is None or isinstance(encoded, bool):
        return encoded
    if isinstance(encoded, list):
        return tuple(encoded)
    if type_ in _DECIMALS:
        return Decimal(encoded)
    if isinstance(encoded, int):
        return encoded
    if type_ is FieldType.DATE:
        return date.fromisoformat(encoded)
    if type_ is FieldType.DATETIME:
        return datetime.fromisoformat(encoded)
    if type_ is FieldType.TIME:
        return time.fromisoformat(encoded)
    if request.parent_object:
        return ParentKey(request.parent_object, request.parent_field, encoded)
    return encoded


def _plain(value: Decimal) -> str:
    text = format(value, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text
