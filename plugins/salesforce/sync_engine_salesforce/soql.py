"""SOQL text: names from describe only, values always as literals of their field's type.

Source: SOQL and SOSL Reference, "Quoted String Escape Sequences", "Date Formats".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from urllib.parse import quote_plus

from sync_engine.sdk.errors import Refused
from sync_engine.sdk.target import FieldDescription, FieldRequest, FieldType
from sync_engine_salesforce.schema import Described
from sync_engine_salesforce.values import IDS, NUMBERS, long_id, to_text

LONGEST_URL = 16_000
"""Bytes; Salesforce takes 16,384, host and path included."""
_PATH = 200
"""Bytes left for scheme, host and path."""

_ESCAPES = str.maketrans(
    {"\\": "\\\\", "'": "\\'", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\b": "\\b", "\f": "\\f", '"': '\\"'}
)
_ID = re.compile(r"[A-Za-z0-9]{15}(?:[A-Za-z0-9]{3})?\Z")
_NAME = re.compile(r"[A-Za-z]\w*\Z", re.ASCII)


def quote(text: str) -> str:
    """A text as a SOQL literal."""
    return f"'{text.translate(_ESCAPES)}'"


def literal(field: FieldDescription, key: str) -> str | None:
    """A key as a literal of the field's type; None when no record can hold it, so it need not be asked for."""
    try:
        key.encode()
        if field.type in NUMBERS or field.type is FieldType.INTEGER:
            number = Decimal(key.strip())
            return to_text(number) if number.is_finite() else None
        if field.type is FieldType.DATE:
            return date.fromisoformat(key).isoformat()
        if field.type is FieldType.DATETIME:
            return to_text(datetime.fromisoformat(key))
    except (ValueError, InvalidOperation):
        return None
    if field.type is FieldType.BOOLEAN:
        return key.lower() if key.lower() in ("true", "false") else None
    if field.type in IDS:
        return quote(key) if _ID.match(key) else None
    return None if "\0" in key else quote(key)


def columns(described: Described, key: FieldDescription, requests: Iterable[FieldRequest]) -> list[str]:
    """What to select: Id, the key, and each field, or its parent's key; nothing twice, which SOQL refuses.

    Raises:
        Refused: a name is not described.
    """
    selected = ["Id", key.name]
    for request in requests:
        if not request.parent_object:
            selected.append(described.field(request.name).name)
            continue
        if not _NAME.match(request.parent_field):
            raise Refused(f"`{request.parent_field}` is no field of {request.parent_object}")
        selected.append(f"{described.relationship(request.name).name}.{request.parent_field}")
    return list(dict.fromkeys(selected))


def queries(
    object_name: str, selected: Sequence[str], key: FieldDescription, keys: Sequence[str] | None, *, also: str = ""
) -> Iterator[str]:
    """The queries that read all records that have a key, or those with the given keys.

    Args:
        object_name: where to look.
        selected: columns.
        key: of the records.
        keys: as text; None for all.
        also: a condition that holds for all of them, beginning with AND.

    Raises:
        Refused: so many fields are asked for that the query does not fit in a URL.
    """
    head = f"SELECT {', '.join(selected)} FROM {object_name} WHERE {key.name}"  # noqa: S608 - names from describe
    room = LONGEST_URL - _PATH - len(quote_plus(head + also))
    if room < len(quote_plus(" != null")):
        raise Refused(f"{len(selected)} fields of {object_name} are more than one query takes", hint="Map fewer.")
    if keys is None:
        yield f"{head} != null{also}"
        return
    for part in _portions(_literals(key, keys), room - len(quote_plus(" IN ()"))):
        yield f"{head} IN ({', '.join(part)}){also}"


def _literals(key: FieldDescription, keys: Sequence[str]) -> Iterator[str]:
    """Literals of the keys, each once: the same record in two queries would look like two records."""
    seen: set[str] = set()
    for each in keys:
        text = literal(key, each)
        same = long_id(each) if key.type in IDS else each if key.case_sensitive else each.casefold()
        if text is not None and same not in seen:
            seen.add(same)
            yield text


def _portions(literals: Iterable[str], room: int) -> Iterator[list[str]]:
    part: list[str] = []
    size = 0
    for each in literals:
        width = len(quote_plus(f"{each}, "))
        if part and size + width > room:
            yield part
            part, size = [], 0
        part.append(each)
        size += width
    if part:
        yield part
