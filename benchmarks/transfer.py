"""Measure `sync-engine apply --yes` against the straightforward script (baseline.py), in pairs.

Each run gets a fresh local PIM and CRM in a process of their own, because the org has to be empty, and is measured as
a whole process from its start to its exit. Pairs alternate, and the ratio is taken within each pair, so that a machine
that becomes slower does not favour either side.

    python benchmarks/transfer.py                      products only: the same records and fields on both sides
    python benchmarks/transfer.py --catalog full       models, lookups and products, as catalogs/icecat has them
    python benchmarks/transfer.py --again              and a second plan after each transfer, which finds nothing to do
"""

from __future__ import annotations

import argparse
import contextlib
import datetime as dt
import json
import os
import platform
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import requests
import yaml
from installed import compile_modules

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
PROJECT = ROOT / "catalogs" / "icecat"
COMMAND = [sys.executable, "-m", "sync_engine"]
ACCEPTED = {"engine": (0, 4), "baseline": (0,), "again": (0,)}
"""Exit codes of a good run; 4: some of the real records have no name, and are rejected with the reason."""
PLAN = ["plan", "--detailed-exitcode"]
"""Ends with 0 where nothing is left to do."""


@dataclass(frozen=True, slots=True)
class Run:
    """What one process took, and how many records the org holds afterwards.

    Attributes:
        wall: seconds from start to exit.
        cpu: seconds of user and system time.
        peak: largest resident memory in MiB.
        records: rows of Product2.
    """

    wall: float
    cpu: float
    peak: float
    records: int = 0


def scaled(data: Path, folder: Path, count: int) -> Path:
    """The Icecat structure with ``count`` products, in a new folder."""
    source = data / "icecat"
    shutil.copytree(source, folder, ignore=shutil.ignore_patterns("products.jsonl", "media"))
    script = [sys.executable, str(data / "scale.py"), "-n", str(count), "--src", str(source)]
    subprocess.run([*script, "-o", str(folder / "products.jsonl.gz")], check=True, stdout=subprocess.DEVNULL)
    return folder


def project(folder: Path, catalog: str) -> Path:
    """The example project; for ``products`` with that stream alone and without the lookup that needs the other."""
    shutil.copytree(PROJECT, folder, ignore=shutil.ignore_patterns(".sync-engine", "catalogs", "snapshots"))
    content: dict[str, Any] = yaml.safe_load((PROJECT / "catalogs" / "products.yaml").read_text(encoding="utf-8"))
    if catalog == "products":
        del content["streams"]["models"]
        del content["streams"]["products"]["fields"]["PIM_Model__c"]
    (folder / "catalogs").mkdir()
    text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
    (folder / "catalogs" / "products.yaml").write_text(text, encoding="utf-8")
    return folder


@contextlib.contextmanager
def sandbox(data: Path, latency: int = 0) -> Iterator[dict[str, str]]:
    """A fresh PIM and CRM; yields the environment that both sides log in with."""
    command = [*COMMAND, "sandbox", "--data", str(data), "--objects", str(PROJECT / "org.json")]
    command += ["--latency", str(latency)]
    servers = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert servers.stdout is not None
        access = json.loads(servers.stdout.readline())
        pim, crm = access["pim"], access["crm"]
        yield {
            "PIM_URL": pim["url"], "PIM_CLIENT_ID": pim["client_id"], "PIM_SECRET": pim["client_secret"],
            "PIM_USER": pim["username"], "PIM_PASSWORD": pim["password"],
            "CRM_URL": crm["url"], "CRM_CLIENT_ID": crm["client_id"], "CRM_SECRET": crm["client_secret"],
        }  # fmt: skip
    finally:
        servers.send_signal(signal.SIGTERM)
        servers.wait(timeout=60)
        assert servers.stdout is not None
        servers.stdout.close()


def measured(command: Sequence[str], environment: dict[str, str], folder: Path, accepted: Sequence[int]) -> Run:
    """Run a command to its end and ask the operating system what it took."""
    with tempfile.TemporaryFile("w+", encoding="utf-8") as out:
        start = time.perf_counter()
        process = subprocess.Popen(command, cwd=folder, env={**os.environ, **environment}, stdout=out, stderr=out)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        said = out.read()
    if process.returncode not in accepted:
        raise SystemExit(f"{command} ended with {process.returncode}:\n{said}")
    return Run(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def records(environment: dict[str, str]) -> int:
    """How many products the org holds."""
    url = environment["CRM_URL"]
    login = {"grant_type": "client_credentials"}
    login |= {"client_id": environment["CRM_CLIENT_ID"], "client_secret": environment["CRM_SECRET"]}
    token = requests.post(f"{url}/services/oauth2/token", data=login, timeout=60).json()["access_token"]
    answer = requests.get(
        f"{url}/services/data/v62.0/query",
        params={"q": "SELECT count() FROM Product2"},
        headers={"Authorization": f"Bearer {token}"},
        timeout=60,
    )
    return int(answer.json()["totalSize"])


def run_once(side: str, data: Path, catalog: str, latency: int, *, again: bool) -> dict[str, Run]:
    """One side once, against fresh servers and with a fresh ledger; of the engine also a second plan, if asked for."""
    with tempfile.TemporaryDirectory(prefix="transfer-") as folder, sandbox(data, latency) as environment:
        work = project(Path(folder) / "project", catalog)
        command = [*COMMAND, "apply", "--yes"] if side == "engine" else [sys.executable, str(HERE / "baseline.py")]
        run = measured(command, environment, work, ACCEPTED[side])
        runs = {side: replace(run, records=records(environment))}
        if again and side == "engine":
            runs["again"] = measured([*COMMAND, *PLAN], environment, work, ACCEPTED["again"])
        return runs


def show(name: str, runs: Sequence[Run]) -> None:
    """One line of medians."""
    wall, cpu, peak = (statistics.median(getattr(each, one) for each in runs) for one in ("wall", "cpu", "peak"))
    counts = sorted({each.records for each in runs} - {0})
    print(f"{name:9} wall {wall:6.2f} s   cpu {cpu:6.2f} s   peak {peak:6.1f} MiB   records {counts}")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("-n", "--products", type=int, default=20_000)
    options.add_argument("--pairs", type=int, default=5)
    options.add_argument("--catalog", choices=("products", "full"), default="products")
    options.add_argument("--latency", type=int, default=0, metavar="MS", help="added to every answer of both services")
    options.add_argument("--again", action="store_true", help="plan once more after each transfer")
    options.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data", help="folder with scale.py")
    chosen = options.parse_args()
    where = f"{dt.datetime.now(dt.UTC):%Y-%m-%d}, {os.cpu_count()} cores, Python {platform.python_version()}"
    print(f"{where}, {chosen.products:,} products, catalog: {chosen.catalog}, latency {chosen.latency} ms")
    compile_modules()
    runs: dict[str, list[Run]] = {"engine": [], "baseline": [], **({"again": []} if chosen.again else {})}
    with tempfile.TemporaryDirectory(prefix="transfer-") as folder:
        data = scaled(chosen.data, Path(folder) / "data", chosen.products)
        for number in range(chosen.pairs):
            for side in ("engine", "baseline") if number % 2 == 0 else ("baseline", "engine"):
                done = run_once(side, data, chosen.catalog, chosen.latency, again=chosen.again)
                for name, run in done.items():
                    runs[name].append(run)
            engine, baseline = (runs[side][-1].wall for side in ("engine", "baseline"))
            print(f"pair {number + 1}: engine {engine:.2f} s, baseline {baseline:.2f} s, {engine / baseline:.2f}")
    for side, found in runs.items():
        show(side, found)
    ratios = [ours.wall / theirs.wall for ours, theirs in zip(runs["engine"], runs["baseline"], strict=True)]
    print(f"ratio engine / baseline: median {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})")


if __name__ == "__main__":
    main()
