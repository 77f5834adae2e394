"""The results of a catalog's tests as text, JSON and JUnit XML."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from xml.etree import ElementTree as ET

from sync_engine.report.plan_text import Paint
from sync_engine.report.trace_json import Data, field_data
from sync_engine.report.trace_values import input_text, source_text, value_text
from sync_engine.report.values import around_difference, json_value, plural, shown
from sync_engine.trace.model import FieldTrace
from sync_engine.trace.testing import CatalogResult, Failure, TestResult


def lines(results: Sequence[CatalogResult], paint: Paint) -> Iterator[str]:
    """Each catalog with its tests, what failed with expected and actual value, what is not tested; totals last."""
    for result in results:
        yield paint(result.catalog.name, "bold") + paint(f"  {result.catalog.origin.file}", "dim")
        for each in result.tests:
            yield from _test(each, paint)
        if not result.tests:
            yield paint("  no tests; `sync-engine test --record KEY` writes one", "dim")
        elif result.untested:
            yield paint(f"  not tested: {_untested(result)}", "dim")
        yield ""
    tests = [each for result in results for each in result.tests]
    failed = sum(1 for each in tests if each.failures)
    mappings = sum(len(each.mappings) for each in results)
    touched = mappings - sum(len(each.untested) for each in results)
    yield (
        f"{plural(len(tests), 'test')}: {paint(f'{len(tests) - failed:,} passed', 'green' if tests else '')}, "
        f"{paint(f'{failed:,} failed', 'red' if failed else '')}. "
        f"{touched:,} of {plural(mappings, 'mapping')} tested ({100 * touched // mappings if mappings else 0} %)."
    )


def name_of(result: TestResult) -> str:
    """What a test is called."""
    return result.test.name or f"{result.test.stream} {result.test.row}".strip()


def _test(result: TestResult, paint: Paint) -> Iterator[str]:
    if not result.failures:
        yield f"  {paint('✓', 'green')} {name_of(result)}"
        return
    yield f"  {paint('✗', 'red')} {paint(name_of(result), 'bold')}  {paint(str(result.test.origin), 'dim')}"
    for failure in result.failures:
        yield f"      {failure.origin}  {paint(failure.field or result.test.stream, 'bold')}"
        if failure.traced is None:
            yield f"        {failure.problem}"
            continue
        expected, actual = _both(failure, failure.traced)
        yield f"        expected  {paint(expected, 'green')}"
        yield f"        actual    {paint(actual, 'red')}"
        yield paint(f"        from      {came_from(failure.traced)}", "dim")


def _both(failure: Failure, traced: FieldTrace) -> tuple[str, str]:
    expected = str(failure.expected) if failure.refusal else shown(failure.expected, traced.planned)
    if failure.problem and traced.reason is not None:
        return expected, failure.problem
    return around_difference(expected, value_text(traced.result, traced))


def came_from(traced: FieldTrace) -> str:
    """Where a value comes from, on one line: the rule, what it read, what the options made of it."""
    inputs = ", ".join(input_text(each) for each in traced.inputs)
    steps = "".join(f"; {each.text}: {source_text(each.value)}" for each in traced.steps[1:])
    rule = "" if len(traced.inputs) == 1 and traced.rule == traced.inputs[0].code else traced.rule
    default = "; default" if traced.defaulted else ""
    return f"{rule}{': ' if rule and inputs else ''}{inputs}{steps}{default}"


def _untested(result: CatalogResult) -> str:
    """By stream; a stream none of whose mappings is tested is named as a whole."""
    parts: list[str] = []
    for stream in result.catalog.streams:
        lacking = [field for name, field in result.untested if name == stream.name]
        if len(lacking) == sum(1 for name, _ in result.mappings if name == stream.name):
            parts.append(f"{stream.name} (all {len(lacking)})")
        elif lacking:
            parts.append(f"{stream.name}: {', '.join(lacking)}")
    return "; ".join(parts)


def as_data(results: Sequence[CatalogResult]) -> Data:
    """The results for JSON output."""
    return {
        "version": 1,
        "catalogs": [
            {
                "name": result.catalog.name,
                "tests": [_test_data(each) for each in result.tests],
                "mappings": len(result.mappings),
                "untested": [{"stream": stream, "field": field} for stream, field in result.untested],
            }
            for result in results
        ],
    }


def _test_data(result: TestResult) -> Data:
    test = result.test
    return {
        "name": name_of(result),
        "stream": test.stream,
        "row": test.row or None,
        "file": test.origin.file,
        "line": test.origin.line,
        "column": test.origin.column,
        "passed": not result.failures,
        "failures": [_failure_data(each) for each in result.failures],
    }


def _failure_data(failure: Failure) -> Data:
    traced = failure.traced
    found = field_data(traced) if traced else None
    return {
        "field": failure.field or None,
        "file": failure.origin.file,
        "line": failure.origin.line,
        "column": failure.origin.column,
        "expected": json_value(failure.expected, traced.planned)
        if traced and not failure.refusal
        else failure.expected,
        "actual": found["result"] if found else None,
        "problem": failure.problem or None,
        "trace": found,
    }


def junit(results: Sequence[CatalogResult]) -> str:
    """The results as JUnit XML, as CI systems read it: a suite per catalog, a case per test."""
    root = ET.Element("testsuites")
    for result in results:
        failed = sum(1 for each in result.tests if each.failures)
        counts = {"tests": str(len(result.tests)), "failures": str(failed), "errors": "0", "skipped": "0"}
        suite = ET.SubElement(root, "testsuite", {"name": result.catalog.name, **counts})
        for each in result.tests:
            place = {"file": each.test.origin.file, "line": str(each.test.origin.line)}
            names = {"classname": f"{result.catalog.name}.{each.test.stream}", "name": name_of(each)}
            case = ET.SubElement(suite, "testcase", {**names, **place})
            if each.failures:
                text = "\n".join(_junit_line(failure) for failure in each.failures)
                message = f"{plural(len(each.failures), 'field')} came out otherwise"
                ET.SubElement(case, "failure", {"message": message}).text = text
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _junit_line(failure: Failure) -> str:
    if failure.traced is None:
        return f"{failure.origin}: {failure.problem}"
    expected, actual = _both(failure, failure.traced)
    return f"{failure.origin}: {failure.field}: expected {expected}, actual {actual}"
