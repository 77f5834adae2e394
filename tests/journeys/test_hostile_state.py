"""A state folder that cannot be trusted or written: that is said, the org is not touched, and nothing is lost."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.conftest import Figure
from tests.journeys.disks import fill, small_disk
from tests.journeys.small import Shop, open_shop, product

STREAM = {"from": "products", "to": "Item__c", "key": {"Key__c": "sku"}, "fields": {"Name": "name"}}


@pytest.fixture(scope="module")
def running_shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    products = [product(f"{number:03}", name=f"Mug {number}") for number in range(40)]
    with open_shop(tmp_path_factory.mktemp("shop"), products=products) as opened:
        opened.write({"items": STREAM})
        opened.apply()
        shutil.copy2(ledger(opened), good(opened))
        yield opened


@pytest.fixture
def shop(running_shop: Shop) -> Shop:
    """A shop with a ledger of one transfer, and one change to be transferred."""
    with_good_ledger(running_shop)
    running_shop.change("000", name="Jug" if running_shop.rows()["000"]["Name"] != "Jug" else "Cup")
    return running_shop


def folder(shop: Shop) -> Path:
    return shop.project.folder / ".sync-engine"


def ledger(shop: Shop) -> Path:
    return folder(shop) / "ledger.db"


def good(shop: Shop) -> Path:
    """A copy of the ledger that knows all records of the org."""
    return shop.project.folder / "good.db"


def with_good_ledger(shop: Shop) -> None:
    shutil.rmtree(folder(shop), ignore_errors=True)
    folder(shop).mkdir(mode=0o700)
    shutil.copy2(good(shop), ledger(shop))


def written(shop: Shop) -> int:
    """How many calls to the org have changed anything."""
    return sum(each.method != "GET" and "/sobjects" in each.path for each in shop.sandbox.org.requests.log)


def refused(shop: Shop, code: str, exit_code: int = 1) -> str:
    """Applying is refused with that code, and nothing was written; gives what was said."""
    before = written(shop)
    done = shop.run("apply", "--yes", code=exit_code)
    assert (
        done.err.startswith(f"Error {code}: the ledger {ledger(shop)}") or f"Error {code}: {ledger(shop)}" in done.err
    )
    assert written(shop) == before
    assert done.out == "" or code == "SE807"
    assert "***" not in done.err, "a headline of SQLite is no reason"
    return done.err


def restored(shop: Shop) -> None:
    """With the ledger as it was, everything goes on as if nothing had happened."""
    with_good_ledger(shop)
    assert shop.apply()["summary"]["updated"] == 1
    shop.settled()
    with shop.ledger() as opened:
        assert len(list(opened.owned("shop", "items"))) == 40


def foreign_file(path: Path) -> None:
    path.write_bytes(b"something else " * 1000)


def foreign_database(path: Path) -> None:
    path.unlink()
    with contextlib.closing(sqlite3.connect(path)) as other:
        other.executescript("CREATE TABLE mine (a); PRAGMA user_version = 3;")
    path.chmod(0o600)


def newer(path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path)) as other:
        other.execute("PRAGMA user_version = 99")


def truncated(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def emptied(path: Path) -> None:
    os.truncate(path, 0)


def scribbled(path: Path) -> None:
    """All pages but the first two, which opening reads, hold something else."""
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(2 * 4096)
        file.write(b"\x5a" * (size - 2 * 4096))


def one_page_scribbled(path: Path) -> None:
    """A page of the outcomes, which no plan reads, holds something else."""
    with contextlib.closing(sqlite3.connect(path)) as other:
        query = "SELECT rootpage FROM sqlite_master WHERE name = 'outcomes'"
        ((page,),) = other.execute(query).fetchall()
    with path.open("r+b") as file:
        file.seek((page - 1) * 4096)
        file.write(b"\x5a" * 4096)


def linked(path: Path) -> None:
    path.rename(path.with_name("elsewhere.db"))
    path.symlink_to("elsewhere.db")


def pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def readable(path: Path) -> None:
    path.chmod(0o644)


def writable(path: Path) -> None:
    path.chmod(0o602)


@pytest.mark.parametrize(
    ("spoil", "code", "why"),
    [
        (foreign_file, "SE802", "it is no database"),
        (foreign_database, "SE802", "a database of something else"),
        (pipe, "SE802", "not a regular file"),
        (newer, "SE804", "newer sync-engine"),
        (truncated, "SE803", "malformed"),
        (emptied, "SE803", "it is empty"),
        (scribbled, "SE803", "is damaged: "),
        (one_page_scribbled, "SE803", "is damaged: "),
        (linked, "SE805", "symbolic link"),
        (readable, "SE806", "read by everybody"),
        (writable, "SE806", "written by everybody"),
    ],
)
def test_a_ledger_that_cannot_be_trusted_is_refused_and_left_alone(
    shop: Shop, spoil: Callable[[Path], None], code: str, why: str
) -> None:
    spoil(ledger(shop))
    before = None if spoil is pipe else ledger(shop).read_bytes()
    assert why in refused(shop, code)
    assert spoil is pipe or ledger(shop).read_bytes() == before
    restored(shop)


def test_a_new_ledger_is_for_this_user_only(shop: Shop, tmp_path: Path) -> None:
    shutil.rmtree(folder(shop))
    shop.change("001", name="Mug for one")
    mask = os.umask(0)
    try:
        shop.apply()
        with shop.ledger() as opened, opened.locked(["x"]):
            modes = {each.name: oct(each.stat().st_mode)[-3:] for each in folder(shop).iterdir()}
        shop.run("transfers", "backup", str(tmp_path / "copy"))
    finally:
        os.umask(mask)
    assert modes == dict.fromkeys(("ledger.db", "ledger.db-wal", "ledger.db-shm"), "600")
    assert oct(folder(shop).stat().st_mode)[-3:] == "700"
    assert oct((tmp_path / "copy").stat().st_mode)[-3:] == "600"
    shutil.copy2(tmp_path / "copy", ledger(shop))
    shop.settled()


def test_a_folder_that_cannot_be_made_is_told(shop: Shop) -> None:
    shutil.rmtree(folder(shop))
    folder(shop).write_text("a file where the folder should be")
    try:
        assert "File exists" in refused(shop, "SE801")
    finally:
        folder(shop).unlink()


def held_by_permissions(shop: Shop, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command without the special rights of root, whom permissions would not hold back."""
    without = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
    return subprocess.run(
        [*without, sys.executable, "-m", "sync_engine", *arguments],
        cwd=shop.project.folder,
        env={**os.environ, **shop.project.environment, "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize("what", ["a new ledger", "the folder", "the file"])
def test_a_ledger_that_cannot_be_written_is_told_before_anything_is_sent(shop: Shop, what: str) -> None:
    if what == "a new ledger":
        ledger(shop).unlink()
    closed, mode = (ledger(shop), 0o400) if what == "the file" else (folder(shop), 0o500)
    closed.chmod(mode)
    before = written(shop)
    done = held_by_permissions(shop, "apply", "--yes")
    closed.chmod(mode | 0o200)
    assert done.returncode == 1, done.stderr
    assert done.stderr.startswith(("Error SE801", "Error SE807")), done.stderr
    assert "Traceback" not in done.stderr
    assert written(shop) == before
    restored(shop)


def test_a_full_disk_for_temporary_files_is_no_defect(shop: Shop, tmp_path: Path) -> None:
    before = written(shop)
    with small_disk(tmp_path / "disk", 4):
        done = shop.project.alone("apply", "--yes", code=1, TMPDIR=str(tmp_path / "disk"))
        assert "no space left on the disk" in done.err
        assert "TMPDIR" in done.err
        assert "defect" not in done.err
    assert written(shop) == before
    restored(shop)


@pytest.mark.parametrize("left", [0, 40, 72, 130, pytest.param(range(0, 640, 40), marks=pytest.mark.slow)], ids=str)
def test_a_disk_that_is_full_loses_nothing(running_shop: Shop, left: int | range, figure: Figure) -> None:
    shop, codes = running_shop, []
    for number, kilobytes in enumerate(left if isinstance(left, range) else [left]):
        shutil.rmtree(folder(shop), ignore_errors=True)
        with small_disk(folder(shop), 2048):
            shutil.copy2(good(shop), ledger(shop))
            for sku in range(40):
                shop.change(f"{sku:03}", name=f"Mug {sku} of {left} {number}")
            filler = fill(folder(shop), kilobytes)
            full = shop.project.alone("apply", "--yes", code=None)  # in a process that ends, so that its locks do
            codes.append(full.code)
            if full.code:
                assert full.code == 1, full.err
                assert "Error SE807" in full.err or "Error SE801" in full.err, full.err
                assert "full" in full.err or "No space" in full.err
            filler.unlink()
            shop.run("apply", "--yes")
            shop.settled()
            with shop.ledger() as opened:
                assert len(list(opened.owned("shop", "items"))) == 40
                assert opened.batches_left("shop") == []
            assert {row["Name"] for row in shop.rows().values()} == {f"Mug {n} of {left} {number}" for n in range(40)}
    assert 1 in codes
    if isinstance(left, range):
        assert 0 in codes
        figure("full disks", len(codes), f"SQLite: {codes.count(1)} of them refused, nothing lost")
