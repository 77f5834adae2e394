"""The records of the org, in memory: found by id and by every indexed field, with undo.

Records are plain dicts by field name and are never changed in place: an update puts a new dict in the old one's place.
A query result or an undo entry can therefore keep the old one without copying it.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sync_engine_sandbox.crm.ids import long_id, make_id
from sync_engine_sandbox.crm.values import stored_datetime

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sync_engine_sandbox.crm.errors import Problem
    from sync_engine_sandbox.crm.fields import Field
    from sync_engine_sandbox.crm.objects import OrgObjects, SObject

Record = dict[str, Any]


def index_key(item: Field, value: Any) -> Any:
    """What a value is looked up by: text without regard to case, unless the field says otherwise."""
    if isinstance(value, str) and not item.case_sensitive and item.type not in {"reference", "id"}:
        return value.lower()
    return value


@dataclass(slots=True)
class Table:
    """The records of one object.

    Attributes:
        live: records by id, in the order they were created.
        deleted: records in the recycle bin.
        indexes: for each indexed field, ids by key; a dict keeps the ids in order.
        together: for each combination of fields that must be unique, ids by values.
    """

    sobject: SObject
    live: dict[str, Record] = field(default_factory=dict)
    deleted: dict[str, Record] = field(default_factory=dict)
    indexes: dict[str, dict[Any, dict[str, None]]] = field(default_factory=dict)
    together: list[dict[tuple[Any, ...], str]] = field(default_factory=list)
    made: int = 0

    def find(self, item: Field, value: Any) -> list[str]:
        """Ids of the records whose indexed field has this value."""
        if item.name == "Id":
            return [value] if value in self.live else []
        return list(self.indexes[item.name].get(index_key(item, value), ()))

    def enter(self, record: Record) -> None:
        """Make a record visible to look-ups."""
        record_id = record["Id"]
        for item in self.sobject.indexed:
            value = record.get(item.name)
            if value is not None and item.name != "Id":
                self.indexes[item.name].setdefault(index_key(item, value), {})[record_id] = None
        for rule, known in zip(self.sobject.unique_together, self.together, strict=True):
            known[tuple(record.get(name) for name in rule.fields)] = record_id

    def leave(self, record: Record) -> None:
        """Take a record out of the look-ups."""
        record_id = record["Id"]
        for item in self.sobject.indexed:
            value = record.get(item.name)
            if value is not None and item.name != "Id":
                index = self.indexes[item.name]
                key = index_key(item, value)
                index[key].pop(record_id)
                if not index[key]:
                    del index[key]
        for rule, known in zip(self.sobject.unique_together, self.together, strict=True):
            values = tuple(record.get(name) for name in rule.fields)
            if known.get(values) == record_id:
                del known[values]


@dataclass(frozen=True, slots=True)
class Undo:
    """How to take one write back."""

    table: Table
    record_id: str
    before: Record | None
    after: Record | None


class Store:
    """All tables of the org.

    Args:
        objects: what there is to store.
        clock: the moment that new dates are taken from.

    Attributes:
        lock: held during every write, so that a test may read and write from its own thread.
        blobs: contents of files by the id of their ContentVersion.
        row_fault: asked before each row is written; a problem that it gives fails the row (lock errors, for instance).
    """

    def __init__(self, objects: OrgObjects, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.objects = objects
        self.clock = clock
        self.lock = threading.RLock()
        self.blobs: dict[str, bytes] = {}
        self.row_fault: Callable[[SObject, Record], Problem | None] | None = None
        self.tables = {item.name: Table(item) for item in objects.objects}
        for table in self.tables.values():
            table.indexes = {item.name: {} for item in table.sobject.indexed if item.name != "Id"}
            table.together = [{} for _ in table.sobject.unique_together]
        self._journals: list[list[Undo]] = []

    def now(self) -> str:
        """The present moment in stored form."""
        return stored_datetime(self.clock())

    def sobject_of(self, record_id: str) -> SObject | None:
        """The object an id belongs to, by its first three characters."""
        return self.objects.by_prefix.get(record_id[:3])

    def get(self, record_id: str | None) -> Record | None:
        """The live record with this id, of whatever object."""
        if not record_id:
            return None
        sobject = self.sobject_of(record_id)
        return self.tables[sobject.name].live.get(record_id) if sobject else None

    def is_deleted(self, record_id: str) -> bool:
        """Whether the record lies in the recycle bin."""
        sobject = self.sobject_of(record_id)
        return sobject is not None and record_id in self.tables[sobject.name].deleted

    def new_id(self, sobject: SObject) -> str:
        """The next unused id of this object."""
        table = self.tables[sobject.name]
        table.made += 1
        return make_id(sobject.prefix, table.made)

    def put(self, sobject: SObject, record: Record) -> None:
        """Write a record, new or changed; the caller has checked it."""
        self._swap(self.tables[sobject.name], record["Id"], record)

    def stamp(self, name: str, values: Record, user: str) -> str:
        """Create a record on the platform's own account, without the checks on what a user may write."""
        sobject = self.objects.by_name[name.lower()]
        moment = self.now()
        record: Record = {"Id": self.new_id(sobject), "IsDeleted": False}
        record.update(sobject.defaults)
        record.update(values)
        record.update(
            {"CreatedDate": moment, "CreatedById": user, "LastModifiedDate": moment, "LastModifiedById": user}
        )
        record["SystemModstamp"] = moment
        self.put(sobject, record)
        return str(record["Id"])

    def remove(self, sobject: SObject, record_id: str) -> None:
        """Move a record to the recycle bin."""
        self._swap(self.tables[sobject.name], record_id, None)

    def _swap(self, table: Table, record_id: str, after: Record | None) -> None:
        before = table.live.get(record_id)
        if self._journals:
            self._journals[-1].append(Undo(table, record_id, before, after))
        if before is not None:
            table.leave(before)
        if after is None and before is not None:
            del table.live[record_id]
            table.deleted[record_id] = {**before, "IsDeleted": True, "SystemModstamp": self.now()}
        elif after is not None:
            table.live[record_id] = after
            table.deleted.pop(record_id, None)
            table.enter(after)

    @contextmanager
    def undoable(self) -> Iterator[Callable[[], None]]:
        """Writes inside the block can be taken back by calling what the block is given.

        Blocks nest: an inner block that is not taken back becomes part of the outer one. Hold ``lock`` around it.
        """
        journal: list[Undo] = []
        self._journals.append(journal)
        try:
            yield lambda: self._take_back(journal)
        finally:
            self._journals.pop()
            if self._journals:
                self._journals[-1].extend(journal)

    def _take_back(self, journal: list[Undo]) -> None:
        while journal:
            step = journal.pop()
            current = step.table.live.pop(step.record_id, None)
            if current is not None:
                step.table.leave(current)
            if step.before is None:
                step.table.deleted.pop(step.record_id, None)
            else:
                step.table.deleted.pop(step.record_id, None)
                step.table.live[step.record_id] = step.before
                step.table.enter(step.before)

    def children(self, sobject: SObject, record_id: str) -> Iterator[tuple[SObject, Field, Record]]:
        """Live records that point to this one, with the field that does."""
        for child, reference in self.objects.children[sobject.name]:
            table = self.tables[child.name]
            for child_id in table.find(reference, record_id):
                yield child, reference, table.live[child_id]

    def known_id(self, text: str, *targets: str) -> str | None:
        """The 18-character form of an id of one of ``targets`` (all objects when none), or None."""
        record_id = long_id(text)
        sobject = self.sobject_of(record_id) if record_id else None
        if record_id is None or sobject is None or (targets and "*" not in targets and sobject.name not in targets):
            return None
        return record_id
