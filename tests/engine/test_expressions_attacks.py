"""Expressions written by somebody hostile, or fed with hostile data: nothing runs away, nothing reaches out."""

from __future__ import annotations

import subprocess
import sys
import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_engine.expressions import EvaluationFailed, InvalidExpression, compile_expression, compile_template
from sync_engine.expressions.markup import striptags

ESCAPES = [
    "{{ ''.__class__.__mro__ }}",
    "{{ cycler.__init__.__globals__ }}",
    "{{ ''|attr('__class__') }}",
    "{{ '{0.__class__}'.format(1) }}",
    "{{ '{0.__class__}'|format(1) }}",
    "{{ self.__init__ }}",
    "{{ ['x'.format]|map('upper')|list }}",
    "{{ [a]|map(attribute='__class__')|list }}",
    "{{ a['__class__'] }}",
    "{{ a['__cla' ~ 'ss__'] }}",
    "{{ a.upper }}",
    "{{ range }}",
    "{{ dict }}",
    "{{ lipsum }}",
    "{{ joiner }}",
    "{{ namespace }}",
    "{{ values.get }}",
    "{{ values['__class__'] }}",
    "{{ config }}",
    "{{ a | map('attr', 'b') }}",
    "{% include '/etc/passwd' %}",
    "{% import 'os' as os %}",
    "{% extends 'x' %}",
    "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}",
    "{{ (1).__class__ }}",
    "{{ a.__getattribute__('x') }}",
    "{{ ''.join(['a']) }}",
    "{{ caller() }}",
    "{{ a | pprint }}",
    "{{ a | tojson }}",
    "{{ a | xmlattr }}",
]
FLOODS = [
    "{{ 'a' * 10**9 }}",
    "{{ 'a' * 1000000000 }}",
    "{{ [1] * 1000000000 }}",
    "{{ 'a' | center(10**9) }}",
    "{{ 'a'.zfill(1000000000) }}",
    "{{ 'a'.ljust(1000000000) }}",
    "{{ '%99999999d' | format(1) }}",
    "{{ '%99999999d' % 1 }}",
    "{{ a | indent(1000000000) }}",
    "{{ a | wordwrap(1) }}",
    "{{ lipsum(n=20000) }}",
    "{{ " + "(" * 200 + "1" + ")" * 200 + " }}",
    "{{ " + " ~ ".join(["big"] * 300) + " }}",
    "{{ big | replace('a', big) }}",
    "{{ big | replace('', big) }}",
    "{{ [big, big, big] | join }}",
    "{{ [big, big] | map('upper') | list }}",
    "{{ [big, big] + [big] | length }}",
    "{{ big + big }}",
    "{{ big | replace('a', '&') | urlencode }}",
    "{{ big | replace('a', '&') | escape }}",
    "{{ a | truncate(99999999999) }}",
    "{{ 1 | round(99999999) }}",
    "{{ '9' * 99 }}",
    "{{ ('9' ~ big) | number }}",
    "{{ big | int }}",
    "{{ " + " * ".join(["99999999999999999999999999999999999999"] * 40) + " }}",
    "{{ " + "{{ big }}" * 10 + " }}",
    "{{ big }}" * 10,
]


def outcome(template: str, **variables: object) -> str:
    """The text, or the code of the problem or failure."""
    try:
        return compile_template(template).evaluate(variables)
    except InvalidExpression as error:
        return error.problem.code
    except EvaluationFailed as error:
        return error.code


@pytest.mark.parametrize("template", ESCAPES)
def test_nothing_of_python_is_reachable(template: str) -> None:
    found = outcome(template, a="x")
    assert found.startswith("SE") or found in {"", "WRONG_TYPE", "NO_VALUE"}


@pytest.mark.parametrize("template", FLOODS)
def test_nothing_grows_without_bound(template: str) -> None:
    start = time.thread_time()
    found = outcome(template, a="x", big="a" * 65_000)
    assert time.thread_time() - start < 1
    assert found.startswith("SE") or found in {"WRONG_TYPE", "TOO_LARGE", "OUT_OF_RANGE", "NOT_A_NUMBER", "OUT_OF_TIME"}


def test_a_value_of_the_greatest_size_still_passes() -> None:
    assert len(outcome("{{ big }}", big="a" * 65_536)) == 65_536
    assert outcome("{{ big }}", big="a" * 65_537) == "TOO_LARGE"


@pytest.mark.parametrize(
    "text",
    [
        "(big + big) | length",
        "(big + big) == 'x'",
        "(marks | urlencode) == 'x'",
        "[big, big] | length",
        "[big, big] | first | length",
        "(big ~ big) | length",
        "(many + many) | length",
        "big | replace('a', 'bb') | length",
    ],
)
def test_what_is_too_large_is_so_on_the_way_already(text: str) -> None:
    with pytest.raises(EvaluationFailed) as caught:
        compile_expression(text).evaluate({"big": "a" * 65_000, "marks": "&" * 65_000, "many": ("a" * 100,) * 400})
    assert caught.value.code == "TOO_LARGE"


def test_a_filter_on_each_item_stops_when_all_together_are_too_large() -> None:
    with pytest.raises(EvaluationFailed, match="`map` would make"):
        compile_expression("many | map('replace', 'a', big)").evaluate({"big": "b" * 65_000, "many": ("a",) * 2_000})


def test_an_evaluation_that_takes_too_long_is_stopped() -> None:
    page = "<p>word &amp; word</p>" * 2_900
    slow = compile_expression(" ~ ".join(["(page | striptags | length)"] * 400))
    start = time.thread_time()
    with pytest.raises(EvaluationFailed) as caught:
        slow.evaluate({"page": page})
    assert caught.value.code == "OUT_OF_TIME"
    assert time.thread_time() - start < 0.5


def test_threads_do_not_share_their_time() -> None:
    rule = compile_expression("(page | striptags | length) > 0")
    results: list[object] = []

    def work() -> None:
        results.extend(rule.evaluate({"page": "<p>x</p>"}) for _ in range(300))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert results == [True] * 1200


@pytest.mark.parametrize(
    "piece",
    ["<", "<a ", "<a a='", '<a a="', "<!--", "<!", "</", "<?", "&", "&#", "&#1", "<p", "<script>", "<script",
     "</script ", "<![CDATA[", "<a/", "<p>", "\x1f", "<style ", "&amp", "a<b>c"],
)  # fmt: skip
def test_stripping_tags_takes_time_in_proportion_to_the_text(piece: str) -> None:
    text = piece * (65_536 // len(piece))
    start = time.thread_time()
    striptags(text)
    assert time.thread_time() - start < 0.5


AUDIT = """
import sys
from sync_engine.expressions import EvaluationFailed, InvalidExpression, compile_template
templates = {templates!r}
compiled = []
for each in templates:
    try:
        compiled.append(compile_template(each))
    except InvalidExpression:
        pass
watched = set()
def watch(event, arguments):
    if event.split(".")[0] in ("open", "import", "socket", "subprocess", "os", "exec", "compile", "ctypes", "shutil"):
        watched.add((event, str(arguments)[:80]))
def evaluate():
    for each in compiled:
        try:
            each.evaluate({{"a": "x", "big": "a" * 65000, "date": "2025-01-31"}})
        except EvaluationFailed:
            pass
evaluate()  # what a first use loads is not the expression's doing
sys.addaudithook(watch)
evaluate()
sys.stdout.write(f"{{len(compiled)}} {{sorted(watched)}}")
"""


def test_evaluating_opens_imports_and_connects_nothing() -> None:
    harmless = ["{{ a | slug }}", "{{ date | date('%d.%m.%Y') }}", "{{ '<p>x</p>' | striptags }}", "{{ 1.5 * 2 }}"]
    script = AUDIT.format(templates=[*harmless, *ESCAPES, *FLOODS])
    found = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True, timeout=60)
    count, events = found.stdout.split(" ", 1)
    assert int(count) > len(harmless)
    assert events == "[]"


PIECES = st.sampled_from(
    ["a", "b", "none", "true", "1", "0", "1.5", "'x'", "'%'", "[a, b]", "(", ")", "[", "]", "+", "-", "*", "/", "//",
     "%", "~", "|", "upper", "join", "map", "'upper'", "replace", "split", "number", "round", "date", "label", "unit",
     "sort", "min", "sum", "unique", "slug", "striptags", "length", "default", "int", "abs", "first", "reverse", ".",
     ",", ":", "is", "in", "not", "and", "or", "if", "else", "<", ">=", "==", "none", "even", "values", "{", "}", "**",
     "truncate"]
)  # fmt: skip
VARIABLES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.decimals(),
    st.text(max_size=20),
    st.lists(st.text(max_size=5)).map(tuple),
)


@given(st.lists(PIECES, max_size=14).map(" ".join), VARIABLES, VARIABLES)
def test_any_text_is_refused_evaluated_or_fails_in_the_known_ways(text: str, a: object, b: object) -> None:
    try:
        compile_expression(text).evaluate({"a": a, "b": b})
        compile_template(f"{{{{ {text} }}}}").evaluate({"a": a, "b": b})
    except (InvalidExpression, EvaluationFailed):
        pass


APPLIED = st.sampled_from(
    ["{} | upper", "{} | title", "{} | trim", "{} | split", "{} | truncate(3)", "{} | replace('a', 'b')", "{} | slug",
     "{} | striptags", "{} | escape", "{} | urlencode", "{} | date", "{} | date('%d')", "{} | number", "{} | number(2)",
     "{} | int", "{} | round(2)", "{} | abs", "{} | first", "{} | last", "{} | length", "{} | sort", "{} | unique",
     "{} | reverse", "{} | list", "{} | min", "{} | max", "{} | sum", "{} | join(',')", "{} | default('x')",
     "{} | map('upper')", "{} | select", "{} | reject", "{} | label", "{} | unit('KILOGRAM')", "{} | string",
     "{} | startswith('a')", "{} is even", "{} > 1", "{} + 1", "{} % 3", "{} // 2", "{} / 7", "{}[0]", "{}[1:]", "-{}"]
)  # fmt: skip


@given(st.lists(APPLIED, min_size=1, max_size=4), VARIABLES)
def test_any_value_through_any_filters_has_a_result_or_a_typed_failure(forms: list[str], a: object) -> None:
    text = "a"
    for form in forms:
        text = f"({form.format(text)})"
    try:
        found = compile_expression(text).evaluate({"a": a})
    except EvaluationFailed:
        return
    assert not isinstance(found, float)


@given(st.text(alphabet=st.sampled_from("<>&;/'\"=!-ap #x1sctyle\n "), max_size=200))
def test_any_text_can_be_stripped(text: str) -> None:
    assert "\x1f" not in striptags(text)
