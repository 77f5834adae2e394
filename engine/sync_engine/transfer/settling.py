"""What became of a batch whose answer was lost: the target is asked, nothing is sent a second time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sync_engine.planner.held import HeldRow
from sync_engine.planner.plan import Change, ChangeKind, StreamPlan
from sync_engine.planner.work import Slot, slot_of
from sync_engine.sdk.target import Outcome, Reason, RecordResult, Target
from sync_engine.transfer.causes import UNCERTAIN
from sync_engine.transfer.fetching import as_held
from sync_engine.transfer.stale import held_rows


def look(
    stream: StreamPlan, changes: Sequence[Change], target: Target, lost: str, contents: Mapping[str, str]
) -> list[RecordResult]:
    """A result for every change, by what the target holds now.

    A record that is there now was created by this batch: the plan saw that it was not there before. A record that is
    not as it was to be is uncertain: the call may never have arrived, or still come when the target is slow. The next
    plan compares again before anything is written.

    Args:
        stream: whose records they are.
        changes: what was sent.
        target: is asked for the records.
        lost: why there is no answer.
        contents: what the files contained that were sent, by code.

    Raises:
        SyncEngineError: the target cannot be asked either.
    """
    described = target.describe([stream.write.object_name]).objects.get(stream.write.object_name)
    fields = (*stream.write.key_fields, *(each.name for each in stream.fields))
    reasons = (Reason(UNCERTAIN, f"{lost}; the next plan looks at the record before it writes"),)
    if described is None or any(described.field(each) is None for each in fields):
        return [RecordResult(each.key, Outcome.UNCERTAIN, reasons=reasons) for each in changes]
    slot = slot_of(stream, described)
    held = held_rows(stream, slot, changes, target, described)
    results = []
    for change in changes:
        row = held.get(slot.normalise(change.key))
        outcome = _outcome(change, row, slot, contents)
        if outcome is None:
            results.append(RecordResult(change.key, Outcome.UNCERTAIN, reasons=reasons))
        else:
            results.append(RecordResult(change.key, outcome, row[1] if row else None))
    return results


def _outcome(change: Change, row: HeldRow | None, slot: Slot, contents: Mapping[str, str]) -> Outcome | None:
    """What must have happened for the target to hold this; None where that cannot be told."""
    if change.kind is ChangeKind.DELETE:
        return Outcome.DELETED if row is None or row[1] != change.target_id else None
    if row is None:
        return None
    if change.kind is ChangeKind.CREATE:
        return Outcome.CREATED
    now = {request.name: value for request, value in zip(slot.requests, row[3], strict=True)}
    same = row[1] == change.target_id or slot.has_versions
    same = same and all(now[each.field] == as_held(each.after, contents) for each in change.fields)
    return Outcome.UPDATED if same else None
