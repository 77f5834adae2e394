"""Target values as plain JSON data, so that they can be compared, kept in a file and read back exactly.

Decimals become canonical text (no exponent, no trailing zeros), dates and times ISO 8601, lists lists, a parent its
key, a file its code and name. Two values in normal form are equal exactly when their encodings are.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time
from decimal import Decimal
from functools import partial
from typing import TypeAlias

from sync_engine.sdk.target import FieldRequest, FieldType
from sync_engine.sdk.values import MediaRef, ParentKey, TargetValue

Encoded: TypeAlias = str | int | bool | list[str] | None
Decoder: TypeAlias = Callable[[Encoded], TargetValue]

_DECIMALS = (FieldType.DECIMAL, FieldType.PERCENT, FieldType.CURRENCY)
_TIMES = (FieldType.DATE, FieldType.DATETIME, FieldType.TIME)
_CONVERTED = {*_DECIMALS, *_TIMES, FieldType.MULTIPICKLIST, FieldType.REFERENCE, FieldType.FILE, FieldType.OTHER}


def encode(value: TargetValue) -> Encoded:
    """The value as plain data; None stays None: the field is empty."""
    if value is None or type(value) in (str, int, bool):
        return value  # type: ignore[return-value] # the three types just named
    if isinstance(value, Decimal):
        return _plain(value)
    if isinstance(value, ParentKey):
        return value.key
    if isinstance(value, MediaRef):
        return [value.code, value.filename]
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    if isinstance(value, (date, time)):
        return value.isoformat()
    if isinstance(value, tuple):
        return list(value)
    return str(value) if isinstance(value, str) else value


def is_plain(type_: FieldType, request: FieldRequest) -> bool:
    """Whether the values of a field are as plain as ``encode`` makes them, as most are."""
    return type_ not in _CONVERTED and not request.parent_object


def decoder(type_: FieldType, request: FieldRequest) -> Decoder:
    """The function that makes values of a field out of what ``encode`` made plain of them."""
    of_text = _text_decoder(type_, request)
    decimals = type_ in _DECIMALS

    def decode(encoded: Encoded) -> TargetValue:
        if isinstance(encoded, str):
            return of_text(encoded)
        if isinstance(encoded, list):
            return MediaRef(*encoded) if type_ is FieldType.FILE else tuple(encoded)
        return Decimal(encoded) if decimals and type(encoded) is int else encoded

    return decode


def _text_decoder(type_: FieldType, request: FieldRequest) -> Callable[[str], TargetValue]:
    if type_ in _DECIMALS:
        return Decimal
    if type_ is FieldType.DATE:
        return date.fromisoformat
    if type_ is FieldType.DATETIME:
        return datetime.fromisoformat
    if type_ is FieldType.TIME:
        return time.fromisoformat
    if request.parent_object:
        return partial(ParentKey, request.parent_object, request.parent_field)
    return str


def _plain(value: Decimal) -> str:
    text = format(value, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text
