"""How a source is asked: which filters it takes, what the rest needs, and only for changes where that is enough."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from datetime import datetime

from sync_engine.compiler.compiled import CompiledStream
from sync_engine.compiler.criteria import fields_of
from sync_engine.planner.changed import why_whole
from sync_engine.sdk.source import Pushdown, Query, Source, SourceSchema, TellsChanges


def push_down(source: Source, query: Query) -> Pushdown:
    """Ask the source which filters it takes, and for the fields that the rest of them needs."""
    pushdown = source.pushdown(query)
    wider = _with_fields_of(query, pushdown)
    return pushdown if wider == query else source.pushdown(wider)


def push_down_changed(
    source: Source, query: Query, streams: Sequence[CompiledStream], schema: SourceSchema, since: datetime | None
) -> tuple[Pushdown, str]:
    """How the records of a query are read that may have changed since a moment; all, where that is not enough.

    Args:
        source: is asked.
        query: what is read.
        streams: of the plan; those that read the same records share the reading.
        schema: of the source.
        since: the moment; None reads all.

    Returns:
        The reading, and the moment as text; empty when all records are read.
    """
    if since is None or not isinstance(source, TellsChanges):
        return push_down(source, query), ""
    place = (query.collection, query.filters, query.channel)
    readers = [each for each in streams if (each.query.collection, each.query.filters, each.query.channel) == place]
    if any(why_whole(each, schema) for each in readers):
        return push_down(source, query), ""
    changed = source.changed(_with_fields_of(query, source.pushdown(query)), since)
    return (push_down(source, query), "") if changed is None else (changed, since.isoformat())


def _with_fields_of(query: Query, pushdown: Pushdown) -> Query:
    """The query that also asks for the fields of the filters that are left to the engine."""
    needed = {each for residual in pushdown.residual for each in fields_of(residual)}
    if needed <= query.attributes | query.properties:
        return query
    return dataclasses.replace(query, attributes=query.attributes | needed, properties=query.properties | needed)
