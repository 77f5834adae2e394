"""The values that expressions work on, how each is written as text, and how large one may grow.

Text is ``str`` (or ``Coded``), numbers are ``int`` or ``Decimal``, and there are bool, None, lists as tuples, mappings
(prices by currency, a row of a table) and measurements. Nothing else ever gets into an expression or out of one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from sync_engine.expressions.errors import EvaluationFailed
from sync_engine.sdk.source import UnitFamily
from sync_engine.sdk.units import UnknownUnit, convert
from sync_engine.sdk.values import Measurement

MAX_SIZE = 65_536
"""Characters that a value may have, those of a list's items added up; the longest text area of the PIM fits."""

MAX_DIGITS = 38
"""Digits of a number in front of the decimal point."""

_TOO_GREAT = 10**MAX_DIGITS


class Coded(str):
    """A code that knows its labels.

    Args:
        code: what the data holds.
        labels: label by locale.
        locales: where a label is looked for: the locale of the mapping first.
    """

    __slots__ = ("_labels", "_locales")
    _labels: Mapping[str, str]
    _locales: Sequence[str]

    def __new__(cls, code: str, labels: Mapping[str, str], locales: Sequence[str]) -> Coded:
        """Make it; a text cannot be changed later."""
        made = super().__new__(cls, code)
        made._labels = labels
        made._locales = locales
        return made

    def label(self, locale: str | None = None) -> str:
        """The first label in the mapping's locales, or in the one that is named; the code where there is none."""
        wanted = (locale,) if locale else self._locales
        return next((self._labels[each] for each in wanted if self._labels.get(each)), str(self))


class Quantity:
    """A measurement that can be converted: ``weight | unit('KILOGRAM')``, ``weight.amount``, ``weight.unit``."""

    __slots__ = ("_family", "measurement")

    def __init__(self, measurement: Measurement, family: UnitFamily | None) -> None:
        self.measurement = measurement
        self._family = family

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Quantity) and other.measurement == self.measurement

    def __hash__(self) -> int:
        return hash(self.measurement)

    def amount_in(self, unit: str) -> Decimal:
        """The amount in another unit of the family."""
        if self._family is None:
            raise EvaluationFailed("UNKNOWN_UNIT", f"the units of this measurement are not known, {unit} neither")
        try:
            return convert(self.measurement, unit, self._family)
        except UnknownUnit as error:
            raise EvaluationFailed("UNKNOWN_UNIT", str(error)) from error


def kind_of(value: object) -> str:
    """What a value is, in words, for messages."""
    if value is None:
        return "no value"
    if isinstance(value, bool):
        return "true or false"
    for types, words in _WORDS:
        if isinstance(value, types):
            return words
    return "something else"


_WORDS: tuple[tuple[type[Any] | tuple[type[Any], ...], str], ...] = (
    (str, "a text"),
    ((int, Decimal), "a number"),
    ((tuple, list), "a list"),
    (Quantity, "a measurement"),
    (Mapping, "a mapping"),
)
_AS_TEXT = {
    "a list": "write its items as one text with `join`",
    "a measurement": "choose a unit with `unit('…')`, or write `.amount` or `.unit`",
    "a mapping": "choose an entry, such as `price.EUR`",
}


def text_of(value: object) -> str:
    """A value as it is written into a text: nothing for no value, numbers in full digits.

    Raises:
        EvaluationFailed: lists, measurements and mappings have no text of their own.
    """
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | Decimal):
        return format(in_range(value), "f") if isinstance(value, Decimal) else str(in_range(value))
    words = kind_of(value)
    hint = _AS_TEXT.get(words)
    raise EvaluationFailed("WRONG_TYPE", f"{words} cannot be written as text{f'; {hint}' if hint else ''}")


def in_range(number: int | Decimal) -> int | Decimal:
    """The number itself.

    Raises:
        EvaluationFailed: it has more than ``MAX_DIGITS`` digits before the decimal point, or is none at all.
    """
    if isinstance(number, Decimal) and (not number.is_finite() or number.as_tuple().exponent < -2 * MAX_DIGITS):  # type: ignore[operator]
        raise EvaluationFailed("OUT_OF_RANGE", "a number is too small or too great to be written")
    if not -_TOO_GREAT < number < _TOO_GREAT:
        raise EvaluationFailed("OUT_OF_RANGE", f"a number has more than {MAX_DIGITS} digits")
    return number


def limited(value: object) -> object:
    """The value itself.

    Raises:
        EvaluationFailed: it is larger than a value may be.
    """
    if isinstance(value, str | tuple | list | Mapping) and size_of(value) > MAX_SIZE:
        raise EvaluationFailed("TOO_LARGE", f"a value has more than {MAX_SIZE:,} characters")
    return value


def size_of(value: object) -> int:
    """Characters of a text, of all items of a list; every value counts for one at least."""
    if isinstance(value, str):
        return len(value) or 1
    if isinstance(value, tuple | list):
        total = 1
        for item in value:
            total += size_of(item)
            if total > MAX_SIZE:
                break
        return total
    if isinstance(value, Mapping):
        return size_of(tuple(value.values()))
    return 1


def result(value: object) -> object:
    """What leaves an expression: plain texts and tuples, a measurement as ``sdk.values`` has it.

    Raises:
        EvaluationFailed: the value is too large, or nothing that can be a result.
    """
    if isinstance(value, str):
        return str(limited(value))
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int | Decimal):
        return in_range(value)
    if isinstance(value, tuple | list):
        limited(value)
        return tuple(map(result, value))
    if isinstance(value, Quantity):
        return value.measurement
    raise EvaluationFailed("WRONG_TYPE", f"{kind_of(value)} cannot be the result of an expression")
