"""What becomes of a row between two versions: it differs, enters or leaves, each with the cause."""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from dataclasses import replace

from sync_engine.catalog.model import OnMissing
from sync_engine.compiler.compiled import CompiledStream
from sync_engine.compiler.rows import record_key
from sync_engine.planner.comparison.leftovers import Yielded
from sync_engine.planner.comparison.versions import StreamPair
from sync_engine.planner.encoding import encode
from sync_engine.planner.fields import ConfigCause, FieldChange
from sync_engine.planner.missing import constant
from sync_engine.planner.plan import Change, ChangeKind

_GONE = {
    OnMissing.KEEP: ChangeKind.LEAVE,
    OnMissing.SET: ChangeKind.DEACTIVATE,
    OnMissing.DELETE: ChangeKind.DELETE,
}


def with_cause(
    pair: StreamPair, rows: Sequence[Yielded], others: Sequence[Yielded], refused: Set[str]
) -> Iterator[Yielded]:
    """Rows that only one version makes of a page, each with why.

    Args:
        pair: the stream.
        rows: of that version.
        others: the rows that the other version makes of the same page.
        refused: source keys of what that one cannot write.
    """
    known = {one.source_key for one in others}
    records = {record_key(one) for one in known} if pair.of_rows else set()
    for row in rows:
        cause = pair.cause
        if row.source_key in refused:
            cause = ConfigCause.REJECTED
        elif row.source_key in known:
            cause = ConfigCause.KEY
        elif pair.of_rows and record_key(row.source_key) in records:
            cause = ConfigCause.ROWS
        yield replace(row, cause=cause or "")


def difference(
    base: CompiledStream, head: CompiledStream, refilled: Set[str], before: Yielded, after: Yielded
) -> Change | None:
    """The fields that both versions fill otherwise, or that only the new one fills.

    Args:
        base: the old version of the stream.
        head: the new version.
        refilled: fields whose mapping has changed.
        before: the row of the old version.
        after: the row of the new version, with the same key.
    """
    known = {one.name for one in base.fields}
    differing: list[FieldChange] = []
    for name in (one.name for one in head.fields):
        old, new = before.fields.get(name), after.fields.get(name)
        if name not in known:
            # What a new field does where there is no value is said once, not for each record.
            if new is not None:
                differing.append(FieldChange(name, None, new, ConfigCause.FIELD))
        elif name not in after.fields:
            if name in before.fields:
                differing.append(FieldChange(name, old, None, ConfigCause.LEFT))
        elif old != new:
            cause = ConfigCause.MAPPING if name in refilled else ConfigCause.SETTINGS
            differing.append(FieldChange(name, old, new, cause))
        elif name not in before.fields:
            differing.append(FieldChange(name, None, None, ConfigCause.EMPTIED))
    if not differing:
        return None
    return Change(ChangeKind.UPDATE, after.stored_key, after.source_key, "", 0, tuple(differing))


def entering(row: Yielded) -> Change:
    """A record that was not transferred."""
    fields = tuple(FieldChange(name, None, value, row.cause) for name, value in row.fields.items() if value is not None)
    return Change(ChangeKind.CREATE, row.stored_key, row.source_key, "", 0, fields)


def leaving(head: CompiledStream | None, row: Yielded) -> Change:
    """What becomes of a record that is transferred no more; nothing, where the stream or the catalog is gone."""
    kind = ChangeKind.LEAVE if head is None else _GONE[head.on_missing]
    held = {name: value for name, value in row.fields.items() if value is not None}
    fields = [
        FieldChange(name, value, None if kind is ChangeKind.DELETE else value, row.cause)
        for name, value in held.items()
    ]
    if kind is ChangeKind.DEACTIVATE and head is not None:
        wanted = {each.name: encode(constant(each)) for each in head.missing}
        set_ = [
            FieldChange(name, held.get(name), value, row.cause)
            for name, value in wanted.items()
            if held.get(name) != value
        ]
        kind, fields = (kind, set_) if set_ else (ChangeKind.LEAVE, fields)
    return Change(kind, row.stored_key, row.source_key, "", 0, tuple(fields))


def missing_rule(stream: CompiledStream) -> object:
    """What a stream does to records that it transfers no more."""
    return stream.on_missing, [(each.name, encode(constant(each))) for each in stream.missing]
