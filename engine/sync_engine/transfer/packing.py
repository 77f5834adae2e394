"""Changes become batches: of one kind, within the target's limits, in an order that is always the same."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import cast

from sync_engine.planner.batches import Filling, Limits, operation_of
from sync_engine.planner.encoding import Decoder, decoder, is_plain
from sync_engine.planner.plan import Change, ChangeKind, StreamPlan
from sync_engine.sdk.target import Batch, Operation, Row
from sync_engine.sdk.values import Blank, TargetValue


def pack(
    stream: StreamPlan, changes: Iterable[Change], limits: Limits, prefix: str
) -> Iterator[tuple[Batch, tuple[Change, ...]]]:
    """Batches of at most the target's rows and bytes, each with the changes it carries.

    Args:
        stream: whose fields and key field the changes have.
        changes: all of one wave, creates and updates mixed, as they were read from the plan file.
        limits: the target's limits for an operation.
        prefix: begins every batch id; ids are stable for the same changes.
    """
    waiting: dict[Operation, list[Change]] = {}
    filling: dict[Operation, Filling] = {}
    number = 0
    for change in changes:
        operation = operation_of(change.kind, upserts=stream.write.upserts)
        if operation not in filling:
            waiting[operation], filling[operation] = [], Filling(limits(operation))
        rows = waiting[operation]
        if filling[operation].take(len(change.line)) and rows:
            number += 1
            yield make_batch(stream, operation, limits(operation).mode, rows, f"{prefix}-{number}"), tuple(rows)
            rows.clear()
        rows.append(change)
    for operation, rows in waiting.items():
        number += 1
        yield make_batch(stream, operation, limits(operation).mode, rows, f"{prefix}-{number}"), tuple(rows)


def make_batch(stream: StreamPlan, operation: Operation, mode: str, changes: Sequence[Change], id_: str) -> Batch:
    """The batch that carries these changes; the same each time it is made."""
    used = {name for change in changes for name in change.names()}
    columns = tuple(each.name for each in stream.fields if each.name in used)
    read = [
        (each.name, decoder(each.type, each.request))
        for each in stream.fields
        if each.name in used and not is_plain(each.type, each.request)
    ]
    rows = tuple(Row(change.key, _values(read, change), change.target_id or None) for change in changes)
    write = stream.write
    if operation is Operation.INSERT and len(write.key_fields) == 1:  # of several, they are fields like any other
        columns = (*write.key_fields, *columns)
        rows = tuple(replace(row, values={write.key_name: row.key, **row.values}) for row in rows)
    return Batch(id_, write.object_name, operation, write.key_name, mode, columns, rows)


def _values(read: Sequence[tuple[str, Decoder]], change: Change) -> dict[str, TargetValue | Blank]:
    encoded = dict(change.values())
    values = cast("dict[str, TargetValue | Blank]", dict(encoded))  # most are plain, see ``is_plain``
    for name, decode in read:
        if name in encoded:
            values[name] = decode(encoded[name])
    if change.kind is not ChangeKind.CREATE:  # a new record holds nothing that could be cleared
        values.update({name: Blank.CLEAR for name, after in encoded.items() if after is None})
    return values
