"""Runs git so that nothing but its arguments decides what it does, and so that it comes to an end.

What a repository, a machine or a user has configured is ignored: no hooks, filters, helpers, submodules or aliases run,
nothing is asked, and only the protocol that is meant is spoken. git gets as much time and room as it is given here.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, NoReturn

from sync_engine.sdk.errors import Interrupted, Refused, Unavailable
from sync_engine.sdk.masking import Mask

MOST_SAID = 300
"""Characters of git's own words that a message repeats."""
_MOST_READ = 1_000_000
"""Bytes of them that are looked at: so many that the message ends before a secret that is cut there."""
_CONFIGURATION = {
    "core.hooksPath": os.devnull,
    "core.attributesFile": os.devnull,
    "core.symlinks": "false",
    "core.fsmonitor": "false",
    "credential.helper": "",
    "fetch.recurseSubmodules": "false",
    "gc.autoDetach": "false",
    "http.followRedirects": "false",
    "protocol.ext.allow": "never",
    "submodule.recurse": "false",
}
_PASSED_ON = (
    *("PATH", "SSH_AUTH_SOCK", "SSL_CERT_FILE", "SSL_CERT_DIR", "TMPDIR"),
    *("http_proxy", "https_proxy", "all_proxy", "no_proxy", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"),
)
_UNPRINTABLE = re.compile(r"[^\x20-\x7e\xa0-\U0010ffff]+")


@dataclass(frozen=True, slots=True)
class Limits:
    """What git may take.

    Attributes:
        seconds: for one command.
        output: bytes that a command may print.
        folder: bytes that the repository's folder may have.
    """

    seconds: float = 120
    output: int = 300_000_000
    folder: int = 1_000_000_000


LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class Reach:
    """How git gets to another repository.

    Attributes:
        protocol: the only one it speaks: ``https``, ``ssh``, ``file`` or (to this machine) ``http``.
        settings: of git by name; they are handed over in the environment, because arguments can be seen by others.
        ssh: command line of ssh.
        mask: takes out of git's words what it was given to get there; it repeats what a server says.
    """

    protocol: str
    settings: Mapping[str, str] = field(default_factory=dict, repr=False)
    ssh: str = "false"
    mask: Mask = field(default_factory=Mask, repr=False)


class GitFailed(Refused):
    """git ended with an error.

    Args:
        said: its own words, safe to print; the message ends with them.
    """

    def __init__(self, doing: str, said: str) -> None:
        super().__init__(f"git could not {doing}: {said or 'it did not say why'}")
        self.said = said


def run_git(
    doing: str,
    arguments: Sequence[str],
    folder: Path,
    *,
    reach: Reach | None = None,
    lines: Sequence[str] = (),
    limits: Limits = Limits(),
    stop: threading.Event | None = None,
) -> bytes:
    """Run git in a bare repository; returns what it printed.

    Args:
        doing: what for, as messages say it: ``fetch the branch main``.
        arguments: of git. What comes from outside must not be able to stand there as an option.
        folder: of the repository; it is also git's home.
        reach: None for a command that stays in that folder.
        lines: its input.
        limits: what it may take.
        stop: set when it is to end.

    Raises:
        GitFailed: it ended with an error.
        Unavailable: it took too long.
        Refused: git is not there, or it took too much room.
        Interrupted: ``stop`` was set.
    """
    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        given.write("".join(f"{each}\n" for each in lines).encode())
        given.seek(0)
        try:
            process = subprocess.Popen(  # noqa: S603 - the arguments are ours
                ["git", f"--git-dir={folder}", *arguments],  # noqa: S607 - whichever git the machine has
                stdin=given,
                stdout=out,
                stderr=err,
                cwd=folder,
                env=_environment(folder, reach),
                start_new_session=True,
            )
        except OSError as error:
            raise Refused(
                f"git cannot be started: {error.strerror}", hint="Install git; it must be on the PATH."
            ) from error
        try:
            _await(process, doing, folder, (out, err), limits, stop)
        except BaseException:
            _kill(process)
            raise
        if process.returncode:
            err.seek(0)
            said = err.read(_MOST_READ).decode("utf-8", "replace")
            raise GitFailed(doing, _safe(reach.mask.masked(said) if reach else said))
        out.seek(0)
        return out.read()


def _environment(home: Path, reach: Reach | None) -> dict[str, str]:
    """All that git sees; of the environment of this process only what it cannot do without."""
    configuration = {**_CONFIGURATION, **(reach.settings if reach else {})}
    passed = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    return {
        **passed,
        "HOME": str(home),
        "LC_ALL": "C",
        "GIT_ALLOW_PROTOCOL": reach.protocol if reach else "none",
        "GIT_ASKPASS": "",
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_LITERAL_PATHSPECS": "1",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_SSH_COMMAND": reach.ssh if reach else "false",
        "GIT_TERMINAL_PROMPT": "0",
        "SSH_ASKPASS": "",
        "GIT_CONFIG_COUNT": str(len(configuration)),
        **{f"GIT_CONFIG_KEY_{number}": name for number, name in enumerate(configuration)},
        **{f"GIT_CONFIG_VALUE_{number}": value for number, value in enumerate(configuration.values())},
    }


def _await(
    process: subprocess.Popen[bytes],
    doing: str,
    folder: Path,
    outputs: Sequence[IO[bytes]],
    limits: Limits,
    stop: threading.Event | None,
) -> None:
    """Wait for the end of git, within its limits."""
    began = weighed = time.monotonic()
    while not _ended(process):
        now = time.monotonic()
        if stop is not None and stop.is_set():
            raise Interrupted(f"stopped while git was to {doing}")
        if now - began > limits.seconds:
            raise Unavailable(
                f"git could not {doing} within {limits.seconds:.0f} seconds", hint="It is tried again later."
            )
        if sum(os.fstat(each.fileno()).st_size for each in outputs) > limits.output:
            _too_large(doing, limits.output)
        if now - weighed > 0.5:
            weighed = now
            _weigh(doing, folder, limits)
    _weigh(doing, folder, limits)


def _ended(process: subprocess.Popen[bytes]) -> bool:
    try:
        process.wait(timeout=0.1)
    except subprocess.TimeoutExpired:
        return False
    return True


def _weigh(doing: str, folder: Path, limits: Limits) -> None:
    if sum(_sizes(folder)) > limits.folder:
        _too_large(doing, limits.folder)


def _too_large(doing: str, limit: int) -> NoReturn:
    raise Refused(
        f"git could not {doing} within {limit // 1_000_000:,} MB",
        hint="Keep catalogs in a repository of their own, without large files in it.",
    )


def _sizes(folder: Path) -> Iterator[int]:
    for path in folder.rglob("*"):
        try:
            yield path.lstat().st_size
        except OSError:  # gone meanwhile
            continue


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End git with all that it has started; they share a session of their own."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except OSError:
        process.kill()
    process.wait()


def _safe(said: str) -> str:
    """Git's own words on one line, without anything that a terminal would act on."""
    text = _UNPRINTABLE.sub(" ", said).strip()
    return text if len(text) <= MOST_SAID else text[: MOST_SAID - 1] + "…"
