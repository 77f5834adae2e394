"""A trace: what a stream makes of one source record, with everything that led to it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sync_engine.compiler.compiled import CompiledField, MappedRecord
from sync_engine.planner.encoding import Encoded
from sync_engine.planner.plan import PlannedField
from sync_engine.sdk.problem import NOWHERE, Origin
from sync_engine.sdk.target import Reason
from sync_engine.sdk.values import Blank, MediaRef


@dataclass(frozen=True, slots=True)
class Verdict:
    """One criterion on one record.

    Attributes:
        text: the criterion as people write it.
        holds: None when it was not judged: only the source can, and it was not asked.
        found: the value that the record has.
        judge: who said so: ``here`` or ``source``.
        parts: of ``any``, ``not`` and nested conditions: their own verdicts.
        origin: where it was written.
    """

    text: str
    holds: bool | None
    found: object = None
    judge: str = "here"
    parts: tuple[Verdict, ...] = ()
    origin: Origin = NOWHERE


@dataclass(frozen=True, slots=True)
class InputTrace:
    """What a mapping read; ``value`` is None when the record has none."""

    code: str
    locale: str | None
    channel: str | None
    value: object


@dataclass(frozen=True, slots=True)
class StepTrace:
    """The value behind an option; ``text`` has the words of the catalog."""

    text: str
    value: object


@dataclass(frozen=True, slots=True)
class FieldTrace:
    """How one field got its value.

    Attributes:
        compiled: the field and its mapping.
        rule: the mapping's rule in words.
        inputs: what it read.
        steps: what the rule yielded and what each option made of it, as far as it came.
        result: encoded, in the form in which the target stores it; ``Blank.LEAVE``: left alone; None: emptied.
        reason: why there is no result; then ``result`` is ``Blank.LEAVE``.
        defaulted: the result is the mapping's ``default``.
    """

    compiled: CompiledField
    rule: str
    inputs: tuple[InputTrace, ...]
    steps: tuple[StepTrace, ...]
    result: Encoded | Blank
    reason: Reason | None = None
    defaulted: bool = False

    @property
    def name(self) -> str:
        """The field's name as the target spells it."""
        return self.compiled.name

    @property
    def planned(self) -> PlannedField:
        """The field as a plan has it, so that its values are shown as in a plan."""
        return PlannedField(self.name, self.compiled.description.type, self.compiled.request)


@dataclass(frozen=True, slots=True)
class RowTrace:
    """One row of a record; a stream without ``for_each`` has one per record.

    Attributes:
        source_key: of the record, with what tells this row from the others.
        key: value of the target's key field; empty when there is none.
        verdicts: of the criteria on what ``for_each`` adds.
        passes: whether these leave it in; a row that they leave out has no fields.
        fields: the key and then all others, in the order of the catalog.
        reasons: why it cannot be written.
        mapped: the row as a plan gets it.
        media: files that the row is made of or that its record has.
    """

    source_key: str
    key: str
    verdicts: tuple[Verdict, ...]
    passes: bool
    fields: tuple[FieldTrace, ...]
    reasons: tuple[Reason, ...]
    mapped: MappedRecord
    media: tuple[MediaRef, ...] = ()


@dataclass(frozen=True, slots=True)
class Trace:
    """What a stream makes of one source record.

    Attributes:
        stream: its name.
        collection, object: what it reads and where it writes to.
        key_field: name of the target's key field.
        source_key: identity of the record in its collection.
        verdicts: of all criteria on the record.
        passes: whether the filter leaves it in.
        rows: what it becomes; also when the filter leaves it out, because that shows what would become of it.
    """

    stream: str
    collection: str
    object: str
    key_field: str
    source_key: str
    verdicts: tuple[Verdict, ...]
    passes: bool
    rows: tuple[RowTrace, ...]

    @property
    def problems(self) -> Iterator[tuple[RowTrace, Reason]]:
        """Every reason why a row cannot be written."""
        return ((row, reason) for row in self.rows for reason in row.reasons)
