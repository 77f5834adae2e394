"""What expressions see of a record: source values as plain text, numbers and lists that know a little more.

Dates and moments are ISO 8601 text, so that ``release_date >= '2025-01-01'`` is what it looks like. No value is none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from sync_engine.sdk.source import Attribute, Kind, SourceSchema, UnitFamily
from sync_engine.sdk.units import convert
from sync_engine.sdk.values import Measurement, MediaRef, Price

MakeVariable = Callable[[object], object]


class Code(str):
    """A code that knows its labels; else it is the text of the code."""

    __slots__ = ("labels", "locale")
    labels: Mapping[str, str]
    locale: str | None

    def label(self, locale: str | None = None) -> str:
        """The label in a locale (the mapping's own by default), the code itself when there is none."""
        return self.labels.get(locale or self.locale or "") or str(self)


@dataclass(frozen=True, slots=True)
class Amount:
    """A measurement; ``| unit('KILOGRAM')`` makes a number of it."""

    amount: Decimal | int
    unit: str
    family: UnitFamily | None

    def converted(self, unit: str) -> Decimal:
        """The amount in another unit."""
        if self.family is None:
            return Decimal(self.amount)
        return convert(Measurement(self.amount, self.unit), unit, self.family)

    def __str__(self) -> str:
        return f"{self.amount} {self.unit}"


class Prices(dict[str, Decimal | int]):
    """Amounts by currency; a currency without a price is none."""

    def __missing__(self, currency: str) -> None:
        return None


def variable_maker(attribute: Attribute, schema: SourceSchema, locale: str | None) -> MakeVariable:
    """A function that turns an attribute's data into what expressions see.

    Args:
        attribute: whose data it will get.
        schema: has the unit families.
        locale: in which labels are looked up by default.
    """
    kind = attribute.kind
    if attribute.options is not None:
        labels = {each.code: each.labels for each in attribute.options}

        def coded(code: str) -> Code:
            made = Code(code)
            made.labels = labels.get(code, {})
            made.locale = locale
            return made

        return lambda data: (
            tuple(map(coded, data)) if isinstance(data, tuple) else coded(data) if isinstance(data, str) else None
        )
    if kind is Kind.MEASUREMENT:
        family = schema.unit_families.get(attribute.unit_family or "")
        return lambda data: Amount(data.amount, data.unit, family) if isinstance(data, Measurement) else None
    if kind is Kind.PRICES:
        return lambda data: (
            Prices({each.currency: each.amount for each in data if isinstance(each, Price)})
            if isinstance(data, tuple)
            else Prices()
        )
    return _plain


def _plain(data: object) -> object:
    if isinstance(data, (datetime, date)):
        return data.isoformat()
    if isinstance(data, MediaRef):
        return data.code
    if isinstance(data, tuple):
        return tuple(map(_plain, data))
    return data
