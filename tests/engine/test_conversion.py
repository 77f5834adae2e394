"""The matrix of types: what each field takes, as what, and why it refuses the rest."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_engine.catalog.mapping import FieldMapping, ValueRule
from sync_engine.compiler.conversion import Unconvertible, compatible, converter
from sync_engine.sdk.source import Kind
from sync_engine.sdk.target import FieldDescription, FieldType, Owner, PicklistValue, Reason
from sync_engine.sdk.values import Measurement, MediaRef, ParentKey, Price

BERLIN = ZoneInfo("Europe/Berlin")
CHOICES = (PicklistValue("Video", "Video"), PicklistValue("Audio", "Audio"), PicklistValue("Old", "Old", active=False))
FIELDS: Mapping[str, FieldDescription] = {
    name: FieldDescription(name, name, type_, **options)  # type: ignore[arg-type]
    for name, type_, options in (
        ("Text", FieldType.TEXT, {"length": 10}),
        ("Long", FieldType.TEXTAREA, {"length": 32_000}),
        ("Rich", FieldType.RICH_TEXT, {"length": 32_000}),
        ("Choice", FieldType.PICKLIST, {"length": 255, "restricted": True, "picklist": CHOICES}),
        ("Open", FieldType.PICKLIST, {"length": 255, "picklist": CHOICES}),
        ("Choices", FieldType.MULTIPICKLIST, {"length": 4099, "restricted": True, "picklist": CHOICES}),
        ("OpenChoices", FieldType.MULTIPICKLIST, {"length": 8}),
        ("Yes", FieldType.BOOLEAN, {}),
        ("Whole", FieldType.INTEGER, {"precision": 4}),
        ("Number", FieldType.DECIMAL, {"precision": 6, "scale": 2}),
        ("Share", FieldType.PERCENT, {"precision": 5, "scale": 2}),
        ("Money", FieldType.CURRENCY, {"precision": 18, "scale": 2}),
        ("Day", FieldType.DATE, {}),
        ("Moment", FieldType.DATETIME, {}),
        ("Clock", FieldType.TIME, {}),
        ("Mail", FieldType.EMAIL, {"length": 80}),
        ("Phone", FieldType.PHONE, {"length": 40}),
        ("Web", FieldType.URL, {"length": 255}),
        ("Parent", FieldType.REFERENCE, {"length": 18}),
        ("Id", FieldType.ID, {"length": 18}),
        ("File", FieldType.FILE, {}),
        ("Formula", FieldType.OTHER, {"not_writable": "it is a formula"}),
    )
}


def convert(field: str, value: object) -> object:
    return converter(FIELDS[field], BERLIN)(value)


def refusal(field: str, value: object) -> Reason:
    with pytest.raises(Unconvertible) as caught:
        convert(field, value)
    assert caught.value.reason.field == field
    return caught.value.reason


PARENT = ParentKey("Product2", "PIM_Id__c", "a" * 40)


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("Text", "012", "012"),
        ("Text", "12E4", "12E4"),
        ("Text", "ä" * 10, "ä" * 10),
        ("Text", "😀" * 10, "😀" * 10),
        ("Text", "a\tb\nc\rd", "a\tb\nc\rd"),
        ("Text", 7, "7"),
        ("Text", Decimal("1.50"), "1.50"),
        ("Text", Decimal("1.2E+5"), "120000"),
        ("Text", True, "true"),
        ("Text", date(2025, 1, 31), "2025-01-31"),
        ("Text", "#N/A", "#N/A"),
        ("Rich", "<p>x</p>", "<p>x</p>"),
        ("Choice", "Video", "Video"),
        ("Open", "Anything", "Anything"),
        ("Choices", ("Video", "Audio", "Video", ""), ("Audio", "Video")),
        ("Choices", "Audio", ("Audio",)),
        ("OpenChoices", ("b", 1), ("1", "b")),
        ("Yes", True, True),
        ("Yes", False, False),
        ("Whole", 9999, 9999),
        ("Whole", Decimal("12.00"), 12),
        ("Whole", Decimal("1E+3"), 1000),
        ("Number", Decimal("1234.56"), Decimal("1234.56")),
        ("Number", Decimal("-9999.990"), Decimal("-9999.990")),
        ("Number", 0, Decimal(0)),
        ("Number", Decimal("0E+999999999"), Decimal(0)),
        ("Share", Decimal("99.5"), Decimal("99.5")),
        ("Money", Decimal("0.1"), Decimal("0.1")),
        ("Day", date(2025, 1, 31), date(2025, 1, 31)),
        ("Day", "2025-01-31", date(2025, 1, 31)),
        ("Day", datetime(2025, 1, 31, 23, 30, tzinfo=UTC), date(2025, 2, 1)),
        ("Day", "2025-01-31T23:30:00+00:00", date(2025, 2, 1)),
        ("Moment", date(2025, 7, 1), datetime(2025, 6, 30, 22, tzinfo=UTC)),
        ("Moment", "2025-01-01", datetime(2024, 12, 31, 23, tzinfo=UTC)),
        ("Moment", "2025-01-01T10:00:00Z", datetime(2025, 1, 1, 10, tzinfo=UTC)),
        ("Moment", datetime(2025, 1, 1, 10, tzinfo=timezone(timedelta(hours=5))), datetime(2025, 1, 1, 5, tzinfo=UTC)),
        ("Moment", datetime(2025, 1, 1, 10), datetime(2025, 1, 1, 9, tzinfo=UTC)),  # noqa: DTZ001  the catalog's zone
        ("Clock", "14:30", time(14, 30)),
        ("Clock", "14:30:15.5", time(14, 30, 15, 500_000)),
        ("Clock", time(1, 2), time(1, 2)),
        ("Mail", " a.b@c.example ", "a.b@c.example"),
        ("Phone", "+49 30 1234", "+49 30 1234"),
        ("Web", "https://example.com/a?b=c", "https://example.com/a?b=c"),
        ("Web", "example.com", "example.com"),
        ("Parent", PARENT, PARENT),
        ("Parent", "a0B000000000001", "a0B000000000001"),
        ("Id", "a0B000000000001AAA", "a0B000000000001AAA"),
    ],
)
def test_a_field_takes(field: str, value: object, expected: object) -> None:
    found = convert(field, value)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("field", "value", "code", "owner", "says"),
    [
        ("Text", "a" * 11, "TOO_LONG", Owner.DATA, "11 characters, Text takes 10"),
        ("Text", "a\x00b", "CONTROL_CHARACTER", Owner.DATA, "U+0000"),
        ("Text", "a\x1bb", "CONTROL_CHARACTER", Owner.DATA, "U+001B"),
        ("Text", "a\ud800b", "CONTROL_CHARACTER", Owner.DATA, "U+D800"),
        ("Text", ("a", "b"), "WRONG_TYPE", Owner.MAPPING, "`join`"),
        ("Text", Measurement(1, "GRAM"), "WRONG_TYPE", Owner.MAPPING, "a measurement"),
        ("Text", MediaRef("a"), "WRONG_TYPE", Owner.MAPPING, "a file"),
        ("Text", Decimal("NaN"), "NOT_A_NUMBER", Owner.DATA, "NaN"),
        ("Text", Decimal("1E+999999999"), "OUT_OF_RANGE", Owner.DATA, "100 digits"),
        ("Choice", "Vido", "NOT_IN_PICKLIST", Owner.DATA, "Did you mean `Video`?"),
        ("Choice", "video", "NOT_IN_PICKLIST", Owner.DATA, "Did you mean `Video`?"),
        ("Choice", "Old", "NOT_IN_PICKLIST", Owner.DATA, "picklist Choice"),
        ("Choices", ("Video", "Radio"), "NOT_IN_PICKLIST", Owner.DATA, "'Radio'"),
        ("OpenChoices", ("a;b",), "SEPARATOR_IN_VALUE", Owner.DATA, "semicolon"),
        ("OpenChoices", "a;b", "SEPARATOR_IN_VALUE", Owner.DATA, "as a list"),
        ("OpenChoices", ("abcd", "efgh"), "TOO_LONG", Owner.DATA, "9 characters"),
        ("OpenChoices", ("a\x00",), "CONTROL_CHARACTER", Owner.DATA, "U+0000"),
        ("Yes", "true", "WRONG_TYPE", Owner.MAPPING, "neither true nor false"),
        ("Yes", 1, "WRONG_TYPE", Owner.MAPPING, "neither true nor false"),
        ("Whole", "7", "NOT_A_NUMBER", Owner.MAPPING, "`number: true`"),
        ("Whole", True, "NOT_A_NUMBER", Owner.MAPPING, "yes/no"),
        ("Whole", Decimal("1.5"), "TOO_MANY_DECIMALS", Owner.DATA, "`round`"),
        ("Whole", 10_000, "OUT_OF_RANGE", Owner.DATA, "5 digits"),
        ("Number", Decimal("1.234"), "TOO_MANY_DECIMALS", Owner.DATA, "3 decimals, Number takes 2"),
        ("Number", Decimal("12345"), "OUT_OF_RANGE", Owner.DATA, "takes 4"),
        ("Number", Decimal("Infinity"), "NOT_A_NUMBER", Owner.DATA, "Infinity"),
        ("Number", Decimal("1E+999999999"), "OUT_OF_RANGE", Owner.DATA, "100 digits"),
        ("Number", Decimal("1E-999999999"), "OUT_OF_RANGE", Owner.DATA, "100 digits"),
        ("Number", Price(1, "EUR"), "NOT_A_NUMBER", Owner.MAPPING, "a price"),
        ("Day", "31.01.2025", "NOT_A_DATE", Owner.DATA, "YYYY-MM-DD"),
        ("Day", "20250131", "NOT_A_DATE", Owner.DATA, "YYYY-MM-DD"),
        ("Day", "2025-W05-1", "NOT_A_DATE", Owner.DATA, "YYYY-MM-DD"),
        ("Day", "2025-02-30", "NOT_A_DATE", Owner.DATA, "exists"),
        ("Day", 20250131, "NOT_A_DATE", Owner.MAPPING, "no date"),
        ("Day", datetime.max.replace(tzinfo=UTC), "NOT_A_DATE", Owner.DATA, "out of range"),
        ("Moment", "2025-01-01T10:00:00", "NOT_A_DATE", Owner.DATA, "offset"),
        ("Moment", date.min, "NOT_A_DATE", Owner.DATA, "out of range"),
        ("Clock", "1430", "NOT_A_TIME", Owner.DATA, "hh:mm"),
        ("Clock", "25:00", "NOT_A_TIME", Owner.DATA, "hh:mm"),
        ("Mail", "a@b", "BAD_EMAIL", Owner.DATA, "'a@b'"),
        ("Mail", "a b@c.de", "BAD_EMAIL", Owner.DATA, "e-mail"),
        ("Mail", "a" * 80 + "@c.de", "TOO_LONG", Owner.DATA, "takes 80"),
        ("Phone", "1" * 41, "TOO_LONG", Owner.DATA, "takes 40"),
        ("Web", "not a page", "BAD_URL", Owner.DATA, "web address"),
        ("Web", "https://", "BAD_URL", Owner.DATA, "web address"),
        ("Parent", "camera-1", "BAD_ID", Owner.DATA, "15 or 18"),
        ("File", "x", "WRONG_TYPE", Owner.MAPPING, "a text is no file; files are sent by `media`"),
        ("Formula", "x", "NOT_WRITABLE", Owner.MAPPING, "it is a formula"),
    ],
)
def test_a_field_refuses(field: str, value: object, code: str, owner: Owner, says: str) -> None:
    reason = refusal(field, value)
    assert (reason.code, reason.owner) == (code, owner)
    assert says in reason.message


def test_a_reason_does_not_repeat_the_whole_of_a_long_value() -> None:
    for field in ("Day", "Clock", "OpenChoices"):
        assert len(refusal(field, "x;" * 30_000).message) < 400


TAKES: Mapping[Kind, str] = {
    Kind.IDENTIFIER: "Text Long Rich Choice Open Mail Phone Web Parent Id Clock",
    Kind.TEXT: "Text Long Rich Choice Open Choices OpenChoices Mail Phone Web Parent Id Clock",
    Kind.TEXTAREA: "Text Long Rich Choice Open Mail Phone Web Parent Id",
    Kind.NUMBER: "Text Long Rich Whole Number Share Money",
    Kind.MEASUREMENT: "",
    Kind.PRICES: "",
    Kind.BOOLEAN: "Text Long Rich Yes",
    Kind.DATE: "Text Long Rich Day Moment",
    Kind.DATETIME: "Text Long Rich Day Moment",
    Kind.SELECT: "Text Long Rich Choice Open Choices OpenChoices Mail Phone Web Parent Id",
    Kind.MULTISELECT: "Choices OpenChoices",
    Kind.CATEGORIES: "Choices OpenChoices",
    Kind.FAMILY: "Text Long Rich Choice Open Mail Phone Web Parent Id",
    Kind.COMPLETENESS: "Text Long Rich Whole Number Share Money",
    Kind.TABLE: "",
    Kind.IMAGE: "",
}


def mapping(**options: object) -> FieldMapping:
    return FieldMapping("X", ValueRule("x"), **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", list(TAKES))
def test_each_kind_fits_these_fields_without_options(kind: Kind) -> None:
    fits = [name for name, field in FIELDS.items() if compatible(kind, field, mapping()) is None]
    assert sorted(fits) == sorted(TAKES[kind].split())


@pytest.mark.parametrize(
    ("kind", "field", "options", "without"),
    [
        (Kind.MEASUREMENT, "Number", {"unit": "KILOGRAM"}, "`unit`"),
        (Kind.PRICES, "Money", {"currency": "EUR"}, "`currency`"),
        (Kind.MULTISELECT, "Text", {"join": ", "}, "`join`"),
        (Kind.MULTISELECT, "Long", {"join": ";"}, "`join`"),
        (Kind.TEXT, "Number", {"number": True}, "`number: true`"),
        (Kind.TEXT, "Yes", {"translate": {"a": True}}, "`expression`"),
        (Kind.TEXT, "Day", {"translate": {"a": "2025-01-01"}}, "`expression`"),
    ],
)
def test_an_option_makes_it_fit(kind: Kind, field: str, options: dict[str, object], without: str) -> None:
    why = compatible(kind, FIELDS[field], mapping())
    assert why is not None
    assert without in why
    assert compatible(kind, FIELDS[field], mapping(**options)) is None


VALUES = st.recursive(
    st.one_of(
        st.text(), st.text(alphabet="0123456789-:.TZ+", max_size=30), st.integers(), st.decimals(), st.booleans(),
        st.dates(), st.datetimes(), st.datetimes(timezones=st.timezones()), st.times(), st.just(PARENT),
        st.builds(Measurement, st.integers(), st.just("GRAM")), st.builds(MediaRef, st.text(max_size=3)), st.none(),
    ),
    lambda inner: st.lists(inner, max_size=3).map(tuple),
    max_leaves=4,
)  # fmt: skip
TYPES: Mapping[str, tuple[type, ...]] = {
    **dict.fromkeys(("Text", "Long", "Rich", "Choice", "Open", "Mail", "Phone", "Web", "Id"), (str, ParentKey)),
    **dict.fromkeys(("Choices", "OpenChoices"), (tuple,)),
    **dict.fromkeys(("Number", "Share", "Money"), (Decimal,)),
    "Whole": (int,), "Yes": (bool,), "Day": (date,), "Moment": (datetime,), "Clock": (time,),
    "Parent": (str, ParentKey),
}  # fmt: skip


@given(st.sampled_from(sorted(FIELDS)), VALUES)
def test_any_value_becomes_the_fields_type_or_a_reason(field: str, value: object) -> None:
    try:
        found = convert(field, value)
    except Unconvertible:
        return
    assert isinstance(found, TYPES[field])
    assert not isinstance(found, float)
