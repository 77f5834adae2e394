"""Apply the plan of one catalog: waves in order, batches side by side, every outcome in the ledger."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass, field, replace
from itertools import chain, groupby, islice
from typing import Any

from sync_engine.catalog.model import LogLevel, LogPolicy
from sync_engine.ledger.marks import ROLLBACK
from sync_engine.ledger.records import Mark, OutcomeRecord, Status
from sync_engine.ledger.store import Ledger
from sync_engine.planner.batches import limits_of
from sync_engine.planner.changed import intent
from sync_engine.planner.fingerprint import description_digest
from sync_engine.planner.plan import CatalogPlan, Change, ChangeKind, Cost, Rejection, StreamPlan
from sync_engine.planner.plan_file import PlanFile
from sync_engine.planner.progress import Progress
from sync_engine.sdk.errors import Interrupted, NotDone, SyncEngineError, Unavailable
from sync_engine.sdk.files import OpenMedia
from sync_engine.sdk.target import Operation, RecordResult, Target
from sync_engine.transfer.concluding import COUNTED, conclude, plain_reasons
from sync_engine.transfer.content import Carried
from sync_engine.transfer.deleting import kept_for_children, named_in_key
from sync_engine.transfer.fetching import Fetching, files_of
from sync_engine.transfer.options import create_options
from sync_engine.transfer.packing import pack
from sync_engine.transfer.reading_back import Flapping, read_back
from sync_engine.transfer.sending import send, uncertain
from sync_engine.transfer.settling import look
from sync_engine.transfer.stale import Recheck, Stale, recheck_for, split_stale

MOST_UNWRITTEN = 1000
"""When more records could not be written, the next transfer reads all that it would have read without this one."""
RETRIES = 4
"""How often records that a lock or a limit refused are sent again."""


@dataclass(frozen=True, slots=True)
class TransferResult:
    """How a transfer ended.

    Attributes:
        summary: counts under the names that JSON output promises; ``rejected`` includes uncertain records.
        flapping: fields that did not take what was written.
        unread: why that is not known; empty when it is.
        cost: of its plan.
    """

    id: str
    catalog: str
    status: Status
    summary: dict[str, int]
    flapping: tuple[Flapping, ...] = ()
    unread: str = ""
    cost: Cost = field(default_factory=Cost)


@dataclass(slots=True)
class _Run:
    """A transfer under way."""

    id: str
    catalog: str
    target: Target
    ledger: Ledger
    level: LogLevel
    progress: Progress
    recheck: Recheck
    described: Mapping[str, str]
    fetching: Fetching
    stop: threading.Event
    counts: Counter[str] = field(default_factory=Counter)
    done: int = 0
    uncertain: int = 0
    unwritten: set[tuple[str, str]] = field(default_factory=set)


def apply_catalog(
    file: PlanFile,
    plan: CatalogPlan,
    target: Target,
    ledger: Ledger,
    log: LogPolicy,
    progress: Progress,
    recheck: Recheck,
    open_media: OpenMedia,
    *,
    stop: threading.Event,
    trigger: str = "command",
    whole: bool = True,
    overrides: Sequence[Mapping[str, str]] = (),
    back: int | None = 0,
    mark: Mark | None = None,
) -> TransferResult:
    """Write the changes of a catalog's plan.

    Args:
        file: the plan on disk.
        plan: the catalog in it; its gates were judged by the caller.
        target: opened target.
        ledger: where every outcome goes.
        log: how much of it is kept.
        progress: told how far it is.
        recheck: how records are looked at again before they are written.
        open_media: of the source, for files that are sent.
        stop: set by whoever wants the transfer to end; what is under way is brought to its end, nothing new begins.
        trigger: who or what started it.
        whole: whether the plan has all that the catalog would change.
        overrides: gates that a person passed; see ``TransferRecord``.
        mark: up to where everything is written then, where the plan has all that the catalog yields.
        back: records of each stream that are read again at the end; None reads all.

    Raises:
        Interrupted: a person stopped it; everything committed so far is in the ledger.
        SyncEngineError: it could not go on; likewise.
    """
    # A rollback has not read the source, so it says nothing about how much there is.
    read = [] if plan.restores or not whole else [each for each in plan.streams if not each.read.since]
    matched = {each.name: each.summary.matched for each in read}
    meant = ROLLBACK if plan.restores else intent(plan.fingerprint)
    asks = {"source": _source_requests(plan.cost), "target": plan.cost.target_requests}
    transfer = ledger.begin(
        *(plan.name, file.digest, trigger),
        matched=matched,
        overrides=overrides,
        intent=meant,
        requests=asks,
        recorded=bool(log.to),
    )
    described = {each.name: description_digest(plan.fingerprint, each.name) for each in plan.streams}
    looking, fetching = recheck_for(plan, recheck), Fetching(open_media)
    run = _Run(transfer, plan.name, target, ledger, log.level, progress, looking, described, fetching, stop)
    run.counts["unchanged"] = plan.summary.unchanged
    try:
        for stream in plan.streams:
            create_options(transfer, stream, target, ledger)
        for stream in plan.streams:
            _record_rejections(run, file, stream)
            kept = (each for each in file.changes(plan.name, stream.name) if each.kind is not ChangeKind.DELETE)
            for wave, changes in groupby(kept, key=lambda each: each.wave):
                _run_wave(run, stream, f"w{wave}", changes)
        # Everything that points elsewhere now has been written before.
        _delete(run, file, plan)
    except (KeyboardInterrupt, Interrupted) as error:
        run.stop.set()
        ledger.finish(transfer, Status.INTERRUPTED, _summary(run), "stopped on request")
        raise Interrupted(
            f"transfer {transfer} was stopped; {run.done} records were written before",
            hint="Run the same command again: it goes on with what is left.",
        ) from error
    except SyncEngineError as error:
        ledger.finish(transfer, Status.FAILED, _summary(run), error.message)
        raise
    summary = _summary(run)
    status = Status.REJECTED if summary["rejected"] or summary["stale"] else Status.DONE
    for stream in plan.streams:
        if whole and stream.mapped:  # a rollback maps nothing
            ledger.keep_mappings(plan.name, stream.name, {each.name: each.mapping for each in stream.mapped})
    flapping, unread = _read_back(run, file, plan, back)
    ledger.finish(transfer, status, summary)
    if mark is not None and _is_complete(run):
        left = {name: tuple(sorted(key for each, key in run.unwritten if each == name)) for name, _ in run.unwritten}
        compared = not any(each.read.since for each in plan.streams)
        ledger.complete(transfer, plan.name, replace(mark, unwritten=left), whole=compared)
    ledger.purge(plan.name, log.keep_days, log.keep_records, log.keep_bytes)
    return TransferResult(transfer, plan.name, status, summary, flapping, unread, plan.cost)


def _is_complete(run: _Run) -> bool:
    """Whether all is written, but for a few records that the next transfer can ask for by their keys."""
    known = all(key for _, key in run.unwritten)
    return known and not run.uncertain and len(run.unwritten) <= MOST_UNWRITTEN


def _source_requests(cost: Cost) -> int | None:
    return None if cost.source_requests is None else cost.source_requests + cost.source_requests_to_apply


def _read_back(run: _Run, file: PlanFile, plan: CatalogPlan, most: int | None) -> tuple[tuple[Flapping, ...], str]:
    """The fields that did not take what was written, or why that cannot be said; the transfer is done all the same."""
    try:
        found = tuple(read_back(file, plan, run.id, run.target, run.recheck.described, run.ledger, most))
    except SyncEngineError as error:
        return (), error.message
    if found:
        run.ledger.keep_flapping(run.id, [asdict(each) for each in found])
    return found, ""


def _summary(run: _Run) -> dict[str, int]:
    return {name: run.counts[name] for name in COUNTED}


def _record_rejections(run: _Run, file: PlanFile, stream: StreamPlan) -> None:
    """Records that were rejected or held when planning are outcomes of the transfer too."""
    if not stream.summary.rejected and not stream.summary.waiting:
        return
    rejections = _named(file.rejections(run.catalog, stream.name))
    while part := list(islice(rejections, 1000)):
        outcomes = [
            OutcomeRecord(stream.name, name, "waiting" if each.waits else "rejected", "", plain_reasons(each.reasons))
            for name, each in part
        ]
        run.counts.update(each.outcome for each in outcomes)
        run.unwritten.update((stream.name, each.source_key) for _, each in part)
        run.ledger.commit(run.id, run.catalog, outcomes, summary=_summary(run))


def _named(rejections: Iterable[Rejection]) -> Iterator[tuple[str, Rejection]]:
    """Rejections, which are in the order of their keys, by what their outcomes are found by: a key, once.

    That is the source key where there is no key, and for all but the first of several records with the same.
    """
    for key, same in groupby(rejections, key=lambda each: each.key):
        for place, each in enumerate(same):
            yield (each.source_key if place or not key else key), each


def _delete(run: _Run, file: PlanFile, plan: CatalogPlan) -> None:
    """Children go before their parents, and parents stay while the key of a child that stays names them."""
    named: set[str] = set()
    for stream in reversed(plan.streams):
        gone = (each for each in file.changes(plan.name, stream.name) if each.kind is ChangeKind.DELETE)
        before = run.counts["rejected"]
        if stream.write.object_name in named:
            kept = list(gone)
            run.counts["rejected"] += len(kept)
            run.unwritten.update((stream.name, each.source_key) for each in kept)
            outcomes = [kept_for_children(stream, each) for each in kept]
            run.ledger.commit(run.id, run.catalog, outcomes, summary=_summary(run))
        elif stream.summary.delete:
            _run_wave(run, stream, "deletes", gone)
        if run.counts["rejected"] > before:
            named |= named_in_key(stream, run.recheck.described)


def _run_wave(run: _Run, stream: StreamPlan, wave: str, changes: Iterable[Change]) -> None:
    again = _send_all(run, stream, f"{stream.name}-{wave}", _fresh(run, stream, changes), last=False)
    for attempt in range(1, RETRIES + 1):
        if not again:
            return
        # Locks go away when the others are done; the jitter keeps two transfers from meeting again.
        if run.stop.wait(random.uniform(0.5, 1.0) * 2**attempt / 4):  # noqa: S311 - not for secrets
            raise Interrupted("stopped between two attempts")
        last = attempt == RETRIES
        again = _send_all(run, stream, f"{stream.name}-{wave}-r{attempt}", iter(again), last=last)


def _fresh(run: _Run, stream: StreamPlan, changes: Iterable[Change]) -> Iterator[Change]:
    """The changes whose records are still as the plan saw them; the others are recorded as stale."""
    if not run.recheck.everything and not stream.summary.deactivate and not stream.summary.delete:
        yield from changes
        return
    for each in split_stale(stream, changes, run.target, run.recheck):
        if isinstance(each, Stale):
            reasons = plain_reasons(each.reasons)
            outcome = OutcomeRecord(stream.name, each.change.key, "stale", each.change.target_id, reasons)
            run.counts["stale"] += 1
            run.unwritten.add((stream.name, each.change.source_key))
            run.ledger.commit(run.id, run.catalog, [outcome], summary=_summary(run))
        else:
            yield each


def _send_all(run: _Run, stream: StreamPlan, prefix: str, changes: Iterator[Change], *, last: bool) -> list[Change]:
    """Send changes in batches side by side; returns those that the target refused for now.

    When ``last`` is set no further attempt follows: what is refused for now is rejected.
    """
    limits = limits_of(run.target, stream.write.object_name, stream.summary.changes)
    again: list[Change] = []
    under_way: dict[Future[list[RecordResult]], Carried] = {}
    described = run.described.get(stream.name, "")
    batches = (Carried(stream, *each, described) for each in pack(stream, changes, limits, prefix))
    first = next(batches, None)
    if first is None:
        return []
    parallel = max(1, limits(first.batch.operation).parallel)
    with ThreadPoolExecutor(max_workers=parallel, thread_name_prefix="batch") as pool:
        try:
            for carried in chain([first], batches):
                if run.stop.is_set():
                    raise Interrupted("stopped between two batches")
                if len(under_way) > parallel:
                    again += _collect(run, under_way, last=last)
                on_its_way: Future[None] = Future()
                future = pool.submit(send, carried, run.id, run.target, run.ledger, run.fetching, run.stop, on_its_way)
                under_way[future] = carried
                # The target can work on it while the next one is packed; packed at once, both would be late.
                while not on_its_way.done():
                    again += _collect(run, under_way, on_its_way, last=last)
            while under_way:
                again += _collect(run, under_way, last=last)
        except BaseException:
            run.stop.set()
            _drain(run, under_way)
            raise
    return again


def _collect(
    run: _Run, under_way: dict[Future[list[RecordResult]], Carried], *others: Future[None], last: bool
) -> list[Change]:
    waiting: list[Future[Any]] = [*under_way, *others]
    finished, _ = wait(waiting, return_when=FIRST_COMPLETED)
    again: list[Change] = []
    for future in finished & under_way.keys():
        carried = under_way.pop(future)
        try:
            results = future.result()
        except SyncEngineError as error:
            settled = _settled(run, carried, error)
            _commit(run, carried, settled or uncertain(carried.batch, error))
            if settled is None:
                raise
            continue
        again += _commit(run, carried, results, last=last)
    return again


def _settled(run: _Run, carried: Carried, error: SyncEngineError) -> list[RecordResult] | None:
    """What became of an insert whose answer was lost; None where that cannot be found out now, or there was none."""
    lost = isinstance(error, Unavailable) and not isinstance(error, NotDone)
    if carried.batch.operation is not Operation.INSERT or not lost:
        return None
    try:
        contents = run.fetching.known(files_of(carried))
        return look(carried.stream, carried.changes, run.target, error.message, contents)
    except SyncEngineError:
        return None


def _drain(run: _Run, under_way: dict[Future[list[RecordResult]], Carried]) -> None:
    """The transfer ends early: keep what the batches under way still bring; the journal keeps the others."""
    for future, carried in under_way.items():
        if future.cancel():
            continue
        try:
            results = future.result()
        except SyncEngineError as error:
            results = uncertain(carried.batch, error)
        _commit(run, carried, results)


def _commit(run: _Run, carried: Carried, results: Sequence[RecordResult], *, last: bool = True) -> list[Change]:
    """Store the outcomes of a batch in one transaction; returns the changes to be sent again."""
    files = files_of(carried)
    contents = run.fetching.known(files)
    found = conclude(carried, results, run.level, contents, last=last)
    run.counts.update(found.counts)
    run.done += found.done
    run.uncertain += found.uncertain
    run.unwritten.update(found.unwritten)
    run.ledger.commit(
        run.id,
        run.catalog,
        found.outcomes,
        found.written,
        carried.batch.id,
        deleted=found.deleted,
        summary=_summary(run),
        uncertain=found.uncertain,
    )
    if contents:
        run.ledger.keep_file_contents(run.catalog, contents)
        run.fetching.forget(files)
    run.progress.step(run.catalog, carried.stream.name, "writing", run.done)
    return found.again
