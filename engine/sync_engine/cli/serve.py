"""``serve``: the long-running process; here only what it is made of."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sync_engine.catalog.model import Catalog, Project
from sync_engine.catalog.project import PROJECT_FILE, read_project
from sync_engine.catalog.serving import USUAL, Serving, resolve_serving, variables_of
from sync_engine.catalog.validate import validate_project
from sync_engine.cli.console import Console
from sync_engine.cli.notifying import announce
from sync_engine.cli.session import open_state
from sync_engine.ledger.records import utc_now
from sync_engine.sdk.errors import InvalidInput, Refused
from sync_engine.sdk.values import Secret

if TYPE_CHECKING:
    from sync_engine.serve.sources import Source

FOLDER = ".sync-engine"
_TOKENS = {
    "token": "SYNC_ENGINE_SERVE_TOKEN",
    "git_token": "SYNC_ENGINE_GIT_TOKEN",
    "webhook_secret": "SYNC_ENGINE_WEBHOOK_SECRET",
    "webhook_old_secret": "SYNC_ENGINE_WEBHOOK_OLD_SECRET",
}
"""Variables that count where the project file says nothing."""
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029]")


@click.command()
@click.option("--git", "repository", metavar="ADDRESS", help="Follow this git repository instead of the folder.")
@click.option("--branch", help="The branch that is followed. [default: main]")
@click.option("--path", metavar="FOLDER", help="Folder of the project in the repository.")
@click.option("--listen", metavar="HOST:PORT", help="Where the web server listens. [default: 127.0.0.1:8080]")
@click.option("--poll-seconds", type=click.IntRange(1, 86400), help="How often is looked at git. [default: 60]")
@click.option("--parallel", type=click.IntRange(1, 16), help="Transfers that run at once. [default: 2]")
@click.option("--accept", default="", metavar="COMMIT", help="Go on with this commit although history was rewritten.")
@click.pass_obj
def serve(
    console: Console,
    repository: str | None,
    branch: str | None,
    path: str | None,
    listen: str | None,
    poll_seconds: int | None,
    parallel: int | None,
    accept: str,
) -> int:
    """Follow a git branch, or this folder: transfer what changes and what is due, until stopped.

    Options go before `serve:` of the project file in this folder, if there is one. Secrets are no options: they come
    from there, or from SYNC_ENGINE_SERVE_TOKEN, SYNC_ENGINE_GIT_TOKEN and SYNC_ENGINE_WEBHOOK_SECRET.
    """
    from sync_engine.serve.server import listening_on

    if accept and not re.fullmatch(r"[0-9a-f]{8,64}", accept):
        raise click.UsageError("--accept takes at least the first 8 digits of a commit")
    home, settings = _settings(console)
    settings = replace(
        settings,
        repository=repository or settings.repository,
        branch=branch or settings.branch,
        path=path or settings.path,
        listen=listen or settings.listen,
        poll_seconds=poll_seconds or settings.poll_seconds,
        parallel=parallel or settings.parallel,
    )
    console.mask.hide(each for name in _TOKENS if (each := getattr(settings, name)) is not None)
    _source(settings, home, home)  # before anything is made
    address = listening_on(settings.listen, guarded=settings.token is not None)
    with _own_folder(home / FOLDER) as folder:
        _serve(console, home, folder, settings, accept, address)
    _say(console, "Stopped.")
    return 0


def _serve(
    console: Console, home: Path, folder: Path, settings: Serving, accept: str, address: tuple[str, int]
) -> None:
    from sync_engine.serve.loop import Loop, Outside
    from sync_engine.serve.metrics import Metrics
    from sync_engine.serve.running import Place, validate
    from sync_engine.serve.server import start_web
    from sync_engine.serve.status import Board, Status
    from sync_engine.serve.watching import Watch
    from sync_engine.serve.web import Access, create_app

    source = _source(settings, home, folder)
    place = Place(console.environment, home, folder / "runs")
    board = Board(Status(utc_now(), source.name, time.monotonic()))
    metrics = Metrics(lambda: board.status)
    outside = Outside(
        read=partial(_read, console, home),
        open_ledger=lambda project: open_state(project, console),
        say=partial(_say, console),
        tell=lambda project, events: announce(console, project, events),
    )
    loop = Loop(
        board,
        source,
        Watch(source, folder, partial(validate, place), accept),
        place,
        outside,
        metrics,
        poll_seconds=settings.poll_seconds,
        parallel=settings.parallel,
    )
    webhook = tuple(each for each in (settings.webhook_secret, settings.webhook_old_secret) if each)
    access = Access(settings.token, frozenset(map(str.lower, settings.hosts)), webhook)
    web = start_web(create_app(board, metrics, access, loop.watcher.look_now, outside.say), *address)
    _say(console, f"Serving {source.name} at {web.url}")
    try:
        with _stopping(loop.wake) as stop:
            loop.run(stop)
    finally:
        web.stop()


def _settings(console: Console) -> tuple[Path, Serving]:
    """The folder of the project, or the one where the process is started, and what is set there."""
    reading = read_project(Path(console.folder), console.environment)
    if reading.root is None:
        if not Path(console.folder).is_dir():
            raise Refused(f"there is no folder {console.folder}")
        home, written = Path(console.folder).resolve(), USUAL
    elif reading.project is None:
        raise InvalidInput(reading.problems)
    else:
        home, written = reading.root, reading.project.serve
    found = resolve_serving(written, os.environ)
    absent = {
        name: Secret(os.environ[variable])
        for name, variable in _TOKENS.items()
        if os.environ.get(variable) and getattr(found, name) is None
    }
    found = replace(found, **absent)  # type: ignore[arg-type] # each of them is a secret
    for name in (*_TOKENS.values(), *variables_of(written)):
        os.environ.pop(name, None)  # whoever may push could have it sent to them
    return (Path(console.home).resolve() if console.home else home), found


@contextlib.contextmanager
def _own_folder(parent: Path) -> Iterator[Path]:
    """A folder that no other process uses as long as this one runs."""
    import fcntl

    try:
        parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        for number in range(1, 100):
            folder = parent / ("serve" if number == 1 else f"serve-{number}")
            folder.mkdir(exist_ok=True, mode=0o700)
            with (folder / "lock").open("w") as lock:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    continue
                yield folder
                return
    except OSError as error:
        raise Refused(f"{parent} cannot be written: {error.strerror}", hint="It keeps what is followed.") from error
    raise Refused(f"{parent} is in use by too many processes")


def _source(settings: Serving, home: Path, folder: Path) -> Source:
    from sync_engine.gitops.mirror import Credentials, mirror_of
    from sync_engine.serve.sources import FolderSource, GitSource

    if settings.repository is None:
        if not (home / PROJECT_FILE).is_file():
            raise Refused(
                f"there is no {PROJECT_FILE} in {home}, and no repository to follow",
                hint="Start it in a project's folder, or name a repository: --git ADDRESS.",
            )
        return FolderSource(home)
    local = home / settings.repository
    address = str(local.resolve()) if local.is_dir() else settings.repository
    credentials = Credentials(settings.git_token, settings.git_username, settings.ssh_key, settings.known_hosts)
    return GitSource(mirror_of(address, settings.branch, folder / "mirrors", credentials), settings.path.strip("/"))


def _read(console: Console, home: Path, folder: Path) -> tuple[Project, Sequence[Catalog]]:
    """The project and the catalogs of a revision."""
    result = validate_project(folder, environment=console.environment)
    if result.project is None or not result.valid:
        raise InvalidInput(result.problems)
    return replace(result.project, home=home), result.catalogs


def _say(console: Console, text: str) -> None:
    """A line of the log; nothing in it can look like another one."""
    lines = _CONTROL.sub(" ", text).splitlines()
    console.say("\n".join((f"{utc_now()} {lines[0]}", *(f"    {each}" for each in lines[1:]))))


@contextlib.contextmanager
def _stopping(wake: Callable[[], None]) -> Iterator[threading.Event]:
    """An event that the first Ctrl-C or SIGTERM sets; a second one stops at once."""
    stop = threading.Event()
    before = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)}

    def ask(number: int, _: object) -> None:
        stop.set()
        wake()
        signal.signal(number, signal.SIG_DFL)

    try:
        for each in before:
            signal.signal(each, ask)
        yield stop
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
