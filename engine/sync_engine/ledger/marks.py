"""Up to where everything is written: what a transfer goes by that reads only changes of the source."""

from __future__ import annotations

import orjson

from sync_engine.ledger.database import Database, Transaction
from sync_engine.ledger.records import Mark, Status

ROLLBACK = "rollback"
"""Stands in the place of what a transfer was made for when that undoes another one."""
_DEPENDENCIES = "SELECT place, digests FROM dependencies WHERE catalog = ?"
_NEVER = "there is no complete transfer before"
_OTHER = "the catalog, sync-engine, an adapter or a field of the target has changed since the last transfer"
_UNDONE = "a transfer was rolled back"


def keep_mark(transaction: Transaction, catalog: str, transfer: str, mark: Mark, *, whole: bool) -> None:
    """See ``Ledger.complete``."""
    transaction.execute(
        "UPDATE transfers SET read_from = ?, whole = ? WHERE id = ?", (mark.read_from, int(whole), transfer)
    )
    transaction.execute("DELETE FROM unwritten WHERE catalog = ?", (catalog,))
    transaction.execute_many(
        "INSERT INTO unwritten (catalog, stream, source_key) VALUES (?, ?, ?)",
        ((catalog, stream, key) for stream, keys in mark.unwritten.items() for key in keys),
    )
    if mark.target != read_description(transaction, catalog):  # likewise long, and seldom another
        transaction.execute("DELETE FROM descriptions WHERE catalog = ?", (catalog,))
        transaction.execute("INSERT INTO descriptions (catalog, target) VALUES (?, ?)", (catalog, mark.target))
    texts = {place: orjson.dumps(digests).decode() for place, digests in mark.dependencies.items()}
    if texts != dict(transaction.query(_DEPENDENCIES, (catalog,))):  # they may be long, and seldom change
        transaction.execute("DELETE FROM dependencies WHERE catalog = ?", (catalog,))
        transaction.execute_many(
            "INSERT INTO dependencies (catalog, place, digests) VALUES (?, ?, ?)",
            ((catalog, place, text) for place, text in texts.items()),
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
            found_places = database.query(_DEPENDENCIES, (catalog,))
            return Mark(
                read_from=str(read_from),
                compared=str(compared[0][0] or ""),
                unwritten=_unwritten(database, catalog),
                dependencies={place: orjson.loads(text) for place, text in found_places},
                target=read_description(database, catalog),
            )
    return Mark(why=_NEVER)


def read_description(database: Database | Transaction, catalog: str) -> str:
    """See ``Ledger.description``."""
    found = database.query("SELECT target FROM descriptions WHERE catalog = ?", (catalog,))
    return str(found[0][0]) if found else ""


def _unwritten(database: Database, catalog: str) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    asked = "SELECT stream, source_key FROM unwritten WHERE catalog = ? ORDER BY stream, source_key"
    for stream, key in database.query(asked, (catalog,)):
        found[stream] = (*found.get(stream, ()), key)
    return found
