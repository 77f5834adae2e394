"""What most commands begin with: the project, its catalogs, opened connections, compiled catalogs."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from sync_engine.catalog.model import Catalog, Project
from sync_engine.catalog.project import read_project
from sync_engine.catalog.registry import Side, adapter_sides, load_source, load_target
from sync_engine.catalog.settings import resolve, resolve_state
from sync_engine.catalog.validate import settings_texts, validate_project
from sync_engine.cli.console import Console
from sync_engine.compiler.catalog import (
    compile_catalog,
    needs_all,
    source_currencies,
    source_labelled,
    source_needs,
    source_parts,
)
from sync_engine.compiler.compiled import CompiledCatalog
from sync_engine.compiler.found import find_records, referred_objects
from sync_engine.compiler.rows import ROW_PROPERTIES
from sync_engine.ledger.locks import lock_names
from sync_engine.ledger.store import Ledger, open_ledger
from sync_engine.problems import nearest
from sync_engine.sdk.adapter import Settings
from sync_engine.sdk.errors import InvalidInput, Refused
from sync_engine.sdk.masking import passwords_in
from sync_engine.sdk.problem import Problem, Severity
from sync_engine.sdk.source import KeepsCatalogs, Source, SourceSchema
from sync_engine.sdk.target import ObjectSchema, Target, TargetSchema
from sync_engine.sdk.values import Secret, reveal
from sync_engine.snapshots import read_snapshot


def load(console: Console, names: Sequence[str] = ()) -> tuple[Project, tuple[Catalog, ...]]:
    """The project and its catalogs, or only the named ones.

    Args:
        console: knows the project's folder.
        names: names of catalogs or paths of their files; empty means all.

    Raises:
        InvalidInput: something is wrong with the project or any of its catalogs.
        Refused: there is no catalog of that name.
    """
    result = validate_project(Path(console.folder), environment=console.environment)
    console.sources = result.sources
    errors = [each for each in result.problems if each.severity is Severity.ERROR]
    if errors or result.project is None:
        raise InvalidInput(result.problems)
    return at_home(console, result.project), choose(result.catalogs, names)


def choose(catalogs: Sequence[Catalog], names: Sequence[str]) -> tuple[Catalog, ...]:
    """The catalogs of these names or files; all when none is given.

    Raises:
        Refused: there is no catalog of that name.
    """
    if not names:
        return tuple(catalogs)
    by_name = {each.name: each for each in catalogs}
    by_path = {each.path.resolve(): each for each in catalogs}
    chosen: dict[str, Catalog] = {}
    for name in names:
        found = by_name.get(name) or by_path.get(Path(name).resolve())
        if found is None:
            known = ", ".join(sorted(by_name)) or "none"
            raise Refused(f"the project has no catalog `{name}`", hint=nearest(name, by_name) or f"It has: {known}")
        chosen[found.name] = found
    return tuple(chosen.values())


def find_catalog(console: Console, name: str) -> Catalog:
    """The catalog of that name, whatever is wrong with it or with others: not to be run.

    Raises:
        Refused: there is none.
    """
    by_name = {each.name: each for each in _all_catalogs(console)}
    if name not in by_name:
        hint = nearest(name, by_name) or f"It has: {', '.join(sorted(by_name)) or 'none'}"
        raise Refused(f"the project has no catalog `{name}`", hint=hint)
    return by_name[name]


def catalog_names(console: Console) -> list[str]:
    """The names of all catalogs, valid or not."""
    return sorted(each.name for each in _all_catalogs(console))


def _all_catalogs(console: Console) -> tuple[Catalog, ...]:
    result = validate_project(Path(console.folder), environment=console.environment)
    return (*result.catalogs, *result.incomplete)


def load_settings(console: Console) -> Project:
    """The project without its catalogs: what is wrong with them does not matter.

    Raises:
        InvalidInput: something is wrong with the project's own files.
    """
    reading = read_project(Path(console.folder), console.environment)
    console.sources = settings_texts(reading)
    if reading.project is None:
        raise InvalidInput(reading.problems)
    return at_home(console, reading.project)


def at_home(console: Console, project: Project) -> Project:
    """The project with its ledger where this command was told to have it."""
    return project if console.home is None else replace(project, home=Path(console.home).resolve())


def open_state(project: Project, console: Console) -> Ledger:
    """The project's ledger."""
    state = resolve_state(project, os.environ)
    if isinstance(state, Secret):
        console.mask.hide([state])
    console.mask.hide(passwords_in(reveal(state)))
    return open_ledger(state, project.home)


@contextlib.contextmanager
def locked_state(project: Project, catalogs: Sequence[Catalog], console: Console) -> Iterator[Ledger]:
    """The project's ledger, with these catalogs and the objects they write to locked.

    Raises:
        Locked: another transfer writes to one of them.
    """
    with open_state(project, console) as ledger, ledger.locked(lock_names(catalogs), project.lease_seconds):
        yield ledger


def fitting(project: Project, side: Side) -> list[str]:
    """Names of the connections that can be the source, or the target, of a catalog."""
    return [name for name, each in project.connections.items() if side in adapter_sides(each.adapter)]


class Connections:
    """Opened connections by name; each is opened when it is first needed and closed at the end."""

    def __init__(self, project: Project, console: Console) -> None:
        self._project = project
        self._console = console
        self._stack = contextlib.ExitStack()
        self._sources: dict[str, Source] = {}
        self._targets: dict[str, Target] = {}

    def __enter__(self) -> Connections:
        return self

    def __exit__(self, *exc: object) -> None:
        self._stack.close()

    def of_adapter(self, adapter: str) -> list[str]:
        """Names of the connections with that adapter."""
        return [name for name, each in self._project.connections.items() if each.adapter == adapter]

    def targets(self) -> list[str]:
        """Names of the connections that are targets."""
        return fitting(self._project, Side.TARGET)

    def source(self, name: str) -> Source:
        """The opened source of that name."""
        if name not in self._sources:
            adapter, settings = self._resolved(name)
            self._sources[name] = load_source(adapter).open(name, settings, self._console.mask)
            self._stack.callback(self._sources[name].close)
        return self._sources[name]

    def target(self, name: str) -> Target:
        """The opened target of that name."""
        if name not in self._targets:
            adapter, settings = self._resolved(name)
            self._targets[name] = load_target(adapter).open(name, settings, self._console.mask)
            self._stack.callback(self._targets[name].close)
        return self._targets[name]

    def saved_source(self, name: str) -> SourceSchema | None:
        """The snapshot of that source; None where there is none that can be read, which ``validate`` reports."""
        try:
            return read_snapshot(self._project, name, SourceSchema)
        except InvalidInput:
            return None

    def _resolved(self, name: str) -> tuple[str, Settings]:
        """The adapter of a connection and its settings, which the console now keeps secret."""
        connection = self._project.connections[name]
        settings = resolve(connection, os.environ)
        self._console.mask.hide(_secrets(settings))
        return connection.adapter, settings


def _secrets(value: object) -> Iterator[Secret]:
    if isinstance(value, Secret):
        yield value
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _secrets(each)
    elif isinstance(value, (list, tuple)):
        for each in value:
            yield from _secrets(each)


Recall = Callable[[Catalog, SourceSchema], CompiledCatalog | None]
"""A catalog that needs nothing of its target, compiled against what its source describes now; None where it does."""


def compile_live(
    catalogs: Sequence[Catalog], connections: Connections, recall: Recall = lambda *_: None
) -> tuple[list[CompiledCatalog], list[Problem]]:
    """Compile catalogs against what their connections describe now.

    Args:
        catalogs: to compile.
        connections: are asked; the target of a catalog only where it cannot be recalled.
        recall: see ``Recall``.

    Returns:
        The compiled catalogs and the warnings.

    Raises:
        InvalidInput: with every problem of every catalog.
    """
    compiled: list[CompiledCatalog] = []
    problems: list[Problem] = []
    for catalog in catalogs:
        source = describe_source(connections.source(catalog.source), catalog)
        done = recall(catalog, source)
        found = list(done.warnings) if done else []
        if done is None:
            target = describe_target(connections.target(catalog.target), [catalog])
            done, found = compile_described(catalog, source, target, connections)
        problems += found
        if done is not None:
            compiled.append(done)
    if any(each.severity is Severity.ERROR for each in problems):
        raise InvalidInput(problems)
    return compiled, problems


def compile_described(
    catalog: Catalog, source: SourceSchema, target: TargetSchema, connections: Connections
) -> tuple[CompiledCatalog | None, list[Problem]]:
    """Compile a catalog against what its connections describe; None when a problem is an error.

    Args:
        catalog: to compile.
        source: as its source describes itself now.
        target: likewise, at least the objects that it writes to.
        connections: the target is asked for the records that ``find`` names.
    """
    opened = connections.target(catalog.target)
    before = connections.saved_source(catalog.source)
    settled, lost = find_records(catalog, target, partial(_described, opened), partial(_ids, opened))
    done, found = compile_catalog(settled, source, target, datetime.now(UTC).date(), before)
    problems = [*lost, *found]
    return (None if any(each.severity is Severity.ERROR for each in problems) else done), problems


def _described(target: Target, name: str) -> ObjectSchema | None:
    return target.describe([name]).objects.get(name)


def _ids(target: Target, object_name: str, field: str, value: str) -> list[str]:
    return [row.id for rows in target.read(object_name, field, (), [value]) for row in rows]


def describe_source(source: Source, *catalogs: Catalog) -> SourceSchema:
    """What catalogs need of a source's schema; all of it when a name is unknown, so that near ones can be named."""
    needs = frozenset().union(*map(source_needs, catalogs))
    schema = describe_needed(source, catalogs)
    for each in catalogs:
        check_source_catalog(source, each)
    collections = (schema.collections, *schema.catalogs.values())
    properties = {code for some in collections for each in some.values() for code in each.properties}
    if needs <= schema.attributes.keys() | properties | ROW_PROPERTIES and not any(map(needs_all, catalogs)):
        return schema
    whole = source.describe()
    attributes = {**whole.attributes, **schema.attributes}  # labels of records only when named
    return replace(whole, attributes=attributes, catalogs=schema.catalogs)


def describe_needed(source: Source, catalogs: Sequence[Catalog]) -> SourceSchema:
    """No more of a source's schema than catalogs need."""
    named = frozenset().union(*map(source_needs, catalogs), *map(source_parts, catalogs))
    labelled = frozenset().union(*map(source_labelled, catalogs))
    schema = source.describe(named, labelled, frozenset().union(*map(source_currencies, catalogs)))
    return with_own_collections(source, schema, catalogs)


def with_own_collections(source: Source, schema: SourceSchema, catalogs: Sequence[Catalog]) -> SourceSchema:
    """The schema with the collections that only catalogs of the source's own have, where streams read such."""
    if not isinstance(source, KeepsCatalogs):
        return schema  # which ``check_source_catalog`` refuses
    read: dict[str, set[str]] = {}
    for each in catalogs:
        names = {stream.source for stream in each.streams} - schema.collections.keys()
        if names and each.source_catalog is not None:
            read.setdefault(each.source_catalog, set()).update(names)
    if not read:
        return schema
    return replace(schema, catalogs={own: source.describe_catalog(own, names) for own, names in read.items()})


def check_source_catalog(source: Source, catalog: Catalog) -> str:
    """The source's own catalog that a catalog reads, for messages; empty where it reads none.

    Raises:
        Refused: its source keeps no catalogs; see also ``sdk.source.KeepsCatalogs``.
    """
    if catalog.source_catalog is None:
        return ""
    if not isinstance(source, KeepsCatalogs):
        raise Refused(
            f"{catalog.place('source.catalog')}: connection `{catalog.source}` keeps no catalogs of its own",
            hint="Remove `source.catalog`, and select the records by `filter`.",
        )
    return source.check_catalog(catalog.source_catalog)


def describe_target(target: Target, catalogs: Sequence[Catalog]) -> TargetSchema:
    """The objects that catalogs write to, record their transfers in, or only refer to."""
    schema = target.describe(objects_of(catalogs))
    others = referred_objects(catalogs, schema)
    return replace(schema, objects={**schema.objects, **target.describe(others).objects}) if others else schema


def objects_of(catalogs: Sequence[Catalog]) -> tuple[str, ...]:
    """The objects that catalogs write to, and those that their transfers are recorded in."""
    written = (stream.object for catalog in catalogs for stream in catalog.streams)
    return tuple(dict.fromkeys((*written, *(each.log.to for each in catalogs if each.log.to))))
