"""The ledger in a PostgreSQL database: several processes on several machines share one.

Nothing waits without end: each statement has a limit on the server, and a server that does not answer at all is given
up a little later. A transaction whose process stands still is ended by the server, so that it blocks nobody.
"""

from __future__ import annotations

import contextlib
import functools
import os
import socket
import threading
from collections.abc import Iterable, Iterator
from typing import NoReturn

import psycopg
from psycopg import conninfo, errors

from sync_engine.ledger.database import Parameters, Rows, Transaction
from sync_engine.ledger.schema import POSTGRESQL, TABLES, refuse_newer, steps
from sync_engine.problems import coded
from sync_engine.sdk.errors import Refused, Unavailable
from sync_engine.sdk.masking import Mask, passwords_in

BUSY_SECONDS = 30
"""How long to wait for rows that another process has locked."""
STILL_SECONDS = 20
"""How long a transaction may stand still: less than others wait for it."""
STATEMENT_SECONDS = 300
SILENT_SECONDS = 330
"""After which a server that does not answer at all is given up."""

_FORMAT = "ledger_format"
"""The table whose one row says which steps of ``schema.MIGRATIONS`` this ledger has behind it."""
_MIGRATING = 7387231
"""The lock that a process takes to make the tables; a number of our own choice."""
_SESSION = f"""
SET synchronous_commit TO on;
SET default_transaction_isolation TO 'read committed';
SET default_transaction_read_only TO off;
SET lock_timeout TO '{BUSY_SECONDS}s';
SET idle_in_transaction_session_timeout TO '{STILL_SECONDS}s';
SET statement_timeout TO '{STATEMENT_SECONDS}s';
"""
_NETWORK = {
    "application_name": "sync-engine",
    "connect_timeout": "10",
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "30000",
}


def open_postgresql(address: str) -> PostgresqlDatabase:
    """Open a database, and make the tables when it is empty.

    Args:
        address: as libpq takes it, ``postgresql://…``; it may hold a password.

    Raises:
        Refused: it holds something else, was written by a newer version, or cannot be used. It was not changed then.
        Unavailable: the server does not answer.
    """
    try:
        given = {key: str(value) for key, value in conninfo.conninfo_to_dict(address).items()}
    except psycopg.Error:
        raise coded(Refused, "SE812") from None  # the error quotes the address
    mask = Mask(passwords_in(address))
    host, port = given.get("host") or os.environ.get("PGHOST", ""), given.get("port", "")
    name = f"postgresql://{host}{f':{port}' if port else ''}/{given.get('dbname', '')}"
    safe = {} if _is_here(host) or "PGSSLMODE" in os.environ else {"sslmode": "require"}
    # An address that is not quoted as it should be is taken apart at the wrong place, and a server may say anything.
    database = PostgresqlDatabase({**_NETWORK, **safe, **given}, mask.masked(name), mask)
    try:
        database.prepare()
    except BaseException:
        database.close()
        raise
    return database


def _is_here(host: str) -> bool:
    """Whether all of the hosts are this machine, so that nothing can be listened to on the way."""
    return all(each in ("", "localhost", "127.0.0.1", "::1") or each.startswith("/") for each in host.split(","))


class PostgresqlDatabase:
    """See ``database.Database``. A connection that was lost is made anew when the next one is needed."""

    def __init__(self, settings: dict[str, str], name: str, mask: Mask) -> None:
        self.name = name
        self._mask = mask
        self._settings = settings
        self._lock = threading.Lock()
        self._connection = self._connect()

    def _connect(self) -> psycopg.Connection[tuple[object, ...]]:
        try:
            connection = psycopg.connect(autocommit=True, **self._settings)  # type: ignore[arg-type]
        except psycopg.Error as error:
            _refuse_connection(self.name, _first_line(error, self._mask), error)
        with self._clear_messages("opened"):
            connection.execute(_SESSION.encode())
            # The first schema of the search path is the ledger's, and no other one stands in for a table of it.
            connection.execute(b"SELECT set_config('search_path', quote_ident(current_schema()), false)")
        return connection

    def prepare(self) -> None:
        """Bring the tables up to date; looks before it writes."""
        version = self._version(self)
        if not steps(version, POSTGRESQL):
            return
        with self.writing() as transaction:
            # Another process may have done it meanwhile; nobody else does it now.
            transaction.query("SELECT pg_advisory_xact_lock(?)", (_MIGRATING,))
            version = self._version(transaction)
            if version == 0:
                transaction.execute(f"CREATE TABLE {_FORMAT} (version BIGINT NOT NULL)")
                transaction.execute(f"INSERT INTO {_FORMAT} (version) VALUES (0)")  # noqa: S608 - a constant
            for number, statements in steps(version, POSTGRESQL):
                for statement in statements:
                    transaction.execute(statement)
                transaction.execute(f"UPDATE {_FORMAT} SET version = ?", (number,))  # noqa: S608 - a constant

    def _version(self, asked: PostgresqlDatabase | Transaction) -> int:
        """How far the ledger in this database is; 0 when the database is empty.

        Raises:
            Refused: it holds something else, is newer, or cannot hold a ledger.
        """
        ((schema, encoding, standby),) = asked.query(
            "SELECT current_schema(), current_setting('server_encoding'), pg_is_in_recovery()"
        )
        if schema is None:
            raise coded(Refused, "SE814", name=self.name, reason="no schema of its search path exists")
        if encoding != "UTF8":
            raise coded(Refused, "SE814", name=self.name, reason=f"its encoding is {encoding}, and not UTF8")
        if standby:
            raise coded(Refused, "SE814", name=self.name, reason="the server is a copy that cannot be written")
        found = asked.query("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()")
        tables = {str(each) for (each,) in found}
        if not tables:
            return 0
        if not {_FORMAT, *TABLES} <= tables:
            raise coded(Refused, "SE802", name=self.name, reason=f"the schema {schema} holds other tables")
        rows = asked.query(f"SELECT version FROM {_FORMAT}")  # noqa: S608 - a constant
        if len(rows) != 1:
            raise coded(Refused, "SE803", name=self.name, reason=f"{_FORMAT} does not have one row")
        refuse_newer(int(rows[0][0]), self.name)
        return int(rows[0][0])

    def query(self, sql: str, parameters: Parameters = ()) -> Rows:
        """All rows of a query."""
        with self._answering("read") as connection:
            return connection.execute(_translated(sql), parameters).fetchall()

    @contextlib.contextmanager
    def writing(self) -> Iterator[Transaction]:
        """A transaction; rows that it changes are locked for others until it ends."""
        with self._answering("written") as connection:
            connection.execute(b"BEGIN")
            try:
                yield _PostgresqlTransaction(connection)
                connection.execute(b"COMMIT")
            except BaseException:
                with contextlib.suppress(psycopg.Error):
                    connection.execute(b"ROLLBACK")
                raise

    @contextlib.contextmanager
    def _answering(self, what: str) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
        """The connection, for one thread; it is cut when the server does not answer."""
        with self._lock:
            if self._connection.closed:
                self._connection = self._connect()
            connection = self._connection
            cut = threading.Timer(SILENT_SECONDS, _cut, (connection,))
            cut.daemon = True
            cut.start()
            try:
                with self._clear_messages(what):
                    yield connection
            finally:
                cut.cancel()

    @contextlib.contextmanager
    def _clear_messages(self, what: str) -> Iterator[None]:
        try:
            yield
        except (errors.IntegrityError, errors.SyntaxError, errors.InterfaceError):
            raise  # a defect of ours
        except psycopg.Error as error:
            self._refuse(error, what)

    def _refuse(self, error: psycopg.Error, what: str) -> NoReturn:
        reason = _first_line(error, self._mask)
        if isinstance(error, (errors.LockNotAvailable, errors.QueryCanceled, errors.DeadlockDetected)):
            raise coded(Unavailable, "SE808", name=self.name, reason=reason) from error
        # Class 57P: the server shut down, crashed, or ended a connection that stood still; no state: nobody answered.
        if error.sqlstate is None or error.sqlstate.startswith(("57P", "08", "25P03")):
            raise coded(Unavailable, "SE810", name=self.name, reason=reason) from error
        raise coded(Refused, "SE807", name=self.name, what=what, reason=reason) from error

    def check(self) -> None:
        """Nothing: the server looks after its files itself."""

    def back_up(self, path: str) -> None:  # noqa: ARG002 - nothing is written there
        """Refuse: PostgreSQL has its own means."""
        raise coded(Refused, "SE813", name=self.name)

    def close(self) -> None:
        """Release the connection."""
        with self._lock:
            self._connection.close()


class _PostgresqlTransaction:
    locking = " FOR UPDATE"

    def __init__(self, connection: psycopg.Connection[tuple[object, ...]]) -> None:
        self._connection = connection

    def execute(self, sql: str, parameters: Parameters = ()) -> int:
        return self._connection.execute(_translated(sql), parameters).rowcount

    def execute_many(self, sql: str, rows: Iterable[Parameters]) -> None:
        self._connection.cursor().executemany(_translated(sql), rows)

    def query(self, sql: str, parameters: Parameters = ()) -> Rows:
        return self._connection.execute(_translated(sql), parameters).fetchall()

    def now(self) -> int:
        # Not now(), which stands still within a transaction.
        return int(self.query("SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint")[0][0])


@functools.lru_cache(1024)
def _translated(sql: str) -> bytes:
    """A statement with the placeholders of this library."""
    return sql.replace("%", "%%").replace("?", "%s").encode()


def _cut(connection: psycopg.Connection[tuple[object, ...]]) -> None:
    """End a connection under the feet of a thread that waits for it, which then fails as if the server had gone."""
    with contextlib.suppress(OSError, psycopg.Error), socket.socket(fileno=os.dup(connection.fileno())) as wire:
        wire.shutdown(socket.SHUT_RDWR)


def _first_line(error: psycopg.Error, mask: Mask) -> str:
    lines = mask.masked(str(error)).strip().splitlines()
    return lines[0] if lines else type(error).__name__


def _refuse_connection(name: str, said: str, error: psycopg.Error) -> NoReturn:
    """Say why there is no connection: the server said no, or it cannot be asked now."""
    reason = said.removeprefix("connection failed: ")
    if "FATAL" in reason and "starting up" not in reason and "shutting down" not in reason and "too many" not in reason:
        raise coded(Refused, "SE801", name=name, reason=reason) from error
    raise coded(Unavailable, "SE809", name=name, reason=reason) from error
