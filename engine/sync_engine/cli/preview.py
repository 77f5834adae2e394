"""``preview``: mapped sample records, target values, nothing written and nothing compared."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import click
import orjson

from sync_engine.cli.console import Console
from sync_engine.cli.session import Connections, compile_live, load
from sync_engine.compiler.compiled import CompiledCatalog, CompiledStream, MappedRecord
from sync_engine.planner.difference import desired_fields
from sync_engine.planner.encoding import Encoded
from sync_engine.planner.plan import PlannedField
from sync_engine.planner.planner import push_down
from sync_engine.report.values import json_value, shortened, shown
from sync_engine.sdk.source import Source
from sync_engine.sdk.target import Target
from sync_engine.sdk.values import Blank


@click.command()
@click.argument("catalog")
@click.option("--limit", type=click.IntRange(min=1), default=3, show_default=True, help="Records per stream.")
@click.option("--key", help="Only the record with this key, in the source or in the target.")
@click.option("--format", "format_", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.pass_obj
def preview(console: Console, catalog: str, limit: int, key: str | None, format_: str) -> int:
    """Show what records of CATALOG would look like in the target."""
    project, (chosen, *_) = load(console, [catalog])
    with Connections(project, console) as connections:
        (compiled,), warnings = compile_live([chosen], connections)
        if warnings:
            console.show_problems(warnings)
        source, target = connections.source(chosen.source), connections.target(chosen.target)
        shown = {stream.name: _sample(stream, source, limit, key) for stream in compiled.streams}
        if format_ == "json":
            console.out(orjson.dumps(_as_data(compiled, shown, target), option=orjson.OPT_INDENT_2).decode())
        else:
            for stream in compiled.streams:
                for line in _lines(console, stream, shown[stream.name], target):
                    console.out(line)
    if key is not None and not any(shown.values()):
        console.say(f"No record of {chosen.name} has the key {key}, or the filter leaves it out.")
        return 1
    return 0


def _sample(stream: CompiledStream, source: Source, limit: int, key: str | None) -> list[MappedRecord]:
    pushdown = push_down(source, stream.query)
    keep = stream.compile_residual(pushdown.residual)
    found: list[MappedRecord] = []
    for partition in pushdown.partitions:
        for page in source.read(partition):
            for record in page.records:
                if not keep(record):
                    continue
                found += [each for each in stream.map_rows(record) if key is None or key in (each.key, record.key)]
                if len(found) >= limit:
                    return found[:limit]
    return found


def _values(stream: CompiledStream, mapped: MappedRecord, target: Target) -> Iterator[tuple[str, Encoded | Blank]]:
    yield stream.key.name, mapped.key
    if not mapped.reasons:
        wanted = desired_fields(stream, mapped, target.normal_form)
        yield from ((field.name, value) for field, value in zip(stream.fields, wanted, strict=True))


def _planned(stream: CompiledStream) -> dict[str, PlannedField]:
    """The fields as a plan has them, so that numbers are shown as numbers."""
    return {each.name: PlannedField(each.name, each.description.type, each.request) for each in stream.fields}


def _lines(console: Console, stream: CompiledStream, records: Sequence[MappedRecord], target: Target) -> Iterator[str]:
    yield console.paint(f"{stream.name}: {stream.query.collection} → {stream.object.name}", "bold")
    width = max(len(each.name) for each in (stream.key, *stream.fields))
    planned = _planned(stream)
    for mapped in records:
        yield f"  {mapped.source_key}"
        for name, value in _values(stream, mapped, target):
            text = "(left alone)" if isinstance(value, Blank) else shortened(shown(value, planned.get(name)))
            yield f"    {name:<{width}}  {text}"
        for reason in mapped.reasons:
            yield console.paint(f"    ✗ {reason.field}: {reason.message} [{reason.code}]", "red")
    if not records:
        yield "  no records"


def _as_data(compiled: CompiledCatalog, shown: dict[str, list[MappedRecord]], target: Target) -> dict[str, object]:
    streams = []
    for stream in compiled.streams:
        records = []
        planned = _planned(stream)
        for mapped in shown[stream.name]:
            values = {
                name: json_value(value, planned.get(name))
                for name, value in _values(stream, mapped, target)
                if not isinstance(value, Blank)
            }
            reasons = [
                {"code": each.code, "field": each.field, "message": each.message, "owner": each.owner}
                for each in mapped.reasons
            ]
            records.append({"source_key": mapped.source_key, "values": values, "reasons": reasons})
        streams.append({"name": stream.name, "object": stream.object.name, "records": records})
    return {"version": 1, "catalog": compiled.catalog.name, "streams": streams}
