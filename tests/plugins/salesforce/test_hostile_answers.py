"""Answers that no org should give: each ends in an error that says so, within its time, without a secret."""

from __future__ import annotations

import inspect
import logging
import threading
import time
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
import requests
from requests.adapters import HTTPAdapter
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from tests.hanging import HEAD, hanging
from tests.plugins.salesforce.orgs import Crm, Once, batch, read, unrecorded, write
from tests.plugins.salesforce.standin import JOB, TOKEN, StandIn, csv, error, thing

from sync_engine.sdk.errors import BrokenContract, NotDone, Refused, SyncEngineError, Unauthorised, Unavailable
from sync_engine.sdk.target import BatchRef, Operation, Outcome, Row
from sync_engine_salesforce import adapter
from sync_engine_salesforce.transport import read_retry_after

LIMITS = {"DailyApiRequests": {"Max": 9, "Remaining": 5}}


def failure(odd: StandIn, *answers: Any, **settings: Any) -> SyncEngineError:
    """What asking for the limits ends with; whatever the answer held, no secret is shown."""
    odd.on("GET", "limits", *answers)
    with pytest.raises(SyncEngineError) as caught:
        odd.open(**settings).budget()
    shown = "".join(traceback.format_exception(caught.value)) + caught.value.hint + repr(caught.value)
    assert TOKEN not in shown
    assert "canary" not in shown
    assert caught.value.message.startswith("connection `crm`: ")
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None, "the library's exception prints URL and content"
    return caught.value


@pytest.mark.parametrize(
    "answer",
    [
        HTMLResponse("<h1>Welcome, canary</h1>"),
        Response(b'{"DailyApiRequests": {"Max": 5', media_type="application/json"),
        Response(b"", media_type="application/json"),
        Response(b'{"a": 1, "a": 2}', media_type="application/json"),
        Response(b'{"a": "\xff"}', media_type="application/json"),
        Response(b'{"a": "\xff"}', media_type="application/json;charset=UTF-8"),
        Response(b"[" * 100_000, media_type="application/json"),
        Response(b'{"a": ' + b"9" * 5000 + b"}", media_type="application/json"),
        Response(b"5", media_type="application/json"),
        Response(b"not gzip", headers={"Content-Encoding": "gzip"}),
        RedirectResponse("https://elsewhere.example/canary"),
        RedirectResponse("/services/data/v62.0/limits"),
    ],
)
def test_an_answer_that_cannot_be_read_breaks_the_contract(odd: StandIn, answer: Response) -> None:
    assert type(failure(odd, answer)) is BrokenContract
    assert len(odd.asked) == 1


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        (error("MALFORMED_QUERY", "unexpected token"), Refused, "MALFORMED_QUERY: unexpected token"),
        (error("NOT_FOUND", "No", 404), Refused, "NOT_FOUND"),
        (error("UNSUPPORTED_API_VERSION", "retired", 410), Refused, "retired"),
        (error("A_CODE_OF_NEXT_YEAR", "who knows", 418), Refused, "A_CODE_OF_NEXT_YEAR"),
        (error("REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.", 403), Unavailable, "daily limit"),
        (error("REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.", 503), Unavailable, "daily limit"),
        (
            error("REQUEST_LIMIT_EXCEEDED", "ConcurrentRequests (Concurrent API Requests) Limit exceeded.", 403),
            Unavailable,
            "at the same time",
        ),
        (error("API_CURRENTLY_DISABLED", "API is off", 403), Unauthorised, "API is off"),
        (error("SERVER_UNAVAILABLE", "busy", 503), Unavailable, "busy"),
        (error("UNABLE_TO_LOCK_ROW", "locked", 400), Unavailable, "locked"),
        (error("UNKNOWN_EXCEPTION", "ErrorId: 1234-5", 500), Unavailable, "ErrorId: 1234-5"),
        (HTMLResponse("<h1>canary", 403), Refused, "HTTP 403"),
        (HTMLResponse("<h1>canary", 404), Refused, "HTTP 404"),
        (HTMLResponse("<h1>canary", 429), Unavailable, "HTTP 429"),
        (HTMLResponse("<h1>canary", 502), Unavailable, "HTTP 502"),
        (JSONResponse({"error": "canary"}, 400), Refused, "HTTP 400"),
        (JSONResponse([], 400), Refused, "HTTP 400"),
        (JSONResponse(["canary"], 300), Refused, "HTTP 300"),
        (JSONResponse([{"errorCode": 5, "message": None, "fields": "x"}], 400), Refused, "5"),
    ],
)
def test_a_refusal_says_what_to_do_next(odd: StandIn, answer: Response, kind: type, words: str) -> None:
    found = failure(odd, answer, retry_minutes=0)
    assert isinstance(found, kind)
    assert words in str(found)
    assert isinstance(found, Unauthorised) == (kind is Unauthorised)


def test_a_message_shows_neither_what_we_sent_nor_a_second_line(odd: StandIn) -> None:
    found = failure(odd, error("X", f"Bearer {TOKEN} and\n2026 ERROR fake\x1b[2J"))
    assert "Bearer *** and 2026 ERROR fake" in str(found)
    assert str(found).isprintable()


def test_an_endless_message_is_cut(odd: StandIn) -> None:
    assert len(str(failure(odd, error("X", "x" * 100_000)))) < 700


def test_no_secret_gets_into_a_log(odd: StandIn, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    target = odd.open(url=odd.url, access_token=TOKEN)
    odd.on("GET", "limits", error("X", "no"))
    with pytest.raises(Refused):
        target.budget()
    assert TOKEN not in caplog.text
    assert TOKEN not in repr(target._session.settings)


# Whatever is called, the request has a time-out.

CALLS: dict[str, Callable[[Any], Any]] = {
    "describe": lambda target: target.describe(["Item__c"]),
    "read": lambda target: read(target),
    "budget": lambda target: target.budget(),
    "collections": lambda target: write(target, batch({"a": {}}, "collections")),
    "bulk": lambda target: write(target, batch({"a": {}})),
    "adopt": lambda target: target.adopt(batch({"a": {}}), "closed", {"job": JOB}),
}


@pytest.mark.parametrize("auth", ["client_credentials", "password"])
@pytest.mark.parametrize("name", CALLS)
def test_every_request_has_a_time_out(crm: Crm, monkeypatch: pytest.MonkeyPatch, name: str, auth: str) -> None:
    timeouts: list[Any] = []
    real = HTTPAdapter.send
    order = list(inspect.signature(real).parameters)

    def send(self: HTTPAdapter, request: requests.PreparedRequest, *args: Any, **options: Any) -> requests.Response:
        given = dict(zip(order[2:], args, strict=False)) | options
        timeouts.append(given.get("timeout"))
        return real(self, request, *args, **options)

    monkeypatch.setattr(HTTPAdapter, "send", send)
    CALLS[name](crm.open(auth, timeout=17))
    assert len(timeouts) >= 2, "a login and a call"
    assert set(timeouts) == {17.0}


def test_an_org_that_never_answers_is_given_up(odd: StandIn) -> None:
    def slow(_: Request) -> Response:
        time.sleep(1.3)
        return JSONResponse(LIMITS)

    found = failure(odd, slow, timeout=1, retry_minutes=0)
    assert isinstance(found, Unavailable)
    assert "within 1 seconds" in str(found)


@pytest.mark.parametrize("at_once", [b"", HEAD + b"Content-Length: 9999\r\n\r\n"], ids=["head", "body"])
def test_an_answer_that_comes_byte_by_byte_is_given_up(monkeypatch: pytest.MonkeyPatch, at_once: bytes) -> None:
    monkeypatch.setattr("sync_engine_salesforce.slow_answers.SLOWEST_ANSWER", 0.5)
    drips = b" " if at_once else HEAD + b"X-Filler: and so on" * 99
    with hanging(at_once, drips) as url:
        target = adapter.open("crm", {"url": url, "auth": "token", "access_token": "canary", "retry_minutes": 0})
        began = time.monotonic()
        with pytest.raises(Unavailable) as caught:
            target.budget()
        assert time.monotonic() - began < 3
        target.close()
    assert "no answer within" in str(caught.value)


# Repeating.


def test_a_call_is_repeated_until_the_org_answers(odd: StandIn) -> None:
    odd.on("GET", "limits", *(Response(status_code=status) for status in (503, 500, 502, 504, 408)), LIMITS)
    assert odd.open().budget().requests_max == 9
    waits = odd.waiting.waits
    assert len(waits) == 5
    assert all(2**n / 2 <= wait <= 2**n for n, wait in enumerate(waits))


def test_retry_after_is_obeyed(odd: StandIn) -> None:
    odd.on("GET", "limits", Response(status_code=429, headers={"Retry-After": "7"}), LIMITS)
    odd.open().budget()
    assert odd.waiting.waits == [7.0]


def test_a_wait_that_is_longer_than_the_budget_ends_at_once(odd: StandIn) -> None:
    found = failure(odd, Response(status_code=503, headers={"Retry-After": "120"}), retry_minutes=1)
    assert isinstance(found, Unavailable)
    assert found.retry_after == 120.0
    assert odd.waiting.waits == []


def test_retry_after_may_be_a_date_and_is_capped() -> None:
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    assert 50 < (read_retry_after(soon) or 0) <= 60
    assert read_retry_after("86400") == 600.0
    assert read_retry_after(format_datetime(datetime.now(UTC) - timedelta(days=1))) == 0.0
    assert [read_retry_after(odd) for odd in (None, "", "soon", "-5", "1e9")] == [None] * 5


def test_an_org_that_stays_away_is_given_up_in_time(odd: StandIn) -> None:
    assert isinstance(failure(odd, Response(status_code=503), retry_minutes=2), Unavailable)
    assert 80 < sum(odd.waiting.waits) <= 120
    assert max(odd.waiting.waits) <= 30


def test_a_fault_of_the_server_is_tried_three_times(odd: StandIn) -> None:
    failure(odd, error("UNKNOWN_EXCEPTION", "ErrorId: 1", 500))
    assert len(odd.asked) == 3


def test_what_is_refused_is_not_repeated(odd: StandIn) -> None:
    failure(odd, error("REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.", 403))
    assert len(odd.asked) == 1


def test_a_closed_target_does_not_go_on_waiting(odd: StandIn) -> None:
    odd.on("GET", "limits", Response(status_code=503, headers={"Retry-After": "60"}))
    target = adapter.open("crm", {"url": odd.url, "auth": "token", "access_token": TOKEN})
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(target.budget)
        while not odd.asked:
            time.sleep(0.01)
        target.close()
        assert isinstance(asked.exception(timeout=5), Unavailable)


@pytest.mark.parametrize("operation", [Operation.UPSERT, Operation.UPDATE, Operation.DELETE])
def test_a_write_whose_answer_was_lost_is_repeated_without_harm(crm: Crm, operation: Operation) -> None:
    ids = {key: crm.org.add("Item__c", {"Key__c": key}) for key in "ab"}
    path = "/composite/sobjects"
    crm.lossy.lose = Once("DELETE" if operation is Operation.DELETE else "PATCH", path)
    rows = [Row(key, {"Note__c": "x"}, ids.get(key)) for key in ("ab" if operation is not Operation.UPSERT else "abc")]
    found = write(crm.open(), batch(rows, "collections", operation))
    expected = Outcome.DELETED if operation is Operation.DELETE else Outcome.UPDATED
    assert {each.outcome for each in found.values()} == {expected}
    assert sorted(crm.held()) == ([] if operation is Operation.DELETE else [row.key for row in rows])
    assert sum(call.path.startswith("/services/data/v62.0" + path) for call in crm.org.requests.log) == 2


def test_an_insert_whose_answer_was_lost_is_not_repeated(crm: Crm) -> None:
    crm.lossy.lose = Once("POST", "/composite/sobjects")
    with pytest.raises(Unavailable):
        write(crm.open(), batch([Row("a", {"Note__c": "x"})], "collections", Operation.INSERT))
    assert [row["Note__c"] for row in crm.org.rows("Item__c")] == ["x"]


INSERT = batch([Row("a", {"Note__c": "x"})], "collections", Operation.INSERT)


@pytest.mark.parametrize(
    "refusal",
    [error("X", status=429), error("REQUEST_LIMIT_EXCEEDED", "ConcurrentRequests Limit exceeded.", 403)],
    ids=["too many requests", "too many at the same time"],
)
def test_an_insert_that_the_org_has_not_begun_is_repeated(odd: StandIn, refusal: Response) -> None:
    done = [{"id": "a00000000000001AAA", "success": True, "created": True, "errors": []}]
    odd.on("POST", "composite/sobjects", refusal, done)
    assert write(odd.open(), INSERT)["a"].outcome is Outcome.CREATED


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_an_insert_that_the_org_may_have_begun_is_not_repeated(odd: StandIn, status: int) -> None:
    odd.on("POST", "composite/sobjects", error("SERVER_UNAVAILABLE", status=status))
    with pytest.raises(Unavailable) as caught:
        write(odd.open(), INSERT)
    assert not isinstance(caught.value, NotDone)
    assert odd.count("POST", "composite/sobjects") == 1


def test_threads_that_share_a_target_do_not_mix_their_answers(crm: Crm) -> None:
    target = crm.open(parallel=8)
    barrier = threading.Barrier(8)

    def work(number: int) -> None:
        barrier.wait(5)
        mode = "bulk" if number % 2 else "collections"
        rows = {f"{number}-{each}": {"Note__c": f"{number}/{each}"} for each in range(50)}
        found = write(target, batch(rows, mode))
        assert {each.outcome for each in found.values()} == {Outcome.CREATED}
        mine = read(target, "Note__c", keys=list(rows))
        assert {key: row.values["Note__c"] for key, row in mine.items()} == {
            key: values["Note__c"] for key, values in rows.items()
        }

    with ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(work, number) for number in range(8)]:
            done.result()
    assert len(crm.held()) == 400


def test_bulk_files_of_another_kind_do_not_show_what_they_hold(odd: StandIn) -> None:
    odd.on("GET", "sobjects/Item__c/describe", thing())
    odd.on("GET", f"jobs/ingest/{JOB}", {"state": "JobComplete", "numberRecordsProcessed": 1})
    odd.on("GET", f"jobs/ingest/{JOB}/successfulResults/", csv('"sf__Id","sf__Created","Key__c"\n"a","true","a\n'))
    target, sent = odd.open(), batch({"a": {}})
    with pytest.raises(BrokenContract, match="cut off or no CSV") as caught:
        list(target.results(BatchRef("b-1", {"mode": "bulk", "job": JOB}), sent))
    assert "canary" not in str(caught.value)


def test_a_daily_limit_in_the_middle_of_a_transfer_stops_it(odd: StandIn) -> None:
    odd.on(
        "PATCH",
        "composite/sobjects/Item__c/Key__c",
        error("REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.", 403),
    )
    with pytest.raises(Unavailable, match="daily limit") as caught:
        odd.open().submit(batch({"a": {}}, "collections"), unrecorded)
    assert "tomorrow" in caught.value.hint
    assert odd.waiting.waits == []
