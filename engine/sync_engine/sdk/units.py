"""Conversion of measurements between the units of a family.

A unit's ``to_standard`` holds the operations that turn an amount in this unit into the family's standard unit; they are
done in order, and for the way back inverted in reverse order (Akeneo REST API, "Measurement families":
``convert_from_standard``, which despite its name converts *to* the standard unit).

It stands in the sdk because mappings, expressions and filters all convert, and adapters may.
"""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Context, Decimal, DivisionByZero, InvalidOperation, Overflow

from sync_engine.sdk.source import Unit, UnitFamily
from sync_engine.sdk.values import Measurement

DIGITS = 34
"""Significant digits of a converted amount."""

_GUARD_DIGITS = 6
_INVERSE = {"add": "sub", "sub": "add", "mul": "div", "div": "mul"}


class UnknownUnit(ValueError):
    """The family does not have the unit; the text names both."""


def convert(measurement: Measurement, unit: str, family: UnitFamily) -> Decimal:
    """The amount of a measurement in another unit of its family.

    Args:
        measurement: in any unit of the family.
        unit: code of the wanted unit.
        family: holds both units.

    Returns:
        The amount with at most ``DIGITS`` significant digits, without trailing zeros behind the decimal point; the
        amount as it is when it is in the wanted unit already.

    Raises:
        UnknownUnit: the family lacks one of the units, or a unit's operations cannot be done or undone.
    """
    source, wanted = _unit(measurement.unit, family), _unit(unit, family)
    if source.code == wanted.code:
        return Decimal(measurement.amount)
    # Not the thread's context: a conversion must not depend on who calls it.
    context = Context(DIGITS + _GUARD_DIGITS, ROUND_HALF_EVEN, traps=[DivisionByZero, InvalidOperation, Overflow])
    try:
        amount = _apply(Decimal(measurement.amount), source.to_standard, context)
        inverse = tuple((_INVERSE[operation], number) for operation, number in reversed(wanted.to_standard))
        found = _apply(amount, inverse, context)
    except (ArithmeticError, KeyError) as error:
        raise UnknownUnit(
            f"{source.code} cannot be converted to {wanted.code}: the family {family.code} describes it wrongly"
        ) from error
    return _without_zeros(Context(DIGITS, ROUND_HALF_EVEN).plus(found))


def _unit(code: str, family: UnitFamily) -> Unit:
    unit = family.units.get(code)
    if unit is None:
        raise UnknownUnit(f"`{code}` is no unit of the family {family.code}")
    return unit


def _apply(amount: Decimal, operations: tuple[tuple[str, Decimal], ...], context: Context) -> Decimal:
    for operation, number in operations:
        match operation:
            case "add":
                amount = context.add(amount, number)
            case "sub":
                amount = context.subtract(amount, number)
            case "mul" if number:
                amount = context.multiply(amount, number)
            case "div" if number:
                amount = context.divide(amount, number)
            case _:
                raise KeyError(operation)
    return amount


def _without_zeros(number: Decimal) -> Decimal:
    """``1.500`` as ``1.5`` and ``5E+2`` as ``500``, the value unchanged."""
    short = number.normalize(Context(DIGITS))
    exponent = short.as_tuple().exponent
    if isinstance(exponent, int) and 0 < exponent <= DIGITS - len(short.as_tuple().digits):
        return short.quantize(Decimal(1), context=Context(DIGITS))
    return short
