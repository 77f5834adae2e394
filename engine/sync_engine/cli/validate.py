"""``validate``: every problem of every file in one pass."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

import click

from sync_engine.catalog.model import Catalog, Project
from sync_engine.catalog.validate import validate_project
from sync_engine.cli.console import Console, colour_wanted
from sync_engine.compiler.catalog import check_catalog, check_expressions
from sync_engine.problems import problem
from sync_engine.report.values import plural
from sync_engine.sdk.errors import InvalidInput, SyncEngineError
from sync_engine.sdk.problem import Problem, Severity
from sync_engine.sdk.source import SourceSchema
from sync_engine.sdk.target import TargetSchema
from sync_engine.snapshots import read_snapshot

INVALID = 3


@click.command()
@click.argument("paths", nargs=-1, type=click.Path())
@click.option("--live", is_flag=True, help="Ask the connections instead of the snapshots.")
@click.option("--format", "format_", type=click.Choice(["text", "json", "github", "sarif"]), default="text")
@click.pass_obj
def validate(console: Console, paths: tuple[str, ...], live: bool, format_: str) -> int:
    """Check the project and its catalogs: all problems in one pass, offline where snapshots are saved.

    PATHS are catalog files; without any, every file under catalogs/ is checked. Exit code 0 or 3.
    """
    from sync_engine.report.problems import render

    result = validate_project(Path(console.folder), [Path(each) for each in paths] or None)
    problems = list(result.problems)
    # The usable parts of broken catalogs are checked too: a mistake in one place hides none elsewhere.
    catalogs = (*result.catalogs, *result.incomplete)
    if result.project is not None:
        if live:
            problems += _check_live(console, result.project, catalogs)
        else:
            problems += _check_offline(result.project, catalogs)
    problems.sort(key=lambda each: (each.origin.file, each.origin.line, each.origin.column))
    text = render(problems, format_, colour=format_ == "text" and colour_wanted(sys.stdout), sources=result.sources)
    console.out(text, newline=not text.endswith("\n"))
    if format_ == "text" and not problems:
        console.say(f"{plural(len(catalogs), 'catalog')} checked.")
    if any(each.severity is Severity.ERROR for each in problems):
        return INVALID
    return 0


def _check_offline(project: Project, catalogs: tuple[Catalog, ...]) -> list[Problem]:
    problems: list[Problem] = []
    sources: dict[str, SourceSchema | None] = {}
    targets: dict[str, TargetSchema | None] = {}
    missing: dict[str, None] = {}
    for catalog in catalogs:
        try:
            if catalog.source not in sources:
                sources[catalog.source] = read_snapshot(project.root, catalog.source, SourceSchema)
            if catalog.target not in targets:
                targets[catalog.target] = read_snapshot(project.root, catalog.target, TargetSchema)
        except InvalidInput as error:
            problems += error.problems
            sources.setdefault(catalog.source, None)
            targets.setdefault(catalog.target, None)
            continue
        source, target = sources[catalog.source], targets[catalog.target]
        if source is None or target is None:
            absent = ((catalog.source, source), (catalog.target, target))
            missing.update((name, None) for name, schema in absent if schema is None)
            problems += check_expressions(catalog)
        else:
            problems += check_catalog(catalog, source, target, datetime.now(UTC).date())
    if missing:
        names = " and ".join(f"`{each}`" for each in missing)
        problems.append(problem("SE318", project.origin, connections=names))
    return problems


def _check_live(console: Console, project: Project, catalogs: tuple[Catalog, ...]) -> list[Problem]:
    from sync_engine.cli.session import Connections, describe_source, objects_of

    problems: list[Problem] = []
    with Connections(project, console) as connections:
        for catalog in catalogs:
            syntax = list(check_expressions(catalog))
            problems += syntax
            if syntax:
                continue  # the names in a broken expression are not known
            try:
                source = describe_source(connections.source(catalog.source), catalog)
                target = connections.target(catalog.target).describe(objects_of([catalog]))
            except InvalidInput as error:
                problems += error.problems
                continue
            except SyncEngineError as error:
                problems.append(problem("SE701", catalog.origin, error.hint, catalog=catalog.name, why=error.message))
                continue
            problems += check_catalog(catalog, source, target, datetime.now(UTC).date())
    return problems
