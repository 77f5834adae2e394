"""A ledger of any earlier version becomes one of this version, wherever the process dies on the way."""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from tests.engine.dying import opened_and_killed

from sync_engine.ledger.records import OwnedRecord
from sync_engine.ledger.schema import SQLITE, VERSION, steps
from sync_engine.ledger.store import open_ledger

STATE = "sqlite:///ledger.db"


@pytest.fixture
def folder() -> Iterator[Path]:
    """In memory where that is possible: hundreds of ledgers are made durable here."""
    memory = Path("/dev/shm")  # noqa: S108 - a folder of its own is made in it
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as made:
        yield Path(made)


def make_ledger(folder: Path, version: int) -> None:
    """A ledger as that version left it, with a transfer and a written record; of version 0 there is none."""
    if version == 0:
        return
    with sqlite3.connect(folder / "ledger.db") as old:
        for number, statements in steps(0, SQLITE):
            if number <= version:
                old.executescript(";\n".join([*statements, f"PRAGMA user_version = {number};"]))
        old.execute(
            "INSERT INTO transfers (id, catalog, digest, trigger, started, status) "
            "VALUES ('1', 'shop', '', '', '', 'done')"
        )
        old.execute(
            "INSERT INTO written (catalog, stream, key, object, target_id, fields, transfer) "
            "VALUES ('shop', 's', 'a', 'Product2', '01t', '{}', '1')"
        )
    old.close()


def check_ledger(folder: Path, before: int) -> None:
    with open_ledger(STATE, folder) as ledger:
        assert ledger._database.query("PRAGMA user_version") == [(VERSION,)]
        if before:
            assert list(ledger.owned("shop", "s")) == [OwnedRecord("a", "01t", "")]
            assert ledger.transfer("1").overrides == ()
        ledger.finish(ledger.begin("shop", "", ""), ledger.transfer("last").status, {})


@pytest.mark.parametrize("version", range(VERSION))
def test_a_ledger_of_every_version_is_brought_forward(folder: Path, version: int) -> None:
    make_ledger(folder, version)
    check_ledger(folder, version)


@pytest.mark.parametrize("version", [0, 1, pytest.param(range(2, VERSION), marks=pytest.mark.slow)], ids=str)
def test_a_process_that_dies_at_any_statement_leaves_a_ledger_that_can_be_used(
    folder: Path, version: int | range
) -> None:
    for before in version if isinstance(version, range) else [version]:
        for at in count():
            place = folder / f"{before}-{at}"
            place.mkdir()
            make_ledger(place, before)
            killed = opened_and_killed(STATE, place, at)
            check_ledger(place, before)
            if not killed:
                break
        assert at > 5
