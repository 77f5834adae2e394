"""Values on the wire and as the engine sees them; what Salesforce makes of a value when it stores it.

Storage rules (Salesforce help and observed): text is trimmed and an empty text is null; numbers are rounded to the
field's scale; a multi-select picklist is a set; moments are kept in UTC to the second.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from sync_engine.sdk.target import FieldDescription, FieldRequest, FieldType
from sync_engine.sdk.values import Blank, ParentKey, TargetValue

_NUMBERS = (FieldType.DECIMAL, FieldType.PERCENT, FieldType.CURRENCY)


def normal_form(field: FieldDescription, value: TargetValue) -> TargetValue:
    """The value as the org will hold it; see ``sync_engine.sdk.target.Target.normal_form``."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return value.replace("\r\n", "\n").replace("\r", "\n").strip() or None
    if isinstance(value, ParentKey):
        return ParentKey(value.object, value.field, value.key.strip()) if value.key.strip() else None
    if isinstance(value, tuple):
        return tuple(sorted({each.strip() for each in value if each.strip()})) or None
    if isinstance(value, (int, Decimal)):
        return _number(field, value)
    if isinstance(value, datetime):
        return value.astimezone(UTC).replace(microsecond=0)
    if isinstance(value, time):
        return value.replace(microsecond=value.microsecond // 1000 * 1000)
    return value


def _number(field: FieldDescription, value: Decimal | int) -> Decimal | int:
    if field.type is FieldType.INTEGER:
        return int(Decimal(value).to_integral_value(ROUND_HALF_UP))
    if field.type not in _NUMBERS:
        return value
    number = Decimal(value).quantize(Decimal(1).scaleb(-field.scale), ROUND_HALF_UP)
    return abs(number) if number == 0 else number


def from_json(field: FieldDescription, request: FieldRequest, value: Any) -> TargetValue:
    """A value of a query's answer.

    Args:
        field: the field.
        request: says whether a reference is read by its parent's key.
        value: as JSON gave it, decimals as Decimal; for a parent the nested object.
    """
    if value is None:
        return None
    if request.parent_object:
        key = value.get(request.parent_field) if isinstance(value, Mapping) else None
        return None if key is None else ParentKey(request.parent_object, request.parent_field, str(key))
    if field.type is FieldType.MULTIPICKLIST:
        return tuple(str(value).split(";"))
    if field.type is FieldType.INTEGER:
        return int(value)
    if field.type in _NUMBERS:
        return Decimal(value)
    if field.type is FieldType.DATE:
        return date.fromisoformat(value)
    if field.type is FieldType.DATETIME:
        return datetime.fromisoformat(value).astimezone(UTC)
    if field.type is FieldType.TIME:
        return time.fromisoformat(value.removesuffix("Z"))
    return value if isinstance(value, bool) else str(value)


def to_json(value: TargetValue | Blank) -> Any:
    """A value for a JSON body; null empties a field. Parents are nested by the caller."""
    if value is Blank.CLEAR or value is None:
        return None
    if isinstance(value, Decimal):
        # A JSON number of up to 15 digits is exact in Salesforce's own doubles; a longer one is sent as text.
        return int(value) if value == value.to_integral_value() else format(value, "f")
    if isinstance(value, (bool, int)):
        return value
    return to_text(value)


def to_text(value: TargetValue | Blank) -> str:
    """A value as text, for CSV and for JSON where text is the type."""
    if type(value) is str:  # the usual case first
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{value.microsecond // 1000:03d}Z"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, time):
        return value.isoformat(timespec="milliseconds") + "Z"
    if isinstance(value, tuple):
        return ";".join(value)
    if isinstance(value, ParentKey):
        return value.key
    return str(value)
