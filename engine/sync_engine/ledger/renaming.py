"""Another name for a catalog, everywhere in the ledger."""

from __future__ import annotations

from sync_engine.ledger.database import Transaction
from sync_engine.sdk.errors import Refused

TABLES = (
    "transfers",
    "written",
    "mappings",
    "files",
    "unwritten",
    "dependencies",
    "descriptions",
    "schedules",
    "schedule_runs",
    "pauses",
    "served",
)
"""Those with a column ``catalog``."""


def rename_catalog(transaction: Transaction, name: str, new: str) -> bool:
    """Keep what is known of a catalog under another name; False when nothing was.

    Raises:
        Refused: the ledger knows a catalog of the new name, whose records would be mixed with these.
    """
    for table in TABLES:
        if transaction.query(f"SELECT 1 FROM {table} WHERE catalog = ? LIMIT 1", (new,)):  # noqa: S608 - fixed
            raise Refused(
                f"the ledger knows a catalog `{new}`, whose records would be mixed with those of `{name}`",
                hint="Nothing was changed; take another name.",
            )
    renamed = 0
    for table in TABLES:
        renamed += transaction.execute(f"UPDATE {table} SET catalog = ? WHERE catalog = ?", (new, name))  # noqa: S608
    return renamed > 0
