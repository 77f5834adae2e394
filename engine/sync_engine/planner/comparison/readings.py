"""How the records are read that two versions of a stream make rows of: once for both, wherever that is possible.

What both versions filter by is asked of the source, which gives the records that either of them wants; each version's
own filters are evaluated here. A filter that only the source can evaluate (it needs the source's trees) stands in the
way of that, and so does another collection or connection: then each version reads for itself.
"""

from __future__ import annotations

import dataclasses
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from sync_engine.compiler.compiled import CompiledStream
from sync_engine.compiler.operators import needs_source
from sync_engine.planner.comparison.config import meaning
from sync_engine.planner.comparison.versions import StreamPair, Version
from sync_engine.planner.mapped import MappedPage, Reading, Recipe
from sync_engine.planner.prefetch import prefetch
from sync_engine.planner.processes import Mappers
from sync_engine.planner.pushdown import push_down
from sync_engine.planner.wanted import NormalForm, Wanted
from sync_engine.sdk.filters import AllOf, AnyOf, Criterion, Filter
from sync_engine.sdk.source import Page, Pushdown, Query, Source

Rows = tuple[Wanted, ...]
PAGES_AHEAD = 8


@dataclass(slots=True)
class SharedReading:
    """Records that are read once, for the versions of one stream or of several.

    Attributes:
        source: is read.
        query: what is asked for.
        pairs: whose rows are made, by their numbers.
        base, head: each version's own filters, which stand in ``query`` as an alternative; None where this reading is
            not for that version.
    """

    source: Source
    query: Query
    pairs: list[int]
    base: tuple[Filter, ...] | None
    head: tuple[Filter, ...] | None

    @property
    def identity(self) -> object:
        """Two readings with the same one give the same records."""
        query = self.query
        selected = (query.only_channel_tree, query.source_catalog)
        records = (query.collection, meaning(query.filters), query.channel, selected)
        return id(self.source), records, self.base is None, self.head is None

    def recipe_of(self, pushdown: Pushdown, names: Sequence[str], own: tuple[Filter, ...]) -> Reading:
        """What one version makes of each page; ``own``: its own filters."""
        both = _alternatives(self.base, self.head) if self.base is not None and self.head is not None else ()
        return Reading(tuple(names), (*(each for each in pushdown.residual if each not in both), *own))


def readings_of(pairs: Sequence[StreamPair], base: Version | None, head: Version | None) -> list[SharedReading]:
    """The readings that these pairs take."""
    found: list[SharedReading] = []
    for number, pair in enumerate(pairs):
        if pair.cause is None:
            continue
        joint = _joint(number, pair, base, head)
        if joint is not None:
            _add(found, joint)
            continue
        if pair.base is not None and base is not None:
            _add(found, SharedReading(base.source, pair.base.query, [number], (), None))
        if pair.head is not None and head is not None:
            _add(found, SharedReading(head.source, pair.head.query, [number], None, ()))
    return found


_SHARED = ("collection", "channel", "only_channel_tree", "source_catalog")
"""What two queries must have in common to be read as one."""


def _joint(number: int, pair: StreamPair, base: Version | None, head: Version | None) -> SharedReading | None:
    """One reading for both versions; None where there can be none."""
    if pair.base is None or pair.head is None or base is None or head is None or base.source is not head.source:
        return None
    one, other = pair.base.query, pair.head.query
    if any(getattr(one, each) != getattr(other, each) for each in _SHARED):
        return None
    shared = [meaning(each) for each in one.filters if meaning(each) in [meaning(this) for this in other.filters]]
    own_base, own_head = (tuple(each for each in one.filters if meaning(each) not in shared) for one in (one, other))
    if any(_only_by_source(pair.base, each) for each in own_base):
        return None
    if any(_only_by_source(pair.head, each) for each in own_head):
        return None
    common = tuple(each for each in other.filters if meaning(each) in shared)
    query = dataclasses.replace(_wider(one, other), filters=(*common, *_alternatives(own_base, own_head)))
    return SharedReading(head.source, query, [number], own_base, own_head)


def _alternatives(base: tuple[Filter, ...], head: tuple[Filter, ...]) -> tuple[Filter, ...]:
    """What holds for each record that either version wants; it names the fields that both need."""
    return (AnyOf((AllOf(base), AllOf(head))),) if base or head else ()


def _only_by_source(stream: CompiledStream, filter_: Filter) -> bool:
    return isinstance(filter_, Criterion) and needs_source(stream.known[filter_.field].kind, filter_.operator)


def _add(readings: list[SharedReading], new: SharedReading) -> None:
    """Add a reading, to one that gives the same records where there is one."""
    for each in readings:
        if each.identity == new.identity:
            each.query = _wider(new.query, each.query)
            each.pairs += new.pairs
            return
    readings.append(new)


def _wider(one: Query, other: Query) -> Query:
    """The second query with what the first one needs, too."""
    return dataclasses.replace(
        other,
        attributes=one.attributes | other.attributes,
        properties=one.properties | other.properties,
        locales=tuple(sorted({*one.locales, *other.locales})),
        channels=one.channels | other.channels,
    )


@dataclass(frozen=True, slots=True)
class MappedByBoth:
    """What both versions make of a page.

    Attributes:
        reading: it is of.
        records: how many there were.
        base, head: the rows of each stream of the reading; empty where the reading is not for that version.
    """

    reading: SharedReading
    records: int
    base: tuple[Rows, ...]
    head: tuple[Rows, ...]


def read_both(
    readings: Sequence[SharedReading],
    pairs: Sequence[StreamPair],
    base: Version | None,
    head: Version | None,
    normal_form: NormalForm,
    beside: int,
) -> Iterator[MappedByBoth]:
    """Read everything, page by page.

    Args:
        readings: from ``readings_of``.
        pairs: the streams.
        base: the old version.
        head: the new version.
        normal_form: of the target.
        beside: how many other processes may help to map.

    Raises:
        Unavailable, BrokenContract, Unauthorised: the source could not be read completely.
    """
    asked = [push_down(each.source, each.query) for each in readings]
    of_base = {
        number: each.recipe_of(asked[number], _names(pairs[one].base for one in each.pairs), each.base)
        for number, each in enumerate(readings)
        if each.base is not None
    }
    of_head = {
        number: each.recipe_of(asked[number], _names(pairs[one].head for one in each.pairs), each.head)
        for number, each in enumerate(readings)
        if each.head is not None
    }
    with ExitStack() as opened:
        map_base = _mappers(opened, base, of_base, normal_form, beside // 2)
        map_head = _mappers(opened, head, of_head, normal_form, beside - beside // 2)
        for number, reading in enumerate(readings):
            waiting: deque[tuple[Rows, ...]] = deque()
            pages = prefetch(_pages(reading.source, asked[number]), PAGES_AHEAD)
            if number in of_base:
                pages = _noting(map_base(number, pages), waiting)
            if number not in of_head:
                for page in pages:
                    yield MappedByBoth(reading, len(page.records), waiting.popleft(), ())
                continue
            for _, mapped in map_head(number, pages):
                yield MappedByBoth(reading, mapped.read, waiting.popleft() if waiting else (), mapped.rows)


MapPages = Callable[[int, Iterable[Page]], Iterator[tuple[Page, MappedPage]]]


def _mappers(
    opened: ExitStack,
    version: Version | None,
    readings: Mapping[int, Reading],
    normal_form: NormalForm,
    beside: int,
) -> MapPages:
    """What maps the pages of a reading, by its number, as one version does."""
    if version is None or not readings:
        return lambda _number, _pages: iter(())
    one = version.compiled
    recipe = Recipe(one.catalog, one.source_schema, one.target_schema, one.today, normal_form, tuple(readings.values()))
    mappers = opened.enter_context(Mappers(one, recipe, beside))
    places = list(readings)
    return lambda number, pages: mappers.pages(places.index(number), pages)


def _noting(pages: Iterable[tuple[Page, MappedPage]], waiting: deque[tuple[Rows, ...]]) -> Iterator[Page]:
    """The pages alone; what was made of each waits until the other version has made its own."""
    for page, mapped in pages:
        waiting.append(mapped.rows)
        yield page


def _pages(source: Source, pushdown: Pushdown) -> Iterator[Page]:
    for partition in pushdown.partitions:
        yield from source.read(partition)


def _names(streams: Iterable[CompiledStream | None]) -> list[str]:
    return [each.name for each in streams if each is not None]
