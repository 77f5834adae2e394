"""The Tooling API: definitions of custom fields are found one at a time and replaced as a whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.plugins.sandbox.crm_server import OBJECTS, Crm, running

if TYPE_CHECKING:
    from collections.abc import Iterator

FIELD = "SELECT Id, Metadata FROM CustomField WHERE TableEnumOrId = 'Product2' AND DeveloperName = 'Color'"


@pytest.fixture(scope="module")
def crm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crm]:
    with running(tmp_path_factory.mktemp("crm"), objects=OBJECTS) as server:
        yield server


def query(crm: Crm, soql: str) -> Any:
    return crm.get("/tooling/query", q=soql).json()


def definition(crm: Crm) -> dict[str, Any]:
    (found,) = query(crm, FIELD)["records"]
    return dict(found)


def described(crm: Crm) -> dict[str, bool]:
    fields = crm.get("/sobjects/Product2/describe").json()["fields"]
    values = next(each for each in fields if each["name"] == "Color__c")["picklistValues"]
    return {each["value"]: each["active"] for each in values}


def test_a_custom_picklist_shows_its_values_with_their_names(crm: Crm) -> None:
    found = definition(crm)
    assert found["Id"].startswith("00N")
    value_set = found["Metadata"]["valueSet"]
    assert value_set["restricted"] is True
    shown = {each["valueName"]: each["isActive"] for each in value_set["valueSetDefinition"]["value"]}
    assert shown == {"Red": None, "Blue": None, "Old": False}


def test_a_changed_definition_adds_values_and_makes_those_it_leaves_out_inactive(crm: Crm) -> None:
    found = definition(crm)
    metadata = found["Metadata"]
    values = metadata["valueSet"]["valueSetDefinition"]["value"]
    path = f"/tooling/sobjects/CustomField/{found['Id']}"
    values.append({"valueName": "Green", "label": "Grün", "default": False})
    answer = crm.patch(path, {"Metadata": metadata})
    assert (answer.status_code, answer.content) == (204, b"")
    assert described(crm) == {"Red": True, "Blue": True, "Old": False, "Green": True}
    metadata["valueSet"]["valueSetDefinition"]["value"] = values[1:]
    crm.patch(path, {"Metadata": metadata})
    assert described(crm)["Red"] is False
    crm.create("Product2", Name="Green", Color__c="Green")


def test_definitions_may_be_asked_of_one_field_at_a_time(crm: Crm) -> None:
    (refused,) = query(crm, "SELECT Id, Metadata FROM CustomField WHERE TableEnumOrId = 'Product2'")
    assert refused["errorCode"] == "MALFORMED_QUERY"
    assert "no more than one row" in refused["message"]
    assert query(crm, "SELECT Id FROM CustomField WHERE TableEnumOrId = 'Product2'")["size"] > 1


def test_standard_fields_are_no_custom_fields(crm: Crm) -> None:
    assert query(crm, FIELD.replace("Color", "Family"))["size"] == 0


def test_what_is_not_known_or_not_complete_is_refused(crm: Crm) -> None:
    assert crm.patch("/tooling/sobjects/CustomField/00N000000000000AAA", {"Metadata": {}}).status_code == 404
    found = definition(crm)
    incomplete = crm.patch(f"/tooling/sobjects/CustomField/{found['Id']}", {"Metadata": {"label": "Color"}})
    assert incomplete.status_code == 400
    values = found["Metadata"]["valueSet"]["valueSetDefinition"]["value"]
    values.append({"valueName": "RED", "label": "Red"})
    twice = crm.patch(f"/tooling/sobjects/CustomField/{found['Id']}", {"Metadata": found["Metadata"]})
    assert twice.json()[0]["errorCode"] == "DUPLICATE_VALUE"
    assert query(crm, "SELECT Id FROM ApexClass WHERE Name = 'x'")[0]["errorCode"] == "INVALID_TYPE"
    assert (
        query(crm, "SELECT Nothing FROM CustomField WHERE DeveloperName = 'Color'")[0]["errorCode"] == "INVALID_FIELD"
    )
