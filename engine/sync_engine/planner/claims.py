"""One target record per key: a key that two source records claim is written for neither."""

from __future__ import annotations

from collections.abc import Sequence

from sync_engine.planner.held import key_of
from sync_engine.planner.plan import Rejection
from sync_engine.planner.wanted import Wanted
from sync_engine.planner.work import Work
from sync_engine.planner.workspace import Workspace
from sync_engine.sdk.target import Owner, Reason, Target


def accepted_rows(
    space: Workspace,
    work: Work,
    works: Sequence[Work],
    rows: Sequence[Wanted],
    target: Target,
    rejections: list[Rejection],
) -> list[tuple[str, Wanted]]:
    """The rows of a page that can be written as far as the page says, with their keys as the target compares them.

    A row that cannot be written claims its key all the same: another record is not to take its place in the target.

    Args:
        space: see ``claim_keys``.
        work: likewise.
        works: likewise.
        rows: of the stream.
        target: knows the form of keys.
        rejections: gets one for each row that is left out here.
    """
    mapped: list[tuple[str, Wanted]] = []
    for row in rows:
        if row.key_values:
            row = row._replace(key=key_of(work.slot, target, row.key_values))
        if row.key:
            mapped.append((work.slot.normalise(row.key), row))
        elif not space.is_rejected(work.number, row.source_key):
            rejections.append(Rejection(row.key, row.source_key, row.reasons))
    return claim_keys(space, work, works, mapped, rejections)


def claim_keys(
    space: Workspace,
    work: Work,
    works: Sequence[Work],
    mapped: Sequence[tuple[str, Wanted]],
    rejections: list[Rejection],
) -> list[tuple[str, Wanted]]:
    """Leave out records with reasons, and those whose key another has; nobody can say which of the two is right.

    Args:
        space: remembers every claim of this plan.
        work: the stream the records are of.
        works: all streams by number; another stream may have claimed a key of the same object.
        mapped: (normalised key, record).
        rejections: gets one for each record that is left out here.

    Returns:
        The other records. The same record met twice is passed over in silence.
    """
    taken = space.claim(work.slot.number, work.number, [(key, row.source_key) for key, row in mapped])
    unique: dict[str, Wanted] = {}
    disputed: set[str] = set()
    for key, row in mapped:
        if key in taken:
            stream, source_key = taken[key]
            if (stream, source_key) == (work.number, row.source_key) or space.is_rejected(work.number, row.source_key):
                continue
            rejections.append(_duplicate(row, f"{works[stream].stream.name} {source_key}"))
            _take_back(space, works[stream], key, source_key, row)
        elif key not in unique:
            unique[key] = row
        elif unique[key].source_key != row.source_key:
            rejections.append(_duplicate(row, unique[key].source_key))
            if key not in disputed:
                disputed.add(key)
                space.dispute(work.slot.number, key)
                rejections.append(_duplicate(unique[key], row.source_key))
    alone = [(key, row) for key, row in unique.items() if key not in disputed]
    rejections.extend(Rejection(row.key, row.source_key, row.reasons) for _, row in alone if row.reasons)
    return [(key, row) for key, row in alone if not row.reasons]


def _duplicate(row: Wanted, other: str) -> Rejection:
    message = f"the key {row.key!r} is also the key of {other}"
    return Rejection(row.key, row.source_key, (*row.reasons, Reason("DUPLICATE_KEY", message, "", Owner.DATA)))


def _take_back(space: Workspace, first: Work, key: str, source_key: str, row: Wanted) -> None:
    """Undo what was decided for the record that claimed a key first."""
    if space.is_disputed(first.slot.number, key):
        return
    space.dispute(first.slot.number, key)
    if space.is_rejected(first.number, source_key):
        return
    space.drop_kept(first.number, key)
    if space.drop_change(first.number, key) is None:
        first.unchanged -= 1
    message = f"the key {row.key!r} is also the key of {row.source_key}"
    reason = Reason("DUPLICATE_KEY", message, "", Owner.DATA)
    space.reject(first.number, [Rejection(row.key, source_key, (reason,))])
