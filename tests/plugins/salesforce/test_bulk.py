"""Bulk jobs: every step journalled, resumable after every crash, and results that must add up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from starlette.responses import HTMLResponse, JSONResponse, Response
from tests.plugins.salesforce.orgs import Crm, Once, batch, finish, read, unrecorded, write
from tests.plugins.salesforce.standin import JOB, StandIn, body, csv, error

from sync_engine.sdk.errors import BrokenContract, Refused, Unavailable
from sync_engine.sdk.target import Batch, BatchRef, Operation, Outcome, Owner, RecordResult, Row

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
    assert ref.data == {"mode": "bulk", "job": job}


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


def test_a_failed_poll_is_unavailable_at_once_and_aborts_nothing(odd: StandIn) -> None:
    odd.on("GET", f"{JOBS}/{JOB}", Response(status_code=503), {"state": "InProgress", "numberRecordsProcessed": 7})
    ref, target = BatchRef("b-1", {"mode": "bulk", "job": JOB}), odd.open()
    with pytest.raises(Unavailable):
        target.poll(ref)
    progress = target.poll(ref)
    assert (progress.finished, progress.processed) == (False, 7)
    assert {each.method for each in odd.asked} == {"GET"}
    assert odd.waiting.waits == []


def test_waits_between_polls_grow_to_the_longest(odd: StandIn) -> None:
    odd.on("GET", f"{JOBS}/{JOB}", {"state": "InProgress"})
    ref, target = BatchRef("b-1", {"mode": "bulk", "job": JOB}), odd.open(poll_seconds=10)
    waits = [target.poll(ref).wait for _ in range(12)]
    assert waits[:4] == [0.5, 0.75, 1.125, 1.6875]
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


GOOD = '"sf__Id","sf__Created","Key__c","Note__c"\n'
BAD = '"sf__Id","sf__Error","Key__c","Note__c"\n'
LEFT = '"Key__c","Note__c"\n'


def results(
    odd: StandIn,
    good: Any = GOOD,
    bad: Any = BAD,
    left: Any = LEFT,
    rows: Batch | None = None,
    processed: int | None = 3,
    state: str = "JobComplete",
    message: str | None = None,
) -> dict[str, RecordResult]:
    """What the target makes of a finished job with these result files."""
    info = {"state": state, "numberRecordsProcessed": processed, "errorMessage": message}
    odd.on("GET", f"{JOBS}/{JOB}", info)
    for name, text in (("successfulResults", good), ("failedResults", bad), ("unprocessedrecords", left)):
        odd.on("GET", f"{JOBS}/{JOB}/{name}/", csv(text) if isinstance(text, str) else text)
    sent = rows or batch(ROWS)
    found = list(odd.open().results(BatchRef("b-1", {"mode": "bulk", "job": JOB}), sent))
    assert sorted(each.key for each in found) == sorted(row.key for row in sent.rows)
    return {each.key: each for each in found}


def lines(*keys: str, first: str = "a00000000000001AAA", second: str = "true") -> str:
    return "".join(f'"{first}","{second}","{key}","x"\n' for key in keys)


def test_results_are_matched_by_key_whatever_their_order(odd: StandIn) -> None:
    good = GOOD + '"i3","false","c","x"\n"i1","true","a","x"\n'
    bad = BAD + '"","STRING_TOO_LONG:Note: data value too large: a:b (max length=5):Note__c --","b","x"\n'
    found = results(odd, good, bad)
    assert (found["a"].outcome, found["a"].target_id) == (Outcome.CREATED, "i1")
    assert (found["c"].outcome, found["c"].target_id) == (Outcome.UPDATED, "i3")
    (reason,) = found["b"].reasons
    assert (reason.code, reason.field) == ("STRING_TOO_LONG", "Note__c")
    assert reason.message == "Note: data value too large: a:b (max length=5)"
    assert (found["b"].target_id, reason.owner) == (None, Owner.MAPPING)


def test_columns_are_found_by_name_in_any_order_and_spelling(odd: StandIn) -> None:
    made = {"a": "TRUE", "b": "false", "c": "true"}
    good = '"key__C","Note__c","SF__Created","sf__id"\r\n'
    good += "".join(f'"{key}","","{created}","i-{key}"\r\n' for key, created in made.items())
    found = results(odd, good)
    assert [found[key].target_id for key in "abc"] == ["i-a", "i-b", "i-c"]
    assert [found[key].outcome for key in "abc"] == [Outcome.CREATED, Outcome.UPDATED, Outcome.CREATED]


def test_line_breaks_and_quotes_in_results_belong_to_their_cells(odd: StandIn) -> None:
    odd_text = 'x\ny\r\nz\u2028"",\x85\0'
    good = f'\ufeff{GOOD}"i1","true","a","{odd_text}"\n"i2","true","b",""\n"i3","true","c",""\n'
    assert len(results(odd, good)) == 3


def test_a_key_that_salesforce_wrote_in_another_case_is_still_found(odd: StandIn) -> None:
    found = results(odd, GOOD + lines("A", "b ", "C"))
    assert {each.outcome for each in found.values()} == {Outcome.CREATED}


def test_twins_are_told_apart_exactly(odd: StandIn) -> None:
    good = GOOD + '"i1","true","ABC","x"\n"i2","true","abc","x"\n'
    found = results(odd, good, rows=batch({"abc": {}, "ABC": {}}), processed=2)
    assert (found["abc"].target_id, found["ABC"].target_id) == ("i2", "i1")


@pytest.mark.parametrize(
    ("good", "bad", "left"),
    [
        (GOOD + lines("a", "b"), BAD, LEFT),
        (GOOD + lines("a", "b", "c", "d"), BAD, LEFT),
        (GOOD + lines("a", "b", "c", "a"), BAD, LEFT),
        (GOOD + lines("a", "b", "c"), BAD + lines("c", second="X:y:--"), LEFT),
        (GOOD + lines("a", "b", ""), BAD, LEFT),
        (GOOD + lines("a", "b", "c"), BAD, LEFT + '"c","x"\n'),
        (GOOD + lines("a", "b", "c")[:-3], BAD, LEFT),
        (GOOD + lines("a", "b", "c")[:-6], BAD, LEFT),
        (GOOD + lines("a", "b") + '"i","true","c"\n', BAD, LEFT),
        (GOOD + lines("a", "b") + '"i","true","c","x","y"\n', BAD, LEFT),
        (GOOD + lines("a", "b") + '"i","true","c" ,"x"\n', BAD, LEFT),
        (GOOD.replace("Key__c", "Other__c") + lines("a", "b", "c"), BAD, LEFT),
        (GOOD.replace("sf__Created", "sf__Made") + lines("a", "b", "c"), BAD, LEFT),
        ("", BAD, LEFT),
        (HTMLResponse("<h1>Welcome</h1>"), BAD, LEFT),
        (JSONResponse({"a": 1}), BAD, LEFT),
        (Response(b'"sf__Id"\n"\xff"\n', media_type="text/csv"), BAD, LEFT),
    ],
)
def test_files_that_do_not_add_up_break_the_contract(odd: StandIn, good: Any, bad: Any, left: Any) -> None:
    with pytest.raises(BrokenContract, match="`crm`"):
        results(odd, good, bad, left)


def test_a_file_that_ends_early_is_fetched_again(crm: Crm) -> None:
    crm.lossy.lose = Once("GET", "/successfulResults")
    assert len(write(crm.open(), batch(ROWS))) == 3
    assert crm.calls("GET", "/successfulResults") == 2


def test_rows_beyond_the_daily_allowance_may_be_sent_again(odd: StandIn) -> None:
    """They are in none of the files, and Salesforce itself counts only the others."""
    found = results(odd, GOOD + lines("a"), processed=1)
    for key in "bc":
        assert (found[key].outcome, found[key].retryable) == (Outcome.REJECTED, True)
        assert found[key].reasons[0].code == "UNPROCESSED"
        assert found[key].reasons[0].owner is Owner.ORG


@pytest.mark.parametrize("processed", [None, 0, 2, 3])
def test_missing_rows_that_salesforce_says_it_worked_on_break_the_contract(odd: StandIn, processed: int) -> None:
    with pytest.raises(BrokenContract, match="does not add up"):
        results(odd, GOOD + lines("a"), processed=processed)


def test_rows_that_a_failed_job_did_not_reach_may_be_sent_again(odd: StandIn) -> None:
    found = results(
        odd, GOOD + lines("a"), left=LEFT + '"c","x"\n"b","x"\n', processed=1, state="Failed", message="Too slow"
    )
    assert found["a"].outcome is Outcome.CREATED
    assert [(found[key].outcome, found[key].retryable) for key in "bc"] == [(Outcome.REJECTED, True)] * 2
    assert "Too slow" in found["b"].reasons[0].message


def test_rows_of_a_job_that_a_person_aborted_are_not_sent_again(odd: StandIn) -> None:
    found = results(odd, GOOD + lines("a"), left=LEFT + '"c","x"\n"b","x"\n', processed=1, state="Aborted")
    assert [(found[key].outcome, found[key].retryable) for key in "bc"] == [(Outcome.REJECTED, False)] * 2


def test_a_column_that_the_org_does_not_know_refuses_the_job_and_is_named(crm: Crm) -> None:
    target = crm.open()
    sent = batch({"a": {"Nothing__c": "x"}})
    ref = target.submit(sent, unrecorded)
    with pytest.raises(Refused, match=r"Field name not found : Nothing__c") as caught:
        finish(target, ref, sent)
    assert "connection `crm`" in caught.value.message
    assert "hidden" in caught.value.hint


def test_a_job_that_failed_as_a_whole_after_it_had_written_is_told_row_by_row(odd: StandIn) -> None:
    message = "InvalidBatch : Something in the second chunk"
    found = results(
        odd, GOOD + lines("a"), left=LEFT + '"b",""\n"c",""\n', processed=1, state="Failed", message=message
    )
    assert found["a"].outcome is Outcome.CREATED


@pytest.mark.parametrize(
    ("text", "reasons"),
    [
        ("REQUIRED_FIELD_MISSING:Missing: [Name]:Name --", [("REQUIRED_FIELD_MISSING", "Missing: [Name]", "Name")]),
        ("X_Y:several::A__c, B__c --", [("X_Y", "several:", "A__c, B__c")]),
        ("X_Y:no field:--", [("X_Y", "no field", "")]),
        ("X_Y:without a tail", [("X_Y", "without a tail", "")]),
        ("X_Y:a\nb: c d: e --", [("X_Y", "a\nb: c d", "e")]),
        ("X_Y:one:A --;Z_A:two: b:--", [("X_Y", "one", "A"), ("Z_A", "two: b", "")]),
        ("just words", [("UNKNOWN", "just words", "")]),
        ("", [("UNKNOWN", "Salesforce gave no reason", "")]),
    ],
)
def test_the_text_of_an_error_is_taken_apart(odd: StandIn, text: str, reasons: list[tuple[str, str, str]]) -> None:
    quoted = text.replace('"', '""')
    found = results(odd, GOOD + lines("a", "b"), BAD + f'"","{quoted}","c","x"\n')["c"]
    assert [(each.code, each.message, each.field) for each in found.reasons] == reasons
    assert not found.retryable


def test_to_delete_what_is_deleted_already_is_done(odd: StandIn) -> None:
    bad = '"sf__Id","sf__Error","Id"\n"i1","ENTITY_IS_DELETED:entity is deleted:--","i1"\n'
    sent = batch([Row("a", {}, "i1")], operation=Operation.DELETE)
    found = results(odd, '"sf__Id","sf__Created","Id"\n', bad, '"Id"\n', rows=sent, processed=1)
    assert found["a"].outcome is Outcome.DELETED


def test_ten_thousand_rows_come_back_row_by_row(crm: Crm) -> None:
    rows = {f"key-{number:05}": {"Note__c": "x" * (256 if number % 100 == 0 else 5)} for number in range(10_000)}
    target = crm.open()
    found = write(target, batch(rows))
    bad = {key for key, each in found.items() if each.outcome is Outcome.REJECTED}
    assert bad == {key for key, values in rows.items() if len(values["Note__c"]) == 256}
    assert len(read(target)) == 9_900


def test_a_batch_that_is_too_large_for_a_job_is_refused_before_it_is_sent(
    crm: Crm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sync_engine_salesforce.bulk._LARGEST_UPLOAD", 40)
    with pytest.raises(Refused, match="a bulk job takes 40") as caught:
        crm.open().submit(batch(ROWS), unrecorded)
    assert "bulk_rows" in caught.value.hint
    assert crm.calls("POST", INGEST) == 0
