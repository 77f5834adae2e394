"""What the source evaluates of a query, and what it must deliver so that the rest can be evaluated here."""

from __future__ import annotations

import dataclasses

from sync_engine.compiler.criteria import fields_of
from sync_engine.sdk.source import Pushdown, Query, Source


def push_down(source: Source, query: Query) -> Pushdown:
    """Ask the source which filters it takes, and for the fields that the rest of them needs."""
    pushdown = source.pushdown(query)
    needed = {each for residual in pushdown.residual for each in fields_of(residual)}
    known = query.attributes | query.properties
    if needed <= known:
        return pushdown
    wider = dataclasses.replace(query, attributes=query.attributes | needed, properties=query.properties | needed)
    return source.pushdown(wider)
