"""Rows that choices, links and associations make: one mechanism, each row with a key, labels and an end of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.journeys.small import KEY, Json, Shop, open_shop, product, uuid_of

ITEMS: Json = {"from": "products", "to": "Item__c", "key": {"Key__c": "uuid"}, "fields": {"Name": "name"}}
USES: Json = {
    "from": "products",
    "for_each": {"option": ["uses"]},
    "to": "Use__c",
    "key": {"Key__c": "{{ sku }}-{{ option }}"},
    "fields": {
        "Name": {"value": "option", "labels": True},
        "Item__c": {"lookup": "items", "value": "uuid"},
        "Code__c": {"expression": "option ~ '/' ~ (option | label('de_DE')) ~ '/' ~ position"},
    },
    "on_missing": "delete",
}
USE: Json = {
    "name": "Use__c",
    "fields": [
        KEY,
        {"name": "Item__c", "type": "reference", "references": ["Item__c"], "relationship": "Item__r"},
        {"name": "Code__c", "type": "string", "length": 80},
    ],
}


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    mugs = [product("a", name="Mug a", uses=["home", "trip"], colour="red"), product("b", name="Mug b")]
    mugs[0]["associations"] = {"X_SELL": {"products": [uuid_of("b")], "product_models": [], "groups": []}}
    with open_shop(tmp_path, objects=[USE], products=mugs) as made:
        made.write({"items": ITEMS, "uses": USES}, safety={"max_delete_percent": 100})
        yield made


def test_each_choice_of_a_multi_select_is_a_record_that_ends_with_it(shop: Shop) -> None:
    shop.apply()
    found = {key: (row["Name"], row["Code__c"]) for key, row in shop.rows("Use__c").items()}
    assert found == {"a-home": ("At home", "home/home/1"), "a-trip": ("On a trip", "trip/trip/2")}
    shop.settled()
    shop.change("a", uses=["trip", "work"])
    plan = shop.streams()["uses"]
    assert {each["key"]: each["operation"] for each in plan["changes"]} == {
        "a-home": "delete",
        "a-work": "create",
        "a-trip": "update",
    }
    shop.apply()
    assert shop.rows("Use__c").keys() == {"a-trip", "a-work"}
    shop.settled()


def test_a_select_has_one_row_or_none(shop: Shop) -> None:
    shop.write({"items": ITEMS, "uses": {**USES, "for_each": {"option": ["colour"]}}})
    shop.apply()
    assert {key: row["Code__c"] for key, row in shop.rows("Use__c").items()} == {"a-red": "red/Rot/1"}


def test_rows_can_be_filtered_by_their_choice(shop: Shop) -> None:
    shop.write({"items": ITEMS, "uses": {**USES, "filter": [{"field": "option", "operator": "IN", "value": ["trip"]}]}})
    shop.apply()
    assert shop.rows("Use__c").keys() == {"a-trip"}


MISTAKES = {
    "a text": ({"option": ["name"]}, "SE326"),
    "no attribute": ({"option": ["colours"]}, "SE302"),
    "a select as a link": ({"reference": ["colour"]}, "SE326"),
    "two attributes": ({"option": ["colour", "uses"]}, "SE207"),
    "no type of associations": ({"association": ["X_SEL"]}, "SE333"),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_what_makes_no_rows_is_refused_at_its_place(shop: Shop, case: str) -> None:
    for_each, code = MISTAKES[case]
    shop.write(
        {"items": ITEMS, "uses": {**USES, "for_each": for_each, "fields": {"Name": "name"}, "key": {"Key__c": "sku"}}}
    )
    (problem,) = [
        each
        for each in shop.run("validate", "--live", "--format", "json", code=3).data["problems"]
        if each["severity"] == "error"
    ]
    assert problem["code"] == code
    assert problem["line"] > 1
    if code == "SE333":
        assert "X_SELL" in problem["hint"]


def test_the_type_of_an_association_is_written_with_its_label(shop: Shop) -> None:
    links = {
        **USES,
        "for_each": {"association": ["X_SELL"]},
        "key": {"Key__c": "{{ sku }}-{{ associated }}"},
        "fields": {"Name": "name", "Code__c": {"value": "association", "labels": True}},
    }
    shop.write({"items": ITEMS, "uses": links})
    shop.apply()
    assert [row["Code__c"] for row in shop.rows("Use__c").values()] == ["Cross sell"]
