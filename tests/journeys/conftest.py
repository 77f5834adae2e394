"""The command line as a user has it, against both local servers."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import chdir, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from sync_engine.cli.main import execute
from sync_engine_sandbox.sandbox import Sandbox, running

ROOT = Path(__file__).parents[2]
ICECAT = ROOT.parent / "shared" / "data" / "icecat"


@dataclass(frozen=True)
class Finished:
    """A command that has ended."""

    code: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        return json.loads(self.out)


def _checked(finished: Finished, code: int | None) -> Finished:
    assert code is None or finished.code == code, f"exit {finished.code}\n{finished.out}\n{finished.err}"
    assert "Traceback" not in finished.err, finished.err
    return finished


@dataclass(frozen=True)
class Project:
    """A project folder with the environment its connections need."""

    folder: Path
    environment: dict[str, str]

    def run(self, *arguments: str, code: int | None = 0, **environment: str) -> Finished:
        """Run ``sync-engine`` in the folder; ``code`` is the exit code that is expected, None takes any.

        It runs in this process, which is faster; what a process itself is asked for is tested with ``alone``.
        """
        out, err = io.StringIO(), io.StringIO()
        variables = {**self.environment, "NO_COLOR": "1", **environment}
        with chdir(self.folder), redirect_stdout(out), redirect_stderr(err), patch.dict(os.environ, variables):
            done = execute(arguments)
        return _checked(Finished(done, out.getvalue(), err.getvalue()), code)

    def alone(self, *arguments: str, code: int | None = 0, **environment: str) -> Finished:
        """As ``run``, in a process of its own."""
        done = subprocess.run(
            [sys.executable, "-m", "sync_engine", *arguments],
            cwd=self.folder,
            env={**os.environ, **self.environment, "NO_COLOR": "1", **environment},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        return _checked(Finished(done.returncode, done.stdout, done.stderr), code)

    def edit(self, name: str, *changes: tuple[str, str]) -> None:
        """Replace texts in a file of the project; each must be there."""
        path = self.folder / name
        text = path.read_text(encoding="utf-8")
        for old, new in changes:
            assert old in text, old
            text = text.replace(old, new, 1)
        path.write_text(text, encoding="utf-8")


NewProject = Callable[[Path, Sandbox], Project]


@pytest.fixture
def new_project(tmp_path: Path) -> NewProject:
    """Copies a project folder and points it at a sandbox."""

    def make(template: Path, sandbox: Sandbox) -> Project:
        folder = tmp_path / template.name
        shutil.copytree(template, folder)
        return Project(folder, sandbox.environment)

    return make


@pytest.fixture
def icecat() -> Iterator[Sandbox]:
    """Both servers, the PIM with the Icecat catalogue."""
    if not ICECAT.is_dir():
        pytest.skip(f"the Icecat data is not at {ICECAT}")
    with running(ICECAT, ROOT / "catalogs" / "icecat" / "org.json") as sandbox:
        yield sandbox


@pytest.fixture
def demo() -> Iterator[Sandbox]:
    """Both servers with the demo catalogue."""
    with running() as sandbox:
        yield sandbox
