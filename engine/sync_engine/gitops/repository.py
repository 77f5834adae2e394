"""A git repository, read commit by commit: what is checked out, the index and the references stay as they are.

Files of a commit are read as git keeps them (blobs), so no hook, filter or attribute of the repository is run or
applied. What a user names as a commit never reaches git as an option.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from sync_engine.sdk.errors import Refused

ROOT = PurePosixPath()
"""The folder of a repository itself."""
TIMEOUT = 120
"""Seconds for one call; nothing here waits for a network."""
_OF_A_HOOK = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX")
"""Variables that lead git to another repository than that of the folder."""
_FILES = (b"100644", b"100755")
_TOGETHER = 200
"""Files whose contents are asked for at once."""


@dataclass(frozen=True, slots=True)
class Repository:
    """The repository that a folder belongs to.

    Attributes:
        root: the folder that is checked out.
    """

    root: Path

    def commit(self, reference: str) -> str:
        """The full id of the commit that a branch, tag or other name stands for.

        Raises:
            Refused: there is none.
        """
        hint = "Name a branch, a tag or a commit that this clone has, such as origin/main; `git fetch` gets others."
        if not reference or reference.startswith("-") or not reference.isprintable():
            raise Refused(f"{reference!r} is no name of a commit", hint=hint)
        found = self._git("rev-parse", "--verify", "--quiet", f"{reference}^{{commit}}")
        if found.returncode:
            raise Refused(f"git knows no commit `{reference}` in {self.root}", hint=hint)
        return found.stdout.decode().strip()

    def common_ancestor(self, one: str, other: str) -> str:
        """The last commit that two commits have in common.

        Args:
            one: full id of a commit.
            other: likewise.

        Raises:
            Refused: they have none, or the clone does not reach back so far.
        """
        found = self._git("merge-base", one, other)
        if found.returncode or not found.stdout:
            shallow = self._git("rev-parse", "--is-shallow-repository").stdout.strip() == b"true"
            raise Refused(
                f"the commits {one[:12]} and {other[:12]} have no commit in common",
                hint="This clone has only a part of the history: fetch all of it (GitHub: `fetch-depth: 0` of "
                "actions/checkout, GitLab: `GIT_DEPTH: 0`, else `git fetch --unshallow`)."
                if shallow
                else "",
            )
        return found.stdout.decode().split()[0]

    def files(
        self, commit: str, folder: PurePosixPath = ROOT, suffixes: Collection[str] = ()
    ) -> Iterator[tuple[PurePosixPath, bytes]]:
        """The files of a commit; links and submodules are none.

        Args:
            commit: full id.
            folder: only what is below it, relative to the repository's root.
            suffixes: only files whose names end so; empty for all.

        Yields:
            The path relative to ``folder``, and the content.
        """
        below = [] if folder == ROOT else ["--", f"{folder.as_posix()}/"]
        listed = self._checked("ls-tree", "-r", "-z", "--full-tree", commit, *below)
        wanted: list[tuple[PurePosixPath, bytes]] = []
        for entry in filter(None, listed.split(b"\0")):
            about, _, name = entry.partition(b"\t")
            mode, _, blob = about.split(b" ")
            path = PurePosixPath(os.fsdecode(name)).relative_to(folder)
            if mode in _FILES and ".." not in path.parts and (not suffixes or path.suffix in suffixes):
                wanted.append((path, blob))
        for start in range(0, len(wanted), _TOGETHER):
            part = wanted[start : start + _TOGETHER]
            yield from zip((path for path, _ in part), self._contents([blob for _, blob in part]), strict=True)

    def _contents(self, blobs: Sequence[bytes]) -> Iterator[bytes]:
        given = self._checked("cat-file", "--batch", given=b"".join(blob + b"\n" for blob in blobs))
        return split_contents(given, len(blobs))

    def export(self, commit: str, into: Path, folder: PurePosixPath = ROOT, suffixes: Collection[str] = ()) -> None:
        """Write the files of a commit into an empty folder; see ``files``."""
        for path, content in self.files(commit, folder, suffixes):
            place = into / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content)

    def place_of(self, folder: Path) -> PurePosixPath:
        """A folder of the repository, relative to its root."""
        return PurePosixPath(folder.resolve().relative_to(self.root.resolve()).as_posix())

    def _checked(self, *arguments: str, given: bytes = b"") -> bytes:
        done = self._git(*arguments, given=given)
        if done.returncode:
            raise Refused(f"git {arguments[0]} failed in {self.root}: {_said(done)}")
        return done.stdout

    def _git(self, *arguments: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        return _run(self.root, *arguments, given=given)


def open_repository(folder: Path) -> Repository:
    """The repository that a folder belongs to.

    Raises:
        Refused: it belongs to none, git does not trust it, or git is not installed.
    """
    done = _run(folder, "rev-parse", "--show-toplevel")
    if done.returncode:
        raise Refused(f"{folder} is in no git repository that can be read: {_said(done)}")
    return Repository(Path(os.fsdecode(done.stdout.rstrip(b"\n"))))


def split_contents(given: bytes, count: int) -> Iterator[bytes]:
    """The contents that ``git cat-file --batch`` printed."""
    place = 0
    for _ in range(count):
        # Each content stands behind a line with its size, and is followed by a line break.
        start = given.index(b"\n", place) + 1
        size = int(given[place:start].split()[2])
        yield given[start : start + size]
        place = start + size + 1


def _run(folder: Path, *arguments: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    environment = {name: value for name, value in os.environ.items() if name not in _OF_A_HOOK}
    # No questions, nothing written on the side, and messages in one language.
    environment |= {"GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}
    try:
        return subprocess.run(  # noqa: S603 - names of commits are checked before
            ["git", "-C", str(folder), *arguments],  # noqa: S607 - the user's git
            input=given,
            capture_output=True,
            env=environment,
            timeout=TIMEOUT,
            check=False,
        )
    except FileNotFoundError:
        raise Refused("git is not installed", hint="Install git; commits are read with it.") from None
    except subprocess.TimeoutExpired:
        raise Refused(f"git {arguments[0]} did not end within {TIMEOUT} seconds in {folder}") from None


def _said(done: subprocess.CompletedProcess[bytes]) -> str:
    """The first line of what git complains of."""
    lines = done.stderr.decode(errors="replace").strip().splitlines()
    return lines[0].removeprefix("fatal: ") if lines else f"exit code {done.returncode}"
