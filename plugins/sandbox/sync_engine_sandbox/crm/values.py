"""Values on their way in: read from JSON or CSV, checked against the field, put into the stored form.

Stored forms: text, bool, int for ``int``, float for the other numbers, ``YYYY-MM-DD`` for a date,
``YYYY-MM-DDTHH:MM:SS.000+0000`` (always UTC) for a datetime, bytes for base64, None for empty.

Two kinds of failure: a value that does not even have the field's type (``Mismatch``: the call fails in JSON, the row in
CSV), and one that has the type but breaks a limit (a ``Problem`` of the row).
"""

from __future__ import annotations

import base64
import binascii
import math
import re
from datetime import UTC, date, datetime, time
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from sync_engine_sandbox.crm.errors import Problem
from sync_engine_sandbox.crm.fields import TEXT

if TYPE_CHECKING:
    from collections.abc import Callable

    from sync_engine_sandbox.crm.fields import Field

NOT_AVAILABLE = "#N/A"
"""What a CSV cell holds to clear the field; an empty cell leaves it alone."""

INT_MAX = 2**31 - 1
EMAIL = re.compile(r"[^@\s,;:<>()\[\]\\\"]+@[^@\s,;:<>()\[\]\\\"]+\.[A-Za-z0-9-]{2,}\Z")
DATE_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:?\d\d)?\Z")
DATE = re.compile(r"\d{4}-\d\d-\d\dZ?\Z")
TOKENS = {
    dict: "START_OBJECT",
    list: "START_ARRAY",
    str: "VALUE_STRING",
    int: "VALUE_NUMBER_INT",
    float: "VALUE_NUMBER_FLOAT",
}
XSD = {
    "double": "double",
    "percent": "double",
    "currency": "double",
    "int": "int",
    "boolean": "boolean",
    "date": "date",
    "datetime": "dateTime",
    "time": "time",
    "base64": "base64Binary",
}


class Mismatch(ValueError):
    """The value is not of the field's type at all."""


def json_token(value: object) -> str:
    """What the platform's JSON reader calls this kind of value."""
    if isinstance(value, bool):
        return "VALUE_TRUE" if value else "VALUE_FALSE"
    return TOKENS.get(type(value), "VALUE_NULL")


def from_json(field: Field, value: object) -> Any:
    """Read a decoded JSON value.

    Raises:
        Mismatch: the JSON value cannot be of this field's type.
    """
    if value is None:
        return None
    if field.type == "boolean":
        if not isinstance(value, bool):
            raise Mismatch
        return value
    if isinstance(value, bool):
        raise Mismatch
    if isinstance(value, str):
        return _from_text(field, value)
    if field.type in NUMBER_READERS and isinstance(value, int | float):
        return NUMBER_READERS[field.type](repr(value))
    raise Mismatch


def from_csv(field: Field, text: str) -> Any:
    """Read a CSV cell that is not empty.

    Raises:
        Mismatch: the text cannot be read as this field's type.
    """
    if text == NOT_AVAILABLE:
        return None
    if field.type == "boolean":
        known = BOOLEANS.get(text.strip().lower())
        if known is None:
            raise Mismatch
        return known
    return _from_text(field, text)


def csv_mismatch(field: Field, text: str, column: int) -> Problem:
    """The problem of a CSV cell of the wrong type."""
    kind = XSD.get(field.type, "string")
    message = (
        f"Failed to deserialize field at col {column}. Due to, '{text}' is not a valid value for the type xsd:{kind}"
    )
    return Problem("INVALID_FIELD", message, (field.name,))


def stored_datetime(moment: datetime) -> str:
    """A moment as the platform writes it: UTC, whole seconds."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000+0000")


def read_datetime(text: str) -> str:
    """The stored form of an ISO 8601 moment; one without a zone is UTC.

    Raises:
        Mismatch: it is not a moment.
    """
    if not DATE_TIME.match(text):
        raise Mismatch
    try:
        moment = datetime.fromisoformat(re.sub(r"\.\d+", "", text))
    except ValueError:
        raise Mismatch from None
    return stored_datetime(moment if moment.tzinfo else moment.replace(tzinfo=UTC))


def _read_date(text: str) -> str:
    if not DATE.match(text):
        raise Mismatch
    try:
        return date.fromisoformat(text.removesuffix("Z")).isoformat()
    except ValueError:
        raise Mismatch from None


def _read_time(text: str) -> str:
    try:
        moment = time.fromisoformat(text.removesuffix("Z"))
    except ValueError:
        raise Mismatch from None
    return moment.strftime("%H:%M:%S.000Z")


def _read_int(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise Mismatch from None


def _read_double(text: str) -> float:
    try:
        number = float(Decimal(text.strip()))
    except (InvalidOperation, OverflowError):
        raise Mismatch from None
    if not math.isfinite(number):
        raise Mismatch
    return number


def _read_base64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        raise Mismatch from None


BOOLEANS = {"true": True, "1": True, "false": False, "0": False}
NUMBER_READERS: dict[str, Callable[[str], Any]] = {
    "int": _read_int,
    "double": _read_double,
    "percent": _read_double,
    "currency": _read_double,
}
TEXT_READERS: dict[str, Callable[[str], Any]] = {
    **NUMBER_READERS,
    "date": _read_date,
    "datetime": read_datetime,
    "time": _read_time,
    "base64": _read_base64,
}


def _from_text(field: Field, text: str) -> Any:
    reader = TEXT_READERS.get(field.type)
    if reader is None:
        return text
    stripped = text.strip()
    return reader(stripped) if stripped else None


def checked(field: Field, value: Any) -> tuple[Any, Problem | None]:
    """Put a value into its stored form, or say why the field does not take it.

    Text is trimmed and empty text is stored as null; numbers are rounded half up to the field's scale.
    """
    if value is None:
        if field.type == "boolean":
            return None, Problem(
                "INVALID_TYPE_ON_FIELD_IN_RECORD", f"{field.label}: value not of required type: ", (field.name,)
            )
        return None, None
    if field.type in TEXT:
        return _checked_text(field, value)
    if field.type == "int":
        return (value, None) if abs(value) <= INT_MAX else (value, _out_of_range(field, value))
    if field.type in NUMBER_READERS:
        return _checked_number(field, value)
    return value, None


def _checked_text(field: Field, value: str) -> tuple[str | None, Problem | None]:
    text = value.strip()
    if not text:
        return None, None
    if field.type == "picklist":
        return _checked_picklist(field, text)
    if field.type == "multipicklist":
        return _checked_multipicklist(field, text)
    if len(text) > field.length:
        return text, _too_long(field, text)
    if field.type == "email" and not EMAIL.match(text):
        return text, Problem("INVALID_EMAIL_ADDRESS", f"{field.label}: invalid email address: {text}", (field.name,))
    return text, None


def _checked_picklist(field: Field, text: str) -> tuple[str, Problem | None]:
    if field.restricted and not any(entry.active and entry.value == text for entry in field.values):
        return text, _not_in_picklist(field, text)
    return text, _too_long(field, text) if len(text) > field.length else None


def _checked_multipicklist(field: Field, text: str) -> tuple[str, Problem | None]:
    """A multi-select is stored in the order of its list, each value once."""
    order = {entry.value: index for index, entry in enumerate(field.values)}
    chosen = list(dict.fromkeys(part for part in (piece.strip() for piece in text.split(";")) if part))
    if field.restricted:
        active = {entry.value for entry in field.values if entry.active}
        for part in chosen:
            if part not in active:
                return text, _not_in_picklist(field, part)
    stored = ";".join(sorted(chosen, key=lambda part: order.get(part, len(order))))
    return stored, _too_long(field, stored) if len(stored) > field.length else None


def _checked_number(field: Field, value: float) -> tuple[float, Problem | None]:
    limit = 10 ** (field.precision - field.scale)
    if abs(value) >= limit:
        return value, _out_of_range(field, value)
    exact = Decimal(repr(value)).quantize(Decimal(1).scaleb(-field.scale), rounding=ROUND_HALF_UP)
    return float(exact), _out_of_range(field, value) if abs(exact) >= limit else None


def _out_of_range(field: Field, value: float) -> Problem:
    message = f"{field.label}: value outside of valid range on numeric field: {value:.15g}"
    return Problem("NUMBER_OUTSIDE_VALID_RANGE", message, (field.name,))


def _too_long(field: Field, text: str) -> Problem:
    message = f"{field.label}: data value too large: {text} (max length={field.length})"
    return Problem("STRING_TOO_LONG", message, (field.name,))


def _not_in_picklist(field: Field, text: str) -> Problem:
    message = f"{field.label}: bad value for restricted picklist field: {text}"
    return Problem("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", message, (field.name,))
