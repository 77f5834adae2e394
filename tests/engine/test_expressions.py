"""What expressions and templates mean, and what is said of those that mean nothing."""

from __future__ import annotations

import subprocess
import sys
from decimal import Decimal

import pytest

from sync_engine.expressions import (
    EvaluationFailed,
    InvalidExpression,
    compile_expression,
    compile_template,
)
from sync_engine.sdk.problem import Origin, Problem

HERE = Origin("catalogs/a.yaml", 7, 20)


def value(text: str, **variables: object) -> object:
    return compile_expression(text, HERE).evaluate(variables)


def text_of(text: str, **variables: object) -> str:
    return compile_template(text, HERE).evaluate(variables)


def mistake(text: str, *, template: bool = False) -> Problem:
    with pytest.raises(InvalidExpression) as caught:
        compile_template(text, HERE) if template else compile_expression(text, HERE)
    assert caught.value.problems == (caught.value.problem,)
    return caught.value.problem


def failure(text: str, **variables: object) -> EvaluationFailed:
    with pytest.raises(EvaluationFailed) as caught:
        value(text, **variables)
    return caught.value


@pytest.mark.parametrize("text", ["12E4", "012", "1_000", "1.10", "None", "0x10", "true", "1e999", " 7 ", ""])
def test_text_stays_the_text_it_is(text: str) -> None:
    found = value("sku", sku=text)
    assert found == text
    assert type(found) is str
    assert text_of("{{ sku }}", sku=text) == text


@pytest.mark.parametrize("number", [0, 7, -3, Decimal("1.10"), Decimal("0.1")])
def test_numbers_keep_their_type_and_their_digits(number: int | Decimal) -> None:
    found = value("n", n=number)
    assert type(found) is type(number)
    assert str(found) == str(number)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0.1 + 0.2", Decimal("0.3")),
        ("price * 1.19", Decimal("11.9")),
        ("price / 3 * 3 == price", False),
        ("7 / 2", Decimal("3.5")),
        ("7 // 2", 3),
        ("-7 // 2.0", Decimal(-4)),
        ("-7 % 3", 2),
        ("-7 % 3.0", Decimal(2)),
        ("7.5 % -2", Decimal("-0.5")),
        ("2 + 3 * 4", 14),
        ("-price", Decimal(-10)),
        ("+price", Decimal(10)),
        ("1.1 == price / 10 + 0.1", True),
        ("price > 9.99 and price < 10.01", True),
        ("[0.5, 2]", (Decimal("0.5"), 2)),
    ],
)
def test_arithmetic_is_exact(text: str, expected: object) -> None:
    found = value(text, price=Decimal(10))
    assert found == expected
    assert not isinstance(found, float)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a ~ ' ' ~ b", "x "),
        ("a + 'y'", "xy"),
        ("a if c else 'no'", "x"),
        ("'yes' if b", None),
        ("a == 'x' and not b", True),
        ("a in ['x', 'y']", True),
        ("'z' not in a", True),
        ("b is none", True),
        ("a is string and n is number and c is boolean", True),
        ("n is even", True),
        ("c is true", True),
        ("many[0]", "p"),
        ("many[-1]", "q"),
        ("many[9]", None),
        ("many[:1]", ("p",)),
        ("many + ['r']", ("p", "q", "r")),
        ("prices.EUR", Decimal(9)),
        ("prices['USD']", None),
        ("b.EUR", None),
        ("a.upper()", "X"),
        ("a.replace('x', 'y').upper()", "Y"),
        ("a.startswith('x')", True),
        ("values['3d-code']", 3),
        ("values.a", "x"),
        ("(1, 2)", (1, 2)),
        ("1 < n < 3", True),
    ],
)
def test_an_expression_yields(text: str, expected: object) -> None:
    variables = {
        "a": "x", "b": None, "c": True, "n": 2, "many": ("p", "q"), "prices": {"EUR": Decimal(9)}, "3d-code": 3
    }  # fmt: skip
    assert compile_expression(text).evaluate(variables) == expected


def test_dates_compare_as_texts() -> None:
    rule = compile_expression("release_date and release_date >= '2025-01-01'")
    assert rule.evaluate({"release_date": "2025-03-01"}) is True
    assert rule.evaluate({"release_date": "2024-12-31"}) is False
    assert rule.evaluate({"release_date": None}) is None


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{{ name }} ({{ sku }})", "Tent (012)"),
        ("{{ nothing }}", ""),
        ("{{ name }}{{ nothing | upper }}", "Tent"),
        ("{{ yes }} {{ no }}", "true false"),
        ("{{ amount }}", "1200.50"),
        ("{{ great }}", "120000"),
        ("{# a note #}{{ name }}", "Tent"),
        ("plain", "plain"),
        ("", ""),
        ("{{ name }}\n", "Tent"),
        ("{{ '{{ name }}' }}", "{{ name }}"),
        ("{{ nothing ~ '-' ~ name }}", "-Tent"),
    ],
)
def test_a_template_writes(template: str, expected: str) -> None:
    variables = {
        "name": "Tent", "sku": "012", "nothing": None, "yes": True, "no": False, "amount": Decimal("1200.50"),
        "great": Decimal("1.2E+5"),
    }  # fmt: skip
    assert compile_template(template).evaluate(variables) == expected


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("a and b.c", {"a", "b"}),
        ("values['3d-code'] ~ values.a", {"3d-code", "a"}),
        ("x | replace(y, z) | default(w)", {"x", "y", "z", "w"}),
        ("name.upper()", {"name"}),
        ("result", {"result"}),
        ("a if b else c[d]", {"a", "b", "c", "d"}),
        ("'text'", set()),
    ],
)
def test_the_names_are_what_is_read(text: str, names: set[str]) -> None:
    assert compile_expression(text).names == names
    assert compile_template(f"x {{{{ {text} }}}}").names == names


@pytest.mark.parametrize("name", ["result", "loop", "super", "caller", "varargs", "class", "import", "environment"])
def test_an_attribute_may_have_a_name_that_means_something_to_jinja_or_python(name: str) -> None:
    assert value(f"{name} ~ '!'", **{name: "x"}) == "x!"


@pytest.mark.parametrize(
    ("text", "code", "column", "says"),
    [
        ("a b", "SE401", 22, "unexpected 'b'"),
        ("a ? b", "SE401", 22, "'?'"),
        ("a +", "SE401", 20, "end"),
        ("(a", "SE401", 20, "')'"),
        ("a ** 2", "SE402", 22, "**"),
        ("foo(1)", "SE402", 20, "`foo`"),
        ("a.values()", "SE402", 22, "`values`"),
        ("a.__class__", "SE402", 22, "__class__"),
        ("a['_x']", "SE402", 20, "`_x`"),
        ("a == {}", "SE402", 25, "braces"),
        ("values", "SE402", 20, "`values`"),
        ("values[a]", "SE402", 20, "`values`"),
        ("self", "SE402", 20, "`self`"),
        ("a | flot", "SE403", 24, "`flot`"),
        ("a | attr('b')", "SE403", 24, "`attr`"),
        ("a is defined", "SE404", 25, "`defined`"),
        ("a | replace('b')", "SE405", 24, "'new'"),
        ("a | upper(1)", "SE405", 24, "`upper`"),
        ("a | upper(*b)", "SE405", 24, "written out"),
        ("a | map('map')", "SE405", 24, "name of another filter"),
        ("a | map('replace', 'b')", "SE405", 24, "'new'"),
        ("a | date('%B')", "SE405", 24, "`%B`"),
        ("a is none(1)", "SE405", 25, "no arguments"),
        ("a == 12E4", "SE406", 25, "12E4"),
        ("a == 0x10", "SE406", 25, "0x10"),
        ("a == 1_000", "SE406", 25, "1_000"),
        ("a == 012", "SE406", 25, "012"),
        ("a == 1.2345678901234567", "SE406", 25, "1.2345678901234567"),
        ("(" * 300 + "a" + ")" * 300, "SE407", 20, "nested"),
        ("not " * 3000 + "a", "SE407", 20, "nested"),
        ("+".join(["a"] * 200), "SE407", 20, "nested"),
        ("a" * 20_000, "SE407", 20, "characters"),
    ],
)  # fmt: skip
def test_a_mistake_in_an_expression_is_named_with_its_place(text: str, code: str, column: int, says: str) -> None:
    found = mistake(text)
    assert (found.code, found.origin) == (code, Origin("catalogs/a.yaml", 7, column))
    assert says in found.message


def test_the_place_in_a_text_that_must_be_quoted_counts_the_quote() -> None:
    assert mistake("['a', {}]").origin.column == 20 + 1 + 6


def test_an_expression_in_braces_is_told_to_lose_them() -> None:
    assert mistake("{{ name }}").code == "SE408"


@pytest.mark.parametrize(
    ("text", "code", "says"),
    [
        ("{% set a = 1 %}", "SE402", "statement"),
        ("a {% for x in y %}{% endfor %}", "SE402", "statement"),
        ("{% include '/etc/passwd' %}", "SE402", "statement"),
        ("{% raw %}x{% endraw %}", "SE402", "statement"),
        ("{{ a", "SE401", "end"),
        ("{{ }}", "SE401", "Expected an expression"),
        ("{{ a | nope }}", "SE403", "`nope`"),
    ],
)
def test_a_mistake_in_a_template_is_named(text: str, code: str, says: str) -> None:
    found = mistake(text, template=True)
    assert found.code == code
    assert says in found.message


def test_near_names_are_hinted() -> None:
    assert mistake("a | uper").hint == "Did you mean `upper`?"
    assert "is not none" in mistake("a is defined").hint
    assert "| length" in mistake("length(a)").hint


def test_the_place_of_a_text_with_several_lines_is_where_it_starts() -> None:
    assert mistake("a\n and nope()").origin == HERE


@pytest.mark.parametrize(
    ("text", "code", "says"),
    [
        ("nothing >= '2025'", "NO_VALUE", "`nothing` has no value"),
        ("nothing + 1", "NO_VALUE", "`+` needs a number"),
        ("'a' < 1", "WRONG_TYPE", "text and number"),
        ("'a' * 2", "WRONG_TYPE", "`*` needs a number, not a text"),
        ("'%d' % 2", "WRONG_TYPE", "`%` needs a number"),
        ("true + 1", "WRONG_TYPE", "true or false"),
        ("many * 2", "WRONG_TYPE", "not a list"),
        ("many | upper", "WRONG_TYPE", "`join`"),
        ("'x'.y", "WRONG_TYPE", "no part `y`"),
        ("1 / 0", "DIVISION_BY_ZERO", "zero"),
        ("1 // 0.0", "DIVISION_BY_ZERO", "zero"),
        ("99999999999999999999999999999999999999 * 99", "OUT_OF_RANGE", "38 digits"),
        ("-99999999999999999999999999999999999999 * 99", "OUT_OF_RANGE", "38 digits"),
        ("many[::0]", "WRONG_TYPE", "slice step"),
        ("prices", "WRONG_TYPE", "mapping"),
        ("unknown", "NO_VALUE", "does not exist"),
        ("unknown == 1", "WRONG_TYPE", "undefined"),
    ],
)
def test_what_has_no_result_is_a_failure_that_says_why(text: str, code: str, says: str) -> None:
    found = failure(text, nothing=None, many=("p", "q"), prices={"EUR": Decimal(9)})
    assert found.code == code
    assert says in found.message


def test_jinja_is_imported_by_the_first_expression_only() -> None:
    script = (
        "import sys, sync_engine.expressions as e, sync_engine.expressions.variables\n"
        "assert 'jinja2' not in sys.modules\n"
        "assert e.compile_expression('1').evaluate({}) == 1\n"
        "assert isinstance(e.compile_expression('1'), e.Expression)\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)
