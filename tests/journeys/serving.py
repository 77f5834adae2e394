"""``sync-engine serve`` as a real process: started, asked over HTTP, stopped and killed."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

Json = dict[str, Any]
PATIENCE = 60.0


@dataclass
class Served:
    """A running process."""

    process: subprocess.Popen[str]
    log: Path
    url: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def said(self) -> str:
        return self.log.read_text(encoding="utf-8")

    def get(self, path: str, code: int = 200, **headers: str) -> httpx.Response:
        answer = httpx.get(f"{self.url}{path}", headers={**self.headers, **headers}, timeout=30)
        assert answer.status_code == code, answer.text
        return answer

    def api(self, path: str) -> Json:
        return dict(self.get(f"/api/{path}").json())

    def metric(self, name: str, **labels: str) -> float:
        """The value of a metric; 0 when it is not there."""
        for line in self.get("/metrics").text.splitlines():
            found = re.fullmatch(r"(\w+)(?:\{(.*)\})? (\S+)", line)
            if found and found[1] == name:
                given = dict(re.findall(r'(\w+)="([^"]*)"', found[2] or ""))
                if labels.items() <= given.items():
                    return float(found[3])
        return 0

    def until(self, what: Callable[[Json], object], seconds: float = PATIENCE) -> Json:
        """Wait until something is true of the status."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            assert self.process.poll() is None, self.said
            status = self.api("status")
            if what(status):
                return status
            time.sleep(0.1)
        raise AssertionError(f"it did not come to that:\n{json.dumps(status, indent=1)}\n{self.said}")

    def until_idle_at(self, commit: str, seconds: float = PATIENCE) -> Json:
        """Wait until this revision counts, and nothing is left to do."""
        return self.until(
            lambda status: (
                status["revision"]
                and status["revision"]["id"] == commit
                and not status["running"]
                and not status["queue"]
            ),
            seconds,
        )

    def until_said(self, text: str, times: int = 1, seconds: float = PATIENCE) -> None:
        deadline = time.monotonic() + seconds
        while self.said.count(text) < times:
            assert time.monotonic() < deadline, f"it did not say {text!r}:\n{self.said}"
            time.sleep(0.05)

    def children(self) -> list[int]:
        """The processes that it has started and that are alive."""
        path = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(each) for each in path.read_text().split()]

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=15)

    def kill_all(self) -> None:
        """As when the machine loses power: the process and what it has started are gone at once."""
        victims = [self.process.pid, *self.children()]
        for each in victims:
            with contextlib.suppress(ProcessLookupError):
                os.kill(each, signal.SIGKILL)
        self.process.wait()


@contextlib.contextmanager
def serving(
    home: Path, environment: Mapping[str, str], *arguments: str, name: str = "serve", wait: bool = True
) -> Iterator[Served]:
    """Start it in a folder, on any free port.

    Args:
        home: the folder.
        environment: variables beside those of this process.
        arguments: options of the command.
        name: of the file beside the folder that takes what it prints.
        wait: for it to answer.
    """
    home.mkdir(parents=True, exist_ok=True)
    log = home.parent / f"{home.name}-{name}.log"
    options = () if "--listen" in arguments else ("--listen", "127.0.0.1:0")
    with log.open("w") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "sync_engine", "serve", *options, *arguments],
            cwd=home,
            env={**os.environ, **environment, "NO_COLOR": "1"},
            stdout=out,
            stderr=out,
            text=True,
        )
    served = Served(process, log)
    try:
        if wait:
            served.until_said("Serving ")
            found = re.search(r"at (http://\S+)", served.said)
            assert found
            served.url = found[1]
        yield served
    finally:
        if process.poll() is None:
            served.stop()
    assert "Traceback" not in served.said, served.said
    assert "a defect" not in served.said, served.said
