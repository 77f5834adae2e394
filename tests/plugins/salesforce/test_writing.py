"""Writing by Collections and by Bulk jobs: what differs from the plain path, which ``test_contract`` walks."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.plugins.salesforce.orgs import Crm, batch, unrecorded, write
from tests.plugins.salesforce.standin import StandIn, body, error, thing

from sync_engine.sdk.errors import BrokenContract, Refused
from sync_engine.sdk.target import BatchRef, Operation, Outcome, Owner, Row
from sync_engine.sdk.values import Blank, ParentKey
from sync_engine_sandbox.crm.errors import Problem

MODES = pytest.mark.parametrize("mode", ["collections", "bulk"])
COLLECTION = "composite/sobjects/Item__c/Key__c"
LOCK = Problem("UNABLE_TO_LOCK_ROW", "unable to obtain exclusive access to this record")


def group(code: str) -> ParentKey:
    return ParentKey("Group__c", "Code__c", code)


@MODES
def test_none_and_empty_text_clear_and_leave_leaves(crm: Crm, mode: str) -> None:
    start = {"Note__c": "n", "Long__c": "l", "Tags__c": "New", "Mail__c": "a@b.example", "Color__c": "Red"}
    crm.org.add("Item__c", {"Key__c": "a", **start})
    values: dict[str, Any] = {
        "Note__c": None,
        "Long__c": "",
        "Tags__c": (),
        "Mail__c": Blank.CLEAR,
        "Color__c": Blank.LEAVE,
    }
    assert write(crm.open(), batch({"a": values}, mode))["a"].outcome is Outcome.UPDATED
    held = crm.held()["a"]
    assert [held[name] for name in start] == [None, None, None, None, "Red"]


@MODES
def test_rows_of_one_batch_may_set_different_fields(crm: Crm, mode: str) -> None:
    crm.org.add("Item__c", {"Key__c": "a", "Note__c": "keep"})
    crm.org.add("Item__c", {"Key__c": "b", "Long__c": "keep"})
    write(crm.open(), batch({"a": {"Long__c": "x"}, "b": {"Note__c": "y"}}, mode))
    assert [(row["Note__c"], row["Long__c"]) for row in crm.held().values()] == [("keep", "x"), ("y", "keep")]


@MODES
def test_a_reference_may_be_cleared_left_or_moved_in_the_same_batch(crm: Crm, mode: str) -> None:
    ids = {code: crm.org.add("Group__c", {"Code__c": code}) for code in "gh"}
    for key in "abc":
        crm.org.add("Item__c", {"Key__c": key, "Group__c": ids["g"]})
    values: dict[str, Any] = {"a": {"Group__c": group("h")}, "b": {"Group__c": Blank.CLEAR}, "c": {"Note__c": "x"}}
    write(crm.open(), batch(values, mode))
    assert [row["Group__c"] for row in crm.held().values()] == [ids["h"], None, ids["g"]]


@MODES
def test_a_reference_may_be_given_by_its_id(crm: Crm, mode: str) -> None:
    identity = crm.org.add("Group__c", {"Code__c": "g"})
    write(crm.open(), batch({"a": {"Group__c": identity[:15]}}, mode))
    assert crm.held()["a"]["Group__c"] == identity


@MODES
def test_a_parent_among_several_objects_is_named_with_its_object(crm: Crm, mode: str) -> None:
    identity = crm.org.add("Group__c", {"Code__c": "g"})
    write(crm.open(), batch({"a": {"Any__c": group("g")}}, mode))
    assert crm.held()["a"]["Any__c"] == identity


@MODES
def test_a_missing_parent_is_a_matter_of_data(crm: Crm, mode: str) -> None:
    result = write(crm.open(), batch({"a": {"Group__c": group("nobody")}}, mode))["a"]
    assert (result.outcome, result.retryable) == (Outcome.REJECTED, False)
    (reason,) = result.reasons
    assert "nobody" in reason.message
    assert reason.owner is Owner.DATA


@MODES
def test_a_locked_record_may_be_sent_again_and_no_other(crm: Crm, mode: str) -> None:
    refusals = {
        "lock": LOCK,
        "trigger": Problem("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "trigger: UNABLE_TO_LOCK_ROW: try again"),
        "rule": Problem("FIELD_CUSTOM_VALIDATION_EXCEPTION", "Not like this", ("Note__c",)),
        "new": Problem("A_CODE_OF_NEXT_YEAR", "who knows"),
    }
    crm.org.store.row_fault = lambda _object, values: refusals.get(str(values.get("Note__c")))
    results = write(crm.open(), batch({name: {"Note__c": name} for name in [*refusals, "fine"]}, mode))
    assert {key: each.retryable for key, each in results.items()} == {
        "lock": True,
        "trigger": True,
        "rule": False,
        "new": False,
        "fine": False,
    }
    assert {key: each.reasons[0].owner for key, each in results.items() if each.reasons} == {
        "lock": Owner.ORG,
        "trigger": Owner.ORG,
        "rule": Owner.ORG,
        "new": Owner.DATA,
    }
    assert results["rule"].reasons[0].field == "Note__c"
    assert results["fine"].outcome is Outcome.CREATED
    assert list(crm.held()) == ["fine"]


@MODES
def test_every_reason_of_a_record_is_told(crm: Crm, mode: str) -> None:
    result = write(crm.open(), batch({"a": {"Note__c": "x" * 256, "Color__c": "Pink: or; red"}}, mode))["a"]
    assert {each.code: each.field for each in result.reasons} == {
        "STRING_TOO_LONG": "Note__c",
        "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST": "Color__c",
    }
    assert "max length=255" in result.reasons[0].message
    assert "Pink: or; red" in result.reasons[1].message


@MODES
def test_an_endless_message_is_cut(crm: Crm, mode: str) -> None:
    result = write(crm.open(), batch({"a": {"Note__c": "x" * 5000}}, mode))["a"]
    assert len(result.reasons[0].message) <= 500


@MODES
def test_an_update_goes_to_the_id_and_makes_no_new_record(crm: Crm, mode: str) -> None:
    ids = {key: crm.org.add("Item__c", {"Key__c": key}) for key in "abc"}
    crm.org.remove("Item__c", ids["c"])
    rows = [Row(key, {"Note__c": "new"}, ids[key]) for key in "abc"]
    rows[1] = Row("b", {"Note__c": "new", "Key__c": "renamed"}, ids["b"])
    results = write(crm.open(), batch(rows, mode, Operation.UPDATE))
    assert [results[key].outcome for key in "abc"] == [Outcome.UPDATED, Outcome.UPDATED, Outcome.REJECTED]
    assert results["c"].reasons[0].code == "ENTITY_IS_DELETED"
    assert {key: row["Note__c"] for key, row in crm.held().items()} == {"a": "new", "renamed": "new"}


@MODES
def test_deletes_need_the_id_and_ignore_columns(crm: Crm, mode: str) -> None:
    ids = {key: crm.org.add("Item__c", {"Key__c": key}) for key in "ab"}
    rows = [Row("a", {"Note__c": "x"}, ids["a"]), Row("b", {}, None)]
    results = write(crm.open(), batch(rows, mode, Operation.DELETE))
    assert results["a"].outcome is Outcome.DELETED
    assert results["b"].reasons[0].code == "MISSING_ID"
    assert list(crm.held()) == ["b"]


@MODES
def test_keys_that_differ_in_case_only_are_answered_apart(crm: Crm, mode: str) -> None:
    """Whatever the field says: where they are one key Salesforce refuses both, where not it makes two."""
    target = crm.open()
    loose = write(target, batch({"abc": {}, "ABC": {}, "x": {}}, mode))
    assert {key: each.outcome for key, each in loose.items()} == {
        "abc": Outcome.REJECTED,
        "ABC": Outcome.REJECTED,
        "x": Outcome.CREATED,
    }
    exact = write(target, batch({"abc": {"Note__c": "1"}, "ABC": {"Note__c": "2"}}, mode, key_field="Exact__c"))
    ids = {row["Exact__c"]: row["Id"] for row in crm.org.rows("Item__c") if row.get("Exact__c")}
    assert {key: each.target_id for key, each in exact.items()} == ids


@MODES
def test_half_a_character_is_rejected_and_the_others_go(crm: Crm, mode: str) -> None:
    results = write(crm.open(), batch({"a": {"Note__c": "\ud83d"}, "\udc00": {}, "c": {"Note__c": "\U0001f600"}}, mode))
    assert results["a"].reasons[0].code == results["\udc00"].reasons[0].code == "NOT_UNICODE"
    assert results["a"].reasons[0].field == "Note__c"
    assert crm.held()["c"]["Note__c"] == "\U0001f600"


@MODES
def test_a_batch_without_one_row_to_send_asks_nothing(crm: Crm, mode: str) -> None:
    target = crm.open()
    target.describe(["Item__c"])
    crm.org.requests.log.clear()
    assert write(target, batch({"a": {"Note__c": "\ud83d"}}, mode))["a"].outcome is Outcome.REJECTED
    assert crm.org.requests.log == []


def test_the_text_that_means_empty_to_bulk_goes_by_collections(crm: Crm) -> None:
    write(crm.open(), batch({"a": {"Note__c": "#N/A"}}, "collections"))
    assert crm.held()["a"]["Note__c"] == "#N/A"


def test_a_bulk_column_holds_keys_of_one_kind(crm: Crm) -> None:
    identity = crm.org.add("Group__c", {"Code__c": "g", "Rank__c": 1})
    rank = ParentKey("Group__c", "Rank__c", "1")
    rows: dict[str, dict[str, Any]] = {
        "a": {"Group__c": group("g")},
        "b": {"Group__c": identity},
        "c": {"Group__c": rank},
    }
    results = write(crm.open(), batch(rows))
    assert results["a"].outcome is Outcome.CREATED
    assert results["b"].reasons[0].code == results["c"].reasons[0].code == "NOT_SENDABLE"
    assert "Group__c.Code__c" in results["b"].reasons[0].message


def test_collections_may_mix_kinds_of_references(crm: Crm) -> None:
    identity = crm.org.add("Group__c", {"Code__c": "g", "Rank__c": 1})
    values: list[Any] = [group("g"), identity, ParentKey("Group__c", "Rank__c", "1")]
    write(
        crm.open(), batch({key: {"Group__c": value} for key, value in zip("abc", values, strict=True)}, "collections")
    )
    assert [row["Group__c"] for row in crm.held().values()] == [identity] * 3


def test_a_field_that_is_no_reference_cannot_name_a_parent(crm: Crm) -> None:
    for mode in ("collections", "bulk"):
        with pytest.raises(Refused, match="Note__c is no reference"):
            crm.open().submit(batch({"a": {"Note__c": group("g")}}, mode), unrecorded)


def test_the_results_of_collections_are_plain_data_in_the_reference(crm: Crm) -> None:
    target = crm.open()
    sent = batch({"a": {}, "b": {"Note__c": "x" * 256}}, "collections")
    ref = target.submit(sent, unrecorded)
    again = BatchRef(ref.batch_id, json.loads(json.dumps(ref.data)))
    assert list(target.results(again, sent)) == list(target.results(ref, sent))
    assert target.poll(again).finished
    assert {each.key: each.outcome for each in target.results(again, sent)} == {
        "a": Outcome.CREATED,
        "b": Outcome.REJECTED,
    }


def test_objects_with_files_never_go_by_bulk(crm: Crm) -> None:
    target = crm.open(bulk_threshold=10)
    target.describe(["Item__c", "ContentVersion"])
    assert target.batching("Item__c", Operation.UPSERT, 10).mode == "collections"
    assert target.batching("Item__c", Operation.UPSERT, 11).mode == "bulk"
    assert target.batching("ContentVersion", Operation.UPSERT, 11).mode == "files"
    assert target.batching("Item__c", Operation.UPSERT, 10).max_rows == 200
    assert target.batching("Item__c", Operation.UPSERT, 11).max_rows == 10_000


def test_numbers_go_as_json_numbers_and_as_text_where_a_double_would_change_them(odd: StandIn) -> None:
    from decimal import Decimal

    odd.on("GET", "sobjects/Item__c/describe", thing("Item__c", {"name": "N__c", "type": "double", "scale": 4}))
    texts = ["1.5", "0.0001", "123456789012.345", "12345678901234.5678", "1000", "-7.0"]
    odd.on("PATCH", COLLECTION, [{"id": "a", "success": True, "created": True} for _ in texts])
    write(odd.open(), batch({text: {"N__c": Decimal(text)} for text in texts}, "collections"))
    records = json.loads(odd.asked[-1].body, parse_float=Decimal)["records"]
    assert [each["N__c"] for each in records] == [
        Decimal("1.5"),
        Decimal("0.0001"),
        Decimal("123456789012.345"),
        "12345678901234.5678",
        1000,
        -7,
    ]


def test_only_what_is_known_of_a_row_is_in_its_record(odd: StandIn) -> None:
    odd.on("GET", "sobjects/Item__c/describe", thing("Item__c", {"name": "Note__c", "type": "string"}))
    odd.on("PATCH", COLLECTION, [{"id": "a", "success": True, "created": False}] * 2)
    write(odd.open(), batch({"a": {"Note__c": Blank.CLEAR}, "b": {"Note__c": Blank.LEAVE}}, "collections"))
    assert body(odd.asked[-1]) == {
        "allOrNone": False,
        "records": [
            {"attributes": {"type": "Item__c"}, "Key__c": "a", "Note__c": None},
            {"attributes": {"type": "Item__c"}, "Key__c": "b"},
        ],
    }


GOOD = {"id": "a00000000000001AAA", "success": True, "errors": [], "created": True}
BAD = {"success": False, "errors": [{"statusCode": "X", "message": "m", "fields": []}]}


@pytest.mark.parametrize(
    "answer",
    [
        [GOOD],
        [GOOD, GOOD, GOOD],
        [],
        {},
        "ok",
        5,
        None,
        [GOOD, None],
        [GOOD, {}],
        [GOOD, {"success": True}],
        [GOOD, {"id": "a", "success": "true"}],
        [GOOD, {"success": False, "errors": []}],
        [GOOD, {"success": False, "errors": ["no"]}],
        [GOOD, {**BAD, "success": None}],
    ],
)
def test_an_answer_that_does_not_account_for_every_record_breaks_the_contract(odd: StandIn, answer: Any) -> None:
    odd.on("PATCH", COLLECTION, answer)
    with pytest.raises(BrokenContract, match="`crm`"):
        odd.open().submit(batch({"a": {}, "b": {}}, "collections"), unrecorded)


@pytest.mark.parametrize("name", ["statusCode", "errorCode"])
def test_the_code_of_an_error_may_have_either_name(odd: StandIn, name: str) -> None:
    odd.on("PATCH", COLLECTION, [{"success": False, "errors": [{name: "UNABLE_TO_LOCK_ROW", "message": "m"}]}])
    result = write(odd.open(), batch({"a": {}}, "collections"))["a"]
    assert (result.reasons[0].code, result.retryable) == ("UNABLE_TO_LOCK_ROW", True)


def test_an_answer_about_another_record_breaks_the_contract(odd: StandIn) -> None:
    odd.on("PATCH", "composite/sobjects", [{**GOOD, "id": "a00000000000002AAA"}])
    with pytest.raises(BrokenContract, match="speaks of a00000000000002AAA"):
        odd.open().submit(batch([Row("a", {}, "a00000000000001AAA")], "collections", Operation.UPDATE), unrecorded)


def test_a_call_that_is_refused_as_a_whole_says_so(odd: StandIn) -> None:
    odd.on("PATCH", COLLECTION, error("INVALID_FIELD", "No such column 'X__c' on sobject of type Item__c"))
    with pytest.raises(Refused, match="No such column 'X__c'"):
        odd.open().submit(batch({"a": {}}, "collections"), unrecorded)


def test_names_that_are_paths_stay_names(odd: StandIn) -> None:
    odd.on("GET", "sobjects/Item__c/describe", thing("Item__c"))
    odd.on("PATCH", "composite/sobjects/Item__c/..%2Fx", [GOOD])
    with pytest.raises(Refused):
        odd.open().submit(batch({"a": {}}, "collections", key_field="../x"), unrecorded)
    assert not any(each.path.endswith("sobjects/x") for each in odd.asked)
