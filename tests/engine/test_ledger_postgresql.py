"""A ledger in PostgreSQL: what it refuses, what it waits for, and what it does when the server goes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.postgresql import Server, running_server

from sync_engine.ledger import postgresql as adapter
from sync_engine.ledger.records import Status
from sync_engine.ledger.store import Ledger, open_ledger
from sync_engine.sdk.errors import Refused, SyncEngineError, Unavailable

NOWHERE = Path()
PASSWORDS = ("not-the-password", "s3cret", "s3 cret", "s3%zzcret")


@pytest.fixture
def ledger(postgresql: Server) -> Iterator[Ledger]:
    with open_ledger(postgresql.new_ledger(), NOWHERE) as opened:
        yield opened


@pytest.fixture
def own_server() -> Iterator[Server]:
    """A server that a test may stop."""
    with running_server() as server:
        yield server


def refused(address: str, kind: type[SyncEngineError] = Refused) -> SyncEngineError:
    with pytest.raises(kind) as raised:
        open_ledger(address, NOWHERE)
    assert type(raised.value) is kind
    assert not any(each in f"{raised.value.message} {raised.value.hint}" for each in (*PASSWORDS, address))
    return raised.value


def test_an_address_that_is_not_accepted_is_refused_without_its_password(postgresql: Server) -> None:
    wrong = refused(postgresql.address("postgres", "not-the-password"))
    assert wrong.code == "SE801"
    assert "authentication failed" in wrong.message
    assert refused(postgresql.address("nowhere")).code == "SE801"
    assert refused("postgresql://ledger:s3 cret@127.0.0.1/x").code == "SE812"
    assert refused("postgresql://ledger:s3%zzcret@127.0.0.1/x").code == "SE812"
    assert refused("mysql://ledger:s3cret@127.0.0.1/x").code == "SE815"


def test_a_server_that_cannot_be_reached_is_unavailable() -> None:
    error = refused("postgresql://ledger:s3cret@127.0.0.1:1/x", Unavailable)
    assert (error.code, error.exit_code) == ("SE809", 69)
    assert "Connection refused" in error.message


def test_another_machine_is_spoken_to_by_tls_only(postgresql: Server) -> None:
    address = postgresql.new_ledger()
    elsewhere = address.replace("127.0.0.1", "127.1")  # the same, but not known as this machine
    assert "SSL" in refused(elsewhere, Unavailable).message
    open_ledger(f"{elsewhere}&sslmode=disable", NOWHERE).close()


def test_psycopg_is_asked_for_where_it_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    monkeypatch.delitem(sys.modules, "sync_engine.ledger.postgresql")
    error = refused("postgresql://ledger@127.0.0.1/x")
    assert error.code == "SE811"
    assert 'pip install "sync-engine[postgres]"' in error.hint


def test_a_schema_that_holds_something_else_is_refused_and_left_alone(postgresql: Server) -> None:
    address = postgresql.new_ledger()
    schema = address.rpartition("%3D")[2]
    postgresql.run(f"CREATE TABLE {schema}.mine (a INT)")
    error = refused(address)
    assert error.code == "SE802"
    assert "holds other tables" in error.message
    postgresql.run(f"DROP TABLE {schema}.mine")
    open_ledger(address, NOWHERE).close()


def test_a_database_that_cannot_hold_a_ledger_is_refused(postgresql: Server) -> None:
    latin = postgresql.new_database("ENCODING 'LATIN1' TEMPLATE template0 LOCALE 'C'")
    assert "LATIN1" in refused(postgresql.address(latin)).message
    assert "search path" in refused(f"{postgresql.address('postgres')}?options=-csearch_path%3Dnone").message


def test_a_user_who_may_not_make_tables_is_told_so(postgresql: Server) -> None:
    schema = postgresql.new_ledger().rpartition("%3D")[2]
    postgresql.run("CREATE ROLE reader LOGIN PASSWORD 'reading'")
    postgresql.run(f"GRANT USAGE ON SCHEMA {schema} TO reader")
    address = postgresql.address("postgres", "reading").replace("ledger:", "reader:")
    error = refused(f"{address}?options=-csearch_path%3D{schema}")
    assert error.code == "SE807"
    assert "permission denied" in error.message


def test_a_backup_is_left_to_pg_dump_and_can_be_restored(postgresql: Server, tmp_path: Path) -> None:
    name, restored = postgresql.new_database(), postgresql.new_database()
    copy = str(tmp_path / "ledger.dump")
    with open_ledger(postgresql.address(name), NOWHERE) as ledger:
        transfer = ledger.begin("shop", "digest", "command")
        with pytest.raises(Refused) as error:
            ledger.back_up(copy)
        command = error.value.hint.split("`")[1]
        assert command == "pg_dump --format=custom --file=FILE DATABASE"
        dump = command.replace("FILE", copy).replace("DATABASE", postgresql.address(name)).split()
        subprocess.run([postgresql.program("pg_dump"), *dump[1:]], check=True)
    restore = ["--dbname", postgresql.address(restored), "--no-owner", copy]
    subprocess.run([postgresql.program("pg_restore"), *restore], check=True)
    with open_ledger(postgresql.address(restored), NOWHERE) as ledger:
        assert ledger.transfer("last").id == transfer


def test_what_was_committed_is_there_when_the_server_comes_back(own_server: Server) -> None:
    with open_ledger(own_server.address("postgres"), NOWHERE) as ledger:
        transfer = ledger.begin("shop", "digest", "command")
        own_server.stop()
        with pytest.raises(Unavailable) as lost:
            ledger.finish(transfer, Status.DONE, {})
        assert (lost.value.code, lost.value.exit_code) == ("SE810", 69)
        with pytest.raises(Unavailable) as away:
            ledger.finish(transfer, Status.DONE, {})
        assert away.value.code == "SE809"
        own_server.start()
        assert ledger.transfer(transfer).status is Status.RUNNING
        ledger.finish(transfer, Status.DONE, {})
        assert ledger.transfer(transfer).status is Status.DONE


def test_a_server_that_does_not_answer_is_given_up(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adapter, "SILENT_SECONDS", 0.5)
    ((process,),) = ledger._database.query("SELECT pg_backend_pid()")
    os.kill(process, signal.SIGSTOP)
    try:
        began = time.monotonic()
        with pytest.raises(Unavailable) as silent:
            ledger.transfers()
        assert silent.value.code == "SE810"
        assert time.monotonic() - began < 10
        assert ledger.transfers() == []  # by a new connection
    finally:
        os.kill(process, signal.SIGCONT)


def test_a_transaction_that_stands_still_is_ended_by_the_server(
    postgresql: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        adapter, "_SESSION", adapter._SESSION.replace("session_timeout TO '20s'", "session_timeout TO '300ms'")
    )
    with open_ledger(postgresql.new_ledger(), NOWHERE) as ledger:
        with pytest.raises(Unavailable) as ended:  # noqa: PT012, SIM117 - the commit fails, after a while
            with ledger._database.writing() as transaction:
                transaction.execute("UPDATE fences SET last = 17")
                time.sleep(1)
        assert ended.value.code == "SE810"
        assert ledger._database.query("SELECT last FROM fences") == [(0,)]


def test_rows_that_another_process_keeps_locked_are_not_waited_for_without_end(
    postgresql: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        adapter, "_SESSION", adapter._SESSION.replace("lock_timeout TO '30s'", "lock_timeout TO '300ms'")
    )
    address = postgresql.new_ledger()
    with open_ledger(address, NOWHERE) as one, open_ledger(address, NOWHERE) as other:
        with one._database.writing() as transaction:
            transaction.execute("UPDATE fences SET last = 17")
            with pytest.raises(Unavailable) as busy, other._database.writing() as second:
                second.execute("UPDATE fences SET last = 18")
        assert busy.value.code == "SE808"
        assert one._database.query("SELECT last FROM fences") == [(17,)]


def test_a_defect_of_ours_is_not_taken_for_trouble_with_the_server(ledger: Ledger) -> None:
    with pytest.raises(adapter.errors.IntegrityError), ledger._database.writing() as transaction:
        transaction.execute(
            "INSERT INTO batches (id, transfer, stream, mode, rows, state) VALUES ('a', 'none', 's', 'm', 1, 'x')"
        )
    assert ledger.transfers() == []


def test_holders_and_those_who_ask_for_locks_never_wait_for_each_other(postgresql: Server) -> None:
    address = postgresql.new_ledger()
    with open_ledger(address, NOWHERE) as holder, open_ledger(address, NOWHERE) as other, holder.locked(["a", "b"]):
        with other._database.writing() as transaction:
            # From now on `a` lies behind `b`, so that whoever does not look after the order finds `b` first.
            moved = (
                "WITH moved AS (DELETE FROM locks WHERE name = 'a' RETURNING *) INSERT INTO locks SELECT * FROM moved"
            )
            transaction.execute(moved)
        with other._database.writing() as asking:
            asking.query("SELECT name FROM locks WHERE name = 'a' FOR UPDATE")
            writing = threading.Thread(target=holder.begin, args=("shop", "digest", "command"))
            writing.start()
            deadline = time.monotonic() + 10
            while not asking.query("SELECT 1 FROM pg_locks WHERE NOT granted"):
                assert time.monotonic() < deadline
                time.sleep(0.01)
            assert asking.query("SELECT name FROM locks WHERE name = 'b' FOR UPDATE NOWAIT") == [("b",)]
        writing.join()
        assert len(holder.transfers()) == 1
