"""One batch from hand-over to results: journal before every remote call, one result for every row."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from concurrent.futures import Future

from sync_engine.ledger.store import Ledger
from sync_engine.sdk.errors import BrokenContract, Interrupted, Refused, SyncEngineError, Unavailable
from sync_engine.sdk.files import SendsFiles
from sync_engine.sdk.target import Batch, BatchRef, BatchState, Checkpoint, Outcome, Reason, RecordResult, Target
from sync_engine.transfer.causes import UNCERTAIN
from sync_engine.transfer.content import Carried, to_content
from sync_engine.transfer.fetching import CONTENTS, Fetching, files_of

POLL_DEADLINE = 24 * 3600.0
"""Seconds after which a batch that does not finish is given up as uncertain."""


def send(
    carried: Carried,
    transfer: str,
    target: Target,
    ledger: Ledger,
    fetching: Fetching,
    stop: threading.Event,
    on_its_way: Future[None],
) -> list[RecordResult]:
    """Hand a batch over and wait for its results.

    Args:
        carried: what to write.
        transfer: id of the transfer it belongs to.
        target: shared by threads.
        ledger: its journal is durable before the next remote call.
        fetching: opens files that are sent.
        stop: set when the transfer is to end; a batch that was handed over is left to the target then.
        on_its_way: done when there is nothing more to prepare and the first call is made.

    Returns:
        Exactly one result per row.

    Raises:
        Interrupted: ``stop`` was set; what became of the rows is not known.
        SyncEngineError: the batch could not be handed over, or its results could not be had.
    """
    batch = carried.batch
    try:
        ref = _hand_over(carried, transfer, target, ledger, fetching, on_its_way)
    finally:
        _tell(on_its_way)
    return await_results(ref, batch, target, stop)


def _hand_over(
    carried: Carried,
    transfer: str,
    target: Target,
    ledger: Ledger,
    fetching: Fetching,
    on_its_way: Future[None],
) -> BatchRef:
    batch = carried.batch
    files = files_of(carried)

    def journal(state: BatchState, data: Mapping[str, object]) -> None:
        if contents := fetching.known(files):
            data = {**data, CONTENTS: contents}
        ledger.journal(transfer, batch.id, carried.stream.name, batch.mode, len(batch.rows), state, data)
        _tell(on_its_way)

    ledger.pack(transfer, batch.id, carried.stream.name, batch.mode, len(batch.rows), to_content(carried))
    ref = _submit_files(batch, target, journal, fetching) if files else target.submit(batch, journal)
    journal(
        BatchState.SUBMITTED, {key: value for key, value in ref.data.items() if isinstance(value, (str, int, bool))}
    )
    return ref


def _tell(on_its_way: Future[None]) -> None:
    if not on_its_way.done():
        on_its_way.set_result(None)


def _submit_files(batch: Batch, target: Target, journal: Checkpoint, fetching: Fetching) -> BatchRef:
    if not isinstance(target, SendsFiles):
        raise Refused(f"{batch.object} cannot be sent files: its adapter does not know how")
    return target.submit_files(batch, journal, fetching.open)


def await_results(ref: BatchRef, batch: Batch, target: Target, stop: threading.Event) -> list[RecordResult]:
    """Wait for a batch that was handed over; exactly one result per row.

    Raises:
        Interrupted: ``stop`` was set.
        BrokenContract: the books do not balance.
        SyncEngineError: it could not be asked.
    """
    _wait(ref, target, stop)
    results = list(target.results(ref, batch))
    sent, answered = sorted(row.key for row in batch.rows), sorted(each.key for each in results)
    if sent != answered:
        raise BrokenContract(
            f"batch {batch.id}: {len(sent)} records were sent and {len(answered)} answered, or not the same ones",
            hint="Nothing is concluded from such an answer; run the transfer again.",
        )
    return results


def _wait(ref: BatchRef, target: Target, stop: threading.Event) -> None:
    deadline = time.monotonic() + POLL_DEADLINE
    while True:
        # A failed poll says nothing of the batch, which is never aborted for it: the next transfer takes it up.
        progress = target.poll(ref)
        if progress.finished:
            return
        if time.monotonic() > deadline:
            raise Unavailable(f"batch {ref.batch_id} did not finish within a day", hint="Run the transfer again.")
        if stop.wait(progress.wait):
            raise Interrupted(f"stopped while batch {ref.batch_id} was under way")


def uncertain(batch: Batch, error: SyncEngineError) -> list[RecordResult]:
    """A result for every row of a batch that ended without results."""
    reason = Reason(UNCERTAIN, error.message)
    return [RecordResult(row.key, Outcome.UNCERTAIN, reasons=(reason,)) for row in batch.rows]
