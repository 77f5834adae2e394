"""What a catalog means, and whether somebody else is further: what decides whether ``serve`` transfers it."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.engine.catalog_project import CATALOG, PROJECT, project, write
from tests.repositories import bare_repository

from sync_engine.catalog.validate import validate_project
from sync_engine.gitops.mirror import mirror_of
from sync_engine.ledger.records import ServedCatalog, utc_text
from sync_engine.serve.facts import ahead, meaning
from sync_engine.serve.sources import FolderSource, GitSource
from sync_engine.serve.watching import Revision, Seen

__all__ = ["project"]

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def meant(root: Path) -> str:
    result = validate_project(root)
    assert result.project is not None, result.problems
    (catalog,) = result.catalogs
    return meaning(result.project, catalog)


@pytest.mark.parametrize(
    ("old", "new", "same"),
    [
        ("version: 1\n", "# a comment\nversion: 1\n", True),
        ("name: webshop\n", "name:   'webshop'  # quoted\n", True),
        ("[en_US, de_DE]", "[ 'en_US',de_DE ]", True),
        ("name: webshop\n", "name: webshop\ndescription: For the team in Paris\n", True),
        ("name: webshop\n", "name: webshop\nschedule: {daily: '02:00'}\n", True),
        ("name: webshop\n", "name: webshop\nschedule: {daily: '02:00', timezone: Europe/Berlin}\n", False),
        ("Name: name", "Name: sku", False),
        ("[en_US, de_DE]", "[de_DE, en_US]", False),
        ("name: webshop\n", "name: webshop\nsafety: {max_deletes: 5}\n", False),
    ],
)
def test_a_catalog_means_what_it_transfers_and_not_how_it_is_written(
    old: str, new: str, same: bool, project: Path
) -> None:
    before = meant(project)
    assert old in CATALOG
    write(project / "catalogs" / "webshop.yaml", CATALOG.replace(old, new))
    assert (meant(project) == before) is same


@pytest.mark.parametrize(
    ("old", "new", "same"),
    [
        ("${PIM_URL}", "${OTHER_URL}", False),
        ("token: ", "token:    ", True),
        ("  crm:", "  other: {adapter: org}\n  crm:", True),
        ("${CRM_TOKEN}", "a-plain-secret", False),
    ],
)
def test_what_it_is_connected_to_belongs_to_its_meaning(old: str, new: str, same: bool, project: Path) -> None:
    before = meant(project)
    assert old in PROJECT
    write(project / "sync-engine.yaml", PROJECT.replace(old, new))
    assert (meant(project) == before) is same


def test_who_has_not_seen_a_commit_yet_does_not_transfer_what_it_was_transferred_for(tmp_path: Path) -> None:
    origin = bare_repository(tmp_path / "origin.git")
    files: dict[str, str | bytes] = {"sync-engine.yaml": "1"}
    first, second = origin.push(files), origin.push({"sync-engine.yaml": "2"})
    source = GitSource(mirror_of(str(origin.path), "main", tmp_path), "")

    def is_ahead(revision: str, good: str, *, transferred: timedelta, reached: bool = True) -> bool:
        served = ServedCatalog("shop", "m", revision, "done", "", utc_text(NOW + transferred))
        seen = Seen(Revision(good, tmp_path, None), reached=utc_text(NOW) if reached else "")
        return ahead(served, seen=seen, source=source)

    long_ago, just_now = timedelta(days=-1), timedelta(seconds=-10)
    source.newest(threading.Event())
    assert is_ahead(second, first, transferred=long_ago)
    assert not is_ahead(first, second, transferred=just_now)
    assert not is_ahead(second, second, transferred=just_now)
    third = origin.push({"sync-engine.yaml": "3"})
    assert is_ahead(third, second, transferred=just_now), "it may be a later commit that was not fetched yet"
    assert is_ahead(third, second, transferred=long_ago, reached=False)
    assert not is_ahead(third, second, transferred=long_ago), "it would have been fetched since"


def test_a_folder_is_never_behind(tmp_path: Path) -> None:
    served = ServedCatalog("shop", "m", "x", "done", "", utc_text(NOW))
    assert not ahead(served, seen=Seen(Revision("y", tmp_path, None)), source=FolderSource(tmp_path))
