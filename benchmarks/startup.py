"""Measure how long `sync-engine --version` and `sync-engine validate` of 100 catalogs take, as whole processes.

    python benchmarks/startup.py

The catalogs are 100 copies of the Icecat example, checked against snapshots that a local sandbox was asked for before.
"""

from __future__ import annotations

import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from installed import compile_modules

from sync_engine_sandbox.sandbox import running

ROOT = Path(__file__).resolve().parent.parent
PROJECT = ROOT / "catalogs" / "icecat"
COMMAND = [sys.executable, "-m", "sync_engine"]
RUNS = 7


def hundred_catalogs(folder: Path, data: Path) -> Path:
    """A project with 100 catalogs and the snapshots of both connections."""
    project = folder / "project"
    shutil.copytree(PROJECT, project, ignore=shutil.ignore_patterns("catalogue.yaml", ".sync-engine", "snapshots"))
    with running(data, PROJECT / "org.json") as sandbox:
        environment = {**os.environ, **sandbox.environment}
        subprocess.run([*COMMAND, "snapshot"], cwd=project, env=environment, check=True, capture_output=True)
    only = project / "catalogs" / "products.yaml"
    text = only.read_text(encoding="utf-8")
    only.unlink()
    for number in range(100):
        named = text.replace("name: icecat-products", f"name: copy-{number}")
        (project / "catalogs" / f"copy-{number}.yaml").write_text(named, encoding="utf-8")
    return project


def show(arguments: Sequence[str], folder: Path) -> None:
    """The medians of several runs, after one that is not counted."""
    elapsed, busy = [], []
    for _ in range(RUNS + 1):
        start, before = time.perf_counter(), _processor_seconds()
        subprocess.run([*COMMAND, *arguments], cwd=folder, check=True, capture_output=True)
        elapsed.append(time.perf_counter() - start)
        busy.append(_processor_seconds() - before)
    wall, cpu = statistics.median(elapsed[1:]), statistics.median(busy[1:])
    print(f"{' '.join(arguments):12} wall {wall:5.2f} s   cpu {cpu:5.2f} s")


def _processor_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    data = ROOT.parent / "shared" / "data" / "icecat"
    compile_modules()
    print(f"{os.cpu_count()} cores, Python {platform.python_version()}, median of {RUNS} runs")
    with tempfile.TemporaryDirectory() as folder:
        project = hundred_catalogs(Path(folder), data)
        show(["--version"], project)
        show(["validate"], project)


if __name__ == "__main__":
    main()
