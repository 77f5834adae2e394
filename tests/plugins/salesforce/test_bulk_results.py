"""What became of the rows of a bulk job: three files that must add up to what was sent."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.responses import HTMLResponse, JSONResponse, Response
from tests.plugins.salesforce.orgs import Crm, Once, batch, finish, read, unrecorded, write
from tests.plugins.salesforce.standin import JOB, StandIn, csv

from sync_engine.sdk.errors import BrokenContract, Refused
from sync_engine.sdk.target import Batch, BatchRef, Operation, Outcome, Owner, RecordResult, Row

JOBS = "jobs/ingest"
ROWS = {"a": {"Note__c": "1"}, "b": {"Note__c": "2"}, "c": {"Note__c": "3"}}

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


def test_files_that_do_not_add_up_are_fetched_again_until_they_do(odd: StandIn) -> None:
    short, whole = csv(GOOD + lines("a", "b")), csv(GOOD + lines("a", "b", "c"))
    odd.on("GET", f"{JOBS}/{JOB}", {"state": "JobComplete", "numberRecordsProcessed": 3})
    odd.on("GET", f"{JOBS}/{JOB}/successfulResults/", short, csv(GOOD + lines("a", "b", "c")[:-6]), whole)
    odd.on("GET", f"{JOBS}/{JOB}/failedResults/", csv(BAD))
    odd.on("GET", f"{JOBS}/{JOB}/unprocessedrecords/", csv(LEFT))
    found = list(odd.open().results(BatchRef("b-1", {"mode": "bulk", "job": JOB}), batch(ROWS)))
    assert sorted(each.key for each in found) == ["a", "b", "c"]
    assert odd.count("GET", f"{JOB}/successfulResults/") == 3
    assert len(odd.waiting.waits) == 2


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
