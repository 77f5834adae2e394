"""What people changed in the org is overwritten, kept, reported or refused as the catalog says; all of it settles."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.journeys.small import Json, Shop, open_shop, product

FIELDS = [
    {"name": "Notes__c", "type": "string", "length": 80},
    {"name": "Ean__c", "type": "string", "length": 80},
]


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    products = [product(sku, name=f"Mug {sku}", notes="old") for sku in ("a", "b")]
    with open_shop(tmp_path, fields=FIELDS, products=products) as opened:
        yield opened


def write(shop: Shop, notes: Any, stream: Mapping[str, object] | None = None) -> None:
    fields = {"Name": "name", "Notes__c": notes, "Ean__c": "ean"}
    items = {"from": "products", "to": "Item__c", "key": {"Key__c": "sku"}, "fields": fields, **(stream or {})}
    shop.write({"items": items})


def edit(shop: Shop, key: str, **values: object) -> None:
    shop.sandbox.org.edit("Item__c", shop.rows()[key]["Id"], dict(values))


def left(shop: Shop) -> dict[tuple[str, str], tuple[str, str]]:
    """Policy and cause of what a new plan leaves as it is, by record and field."""
    stream = shop.streams()["items"]
    found = {
        (kept["key"], each["field"]): (each["policy"], each["cause"])
        for kept in stream["kept"]
        for each in kept["fields"]
    }
    assert sum(stream["kept_fields"].values()) == len(found)
    return found


def notes(shop: Shop) -> dict[str, str | None]:
    return {key: row.get("Notes__c") for key, row in shop.rows().items()}


def test_without_a_policy_what_was_changed_in_the_org_is_overwritten(shop: Shop) -> None:
    write(shop, "notes")
    shop.apply()
    edit(shop, "a", Notes__c="by hand")
    assert left(shop) == {}
    shop.apply()
    assert notes(shop) == {"a": "old", "b": "old"}


def test_a_kept_field_is_written_once_and_then_belongs_to_the_org(shop: Shop) -> None:
    write(shop, {"value": "notes", "conflict": "keep"})
    shop.apply()
    assert notes(shop) == {"a": "old", "b": "old"}
    edit(shop, "a", Notes__c="by hand")
    shop.change("b", notes="new")
    shop.settled()
    assert left(shop) == {("a", "Notes__c"): ("keep", "org"), ("b", "Notes__c"): ("keep", "pim")}
    shop.apply()
    assert notes(shop) == {"a": "by hand", "b": "old"}


def test_other_fields_of_a_record_are_written_beside_a_kept_one(shop: Shop) -> None:
    write(shop, {"value": "notes", "conflict": "keep"})
    shop.apply()
    edit(shop, "a", Notes__c="by hand")
    shop.change("a", name="Cup a")
    planned = shop.streams()["items"]
    assert [each["field"] for each in planned["changes"][0]["fields"]] == ["Name"]
    assert planned["summary"]["update"] == 1
    shop.apply()
    assert (shop.rows()["a"]["Name"], notes(shop)["a"]) == ("Cup a", "by hand")
    shop.settled()


def test_a_kept_field_that_was_left_empty_takes_its_first_value(shop: Shop) -> None:
    write(shop, "notes", {"conflict": "keep"})
    shop.apply()
    shop.change("a", ean="400", notes="old")
    edit(shop, "b", Ean__c="by hand")
    shop.change("b", ean="500")
    shop.apply()
    assert {key: row["Ean__c"] for key, row in shop.rows().items()} == {"a": "400", "b": "by hand"}
    shop.settled()


def test_a_kept_field_of_a_record_that_was_there_before_is_written_once(shop: Shop) -> None:
    shop.sandbox.org.add("Item__c", {"Key__c": "a", "Name": "Mug a", "Notes__c": "before"})
    write(shop, {"value": "notes", "conflict": "keep"})
    shop.apply()
    assert notes(shop)["a"] == "old"
    edit(shop, "a", Notes__c="by hand")
    shop.apply()
    assert notes(shop)["a"] == "by hand"


def test_a_reported_field_is_never_written_and_always_shown(shop: Shop) -> None:
    write(shop, {"value": "notes", "conflict": "report"})
    shop.apply()
    assert notes(shop) == {"a": None, "b": None}
    shop.settled()
    edit(shop, "a", Notes__c="by hand")
    assert left(shop) == {("a", "Notes__c"): ("report", "both"), ("b", "Notes__c"): ("report", "pim")}
    shop.apply()
    assert notes(shop) == {"a": "by hand", "b": None}


def test_a_conflict_rejects_the_record_until_it_is_solved(shop: Shop) -> None:
    write(shop, {"value": "notes", "conflict": "reject"})
    shop.apply()
    edit(shop, "a", Notes__c="by hand")
    shop.change("a", name="Cup a")
    shop.change("b", notes="new")
    (rejection,) = shop.streams()["items"]["rejections"]
    (reason,) = rejection["reasons"]
    assert (rejection["key"], reason["code"], reason["field"], reason["owner"]) == ("a", "CONFLICT", "Notes__c", "org")
    shop.apply(code=4)
    assert notes(shop) == {"a": "by hand", "b": "new"}
    assert shop.rows()["a"]["Name"] == "Mug a"
    shop.change("a", name="Cup a", notes="by hand")
    shop.apply()
    assert shop.rows()["a"]["Name"] == "Cup a"
    shop.settled()


def test_a_field_may_say_otherwise_than_its_stream(shop: Shop) -> None:
    write(shop, {"value": "notes", "conflict": "overwrite"}, {"conflict": "keep"})
    shop.apply()
    edit(shop, "a", Notes__c="by hand", Name="Hand")
    assert left(shop) == {("a", "Name"): ("keep", "org")}
    shop.apply()
    assert (shop.rows()["a"]["Name"], notes(shop)["a"]) == ("Hand", "old")


def test_a_field_that_new_records_need_cannot_be_reported_only(shop: Shop) -> None:
    org = shop.sandbox.org
    org.change_field("Item__c", dataclasses.replace(org.objects.by_name["item__c"].by_name["notes__c"], nillable=False))
    write(shop, "notes", {"conflict": "report"})
    problems = shop.run("validate", "--live", "--format", "json", code=3).data["problems"]
    errors = [(each["code"], each["message"]) for each in problems if each["severity"] == "error"]
    assert errors == [("SE508", "Item__c.Notes__c cannot be `conflict: report`: no record can be created without it")]


@pytest.mark.parametrize("format_", ["text", "json", "markdown", "html"])
def test_a_saved_plan_shows_what_is_left_in_every_format(shop: Shop, format_: str) -> None:
    write(shop, {"value": "notes", "conflict": "keep"})
    shop.apply()
    edit(shop, "a", Notes__c="by hand")
    path = str(shop.project.folder / "plan")
    shop.run("plan", "--out", path)
    shown = shop.run("show", path, "--format", format_).out
    assert "by hand" in shown
    assert ('"policy":"keep"' if format_ == "json" else "1 field kept") in shown


def test_the_explanation_of_a_record_says_what_is_left(shop: Shop) -> None:
    write(shop, {"value": "notes", "conflict": "keep"})
    shop.apply()
    edit(shop, "a", Notes__c="by hand")
    explained = shop.run("explain", "shop", "a", "--format", "json").data
    following: Json = explained["streams"][0]["rows"][0]["next"]
    assert following["change"] is None
    assert [(each["field"], each["cause"], each["policy"]) for each in following["kept"]] == [
        ("Notes__c", "org", "keep")
    ]
    assert "left as it is: Notes__c (`conflict: keep`)" in shop.run("explain", "shop", "a").out
