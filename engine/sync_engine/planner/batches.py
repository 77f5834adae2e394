"""How changes become batches: what is done to each, when a batch is full, and how many batches there will be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from sync_engine.planner.plan import ChangeKind
from sync_engine.planner.plan_file import PlanWriter
from sync_engine.planner.workspace import Workspace
from sync_engine.sdk.target import Batching, Operation, Target

OPERATIONS = {
    # A create is sent as an upsert by key: repeated after a lost answer, it makes no second record.
    ChangeKind.CREATE: Operation.UPSERT,
    # An update goes to the record's id: a record deleted meanwhile is not made anew from a few fields.
    ChangeKind.UPDATE: Operation.UPDATE,
    ChangeKind.DEACTIVATE: Operation.UPDATE,
    ChangeKind.DELETE: Operation.DELETE,
}

Limits = Callable[[Operation], Batching]


@dataclass(frozen=True, slots=True)
class Way:
    """Batches that go the same way.

    Attributes:
        mode: the target's name of the way.
        requests: that they take at least.
        seconds: that they take, roughly.
    """

    mode: str
    batches: int
    requests: int
    seconds: float


def operation_of(kind: ChangeKind, *, upserts: bool) -> Operation:
    """How a change is sent; without an external id there is no upsert.

    Args:
        kind: of the change.
        upserts: whether a record can be written by its key.
    """
    if kind is ChangeKind.CREATE and not upserts:
        return Operation.INSERT
    return OPERATIONS[kind]


def limits_of(target: Target, object_name: str, changes: int) -> Limits:
    """How the target wants a number of changes of an object to arrive, for each operation."""
    return cache(lambda operation: target.batching(object_name, operation, changes))


@dataclass(slots=True)
class Filling:
    """Batches while they are being filled, one after the other.

    Attributes:
        limits: the target's.
        batches: begun so far.
        taken: changes in all of them.
    """

    limits: Batching
    batches: int = 0
    taken: int = 0
    _rows: int = 0
    _size: int = 0

    def take(self, size: int) -> bool:
        """Put a change into a batch; returns whether it is the first in its batch.

        Args:
            size: of the change's line in the plan file. That has names of fields, too, and what was there before, so
                it is no less than what is sent.
        """
        full = self._rows >= self.limits.max_rows or self._size + size > self.limits.max_bytes
        begins = not self.batches or full
        if begins:
            self.batches += 1
            self._rows = self._size = 0
        self.taken += 1
        self._rows += 1
        self._size += size
        return begins


def write_changes(
    writer: PlanWriter, space: Workspace, number: int, stream: str, limits: Limits, *, upserts: bool
) -> tuple[Way, ...]:
    """Write the changes of a stream into the plan file; returns the batches they will take.

    Args:
        writer: of the file.
        space: holds the changes.
        number: of the stream there.
        stream: its name.
        limits: the target's, for an operation.
        upserts: whether its records can be written by their key.
    """
    filling: dict[tuple[Operation, int], Filling] = {}
    for change in space.changes(number):
        operation = operation_of(change.kind, upserts=upserts)
        # Deletes are sent at the end, whatever level their record is on.
        place = (operation, -1 if operation is Operation.DELETE else change.wave)
        if place not in filling:
            filling[place] = Filling(limits(operation))
        filling[place].take(writer.change(stream, change))
    return tuple(_way(each) for _, each in sorted(filling.items(), key=lambda item: item[0]))


def _way(filled: Filling) -> Way:
    limits, batches = filled.limits, filled.batches
    rounds = -(-batches // max(1, limits.parallel))
    full = filled.taken / (batches * limits.max_rows)
    return Way(limits.mode, batches, batches * limits.requests, rounds * limits.seconds * full)
