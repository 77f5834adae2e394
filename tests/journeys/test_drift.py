"""``drift`` lists what changed in the org since we wrote it, and asks the PIM nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.journeys.small import Json, Shop, category, open_shop, product

FIELDS = [
    {"name": "Notes__c", "type": "string", "length": 80},
    {"name": "Weight__c", "type": "double", "precision": 10, "scale": 2},
]
GROUP = {
    "name": "Group__c",
    "fields": [
        {"name": "Code__c", "type": "string", "length": 80, "externalId": True, "unique": True},
        {"name": "Parent__c", "type": "reference", "references": ["Group__c"]},
    ],
}


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    products = [product(sku, name=f"Mug {sku}", notes="old", rating="1.50") for sku in ("a", "b", "c")]
    with open_shop(
        tmp_path, fields=FIELDS, objects=[GROUP], products=products, categories=[category("cups", "master")]
    ) as opened:
        opened.write(
            {
                "groups": {
                    "from": "categories",
                    "to": "Group__c",
                    "key": {"Code__c": "code"},
                    "fields": {"Name": "code", "Parent__c": {"lookup": "groups", "value": "parent"}},
                },
                "items": {
                    "from": "products",
                    "to": "Item__c",
                    "key": {"Key__c": "sku"},
                    "fields": {
                        "Name": "name",
                        "Notes__c": {"value": "notes", "conflict": "keep"},
                        "Weight__c": "rating",
                    },
                },
            }
        )
        yield opened


def edit(shop: Shop, key: str, **values: object) -> None:
    shop.sandbox.org.edit("Item__c", shop.rows()[key]["Id"], dict(values))


def drift(shop: Shop, *, code: int = 2) -> dict[str, Json]:
    """The streams by name."""
    (found,) = shop.run("drift", "--format", "json", code=code).data["catalogs"]
    return {each["name"]: each for each in found["streams"]}


def test_before_and_after_a_transfer_there_is_none(shop: Shop) -> None:
    assert drift(shop, code=0)["items"] == {
        "name": "items",
        "object": "Item__c",
        "not_compared": [],
        "records": [],
        "compared": 0,
    }
    shop.apply()
    assert {name: each["compared"] for name, each in drift(shop, code=0).items()} == {"groups": 2, "items": 3}
    assert "3 records as we wrote them." in shop.run("drift").out


def test_what_people_changed_is_listed_with_ours_and_theirs(shop: Shop) -> None:
    shop.apply()
    edit(shop, "a", Notes__c="by hand", Weight__c=9.25)
    shop.sandbox.org.remove("Item__c", shop.rows()["c"]["Id"])
    first, second = drift(shop)["items"]["records"]
    assert (first["key"], first["gone"], first["modified"]["by"]) == ("a", False, "Pat Person")
    assert first["fields"] == [
        {"field": "Notes__c", "ours": "old", "theirs": "by hand", "policy": "keep"},
        {"field": "Weight__c", "ours": 1.5, "theirs": 9.25, "policy": "overwrite"},
    ]
    assert (second["key"], second["gone"], second["fields"]) == ("c", True, [])
    text = shop.run("drift", code=2).out
    assert '        Notes__c   "old" → "by hand"  (conflict: keep)' in text
    assert "1 changed, 1 gone, of 3 records that we wrote." in text
    assert (
        "| a | Weight__c | 1.5 | 9.25 | last modified by Pat Person, "
        in shop.run("drift", "shop", "--format", "markdown", code=2).out
    )


def test_a_change_of_the_pim_is_no_drift(shop: Shop) -> None:
    shop.apply()
    shop.change("a", name="Cup a")
    assert drift(shop, code=0)["items"]["records"] == []


def test_it_needs_no_pim(shop: Shop) -> None:
    shop.apply()
    edit(shop, "a", Notes__c="by hand")
    shop.project.environment["PIM_URL"] = "http://127.0.0.1:9"
    assert [each["key"] for each in drift(shop)["items"]["records"]] == ["a"]


def test_it_writes_nothing_and_what_is_put_right_is_gone(shop: Shop) -> None:
    shop.apply()
    edit(shop, "b", Name="Hand")
    before = shop.rows()
    drift(shop)
    assert shop.rows() == before
    shop.apply()
    assert drift(shop, code=0)["items"]["records"] == []


def test_a_reference_that_leads_elsewhere_is_drift_by_the_keys_of_both_parents(shop: Shop) -> None:
    shop.apply()
    groups = shop.rows("Group__c", "Code__c")
    shop.sandbox.org.edit("Group__c", groups["cups"]["Id"], {"Parent__c": None})
    (record,) = drift(shop)["groups"]["records"]
    assert record["fields"] == [{"field": "Parent__c", "ours": "master", "theirs": None, "policy": "overwrite"}]


def test_a_field_that_the_org_does_not_have_is_said_not_to_be_compared(shop: Shop) -> None:
    shop.apply()
    shop.project.edit("catalogs/shop.yaml", ('"Weight__c"', '"Weights__c"'))
    done = shop.run("drift", "--format", "json")
    assert done.data["catalogs"][0]["streams"][1]["not_compared"] == ["Weights__c"]
    assert "items: Item__c has no field Weights__c now; it is not compared" in done.err
