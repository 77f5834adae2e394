"""A ledger in a file is durable, and a file that cannot be trusted is refused and left as it is."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from sync_engine.ledger.store import Ledger, open_ledger

STATE = "sqlite:///state/ledger.db"


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with open_ledger(STATE, tmp_path) as opened:
        yield opened


def test_writes_are_durable_and_tables_strict(ledger: Ledger, tmp_path: Path) -> None:
    assert ledger._database.query("PRAGMA synchronous") == [(2,)]
    assert ledger._database.query("PRAGMA journal_mode") == [("wal",)]
    assert ledger._database.query("PRAGMA foreign_keys") == [(1,)]
    insert = "INSERT INTO batches (id, transfer, stream, mode, rows, state) VALUES ('a', ?, 's', 'm', ?, 'x')"
    with pytest.raises(sqlite3.IntegrityError), ledger._database.writing() as transaction:
        transaction.execute(insert, ("no such transfer", 1))
    transfer = ledger.begin("shop", "digest", "command")
    with pytest.raises(sqlite3.IntegrityError), ledger._database.writing() as transaction:
        transaction.execute(insert, (transfer, "many"))
