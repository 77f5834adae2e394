"""``explain``: one record, and why it is as it is."""

from __future__ import annotations

import dataclasses

import click

from sync_engine.cli.console import Console, Meter
from sync_engine.cli.plan import chosen_streams, remember
from sync_engine.cli.session import Connections, compile_live, load, open_state
from sync_engine.compiler.compiled import CompiledCatalog, CompiledStream
from sync_engine.ledger.store import Ledger
from sync_engine.planner.fingerprint import changed_mappings
from sync_engine.report.explain import Explanation, Unknown, as_data, lines, unknown_lines
from sync_engine.report.trace_json import dump
from sync_engine.sdk.filters import Filter
from sync_engine.sdk.source import Source, SourceRecord
from sync_engine.sdk.target import Target
from sync_engine.trace.finding import can_ask, confirmed, locate, near
from sync_engine.trace.outlook import gone, outlook
from sync_engine.trace.record import trace

UNKNOWN = 1


@click.command()
@click.argument("catalog")
@click.argument("key")
@click.option("--streams", metavar="A,B", help="Only these streams.")
@click.option("--format", "format_", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.pass_obj
def explain(console: Console, catalog: str, key: str, streams: str | None, format_: str) -> int:
    """Say what CATALOG does with one record and why: filter, mappings, target, log, what happens next.

    KEY is the record's key or identifier in the PIM, or its key in the target. Writes nothing to either side.
    """
    project, (chosen, *_) = load(console, [catalog])
    with Connections(project, console) as connections, open_state(project, console) as ledger:
        (compiled,), _ = compile_live([chosen], connections)
        source, target = connections.source(chosen.source), connections.target(chosen.target)
        compiled = compiled.only(chosen_streams(streams, [chosen]))
        meter = Meter()
        found = locate(compiled, source, key, meter, everywhere=True)
        meter.clear()
        made = [
            _explain(each, compiled, found[each.name], source, target, ledger, key)
            for each in compiled.streams
            if each.name in found
        ]
        unknown = None if made else _unknown(compiled, source, target, ledger, key)
    if format_ == "json":
        console.out(dump(as_data(chosen, key, made, unknown)))
    else:
        for line in unknown_lines(chosen, unknown, console.paint) if unknown else lines(chosen, made, console.paint):
            console.out(line)
    return UNKNOWN if unknown else 0


def _explain(
    stream: CompiledStream,
    compiled: CompiledCatalog,
    record: SourceRecord,
    source: Source,
    target: Target,
    ledger: Ledger,
    key: str,
) -> Explanation:
    collection = compiled.source_schema.collections[stream.query.collection]

    def ask(filter_: Filter) -> bool | None:
        if not can_ask(stream, source, filter_):
            return None
        return confirmed(stream, collection, source, record.key, (filter_,))

    made = trace(stream, record, target.normal_form, ask)
    of_key = tuple(row for row in made.rows if key in (row.key, row.source_key))
    made = dataclasses.replace(made, rows=of_key or made.rows)
    remembered = remember(ledger, compiled.catalog.name, source)
    selected = confirmed(stream, collection, source, record.key, stream.query.filters)
    outlooks = tuple(
        outlook(
            stream,
            row,
            target,
            ledger.history(compiled.catalog.name, stream.name, row.key),
            selected=selected and row.passes,
            remembered=remembered,
            mappings_changed=changed_mappings(compiled, stream, remembered.mappings),
        )
        for row in made.rows
    )
    return Explanation(made, outlooks, selected)


def _unknown(compiled: CompiledCatalog, source: Source, target: Target, ledger: Ledger, key: str) -> Unknown:
    """Near names, and what becomes of a record that was written under this key before it left the source."""
    streams = {each.query.collection: each for each in compiled.streams}
    names: dict[str, None] = {}
    for collection, stream in streams.items():
        found = near(stream, compiled.source_schema.collections[collection], source, key)
        names.update((each, None) for each in found)
    left = []
    for stream in compiled.streams:
        history = ledger.history(compiled.catalog.name, stream.name, key)
        if history.written is not None or history.outcome is not None:
            left.append((stream.name, gone(stream, key, target, history, why="it left the PIM")))
    return Unknown(key, tuple(streams), tuple(names), tuple(left))
