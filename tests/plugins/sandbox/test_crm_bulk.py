"""Bulk API 2.0: the life of a job, what its rows become, and the order of the results."""

from __future__ import annotations

import csv
import io
import json
import time
from typing import TYPE_CHECKING, Any

import pytest
from tests.plugins.sandbox.crm_server import Crm, running, select

from sync_engine_sandbox.crm import CrmSettings
from sync_engine_sandbox.crm.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TYPE = "INVALID_FIELD:Failed to deserialize field at col 2. Due to, '{}' is not a valid value for the type xsd:{}"
ENDING = "ClientInputError : LineEnding is invalid on user data. Current LineEnding setting is"
PARSE = "InvalidBatch : Failed to parse input file:"
BY_ID: dict[str, Any] = {"externalIdFieldName": None}
CSV = {"Content-Type": "text/csv; charset=UTF-8"}


@pytest.fixture(scope="module")
def crm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crm]:
    with running(tmp_path_factory.mktemp("crm")) as server:
        yield server


def open_job(crm: Crm, **wanted: Any) -> str:
    body = {
        "object": "Product2",
        "operation": "upsert",
        "externalIdFieldName": "PIM_Id__c",
        "contentType": "CSV",
        "lineEnding": "LF",
        **wanted,
    }
    answer = crm.post("/jobs/ingest", {name: value for name, value in body.items() if value is not None})
    assert answer.status_code == 200, answer.text
    assert answer.json()["state"] == "Open"
    return str(answer.json()["id"])


def upload(crm: Crm, job: str, text: str) -> Any:
    return crm.http.put(f"/services/data/v62.0/jobs/ingest/{job}/batches", content=text.encode(), headers=CSV)


def close(crm: Crm, job: str, state: str = "UploadComplete") -> Any:
    return crm.patch(f"/jobs/ingest/{job}", {"state": state})


def finish(crm: Crm, job: str, kind: str = "ingest") -> dict[str, Any]:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        info: dict[str, Any] = crm.get(f"/jobs/{kind}/{job}").json()
        if info["state"] in {"JobComplete", "Failed", "Aborted"}:
            return info
        time.sleep(0.02)
    raise AssertionError("the job did not end")


def work(crm: Crm, text: str, **wanted: Any) -> tuple[dict[str, Any], list[dict[str, str]], list[dict[str, str]]]:
    job = open_job(crm, **wanted)
    assert upload(crm, job, text).status_code == 201
    assert close(crm, job).json()["state"] == "UploadComplete"
    return finish(crm, job), results(crm, job, "successfulResults"), results(crm, job, "failedResults/")


def results(crm: Crm, job: str, kind: str) -> list[dict[str, str]]:
    answer = crm.get(f"/jobs/ingest/{job}/{kind}")
    assert answer.headers["content-type"].startswith("text/csv")
    return list(csv.DictReader(io.StringIO(answer.text, newline="")))


def test_a_job_names_where_its_data_goes(crm: Crm) -> None:
    info = crm.get(f"/jobs/ingest/{open_job(crm)}").json()
    assert info["contentUrl"] == f"services/data/v62.0/jobs/ingest/{info['id']}/batches"
    expected = {
        "apiVersion": 62.0,
        "concurrencyMode": "Parallel",
        "jobType": "V2Ingest",
        "columnDelimiter": "COMMA",
        "numberRecordsProcessed": 0,
    }
    assert expected.items() <= info.items()
    listed = crm.get("/jobs/ingest").json()
    assert listed["done"] is True
    assert info["id"] in {job["id"] for job in listed["records"]}


def test_rows_succeed_and_fail_one_by_one(crm: Crm) -> None:
    crm.create("Product2", Name="old", PIM_Id__c="b-1", ProductCode="keep", Description="clear")
    header = "PIM_Id__c,Name,ProductCode,Description,IsActive\n"
    text = f'{header}B-1,"new, ""q""\nline",,#N/A,1\nb-2,{"x" * 256},,,\nb-3,three,,,false\n'
    info, good, bad = work(crm, text)
    assert (info["state"], info["numberRecordsProcessed"], info["numberRecordsFailed"]) == ("JobComplete", 3, 1)
    assert {row["PIM_Id__c"]: row["sf__Created"] for row in good} == {"B-1": "false", "b-3": "true"}
    assert [(row["sf__Id"], row["PIM_Id__c"]) for row in bad] == [("", "b-2")]
    assert (
        bad[0]["sf__Error"]
        == f"STRING_TOO_LONG:Product Name: data value too large: {'x' * 256} (max length=255):Name --"
    )
    row = crm.soql("SELECT Name, ProductCode, Description, IsActive FROM Product2 WHERE PIM_Id__c = 'b-1'")[0]
    assert (row["Name"], row["ProductCode"], row["Description"], row["IsActive"]) == (
        'new, "q"\nline',
        "keep",
        None,
        True,
    )


def test_result_files_quote_every_cell_of_the_header(crm: Crm) -> None:
    job = open_job(crm)
    upload(crm, job, "PIM_Id__c,Name\nh-1,one\n")
    close(crm, job)
    finish(crm, job)
    base = f"/jobs/ingest/{job}"
    assert crm.get(f"{base}/successfulResults").text.startswith('"sf__Id","sf__Created","PIM_Id__c","Name"\n')
    assert crm.get(f"{base}/failedResults/").text == '"sf__Id","sf__Error","PIM_Id__c","Name"\n'
    assert crm.get(f"{base}/unprocessedrecords/").text == '"PIM_Id__c","Name"\n'


@pytest.mark.parametrize(
    ("header", "cell", "error"),
    [
        ("Weight__c", "heavy", TYPE.format("heavy", "double:Weight__c --")),
        ("Seen__c", "2018-09-28", TYPE.format("2018-09-28", "dateTime:Seen__c --")),
        ("IsActive", "yes", TYPE.format("yes", "boolean:IsActive --")),
        (
            "Category__r.Code__c",
            "gone",
            "INVALID_FIELD:Foreign key external ID: gone not found for field Code__c in",
        ),
        ("Both__c", "x", "INVALID_FIELD_FOR_INSERT_UPDATE:Unable to create/update fields: Both__c."),
    ],
)
def test_a_cell_that_does_not_fit_fails_its_row(crm: Crm, header: str, cell: str, error: str) -> None:
    _, _, bad = work(crm, f"PIM_Id__c,Name,{header}\ncell,n,{cell}\n")
    assert bad[0]["sf__Error"].startswith(error)


def test_a_parent_column_sets_and_clears_a_reference(crm: Crm) -> None:
    parent = crm.create("PIM_Category__c", Name="V", Code__c="vid")
    query = "SELECT Category__c FROM Product2 WHERE PIM_Id__c = 'pc'"
    work(crm, "PIM_Id__c,Name,Category__r.Code__c\npc,n,VID\n")
    assert crm.soql(query)[0]["Category__c"] == parent
    work(crm, "PIM_Id__c,Category__r.Code__c\npc,\n")
    assert crm.soql(query)[0]["Category__c"] == parent
    work(crm, "PIM_Id__c,Category__r.Code__c\npc,#N/A\n")
    assert crm.soql(query)[0]["Category__c"] is None


def test_results_come_in_another_order_which_the_seed_decides(tmp_path: Path) -> None:
    sent = [f"s{number}" for number in range(300)]
    text = "PIM_Id__c,Name\n" + "".join(f"{key},n\n" for key in sent)
    orders = []
    for seed in (1, 1, 2):
        with running(tmp_path, CrmSettings(bulk_seed=seed)) as crm:
            orders.append([row["PIM_Id__c"] for row in work(crm, text)[1]])
    assert orders[0] == orders[1]
    assert sent != orders[0] != orders[2]
    assert sorted(orders[0]) == sorted(sent)


def test_a_key_twice_in_one_chunk_fails_twice_but_a_later_chunk_updates(crm: Crm) -> None:
    keys = ["dup", "dup", *(f"d{number}" for number in range(198)), "d0"]
    info, good, bad = work(crm, "PIM_Id__c,Name\n" + "".join(f"{key},n\n" for key in keys))
    assert (info["numberRecordsProcessed"], info["numberRecordsFailed"]) == (201, 2)
    assert [row["sf__Error"] for row in bad] == [
        "DUPLICATE_VALUE:Duplicate external id specified: dup:PIM_Id__c --"
    ] * 2
    assert [row["sf__Created"] for row in good if row["PIM_Id__c"] == "d0"].count("false") == 1


def test_insert_update_and_delete_jobs(crm: Crm) -> None:
    info, good, _ = work(crm, "Name\nfirst\nsecond\n", operation="insert", externalIdFieldName=None)
    assert (info["state"], {row["sf__Created"] for row in good}) == ("JobComplete", {"true"})
    ids = {row["Name"]: row["sf__Id"] for row in good}
    _, good, bad = work(crm, f"Id,Name\n{ids['first']},1st\nnope,x\n", operation="update", externalIdFieldName=None)
    assert [row["sf__Created"] for row in good] == ["false"]
    assert bad[0]["sf__Error"].startswith("MALFORMED_ID:")
    _, good, bad = work(crm, f"Id\n{ids['first']}\n{ids['first']}\n", operation="delete", externalIdFieldName=None)
    assert (len(good), bad[0]["sf__Error"]) == (1, "ENTITY_IS_DELETED:entity is deleted:--")


@pytest.mark.parametrize(
    ("wanted", "text", "message"),
    [
        ({}, "PIM_Id__c,Nope__c\na,b\n", "InvalidBatch : Field name not found : Nope__c"),
        ({}, "Name\nb\n", "InvalidBatch : Field name not found : PIM_Id__c"),
        ({}, "\ufeffPIM_Id__c,Name\na,b\n", "InvalidBatch : Field name not found : \ufeffPIM_Id__c"),
        ({}, "PIM_Id__c;Name\na;b\n", "InvalidBatch : Field name not found : PIM_Id__c;Name"),
        ({}, "PIM_Id__c,Name,name\na,b,c\n", "InvalidBatch : Duplicate field name in header : Name"),
        ({}, "PIM_Id__c,Name\r\na,b\r\n", f"{ENDING} LF"),
        ({"lineEnding": "CRLF"}, "PIM_Id__c,Name\na,b\n", f"{ENDING} CRLF"),
        ({}, 'PIM_Id__c,Name\na,"b\n', f"{PARSE} unexpected end of data"),
        ({}, 'PIM_Id__c,Name\na,"b"c\n', f"{PARSE} ',' expected after '\"'"),
        ({}, "PIM_Id__c,Name\na,b,c\n", f"{PARSE} row 2 has 3 columns, the header 2"),
        (BY_ID | {"operation": "delete"}, "Id,Name\na,b\n", "InvalidBatch : The 'delete' batch must contain only ids"),
        (BY_ID | {"operation": "update"}, "Name\nb\n", "InvalidBatch : Field name not found : Id"),
    ],
)
def test_data_that_cannot_be_worked_on_fails_the_job_and_comes_back_unprocessed(
    crm: Crm, wanted: dict[str, Any], text: str, message: str
) -> None:
    job = open_job(crm, **wanted)
    upload(crm, job, text)
    close(crm, job)
    info = finish(crm, job)
    assert (info["state"], info["errorMessage"], info["numberRecordsProcessed"]) == ("Failed", message, 0)
    left = crm.get(f"/jobs/ingest/{job}/unprocessedrecords").text
    assert left.replace('"', "") == text.replace('"', "")


def test_delimiters_and_line_endings_are_those_of_the_job(crm: Crm) -> None:
    job = open_job(crm, columnDelimiter="PIPE", lineEnding="CRLF")
    upload(crm, job, "PIM_Id__c|Name\r\npipe|a,b\r\n")
    close(crm, job)
    finish(crm, job)
    lines = crm.get(f"/jobs/ingest/{job}/successfulResults").text.split("\r\n")
    assert (lines[0], lines[1].split("|", 2)[2]) == ('"sf__Id"|"sf__Created"|"PIM_Id__c"|"Name"', '"pipe"|"a,b"')


def test_data_is_taken_once_and_only_while_open(crm: Crm) -> None:
    job = open_job(crm)
    assert upload(crm, job, "PIM_Id__c,Name\nonce,n\n").status_code == 201
    second = upload(crm, job, "PIM_Id__c,Name\ntwice,n\n")
    assert (second.status_code, second.json()[0]["errorCode"]) == (400, "INVALIDJOB")
    assert crm.get(f"/jobs/ingest/{job}/successfulResults").json()[0]["errorCode"] == "INVALIDJOBSTATE"
    assert crm.delete(f"/jobs/ingest/{job}").json()[0]["errorCode"] == "INVALIDJOBSTATE"
    close(crm, job)
    finish(crm, job)
    assert upload(crm, job, "x").json()[0]["errorCode"] == "INVALIDJOBSTATE"
    assert close(crm, job, "Aborted").json()[0]["errorCode"] == "INVALIDJOBSTATE"
    assert crm.delete(f"/jobs/ingest/{job}").status_code == 204
    assert crm.get(f"/jobs/ingest/{job}").status_code == 404


@pytest.mark.parametrize(
    ("wanted", "code"),
    [
        ({"operation": "merge"}, "INVALIDJOB"),
        ({"operation": "upsert", "externalIdFieldName": "ProductCode"}, "INVALIDJOB"),
        ({"operation": "upsert"}, "INVALIDJOB"),
        ({"operation": "insert", "lineEnding": "CR"}, "INVALIDJOB"),
        ({"operation": "insert", "object": "Nope"}, "INVALIDENTITY"),
        ({"operation": "insert", "object": "ContentVersion"}, "INVALIDENTITY"),
    ],
)
def test_a_job_that_makes_no_sense_is_not_opened(crm: Crm, wanted: dict[str, Any], code: str) -> None:
    answer = crm.post("/jobs/ingest", {"object": "Product2", **wanted})
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, code)


def test_rows_take_effect_chunk_by_chunk_and_an_abort_leaves_the_rest(tmp_path: Path) -> None:
    with running(tmp_path, CrmSettings(bulk_chunk_delay=0.3)) as crm:
        job = open_job(crm)
        upload(crm, job, "PIM_Id__c,Name\n" + "".join(f"p{number},n\n" for number in range(500)))
        close(crm, job)
        while not crm.org.rows("Product2"):
            time.sleep(0.005)
        assert crm.get(f"/jobs/ingest/{job}").json()["state"] == "InProgress"
        assert len(crm.org.rows("Product2")) == 200
        assert close(crm, job, "Aborted").json()["state"] == "Aborted"
        time.sleep(0.35)
        info = crm.get(f"/jobs/ingest/{job}").json()
        assert (info["state"], info["numberRecordsProcessed"]) == ("Aborted", 200)
        left = results(crm, job, "unprocessedrecords")
        assert [row["PIM_Id__c"] for row in left] == [f"p{number}" for number in range(200, 500)]
        assert len(results(crm, job, "successfulResults")) == 200


def test_small_data_may_come_with_the_job_which_then_closes_itself(crm: Crm) -> None:
    wanted = {"object": "Product2", "operation": "upsert", "externalIdFieldName": "PIM_Id__c", "lineEnding": "LF"}
    job = json.dumps(wanted)
    parts = {"job": (None, job, "application/json"), "content": ("content", "PIM_Id__c,Name\nmulti,part\n", "text/csv")}
    answer = crm.http.post("/services/data/v62.0/jobs/ingest", files=parts)
    assert answer.json()["state"] == "UploadComplete"
    assert finish(crm, answer.json()["id"])["numberRecordsProcessed"] == 1


def test_a_row_fault_fails_the_rows_it_names(crm: Crm) -> None:
    lock = Problem("UNABLE_TO_LOCK_ROW", "unable to obtain exclusive access to this record")
    crm.org.store.row_fault = lambda _sobject, values: lock if values.get("PIM_Id__c") == "lock-1" else None
    try:
        _, good, bad = work(crm, "PIM_Id__c,Name\nlock-0,n\nlock-1,n\n")
    finally:
        crm.org.store.row_fault = None
    assert ([row["PIM_Id__c"] for row in good], bad[0]["sf__Error"]) == (
        ["lock-0"],
        f"UNABLE_TO_LOCK_ROW:{lock.message}:--",
    )


def test_simple_salesforce_loads_in_bulk_and_reads_results(crm: Crm) -> None:
    bulk = crm.salesforce().bulk2.Product2
    records = [{"PIM_Id__c": f"ss{number}", "Name": f"N{number}" if number % 10 else ""} for number in range(50)]
    upload_once = bulk.upsert(records=records, external_id_field="PIM_Id__c", wait=0)
    assert [(item["numberRecordsProcessed"], item["numberRecordsFailed"]) for item in upload_once] == [(50, 5)]
    job = upload_once[0]["job_id"]
    failed = list(csv.DictReader(io.StringIO(bulk.get_failed_records(job))))
    assert {row["sf__Error"] for row in failed} == {
        "REQUIRED_FIELD_MISSING:Required fields are missing: [Name]:Name --"
    }
    assert len(list(csv.DictReader(io.StringIO(bulk.get_successful_records(job))))) == 45
    assert bulk.get_unprocessed_records(job).strip() in {'"PIM_Id__c","Name"', '"Name","PIM_Id__c"'}


def test_twenty_thousand_rows_are_all_accounted_for(crm: Crm) -> None:
    rows = "".join(
        f"big{number},Product {number},{number / 8},true,C{number},A description of some length\n"
        for number in range(20_000)
    )
    info, good, _ = work(crm, "PIM_Id__c,Name,Weight__c,IsActive,ProductCode,Description\n" + rows)
    assert (info["numberRecordsProcessed"], info["numberRecordsFailed"], len(good)) == (20_000, 0, 20_000)


def test_a_query_job_gives_its_result_in_pages(crm: Crm) -> None:
    for number in range(5):
        crm.org.add("PIM_Category__c", {"Code__c": f"q{number}", "Name": f"Q{number}"})
    fields = "Code__c, CreatedBy.Name, IsDeleted, CreatedDate, Parent__c"
    query = select(fields, "PIM_Category__c", "Code__c LIKE 'q%' ORDER BY Code__c")
    job = crm.post("/jobs/query", {"operation": "query", "query": query}).json()
    assert job["state"] == "UploadComplete"
    assert finish(crm, job["id"], "query")["numberRecordsProcessed"] == 5
    first = crm.get(f"/jobs/query/{job['id']}/results", maxRecords=3)
    assert (first.headers["Sforce-NumberOfRecords"], first.text.splitlines()[0]) == (
        "3",
        '"Code__c","CreatedBy.Name","IsDeleted","CreatedDate","Parent__c"',
    )
    row = first.text.splitlines()[1].split(",")
    assert (row[0], row[1], row[2], row[3][-6:], row[4]) == (
        '"q0"',
        '"Pat Person"',
        '"false"',
        '.000Z"'[-6:],
        '""',
    )
    last = crm.get(f"/jobs/query/{job['id']}/results", maxRecords=3, locator=first.headers["Sforce-Locator"])
    assert (last.headers["Sforce-Locator"], last.headers["Sforce-NumberOfRecords"]) == ("null", "2")
    other = crm.http.get(f"/services/data/v61.0/jobs/query/{job['id']}/results")
    assert other.status_code == 409
    pages = list(crm.salesforce().bulk2.PIM_Category__c.query(query, max_records=2, wait=0))
    assert [page.count('"q') for page in pages] == [2, 2, 1]


def test_a_query_job_refuses_what_bulk_cannot(crm: Crm) -> None:
    assert crm.post("/jobs/query", {"operation": "query", "query": "SELECT COUNT() FROM Product2"}).status_code == 400
    assert (
        crm.post("/jobs/query", {"operation": "query", "query": "SELECT Nope FROM Product2"}).json()[0]["errorCode"]
        == "INVALID_FIELD"
    )
