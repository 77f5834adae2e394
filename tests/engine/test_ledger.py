"""The ledger keeps what it was told, and refuses a file it cannot trust."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from sync_engine.ledger.records import OutcomeRecord, OwnedRecord, Status, WrittenRecord
from sync_engine.ledger.store import Ledger, open_ledger
from sync_engine.sdk.errors import Refused

STATE = "sqlite:///state/ledger.db"


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with open_ledger(STATE, tmp_path) as opened:
        yield opened


def test_a_transfer_and_its_outcomes_survive_reopening(tmp_path: Path) -> None:
    with open_ledger(STATE, tmp_path) as ledger:
        transfer = ledger.begin("shop", "digest", "command")
        reasons = ({"code": "TOO_LONG", "message": "m", "field": "Name", "owner": "data"},)
        outcomes = [OutcomeRecord("s", "b", "rejected", "", reasons), OutcomeRecord("s", "a", "created", "01t")]
        ledger.commit(transfer, "shop", outcomes)
        ledger.finish(transfer, Status.REJECTED, {"created": 1, "rejected": 1})
    with open_ledger(STATE, tmp_path) as ledger:
        found = ledger.transfer("last")
        assert (found.id, found.status, found.summary) == (transfer, Status.REJECTED, {"created": 1, "rejected": 1})
        assert found.finished
        assert [each.key for each in ledger.outcomes(transfer)] == ["a", "b"]
        assert next(ledger.outcomes(transfer, "rejected")).reasons == reasons


def test_written_fields_are_laid_over_each_other(ledger: Ledger, tmp_path: Path) -> None:
    transfer = ledger.begin("shop", "digest", "command")
    for fields in ({"Name": "A", "Price": "1"}, {"Price": None}):
        ledger.commit(transfer, "shop", [], [WrittenRecord("s", "a", "Product2", "01t", fields)])
    with sqlite3.connect(tmp_path / "state" / "ledger.db") as other:
        (kept,) = other.execute("SELECT fields FROM written").fetchone()
    other.close()
    assert json.loads(kept) == {"Name": "A", "Price": None}


def test_outcomes_are_read_page_by_page_without_loss(ledger: Ledger) -> None:
    transfer = ledger.begin("shop", "digest", "command")
    keys = [f"{number:05}" for number in range(2500)]
    ledger.commit(transfer, "shop", [OutcomeRecord("s", key, "created") for key in keys])
    assert [each.key for each in ledger.outcomes(transfer)] == keys


def test_a_transfer_is_found_by_the_beginning_of_its_id(ledger: Ledger) -> None:
    transfer = ledger.begin("shop", "digest", "command")
    assert ledger.transfer(transfer[:-2]).id == transfer
    ledger.begin("shop", "digest", "command")
    with pytest.raises(Refused, match="more than one"):
        ledger.transfer("2")
    with pytest.raises(Refused, match="no transfer"):
        ledger.transfer("x")


def test_old_outcomes_go_and_their_counts_stay(ledger: Ledger) -> None:
    transfer = ledger.begin("shop", "digest", "command")
    ledger.commit(transfer, "shop", [OutcomeRecord("s", "a", "created")])
    ledger.finish(transfer, Status.DONE, {"created": 1})
    assert ledger.purge("shop", 1) == 0
    assert ledger.purge("shop", -1) == 1
    assert ledger.transfer(transfer).summary == {"created": 1}


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


@pytest.mark.parametrize(
    ("statement", "why"),
    [("PRAGMA user_version = 99", "newer sync-engine"), ("CREATE TABLE mine (a)", "no ledger")],
)
def test_another_or_a_newer_file_is_refused_and_left_alone(tmp_path: Path, statement: str, why: str) -> None:
    (tmp_path / "state").mkdir()
    path = tmp_path / "state" / "ledger.db"
    other = sqlite3.connect(path)
    other.execute(statement)
    other.commit()
    other.close()
    with pytest.raises(Refused, match=why):
        open_ledger(STATE, tmp_path)


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    path = tmp_path / "state" / "ledger.db"
    path.write_bytes(b"something else " * 100)
    with pytest.raises(Refused, match="cannot be used"):
        open_ledger(STATE, tmp_path)
    assert path.read_bytes() == b"something else " * 100


def test_a_kind_of_ledger_that_is_not_supported_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="not supported yet"):
        open_ledger("postgresql://user:password@host/db", tmp_path)


def test_what_a_stream_owns_is_said_with_the_source_record_it_was_made_of(ledger: Ledger) -> None:
    transfer = ledger.begin("shop", "digest", "command")
    ledger.commit(transfer, "shop", [], [WrittenRecord("s", "a", "Product2", "01t", {"Name": "A"}, "uuid-a")])
    assert list(ledger.owned("shop", "s")) == [OwnedRecord("a", "01t", "uuid-a")]


def test_matched_counts_are_those_of_the_last_complete_transfer_of_each_stream(ledger: Ledger) -> None:
    transfers = [
        ({"a": 10, "b": 20}, Status.DONE),
        ({"a": 11}, Status.REJECTED),
        ({"a": 1, "b": 1}, Status.FAILED),
        ({"a": 2}, Status.INTERRUPTED),
    ]
    for number, (matched, status) in enumerate(transfers):
        transfer = ledger.begin("shop", "digest", "command", matched=matched)
        ledger.finish(transfer, status, {})
        with ledger._database.writing() as transaction:
            started = f"2026-11-2{number}T00:00:00.000Z"
            transaction.execute("UPDATE transfers SET started = ? WHERE id = ?", (started, transfer))
    ledger.begin("shop", "digest", "command", matched={"a": 3})
    assert ledger.matched("shop") == {"a": 11, "b": 20}
    assert ledger.matched("other") == {}


def test_how_fast_a_catalog_is_written_is_told_by_its_last_large_transfer(ledger: Ledger) -> None:
    transfers = [
        ({"created": 5000, "updated": 1000}, Status.DONE, "00:10"),
        ({"created": 3000}, Status.FAILED, "00:01"),
        ({"updated": 999, "unchanged": 90_000}, Status.DONE, "00:01"),
    ]
    assert ledger.rate("shop") is None
    for number, (summary, status, end) in enumerate(transfers):
        transfer = ledger.begin("shop", "digest", "command")
        ledger.finish(transfer, status, summary)
        day = f"2026-11-2{number}T00:"
        with ledger._database.writing() as transaction:
            transaction.execute(
                "UPDATE transfers SET started = ?, finished = ? WHERE id = ?",
                (f"{day}00:00.000Z", f"{day}{end}.000Z", transfer),
            )
    assert ledger.rate("shop") == 600.0
    assert ledger.rate("other") is None


def test_a_source_key_that_is_not_known_now_keeps_what_was_known(ledger: Ledger) -> None:
    transfer = ledger.begin("shop", "digest", "command")
    for source_key in ("uuid-a", ""):
        ledger.commit(transfer, "shop", [], [WrittenRecord("s", "a", "Product2", "01t", {"Name": "A"}, source_key)])
    assert list(ledger.owned("shop", "s")) == [OwnedRecord("a", "01t", "uuid-a")]
