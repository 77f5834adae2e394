"""Rows on their way in: a JSON record or the columns of a CSV become a ``Row``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sync_engine_sandbox.crm.errors import no_such_column, refuse
from sync_engine_sandbox.crm.records import Parent, Row
from sync_engine_sandbox.crm.values import Mismatch, csv_mismatch, from_csv, from_json, json_token

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sync_engine_sandbox.crm.fields import Field
    from sync_engine_sandbox.crm.objects import OrgObjects, SObject


def json_row(objects: OrgObjects, sobject: SObject, record: Mapping[str, Any], text: str) -> Row:
    """Read one JSON record.

    Args:
        objects: all objects, for parents.
        sobject: the record's object.
        record: the decoded record.
        text: the request body, to say where a value is.

    Raises:
        ApiError: a field does not exist, or a value has the wrong JSON type; the platform then refuses the whole call.
    """
    row = Row()
    for name, value in record.items():
        if name == "attributes":
            continue
        item = sobject.field(name)
        if item is None:
            parent = json_parent(objects, sobject, name, value, text)
            if parent is not None:
                row.parents.append(parent)
        elif item.name == "Id":
            row.record_id = str(value) if value is not None else None
        else:
            row.values[item.name] = read_value(item, name, value, text)
    return row


def read_value(item: Field, name: str, value: object, text: str) -> Any:
    """Read one JSON value.

    Raises:
        ApiError: JSON_PARSER_ERROR, with the place.
    """
    try:
        return from_json(item, value)
    except Mismatch:
        token = json_token(value)
        shown = {"START_OBJECT": "{", "START_ARRAY": "["}.get(token) or (
            str(value).lower() if value is True or value is False else value
        )
        message = (
            f"Cannot deserialize instance of {item.type} from {token} value {shown} "
            f"or request may be missing a required field at {place(text, name)}"
        )
        raise refuse("JSON_PARSER_ERROR", message) from None


def place(text: str, name: str) -> str:
    """Where the value of a key stands in a body."""
    key = text.find(f'"{name}"')
    at = text.find(":", key) + 1 if key >= 0 else 0
    while at < len(text) and text[at] in " \t\r\n":
        at += 1
    return f"[line:{text.count(chr(10), 0, at) + 1}, column:{at - text.rfind(chr(10), 0, at)}]"


def json_parent(objects: OrgObjects, sobject: SObject, name: str, value: object, text: str) -> Parent | None:
    """Read ``"Parent__r": {"Key__c": …}``.

    Raises:
        ApiError: there is no such relationship, or the key is no external id.
    """
    reference = sobject.by_relationship.get(name.lower())
    if reference is None:
        raise no_such_column(name, sobject.name)
    if value is None:
        return None
    if not isinstance(value, dict):
        raise refuse(
            "JSON_PARSER_ERROR",
            f"Cannot deserialize instance of reference from {json_token(value)} value {value} at {place(text, name)}",
        )
    kind = value.get("attributes", {}).get("type") if isinstance(value.get("attributes"), dict) else None
    target = objects.by_name.get(str(kind or reference.references[0]).lower())
    keys = [key for key in value if key != "attributes"]
    if target is None or len(keys) != 1:
        raise refuse("INVALID_FIELD", f"The external foreign key reference does not reference a valid entity: {name}")
    key = target.field(keys[0])
    if key is None:
        raise no_such_column(keys[0], target.name)
    if not key.upsert_key:
        raise not_external(key.name, target.name)
    return Parent(reference, target, key, read_value(key, keys[0], value[keys[0]], text))


def not_external(field: str, sobject: str) -> Exception:
    """The field that shall name a record is no external id."""
    return refuse(
        "INVALID_FIELD",
        f"Field name provided, {field} does not match an External ID, Salesforce Id, or indexed field for {sobject}",
    )


class UnknownColumn(ValueError):
    """A CSV column that the object does not have; the argument is its header."""


@dataclass(frozen=True, slots=True)
class Column:
    """One CSV column: a field of the object, or the key of a parent.

    Attributes:
        header: the header as sent.
        index: position, from 0.
        item: the field of the object; None for ``Id``.
        target: the parent's object where the column is ``Parent__r.Key__c``.
        key: the parent's key field.
    """

    header: str
    index: int
    item: Field | None
    target: SObject | None = None
    key: Field | None = None


def csv_columns(objects: OrgObjects, sobject: SObject, header: Sequence[str]) -> tuple[Column, ...]:
    """Understand the header of a CSV.

    Raises:
        UnknownColumn: a column that cannot be written to.
    """
    return tuple(_csv_column(objects, sobject, name, index) for index, name in enumerate(header))


def _csv_column(objects: OrgObjects, sobject: SObject, header: str, index: int) -> Column:
    kind, _, path = header.rpartition(":")
    relation, _, last = path.partition(".")
    if not last:
        item = sobject.field(relation)
        if item is None:
            raise UnknownColumn(header)
        return Column(header, index, None if item.name == "Id" else item)
    reference = sobject.by_relationship.get(relation.lower())
    target = objects.by_name.get((kind or reference.references[0]).lower()) if reference else None
    key = target.field(last) if target else None
    if reference is None or key is None or not key.upsert_key:
        raise UnknownColumn(header)
    return Column(header, index, reference, target, key)


def csv_row(columns: Sequence[Column], cells: Sequence[str]) -> Row:
    """Read one CSV row: an empty cell leaves the field alone, ``#N/A`` clears it."""
    row = Row()
    for column, text in zip(columns, cells, strict=False):
        if text == "":
            continue
        if column.item is None:
            row.record_id = text.strip()
            continue
        read_as = column.key or column.item
        try:
            value = from_csv(read_as, text)
        except Mismatch:
            row.problems.append(csv_mismatch(read_as, text, column.index))
            continue
        if column.key and column.target:
            row.parents.append(Parent(column.item, column.target, column.key, value))
        else:
            row.values[column.item.name] = value
    return row
