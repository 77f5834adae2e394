"""Transfers as the ledger keeps them: one row each."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime

from sync_engine.ledger.database import Database
from sync_engine.ledger.records import Recording, Status, TransferRecord
from sync_engine.sdk.errors import Refused

RECORDED_TOGETHER = 200
"""Transfers whose records in the target are written at once."""
_LOOKED_THROUGH = 500
"""Transfers that are looked through for one that tells something."""
_TIMED = 1000
"""Records that a transfer must have written to tell how fast the next one will be."""
_COLUMNS = (
    "SELECT id, catalog, digest, trigger, started, finished, status, summary, error, matched, overrides, flapping, "
    "who, recording, recording_error FROM transfers"
)


def newest_transfers(database: Database, catalog: str | None, limit: int, before: str) -> list[TransferRecord]:
    """The newest first; with ``before``, those that began before the one with that id."""
    wanted = {"catalog = ?": catalog, "id < ?": before or None}
    given = {sql: value for sql, value in wanted.items() if value is not None}
    where = f"WHERE {' AND '.join(given)} " if given else ""
    rows = database.query(f"{_COLUMNS} {where}ORDER BY id DESC LIMIT ?", (*given.values(), limit))
    return [_transfer(row) for row in rows]


def running_transfers(database: Database, catalog: str) -> list[TransferRecord]:
    """The transfers of a catalog that have not come to an end, or whose process ended before."""
    rows = database.query(f"{_COLUMNS} WHERE catalog = ? AND status = ?", (catalog, Status.RUNNING))
    return [_transfer(row) for row in rows]


def unrecorded_transfers(database: Database, catalog: str) -> list[TransferRecord]:
    """The transfers that have ended and whose record in the target is missing or out of date, the newest first."""
    rows = database.query(
        f"{_COLUMNS} WHERE catalog = ? AND recording = ? AND status <> ? ORDER BY id DESC LIMIT ?",
        (catalog, Recording.DUE, Status.RUNNING, RECORDED_TOGETHER),
    )
    return [_transfer(row) for row in rows]


def find_transfer(database: Database, id_or_prefix: str) -> TransferRecord:
    """The transfer with that id, or the only one whose id begins so; ``last`` is the newest.

    Raises:
        Refused: there is none, or more than one.
    """
    newest = newest_transfers(database, None, 1, "")
    if id_or_prefix == "last" and newest:
        return newest[0]
    rows = database.query(f"{_COLUMNS} WHERE substr(id, 1, ?) = ? LIMIT 2", (len(id_or_prefix), id_or_prefix))
    if len(rows) != 1:
        raise Refused(
            f"{'no' if not rows else 'more than one'} transfer has an id that begins with `{id_or_prefix}`",
            hint="`sync-engine transfers list` shows the ids.",
        )
    return _transfer(rows[0])


def matched_before(database: Database, catalog: str) -> dict[str, int]:
    """By stream: records of the source that passed the filter in the last complete transfer that had it."""
    rows = database.query(
        "SELECT matched FROM transfers WHERE catalog = ? AND status IN (?, ?) AND matched <> '{}' "
        "ORDER BY started DESC, id DESC LIMIT ?",
        (catalog, Status.DONE, Status.REJECTED, _LOOKED_THROUGH),
    )
    found: dict[str, int] = {}
    for row in rows:
        found = {**json.loads(row[0]), **found}
    return found


def rate_before(database: Database, catalog: str) -> float | None:
    """Records written per second by the last finished transfer that wrote many; None before there was one."""
    rows = database.query(
        "SELECT started, finished, summary FROM transfers WHERE catalog = ? AND status IN (?, ?) "
        "ORDER BY started DESC, id DESC LIMIT ?",
        (catalog, Status.DONE, Status.REJECTED, _LOOKED_THROUGH),
    )
    for started, finished, text in rows:
        summary = json.loads(text)
        written = sum(summary.get(each, 0) for each in ("created", "updated", "deactivated", "deleted"))
        seconds = (datetime.fromisoformat(finished) - datetime.fromisoformat(started)).total_seconds()
        if written >= _TIMED and seconds > 0:
            return float(written / seconds)
    return None


def _transfer(row: Sequence[str]) -> TransferRecord:
    return TransferRecord(
        id=row[0],
        catalog=row[1],
        digest=row[2],
        trigger=row[3],
        started=row[4],
        finished=row[5],
        status=Status(row[6]),
        summary=json.loads(row[7]),
        error=row[8],
        matched=json.loads(row[9]),
        overrides=tuple(json.loads(row[10])),
        flapping=tuple(json.loads(row[11])),
        who=row[12],
        recording=Recording(row[13]),
        recording_error=row[14],
    )
