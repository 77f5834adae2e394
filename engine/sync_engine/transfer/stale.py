"""Write only what still is as the plan saw it: rows of a saved plan, and all that shall be deleted, are read again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from sync_engine.planner.causes import modified_text
from sync_engine.planner.held import HeldRow, read_held
from sync_engine.planner.plan import CatalogPlan, Change, ChangeKind, StreamPlan
from sync_engine.planner.plan_file import PlanFile
from sync_engine.planner.proof import DOOMED, LastLook
from sync_engine.planner.work import Slot, described_field, slot_of
from sync_engine.sdk.target import ObjectSchema, Reason, Target, TargetSchema, TellsModified

CHUNK = 200


@dataclass(frozen=True, slots=True)
class Stale:
    """A change that was not written because the record is no longer what the plan saw."""

    change: Change
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class Recheck:
    """How records are looked at again before they are written.

    Attributes:
        described: the target's objects as they are now.
        look: asks the source for the records of those that are to be deleted or deactivated.
        everything: whether all changes are looked at, because time may have passed since the plan was made; otherwise
            only those that are to be deleted or deactivated.
    """

    described: TargetSchema
    look: LastLook
    everything: bool


def recheck_for(plan: CatalogPlan, recheck: Recheck) -> Recheck:
    """How the records of this plan are looked at: a rollback deletes what was created, whatever the source has."""
    return replace(recheck, look=lambda _stream, _changes: {}) if plan.restores else recheck


def split_stale(
    stream: StreamPlan, changes: Iterable[Change], target: Target, recheck: Recheck
) -> Iterator[Change | Stale]:
    """Each change, or why it is stale, in the same order.

    Args:
        stream: whose fields are compared.
        changes: from the plan file.
        target: is asked for the rows of these keys, in chunks.
        recheck: what is looked at.
    """
    described = recheck.described.objects[stream.write.object_name]
    slot = slot_of(stream, described)
    remaining = iter(changes)
    while chunk := list(islice(remaining, CHUNK)):
        doomed = [each for each in chunk if each.kind in DOOMED]
        asked = chunk if recheck.everything else doomed
        held = held_rows(stream, slot, asked, target, described) if asked else {}
        there = recheck.look(stream.name, doomed) if doomed else {}
        differing: dict[str, tuple[Reason, ...]] = {}
        for change in asked:
            reasons = _differences(change, held.get(slot.normalise(change.key)), slot)
            if not reasons and change.key in there:
                reasons = (there[change.key],)
            if reasons:
                differing[change.key] = reasons
        changed_by = _changed_by(
            stream, [held[key] for each in differing if (key := slot.normalise(each)) in held], target
        )
        for change in chunk:
            found = differing.get(change.key)
            row = held.get(slot.normalise(change.key))
            yield Stale(change, _with_who(found, changed_by.get(row[1], "") if row else "")) if found else change


def _changed_by(stream: StreamPlan, rows: Sequence[HeldRow], target: Target) -> dict[str, str]:
    """Who modified these records last, and when, by id; as far as the target tells."""
    if not rows or not isinstance(target, TellsModified):
        return {}
    modified = target.last_modified(stream.write.object_name, [row[1] for row in rows])
    return {id_: modified_text(each) for id_, each in modified.items()}


def _with_who(reasons: tuple[Reason, ...], who: str) -> tuple[Reason, ...]:
    return tuple(replace(each, message=f"{each.message}; {who}") for each in reasons) if who else reasons


def held_rows(
    stream: StreamPlan, slot: Slot, changes: Sequence[Change], target: Target, described: ObjectSchema
) -> dict[str, HeldRow]:
    """The rows that the target holds now, by key."""
    held: dict[str, HeldRow] = {}
    for rows in read_held(slot, target, [each.key for each in changes]):
        held.update((row[0], row) for row in rows)
    # A record that is being adopted has no key yet.
    key_field = stream.write.key_name
    adopted = {each.target_id: each.key for each in changes if any(one.field == key_field for one in each.fields)}
    if adopted:
        by_id = replace(slot, key=described_field(described, slot.id_field))
        for rows in read_held(by_id, target, list(adopted)):
            held.update((slot.normalise(adopted[row[1]]), row) for row in rows)
    return held


def find_stale(file: PlanFile, plan: CatalogPlan, target: Target, recheck: Recheck) -> Iterator[tuple[str, Stale]]:
    """Every stale change of a saved plan with the name of its stream; nothing is written."""
    recheck = recheck_for(plan, recheck)
    for stream in plan.streams:
        changes = file.changes(plan.name, stream.name)
        for each in split_stale(stream, changes, target, recheck):
            if isinstance(each, Stale):
                yield stream.name, each


def _differences(change: Change, row: HeldRow | None, slot: Slot) -> tuple[Reason, ...]:
    if change.kind is ChangeKind.CREATE:
        return () if row is None else (Reason("STALE", f"the record exists meanwhile ({row[1]})"),)
    if row is None or row[1] != change.target_id:
        return (Reason("STALE", "the record no longer exists under this key"),)
    now = {request.name: value for request, value in zip(slot.requests, row[3], strict=True)}
    return tuple(
        Reason("STALE", f"holds {now[each.field]!r}, the plan saw {each.before!r}", each.field)
        for each in change.fields
        if now[each.field] != each.before
    )
