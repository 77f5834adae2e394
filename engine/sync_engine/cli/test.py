"""``test``: the tests of mappings, run without a network; ``--record`` writes one from live data."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import click

from sync_engine.catalog.mapping_tests import TEST_FOLDER, read_test_files
from sync_engine.catalog.model import Catalog, MappingTest, Project
from sync_engine.cli.console import Console, Meter
from sync_engine.cli.plan import chosen_streams
from sync_engine.cli.session import Connections, compile_live, load
from sync_engine.problems import problem
from sync_engine.report import tests as report
from sync_engine.report.trace_json import dump
from sync_engine.report.values import plural
from sync_engine.sdk.errors import InvalidInput, Refused
from sync_engine.sdk.source import SourceSchema
from sync_engine.sdk.target import TargetSchema
from sync_engine.snapshots import read_snapshot
from sync_engine.trace.finding import locate
from sync_engine.trace.record import as_converted, trace
from sync_engine.trace.recording import append_test, recorded
from sync_engine.trace.testing import CatalogResult, run_tests

FAILED = 1


@click.command()
@click.argument("catalog", required=False)
@click.option("--record", "key", metavar="KEY", help="Write a test that expects what this record becomes now.")
@click.option("--streams", metavar="A,B", help="With --record: only these streams.")
@click.option("--format", "format_", type=click.Choice(["text", "json", "junit"]), default="text", show_default=True)
@click.pass_obj
def test(console: Console, catalog: str | None, key: str | None, streams: str | None, format_: str) -> int:
    """Run the tests of CATALOG's mappings (of all catalogs by default), offline against the snapshots.

    Tests stand in a catalog under `tests:` and in files under tests/. Exit code 1 when one fails.
    """
    project, catalogs = load(console, [catalog] if catalog else ())
    _, everything = load(console) if catalog else (project, catalogs)
    if key is not None:
        return _record(console, project, catalogs, everything, key, streams)
    if streams is not None:
        raise click.UsageError("--streams goes with --record")
    results = _results(console, project, catalogs, everything)
    if format_ == "json":
        console.out(dump(report.as_data(results)))
    elif format_ == "junit":
        console.out(report.junit(results), newline=False)
    else:
        for line in report.lines(results, console.paint):
            console.out(line)
    return FAILED if any(each.failures for result in results for each in result.tests) else 0


def _results(
    console: Console, project: Project, catalogs: Sequence[Catalog], everything: Sequence[Catalog]
) -> list[CatalogResult]:
    """Run all tests of some catalogs; ``everything`` are all catalogs of the project.

    Raises:
        InvalidInput: with every problem of catalogs, snapshots and tests.
    """
    in_files, problems, sources = read_test_files(project.root, everything)
    console.sources = {**console.sources, **sources}
    results: list[CatalogResult] = []
    schemas = _Snapshots(project)
    for catalog in catalogs:
        source, target = schemas.source(catalog.source), schemas.target(catalog.target)
        if source is None or target is None:
            continue
        tests: list[MappingTest] = [*catalog.tests, *in_files.get(catalog.name, ())]
        result, found = run_tests(catalog, tests, source, target, datetime.now(UTC).date())
        problems += found
        if result is not None:
            results.append(result)
    if schemas.missing:
        names = " and ".join(f"`{each}`" for each in schemas.missing)
        problems.append(problem("SE619", project.origin, connections=names))
    if problems:
        raise InvalidInput(sorted(problems, key=lambda each: each.origin))
    return results


class _Snapshots:
    """The snapshots of a project, each read once; ``missing`` has the names of those that are not there."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._sources: dict[str, SourceSchema | None] = {}
        self._targets: dict[str, TargetSchema | None] = {}

    def source(self, name: str) -> SourceSchema | None:
        """The snapshot of a source."""
        if name not in self._sources:
            self._sources[name] = read_snapshot(self._project, name, SourceSchema)
        return self._sources[name]

    def target(self, name: str) -> TargetSchema | None:
        """The snapshot of a target."""
        if name not in self._targets:
            self._targets[name] = read_snapshot(self._project, name, TargetSchema)
        return self._targets[name]

    @property
    def missing(self) -> list[str]:
        """Names of the connections without one."""
        return [name for name, found in {**self._sources, **self._targets}.items() if found is None]


def _record(
    console: Console,
    project: Project,
    catalogs: Sequence[Catalog],
    everything: Sequence[Catalog],
    key: str,
    streams: str | None,
) -> int:
    """Write a test for every row that the record becomes, and run all tests."""
    if len(catalogs) != 1:
        raise click.UsageError("--record needs the name of a CATALOG, because the project has several")
    (catalog,) = catalogs
    snapshot = read_snapshot(project, catalog.source, SourceSchema)
    if snapshot is None:
        raise InvalidInput([problem("SE619", project.origin, connections=f"`{catalog.source}`")])
    meter = Meter()
    with Connections(project, console) as connections:
        (compiled,), _ = compile_live([catalog], connections)
        compiled = compiled.only(chosen_streams(streams, [catalog]))
        found = locate(compiled, connections.source(catalog.source), key, meter)
        meter.clear()
    path = project.root / TEST_FOLDER / f"{catalog.name}.yaml"
    written = 0
    for stream in compiled.streams:
        record = found.get(stream.name)
        if record is None:
            continue
        rows = [row for row in trace(stream, record, as_converted).rows if row.passes]
        for row in [row for row in rows if key in (row.key, row.source_key)] or rows:
            append_test(path, catalog.name, recorded(key, stream, record, row, compiled, snapshot))
            written += 1
    if not written:
        where = ", ".join(each.name for each in compiled.streams)
        raise Refused(
            f"the streams of {catalog.name} ({where}) make nothing of a record {key}",
            hint=f"`sync-engine explain {catalog.name} {key}`",
        )
    console.say(f"{plural(written, 'test')} written to {path.relative_to(project.root)}")
    results = _results(console, project, catalogs, everything)
    failed = [each for result in results for each in result.tests if each.failures]
    for line in report.lines(results, console.paint) if failed else ():
        console.out(line)
    if failed:
        console.say("Not all tests pass; `sync-engine snapshot --check` says whether the snapshots are out of date.")
    return FAILED if failed else 0
