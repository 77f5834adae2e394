"""What changed in the target since it was written, as text, JSON and Markdown, written piece by piece."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

import orjson

from sync_engine.catalog.mapping import Conflict
from sync_engine.planner.causes import modified_text
from sync_engine.planner.drift import Drifted, DriftedField, DriftPage, StreamDrift
from sync_engine.planner.plan import PlannedField
from sync_engine.report.plan_text import Paint
from sync_engine.report.values import (
    around_difference,
    json_value,
    modified_data,
    plural,
    quoted,
    shortened,
    shown,
)

VERSION = 1

Streams = Iterable[tuple[StreamDrift, Iterable[DriftPage]]]
Catalogs = Iterable[tuple[str, Streams]]
"""Each catalog by name with its streams, read as they are asked for."""


def text(catalogs: Catalogs, paint: Paint) -> Iterator[str]:
    """Lines for a terminal."""
    for name, streams in catalogs:
        yield paint(f"Catalog {name}", "bold") + "\n"
        for stream, pages in streams:
            compared, records, gone = 0, 0, 0
            yield f"\n  {paint(stream.name, 'bold')} → {stream.object_name}\n"
            for page in pages:
                compared += page.compared
                for each in page.found:
                    records, gone = records + (not each.gone), gone + each.gone
                    yield from (f"{line}\n" for line in _record(each, stream, paint))
            yield f"    {_totals(compared, records, gone)}\n"
        yield "\n"


def _record(record: Drifted, stream: StreamDrift, paint: Paint) -> Iterator[str]:
    head = f"{shortened(quoted(record.key)[1:-1])} ({record.target_id})"
    if record.gone:
        yield paint(f"    - gone {head}", "red")
        return
    who = f"  {modified_text(record.modified)}" if record.modified else ""
    yield paint(f"    ~ changed {head}", "yellow") + paint(who, "dim")
    fields = _planned(stream)
    width = max(len(each.field) for each in record.fields)
    for each in record.fields:
        yield f"        {each.field:<{width}}  {_values(each, fields)}{_policy(each)}"


def _totals(compared: int, records: int, gone: int) -> str:
    if not records and not gone:
        return f"{plural(compared, 'record')} as we wrote them." if compared else "Nothing written so far."
    return f"{records:,} changed, {gone:,} gone, of {plural(compared, 'record')} that we wrote."


def _values(field: DriftedField, planned: Mapping[str, PlannedField]) -> str:
    ours, theirs = (shown(each, planned.get(field.field)) for each in (field.ours, field.theirs))
    return " → ".join(around_difference(ours, theirs))


def _policy(field: DriftedField) -> str:
    return "" if field.policy is Conflict.OVERWRITE else f"  (conflict: {field.policy})"


def json(catalogs: Catalogs, _: Paint) -> Iterator[str]:
    """One JSON document, whose names are promised."""
    yield f'{{"version":{VERSION},"catalogs":['
    for index, (name, streams) in enumerate(catalogs):
        yield ("," if index else "") + f'{{"name":{_dump(name)},"streams":['
        for number, (stream, pages) in enumerate(streams):
            head = {"name": stream.name, "object": stream.object_name, "not_compared": stream.missing}
            yield ("," if number else "") + _dump(head)[:-1] + ',"records":['
            compared, some = 0, False
            for page in pages:
                compared += page.compared
                for each in page.found:
                    yield ("," if some else "") + _dump(_data(each, stream))
                    some = True
            yield f'],"compared":{compared}}}'
        yield "]}"
    yield "]}\n"


def _data(record: Drifted, stream: StreamDrift) -> dict[str, object]:
    fields = _planned(stream)
    return {
        "key": record.key,
        "id": record.target_id,
        "gone": record.gone,
        "modified": modified_data(record.modified),
        "fields": [
            {
                "field": each.field,
                "ours": json_value(each.ours, fields.get(each.field)),
                "theirs": json_value(each.theirs, fields.get(each.field)),
                "policy": each.policy,
            }
            for each in record.fields
        ],
    }


def markdown(catalogs: Catalogs, _: Paint) -> Iterator[str]:
    """A table per stream."""
    yield "## What changed in the target since it was written\n"
    for name, streams in catalogs:
        yield f"\n### {_cell(name)}\n"
        for stream, pages in streams:
            compared, records, gone = 0, 0, 0
            yield f"\n**{_cell(stream.name)}** → {_cell(stream.object_name)}\n\n"
            for page in pages:
                compared += page.compared
                for each in page.found:
                    if not records + gone:
                        yield "| record | field | ours | theirs | last modified |\n|---|---|---|---|---|\n"
                    records, gone = records + (not each.gone), gone + each.gone
                    yield from _rows(each, stream)
            yield f"\n{_totals(compared, records, gone)}\n"


def _rows(record: Drifted, stream: StreamDrift) -> Iterator[str]:
    if record.gone:
        yield f"| {_cell(record.key)} | | | gone | |\n"
    fields = _planned(stream)
    for each in record.fields:
        planned = fields.get(each.field)
        ours, theirs = map(_cell, around_difference(shown(each.ours, planned), shown(each.theirs, planned)))
        who = _cell(modified_text(record.modified)) if record.modified else ""
        yield f"| {_cell(record.key)} | {_cell(each.field)} | {ours} | {theirs}{_policy(each)} | {who} |\n"


def _cell(text: str) -> str:
    """A text that cannot break a table, start a tag or mention a person."""
    cleaned = text.replace("|", "\\|").replace("<", "&lt;").replace("\n", " ").replace("@", "@\u200b")
    return cleaned.replace("`", "'")


def _planned(stream: StreamDrift) -> Mapping[str, PlannedField]:
    return {each.name: each for each in stream.fields}


def _dump(value: object) -> str:
    return orjson.dumps(value).decode()


FORMATS: Mapping[str, Callable[[Catalogs, Paint], Iterator[str]]] = {"text": text, "json": json, "markdown": markdown}
