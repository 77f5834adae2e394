"""A stream while it is being planned: what is known of it so far."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from sync_engine.catalog.mapping import Conflict, ConstRule
from sync_engine.compiler.compiled import CompiledField, CompiledStream
from sync_engine.planner.plan import Change, ChangeKind, StreamPlan
from sync_engine.planner.remembered import NOTHING, Remembered
from sync_engine.sdk.source import Pushdown
from sync_engine.sdk.target import FieldDescription, FieldRequest, FieldType, ObjectSchema

Place: TypeAlias = tuple[str, str]
"""An object and the field, or the fields, by which its records are found."""


@dataclass(slots=True)
class Slot:
    """An object with its key field, and the fields of it that any stream compares.

    Attributes:
        key: the field, or what stands for several together.
        requests, descriptions: the columns.
        key_columns: of a key of several fields: their places among the columns.
        id_field: where the target keeps its own id; records are read by it when no part of the key narrows them.
        fixed: column and values of a part of the key that is the same for every record of each stream.
        by_key: only those of its records are read that are asked for by their keys.
        asked: those keys, as the target compares them.
    """

    number: int
    object_name: str
    key: FieldDescription
    requests: list[FieldRequest] = field(default_factory=list)
    descriptions: list[FieldDescription] = field(default_factory=list)
    key_columns: tuple[int, ...] = ()
    id_field: str = ""
    fixed: tuple[int, tuple[str, ...]] | None = None
    by_key: bool = False
    asked: set[str] = field(default_factory=set)

    def column(self, compiled: CompiledField) -> int:
        """The place of a field among the slot's columns; it is added when it is new."""
        if compiled.request not in self.requests:
            self.requests.append(compiled.request)
            self.descriptions.append(compiled.description)
        return self.requests.index(compiled.request)

    @property
    def unique(self) -> bool:
        """Whether the target sees to it that no two records have the same key; of the versions of files it does not."""
        return not self.key_columns and not self.has_versions

    @property
    def has_versions(self) -> bool:
        """Whether its records are files: another content is another record, with the same key."""
        return any(each.type is FieldType.FILE for each in self.descriptions)

    def holds_file(self, name: str) -> bool:
        """Whether a column holds files."""
        return any(each.name == name and each.type is FieldType.FILE for each in self.descriptions)

    def normalise(self, key: str) -> str:
        """The key as the target compares it."""
        return key if self.key.case_sensitive else key.casefold()


def lay_out_columns(slot: Slot, stream: CompiledStream) -> list[int]:
    """The places of a stream's fields among the columns of its slot; a key of several fields is found there, too."""
    columns = [slot.column(each) for each in stream.fields]
    if stream.key_parts:
        first = not slot.key_columns
        slot.key_columns = tuple(columns[: stream.key_parts])
        slot.id_field = next(each.name for each in stream.object.fields.values() if each.type is FieldType.ID)
        fixed = _fixed(slot, stream)
        if first or fixed is None or slot.fixed is None or slot.fixed[0] != fixed[0]:
            slot.fixed = fixed if first else None
        else:
            slot.fixed = (fixed[0], tuple(dict.fromkeys((*slot.fixed[1], *fixed[1]))))
    return columns


def _fixed(slot: Slot, stream: CompiledStream) -> tuple[int, tuple[str, ...]] | None:
    for column, each in zip(slot.key_columns, stream.fields, strict=False):
        if isinstance(each.mapping.rule, ConstRule):
            return column, (str(each.mapping.rule.value),)
    return None


def slot_of(stream: StreamPlan, described: ObjectSchema) -> Slot:
    """Where a stream's rows are read again: its object, its key, and the fields that the plan compared."""
    names = [each.name for each in stream.fields]
    several = stream.write.key_fields if len(stream.write.key_fields) > 1 else ()
    parts = [described_field(described, each) for each in stream.write.key_fields]
    name = stream.write.key_name
    joined = FieldDescription(name, name, FieldType.TEXT, case_sensitive=any(each.case_sensitive for each in parts))
    return Slot(
        number=0,
        object_name=stream.write.object_name,
        key=joined if several else parts[0],
        requests=[each.request for each in stream.fields],
        descriptions=[described_field(described, each) for each in names],
        key_columns=tuple(names.index(each) for each in several),
        id_field=next(each.name for each in described.fields.values() if each.type is FieldType.ID),
    )


def described_field(described: ObjectSchema, name: str) -> FieldDescription:
    """The field of that name, which a fingerprint has vouched for."""
    found = described.field(name)
    if found is None:  # the fingerprint was compared before, so the field is there
        raise KeyError(name)
    return found


@dataclass(frozen=True, slots=True)
class Doubt:
    """A key that another record may have, too, which was not read.

    Attributes:
        normal: the key as the target compares it.
        key: as it is written.
        stream: that wrote it for the other record; empty when the ledger knows of none.
        owner: key of that record in the source.
    """

    normal: str
    key: str
    stream: str = ""
    owner: str = ""


@dataclass(slots=True)
class Work:
    """A stream while it is being planned.

    Attributes:
        remembered: what is known of earlier transfers.
        mappings_changed: fields that are filled in another way than at the last transfer.
        policies: see ``planner.policies``.
        since: only records that may have changed since then are read; empty when all are.
        because: why all are, where only changes were asked for.
        has_files: whether any of the stream's fields holds files.
        rivals: streams that may have written its keys for records that are not read now; see ``planner.doubts``.
        doubts: keys for which that is so.
        asked: records of which the target has been asked who modified them.
    """

    number: int
    stream: CompiledStream
    slot: Slot
    columns: list[int]
    missing_columns: list[int]
    pushdown: Pushdown
    read: int = 0
    filtered: int = 0
    unchanged: int = 0
    keyless: int = 0
    pages: int = 0
    emptied: Counter[str] = field(default_factory=Counter)
    filled: Counter[str] = field(default_factory=Counter)
    new_options: dict[str, dict[str, str]] = field(default_factory=dict)
    remembered: Remembered = NOTHING
    mappings_changed: frozenset[str] = frozenset()
    has_files: bool = False
    asked: int = 0
    since: str = ""
    because: str = ""
    policies: Mapping[str, Conflict] = field(default_factory=dict)
    rivals: tuple[CompiledStream, ...] = ()
    doubts: list[Doubt] = field(default_factory=list)

    def count_emptied(self, change: Change) -> None:
        """Count the fields of an update that go from a value to empty."""
        if change.kind is ChangeKind.UPDATE:
            self.emptied.update(each.field for each in change.fields if each.after is None)
