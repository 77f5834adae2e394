"""The file that describes an org's objects: what it may say, and how mistakes in it are reported."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from sync_engine_sandbox.crm import ObjectsError, load_objects
from sync_engine_sandbox.crm.ids import long_id, make_id

if TYPE_CHECKING:
    from pathlib import Path


def load(folder: Path, document: Any) -> Any:
    path = folder / "objects.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    return load_objects(path)


def test_the_standard_objects_are_there_without_a_file() -> None:
    objects = load_objects()
    product = objects.by_name["product2"]
    assert {
        item.name: item.length
        for item in product.fields
        if item.name in {"Name", "StockKeepingUnit", "Description", "DisplayUrl"}
    } == {
        "Name": 255,
        "StockKeepingUnit": 180,
        "Description": 4000,
        "DisplayUrl": 1000,
    }
    assert objects.by_prefix["01u"].name == "PricebookEntry"
    assert product.field("CurrencyIsoCode") is None


def test_a_file_changes_single_keys_of_a_standard_field(tmp_path: Path) -> None:
    objects = load(
        tmp_path,
        {"objects": [{"name": "Product2", "fields": [{"name": "Family", "restricted": True, "values": ["Video"]}]}]},
    )
    family = objects.by_name["product2"].field("Family")
    assert (family.type, family.label, family.restricted) == ("picklist", "Product Family", True)
    assert [entry.value for entry in family.values] == ["Video"]


def test_custom_objects_get_a_name_an_owner_and_key_prefixes_in_order(tmp_path: Path) -> None:
    objects = load(
        tmp_path,
        {"objects": [{"name": "One__c"}, {"name": "Two__c", "nameField": {"type": "autonumber", "format": "T-{000}"}}]},
    )
    one, two = objects.by_name["one__c"], objects.by_name["two__c"]
    assert (one.prefix, two.prefix) == ("a00", "a01")
    assert one.field("ownerid").references == ("User",)
    assert (one.field("Name").type, two.field("Name").auto_format) == ("string", "T-{000}")


def test_a_currency_field_exists_only_in_a_multi_currency_org(tmp_path: Path) -> None:
    objects = load(
        tmp_path, {"org": {"multiCurrency": True, "currencies": ["CHF", "EUR"]}, "objects": [{"name": "One__c"}]}
    )
    code = objects.by_name["product2"].field("CurrencyIsoCode")
    assert ([entry.value for entry in code.values], code.default) == (["CHF", "EUR"], "CHF")
    assert objects.by_name["one__c"].field("CurrencyIsoCode") is not None
    assert objects.by_name["pricebook2"].field("CurrencyIsoCode") is None


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (
            {"objects": [{"name": "A__c", "felds": []}]},
            "$.objects[0]: Additional properties are not allowed ('felds' was unexpected)",
        ),
        (
            {"objects": [{"name": "A__c", "fields": [{"name": "B__c", "type": "blob"}]}]},
            "$.objects[0].fields[0].type: 'blob' is not one of",
        ),
        ({"objects": [{"name": "A__c", "fields": [{"name": "B__c"}]}]}, "A__c.B__c: a new field needs a type"),
        (
            {"objects": [{"name": "A__c", "fields": [{"name": "B__c", "type": "reference", "references": ["C__c"]}]}]},
            "references C__c, which is not an object",
        ),
        (
            {"objects": [{"name": "A__c", "fields": [{"name": "B__c", "type": "boolean", "externalId": True}]}]},
            "A__c.B__c: a boolean cannot be an external id",
        ),
        (
            {"objects": [{"name": "A__c", "fields": [{"name": "B__c", "type": "double", "precision": 2, "scale": 3}]}]},
            "`scale` is larger than `precision`",
        ),
        (
            {"objects": [{"name": "A__c", "validationRules": [{"field": "X__c", "matches": "a", "message": "m"}]}]},
            "X__c is not a field of A__c",
        ),
    ],
)
def test_a_mistake_is_reported_with_file_and_path(tmp_path: Path, document: Any, message: str) -> None:
    with pytest.raises(ObjectsError) as caught:
        load(tmp_path, document)
    assert message in str(caught.value)
    assert str(caught.value).startswith(str(tmp_path / "objects.json"))


def test_a_file_that_is_missing_or_no_json_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(ObjectsError, match="cannot be read"):
        load_objects(tmp_path / "none.json")
    (tmp_path / "bad.json").write_text("{", encoding="utf-8")
    with pytest.raises(ObjectsError, match="is not JSON"):
        load_objects(tmp_path / "bad.json")


def test_ids_carry_the_checksum_of_the_platform() -> None:
    assert long_id("001A0000006Vm9r") == "001A0000006Vm9rIAC"  # a documented pair
    assert long_id("001a0000006vm9rIAC") == "001A0000006Vm9rIAC"
    assert long_id("001A0000006Vm9rIAD") is None
    assert long_id("not an id") is None
    assert long_id(make_id("01t", 123456)[:15]) == make_id("01t", 123456)
