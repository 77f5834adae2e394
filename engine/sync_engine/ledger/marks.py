"""Up to where everything is written: what a transfer goes by that reads only changes of the source."""

from __future__ import annotations

from collections.abc import Iterable

from sync_engine.ledger.database import Database, Transaction
from sync_engine.ledger.records import Mark, Status

ROLLBACK = "rollback"
"""Stands in the place of what a transfer was made for when that undoes another one."""
_NEVER = "there is no complete transfer before"
_OTHER = "the catalog, sync-engine, an adapter or a field of the target has changed since the last transfer"
_UNDONE = "a transfer was rolled back"


def keep_mark(
    transaction: Transaction,
    catalog: str,
    transfer: str,
    read_from: str,
    unwritten: Iterable[tuple[str, str]],
    *,
    whole: bool,
) -> None:
    """See ``Ledger.complete``."""
    transaction.execute("UPDATE transfers SET read_from = ?, whole = ? WHERE id = ?", (read_from, int(whole), transfer))
    transaction.execute("DELETE FROM unwritten WHERE catalog = ?", (catalog,))
    transaction.execute_many(
        "INSERT INTO unwritten (catalog, stream, source_key) VALUES (?, ?, ?)",
        ((catalog, *each) for each in unwritten),
    )


def read_mark(database: Database, catalog: str, intent: str) -> Mark:
    """See ``Ledger.mark``."""
    rows = database.query(
        "SELECT intent, read_from FROM transfers WHERE catalog = ? AND status <> ? "
        "ORDER BY started DESC, id DESC LIMIT 1000",
        (catalog, Status.GATED),  # nothing was written then
    )
    for found, read_from in rows:
        if found != intent:
            return Mark(why=_UNDONE if found == ROLLBACK else _OTHER)
        if read_from:
            # A transfer after one that was made for something else compares everything, so it is not older than that.
            compared = database.query(
                "SELECT max(started) FROM transfers WHERE catalog = ? AND intent = ? AND whole = 1", (catalog, intent)
            )
            return Mark(str(read_from), str(compared[0][0] or ""), unwritten=_unwritten(database, catalog))
    return Mark(why=_NEVER)


def _unwritten(database: Database, catalog: str) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    asked = "SELECT stream, source_key FROM unwritten WHERE catalog = ? ORDER BY stream, source_key"
    for stream, key in database.query(asked, (catalog,)):
        found[stream] = (*found.get(stream, ()), key)
    return found
