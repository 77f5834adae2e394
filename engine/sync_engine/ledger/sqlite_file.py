"""The file of a ledger: how a new one comes into being, and whether one that is there can be trusted."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path

from sync_engine.problems import coded
from sync_engine.sdk.errors import Refused

PRIVATE = 0o600
"""Product data, and what decides what may be deleted: for this user only."""


def make_file(path: Path, fill: Callable[[Path], None]) -> None:
    """Make a file that is there as a whole or not at all, so that an empty one is never one of ours.

    Args:
        path: where; a file that another process has put there meanwhile is left as it is.
        fill: writes it, somewhere else.

    Raises:
        OSError: it cannot be made.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".new-") as folder:
        draft = Path(folder) / path.name
        make_private(draft)
        fill(draft)
        try:
            os.link(draft, path)
        except FileExistsError:
            return
        except OSError:
            draft.rename(path)  # no hard links on this file system
    _sync(path.parent)


def make_private(path: Path) -> None:
    """Make an empty file that only this user can read.

    Raises:
        FileExistsError: there is one.
    """
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE))


def look_at(path: Path) -> None:
    """Look whether a file may be a ledger of ours, before it is opened.

    Raises:
        Refused: it is none, or others may have changed it.
        OSError: it cannot be looked at.
    """
    found = path.lstat()
    if stat.S_ISLNK(found.st_mode):
        raise coded(Refused, "SE805", name=path)
    if not stat.S_ISREG(found.st_mode):
        raise coded(Refused, "SE802", name=path, reason="it is not a regular file")
    if os.name == "posix" and found.st_mode & (stat.S_IROTH | stat.S_IWOTH):
        what = "written" if found.st_mode & stat.S_IWOTH else "read"
        raise coded(Refused, "SE806", name=path, what=what)
    if found.st_size == 0:
        raise coded(Refused, "SE803", name=path, reason="it is empty")


def _sync(folder: Path) -> None:
    """Make the entry of a new file durable, where folders can be synchronised."""
    with contextlib.suppress(OSError):
        opened = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)
