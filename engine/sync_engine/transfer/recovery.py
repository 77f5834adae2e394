"""After a crash: what is done about each batch that was under way, by the state in which the journal has it.

Nothing is sent anew here. What a dead transfer had begun is brought to its end and accounted for; what it had not begun
is in the next plan, which compares with what the target holds then.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from sync_engine.catalog.model import LogLevel
from sync_engine.ledger.records import BatchRecord, Status, TransferRecord
from sync_engine.ledger.store import Ledger
from sync_engine.planner.plan import Change, ChangeKind, StreamPlan
from sync_engine.sdk.errors import Interrupted
from sync_engine.sdk.target import BatchState, Outcome, RecordResult, Target
from sync_engine.transfer.concluding import COUNTED, conclude
from sync_engine.transfer.content import Carried, from_content
from sync_engine.transfer.fetching import CONTENTS
from sync_engine.transfer.sending import await_results
from sync_engine.transfer.settling import look

DIED = "its process ended before the transfer did"
BETWEEN_LOOKS = 10.0
"""Seconds between two looks for what a call may still write."""


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


Waiting = Callable[[BatchRecord, float], None]
"""Told of a call that was not answered and may still take effect, and for how many seconds at most it is waited for."""


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
    catalog: str, target: Target, ledger: Ledger, level: LogLevel, stop: threading.Event, waiting: Waiting
) -> Iterator[Recovered]:
    """Account for what earlier transfers of a catalog left behind; safe to repeat, and after a crash within it.

    Args:
        catalog: its lock is held, so nobody is at work on its transfers.
        target: the catalog's.
        ledger: the journal.
        level: how much of the log is kept.
        stop: set when it is to end.
        waiting: see ``Waiting``.

    Raises:
        SyncEngineError: the target cannot be asked; what was found out so far is in the ledger.
    """
    left: dict[str, list[BatchRecord]] = {each.id: [] for each in ledger.running(catalog)}
    for batch in ledger.batches_left(catalog):
        left.setdefault(batch.transfer, []).append(batch)
    for id_ in sorted(left):
        counts: Counter[str] = Counter()
        for batch in left[id_]:
            taken = _Taken(ledger.with_content(batch), target, ledger, stop, waiting)
            counts.update(_account(taken, catalog, level))
        transfer = ledger.transfer(id_)
        if transfer.status is Status.RUNNING:
            ledger.finish(id_, Status.INTERRUPTED, _summary(transfer.summary), DIED)
        yield Recovered(ledger.transfer(id_), counts, len(left[id_]))


@dataclass(frozen=True, slots=True)
class _Taken:
    """A batch that is taken up, and all it takes; see ``recover``."""

    batch: BatchRecord
    target: Target
    ledger: Ledger
    stop: threading.Event
    waiting: Waiting


def _account(taken: _Taken, catalog: str, level: LogLevel) -> Counter[str]:
    """Conclude one batch; returns the counts of what was found out."""
    batch, ledger = taken.batch, taken.ledger
    carried = from_content(batch.id, batch.content)
    unknown = _unknown(taken, carried)
    results = _results(taken, carried, unknown)
    if results is None:
        ledger.commit(batch.transfer, catalog, (), batch=batch.id)
        return Counter()
    contents = _contents(batch)
    found = conclude(carried, [each for each in results if each.key in unknown], level, contents)
    before = _summary(ledger.transfer(batch.transfer).summary)
    # What was counted as uncertain is known now, or uncertain for good.
    before["rejected"] -= batch.uncertain
    summary = {name: before[name] + found.counts[name] for name in COUNTED}
    outcomes, written, deleted = found.outcomes, found.written, found.deleted
    ledger.commit(batch.transfer, catalog, outcomes, written, batch.id, deleted=deleted, summary=summary)
    if contents:
        ledger.keep_file_contents(catalog, contents)
    return found.counts


def _contents(batch: BatchRecord) -> Mapping[str, str]:
    """What the files contained, by code, that may have been sent."""
    found = batch.data.get(CONTENTS)
    return found if isinstance(found, Mapping) else {}


def _unknown(taken: _Taken, carried: Carried) -> set[str]:
    """Keys of the records whose outcome is not known: all of a batch, or those that were counted as uncertain."""
    batch = taken.batch
    if not batch.uncertain:
        return {each.key for each in carried.changes}
    outcomes = taken.ledger.outcomes(batch.transfer, Outcome.UNCERTAIN)
    return {each.key for each in outcomes if each.batch == batch.id}


def _results(taken: _Taken, carried: Carried, unknown: Collection[str]) -> list[RecordResult] | None:
    """A result for every record that is not known; None when nothing of the batch can have reached the target."""
    state = BatchState(taken.batch.state)
    then = RULES[state].then
    if then is Then.FORGET:
        return None
    ref = taken.target.adopt(carried.batch, state, taken.batch.data) if then is Then.ADOPT else None
    if ref is not None:
        return await_results(ref, carried.batch, taken.target, taken.stop)
    return _look(taken, carried.stream, [each for each in carried.changes if each.key in unknown])


def _look(taken: _Taken, stream: StreamPlan, changes: Sequence[Change]) -> list[RecordResult]:
    """What the target holds of these records.

    A new record that is not there is looked for again until the call can have no more effect: made anew while the
    target is still at work on it, it would be there twice.
    """
    left = _may_come_late(taken)
    told = False
    new = {each.key for each in changes if each.kind is ChangeKind.CREATE}
    while True:
        results = look(stream, changes, taken.target, "its answer was lost", _contents(taken.batch))
        if left <= 0 or not any(each.outcome is Outcome.UNCERTAIN and each.key in new for each in results):
            return results
        if not told:
            taken.waiting(taken.batch, left)
        told = True
        pause = min(left, BETWEEN_LOOKS)
        left -= pause
        if taken.stop.wait(pause):
            raise Interrupted("stopped while a call that was not answered may still take effect")


def _may_come_late(taken: _Taken) -> float:
    """For how many seconds from now on the call of a batch may still take effect where that would do harm."""
    late = taken.batch.data.get("late")
    return late - taken.ledger.age(taken.batch) if isinstance(late, (int, float)) else 0.0


def _summary(counts: Mapping[str, int]) -> dict[str, int]:
    return {name: counts.get(name, 0) for name in COUNTED}
