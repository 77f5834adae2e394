"""Commits of a git repository are read without touching what is checked out; no name of one is an option of git."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import pytest
from tests.engine.repositories import commit, git

from sync_engine.gitops.repository import Repository, open_repository
from sync_engine.sdk.errors import Refused


def save(folder: Path, **files: str | bytes) -> str:
    """Commit these files (``__`` in a name stands for a slash, ``_yaml`` for the ending); gives the commit."""
    for name, content in files.items():
        path = folder / name.replace("__", "/").replace("_yaml", ".yaml")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return commit(folder)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "clone"
    made.mkdir()
    git(made, "init", "--quiet", "--initial-branch", "main")
    return made


@pytest.fixture
def repository(folder: Path) -> Repository:
    return open_repository(folder)


def test_files_of_an_older_commit_are_read_while_another_is_checked_out(folder: Path, repository: Repository) -> None:
    odd = b"a: \xff\r\n\n"
    old = save(folder, shop__one_yaml="old", shop__deep__two_yaml=odd, shop__notes="n", other_yaml="o")
    save(folder, shop__one_yaml="new")
    (folder / "shop" / "one.yaml").write_text("not committed", encoding="utf-8")
    found = dict(repository.files(old, PurePosixPath("shop"), (".yaml",)))
    assert found == {PurePosixPath("one.yaml"): b"old", PurePosixPath("deep/two.yaml"): odd}
    assert (folder / "shop" / "one.yaml").read_text(encoding="utf-8") == "not committed"
    assert git(folder, "status", "--short") == "M shop/one.yaml"


def test_a_folder_that_the_commit_has_not_is_empty_there(folder: Path, repository: Repository) -> None:
    saved = save(folder, a_yaml="1", shop2__b_yaml="2")
    assert list(repository.files(saved, PurePosixPath("shop"))) == []


def test_a_commit_is_written_into_a_folder_without_its_links(
    folder: Path, repository: Repository, tmp_path: Path
) -> None:
    (folder / "secret.yaml").symlink_to("/etc/passwd")
    saved = save(folder, shop__deep__one_yaml="1")
    repository.export(saved, tmp_path / "out")
    assert [each.name for each in (tmp_path / "out").rglob("*") if not each.is_dir()] == ["one.yaml"]


def test_what_attributes_of_the_repository_say_changes_no_file(folder: Path, repository: Repository) -> None:
    attributes = "*.yaml export-ignore export-subst text eol=crlf ident\n"
    (folder / ".gitattributes").write_text(attributes, encoding="utf-8")
    saved = save(folder, a_yaml="$Format:%H$ $Id$\n")
    assert dict(repository.files(saved, suffixes=(".yaml",))) == {PurePosixPath("a.yaml"): b"$Format:%H$ $Id$\n"}


def test_many_files_come_with_their_own_content(folder: Path, repository: Repository) -> None:
    for number in range(450):
        (folder / f"{number}.yaml").write_text(f"{number}\n" * (number % 3), encoding="utf-8")
    saved = save(folder)
    found = {path.stem: content.decode() for path, content in repository.files(saved)}
    assert found == {str(number): f"{number}\n" * (number % 3) for number in range(450)}


def test_branches_tags_and_abbreviations_name_commits(folder: Path, repository: Repository) -> None:
    saved = save(folder, a="1")
    git(folder, "tag", "--annotate", "v1", "--message", "One")
    assert {repository.commit(each) for each in ("main", "v1", "HEAD", saved[:10])} == {saved}


@pytest.mark.parametrize(
    "name", ["", "--help", "-q", "--output=/tmp/x", "nowhere", "main\n", "main:a", "main..main", "a b"]
)
def test_what_is_no_name_of_a_commit_is_refused(folder: Path, repository: Repository, name: str) -> None:
    save(folder, a="1")
    with pytest.raises(Refused, match=r"no name of a commit|knows no commit"):
        repository.commit(name)


def test_the_last_commit_in_common_is_where_a_branch_began(folder: Path, repository: Repository) -> None:
    first = save(folder, a="1")
    git(folder, "checkout", "--quiet", "-b", "change")
    change = save(folder, b="1")
    git(folder, "checkout", "--quiet", "main")
    later = save(folder, c="1")
    assert repository.common_ancestor(later, change) == first
    assert repository.common_ancestor(first, change) == first


def test_a_clone_without_the_history_says_how_to_get_it(folder: Path, tmp_path: Path) -> None:
    save(folder, a="1")
    git(folder, "checkout", "--quiet", "-b", "change")
    save(folder, b="1")
    git(folder, "checkout", "--quiet", "main")
    save(folder, c="1")
    address = folder.as_uri()
    git(tmp_path, "clone", "--quiet", "--depth", "1", "--no-single-branch", address, "shallow")
    shallow = open_repository(tmp_path / "shallow")
    with pytest.raises(Refused, match="no commit in common") as refused:
        shallow.common_ancestor(shallow.commit("origin/main"), shallow.commit("origin/change"))
    assert "fetch-depth: 0" in refused.value.hint


def test_a_hook_of_another_repository_does_not_lead_astray(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved = save(folder, a="1")
    git(tmp_path, "init", "--quiet", "other")
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "other" / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(tmp_path / "other"))
    opened = open_repository(folder)
    assert (opened.root, opened.commit("HEAD")) == (folder.resolve(), saved)


def test_a_folder_in_no_repository_and_a_machine_without_git_are_said(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with pytest.raises(Refused, match="is in no git repository that can be read: not a git repository"):
        open_repository(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Refused, match="git is not installed"):
        open_repository(folder)
