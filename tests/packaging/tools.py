"""Programs that know what a file is for, and projects for whose schedules such files are written."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

from sync_engine.cli.main import execute

ROOT = Path(__file__).parents[2]
PROJECT = """
version: 1
connections:
  pim:
    {adapter: akeneo, url: "${PIM_URL}", client_id: a, client_secret: "${PIM_SECRET}", username: u,
     password: "${PIM_PW}"}
  crm: {adapter: salesforce, url: "${CRM_URL}", auth: token, access_token: "${CRM_TOKEN}"}
"""
SCHEDULES = {
    "nightly": "{daily: '02:30', timezone: Europe/Berlin}",
    "twice": "{weekly: {on: [mon, sun], at: ['06:30', '18:00']}, timezone: America/New_York, missed: skip, jitter: 5m}",
    "often": "{cron: '*/20 7-19 * * mon-fri', blackout: [{from: '12:00', to: '13:00'}]}",
    "last-day": "{cron: '0 4 L * *', timezone: Asia/Kathmandu}",
    "thirteenth": "{cron: '0 4 13 * fri'}",
}


def tool(name: str) -> Path:
    """A program of the environment that the tests run in."""
    return Path(sys.executable).parent / name


def run(*command: str | Path, code: int = 0, **environment: str) -> str:
    """What a program says, on both channels."""
    done = subprocess.run(
        list(map(str, command)),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, **environment},
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def sync_engine(*arguments: str, code: int = 0) -> str:
    """What the command line prints; what it complains about, where it has to fail."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        done = execute(list(arguments))
    assert done == code, err.getvalue()
    return out.getvalue() if code == 0 else err.getvalue()


def write_project(folder: Path, schedules: Mapping[str, str], text: str = PROJECT) -> None:
    """A project with a catalog for each schedule."""
    (folder / "catalogs").mkdir(parents=True)
    (folder / "sync-engine.yaml").write_text(text, encoding="utf-8")
    for name, schedule in schedules.items():
        catalog = (
            f"version: 1\nname: {name}\nsource: {{connection: pim}}\ntarget: {{connection: crm}}\n"
            "streams: {s: {from: products, to: O, key: {K: uuid}, fields: {Name: sku}}}\n"
            f"schedule: {schedule}\n"
        )
        (folder / "catalogs" / f"{name}.yaml").write_text(catalog, encoding="utf-8")
