"""The project: the folder with ``sync-engine.yaml``, its connections, and the files of its catalogs."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sync_engine.catalog.environments import (
    check_environment,
    default_state,
    environment_of,
    lay_over,
    load_environment,
)
from sync_engine.catalog.findings import Findings
from sync_engine.catalog.model import Connection, Environment, PlanBudget, Project
from sync_engine.catalog.notifications import build_notifications
from sync_engine.catalog.references import unescaped
from sync_engine.catalog.registry import Side, adapter_sides, installed_adapters, settings_schema
from sync_engine.catalog.schemas import make_validator, read_schema
from sync_engine.catalog.serving import build_serving
from sync_engine.catalog.settings import (
    check_reference,
    check_references,
    check_secrets,
    check_settings,
    connection_schema,
    plain_secrets,
)
from sync_engine.catalog.shape import check_shape
from sync_engine.documents import Document, Plain, Pointer, load_document, number, table, text
from sync_engine.problems import nearest, problem
from sync_engine.sdk.errors import Refused
from sync_engine.sdk.problem import Origin, Problem, Severity
from sync_engine.sdk.values import Secret

PROJECT_FILE = "sync-engine.yaml"
CATALOG_FOLDER = "catalogs"
DEFAULT_STATE = "sqlite:///.sync-engine/ledger.db"


@dataclass(frozen=True, slots=True)
class ProjectReading:
    """What could be read of a project, however broken its file is.

    Attributes:
        root: the project's folder; None when there is none.
        document: its file; None when it has no readable structure.
        overlay: the file of the environment; None when none was asked for, or when it cannot be read.
        sides: what each connection can be, by name, as far as that is known; None when no connection is known.
        project: None when there are errors.
        problems: errors and warnings.
    """

    root: Path | None
    document: Document | None
    sides: Mapping[str, frozenset[Side]] | None
    project: Project | None
    problems: tuple[Problem, ...]
    overlay: Document | None = None


def load_project(start: Path, environment: str | None = None) -> Project | tuple[Problem, ...]:
    """The project that a folder belongs to, or every problem of its file.

    Args:
        start: the folder with ``sync-engine.yaml``, or any folder or file below it.
        environment: name of the one that is laid over the project file; None for the project file alone.
    """
    reading = read_project(start, environment)
    return reading.project if reading.project is not None else reading.problems


def read_project(start: Path, environment: str | None = None) -> ProjectReading:
    """As much as can be read of the project that a folder belongs to; see ``load_project``."""
    root = _find_root(start)
    if root is None:
        return ProjectReading(None, None, None, None, (problem("SE601", folder=start),))
    document = load_document(root / PROJECT_FILE, PROJECT_FILE, root=root)
    if not isinstance(document, Document):
        return ProjectReading(root, None, None, None, tuple(document))
    shape = Findings(document)
    check_shape(document.data, make_validator(read_schema("project")), shape, private=True)
    if environment is None:
        sides, problems = _check_settings(document, shape.problems)
        project = _build(root, document, DEFAULT_STATE, None) if _valid(problems) else None
        return ProjectReading(root, document, sides, project, problems)
    overlay = load_environment(root, environment)
    if not isinstance(overlay, Document):
        return ProjectReading(root, document, None, None, (*shape.sorted(), *overlay))
    whole = lay_over(document, overlay)
    sides, problems = _check_settings(whole, [*shape.problems, *check_environment(overlay, document)])
    project = None
    if _valid(problems):
        laid = environment_of(environment, document, overlay, whole, DEFAULT_STATE)
        project = _build(root, whole, default_state(environment), laid)
    return ProjectReading(root, document, sides, project, problems, overlay)


def _check_settings(
    document: Document, known: Sequence[Problem]
) -> tuple[dict[str, frozenset[Side]], tuple[Problem, ...]]:
    """What each connection can be, and every problem, together with those that are known already."""
    findings = Findings(document)
    findings.problems += known
    state = text(table(document.data).get("state"))
    if state is not None:
        check_reference(state, ("state",), findings)
    check_references(findings, "notifications", "serve")
    connections = table(table(document.data).get("connections"))
    sides = {name: _check_connection(name, written, findings) for name, written in connections.items()}
    check_secrets(findings)
    return sides, findings.sorted()


def _valid(problems: Sequence[Problem]) -> bool:
    return not any(each.severity is Severity.ERROR for each in problems)


def _find_root(start: Path) -> Path | None:
    folder = Path(os.path.abspath(start))  # noqa: PTH100 -- not `resolve`: a linked folder keeps the name the user knows
    return next((each for each in (folder, *folder.parents) if (each / PROJECT_FILE).is_file()), None)


def _check_connection(name: str, written: Plain, findings: Findings) -> frozenset[Side]:
    """Report problems of a connection; returns what it can be (both, when its adapter is not known)."""
    pointer: Pointer = ("connections", name, "adapter")
    adapter = text(table(written).get("adapter"))
    if not adapter:
        return frozenset(Side)
    sides = adapter_sides(adapter)
    if not sides:
        names = {each.name for each in installed_adapters()}
        hint = nearest(adapter, names) or f"Installed: {', '.join(f'`{each}`' for each in sorted(names)) or 'none'}."
        findings.add("SE602", pointer, hint, adapter=adapter)
        return frozenset(Side)
    try:
        schema = settings_schema(adapter)
    except Refused as error:
        findings.add("SE603", pointer, error.hint, reason=error.message)
        return sides
    check_settings(name, written, connection_schema(adapter, schema), findings)
    return sides


def _build(root: Path, document: Document, default: str, environment: Environment | None) -> Project:
    connections = table(table(document.data).get("connections"))
    state = text(table(document.data).get("state"))
    hidden = {pointer for _, pointer in plain_secrets(document.data)}
    processes = table(document.data).get("mapping_processes")
    lease = table(document.data).get("lease_seconds")
    budget = table(table(document.data).get("budget"))
    return Project(
        root=root,
        home=root,
        connections={
            name: _connection(name, table(written), hidden, document) for name, written in connections.items()
        },
        state=Secret(state) if state and ("state",) in hidden else state or default,
        origin=document.origin(),
        state_origin=document.origin(("state",)),
        environment=environment,
        notifications=build_notifications(document, hidden),
        serve=build_serving(document),
        mapping_processes=processes if isinstance(processes, int) else None,
        lease_seconds=lease if isinstance(lease, int) else None,
        budget=PlanBudget(**{key: value for key, each in budget.items() if (value := number(each)) is not None}),
    )


def _connection(name: str, written: Mapping[str, Plain], hidden: set[Pointer], document: Document) -> Connection:
    """A connection; a secret that stands in the file itself is a ``Secret`` from here on."""
    pointer: Pointer = ("connections", name)
    settings = {
        key: Secret(unescaped(str(value))) if (*pointer, key) in hidden else value
        for key, value in written.items()
        if key != "adapter"
    }
    origins = {
        ".".join(map(str, place[2:])): origin
        for place, origin in document.places.items()
        if place[:2] == pointer and len(place) > len(pointer)
    }
    adapter = text(written.get("adapter")) or ""
    return Connection(name, adapter, settings, document.key_origin(pointer), origins)


def catalog_files(root: Path, paths: Sequence[Path] | None = None) -> tuple[list[Path], list[Problem]]:
    """The catalog files of a project, in the order of their names.

    Args:
        root: the project's folder.
        paths: only these files, and those in these folders; None for all under ``catalogs/``.
    """
    if paths is None:
        folder = root / CATALOG_FOLDER
        files = sorted(_yaml_files(folder))
        return files, [] if files else [problem("SE612", folder=CATALOG_FOLDER)]
    found: dict[Path, None] = {}
    problems: list[Problem] = []
    for path in paths:
        absolute = Path(os.path.abspath(path))  # noqa: PTH100 -- see `_find_root`
        files = sorted(_yaml_files(absolute)) if absolute.is_dir() else [absolute]
        if not files:
            problems.append(problem("SE612", Origin(str(path)), folder=path))
        found.update(dict.fromkeys(files))
    return list(found), problems


def _yaml_files(folder: Path) -> Iterator[Path]:
    for suffix in ("*.yaml", "*.yml"):
        for path in folder.rglob(suffix):
            hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
            if not hidden and path.name != PROJECT_FILE:
                yield path


def display_name(path: Path, root: Path) -> str:
    """A file as messages call it: relative to the project where it lies in it."""
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)
