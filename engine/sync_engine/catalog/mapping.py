"""How a field of the target is filled: the rules and options of a mapping, as a catalog states them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from sync_engine.sdk.problem import NOWHERE, Origin


class WhenEmpty(StrEnum):
    """What happens to the target field when a mapping yields nothing."""

    CLEAR = "clear"
    KEEP = "keep"
    REJECT = "reject"


class Overwrite(StrEnum):
    """Whether a field that already has a value in the target is written."""

    ALWAYS = "always"
    IF_EMPTY = "if_empty"


class Conflict(StrEnum):
    """What happens to a field of an existing record that differs from what the mapping yields."""

    OVERWRITE = "overwrite"  # it is written
    KEEP = "keep"  # it is written once; from then on it is the org's
    REPORT = "report"  # it is never written, but shown
    REJECT = "reject"  # it is written, unless somebody changed it in the org: that rejects the record


class Otherwise(StrEnum):
    """What happens to a value that a ``translate`` table does not hold."""

    REJECT = "reject"
    KEEP = "keep"
    CLEAR = "clear"


class NewOptions(StrEnum):
    """What happens to a value that the target's picklist does not list."""

    REJECT = "reject"
    SEND = "send"
    CREATE = "create"


class TableForm(StrEnum):
    """How the rows of a table become one text."""

    JSON = "json"
    HTML = "html"


class WhenMissingParent(StrEnum):
    """What happens to a record whose parent does not exist in the target."""

    REJECT = "reject"
    HOLD = "hold"
    LEAVE = "leave"


@dataclass(frozen=True, slots=True)
class ValueRule:
    """The value of an attribute or property, by code."""

    code: str


@dataclass(frozen=True, slots=True)
class ConstRule:
    """The same value for every record: text, int, Decimal, bool."""

    value: object


@dataclass(frozen=True, slots=True)
class ExpressionRule:
    """A Jinja expression; the type of its result survives."""

    text: str


@dataclass(frozen=True, slots=True)
class TemplateRule:
    """Text with ``{{ }}``; yields text."""

    text: str


@dataclass(frozen=True, slots=True)
class LookupRule:
    """A reference to the record that another stream (or this one) writes.

    Attributes:
        stream: the other stream's name.
        value: attribute or property whose value is the other record's source key.
        missing: what to do when that record does not exist in the target.
    """

    stream: str
    value: str
    missing: WhenMissingParent = WhenMissingParent.REJECT


@dataclass(frozen=True, slots=True)
class FindRule:
    """A reference to a record that the target holds already: the one whose field has this value.

    Attributes:
        field: of the object that the reference points to.
        value: text, number or bool.
    """

    field: str
    value: object


@dataclass(frozen=True, slots=True)
class FindByRule:
    """A reference to a record that no stream of the catalog writes: the one whose field has the value of an attribute.

    Attributes:
        field: an external id of the object that the reference points to.
        value: attribute or property.
        missing: what to do when there is no such record.
    """

    field: str
    value: str
    missing: WhenMissingParent = WhenMissingParent.REJECT


@dataclass(frozen=True, slots=True)
class MediaRule:
    """The file itself that an attribute, or the row of ``for_each: media``, names."""

    code: str


Rule = ValueRule | ConstRule | ExpressionRule | TemplateRule | LookupRule | FindRule | FindByRule | MediaRule


@dataclass(frozen=True, slots=True)
class FieldMapping:
    """How one target field is filled.

    Attributes:
        target: the target field.
        rule: where its value comes from.
        locale, channel: instead of the catalog's.
        default: used when the rule yields nothing; None means no default.
        required: yielding nothing is a rejection.
        truncate: longest text in characters; a longer one is cut, because the catalog asks for it.
        round: digits behind the decimal point.
        join: text put between the items of a list.
        labels: labels in place of codes.
        translate: table from a value to another; its keys are texts.
        otherwise: what happens to a value outside the table: ``reject``, ``keep`` (the value as it is) or ``clear``.
        unit: convert a measurement to this unit.
        currency: take the price in this currency.
        table: write the rows of a table as one text of this form.
        number: read numeric text as a number.
        when_empty, overwrite, conflict: see there.
        new_options: likewise; None sends to an unrestricted picklist and rejects for a restricted one.
        origin: where the mapping was written.
        part_origins: places of the parts (``value``, ``unit``, …) by key, for messages.
    """

    target: str
    rule: Rule
    locale: str | None = None
    channel: str | None = None
    default: object = None
    required: bool = False
    truncate: int | None = None
    round: int | None = None
    join: str | None = None
    labels: bool = False
    translate: Mapping[str, object] | None = None
    otherwise: Otherwise = Otherwise.REJECT
    unit: str | None = None
    currency: str | None = None
    table: TableForm | None = None
    number: bool = False
    when_empty: WhenEmpty = WhenEmpty.CLEAR
    overwrite: Overwrite = Overwrite.ALWAYS
    conflict: Conflict = Conflict.OVERWRITE
    new_options: NewOptions | None = None
    origin: Origin = NOWHERE
    part_origins: Mapping[str, Origin] = field(default_factory=dict)

    def place(self, part: str) -> Origin:
        """Where a part of the mapping was written; the mapping itself when the part was not."""
        return self.part_origins.get(part, self.origin)
