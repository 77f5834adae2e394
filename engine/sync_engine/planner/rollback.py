"""Undo a transfer by a plan like any other: the values that were there before, where nobody has touched them since.

What the transfer wrote and what it replaced is in the log. A record of which any such field holds something else by now
is left alone as a whole, and rejected with what it holds. Nothing here reads the source.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, islice

from sync_engine.compiler.compiled import CompiledCatalog, CompiledStream
from sync_engine.ledger.records import OutcomeRecord
from sync_engine.planner.batches import Way, limits_of, write_changes
from sync_engine.planner.cost import cost_of
from sync_engine.planner.fields import FieldChange
from sync_engine.planner.fingerprint import fingerprint
from sync_engine.planner.gates import deletes_gate
from sync_engine.planner.held import HeldRow, read_held
from sync_engine.planner.plan import (
    CatalogPlan,
    Change,
    ChangeKind,
    PlannedField,
    ReadStep,
    Rejection,
    StreamPlan,
    Summary,
    WriteStep,
)
from sync_engine.planner.plan_file import PlanWriter
from sync_engine.planner.work import Slot, slot_of
from sync_engine.planner.workspace import Workspace
from sync_engine.sdk.errors import Refused
from sync_engine.sdk.target import FieldRequest, Operation, Owner, Reason, Target

TOGETHER = 200
"""Records that are read again in one request."""

Outcomes = Callable[[str], Iterable[OutcomeRecord]]
"""From an outcome's word to the records of the transfer that have it, by stream and key; can be called again."""

_CHANGED = ("updated", "deactivated")


@dataclass(slots=True)
class _Undone:
    """A stream of the rollback while it is being planned."""

    number: int
    stream: StreamPlan
    slot: Slot
    unchanged: int = 0


def plan_rollback(
    compiled: CompiledCatalog,
    transfer: str,
    outcomes: Outcomes,
    target: Target,
    writer: PlanWriter,
    *,
    delete_created: bool,
) -> CatalogPlan:
    """Plan the way back from a transfer.

    Args:
        compiled: the catalog as it is now; the plan is valid as long as it is.
        transfer: its id.
        outcomes: of that transfer.
        target: opened; the records concerned are read again.
        writer: where the plan goes.
        delete_created: also delete the records that the transfer created; otherwise they stay.

    Raises:
        Refused: the log does not hold what was replaced, or the catalog no longer has a stream of the transfer.
        Unavailable, BrokenContract, Unauthorised: the target could not be read; there is no plan then.
    """
    words = (*_CHANGED, "created") if delete_created else _CHANGED
    undone = _streams(compiled, transfer, lambda: (each for word in words for each in outcomes(word)), target)
    catalog = compiled.catalog
    with Workspace() as space:
        for word in words:
            for name, records in groupby(outcomes(word), key=lambda each: each.stream):
                _undo(space, undone[name], records, target)
        writer.catalog(catalog.name, catalog.origin.file)
        counted = []
        for each in undone.values():
            counted.append(_counted(space, each, target, writer))
            writer.rejections(each.stream.name, space.rejections(each.number))
    streams = tuple(stream for stream, _ in counted)
    deletes = sum(each.summary.delete for each in streams)
    limit = catalog.safety.max_deletes
    plan = CatalogPlan(
        name=catalog.name,
        path=catalog.origin.file,
        fingerprint=fingerprint(compiled),
        streams=streams,
        gates=() if limit is None else (deletes_gate(limit, deletes),),
        cost=cost_of(0, ((stream.summary, ways) for stream, ways in counted), recorded=bool(catalog.log.to)),
        restores=transfer,
    )
    writer.catalog_end(plan)
    return plan


def _streams(
    compiled: CompiledCatalog, transfer: str, outcomes: Callable[[], Iterable[OutcomeRecord]], target: Target
) -> dict[str, _Undone]:
    """The streams that have anything to undo, each with the fields concerned, in the order they are written."""
    fields: dict[str, dict[str, None]] = {}
    for each in outcomes():
        if each.outcome in _CHANGED and not each.fields:
            raise Refused(
                f"the log of transfer {transfer} does not say what it replaced, so it cannot be rolled back",
                hint="Before-values are kept with `log: {level: full}`, as many days as `keep` says.",
            )
        fields.setdefault(each.stream, {}).update(dict.fromkeys(name for name, _, _ in each.fields))
    by_name = {each.name: each for each in compiled.streams}
    if lost := sorted(fields.keys() - by_name.keys()):
        raise Refused(
            f"the catalog no longer has the streams that transfer {transfer} wrote: {', '.join(lost)}",
            hint="Check out the catalog as it was then.",
        )
    return {
        name: _undone(number, by_name[name], tuple(fields[name]), compiled, target)
        for number, name in enumerate(each for each in by_name if each in fields)
    }


def _undone(
    number: int, stream: CompiledStream, names: Sequence[str], compiled: CompiledCatalog, target: Target
) -> _Undone:
    described = compiled.target_schema.objects[stream.object.name]
    mapped = {each.name: each for each in (stream.key, *stream.fields, *stream.missing)}
    parts = tuple(each.name for each in stream.fields[: stream.key_parts])
    planned = []
    for name in dict.fromkeys((*parts, *names)):
        description = described.field(name)
        if description is None:
            raise Refused(f"{stream.object.name} no longer has the field {name}, so it cannot be restored")
        request = mapped[name].request if name in mapped else FieldRequest(name)
        planned.append(PlannedField(name, description.type, request))
    batching = target.batching(stream.object.name, Operation.UPDATE, 1)
    plan = StreamPlan(
        name=stream.name,
        read=ReadStep(stream.query.collection),
        write=WriteStep(stream.object.name, parts or (stream.key.name,), batching.mode, 0, stream.upserts),
        fields=tuple(planned),
        summary=Summary(),
    )
    return _Undone(number, plan, slot_of(plan, described))


def _undo(space: Workspace, undone: _Undone, records: Iterable[OutcomeRecord], target: Target) -> None:
    """Compare what the transfer wrote with what is there now, some records at a time."""
    remaining = iter(records)
    while part := list(islice(remaining, TOGETHER)):
        held: dict[str, HeldRow] = {}
        for rows in read_held(undone.slot, target, [each.key for each in part]):
            held.update((row[0], row) for row in rows)
        changes: list[tuple[str, Change]] = []
        rejections: list[Rejection] = []
        for each in part:
            key = undone.slot.normalise(each.key)
            change = _way_back(each, held.get(key), undone.slot)
            if isinstance(change, Change):
                changes.append((key, change))
            elif change is None:
                undone.unchanged += 1
            else:
                rejections.append(Rejection(each.key, each.key, change))
        space.add_changes(undone.number, undone.number, changes)
        space.reject(undone.number, rejections)


def _way_back(record: OutcomeRecord, row: HeldRow | None, slot: Slot) -> Change | tuple[Reason, ...] | None:
    """What restores a record, None when it is as it was, or why it is left alone."""
    if row is None or row[1] != record.target_id:
        if record.outcome == "created":
            return None
        message = "the record that the transfer wrote no longer exists under this key"
        return (Reason("CHANGED_SINCE", message, owner=Owner.ORG),)
    if record.outcome == "created":
        return Change(ChangeKind.DELETE, record.key, "", row[1], 0, ())
    now = {request.name: value for request, value in zip(slot.requests, row[3], strict=True)}
    if any(isinstance(after, list) and slot.holds_file(name) for name, _, after in record.fields):
        message = (
            "the file that was there before cannot be sent again from here; it is an earlier version of the document"
        )
        return (Reason("NOT_RESTORABLE", message, owner=Owner.ORG),)
    differing = [(name, before, after) for name, before, after in record.fields if now[name] != before]
    touched = tuple(
        Reason("CHANGED_SINCE", f"holds {now[name]!r}, the transfer wrote {after!r}", name, Owner.ORG)
        for name, _, after in differing
        if now[name] != after
    )
    if touched or not differing:
        return touched or None
    fields = tuple(FieldChange(name, after, before) for name, before, after in differing)
    return Change(ChangeKind.UPDATE, record.key, "", row[1], 0, fields)


def _counted(
    space: Workspace, undone: _Undone, target: Target, writer: PlanWriter
) -> tuple[StreamPlan, tuple[Way, ...]]:
    """Write the changes of a stream; returns the stream as it is planned, and the batches that they will take."""
    counts = space.counts(undone.number)
    summary = Summary(
        update=counts.get(ChangeKind.UPDATE, 0),
        delete=counts.get(ChangeKind.DELETE, 0),
        unchanged=undone.unchanged,
        rejected=space.rejected(undone.number),
    )
    write = undone.stream.write
    limits = limits_of(target, write.object_name, summary.changes)
    ways = write_changes(writer, space, undone.number, undone.stream.name, limits, upserts=write.upserts)
    write = replace(write, mode=limits(Operation.UPDATE).mode, batches=sum(each.batches for each in ways))
    return replace(undone.stream, summary=summary, write=write), ways
