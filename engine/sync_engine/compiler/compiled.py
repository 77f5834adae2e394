"""What compiling yields: streams whose mappings are plain functions of a record."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date

from sync_engine.catalog.mapping import FieldMapping
from sync_engine.catalog.model import Catalog, OnMissing
from sync_engine.sdk.filters import Filter
from sync_engine.sdk.problem import Problem
from sync_engine.sdk.source import Attribute, Query, SourceRecord, SourceSchema
from sync_engine.sdk.target import FieldDescription, FieldRequest, ObjectSchema, Reason, TargetSchema
from sync_engine.sdk.values import Blank, TargetValue

Evaluate = Callable[[SourceRecord], TargetValue | Blank]
"""Value of one target field for a record; raises ``compiler.conversion.Unconvertible`` with the reason."""


@dataclass(frozen=True, slots=True)
class Input:
    """An attribute or property that a mapping reads.

    Attributes:
        code: of the attribute or property.
        locale, channel: in which it is read; None where it has no value per locale or channel.
        get: takes its value out of a record; None when there is none.
    """

    code: str
    locale: str | None
    channel: str | None
    get: Callable[[SourceRecord], object]


@dataclass(frozen=True, slots=True)
class Parts:
    """What ``evaluate`` runs one after the other, for whoever wants to see what happens in between.

    Attributes:
        inputs: what is read, by code.
        get: the rule itself: a value, a constant, an expression, …
        steps: the options as they apply, each with the words of the catalog: ``unit: KILOGRAM``.
    """

    inputs: tuple[Input, ...]
    get: Callable[[SourceRecord], object]
    steps: tuple[tuple[str, Callable[[object], object]], ...]


@dataclass(frozen=True, slots=True)
class CompiledField:
    """One target field and how it is computed.

    Attributes:
        description: the field as the target describes it.
        mapping: as written.
        evaluate: see ``Evaluate``.
        reads: codes of the attributes and properties it depends on (its lineage).
        parts: what ``evaluate`` is made of.
        request: how the target is asked for what it holds; of a reference by a key with the place of the other record.
        new_labels: with ``new_options: create``: what new values are called, where it is not the value itself.
    """

    description: FieldDescription
    mapping: FieldMapping
    evaluate: Evaluate
    reads: frozenset[str]
    parts: Parts
    request: FieldRequest
    new_labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The field's name as the target spells it."""
        return self.description.name

    @property
    def refers(self) -> bool:
        """Whether it is a reference, written by the key of the other record."""
        return bool(self.request.parent_object)


@dataclass(frozen=True, slots=True)
class MappedRecord:
    """What a record becomes: its key and one value per field of the stream, or the reasons why it cannot be written.

    Attributes:
        source_key: the record's identity in the source.
        key: value of the target's key field; empty when it could not be computed.
        values: as many as the stream has fields, in that order; empty when there are reasons.
        reasons: all of them, not the first only.
        match: one value per field of the stream's ``match``, by which a record of the target can be adopted.
        key_values: of a key of several fields: their values, also when other fields have reasons; empty when one of
            these has none, and where the key is one field.
    """

    source_key: str
    key: str
    values: tuple[TargetValue | Blank, ...]
    reasons: tuple[Reason, ...] = ()
    match: tuple[TargetValue | Blank, ...] = ()
    key_values: tuple[TargetValue | Blank, ...] = ()


@dataclass(frozen=True, slots=True)
class Variant:
    """The fields of a stream in one locale; a stream that is not exploded by locale has just one.

    Attributes:
        key_parts: how many of the fields, the first ones, make up the key; 0 where the key is one field of its own.
    """

    locale: str | None
    key: CompiledField
    fields: tuple[CompiledField, ...]
    match: tuple[CompiledField, ...]
    key_parts: int

    @property
    def all(self) -> tuple[CompiledField, ...]:
        """Every field."""
        return (self.key, *self.fields, *self.match)


Explode = Callable[[SourceRecord], Iterable[tuple[Variant, SourceRecord]]]


@dataclass(frozen=True, slots=True)
class CompiledStream:
    """One stream, ready to be run.

    Attributes:
        name: as in the catalog.
        object: where it writes to.
        key: the field by which records are found and how it is computed; of a key of several fields, all of them as one
            text.
        fields: the other fields, in the order of the catalog; those of a key of several fields come first.
        key_parts: how many of the fields make up the key; 0 where it is one field of its own.
        query: what to ask the source for.
        map_rows: from a record to what becomes of it: one row, or as many as ``for_each`` makes of it.
        exploded: whether a record may become several rows.
        explode: from a record to its rows, before any is left out, each with the fields that it is mapped by.
        known: attributes and properties that mappings and criteria can name, by code.
        match: fields by which records are adopted that were in the target before, in this order.
        missing: with ``on_missing: set``: the fields and constants that a record gets whose source record is gone.
        row_filters: criteria on what ``for_each`` adds; ``map_rows`` leaves out the rows for which they do not hold.
        not_applicable: criteria of the catalog on fields that this collection does not have.
        compile_residual: makes the predicate for the filters that the source does not evaluate.
    """

    name: str
    object: ObjectSchema
    key: CompiledField
    fields: tuple[CompiledField, ...]
    key_parts: int
    query: Query
    map_rows: Callable[[SourceRecord], tuple[MappedRecord, ...]]
    exploded: bool
    explode: Explode
    known: Mapping[str, Attribute]
    match: tuple[CompiledField, ...]
    on_missing: OnMissing
    missing: tuple[CompiledField, ...]
    row_filters: tuple[Filter, ...]
    not_applicable: tuple[Filter, ...]
    compile_residual: Callable[[tuple[Filter, ...]], Callable[[SourceRecord], bool]]

    @property
    def upserts(self) -> bool:
        """Whether a record can be written by its key: it is one field, an external id."""
        return not self.key_parts and self.key.description.external_id


@dataclass(frozen=True, slots=True)
class CompiledCatalog:
    """A catalog, ready to be planned.

    Attributes:
        streams: in the order of their lookups, parents first.
        today: the day that its filters are relative to.
        warnings: what is doubtful about it; none of them an error.
    """

    catalog: Catalog
    streams: tuple[CompiledStream, ...]
    source_schema: SourceSchema
    target_schema: TargetSchema
    today: date
    warnings: tuple[Problem, ...] = ()

    def only(self, names: frozenset[str] | None) -> CompiledCatalog:
        """The catalog with these streams only; None keeps all."""
        if names is None:
            return self
        return replace(self, streams=tuple(each for each in self.streams if each.name in names))
