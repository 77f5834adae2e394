"""What a mapping refuses, and what becomes of a field when the PIM's value changes or goes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.journeys.small import Json, Shop, open_shop, product

TEXT = {"type": "string", "length": 12}

# By name: type of the field, mapping, code and owner of the reason, what the message says.
REFUSED: dict[str, tuple[Json, Any, str, str, str]] = {
    "required": (TEXT, {"value": "title", "required": True}, "REQUIRED_EMPTY", "data", "the mapping requires it"),
    "when_empty": (TEXT, {"value": "title", "when_empty": "reject"}, "REQUIRED_EMPTY", "data", "the mapping requires"),
    "blank": (TEXT, {"template": "  {{ title }}\n", "required": True}, "REQUIRED_EMPTY", "data", "has no value"),
    "cleared": (
        TEXT,
        {"value": "colour", "translate": {"blue": "B"}, "otherwise": "clear", "required": True},
        "REQUIRED_EMPTY", "data", "has no value",
    ),
    "otherwise": (
        TEXT, {"value": "colour", "translate": {"blue": "B"}}, "NOT_IN_TABLE", "mapping", "'red' is not in the",
    ),
    "otherwise_in_a_list": (
        TEXT,
        {"value": "uses", "translate": {"home": "H"}, "join": ","},
        "NOT_IN_TABLE", "mapping", "'work' is not in the",
    ),
    "number": (
        {"type": "double", "precision": 9, "scale": 0},
        {"value": "ean", "number": True},
        "NOT_A_NUMBER", "data", "'12E4' is not a number",
    ),
    "too_long": (TEXT, "notes", "TOO_LONG", "data", "13 characters"),
    "too_precise": (
        {"type": "double", "precision": 9, "scale": 1}, "rating", "TOO_MANY_DECIMALS", "data", "takes 1; `round`",
    ),
    "too_large": (
        {"type": "double", "precision": 3, "scale": 1},
        {"value": "weight", "unit": "GRAM", "round": 1},
        "OUT_OF_RANGE", "data", "digits before the point",
    ),
    "not_in_the_picklist": (
        {"type": "picklist", "restricted": True, "values": ["Rot"]},
        {"value": "colour", "labels": True},
        "NOT_IN_PICKLIST", "data", "'Red' is not in the picklist",
    ),
    "yes_no": (
        {"type": "boolean", "default": False}, "washable", "REQUIRED_EMPTY", "data", "say `default: false` or",
    ),
    "failing_expression": (TEXT, {"expression": "stock / 0"}, "DIVISION_BY_ZERO", "mapping", "zero"),
    "nothing_in_arithmetic": (TEXT, {"expression": "1 + title"}, "NO_VALUE", "mapping", "no value"),
}  # fmt: skip


def test_a_value_that_does_not_fit_rejects_its_record_and_says_why(tmp_path: Path) -> None:
    """Each stream maps one field that refuses the one product."""
    fields = [{"name": f"{name}__c", **given[0]} for name, given in REFUSED.items()]
    mug = product(
        "Mug",
        notes="thirteen long",
        ean="12E4",
        stock=3,
        rating="4.55",
        weight={"amount": "2.0", "unit": "KILOGRAM"},
        colour="red",
        uses=["home", "work"],
    )
    with open_shop(tmp_path, fields=fields, products=[mug]) as shop:
        shop.write(
            {
                name: {
                    "from": "products",
                    "to": "Item__c",
                    "key": {"Key__c": f"{{{{ sku }}}}-{name}"},
                    "fields": {"Name": "sku", f"{name}__c": mapping},
                }
                for name, (_, mapping, *_) in REFUSED.items()
            }
        )
        streams = shop.streams(code=5)
    for name, (_, _, code, owner, says) in REFUSED.items():
        (rejection,) = streams[name]["rejections"]
        (reason,) = rejection["reasons"]
        assert (reason["code"], reason["owner"], reason["field"]) == (code, owner, f"{name}__c")
        assert says in reason["message"]
        assert rejection["key"] == f"Mug-{name}"


FIELDS: list[Json] = [
    {"name": "Title__c", **TEXT},
    {"name": "Kept__c", **TEXT},
    {"name": "Default__c", **TEXT},
    {"name": "Seeded__c", **TEXT},
    {"name": "Stock__c", "type": "int"},
    {"name": "Uses__c", "type": "multipicklist", "values": ["home", "work"]},
    {"name": "Released__c", "type": "date"},
    {"name": "Washable__c", "type": "boolean", "default": False},
    {"name": "Last_Known__c", "type": "boolean", "default": False},
]
MAPPED = {
    "Name": "sku",
    "Title__c": "title",
    "Kept__c": {"value": "title", "when_empty": "keep"},
    "Default__c": {"value": "title", "default": "(none)"},
    "Seeded__c": {"value": "title", "overwrite": "if_empty"},
    "Stock__c": "stock",
    "Uses__c": "uses",
    "Released__c": "released",
    "Washable__c": {"value": "washable", "default": False},
    "Last_Known__c": {"value": "washable", "when_empty": "keep"},
}


@pytest.fixture(params=["collections", "bulk"])
def shop(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Shop]:
    """A mug with a value everywhere, transferred; in both ways of writing."""
    mug = product(
        "Mug",
        title={"en_US": "Old"},
        stock=3,
        uses=["home", "work"],
        released="2024-05-06T00:00:00+00:00",
        washable=True,
    )
    with open_shop(tmp_path, fields=FIELDS, products=[mug]) as made:
        if request.param == "bulk":
            made.connect(bulk_threshold=0)
        made.write({"items": {"from": "products", "to": "Item__c", "key": {"Key__c": "sku"}, "fields": MAPPED}})
        assert made.streams()["items"]["mode"] == request.param
        assert made.apply()["summary"]["created"] == 1
        yield made


def planned(shop: Shop) -> dict[str, tuple[Any, Any]]:
    """Before and after of each field that the plan would change."""
    return {
        each["field"]: (each["before"], each["after"])
        for change in shop.streams()["items"]["changes"]
        for each in change["fields"]
    }


def test_a_value_that_went_is_cleared_kept_or_replaced_as_the_mapping_says(shop: Shop) -> None:
    shop.change("Mug", title=None, stock=None, uses=None, released=None, washable=None)
    assert planned(shop) == {
        "Title__c": ("Old", None),
        "Default__c": ("Old", "(none)"),
        "Stock__c": (3, None),
        "Uses__c": (["home", "work"], None),
        "Released__c": ("2024-05-06", None),
        "Washable__c": (True, False),
    }
    shop.apply()
    row = shop.rows()["Mug"]
    assert {name: row.get(name) for name in MAPPED} == {
        "Name": "Mug", "Title__c": None, "Kept__c": "Old", "Default__c": "(none)", "Seeded__c": "Old",
        "Stock__c": None, "Uses__c": None, "Released__c": None, "Washable__c": False,
        "Last_Known__c": True,
    }  # fmt: skip
    shop.settled()


def test_a_field_that_is_seeded_once_is_left_to_the_people_in_the_org(shop: Shop) -> None:
    shop.change("Mug", title={"en_US": "New"})
    assert planned(shop) == dict.fromkeys(("Title__c", "Kept__c", "Default__c"), ("Old", "New"))
    shop.apply()
    record = shop.rows()["Mug"]["Id"]
    shop.sandbox.org.edit("Item__c", record, {"Seeded__c": "theirs", "Title__c": "theirs"})
    assert planned(shop) == {"Title__c": ("theirs", "New")}, "only the field that is ours is corrected"
    shop.sandbox.org.edit("Item__c", record, {"Seeded__c": None})
    assert planned(shop) == {"Title__c": ("theirs", "New"), "Seeded__c": (None, "New")}
    shop.apply()
    assert shop.rows()["Mug"]["Seeded__c"] == "New"
    shop.settled()
