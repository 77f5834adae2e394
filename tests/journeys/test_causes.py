"""Every differing field has its cause: the PIM, the mapping, somebody in the org, or both sides."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.journeys.small import Json, Shop, open_shop, product

FIELDS = [
    {"name": "Notes__c", "type": "string", "length": 80},
    {"name": "Ean__c", "type": "string", "length": 80},
    {"name": "Stock__c", "type": "double", "precision": 10, "scale": 0},
]
MAPPINGS = {"Name": "name", "Notes__c": "notes", "Ean__c": "ean", "Stock__c": "stock"}


def items(**changed: object) -> Json:
    fields = {**MAPPINGS, **changed}
    return {"items": {"from": "products", "to": "Item__c", "key": {"Key__c": "sku"}, "fields": fields}}


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    products = [product(sku, name=f"Mug {sku}", notes="old", stock=5) for sku in ("a", "b")]
    with open_shop(tmp_path, fields=FIELDS, products=products) as opened:
        opened.write(items())
        yield opened


def edit(shop: Shop, key: str, *, process: bool = False, **values: object) -> None:
    shop.sandbox.org.edit("Item__c", shop.rows()[key]["Id"], dict(values), process=process)


def causes(shop: Shop) -> dict[tuple[str, str], str]:
    """Cause by record and field, of a new plan."""
    changes = shop.streams()["items"]["changes"]
    return {(change["key"], each["field"]): each["cause"] for change in changes for each in change["fields"]}


def test_each_field_has_its_own_cause(shop: Shop) -> None:
    shop.apply()
    shop.change("a", name="Cup a", stock=9)
    edit(shop, "a", Notes__c="by hand", Stock__c=7)
    assert causes(shop) == {("a", "Name"): "pim", ("a", "Notes__c"): "org", ("a", "Stock__c"): "both"}
    planned = shop.streams()["items"]
    assert planned["causes"] == {"pim": 1, "org": 1, "both": 1}
    shop.apply()
    shop.settled()


def test_a_field_that_was_left_empty_and_filled_in_the_org_was_changed_in_the_org(shop: Shop) -> None:
    shop.apply()
    edit(shop, "a", Ean__c="400")
    assert causes(shop) == {("a", "Ean__c"): "org"}


def test_a_mapping_that_changed_is_the_cause_until_it_was_transferred(shop: Shop) -> None:
    shop.apply()
    shop.write(items(Notes__c="{{ notes }}!"))
    edit(shop, "b", Notes__c="by hand")
    assert causes(shop) == {("a", "Notes__c"): "mapping", ("b", "Notes__c"): "both"}
    shop.apply()
    shop.change("a", notes="new")
    assert causes(shop) == {("a", "Notes__c"): "pim"}


def test_what_does_not_change_a_value_is_no_change_of_the_mapping(shop: Shop) -> None:
    shop.apply()
    shop.write(items(Notes__c={"value": "notes", "overwrite": "always"}), description="Said anew")
    shop.change("a", notes="new")
    assert causes(shop) == {("a", "Notes__c"): "pim"}


def test_a_record_that_was_there_before_has_never_been_written(shop: Shop) -> None:
    shop.sandbox.org.add("Item__c", {"Key__c": "a", "Name": "Old mug", "Notes__c": "old"})
    assert causes(shop)["a", "Name"] == "first"


def test_who_changed_it_in_the_org_is_told_with_the_time(shop: Shop) -> None:
    shop.apply()
    edit(shop, "a", Notes__c="by hand")
    edit(shop, "b", Notes__c="by a flow", process=True)
    shop.change("b", name="Cup b")
    planned = {each["key"]: each for each in shop.streams()["items"]["changes"]}
    rows = shop.rows()
    assert {key: (each["modified"]["by"], each["modified"]["actor"]) for key, each in planned.items()} == {
        "a": ("Pat Person", "person"),
        "b": ("Automated Process", "automation"),
    }
    assert planned["a"]["modified"]["at"][:19] == rows["a"]["LastModifiedDate"][:19]
    text = shop.run("plan").out
    assert "(changed in the org; last modified by Pat Person, " in text
    assert "(changed in the org; last modified by Automated Process (automation), " in text
    assert "why: PIM changed: 1 field; changed in the org: 2 fields" in text


def test_nobody_is_asked_who_where_only_the_pim_changed(shop: Shop) -> None:
    shop.apply()
    shop.change("a", name="Cup a")
    requests = shop.sandbox.org.requests
    requests.log.clear()
    assert causes(shop) == {("a", "Name"): "pim"}
    assert requests.count(path="userinfo") == 0


@pytest.mark.parametrize("format_", ["text", "json", "markdown", "html"])
def test_a_saved_plan_shows_the_causes_in_every_format(shop: Shop, format_: str) -> None:
    shop.apply()
    edit(shop, "a", Notes__c="by hand")
    path = str(shop.project.folder / "plan")
    shop.run("plan", "--out", path)
    shown = shop.run("show", path, "--format", format_).out
    assert "Pat Person" in shown
    assert ('"cause":"org"' if format_ == "json" else "changed in the org") in shown
