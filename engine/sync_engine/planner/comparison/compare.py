"""Compare what two versions of a catalog make of the same records: only what the change of the catalog causes.

Neither version is compared with the target, so what changed in the source or in the org since the last transfer does
not show. A comparison is shown and saved as a plan, of rows that enter (``create``), differ (``update``) or leave:
``deactivate`` and ``delete`` where ``on_missing`` of the new version says so, else ``leave``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from sync_engine.catalog.model import OnMissing
from sync_engine.compiler.compiled import CompiledStream
from sync_engine.planner.claims import accepted_rows
from sync_engine.planner.comparison.config import catalog_changes, value_of
from sync_engine.planner.comparison.leftovers import ComparisonSpace, Side, Yielded
from sync_engine.planner.comparison.readings import Rows, read_both, readings_of
from sync_engine.planner.comparison.rows import difference, entering, leaving, missing_rule, with_cause
from sync_engine.planner.comparison.versions import StreamPair, Version, stream_pairs
from sync_engine.planner.encoding import Encoded
from sync_engine.planner.fields import ConfigCause
from sync_engine.planner.fingerprint import fingerprint
from sync_engine.planner.missing import CHUNK
from sync_engine.planner.plan import (
    CatalogPlan,
    Change,
    ChangeKind,
    Cost,
    PlannedField,
    ReadStep,
    Rejection,
    StreamPlan,
    Summary,
    WriteStep,
)
from sync_engine.planner.plan_file import PlanWriter
from sync_engine.planner.progress import Progress
from sync_engine.planner.remembered import Remembered
from sync_engine.planner.wanted import Wanted
from sync_engine.planner.work import Slot, Work, lay_out_columns
from sync_engine.sdk.source import Pushdown
from sync_engine.sdk.target import Target
from sync_engine.sdk.values import Blank

_GONE = {
    OnMissing.KEEP: ChangeKind.LEAVE,
    OnMissing.SET: ChangeKind.DEACTIVATE,
    OnMissing.DELETE: ChangeKind.DELETE,
}
_NOTHING_PUSHED = Pushdown((), (), ())


@dataclass(slots=True)
class _Compared:
    """A pair while it is compared: what is known of either version's rows.

    Attributes:
        refilled: fields whose mapping has changed.
    """

    number: int
    pair: StreamPair
    base: Work | None
    head: Work | None
    refilled: frozenset[str]
    same: int = 0


def compare_catalog(
    base: Version | None,
    head: Version | None,
    target: Target,
    writer: PlanWriter,
    progress: Progress,
    remembered: Remembered,
    selected: frozenset[str] | None = None,
    beside: int = 0,
) -> CatalogPlan:
    """Compare two versions of a catalog and write the differences to the plan file.

    Args:
        base: the old version; None where the catalog is new.
        head: the new version; None where the catalog is gone.
        target: knows the form in which values are compared; its records are not read.
        writer: where the comparison goes.
        progress: told how far it is.
        remembered: tells which records were written, for a changed ``on_missing``.
        selected: names of the streams to compare; None compares all.
        beside: how many other processes may help to map.

    Raises:
        Unavailable, BrokenContract, Unauthorised: the source could not be read completely.
    """
    newest = head or base
    assert newest is not None  # noqa: S101 - for the types
    catalog = newest.compiled.catalog
    pairs = stream_pairs(base, head, selected)
    compared, works = _lay_out(pairs, base, head)
    pages = read = 0
    with ComparisonSpace() as space:
        for mapped in read_both(readings_of(pairs, base, head), pairs, base, head, target.normal_form, beside):
            pages, read = pages + 1, read + mapped.records
            for place, number in enumerate(mapped.reading.pairs):
                old = mapped.base[place] if mapped.base else ()
                new = mapped.head[place] if mapped.head else ()
                _meet(space, compared[number], works, old, new, target)
            progress.step(catalog.name, "both versions", "comparing", read)
        for each in compared:
            _conclude(space, each, remembered)
        plan = CatalogPlan(
            name=catalog.name,
            path=catalog.origin.file,
            fingerprint=fingerprint(newest.compiled),
            streams=tuple(_stream_plan(space, each) for each in compared),
            cost=Cost(pages_read=pages),
            config=catalog_changes(*(each.compiled.catalog if each else None for each in (base, head))),
        )
        writer.catalog(plan.name, plan.path)
        for each in compared:
            for change in space.changes(each.number):
                writer.change(each.pair.newest.name, change)
            writer.rejections(each.pair.newest.name, _rejections(space, each))
        writer.catalog_end(plan)
        return plan


def _lay_out(
    pairs: Sequence[StreamPair], base: Version | None, head: Version | None
) -> tuple[list[_Compared], list[Work]]:
    """What is known of each pair, and the works of all versions by their numbers."""
    slots: dict[object, Slot] = {}
    works: list[Work] = []

    def work(version: Version | None, stream: CompiledStream | None, side: Side) -> Work | None:
        if version is None or stream is None:
            return None
        place = (side, version.compiled.catalog.target, stream.object.name, stream.key.name)
        slot = slots.setdefault(place, Slot(len(slots), stream.object.name, stream.key.description))
        works.append(Work(len(works), stream, slot, lay_out_columns(slot, stream), [], _NOTHING_PUSHED))
        return works[-1]

    compared = []
    for pair in pairs:
        old, new = work(base, pair.base, Side.BASE), work(head, pair.head, Side.HEAD)
        newest = new or old
        assert newest is not None  # noqa: S101 - for the types
        compared.append(_Compared(newest.number, pair, old, new, _refilled(pair)))
    return compared, works


def _refilled(pair: StreamPair) -> frozenset[str]:
    if pair.base is None or pair.head is None:
        return frozenset()
    before = {each.name: value_of(each.mapping) for each in pair.base.fields}
    return frozenset(
        each.name
        for each in pair.head.fields
        if before.get(each.name, value_of(each.mapping)) != value_of(each.mapping)
    )


def _meet(space: ComparisonSpace, each: _Compared, works: Sequence[Work], old: Rows, new: Rows, target: Target) -> None:
    """Compare what both versions make of a page; what one of them makes alone is left over."""
    before, refused_before = _accepted(space, each.base, works, old, target)
    after, _ = _accepted(space, each.head, works, new, target)
    changes = [
        (key, change)
        for key in before.keys() & after.keys()
        if (change := _difference(each, before[key], after[key])) is not None
    ]
    both = len(before.keys() & after.keys())
    space.add_changes(each.number, _slot(each), changes)
    each.same += both - len(changes)
    left = [row for key, row in before.items() if key not in after]
    entered = [row for key, row in after.items() if key not in before]
    space.leave_over(each.number, Side.BASE, with_cause(each.pair, left, [*after.values()], frozenset()))
    space.leave_over(each.number, Side.HEAD, with_cause(each.pair, entered, [*before.values()], refused_before))


def _difference(each: _Compared, before: Yielded, after: Yielded) -> Change | None:
    if each.base is None or each.head is None:
        return None
    return difference(each.base.stream, each.head.stream, each.refilled, before, after)


def _slot(each: _Compared) -> int:
    work = each.head or each.base
    assert work is not None  # noqa: S101 - for the types
    return work.slot.number


def _accepted(
    space: ComparisonSpace, work: Work | None, works: Sequence[Work], rows: Rows, target: Target
) -> tuple[dict[str, Yielded], set[str]]:
    """The rows by key, and the source keys of those that cannot be written."""
    if work is None:
        return {}, set()
    rejections: list[Rejection] = []
    accepted = accepted_rows(space, work, works, rows, target, rejections)
    space.reject(work.number, rejections)
    space.spare(work.slot.number, (work.slot.normalise(each.key) for each in rejections if each.key))
    work.keyless += sum(1 for each in rejections if not each.key)
    made = {key: _yielded(work.stream, key, row) for key, row in accepted}
    return made, {each.source_key for each in rejections}


def _yielded(stream: CompiledStream, key: str, row: Wanted) -> Yielded:
    names = [each.name for each in stream.fields]
    fields = {name: value for name, value in zip(names, row.fields, strict=True) if not isinstance(value, Blank)}
    return Yielded(key, row.key, row.source_key, fields)


def _conclude(space: ComparisonSpace, each: _Compared, remembered: Remembered) -> None:
    """Decide on what the pages left over: it stands on another page of the other version, or has entered or left."""
    slot = _slot(each)
    for before, after in space.met(each.number, slot):
        change = _difference(each, before, after)
        each.same += change is None
        space.add_changes(each.number, slot, [(after.key, change)] if change is not None else [])
    base, head = each.base, each.head
    if head is not None:
        entered = space.only(each.number, Side.HEAD, head.slot.number)
        space.add_changes(each.number, slot, ((row.key, entering(row)) for row in entered))
    if base is not None:
        left = space.only(each.number, Side.BASE, base.slot.number)
        # A record that cannot be written any more is not gone: what the target holds of it stays.
        gone = (row for row in left if head is None or not space.is_rejected(head.number, row.source_key))
        stream = None if head is None else head.stream
        space.add_changes(each.number, slot, ((row.key, leaving(stream, row)) for row in gone))
    if base is None or head is None or head.keyless or missing_rule(base.stream) == missing_rule(head.stream):
        return
    earlier = ((row.key, leaving(head.stream, row)) for row in _left_before(space, each.number, head, remembered))
    treated = ((key, change) for key, change in earlier if change.kind is not ChangeKind.LEAVE)
    space.add_changes(each.number, slot, treated)


def _left_before(space: ComparisonSpace, number: int, head: Work, remembered: Remembered) -> Iterator[Yielded]:
    """Records that we wrote and that neither version transfers now: another ``on_missing`` is about these, too."""
    owned = iter(remembered.owned(head.stream.name))
    while chunk := list(islice(owned, CHUNK)):
        ours = {head.slot.normalise(each.key): each for each in chunk}
        gone = {*space.unclaimed(head.slot.number, list(ours))} - space.left_over(number, Side.BASE, list(ours))
        written = remembered.written(head.stream.name, [ours[key].key for key in gone])
        for key in gone:
            fields = _plain(written.get(ours[key].key, {}))
            yield Yielded(key, ours[key].key, ours[key].source_key, fields, ConfigCause.ON_MISSING)


def _plain(written: Mapping[str, object]) -> dict[str, Encoded]:
    return dict(written)  # type: ignore[arg-type] # the ledger keeps what was encoded


def _rejections(space: ComparisonSpace, each: _Compared) -> Iterator[Rejection]:
    """What only the new version cannot write."""
    if each.head is None:
        return iter(())
    return space.new_rejections(each.base.number if each.base else None, each.head.number)


def _stream_plan(space: ComparisonSpace, each: _Compared) -> StreamPlan:
    stream = each.pair.newest
    counts = space.counts(each.number)
    summary = Summary(
        **{kind: counts.get(kind, 0) for kind in ChangeKind},
        unchanged=max(0, each.same),
        rejected=sum(1 for _ in _rejections(space, each)),
    )
    fields = {
        one.name: one for side in (each.pair.base, each.pair.head) if side for one in (*side.fields, *side.missing)
    }
    return StreamPlan(
        name=stream.name,
        read=ReadStep(stream.query.collection),
        write=WriteStep(stream.object.name, _key_names(stream), "", 0),
        fields=tuple(PlannedField(one.name, one.description.type, one.request) for one in fields.values()),
        summary=summary,
        causes=_causes(space, each.number),
        config=each.pair.config,
    )


def _key_names(stream: CompiledStream) -> tuple[str, ...]:
    return tuple(each.name for each in stream.fields[: stream.key_parts]) or (stream.key.name,)


def _causes(space: ComparisonSpace, number: int) -> Mapping[str, int]:
    """How many fields differ for which cause, and how many records enter or leave for which."""
    count: Counter[str] = Counter()
    for packed in space.changes(number):
        change = packed.unpacked()
        fields = change.fields if change.kind is ChangeKind.UPDATE else change.fields[:1]
        count.update(each.cause for each in fields)
    return {cause.value: count[cause] for cause in ConfigCause if count[cause]}
