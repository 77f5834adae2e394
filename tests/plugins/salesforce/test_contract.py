"""The Salesforce target keeps the contract of ``sdk.target``, by Collections and by Bulk jobs alike."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from sync_engine.sdk.errors import BrokenContract, Refused, SyncEngineError, Unauthorised, Unavailable
from sync_engine.sdk.target import (
    Batch,
    FieldRequest,
    FieldType,
    Operation,
    Outcome,
    RecordResult,
    Row,
    Target,
    TargetRow,
)
from sync_engine.sdk.values import Blank, ParentKey, Secret, TargetValue
from sync_engine_salesforce import adapter
from sync_engine_sandbox.crm.app import create_app
from sync_engine_sandbox.crm.objects import load_objects
from sync_engine_sandbox.crm.org import CrmSettings, Org
from sync_engine_sandbox.server import start

OBJECTS = """{"objects": [{"name": "Product2", "fields": [
  {"name": "Key__c", "type": "string", "length": 64, "externalId": true, "unique": true},
  {"name": "Parent__c", "type": "reference", "references": ["Product2"], "relationship": "Parent__r"},
  {"name": "Long__c", "type": "longtextarea", "length": 131072},
  {"name": "Html__c", "type": "richtextarea", "length": 32768},
  {"name": "Number__c", "type": "double", "precision": 12, "scale": 3},
  {"name": "Price__c", "type": "currency", "precision": 16, "scale": 2},
  {"name": "Day__c", "type": "date"},
  {"name": "Moment__c", "type": "datetime"},
  {"name": "Flag__c", "type": "boolean", "default": false},
  {"name": "Choice__c", "type": "picklist", "restricted": true, "values": ["Red", "Blue"]},
  {"name": "Tags__c", "type": "multipicklist", "values": ["a", "b", "c"]},
  {"name": "Total__c", "type": "double", "precision": 18, "scale": 2, "formula": "{Price__c}"},
  {"name": "Serial__c", "type": "autonumber", "format": "P-{0000}"},
  {"name": "Place__c", "type": "location", "scale": 3}
]}]}"""
FIELDS = (
    "Name",
    "Parent__c",
    "Long__c",
    "Number__c",
    "Price__c",
    "Day__c",
    "Moment__c",
    "Flag__c",
    "Choice__c",
    "Tags__c",
)
REQUESTS = [FieldRequest(name, "Product2", "Key__c") if name == "Parent__c" else FieldRequest(name) for name in FIELDS]
SECRETS = ("sandbox-secret", "sandbox-password", "sandbox-token")
LOGIN = {"auth": "client_credentials", "client_id": "sandbox-client", "client_secret": Secret("sandbox-secret")}
MODES = ("collections", "bulk")


def new_org(tmp_path: Path) -> Org:
    path = tmp_path / "objects.json"
    path.write_text(OBJECTS, encoding="utf-8")
    return Org(load_objects(path))


@pytest.fixture
def org(tmp_path: Path) -> Org:
    return new_org(tmp_path)


@contextmanager
def opened(org: Org, crm: CrmSettings | None = None, **changed: Any) -> Iterator[Target]:
    server = start(create_app(org, settings=crm or CrmSettings()))
    target = adapter.open("crm", {"url": server.url, "retry_minutes": 0, **LOGIN, **changed})
    try:
        yield target
    finally:
        target.close()
        server.stop()


def nothing(state: str, data: Mapping[str, object]) -> None:
    """A checkpoint that keeps nothing."""


def batch(target: Target, mode: str, operation: Operation, rows: Sequence[Row]) -> Batch:
    columns = tuple(name for name in FIELDS if any(name in row.values for row in rows))
    return Batch("b1", "Product2", operation, "Key__c", mode, columns, tuple(rows))


def send(target: Target, mode: str, operation: Operation, *rows: Row) -> dict[str, RecordResult]:
    made = batch(target, mode, operation, rows)
    ref = target.submit(made, nothing)
    while not target.poll(ref).finished:
        pass
    results = list(target.results(ref, made))
    assert sorted(each.key for each in results) == sorted(row.key for row in rows)
    return {each.key: each for each in results}


def held(target: Target, keys: Sequence[str] | None = None) -> dict[str, TargetRow]:
    return {row.key: row for page in target.read("Product2", "Key__c", REQUESTS, keys) for row in page}


VALUES: dict[str, TargetValue] = {
    "Name": 'Tent "Öland"; 2,5 m',
    "Long__c": "line 1\nline 2\u2028'quoted' \\ =1+1 \U0001f600 <b>",
    "Number__c": Decimal("-0.125"),
    "Price__c": Decimal("1234567.89"),
    "Day__c": date(2024, 2, 29),
    "Moment__c": datetime(2026, 1, 31, 10, 30, tzinfo=UTC),
    "Flag__c": True,
    "Choice__c": "Red",
    "Tags__c": ("a", "c"),
}


@pytest.mark.parametrize("mode", MODES)
def test_what_is_written_is_read_back_exactly(org: Org, mode: str) -> None:
    with opened(org) as target:
        assert send(target, mode, Operation.UPSERT, Row("a", VALUES))["a"].outcome is Outcome.CREATED
        found = held(target)["a"]
        described = target.describe(["Product2"]).objects["Product2"].fields
        for name, value in VALUES.items():
            assert target.normal_form(described[name], found.values[name]) == value
        again = send(target, mode, Operation.UPSERT, Row("A", {"Name": "Other"}))
        assert again["A"].outcome is Outcome.UPDATED, "keys that differ in case are one key here"
        assert len(held(target)) == 1


@pytest.mark.parametrize("mode", MODES)
def test_a_field_is_set_cleared_or_left_alone(org: Org, mode: str) -> None:
    with opened(org) as target:
        send(target, mode, Operation.UPSERT, Row("a", VALUES))
        target_id = held(target)["a"].id
        change = Row("a", {"Name": "New", "Number__c": Blank.CLEAR, "Choice__c": Blank.CLEAR}, target_id)
        other = Row("b", {"Name": "B", "Price__c": Decimal(5)})
        assert send(target, mode, Operation.UPDATE, change)["a"].outcome is Outcome.UPDATED
        assert send(target, mode, Operation.UPSERT, other)["b"].outcome is Outcome.CREATED
        values = held(target, ["a"])["a"].values
        assert (values["Name"], values["Number__c"], values["Choice__c"]) == ("New", None, None)
        assert (values["Long__c"], values["Price__c"]) == (VALUES["Long__c"], VALUES["Price__c"])


@pytest.mark.parametrize("mode", MODES)
def test_parents_are_found_by_their_key(org: Org, mode: str) -> None:
    parent = ParentKey("Product2", "Key__c", "root")
    with opened(org) as target:
        send(target, mode, Operation.UPSERT, Row("root", {"Name": "Root"}))
        orphan = ParentKey("Product2", "Key__c", "nobody")
        results = send(
            target,
            mode,
            Operation.UPSERT,
            Row("child", {"Name": "Child", "Parent__c": parent}),
            Row("orphan", {"Name": "Orphan", "Parent__c": orphan}),
        )
        assert held(target)["child"].values["Parent__c"] == parent
        assert held(target)["root"].values["Parent__c"] is None
        assert results["orphan"].outcome is Outcome.REJECTED
        assert "nobody" in results["orphan"].reasons[0].message
        send(target, mode, Operation.UPDATE, Row("child", {"Parent__c": Blank.CLEAR}, held(target)["child"].id))
        assert held(target)["child"].values["Parent__c"] is None


@pytest.mark.parametrize("mode", MODES)
def test_every_row_has_its_own_result_whatever_the_order(org: Org, mode: str) -> None:
    rows = [Row(f"k{number:03}", {"Name": f"N{number}", "Choice__c": "Red"}) for number in range(60)]
    rows[7] = Row("k007", {"Name": "x" * 256})
    rows[21] = Row("k021", {"Name": "N21", "Choice__c": "Green"})
    rows[40] = Row("k040", {"Choice__c": "Blue"})
    with opened(org) as target:
        results = send(target, mode, Operation.UPSERT, *rows)
        codes = {key: each.reasons[0].code for key, each in results.items() if each.outcome is Outcome.REJECTED}
        assert codes == {
            "k007": "STRING_TOO_LONG",
            "k021": "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
            "k040": "REQUIRED_FIELD_MISSING",
        }
        assert len(held(target)) == 57
        assert not any(each.retryable for each in results.values())
        ids = {row["Key__c"]: row["Id"] for row in org.rows("Product2")}
        assert all(each.target_id == ids[key] for key, each in results.items() if key in ids)


@pytest.mark.parametrize("mode", MODES)
def test_records_are_deleted_by_id_and_what_is_gone_is_done(org: Org, mode: str) -> None:
    with opened(org) as target:
        send(target, mode, Operation.UPSERT, Row("a", {"Name": "A"}), Row("b", {"Name": "B"}))
        rows = [Row(key, {}, row.id) for key, row in held(target).items()]
        assert {each.outcome for each in send(target, mode, Operation.DELETE, rows[0]).values()} == {Outcome.DELETED}
        assert {each.outcome for each in send(target, mode, Operation.DELETE, *rows).values()} == {Outcome.DELETED}
        assert held(target) == {}


@pytest.mark.parametrize("mode", MODES)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=40), min_size=1, max_size=15))
@pytest.mark.slow
def test_any_text_comes_back_equal_or_is_rejected(tmp_path: Path, mode: str, texts: list[str]) -> None:
    rows = [Row(f"k{number}", {"Name": "N", "Long__c": text}) for number, text in enumerate(texts) if text.strip()]
    if not rows:
        return
    with opened(new_org(tmp_path)) as target:
        description = target.describe(["Product2"]).objects["Product2"].fields["Long__c"]
        results = send(target, mode, Operation.UPSERT, *rows)
        found = held(target)
        for row in rows:
            wanted = target.normal_form(description, row.values["Long__c"])  # type: ignore[arg-type]
            if results[row.key].outcome is Outcome.REJECTED:
                assert row.key not in found
                assert results[row.key].reasons
            else:
                assert target.normal_form(description, found[row.key].values["Long__c"]) == wanted


def test_what_bulk_cannot_say_is_rejected_before_it_is_sent(org: Org) -> None:
    with opened(org) as target:
        results = send(
            target,
            "bulk",
            Operation.UPSERT,
            Row("sign", {"Name": "#N/A"}),
            Row("nul", {"Name": "a\0b"}),
            Row("long", {"Name": "A", "Long__c": "x" * 32_001}),
            Row("good", {"Name": "=1+1"}),
        )
        assert {key for key, each in results.items() if each.outcome is Outcome.REJECTED} == {"sign", "nul", "long"}
        assert held(target)["good"].values["Name"] == "=1+1"


def test_a_description_says_what_can_be_written_and_why_not(org: Org) -> None:
    with opened(org) as target:
        schema = target.describe(["Product2", "Nothing__c"])
        assert set(schema.objects) == {"Product2"}
        fields = schema.objects["Product2"].fields
    assert (fields["Name"].type, fields["Name"].length, fields["Name"].required) == (FieldType.TEXT, 255, True)
    assert (fields["Key__c"].external_id, fields["Key__c"].unique, fields["Key__c"].case_sensitive) == (
        True,
        True,
        False,
    )
    assert (fields["Number__c"].type, fields["Number__c"].precision, fields["Number__c"].scale) == (
        FieldType.DECIMAL,
        12,
        3,
    )
    assert fields["Html__c"].type is FieldType.RICH_TEXT
    assert [each.value for each in fields["Choice__c"].picklist] == ["Red", "Blue"]
    assert fields["Parent__c"].refers_to == ("Product2",)
    for name, word in (("Total__c", "formula"), ("Serial__c", "auto"), ("Place__c", "compound")):
        assert word in fields[name].not_writable
        assert fields[name].not_writable
    assert fields["Name"].not_writable == ""


def test_reading_goes_on_over_all_pages_and_awkward_keys(org: Org) -> None:
    keys = [f'key {number} o\'clock \\ "x" ä' for number in range(2500)]
    for key in keys:
        org.add("Product2", {"Name": "N", "Key__c": key})
    org.add("Product2", {"Name": "Not ours"})
    with opened(org) as target:
        assert held(target).keys() == set(keys)
        assert held(target, keys[:700]).keys() == set(keys[:700])
        assert held(target, ["nobody"]) == {}
        assert held(target, []) == {}


@pytest.mark.parametrize(
    "login",
    [
        LOGIN,
        {
            "auth": "password",
            "username": "integration@sandbox.example",
            "password": Secret("sandbox-password"),
            "security_token": Secret("sandbox-token"),
        },
        {"auth": "token", "access_token": Secret("00DQy0000000001!sandbox.access.token")},
    ],
)
def test_every_way_to_log_in_works(org: Org, login: dict[str, Any]) -> None:
    server = start(create_app(org, settings=CrmSettings()))
    target = adapter.open("crm", {"url": server.url, **login})
    try:
        assert target.budget().requests_max == 15_000
    finally:
        target.close()
        server.stop()


def test_an_ended_session_is_renewed_once_and_a_ready_token_never(org: Org) -> None:
    with opened(org, CrmSettings(session_calls=3)) as target:
        for _ in range(10):
            target.budget()
    token = {"auth": "token", "access_token": Secret("00DQy0000000001!sandbox.access.token")}
    server = start(create_app(org, settings=CrmSettings()))
    target = adapter.open("crm", {"url": server.url, "retry_minutes": 0, **token})
    try:
        org.end_sessions()
        with pytest.raises(Unauthorised):
            target.budget()
    finally:
        target.close()
        server.stop()


@pytest.mark.parametrize(
    "login",
    [
        {**LOGIN, "client_secret": Secret("wrong-secret")},
        {
            "auth": "password",
            "username": "u",
            "password": Secret("wrong-secret"),
            "security_token": Secret("wrong-secret"),
        },
        {"auth": "token", "access_token": Secret("wrong-secret")},
    ],
)
def test_a_refused_login_is_said_without_the_secret(org: Org, login: dict[str, Any]) -> None:
    server = start(create_app(org, settings=CrmSettings()))
    target = adapter.open("crm", {"url": server.url, "retry_minutes": 0, **login})
    try:
        with pytest.raises(Unauthorised) as refused:
            target.budget()
    finally:
        target.close()
        server.stop()
    assert "crm" in refused.value.message
    assert "wrong-secret" not in repr(refused.value) + refused.value.message + refused.value.hint


def hostile(answer: Response) -> Starlette:
    async def reply(_: Request) -> Response:
        return answer

    return Starlette(routes=[Route("/{path:path}", reply, methods=["GET", "POST", "PATCH", "PUT"])])


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (HTMLResponse("<html>login</html>"), BrokenContract),
        (Response('{"access_token": "x', media_type="application/json"), BrokenContract),
        (RedirectResponse("http://elsewhere.example/services"), SyncEngineError),
        (HTMLResponse("<html>busy</html>", status_code=503), Unavailable),
    ],
)
def test_an_answer_of_somebody_else_is_an_error(answer: Response, error: type[Exception]) -> None:
    server = start(hostile(answer))
    target = adapter.open("crm", {"url": server.url, "retry_minutes": 0, **LOGIN})
    try:
        with pytest.raises(error):
            target.budget()
    finally:
        target.close()
        server.stop()


def test_an_unreachable_org_is_unavailable_and_plain_http_elsewhere_refused() -> None:
    target = adapter.open("crm", {"url": "http://127.0.0.1:9", "retry_minutes": 0, **LOGIN})
    with pytest.raises(Unavailable):
        target.budget()
    target.close()
    with pytest.raises(Refused, match="http"):
        adapter.open("crm", {"url": "http://crm.example", **LOGIN})


def test_few_changes_go_by_collections_and_many_by_bulk(org: Org) -> None:
    with opened(org) as target:
        assert target.batching("Product2", Operation.UPSERT, 2000).max_rows == 200
        assert (
            target.batching("Product2", Operation.UPSERT, 2000).mode
            != target.batching("Product2", Operation.UPSERT, 2001).mode
        )
    with opened(org, bulk_threshold=10) as target:
        assert target.batching("Product2", Operation.UPSERT, 11).mode == "bulk"


def test_a_bulk_job_is_journalled_before_each_step(org: Org) -> None:
    states: list[tuple[str, int]] = []
    with opened(org) as target:
        target.describe(["Product2"])
        made = batch(target, "bulk", Operation.UPSERT, [Row("a", {"Name": "A"})])

        def journal(state: str, data: Mapping[str, object]) -> None:
            states.append((state, org.requests.count(None, "/jobs/ingest")))

        ref = target.submit(made, journal)
        while not target.poll(ref).finished:
            pass
        assert [each.outcome for each in target.results(ref, made)] == [Outcome.CREATED]
    counts = [count for _, count in states]
    assert counts == sorted(counts)
    assert counts[0] == 0, "the intent is written down before the job exists"
    assert len(states) >= 4


def test_an_unknown_column_fails_the_job_and_is_named(org: Org) -> None:
    with opened(org) as target:
        target.describe(["Product2"])
        made = Batch(
            "b", "Product2", Operation.UPSERT, "Key__c", "bulk", ("Nothing__c",), (Row("a", {"Nothing__c": "x"}),)
        )
        ref = target.submit(made, nothing)
        while not target.poll(ref).finished:
            pass
        with pytest.raises(SyncEngineError, match="Nothing__c"):
            list(target.results(ref, made))
