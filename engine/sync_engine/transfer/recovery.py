"""After a crash: what is done about each batch that was under way, by the state in which the journal has it.

Nothing is sent anew here. What a dead transfer had begun is brought to its end and accounted for; what it had not begun
is in the next plan, which compares with what the target holds then.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum

from sync_engine.catalog.model import LogLevel
from sync_engine.ledger.records import BatchRecord, Status, TransferRecord
from sync_engine.ledger.store import Ledger
from sync_engine.sdk.target import BatchState, RecordResult, Target
from sync_engine.transfer.concluding import COUNTED, conclude
from sync_engine.transfer.content import Carried, from_content
from sync_engine.transfer.sending import await_results
from sync_engine.transfer.settling import look

DIED = "its process ended before the transfer did"


class Then(Enum):
    """What is done about a batch."""

    FORGET = "nothing of it reached the target: it is closed, the next plan has its records"
    ADOPT = "the target is asked for the job, which is followed to its end; if there is none, as for LOOK"
    LOOK = "the target is asked for the records: those that are as they were sent are accounted for"


@dataclass(frozen=True, slots=True)
class Rule:
    """What may have happened to a batch that is found in a state, and what is done about it."""

    happened: str
    then: Then


RULES: Mapping[BatchState, Rule] = {
    BatchState.PACKED: Rule("nothing was sent", Then.FORGET),
    BatchState.SENDING: Rule("the one call may have written all, some or none of the records", Then.LOOK),
    BatchState.CREATING: Rule("there may be a job, open, empty and without effect", Then.FORGET),
    BatchState.CREATED: Rule("there is a job, open, with or without its content; nothing was written", Then.ADOPT),
    BatchState.UPLOADED: Rule("there is a job with its content, which may have been closed", Then.ADOPT),
    BatchState.CLOSED: Rule("the target works on the job or has finished it", Then.ADOPT),
    BatchState.SUBMITTED: Rule("the target has the batch; its results were not committed", Then.ADOPT),
}
"""One rule for every state in which the journal can have an open batch."""


@dataclass(frozen=True, slots=True)
class Recovered:
    """A transfer that had not come to its end.

    Attributes:
        counts: records whose outcome was found out, under the names of a summary.
        batches: how many batches were concluded.
    """

    transfer: TransferRecord
    counts: Mapping[str, int]
    batches: int


def recover(
    catalog: str, target: Target, ledger: Ledger, level: LogLevel, stop: threading.Event
) -> Iterator[Recovered]:
    """Account for what earlier transfers of a catalog left behind; safe to repeat, and after a crash within it.

    Args:
        catalog: its lock is held, so nobody is at work on its transfers.
        target: the catalog's.
        ledger: the journal.
        level: how much of the log is kept.
        stop: set when it is to end.

    Raises:
        SyncEngineError: the target cannot be asked; what was found out so far is in the ledger.
    """
    left: dict[str, list[BatchRecord]] = {each.id: [] for each in ledger.running(catalog)}
    for batch in ledger.batches_left(catalog):
        left.setdefault(batch.transfer, []).append(batch)
    for id_ in sorted(left):
        counts: Counter[str] = Counter()
        for batch in left[id_]:
            counts.update(_account(ledger.with_content(batch), catalog, target, ledger, level, stop))
        transfer = ledger.transfer(id_)
        if transfer.status is Status.RUNNING:
            ledger.finish(id_, Status.INTERRUPTED, _summary(transfer.summary), DIED)
        yield Recovered(ledger.transfer(id_), counts, len(left[id_]))


def _account(
    batch: BatchRecord, catalog: str, target: Target, ledger: Ledger, level: LogLevel, stop: threading.Event
) -> Counter[str]:
    """Conclude one batch; returns the counts of what was found out."""
    carried = from_content(batch.id, batch.content)
    results = _results(batch, carried, target, stop)
    if results is None:
        ledger.commit(batch.transfer, catalog, (), batch=batch.id)
        return Counter()
    found = conclude(carried, results, level)
    before = _summary(ledger.transfer(batch.transfer).summary)
    # What was counted as uncertain is known now, or uncertain for good.
    before["rejected"] -= batch.uncertain
    summary = {name: before[name] + found.counts[name] for name in COUNTED}
    outcomes, written, deleted = found.outcomes, found.written, found.deleted
    ledger.commit(batch.transfer, catalog, outcomes, written, batch.id, deleted=deleted, summary=summary)
    return found.counts


def _results(batch: BatchRecord, carried: Carried, target: Target, stop: threading.Event) -> list[RecordResult] | None:
    """A result for every record of the batch; None when nothing of it can have reached the target."""
    state = BatchState(batch.state)
    then = RULES[state].then
    if then is Then.FORGET:
        return None
    ref = target.adopt(carried.batch, state, batch.data) if then is Then.ADOPT else None
    if ref is not None:
        return await_results(ref, carried.batch, target, stop)
    return look(carried.stream, carried.changes, target, f"{DIED}, and its answer was lost")


def _summary(counts: Mapping[str, int]) -> dict[str, int]:
    return {name: counts.get(name, 0) for name in COUNTED}
