"""A process that opens a ledger and is killed at one of its statements; a module of its own, so that it forks fast."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sqlite3
from pathlib import Path
from typing import Any

import psycopg

from sync_engine.ledger.store import open_ledger


def opened_and_killed(state: str, root: Path, at: int) -> bool:
    """Whether a process that opened the ledger was killed on the way, at the statement with this number."""
    forking = multiprocessing.get_context("forkserver")
    forking.set_forkserver_preload([__name__])
    process = forking.Process(target=_open, args=(state, root, at))
    process.start()
    process.join(30)
    assert process.exitcode in (0, -signal.SIGKILL), process.exitcode
    return process.exitcode != 0


def _open(state: str, root: Path, at: int) -> None:
    passed = 0

    def reach() -> None:
        nonlocal passed
        if passed == at:
            os.kill(os.getpid(), signal.SIGKILL)
        passed += 1

    class Connection(sqlite3.Connection):
        def execute(self, *arguments: Any) -> sqlite3.Cursor:
            reach()
            return super().execute(*arguments)

    execute = psycopg.Connection.execute

    def counted(self: psycopg.Connection[Any], *arguments: Any) -> Any:
        reach()
        return execute(self, *arguments)

    psycopg.Connection.execute = counted  # type: ignore[method-assign]
    connect = sqlite3.connect
    sqlite3.connect = lambda *arguments, **named: connect(*arguments, **named, factory=Connection)  # type: ignore[assignment]
    open_ledger(state, root).close()
