"""What became of an insert whose answer was lost: the target is asked, nothing is sent a second time."""

from __future__ import annotations

from sync_engine.planner.held import read_held
from sync_engine.planner.plan import StreamPlan
from sync_engine.planner.work import slot_of
from sync_engine.sdk.errors import SyncEngineError
from sync_engine.sdk.target import Batch, Outcome, Reason, RecordResult, Target


def settle(batch: Batch, stream: StreamPlan, target: Target, error: SyncEngineError) -> list[RecordResult]:
    """A result for every row of an insert.

    A row that is there now was made by this batch: the plan saw that it was not there before. One that is not there
    may still come, when the target is slow; the next run looks for it before it writes.

    Args:
        batch: inserts.
        stream: whose rows they are.
        target: is asked for the rows by their keys.
        error: why there is no answer.

    Raises:
        SyncEngineError: the target cannot be asked either.
    """
    described = target.describe([batch.object]).objects[batch.object]
    slot = slot_of(stream, described)
    there = {row[0]: row[1] for rows in read_held(slot, target, [each.key for each in batch.rows]) for row in rows}
    lost = Reason("UNCERTAIN", f"{error.message}; the next run looks for the record before it writes")
    results: list[RecordResult] = []
    for row in batch.rows:
        found = there.get(slot.normalise(row.key))
        if found is None:
            results.append(RecordResult(row.key, Outcome.UNCERTAIN, reasons=(lost,)))
        else:
            results.append(RecordResult(row.key, Outcome.CREATED, found))
    return results
