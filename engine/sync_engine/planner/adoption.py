"""Records that were in the target before the first transfer are adopted: found by ``match``, never by guessing.

A record is adopted when exactly one without a key of ours has the value. When several have it, or the only one belongs
to another key already, the source record is rejected: creating it would make a duplicate.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from sync_engine.compiler.compiled import CompiledField
from sync_engine.planner.encoding import Encoded, encode
from sync_engine.planner.fields import FieldChange
from sync_engine.planner.plan import Change, ChangeKind, Rejection
from sync_engine.planner.wanted import Wanted
from sync_engine.planner.work import Work
from sync_engine.planner.workspace import Held, Workspace
from sync_engine.sdk.target import FieldRequest, FieldType, Owner, Reason, Target, TargetRow
from sync_engine.sdk.values import Blank

ID_LENGTH = 15
"""Ids are written with 15 or 18 characters; the first 15 tell records apart."""


def take_over(
    work: Work, row: Wanted, held: Held, change: Change | tuple[Reason, ...] | None
) -> Change | tuple[Reason, ...]:
    """The change that adopts a record: it gets its key, beside the fields that differ."""
    if isinstance(change, tuple):
        return change
    key = FieldChange(work.stream.key.name, None, row.key)
    fields = change.fields if change is not None else ()
    return Change(ChangeKind.UPDATE, row.key, row.source_key, held.id, 0, (key, *fields))


def adopt(
    space: Workspace, work: Work, rows: Sequence[tuple[str, Wanted]], target: Target
) -> Mapping[str, Held | Reason]:
    """What ``match`` finds for records whose key the target does not hold.

    Args:
        space: remembers what was adopted, because no record can be adopted twice.
        work: the stream, with its slot.
        rows: (normalised key, record).
        target: asked once per field of ``match``.

    Returns:
        By normalised key: the record to adopt, or why neither adopting nor creating is right. Keys for which nothing
        was found are absent: such records are created.
    """
    found: dict[str, Held | Reason] = {}
    for index, field in enumerate(work.stream.match):
        wanted: dict[str, list[str]] = {}
        for key, row in rows:
            value = row.match[index]
            if key not in found and not isinstance(value, Blank) and value is not None and str(value):
                wanted.setdefault(_comparable(field, str(value)), []).append(key)
        if not wanted:
            continue
        held = _rows_by_value(work, field, list(wanted), target)
        for value, keys in wanted.items():
            for key in keys:
                verdict = _judge(work, field, keys, held.get(value, []), target)
                if verdict is not None:
                    found[key] = _only_once(space, work, key, verdict)
    return found


def _only_once(space: Workspace, work: Work, key: str, verdict: Held | Reason) -> Held | Reason:
    """A record that another source record has adopted before is neither's."""
    if isinstance(verdict, Reason):
        return verdict
    other = space.adopter(work.slot.number, verdict.id, work.number, key)
    if other is None:
        return verdict
    message = f"more than one source record matches the record {verdict.id}"
    reason = Reason("AMBIGUOUS_MATCH", message, "", Owner.DATA)
    stream, other_key = other
    change = space.drop_change(stream, other_key)
    if change is not None:
        space.reject(stream, [Rejection(change.key, change.source_key, (reason,))])
    return reason


def _comparable(field: CompiledField, value: str) -> str:
    if field.description.type in (FieldType.ID, FieldType.REFERENCE):
        return value[:ID_LENGTH]
    return value.strip() if field.description.case_sensitive else value.strip().casefold()


def _rows_by_value(
    work: Work, field: CompiledField, values: Sequence[str], target: Target
) -> dict[str, list[TargetRow]]:
    slot = work.slot
    requests = [*slot.requests, FieldRequest(slot.key.name)]
    held: dict[str, list[TargetRow]] = {}
    for rows in target.read(slot.object_name, field.name, requests, values):
        for row in rows:
            held.setdefault(_comparable(field, row.key), []).append(row)
    return held


def _judge(
    work: Work, field: CompiledField, keys: Sequence[str], rows: Sequence[TargetRow], target: Target
) -> Held | Reason | None:
    if not rows:
        return None
    name, value = field.name, rows[0].key  # as the target spells it
    ids = ", ".join(row.id for row in rows[:5])
    if len(rows) > 1:
        return Reason("AMBIGUOUS_MATCH", f"{len(rows)} records have {name} {value!r}: {ids}", name, Owner.ORG)
    if len(keys) > 1:
        message = f"{len(keys)} source records match the one record {ids} by {name} {value!r}"
        return Reason("AMBIGUOUS_MATCH", message, name, Owner.DATA)
    (row,) = rows
    other = row.values.get(work.slot.key.name)
    if other is not None:
        message = f"the record {row.id} has the same {name} {value!r} but belongs to the key {other!r} already"
        return Reason("WOULD_DUPLICATE", message, name, Owner.ORG)
    return Held(row.id, "", list(_fields(work, row, target)))


def _fields(work: Work, row: TargetRow, target: Target) -> Iterator[Encoded]:
    for request, description in zip(work.slot.requests, work.slot.descriptions, strict=True):
        yield encode(target.normal_form(description, row.values.get(request.name)))
