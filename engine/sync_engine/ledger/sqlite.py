"""The ledger in an SQLite file: WAL, synchronous=FULL, STRICT tables, every write in its own immediate transaction."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import NoReturn

from sync_engine.ledger.database import Parameters, Rows, Transaction
from sync_engine.ledger.schema import SQLITE, TABLES, refuse_newer, steps
from sync_engine.ledger.sqlite_file import look_at, make_file, make_private
from sync_engine.problems import coded
from sync_engine.sdk.errors import Refused, Unavailable

BUSY_SECONDS = 30
_FULL = 256 * 1024
"""A disk with less space than that is called full when something cannot be written."""
PAGE_SIZE = 16_384
"""Most of a ledger are texts of products and contents of batches: in pages of the usual size, one row fills a page."""


def open_sqlite(path: Path) -> SqliteDatabase:
    """Open the file, and make it when it is missing.

    Raises:
        Refused: it is no ledger, damaged, written by a newer version, open to others, or cannot be written. It was not
            changed then.
        Unavailable: another process keeps it locked.
    """
    name = str(path)
    try:
        if not os.path.lexists(path):
            make_file(path, partial(_fill, name))
        look_at(path)
        connection = _connect(path)
        try:
            _prepare(connection, name)
        except BaseException:
            connection.close()
            raise
    except OSError as error:
        raise coded(Refused, "SE801", name=name, reason=error.strerror or error) from error
    except sqlite3.Error as error:
        _refuse(name, error, opening=True)
    return SqliteDatabase(connection, name)


def _fill(name: str, path: Path) -> None:
    with contextlib.closing(_connect(path)) as connection:
        _prepare(connection, name)


def _connect(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)


def _prepare(connection: sqlite3.Connection, name: str) -> None:
    """Set the durability that the ledger relies on and bring its tables up to date; looks before it writes."""
    version = _version(connection, name)
    if not version:  # it cannot be changed later
        connection.execute(f"PRAGMA page_size = {PAGE_SIZE}")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    # FULL is 2. A setting that did not take would only show at the next power cut, so look.
    if int(connection.execute("PRAGMA synchronous").fetchone()[0]) != 2:
        raise coded(Refused, "SE814", name=name, reason="it does not accept synchronous=FULL, so nothing is durable")
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


def _version(connection: sqlite3.Connection, name: str) -> int:
    """How far the ledger is; 0 when the database is empty.

    Raises:
        Refused: it holds something else, or is newer.
    """
    # In one query, because another process may make the tables at this moment.
    rows = connection.execute(
        "SELECT user_version, name FROM pragma_user_version LEFT JOIN sqlite_master ON type = 'table'"
    ).fetchall()
    version = int(rows[0][0])
    tables = {name for _, name in rows if name is not None}
    if (version or tables) and not (version and tables >= TABLES):
        raise coded(Refused, "SE802", name=name, reason="it is a database of something else")
    refuse_newer(version, name)
    return version


def _refuse(name: str, error: sqlite3.Error, what: str = "", *, opening: bool = False) -> NoReturn:
    """Say what is wrong with the file, by what SQLite found.

    Args:
        name: of the ledger.
        error: of SQLite.
        what: could not be done.
        opening: nothing was read before, so that it may be the wrong file.
    """
    found = getattr(error, "sqlite_errorname", "")
    if found.startswith("SQLITE_IOERR") and shutil.disk_usage(Path(name).parent).free < _FULL:
        error = sqlite3.OperationalError("the disk is full")  # which SQLite does not say of every file that it needs
    if found.startswith(("SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_PROTOCOL")):
        raise coded(Unavailable, "SE808", name=name, reason=error) from error
    if found.startswith("SQLITE_NOTADB") and opening:
        raise coded(Refused, "SE802", name=name, reason="it is no database") from error
    if found.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
        raise coded(Refused, "SE803", name=name, reason=error) from error
    if opening:
        raise coded(Refused, "SE801", name=name, reason=error) from error
    raise coded(Refused, "SE807", name=name, what=what, reason=error) from error


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
            _refuse(self.name, error, what)

    def check(self) -> None:
        """Read every page of the file; what is damaged shows then, and not in the midst of a transfer."""
        found = self.query("PRAGMA quick_check(1)")
        if found != [("ok",)]:
            lines = [each for each in str(found[0][0]).splitlines() if not each.startswith("***")]  # a headline
            raise coded(Refused, "SE803", name=self.name, reason=" ".join(lines))

    def back_up(self, path: str) -> None:
        """Copy the ledger by SQLite's online backup."""
        try:
            make_private(Path(path))
        except FileExistsError as error:
            raise Refused(f"{path} exists already", hint="Name a file that does not exist.") from error
        except OSError as error:
            hint = "Name a file in a folder that exists and can be written to."
            raise Refused(f"{path} cannot be written: {error.strerror}", hint=hint) from error
        try:
            with self._lock, self._clear_messages("copied"), contextlib.closing(sqlite3.connect(path)) as copy:
                self._connection.backup(copy)
        except BaseException:
            Path(path).unlink()
            raise

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
