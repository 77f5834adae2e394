"""Doing without the target while nothing has changed in the source."""

from __future__ import annotations

from datetime import UTC, datetime

from sync_engine.catalog.model import Catalog
from sync_engine.cli.session import Connections, compile_described
from sync_engine.compiler.compiled import CompiledCatalog
from sync_engine.ledger.store import Ledger
from sync_engine.planner.changed import intent, since_of
from sync_engine.planner.fingerprint import fingerprint
from sync_engine.planner.planner import reads_nothing
from sync_engine.planner.remembered import Since
from sync_engine.sdk.source import SourceSchema
from sync_engine.sdk.target import TargetSchema
from sync_engine.snapshots import from_text


def since_complete(ledger: Ledger, compiled: CompiledCatalog) -> Since:
    """What may have changed in the source since everything was written."""
    mark = ledger.mark(compiled.catalog.name, intent(fingerprint(compiled)))
    return since_of(mark, compiled.catalog.full_every, datetime.now(UTC))


def recall(
    catalog: Catalog, source: SourceSchema, connections: Connections, ledger: Ledger, selected: frozenset[str] | None
) -> CompiledCatalog | None:
    """A catalog against the target as it was at the last complete transfer, where no record has to be read.

    Such a plan is empty whatever the target has become since. That shows as soon as a record has to be read, because
    the target is described then: the transfer before was made for something else, so all records are read.

    Args:
        catalog: to compile.
        source: as it describes itself now.
        connections: the source is asked what has changed; the target only for the records that ``find`` names.
        ledger: knows the last complete transfer.
        selected: names of the streams to plan; None means all.

    Returns:
        None where a record has to be read, or where that is not known.
    """
    known = ledger.description(catalog.name)
    if not known:
        return None
    try:
        target = from_text(known, TargetSchema)
    except ValueError:  # of another version
        return None
    compiled, _ = compile_described(catalog, source, target, connections)
    if compiled is None:
        return None
    since = since_complete(ledger, compiled)
    opened = connections.source(catalog.source)
    return compiled if since.moment and reads_nothing(compiled, opened, selected, since) else None
