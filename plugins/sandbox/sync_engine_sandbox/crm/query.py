"""Running a query: conditions are compiled once into plain functions, indexed fields spare the scan."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING, Any

from sync_engine_sandbox.crm.conditions import compare, day_range, folded, includes, like, membership, within
from sync_engine_sandbox.crm.errors import refuse
from sync_engine_sandbox.crm.fields import NUMBERS
from sync_engine_sandbox.crm.reading import getter, parent_getter
from sync_engine_sandbox.crm.soql import Any_, Comparison, Every, Literal, Not, Select, located, parse
from sync_engine_sandbox.crm.values import read_datetime

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sync_engine_sandbox.crm.conditions import Read, Test
    from sync_engine_sandbox.crm.fields import Field
    from sync_engine_sandbox.crm.objects import SObject
    from sync_engine_sandbox.crm.soql import Condition, Order, Token
    from sync_engine_sandbox.crm.store import Record, Store

MAX_LENGTH = 100_000
MAX_OFFSET = 2_000
WSDL = "Please reference your WSDL or the describe call for the appropriate names."
KIND_NAMES = {"datetime": "dateTime"}


@dataclass(frozen=True, slots=True)
class Column:
    """One selected field: its path with the platform's spelling, its type, and how to read it."""

    path: tuple[str, ...]
    type: str
    read: Read


@dataclass(frozen=True, slots=True)
class Result:
    """The rows of a query, not yet written out.

    Attributes:
        sobject: what was selected from.
        columns: the selected fields in order.
        rows: the records found.
        total: rows found, which a ``COUNT()`` has without rows.
        render: makes the JSON of one record.
    """

    sobject: SObject
    columns: tuple[Column, ...]
    rows: list[Record]
    total: int
    render: Callable[[Record], dict[str, Any]]


def run(store: Store, text: str, *, version: str, include_deleted: bool = False) -> Result:
    """Run a query.

    Args:
        store: the records.
        text: the query.
        version: API version for the URLs in the answer.
        include_deleted: also look into the recycle bin.

    Raises:
        ApiError: MALFORMED_QUERY, INVALID_FIELD, INVALID_TYPE, with the platform's wording.
    """
    if len(text) > MAX_LENGTH:
        raise refuse("MALFORMED_QUERY", f"SOQL statements cannot be longer than {MAX_LENGTH} characters.")
    with store.lock:
        return _Query(store, parse(text), version).run(include_deleted=include_deleted)


class _Query:
    def __init__(self, store: Store, select: Select, version: str) -> None:
        self.store = store
        self.select = select
        self.version = version
        sobject = store.objects.by_name.get(select.sobject.text.lower())
        if sobject is None or not sobject.queryable:
            name = select.sobject.text
            hint = "If you are attempting to use a custom object, be sure to append the '__c' after the entity name."
            raise located(
                select.text, select.sobject.at, "INVALID_TYPE", f"sObject type '{name}' is not supported. {hint} {WSDL}"
            )
        self.sobject = sobject

    def run(self, *, include_deleted: bool) -> Result:
        columns = self.columns()
        test = self.condition(self.select.where) if self.select.where else None
        rows: list[Record] = [row for row in self.source(include_deleted=include_deleted) if test is None or test(row)]
        for order in reversed(self.select.order):
            rows = self.sorted(rows, order)
        if self.select.offset > MAX_OFFSET:
            raise refuse("NUMBER_OUTSIDE_VALID_RANGE", f"Maximum SOQL offset allowed is {MAX_OFFSET}")
        stop = None if self.select.limit is None else self.select.offset + self.select.limit
        rows = rows[self.select.offset : stop]
        if self.select.count:
            return Result(self.sobject, (), [], len(rows), lambda _record: {})
        return Result(self.sobject, columns, rows, len(rows), renderer(self.store, self.sobject, columns, self.version))

    def source(self, *, include_deleted: bool) -> Iterable[Record]:
        table = self.store.tables[self.sobject.name]
        ids = self.candidates(self.select.where) if self.select.where else None
        if include_deleted:
            return [*table.live.values(), *table.deleted.values()]
        if ids is None:
            return list(table.live.values())
        return [table.live[record_id] for record_id in sorted(ids)]

    def columns(self) -> tuple[Column, ...]:
        seen: set[tuple[str, ...]] = set()
        found: list[Column] = []
        for token in self.select.fields:
            path, item, read = self.resolve(token)
            if path in seen:
                raise located(
                    self.select.text, token.at, "INVALID_FIELD", f"duplicate field selected: {'.'.join(path)}"
                )
            seen.add(path)
            found.append(Column(path, item.type, read))
        return tuple(found)

    def resolve(self, token: Token) -> tuple[tuple[str, ...], Field, Read]:
        """The field that a dotted path leads to."""
        sobject = self.sobject
        *parents, last = token.text.split(".")
        if parents and parents[0].lower() == sobject.name.lower():
            parents = parents[1:]
        steps: list[Field] = []
        for name in parents:
            reference = sobject.by_relationship.get(name.lower())
            if reference is None or "*" in reference.references:
                hint = (
                    "If you are attempting to use a custom relationship, be sure to append the '__r' after the custom "
                    "relationship name."
                )
                text = f"Didn't understand relationship '{name}' in field path. {hint} {WSDL}"
                raise located(self.select.text, token.at, "INVALID_FIELD", text)
            steps.append(reference)
            sobject = self.store.objects.by_name[reference.references[0].lower()]
        item = sobject.field(last)
        if item is None:
            hint = (
                "If you are attempting to use a custom field, be sure to append the '__c' after the custom field name."
            )
            text = f"No such column '{last}' on entity '{sobject.name}'. {hint} {WSDL}"
            raise located(self.select.text, token.at, "INVALID_FIELD", text)
        read = getter(self.store, sobject, item, self.version)
        for reference in reversed(steps):
            read = parent_getter(self.store, reference, read)
        return (*(step.relationship for step in steps), item.name), item, read

    def sorted(self, rows: list[Record], order: Order) -> list[Record]:
        _, item, read = self.resolve(order.path)
        keyed = [(read(row), row) for row in rows]
        filled = [pair for pair in keyed if pair[0] is not None]
        empty = [row for value, row in keyed if value is None]
        filled.sort(key=lambda pair: folded(item, pair[0]), reverse=order.descending)
        ordered = [row for _, row in filled]
        return [*ordered, *empty] if order.nulls_last else [*empty, *ordered]

    def candidates(self, condition: Condition) -> set[str] | None:
        """Ids that an index offers, or None where every record has to be looked at."""
        match condition:
            case Every(parts):
                offers = [offer for part in parts if (offer := self.candidates(part)) is not None]
                return min(offers, key=len) if offers else None
            case Any_(parts):
                each = [self.candidates(part) for part in parts]
                found = [offer for offer in each if offer is not None]
                return set().union(*found) if len(found) == len(each) else None
            case Comparison(path, "=" | "IN", value) if not isinstance(value, Select):
                return self.indexed(path, value if isinstance(value, tuple) else (value,))
        return None

    def indexed(self, path: Token, literals: tuple[Literal, ...]) -> set[str] | None:
        item = self.sobject.field(path.text)
        if (
            item is None
            or not (item.indexed or item.name == "Id")
            or any(literal.kind == "null" for literal in literals)
        ):
            return None
        table = self.store.tables[self.sobject.name]
        return {found for literal in literals for found in table.find(item, self.literal(item, literal))}

    def condition(self, condition: Condition) -> Test:
        match condition:
            case Every(parts):
                tests = [self.condition(part) for part in parts]
                return lambda record: all(test(record) for test in tests)
            case Any_(parts):
                tests = [self.condition(part) for part in parts]
                return lambda record: any(test(record) for test in tests)
            case Not(part):
                inner = self.condition(part)
                return lambda record: not inner(record)
            case Comparison():
                return self.comparison(condition)

    def comparison(self, condition: Comparison) -> Test:
        _, item, read = self.resolve(condition.path)
        if not item.filterable:
            text = f"field '{item.name}' can not be filtered in a query call"
            raise located(self.select.text, condition.path.at, "INVALID_FIELD", text)
        value = condition.value
        if isinstance(value, Select):
            inner = _Query(self.store, value, self.version).run(include_deleted=False)
            return membership(
                item, read, {inner.columns[0].read(row) for row in inner.rows}, wanted=condition.operator == "IN"
            )
        if isinstance(value, tuple):
            if condition.operator in {"INCLUDES", "EXCLUDES"}:
                return includes(read, [literal.text for literal in value], wanted=condition.operator == "INCLUDES")
            allowed = {None if literal.kind == "null" else self.literal(item, literal) for literal in value}
            return membership(item, read, allowed, wanted=condition.operator == "IN")
        if value.kind == "null":
            return (
                (lambda record: read(record) is None)
                if condition.operator == "="
                else (lambda record: read(record) is not None)
            )
        if value.kind == "range":
            days = day_range(value.text, self.store.clock().astimezone(UTC).date())
            if days is None:
                message = f"unexpected token: '{value.text.lower()}'"
                raise located(self.select.text, condition.path.at, "MALFORMED_QUERY", message)
            return within(read, condition.operator, *days)
        if condition.operator == "LIKE":
            return like(read, value.text)
        return compare(item, read, condition.operator, self.literal(item, value))

    def literal(self, item: Field, literal: Literal) -> Any:
        """The stored form of a literal for this field."""
        fits = {
            "text": item.type not in {*NUMBERS, "boolean", "date", "datetime"},
            "number": item.type in NUMBERS,
            "boolean": item.type == "boolean",
            "day": item.type == "date",
            "moment": item.type == "datetime",
        }
        if not fits[literal.kind]:
            quoted = "should be enclosed in quotes" if fits["text"] else "should not be enclosed in quotes"
            kind = KIND_NAMES.get(item.type, item.type)
            message = f"value of filter criterion for field '{item.name}' must be of type {kind} and {quoted}"
            raise refuse("INVALID_FIELD", message)
        if literal.kind == "number":
            return float(literal.text)
        if literal.kind == "boolean":
            return literal.text == "true"
        if literal.kind == "moment":
            return read_datetime(literal.text)
        if item.type in {"id", "reference"}:
            known = self.store.known_id(literal.text)
            if known is None:
                raise refuse("INVALID_QUERY_FILTER_OPERATOR", f"invalid ID field: {literal.text}")
            return known
        return literal.text


def renderer(
    store: Store, sobject: SObject, columns: tuple[Column, ...], version: str
) -> Callable[[Record], dict[str, Any]]:
    """A function that makes the JSON of a record: ``attributes``, then the selected fields, parents nested."""
    plain = [(column.path[0], column.read) for column in columns if len(column.path) == 1]
    nested: dict[str, list[Column]] = {}
    for column in columns:
        if len(column.path) > 1:
            nested.setdefault(column.path[0], []).append(column)
    parents = [_parent_renderer(store, sobject, name, group, version) for name, group in nested.items()]
    base = f"/services/data/v{version}/sobjects/{sobject.name}/"

    def render(record: Record) -> dict[str, Any]:
        shown: dict[str, Any] = {"attributes": {"type": sobject.name, "url": base + record["Id"]}}
        for name, read in plain:
            shown[name] = read(record)
        for name, read in parents:
            shown[name] = read(record)
        return shown

    return render


def _parent_renderer(store: Store, sobject: SObject, name: str, group: list[Column], version: str) -> tuple[str, Read]:
    reference = sobject.by_relationship[name.lower()]
    target = store.objects.by_name[reference.references[0].lower()]
    inner: list[Column] = []
    for column in group:
        item = target.field(column.path[1])
        read = getter(store, target, item, version) if item and len(column.path) == 2 else (lambda _record: None)
        inner.append(Column(column.path[1:], column.type, read))
    return name, parent_getter(store, reference, renderer(store, target, tuple(inner), version))


def page_size(header: str | None) -> int:
    """Rows of a page that ``Sforce-Query-Options: batchSize=…`` asks for; the platform keeps it within 200 and 2000."""
    match = re.search(r"batchSize\s*=\s*(\d+)", header or "")
    return max(200, min(2000, int(match.group(1)))) if match else 2000
