"""Each filter and test, and the variables they work on."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from sync_engine.expressions import EvaluationFailed, compile_expression, compile_template
from sync_engine.expressions.filters import FILTERS, TESTS
from sync_engine.expressions.variables import variable_maker
from sync_engine.sdk.source import Attribute, Kind, Option, SourceSchema, Unit, UnitFamily
from sync_engine.sdk.values import Measurement, MediaRef, Price

WEIGHT = UnitFamily(
    "Weight",
    "KILOGRAM",
    {"KILOGRAM": Unit("KILOGRAM", "kg", ()), "GRAM": Unit("GRAM", "g", (("mul", Decimal("0.001")),))},
)
SCHEMA = SourceSchema(
    adapter="akeneo",
    version="",
    collections={},
    attributes={},
    families=(Option("tents", {"en_US": "Tents", "de_DE": "Zelte"}),),
    channels={},
    locales=("en_US", "de_DE"),
    currencies=("EUR",),
    unit_families={"Weight": WEIGHT},
)
COLOURS = (Option("red", {"en_US": "Red", "de_DE": "Rot"}), Option("blue", {"de_DE": "Blau"}))


def seen(kind: Kind, data: object, locale: str | None = "en_US") -> object:
    """What an expression sees of an attribute's data."""
    options = COLOURS if kind in (Kind.SELECT, Kind.MULTISELECT) else None
    return variable_maker(Attribute("x", kind, unit_family="Weight", options=options), SCHEMA, locale)(data)


def value(text: str, x: object = None) -> object:
    return compile_expression(text).evaluate({"x": x})


@pytest.mark.parametrize(
    ("text", "x", "expected"),
    [
        ("x | upper", "straße", "STRASSE"),
        ("x | lower", "ÄB", "äb"),
        ("x | title", "a big tent", "A Big Tent"),
        ("x | capitalize", "a BIG tent", "A big tent"),
        ("x | trim", " \n a ", "a"),
        ("x | strip", " a ", "a"),
        ("x | replace('a', 'o')", "banana", "bonono"),
        ("x | replace('a', 'o', 1)", "banana", "bonana"),
        ("x | replace('.', ',')", Decimal("1.50"), "1,50"),
        ("x | replace('a', none)", "banana", "bnn"),
        ("x | truncate(5)", "a big tent", "a bi…"),
        ("x | truncate(5, '')", "a big tent", "a big"),
        ("x | truncate(2, '...')", "a big tent", ".."),
        ("x | truncate(10)", "a big tent", "a big tent"),
        ("x | split", " a  b ", ("a", "b")),
        ("x | split(';')", "a;b;", ("a", "b", "")),
        ("x | startswith('a')", "ab", True),
        ("x | endswith('a')", "ab", False),
        ("x | escape", "<b> & \"c\"", "&lt;b&gt; &amp; &quot;c&quot;"),
        ("x | e", "<", "&lt;"),
        ("x | urlencode", "a b/ü", "a%20b%2F%C3%BC"),
        ("x | slug", "Zelt »Öland« 2, Łódź & Æsir", "zelt-oland-2-lodz-aesir"),
        ("x | slug", "--", ""),
        ("x | string", 7, "7"),
        ("x | default('none')", None, "none"),
        ("x | default('none')", "", ""),
        ("x | default('none', true)", "", "none"),
        ("x | d(0)", False, False),
        ("x | join(', ')", ("a", None, 2), "a, 2"),
        ("x | join", (), ""),
        ("x | join(',')", None, ""),
        ("x | first", ("a", "b"), "a"),
        ("x | last", "ab", "b"),
        ("x | first", (), None),
        ("x | length", "abc", 3),
        ("x | count", ("a",), 1),
        ("x | length", None, 0),
        ("x | sort", ("b", "a"), ("a", "b")),
        ("x | sort(reverse=true)", (1, Decimal("1.5")), (Decimal("1.5"), 1)),
        ("x | unique", ("b", "a", "b", 1, True), ("b", "a", 1, True)),
        ("x | reverse", "abc", "cba"),
        ("x | reverse", ("a", "b"), ("b", "a")),
        ("x | list", "ab", ("a", "b")),
        ("x | map('upper')", ("a", "b"), ("A", "B")),
        ("x | map('replace', 'a', 'o')", ("a",), ("o",)),
        ("x | select", ("a", "", None), ("a",)),
        ("x | reject", ("a", "", None), ("", None)),
        ("x | min", (3, Decimal("1.5")), Decimal("1.5")),
        ("x | max", ("a", "b"), "b"),
        ("x | max", (), None),
        ("x | sum", (1, Decimal("0.1"), Decimal("0.2")), Decimal("1.3")),
        ("x | number", "1234.50", Decimal("1234.50")),
        ("x | number", " -7 ", Decimal(-7)),
        ("x | number", "", None),
        ("x | number(1)", "0.25", Decimal("0.3")),
        ("x | number", 7, 7),
        ("x | replace(',', '.') | number", "1,5", Decimal("1.5")),
        ("x | int", "-7.9", -7),
        ("x | int", Decimal("7.9"), 7),
        ("x | round", Decimal("2.5"), Decimal(3)),
        ("x | round(2)", Decimal("-1.005"), Decimal("-1.01")),
        ("x | round(2)", 3, Decimal("3.00")),
        ("x | abs", Decimal("-1.10"), Decimal("1.10")),
        ("x | date('%d.%m.%Y')", "2025-01-31", "31.01.2025"),
        ("x | date", "2025-01-31T10:00:00+00:00", "2025-01-31"),
        ("x | date('%H:%M, week %V')", "2025-01-31 10:05", "10:05, week 05"),
        ("x | date('%d %%')", "2025-01-31", "31 %"),
        ("x | date", "", None),
    ],
)  # fmt: skip
def test_a_filter_yields(text: str, x: object, expected: object) -> None:
    found = value(text, x)
    assert found == expected
    assert str(found) == str(expected)


@pytest.mark.parametrize("name", sorted(set(FILTERS) - {"default", "d", "join", "length", "count", "list", "map"}))
def test_no_value_through_a_filter_stays_no_value_or_an_empty_list(name: str) -> None:
    arguments = {"replace": "('a', 'b')", "startswith": "('a')", "endswith": "('a')", "unit": "('KILOGRAM')"}
    assert value(f"x | {name}{arguments.get(name, '')}") in (None, (), 0)


@pytest.mark.parametrize(
    ("text", "x", "code"),
    [
        ("x | number", "1,5", "NOT_A_NUMBER"),
        ("x | number", "1.234.5", "NOT_A_NUMBER"),
        ("x | number", "12E4", "NOT_A_NUMBER"),
        ("x | number", "٣", "NOT_A_NUMBER"),
        ("x | number", "9" * 39, "NOT_A_NUMBER"),
        ("x | number", "NaN", "NOT_A_NUMBER"),
        ("x | number", True, "WRONG_TYPE"),
        ("x | round(-1)", 7, "WRONG_TYPE"),
        ("x | round", "7", "WRONG_TYPE"),
        ("x | date", "31.01.2025", "NOT_A_DATE"),
        ("x | date", "2025-02-30", "NOT_A_DATE"),
        ("x | date", "20250131", "NOT_A_DATE"),
        ("x | date(x)", "2025-01-31%B", "WRONG_TYPE"),
        ("x | upper", ("a",), "WRONG_TYPE"),
        ("x | join(',')", "ab", "WRONG_TYPE"),
        ("x | sort", ("a", 1), "WRONG_TYPE"),
        ("x | sum", ("a",), "WRONG_TYPE"),
        ("x | unique", (("a",),), "WRONG_TYPE"),
        ("x | label", "plain", "WRONG_TYPE"),
        ("x | unit('GRAM')", 7, "WRONG_TYPE"),
        ("x | truncate('a')", "b", "WRONG_TYPE"),
        ("x | replace('', 'b')", "b", "WRONG_TYPE"),
        ("x | split('')", "b", "WRONG_TYPE"),
        ("x is even", "b", "WRONG_TYPE"),
    ],
)
def test_a_filter_refuses_what_it_cannot_work_on(text: str, x: object, code: str) -> None:
    with pytest.raises(EvaluationFailed) as caught:
        value(text, x)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("name", "holds", "does_not"),
    [
        ("none", None, ""), ("string", "", None), ("number", Decimal("1.5"), True), ("boolean", False, 0),
        ("true", True, 1), ("false", False, None), ("even", Decimal("2.0"), 1), ("odd", 3, 2),
    ],
)  # fmt: skip
def test_a_test_holds(name: str, holds: object, does_not: object) -> None:
    assert name in TESTS
    assert value(f"x is {name}", holds) is True
    assert value(f"x is {name}", does_not) is False
    assert value(f"x is not {name}", does_not) is True


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>One</p><p>Two</p>", "One\nTwo"),
        ("a<br>b<br/>c<BR />d", "a\nb\nc\nd"),
        ("<p>A <b>bold</b> word</p>", "A bold word"),
        ("<ul><li>x</li>\n  <li>y</li></ul>", "x\ny"),
        ("<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>", "a b\nc"),
        ("Fish &amp; chips &lt; 5&nbsp;&euro; &#252;&#xfc;", "Fish & chips < 5 € üü"),
        ("a < b and 3 > 2", "a < b and 3 > 2"),
        ("I <3 it", "I <3 it"),
        ("a<!-- no -->b", "ab"),
        ("a<!-- never closed", "a"),
        ("a<script>alert('<p>')</script>b<STYLE>p {}</STYLE >c", "abc"),
        ("<a href=\"x>y\" title='a'>link</a>", "link"),
        ('<p class="a"\n id=b>x</p>', "x"),
        ("plain\ntext ", "plain\ntext"),
        ("two\nlines &amp; more", "two\nlines & more"),
        ("<p>folded\n   text</p>", "folded text"),
        ("<!DOCTYPE html><?xml x?>a", "a"),
        ("unclosed <b tag", "unclosed <b tag"),
        ("&#99999999999999;&#x110000;", "\ufffd\ufffd"),
        (f"&#{'9' * 5000};", "\ufffd"),
        ("&notanentity; &", "¬anentity; &"),
        ("", ""),
    ],
)
def test_striptags_leaves_what_a_browser_shows(html: str, text: str) -> None:
    assert (value("x | striptags", html) or "") == text


def test_a_code_is_a_text_that_knows_its_label() -> None:
    red = seen(Kind.SELECT, "red")
    assert value("x", red) == "red"
    assert type(value("x", red)) is str
    assert value("x == 'red' and x in ['red', 'blue']", red) is True
    assert value("x | label", red) == "Red"
    assert value("x | label('de_DE')", red) == "Rot"
    assert value("x | label('fr_FR')", red) == "red"
    assert value("x | label", seen(Kind.SELECT, "blue")) == "blue"
    assert value("x | label", seen(Kind.SELECT, "gone")) == "gone"
    assert value("x | label", seen(Kind.SELECT, "red", None)) == "red"
    assert compile_template("{{ x }}").evaluate({"x": red}) == "red"


def test_a_label_that_the_locale_lacks_is_looked_for_in_the_others_of_the_catalog() -> None:
    options = (Option("red", {"de_DE": "Rot", "fr_FR": "Rouge"}), Option("x", {}))
    make = variable_maker(Attribute("x", Kind.SELECT, options=options), SCHEMA, "en_US", ("en_US", "fr_FR", "de_DE"))
    assert value("x | label", make("red")) == "Rouge"
    assert value("x | label", make("x")) == "x"
    assert value("x | label('en_US')", make("red")) == "red", "a locale that is named is the only one"


def test_codes_and_families_have_labels_too() -> None:
    both = seen(Kind.MULTISELECT, ("red", "blue"))
    assert value("x", both) == ("red", "blue")
    assert value("x | label('de_DE') | join(', ')", both) == "Rot, Blau"
    assert value("x | map('label', 'de_DE') | join('/')", both) == "Rot/Blau"
    assert value("'red' in x", both) is True
    assert value("x | label", seen(Kind.FAMILY, "tents")) == "Tents"
    assert value("x | sort | map('label')", both) == ("blue", "Red")


def test_a_measurement_is_converted_or_taken_apart() -> None:
    weight = seen(Kind.MEASUREMENT, Measurement(Decimal("533.0000"), "GRAM"))
    assert value("x | unit('KILOGRAM')", weight) == Decimal("0.533")
    assert value("x.amount ~ ' ' ~ x.unit", weight) == "533.0000 GRAM"
    assert value("x", weight) == Measurement(Decimal("533.0000"), "GRAM")
    for text, code in (("x | unit('POUND')", "UNKNOWN_UNIT"), ("x * 2", "WRONG_TYPE"), ("x ~ ''", "WRONG_TYPE")):
        with pytest.raises(EvaluationFailed) as caught:
            value(text, weight)
        assert caught.value.code == code
    assert value("x.amount", seen(Kind.MEASUREMENT, None)) is None


def test_prices_are_reached_by_their_currency() -> None:
    prices = seen(Kind.PRICES, (Price(Decimal("9.90"), "EUR"), Price(12, "USD")))
    assert str(value("x.EUR", prices)) == "9.90"
    assert value("x['USD']", prices) == 12
    assert value("x.GBP", prices) is None
    assert value("x.EUR", seen(Kind.PRICES, ())) is None
    assert value("x.EUR", seen(Kind.PRICES, None)) is None


@pytest.mark.parametrize(
    ("kind", "data", "variable"),
    [
        (Kind.TEXT, "012", "012"),
        (Kind.NUMBER, Decimal("1.10"), Decimal("1.10")),
        (Kind.BOOLEAN, False, False),
        (Kind.DATE, date(2025, 1, 31), "2025-01-31"),
        (Kind.DATETIME, datetime(2025, 1, 31, 10, tzinfo=UTC), "2025-01-31T10:00:00+00:00"),
        (Kind.DATETIME, datetime(2025, 1, 31, 0, tzinfo=timezone(timedelta(hours=1))), "2025-01-30T23:00:00+00:00"),
        (Kind.IMAGE, MediaRef("a/b.jpg", "b.jpg"), "a/b.jpg"),
        (Kind.ASSETS, ("a", "b"), ("a", "b")),
        (Kind.TABLE, ({"size": "M", "n": 2},), ({"size": "M", "n": 2},)),
        (Kind.COMPLETENESS, 80, 80),
        (Kind.OTHER, None, None),
    ],
)
def test_data_become_variables(kind: Kind, data: object, variable: object) -> None:
    assert seen(kind, data) == variable
    assert seen(kind, None) is None


def test_a_row_of_a_table_is_reached_by_column() -> None:
    rows = seen(Kind.TABLE, ({"size": "M", "n": 2}, {"size": "L"}))
    assert value("x[0].size ~ x[1]['n']", rows) == "M"
