"""A preview: some records of each stream as they would look in the target, as a table and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from sync_engine.catalog.model import Catalog
from sync_engine.report.plan_text import Paint
from sync_engine.report.trace_json import Data, row_data
from sync_engine.report.trace_values import result_text
from sync_engine.report.values import plural, quoted
from sync_engine.trace.model import FieldTrace, RowTrace
from sync_engine.trace.pictures import Picture

NARROWEST = 24
"""Characters of a column; as many records stand side by side as fit the terminal."""


@dataclass(frozen=True, slots=True)
class StreamPreview:
    """Some rows of a stream.

    Attributes:
        fields: (name, label) of the key and all other fields, in the order of the catalog.
        looked_at: records that were read to find the rows.
        complete: there are no other records; else the search was ended.
    """

    name: str
    collection: str
    object: str
    fields: tuple[tuple[str, str], ...]
    rows: tuple[RowTrace, ...]
    looked_at: int = 0
    complete: bool = True

    @property
    def nothing(self) -> str:
        """Why there are no rows."""
        if self.complete and not self.looked_at:
            return "no record matches"
        which = "the record that matches" if self.looked_at == 1 else f"the {self.looked_at:,} records that match"
        return (
            f"{which} {'makes' if self.looked_at == 1 else 'make'} no row"
            if self.complete
            else (f"the first {self.looked_at:,} records make no row; further ones were not looked at")
        )


@dataclass(frozen=True, slots=True)
class Preview:
    """Some rows of every stream of a catalog; ``pictures`` by the code of the file."""

    catalog: Catalog
    streams: tuple[StreamPreview, ...]
    pictures: Mapping[str, Picture] = field(default_factory=dict)


def as_data(preview: Preview) -> Data:
    """The preview for JSON output."""
    return {
        "version": 1,
        "catalog": preview.catalog.name,
        "streams": [
            {"name": each.name, "object": each.object, "records": [row_data(row) for row in each.rows]}
            for each in preview.streams
        ],
    }


def lines(preview: Preview, width: int, paint: Paint) -> Iterator[str]:
    """A table per stream: a line per field, a column per record.

    Args:
        preview: what to show.
        width: characters of a line.
        paint: colours.
    """
    for number, stream in enumerate(preview.streams):
        if number:
            yield ""
        count = plural(len(stream.rows), "record")
        yield paint(stream.name, "bold") + f": {stream.collection} → {stream.object}, " + paint(count, "dim")
        if not stream.rows:
            yield paint(f"  {stream.nothing}", "dim")
        names = max((len(name) for name, _ in stream.fields), default=0)
        side_by_side = max(1, (width - 2 - names) // (NARROWEST + 2))
        for start in range(0, len(stream.rows), side_by_side):
            rows = stream.rows[start : start + side_by_side]
            each = min(48, (width - 2 - names) // len(rows) - 2)
            yield from _table(stream, rows, names, each, paint)


def _table(stream: StreamPreview, rows: Sequence[RowTrace], names: int, width: int, paint: Paint) -> Iterator[str]:
    yield paint(f"  {'':<{names}}" + "".join(f"  {_cut(row.source_key, width):<{width}}" for row in rows), "dim")
    for position, (name, _) in enumerate(stream.fields):
        cells = (_cell(row.fields[position], width, paint) for row in rows)
        yield f"  {name:<{names}}" + "".join(f"  {cell}" for cell in cells)
    for row in rows:
        for reason in row.reasons:
            about = f"{_cut(row.source_key, 40)}: {f'{reason.field}: ' if reason.field else ''}{reason.message}"
            yield paint(f"  ✗ {about} [{reason.code}, {reason.owner}]", "red")
    for row in rows:
        for media in row.media[:3]:
            yield paint(f"  ▣ {_cut(row.source_key, 40)}: {media.filename or media.code}", "dim")


def _cell(traced: FieldTrace, width: int, paint: Paint) -> str:
    if traced.reason is not None:
        return paint(_cut(f"✗ {traced.reason.code}", width).ljust(width), "red")
    text = _cut(result_text(traced), width).ljust(width)
    return paint(text, "dim") if text.startswith("(") else text


def _cut(text: str, width: int) -> str:
    """The text on one line within a column; codes of the source may hold anything."""
    text = text if text.isprintable() else quoted(text)[1:-1]
    return text if len(text) <= width else f"{text[: width - 1]}…"
