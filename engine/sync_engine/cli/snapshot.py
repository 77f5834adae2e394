"""``snapshot``: save what connections describe, so that catalogs can be checked offline."""

from __future__ import annotations

import click

from sync_engine.cli.console import Console
from sync_engine.cli.session import Connections, load, objects_of
from sync_engine.problems import nearest
from sync_engine.sdk.errors import Refused
from sync_engine.sdk.source import SourceSchema
from sync_engine.sdk.target import TargetSchema
from sync_engine.snapshots import differences, read_snapshot, snapshot_path, to_text

DRIFT = 2


@click.command()
@click.argument("connection", required=False)
@click.option("--check", is_flag=True, help="Save nothing; exit with 2 when a snapshot no longer fits.")
@click.pass_obj
def snapshot(console: Console, connection: str | None, check: bool) -> int:
    """Save the described schema of CONNECTION (all that catalogs use by default) under snapshots/."""
    project, catalogs = load(console)
    sources = dict.fromkeys(each.source for each in catalogs)
    targets = dict.fromkeys(each.target for each in catalogs)
    known = [*sources, *targets]
    if connection is not None and connection not in known:
        hint = nearest(connection, known) or f"Catalogs use: {', '.join(known)}"
        raise Refused(f"no catalog uses a connection `{connection}`", hint=hint)
    drifted = False
    with Connections(project, console) as connections:
        for name in known if connection is None else [connection]:
            schema: SourceSchema | TargetSchema
            before: SourceSchema | TargetSchema | None
            if name in sources:
                schema = connections.source(name).describe()
                before = read_snapshot(project.root, name, SourceSchema)
            else:
                objects = objects_of([each for each in catalogs if each.target == name])
                schema = connections.target(name).describe(objects)
                before = read_snapshot(project.root, name, TargetSchema)
            lines = [f"+ {name}"] if before is None else differences(before, schema)
            for line in lines[:50]:
                console.out(f"{name}: {line}")
            if len(lines) > 50:
                console.out(f"{name}: … and {len(lines) - 50} more differences")
            drifted = drifted or bool(lines)
            if not check:
                path = snapshot_path(project.root, name)
                path.parent.mkdir(exist_ok=True)
                path.write_text(to_text(schema), encoding="utf-8")
                console.say(f"Saved {path.relative_to(project.root)}")
    if check and drifted:
        return DRIFT
    return 0
