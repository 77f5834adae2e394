"""Reading a field of a record: stored values, formulas, compound fields, links to file bodies."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from sync_engine_sandbox.crm.fields import Field
    from sync_engine_sandbox.crm.objects import SObject
    from sync_engine_sandbox.crm.store import Record, Store

PLACE = re.compile(r"\{([A-Za-z0-9_.]+)\}")


def getter(store: Store, sobject: SObject, item: Field, version: str) -> Callable[[Record], Any]:
    """A function that reads one field of a record of ``sobject``.

    Args:
        store: where parents are found.
        sobject: the object of the records.
        item: the field.
        version: API version that links to file bodies name, such as ``62.0``.
    """
    name = item.name
    if item.formula:
        return formula(store, sobject, item.formula, version)
    if item.type == "base64":
        return lambda record: f"/services/data/v{version}/sobjects/{sobject.name}/{record['Id']}/{name}"
    if item.type == "location":
        return _location(name)
    return lambda record: record.get(name)


def parent_getter(store: Store, reference: Field, inner: Callable[[Record], Any]) -> Callable[[Record], Any]:
    """A function that reads ``inner`` of the record that a reference field points to."""
    name = reference.name

    def read(record: Record) -> Any:
        parent = store.get(record.get(name))
        return None if parent is None else inner(parent)

    return read


def path_getter(store: Store, sobject: SObject, path: str, version: str) -> Callable[[Record], Any] | None:
    """A function that reads ``Field`` or ``Parent__r.Field``; None where the path leads nowhere."""
    head, _, rest = path.partition(".")
    if not rest:
        item = sobject.field(head)
        return getter(store, sobject, item, version) if item else None
    reference = sobject.by_relationship.get(head.lower())
    if reference is None or "*" in reference.references:
        return None
    inner = path_getter(store, store.objects.by_name[reference.references[0].lower()], rest, version)
    return parent_getter(store, reference, inner) if inner else None


def formula(store: Store, sobject: SObject, text: str, version: str) -> Callable[[Record], Any]:
    """A function that fills ``{Field}`` and ``{Parent__r.Field}`` of a text; a single one of them keeps its type."""
    readers = {path: path_getter(store, sobject, path, version) for path in PLACE.findall(text)}
    whole = PLACE.fullmatch(text)
    if whole:
        only = readers[whole.group(1)]
        return only or (lambda _record: None)

    def fill(record: Record) -> str | None:
        def value(match: re.Match[str]) -> str:
            read = readers[match.group(1)]
            found = read(record) if read else None
            return "" if found is None else str(found)

        return PLACE.sub(value, text).strip() or None

    return fill


def _location(name: str) -> Callable[[Record], Any]:
    stem = name.removesuffix("__c")

    def read(record: Record) -> dict[str, Any] | None:
        latitude, longitude = (record.get(f"{stem}__{part}__s") for part in ("Latitude", "Longitude"))
        return None if latitude is None and longitude is None else {"latitude": latitude, "longitude": longitude}

    return read
