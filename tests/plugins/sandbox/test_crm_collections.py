"""Many records in one call, and several calls in one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.plugins.sandbox.crm_server import DATA, Crm, running

if TYPE_CHECKING:
    from collections.abc import Iterator

UPSERT = "/composite/sobjects/Product2/PIM_Id__c"


@pytest.fixture(scope="module")
def crm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crm]:
    with running(tmp_path_factory.mktemp("crm")) as server:
        yield server


def product(**values: Any) -> dict[str, Any]:
    return {"attributes": {"type": "Product2"}, **values}


def test_an_upsert_answers_every_row_in_request_order(crm: Crm) -> None:
    crm.create("Product2", Name="there", PIM_Id__c="c-2")
    rows = [
        product(PIM_Id__c="c-1", Name="new"),
        product(PIM_Id__c="C-2", Name="changed"),
        product(PIM_Id__c="c-3", Name=""),
    ]
    answer = crm.patch(UPSERT, {"allOrNone": False, "records": rows})
    assert answer.status_code == 200
    first, second, third = answer.json()
    assert (first["success"], first["created"], first["errors"]) == (True, True, [])
    assert (second["success"], second["created"]) == (True, False)
    error = {
        "statusCode": "REQUIRED_FIELD_MISSING",
        "message": "Required fields are missing: [Name]",
        "fields": ["Name"],
    }
    assert third == {"success": False, "errors": [error]}
    assert [
        row["Name"] for row in crm.soql("SELECT Name FROM Product2 WHERE PIM_Id__c LIKE 'c-%' ORDER BY PIM_Id__c")
    ] == ["new", "changed"]


def test_a_key_that_comes_twice_fails_both_times(crm: Crm) -> None:
    rows = [
        product(PIM_Id__c="twin", Name="a"),
        product(PIM_Id__c="solo", Name="b"),
        product(PIM_Id__c="TWIN", Name="c"),
    ]
    results = crm.patch(UPSERT, {"records": rows}).json()
    assert [result["success"] for result in results] == [False, True, False]
    assert {result["errors"][0]["statusCode"] for result in (results[0], results[2])} == {"DUPLICATE_VALUE"}
    assert results[2]["errors"][0]["message"] == "Duplicate external id specified: TWIN"


def test_a_row_without_its_key_is_a_missing_argument(crm: Crm) -> None:
    result = crm.patch(UPSERT, {"records": [product(Name="a")]}).json()[0]
    assert result["errors"][0] == {
        "statusCode": "MISSING_ARGUMENT",
        "message": "PIM_Id__c not specified",
        "fields": ["PIM_Id__c"],
    }


def test_a_key_with_several_records_is_refused(crm: Crm) -> None:
    for _ in range(2):
        crm.create("Product2", Name="x", Loose__c="pair")
    result = crm.patch(
        "/composite/sobjects/Product2/Loose__c", {"records": [product(Loose__c="pair", Name="y")]}
    ).json()[0]
    assert result["errors"][0]["statusCode"] == "DUPLICATE_EXTERNAL_ID"


def test_all_or_none_takes_the_good_rows_back(crm: Crm) -> None:
    kept = crm.create("Product2", Name="before", PIM_Id__c="aon-0")
    rows = [
        product(PIM_Id__c="aon-0", Name="after"),
        product(PIM_Id__c="aon-1", Name="new"),
        product(PIM_Id__c="aon-2", Name=""),
    ]
    results = crm.patch(UPSERT, {"allOrNone": True, "records": rows}).json()
    codes = [result["errors"][0]["statusCode"] for result in results]
    assert codes == ["ALL_OR_NONE_OPERATION_ROLLED_BACK", "ALL_OR_NONE_OPERATION_ROLLED_BACK", "REQUIRED_FIELD_MISSING"]
    assert (
        crm.soql("SELECT Id, Name FROM Product2 WHERE PIM_Id__c IN ('aon-0','aon-1')")[0].items()
        >= {"Id": kept, "Name": "before"}.items()
    )
    assert len(crm.soql("SELECT Id FROM Product2 WHERE Name IN ('after', 'new') AND PIM_Id__c LIKE 'aon%'")) == 0
    assert crm.patch(UPSERT, {"records": rows[1:2]}).json()[0]["created"] is True


def test_rows_of_one_call_do_not_see_each_other_as_parents(crm: Crm) -> None:
    rows = [
        {"attributes": {"type": "PIM_Category__c"}, "Name": "root", "Code__c": "root"},
        {
            "attributes": {"type": "PIM_Category__c"},
            "Name": "leaf",
            "Code__c": "leaf",
            "Parent__r": {"Code__c": "root"},
        },
    ]
    path = "/composite/sobjects/PIM_Category__c/Code__c"
    results = crm.patch(path, {"records": rows}).json()
    assert [result["success"] for result in results] == [True, False]
    message = "Foreign key external ID: root not found for field Code__c in entity PIM_Category__c"
    assert results[1]["errors"][0]["message"] == message
    assert crm.patch(path, {"records": rows[1:]}).json()[0]["created"] is True


def test_more_than_200_rows_are_refused(crm: Crm) -> None:
    answer = crm.patch(UPSERT, {"records": [product(PIM_Id__c=f"m{number}", Name="x") for number in range(201)]})
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, "EXCEEDED_ID_LIMIT")
    assert crm.soql("SELECT Id FROM Product2 WHERE PIM_Id__c = 'm0'") == []


def test_a_call_that_cannot_be_read_writes_nothing(crm: Crm) -> None:
    answer = crm.post("/composite/sobjects", {"records": [product(Name="fine", PIM_Id__c="r1"), product(Nope__c="x")]})
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, "INVALID_FIELD")
    assert crm.soql("SELECT Id FROM Product2 WHERE PIM_Id__c = 'r1'") == []


def test_a_call_may_mix_types_in_few_runs_only(crm: Crm) -> None:
    rows = [product(Name="x"), {"attributes": {"type": "PIM_Category__c"}, "Name": "y"}]
    assert all(result["success"] for result in crm.post("/composite/sobjects", {"records": rows * 5}).json())
    assert crm.post("/composite/sobjects", {"records": rows * 6}).json()[0]["errorCode"] == "LIMIT_EXCEEDED"


def test_records_are_updated_read_and_deleted_by_id(crm: Crm) -> None:
    ids = [crm.create("Product2", Name=name) for name in ("a", "b")]
    updates = [product(id=ids[0], Name="A"), product(Id="01tQy0000009999", Name="x"), product(Name="no id")]
    results = crm.patch("/composite/sobjects", {"records": updates}).json()
    assert [(result.get("errors") or [{}])[0].get("statusCode") for result in results] == [
        None,
        "INVALID_CROSS_REFERENCE_KEY",
        "MISSING_ARGUMENT",
    ]
    read = crm.get("/composite/sobjects/Product2", ids=f"{ids[1]},01tQy0000009999,{ids[0]}", fields="Name").json()
    assert [row and row["Name"] for row in read] == ["b", None, "A"]
    gone = crm.delete("/composite/sobjects", ids=",".join([*ids, ids[0]])).json()
    assert [result["success"] for result in gone] == [True, True, False]
    assert gone[2]["errors"][0]["statusCode"] == "ENTITY_IS_DELETED"


def test_parts_of_a_composite_use_earlier_answers(crm: Crm) -> None:
    parts = [
        {"method": "POST", "url": f"{DATA}/sobjects/Product2", "referenceId": "one", "body": {"Name": "composite"}},
        {
            "method": "POST",
            "url": f"{DATA}/sobjects/PIM_Text__c",
            "referenceId": "two",
            "body": {"Key__c": "ct", "Product__c": "@{one.id}"},
        },
        {
            "method": "GET",
            "url": f"{DATA}/query?q=SELECT+Product__r.Name+FROM+PIM_Text__c+WHERE+Key__c='ct'",
            "referenceId": "three",
        },
    ]
    used = crm.org.requests.used
    answers = crm.post("/composite", {"compositeRequest": parts}).json()["compositeResponse"]
    assert [answer["httpStatusCode"] for answer in answers] == [201, 201, 200]
    assert answers[2]["body"]["records"][0]["Product__r"]["Name"] == "composite"
    assert crm.org.requests.used == used + 1


def test_a_failing_part_halts_an_all_or_none_composite(crm: Crm) -> None:
    bodies = [{"Name": "kept?", "PIM_Id__c": "halt"}, {"Name": ""}, {"Name": "never"}]
    parts = [
        {"method": "POST", "url": f"{DATA}/sobjects/Product2", "referenceId": f"p{at}", "body": body}
        for at, body in enumerate(bodies)
    ]
    answers = crm.post("/composite", {"allOrNone": True, "compositeRequest": parts}).json()["compositeResponse"]
    codes = [answer["body"][0]["errorCode"] for answer in answers]
    assert codes == ["PROCESSING_HALTED", "REQUIRED_FIELD_MISSING", "PROCESSING_HALTED"]
    assert crm.soql("SELECT Id FROM Product2 WHERE PIM_Id__c = 'halt'") == []
