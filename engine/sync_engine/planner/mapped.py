"""Map a page: a function of its records and of what a catalog was compiled from, so that any process can do it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from sync_engine.catalog.model import Catalog
from sync_engine.compiler.compiled import CompiledStream
from sync_engine.planner.wanted import NormalForm, Wanted, wanted
from sync_engine.sdk.filters import Filter
from sync_engine.sdk.source import SourceRecord, SourceSchema
from sync_engine.sdk.target import TargetSchema


@dataclass(frozen=True, slots=True)
class Reading:
    """Records that are read once, for one stream or several.

    Attributes:
        streams: names of the streams.
        residual: the filters that the source does not evaluate; the same for each of the streams.
    """

    streams: tuple[str, ...]
    residual: tuple[Filter, ...]


@dataclass(frozen=True, slots=True)
class Recipe:
    """What another process needs to map as this one does.

    Attributes:
        catalog, source, target, today: what the catalog was compiled from.
        normal_form: the target's.
        readings: what is read; tasks name one by its place.
    """

    catalog: Catalog
    source: SourceSchema
    target: TargetSchema
    today: date
    normal_form: NormalForm
    readings: tuple[Reading, ...]


@dataclass(frozen=True, slots=True)
class MappedPage:
    """What became of the records of a page.

    Attributes:
        read: how many there were.
        kept: how many of them passed the filters.
        rows: for each stream of the reading what it makes of these.
    """

    read: int
    kept: int
    rows: tuple[tuple[Wanted, ...], ...]


MapPage = Callable[[Sequence[SourceRecord]], MappedPage]


def page_mapper(streams: Mapping[str, CompiledStream], reading: Reading, normal_form: NormalForm) -> MapPage:
    """The function that maps the pages of a reading."""
    own = [streams[name] for name in reading.streams]
    keep = own[0].compile_residual(reading.residual)

    def map_page(records: Sequence[SourceRecord]) -> MappedPage:
        kept = [record for record in records if keep(record)]
        rows = tuple(
            tuple(wanted(stream, row, normal_form) for record in kept for row in stream.map_rows(record))
            for stream in own
        )
        return MappedPage(len(records), len(kept), rows)

    return map_page
