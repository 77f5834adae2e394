"""How a source is asked: which filters it takes, what the rest needs, and only for changes where that is enough."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

from sync_engine.compiler.compiled import CompiledCatalog, CompiledStream
from sync_engine.compiler.criteria import fields_of
from sync_engine.compiler.rows import record_key
from sync_engine.planner.changed import why_whole
from sync_engine.planner.dependencies import affected
from sync_engine.planner.remembered import Since
from sync_engine.sdk.filters import Criterion
from sync_engine.sdk.source import Pushdown, Query, Source, TellsChanges


def push_down(source: Source, query: Query) -> Pushdown:
    """Ask the source which filters it takes, and for the fields that the rest of them needs."""
    pushdown = source.pushdown(query)
    wider = _with_fields_of(query, pushdown)
    return pushdown if wider == query else source.pushdown(wider)


@dataclass(frozen=True, slots=True)
class Asked:
    """How the records of a query are read.

    Attributes:
        pushdown: the reading.
        since: only records are read that may have changed since that moment (ISO 8601); empty when all are.
        because: why all are, where only changes were asked for.
    """

    pushdown: Pushdown
    since: str = ""
    because: str = ""


def push_down_changed(
    source: Source, query: Query, streams: Sequence[CompiledStream], compiled: CompiledCatalog, since: Since | None
) -> Asked:
    """How the records of a query are read that may have changed; all, where that is not enough.

    Args:
        source: is asked.
        query: what is read.
        streams: of the plan; those that read the same records share the reading.
        compiled: their catalog.
        since: what may have changed; None reads all.
    """
    if since is None:
        return Asked(push_down(source, query))
    place = (query.collection, query.filters, query.channel)
    readers = [each for each in streams if (each.query.collection, each.query.filters, each.query.channel) == place]
    found = _changed(source, query, readers, compiled, since)
    if isinstance(found, str):
        return Asked(push_down(source, query), because=found)
    return Asked(found, since.moment.isoformat() if since.moment else "")


def _changed(
    source: Source, query: Query, readers: Sequence[CompiledStream], compiled: CompiledCatalog, since: Since
) -> Pushdown | str:
    """How only changes are read, or why that is not enough."""
    schema = compiled.source_schema
    because = since.because or next(filter(None, map(why_whole, readers)), "")
    if since.moment is None or because:
        return because
    if not isinstance(source, TellsChanges):
        return "the source cannot tell what has changed"
    also = affected(readers, compiled, query, since.dependencies)
    if isinstance(also, str):
        return also
    keys = sorted(
        {record_key(key) if each.exploded else key for each in readers for key in since.unwritten.get(each.name, ())}
    )
    if keys:
        also = (*also, Criterion(schema.collections[query.collection].key, "IN", tuple(keys)))
    return source.changed(_with_fields_of(query, source.pushdown(query)), since.moment, also)


def _with_fields_of(query: Query, pushdown: Pushdown) -> Query:
    """The query that also asks for the fields of the filters that are left to the engine."""
    needed = {each for residual in pushdown.residual for each in fields_of(residual)}
    if needed <= query.attributes | query.properties:
        return query
    return dataclasses.replace(query, attributes=query.attributes | needed, properties=query.properties | needed)
