"""The ledger keeps what it was told, in SQLite and in PostgreSQL alike."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from sync_engine.ledger.records import Mark, OutcomeRecord, OwnedRecord, Recording, Status, WrittenRecord
from sync_engine.ledger.store import Ledger, open_ledger
from sync_engine.sdk.errors import Refused


@pytest.fixture
def ledger(ledger_address: str, tmp_path: Path) -> Iterator[Ledger]:
    with open_ledger(ledger_address, tmp_path) as opened:
        yield opened


def test_a_transfer_and_its_outcomes_survive_reopening(ledger_address: str, tmp_path: Path) -> None:
    with open_ledger(ledger_address, tmp_path) as ledger:
        transfer = ledger.begin("shop", "digest", "command")
        reasons = ({"code": "TOO_LONG", "message": "m", "field": "Name", "owner": "data"},)
        outcomes = [OutcomeRecord("s", "b", "rejected", "", reasons), OutcomeRecord("s", "a", "created", "01t")]
        ledger.commit(transfer, "shop", outcomes)
        ledger.finish(transfer, Status.REJECTED, {"created": 1, "rejected": 1})
    with open_ledger(ledger_address, tmp_path) as ledger:
        found = ledger.transfer("last")
        assert (found.id, found.status, found.summary) == (transfer, Status.REJECTED, {"created": 1, "rejected": 1})
        assert found.finished
        assert [each.key for each in ledger.outcomes(transfer)] == ["a", "b"]
        assert next(ledger.outcomes(transfer, "rejected")).reasons == reasons


def test_a_mark_is_what_the_last_complete_transfer_of_the_same_intent_left(ledger: Ledger) -> None:
    assert ledger.mark("shop", "one").why == "there is no complete transfer before"
    first = ledger.begin("shop", "digest", "command", intent="one")
    before = Mark(
        "2026-01-01T00:00:00Z", unwritten={"s": ("a", "b")}, dependencies={"colour": {"red": "1"}}, target="t"
    )
    ledger.complete(first, "shop", before, whole=True)
    whole = ledger.transfer(first).started
    second = ledger.begin("shop", "digest", "command", intent="one")
    assert ledger.mark("shop", "one") == replace(before, compared=whole), "the second one is not complete yet"
    assert ledger.description("shop") == "t"
    after = Mark("2026-01-02T00:00:00Z", dependencies={"size": {}}, target="u")
    ledger.complete(second, "shop", after, whole=False)
    assert ledger.mark("shop", "one") == replace(after, compared=whole), "the second one did not compare everything"
    assert "has changed since" in ledger.mark("shop", "two").why
    ledger.begin("shop", "digest", "command", intent="rollback")
    assert ledger.mark("shop", "one").why == "a transfer was rolled back"


def test_a_record_is_known_by_the_source_record_that_it_was_written_for(ledger: Ledger) -> None:
    transfer = ledger.begin("shop", "digest", "command")
    records = [WrittenRecord("s", f"k{each}", "Product2", "01t", {}, f"u{each}") for each in range(1200)]
    ledger.commit(transfer, "shop", [], records)
    wanted = [f"k{each}" for each in range(1100, 1300)]
    assert ledger.owners("shop", "s", wanted) == {f"k{each}": f"u{each}" for each in range(1100, 1200)}
    assert (ledger.count_owned("shop", "s"), ledger.count_owned("shop", "other")) == (1200, 0)


def test_written_fields_are_laid_over_each_other(ledger: Ledger) -> None:
    transfer = ledger.begin("shop", "digest", "command")
    for fields in ({"Name": "A", "Price": "1"}, {"Price": None}):
        ledger.commit(transfer, "shop", [], [WrittenRecord("s", "a", "Product2", "01t", fields)])
    assert ledger.written("shop", "s", ["a", "b"]) == {"a": {"Name": "A", "Price": None}}


def test_outcomes_are_read_page_by_page_without_loss(ledger: Ledger) -> None:
    transfer = ledger.begin("shop", "digest", "command")
    keys = [f"{number:05}" for number in range(2500)]
    ledger.commit(transfer, "shop", [OutcomeRecord("s", key, "created") for key in keys])
    assert [each.key for each in ledger.outcomes(transfer)] == keys


def test_a_transfer_is_found_by_the_beginning_of_its_id(ledger: Ledger) -> None:
    transfer = ledger.begin("shop", "digest", "command")
    assert ledger.transfer(transfer[:-2]).id == transfer
    ledger.begin("shop", "digest", "command")
    with pytest.raises(Refused, match="more than one"):
        ledger.transfer("2")
    with pytest.raises(Refused, match="no transfer"):
        ledger.transfer("x")


def test_old_outcomes_go_and_their_counts_stay(ledger: Ledger) -> None:
    transfer = ledger.begin("shop", "digest", "command")
    ledger.commit(transfer, "shop", [OutcomeRecord("s", "a", "created")])
    ledger.finish(transfer, Status.DONE, {"created": 1})
    assert ledger.purge("shop", 1) == 0
    assert ledger.purge("shop", -1) == 1
    assert ledger.transfer(transfer).summary == {"created": 1}


def test_what_a_stream_owns_is_said_with_the_source_record_it_was_made_of(ledger: Ledger) -> None:
    transfer = ledger.begin("shop", "digest", "command")
    ledger.commit(transfer, "shop", [], [WrittenRecord("s", "a", "Product2", "01t", {"Name": "A"}, "uuid-a")])
    assert list(ledger.owned("shop", "s")) == [OwnedRecord("a", "01t", "uuid-a")]


def test_matched_counts_are_those_of_the_last_complete_transfer_of_each_stream(ledger: Ledger) -> None:
    transfers = [
        ({"a": 10, "b": 20}, Status.DONE),
        ({"a": 11}, Status.REJECTED),
        ({"a": 1, "b": 1}, Status.FAILED),
        ({"a": 2}, Status.INTERRUPTED),
    ]
    for number, (matched, status) in enumerate(transfers):
        transfer = ledger.begin("shop", "digest", "command", matched=matched)
        ledger.finish(transfer, status, {})
        with ledger._database.writing() as transaction:
            started = f"2026-11-2{number}T00:00:00.000Z"
            transaction.execute("UPDATE transfers SET started = ? WHERE id = ?", (started, transfer))
    ledger.begin("shop", "digest", "command", matched={"a": 3})
    assert ledger.matched("shop") == {"a": 11, "b": 20}
    assert ledger.matched("other") == {}


def test_how_fast_a_catalog_is_written_is_told_by_its_last_large_transfer(ledger: Ledger) -> None:
    transfers = [
        ({"created": 5000, "updated": 1000}, Status.DONE, "00:10"),
        ({"created": 3000}, Status.FAILED, "00:01"),
        ({"updated": 999, "unchanged": 90_000}, Status.DONE, "00:01"),
    ]
    assert ledger.rate("shop") is None
    for number, (summary, status, end) in enumerate(transfers):
        transfer = ledger.begin("shop", "digest", "command")
        ledger.finish(transfer, status, summary)
        day = f"2026-11-2{number}T00:"
        with ledger._database.writing() as transaction:
            transaction.execute(
                "UPDATE transfers SET started = ?, finished = ? WHERE id = ?",
                (f"{day}00:00.000Z", f"{day}{end}.000Z", transfer),
            )
    assert ledger.rate("shop") == 600.0
    assert ledger.rate("other") is None


def test_a_source_key_that_is_not_known_now_keeps_what_was_known(ledger: Ledger) -> None:
    transfer = ledger.begin("shop", "digest", "command")
    for source_key in ("uuid-a", ""):
        ledger.commit(transfer, "shop", [], [WrittenRecord("s", "a", "Product2", "01t", {"Name": "A"}, source_key)])
    assert list(ledger.owned("shop", "s")) == [OwnedRecord("a", "01t", "uuid-a")]


def test_a_record_of_a_transfer_is_due_until_it_was_written_and_again_when_more_is_known(ledger: Ledger) -> None:
    silent = ledger.begin("shop", "digest", "command")
    ledger.finish(silent, Status.DONE, {})
    transfer = ledger.begin("shop", "digest", "command", recorded=True)
    assert ledger.unrecorded("shop") == [], "it is under way"
    ledger.finish(transfer, Status.INTERRUPTED, {"created": 1})
    for error in ("the org is down", ""):
        (due,) = ledger.unrecorded("shop")
        assert (due.id, due.summary) == (transfer, {"created": 1})
        ledger.keep_recorded([transfer], error)
        assert ledger.transfer(transfer).recording_error == error
    assert ledger.unrecorded("shop") == []
    ledger.commit(transfer, "shop", [], summary={"created": 2})
    assert [each.summary for each in ledger.unrecorded("shop")] == [{"created": 2}]
    assert ledger.unrecorded("other") == []
    assert ledger.transfer(silent).recording is Recording.NONE


def test_what_a_gate_refused_says_nothing_of_what_is_written(ledger: Ledger) -> None:
    done = ledger.begin("shop", "digest", "command", intent="one")
    ledger.finish(done, Status.DONE, {})
    ledger.complete(done, "shop", Mark("2026-11-29T00:00:00.000Z"), whole=True)
    before = ledger.mark("shop", "one")
    ledger.finish(ledger.begin("shop", "digest", "command", intent="other"), Status.GATED, {}, "refused")
    assert ledger.mark("shop", "one") == before
    assert before.read_from == "2026-11-29T00:00:00.000Z"
