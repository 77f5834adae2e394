"""Safety gates: numbers that forbid to apply a plan (PRODUCT defaults; catalogs set their own under ``safety``).

Each gate that trips names a few of the records, and the count that a person can allow: once, for that plan only.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from sync_engine.catalog.model import Safety
from sync_engine.planner.plan import ChangeKind, Gate, StreamPlan, Summary
from sync_engine.planner.work import Work
from sync_engine.planner.workspace import Workspace

FEWEST = 10
"""A percentage of fewer records than this says nothing, so it trips no gate."""

EXAMPLES = 3
_GONE = (ChangeKind.DELETE, ChangeKind.DEACTIVATE)


def judge(
    safety: Safety, space: Workspace, works: Sequence[Work], streams: Sequence[StreamPlan], before: Mapping[str, int]
) -> tuple[Gate, ...]:
    """Every gate of a catalog with what was counted.

    Args:
        safety: the catalog's limits.
        space: holds the changes and what the target holds.
        works: the streams.
        streams: the same ones, counted.
        before: by stream: records that passed the filter in the last complete transfer.
    """
    total = Summary()
    for each in streams:
        total = total + each.summary
    held, known = _held(space, works), sum(map(_known, works, streams))
    gone = total.delete + total.deactivate
    gates = [
        _share("max_rejected_percent", safety.max_rejected_percent, total.rejected, known, "rejected"),
        _share("max_update_percent", safety.max_update_percent, total.update, held, "updates"),
        _share("max_delete_percent", safety.max_delete_percent, gone, held, "deletes"),
    ]
    if safety.max_deletes is not None:
        gates.append(deletes_gate(safety.max_deletes, gone))
    gates += _emptied(safety.max_emptied_percent, works)
    if not any(each.read.since for each in streams):  # how many there are is known only of what was read as a whole
        gates += _expected(safety, total.matched)
    gates += _collapsed(safety.max_collapse_percent, [each for each in streams if not each.read.since], before)
    return tuple(_with_examples(each, space, works) if each.tripped else each for each in gates)


def _held(space: Workspace, works: Sequence[Work]) -> int:
    """How many records the target holds; of what is read by key as many as were written."""
    whole = {work.slot.number for work in works if not work.slot.by_key}
    written = sum(work.remembered.count(work.stream.name) for work in works if work.slot.by_key)
    return written + sum(map(space.held_count, whole))


def _known(work: Work, stream: StreamPlan) -> int:
    """How many records of the source pass the filter; where only changes are read, what was written and what is not."""
    matched = stream.summary.matched
    return max(matched, work.remembered.count(stream.name) + stream.summary.rejected) if work.since else matched


def deletes_gate(limit: int, gone: int) -> Gate:
    """The gate for the number of records that a plan deletes or deactivates."""
    return Gate("max_deletes", f"{limit}", f"{gone}", gone > limit, f"deletes={gone}")


def _emptied(limit: int, works: Sequence[Work]) -> Iterator[Gate]:
    """The fields that lose too many values; a field is one of a stream, because objects have fields of like names."""
    for work in works:
        for field, count in sorted(work.emptied.items()):
            place = f"{work.stream.name}.{field}"
            filled = work.filled.get(field, 0)
            if work.since:  # it is not known of all
                filled = max(filled, work.remembered.count(work.stream.name))
            gate = _share("max_emptied_percent", limit, count, filled, f"emptied.{place}")
            if gate.tripped:
                yield replace(gate, actual=f"{place}: {gate.actual}")


def _expected(safety: Safety, matched: int) -> Iterator[Gate]:
    found, allow = f"{matched} records", f"matched={matched}"
    yield Gate("expect.min", f"{safety.expect_min}", found, matched < safety.expect_min, allow)
    if safety.expect_max is not None:
        yield Gate("expect.max", f"{safety.expect_max}", found, matched > safety.expect_max, allow)


def _collapsed(limit: int, streams: Sequence[StreamPlan], before: Mapping[str, int]) -> Iterator[Gate]:
    """The streams whose source gives far fewer records than it did, whatever that would do to the target."""
    for each in streams:
        then, now = before.get(each.name, 0), each.summary.matched
        gate = _share("max_collapse_percent", limit, max(0, then - now), then, f"matched.{each.name}={now}")
        if gate.tripped:
            percent = f"{(then - now) * 100 / then:.1f} % fewer"
            yield replace(gate, actual=f"{each.name}: {now}, {then} at the last complete transfer ({percent})")


def _share(name: str, limit: int, part: int, whole: int, allow: str) -> Gate:
    tripped = whole >= FEWEST and part * 100 > limit * whole
    percent = f" ({part * 100 / whole:.1f} %)" if whole else ""
    allow = allow if "=" in allow else f"{allow}={part}"
    return Gate(name, f"{limit} %", f"{part} of {whole}{percent}", tripped, allow)


def _with_examples(gate: Gate, space: Workspace, works: Sequence[Work]) -> Gate:
    """The gate with a few of the records that tripped it; none where records are missing."""
    kind, _, _ = gate.allow.partition("=")
    kind, _, place = kind.partition(".")
    records: list[tuple[str, str]] = []
    for work in works:
        name = work.stream.name
        found: Iterable[str] = ()
        if kind == "deletes":
            found = (each.key for each in space.changes(work.number, _GONE))
        elif kind == "updates":
            found = (each.key for each in space.changes(work.number, (ChangeKind.UPDATE,)))
        elif kind == "rejected":
            rejections = (each for each in space.rejections(work.number) if not each.waits)
            found = (each.key or each.source_key for each in rejections)
        elif kind == "emptied" and place.startswith(f"{name}."):
            found = _that_empty(space, work.number, place.removeprefix(f"{name}."))
        records += [(name, key) for key, _ in zip(found, range(EXAMPLES - len(records)), strict=False)]
    return replace(gate, records=tuple(records))


def _that_empty(space: Workspace, stream: int, field: str) -> Iterator[str]:
    for change in space.changes(stream, (ChangeKind.UPDATE,)):
        if any(each.field == field and each.after is None for each in change.unpacked().fields):
            yield change.key
