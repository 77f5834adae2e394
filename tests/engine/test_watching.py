"""Which revision counts, whatever is found at the source: the last good one, until there is a better one."""

from __future__ import annotations

import errno
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from sync_engine.gitops.mirror import Commit
from sync_engine.sdk.errors import BrokenContract, Refused, SyncEngineError, Unavailable
from sync_engine.serve.sources import FolderSource
from sync_engine.serve.watching import Json, Kind, Seen, Watch

GO_ON = threading.Event()
MISTAKE: Json = {"file": "catalogs/a.yaml", "line": 1, "column": 2, "code": "SE107", "message": "no YAML"}


@dataclass
class Line:
    """Revisions that follow each other in the order of their letters; capital ones cannot be written."""

    name: str = "line"
    now: str | Exception = "a"
    written: list[str] = field(default_factory=list)

    def newest(self, stop: threading.Event) -> str:
        if isinstance(self.now, Exception):
            raise self.now
        return self.now

    def follows(self, new: str, old: str) -> bool:
        return new >= old

    def is_later(self, one: str, other: str) -> bool | None:
        return one > other

    def older(self, revision: str) -> Sequence[str]:
        return [chr(each) for each in range(ord(revision) - 1, ord("a") - 1, -1)]

    def describe(self, revision: str) -> Commit | None:
        return None

    def write(self, revision: str, folder: Path) -> None:
        self.written.append(revision)
        folder.mkdir(parents=True)
        if revision.isupper():
            raise Refused("it holds a link")
        (folder / "sync-engine.yaml").write_text(revision)


@dataclass
class Watched:
    """A watch of a line; revisions in ``broken`` have a mistake."""

    folder: Path
    line: Line = field(default_factory=Line)
    broken: set[str] = field(default_factory=set)
    failing: SyncEngineError | None = None
    checked: list[str] = field(default_factory=list)
    seen: Seen = field(default_factory=Seen)

    def watch(self, accept: str = "") -> Watch:
        return Watch(self.line, self.folder, self.validate, accept)

    def validate(self, folder: Path) -> Sequence[Json]:
        if self.failing is not None:
            raise self.failing
        self.checked.append(folder.name)
        return [MISTAKE] * 5 if folder.name in self.broken else []

    def look(self, now: str | Exception, watch: Watch | None = None) -> tuple[str | None, str | None]:
        """What counts after a look, and the kind of the trouble."""
        self.line.now = now
        self.seen = (watch or self.watch()).look(self.seen, GO_ON)
        good, trouble = self.seen.good, self.seen.trouble
        return good and good.id, trouble and trouble.kind.value


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    return Watched(tmp_path)


def test_good_revisions_count_one_after_the_other(watched: Watched) -> None:
    assert [watched.look(each) for each in "abbd"] == [("a", None), ("b", None), ("b", None), ("d", None)]
    assert watched.checked == ["a", "b", "d"]
    assert watched.seen.good is not None
    assert (watched.seen.good.folder / "sync-engine.yaml").read_text() == "d"


@pytest.mark.parametrize(
    ("found", "kind"),
    [
        ("x", "invalid"),
        (Refused("there is no such branch"), "unreachable"),
        (Unavailable("no answer"), "unreachable"),
        (OSError(errno.ENOSPC, "No space left on device", "/data/x"), "unknown"),
        ("X", "rewritten"),
    ],
)
def test_whatever_is_wrong_the_good_revision_goes_on_until_there_is_a_better_one(
    watched: Watched, found: str | Exception, kind: str
) -> None:
    watched.broken = {"x"}
    assert watched.look("a") == ("a", None)
    assert watched.look(found) == ("a", kind)
    first = watched.seen.trouble
    assert watched.look(found) == ("a", kind)
    assert watched.seen.trouble is first, "it is the same trouble, since the same moment"
    assert watched.look("a") == ("a", None)
    assert watched.look("y") == ("y", None)


def test_files_that_cannot_be_used_leave_nothing_behind(watched: Watched) -> None:
    assert watched.look("X") == (None, "unusable")
    assert list((watched.folder / "revisions").iterdir()) == []
    assert watched.look("X") == (None, "unusable")
    assert watched.line.written == ["X"], "known to be unusable"


def test_what_could_not_be_checked_is_checked_again(watched: Watched) -> None:
    watched.failing = BrokenContract("it crashed")
    assert watched.look("a") == (None, "unknown")
    watched.failing = None
    assert watched.look("a") == ("a", None)


def test_mistakes_are_named_and_a_broken_revision_is_checked_once(watched: Watched) -> None:
    watched.look("a")
    watched.broken = {"b"}
    for _ in range(3):
        assert watched.look("b") == ("a", "invalid")
    assert watched.checked == ["a", "b"]
    trouble = watched.seen.trouble
    assert trouble is not None
    assert trouble.message.splitlines()[0] == "b has 5 mistakes; a goes on"
    assert trouble.message.splitlines()[1] == "catalogs/a.yaml:1:2: SE107 no YAML"
    assert trouble.message.splitlines()[-1] == "… and 2 more"


def test_who_begins_at_a_broken_revision_goes_back_to_a_good_one(watched: Watched) -> None:
    watched.broken = {"c", "d"}
    assert watched.look("d") == ("b", "invalid")
    assert watched.checked == ["d", "c", "b"]
    assert watched.seen.trouble is not None
    assert watched.seen.trouble.revision == "d"
    watched.look("d")
    assert watched.checked == ["d", "c", "b"]


def test_history_that_was_rewritten_is_followed_when_that_is_accepted(watched: Watched) -> None:
    watched.look("c")
    assert watched.look("b") == ("c", "rewritten")
    assert watched.look("b", watched.watch(accept="b")) == ("b", None)
    assert watched.look("a", watched.watch(accept="b")) == ("b", "rewritten")


def test_the_next_process_knows_what_was_good(watched: Watched) -> None:
    watched.look("a")
    assert watched.seen.good is not None
    assert watched.watch().remembered().good == watched.seen.good
    watched.line.name = "another"
    assert watched.watch().remembered() == Seen()
    (watched.folder / "good.json").write_text("{")
    assert watched.watch().remembered() == Seen()


def test_files_of_revisions_stay_as_long_as_somebody_needs_them(watched: Watched) -> None:
    watch = watched.watch()
    for each in "abc":
        watched.look(each, watch)
    watch.tidy(frozenset("ac"))
    assert sorted(each.name for each in (watched.folder / "revisions").iterdir()) == ["a", "c"]


def test_every_kind_of_trouble_has_been_seen_here() -> None:
    assert {each.value for each in Kind} == {"unreachable", "rewritten", "unusable", "invalid", "unknown"}


# A folder whose files are edited in place.


@pytest.fixture
def folder(tmp_path: Path) -> Callable[[dict[str, str]], FolderSource]:
    def make(files: dict[str, str]) -> FolderSource:
        for name, text in files.items():
            path = tmp_path / "project" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return FolderSource(tmp_path / "project")

    return make


def test_a_revision_of_a_folder_is_all_that_a_project_is_made_of(
    folder: Callable[[dict[str, str]], FolderSource], tmp_path: Path
) -> None:
    files = {"sync-engine.yaml": "1", "catalogs/a/b.yaml": "2", "tests/a.yaml": "3", "snapshots/crm.json": "{}"}
    source = folder({**files, "README.md": "r", "catalogs/.a.yaml": "h", ".sync-engine/serve/x.yaml": "s"})
    first = source.newest(GO_ON)
    source.write(first, tmp_path / "copy")
    copied = [each for each in (tmp_path / "copy").rglob("*") if each.is_file()]
    assert {str(each.relative_to(tmp_path / "copy")): each.read_text() for each in copied} == files
    assert folder({"README.md": "other"}).newest(GO_ON) == first
    assert folder({"catalogs/a/b.yaml": "4"}).newest(GO_ON) != first


def test_what_is_written_is_what_was_read(folder: Callable[[dict[str, str]], FolderSource], tmp_path: Path) -> None:
    source = folder({"sync-engine.yaml": "1"})
    revision = source.newest(GO_ON)
    folder({"sync-engine.yaml": "2"})
    source.write(revision, tmp_path / "copy")
    assert (tmp_path / "copy" / "sync-engine.yaml").read_text() == "1"


def test_a_link_that_leads_out_of_the_folder_is_refused(
    folder: Callable[[dict[str, str]], FolderSource], tmp_path: Path
) -> None:
    source = folder({"sync-engine.yaml": "1", "catalogs/a.yaml": "2"})
    (tmp_path / "secret.yaml").write_text("s")
    (tmp_path / "project" / "catalogs" / "b.yaml").symlink_to(tmp_path / "secret.yaml")
    with pytest.raises(Refused, match=r"catalogs/b\.yaml is a link to a file outside"):
        source.newest(GO_ON)
