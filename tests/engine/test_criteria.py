"""Filters on records: the PIM's semantics, and every mistake in a filter with its place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_engine.compiler.criteria import Surroundings, check_filter, compile_filter, fields_of, pick
from sync_engine.sdk.errors import Refused
from sync_engine.sdk.filters import OPERATORS, AllOf, AnyOf, Criterion, Filter, Not
from sync_engine.sdk.problem import Origin
from sync_engine.sdk.source import Attribute, Channel, Kind, Option, SourceRecord, SourceSchema, Unit, UnitFamily
from sync_engine.sdk.values import Localized, Measurement, MediaRef, Price

HERE = Origin("catalogs/a.yaml", 9, 5)
WEIGHT = UnitFamily(
    "Weight",
    "KILOGRAM",
    {"KILOGRAM": Unit("KILOGRAM", "kg", ()), "GRAM": Unit("GRAM", "g", (("mul", Decimal("0.001")),))},
)


def attribute(code: str, kind: Kind, **options: object) -> Attribute:
    return Attribute(code, kind, **options)  # type: ignore[arg-type]


KNOWN: dict[str, Attribute] = {
    each.code: each
    for each in (
        attribute("sku", Kind.IDENTIFIER),
        attribute("name", Kind.TEXT),
        attribute("title", Kind.TEXT, localizable=True, scopable=True),
        attribute("description", Kind.TEXTAREA),
        attribute("zoom", Kind.NUMBER),
        attribute("weight", Kind.MEASUREMENT, unit_family="Weight"),
        attribute("price", Kind.PRICES),
        attribute("new", Kind.BOOLEAN),
        attribute("released", Kind.DATE),
        attribute("colour", Kind.SELECT, options=(Option("red", {}), Option("blue", {}))),
        attribute("uses", Kind.MULTISELECT),
        attribute("picture", Kind.IMAGE),
        attribute("sizes", Kind.TABLE),
        attribute("link", Kind.LINK),
        attribute("uuid", Kind.UUID, is_property=True),
        attribute("enabled", Kind.BOOLEAN, is_property=True),
        attribute("family", Kind.FAMILY, is_property=True),
        attribute("categories", Kind.CATEGORIES, is_property=True),
        attribute("parent", Kind.PARENT, is_property=True),
        attribute("updated", Kind.DATETIME, is_property=True),
        attribute("quality", Kind.QUALITY, is_property=True, localizable=True, scopable=True),
        attribute("completeness", Kind.COMPLETENESS, is_property=True, localizable=True, scopable=True),
    )
}
SCHEMA = SourceSchema(
    adapter="akeneo",
    version="",
    collections={},
    attributes={},
    families=(Option("tents", {}), Option("shoes", {})),
    channels={"web": Channel("web", ("en_US", "de_DE"), ("EUR",), "master")},
    locales=("en_US", "de_DE"),
    currencies=("EUR", "USD"),
    unit_families={"Weight": WEIGHT},
)
AROUND = Surroundings(KNOWN, SCHEMA, "en_US", "web", date(2025, 6, 15))


def record(properties: Mapping[str, object] | None = None, **values: object) -> SourceRecord:
    held = {
        code: data if isinstance(data, list) else [Localized(None, None, data)]  # type: ignore[arg-type]
        for code, data in values.items()
    }
    return SourceRecord("products", "1", properties or {}, held)  # type: ignore[arg-type]


def holds(filter_: Filter, given_record: SourceRecord, around: Surroundings = AROUND) -> bool:
    assert not list(check_filter(filter_, around))
    return compile_filter(filter_, around)(given_record)


DESCRIPTION = "<p>A <b>Big</b>\n  tent &amp; more</p>"


@pytest.mark.parametrize(
    ("code", "data", "operator", "wanted", "expected"),
    [
        ("name", "Big Tent", "=", "big tent", True),
        ("name", "Big Tent", "=", "big", False),
        ("name", "Big Tent", "!=", "big", True),
        ("name", "Big Tent", "STARTS WITH", "BIG", True),
        ("name", "Big Tent", "STARTS WITH", "tent", False),
        ("name", "Big Tent", "CONTAINS", "g t", True),
        ("name", "Big Tent", "DOES NOT CONTAIN", "g t", False),
        ("name", "Big Tent", "IN", ("shoe", "BIG TENT"), True),
        ("name", "Big Tent", "NOT IN", ("shoe",), True),
        ("sku", "012", "=", "12", False),
        ("description", DESCRIPTION, "CONTAINS", "big tent", True),
        ("description", DESCRIPTION, "STARTS WITH", "<p>", False),
        ("description", DESCRIPTION, "CONTAINS", "&amp;", True),
        ("zoom", 3, "=", Decimal("3.0"), True),
        ("zoom", Decimal("2.9"), "<", 3, True),
        ("zoom", 3, "<=", 3, True),
        ("zoom", 3, ">", 3, False),
        ("zoom", 3, ">=", 3, True),
        ("zoom", 3, "!=", 4, True),
        ("weight", Measurement(500, "GRAM"), "=", {"amount": Decimal("0.5"), "unit": "KILOGRAM"}, True),
        ("weight", Measurement(500, "GRAM"), ">", {"amount": 499, "unit": "GRAM"}, True),
        ("weight", Measurement(500, "STONE"), "!=", {"amount": 499, "unit": "GRAM"}, False),
        ("price", (Price(9, "EUR"), Price(12, "USD")), "<", {"amount": 10, "currency": "EUR"}, True),
        ("price", (Price(9, "EUR"), Price(12, "USD")), "<", {"amount": 10, "currency": "USD"}, False),
        ("price", (Price(9, "EUR"),), "!=", {"amount": 10, "currency": "USD"}, False),
        ("new", True, "=", True, True),
        ("new", True, "!=", True, False),
        ("new", False, "NOT EMPTY", None, True),
        ("zoom", 0, "EMPTY", None, False),
        ("released", date(2025, 1, 31), "=", "2025-01-31", True),
        ("released", date(2025, 1, 31), "<", "2025-01-31", False),
        ("released", date(2025, 1, 31), ">", "2025-01-30T23:00:00+00:00", True),
        ("released", date(2025, 1, 31), "BETWEEN", ("2025-01-31", "2025-02-01"), True),
        ("released", date(2025, 1, 31), "NOT BETWEEN", ("2025-01-31", "2025-02-01"), False),
        ("colour", "Red", "IN", ("red",), True),
        ("colour", "green", "NOT IN", ("red",), True),
        ("uses", ("a", "b"), "IN", ("b", "c"), True),
        ("uses", ("a", "b"), "NOT IN", ("b", "c"), False),
        ("uses", ("a",), "EMPTY", None, False),
        ("picture", MediaRef("0/1/abc.jpg", "Front.jpg"), "STARTS WITH", "front", True),
        ("picture", MediaRef("0/1/abc.jpg"), "CONTAINS", "ABC", True),
        ("sizes", ({"a": 1},), "NOT EMPTY", None, True),
    ],
)
def test_an_operator_on_a_value(code: str, data: object, operator: str, wanted: object, expected: bool) -> None:
    criterion = Criterion(code, operator, wanted)
    assert holds(criterion, record(**{code: data})) is expected
    assert holds(Not(criterion), record(**{code: data})) is not expected


@pytest.mark.parametrize(
    ("operator", "code", "wanted", "expected"),
    [
        ("EMPTY", "name", None, True),
        ("NOT EMPTY", "name", None, False),
        ("=", "name", "a", False),
        ("!=", "name", "a", False),
        ("DOES NOT CONTAIN", "name", "a", False),
        ("IN", "name", ("a",), False),
        ("NOT IN", "name", ("a",), True),
        ("!=", "zoom", 1, False),
        ("<", "zoom", 1, False),
        ("!=", "new", True, False),
        ("NOT BETWEEN", "released", ("2025-01-01", "2025-02-01"), False),
        ("!=", "released", "2025-01-01", False),
        ("NOT IN", "colour", ("red",), True),
        ("EMPTY", "uses", None, True),
        ("NOT IN", "categories", ("a",), True),
        ("UNCLASSIFIED", "categories", None, True),
        ("IN OR UNCLASSIFIED", "categories", ("a",), True),
        ("NOT IN", "family", ("tents",), True),
        ("EMPTY", "parent", None, True),
        ("!=", "price", {"amount": 1, "currency": "EUR"}, False),
        ("!=", "weight", {"amount": 1, "unit": "GRAM"}, False),
        ("SINCE LAST N DAYS", "updated", 3, False),
    ],
)
@pytest.mark.parametrize("empty", ["absent", "none", "blank"])
def test_records_without_a_value_are_treated_as_the_pim_does(
    operator: str, code: str, wanted: object, expected: bool, empty: str
) -> None:
    data: dict[str, object] = {"absent": {}, "none": {code: None}, "blank": {code: ""}}[empty]  # type: ignore[assignment]
    given_record = record(data) if KNOWN[code].is_property else record(**data)
    assert holds(Criterion(code, operator, wanted), given_record) is expected


@pytest.mark.parametrize(
    ("code", "data", "operator", "wanted", "expected"),
    [
        ("enabled", True, "=", True, True),
        ("uuid", "A-1", "IN", ("a-1",), True),
        ("family", "tents", "IN", ("TENTS",), True),
        ("categories", ("a", "b"), "IN", ("b",), True),
        ("categories", ("a",), "UNCLASSIFIED", None, False),
        ("categories", ("a",), "IN OR UNCLASSIFIED", ("b",), False),
        ("parent", "model", "IN", ("model",), True),
        ("parent", "model", "NOT EMPTY", None, True),
        ("updated", datetime(2025, 6, 14, 23, tzinfo=UTC), "=", "2025-06-14 00:00:00", True),
        ("updated", datetime(2025, 6, 14, 23, tzinfo=UTC), "!=", "2025-06-14 00:00:00", False),
        ("updated", datetime(2025, 6, 14, 23, tzinfo=UTC), ">", "2025-06-14 22:59:59", True),
        ("updated", datetime(2025, 6, 14, 23, tzinfo=UTC), "<", "2025-06-15T00:30:00+02:00", False),
        ("updated", datetime(2025, 6, 14, tzinfo=UTC), "BETWEEN", ("2025-06-14 00:00:00", "2025-06-15 00:00:00"), True),
        ("updated", datetime(2025, 6, 12, tzinfo=UTC), "SINCE LAST N DAYS", 3, True),
        ("updated", datetime(2025, 6, 11, tzinfo=UTC), "SINCE LAST N DAYS", 3, False),
        ("updated", datetime(2025, 6, 11, tzinfo=UTC), "SINCE LAST N DAYS", 10**9, True),
    ],
)
def test_an_operator_on_a_property(code: str, data: object, operator: str, wanted: object, expected: bool) -> None:
    assert holds(Criterion(code, operator, wanted), record({code: data})) is expected


TITLES = [
    Localized("en_US", "web", "Tent"),
    Localized("de_DE", "web", "Zelt"),
    Localized("en_US", "print", "Shelter"),
]


def test_the_value_of_the_right_locale_and_channel_is_tested() -> None:
    given_record = record(title=TITLES)
    assert holds(Criterion("title", "=", "tent"), given_record)
    assert holds(Criterion("title", "=", "zelt", locale="de_DE"), given_record)
    assert not holds(Criterion("title", "=", "shelter"), given_record)
    assert holds(Criterion("quality", "IN", ("A",)), record({"quality": [Localized("en_US", "web", "A")]}))
    assert pick(TITLES, "en_US", "print") == "Shelter"
    assert pick(TITLES, "fr_FR", "web") is None
    assert pick([Localized("en_US", None, 1), Localized(None, None, 2)], None, None) == 2


SHARES = [Localized("en_US", "web", 100), Localized("de_DE", "web", 60), Localized("en_US", "print", 0)]


@pytest.mark.parametrize(
    ("criterion", "expected"),
    [
        (Criterion("completeness", ">=", 100), True),
        (Criterion("completeness", ">=", 100, locale="de_DE"), False),
        (Criterion("completeness", "<", 50), False),
        (Criterion("completeness", "=", 60), True),
        (Criterion("completeness", "!=", 100), True),
        (Criterion("completeness", "GREATER THAN ON ALL LOCALES", 50), True),
        (Criterion("completeness", "GREATER THAN ON ALL LOCALES", 60), False),
        (Criterion("completeness", "GREATER OR EQUALS THAN ON ALL LOCALES", 100, locales=("en_US",)), True),
        (Criterion("completeness", "LOWER OR EQUALS THAN ON ALL LOCALES", 99), False),
        (Criterion("completeness", "LOWER THAN ON ALL LOCALES", 100, locales=("de_DE",)), True),
    ],
)
def test_completeness_counts_on_any_locale_of_the_channel_or_on_all(criterion: Criterion, expected: bool) -> None:
    assert holds(criterion, record({"completeness": SHARES})) is expected
    assert holds(criterion, record()) is False


def test_filters_nest() -> None:
    red, light = Criterion("colour", "IN", ("red",)), Criterion("zoom", "<", 2)
    given_record = record(colour="red", zoom=5)
    assert holds(AnyOf((red, light)), given_record)
    assert not holds(AllOf((red, light)), given_record)
    assert holds(AllOf((red, Not(light))), given_record)
    assert holds(AllOf(()), given_record)
    assert not holds(AnyOf(()), given_record)
    assert list(fields_of(AllOf((red, Not(AnyOf((light,))))))) == ["colour", "zoom"]


@pytest.mark.parametrize(
    "criterion",
    [
        Criterion("categories", "IN CHILDREN", ("a",)),
        Criterion("categories", "NOT IN CHILDREN", ("a",)),
        Criterion("parent", "=", "a"),
    ],
)
def test_what_needs_the_trees_of_the_source_is_refused_and_not_guessed(criterion: Criterion) -> None:
    with pytest.raises(Refused, match="can only be evaluated by the source"):
        compile_filter(Not(criterion), AROUND)


def no_default(known: Mapping[str, Attribute] = KNOWN) -> Surroundings:
    return Surroundings(known, SCHEMA, None, None, date(2025, 6, 15))


@pytest.mark.parametrize(
    ("criterion", "code", "says"),
    [
        (Criterion("colr", "IN", ("red",)), "SE501", "`colour`"),
        (Criterion("link", "IN", ("a",)), "SE502", "link"),
        (Criterion("colour", "=", "red"), "SE503", "IN, NOT IN, EMPTY, NOT EMPTY"),
        (Criterion("name", "LIKE", "red"), "SE503", "STARTS WITH"),
        (Criterion("name", "=", 7), "SE504", "a text"),
        (Criterion("name", "EMPTY", "x"), "SE504", "no value"),
        (Criterion("colour", "IN", "red"), "SE504", "a list of texts"),
        (Criterion("colour", "IN", ()), "SE504", "a list of texts"),
        (Criterion("colour", "IN", ("red", 7)), "SE504", "a list of texts"),
        (Criterion("zoom", ">", "7"), "SE504", "a number"),
        (Criterion("zoom", ">", True), "SE504", "a number"),
        (Criterion("new", "=", "true"), "SE504", "true or false"),
        (Criterion("released", "=", "31.01.2025"), "SE504", "YYYY-MM-DD"),
        (Criterion("released", "=", "2025-02-30"), "SE504", "YYYY-MM-DD"),
        (Criterion("released", "BETWEEN", ("2025-01-01",)), "SE504", "two dates"),
        (Criterion("updated", ">", "yesterday"), "SE504", "date and time"),
        (Criterion("updated", "SINCE LAST N DAYS", -1), "SE504", "whole number of days"),
        (Criterion("completeness", ">", 101), "SE504", "0 to 100"),
        (Criterion("weight", ">", "2 kg"), "SE504", "amount"),
        (Criterion("weight", ">", 2), "SE506", "unit"),
        (Criterion("price", ">", {"amount": 2}), "SE506", "currency"),
        (Criterion("weight", ">", {"amount": 2, "unit": "GRAMM"}), "SE314", "`GRAM`"),
        (Criterion("price", ">", {"amount": 2, "currency": "GBP"}), "SE315", "GBP"),
        (Criterion("colour", "IN", ("blu",)), "SE505", "`blue`"),
        (Criterion("family", "IN", ("tent",)), "SE505", "`tents`"),
        (Criterion("title", "=", "a", locale="en_GB"), "SE312", "en_GB"),
        (Criterion("title", "=", "a", channel="wep"), "SE313", "`web`"),
        (Criterion("name", "=", "a", locale="en_US"), "SE507", "locale"),
        (Criterion("name", "=", "a", channel="web"), "SE507", "channel"),
    ],
)
def test_a_mistake_in_a_filter_is_named_with_its_place(criterion: Criterion, code: str, says: str) -> None:
    placed = replace(criterion, origin=HERE)
    for filter_ in (placed, Not(placed), AnyOf((AllOf((placed,)),))):
        (found,) = check_filter(filter_, AROUND)
        assert (found.code, found.origin) == (code, HERE)
        assert says in f"{found.message} {found.hint}"


def test_a_missing_locale_and_a_missing_channel_are_both_reported() -> None:
    criterion = Criterion("title", "=", "a", origin=HERE)
    assert [each.code for each in check_filter(criterion, no_default())] == ["SE311", "SE310"]
    assert [each.code for each in check_filter(Criterion("completeness", ">", 5), no_default())] == ["SE310"]


def test_all_problems_of_a_filter_are_reported() -> None:
    filter_ = AnyOf((Criterion("x", "=", "a"), Not(Criterion("zoom", "=", "a")), Criterion("colour", "IN", ("a", "b"))))
    assert [each.code for each in check_filter(filter_, AROUND)] == ["SE501", "SE504", "SE505", "SE505"]


SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.decimals(), st.text(max_size=12), st.dates().map(str),
    st.datetimes(timezones=st.just(UTC)).map(str),
)  # fmt: skip
WANTED = st.one_of(
    SCALARS,
    st.lists(SCALARS, max_size=3).map(tuple),
    st.fixed_dictionaries({"amount": SCALARS, "unit": st.just("GRAM"), "currency": st.just("EUR")}),
)
DATA: dict[Kind, st.SearchStrategy[object]] = {
    Kind.NUMBER: st.one_of(st.integers(), st.decimals(allow_nan=False)),
    Kind.MEASUREMENT: st.builds(Measurement, st.decimals(allow_nan=False), st.sampled_from(["GRAM", "STONE"])),
    Kind.PRICES: st.lists(st.builds(Price, st.decimals(allow_nan=False), st.just("EUR"))).map(tuple),
    Kind.BOOLEAN: st.booleans(),
    Kind.DATE: st.dates(),
    Kind.DATETIME: st.datetimes(timezones=st.just(UTC)),
    Kind.MULTISELECT: st.lists(st.text(max_size=3)).map(tuple),
    Kind.CATEGORIES: st.lists(st.text(max_size=3)).map(tuple),
    Kind.IMAGE: st.builds(MediaRef, st.text(max_size=5)),
    Kind.TABLE: st.just(({"a": 1},)),
}
PLAIN = [each for each in KNOWN.values() if not each.localizable and each.kind is not Kind.LINK]


@given(st.data())
def test_whatever_the_check_passes_can_be_evaluated_on_any_record(data: st.DataObject) -> None:
    field = data.draw(st.sampled_from(PLAIN))
    criterion = Criterion(field.code, data.draw(st.sampled_from(sorted(OPERATORS[field.kind]))), data.draw(WANTED))
    if any(check_filter(criterion, AROUND)):
        return
    try:
        predicate = compile_filter(criterion, AROUND)
    except Refused:
        return
    held = data.draw(st.one_of(st.none(), DATA.get(field.kind, st.text(max_size=12))))
    given_record = record({field.code: held}) if field.is_property else record(**{field.code: held})
    assert predicate(given_record) in (True, False)
