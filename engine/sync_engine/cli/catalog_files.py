"""``catalogs create``, ``copy``, ``rename`` and ``delete``: the files, and what the ledger keeps under their names.

The files belong to people and to git. They are changed as text, in the one place that matters, so that comments and
layout stay; nothing here asks or changes the connections.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import click

from sync_engine.catalog.mapping_tests import test_files
from sync_engine.catalog.model import Project
from sync_engine.catalog.project import CATALOG_FOLDER, display_name
from sync_engine.catalog.registry import Side
from sync_engine.catalog.schemas import read_schema
from sync_engine.cli.console import Console
from sync_engine.cli.init import catalog_text
from sync_engine.cli.session import catalog_names, find_catalog, fitting, load_settings, open_state
from sync_engine.documents import Document, Plain, load_document, table
from sync_engine.documents.parsing import parse_document
from sync_engine.sdk.errors import Refused

_VALUE = re.compile(r"\"[^\"]*\"|'[^']*'|[^\s#,}]+")


@click.command()
@click.argument("name")
@click.option("--source", metavar="CONNECTION", help="Needed where the project has several sources.")
@click.option("--target", metavar="CONNECTION", help="Needed where the project has several targets.")
@click.pass_obj
def create(console: Console, name: str, source: str | None, target: str | None) -> None:
    """Write a new catalog NAME to begin with: all enabled products into Product2."""
    project = load_settings(console)
    path = _free(project, name, catalog_names(console))
    chosen = [_connection(project, side, given) for side, given in ((Side.SOURCE, source), (Side.TARGET, target))]
    _write(console, project, path, catalog_text(name, *chosen))


def add(console: Console, name: str, text: str) -> None:
    """Write a catalog that is not there yet.

    Raises:
        UsageError: that is no name for a catalog.
        Refused: it is taken, or its file is there.
    """
    project = load_settings(console)
    _write(console, project, _free(project, name, catalog_names(console)), text)


@click.command()
@click.argument("name")
@click.argument("new")
@click.pass_obj
def copy(console: Console, name: str, new: str) -> None:
    """Copy the file of catalog NAME as catalog NEW, with nothing of what was transferred.

    As long as both write the same records, each overwrites what the other has written: change the filter or the target.
    """
    project = load_settings(console)
    catalog = find_catalog(console, name)
    path = _free(project, new, catalog_names(console))
    _write(console, project, path, _with_name(_document(catalog.path, project), "name", new))


@click.command()
@click.argument("name")
@click.argument("new")
@click.option("--ledger-only", is_flag=True, help="The files have been renamed: of another environment's ledger.")
@click.pass_obj
def rename(console: Console, name: str, new: str, ledger_only: bool) -> None:
    """Rename catalog NAME to NEW: its file, the files with its tests, and all that the ledger knows of it.

    Renamed by hand, a catalog is a new one to the ledger: it owns no records, so it deletes none. Each environment has
    a ledger of its own: rename there, too, with --env and --ledger-only.
    """
    project = load_settings(console)
    changes = [] if ledger_only else _renamed(console, project, name, new)
    with open_state(project, console) as ledger, ledger.locked([f"catalog {name}", f"catalog {new}"]):
        known = ledger.rename_catalog(name, new)
        for before, after, text in changes:
            _write(console, project, after, text)
            if before != after:
                before.unlink()
    console.say(f"The ledger knows {name} as {new} now." if known else f"The ledger knew nothing of {name}.")


@click.command()
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def delete(console: Console, name: str, yes: bool) -> None:
    """Delete the file of catalog NAME, and nothing else: records in the target stay, and so does its transfer log.

    To have its records deleted, let `on_missing: delete` and a filter that nothing passes do that first.
    """
    project = load_settings(console)
    catalog = find_catalog(console, name)
    shown = display_name(catalog.path, project.root)
    if not yes:
        click.confirm(f"Delete {shown}?", abort=True, err=True)
    catalog.path.unlink()
    console.out(shown)


def _free(project: Project, name: str, names: Sequence[str]) -> Path:
    """The file of a new catalog.

    Raises:
        UsageError: that is no name for a catalog.
        Refused: it is taken, or its file is there.
    """
    rule = read_schema("catalog")["properties"]["name"]
    if not re.match(rule["pattern"], name) or len(name) > rule["maxLength"]:
        raise click.UsageError(f"the name `{name}` {rule['errorMessage']}")
    if name in names:
        raise Refused(f"the project has a catalog `{name}` already", hint="Nothing was changed; take another name.")
    path = project.root / CATALOG_FOLDER / f"{name}.yaml"
    if path.exists():
        raise Refused(f"{display_name(path, project.root)} is there already", hint="Nothing was changed.")
    return path


def _connection(project: Project, side: Side, given: str | None) -> str:
    names = fitting(project, side)
    if given is None and len(names) == 1:
        return names[0]
    if given not in names:
        raise click.UsageError(f"name the {side} with --{side}: {', '.join(names) or 'the project has none'}")
    return given


def _document(path: Path, project: Project) -> Document:
    name = display_name(path, project.root)
    document = load_document(path, name, root=project.root)
    if not isinstance(document, Document):
        raise Refused(f"{name} cannot be read", hint="`sync-engine validate` says why.")
    return document


def _with_name(document: Document, key: str, new: str) -> str:
    """The text of a document with another value of one key, and nothing else changed.

    Raises:
        Refused: it is written in a way in which that is not certain.
    """
    origin = document.origin((key,))
    lines = document.text.splitlines(keepends=True)
    before, rest = lines[origin.line - 1][: origin.column - 1], lines[origin.line - 1][origin.column - 1 :]
    lines[origin.line - 1] = before + _VALUE.sub(new, rest, count=1)
    text = "".join(lines)
    changed = parse_document(text, document.name)
    wanted: dict[str, Plain] = {**table(document.data), key: new}
    if not isinstance(changed, Document) or changed.data != wanted:
        raise Refused(f"{origin}: `{key}` is written in a way that is not understood here", hint="Change it by hand.")
    return text


def _renamed(console: Console, project: Project, name: str, new: str) -> list[tuple[Path, Path, str]]:
    """Where each file is that says the name of a catalog, where it goes, and its text then; nothing is written yet."""
    path = find_catalog(console, name).path
    free = _free(project, new, catalog_names(console))
    after = path.with_name(f"{free.stem}{path.suffix}") if path.stem == name else path
    if after != path and after.exists():
        raise Refused(f"{display_name(after, project.root)} is there already", hint="Nothing was changed.")
    documents = [(each, _document(each, project)) for each in test_files(project.root)]
    tests = [
        (each, each, _with_name(document, "catalog", new))
        for each, document in documents
        if table(document.data).get("catalog") == name
    ]
    return [(path, after, _with_name(_document(path, project), "name", new)), *tests]


def _write(console: Console, project: Project, path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    console.out(display_name(path, project.root))
