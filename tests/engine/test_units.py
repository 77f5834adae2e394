"""Conversion of measurements, also over every unit of the real measurement families."""

from __future__ import annotations

import json
from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sync_engine.sdk.source import Unit, UnitFamily
from sync_engine.sdk.units import DIGITS, UnknownUnit, convert
from sync_engine.sdk.values import Measurement

FAMILIES_FILE = Path(__file__).parents[3] / "shared" / "data" / "icecat" / "measurement-families.jsonl"


def family(code: str, standard: str, **units: list[tuple[str, str]]) -> UnitFamily:
    made = {
        unit: Unit(unit, unit.lower(), tuple((operation, Decimal(number)) for operation, number in operations))
        for unit, operations in units.items()
    }
    return UnitFamily(code, standard, made)


WEIGHT = family("Weight", "KILOGRAM", KILOGRAM=[("mul", "1")], GRAM=[("mul", "0.001")], TON=[("mul", "1000")])
TEMPERATURE = family(
    "Temperature",
    "KELVIN",
    KELVIN=[("mul", "1")],
    CELSIUS=[("add", "273.15")],
    FAHRENHEIT=[("sub", "32"), ("div", "1.8"), ("add", "273.15")],
)


@pytest.mark.parametrize(
    ("amount", "unit", "wanted", "of", "expected"),
    [
        ("533.0000", "GRAM", "KILOGRAM", WEIGHT, "0.533"),
        ("2", "TON", "GRAM", WEIGHT, "2000000"),
        ("0", "GRAM", "TON", WEIGHT, "0"),
        ("-40", "CELSIUS", "FAHRENHEIT", TEMPERATURE, "-40"),
        ("212", "FAHRENHEIT", "CELSIUS", TEMPERATURE, "100"),
        ("0.1", "KILOGRAM", "GRAM", WEIGHT, "100"),
    ],
)
def test_an_amount_is_converted_exactly(amount: str, unit: str, wanted: str, of: UnitFamily, expected: str) -> None:
    assert str(convert(Measurement(Decimal(amount), unit), wanted, of)) == expected


def test_an_amount_in_the_wanted_unit_stays_as_it_is() -> None:
    assert str(convert(Measurement(Decimal("533.0000"), "GRAM"), "GRAM", WEIGHT)) == "533.0000"


@pytest.mark.parametrize(("unit", "wanted"), [("POUND", "GRAM"), ("GRAM", "POUND"), ("gram", "KILOGRAM")])
def test_an_unknown_unit_is_named(unit: str, wanted: str) -> None:
    with pytest.raises(UnknownUnit, match=r"`(POUND|gram)` is no unit of the family Weight"):
        convert(Measurement(1, unit), wanted, WEIGHT)


@pytest.mark.parametrize("operations", [[("mul", "0")], [("div", "0")], [("pow", "2")]])
def test_a_unit_that_cannot_be_undone_fails_as_an_unknown_one(operations: list[tuple[str, str]]) -> None:
    broken = family("Odd", "ONE", ONE=[("mul", "1")], NIL=operations)
    with pytest.raises(UnknownUnit, match="describes it wrongly"):
        convert(Measurement(1, "ONE"), "NIL", broken)


def real_families() -> list[UnitFamily]:
    if not FAMILIES_FILE.exists():
        return [WEIGHT, TEMPERATURE]
    found = []
    for line in FAMILIES_FILE.read_text("utf-8").splitlines():
        data = json.loads(line)
        units = {
            code: Unit(
                code,
                unit["symbol"],
                tuple((step["operator"], Decimal(step["value"])) for step in unit["convert_from_standard"]),
            )
            for code, unit in data["units"].items()
        }
        found.append(UnitFamily(data["code"], data["standard_unit_code"], units))
    return found


REAL = [(each, unit) for each in real_families() for unit in each.units]


@given(
    st.sampled_from(REAL),
    st.decimals(min_value=-(10**9), max_value=10**9, places=4, allow_nan=False, allow_infinity=False),
)
def test_converting_to_the_standard_unit_and_back_gives_the_amount_again(
    place: tuple[UnitFamily, str], amount: Decimal
) -> None:
    of, unit = place
    standard = convert(Measurement(amount, unit), of.standard_unit, of)
    back = convert(Measurement(standard, of.standard_unit), unit, of)
    assert abs(back - amount) <= abs(amount) * Decimal("1e-24") + Decimal("1e-18")


PAIRS = [(each, unit, wanted) for each in real_families() for unit in each.units for wanted in each.units]
INVERSE = {"add": "sub", "sub": "add", "mul": "div", "div": "mul"}


def exactly(amount: Fraction, operations: Iterable[tuple[str, Decimal]]) -> Fraction:
    """The operations done with fractions, which lose nothing."""
    for operation, operand in operations:
        number = Fraction(operand)
        amount = {
            "add": lambda a, b: a + b,
            "sub": lambda a, b: a - b,
            "mul": lambda a, b: a * b,
            "div": lambda a, b: a / b,
        }[operation](amount, number)
    return amount


@settings(max_examples=400)
@given(st.sampled_from(PAIRS), st.decimals(min_value=-(10**9), max_value=10**9, places=4))
def test_any_unit_into_any_other_is_what_fractions_say(place: tuple[UnitFamily, str, str], amount: Decimal) -> None:
    of, unit, wanted = place
    found = convert(Measurement(amount, unit), wanted, of)
    back = [(INVERSE[operation], number) for operation, number in reversed(of.units[wanted].to_standard)]
    exact = exactly(exactly(Fraction(amount), of.units[unit].to_standard), back)
    assert len(found.as_tuple().digits) <= DIGITS
    # Where an offset is taken away, the digits before it cancel, and so many fewer are left.
    offsets = 1000 if any(operation in ("add", "sub") for operation, _ in back) else 0
    assert abs(Fraction(found) - exact) <= (abs(exact) + offsets) / 10 ** (DIGITS - 1)
    if 10**20 * exact % 1 == 0 and abs(exact) < 10**12:
        assert Fraction(found) == exact, "what a short decimal can say is said exactly"


@given(st.sampled_from(REAL), st.decimals())
def test_any_decimal_is_converted_or_refused(place: tuple[UnitFamily, str], amount: Decimal) -> None:
    of, unit = place
    try:
        found = convert(Measurement(amount, unit), of.standard_unit, of)
    except UnknownUnit:
        return
    assert isinstance(found, Decimal)
