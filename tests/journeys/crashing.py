"""sync-engine in real processes that die, or are stopped, at a named point of their work.

The points are where the engine meets the world: before and after every remote call, every commit of the ledger, every
fsync, every rename, and every write of a plan file; of a call that writes to the org also half-way through its body and
between the body and the answer. They are put around the libraries' own functions in the process under test, so the
engine itself knows nothing of them. One process imports everything and forks a new one for every run, which makes
hundreds of kills cheap; each is a SIGKILL of a process of its own.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import os
import pkgutil
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from tests.journeys.conftest import ROOT, Project

Point = tuple[str, int]
"""How the name of a point begins, and which of those that begin so, from 0. ``("", 7)`` is the eighth of all."""

STEPS = {"kill": signal.SIGKILL, "stop": signal.SIGSTOP, "end": signal.SIGTERM, "hang": signal.SIGTERM}


@dataclass(frozen=True)
class Ended:
    """How a run ended.

    Attributes:
        code: exit code; the negative number of the signal that killed it; None when it was stopped and can go on.
        points: names of the points that it passed, in order.
    """

    code: int | None
    pid: int
    points: tuple[str, ...]
    out: str
    err: str


class Crashing:
    """Starts runs; made by ``crashing``."""

    def __init__(self, server: subprocess.Popen[str], folder: Path) -> None:
        self._server = server
        self._folder = folder

    def run(
        self, project: Project, *arguments: str, at: Point | None = None, how: str = "kill", change: str = ""
    ) -> Ended:
        """Run a command.

        Args:
            project: where.
            arguments: the command.
            at: the point where it dies; None lets it live.
            how: ``kill``, ``stop`` (it can go on), ``end`` (SIGTERM, so it may still finish what it does) or ``hang``
                (SIGTERM, and what it does there never ends).
            change: ``module:function`` that is called in the process first, and changes the engine in it.
        """
        where = {"project": str(project.folder), "environment": project.environment}
        return self._ask({**where, "arguments": arguments, "at": at, "how": how, "change": change})

    def go_on(self, pid: int) -> Ended:
        """Let a stopped run go on to its end."""
        return self._ask({"continue": pid})

    def _ask(self, order: dict[str, object]) -> Ended:
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        self._server.stdin.write(json.dumps(order) + "\n")
        self._server.stdin.flush()
        answer = json.loads(self._server.stdout.readline())
        read = {name: (self._folder / name).read_text(encoding="utf-8") for name in ("out", "err", "points")}
        return Ended(answer["code"], answer["pid"], tuple(read["points"].splitlines()), read["out"], read["err"])


@contextlib.contextmanager
def crashing(folder: Path) -> Iterator[Crashing]:
    """Start the process that forks; ``folder`` takes what the runs print."""
    folder.mkdir()
    (folder / "tmp").mkdir()
    server = subprocess.Popen(
        [sys.executable, "-m", "tests.journeys.crashing", str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
        env={**os.environ, "TMPDIR": str(folder / "tmp")},
    )
    try:
        yield Crashing(server, folder)
    finally:
        for pipe in (server.stdin, server.stdout):
            if pipe is not None:
                pipe.close()
        server.wait(timeout=30)


def _serve(folder: Path) -> None:
    for package in ("sync_engine", "sync_engine_akeneo", "sync_engine_salesforce"):
        root = importlib.import_module(package)
        for module in pkgutil.walk_packages(root.__path__, f"{package}."):
            if not module.name.endswith("__main__"):
                importlib.import_module(module.name)
    from sync_engine.cli.main import execute
    from sync_engine_salesforce import composite

    composite.LATE = 1  # the sandbox does not work on a call any longer than that
    with contextlib.redirect_stdout(io.StringIO()):  # what a process looks up once is looked up before it is forked
        execute(["--project", str(ROOT / "catalogs" / "icecat"), "validate"])
    for line in sys.stdin:
        order = json.loads(line)
        pid = order.get("continue")
        if pid is not None:
            os.kill(pid, signal.SIGCONT)
        else:
            pid = os.fork()
            if pid == 0:
                os._exit(_child(order, folder, execute))
        _, status = os.waitpid(pid, os.WUNTRACED)
        code = None if os.WIFSTOPPED(status) else os.waitstatus_to_exitcode(status)
        print(json.dumps({"pid": pid, "code": code}), flush=True)  # noqa: T201


def _child(order: Mapping[str, Any], folder: Path, execute: Callable[[list[str]], int]) -> int:
    os.environ.update(order["environment"], NO_COLOR="1")
    for name, number in (("out", 1), ("err", 2)):
        opened = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(opened, number)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    if order["change"]:
        module, _, function = order["change"].partition(":")
        getattr(importlib.import_module(module), function)()
    _Points(folder / "points", order["at"], order["how"]).lay()
    code = execute(["--project", order["project"], *order["arguments"]])
    sys.stdout.flush()
    sys.stderr.flush()
    return code


class _Points:
    """Counts the points that this process passes, and ends it at one of them."""

    def __init__(self, path: Path, at: Point | None, how: str) -> None:
        self._file = path.open("w", encoding="utf-8", buffering=1)
        self._lock = threading.Lock()
        # A process that is stopped inside of a transaction would block everybody else on its ledger.
        self.idle = threading.RLock()
        self._at, self._how, self._passed = at, how, 0

    def reach(self, name: str) -> None:
        with self._lock:
            self._file.write(f"{name}\n")
            if self._at is None or not name.startswith(self._at[0]):
                return
            here = self._passed == self._at[1]
            self._passed += 1
        if here:
            with self.idle:
                if self._how == "stop":  # a signal to the process would let this thread run on for a moment
                    signal.pthread_kill(threading.get_ident(), signal.SIGSTOP)
                else:
                    os.kill(os.getpid(), STEPS[self._how])
            if self._how == "hang":
                threading.Event().wait()

    def around(self, owner: Any, function: str, name: Callable[..., str]) -> None:
        """Put a point before and one after a function."""
        real = getattr(owner, function)

        def wrapped(*arguments: Any, **named: Any) -> Any:
            what = name(*arguments)
            self.reach(f"before {what}")
            done = real(*arguments, **named)
            self.reach(f"after {what}")
            return done

        setattr(owner, function, wrapped)

    def lay(self) -> None:
        import gzip
        import shutil

        import httpx
        import requests.adapters

        self.around(requests.adapters.HTTPAdapter, "send", lambda _, request, *__: f"{request.method} {request.url}")
        self.around(httpx.HTTPTransport, "handle_request", lambda _, request: f"{request.method} {request.url}")
        self.around(os, "fsync", lambda *_: "fsync")
        self.around(os, "rename", lambda *_: "rename")
        self.around(os, "replace", lambda *_: "rename")
        self.around(gzip.GzipFile, "write", lambda *_: "write of a plan")
        self.around(gzip.GzipFile, "close", lambda *_: "end of a plan")
        self.around(shutil, "copyfile", lambda *_: "copy of a plan")
        self._lay_within_calls()
        self._lay_around_commits()

    def _lay_around_commits(self) -> None:
        """Put points around the commits of the ledger, in SQLite and in PostgreSQL."""
        import psycopg

        points, connect, execute = self, sqlite3.connect, psycopg.Connection.execute

        class Connection(sqlite3.Connection):
            def execute(self, sql: str, *parameters: Any) -> Any:
                return points.around_statement(sql, partial(super().execute, sql, *parameters))

        def execute_counted(connection: psycopg.Connection[Any], sql: bytes, *parameters: Any) -> Any:
            return points.around_statement(sql.decode(), partial(execute, connection, sql, *parameters))

        psycopg.Connection.execute = execute_counted  # type: ignore[assignment]

        def connect_counted(path: Any, *arguments: Any, **named: Any) -> sqlite3.Connection:
            if Path(path).name != "ledger.db":
                return connect(path, *arguments, **named)
            return connect(path, *arguments, **named, factory=Connection)

        sqlite3.connect = connect_counted  # type: ignore[assignment]

    def around_statement(self, sql: str, run: Callable[[], Any]) -> Any:
        """Run a statement, with a point before and after it if it ends a transaction."""
        counted = threading.current_thread().name != "lease"  # the heartbeat comes when it likes
        ends = sql in ("COMMIT", "ROLLBACK")
        if ends and counted:
            self.reach(f"before {sql.lower()}")
        begins = sql.startswith("BEGIN")
        self.idle.acquire()  # before the statement: SQLite has its lock before the statement returns
        try:
            done = run()
        except BaseException:
            begins = False
            raise
        finally:
            if not begins:
                self.idle.release()
            if sql == "ROLLBACK":  # also when the server is gone; whoever cannot commit rolls back
                self.idle.release()
        if sql == "COMMIT":
            self.idle.release()
        if ends and counted:
            self.reach(f"after {sql.lower()}")
        return done

    def _lay_within_calls(self) -> None:
        """Put points into the calls that write to the org: half of the body is sent, all of it is sent."""
        from urllib3.connection import HTTPConnection

        points, send, getresponse = self, HTTPConnection.send, HTTPConnection.getresponse

        def name(connection: Any) -> str:
            asked = connection._response_options
            return f"{asked.request_method} {asked.request_url}"

        def send_in_halves(connection: Any, data: Any) -> None:
            what = name(connection)
            if not isinstance(data, bytes) or data.startswith(what.encode()):
                return send(connection, data)
            send(connection, data[: len(data) // 2])
            points.reach(f"within {what}")
            return send(connection, data[len(data) // 2 :])

        def await_response(connection: Any) -> Any:
            if not (what := name(connection)).startswith("GET "):
                points.reach(f"sent {what}")
            return getresponse(connection)

        HTTPConnection.send = send_in_halves  # type: ignore[method-assign]
        HTTPConnection.getresponse = await_response  # type: ignore[method-assign]


if __name__ == "__main__":
    _serve(Path(sys.argv[1]))
