"""The CSV of a bulk job: what goes in comes out, byte for byte, whatever it is."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.plugins.salesforce.orgs import Crm, batch, write

from sync_engine.sdk.errors import BrokenContract
from sync_engine.sdk.target import Batch, Operation, Outcome, Row
from sync_engine.sdk.values import Blank, ParentKey
from sync_engine_salesforce.csv_format import CLEAR, ResultSet, unsendable
from sync_engine_salesforce.csv_format import write as write_csv
from sync_engine_salesforce.rows import row_text


def cells(content: bytes) -> list[list[str]]:
    """A reader of RFC 4180 with LF, of our own: it knows nothing of Python's csv module."""
    found: list[list[str]] = [[]]
    text = content.decode()
    at = 0
    while at < len(text):
        assert text[at] == '"', "every cell is quoted"
        end = at + 1
        while text[end] != '"' or text[end : end + 2] == '""':
            end += 2 if text[end] == '"' else 1
        found[-1].append(text[at + 1 : end].replace('""', '"'))
        assert text[end + 1] in ",\n"
        if text[end + 1] == "\n":
            found.append([])
        at = end + 2
    assert found.pop() == [], "the last line ends too"
    return found


def written(sent: Batch, **names: str) -> list[list[str]]:
    return cells(written_bytes(sent, **names))


def written_bytes(sent: Batch, **names: str) -> bytes:
    return write_csv(sent, map(row_text, sent.rows), {each: each for each in sent.columns} | names)


# Everything that UTF-8 can say but NUL, with the characters that parsers stumble over more often.
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")) | st.text(
    st.sampled_from("\r\n\",'\\;#N/A=+-@\t\x0b\x0c\x1c\x85\u2028\u2029\ufeff\u202e\U0001f600e\u0301 ")
)
SENDABLE = TEXT.filter(lambda text: text not in ("", CLEAR))


@given(st.dictionaries(SENDABLE, st.tuples(SENDABLE, SENDABLE), min_size=1, max_size=5))
def test_every_text_comes_back_as_it_went(texts: dict[str, tuple[str, str]]) -> None:
    rows = {key: {"A__c": first, "B__c": second} for key, (first, second) in texts.items()}
    content = written(batch(rows))
    assert content == [["Key__c", "A__c", "B__c"], *([key, *pair] for key, pair in texts.items())]
    assert not any(unsendable(row_text(Row(key, values))) for key, values in rows.items())


@given(st.lists(st.tuples(TEXT, TEXT), max_size=5))
def test_a_result_file_is_read_as_it_was_written(rows: list[tuple[str, str]]) -> None:
    quoted = ['"{}","{}"'.format(*(each.replace('"', '""') for each in row)) for row in [("sf__Id", "B"), *rows]]
    for ending in ("\n", "\r\n"):
        found = ResultSet((ending.join(quoted) + ending).encode(), "results")
        assert [tuple(row) for row in found] == rows


@given(st.data())
def test_a_result_file_that_is_cut_is_not_taken_for_a_whole_one(data: st.DataObject) -> None:
    """Unless it is cut at the end of a row, which only the sum can tell."""
    rows = data.draw(st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=3))
    quoted = ['"{}","{}"'.format(*(each.replace('"', '""') for each in row)) for row in [("A", "B"), *rows]]
    whole = "\n".join(quoted)
    cut = whole[: data.draw(st.integers(len(quoted[0]) + 2, len(whole) - 1))]
    try:
        found = [tuple(row) for row in ResultSet(cut.encode(), "results")]
    except BrokenContract:
        return
    # A quote in a text may look like the end of its cell; that, too, only the sum can tell.
    assert found[:-1] == rows[: len(found) - 1]


def test_columns_are_those_that_were_declared_in_their_order() -> None:
    sent = Batch("b", "X", Operation.UPSERT, "Key__c", "bulk", ("C", "A", "B"), (Row("k", {"A": "1", "X": "no"}),))
    assert written(sent) == [["Key__c", "C", "A", "B"], ["k", "", "1", ""]]


def test_the_same_batch_gives_the_same_bytes() -> None:
    first, second = (batch({"a": {"A": "1", "B": "2"}}), batch({"a": {"A": "1", "B": "2"}}))
    assert written_bytes(first) == written_bytes(second)


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        (Blank.LEAVE, ""),
        (Blank.CLEAR, "#N/A"),
        (None, "#N/A"),
        ("", "#N/A"),
        ((), "#N/A"),
        (True, "true"),
        (False, "false"),
        (0, "0"),
        (Decimal("1E+3"), "1000"),
        (Decimal("0.000000000001"), "0.000000000001"),
        (Decimal("-12.50"), "-12.50"),
        (date(987, 1, 2), "0987-01-02"),
        (datetime(2026, 1, 31, 12, 0, 0, 7000, timezone(timedelta(hours=5, minutes=30))), "2026-01-31T06:30:00.007Z"),
        (datetime(987, 1, 2, tzinfo=UTC), "0987-01-02T00:00:00.000Z"),
        (time(8, 5), "08:05:00.000Z"),
        (("b", "a"), "b;a"),
        (ParentKey("G", "K", "g"), "g"),
        ("=1+1", "=1+1"),
        ("+1", "+1"),
        ("-2", "-2"),
        ("@SUM(A1)", "@SUM(A1)"),
        ("\t=cmd", "\t=cmd"),
        (" x ", " x "),
        ("#N/A ", "#N/A "),
        ("#n/a", "#n/a"),
        ("012", "012"),
        ("None", "None"),
    ],
)
def test_each_value_has_its_one_way_to_be_written(value: Any, cell: str) -> None:
    assert written(batch({"k": {"A": value}}))[1] == ["k", cell]


def test_a_record_is_found_by_id_where_it_has_to_be_there() -> None:
    row = Row("k", {"Key__c": "new"}, "a00000000000001AAA")
    assert written(batch([row], operation=Operation.UPDATE)) == [["Id", "Key__c"], ["a00000000000001AAA", "new"]]
    assert written(batch([row], operation=Operation.DELETE)) == [["Id"], ["a00000000000001AAA"]]


@pytest.mark.parametrize(
    ("key", "values", "reasons"),
    [
        ("k", {"A": "#N/A"}, [("NOT_SENDABLE", "A")]),
        ("#N/A", {}, [("NOT_SENDABLE", "")]),
        ("k", {"A": ("#N/A",)}, [("NOT_SENDABLE", "A")]),
        ("k", {"A": "a\0b"}, [("CONTROL_CHARACTER", "A")]),
        ("k\0", {"A": "x"}, [("CONTROL_CHARACTER", "")]),
        ("k", {"A": "x" * 32_001}, [("TOO_LONG", "A")]),
        ("k", {"A": "\U0001f600" * 32_000}, []),
        ("k", {f"F{number}": "x" * 31_000 for number in range(13)}, [("TOO_LONG", "")]),
        ("k", {f"F{number}": "x" * 31_000 for number in range(12)}, []),
        ("k", {"A": "\0", "B": "#N/A"}, [("CONTROL_CHARACTER", "A"), ("NOT_SENDABLE", "B")]),
        ("k", {"A": Blank.CLEAR, "B": Blank.LEAVE, "C": None}, []),
    ],
)
def test_what_csv_cannot_say_has_its_reason(key: str, values: dict[str, Any], reasons: list[tuple[str, str]]) -> None:
    assert [(each.code, each.field) for each in unsendable(row_text(Row(key, values)))] == reasons


def test_a_row_that_csv_cannot_say_is_rejected_and_the_others_go(crm: Crm) -> None:
    found = write(crm.open(), batch({"a": {"Note__c": "#N/A"}, "b": {"Note__c": "#n/a"}, "c": {"Long__c": "\0"}}))
    assert {key: each.outcome for key, each in found.items()} == {
        "a": Outcome.REJECTED,
        "b": Outcome.CREATED,
        "c": Outcome.REJECTED,
    }
    assert crm.held()["b"]["Note__c"] == "#n/a"


def test_a_text_that_tries_to_be_a_second_row_stays_one_cell(crm: Crm) -> None:
    evil = 'x\r\nid2,evil\r"\n"b","y'
    write(crm.open(), batch({"a": {"Long__c": evil}}))
    assert {key: row["Long__c"] for key, row in crm.held().items()} == {"a": evil}


def test_the_longest_field_goes_through(crm: Crm) -> None:
    text = '\u00fc"\n' * 10_666
    write(crm.open(), batch({"a": {"Long__c": f"<{text}>"}}))
    assert crm.held()["a"]["Long__c"] == f"<{text}>"
