"""Single records: writing, reading, upserts, what is refused, and how values are stored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from simple_salesforce.exceptions import (
    SalesforceMalformedRequest,
    SalesforceMoreThanOneRecord,
    SalesforceResourceNotFound,
)
from tests.plugins.sandbox.crm_server import Crm, running

if TYPE_CHECKING:
    from collections.abc import Iterator

READ_ONLY = (
    "Unable to create/update fields: {}. Please check the security settings of this field and verify that it is "
    "read/write for your profile or permission set."
)
LONG = "x" * 256
USER = "005Qy0000000001IAA"
PICKLIST = "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"
NOT_LISTED = "{}: bad value for restricted picklist field: {}"
RANGE = "{}: value outside of valid range on numeric field: {}"
WRONG_ID = "Category: id value of incorrect type: {}"
NO_PARENT = "Foreign key external ID: gone not found for field Code__c in entity PIM_Category__c"
READ = "Cannot deserialize instance of {} from {} value {}"


@pytest.fixture(scope="module")
def crm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crm]:
    with running(tmp_path_factory.mktemp("crm")) as server:
        yield server


def stored(crm: Crm, record_id: str, field: str) -> Any:
    return crm.get(f"/sobjects/Product2/{record_id}", fields=field).json()[field]


def test_a_record_lives_from_create_to_delete(crm: Crm) -> None:
    record_id = crm.create("Product2", Name="Camera", PIM_Id__c="life")
    assert record_id.startswith("01t")
    assert len(record_id) == 18
    assert crm.patch(f"/sobjects/Product2/{record_id}", {"ProductCode": "C-1"}).status_code == 204
    shown = crm.get(f"/sobjects/Product2/{record_id[:15]}").json()
    assert (shown["Name"], shown["ProductCode"], shown["IsActive"]) == ("Camera", "C-1", False)
    assert shown["attributes"] == {"type": "Product2", "url": f"/services/data/v62.0/sobjects/Product2/{record_id}"}
    assert crm.delete(f"/sobjects/Product2/{record_id}").status_code == 204
    again = crm.delete(f"/sobjects/Product2/{record_id}")
    assert (again.status_code, again.json()[0]["errorCode"]) == (404, "ENTITY_IS_DELETED")
    assert crm.get(f"/sobjects/Product2/{record_id}").status_code == 404


def test_null_clears_and_a_missing_field_is_left_alone(crm: Crm) -> None:
    record_id = crm.create("Product2", Name="N", ProductCode="P", Description="D")
    crm.patch(f"/sobjects/Product2/{record_id}", {"ProductCode": None})
    assert (stored(crm, record_id, "ProductCode"), stored(crm, record_id, "Description")) == (None, "D")


def test_an_upsert_by_external_id_creates_then_updates_whatever_the_case(crm: Crm) -> None:
    created = crm.patch("/sobjects/Product2/PIM_Id__c/Ab-1", {"Name": "one"})
    assert (created.status_code, created.json()["created"]) == (201, True)
    updated = crm.patch("/sobjects/product2/pim_id__C/aB-1", {"name": "two"})
    assert (updated.status_code, updated.json()) == (
        200,
        {"id": created.json()["id"], "success": True, "errors": [], "created": False},
    )
    assert crm.get("/sobjects/Product2/PIM_Id__c/AB-1").json()["Name"] == "two"
    assert crm.get("/sobjects/Product2/PIM_Id__c/AB-1").json()["PIM_Id__c"] == "Ab-1"


def test_a_case_sensitive_key_tells_cases_apart(crm: Crm) -> None:
    first = crm.patch("/sobjects/Product2/Exact__c/k", {"Name": "small"}).json()["id"]
    second = crm.patch("/sobjects/Product2/Exact__c/K", {"Name": "large"}).json()["id"]
    assert first != second


def test_a_key_with_a_slash_is_found_when_encoded(crm: Crm) -> None:
    crm.patch("/sobjects/Product2/PIM_Id__c/a%2Fb%20c", {"Name": "slash"})
    assert crm.soql("SELECT Name FROM Product2 WHERE PIM_Id__c = 'a/b c'")[0]["Name"] == "slash"


def test_old_versions_answer_an_updating_upsert_without_a_body(crm: Crm) -> None:
    crm.patch("/sobjects/Product2/PIM_Id__c/old", {"Name": "one"})
    assert (
        crm.http.patch("/services/data/v45.0/sobjects/Product2/PIM_Id__c/old", json={"Name": "two"}).status_code == 204
    )


def test_update_only_never_creates(crm: Crm) -> None:
    assert (
        crm.http.patch(
            "/services/data/v62.0/sobjects/Product2/PIM_Id__c/none?updateOnly=true", json={"Name": "x"}
        ).status_code
        == 404
    )
    assert crm.soql("SELECT Id FROM Product2 WHERE PIM_Id__c = 'none'") == []


def test_an_ambiguous_key_answers_300_with_the_candidates(crm: Crm) -> None:
    ids = [crm.create("Product2", Name="x", Loose__c="same") for _ in range(2)]
    answer = crm.patch("/sobjects/Product2/Loose__c/same", {"Name": "y"})
    assert answer.status_code == 300
    assert answer.json() == [f"/services/data/v62.0/sobjects/Product2/{record_id}" for record_id in ids]
    with pytest.raises(SalesforceMoreThanOneRecord):
        crm.salesforce().Product2.get_by_custom_id("Loose__c", "same")


@pytest.mark.parametrize("field", ["Id", "PIM_Id__c"])
def test_an_upsert_body_may_not_name_the_record_again(crm: Crm, field: str) -> None:
    answer = crm.patch("/sobjects/Product2/PIM_Id__c/k9", {field: "k9", "Name": "x"})
    assert (answer.status_code, answer.json()[0]["message"]) == (
        400,
        f"The {field} field should not be specified in the sobject data.",
    )


@pytest.mark.parametrize(
    ("values", "code", "message", "fields"),
    [
        ({"Name": None}, "REQUIRED_FIELD_MISSING", "Required fields are missing: [Name]", ["Name"]),
        ({"Name": "  "}, "REQUIRED_FIELD_MISSING", "Required fields are missing: [Name]", ["Name"]),
        ({"Name": LONG}, "STRING_TOO_LONG", f"Product Name: data value too large: {LONG} (max length=255)", ["Name"]),
        ({"Color__c": "Green"}, PICKLIST, NOT_LISTED.format("Color", "Green"), ["Color__c"]),
        ({"Color__c": "Old"}, PICKLIST, NOT_LISTED.format("Color", "Old"), ["Color__c"]),
        ({"Tags__c": "New;Bad"}, PICKLIST, NOT_LISTED.format("Tags", "Bad"), ["Tags__c"]),
        ({"Weight__c": 100000}, "NUMBER_OUTSIDE_VALID_RANGE", RANGE.format("Weight", 100000), ["Weight__c"]),
        ({"Weight__c": 99999.9996}, "NUMBER_OUTSIDE_VALID_RANGE", RANGE.format("Weight", 99999.9996), ["Weight__c"]),
        ({"Count__c": 3000000000}, "NUMBER_OUTSIDE_VALID_RANGE", RANGE.format("Count", 3000000000), ["Count__c"]),
        ({"Mail__c": "not-mail"}, "INVALID_EMAIL_ADDRESS", "Mail: invalid email address: not-mail", ["Mail__c"]),
        ({"IsActive": None}, "INVALID_TYPE_ON_FIELD_IN_RECORD", "Active: value not of required type: ", ["IsActive"]),
        ({"Both__c": "x"}, "INVALID_FIELD_FOR_INSERT_UPDATE", READ_ONLY.format("Both__c"), ["Both__c"]),
        (
            {"IsArchived": True},
            "INVALID_FIELD_FOR_INSERT_UPDATE",
            READ_ONLY.format("IsArchived"),
            ["IsArchived"],
        ),
        ({"Category__c": "abc"}, "MALFORMED_ID", WRONG_ID.format("abc"), ["Category__c"]),
        ({"Category__c": USER}, "FIELD_INTEGRITY_EXCEPTION", WRONG_ID.format(USER), ["Category__c"]),
        ({"Category__c": "a00Qy0000000999"}, "INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", []),
        ({"Category__r": {"Code__c": "gone"}}, "INVALID_FIELD", NO_PARENT, []),
        ({"StockKeepingUnit": "small"}, "FIELD_CUSTOM_VALIDATION_EXCEPTION", "SKUs are capitals", ["StockKeepingUnit"]),
        ({"IsActive": True}, "FIELD_CUSTOM_VALIDATION_EXCEPTION", "Active products need a code", ["ProductCode"]),
    ],
)
def test_a_row_the_org_does_not_take_is_refused_in_the_platforms_words(
    crm: Crm, values: dict[str, Any], code: str, message: str, fields: list[str]
) -> None:
    answer = crm.post("/sobjects/Product2", {"Name": "n", **values})
    assert answer.status_code == 400
    assert answer.json() == [{"message": message, "errorCode": code, "fields": fields}]


@pytest.mark.parametrize(
    ("values", "code", "message"),
    [
        ({"Nam": "x"}, "INVALID_FIELD", "No such column 'Nam' on sobject of type Product2"),
        ({"Nope__r": {"Code__c": "x"}}, "INVALID_FIELD", "No such column 'Nope__r' on sobject of type Product2"),
        ({"Weight__c": "heavy"}, "JSON_PARSER_ERROR", READ.format("double", "VALUE_STRING", "heavy or request may")),
        ({"IsActive": "true"}, "JSON_PARSER_ERROR", READ.format("boolean", "VALUE_STRING", "true or request may")),
        ({"Name": {"a": 1}}, "JSON_PARSER_ERROR", READ.format("string", "START_OBJECT", "{ or request may")),
        ({"Name": 5}, "JSON_PARSER_ERROR", READ.format("string", "VALUE_NUMBER_INT", "5 or request may")),
        ({"Launch__c": "31.12.2026"}, "JSON_PARSER_ERROR", READ.format("date", "VALUE_STRING", "31.12.2026")),
        (
            {"Seen__c": "2017-10-17 00:00:00"},
            "JSON_PARSER_ERROR",
            READ.format("datetime", "VALUE_STRING", "2017-10"),
        ),
    ],
)
def test_a_body_that_cannot_be_read_fails_the_call(crm: Crm, values: dict[str, Any], code: str, message: str) -> None:
    answer = crm.post("/sobjects/Product2", values)
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, code)
    assert answer.json()[0]["message"].startswith(message)


def test_a_parser_error_says_the_place(crm: Crm) -> None:
    answer = crm.http.post("/services/data/v62.0/sobjects/Product2", content='{"Name": "x",\n "IsActive": "yes"}')
    assert answer.json()[0]["message"].endswith("[line:2, column:14]")
    broken = crm.http.post("/services/data/v62.0/sobjects/Product2", content="{").json()[0]
    assert broken["errorCode"] == "JSON_PARSER_ERROR"


def test_a_unique_value_is_there_only_once(crm: Crm) -> None:
    first = crm.create("Product2", Name="a", PIM_Id__c="once")
    second = crm.post("/sobjects/Product2", {"Name": "b", "PIM_Id__c": "ONCE"})
    message = f"duplicate value found: PIM_Id__c duplicates value on record with id: {first}"
    assert second.json() == [{"message": message, "errorCode": "DUPLICATE_VALUE", "fields": []}]
    crm.delete(f"/sobjects/Product2/{first}")
    assert crm.post("/sobjects/Product2", {"Name": "b", "PIM_Id__c": "ONCE"}).status_code == 201


@pytest.mark.parametrize(
    ("field", "sent", "kept"),
    [
        ("ProductCode", "  padded  ", "padded"),
        ("ProductCode", "", None),
        ("Weight__c", 1.2345, 1.235),
        ("Weight__c", 2.0005, 2.001),
        ("Weight__c", 7, 7.0),
        ("Weight__c", "7.25", 7.25),
        ("Price__c", 10, 10.0),
        ("Tags__c", "Eco;New;Eco", "New;Eco"),
        ("Launch__c", "2026-01-31", "2026-01-31"),
        ("Seen__c", "2026-01-31T10:00:00Z", "2026-01-31T10:00:00.000+0000"),
        ("Seen__c", "2026-01-31T10:00:00.987+02:00", "2026-01-31T08:00:00.000+0000"),
        ("Long__c", "a\nb", "a\nb"),
        ("Family", "Anything goes", "Anything goes"),
    ],
)
def test_values_are_kept_in_the_platforms_form(crm: Crm, field: str, sent: Any, kept: Any) -> None:
    record_id = crm.create("Product2", Name="n", **{field: sent})
    found = stored(crm, record_id, field)
    assert found == kept
    assert type(found) is type(kept)


def test_a_parent_is_named_by_its_external_id(crm: Crm) -> None:
    parent = crm.create("PIM_Category__c", Name="Video", Code__c="video")
    record_id = crm.create("Product2", Name="n", ProductCode="C", Category__r={"Code__c": "VIDEO"})
    assert stored(crm, record_id, "Category__c") == parent
    assert stored(crm, record_id, "Both__c") == "C/Video"
    crm.delete(f"/sobjects/PIM_Category__c/{parent}")
    assert stored(crm, record_id, "Category__c") is None


def test_children_of_a_master_go_with_it_and_cannot_change_it(crm: Crm) -> None:
    product, other = crm.create("Product2", Name="m"), crm.create("Product2", Name="o")
    child = crm.create("PIM_Text__c", Key__c="t1", Product__c=product)
    moved = crm.patch(f"/sobjects/PIM_Text__c/{child}", {"Product__c": other})
    assert moved.json()[0]["errorCode"] == "INVALID_FIELD_FOR_INSERT_UPDATE"
    crm.delete(f"/sobjects/Product2/{product}")
    assert crm.get(f"/sobjects/PIM_Text__c/{child}").status_code == 404


def test_geolocation_is_written_by_its_parts(crm: Crm) -> None:
    record_id = crm.create("Product2", Name="n", Place__Latitude__s=52.5, Place__Longitude__s=13.4)
    assert stored(crm, record_id, "Place__c") == {"latitude": 52.5, "longitude": 13.4}


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/sobjects/Nope__c/a00Qy0000000001", 404, "NOT_FOUND"),
        ("/sobjects/Product2/short", 404, "NOT_FOUND"),
        ("/sobjects/Product2/01tQy00000009!!", 400, "MALFORMED_ID"),
        ("/sobjects/Product2/01tQy0000009999", 404, "NOT_FOUND"),
        ("/sobjects/Product2/ProductCode/x", 400, "INVALID_FIELD"),
        ("/sobjects/Product2/Nope__c/x", 404, "NOT_FOUND"),
    ],
)
def test_a_record_that_cannot_be_named_is_an_error(crm: Crm, path: str, status: int, code: str) -> None:
    answer = crm.get(path)
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (status, code)


def test_a_wrong_method_is_405(crm: Crm) -> None:
    answer = crm.http.put("/services/data/v62.0/sobjects/Product2", json={})
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (405, "METHOD_NOT_ALLOWED")


def test_a_person_edits_beside_the_api(crm: Crm) -> None:
    record_id = crm.create("Product2", Name="ours")
    crm.org.edit("Product2", record_id, {"Name": "theirs"})
    row = next(row for row in crm.org.rows("Product2") if row["Id"] == record_id)
    assert (row["Name"], row["LastModifiedById"], row["CreatedById"]) == ("theirs", crm.org.person, crm.org.api_user)
    with pytest.raises(ValueError, match="Required fields are missing"):
        crm.org.edit("Product2", record_id, {"Name": None})
    added = crm.org.add("Product2", {"Name": "by hand"})
    crm.org.remove("Product2", added)
    assert all(row["Id"] != added for row in crm.org.rows("Product2"))


def test_describe_tells_what_a_loader_needs(crm: Crm) -> None:
    described = crm.salesforce().Product2.describe()
    fields = {item["name"]: item for item in described["fields"]}
    assert (described["keyPrefix"], described["custom"], described["createable"]) == ("01t", False, True)
    name, key, weight = fields["Name"], fields["PIM_Id__c"], fields["Weight__c"]
    assert (name["nillable"], name["createable"], name["defaultedOnCreate"], name["length"]) == (
        False,
        True,
        False,
        255,
    )
    assert (key["externalId"], key["unique"], key["idLookup"], key["caseSensitive"]) == (True, True, True, False)
    assert (weight["type"], weight["precision"], weight["scale"], weight["length"]) == ("double", 8, 3, 0)
    assert [(entry["value"], entry["active"]) for entry in fields["Color__c"]["picklistValues"]] == [
        ("Red", True),
        ("Blue", True),
        ("Old", False),
    ]
    assert (fields["Category__c"]["relationshipName"], fields["Category__c"]["referenceTo"]) == (
        "Category__r",
        ["PIM_Category__c"],
    )
    assert (fields["Both__c"]["calculated"], fields["Both__c"]["updateable"]) == (True, False)
    assert (fields["Rich__c"]["type"], fields["Rich__c"]["htmlFormatted"], fields["Rich__c"]["extraTypeInfo"]) == (
        "textarea",
        True,
        "richtextarea",
    )
    assert {"childSObject": "PIM_Text__c", "field": "Product__c", "cascadeDelete": True}.items() <= next(
        child for child in described["childRelationships"] if child["childSObject"] == "PIM_Text__c"
    ).items()
    assert {item["name"] for item in crm.salesforce().describe()["sobjects"]} >= {
        "Product2",
        "PIM_Category__c",
        "Organization",
    }


def test_an_unchanged_describe_is_not_sent_again(crm: Crm) -> None:
    first = crm.get("/sobjects/Product2/describe")
    again = crm.http.get(str(first.url), headers={"If-Modified-Since": first.headers["Last-Modified"]})
    assert (again.status_code, again.content) == (304, b"")


def test_simple_salesforce_reads_and_writes_records(crm: Crm) -> None:
    product = crm.salesforce().Product2
    assert product.upsert("PIM_Id__c/ss-1", {"Name": "one"}) == 201
    assert product.upsert("PIM_Id__c/ss-1", {"Name": "two"}) == 200
    record = product.get_by_custom_id("PIM_Id__c", "ss-1")
    assert record["Name"] == "two"
    assert product.update(record["Id"], {"ProductCode": "c"}) == 204
    assert product.delete(record["Id"]) == 204
    with pytest.raises(SalesforceResourceNotFound):
        product.get(record["Id"])
    with pytest.raises(SalesforceMalformedRequest) as caught:
        product.create({"Name": ""})
    assert caught.value.content[0]["errorCode"] == "REQUIRED_FIELD_MISSING"
