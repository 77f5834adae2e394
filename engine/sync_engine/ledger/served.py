"""What each catalog was last transferred for by ``sync-engine serve``, so that every change is transferred once."""

from __future__ import annotations

from sync_engine.ledger.database import Database, Transaction
from sync_engine.ledger.records import ServedCatalog

_COLUMNS = "catalog, meaning, revision, outcome, message, at"


def read_served(database: Database | Transaction) -> dict[str, ServedCatalog]:
    """What is known, by catalog."""
    rows = database.query(f"SELECT {_COLUMNS} FROM served ORDER BY catalog")  # noqa: S608 - fixed
    return {row[0]: ServedCatalog(*row) for row in rows}


def keep_served(transaction: Transaction, served: ServedCatalog) -> None:
    """Keep what a catalog was transferred for, in place of what was kept before."""
    transaction.execute(
        f"INSERT INTO served ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (catalog) DO UPDATE SET "  # noqa: S608 - fixed
        "meaning = excluded.meaning, revision = excluded.revision, outcome = excluded.outcome, "
        "message = excluded.message, at = excluded.at",
        (served.catalog, served.meaning, served.revision, served.outcome, served.message, served.at),
    )
