"""The ledger in an SQLite file: WAL, synchronous=FULL, STRICT tables, every write in its own immediate transaction."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from sync_engine.ledger.database import Parameters, Rows, Transaction
from sync_engine.ledger.schema import SQLITE, refuse_newer, steps
from sync_engine.problems import coded
from sync_engine.sdk.errors import Refused

BUSY_SECONDS = 30


def open_sqlite(path: Path) -> SqliteDatabase:
    """Open the file, and make it when it is missing.

    Raises:
        Refused: it is no ledger, damaged, written by a newer version, or cannot be written. It was not changed then.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    except (OSError, sqlite3.Error) as error:
        raise Refused(
            f"the ledger {path} cannot be opened: {error}", hint="Check that the folder exists and is writable."
        ) from error
    try:
        _prepare(connection, str(path))
    except sqlite3.Error as error:
        connection.close()
        raise Refused(
            f"the ledger {path} cannot be used: {error}",
            hint="Check the disk and its permissions, restore it from a backup, or name another file in `state:`; "
            "nothing was changed.",
        ) from error
    except BaseException:
        connection.close()
        raise
    return SqliteDatabase(connection, str(path))


def _prepare(connection: sqlite3.Connection, name: str) -> None:
    """Set the durability that the ledger relies on and bring its tables up to date; looks before it writes."""
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if version == 0 and tables:
        raise Refused(f"{name} is a database, but no ledger of sync-engine", hint="Name another file in `state:`.")
    refuse_newer(version, name)
    if version and not {"transfers", "outcomes", "batches", "written"} <= tables:
        raise Refused(f"{name} is a database, but no ledger of sync-engine", hint="Name another file in `state:`.")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    # FULL is 2. A setting that did not take would only show at the next power cut, so look.
    if int(connection.execute("PRAGMA synchronous").fetchone()[0]) != 2:
        raise Refused(f"the ledger {name} does not accept synchronous=FULL, so nothing it says would be durable")
    if not steps(version, SQLITE):
        return
    connection.execute("BEGIN IMMEDIATE")
    # Another process may have done it meanwhile; nobody else does it now.
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    for number, statements in steps(version, SQLITE):
        for statement in statements:
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {number}")
    connection.execute("COMMIT")


class SqliteDatabase:
    """See ``database.Database``."""

    def __init__(self, connection: sqlite3.Connection, name: str) -> None:
        self.name = name
        self._connection = connection
        self._lock = threading.Lock()

    def query(self, sql: str, parameters: Parameters = ()) -> Rows:
        """All rows of a query."""
        with self._lock, self._clear_messages("read"):
            return self._connection.execute(sql, parameters).fetchall()

    @contextlib.contextmanager
    def writing(self) -> Iterator[Transaction]:
        """An immediate transaction: a read that later becomes a write would fail at once, ignoring the time-out."""
        with self._lock, self._clear_messages("written"):
            try:
                self._connection.execute("BEGIN IMMEDIATE")
                yield _SqliteTransaction(self._connection)
                self._connection.execute("COMMIT")
            finally:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")

    @contextlib.contextmanager
    def _clear_messages(self, what: str) -> Iterator[None]:
        try:
            yield
        except (sqlite3.IntegrityError, sqlite3.ProgrammingError):
            raise  # a defect of ours
        except sqlite3.DatabaseError as error:
            raise Refused(
                f"the ledger {self.name} could not be {what}: {error}",
                hint="Free disk space or wait for the other process; what was sent is found again at the next run.",
            ) from error

    def check(self) -> None:
        """Read every page of the file; what is damaged shows then, and not in the midst of a transfer."""
        found = self.query("PRAGMA quick_check(1)")
        if found != [("ok",)]:
            raise coded(Refused, "SE803", name=self.name, reason=str(found[0][0]))

    def back_up(self, path: str) -> None:
        """Copy the ledger by SQLite's online backup."""
        if Path(path).exists():
            raise Refused(f"{path} exists already", hint="Name a file that does not exist.")
        with self._lock, self._clear_messages("backed up"), contextlib.closing(sqlite3.connect(path)) as copy:
            self._connection.backup(copy)

    def close(self) -> None:
        """Release the file."""
        with self._lock:
            self._connection.close()


class _SqliteTransaction:
    locking = ""  # nobody else writes to the file before this transaction ends

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def execute(self, sql: str, parameters: Parameters = ()) -> int:
        return self._connection.execute(sql, parameters).rowcount

    def execute_many(self, sql: str, rows: Iterable[Parameters]) -> None:
        self._connection.executemany(sql, rows)

    def query(self, sql: str, parameters: Parameters = ()) -> Rows:
        return self._connection.execute(sql, parameters).fetchall()

    def now(self) -> int:
        # The machine's clock: a file has its users on one machine.
        return int(time.time() * 1000)
