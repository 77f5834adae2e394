"""Parents before children, and no child without its parent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from sync_engine.catalog.mapping import FindByRule, LookupRule, WhenMissingParent
from sync_engine.planner.plan import WAITS, Change, Rejection
from sync_engine.planner.wanted import Wanted
from sync_engine.planner.work import Place, Slot, Work
from sync_engine.planner.workspace import Orphan, Workspace
from sync_engine.sdk.target import Owner, Reason

DEEPEST_TREE = 100
"""Levels of parents within one stream; a deeper one is taken for a cycle."""


def as_spelled(space: Workspace, work: Work, places: Mapping[Place, Slot], rows: Sequence[Wanted]) -> Sequence[Wanted]:
    """Rows whose references are spelled as the target spells the key of the record that they refer to.

    Most targets compare keys without regard to case, and keep the case a record was made with: a source that changes it
    would otherwise differ from the target for ever.
    """
    for number, compiled in enumerate(work.stream.fields):
        if not compiled.refers:
            continue
        slot = places[compiled.request.parent_object, compiled.request.parent_field]
        if slot.key.case_sensitive:
            continue
        keys = {key: slot.normalise(key) for row in rows if (key := _key(row, number))}
        spelled = space.spellings(slot.number, list(set(keys.values())))
        other = {key: spelled[normal] for key, normal in keys.items() if spelled.get(normal, key) != key}
        if other:
            rows = [_spelled(row, number, other) for row in rows]
    return rows


def _key(row: Wanted, number: int) -> str:
    """The key in a field of a row; empty where it has none."""
    value = row.fields[number] if row.fields else None
    return value if isinstance(value, str) else ""


def _spelled(row: Wanted, number: int, other: Mapping[str, str]) -> Wanted:
    spelled = other.get(_key(row, number))
    if spelled is None:
        return row
    return row._replace(fields=(*row.fields[:number], spelled, *row.fields[number + 1 :]))


def needed_parents(
    work: Work, places: Mapping[Place, Slot], key: str, row: Wanted, change: Change
) -> Iterator[tuple[int, str, str, int, str, str, str]]:
    """The parents that a change needs, as rows for ``Workspace.need_parents``."""
    if not any(each.refers for each in work.stream.fields):
        return
    changed = {each.field for each in change.fields if each.after is not None}
    for compiled, parent in zip(work.stream.fields, row.fields, strict=True):
        if compiled.refers and compiled.name in changed and isinstance(parent, str):
            slot = places[compiled.request.parent_object, compiled.request.parent_field]
            rule = compiled.mapping.rule
            missing = rule.missing if isinstance(rule, (LookupRule, FindByRule)) else WhenMissingParent.REJECT
            yield (work.number, key, compiled.name, slot.number, slot.normalise(parent), parent, missing.value)


def resolve_parents(space: Workspace, works: Sequence[Work]) -> None:
    """Reject, hold or leave without parent what has none or one without end, and put the rest in order."""
    _resolve_orphans(space, works)
    circular = space.order_waves(DEEPEST_TREE)
    for stream, key in circular:
        reason = Reason("PARENT_CYCLE", "its chain of parents never ends", "", Owner.DATA)
        _reject_change(space, works[stream], key, reason)
    if circular:
        _resolve_orphans(space, works)


def _resolve_orphans(space: Workspace, works: Sequence[Work]) -> None:
    """Until there are none: a rejected record orphans its own children."""
    while orphans := space.orphans():
        # A record that is rejected for one parent and held for another is rejected.
        for orphan in sorted(orphans, key=lambda each: each.missing is WhenMissingParent.HOLD):
            work = works[orphan.stream]
            if orphan.missing is not WhenMissingParent.LEAVE:
                _reject_change(space, work, orphan.key, _missing_parent(orphan))
            elif space.leave_field(orphan) is not None:
                work.unchanged += 1


def _missing_parent(orphan: Orphan) -> Reason:
    message = f"its parent {orphan.parent_key!r} does not exist in the target and is not created by this plan"
    code = WAITS if orphan.missing is WhenMissingParent.HOLD else "MISSING_PARENT"
    return Reason(code, message, orphan.field, Owner.DATA)


def _reject_change(space: Workspace, work: Work, key: str, reason: Reason) -> None:
    change = space.drop_change(work.number, key)
    if change is not None:  # two missing parents of one record are one rejection
        space.reject(work.number, [Rejection(change.key, change.source_key, (reason,))])
