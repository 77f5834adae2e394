"""Why a field differs, from three corners: what the mapping yields, what the target holds, what we wrote last.

The ledger keeps the third corner. A value that is as we wrote it and yet differs from what the mapping yields was
changed on our side: by the PIM, or by the mapping where its digest is another one than at the last transfer (what the
PIM held then is not kept, so a change of both counts as one of the mapping). A value that is not as we wrote it was
changed in the org; when the mapping yields something else than then, too, it was changed on both sides.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from sync_engine.planner.fields import Cause, FieldChange
from sync_engine.planner.plan import Change, ChangeKind
from sync_engine.planner.work import Work
from sync_engine.sdk.target import Actor, Modified, Target, TellsModified

MOST_ASKED = 2000
"""Records of a stream of which a plan asks who modified them; that takes requests, and nobody reads more."""

Written = Mapping[str, object]
"""What was last written to a record: encoded values by field."""

_NEVER = object()
_ACTORS = {Actor.PERSON: "", Actor.AUTOMATION: " (automation)", Actor.OURSELVES: " (this connection's user)"}
_THEIRS = (Cause.ORG, Cause.BOTH)


def cause_of(change: FieldChange, written: Written, *, mapping_changed: bool) -> Cause:
    """Why a field differs.

    Args:
        change: of the field.
        written: to its record; without the field when it never was.
        mapping_changed: whether the field is filled in another way than at the last transfer.
    """
    last = written.get(change.field, _NEVER)
    if last is _NEVER:
        return Cause.FIRST
    if last == change.before:
        return Cause.MAPPING if mapping_changed else Cause.PIM
    return Cause.ORG if last == change.after else Cause.BOTH


def with_causes(change: Change, written: Written, changed: frozenset[str]) -> Change:
    """An update with the cause of each of its fields.

    Args:
        change: the update.
        written: as in ``cause_of``.
        changed: names of the fields whose mapping has changed.
    """
    fields = (
        each._replace(cause=cause_of(each, written, mapping_changed=each.field in changed)) for each in change.fields
    )
    return replace(change, fields=tuple(fields))


def find_causes(work: Work, changes: Sequence[Change], target: Target) -> Sequence[Change]:
    """The changes in the same order, updates with the cause of each field and with who changed it in the org.

    What was written is looked up once for all of them, and only where something differs.
    """
    keys = [each.key for each in changes if each.kind is ChangeKind.UPDATE]
    if not keys:
        return changes
    written = work.remembered.written(work.stream.name, keys)
    changed = work.mappings_changed
    found = [
        with_causes(each, written.get(each.key, {}), changed) if each.kind is ChangeKind.UPDATE else each
        for each in changes
    ]
    modified = _modified(work, found, target)
    return [replace(each, modified=modified[each.target_id]) if each.target_id in modified else each for each in found]


def changed_in_org(fields: Iterable[FieldChange]) -> bool:
    """Whether any of the fields was changed in the org."""
    return any(each.cause in _THEIRS for each in fields)


def modified_text(modified: Modified) -> str:
    """Who modified a record last, and when, for people."""
    return f"last modified by {modified.by}{_ACTORS[modified.actor]}, {modified.at}"


def _modified(work: Work, changes: Sequence[Change], target: Target) -> Mapping[str, Modified]:
    ids = [each.target_id for each in changes if changed_in_org(each.fields)][: MOST_ASKED - work.asked]
    if not ids or not isinstance(target, TellsModified):
        return {}
    work.asked += len(ids)
    return target.last_modified(work.stream.object.name, ids)
