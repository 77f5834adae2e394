"""``schedule export``: files with which another scheduler starts what is due."""

from __future__ import annotations

import shutil
import sys
from datetime import UTC, datetime
from pathlib import Path

import click

from sync_engine import __version__
from sync_engine.catalog.model import Project
from sync_engine.catalog.settings import referenced_variables
from sync_engine.cli.console import Console
from sync_engine.cli.session import load
from sync_engine.gitops.exports import PLATFORMS
from sync_engine.gitops.exports.job import MARK, Setting, job
from sync_engine.gitops.workflows import repository_root
from sync_engine.sdk.errors import Refused

ENV_FILE = "/etc/sync-engine/variables.env"


@click.command()
@click.argument("catalogs", nargs=-1)
@click.option("--to", "platform", type=click.Choice(list(PLATFORMS)), required=True, help="For whom.")
@click.option("--out", "folder", type=click.Path(file_okay=False, path_type=Path), help="Write the files here.")
@click.option(
    "--env-file",
    metavar="FILE",
    default=ENV_FILE,
    show_default=True,
    help="Where crontab, systemd and airflow find the project's variables, one NAME=value a line.",
)
@click.option("--image", default="sync-engine", show_default=True, help="Of kubernetes: an image with your project.")
@click.pass_obj
def export(
    console: Console, catalogs: tuple[str, ...], platform: str, folder: Path | None, env_file: str, image: str
) -> None:
    """Write files with which another scheduler starts the runs of CATALOGS (all with a schedule by default).

    They ask at the right times whether a run is due (`sync-engine apply --scheduled`); windows, jitter, pauses and
    missed runs are left to the answer. Without --out a single file is printed.
    """
    project, found = load(console, catalogs)
    now = datetime.now(UTC)
    jobs = tuple(job(each.name, each.schedule, now) for each in found if each.schedule is not None)
    if not jobs:
        raise Refused("none of these catalogs has a schedule", hint="Write `schedule:` in a catalog.")
    made = PLATFORMS[platform](jobs, _setting(console, project, env_file, image))
    if folder is not None:
        _write(console, folder, made)
    elif len(made) == 1:
        console.out(next(iter(made.values())), newline=False)
    else:
        raise click.UsageError(f"these are {len(made)} files; name a folder for them with --out")
    if platform in ("github-actions", "gitlab-ci") and isinstance(project.state, str) and _local(project.state):
        console.say("The ledger is a file: it is kept in the cache of CI. When that is cleared, runs may happen twice.")


def _setting(console: Console, project: Project, env_file: str, image: str) -> Setting:
    root = repository_root(project.root)
    inside = project.root.resolve().relative_to(root).as_posix()
    local = isinstance(project.state, str) and _local(project.state)
    return Setting(
        program=_program(),
        version=__version__,
        folder=str(project.root.resolve()),
        inside=inside,
        environment=console.environment,
        variables=referenced_variables(project),
        env_file=env_file,
        image=image,
        ledger=(Path(inside) / ".sync-engine").as_posix() if local else None,
    )


def _program() -> str:
    """The path of this command; other schedulers know no PATH of ours."""
    beside = Path(sys.executable).with_name("sync-engine")
    return str(beside) if beside.exists() else shutil.which("sync-engine") or "sync-engine"


def _local(state: str) -> bool:
    return state.startswith("sqlite")


def _write(console: Console, folder: Path, made: dict[str, str]) -> None:
    """Write all files, or none.

    Raises:
        Refused: a file is there that was not written by an export.
    """
    foreign = [each for each in made if (folder / each).exists() and not _is_ours(folder / each)]
    if foreign:
        names = ", ".join(str(folder / each) for each in foreign)
        raise Refused(f"{names}: written by somebody else; nothing was written", hint="Name another folder with --out.")
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in made.items():
        (folder / name).write_text(text, encoding="utf-8")
        console.out(str(folder / name))
    _say_stale(console, folder, made)


def _is_ours(path: Path) -> bool:
    return MARK in path.read_text(encoding="utf-8", errors="replace")


def _say_stale(console: Console, folder: Path, made: dict[str, str]) -> None:
    """Name what an earlier export wrote and this one did not: the schedule of a catalog that has none now."""
    for path in sorted(folder.glob("sync-engine-*.*")):
        if path.name not in made and path.is_file() and _is_ours(path):
            console.say(
                f"{path} is of an earlier export; remove it, if its catalog has no schedule now.", colour="yellow"
            )
