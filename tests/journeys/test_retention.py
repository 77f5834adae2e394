"""What is kept of transfers: as much, as long and as large as the catalog says; counts for ever."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.journeys.small import Shop, open_shop, product

NOTES = {"name": "Notes__c", "type": "longtextarea", "length": 40_000}
SKUS = [f"{number:02}" for number in range(20)]
STREAM = {
    "from": "products",
    "to": "Item__c",
    "key": {"Key__c": "sku"},
    "fields": {"Name": {"value": "name", "required": True}, "Notes__c": "notes"},
}


@pytest.fixture
def shop(tmp_path: Path, ledger_address: str) -> Iterator[Shop]:
    """A shop of 20 records and one without a name, whose ledger is in a database of either kind."""
    products = [*(product(sku, name=f"Mug {sku}", notes="new") for sku in SKUS), product("nameless")]
    with open_shop(tmp_path, fields=[NOTES], products=products) as opened:
        opened.keep_ledger(ledger_address)
        yield opened


def transfer(shop: Shop, notes: str, **log: Any) -> dict[str, Any]:
    """Change every record, and transfer that."""
    for sku in SKUS:
        shop.change(sku, notes=notes)
    shop.write({"items": STREAM}, log=log)
    return shop.apply(code=4)


def kept(shop: Shop) -> list[int]:
    """How many outcomes are kept of each transfer, the oldest first; the counts of all are there."""
    found = shop.run("transfers", "list", "--json").data["transfers"][::-1]
    assert all(each["summary"]["created"] + each["summary"]["updated"] == len(SKUS) for each in found)
    assert all(each["summary"]["rejected"] == 1 for each in found)
    return [len(shop.shown(each["id"])["outcomes"]) for each in found]


@pytest.mark.parametrize(
    ("level", "records", "fields"), [("full", 21, [["new", "newer"]]), ("changes", 21, []), ("minimal", 1, [])]
)
def test_a_level_keeps_what_it_says_and_all_counts(
    shop: Shop, level: str, records: int, fields: list[list[str]]
) -> None:
    transfer(shop, "new", level=level)
    done = transfer(shop, "newer", level=level)
    assert (done["summary"]["updated"], done["summary"]["rejected"]) == (20, 1)
    outcomes = shop.shown()["outcomes"]
    assert len(outcomes) == records
    assert [each["key"] for each in outcomes if each["outcome"] == "rejected"] == ["nameless"]
    first = next((each for each in outcomes if each["key"] == SKUS[0]), {"fields": []})
    assert [[each["before"], each["after"]] for each in first["fields"]] == fields
    assert "REQUIRED_EMPTY Name: 1 record" in shop.run("transfers", "show").out


def test_what_is_too_old_goes_at_the_end_of_a_transfer(shop: Shop) -> None:
    transfer(shop, "new")
    with shop.ledger() as ledger, ledger._database.writing() as transaction:
        transaction.execute("UPDATE transfers SET started = '2020-01-01T00:00:00.000Z'")
    transfer(shop, "newer", keep="7000d")
    assert kept(shop) == [21, 21]
    transfer(shop, "newest", keep="7d")
    assert kept(shop) == [0, 21, 21]


def test_what_takes_too_much_space_goes_at_the_end_of_a_transfer(shop: Shop) -> None:
    """Each transfer but the first keeps 20 times about 60,000 characters."""
    for letter in "abc":
        transfer(shop, letter * 30_000, keep_mb=3)
    assert kept(shop) == [21, 21, 21]
    transfer(shop, "d" * 30_000, keep_mb=3)
    assert kept(shop) == [0, 0, 21, 21]
    transfer(shop, "e" * 30_000, keep_mb=1)
    assert kept(shop) == [0, 0, 0, 0, 21], "those of the newest one stay, however large"


def test_a_command_drops_what_takes_too_much_space(shop: Shop) -> None:
    for letter in "abc":
        transfer(shop, letter * 30_000)
    assert "shop: 0 outcomes dropped" in shop.run("transfers", "purge", "--keep-mb", "3").err
    assert "shop: 42 outcomes dropped" in shop.run("transfers", "purge", "--catalog", "shop", "--keep-mb", "2").err
    assert kept(shop) == [0, 0, 21]
