"""The demo: the main job from beginning to end, with the very commands a user would type."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import click
import httpx

from sync_engine_sandbox.sandbox import DEMO_PROJECT, Sandbox, running

REPORT = "plan.html"


def run_demo(folder: Path, *, keep_running: bool) -> int:
    """Run the demo in a folder.

    Args:
        folder: gets a copy of the demo project; an earlier demo in it is replaced, anything else is left alone.
        keep_running: wait at the end with the servers running.

    Returns:
        The exit code of the first command that did not end as it should, else 0.
    """
    if folder.exists() and any(folder.iterdir()) and not (folder / ".demo").exists():
        raise click.ClickException(f"{folder} holds something else; name another --folder")
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(DEMO_PROJECT, folder)
    (folder / ".demo").touch()
    with running() as sandbox:
        _write_environment(folder, sandbox)
        step = _Steps(folder, sandbox.environment)
        step.title("A PIM and a CRM are running on this machine. Can both be reached?")
        step.run("doctor")
        step.title("Save what they describe, then check the catalogs against it, offline.")
        step.run("snapshot", quiet=True)
        step.run("validate")
        step.title("What would be written? Nothing is yet.")
        step.run("plan", "outdoor", "--show", "1")
        step.title("Write exactly that.")
        step.run("apply", "outdoor", "--yes", "--json", expected=(0, 4))
        step.title("Plan again: nothing is left to do.")
        step.run("plan", "outdoor", "--show", "1")
        step.title("Somebody edits three products in the PIM …")
        for line in change_pim(sandbox):
            click.echo(f"  {line}")
        step.title("… and the plan shows exactly these, field by field, before anything is written.")
        step.run("plan", "outdoor", "--out", "demo.plan", "--show", "3")
        step.run("show", "demo.plan", "--format", "html", into=REPORT)
        step.title("Apply the saved plan, and look at the log.")
        step.run("apply", "demo.plan", expected=(0, 4))
        step.run("transfers", "list")
        _ending(folder, keep_running=keep_running)
        if keep_running:
            click.pause("")
    return 0


class _Steps:
    """Runs commands as a user would and shows what was typed."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self._folder = folder
        self._environment = {**os.environ, **environment}
        self._number = 0

    def title(self, text: str) -> None:
        """Say what comes."""
        self._number += 1
        click.echo()
        click.secho(f"{self._number}. {text}", bold=True)

    def run(
        self, *arguments: str, expected: tuple[int, ...] = (0,), quiet: bool = False, into: str | None = None
    ) -> None:
        """Run one command in the demo's folder; another exit code than the expected ones ends the demo."""
        redirect = f" > {into}" if into else ""
        click.secho(f"$ sync-engine {shlex.join(arguments)}{redirect}", fg="cyan")
        output = subprocess.DEVNULL if quiet else None
        if into is None:
            done = self._call(arguments, output)
        else:
            with (self._folder / into).open("wb") as file:
                done = self._call(arguments, file.fileno())
        if done not in expected:
            raise click.exceptions.Exit(done)

    def _call(self, arguments: tuple[str, ...], output: int | None) -> int:
        sys.stdout.flush()
        command = [sys.executable, "-m", "sync_engine", *arguments]
        return subprocess.run(  # noqa: S603 - our own command line
            command, cwd=self._folder, env=self._environment, stdout=output, check=False
        ).returncode


def change_pim(sandbox: Sandbox) -> list[str]:
    """Edit three products over the PIM's own API, as its users would; says what was done."""
    pim = sandbox.access["pim"]
    done = []
    with httpx.Client(base_url=pim["url"], timeout=30) as client:
        token = client.post(
            "/api/oauth/v1/token",
            auth=(pim["client_id"], pim["client_secret"]),
            json={"grant_type": "password", "username": pim["username"], "password": pim["password"]},
        ).json()["access_token"]
        client.headers["Authorization"] = f"Bearer {token}"
        # Simple products that the catalog's filter lets through.
        search = '{"enabled":[{"operator":"=","value":true}],"name":[{"operator":"NOT EMPTY","locale":"en_US"}],'
        search += '"parent":[{"operator":"EMPTY"}],"family":[{"operator":"IN","value":["headlamps","sleeping_bags"]}]}'
        found = client.get("/api/rest/v1/products-uuid", params={"search": search, "limit": 3}).json()
        for number, product in enumerate(found["_embedded"]["items"], 1):
            values = product["values"]
            entry = next(each for each in values["name"] if each["locale"] == "en_US")
            renamed = f"{entry['data']}, edition {number + 1}"[:255]
            body = {"values": {"name": [{**entry, "data": renamed}]}}
            answer = client.patch(f"/api/rest/v1/products-uuid/{product['uuid']}", json=body)
            answer.raise_for_status()
            done.append(f"{values['sku'][0]['data']}: name {entry['data']!r} becomes {renamed!r}")
    return done


def _write_environment(folder: Path, sandbox: Sandbox) -> None:
    lines = (f"export {name}={shlex.quote(value)}\n" for name, value in sandbox.environment.items())
    (folder / "sandbox.env").write_text("".join(lines), encoding="utf-8")


def _ending(folder: Path, *, keep_running: bool) -> None:
    click.echo()
    click.secho("Done. What to try next:", bold=True)
    click.echo(f"  open {folder / REPORT}                 the plan as a page")
    click.echo(f"  edit {folder / 'catalogs' / 'outdoor.yaml'}        the catalog that was run")
    click.echo(f"  read {folder / 'catalogs' / 'associations.yaml'}   another one: categories, translations, sets")
    if keep_running:
        click.echo(f"  cd {folder} && . ./sandbox.env && sync-engine plan    in another terminal, while this one waits")
        click.echo("Press a key to stop the servers.")
    else:
        click.echo("  sync-engine demo --wait                the same, and the servers go on until a key is pressed")
