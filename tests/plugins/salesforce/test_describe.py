"""What Salesforce says of an object, in the sdk's words."""

from __future__ import annotations

from typing import Any

import pytest
from tests.plugins.salesforce.orgs import Crm
from tests.plugins.salesforce.standin import StandIn, thing

from sync_engine.sdk.errors import BrokenContract
from sync_engine.sdk.target import FieldDescription, FieldType, PicklistValue


def described(odd: StandIn, *fields: dict[str, Any]) -> dict[str, FieldDescription]:
    odd.on("GET", "sobjects/Item__c/describe", thing("Item__c", *fields))
    return dict(odd.open().describe(["Item__c"]).objects["Item__c"].fields)


@pytest.mark.parametrize(
    ("native", "type_"),
    [
        ("string", FieldType.TEXT),
        ("encryptedstring", FieldType.TEXT),
        ("textarea", FieldType.TEXTAREA),
        ("picklist", FieldType.PICKLIST),
        ("multipicklist", FieldType.MULTIPICKLIST),
        ("boolean", FieldType.BOOLEAN),
        ("int", FieldType.INTEGER),
        ("double", FieldType.DECIMAL),
        ("percent", FieldType.PERCENT),
        ("currency", FieldType.CURRENCY),
        ("date", FieldType.DATE),
        ("datetime", FieldType.DATETIME),
        ("time", FieldType.TIME),
        ("email", FieldType.EMAIL),
        ("phone", FieldType.PHONE),
        ("url", FieldType.URL),
        ("reference", FieldType.REFERENCE),
        ("id", FieldType.ID),
        ("base64", FieldType.FILE),
        ("anyType", FieldType.OTHER),
        ("a type of next year", FieldType.OTHER),
    ],
)
def test_every_type_has_its_own_word(odd: StandIn, native: str, type_: FieldType) -> None:
    field = described(odd, {"name": "F__c", "type": native})["F__c"]
    assert (field.type, field.native_type) == (type_, native)
    assert bool(field.not_writable) == (type_ in (FieldType.OTHER, FieldType.FILE))


@pytest.mark.parametrize("sign", [{"htmlFormatted": True}, {"extraTypeInfo": "richtextarea"}])
def test_rich_text_is_told_from_long_text(odd: StandIn, sign: dict[str, Any]) -> None:
    assert described(odd, {"name": "F__c", "type": "textarea", **sign})["F__c"].type is FieldType.RICH_TEXT


def test_lengths_digits_keys_and_choices_are_taken_over(odd: StandIn) -> None:
    values = [{"value": "r", "label": "Red", "active": True}, {"value": "b", "label": None, "active": False}]
    fields = described(
        odd,
        {"name": "Text__c", "label": "Text", "type": "string", "length": 80, "unique": True, "caseSensitive": True},
        {"name": "Number__c", "type": "double", "precision": 12, "scale": 3},
        {"name": "Count__c", "type": "int", "digits": 9, "precision": 0},
        {"name": "Color__c", "type": "picklist", "restrictedPicklist": True, "picklistValues": values},
        {"name": "Mail__c", "type": "email", "idLookup": True},
        {"name": "Parent__c", "type": "reference", "referenceTo": ["A", "B"]},
    )
    text = fields["Text__c"]
    assert (text.label, text.length, text.unique, text.case_sensitive, text.external_id) == (
        "Text",
        80,
        True,
        True,
        False,
    )
    assert (fields["Number__c"].precision, fields["Number__c"].scale) == (12, 3)
    assert (fields["Count__c"].precision, fields["Count__c"].scale) == (9, 0)
    assert fields["Color__c"].restricted
    assert fields["Color__c"].picklist == (PicklistValue("r", "Red"), PicklistValue("b", "b", active=False))
    assert fields["Mail__c"].external_id
    assert fields["Key__c"].external_id
    assert fields["Parent__c"].refers_to == ("A", "B")


@pytest.mark.parametrize(
    ("switches", "required"),
    [
        ({"nillable": False}, True),
        ({"nillable": True}, False),
        ({"nillable": False, "defaultedOnCreate": True}, False),
        ({"nillable": False, "createable": False}, False),
    ],
)
def test_a_field_is_required_when_a_record_cannot_be_created_without_it(
    odd: StandIn, switches: dict[str, bool], required: bool
) -> None:
    assert described(odd, {"name": "F__c", "type": "string", **switches})["F__c"].required is required


@pytest.mark.parametrize(
    ("field", "words"),
    [
        ({"type": "string", "autoNumber": True}, "auto-number"),
        ({"type": "double", "calculated": True, "calculatedFormula": "A + B"}, "a formula"),
        ({"type": "double", "calculated": True, "calculatedFormula": None}, "a roll-up summary"),
        ({"type": "string", "createable": False, "updateable": False}, "read-only"),
        ({"type": "location"}, "geolocation; map its parts: F__Latitude__s, F__Longitude__s"),
        ({"type": "address"}, "address; map its parts: F__Latitude__s, F__Longitude__s"),
        ({"type": "complexvalue"}, "complexvalue"),
    ],
)
def test_a_field_that_cannot_be_written_says_why(odd: StandIn, field: dict[str, Any], words: str) -> None:
    compound = field["type"] in ("location", "address")
    parts = [
        {"name": f"F__{part}__s", "type": "double", "compoundFieldName": "F__c"} for part in ("Latitude", "Longitude")
    ]
    fields = described(odd, {"name": "F__c", "compoundFieldName": None, **field}, *(parts if compound else ()))
    assert words in fields["F__c"].not_writable
    assert not any(each.not_writable for name, each in fields.items() if name != "F__c")


def test_the_real_shape_of_a_name_made_of_parts_is_understood(odd: StandIn) -> None:
    """Contact.Name names itself as its own compound."""
    name = {"name": "Name", "type": "string", "createable": False, "updateable": False, "compoundFieldName": "Name"}
    first = {"name": "FirstName", "type": "string", "compoundFieldName": "Name"}
    fields = described(odd, name, first)
    assert fields["Name"].not_writable == "a compound field; map its parts: FirstName"
    assert fields["FirstName"].not_writable == ""


def test_an_object_that_is_hidden_or_misspelt_is_absent(crm: Crm) -> None:
    found = crm.open().describe(["Item__c", "Nothing__c", "../limits", "a/b", ""])
    assert set(found.objects) == {"Item__c"}
    assert (found.adapter, found.version) == ("salesforce", "62.0")


def test_the_sandbox_is_described_as_it_is(crm: Crm) -> None:
    described_ = crm.open().describe(["item__C"]).objects["Item__c"]
    assert (described_.createable, described_.updateable, described_.deletable) == (True, True, True)
    number = described_.fields["Weight__c"]
    assert (number.type, number.precision, number.scale) == (FieldType.DECIMAL, 18, 3)
    assert described_.fields["Rich__c"].type is FieldType.RICH_TEXT
    assert described_.fields["Exact__c"].case_sensitive
    assert described_.fields["CreatedDate"].not_writable == "read-only, or read-only for this user"
    assert not described_.fields["Active__c"].required


def test_describing_again_asks_again(crm: Crm) -> None:
    target = crm.open()
    target.describe(["Item__c"])
    target.describe(["Item__c"])
    assert crm.calls("GET", "/Item__c/describe") == 2


@pytest.mark.parametrize(
    "answer",
    [{}, {"name": "Item__c"}, [1], {"name": "Item__c", "fields": [{}]}, {"name": "Item__c", "fields": ["canary"]}],
)
def test_a_description_of_another_shape_breaks_the_contract(odd: StandIn, answer: Any) -> None:
    odd.on("GET", "sobjects/Item__c/describe", answer or {"name": None})
    with pytest.raises(BrokenContract, match="description of Item__c"):
        odd.open().describe(["Item__c"])
