"""Write only what still is as the plan saw it: re-read the rows of a saved plan before they go."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from sync_engine.planner.encoding import encode
from sync_engine.planner.plan import Change, ChangeKind, StreamPlan
from sync_engine.sdk.target import FieldDescription, FieldType, ObjectSchema, Reason, Target, TargetRow

CHUNK = 200


@dataclass(frozen=True, slots=True)
class Stale:
    """A change that was not written because the record is no longer what the plan saw."""

    change: Change
    reasons: tuple[Reason, ...]


def split_stale(
    stream: StreamPlan, changes: Iterable[Change], target: Target, described: ObjectSchema
) -> Iterator[Change | Stale]:
    """Each change, or why it is stale, in the same order.

    Args:
        stream: whose fields are compared.
        changes: from the plan file.
        target: is asked for the rows of these keys, in chunks.
        described: the object as it is described now.
    """
    descriptions = {each.name: _description(described, each.name) for each in stream.fields}
    key_description = _description(described, stream.write.key_field)
    requests = [each.request for each in stream.fields]
    object_name, key_field = stream.write.object_name, stream.write.key_field
    id_field = next(each.name for each in described.fields.values() if each.type is FieldType.ID)
    remaining = iter(changes)
    while chunk := list(islice(remaining, CHUNK)):
        held: dict[str, TargetRow] = {}
        for rows in target.read(object_name, key_field, requests, [each.key for each in chunk]):
            held.update((_normalise(key_description, row.key), row) for row in rows)
        # A record that is being adopted has no key yet.
        adopted = {each.target_id: each.key for each in chunk if any(one.field == key_field for one in each.fields)}
        if adopted:
            for rows in target.read(object_name, id_field, requests, list(adopted)):
                held.update((_normalise(key_description, adopted[row.id]), row) for row in rows)
        for change in chunk:
            row = held.get(_normalise(key_description, change.key))
            reasons = _differences(change, row, target, descriptions)
            yield Stale(change, reasons) if reasons else change


def _differences(
    change: Change, row: TargetRow | None, target: Target, descriptions: dict[str, FieldDescription]
) -> tuple[Reason, ...]:
    if change.kind is ChangeKind.CREATE:
        return () if row is None else (Reason("STALE", f"the record exists meanwhile ({row.id})"),)
    if row is None or row.id != change.target_id:
        return (Reason("STALE", "the record no longer exists under this key"),)
    reasons = []
    for each in change.fields:
        now = encode(target.normal_form(descriptions[each.field], row.values.get(each.field)))
        if now != each.before:
            reasons.append(Reason("STALE", f"holds {now!r}, the plan saw {each.before!r}", each.field))
    return tuple(reasons)


def _description(described: ObjectSchema, name: str) -> FieldDescription:
    found = described.field(name)
    if found is None:  # the fingerprint was compared before, so the field is there
        raise KeyError(name)
    return found


def _normalise(description: FieldDescription, key: str) -> str:
    return key if description.case_sensitive else key.casefold()
