"""Normal form: what the org will hold, told before it is written."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.plugins.salesforce.orgs import Crm, batch, read, write

from sync_engine.sdk.target import FieldDescription, FieldType
from sync_engine.sdk.values import ParentKey, TargetValue
from sync_engine_salesforce.values import long_id, normal_form

EAST = timezone(timedelta(hours=5, minutes=30))


def field(type_: FieldType, scale: int = 0) -> FieldDescription:
    return FieldDescription("F__c", "F", type_, scale=scale)


@pytest.mark.parametrize(
    ("type_", "scale", "given_", "held"),
    [
        (FieldType.TEXT, 0, "  a b \t", "a b"),
        (FieldType.TEXT, 0, " \n ", None),
        (FieldType.TEXT, 0, "", None),
        (FieldType.TEXT, 0, "012", "012"),
        (FieldType.TEXTAREA, 0, "a\r\nb\r\n", "a\nb"),
        (FieldType.TEXTAREA, 0, "a\rb", "a\nb"),
        (FieldType.PICKLIST, 0, " Red ", "Red"),
        (FieldType.DECIMAL, 2, Decimal("0.125"), Decimal("0.13")),
        (FieldType.DECIMAL, 2, Decimal("-0.125"), Decimal("-0.13")),
        (FieldType.DECIMAL, 2, Decimal("1.10"), Decimal("1.1")),
        (FieldType.DECIMAL, 3, Decimal("1E+3"), Decimal(1000)),
        (FieldType.DECIMAL, 2, Decimal("-0.001"), Decimal(0)),
        (FieldType.DECIMAL, 2, 5, Decimal(5)),
        (FieldType.DECIMAL, 4, Decimal("9" * 40 + ".00005"), Decimal("9" * 40 + ".0001")),
        (FieldType.CURRENCY, 2, Decimal("2.675"), Decimal("2.68")),
        (FieldType.PERCENT, 0, Decimal("12.5"), Decimal(13)),
        (FieldType.INTEGER, 0, Decimal("2.5"), 3),
        (FieldType.MULTIPICKLIST, 0, ("b", " a", "b", ""), ("a", "b")),
        (FieldType.MULTIPICKLIST, 0, (), None),
        (FieldType.BOOLEAN, 0, False, False),
        (FieldType.DATE, 0, date(2024, 2, 29), date(2024, 2, 29)),
        (
            FieldType.DATETIME,
            0,
            datetime(2026, 1, 31, 12, 0, 0, 999999, EAST),
            datetime(2026, 1, 31, 6, 30, tzinfo=UTC),
        ),
        (FieldType.DATETIME, 0, datetime(2026, 1, 31, 12), datetime(2026, 1, 31, 12, tzinfo=UTC)),  # noqa: DTZ001
        (FieldType.TIME, 0, time(8, 30, 0, 1999), time(8, 30, 0, 1000)),
        (FieldType.REFERENCE, 0, "a0B5g00000AbCdE", "a0B5g00000AbCdEEAV"),
        (FieldType.REFERENCE, 0, ParentKey("A", "K", " Ab "), ParentKey("A", "K", "Ab")),
        (FieldType.REFERENCE, 0, ParentKey("A", "K", " "), None),
        (FieldType.TEXT, 0, None, None),
    ],
)
def test_a_value_has_the_form_in_which_the_org_will_hold_it(
    type_: FieldType, scale: int, given_: TargetValue, held: TargetValue
) -> None:
    found = normal_form(field(type_, scale), given_)
    assert found == held
    assert type(found) is type(held)
    assert str(found) == str(held)


VALUES: dict[FieldType, st.SearchStrategy[Any]] = {
    FieldType.TEXT: st.text(),
    FieldType.RICH_TEXT: st.text(alphabet=" \r\n\t<b>\u00a0\u2028"),
    FieldType.REFERENCE: st.from_regex(r"[A-Za-z0-9]{14,18}", fullmatch=True),
    FieldType.DECIMAL: st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**30), max_value=10**30),
    FieldType.INTEGER: st.integers() | st.decimals(-(10**9), 10**9),
    FieldType.MULTIPICKLIST: st.lists(st.text()).map(tuple),
    FieldType.DATETIME: st.datetimes(min_value=datetime(1700, 1, 2), timezones=st.just(EAST)),  # noqa: DTZ001
    FieldType.TIME: st.times(),
}


@pytest.mark.parametrize("type_", VALUES)
def test_the_normal_form_of_a_normal_form_is_itself(type_: FieldType) -> None:
    description = field(type_, scale=3)

    @given(VALUES[type_])
    def check(value: Any) -> None:
        once = normal_form(description, value)
        twice = normal_form(description, once)
        assert (twice, str(twice)) == (once, str(once))

    check()


def test_the_long_form_of_an_id_is_the_one_that_salesforce_gives(crm: Crm) -> None:
    assert long_id("012000000000000") == "012000000000000AAA"  # the master record type, the same in every org
    for name in ("User", "Pricebook2"):
        for row in crm.org.rows(name):
            assert long_id(row["Id"][:15]) == row["Id"]
            assert long_id(row["Id"]) == row["Id"]
    assert long_id("fifteen chars !") == "fifteen chars !"


SENT: dict[str, TargetValue] = {
    "Note__c": " \u00a0 = 1+1 \t",
    "Long__c": "\r\n a\r\nb\rc \u2028 \U0001f600 \n",
    "Weight__c": Decimal("-12345.6785"),
    "Share__c": Decimal("99.95"),
    "Price__c": Decimal("1234567890123.455"),
    "Count__c": 0,
    "Active__c": True,
    "Tags__c": ("Sale", "Eco", "New"),
    "Launch__c": date(1999, 12, 31),
    "Seen__c": datetime(2026, 1, 31, 12, 0, 0, 987654, EAST),
    "Color__c": "Blue ",
    "Mail__c": "a@b.example",
}


@pytest.mark.parametrize("mode", ["collections", "bulk"])
def test_what_is_written_in_normal_form_is_read_back_equal(crm: Crm, mode: str) -> None:
    target = crm.open()
    fields = target.describe(["Item__c"]).objects["Item__c"].fields
    wanted = {name: normal_form(fields[name], value) for name, value in SENT.items()}
    write(target, batch({"a": wanted}, mode))
    found = read(target, *SENT)["a"].values
    assert {name: normal_form(fields[name], value) for name, value in found.items()} == wanted
    assert found == wanted


@pytest.mark.parametrize("mode", ["collections", "bulk"])
@pytest.mark.parametrize("text", ["0.1", "1234567890.123", "-0.001", "999999999999.999", "100000", "0"])
def test_a_number_is_sent_digit_by_digit(crm: Crm, mode: str, text: str) -> None:
    target = crm.open()
    write(target, batch({"a": {"Weight__c": Decimal(text)}}, mode))
    assert read(target, "Weight__c")["a"].values["Weight__c"] == Decimal(text)
