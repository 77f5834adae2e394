"""Details of old transfers go, by age and by size; the transfers and their counts stay."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from sync_engine.ledger.database import Transaction
from sync_engine.ledger.records import moment_of, utc_text

_TEXTS = ("stream", "key", "outcome", "target_id", "reasons", "batch", "fields", "sent")
_LENGTH = " + ".join(f"length({each})" for each in _TEXTS)
"""Of an outcome: nearly all of the space that it takes is texts, and both databases know their length."""


def purge_outcomes(
    transaction: Transaction, catalog: str, keep_days: int, keep_records: int | None, keep_bytes: int | None
) -> int:
    """See ``store.Ledger.purge``."""
    limit = utc_text(moment_of(transaction.now()) - timedelta(days=keep_days))
    gone = transaction.execute(
        "DELETE FROM outcomes WHERE transfer IN (SELECT id FROM transfers WHERE catalog = ? AND started < ?)",
        (catalog, limit),
    )
    if keep_records is None and keep_bytes is None:
        return gone
    for each in [*_beyond(transaction, catalog, keep_records, keep_bytes)]:
        gone += transaction.execute("DELETE FROM outcomes WHERE transfer = ?", (each,))
    return gone


def _beyond(transaction: Transaction, catalog: str, keep_records: int | None, keep_bytes: int | None) -> Iterator[str]:
    """The transfers behind the newest ones that together are within both limits; never the newest one."""
    counted = transaction.query(
        f"SELECT transfer, count(*), sum({_LENGTH}) FROM outcomes "  # noqa: S608 - a constant
        "WHERE transfer IN (SELECT id FROM transfers WHERE catalog = ?) GROUP BY transfer ORDER BY transfer DESC",
        (catalog,),
    )
    records = length = 0
    for number, (transfer, count, size) in enumerate(counted):
        records, length = records + count, length + int(size)
        many = keep_records is not None and records > keep_records
        if number and (many or (keep_bytes is not None and length > keep_bytes)):
            yield transfer
