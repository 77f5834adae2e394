"""Check catalogs against the schemas of their connections: saved ones, or as the connections describe them now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from sync_engine.catalog.model import Catalog, Project
from sync_engine.cli.console import Console
from sync_engine.cli.session import Connections, describe_source, describe_target
from sync_engine.compiler.catalog import check_catalog, check_expressions
from sync_engine.problems import problem
from sync_engine.sdk.errors import InvalidInput, SyncEngineError
from sync_engine.sdk.problem import Problem
from sync_engine.sdk.source import SourceSchema
from sync_engine.sdk.target import TargetSchema
from sync_engine.snapshots import read_snapshot

_ANEW = "The snapshot holds the objects that catalogs named when it was saved; `sync-engine snapshot` saves it anew."


def check_offline(project: Project, catalogs: Sequence[Catalog]) -> list[Problem]:
    """What the snapshots say of catalogs; without them, what can be said of the expressions alone."""
    problems: list[Problem] = []
    sources: dict[str, SourceSchema | None] = {}
    targets: dict[str, TargetSchema | None] = {}
    missing: dict[str, None] = {}
    for catalog in catalogs:
        try:
            if catalog.source not in sources:
                sources[catalog.source] = read_snapshot(project, catalog.source, SourceSchema)
            if catalog.target not in targets:
                targets[catalog.target] = read_snapshot(project, catalog.target, TargetSchema)
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
            found = check_catalog(catalog, source, target, datetime.now(UTC).date())
            problems += (replace(each, hint=each.hint or _ANEW) if each.code == "SE303" else each for each in found)
    if missing:
        names = " and ".join(f"`{each}`" for each in missing)
        problems.append(problem("SE318", project.origin, connections=names))
    return problems


def check_live(console: Console, project: Project, catalogs: Sequence[Catalog]) -> list[Problem]:
    """What the connections themselves say of catalogs."""
    problems: list[Problem] = []
    with Connections(project, console) as connections:
        for catalog in catalogs:
            syntax = list(check_expressions(catalog))
            problems += syntax
            if syntax:
                continue  # the names in a broken expression are not known
            try:
                source = describe_source(connections.source(catalog.source), catalog)
                target = describe_target(connections.target(catalog.target), [catalog])
            except InvalidInput as error:
                problems += error.problems
                continue
            except SyncEngineError as error:
                problems.append(problem("SE701", catalog.origin, error.hint, catalog=catalog.name, why=error.message))
                continue
            before = connections.saved_source(catalog.source)
            problems += check_catalog(catalog, source, target, datetime.now(UTC).date(), before)
    return problems
