"""Bulk jobs: every step journalled, resumable after every crash, and results that must add up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from starlette.responses import Response
from tests.plugins.salesforce.orgs import Crm, Once, batch, finish, unrecorded, write
from tests.plugins.salesforce.standin import DATA, JOB, StandIn, body, error

from sync_engine.sdk.errors import BrokenContract, Refused, Unavailable
from sync_engine.sdk.target import BatchRef, Outcome

JOBS = "jobs/ingest"
INGEST = "/jobs/ingest"
ROWS = {"a": {"Note__c": "1"}, "b": {"Note__c": "2"}, "c": {"Note__c": "3"}}


class Journal:
    """Keeps the checkpoints; ``crash`` names the state at which the process dies."""

    def __init__(self, crash: str = "") -> None:
        self.states: list[tuple[str, dict[str, object]]] = []
        self.crash = crash

    def __call__(self, state: str, data: Mapping[str, object]) -> None:
        self.states.append((state, dict(data)))
        if state == self.crash:
            raise KeyboardInterrupt

    @property
    def names(self) -> list[str]:
        return [state for state, _ in self.states]


def states(crm: Crm) -> list[str]:
    """Where the jobs stand, first to last."""
    app: Any = crm.lossy.app
    return [job.state for job in app.state.server.jobs.by_id.values()]


def test_each_state_is_journalled_with_what_finds_the_job_again(crm: Crm) -> None:
    journal = Journal()
    ref = crm.open().submit(batch(ROWS), journal)
    job = ref.data["job"]
    assert journal.states == [
        ("creating", {}),
        ("created", {"job": job}),
        ("uploaded", {"job": job}),
        ("closed", {"job": job}),
    ]
    assert ref.data == {"mode": "bulk", "job": job, "results": []}


def test_a_state_is_journalled_before_the_next_call_is_made(crm: Crm) -> None:
    made: dict[str, list[str]] = {}

    def journal(state: str, _data: Mapping[str, object]) -> None:
        made[state] = [call.method for call in crm.org.requests.log if INGEST in call.path]

    crm.open().submit(batch(ROWS), journal)
    assert made == {
        "creating": [],
        "created": ["POST"],
        "uploaded": ["POST", "PUT"],
        "closed": ["POST", "PUT", "PATCH"],
    }


@pytest.mark.parametrize("state", ["creating", "created", "uploaded", "closed"])
def test_a_process_that_died_at_any_state_goes_on_and_writes_everything_once(crm: Crm, state: str) -> None:
    sent, journal = batch(ROWS), Journal(crash=state)
    with pytest.raises(KeyboardInterrupt):
        crm.open().submit(sent, journal)
    before = len(states(crm))
    target = crm.open()
    ref = target.adopt(sent, *journal.states[-1])
    adopted = ref is not None
    results = finish(target, ref or target.submit(sent, unrecorded), sent)
    assert {each.outcome for each in results.values()} == {Outcome.CREATED}
    assert sorted(crm.held()) == ["a", "b", "c"]
    assert adopted == (state in ("uploaded", "closed"))
    assert len(states(crm)) == before + (not adopted)
    if state == "created":
        assert states(crm)[-2] == "Aborted", "the job that was in doubt is not left open"


def test_a_job_that_was_closed_before_the_crash_is_not_closed_again(crm: Crm) -> None:
    sent, journal = batch(ROWS), Journal()
    first = crm.open()
    finish(first, first.submit(sent, journal), sent)
    crm.org.requests.log.clear()
    target = crm.open()
    ref = target.adopt(sent, "uploaded", journal.states[-1][1])
    assert ref is not None
    assert len(finish(target, ref, sent)) == 3
    assert crm.calls("PATCH", INGEST) == 0
    assert crm.calls("POST", INGEST) == 0


@pytest.mark.parametrize("data", [{}, {"job": JOB}, {"job": 5}, {"job": "../limits"}, {"job": ""}])
def test_a_job_that_the_org_does_not_know_is_sent_anew(crm: Crm, data: dict[str, object]) -> None:
    assert crm.open().adopt(batch(ROWS), "closed", data) is None
    assert crm.calls("GET", "/limits") == 0


def test_an_aborted_job_is_sent_anew_and_collections_always(odd: StandIn) -> None:
    odd.on("GET", f"{JOBS}/{JOB}", {"state": "Aborted"})
    assert odd.open().adopt(batch(ROWS), "closed", {"job": JOB}) is None
    assert odd.open().adopt(batch(ROWS, "collections"), "sending", {}) is None


def test_a_failed_job_is_adopted_so_that_its_results_are_read(odd: StandIn) -> None:
    odd.on("GET", f"{JOBS}/{JOB}", {"state": "Failed"})
    ref = odd.open().adopt(batch(ROWS), "created", {"job": JOB})
    assert ref == BatchRef("b-1", {"mode": "bulk", "job": JOB})


def test_a_job_that_was_refused_as_a_whole_is_not_adopted(odd: StandIn) -> None:
    odd.on("GET", f"{JOBS}/{JOB}", {"state": "Failed", "errorMessage": "InvalidBatch : Field name not found : X__c"})
    assert odd.open().adopt(batch(ROWS), "closed", {"job": JOB}) is None


def test_a_job_in_an_unknown_state_stops_everything(odd: StandIn) -> None:
    odd.on("GET", f"{JOBS}/{JOB}", {"state": "Dreaming"})
    ref = BatchRef("b-1", {"mode": "bulk", "job": JOB})
    target = odd.open()
    for ask in (lambda: target.poll(ref), lambda: target.adopt(batch(ROWS), "closed", {"job": JOB})):
        with pytest.raises(BrokenContract, match="Dreaming"):
            ask()


def test_a_lost_answer_to_the_creation_leaves_an_open_job_that_does_nothing(crm: Crm) -> None:
    crm.lossy.lose = Once("POST", INGEST)
    assert {each.outcome for each in write(crm.open(), batch(ROWS)).values()} == {Outcome.CREATED}
    assert states(crm)[-2:] == ["Open", "JobComplete"]


def test_the_reaper_aborts_only_own_jobs_of_the_object_that_were_left_open_for_an_hour(odd: StandIn) -> None:
    mine = {"createdById": "005me", "object": "Item__c", "state": "Open"}
    others: list[dict[str, Any]] = [
        {"id": "750000000000101AAA", "createdDate": "2026-11-23T10:59:59.000+0000"},
        {"id": "750000000000102AAA", "createdDate": "2026-11-23T11:00:01.000+0000"},
        {"id": "750000000000103AAA", "createdDate": "2026-11-23T01:00:00.000+0000", "createdById": "005other"},
        {"id": "750000000000104AAA", "createdDate": "2026-11-23T01:00:00.000+0000", "object": "Other__c"},
        {"id": "750000000000105AAA", "createdDate": "2026-11-23T01:00:00.000+0000", "state": "InProgress"},
        {"id": "750000000000106AAA", "createdDate": "2026-11-23T01:00:00.000+0000", "state": "UploadComplete"},
        {"id": "750000000000107AAA", "createdDate": "yesterday"},
        {"id": "../../limits", "createdDate": "2026-11-23T01:00:00.000+0000"},
        {"id": 5, "createdDate": "2026-11-23T01:00:00.000+0000"},
        {"id": "750000000000108AAA"},
    ]
    made = {"id": JOB, "createdDate": "2026-11-23T12:00:00.000+0000", **mine}
    odd.on("POST", JOBS, made)
    odd.on("PUT", f"{JOBS}/{JOB}/batches", Response(status_code=201))
    for job in (JOB, "750000000000101AAA", "750000000000109AAA"):
        odd.on("PATCH", f"{JOBS}/{job}", {"state": "UploadComplete"})
    last = {"id": "750000000000109AAA", "createdDate": "2026-11-22T12:00:00.000+0000"}
    more = {"done": False, "nextRecordsUrl": f"{DATA}{JOBS}?queryLocator=next"}
    odd.on(
        "GET",
        JOBS,
        {"records": [{**mine, **each} for each in others], **more},
        {"records": [{**mine, **last}, made, "x"], "done": True},
    )
    target = odd.open()
    for _ in range(2):
        target.submit(batch(ROWS), unrecorded)
    patched = [(each.path.rpartition("/")[2], body(each)["state"]) for each in odd.asked if each.method == "PATCH"]
    aborted = [(job, "Aborted") for job in ("750000000000101AAA", "750000000000109AAA")]
    assert patched == [(JOB, "UploadComplete"), *aborted, (JOB, "UploadComplete")]
    listed = [each.query for each in odd.asked if each.method == "GET" and each.path.endswith(JOBS)]
    assert listed == [{"jobType": "V2Ingest"}, {"jobType": "V2Ingest", "queryLocator": "next"}]


@pytest.mark.parametrize("answer", [error("X", status=500), [], {"records": None}, {"records": [], "done": False}])
def test_a_list_of_jobs_that_cannot_be_had_hinders_nothing(odd: StandIn, answer: Any) -> None:
    made = {"createdDate": "2026-11-23T12:00:00.000+0000", "createdById": "005me", "object": "Item__c"}
    odd.on("POST", JOBS, {"id": JOB, **made})
    odd.on("PUT", f"{JOBS}/{JOB}/batches", Response(status_code=201))
    odd.on("PATCH", f"{JOBS}/{JOB}", {"state": "UploadComplete"})
    odd.on("GET", JOBS, answer)
    assert odd.open().submit(batch(ROWS), unrecorded).data["job"] == JOB


def test_a_job_that_was_left_open_an_hour_ago_is_gone_after_the_next_transfer(crm: Crm) -> None:
    crm.lossy.lose = Once("POST", INGEST)
    write(crm.open(), batch(ROWS))
    assert states(crm)[-2:] == ["Open", "JobComplete"]
    app: Any = crm.lossy.app
    *_, left, _ = app.state.server.jobs.by_id.values()
    left.info["createdDate"] = "2020-01-01T00:00:00.000+0000"
    write(crm.open(), batch(ROWS))
    assert states(crm)[-3:] == ["Aborted", "JobComplete", "JobComplete"]


def test_after_a_doubtful_upload_the_same_bytes_go_into_a_new_job(crm: Crm) -> None:
    crm.lossy.lose = Once("PUT", "/batches", times=2)
    journal = Journal()
    target = crm.open()
    sent = batch(ROWS)
    assert len(finish(target, target.submit(sent, journal), sent)) == 3
    assert states(crm)[-3:] == ["Aborted", "Aborted", "JobComplete"]
    assert journal.names == ["creating", "created"] * 3 + ["uploaded", "closed"]
    assert crm.calls("PUT", "/batches") == 3
    app: Any = crm.lossy.app
    jobs = list(app.state.server.jobs.by_id.values())[-3:]
    assert len({job.data for job in jobs}) == 1
    assert len({job.info["id"] for job in jobs}) == 3


def test_an_upload_that_stays_in_doubt_is_given_up_in_time(odd: StandIn) -> None:
    odd.on("POST", JOBS, {"id": JOB})
    odd.on("PUT", f"{JOBS}/{JOB}/batches", Response(status_code=503))
    odd.on("PATCH", f"{JOBS}/{JOB}", error("X", status=500))
    with pytest.raises(Unavailable):
        odd.open(retry_minutes=1).submit(batch(ROWS), unrecorded)
    assert 30 < sum(odd.waiting.waits) <= 60
    patches = [body(each)["state"] for each in odd.asked if each.method == "PATCH"]
    assert set(patches) == {"Aborted"}
    assert len(patches) == odd.count("PUT", "/batches"), "an abort is tried once"


def test_a_refused_upload_is_not_repeated(odd: StandIn) -> None:
    odd.on("POST", JOBS, {"id": JOB})
    odd.on("PUT", f"{JOBS}/{JOB}/batches", error("INVALIDJOBSTATE", "no"))
    with pytest.raises(Refused, match="INVALIDJOBSTATE"):
        odd.open().submit(batch(ROWS), unrecorded)
    assert odd.count("PUT", "/batches") == 1


def test_a_page_in_the_place_of_an_upload_stops_before_the_close(odd: StandIn) -> None:
    odd.on("POST", JOBS, {"id": JOB})
    odd.on("PUT", f"{JOBS}/{JOB}/batches", Response("<html>Log in</html>", 200, media_type="text/html"))
    with pytest.raises(BrokenContract, match="was answered with 200"):
        odd.open().submit(batch(ROWS), unrecorded)
    assert odd.count("PATCH", JOB) == 0


def test_after_a_lost_answer_to_the_close_the_job_is_asked_and_not_closed_again(crm: Crm) -> None:
    crm.lossy.lose = Once("PATCH", INGEST)
    assert len(write(crm.open(), batch(ROWS))) == 3
    assert crm.calls("PATCH", INGEST) == 1
    assert states(crm)[-1] == "JobComplete"


def test_a_close_that_did_not_arrive_is_repeated(odd: StandIn) -> None:
    odd.on("POST", JOBS, {"id": JOB})
    odd.on("PUT", f"{JOBS}/{JOB}/batches", Response(status_code=201))
    odd.on("PATCH", f"{JOBS}/{JOB}", Response(status_code=503), Response(status_code=503), {"state": "UploadComplete"})
    odd.on("GET", f"{JOBS}/{JOB}", {"state": "Open"})
    odd.open().submit(batch(ROWS), unrecorded)
    assert [each.method for each in odd.asked[-5:]] == ["PATCH", "GET", "PATCH", "GET", "PATCH"]


def test_a_refused_close_abandons_the_job(odd: StandIn) -> None:
    odd.on("POST", JOBS, {"id": JOB})
    odd.on("PUT", f"{JOBS}/{JOB}/batches", Response(status_code=201))
    odd.on("PATCH", f"{JOBS}/{JOB}", error("INVALIDJOB", "found multiple contents for job"), {"state": "Aborted"})
    odd.on("GET", f"{JOBS}/{JOB}", {"state": "Open"})
    with pytest.raises(Refused, match="multiple contents"):
        odd.open().submit(batch(ROWS), unrecorded)
    assert [body(each)["state"] for each in odd.asked if each.method == "PATCH"] == ["UploadComplete", "Aborted"]


@pytest.mark.parametrize("answer", [{}, {"id": 5}, {"id": "../../limits"}, [], {"id": None}])
def test_a_job_without_an_id_breaks_the_contract(odd: StandIn, answer: Any) -> None:
    odd.on("POST", JOBS, answer or {"state": "Open"})
    with pytest.raises(BrokenContract, match="without an id"):
        odd.open().submit(batch(ROWS), unrecorded)


def test_a_job_that_the_org_does_not_take_is_refused(crm: Crm) -> None:
    with pytest.raises(Refused, match="does not match an External ID"):
        crm.open().submit(batch(ROWS, key_field="Note__c"), unrecorded)


def test_a_poll_that_fails_is_repeated_and_aborts_nothing(odd: StandIn) -> None:
    odd.on("GET", f"{JOBS}/{JOB}", Response(status_code=503), {"state": "InProgress", "numberRecordsProcessed": 7})
    progress = odd.open().poll(BatchRef("b-1", {"mode": "bulk", "job": JOB}))
    assert (progress.finished, progress.processed) == (False, 7)
    assert len(odd.waiting.waits) == 1
    odd.on("GET", f"{JOBS}/{JOB}", Response(status_code=503))
    with pytest.raises(Unavailable):
        odd.open(retry_minutes=1).poll(BatchRef("b-1", {"mode": "bulk", "job": JOB}))
    assert 30 < sum(odd.waiting.waits[1:]) <= 60
    assert {each.method for each in odd.asked} == {"GET"}


def test_waits_between_polls_grow_to_the_longest(odd: StandIn) -> None:
    odd.on("GET", f"{JOBS}/{JOB}", {"state": "InProgress"})
    ref, target = BatchRef("b-1", {"mode": "bulk", "job": JOB}), odd.open(poll_seconds=10)
    waits = [target.poll(ref).wait for _ in range(16)]
    assert waits[:4] == pytest.approx([0.1, 0.15, 0.225, 0.3375])
    assert waits == sorted(waits)
    assert waits[-1] == 10


@pytest.mark.parametrize("state", ["JobComplete", "Failed", "Aborted"])
def test_a_job_is_finished_in_every_final_state(odd: StandIn, state: str) -> None:
    odd.on("GET", f"{JOBS}/{JOB}", {"state": state})
    assert odd.open().poll(BatchRef("b-1", {"mode": "bulk", "job": JOB})).finished


def test_a_closed_job_that_is_open_again_breaks_the_contract(odd: StandIn) -> None:
    odd.on("GET", f"{JOBS}/{JOB}", {"state": "Open"})
    with pytest.raises(BrokenContract, match="open again"):
        odd.open().poll(BatchRef("b-1", {"mode": "bulk", "job": JOB}))


def test_a_batch_that_is_too_large_for_a_job_is_refused_before_it_is_sent(
    crm: Crm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sync_engine_salesforce.bulk._LARGEST_UPLOAD", 40)
    with pytest.raises(Refused, match="a bulk job takes 40") as caught:
        crm.open().submit(batch(ROWS), unrecorded)
    assert "bulk_rows" in caught.value.hint
    assert crm.calls("POST", INGEST) == 0
