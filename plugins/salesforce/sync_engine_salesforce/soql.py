"""SOQL text: names from describe only, values always quoted.

Source: SOQL and SOSL Reference, "Quoted String Escape Sequences".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from sync_engine.sdk.errors import Refused
from sync_engine.sdk.target import FieldRequest, ObjectSchema

LONGEST_LIST = 12_000
"""Characters of keys in one query: the whole URL must stay below 16,384 bytes, and quoting can triple a character."""
MOST_KEYS = 200

_ESCAPES = str.maketrans(
    {"\\": "\\\\", "'": "\\'", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\b": "\\b", "\f": "\\f", '"': '\\"'}
)


def quote(text: str) -> str:
    """A text as a SOQL literal."""
    return f"'{text.translate(_ESCAPES)}'"


def columns(
    described: ObjectSchema, key_field: str, requests: Sequence[FieldRequest], relationships: Mapping[str, str]
) -> list[str]:
    """What to select: Id, the key, and each field, or its parent's key.

    Raises:
        Refused: a name is not described.
    """
    selected = ["Id", key_field]
    for request in requests:
        field = described.field(request.name)
        if field is None:
            raise Refused(f"{described.name} has no field `{request.name}`")
        if request.parent_object:
            selected.append(f"{relationships[field.name]}.{request.parent_field}")
        else:
            selected.append(field.name)
    seen: dict[str, str] = {}
    for name in selected:
        seen.setdefault(name.casefold(), name)
    return list(seen.values())


def queries(object_name: str, selected: Sequence[str], key_field: str, keys: Sequence[str] | None) -> Iterator[str]:
    """The queries that read all records with a key, or those with the given keys."""
    head = f"SELECT {', '.join(selected)} FROM {object_name}"  # noqa: S608 - names come from describe
    if keys is None:
        yield f"{head} WHERE {key_field} != null"
        return
    for part in _portions(keys):
        yield f"{head} WHERE {key_field} IN ({', '.join(part)})"


def _portions(keys: Sequence[str]) -> Iterator[list[str]]:
    part: list[str] = []
    size = 0
    for key in keys:
        literal = quote(key)
        width = len(literal.encode()) * 3 + 2
        if part and (size + width > LONGEST_LIST or len(part) == MOST_KEYS):
            yield part
            part, size = [], 0
        part.append(literal)
        size += width
    if part:
        yield part
