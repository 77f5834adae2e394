"""``preview``: some records as they would look in the target, nothing written and nothing compared."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import click

from sync_engine.catalog.model import Project
from sync_engine.cli.console import Console, Meter
from sync_engine.cli.plan import chosen_streams
from sync_engine.cli.session import Connections, compile_live, load
from sync_engine.compiler.compiled import CompiledCatalog, CompiledStream
from sync_engine.problems import nearest
from sync_engine.report.preview import Preview, StreamPreview, as_data, lines
from sync_engine.report.trace_json import dump
from sync_engine.sdk.errors import Refused
from sync_engine.sdk.source import Kind, Source, SourceRecord, SourceSchema
from sync_engine.sdk.target import Target
from sync_engine.snapshots import read_snapshot
from sync_engine.trace.finding import judgeable, locate, matching, with_attributes
from sync_engine.trace.model import RowTrace
from sync_engine.trace.pictures import fetch_pictures
from sync_engine.trace.record import trace

FEW, MANY = 3, 24
"""Records of a stream, unless ``--limit`` says otherwise: in a terminal, on a page."""

MOST = 2000
"""Records of a stream that are read in search of some that make rows."""


@click.command()
@click.argument("catalog")
@click.option("--limit", type=click.IntRange(min=1), help=f"Records per stream. Default: {FEW}; {MANY} on a page.")
@click.option("--key", help="Only the record with this key, in the source or in the target.")
@click.option("--streams", metavar="A,B", help="Only these streams.")
@click.option("--format", "format_", type=click.Choice(["text", "json", "html"]), default="text", show_default=True)
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Write into this file.")
@click.option("--picture", metavar="ATTRIBUTE", multiple=True, help="Also show this image on the page (repeatable).")
@click.pass_obj
def preview(
    console: Console,
    catalog: str,
    limit: int | None,
    key: str | None,
    streams: str | None,
    format_: str,
    out: Path | None,
    picture: tuple[str, ...],
) -> int:
    """Show what records of CATALOG would look like in the target; writes nothing to it.

    The page (--format html) is one file with its pictures in it, and needs no network.
    """
    project, (chosen, *_) = load(console, [catalog])
    with Connections(project, console) as connections:
        (compiled,), warnings = compile_live([chosen], connections)
        if warnings:
            console.show_problems(warnings)
        compiled = compiled.only(chosen_streams(streams, [chosen]))
        source, target = connections.source(chosen.source), connections.target(chosen.target)
        images = _images(project, compiled, source, picture) if format_ == "html" else frozenset()
        count = limit or (MANY if format_ == "html" else FEW)
        records = _records(compiled, source, images, key)
        shown = tuple(_preview(each, records[each.name], target, count, key) for each in compiled.streams)
        made = Preview(chosen, shown)
        if format_ == "html":
            wanted = (media for stream in shown for row in stream.rows for media in row.media)
            made = replace(made, pictures=fetch_pictures(source, wanted))
    if key is not None and not any(stream.rows for stream in shown):
        console.say(
            f"No record of {chosen.name} has the key {key}, or the filter leaves it out.",
            hint=f"`sync-engine explain {chosen.name} {key}` says which.",
        )
        return 1
    text = _rendered(console, made, format_)
    if out is None:
        console.out(text, newline=format_ != "html")
    else:
        out.write_text(console.mask.masked(text), encoding="utf-8")
        console.say(f"Saved {out}")
    return 0


def _rendered(console: Console, made: Preview, format_: str) -> str:
    if format_ == "json":
        return dump(as_data(made))
    if format_ == "html":
        from sync_engine.report.preview_html import render

        return "".join(render(made))
    width = max(shutil.get_terminal_size((120, 24)).columns, 60)
    return "\n".join(lines(made, width, console.paint))


def _images(project: Project, compiled: CompiledCatalog, source: Source, named: Sequence[str]) -> frozenset[str]:
    """The image attributes whose files the page shows: those that are named, else all that are known of.

    Raises:
        Refused: one that is named does not exist or is no image.
    """
    if named:
        described = source.describe(named).attributes
        for code in named:
            if code not in described or described[code].kind is not Kind.IMAGE:
                known = [each.code for each in described.values() if each.kind is Kind.IMAGE]
                raise Refused(f"the PIM has no image attribute `{code}`", hint=nearest(code, known))
        return frozenset(named)
    snapshot = read_snapshot(project, compiled.catalog.source, SourceSchema)
    attributes = {**(snapshot.attributes if snapshot else {}), **compiled.source_schema.attributes}
    codes = [code for code, each in attributes.items() if each.kind is Kind.IMAGE and not each.through]
    return frozenset(source.describe(codes).attributes) if codes else frozenset()


def _records(
    compiled: CompiledCatalog, source: Source, images: frozenset[str], key: str | None
) -> dict[str, Iterable[SourceRecord]]:
    """The records of each stream that pass its filter, or just the one with the key."""
    if key is None:
        return {
            each.name: matching(
                each,
                source,
                with_attributes(judgeable(each, each.query.filters), compiled.source_schema, images),
            )
            for each in compiled.streams
        }
    meter = Meter()
    try:
        found = locate(compiled, source, key, meter, images)
    finally:
        meter.clear()
    return {each.name: [found[each.name]] if each.name in found else [] for each in compiled.streams}


def _preview(
    stream: CompiledStream, records: Iterable[SourceRecord], target: Target, limit: int, key: str | None
) -> StreamPreview:
    rows: list[RowTrace] = []
    looked_at = 0
    for looked_at, record in enumerate(records, start=1):
        made = trace(stream, record, target.normal_form)
        if made.passes:
            passing = [row for row in made.rows if row.passes]
            rows += [row for row in passing if key in (row.key, row.source_key)] or passing
        if len(rows) >= limit or looked_at == MOST:
            break
    return StreamPreview(
        name=stream.name,
        collection=stream.query.collection,
        object=stream.object.name,
        fields=tuple((each.name, each.description.label) for each in (stream.key, *stream.fields)),
        rows=tuple(rows[:limit]),
        looked_at=looked_at,
        complete=looked_at < MOST,
    )
