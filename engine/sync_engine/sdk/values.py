"""The values that travel from a source to a target.

Numbers are ``int`` or ``Decimal``, never binary floats: a price of 0.1 stays 0.1. Text is never reinterpreted:
an SKU ``"012"`` or ``"12E4"`` stays text.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from enum import Enum
from typing import NamedTuple, TypeAlias


@dataclass(frozen=True, slots=True)
class Measurement:
    """An amount in a unit: ``Measurement(Decimal("533.0000"), "GRAM")``."""

    amount: Decimal | int
    unit: str

    def __reduce__(self) -> tuple[type[Measurement], tuple[Decimal | int, str]]:
        """For pickle, which takes twice as long over the way that dataclasses bring along."""
        return Measurement, (self.amount, self.unit)


@dataclass(frozen=True, slots=True)
class Price:
    """An amount in one currency (ISO 4217 code)."""

    amount: Decimal | int
    currency: str

    def __reduce__(self) -> tuple[type[Price], tuple[Decimal | int, str]]:
        """As of ``Measurement``."""
        return Price, (self.amount, self.currency)


@dataclass(frozen=True, slots=True)
class MediaRef:
    """A file that the source holds; its bytes come from ``Source.open_media``.

    Attributes:
        code: the source's name for this content; a replaced file gets another code.
        filename: the name to show to people.
        owner: of a file of a linked record or asset: that one's code.
    """

    code: str
    filename: str = ""
    owner: str = ""


@dataclass(frozen=True, slots=True)
class ParentKey:
    """A reference to a record of the target by its key there: the value of a lookup field.

    Attributes:
        object: the object that holds the record, as the target names it.
        field: its key field.
        key: the key's value.
    """

    object: str
    field: str
    key: str


class Blank(Enum):
    """The two states a field can be in beside having a value; never one null for both."""

    CLEAR = "clear"
    LEAVE = "leave"

    def __repr__(self) -> str:
        return f"<{self.value}>"


Scalar: TypeAlias = str | int | Decimal | bool | date | datetime | time
SourceValue: TypeAlias = (
    Scalar
    | Measurement
    | MediaRef
    | tuple[str, ...]
    | tuple[Price, ...]
    | tuple[MediaRef, ...]
    | tuple[dict[str, object], ...]
    | dict[str, object]
    | None
)
TargetValue: TypeAlias = Scalar | ParentKey | MediaRef | tuple[str, ...] | None


class Localized(NamedTuple):
    """One value of an attribute.

    Attributes:
        locale: the locale it is valid in, None when the attribute is not localizable.
        channel: the channel it is valid in, None when the attribute is not scopable.
        data: the value, already in the types of this module.
    """

    locale: str | None
    channel: str | None
    data: SourceValue


class Secret:
    """A text that must not be shown: it came from the environment or a file.

    ``repr``, ``str`` and formatting show ``***``; only ``reveal`` gives the text.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text itself, to be handed to the service that needs it and to nobody else."""
        return self._text

    def __repr__(self) -> str:
        return "***"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash(("Secret", self._text))


def reveal(value: str | Secret) -> str:
    """The text of a setting, whether it was written plainly or came from a reference."""
    return value.reveal() if isinstance(value, Secret) else value
