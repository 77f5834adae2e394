"""What transfers that did not come to their end have left behind, before anything new begins."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import partial

from sync_engine.catalog.model import Catalog
from sync_engine.cli.console import Console
from sync_engine.cli.recording import record
from sync_engine.cli.session import Connections
from sync_engine.ledger.records import BatchRecord
from sync_engine.ledger.store import Ledger
from sync_engine.report.values import plural
from sync_engine.transfer.recovery import Recovered, recover


def take_up(console: Console, catalogs: Sequence[Catalog], connections: Connections, ledger: Ledger) -> list[Recovered]:
    """Bring what was under way to its end and say what came of it; the catalogs are locked."""
    done = []
    for catalog in catalogs:
        target = connections.target(catalog.target)
        waiting = partial(_wait_for, console)
        for each in recover(catalog.name, target, ledger, catalog.log.level, threading.Event(), waiting):
            console.say(_line(each))
            done.append(each)
        record(console, catalog, connections, ledger)
    return done


def _wait_for(console: Console, batch: BatchRecord, seconds: float) -> None:
    sent = plural(batch.rows, "record")
    console.say(
        f"A call of transfer {batch.transfer} with {sent} of {batch.stream} was not answered and may still take "
        f"effect. Waiting for it, {seconds:.0f} seconds at most, so that nothing is there twice."
    )


def _line(each: Recovered) -> str:
    counts = ", ".join(f"{count:,} {word}" for word, count in each.counts.items() if count)
    found = counts or "nothing of them reached the target"
    what = f"{plural(each.batches, 'batch', 'es')} under way, {found}" if each.batches else "nothing was under way"
    return f"Took up transfer {each.transfer.id} of {each.transfer.catalog}, which did not come to its end: {what}."
