"""A ledger of any earlier version becomes one of this version, wherever the process dies on the way."""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import count
from pathlib import Path

import psycopg
import pytest
from tests.engine.dying import opened_and_killed
from tests.postgresql import Server

from sync_engine.ledger.records import OwnedRecord
from sync_engine.ledger.schema import POSTGRESQL, SQLITE, VERSION, steps
from sync_engine.ledger.store import open_ledger
from sync_engine.sdk.errors import Refused


@pytest.fixture
def folder() -> Iterator[Path]:
    """In memory where that is possible: hundreds of ledgers are made durable here."""
    memory = Path("/dev/shm")  # noqa: S108 - a folder of its own is made in it
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as made:
        yield Path(made)


Kind = Callable[[int], str]
"""Makes a ledger as that version left it, with a transfer and a written record; of version 0 there is none."""


@pytest.fixture(params=["sqlite", "postgresql"])
def make_ledger(request: pytest.FixtureRequest, folder: Path) -> Kind:
    """Makes ledgers of earlier versions; gives the address."""
    if request.param == "sqlite":
        return partial(_make_file, folder, count())
    return partial(_make_database, request.getfixturevalue("postgresql"))


ROWS = (
    "INSERT INTO transfers (id, catalog, digest, trigger, started, status) VALUES ('1', 'shop', '', '', '', 'done')",
    """INSERT INTO written (catalog, stream, key, object, target_id, fields, transfer)
    VALUES ('shop', 's', 'a', 'Product2', '01t', '{}', '1')""",
)


def _script(version: int, words: Mapping[str, str]) -> list[str]:
    found = [each for number, statements in steps(0, words) if number <= version for each in statements]
    return [*found, *ROWS] if version else []


def _make_file(folder: Path, numbers: Iterator[int], version: int) -> str:
    name = f"{next(numbers)}.db"
    if version:
        with sqlite3.connect(folder / name) as old:
            for statement in (*_script(version, SQLITE), f"PRAGMA user_version = {version}"):
                old.execute(statement)
        old.close()
        (folder / name).chmod(0o600)
    return f"sqlite:///{name}"


def _make_database(server: Server, version: int) -> str:
    address = server.new_ledger()
    if version:
        with psycopg.connect(address) as old:
            for statement in _script(version, POSTGRESQL):
                old.execute(statement.encode())
            old.execute("CREATE TABLE ledger_format (version BIGINT NOT NULL)")
            old.execute("INSERT INTO ledger_format (version) VALUES (%s)", (version,))
    return address


def check_ledger(state: str, folder: Path, before: int) -> None:
    with open_ledger(state, folder) as ledger:
        if before:
            assert list(ledger.owned("shop", "s")) == [OwnedRecord("a", "01t", "")]
            assert ledger.transfer("1").overrides == ()
        ledger.finish(ledger.begin("shop", "", ""), ledger.transfer("last").status, {})


@pytest.mark.parametrize("version", range(VERSION))
def test_a_ledger_of_every_version_is_brought_forward(make_ledger: Kind, folder: Path, version: int) -> None:
    check_ledger(make_ledger(version), folder, version)


@pytest.mark.parametrize(
    "version", [pytest.param(each, marks=[] if each == 1 else pytest.mark.slow) for each in range(VERSION)]
)
def test_a_process_that_dies_at_any_statement_leaves_a_ledger_that_can_be_used(
    make_ledger: Kind, folder: Path, version: int
) -> None:
    for at in count():
        state = make_ledger(version)
        killed = opened_and_killed(state, folder, at)
        check_ledger(state, folder, version)
        if not killed:
            break
    assert at > 5


@pytest.mark.parametrize("version", [0, 1])
def test_processes_that_open_a_ledger_at_the_same_time_bring_it_forward_once(
    make_ledger: Kind, folder: Path, version: int
) -> None:
    state = make_ledger(version)
    with ThreadPoolExecutor(max_workers=8) as pool:
        for each in [pool.submit(check_ledger, state, folder, version) for _ in range(8)]:
            each.result()


def test_a_newer_ledger_is_refused_and_left_alone(make_ledger: Kind, folder: Path) -> None:
    state = make_ledger(VERSION)
    change = "UPDATE ledger_format SET version = 99" if state.startswith("postgresql") else "PRAGMA user_version = 99"
    database = open_ledger(state, folder)._database
    with database.writing() as transaction:
        transaction.execute(change)
    database.close()
    with pytest.raises(Refused, match=f"newer sync-engine .format 99, this one knows {VERSION}") as refused:
        open_ledger(state, folder)
    assert (refused.value.code, refused.value.exit_code) == ("SE804", 1)
