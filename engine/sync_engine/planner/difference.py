"""Compare what a mapping yields with what the target holds: no difference, a create or an update."""

from __future__ import annotations

from collections.abc import Sequence

from sync_engine.catalog.mapping import Overwrite
from sync_engine.compiler.compiled import CompiledStream
from sync_engine.planner.fields import FieldChange, NewFields
from sync_engine.planner.plan import Change, ChangeKind
from sync_engine.planner.wanted import Wanted
from sync_engine.planner.workspace import Held
from sync_engine.sdk.target import Owner, Reason
from sync_engine.sdk.values import Blank


def create(stream: CompiledStream, wanted: Wanted) -> Change:
    """A new record with all its fields that have a value."""
    fields = {
        field.description.name: after
        for field, after in zip(stream.fields, wanted.fields, strict=True)
        if after is not None and not isinstance(after, Blank)
    }
    return Change(ChangeKind.CREATE, wanted.key, wanted.source_key, "", 0, NewFields(fields))


def update(
    stream: CompiledStream,
    wanted: Wanted,
    held: Held,
    columns: Sequence[int],
) -> Change | tuple[Reason, ...] | None:
    """The fields of a held record that must change.

    Args:
        stream: what is being mapped.
        wanted: what it is to hold.
        held: the record as the target holds it.
        columns: for each field of the stream, its place in ``held.fields``.

    Returns:
        The change, None when nothing differs, or the reasons why the difference cannot be written.
    """
    differing: list[FieldChange] = []
    refused: list[Reason] = []
    for field, after, column in zip(stream.fields, wanted.fields, columns, strict=True):
        before = held.fields[column]
        if isinstance(after, Blank) or before == after:
            continue
        if field.mapping.overwrite is Overwrite.IF_EMPTY and before is not None:
            continue
        if not field.description.updateable:
            message = f"{field.name} can only be set when a record is created; it holds {before!r}"
            refused.append(Reason("NOT_UPDATEABLE", message, field.name, Owner.MAPPING))
            continue
        differing.append(FieldChange(field.name, before, after))
    if refused:
        return tuple(refused)
    if not differing:
        return None
    return Change(ChangeKind.UPDATE, held.key, wanted.source_key, held.id, 0, tuple(differing))
