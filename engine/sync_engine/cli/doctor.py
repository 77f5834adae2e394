"""``doctor``: can every connection be used, and is the ledger in order?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import click

from sync_engine.catalog.model import Catalog, Project
from sync_engine.cli.console import Console
from sync_engine.cli.session import Connections, check_source_catalog, describe_needed, load, objects_of, open_state
from sync_engine.report.values import plural
from sync_engine.sdk.errors import InvalidInput, SyncEngineError
from sync_engine.sdk.source import TellsVersion


@click.command()
@click.pass_obj
def doctor(console: Console) -> int:
    """Check the project, its connections and its ledger; exit with 1 when something is wrong."""
    project, catalogs = load(console)
    counts = f"{plural(len(catalogs), 'catalog')}, {plural(len(project.connections), 'connection')}"
    console.out(f"{console.paint('✓', 'green')} project {project.root}: {counts}")
    failed = False
    sources = dict.fromkeys(each.source for each in catalogs)
    targets = dict.fromkeys(each.target for each in catalogs)
    selecting = {(each.source, each.source_catalog): each for each in catalogs if each.source_catalog}
    with Connections(project, console) as connections:
        for name in sources:
            readers = [each for each in catalogs if each.source == name]
            failed |= not _try(console, f"source {name}", partial(_source, connections, name, readers))
        for (name, own), each in selecting.items():
            failed |= not _try(console, f"catalog {own} of {name}", partial(_own_catalog, connections, each))
        for name in targets:
            objects = objects_of([each for each in catalogs if each.target == name])
            failed |= not _try(console, f"target {name}", partial(_target, connections, name, objects))
    failed |= not _try(console, "ledger", partial(_ledger, project, console))
    if failed:
        return 1
    return 0


def _try(console: Console, what: str, check: Callable[[], str]) -> bool:
    try:
        console.out(f"{console.paint('✓', 'green')} {what}: {check()}")
    except InvalidInput as error:
        for each in error.problems:
            console.out(f"{console.paint('✗', 'red')} {what}: {each.origin}: {each.message}")
        return False
    except SyncEngineError as error:
        console.out(f"{console.paint('✗', 'red')} {what}: {console.mask.masked(error.message)}")
        if error.hint:
            console.out(f"    {error.hint}")
        return False
    return True


def _source(connections: Connections, name: str, readers: Sequence[Catalog]) -> str:
    """What a source says of itself, once it has described all that its catalogs need."""
    source = connections.source(name)
    schema = describe_needed(source, readers)
    version = f" {source.version()}" if isinstance(source, TellsVersion) else ""
    return f"{schema.adapter}{version}, locales {', '.join(schema.locales)}, channels {', '.join(schema.channels)}"


def _own_catalog(connections: Connections, catalog: Catalog) -> str:
    return check_source_catalog(connections.source(catalog.source), catalog)


def _target(connections: Connections, name: str, objects: tuple[str, ...]) -> str:
    target = connections.target(name)
    schema = target.describe(objects)
    missing = [each for each in objects if each not in schema.objects]
    budget = target.budget()
    left = "" if budget.requests_remaining is None else f", {budget.requests_remaining:,} requests left today"
    absent = f", MISSING: {', '.join(missing)}" if missing else ""
    return f"{schema.adapter} {schema.version}, objects {', '.join(schema.objects)}{absent}{left}"


def _ledger(project: Project, console: Console) -> str:
    with open_state(project, console) as ledger:
        newest = ledger.transfers(limit=1)
        return f"last transfer {newest[0].id} ({newest[0].status})" if newest else "empty"
