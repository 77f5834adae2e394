"""Exact numbers: arithmetic and reading text as a number."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, Context, Decimal, DivisionByZero, InvalidOperation

from sync_engine.expressions.errors import EvaluationFailed
from sync_engine.expressions.values import MAX_DIGITS, in_range, kind_of

Number = int | Decimal

SIGNIFICANT_DIGITS = 50
_NUMBER = re.compile(r"[+-]?[0-9]{1,38}(\.[0-9]{1,38})?\Z")
_MAX_DECIMALS = MAX_DIGITS


def _context(rounding: str = ROUND_HALF_EVEN, digits: int = SIGNIFICANT_DIGITS) -> Context:
    return Context(digits, rounding, traps=[DivisionByZero, InvalidOperation])


def as_number(value: object, doing: str) -> Number:
    """The value, which must be a number.

    Args:
        value: any.
        doing: what it is needed for, to begin the message with.
    """
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return value
    if value is None:
        raise EvaluationFailed("NO_VALUE", f"{doing} needs a number, and there is no value")
    hint = ""
    if isinstance(value, str):
        hint = "; `number` reads a text as a number"
    elif kind_of(value) == "a measurement":
        hint = "; `unit('…')` gives the amount"
    raise EvaluationFailed("WRONG_TYPE", f"{doing} needs a number, not {kind_of(value)}{hint}")


def parse(text: str) -> Decimal | None:
    """The number that a text holds, None for an empty one.

    A point separates decimals. ``1,5`` and ``1.234,50`` are refused, because a comma means different things in
    different countries; ``text | replace(',', '.') | number`` says which.
    """
    text = text.strip()
    if not text:
        return None
    if not _NUMBER.match(text):
        raise EvaluationFailed("NOT_A_NUMBER", f"{text[:40]!r} is not a number such as 1234.5")
    return Decimal(text)


def rounded(number: Number, places: object) -> Decimal:
    """The number with exactly that many decimals, half of the last one rounded up (away from zero)."""
    if not isinstance(places, int) or isinstance(places, bool) or not 0 <= places <= _MAX_DECIMALS:
        raise EvaluationFailed("WRONG_TYPE", f"the number of decimals must be from 0 to {_MAX_DECIMALS}")
    exact = _context(ROUND_HALF_UP, 2 * MAX_DIGITS + 2)
    return Decimal(in_range(number)).quantize(Decimal(1).scaleb(-places), context=exact)


def truncated(number: Number) -> int:
    """The number without its decimals."""
    return int(Decimal(in_range(number)).to_integral_value(ROUND_DOWN))


def calculate(operator: str, left: Number, right: Number) -> Number:
    """``+ - * / // %`` on two numbers.

    Whole numbers give whole numbers, except by ``/``. Everything else is decimal with 50 significant digits.
    """
    left, right = in_range(left), in_range(right)
    if operator in ("/", "//", "%") and not right:
        raise EvaluationFailed("DIVISION_BY_ZERO", f"a number cannot be divided by zero (`{operator}`)")
    if isinstance(left, int) and isinstance(right, int) and operator != "/":
        return in_range(_WHOLE[operator](left, right))
    return in_range(_DECIMAL[operator](_context(), Decimal(left), Decimal(right)))


def _floor(context: Context, left: Decimal, right: Decimal) -> Decimal:
    """Rounded down, as for whole numbers; Decimal itself would round towards zero."""
    quotient, remainder = context.divmod(left, right)
    return context.subtract(quotient, Decimal(1)) if remainder and (remainder < 0) != (right < 0) else quotient


def _modulo(context: Context, left: Decimal, right: Decimal) -> Decimal:
    """With the sign of the divisor, as for whole numbers."""
    remainder = context.remainder(left, right)
    return context.add(remainder, right) if remainder and (remainder < 0) != (right < 0) else remainder


_WHOLE: dict[str, Callable[[int, int], int]] = {
    "+": int.__add__,
    "-": int.__sub__,
    "*": int.__mul__,
    "//": int.__floordiv__,
    "%": int.__mod__,
}
_DECIMAL: dict[str, Callable[[Context, Decimal, Decimal], Decimal]] = {
    "+": Context.add,
    "-": Context.subtract,
    "*": Context.multiply,
    "/": Context.divide,
    "//": _floor,
    "%": _modulo,
}
