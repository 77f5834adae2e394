"""The commands ``sandbox`` and ``demo``, which this package adds to the command line."""

from __future__ import annotations

import dataclasses
import json
import shlex
import signal
import threading
from pathlib import Path

import click


@click.command()
@click.option("--data", type=click.Path(exists=True, file_okay=False, path_type=Path), help="JSON Lines for the PIM.")
@click.option("--objects", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Objects of the CRM.")
@click.option("--pim-port", type=click.IntRange(0, 65535), default=0, help="0, the default, takes any free port.")
@click.option("--crm-port", type=click.IntRange(0, 65535), default=0, help="0, the default, takes any free port.")
@click.option(
    "--latency", type=click.IntRange(min=0), default=0, metavar="MS", help="Milliseconds added to each answer."
)
@click.option("--faults", metavar="PROFILE", help="Let things go wrong: a profile's name, or a JSON file with `rules`.")
@click.option("--seed", type=int, default=1, show_default=True, help="Another seed, other faults; the same, the same.")
@click.option("--env", "env_file", type=click.Path(dir_okay=False, path_type=Path), help="Also write a file to source.")
def sandbox(
    data: Path | None,
    objects: Path | None,
    pim_port: int,
    crm_port: int,
    latency: int,
    faults: str | None,
    seed: int,
    env_file: Path | None,
) -> None:
    """Run a local PIM and a local CRM on loopback until stopped.

    The first line on stdout is JSON: where they listen and how to log in. Without --data and --objects they hold the
    demo catalogue and its fields.
    """
    from sync_engine_sandbox.crm.objects import ObjectsError
    from sync_engine_sandbox.crm.org import CrmSettings
    from sync_engine_sandbox.faults import FaultsError, load_profile
    from sync_engine_sandbox.pim.data import DataError
    from sync_engine_sandbox.sandbox import DEMO_DATA, DEMO_PROJECT, PIM_SETTINGS, running

    stopped = threading.Event()
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, lambda *_: stopped.set())
    seconds = latency / 1000
    try:
        rules = load_profile(faults) if faults else ()
    except FaultsError as error:
        raise click.UsageError(str(error)) from error
    try:
        with running(
            data or DEMO_DATA,
            objects or DEMO_PROJECT / "org.json",
            pim_settings=dataclasses.replace(PIM_SETTINGS, latency=seconds),
            crm_settings=CrmSettings(latency=seconds, api_max=5_000_000, bulk_seed=seed),
            pim_port=pim_port,
            crm_port=crm_port,
        ) as both:
            both.faults.begin(rules, seed)
            click.echo(json.dumps(both.access))
            if env_file is not None:
                lines = (f"export {name}={shlex.quote(value)}\n" for name, value in both.environment.items())
                env_file.write_text("".join(lines), encoding="utf-8")
            if faults:
                click.echo(f"Faults: {faults}, seed {seed}.", err=True)
            click.echo("Running; stop with Ctrl-C.", err=True)
            # A plain wait() would not let the signal handler run on every platform.
            while not stopped.wait(0.5):
                pass
    except (DataError, ObjectsError, OSError) as error:
        raise click.ClickException(str(error)) from error


@click.command()
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("sync-engine-demo"),
    show_default=True,
    help="Where the demo project and its report are put.",
)
@click.option("--wait", "keep_running", is_flag=True, help="Keep the servers running at the end.")
def demo(folder: Path, keep_running: bool) -> int:  # noqa: FBT001 - click
    """Run the main job on the embedded sandbox: validate, plan, apply, change the PIM, plan and apply again."""
    from sync_engine_sandbox.demo import run_demo

    return run_demo(folder, keep_running=keep_running)
