"""The journal of batches: how far each has come, and what it carries until its outcomes are known."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace

from sync_engine.ledger.database import Database, Transaction
from sync_engine.ledger.records import BatchRecord
from sync_engine.sdk.errors import Refused
from sync_engine.sdk.target import BatchState

_AT = "at"
"""When a batch came to its state, beside the target's own data."""


def pack(
    transaction: Transaction, transfer: str, batch: str, stream: str, mode: str, rows: int, content: bytes
) -> None:
    """Begin a batch with its content."""
    reach(transaction, transfer, batch, stream, mode, rows, BatchState.PACKED, {})
    transaction.execute(
        "INSERT INTO payloads (batch, sha256, content) VALUES (?, ?, ?)",
        (f"{transfer}/{batch}", hashlib.sha256(content).hexdigest(), content),
    )


def reach(
    transaction: Transaction,
    transfer: str,
    batch: str,
    stream: str,
    mode: str,
    rows: int,
    state: str,
    data: Mapping[str, object],
) -> None:
    """A batch has come to a state."""
    kept = json.dumps({**data, _AT: transaction.now()})
    transaction.execute(
        "INSERT INTO batches (id, transfer, stream, mode, rows, state, data) VALUES (?, ?, ?, ?, ?, ?, ?) "
        "ON CONFLICT (id) DO UPDATE SET state = excluded.state, data = excluded.data",
        (f"{transfer}/{batch}", transfer, stream, mode, rows, state, kept),
    )


def conclude(transaction: Transaction, transfer: str, batch: str, uncertain: int) -> None:
    """The outcomes of a batch are known, or ``uncertain`` of them are not and will be looked for."""
    id_ = f"{transfer}/{batch}"
    if uncertain:
        transaction.execute("UPDATE batches SET uncertain = ? WHERE id = ?", (uncertain, id_))
        return
    transaction.execute("UPDATE batches SET state = ?, uncertain = 0 WHERE id = ?", (BatchState.COMMITTED, id_))
    transaction.execute("DELETE FROM payloads WHERE batch = ?", (id_,))


def left(database: Database, catalog: str) -> list[BatchRecord]:
    """The batches of a catalog that were not concluded, oldest first, without their content."""
    rows = database.query(
        "SELECT transfer, batches.id, stream, mode, rows, state, data, uncertain FROM batches "
        "JOIN payloads ON payloads.batch = batches.id "
        "WHERE transfer IN (SELECT id FROM transfers WHERE catalog = ?) ORDER BY transfer, batches.id",
        (catalog,),
    )
    return [_batch(*row) for row in rows]


def _batch(
    transfer: str, id_: str, stream: str, mode: str, rows: int, state: str, text: str, uncertain: int
) -> BatchRecord:
    data = json.loads(text)
    at = data.pop(_AT, 0)  # an earlier version kept none: long ago
    return BatchRecord(transfer, id_.removeprefix(f"{transfer}/"), stream, mode, rows, state, at, data, uncertain, b"")


def with_content(database: Database, batch: BatchRecord) -> BatchRecord:
    """The batch with its content; see ``store.Ledger.with_content``."""
    id_ = f"{batch.transfer}/{batch.id}"
    ((sha256, content),) = database.query("SELECT sha256, content FROM payloads WHERE batch = ?", (id_,))
    content = bytes(content)
    if hashlib.sha256(content).hexdigest() != sha256:
        raise Refused(
            f"the ledger {database.name} is damaged: batch {id_} does not hold what was written",
            hint="Restore it from a backup; nothing was sent.",
        )
    return replace(batch, content=content)
