"""Run the tests of a catalog's mappings, without a network."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from zoneinfo import ZoneInfo

from sync_engine.catalog.model import Catalog, MappingTest
from sync_engine.compiler.catalog import compile_catalog
from sync_engine.compiler.compiled import CompiledCatalog, CompiledField, CompiledStream
from sync_engine.compiler.conversion import Unconvertible, converter
from sync_engine.planner.encoding import Encoded, encode
from sync_engine.problems import problem
from sync_engine.sdk.problem import Origin, Problem, Severity
from sync_engine.sdk.source import Option, SourceSchema
from sync_engine.sdk.target import Reason, TargetSchema
from sync_engine.trace.given import source_record
from sync_engine.trace.model import FieldTrace, RowTrace
from sync_engine.trace.record import as_converted, trace


@dataclass(frozen=True, slots=True)
class Failure:
    """Something that came out otherwise than a test expects.

    Attributes:
        field: the field; empty when the record has no such row at all.
        expected: encoded value; of a ``refusal`` the code of the reason.
        traced: how the field came about; None when there is no row.
        problem: in words, where it is not just another value.
        origin: of the expectation.
        refusal: no value was expected, but that it is refused.
    """

    field: str
    expected: Encoded
    traced: FieldTrace | None
    problem: str
    origin: Origin
    refusal: bool = False


@dataclass(frozen=True, slots=True)
class TestResult:
    """A test that was run; it passed when there are no failures."""

    __test__ = False  # pytest takes the name for a class of tests

    test: MappingTest
    failures: tuple[Failure, ...]


@dataclass(frozen=True, slots=True)
class CatalogResult:
    """The tests of a catalog.

    Attributes:
        tests: in the order they were written.
        mappings: every (stream, field) of the catalog, the keys included.
        untested: those of which no test expects anything.
    """

    catalog: Catalog
    tests: tuple[TestResult, ...]
    mappings: tuple[tuple[str, str], ...]
    untested: tuple[tuple[str, str], ...]


def run_tests(
    catalog: Catalog, tests: Sequence[MappingTest], source: SourceSchema, target: TargetSchema, today: date
) -> tuple[CatalogResult | None, list[Problem]]:
    """Run tests of one catalog.

    Args:
        catalog: without errors of its own.
        tests: in the catalog and elsewhere.
        source: as described, from a snapshot.
        target: likewise.
        today: for filters relative to the present day.

    Returns:
        The result, None when the catalog or a test has errors; and every problem that is an error.
    """
    compiled, problems = compile_catalog(catalog, source, target, today)
    errors = [each for each in problems if each.severity is Severity.ERROR]
    if compiled is None:
        return None, errors
    results: list[TestResult] = []
    for test in tests:
        variant = _with_labels(compiled, test.labels, today)
        stream = next(each for each in variant.streams if each.name == test.stream)
        result = _run(test, stream, variant)
        if isinstance(result, TestResult):
            results.append(result)
        else:
            errors += result
    if errors:
        return None, errors
    mappings = [(stream.name, each.name) for stream in compiled.streams for each in (stream.key, *stream.fields)]
    touched = {(test.stream, name.casefold()) for test in tests for name in (*test.expect, *test.reject)}
    untested = [each for each in mappings if (each[0], each[1].casefold()) not in touched]
    return CatalogResult(catalog, tuple(results), tuple(mappings), tuple(untested)), []


def _with_labels(
    compiled: CompiledCatalog, labels: Mapping[str, Mapping[str, Mapping[str, str]]], today: date
) -> CompiledCatalog:
    """The catalog compiled with labels that the snapshot does not hold."""
    known = compiled.source_schema.attributes
    given = {
        code: dataclasses.replace(
            known[code], options=tuple(Option(each, by_locale) for each, by_locale in by_code.items())
        )
        for code, by_code in labels.items()
        if code in known
    }
    if not given:
        return compiled
    schema = dataclasses.replace(compiled.source_schema, attributes={**known, **given})
    again, _ = compile_catalog(compiled.catalog, schema, compiled.target_schema, today)
    return again or compiled


def _run(test: MappingTest, stream: CompiledStream, compiled: CompiledCatalog) -> TestResult | list[Problem]:
    catalog, schema = compiled.catalog, compiled.source_schema
    written = next(each for each in catalog.streams if each.name == test.stream)
    locale = written.locale or next(iter(catalog.locales), None)
    record = source_record(test, stream, schema, locale, catalog.channel)
    if isinstance(record, list):
        return record
    expected: dict[str, Encoded] = {}
    problems: list[Problem] = []
    for name, value in test.expect.items():
        found = _expected(_field(stream, name), value, catalog.timezone)
        if isinstance(found, Unconvertible):
            why = found.reason.message
            problems.append(problem("SE617", test.place("expect", name), name=name, value=_shown(value), why=why))
        else:
            expected[name] = found
    rows = [row for row in trace(stream, record, as_converted).rows if row.passes]
    names = {row.source_key.removeprefix(f"{record.key}/"): row for row in rows}
    if not test.row and len(rows) > 1:
        listed = f"{len(rows)} rows ({', '.join(names)})"
        problems.append(problem("SE618", test.place("given"), stream=test.stream, rows=listed))
    if problems:
        return problems
    row = names.get(test.row) if test.row else next(iter(rows), None)
    if row is None:
        made = f"it makes {', '.join(names)}" if names else "it makes none"
        what = f"the stream makes no row {test.row!r} of this record; {made}" if test.row else "no row is made of it"
        return TestResult(test, (Failure("", None, None, what, test.place("given")),))
    return TestResult(test, tuple(_failures(test, row, expected)))


def _failures(test: MappingTest, row: RowTrace, expected: Mapping[str, Encoded]) -> Iterator[Failure]:
    fields = {each.name.casefold(): each for each in row.fields}
    for name, wanted in expected.items():
        traced, place = fields[name.casefold()], test.place("expect", name)
        if traced.reason is not None:
            yield Failure(traced.name, wanted, traced, _refused(traced.reason), place)
        elif traced.result != wanted:
            yield Failure(traced.name, wanted, traced, "", place)
    for name, code in test.reject.items():
        traced, place = fields[name.casefold()], test.place("reject", name)
        if traced.reason is None:
            yield Failure(traced.name, code, traced, "it is not refused", place, refusal=True)
        elif traced.reason.code != code:
            yield Failure(traced.name, code, traced, _refused(traced.reason), place, refusal=True)


def _refused(reason: Reason) -> str:
    return f"{reason.message} [{reason.code}]"


def _field(stream: CompiledStream, name: str) -> CompiledField:
    return next(each for each in (stream.key, *stream.fields) if each.name.casefold() == name.casefold())


def _expected(field: CompiledField, value: object, timezone: str) -> Encoded | Unconvertible:
    """The expected value as the mapped one is compared; a parent is written as its key."""
    if value in (None, ""):
        return None
    if field.refers:
        return str(value)
    try:
        return encode(converter(field.description, ZoneInfo(timezone))(value))
    except Unconvertible as error:
        return error


def _shown(value: object) -> str:
    if isinstance(value, (str, int, Decimal)):
        return f"`{value}`"
    return "a list" if isinstance(value, list) else "a table"
