"""``catalogs``: what the project has, and what is doubtful about it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import orjson

from sync_engine.catalog.model import Catalog
from sync_engine.catalog.validate import validate_project
from sync_engine.cli.catalog_files import copy, create, delete, rename
from sync_engine.cli.checking import check_live, check_offline
from sync_engine.cli.console import Console
from sync_engine.cli.session import at_home, open_state
from sync_engine.cli.tables import print_table
from sync_engine.ledger.store import Ledger
from sync_engine.planner.describe import describe
from sync_engine.report.coming import planned_of
from sync_engine.report.schedule import Planned, next_text, schedule_data
from sync_engine.report.transfers import as_data
from sync_engine.report.values import plural
from sync_engine.schedule.text import describe as describe_schedule
from sync_engine.sdk.errors import InvalidInput
from sync_engine.sdk.problem import Problem, Severity

VERSION = 1


@click.group()
def catalogs() -> None:
    """Look at the catalogs of the project; make, copy, rename and delete them."""


for command in (create, copy, rename, delete):
    catalogs.add_command(command)


@catalogs.command("list")
@click.option("--live", is_flag=True, help="Ask the connections instead of the snapshots.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def list_(console: Console, live: bool, as_json: bool) -> None:
    """List every catalog: what it transfers, when it did and will, and warnings about its locales and mappings.

    Catalogs with errors are listed too; `sync-engine validate` shows what is wrong with them, and what helps.
    """
    result = validate_project(Path(console.folder), environment=console.environment)
    console.sources = result.sources
    if result.project is None:
        raise InvalidInput(result.problems)
    found = sorted((*result.catalogs, *result.incomplete), key=lambda each: each.name)
    about = check_live(console, result.project, found) if live else check_offline(result.project, found)
    problems = sorted((*result.problems, *about), key=lambda each: (each.origin, each.code))
    with open_state(at_home(console, result.project), console) as ledger:
        last = _last_transfers(ledger, found)
        planned = {each.name: each for each in planned_of(ledger, found, datetime.now(UTC))}
    if as_json:
        data = [_data(each, problems, last.get(each.name), planned[each.name]) for each in found]
        console.out(orjson.dumps({"version": VERSION, "catalogs": data}, option=orjson.OPT_INDENT_2).decode())
        return
    print_table(
        console,
        ("catalog", "file", "streams", "objects", "filter", "schedule", "next run", "last transfer", "state"),
        [_row(each, problems, last.get(each.name), planned[each.name]) for each in found],
    )
    for each in problems:
        color = "red" if each.severity is Severity.ERROR else "yellow"
        console.out(console.paint(f"{each.origin}: {each.code}: {each.message}", color))


def _last_transfers(ledger: Ledger, catalogs: list[Catalog]) -> dict[str, dict[str, Any]]:
    found = {each.name: ledger.transfers(each.name, 1) for each in catalogs}
    return {name: as_data(each[0]) for name, each in found.items() if each}


def _of(catalog: Catalog, problems: list[Problem], severity: Severity) -> list[Problem]:
    return [each for each in problems if each.origin.file == catalog.origin.file and each.severity is severity]


def _selection(catalog: Catalog) -> list[str]:
    own = [f"catalog {catalog.source_catalog} of {catalog.source}"] if catalog.source_catalog else []
    return own + [describe(each) for each in catalog.filter]


def _objects(catalog: Catalog) -> list[str]:
    return list(dict.fromkeys(each.object for each in catalog.streams))


def _row(catalog: Catalog, problems: list[Problem], last: dict[str, Any] | None, planned: Planned) -> tuple[str, ...]:
    errors, warnings = (_of(catalog, problems, each) for each in (Severity.ERROR, Severity.WARNING))
    counts = [(len(errors), "error"), (len(warnings), "warning")]
    return (
        catalog.name,
        catalog.origin.file,
        ", ".join(each.name for each in catalog.streams),
        ", ".join(_objects(catalog)),
        " and ".join(_selection(catalog)) or "all",
        describe_schedule(catalog.schedule) if catalog.schedule else "on command",
        next_text(planned),
        f"{last['status']} {last['started']}" if last else "never",
        ", ".join(plural(count, word) for count, word in counts if count) or "ok",
    )


def _data(catalog: Catalog, problems: list[Problem], last: dict[str, Any] | None, planned: Planned) -> dict[str, Any]:
    return {
        "name": catalog.name,
        "file": catalog.origin.file,
        "description": catalog.description,
        "source": catalog.source,
        "target": catalog.target,
        "channel": catalog.channel,
        "locales": catalog.locales,
        "source_catalog": catalog.source_catalog,
        "filter": [describe(each) for each in catalog.filter],
        "streams": [each.name for each in catalog.streams],
        "objects": _objects(catalog),
        **schedule_data(planned),
        "last_transfer": last,
        "warnings": [_problem(each) for each in _of(catalog, problems, Severity.WARNING)],
        "errors": [_problem(each) for each in _of(catalog, problems, Severity.ERROR)],
    }


def _problem(found: Problem) -> dict[str, Any]:
    return {
        "code": found.code,
        "line": found.origin.line,
        "column": found.origin.column,
        "message": found.message,
        "hint": found.hint,
    }
