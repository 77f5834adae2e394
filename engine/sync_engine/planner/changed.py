"""Reading only what can have changed in the source since the last complete transfer: for which streams that is enough.

It is enough where a row depends on nothing but its own source record, with what that inherits, and on what
``planner.dependencies`` follows, and where no other record has its key (``planner.doubts``). Everything else is read as
a whole: it costs time, and nothing is missed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime, timedelta

import orjson

from sync_engine.compiler.compiled import CompiledStream
from sync_engine.compiler.criteria import criteria
from sync_engine.ledger.records import Mark
from sync_engine.planner.remembered import Since

OVERLAP = timedelta(hours=2)
"""Clocks differ, and when summer time ends an hour of the source's clock comes twice."""


def since_of(mark: Mark, full_every: timedelta, now: datetime) -> Since:
    """What may have changed in the source since everything was written; or why all of it has to be read.

    Args:
        mark: up to where everything is written.
        full_every: how old the last comparison of all records may be.
        now: with a time zone.
    """
    if not mark.read_from:
        return Since(None, mark.why)
    if not mark.compared:
        return Since(None, "it is not known when all records were compared last")
    if now - datetime.fromisoformat(mark.compared) >= full_every:
        return Since(None, f"all records were compared last at {mark.compared}, longer ago than `full_every` says")
    return Since(
        datetime.fromisoformat(mark.read_from) - OVERLAP, unwritten=mark.unwritten, dependencies=mark.dependencies
    )


def why_whole(stream: CompiledStream) -> str:
    """Why all records of a stream must be read; empty when those are enough that have changed."""
    for criterion in criteria(stream.query.filters):
        if criterion.operator == "SINCE LAST N DAYS":
            return f"its filter on {criterion.field} depends on the day"
    return ""


def intent(fingerprint: Mapping[str, str]) -> str:
    """A digest of what a transfer was made for; another one means that unchanged records may become something else."""
    return hashlib.sha256(orjson.dumps(sorted(fingerprint.items()))).hexdigest()
