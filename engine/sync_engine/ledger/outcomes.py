"""What became of each record of a transfer."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence

import orjson

from sync_engine.ledger.database import Database, Transaction
from sync_engine.ledger.records import OutcomeRecord

_PAGE = 1000


def keep_outcomes(transaction: Transaction, transfer: str, outcomes: Iterable[OutcomeRecord]) -> None:
    """Keep outcomes; of a record that has one already in that transfer the later one holds."""
    transaction.execute_many(
        "INSERT INTO outcomes (transfer, stream, key, outcome, target_id, reasons, batch, fields, sent) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (transfer, stream, key) DO UPDATE "
        "SET outcome = excluded.outcome, target_id = excluded.target_id, reasons = excluded.reasons, "
        "batch = excluded.batch, fields = excluded.fields, sent = excluded.sent",
        (
            (
                *(transfer, each.stream, each.key, each.outcome, each.target_id),
                *(_dump(each.reasons), each.batch, _dump(each.fields), each.sent),
            )
            for each in outcomes
        ),
    )


def read_outcomes(
    database: Database, transfer: str, outcome: str | None, after: tuple[str, str]
) -> Iterator[OutcomeRecord]:
    """Outcomes of a transfer in the order of stream and key, behind those of ``after``, page by page."""
    last = after
    only, of = ("AND outcome = ? ", (outcome,)) if outcome is not None else ("", ())
    while True:
        rows = database.query(
            "SELECT stream, key, outcome, target_id, reasons, batch, fields, sent FROM outcomes WHERE transfer = ? "  # noqa: S608 - fixed
            f"AND (stream, key) > (?, ?) {only}ORDER BY stream, key LIMIT {_PAGE}",
            (transfer, *last, *of),
        )
        for row in rows:
            yield _outcome(row[0], row[1], row[2:])
        if len(rows) < _PAGE:
            return
        last = (rows[-1][0], rows[-1][1])


def last_outcome(database: Database, catalog: str, stream: str, key: str) -> tuple[str, OutcomeRecord] | None:
    """The last transfer that a record had an outcome in, and that; None where none is kept."""
    rows = database.query(
        "SELECT transfer, outcome, target_id, reasons, batch, fields, sent FROM outcomes "
        "WHERE stream = ? AND key = ? "
        "AND transfer IN (SELECT id FROM transfers WHERE catalog = ?) ORDER BY transfer DESC LIMIT 1",
        (stream, key, catalog),
    )
    return (str(rows[0][0]), _outcome(stream, key, rows[0][1:])) if rows else None


def _outcome(stream: str, key: str, row: Sequence[str]) -> OutcomeRecord:
    fields = tuple((name, before, after) for name, before, after in orjson.loads(row[4]))
    return OutcomeRecord(stream, key, row[0], row[1], tuple(orjson.loads(row[2])), row[3], fields, row[5])


def _dump(items: Sequence[object]) -> str:
    return json.dumps(list(items)) if items else "[]"
