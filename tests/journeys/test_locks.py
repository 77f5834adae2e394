"""One transfer per catalog and per target object; whoever lost the lock writes nothing more."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.journeys.crashing import Crashing
from tests.journeys.small import Shop, open_shop, product

BEGUN = ("after commit", 2)
"""The ledger was made, the locks were taken, the transfer has begun; nothing was sent."""


@pytest.fixture
def shop(tmp_path: Path, ledger_address: str) -> Iterator[Shop]:
    with open_shop(tmp_path, products=[product(sku, name=f"Mug {sku}") for sku in "abc"]) as opened:
        opened.keep_ledger(ledger_address)
        opened.write(
            {"items": {"from": "products", "to": "Item__c", "key": {"Key__c": "sku"}, "fields": {"Name": "name"}}}
        )
        yield opened


def lease(shop: Shop, seconds: int) -> None:
    shop.project.edit("sync-engine.yaml", ("version: 1\n", f"version: 1\nlease_seconds: {seconds}\n"))


def test_a_second_transfer_is_refused_and_told_who_holds_the_lock(shop: Shop, processes: Crashing) -> None:
    first = processes.run(shop.project, "apply", "--yes", at=BEGUN, how="stop")
    refused = shop.run("apply", "--yes", code=7)
    (held,) = shop.run("transfers", "list", "--json").data["transfers"]
    assert f"by process {first.pid} on {socket.gethostname()} since 2" in refused.err
    assert f"transfer {held['id']}" in refused.err
    assert not shop.rows()
    assert processes.go_on(first.pid).code == 0
    assert len(shop.rows()) == 3


def test_a_process_that_was_stopped_past_its_lease_writes_nothing_more(shop: Shop, processes: Crashing) -> None:
    lease(shop, 1)
    first = processes.run(shop.project, "apply", "--yes", at=BEGUN, how="stop")
    deadline = time.monotonic() + 30
    while (second := shop.run("apply", "--yes", "--json", code=None)).code == 7:
        assert time.monotonic() < deadline
    assert second.data["transfers"][0]["summary"]["created"] == 3
    for sku in "abc":
        shop.sandbox.org.edit("Item__c", shop.rows()[sku]["Id"], {"Name": "by hand"})
    woken = processes.go_on(first.pid)
    assert woken.code == 7
    assert "lost its lock" in woken.err
    assert {row["Name"] for row in shop.rows().values()} == {"by hand"}
    transfers = shop.run("transfers", "list", "--json").data["transfers"]
    assert [each["status"] for each in transfers] == ["done", "interrupted"]
    assert shop.shown(transfers[1]["id"])["outcomes"] == []


def test_the_locks_of_a_dead_process_are_not_waited_for(shop: Shop, processes: Crashing) -> None:
    assert processes.run(shop.project, "apply", "--yes", at=BEGUN).code == -9
    assert shop.apply()["summary"]["created"] == 3


def test_two_catalogs_that_write_to_the_same_object_exclude_each_other(shop: Shop, processes: Crashing) -> None:
    path = shop.project.folder / "catalogs" / "shop.yaml"
    other = path.read_text(encoding="utf-8").replace('"name": "shop"', '"name": "other"')
    path.with_name("other.yaml").write_text(other, encoding="utf-8")
    first = processes.run(shop.project, "apply", "shop", "--yes", at=BEGUN, how="stop")
    refused = shop.run("apply", "other", "--yes", code=7)
    assert re.search("object Item__c of crm is locked by process", refused.err)
    processes.go_on(first.pid)


def test_reading_needs_no_lock(shop: Shop, processes: Crashing) -> None:
    first = processes.run(shop.project, "apply", "--yes", at=BEGUN, how="stop")
    assert shop.plan()["summary"]["create"] == 3
    processes.go_on(first.pid)
