"""Catalogs are transferred in processes of their own, which run the command line as a person would.

Their memory goes when they end, nothing that goes wrong in them reaches the others, and each can be asked to stop and
does so in order. What they print goes into files rather than pipes, so that one whose parent dies can end its work.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sync_engine.ledger.records import utc_now
from sync_engine.sdk.errors import BrokenContract, Unavailable

PATIENCE = 9.0
"""Seconds in which a transfer comes to its end after it was asked to."""
DONE = (0, 4)
"""Exit codes of a transfer that came to its end, the second one with records that were rejected."""
_TOLD = 4000
"""Bytes of the end of what a process said."""

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Place:
    """Where commands run.

    Attributes:
        environment: the one that is laid over the project file; None for none.
        home: of the project, where the ledger lies.
        folder: for what the processes print.
    """

    environment: str | None
    home: Path
    folder: Path


@dataclass(frozen=True, slots=True)
class Child:
    """A process at work on a catalog.

    Attributes:
        writes: names of the locks that it takes.
        trigger: why it was started.
        since: when, as ISO 8601 in UTC.
        revision: whose files it reads.
        out, err: files with what it prints.
    """

    catalog: str
    writes: frozenset[str]
    trigger: str
    since: str
    began: float
    revision: str
    process: subprocess.Popen[bytes]
    out: Path
    err: Path


@dataclass(frozen=True, slots=True)
class Ended:
    """How a process has ended.

    Attributes:
        code: its exit code; negative for the signal that ended it.
        said: what it printed on stderr, the end of it.
        report: what it printed on stdout; empty when that says nothing.
        seconds: how long it took.
    """

    child: Child
    code: int
    said: str
    report: Json
    seconds: float

    @property
    def why(self) -> str:
        """Why it did not end well."""
        error = self.report.get("error")
        return str(error or self.said or "it did not say why")


def start(
    place: Place,
    project: Path,
    revision: str,
    catalog: str,
    writes: frozenset[str],
    trigger: str,
    arguments: Sequence[str],
) -> Child:
    """Start a process that transfers a catalog.

    Args:
        place: where.
        project: folder with its files.
        revision: of them.
        catalog: its name.
        writes: names of the locks that it takes.
        trigger: why it is started.
        arguments: of ``serve-run`` beside the catalog.
    """
    place.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    out, err = (place.folder / f"{catalog}.{each}" for each in ("json", "log"))
    with out.open("wb") as to_out, err.open("wb") as to_err:
        process = subprocess.Popen(  # noqa: S603 - our own command
            _command(place, project, "serve-run", catalog, "--trigger", trigger, *arguments),
            stdin=subprocess.DEVNULL,
            stdout=to_out,
            stderr=to_err,
            start_new_session=True,  # Ctrl-C on a terminal is for us, who ask it to stop
            env=_environment(place),
        )
    return Child(catalog, writes, trigger, utc_now(), time.monotonic(), revision, process, out, err)


def ended(child: Child) -> Ended | None:
    """How a process has ended; None while it is at work."""
    code = child.process.poll()
    if code is None:
        return None
    try:
        report = json.loads(child.out.read_bytes())
    except (OSError, ValueError):
        report = {}
    said = _end_of(child.err)
    return Ended(child, code, said, report if isinstance(report, dict) else {}, time.monotonic() - child.began)


def ask_to_stop(child: Child) -> None:
    """Let a process checkpoint and end."""
    child.process.send_signal(signal.SIGTERM)


def kill(child: Child) -> None:
    """End a process that did not come to its end."""
    child.process.kill()
    child.process.wait()


def validate(place: Place, project: Path) -> list[Json]:
    """The errors in a project, as ``validate --format json`` has them.

    Raises:
        BrokenContract: the process did not come to its end.
        Unavailable: it took too long.
    """
    try:
        done = subprocess.run(  # noqa: S603 - our own command
            _command(place, project, "validate", "--format", "json"),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            start_new_session=True,
            env=_environment(place),
            timeout=300,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise Unavailable("the project could not be validated within 300 seconds") from error
    try:
        problems = json.loads(done.stdout)["problems"]
    except (ValueError, KeyError, TypeError) as error:
        said = done.stderr.decode("utf-8", "replace").strip()[-_TOLD:]
        raise BrokenContract(f"`validate` ended with {done.returncode}: {said}") from error
    return [each for each in problems if each["severity"] == "error"]


def _command(place: Place, project: Path, *arguments: str) -> list[str]:
    environment = ["--env", place.environment] if place.environment else []
    where = ["--project", str(project), "--home", str(place.home), *environment]
    return [sys.executable, "-m", "sync_engine", *where, *arguments]


def _environment(place: Place) -> dict[str, str]:
    """That of this process, because the project's references may name any of it."""
    return {**os.environ, "NO_COLOR": "1", "SYNC_ENGINE_ENV": place.environment or ""}


def _end_of(path: Path) -> str:
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - _TOLD))
            return file.read().decode("utf-8", "replace").strip()
    except OSError:
        return ""
