"""The streams of two versions of a catalog, side by side."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sync_engine.catalog.model import Stream
from sync_engine.compiler.compiled import CompiledCatalog, CompiledStream
from sync_engine.compiler.streams import stream_locales
from sync_engine.planner.comparison.config import (
    meaning,
    paired,
    rows_alike,
    same_stream,
    stream_changes,
)
from sync_engine.planner.fields import ConfigCause
from sync_engine.planner.plan import ConfigChange
from sync_engine.sdk.source import Source


@dataclass(frozen=True, slots=True)
class Version:
    """A version of a catalog, compiled, with the source that it reads."""

    compiled: CompiledCatalog
    source: Source

    def written(self, stream: CompiledStream) -> Stream:
        """A stream of it as the catalog has it."""
        return next(each for each in self.compiled.catalog.streams if each.name == stream.name)


@dataclass(frozen=True, slots=True)
class StreamPair:
    """Two versions of a stream; one of them is None where the stream is new or removed.

    Attributes:
        config: what differs between them.
        cause: why rows enter or leave, where the record itself says no more; None when both make the same rows of
            everything.
        of_rows: whether either version explodes records into rows.
    """

    base: CompiledStream | None
    head: CompiledStream | None
    config: tuple[ConfigChange, ...]
    cause: ConfigCause | None
    of_rows: bool

    @property
    def newest(self) -> CompiledStream:
        """The new version, or the old one where the stream is gone."""
        found = self.head or self.base
        assert found is not None  # noqa: S101 - for the types
        return found


def stream_pairs(base: Version | None, head: Version | None, selected: frozenset[str] | None) -> list[StreamPair]:
    """The streams in which anything differs.

    Args:
        base: the old version; None where the catalog is new.
        head: the new version; None where the catalog is gone.
        selected: names of the streams that count; None for all.
    """
    pairs = (each for each in _pairs(base, head) if selected is None or each.newest.name in selected)
    return [each for each in pairs if each.config or each.cause is not None]


def _pairs(base: Version | None, head: Version | None) -> Iterator[StreamPair]:
    if base is None or head is None:
        for each in base.compiled.streams if base else ():
            yield _pair(base, each, None, None, ConfigCause.CATALOG)
        for each in head.compiled.streams if head else ():
            yield _pair(None, None, head, each, ConfigCause.CATALOG)
        return

    def alike(one: CompiledStream, other: CompiledStream) -> bool:
        return same_stream(base.written(one), head.written(other))

    for old, new in paired(base.compiled.streams, head.compiled.streams, _name, alike):
        yield _pair(base, old, head, new, _cause(base, old, head, new))


def _name(stream: CompiledStream) -> str:
    return stream.name


def _pair(
    base: Version | None,
    old: CompiledStream | None,
    head: Version | None,
    new: CompiledStream | None,
    cause: ConfigCause | None,
) -> StreamPair:
    written = [version.written(each) if version and each else None for version, each in ((base, old), (head, new))]
    of_rows = any(each is not None and each.for_each is not None for each in written)
    return StreamPair(old, new, stream_changes(*written), cause, of_rows)


def _cause(base: Version, old: CompiledStream | None, head: Version, new: CompiledStream | None) -> ConfigCause | None:
    if old is None or new is None:
        return ConfigCause.STREAM
    if rows_alike(base.compiled, old, head.compiled, new):
        return None
    if base.source is not head.source or old.query.collection != new.query.collection:
        return ConfigCause.SOURCE
    if _selection(old) != _selection(new):
        return ConfigCause.FILTER
    return ConfigCause.ROWS if _rows(base, old) != _rows(head, new) else ConfigCause.SETTINGS


def _selection(stream: CompiledStream) -> object:
    return meaning(stream.query.filters), stream.query.only_channel_tree, stream.query.source_catalog


def _rows(version: Version, stream: CompiledStream) -> object:
    written = version.written(stream)
    locales = stream_locales(version.compiled.catalog, written) if written.for_each else ()
    return meaning(written.for_each), tuple(locales), meaning(stream.row_filters)
