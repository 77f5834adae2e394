"""``snapshot``: save what connections describe, so that catalogs can be checked offline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import click
import orjson

from sync_engine.catalog.model import Catalog, Project
from sync_engine.catalog.notifications import EventKind
from sync_engine.cli.console import Console
from sync_engine.cli.notifying import announce
from sync_engine.cli.session import Connections, describe_target, load, with_own_collections
from sync_engine.compiler.affected import affected_by_source, affected_by_target
from sync_engine.notifications.events import Event
from sync_engine.problems import nearest
from sync_engine.report.values import plural
from sync_engine.sdk.errors import InvalidInput, Refused
from sync_engine.sdk.source import SourceSchema
from sync_engine.sdk.target import TargetSchema
from sync_engine.snapshots import S, differences, read_snapshot, snapshot_path, to_text

DRIFT = 2
SHOWN = 50


@dataclass(frozen=True, slots=True)
class Drift:
    """What changed in what a connection describes.

    Attributes:
        connection: its name.
        lines: one for each difference; of a connection without a snapshot one for all of it.
        affected: parts of catalogs that name something of it, by catalog.
    """

    connection: str
    lines: Sequence[str]
    affected: dict[str, Sequence[str]] = field(default_factory=dict)


@click.command()
@click.argument("connection", required=False)
@click.option("--check", is_flag=True, help="Save nothing; exit with 2 when a snapshot no longer fits.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def snapshot(console: Console, connection: str | None, check: bool, as_json: bool) -> int:
    """Save the described schema of CONNECTION (all that catalogs use by default) under snapshots/.

    Prints what has changed since the last one, and which parts of which catalogs name it.
    """
    project, catalogs = load(console)
    sources = dict.fromkeys(each.source for each in catalogs)
    known = [*sources, *dict.fromkeys(each.target for each in catalogs)]
    if connection is not None and connection not in known:
        hint = nearest(connection, known) or f"Catalogs use: {', '.join(known)}"
        raise Refused(f"no catalog uses a connection `{connection}`", hint=hint)
    drifts = []
    with Connections(project, console) as connections:
        for name in known if connection is None else [connection]:
            if name in sources:
                drift, text = _source(console, project, catalogs, name, connections)
            else:
                drift, text = _target(console, project, catalogs, name, connections)
            drifts.append(drift)
            if not as_json:
                _print(console, drift)
            if not check:
                path = snapshot_path(project, name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")
                console.say(f"Saved {path.relative_to(project.root)}")
    if as_json:
        data = [{"name": each.connection, "differences": each.lines, "affected": each.affected} for each in drifts]
        console.out(orjson.dumps({"version": 1, "connections": data}, option=orjson.OPT_INDENT_2).decode())
    if not check or not any(each.lines for each in drifts):
        return 0
    announce(console, project, [_event(each) for each in drifts if each.lines])
    return DRIFT


def _event(drift: Drift) -> Event:
    """What those who want to know of drift are told of a connection."""
    concerned = f" It concerns {', '.join(sorted(drift.affected))}." if drift.affected else ""
    message = f"What {drift.connection} describes differs from the snapshot in {plural(len(drift.lines), 'place')}."
    return Event(EventKind.DRIFT, tuple(sorted(drift.affected)), message + concerned, "sync-engine snapshot")


def _source(
    console: Console, project: Project, catalogs: Sequence[Catalog], name: str, connections: Connections
) -> tuple[Drift, str]:
    source = connections.source(name)
    now = with_own_collections(source, source.describe(), [each for each in catalogs if each.source == name])
    before = _saved(console, project, name, SourceSchema)
    if before is None:
        return Drift(name, [f"+ {name}"]), to_text(now)
    parts = {each.name: affected_by_source(each, before, now) for each in catalogs if each.source == name}
    return _drift(name, before, now, parts), to_text(now)


def _target(
    console: Console, project: Project, catalogs: Sequence[Catalog], name: str, connections: Connections
) -> tuple[Drift, str]:
    own = [each for each in catalogs if each.target == name]
    now = describe_target(connections.target(name), own)
    before = _saved(console, project, name, TargetSchema)
    if before is None:
        return Drift(name, [f"+ {name}"]), to_text(now)
    return _drift(name, before, now, {each.name: affected_by_target(each, before, now) for each in own}), to_text(now)


def _drift(name: str, before: S, now: S, parts: dict[str, tuple[str, ...]]) -> Drift:
    return Drift(name, differences(before, now), {catalog: each for catalog, each in parts.items() if each})


def _saved(console: Console, project: Project, name: str, kind: type[S]) -> S | None:
    """The last snapshot; None where there is none, or none that can be read: it is to be replaced anyway."""
    try:
        return read_snapshot(project, name, kind)
    except InvalidInput as error:
        console.show_problems(error.problems)
        return None


def _print(console: Console, drift: Drift) -> None:
    for line in drift.lines[:SHOWN]:
        console.out(f"{drift.connection}: {line}")
    if len(drift.lines) > SHOWN:
        console.out(f"{drift.connection}: … and {len(drift.lines) - SHOWN} more differences (--json lists all)")
    for catalog, parts in drift.affected.items():
        console.out(f"{drift.connection}: concerns catalog {catalog}: {', '.join(parts)}")
