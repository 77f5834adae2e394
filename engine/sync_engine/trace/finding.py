"""Find records of a source for a closer look: the first few, or the one with a key, whatever the filter says of it."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Iterator
from uuid import UUID

from sync_engine.catalog.mapping import ValueRule
from sync_engine.compiler.compiled import CompiledCatalog, CompiledStream
from sync_engine.compiler.criteria import fields_of
from sync_engine.planner.progress import Progress
from sync_engine.planner.pushdown import push_down
from sync_engine.sdk.filters import OPERATORS, AllOf, AnyOf, Criterion, Filter, Not
from sync_engine.sdk.source import Kind, Query, RecordCollection, Source, SourceRecord, SourceSchema

NEAR_PAGES = 20
"""Pages that are looked through for keys like one that does not exist."""


def matching(stream: CompiledStream, source: Source, query: Query) -> Iterator[SourceRecord]:
    """Records that pass a query's filters, as they come."""
    pushdown = push_down(source, query)
    keep = stream.compile_residual(pushdown.residual)
    for partition in pushdown.partitions:
        for page in source.read(partition):
            yield from filter(keep, page.records)


def with_attributes(query: Query, schema: SourceSchema, codes: frozenset[str]) -> Query:
    """The query with further attributes, where its collection has attributes at all."""
    if not schema.collections[query.collection].has_attributes:
        return query
    return dataclasses.replace(query, attributes=query.attributes | codes)


def locate(
    compiled: CompiledCatalog,
    source: Source,
    key: str,
    progress: Progress,
    images: frozenset[str] = frozenset(),
    *,
    everywhere: bool = False,
) -> dict[str, SourceRecord]:
    """The record with a key, by the name of each stream that reads it, whether its filter leaves it in or not.

    Args:
        compiled: the catalog.
        source: opened.
        key: of the source's record, an identifier of it, or the value of the target's key field. Where no record has it
            and keys are computed, the records of such streams are looked through, as far as the filter leaves them in:
            what it leaves out has no key in the target.
        progress: told how far that is.
        images: further attributes to read.
        everywhere: also records that the source's own catalog does not select, where one says what is read.
    """
    schema = compiled.source_schema
    found: dict[str, SourceRecord] = {}
    for stream in compiled.streams:
        for criterion in _by_key(stream, schema.collections[stream.query.collection], key):
            query = with_attributes(judgeable(stream, (criterion,)), schema, images)
            own = schema.catalogs.get(query.source_catalog or "", {})
            if everywhere and query.collection not in own:
                query = dataclasses.replace(query, source_catalog=None)
            record = next(matching(stream, source, query), None)
            if record is not None:
                found[stream.name] = record
                break
    for stream in () if found else compiled.streams:
        if isinstance(stream.key.mapping.rule, ValueRule) and not _of_row(stream):
            continue
        query = with_attributes(judgeable(stream, stream.query.filters), schema, images)
        for done, record in enumerate(matching(stream, source, query)):
            progress.step(compiled.catalog.name, stream.name, "looking through", done)
            if any(key in (row.key, row.source_key) for row in stream.map_rows(record)):
                found[stream.name] = record
                break
    return found


def confirmed(
    stream: CompiledStream, collection: RecordCollection, source: Source, key: str, filters: tuple[Filter, ...]
) -> bool:
    """Whether the source, asked as a plan asks it, finds the record under these filters."""
    query = judgeable(stream, (Criterion(collection.key, "IN", (key,)), *filters))
    return next(matching(stream, source, query), None) is not None


def can_ask(stream: CompiledStream, source: Source, filter_: Filter) -> bool:
    """Whether the source evaluates this condition itself."""
    return not source.pushdown(judgeable(stream, (filter_,))).residual


def near(stream: CompiledStream, collection: RecordCollection, source: Source, key: str) -> list[str]:
    """Keys and identifiers like one that does not exist, from the first ``NEAR_PAGES`` pages of the collection."""
    identifiers = [code for code, each in collection.properties.items() if each.kind is Kind.IDENTIFIER]
    query = dataclasses.replace(
        stream.query,
        attributes=frozenset(),
        properties=frozenset({collection.key, *identifiers}),
        filters=(),
    )
    names: dict[str, None] = {}
    pushdown = push_down(source, query)
    for partition in pushdown.partitions:
        for number, page in enumerate(source.read(partition), start=1):
            for record in page.records:
                held = (record.key, *(record.properties.get(each) for each in identifiers))
                names.update((str(each), None) for each in held if each)
            if number == NEAR_PAGES:
                break
    folded = {each.casefold(): each for each in names}
    return [folded[each] for each in difflib.get_close_matches(key.casefold(), folded, n=3, cutoff=0.6)]


def _by_key(stream: CompiledStream, collection: RecordCollection, key: str) -> Iterator[Criterion]:
    rule = stream.key.mapping.rule
    identifiers = [code for code, each in collection.properties.items() if each.kind is Kind.IDENTIFIER]
    codes = [
        collection.key,
        *identifiers,
        *([rule.code] if isinstance(rule, ValueRule) and not _of_row(stream) else []),
    ]
    for code in dict.fromkeys(codes):
        attribute = stream.known.get(code)
        if attribute is None or attribute.localizable or attribute.scopable:
            continue
        if attribute.kind is Kind.UUID and not _is_uuid(key):
            continue
        if "IN" in OPERATORS.get(attribute.kind, {}):
            yield Criterion(code, "IN", (key,))


def _of_row(stream: CompiledStream) -> bool:
    """Whether the key is one of what ``for_each`` adds; the query never asks for these."""
    return not stream.key.reads <= stream.query.attributes | stream.query.properties


def _is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True


def judgeable(stream: CompiledStream, filters: tuple[Filter, ...]) -> Query:
    """The stream's query with other filters, asking also for all that the stream's own criteria look at."""
    criteria = [each for filter_ in stream.query.filters for each in _criteria(filter_)]
    fields = {code for filter_ in stream.query.filters for code in fields_of(filter_)}
    locales = {each for criterion in criteria for each in (criterion.locale, *criterion.locales) if each}
    channels = {criterion.channel for criterion in criteria if criterion.channel}
    query = stream.query
    return dataclasses.replace(
        query,
        filters=filters,
        attributes=query.attributes | {each for each in fields if not stream.known[each].is_property},
        properties=query.properties | {each for each in fields if stream.known[each].is_property},
        locales=tuple(sorted({*query.locales, *locales})),
        channels=query.channels | channels,
    )


def _criteria(filter_: Filter) -> Iterator[Criterion]:
    if isinstance(filter_, Criterion):
        yield filter_
    elif isinstance(filter_, Not):
        yield from _criteria(filter_.filter)
    elif isinstance(filter_, (AllOf, AnyOf)):
        for part in filter_.filters:
            yield from _criteria(part)
