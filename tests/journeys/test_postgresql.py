"""A project whose ledger is in PostgreSQL: what died is taken up, what was rejected is sent again, nothing is lost."""

from __future__ import annotations

import random
import re
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from string import ascii_letters

import pytest
from tests.conftest import Figure
from tests.journeys.crashing import Crashing
from tests.journeys.disks import fill, small_disk
from tests.journeys.small import Shop, open_shop, product
from tests.postgresql import PASSWORD, Server, running_server

from sync_engine.sdk.target import BatchState

NOTES = {"name": "Notes__c", "type": "string", "length": 8}
STREAM = {
    "from": "products",
    "to": "Item__c",
    "key": {"Key__c": "sku"},
    "fields": {"Name": "name", "Notes__c": "notes"},
}
FIRST = 3
"""Commits before the one that packs the first batch: the tables, the locks, the beginning of the transfer."""


@pytest.fixture
def shop(tmp_path: Path, postgresql: Server) -> Iterator[Shop]:
    products = [product(sku, name=f"Mug {sku}", notes="short") for sku in "abc"]
    with open_shop(tmp_path, fields=[NOTES], products=products) as opened:
        opened.keep_ledger(postgresql.new_ledger())
        opened.write({"items": STREAM})
        yield opened


@pytest.fixture
def reachable() -> Iterator[Path]:
    """A folder that the server's user reaches, unlike those of pytest."""
    with tempfile.TemporaryDirectory(prefix="sync-engine-disk-") as made:
        Path(made).chmod(0o755)
        (Path(made) / "disk").mkdir()
        yield Path(made) / "disk"


def check(shop: Shop) -> None:
    """Everything is there, once, and known as ours; nothing is under way."""
    assert sorted(row["Key__c"] for row in shop.sandbox.org.rows("Item__c")) == ["a", "b", "c"]
    with shop.ledger() as ledger:
        assert [each.key for each in ledger.owned("shop", "items")] == ["a", "b", "c"]
        assert ledger.batches_left("shop") == []
    shop.settled()


def test_rejections_are_shown_solved_and_sent_again(shop: Shop) -> None:
    shop.change("a", notes="far too long for this field")
    assert shop.apply(code=4)["summary"]["rejected"] == 1
    assert "TOO_LONG" in shop.run("transfers", "show").out
    assert '"items","a","rejected"' in shop.run("transfers", "export", "--rejected").out
    shop.change("a", notes="short")
    assert shop.run("transfers", "retry", "--yes", "--json").data["transfers"][0]["summary"]["created"] == 1
    check(shop)
    assert [each["trigger"] for each in shop.run("transfers", "list", "--json").data["transfers"]] == [
        "retry",
        "command",
    ]
    assert "4 outcomes dropped" in shop.run("transfers", "purge", "--older-than", "0").err
    assert shop.shown()["summary"]["created"] == 1


def test_a_backup_is_left_to_pg_dump(shop: Shop, tmp_path: Path) -> None:
    refused = shop.run("transfers", "backup", str(tmp_path / "copy"), code=1)
    assert "Error SE813" in refused.err
    assert "pg_dump" in refused.err
    assert not (tmp_path / "copy").exists()


def test_the_password_is_never_printed(shop: Shop, postgresql: Server) -> None:
    asked = [("apply", "--yes"), ("doctor",), ("plan", "--format", "json"), ("transfers", "list")]
    address = postgresql.new_ledger()
    password = address.split(":")[2].partition("@")[0]
    shop.project.edit("sync-engine.yaml", ("${LEDGER}", address.replace(password, "${LEDGER_PASSWORD}")))
    shop.project.environment["LEDGER_PASSWORD"] = password
    told = [shop.run(*each, code=None) for each in asked]
    shop.project.environment["LEDGER_PASSWORD"] = "not-the-password"
    told += [shop.run(*each, code=None) for each in asked]
    assert [each.code for each in told] == [0, 0, 0, 0, 1, 1, 1, 1]
    for each in told:
        assert not any(secret in each.out + each.err for secret in (PASSWORD, password, "not-the-password"))
    assert "authentication failed" in told[-1].err


@pytest.mark.parametrize("found", [BatchState.PACKED, BatchState.SENDING, BatchState.SUBMITTED])
def test_a_transfer_that_was_killed_is_taken_up(shop: Shop, processes: Crashing, found: BatchState) -> None:
    states = [BatchState.PACKED, BatchState.SENDING, BatchState.SUBMITTED]
    killed = processes.run(shop.project, "apply", "--yes", at=("after commit", FIRST + states.index(found)))
    assert killed.code == -9
    with shop.ledger() as ledger:
        assert [each.state for each in ledger.batches_left("shop")] == [found]
    shop.apply()
    check(shop)


def test_a_transfer_goes_on_after_its_server_went_away(tmp_path: Path, processes: Crashing) -> None:
    products = [product(sku, name=f"Mug {sku}") for sku in "abc"]
    with running_server() as server, open_shop(tmp_path, fields=[NOTES], products=products) as shop:
        shop.keep_ledger(server.new_ledger())
        shop.write({"items": STREAM})
        first = processes.run(shop.project, "apply", "--yes", at=("after PATCH", 0), how="stop")
        server.stop()
        lost = processes.go_on(first.pid)
        assert lost.code == 69
        assert "Error SE8" in lost.err
        assert "run the same command again" in lost.err
        assert "Traceback" not in lost.err
        assert shop.run("apply", "--yes", code=69).err.startswith("Error SE809")
        server.start()
        assert "1 batch under way, 3 created" in shop.run("apply", "--yes").err
        check(shop)


@pytest.mark.parametrize("left", [(0, 102, 1500), pytest.param(range(0, 1600, 100), marks=pytest.mark.slow)], ids=str)
@pytest.mark.slow
def test_a_server_whose_disk_is_full_loses_nothing(
    tmp_path: Path, reachable: Path, left: Sequence[int], figure: Figure
) -> None:
    """At whichever write of a transfer the space ends, it is told, and the same command goes on when there is some."""
    rich = {**NOTES, "type": "longtextarea", "length": 30_000}
    products = [product(sku, name=f"Mug {sku}") for sku in "abc"]
    codes = []
    with (
        small_disk(reachable, 64 * 1024),
        running_server() as server,
        open_shop(tmp_path, fields=[rich], products=products) as shop,
    ):
        shop.keep_ledger(server.address(server.new_database_in(reachable)))
        shop.write({"items": STREAM})
        shop.apply()
        for kilobytes in left:
            notes = {sku: "".join(random.choices(ascii_letters, k=30_000)) for sku in "abc"}
            for sku, text in notes.items():
                shop.change(sku, notes=text)
            filler = fill(reachable, kilobytes)
            full = shop.run("apply", "--yes", code=None)
            codes.append(full.code)
            if full.code:
                assert full.code == 1, full.err
                assert "Error SE807" in full.err
                # Which it says depends on whether a page is new, or was made before and did not fit.
                assert re.search("could not (extend|write)", full.err), full.err
                assert PASSWORD not in full.err
            filler.unlink()
            shop.run("apply", "--yes")
            check(shop)
            assert {key: row["Notes__c"] for key, row in shop.rows().items()} == notes
    assert set(codes) == {0, 1}
    figure("full disks", len(codes), f"PostgreSQL: {codes.count(1)} of them refused, nothing lost")


@pytest.mark.slow
def test_a_process_that_stands_still_within_a_transaction_commits_nothing(shop: Shop, processes: Crashing) -> None:
    shop.project.edit("sync-engine.yaml", ("version: 1\n", "version: 1\nlease_seconds: 1\n"))
    first = processes.run(shop.project, "apply", "--yes", at=("before commit", FIRST), how="stop")
    assert first.code is None
    deadline = time.monotonic() + 60
    while (second := shop.run("apply", "--yes", code=None)).code == 7:  # until its lease of a second has run out
        assert time.monotonic() < deadline, second.err
    assert "3 created" in second.out
    woken = processes.go_on(first.pid)
    assert woken.code in (7, 69), woken.err
    assert "Traceback" not in woken.err
    check(shop)
    transfers = shop.run("transfers", "list", "--json").data["transfers"]
    assert [each["status"] for each in transfers] == ["done", "interrupted"]
    assert shop.shown(transfers[1]["id"])["outcomes"] == []
