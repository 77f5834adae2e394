"""How changes become batches: what is done to each, how large it is, and how many batches it will take."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import orjson

from sync_engine.planner.plan import Change, ChangeKind
from sync_engine.planner.workspace import Group, Workspace
from sync_engine.sdk.target import Batching, Operation

OPERATIONS = {
    # A create is sent as an upsert by key: repeated after a lost answer, it makes no second record.
    ChangeKind.CREATE: Operation.UPSERT,
    # An update goes to the record's id: a record deleted meanwhile is not made anew from a few fields.
    ChangeKind.UPDATE: Operation.UPDATE,
    ChangeKind.DEACTIVATE: Operation.UPDATE,
    ChangeKind.DELETE: Operation.DELETE,
}
_OVERHEAD = 64
"""Bytes of a row beside its values and its key, roughly."""

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


def operation_of(kind: ChangeKind, key_fields: int) -> Operation:
    """How a change is sent; without an external id there is no upsert.

    Args:
        kind: of the change.
        key_fields: how many fields the key has.
    """
    if kind is ChangeKind.CREATE and key_fields > 1:
        return Operation.INSERT
    return OPERATIONS[kind]


def size_of(change: Change) -> int:
    """Bytes of a change in a batch, roughly."""
    return len(orjson.dumps([(each.field, each.after) for each in change.fields])) + len(change.key) + _OVERHEAD


def count_ways(space: Workspace, stream: int, key_fields: int, limits: Limits) -> tuple[Way, ...]:
    """The batches that the changes of a stream will take, as ``transfer.packing`` packs them.

    Args:
        space: holds the changes.
        stream: its number.
        key_fields: how many fields its key has.
        limits: the target's, for an operation.
    """
    together: dict[tuple[Operation, int], list[Group]] = {}
    for group in space.groups(stream):
        operation = operation_of(group.kind, key_fields)
        # Deletes are sent at the end, whatever level their record is on.
        together.setdefault((operation, -1 if operation is Operation.DELETE else group.wave), []).append(group)
    ways: list[Way] = []
    for (operation, _), groups in together.items():
        batching = limits(operation)
        batches = _count(space, stream, groups, batching)
        rounds = -(-batches // max(1, batching.parallel))
        full = sum(each.count for each in groups) / (batches * batching.max_rows)
        ways.append(Way(batching.mode, batches, batches * batching.requests, rounds * batching.seconds * full))
    return tuple(ways)


def _count(space: Workspace, stream: int, groups: list[Group], batching: Batching) -> int:
    rows = sum(each.count for each in groups)
    longest = max(each.longest for each in groups) + _OVERHEAD
    if min(rows, batching.max_rows) * longest <= batching.max_bytes:
        return -(-rows // batching.max_rows)
    batches = count = size = 0
    places = {(each.kind, each.wave) for each in groups}
    for packed in space.changes(stream, [kind for kind, _ in places]):
        if (packed.kind, packed.wave) not in places:
            continue
        own = size_of(packed.unpacked())
        if not batches or count >= batching.max_rows or size + own > batching.max_bytes:
            batches, count, size = batches + 1, 0, 0
        count, size = count + 1, size + own
    return batches
