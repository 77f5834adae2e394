"""Values survive being made plain, and equal normal forms have equal encodings."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_engine.planner.encoding import decoder, encode
from sync_engine.sdk.target import FieldRequest, FieldType
from sync_engine.sdk.values import ParentKey, TargetValue

PLAIN = FieldRequest("F")
PARENT = FieldRequest("F", "Product2", "Key__c")
MIDNIGHT_BERLIN = datetime(2026, 1, 1, tzinfo=timezone(timedelta(hours=1)))

EXACT = [
    (FieldType.TEXT, PLAIN, "012"),
    (FieldType.TEXT, PLAIN, "2026-01-01"),
    (FieldType.PICKLIST, PLAIN, "12E4"),
    (FieldType.BOOLEAN, PLAIN, False),
    (FieldType.INTEGER, PLAIN, 0),
    (FieldType.DATE, PLAIN, date(2024, 2, 29)),
    (FieldType.DATETIME, PLAIN, datetime(2026, 1, 1, 12, 30, 15, tzinfo=UTC)),
    (FieldType.TIME, PLAIN, time(23, 59)),
    (FieldType.MULTIPICKLIST, PLAIN, ("a", "b")),
    (FieldType.REFERENCE, PARENT, ParentKey("Product2", "Key__c", "k")),
    (FieldType.REFERENCE, PLAIN, "01t000000000001AAA"),
    (FieldType.TEXT, PLAIN, None),
]


@pytest.mark.parametrize(("type_", "request_", "value"), EXACT)
def test_a_value_comes_back_as_it_was(type_: FieldType, request_: FieldRequest, value: TargetValue) -> None:
    back = decoder(type_, request_)(encode(value))
    assert back == value
    assert type(back) is type(value)


@given(st.decimals(-(10**12), 10**12, places=6))
def test_a_number_comes_back_exactly(value: Decimal) -> None:
    assert decoder(FieldType.DECIMAL, PLAIN)(encode(value)) == value
    assert encode(value) == encode(value.normalize())


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Decimal("1.50"), Decimal("1.5")),
        (Decimal("100"), Decimal("1E2")),
        (Decimal("-0.00"), Decimal("0")),
        (MIDNIGHT_BERLIN, MIDNIGHT_BERLIN.astimezone(UTC)),
    ],
)
def test_different_spellings_of_one_value_are_no_difference(one: TargetValue, other: TargetValue) -> None:
    assert encode(one) == encode(other)


def test_an_empty_field_false_and_zero_are_three_things() -> None:
    encoded = [encode(each) for each in (None, False, 0, "")]
    assert [(type(each), each) for each in encoded] == [(type(None), None), (bool, False), (int, 0), (str, "")]
