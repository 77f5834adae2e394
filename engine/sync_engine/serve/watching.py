"""Which revision of the project counts: the newest one that is good, and what is wrong with the one that is there.

Whatever git holds, the last good revision goes on until there is a better one: a branch that is gone, a history that
was rewritten, an empty tree and a file with a mistake are the same thing here, trouble. It is said once, loudly, and
stays in the status until it is over.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from sync_engine.gitops.mirror import Commit
from sync_engine.ledger.records import utc_now
from sync_engine.sdk.errors import Interrupted, Refused, SyncEngineError
from sync_engine.serve.sources import Source

SHOWN = 3
"""Problems that a message names."""
_GOOD = "good.json"

Json = Mapping[str, Any]
Validate = Callable[[Path], Sequence[Json]]
"""From the folder of a project to the errors in it, each as ``validate --format json`` has it.

Raises:
    SyncEngineError: it could not be found out.
"""


class Kind(StrEnum):
    """What kind of trouble there is with what is watched."""

    UNREACHABLE = "unreachable"  # nobody knows what it holds now
    REWRITTEN = "rewritten"  # the newest commit does not come after the one that is running
    UNUSABLE = "unusable"  # it holds links, submodules, files that are too large, …
    INVALID = "invalid"  # it has mistakes
    UNKNOWN = "unknown"  # it could not be checked


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why the newest revision is not the one that is running.

    Attributes:
        revision: of the trouble; empty where none could be found out.
        problems: mistakes, each as ``validate --format json`` has it.
        since: when it was seen first, as ISO 8601 in UTC.
    """

    kind: Kind
    revision: str
    message: str
    hint: str
    since: str
    problems: tuple[Json, ...] = ()

    def is_same(self, other: Trouble | None) -> bool:
        """Whether it is the same trouble going on."""
        return other is not None and (self.kind, self.revision, self.message) == (
            other.kind,
            other.revision,
            other.message,
        )


@dataclass(frozen=True, slots=True)
class Revision:
    """A good one: its files have no mistakes.

    Attributes:
        folder: of the project's files; it never changes.
    """

    id: str
    folder: Path
    commit: Commit | None


@dataclass(frozen=True, slots=True)
class Seen:
    """What was found at the last look.

    Attributes:
        good: the revision that counts; None until there is one.
        trouble: None when the newest revision is the one that counts.
        looked: when, as ISO 8601 in UTC; empty before the first time.
        reached: when it was last known what the newest revision is.
    """

    good: Revision | None = None
    trouble: Trouble | None = None
    looked: str = ""
    reached: str = ""


class Watch:
    """Looks at a source, and keeps the revisions that count as folders. Used by one thread."""

    def __init__(self, source: Source, folder: Path, validate: Validate, accept: str = "") -> None:
        """Watch.

        Args:
            source: what is watched.
            folder: of this process alone.
            validate: see there.
            accept: the beginning of a commit that may count although it does not come after the one before.
        """
        self._source = source
        self._folder = folder
        self._validate = validate
        self._accept = accept

    def remembered(self) -> Seen:
        """The good revision of the time before this process, without looking at the source."""
        try:
            kept = json.loads((self._folder / _GOOD).read_bytes())
            revision, source = str(kept["revision"]), kept["source"]
        except (OSError, ValueError, KeyError, TypeError):
            return Seen()
        folder = self._place(revision)
        if source != self._source.name or not folder.is_dir():
            return Seen()
        return Seen(Revision(revision, folder, self._described(revision)))

    def look(self, before: Seen, stop: threading.Event) -> Seen:
        """Find out what is there now.

        Raises:
            Interrupted: ``stop`` was set.
        """
        looked = replace(before, looked=utc_now())
        try:
            return self._look(looked, stop)
        except OSError as error:
            why = f"{error.filename or self._folder} cannot be used: {error.strerror}"
            return self._troubled(looked, Kind.UNKNOWN, "", Refused(why, hint="Is the disk full?"))

    def _look(self, looked: Seen, stop: threading.Event) -> Seen:
        try:
            newest = self._source.newest(stop)
        except Interrupted:
            raise
        except SyncEngineError as error:
            return self._troubled(looked, Kind.UNREACHABLE, "", error)
        looked = replace(looked, reached=looked.looked)
        if looked.good is not None and newest == looked.good.id:
            return replace(looked, trouble=None)
        known = looked.trouble
        if known is not None and known.revision == newest and known.kind in (Kind.INVALID, Kind.UNUSABLE):
            return looked
        if looked.good is not None and not self._may_follow(newest, looked.good.id):
            return self._troubled(looked, Kind.REWRITTEN, newest, _rewritten(newest, looked.good.id))
        found = self._judge(looked, newest)
        if found.good is None:
            found = self._fall_back(found, newest)
        return found

    def _may_follow(self, newest: str, good: str) -> bool:
        return (bool(self._accept) and newest.startswith(self._accept)) or self._source.follows(newest, good)

    def _judge(self, looked: Seen, newest: str) -> Seen:
        """Make the newest revision the one that counts, if there is nothing wrong with it."""
        try:
            folder = self._written(newest)
        except Refused as error:
            return self._troubled(looked, Kind.UNUSABLE, newest, error)
        except SyncEngineError as error:
            return self._troubled(looked, Kind.UNKNOWN, newest, error)
        try:
            errors = self._validate(folder)
        except SyncEngineError as error:
            return self._troubled(looked, Kind.UNKNOWN, newest, error)
        if errors:
            return self._troubled(looked, Kind.INVALID, newest, _invalid(newest, errors, looked.good), errors)
        self._keep(newest)
        return replace(looked, good=Revision(newest, folder, self._described(newest)), trouble=None)

    def _fall_back(self, looked: Seen, newest: str) -> Seen:
        """The process begins at a broken revision: the last good one before it counts."""
        for each in self._source.older(newest):
            found = self._judge(looked, each)
            if found.good is not None:
                return replace(found, trouble=looked.trouble)
        return looked

    def _troubled(
        self, looked: Seen, kind: Kind, revision: str, error: SyncEngineError, problems: Sequence[Json] = ()
    ) -> Seen:
        fresh = Trouble(kind, revision, error.message, error.hint, looked.looked, tuple(problems))
        known = looked.trouble
        return looked if known is not None and fresh.is_same(known) else replace(looked, trouble=fresh)

    def _described(self, revision: str) -> Commit | None:
        with contextlib.suppress(SyncEngineError):  # the files are there, and that is what matters
            return self._source.describe(revision)
        return None

    def _place(self, revision: str) -> Path:
        return self._folder / "revisions" / revision

    def _written(self, revision: str) -> Path:
        """The folder with the files of a revision; either all of them are there or none."""
        place = self._place(revision)
        if not place.is_dir():
            fresh = place.with_name(f".{revision}.{os.getpid()}")
            shutil.rmtree(fresh, ignore_errors=True)
            try:
                self._source.write(revision, fresh)
                fresh.rename(place)
            except BaseException:
                shutil.rmtree(fresh, ignore_errors=True)
                raise
        return place

    def _keep(self, revision: str) -> None:
        """Remember the good revision for the next process."""
        fresh = self._folder / f".{_GOOD}"
        fresh.write_text(json.dumps({"revision": revision, "source": self._source.name}), encoding="utf-8")
        fresh.replace(self._folder / _GOOD)

    def tidy(self, needed: frozenset[str]) -> None:
        """Remove the files of revisions that nobody needs any more."""
        for each in (self._folder / "revisions").iterdir() if (self._folder / "revisions").is_dir() else ():
            if each.name not in needed:
                shutil.rmtree(each, ignore_errors=True)


def _rewritten(newest: str, good: str) -> Refused:
    return Refused(
        f"the history of the branch was rewritten: {newest[:12]} does not come after {good[:12]}, which goes on",
        hint=f"Push a commit that comes after it; or, if that is meant: sync-engine serve --accept {newest[:12]}",
    )


def _invalid(newest: str, errors: Sequence[Json], good: Revision | None) -> Refused:
    shown = [f"{each['file']}:{each['line']}:{each['column']}: {each['code']} {each['message']}" for each in errors]
    more = [f"… and {len(shown) - SHOWN} more"] if len(shown) > SHOWN else []
    count = f"{len(errors)} mistake{'s' if len(errors) != 1 else ''}"
    instead = f"{good.id[:12]} goes on" if good else "nothing is transferred"
    return Refused("\n".join((f"{newest[:12]} has {count}; {instead}", *shown[:SHOWN], *more)))
