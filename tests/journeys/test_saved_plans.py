"""A saved plan writes what was approved: not twice, not over what changed since, not after anything else did."""

from __future__ import annotations

import dataclasses
import gzip
import importlib.metadata
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.journeys.small import Shop, open_shop, product

from sync_engine.planner.plan_file import read_plan
from sync_engine.sdk.errors import Refused

NOTES = {"name": "Notes__c", "type": "string", "length": 80}


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    products = [product(sku, name=f"Mug {sku}", notes="old") for sku in ("a", "b", "c")]
    with open_shop(tmp_path, fields=[NOTES], products=products) as opened:
        opened.write(
            {
                "items": {
                    "from": "products",
                    "to": "Item__c",
                    "key": {"Key__c": "sku"},
                    "fields": {"Name": "name", "Notes__c": "notes"},
                }
            }
        )
        yield opened


def save(shop: Shop, name: str = "plan") -> str:
    path = shop.project.folder / name
    shop.run("plan", "--out", str(path))
    return str(path)


def summary(shop: Shop, path: str, *, code: int = 0) -> dict[str, int]:
    found = shop.apply(path, code=code)["summary"]
    return {name: count for name, count in found.items() if count}


def test_a_plan_applied_twice_writes_nothing_the_second_time(shop: Shop) -> None:
    path = save(shop)
    assert summary(shop, path) == {"created": 3}
    assert summary(shop, path, code=6) == {"stale": 3}
    assert len(shop.rows()) == 3


def test_of_two_plans_the_older_writes_nothing_after_the_newer(shop: Shop) -> None:
    shop.apply()
    shop.change("a", notes="first")
    older = save(shop, "older")
    shop.change("a", notes="second")
    newer = save(shop, "newer")
    assert summary(shop, newer) == {"updated": 1, "unchanged": 2}
    assert summary(shop, older, code=6) == {"stale": 1, "unchanged": 2}
    assert shop.rows()["a"]["Notes__c"] == "second"


def test_a_field_that_changed_in_the_org_makes_its_row_stale_and_no_other(shop: Shop) -> None:
    shop.apply()
    for sku in ("a", "b"):
        shop.change(sku, notes="new")
    path = save(shop)
    shop.sandbox.org.edit("Item__c", shop.rows()["a"]["Id"], {"Notes__c": "by hand"})
    assert summary(shop, path, code=6) == {"stale": 1, "updated": 1, "unchanged": 1}
    assert {sku: row["Notes__c"] for sku, row in shop.rows().items()} == {"a": "by hand", "b": "new", "c": "old"}
    shown = shop.run("transfers", "show").out
    assert "Notes__c holds 'by hand', the plan saw 'old'; last modified by Pat Person, 20" in shown


def test_a_row_that_was_deleted_or_made_meanwhile_is_stale_and_no_other(shop: Shop) -> None:
    shop.apply()
    for sku in ("a", "b"):
        shop.change(sku, notes="new")
    shop.sandbox.org.remove("Item__c", shop.rows()["c"]["Id"])
    path = save(shop)
    shop.sandbox.org.remove("Item__c", shop.rows()["a"]["Id"])
    shop.sandbox.org.add("Item__c", {"Key__c": "c", "Name": "Made meanwhile"})
    assert summary(shop, path, code=6) == {"stale": 2, "updated": 1}
    assert {sku: row["Name"] for sku, row in shop.rows().items()} == {"b": "Mug b", "c": "Made meanwhile"}
    shown = shop.run("transfers", "show").out
    assert "items a: the record no longer exists under this key" in shown
    assert "items c: the record exists meanwhile" in shown


def test_a_field_that_the_plan_does_not_write_may_change_meanwhile(shop: Shop) -> None:
    shop.apply()
    shop.change("a", notes="new")
    path = save(shop)
    shop.sandbox.org.edit("Item__c", shop.rows()["a"]["Id"], {"Name": "Renamed"})
    assert summary(shop, path) == {"updated": 1, "unchanged": 2}
    assert (shop.rows()["a"]["Name"], shop.rows()["a"]["Notes__c"]) == ("Renamed", "new")


@pytest.mark.parametrize("content", [b"", b"{}", b"\x1f\x8b"])
def test_a_file_that_is_no_plan_is_refused_with_the_code_of_a_failure(shop: Shop, content: bytes) -> None:
    path = shop.project.folder / "plan"
    path.write_bytes(content)
    assert "is not a whole plan file" in shop.run("apply", str(path), "--yes", code=1).err


def test_every_single_byte_of_a_saved_plan_counts(shop: Shop) -> None:
    """Each byte of the packed file, one after the other; bytes of its header that mean nothing may change."""
    path = Path(save(shop))
    content = path.read_bytes()
    whole = read_plan(path)
    for place in range(0, len(content), 3):
        path.write_bytes(content[:place] + bytes([content[place] ^ 0x10]) + content[place + 1 :])
        try:
            found = read_plan(path)
        except Refused:
            continue
        assert (found.digest, found.catalogs) == (whole.digest, whole.catalogs)
        assert [*found.changes("shop", "items")] == [*whole.changes("shop", "items")]


def test_the_exit_codes_of_a_plan_are_as_promised(shop: Shop) -> None:
    path = save(shop)  # 0: made, changes or not
    shop.run("plan", "--detailed-exitcode", code=2)
    shop.run("apply", path, "--approve", "0" * 64, code=6)
    shop.run("apply", path, "--allow", "deletes=1", "--reason", "because", code=64)
    shop.run("apply", "no-such-catalog", "--yes", code=1)
    shop.run("apply", path, "--yes", code=0)
    shop.run("apply", path, "--yes", code=6)
    shop.run("plan", "--detailed-exitcode", code=0)
    shop.change("a", name=None)
    shop.apply(code=0)
    shop.project.edit("catalogs/shop.yaml", ('"sku"', '"no_such"'))
    shop.run("plan", code=3)


def test_a_plan_altered_by_one_byte_is_refused(shop: Shop) -> None:
    path = Path(save(shop))
    content = gzip.decompress(path.read_bytes())
    assert content.count(b"Mug a") == 1
    path.write_bytes(gzip.compress(content.replace(b"Mug a", b"Mug x")))
    assert "altered" in shop.run("apply", str(path), "--yes", code=1).err
    assert not shop.rows()


def test_a_plan_is_refused_when_the_catalog_changed(shop: Shop) -> None:
    path = save(shop)
    shop.project.edit("catalogs/shop.yaml", ('"notes"', '"ean"'))
    refused = shop.run("apply", path, "--yes", code=6).err
    assert "Changed since: shop: catalog; shop: mapping of items.Notes__c\n" in refused
    assert not shop.rows()


def test_a_plan_is_refused_when_a_field_of_the_org_changed(shop: Shop) -> None:
    path = save(shop)
    org = shop.sandbox.org
    field = org.objects.by_name["item__c"].by_name["notes__c"]
    org.change_field("Item__c", dataclasses.replace(field, length=60))
    refused = shop.run("apply", path, "--yes", code=6).err
    assert (
        "Changed since: shop: field items.Notes__c: text, length 80, updateable → text, length 60, updateable\n"
        in refused
    )
    assert not shop.rows()


def test_a_plan_is_refused_when_an_adapter_has_another_version(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save(shop)
    monkeypatch.setattr(importlib.metadata.Distribution, "version", "9.9")
    monkeypatch.syspath_prepend(str(shop.project.folder))  # another process would look for its packages anew
    refused = shop.run("apply", path, "--yes", code=6).err
    monkeypatch.undo()
    before = f"sync-engine {importlib.metadata.version('sync-engine')}"
    assert f"Changed since: shop: source: akeneo of {before} → akeneo of " in refused
    assert "→ akeneo of sync-engine 9.9; " in refused
    assert "; shop: target: salesforce of" in refused
    assert not shop.rows()


@pytest.mark.slow
def test_a_source_that_is_out_is_no_plan_and_no_change(shop: Shop) -> None:
    shop.apply()
    shop.project.environment["PIM_URL"] = "http://127.0.0.1:9"
    path = shop.project.folder / "plan"
    shop.run("plan", "--out", str(path), code=69)
    assert not path.exists()
    assert len(shop.rows()) == 3


def test_strictly_a_plan_with_one_stale_row_writes_none(shop: Shop) -> None:
    shop.apply()
    for sku in ("a", "b"):
        shop.change(sku, notes="new")
    path = save(shop)
    shop.sandbox.org.edit("Item__c", shop.rows()["a"]["Id"], {"Notes__c": "by hand"})
    refused = shop.run("apply", path, "--yes", "--strict", code=6).err
    assert "1 record changed since the plan was made; nothing was written" in refused
    assert "items a: Notes__c: holds 'by hand', the plan saw 'old'" in refused
    assert {sku: row["Notes__c"] for sku, row in shop.rows().items()} == {"a": "by hand", "b": "old", "c": "old"}
    shop.sandbox.org.edit("Item__c", shop.rows()["a"]["Id"], {"Notes__c": "old"})
    assert shop.apply(path, "--strict")["summary"]["updated"] == 2


def test_only_the_approved_plan_is_written_saved_or_made_anew(shop: Shop) -> None:
    path = save(shop)
    digest = shop.run("show", path, "--format", "json").data["digest"]
    assert f"has the digest {digest}" in shop.run("apply", path, "--approve", "0" * 64, code=6).err
    assert "not the approved" in shop.run("apply", "--approve", digest[:-1], code=6).err
    assert not shop.rows()
    shop.run("apply", "--approve", digest)
    assert len(shop.rows()) == 3
    # What was approved has been done, so the plan of now is another one.
    assert "not the approved" in shop.run("apply", "--approve", digest, code=6).err


def test_strict_without_a_saved_plan_is_a_usage_error(shop: Shop) -> None:
    assert "--strict is for a saved plan" in shop.run("apply", "--yes", "--strict", code=64).err
