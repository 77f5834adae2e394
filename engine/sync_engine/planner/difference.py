"""Compare what a mapping yields with what the target holds: no difference, a create or an update."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sync_engine.catalog.model import Overwrite
from sync_engine.compiler.compiled import CompiledStream, MappedRecord
from sync_engine.planner.encoding import Encoded, encode
from sync_engine.planner.plan import Change, ChangeKind, FieldChange
from sync_engine.planner.workspace import Held
from sync_engine.sdk.target import FieldDescription, Owner, Reason
from sync_engine.sdk.values import Blank, TargetValue

NormalForm = Callable[[FieldDescription, TargetValue], TargetValue]


def desired_fields(stream: CompiledStream, mapped: MappedRecord, normal_form: NormalForm) -> list[Encoded | Blank]:
    """Each field encoded in normal form; ``Blank.LEAVE`` where it is left alone, None where it is emptied."""
    wanted: list[Encoded | Blank] = []
    for field, value in zip(stream.fields, mapped.values, strict=True):
        if value is Blank.LEAVE:
            wanted.append(Blank.LEAVE)
        elif value is Blank.CLEAR or value is None:
            wanted.append(None)
        else:
            wanted.append(encode(normal_form(field.description, value)))
    return wanted


def create(stream: CompiledStream, mapped: MappedRecord, normal_form: NormalForm) -> Change:
    """A new record with all its fields that have a value."""
    fields: list[FieldChange] = []
    for field, value in zip(stream.fields, mapped.values, strict=True):
        if value is None or value is Blank.LEAVE or value is Blank.CLEAR:
            continue
        after = encode(normal_form(field.description, value))
        if after is not None:
            fields.append(FieldChange(field.description.name, None, after))
    return Change(ChangeKind.CREATE, mapped.key, mapped.source_key, "", 0, tuple(fields))


def update(
    stream: CompiledStream,
    mapped: MappedRecord,
    wanted: Sequence[Encoded | Blank],
    held: Held,
    columns: Sequence[int],
) -> Change | tuple[Reason, ...] | None:
    """The fields of a held record that must change.

    Args:
        stream: what is being mapped.
        mapped: where the key comes from.
        wanted: as ``desired_fields`` gives it.
        held: the record as the target holds it.
        columns: for each field of the stream, its place in ``held.fields``.

    Returns:
        The change, None when nothing differs, or the reasons why the difference cannot be written.
    """
    differing: list[FieldChange] = []
    refused: list[Reason] = []
    for field, after, column in zip(stream.fields, wanted, columns, strict=True):
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
    return Change(ChangeKind.UPDATE, held.key, mapped.source_key, held.id, 0, tuple(differing))
