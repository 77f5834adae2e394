"""The ledger on SQLite: WAL, synchronous=FULL, STRICT tables, every write in its own immediate transaction."""

from __future__ import annotations

import contextlib
import json
import secrets
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path

import orjson

from sync_engine.ledger.records import History, OutcomeRecord, OwnedRecord, Status, TransferRecord, WrittenRecord
from sync_engine.ledger.schema import prepare
from sync_engine.sdk.errors import Refused
from sync_engine.sdk.values import Secret, reveal

SCHEME = "sqlite:///"
BUSY_SECONDS = 30
_TOGETHER = 500
"""Records that are looked up in one statement."""
_TRANSFER = (
    "SELECT id, catalog, digest, trigger, started, finished, status, summary, error, matched, overrides FROM transfers"
)


def open_ledger(state: str | Secret, root: Path) -> Ledger:
    """Open the ledger that a project names in ``state:``; a missing file is made.

    Args:
        state: URL, such as ``sqlite:///.sync-engine/ledger.db`` (relative to the project).
        root: the project's folder.

    Raises:
        Refused: another kind of URL, or a file that cannot be used.
    """
    url = reveal(state)
    if not url.startswith(SCHEME):
        raise Refused(
            "the project's `state:` names a kind of ledger that is not supported yet",
            hint=f"Use {SCHEME}.sync-engine/ledger.db",
        )
    path = root / url.removeprefix(SCHEME)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    except (OSError, sqlite3.Error) as error:
        raise Refused(
            f"the ledger {path} cannot be opened: {error}", hint="Check that the folder exists and is writable."
        ) from error
    try:
        prepare(connection, str(path))
    except BaseException:
        connection.close()
        raise
    return Ledger(connection)


def utc_now() -> str:
    """The present moment as ISO 8601 in UTC, to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Ledger:
    """Transfers and outcomes, durable when a method returns. Threads may share it."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._lock = threading.Lock()

    def close(self) -> None:
        """Release the file."""
        self._connection.close()

    def __enter__(self) -> Ledger:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    @contextlib.contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        # BEGIN IMMEDIATE: a read that later becomes a write would fail at once under WAL, ignoring the busy time-out.
        with self._lock:
            try:
                self._connection.execute("BEGIN IMMEDIATE")
                yield self._connection
                self._connection.execute("COMMIT")
            except sqlite3.OperationalError as error:
                self._roll_back()
                raise Refused(
                    f"the ledger could not be written: {error}",
                    hint="Free disk space or wait for the other process; what was sent is found again at the next run.",
                ) from error
            except BaseException:
                self._roll_back()
                raise

    def _roll_back(self) -> None:
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")

    def begin(
        self,
        catalog: str,
        digest: str,
        trigger: str,
        *,
        matched: Mapping[str, int] | None = None,
        overrides: Sequence[Mapping[str, str]] = (),
    ) -> str:
        """Record that a transfer starts; returns its id. See ``TransferRecord`` for the parameters."""
        now = datetime.now(UTC)
        # With its milliseconds, so that of two transfers in one second the later one sorts behind the other.
        transfer = f"{now:%Y%m%d-%H%M%S}-{now.microsecond // 1000:03}{secrets.token_hex(2)[:3]}"
        with self._writing() as connection:
            connection.execute(
                "INSERT INTO transfers (id, catalog, digest, trigger, started, status, matched, overrides) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    *(transfer, catalog, digest, trigger, utc_now(), Status.RUNNING),
                    *(json.dumps(dict(matched or {})), json.dumps([dict(each) for each in overrides])),
                ),
            )
        return transfer

    def journal(
        self, transfer: str, batch: str, stream: str, mode: str, rows: int, state: str, data: Mapping[str, object]
    ) -> None:
        """Make the state of a batch durable, before the remote call that follows it."""
        with self._writing() as connection:
            connection.execute(
                "INSERT INTO batches (id, transfer, stream, mode, rows, state, data) VALUES (?, ?, ?, ?, ?, ?, ?) "
                "ON CONFLICT (id) DO UPDATE SET state = excluded.state, data = excluded.data",
                (f"{transfer}/{batch}", transfer, stream, mode, rows, state, json.dumps(data)),
            )

    def commit(
        self,
        transfer: str,
        catalog: str,
        outcomes: Iterable[OutcomeRecord],
        written: Iterable[WrittenRecord] = (),
        batch: str | None = None,
    ) -> None:
        """Store outcomes and what was written, and close the batch, in one transaction."""
        with self._writing() as connection:
            connection.executemany(
                "INSERT OR REPLACE INTO outcomes (transfer, stream, key, outcome, target_id, reasons, batch, fields) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    (
                        *(transfer, each.stream, each.key, each.outcome, each.target_id),
                        *(_dump(each.reasons), each.batch, _dump([*map(tuple, each.fields)])),
                    )
                    for each in outcomes
                ),
            )
            _keep_written(connection, catalog, transfer, written)
            if batch is not None:
                connection.execute("UPDATE batches SET state = 'committed' WHERE id = ?", (f"{transfer}/{batch}",))

    def forget_written(self, catalog: str, stream: str, keys: Iterable[str]) -> None:
        """Records that were deleted are owned no more."""
        with self._writing() as connection:
            connection.executemany(
                "DELETE FROM written WHERE catalog = ? AND stream = ? AND key = ?",
                ((catalog, stream, key) for key in keys),
            )

    def owned(self, catalog: str, stream: str) -> Iterator[OwnedRecord]:
        """The records that a stream has written and not deleted since, page by page."""
        last = ""
        while True:
            with self._lock:
                rows = self._connection.execute(
                    "SELECT key, target_id, source_key FROM written WHERE catalog = ? AND stream = ? AND key > ? "
                    "ORDER BY key LIMIT 1000",
                    (catalog, stream, last),
                ).fetchall()
            yield from (OwnedRecord(*row) for row in rows)
            if len(rows) < 1000:
                return
            last = rows[-1][0]

    def matched(self, catalog: str) -> dict[str, int]:
        """By stream: records of the source that passed the filter in the last complete transfer that had it."""
        with self._lock:
            rows = self._connection.execute(
                "SELECT matched FROM transfers WHERE catalog = ? AND status IN (?, ?) AND matched <> '{}' "
                "ORDER BY started DESC, id DESC LIMIT ?",
                (catalog, Status.DONE, Status.REJECTED, _TOGETHER),
            ).fetchall()
        found: dict[str, int] = {}
        for row in rows:
            found = {**json.loads(row[0]), **found}
        return found

    def finish(self, transfer: str, status: Status, summary: Mapping[str, int], error: str = "") -> None:
        """Record how a transfer ended."""
        with self._writing() as connection:
            connection.execute(
                "UPDATE transfers SET finished = ?, status = ?, summary = ?, error = ? WHERE id = ?",
                (utc_now(), status, json.dumps(dict(summary)), error, transfer),
            )

    def forget_outcomes(self, catalog: str, keep_days: int) -> int:
        """Drop the outcomes of a catalog's transfers older than that many days; their counts stay. Returns rows."""
        limit = (datetime.now(UTC) - timedelta(days=keep_days)).isoformat(timespec="milliseconds")
        with self._writing() as connection:
            return connection.execute(
                "DELETE FROM outcomes WHERE transfer IN (SELECT id FROM transfers WHERE catalog = ? AND started < ?)",
                (catalog, limit),
            ).rowcount

    def transfers(self, catalog: str | None = None, limit: int = 50) -> Sequence[TransferRecord]:
        """The newest transfers first."""
        with self._lock:
            rows = self._connection.execute(
                f"{_TRANSFER} WHERE ? IS NULL OR catalog = ? ORDER BY id DESC LIMIT ?",
                (catalog, catalog, limit),
            ).fetchall()
        return [_transfer(row) for row in rows]

    def transfer(self, id_or_prefix: str) -> TransferRecord:
        """The transfer with that id, or the only one whose id begins so; ``last`` is the newest.

        Raises:
            Refused: there is none, or more than one.
        """
        newest = self.transfers(limit=1)
        if id_or_prefix == "last" and newest:
            return newest[0]
        with self._lock:
            rows = self._connection.execute(
                f"{_TRANSFER} WHERE substr(id, 1, ?) = ? LIMIT 2",
                (len(id_or_prefix), id_or_prefix),
            ).fetchall()
        if len(rows) != 1:
            raise Refused(
                f"{'no' if not rows else 'more than one'} transfer has an id that begins with `{id_or_prefix}`",
                hint="`sync-engine transfers list` shows the ids.",
            )
        return _transfer(rows[0])

    def outcomes(self, transfer: str, outcome: str | None = None) -> Iterator[OutcomeRecord]:
        """Outcomes of a transfer in the order of stream and key, page by page."""
        last = ("", "")
        while True:
            with self._lock:
                rows = self._connection.execute(
                    "SELECT stream, key, outcome, target_id, reasons, batch, fields FROM outcomes WHERE transfer = ? "
                    "AND (stream, key) > (?, ?) AND (? IS NULL OR outcome = ?) ORDER BY stream, key LIMIT 1000",
                    (transfer, *last, outcome, outcome),
                ).fetchall()
            for row in rows:
                yield _outcome(row[0], row[1], row[2:])
            if len(rows) < 1000:
                return
            last = (rows[-1][0], rows[-1][1])

    def history(self, catalog: str, stream: str, key: str) -> History:
        """What is known of one record: what was last written, and what became of it the last time."""
        with self._lock:
            written = self._connection.execute(
                "SELECT object, target_id, fields, source_key FROM written "
                "WHERE catalog = ? AND stream = ? AND key = ?",
                (catalog, stream, key),
            ).fetchone()
            last = self._connection.execute(
                "SELECT transfer, outcome, target_id, reasons, batch, fields FROM outcomes "
                "WHERE stream = ? AND key = ? "
                "AND transfer IN (SELECT id FROM transfers WHERE catalog = ?) ORDER BY transfer DESC LIMIT 1",
                (stream, key, catalog),
            ).fetchone()
        return History(
            written=None if written is None else _written(stream, key, written),
            outcome=None if last is None else _outcome(stream, key, last[1:]),
            transfer=self.transfer(last[0]) if last else None,
        )


def _keep_written(
    connection: sqlite3.Connection, catalog: str, transfer: str, records: Iterable[WrittenRecord]
) -> None:
    """Lay the written fields over those written before: an update names only the fields that changed."""

    def row(record: WrittenRecord, before: str | None) -> tuple[str, ...]:
        fields = record.fields if before is None else {**orjson.loads(before), **record.fields}
        text = orjson.dumps(fields).decode()
        of_record = (record.stream, record.key, record.object_name, record.target_id)
        return (catalog, *of_record, text, transfer, record.source_key)

    waiting = iter(records)
    while part := list(islice(waiting, _TOGETHER)):
        found = _fields_before(connection, catalog, part)
        connection.executemany(
            "INSERT OR REPLACE INTO written (catalog, stream, key, object, target_id, fields, transfer, source_key) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            [row(each, found.get((each.stream, each.key))) for each in part],
        )


def _fields_before(
    connection: sqlite3.Connection, catalog: str, records: Sequence[WrittenRecord]
) -> dict[tuple[str, str], str]:
    """What was written before, by stream and key."""
    found: dict[tuple[str, str], str] = {}
    for stream in {each.stream for each in records}:
        keys = [each.key for each in records if each.stream == stream]
        marks = ",".join("?" * len(keys))
        rows = connection.execute(
            f"SELECT key, fields FROM written WHERE catalog = ? AND stream = ? AND key IN ({marks})",  # noqa: S608 - marks
            (catalog, stream, *keys),
        )
        found.update({(stream, key): fields for key, fields in rows})
    return found


def _outcome(stream: str, key: str, row: Sequence[str]) -> OutcomeRecord:
    fields = tuple((name, before, after) for name, before, after in orjson.loads(row[4]))
    return OutcomeRecord(stream, key, row[0], row[1], tuple(orjson.loads(row[2])), row[3], fields)


def _dump(items: Sequence[object]) -> str:
    return orjson.dumps(items).decode() if items else "[]"


def _written(stream: str, key: str, row: Sequence[str]) -> WrittenRecord:
    return WrittenRecord(stream, key, row[0], row[1], json.loads(row[2]), row[3])


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
    )
