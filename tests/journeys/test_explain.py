"""``explain``: one record, with its filter, its mappings, the target, the log and what comes next."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from tests.journeys.small import Shop, model, open_shop, product, uuid_of

FIELDS = [
    {"name": "Stock__c", "type": "double", "precision": 6, "scale": 0},
    {"name": "Weight__c", "type": "double", "precision": 8, "scale": 3},
    {"name": "Note__c", "type": "string", "length": 5},
    {"name": "Active__c", "type": "boolean"},
    {"name": "Parent__c", "type": "reference", "references": ["Model__c"], "relationship": "Parent__r"},
]
STREAMS: dict[str, Any] = {
    "models": {
        "from": "product_models",
        "to": "Model__c",
        "key": {"Key__c": "code"},
        "fields": {"Name": "name"},
    },
    "items": {
        "from": "products",
        "to": "Item__c",
        "key": {"Key__c": "uuid"},
        "filter": [
            {"field": "categories", "operator": "IN CHILDREN", "value": ["master"]},
            {"any": [{"field": "stock", "operator": ">", "value": 5}, {"field": "colour", "operator": "EMPTY"}]},
        ],
        "fields": {
            "Name": "name",
            "Stock__c": "stock",
            "Weight__c": {"value": "weight", "unit": "KILOGRAM", "round": 2},
            "Note__c": "notes",
            "Active__c": "enabled",
            "Parent__c": {"lookup": "models", "value": "parent"},
        },
        "on_missing": {"set": {"Active__c": False}},
    },
}
FILTER = [{"field": "enabled", "operator": "=", "value": True}]


@pytest.fixture
def shop(tmp_path: Any) -> Iterator[Shop]:
    key = {"name": "Key__c", "type": "string", "length": 80, "externalId": True, "unique": True}
    kilo = {"amount": "1234.5", "unit": "GRAM"}
    products = [
        product("KETTLE", name="Kettle", stock=12, weight=kilo, categories=["master"]),
        product("SHIRT", parent="shirt", name="Shirt", stock=7, categories=["master"]),
        product("FEW", name="Few", stock=1, colour="red", categories=["master"]),
        product("ELSEWHERE", name="Elsewhere", stock=9),
        product("LONG", name="Long", stock=9, notes="too long a note", categories=["master"]),
    ]
    models = [model("shirt", variant="shirts_size", name="Shirt")]
    objects = [{"name": "Model__c", "fields": [key]}]
    with open_shop(tmp_path, fields=FIELDS, objects=objects, products=products, models=models) as shop:
        shop.write(STREAMS, filter=FILTER)
        yield shop


def explained(shop: Shop, key: str, stream: str = "items", code: int = 0) -> dict[str, Any]:
    data = shop.run("explain", "shop", key, "--format", "json", code=code).data
    (found,) = [each for each in data["streams"] if each["name"] == stream]
    return dict(found)


def test_each_criterion_has_the_value_found_and_its_verdict(shop: Shop) -> None:
    def verdicts(key: str) -> list[tuple[object, object, str]]:
        return [(each["holds"], each["found"], each["judged_by"]) for each in explained(shop, key)["criteria"]]

    assert verdicts("KETTLE") == [(True, True, "here"), (True, ["master"], "source"), (True, None, "here")]
    assert verdicts("ELSEWHERE")[1] == (False, [], "source")
    few = explained(shop, "FEW")
    assert [each["holds"] for each in few["criteria"]] == [True, True, False]
    parts = few["criteria"][2]["parts"]
    assert [(each["criterion"], each["found"], each["holds"]) for each in parts] == [
        ("stock > 5", 1, False),
        ("colour EMPTY", "red", False),
    ]
    assert (few["passes"], few["confirmed_by_source"]) == (False, False)
    shown = shop.run("explain", "shop", "FEW").out
    assert "Filter: leaves it out" in shown
    assert "catalogs/shop.yaml:" in shown
    assert "Next: the filter leaves it out: nothing happens, because the target has no such record" in shown


def test_before_the_first_transfer_it_says_create_and_which_parent_is_lacking(shop: Shop) -> None:
    row = explained(shop, "SHIRT")["rows"][0]
    assert (row["target_id"], row["last"], row["next"]["change"]) == (None, None, "create")
    assert "Parent__c refers to shirt, which the target does not hold" in row["next"]["remarks"][0]
    weight = next(each for each in explained(shop, "KETTLE")["rows"][0]["fields"] if each["field"] == "Weight__c")
    assert [each["step"] for each in weight["steps"]] == ["value", "unit: KILOGRAM", "round: 2"]


def test_after_a_transfer_it_knows_the_record_the_transfer_and_the_batch(shop: Shop) -> None:
    done = shop.apply(code=4)
    row = explained(shop, "SHIRT")["rows"][0]
    held = shop.rows()[uuid_of("SHIRT")]
    assert row["target_id"] == held["Id"]
    assert row["target"]["Stock__c"] == 7
    assert (row["last"]["outcome"], row["last"]["transfer"]) == ("created", done["id"])
    assert row["last"]["batch"] == "items-w0-1"
    assert row["next"] == {
        "change": None,
        "text": "nothing, because the target holds it as it is",
        "modified": None,
        "kept": [],
        "fields": [],
        "reasons": [],
        "remarks": [],
    }
    rejected = explained(shop, "LONG")["rows"][0]
    assert rejected["last"]["outcome"] == "rejected"
    assert rejected["reasons"][0]["code"] == "TOO_LONG"
    shown = shop.run("explain", "shop", "LONG").out
    assert "✗ TOO_LONG" in shown
    assert "to be solved in the data" in shown
    assert f"Last: rejected by transfer {done['id']}" in shown


def test_a_difference_has_its_cause(shop: Shop) -> None:
    shop.apply(code=4)
    org, name = shop.sandbox.org, uuid_of("KETTLE")
    shop.change("KETTLE", name="Teapot", stock=20)
    org.edit("Item__c", shop.rows()[name]["Id"], {"Weight__c": 9, "Stock__c": 4})
    row = explained(shop, "KETTLE")["rows"][0]
    assert row["next"]["change"] == "update"
    causes = {each["field"]: (each["before"], each["after"], each["cause"]) for each in row["next"]["fields"]}
    assert causes == {
        "Name": ("Kettle", "Teapot", "pim"),
        "Stock__c": (4, 20, "both"),
        "Weight__c": (9, 1.23, "org"),
    }
    assert row["next"]["modified"]["by"] == "Pat Person"
    shown = shop.run("explain", "shop", "KETTLE").out
    assert '≠ the target holds "Kettle": PIM changed' in shown
    planned = shop.streams()["items"]["changes"]
    (planned_change,) = [each for each in planned if each["key"] == name]
    assert {each["field"] for each in planned_change["fields"]} == causes.keys()


def test_what_left_the_filter_or_the_pim_is_told_apart_from_what_never_was(shop: Shop) -> None:
    shop.apply(code=4)
    shop.sandbox.pim.edit_product(uuid_of("KETTLE"), enabled=False)
    row = explained(shop, "KETTLE")["rows"][0]
    assert row["next"]["change"] == "deactivate"
    assert row["next"]["text"].startswith("the filter leaves it out: it will be deactivated")
    shop.sandbox.pim.delete_product(uuid_of("KETTLE"))
    data = shop.run("explain", "shop", uuid_of("KETTLE"), "--format", "json", code=1).data
    assert data["found"] is False
    (left,) = data["gone"]
    assert (left["stream"], left["next"]["change"]) == ("items", "deactivate")
    assert left["next"]["text"].startswith("it left the PIM: it will be deactivated")
    never = shop.run("explain", "shop", "KETTEL", code=1).out
    assert "pim has no record KETTEL in product_models and products; no filter leaves it out." in never
    shirt = shop.run("explain", "shop", "SHIRTS", code=1).out
    assert "Did you mean shirt, SHIRT?" in shirt
