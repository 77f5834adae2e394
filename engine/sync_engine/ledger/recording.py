"""Which transfers are still to be recorded in the target: known here before it is tried, so that a crash loses none."""

from __future__ import annotations

from collections.abc import Iterable

from sync_engine.ledger.database import Transaction
from sync_engine.ledger.records import Recording

CHANGED = f"recording = CASE WHEN recording = '{Recording.NONE}' THEN recording ELSE '{Recording.DUE}' END"
"""In an update of a transfer: what the target says of it is out of date now."""


def keep(transaction: Transaction, transfers: Iterable[str], error: str) -> None:
    """Note that records were written, or why they were not: they stay due then."""
    state = Recording.DUE if error else Recording.DONE
    transaction.execute_many(
        "UPDATE transfers SET recording = ?, recording_error = ? WHERE id = ?",
        ((state, error, each) for each in transfers),
    )
