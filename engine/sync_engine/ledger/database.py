"""What the ledger asks of a database: SQL that SQLite and PostgreSQL both understand, in durable transactions.

Placeholders are ``?``. Text compares by its bytes on both, so pages by key come in the same order.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

Parameters = Sequence[object]
Rows = Sequence[tuple[Any, ...]]


class Transaction(Protocol):
    """Statements that become durable together, or not at all."""

    locking: str
    """At the end of a query: keep others from changing the rows it finds, until this transaction ends."""

    def execute(self, sql: str, parameters: Parameters = ()) -> int:
        """Run a statement; returns how many rows it touched."""

    def execute_many(self, sql: str, rows: Iterable[Parameters]) -> None:
        """Run a statement for each row of parameters."""

    def query(self, sql: str, parameters: Parameters = ()) -> Rows:
        """All rows of a query."""

    def now(self) -> int:
        """The present moment in milliseconds since 1970, by the one clock that all processes on this ledger share."""


class Database(Protocol):
    """An opened ledger. Threads may share it; transactions run one after the other."""

    name: str
    """For messages; without a password."""

    def query(self, sql: str, parameters: Parameters = ()) -> Rows:
        """All rows of a query, outside of a transaction."""

    def writing(self) -> AbstractContextManager[Transaction]:
        """A transaction: committed and durable when the block ends, rolled back when it raises.

        Raises:
            Refused: the database could not be written (disk full, read-only, damaged).
            Unavailable: it is busy, or the connection to it was lost; what was done meanwhile may be durable or not.
        """

    def check(self) -> None:
        """Look whether all of it can be read, before anything relies on it.

        Raises:
            Refused: it is damaged.
        """

    def back_up(self, path: str) -> None:
        """Copy the ledger into a file as it is at one moment, while it is in use.

        Raises:
            Refused: this kind of database is backed up by its own means, which the message names.
        """

    def close(self) -> None:
        """Release the connection."""
