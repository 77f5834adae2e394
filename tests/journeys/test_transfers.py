"""Past transfers: what was rejected and why, sent again where that can help, exported, and forgotten in time."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.journeys.small import Shop, open_shop, product

NOTES = {"name": "Notes__c", "type": "string", "length": 80}
RULE = {"field": "Notes__c", "matches": "ok.*", "message": "Notes begin with ok"}
STREAM = {
    "from": "products",
    "to": "Item__c",
    "key": {"Key__c": "sku"},
    "fields": {"Name": {"value": "name", "required": True}, "Notes__c": "notes"},
}


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    """Two records that the org refuses, one that the mapping refuses, one that is written."""
    products = [
        product("a", name="A", notes="ok"),
        product("b", name="B", notes="=bad"),
        product("c", name="C", notes="bad"),
        product("d", notes="ok"),
    ]
    with open_shop(tmp_path, fields=[NOTES], products=products, rules=[RULE]) as opened:
        opened.write({"items": STREAM})
        opened.apply(code=4)
        yield opened


def outcomes(shop: Shop) -> dict[str, str]:
    return {each["key"]: each["outcome"] for each in shop.shown()["outcomes"]}


def test_rejections_are_grouped_by_cause_and_say_what_to_do(shop: Shop) -> None:
    shown = shop.run("transfers", "show").out
    assert "FIELD_CUSTOM_VALIDATION_EXCEPTION Notes__c: 2 records" in shown
    assert "b: Notes begin with ok" in shown
    assert "REQUIRED_EMPTY Name: 1 record" in shown
    assert shown.count("→ ") == 2


def test_a_retry_sends_only_what_was_rejected_and_has_changed_since(shop: Shop) -> None:
    shop.change("a", notes="ok, but changed, too")
    shop.change("b", notes="ok now")
    done = shop.run("transfers", "retry", "--yes", "--json", code=4)
    assert "Of 3 records: 1 to send, 1 unchanged since and left alone, 1 still rejected by the mapping" in done.err
    assert outcomes(shop) == {"b": "created", "d": "rejected"}
    assert {key: row["Notes__c"] for key, row in shop.rows().items()} == {"a": "ok", "b": "ok now"}
    assert shop.shown()["trigger"] == "retry"
    assert shop.plan()["summary"]["update"] == 1, "the other record waits for the next transfer"


def test_nothing_is_sent_again_in_vain(shop: Shop) -> None:
    done = shop.run("transfers", "retry", "--yes", code=4)
    assert "0 to send, 2 unchanged since" in done.err
    assert "--force" in done.err
    assert len(shop.run("transfers", "list", "--json").data["transfers"]) == 1


def test_force_sends_the_same_once_more(shop: Shop) -> None:
    done = shop.run("transfers", "retry", "--yes", "--force", code=4)
    assert "2 to send" in done.err
    assert outcomes(shop) == {"b": "rejected", "c": "rejected", "d": "rejected"}


def test_a_field_that_was_described_anew_is_reason_to_send_again(shop: Shop) -> None:
    fields = shop.sandbox.org.objects.by_name["item__c"].fields
    notes = next(each for each in fields if each.name == "Notes__c")
    object.__setattr__(notes, "length", 90)
    done = shop.run("transfers", "retry", "--yes", code=4)
    assert "2 to send" in done.err


def test_a_transfer_without_rejections_needs_no_retry(shop: Shop) -> None:
    shop.change("b", notes="ok")
    shop.change("c", notes="ok")
    shop.change("d", name="D")
    shop.apply()
    assert "no rejected" in shop.run("transfers", "retry", "--yes").err
    first = shop.run("transfers", "list", "--json").data["transfers"][-1]["id"]
    assert "3 without anything to do" in shop.run("transfers", "retry", first, "--yes").err


def test_outcomes_are_exported_and_no_text_becomes_a_formula(shop: Shop) -> None:
    rows = list(csv.DictReader(io.StringIO(shop.run("transfers", "export").out)))
    assert [(row["key"], row["outcome"], row["field"]) for row in rows] == [
        ("a", "created", ""),
        ("b", "rejected", "Notes__c"),
        ("c", "rejected", "Notes__c"),
        ("d", "rejected", "Name"),
    ]
    lines = shop.run("transfers", "export", "--format", "jsonl", "--rejected").out.splitlines()
    assert [json.loads(each)["key"] for each in lines] == ["b", "c", "d"]


def test_old_outcomes_go_by_age_and_by_number_and_counts_stay(shop: Shop) -> None:
    for number in range(3):
        shop.change("a", notes=f"ok {number}")
        shop.apply(code=4)
    before = [each["summary"] for each in shop.run("transfers", "list", "--json").data["transfers"]]
    assert "shop: 4 outcomes dropped" in shop.run("transfers", "purge", "--keep-records", "12").err
    assert "shop: 8 outcomes dropped" in shop.run("transfers", "purge", "--keep-records", "1").err
    assert len(outcomes(shop)) == 4, "those of the newest stay"
    assert "shop: 4 outcomes dropped" in shop.run("transfers", "purge", "--older-than", "0").err
    assert [each["summary"] for each in shop.run("transfers", "list", "--json").data["transfers"]] == before


def test_the_catalog_says_of_how_many_records_outcomes_are_kept(shop: Shop) -> None:
    shop.write({"items": STREAM}, log={"keep_records": 5})
    shop.apply(code=4)
    first = shop.run("transfers", "list", "--json").data["transfers"][-1]
    assert shop.shown(first["id"])["outcomes"] == []
    assert first["summary"]["rejected"] == 3


def test_a_ledger_is_backed_up_while_it_is_in_use(shop: Shop) -> None:
    copy = shop.project.folder / "copy.db"
    shop.run("transfers", "backup", str(copy))
    assert "exists already" in shop.run("transfers", "backup", str(copy), code=1).err
    shop.project.edit("sync-engine.yaml", (".sync-engine/ledger.db", "copy.db"))
    assert outcomes(shop) == {"a": "created", "b": "rejected", "c": "rejected", "d": "rejected"}


def test_resume_says_when_nothing_is_under_way(shop: Shop) -> None:
    assert "Nothing is under way" in shop.run("transfers", "resume").err
