"""What is known of a plan as a whole once all changes are: counts, gates, cost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from sync_engine.catalog.mapping import FindByRule, LookupRule, WhenMissingParent
from sync_engine.compiler.compiled import CompiledCatalog, CompiledStream
from sync_engine.planner.batches import Way, limits_of, operation_of
from sync_engine.planner.cost import cost_of
from sync_engine.planner.describe import describe
from sync_engine.planner.fields import Cause
from sync_engine.planner.fingerprint import fingerprint, mapping_digest
from sync_engine.planner.gates import judge
from sync_engine.planner.new_options import planned
from sync_engine.planner.plan import (
    CatalogPlan,
    ChangeKind,
    PlannedField,
    ReadStep,
    StreamPlan,
    Summary,
    WriteStep,
    adopts,
)
from sync_engine.planner.remembered import Remembered
from sync_engine.planner.work import Work
from sync_engine.planner.workspace import Workspace
from sync_engine.problems import locales
from sync_engine.sdk.errors import Unavailable
from sync_engine.sdk.target import Target


def conclude(
    compiled: CompiledCatalog,
    space: Workspace,
    works: Sequence[Work],
    ways: Sequence[tuple[Way, ...]],
    target: Target,
    remembered: Remembered,
) -> CatalogPlan:
    """The plan of a catalog without its changes, once all of them are known.

    Args:
        compiled: the catalog.
        space: holds the changes.
        works: its streams.
        ways: the batches that the changes of each will take.
        target: is asked what is left of its daily limit, unless nothing was read and nothing is to be sent.
        remembered: what is known of earlier transfers.
    """
    streams = tuple(_stream_plan(compiled, space, *each, target) for each in zip(works, ways, strict=True))
    summaries = [each.summary for each in streams]
    recorded = bool(compiled.catalog.log.to)
    cost = cost_of(sum(work.pages for work in works), zip(summaries, ways, strict=True), recorded=recorded)
    if remembered.rate is not None:
        cost = replace(cost, seconds=sum(each.changes for each in summaries) / remembered.rate)
    quiet = not any(work.pages for work in works) and not any(each.changes for each in summaries)
    return CatalogPlan(
        name=compiled.catalog.name,
        path=compiled.catalog.origin.file,
        fingerprint=fingerprint(compiled),
        streams=streams,
        warnings=tuple(f"{each.code}: {each.message}" for each in compiled.warnings if each.code in locales.CODES),
        gates=judge(compiled.catalog.safety, space, works, streams, remembered.matched),
        cost=replace(cost, requests_remaining=None if quiet else _remaining(target)),
    )


def _remaining(target: Target) -> int | None:
    """What is left of the target's daily limit."""
    try:
        return target.budget().requests_remaining
    except Unavailable:
        return None  # a plan is worth having without it


def _stream_plan(
    compiled: CompiledCatalog, space: Workspace, work: Work, ways: Sequence[Way], target: Target
) -> StreamPlan:
    counts = space.counts(work.number)
    waiting = sum(1 for each in space.rejections(work.number) if each.waits) if _holds(work.stream) else 0
    summary = Summary(
        create=counts.get(ChangeKind.CREATE, 0),
        update=counts.get(ChangeKind.UPDATE, 0),
        deactivate=counts.get(ChangeKind.DEACTIVATE, 0),
        delete=counts.get(ChangeKind.DELETE, 0),
        unchanged=work.unchanged,
        rejected=space.rejected(work.number) - waiting,
        filtered=work.filtered,
        waiting=waiting,
    )
    stream = work.stream
    key_fields = tuple(each.name for each in stream.fields[: stream.key_parts]) or (stream.key.name,)
    limits = limits_of(target, stream.object.name, summary.changes)
    mode = limits(operation_of(ChangeKind.CREATE, upserts=stream.upserts)).mode
    return StreamPlan(
        name=stream.name,
        read=ReadStep(
            stream.query.collection,
            tuple(describe(each) for each in work.pushdown.pushed),
            tuple(describe(each) for each in (*work.pushdown.residual, *stream.row_filters)),
            tuple(describe(each) for each in stream.not_applicable),
            work.since,
            work.because,
        ),
        write=WriteStep(stream.object.name, key_fields, mode, sum(each.batches for each in ways), stream.upserts),
        fields=_planned_fields(compiled, stream),
        summary=summary,
        new_options=planned(work, target),
        causes=_causes(space, work) if summary.update else {},
        kept=_kept(space, work) if work.policies else {},
        matches=_matches(space, work) if stream.match else {},
    )


def _holds(stream: CompiledStream) -> bool:
    rules = (each.mapping.rule for each in stream.fields)
    return any(isinstance(each, (LookupRule, FindByRule)) and each.missing is WhenMissingParent.HOLD for each in rules)


def _causes(space: Workspace, work: Work) -> Mapping[str, int]:
    changes = (each.unpacked() for each in space.changes(work.number, (ChangeKind.UPDATE,)))
    count = Counter(field.cause for change in changes for field in change.fields)
    return {cause.value: count[cause] for cause in Cause if count[cause]}


def _kept(space: Workspace, work: Work) -> Mapping[str, int]:
    return dict(sorted(Counter(field.policy for each in space.kept(work.number) for field in each.fields).items()))


def _matches(space: Workspace, work: Work) -> Mapping[str, int]:
    updates = (each.unpacked() for each in space.changes(work.number, (ChangeKind.UPDATE,)))
    codes = Counter(reason.code for each in space.rejections(work.number) for reason in each.reasons)
    return {
        "adopted": sum(adopts(each, work.stream.key.name) for each in updates),
        "ambiguous": codes["AMBIGUOUS_MATCH"],
        "duplicate": codes["WOULD_DUPLICATE"],
    }


def _planned_fields(compiled: CompiledCatalog, stream: CompiledStream) -> tuple[PlannedField, ...]:
    """Every field that a change of the stream may name, once."""
    adopting = (stream.key,) if stream.match else ()
    fields = {each.name: each for each in (*adopting, *stream.fields, *stream.missing)}
    digests = {each.name: mapping_digest(compiled, stream, each) for each in stream.fields}
    return tuple(
        PlannedField(each.name, each.description.type, each.request, digests.get(each.name, ""))
        for each in fields.values()
    )
