"""Measurements from one unit to another, exactly as the PIM's own tables say, in decimal arithmetic.

Akeneo's ``convert_from_standard`` lists operations that, despite the name, turn an amount in the unit *into* the
standard unit (measurement families: 1 cm² → mul 0.0001 → m²); the way back inverts them in reverse order.
"""

from __future__ import annotations

from decimal import Context, Decimal, DivisionByZero

from sync_engine.sdk.source import Unit, UnitFamily
from sync_engine.sdk.values import Measurement

PRECISION = Context(prec=34)


class UnknownUnit(Exception):
    """A unit is not one of the family, or its table cannot be inverted; the message says which."""


def convert(value: Measurement, unit: str, family: UnitFamily) -> Decimal:
    """The amount of a measurement in another unit of its family.

    Args:
        value: amount and unit as the source gives them.
        unit: code of the wanted unit.
        family: the family of both units.

    Raises:
        UnknownUnit: one of the units is not of the family.
    """
    amount = Decimal(value.amount)
    if value.unit == unit:
        return amount
    return _from_standard(_to_standard(amount, _unit(value.unit, family)), _unit(unit, family))


def _unit(code: str, family: UnitFamily) -> Unit:
    unit = family.units.get(code)
    if unit is None:
        raise UnknownUnit(f"{code!r} is no unit of the family {family.code}")
    return unit


def _to_standard(amount: Decimal, unit: Unit) -> Decimal:
    for operator, number in unit.to_standard:
        amount = _apply(operator, amount, number, unit)
    return amount


_INVERSE = {"add": "sub", "sub": "add", "mul": "div", "div": "mul"}


def _from_standard(amount: Decimal, unit: Unit) -> Decimal:
    for operator, number in reversed(unit.to_standard):
        amount = _apply(_INVERSE.get(operator, operator), amount, number, unit)
    return amount


def _apply(operator: str, amount: Decimal, number: Decimal, unit: Unit) -> Decimal:
    operations = {
        "add": PRECISION.add,
        "sub": PRECISION.subtract,
        "mul": PRECISION.multiply,
        "div": PRECISION.divide,
    }
    if operator not in operations:
        raise UnknownUnit(f"the unit {unit.code} is defined by {operator!r}, which is no operation")
    try:
        return operations[operator](amount, number)
    except DivisionByZero:
        raise UnknownUnit(f"the unit {unit.code} is defined by a division by zero") from None
