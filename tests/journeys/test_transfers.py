"""Past transfers: what was rejected and why, sent again where that can help, exported, and forgotten in time."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.journeys.small import KEY, Shop, open_shop, product

from sync_engine_sandbox.faults import Rule

NOTES = {"name": "Notes__c", "type": "string", "length": 80}
OTHER = {"name": "Other__c", "fields": [KEY]}
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
    with open_shop(tmp_path, fields=[NOTES], objects=[OTHER], products=products, rules=[RULE]) as opened:
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


def test_what_became_of_a_call_without_an_answer_is_said_to_be_unknown_and_found_out(shop: Shop) -> None:
    shop.connect(retry_minutes=0)
    shop.change("b", notes="ok")
    shop.change("c", notes="ok")
    with shop.sandbox.faults.during(Rule("lost", "crm.write")):
        shop.run("apply", "--yes", code=69)
    shown = shop.run("transfers", "show").out
    assert "✗ UNCERTAIN: 2 records, not known yet whether they were written" in shown
    assert "→ `sync-engine transfers resume` asks the target now" in shown
    assert "1 batch under way, 2 created" in shop.run("transfers", "resume").err
    assert outcomes(shop)["b"] == "created"


def test_the_last_line_says_that_not_all_was_written_and_where_to_look(shop: Shop) -> None:
    def last(*arguments: str) -> str:
        return shop.run(*arguments, "--yes", code=4).err.splitlines()[-1]

    assert (
        last("apply") == f"Finished, but NOT ALL: 3 records rejected; sync-engine transfers show {shop.shown()['id']}"
    )
    assert last("transfers", "retry") == "Finished, but NOT ALL: 3 records still rejected."
    shop.change("b", notes="ok")
    shop.change("c", notes="ok")
    assert last("transfers", "retry").startswith("Finished, but NOT ALL: 1 record rejected; sync-engine transfers show")


@pytest.fixture
def two(shop: Shop) -> Shop:
    """A second catalog, transferred after the first, whose records are all good."""
    good = {"from": "products", "to": "Other__c", "key": {"Key__c": "sku"}, "fields": {"Name": "sku"}}
    text = (shop.project.folder / "catalogs" / "shop.yaml").read_text(encoding="utf-8")
    document = json.loads(text) | {"name": "zoo", "streams": {"others": good}}
    (shop.project.folder / "catalogs" / "zoo.yaml").write_text(json.dumps(document), encoding="utf-8")
    return shop


def test_of_several_transfers_the_one_with_rejections_is_named(two: Shop) -> None:
    said = two.run("apply", "--yes", code=4).err.splitlines()[-1]
    newest, rejected = two.run("transfers", "list", "--json").data["transfers"][:2]
    assert (newest["catalog"], newest["status"], rejected["status"]) == ("zoo", "done", "rejected")
    assert said.endswith(f"3 records rejected; sync-engine transfers show {rejected['id']}")


def test_what_was_done_before_a_later_catalog_failed_is_said(two: Shop) -> None:
    two.connect(retry_minutes=0)
    two.change("b", notes="ok")
    with two.sandbox.faults.during(Rule("503", "crm.write", skip=1)):
        failed = two.run("apply", "--yes", code=69)
    assert "of shop: 1 created, 0 updated, 1 unchanged, 2 rejected." in failed.err


def test_outcomes_of_a_catalog_that_is_gone_can_be_dropped(two: Shop) -> None:
    two.run("apply", "zoo", "--yes")
    (two.project.folder / "catalogs" / "zoo.yaml").unlink()
    assert "zoo: 0 outcomes dropped" in two.run("transfers", "purge").err
    done = two.run("transfers", "purge", "--catalog", "zoo", "--older-than", "0")
    assert "zoo: 4 outcomes dropped" in done.err
    assert "shop" not in done.err
    assert "Did you mean `zoo`?" in two.run("transfers", "purge", "--catalog", "zo", code=1).err
