"""A PostgreSQL server of our own, started by the tests in a temporary folder."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest

USER, PASSWORD = "ledger", "p@ss/word"
"""The password has to be percent-encoded in an address."""
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "40",
    "shared_buffers": "16MB",
    # Nothing here outlives a power cut, so nothing has to wait for a disk.
    "fsync": "off",
    "full_page_writes": "off",
}


class Server:
    """One server with many databases; see ``running_server``."""

    def __init__(self, folder: Path, programs: Path) -> None:
        self._folder = folder
        self._programs = programs
        self._numbers = count(1)
        self._process: subprocess.Popen[bytes] | None = None
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = int(free.getsockname()[1])

    def program(self, name: str) -> str:
        """Path of a program that comes with the server, such as ``pg_dump``."""
        return str(self._programs / name)

    def address(self, database: str, password: str = PASSWORD) -> str:
        """Of a database, as ``state:`` takes it."""
        quoted = password.replace("@", "%40").replace("/", "%2F")
        return f"postgresql://{USER}:{quoted}@127.0.0.1:{self.port}/{database}"

    def new_ledger(self) -> str:
        """Make an empty schema, which is much cheaper than a database; gives its address."""
        name = f"ledger{next(self._numbers)}"
        self.run(f"CREATE SCHEMA {name}")
        return f"{self.address('postgres')}?options=-csearch_path%3D{name}"

    def new_database(self, options: str = "") -> str:
        """Make an empty database; gives its name."""
        name = f"ledger{next(self._numbers)}"
        self.run(f"CREATE DATABASE {name} {options}")
        return name

    def new_database_in(self, folder: Path) -> str:
        """Make an empty database whose files are in that folder, which is the server's from now on; gives its name."""
        os.chown(folder, _owner().pw_uid, _owner().pw_gid)
        place = f"place{next(self._numbers)}"
        self.run(f"CREATE TABLESPACE {place} LOCATION '{folder}'")
        return self.new_database(f"TABLESPACE {place}")

    def run(self, statement: str) -> None:
        """Run a statement as the owner of everything."""
        with psycopg.connect(self.address("postgres"), autocommit=True) as connection:
            connection.execute(statement.encode())

    def make(self) -> None:
        """Make the folder of the server."""
        given = self._folder / "password"
        given.write_text(PASSWORD)
        os.chown(given, _owner().pw_uid, _owner().pw_gid)
        made = subprocess.run(
            [
                *(self.program("initdb"), "--pgdata", str(self._folder / "data"), "--username", USER, "--no-sync"),
                *("--auth", "scram-sha-256", "--pwfile", str(given), "--encoding", "UTF8", "--locale", "C.UTF-8"),
            ],
            capture_output=True,
            text=True,
            cwd=self._folder,
            check=False,
            **_as_owner(),
        )
        assert made.returncode == 0, made.stderr

    def start(self) -> None:
        """Start the server and wait until it answers."""
        settings = [f"--{name}={value}" for name, value in {**_SETTINGS, "port": str(self.port)}.items()]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self.program("postgres"), "-D", str(self._folder / "data"), *settings],
                stdout=log,
                stderr=log,
                cwd=self._folder,
                **_as_owner(),
            )
        deadline = time.monotonic() + 30
        while True:
            try:
                psycopg.connect(self.address("postgres"), connect_timeout=2).close()
            except psycopg.Error:
                assert self._process.poll() is None, (self._folder / "log").read_text()
                assert time.monotonic() < deadline
                time.sleep(0.05)
            else:
                return

    def stop(self) -> None:
        """End the server at once, as if the machine had been switched off; whoever is connected finds out."""
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait(timeout=30)
            self._process = None


def _owner() -> pwd.struct_passwd:
    """Whose the server is: it refuses to run as root."""
    if os.geteuid() != 0:
        return pwd.getpwuid(os.geteuid())
    return next((each for each in pwd.getpwall() if each.pw_name == "postgres"), pwd.getpwnam("nobody"))


def _as_owner() -> dict[str, Any]:
    owner = _owner()
    return {} if os.geteuid() != 0 else {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []}


def _programs() -> Path | None:
    """Where the newest server is installed: Debian keeps its programs out of the search path."""
    found = shutil.which("postgres")
    if found:
        return Path(found).resolve().parent
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda each: float(each.parts[-3]))
    return versions[-1].parent if versions else None


@contextlib.contextmanager
def running_server() -> Iterator[Server]:
    """A new server; the test is skipped where none is installed."""
    programs = _programs()
    if programs is None:
        pytest.skip("no PostgreSQL server is installed here (Debian: the package `postgresql`)")
    with tempfile.TemporaryDirectory(prefix="sync-engine-postgresql-") as made:
        folder = Path(made)
        os.chown(folder, _owner().pw_uid, _owner().pw_gid)
        server = Server(folder, programs)
        server.make()
        server.start()
        try:
            yield server
        finally:
            server.stop()
