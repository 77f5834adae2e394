"""Where the files of the project come from: a branch of a git repository, or a folder."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from sync_engine.gitops.mirror import (
    MAX_BYTES,
    MAX_FILES,
    PARTS,
    SUFFIXES,
    Commit,
    Mirror,
    fetch,
    has,
    is_ancestor,
    recent,
    write_project,
)
from sync_engine.sdk.errors import Refused

OLDER = 20
"""Commits that are looked at for a good one when the process begins at a broken one."""
SETTLED = 0.3
"""Seconds in which a folder must not change: whoever saves several files is given time to do so."""


class Source(Protocol):
    """What is watched."""

    name: str
    """For messages, and to tell one source from another."""

    def newest(self, stop: threading.Event) -> str:
        """The newest revision.

        Raises:
            SyncEngineError: it cannot be found out now.
        """

    def follows(self, new: str, old: str) -> bool:
        """Whether a revision came after another one, or is that one."""

    def is_later(self, one: str, other: str) -> bool | None:
        """Whether one revision came after another; None when it is not known here."""

    def older(self, revision: str) -> Sequence[str]:
        """Revisions before one, the newest first, as far as it is worth looking."""

    def describe(self, revision: str) -> Commit | None:
        """What people know a revision by; None when there is nothing."""

    def write(self, revision: str, folder: Path) -> None:
        """Write the files of the project into a folder that is made for it.

        Raises:
            Refused: some of them are none that may be used.
        """


class GitSource:
    """A branch of a repository."""

    def __init__(self, mirror: Mirror, path: str) -> None:
        self.name = f"{mirror.address} {mirror.branch}{f' {path}' if path else ''}"
        self._mirror = mirror
        self._path = path

    def newest(self, stop: threading.Event) -> str:
        """Fetch, and take the branch's newest commit."""
        return fetch(self._mirror, stop)

    def follows(self, new: str, old: str) -> bool:
        """Whether the older commit is in the history of the newer one."""
        return is_ancestor(self._mirror, old, new)

    def is_later(self, one: str, other: str) -> bool | None:
        """Whether the other commit is in the history of one."""
        return is_ancestor(self._mirror, other, one) if has(self._mirror, one) else None

    def older(self, revision: str) -> Sequence[str]:
        """The commits before one on the branch."""
        return [each.id for each in recent(self._mirror, revision, OLDER + 1)[1:]]

    def describe(self, revision: str) -> Commit | None:
        """Author, time and subject."""
        return next(iter(recent(self._mirror, revision, 1)), None)

    def write(self, revision: str, folder: Path) -> None:
        """Write the files of a commit."""
        write_project(self._mirror, revision, self._path, folder)


class FolderSource:
    """A folder whose files are edited in place. A revision is a digest of all of them."""

    def __init__(self, root: Path) -> None:
        self.name = str(root)
        self._root = root
        self._taken: tuple[str, dict[str, bytes]] | None = None

    def newest(self, stop: threading.Event) -> str:
        """Read the files twice, and take them once they have not changed in between."""
        first = self._read()
        while not stop.wait(SETTLED):
            again = self._read()
            if again == first:
                break
            first = again
        self._taken = first
        return first[0]

    def follows(self, new: str, old: str) -> bool:  # noqa: ARG002 - see ``Source``
        """A folder has no history: what is there comes after what was there."""
        return True

    def is_later(self, one: str, other: str) -> bool | None:  # noqa: ARG002
        """Whatever else there was came before what is there."""
        return False

    def older(self, revision: str) -> Sequence[str]:  # noqa: ARG002
        """Nothing is known of what was there before."""
        return ()

    def describe(self, revision: str) -> Commit | None:  # noqa: ARG002
        """There is nothing to know it by."""
        return None

    def write(self, revision: str, folder: Path) -> None:
        """Write the files as they were when they were read."""
        if self._taken is None or self._taken[0] != revision:
            raise Refused(f"the files of {self.name} have changed since")
        folder.mkdir(parents=True, mode=0o700)
        for name, content in self._taken[1].items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            path.write_bytes(content)

    def _read(self) -> tuple[str, dict[str, bytes]]:
        files: dict[str, bytes] = {}
        size = 0
        for path in sorted(each for part in PARTS for each in self._files(self._root / part)):
            name = path.relative_to(self._root).as_posix()
            if not path.resolve().is_relative_to(self._root.resolve()):
                raise Refused(f"{name} is a link to a file outside of the project, which is not followed")
            try:
                files[name] = path.read_bytes()
            except OSError as error:
                raise Refused(f"{name} cannot be read: {error.strerror}") from error
            size += len(files[name])
            if len(files) > MAX_FILES or size > MAX_BYTES:
                raise Refused(f"the project has more than {MAX_FILES:,} files, or more than {MAX_BYTES:,} bytes")
        digest = hashlib.sha256()
        for name, content in files.items():
            digest.update(f"{len(name)} {len(content)} {name}".encode() + content)
        return digest.hexdigest(), files

    def _files(self, part: Path) -> list[Path]:
        found = [part] if part.is_file() else part.rglob("*")
        hidden = (each for each in found if not any(one.startswith(".") for one in each.relative_to(self._root).parts))
        return [each for each in hidden if each.suffix in SUFFIXES and each.is_file()]
