"""Queries: conditions, order, pages, and the wording of what is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from simple_salesforce import format_soql
from tests.plugins.sandbox.crm_server import Crm, running, select

from sync_engine_sandbox.crm.query import run

if TYPE_CHECKING:
    from collections.abc import Iterator

NO = "not "
CUSTOM = "If you are attempting to use a custom object,"
WSDL = "Please reference your WSDL or the describe call for the appropriate names."


@pytest.fixture(scope="module")
def crm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crm]:
    with running(tmp_path_factory.mktemp("crm")) as server:
        org = server.org
        video = org.add("PIM_Category__c", {"Name": "Video", "Code__c": "video"})
        child = org.add("PIM_Category__c", {"Name": "Action", "Code__c": "action", "Parent__c": video})
        rows: list[dict[str, Any]] = [
            {
                "Name": "Alpha",
                "PIM_Id__c": "a",
                "Weight__c": 1.5,
                "Color__c": "Red",
                "Category__c": child,
                "Tags__c": "New;Eco",
            },
            {"Name": "beta", "PIM_Id__c": "b", "Weight__c": 20.0, "Launch__c": "2026-01-31", "Exact__c": "Xy"},
            {
                "Name": "Gamma's \\ 100%",
                "PIM_Id__c": "c",
                "ProductCode": "G",
                "IsActive": True,
                "Category__c": video,
                "Tags__c": "Sale",
            },
            {"Name": "delta_1", "PIM_Id__c": "d", "Seen__c": "2026-01-31T10:00:00.000+0000"},
        ]
        for row in rows:
            org.add("Product2", row)
        yield server


@pytest.mark.parametrize(
    ("where", "found"),
    [
        ("Name = 'ALPHA'", "a"),
        ("Name != 'alpha'", "bcd"),
        ("Exact__c = 'xy'", ""),
        ("Exact__c = 'Xy'", "b"),
        ("Weight__c > 1.5", "b"),
        ("Weight__c >= 1.5 AND Weight__c < 20", "a"),
        ("Weight__c = null", "cd"),
        ("Weight__c != null", "ab"),
        ("Weight__c != 20", "acd"),
        ("IsActive = TRUE", "c"),
        ("Color__c IN ('red', 'blue')", "a"),
        ("Color__c NOT IN ('Red')", "bcd"),
        ("pim_id__c in ('A', 'D', 'zz')", "ad"),
        ("Name LIKE '%A'", "ab"),
        ("Name LIKE 'delta\\_1'", "d"),
        ("Name LIKE '_eta'", "b"),
        (r"Name = 'Gamma\'s \\ 100%'", "c"),
        ("NOT Name LIKE '%a'", "cd"),
        ("(Name = 'alpha' OR Weight__c = 20) AND PIM_Id__c != 'a'", "b"),
        ("PIM_Id__c = 'a' OR PIM_Id__c = 'd'", "ad"),
        ("PIM_Id__c IN ('a','b','c') AND Category__c != null", "ac"),
        ("Launch__c = 2026-01-31", "b"),
        ("Launch__c < 2026-01-31", ""),
        ("Seen__c >= 2026-01-31T10:00:00Z", "d"),
        ("Seen__c > 2026-01-31T10:30:00+01:00", "d"),
        ("Seen__c < 2026-01-31T10:30:00+01:00", ""),
        ("CreatedDate = TODAY", "abcd"),
        ("CreatedDate > LAST_N_DAYS:2", ""),
        ("CreatedDate >= LAST_N_DAYS:2", "abcd"),
        ("Tags__c INCLUDES ('Eco;New')", "a"),
        ("Tags__c EXCLUDES ('Eco')", "bcd"),
        ("Category__r.Name = 'video'", "c"),
        ("Category__r.Parent__r.Code__c = 'VIDEO'", "a"),
        ("Category__c IN (SELECT Id FROM PIM_Category__c WHERE Parent__c = null)", "c"),
        ("LastModifiedBy.Name = 'Pat Person'", "abcd"),
    ],
)
def test_a_condition_finds_its_records(crm: Crm, where: str, found: str) -> None:
    text = select("PIM_Id__c", "Product2", where)
    assert "".join(row["PIM_Id__c"] for row in run(crm.org.store, text, version="62.0").rows) == found


def test_parents_are_nested_and_a_missing_one_is_null(crm: Crm) -> None:
    query = "select name, Category__r.Name, category__r.Parent__r.code__c from product2 where PIM_Id__c in ('a','b')"
    first, second = crm.soql(query)
    assert list(first) == ["attributes", "Name", "Category__r"]
    assert first["Category__r"]["Name"] == "Action"
    assert first["Category__r"]["Parent__r"]["Code__c"] == "video"
    assert first["Category__r"]["attributes"]["type"] == "PIM_Category__c"
    assert second["Category__r"] is None


@pytest.mark.parametrize(
    ("order", "found"),
    [
        ("Name", "abdc"),
        ("Name DESC", "cdba"),
        ("Weight__c", "cdab"),
        ("Weight__c DESC NULLS LAST", "bacd"),
        ("IsActive DESC, Name", "cabd"),
        ("Name LIMIT 2 OFFSET 1", "bd"),
    ],
)
def test_rows_come_in_the_order_asked_for(crm: Crm, order: str, found: str) -> None:
    rows = run(crm.org.store, select("Id", "Product2", order, "ORDER BY"), version="62.0").rows
    assert "".join(row["PIM_Id__c"] for row in rows) == found


def test_counting_answers_a_size_without_rows(crm: Crm) -> None:
    assert crm.get("/query", q="SELECT COUNT() FROM Product2 WHERE Weight__c != null").json() == {
        "totalSize": 2,
        "done": True,
        "records": [],
    }


NO_COLUMN = "\nSELECT Id, Nope__c FROM Product2\n           ^\nERROR at Row:1:Column:12\nNo such column 'Nope__c' on"
BAD_TOKEN = "\nSELECT Id FORM Product2\n          ^\nERROR at Row:1:Column:11\nunexpected token: 'FORM'"
NO_OBJECT = "be sure to append the '__c' after the entity name."


def criterion(field: str, kind: str, negation: str = "") -> str:
    return f"value of filter criterion for field '{field}' must be of type {kind} and should {negation}be enclosed in"


@pytest.mark.parametrize(
    ("query", "code", "message"),
    [
        ("SELECT Id FORM Product2", "MALFORMED_QUERY", BAD_TOKEN),
        ("SELECT Id FROM Product2 WHERE Name = 'x", "MALFORMED_QUERY", "line breaks not allowed in string literals"),
        ("SELECT Id FROM Product2 WHERE", "MALFORMED_QUERY", "unexpected token: '<EOF>'"),
        (
            "SELECT Id FROM User WHERE Id = null AND Id = null OR Id = null",
            "MALFORMED_QUERY",
            "unexpected token: 'OR'",
        ),
        ("SELECT Family FROM Product2 GROUP BY Family", "MALFORMED_QUERY", "GROUP is not supported by this local"),
        ("SELECT Id, Nope__c FROM Product2", "INVALID_FIELD", NO_COLUMN),
        ("SELECT Nope__r.Id FROM Product2", "INVALID_FIELD", "Didn't understand relationship 'Nope__r' in field path."),
        ("SELECT Id, id FROM Product2", "INVALID_FIELD", "duplicate field selected: Id"),
        ("SELECT Id FROM Nope", "INVALID_TYPE", f"sObject type 'Nope' is not supported. {CUSTOM} {NO_OBJECT} {WSDL}"),
        ("SELECT Id FROM Product2 WHERE Name = 5", "INVALID_FIELD", criterion("Name", "string")),
        (
            "SELECT Id FROM Product2 WHERE Weight__c = '5'",
            "INVALID_FIELD",
            criterion("Weight__c", "double", NO),
        ),
        (
            "SELECT Id FROM Product2 WHERE Seen__c > 2026-01-01",
            "INVALID_FIELD",
            criterion("Seen__c", "dateTime", NO),
        ),
        (
            "SELECT Id FROM Product2 WHERE Long__c = 'x'",
            "INVALID_FIELD",
            "field 'Long__c' can not be filtered",
        ),
        ("SELECT Id FROM Product2 WHERE Id = 'x'", "INVALID_QUERY_FILTER_OPERATOR", "invalid ID field: x"),
        ("SELECT Id FROM Product2 OFFSET 2001", "NUMBER_OUTSIDE_VALID_RANGE", "Maximum SOQL offset allowed is 2000"),
    ],
)
def test_a_wrong_query_is_refused_in_the_platforms_words(crm: Crm, query: str, code: str, message: str) -> None:
    answer = crm.get("/query", q=query)
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, code)
    assert message in answer.json()[0]["message"]


def test_what_simple_salesforce_quotes_is_understood(crm: Crm) -> None:
    query = format_soql(
        "SELECT Id FROM Product2 WHERE Name IN {} AND IsActive = {} AND Weight__c = {}",
        ["Gamma's \\ 100%", 'a"b\n'],
        True,
        None,
    )
    assert crm.salesforce().query(query)["totalSize"] == 1


def test_the_recycle_bin_shows_only_in_query_all(crm: Crm) -> None:
    gone = crm.org.add("Product2", {"Name": "gone"})
    crm.org.remove("Product2", gone)
    query = "SELECT Id, IsDeleted FROM Product2 WHERE Name = 'gone'"
    assert crm.soql(query) == []
    assert [row["IsDeleted"] for row in crm.salesforce().query(query, include_deleted=True)["records"]] == [True]


def test_pages_are_followed_and_show_the_moment_of_the_query(crm: Crm) -> None:
    for number in range(450):
        crm.org.add("PIM_Category__c", {"Name": f"page {number}", "Code__c": f"page-{number}"})
    query = "SELECT Code__c FROM PIM_Category__c WHERE Name LIKE 'page%'"
    first = crm.http.get(
        "/services/data/v62.0/query", params={"q": query}, headers={"Sforce-Query-Options": "batchSize=200"}
    ).json()
    assert (first["totalSize"], first["done"], len(first["records"])) == (450, False, 200)
    changed = next(row["Id"] for row in crm.org.rows("PIM_Category__c") if row["Code__c"] == "page-201")
    crm.org.edit("PIM_Category__c", changed, {"Code__c": "renamed"})
    second = crm.http.get(first["nextRecordsUrl"]).json()
    assert (second["totalSize"], second["done"], len(second["records"])) == (450, True, 250)
    assert second["records"][1]["Code__c"] == "page-201"
    assert crm.http.get(first["nextRecordsUrl"].replace("01g", "01h")).json()[0]["errorCode"] == "INVALID_QUERY_LOCATOR"


def test_large_tables_are_read_and_searched(crm: Crm) -> None:
    store = crm.org.store
    for number in range(20_000):
        store.stamp("PIM_Text__c", {"Key__c": f"t{number}", "Name": f"T{number}"}, crm.org.person)
    wanted = ",".join(f"'t{number}'" for number in range(0, 20_000, 100))
    for _ in range(50):
        assert len(run(store, select("Id", "PIM_Text__c", f"Key__c IN ({wanted})"), version="62.0").rows) == 200
    records = crm.salesforce().query_all(
        "SELECT Id, Key__c, CreatedDate FROM PIM_Text__c WHERE Name LIKE 'T%' ORDER BY Key__c"
    )
    assert records["totalSize"] == 20_000
