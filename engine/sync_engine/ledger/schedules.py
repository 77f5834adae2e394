"""Runs of schedules, each of which happens once, and the catalogs that somebody has paused."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

from sync_engine.ledger.database import Database, Transaction
from sync_engine.ledger.records import Effort, Pause, ScheduledRun, Status, utc_now, utc_text

_KEPT = timedelta(days=90)
"""How long it is known which runs there were."""
_RECENT = 5
"""Transfers by which the next one is judged."""


def known_since(transaction: Transaction, catalog: str, schedule: str, now: datetime) -> datetime:
    """Since when a catalog has had this schedule; since now, when it had none or another one."""
    rows = transaction.query("SELECT schedule, since FROM schedules WHERE catalog = ?", (catalog,))
    if rows and rows[0][0] == schedule:
        return datetime.fromisoformat(rows[0][1])
    transaction.execute(
        "INSERT INTO schedules (catalog, schedule, since) VALUES (?, ?, ?) "
        "ON CONFLICT (catalog) DO UPDATE SET schedule = excluded.schedule, since = excluded.since",
        (catalog, schedule, utc_text(now)),
    )
    return datetime.fromisoformat(utc_text(now))


def claim(transaction: Transaction, catalog: str, due: datetime) -> bool:
    """Take a run; False when it, or a later one, has happened already.

    A run that was taken and not finished is taken over: who took it held the lock of the catalog, and is gone.
    """
    later = transaction.query(
        "SELECT 1 FROM schedule_runs WHERE catalog = ? AND due >= ? AND finished <> ''", (catalog, utc_text(due))
    )
    if later:
        return False
    transaction.execute("DELETE FROM schedule_runs WHERE catalog = ? AND due < ?", (catalog, utc_text(due - _KEPT)))
    transaction.execute(
        "INSERT INTO schedule_runs (catalog, due, claimed) VALUES (?, ?, ?) "
        "ON CONFLICT (catalog, due) DO UPDATE SET claimed = excluded.claimed",
        (catalog, utc_text(due), utc_now()),
    )
    return True


def finish(transaction: Transaction, catalog: str, due: datetime, outcome: str) -> None:
    """A run has happened, and how it ended."""
    transaction.execute(
        "UPDATE schedule_runs SET finished = ?, outcome = ? WHERE catalog = ? AND due = ?",
        (utc_now(), outcome, catalog, utc_text(due)),
    )


def last_finished(database: Database, catalog: str) -> ScheduledRun | None:
    """The newest run of a catalog that has happened."""
    rows = database.query(
        "SELECT due, claimed, finished, outcome FROM schedule_runs WHERE catalog = ? AND finished <> '' "
        "ORDER BY due DESC LIMIT 1",
        (catalog,),
    )
    return ScheduledRun(catalog, datetime.fromisoformat(rows[0][0]), *rows[0][1:]) if rows else None


def usual_effort(database: Database, catalog: str) -> Effort:
    """What the transfers of a catalog take: the middle of the last few, for the first one is not like the others."""
    rows = database.query(
        "SELECT started, read_from, finished, requests FROM transfers WHERE catalog = ? AND status IN (?, ?) "
        "AND intent <> 'rollback' AND trigger <> 'retry' ORDER BY id DESC LIMIT ?",
        (catalog, Status.DONE, Status.REJECTED, _RECENT),
    )
    seconds = [_seconds(read_from or started, finished) for started, read_from, finished, _ in rows]
    requests = [json.loads(row[3]) for row in rows]
    return Effort(
        _middle(seconds),
        *(_middle([each[side] for each in requests if each.get(side) is not None]) for side in ("source", "target")),
    )


def _seconds(begin: str, end: str) -> float:
    return (datetime.fromisoformat(end) - datetime.fromisoformat(begin)).total_seconds()


def _middle(values: list[Any]) -> Any:
    return sorted(values)[len(values) // 2] if values else None


def pause(transaction: Transaction, paused: Pause) -> None:
    """Pause a catalog, or give another reason for it."""
    transaction.execute(
        "INSERT INTO pauses (catalog, reason, who, since) VALUES (?, ?, ?, ?) "
        "ON CONFLICT (catalog) DO UPDATE SET reason = excluded.reason, who = excluded.who, since = excluded.since",
        (paused.catalog, paused.reason, paused.who, paused.since),
    )


def resume(transaction: Transaction, catalog: str) -> bool:
    """End the pause of a catalog; False when there was none."""
    return transaction.execute("DELETE FROM pauses WHERE catalog = ?", (catalog,)) > 0


def pauses(database: Database) -> dict[str, Pause]:
    """What is paused, by catalog."""
    rows = database.query("SELECT catalog, reason, who, since FROM pauses ORDER BY catalog")
    return {row[0]: Pause(*row) for row in rows}
