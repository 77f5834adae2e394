"""Reading records: nothing is lost, nothing comes twice, keys are data and never part of the query."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import pytest
from starlette.responses import Response
from tests.plugins.salesforce.orgs import Crm, batch, read, write
from tests.plugins.salesforce.standin import DATA, StandIn, error, thing

from sync_engine.sdk.errors import BrokenContract, Refused, SyncEngineError
from sync_engine.sdk.target import FieldRequest
from sync_engine.sdk.values import ParentKey

GROUP = FieldRequest("Group__c", "Group__c", "Code__c")
RANK = FieldRequest("Group__c", "Group__c", "rank__C")
NOTE = {"name": "Note__c", "type": "string", "length": 255}


def row(key: str, **values: Any) -> dict[str, Any]:
    return {"attributes": {"type": "Item__c"}, "Id": f"a00{key:0>12}AAA", "Key__c": key, **values}


def page(*rows: dict[str, Any], total: int | None = None, following: str | None = None) -> dict[str, Any]:
    answer: dict[str, Any] = {"totalSize": len(rows) if total is None else total, "done": following is None}
    return answer | ({"nextRecordsUrl": following} if following else {}) | {"records": list(rows)}


def failure(odd: StandIn, *answers: Any) -> SyncEngineError:
    odd.on("GET", "sobjects/Item__c/describe", thing("Item__c", NOTE))
    odd.on("GET", "query/", *answers)
    with pytest.raises(SyncEngineError) as caught:
        read(odd.open(), "Note__c")
    assert "connection `crm`" in caught.value.message
    return caught.value


def test_every_type_comes_back_in_the_type_of_the_sdk(crm: Crm) -> None:
    group = crm.org.add("Group__c", {"Code__c": "g", "Rank__c": 2.5})
    stored = {
        "Key__c": "a",
        "Note__c": "12E4",
        "Long__c": "a\n\u2028b",
        "Weight__c": 0.1,
        "Share__c": 12.5,
        "Count__c": 7,
        "Price__c": 1234567890.12,
        "Active__c": True,
        "Color__c": "Red",
        "Tags__c": "Sale;New",
        "Launch__c": "2024-02-29",
        "Seen__c": "2026-01-31T10:30:00.000+0000",
        "Opens__c": "08:30:00.000Z",
        "Mail__c": "a@b.example",
    }
    crm.org.add("Item__c", {**stored, "Group__c": group})
    names = [name for name in stored if name != "Key__c"]
    found = read(crm.open(), *names, GROUP)["a"]
    assert found.values == {
        "Note__c": "12E4",
        "Long__c": "a\n\u2028b",
        "Weight__c": Decimal("0.1"),
        "Share__c": Decimal("12.5"),
        "Count__c": 7,
        "Price__c": Decimal("1234567890.12"),
        "Active__c": True,
        "Color__c": "Red",
        "Tags__c": ("New", "Sale"),
        "Launch__c": date(2024, 2, 29),
        "Seen__c": datetime(2026, 1, 31, 10, 30, tzinfo=UTC),
        "Opens__c": time(8, 30),
        "Mail__c": "a@b.example",
        "Group__c": ParentKey("Group__c", "Code__c", "g"),
    }
    assert {name: type(found.values[name]) for name in ("Weight__c", "Count__c", "Active__c")} == {
        "Weight__c": Decimal,
        "Count__c": int,
        "Active__c": bool,
    }
    assert found.id == crm.held()["a"]["Id"]


def test_numbers_are_exact_however_many_digits_they_have(odd: StandIn) -> None:
    fields: list[dict[str, Any]] = [{"name": "N__c", "type": "double", "scale": 6}, {"name": "C__c", "type": "int"}]
    odd.on("GET", "sobjects/Item__c/describe", thing("Item__c", *fields))
    text = '{"totalSize":1,"done":true,"records":[{"Id":"x","Key__c":"a","N__c":123456789012.345678,"C__c":5.0}]}'
    odd.on("GET", "query/", Response(text))
    found = read(odd.open(), "N__c", "C__c")["a"].values
    assert found == {"N__c": Decimal("123456789012.345678"), "C__c": 5}
    assert type(found["C__c"]) is int


def test_an_empty_field_and_a_missing_parent_are_none(crm: Crm) -> None:
    crm.org.add("Item__c", {"Key__c": "a"})
    assert read(crm.open(), "Note__c", "Weight__c", GROUP)["a"].values == {
        "Note__c": None,
        "Weight__c": None,
        "Group__c": None,
    }


def test_a_parent_may_be_named_by_a_number_in_any_spelling(crm: Crm) -> None:
    group = crm.org.add("Group__c", {"Code__c": "g", "Rank__c": 3.0})
    crm.org.add("Item__c", {"Key__c": "a", "Group__c": group})
    assert read(crm.open(), RANK)["a"].values["Group__c"] == ParentKey("Group__c", "rank__C", "3")


def test_records_without_a_key_are_left_out(crm: Crm) -> None:
    crm.org.add("Item__c", {"Note__c": "not ours"})
    crm.org.add("Item__c", {"Key__c": "a"})
    assert list(read(crm.open(), "Note__c")) == ["a"]


def test_all_pages_are_read(crm: Crm) -> None:
    for number in range(4001):
        crm.org.add("Item__c", {"Key__c": f"k{number}"})
    assert len(read(crm.open(), "Note__c")) == 4001
    assert crm.calls("GET", "/query") == 3


NASTY = [
    "a' OR Key__c != '",
    "back\\slash",
    "\\' OR Id != null OR Key__c = \\'",
    "line\nbreak\ttab",
    'double "quote"',
    "percent % under_score",
    "{{ x }} #{y} ?x=&z=+%2F",
    "\u00fcml\u00e4ut \u2028 \U0001f600",
    "..",
    ")",
]


def test_keys_are_data_and_never_part_of_the_query(crm: Crm) -> None:
    for number, key in enumerate(NASTY):
        crm.org.add("Item__c", {"Key__c": key, "Note__c": str(number)})
    target = crm.open()
    for number, key in enumerate(NASTY):
        found = read(target, "Note__c", keys=[key])
        assert {key: row.values["Note__c"] for key, row in found.items()} == {key: str(number)}
    assert len(read(target, "Note__c", keys=NASTY)) == len(NASTY)


def test_many_keys_go_in_as_few_urls_as_hold_them(crm: Crm) -> None:
    keys = [f"{number:05}-\u00fc'{'x' * 40}" for number in range(1000)]
    for key in keys:
        crm.org.add("Item__c", {"Key__c": key})
    assert sorted(read(crm.open(), "Note__c", keys=keys)) == keys
    assert 3 < crm.calls("GET", "/query") < 10


def test_a_key_that_is_asked_for_twice_comes_once(crm: Crm) -> None:
    crm.org.add("Item__c", {"Key__c": "abc", "Exact__c": "x"})
    target = crm.open()
    padding = [f"{number}-{'y' * 60}" for number in range(300)]  # so that the two are in different queries
    assert list(read(target, keys=["abc", *padding, "ABC", "abc"])) == ["abc"]


def test_keys_that_no_record_can_hold_are_not_asked_for(crm: Crm) -> None:
    identity = crm.org.add("Item__c", {"Key__c": "a", "Count__c": 5, "Number__c": 1.5, "Launch__c": "2024-01-01"})
    target = crm.open()
    assert list(read(target, key_field="Id", keys=["no id", "a'", identity, identity[:15], "\0", "\ud800"])) == [
        identity
    ]
    assert list(read(target, key_field="Number__c", keys=["1.50", "x", "NaN", "1 OR Id != null"])) == ["1.5"]
    assert list(read(target, key_field="Count__c", keys=["5", "five"])) == ["5"]
    assert list(read(target, keys=["\ud800", "\0", "a"])) == ["a"]
    assert read(target, keys=[]) == {}
    assert read(target, key_field="Count__c", keys=["none"]) == {}


def test_keys_of_a_date_are_dates(crm: Crm) -> None:
    crm.org.add("Item__c", {"Key__c": "a", "Launch__c": "2024-01-01"})
    assert list(read(crm.open(), key_field="Launch__c", keys=["2024-01-01", "yesterday"])) == ["2024-01-01"]


def test_names_are_taken_from_the_description(crm: Crm) -> None:
    crm.org.add("Item__c", {"Key__c": "a", "Note__c": "n"})
    target = crm.open()
    assert read(target, "note__C", key_field="KEY__c", object_name="item__C")["a"].values == {"note__C": "n"}
    for wrong in ("Nothing__c", "Note__c FROM User --", "Id, (SELECT Id FROM X)"):
        with pytest.raises(Refused, match="no field"):
            read(target, wrong)
        with pytest.raises(Refused, match="no field"):
            read(target, key_field=wrong)
    with pytest.raises(Refused, match="no field of Group__c"):
        read(target, FieldRequest("Group__c", "Group__c", "Code__c FROM User"))
    with pytest.raises(Refused, match="no reference"):
        read(target, FieldRequest("Note__c", "Group__c", "Code__c"))
    with pytest.raises(Refused, match="no object `Nothing__c`"):
        read(target, object_name="Nothing__c")


def test_more_fields_than_a_query_takes_are_refused_before_they_are_sent(odd: StandIn) -> None:
    names = [f"Field_with_a_long_name_{number}__c" for number in range(600)]
    odd.on("GET", "sobjects/Item__c/describe", thing("Item__c", *({"name": each, "type": "string"} for each in names)))
    with pytest.raises(Refused, match="602 fields"):
        read(odd.open(), *names)
    assert odd.count("GET", "query/") == 0


def test_a_page_that_fails_is_asked_for_again(odd: StandIn) -> None:
    following = f"{DATA}query/01g-2"
    odd.on("GET", "query/", page(row("1"), total=2, following=following))
    odd.on("GET", "query/01g-2", error("SERVER_UNAVAILABLE", status=503), page(row("2"), total=2))
    assert sorted(read(odd.open())) == ["1", "2"]


@pytest.mark.parametrize(
    "answer",
    [
        {},
        [],
        {"records": []},
        {"totalSize": 0, "records": []},
        {"totalSize": 0, "done": "yes", "records": []},
        {"totalSize": 1, "done": False, "records": []},
        {"totalSize": 1, "done": False, "records": [], "nextRecordsUrl": 5},
        {"totalSize": 0, "done": True, "records": {}},
        {"totalSize": 0, "done": True},
        {"totalSize": 2, "done": True, "records": [row("1", Note__c=None)]},
        {"totalSize": None, "done": True, "records": []},
    ],
)
def test_an_incomplete_answer_is_never_taken_for_all_records(odd: StandIn, answer: Any) -> None:
    assert type(failure(odd, answer)) is BrokenContract


def test_an_error_on_a_later_page_ends_the_read(odd: StandIn) -> None:
    odd.on("GET", "query/01g-2", error("INVALID_QUERY_LOCATOR", "invalid query locator"))
    first = page(row("1", Note__c=None), total=2, following=f"{DATA}query/01g-2")
    assert "INVALID_QUERY_LOCATOR" in str(failure(odd, first))


def test_pages_that_lead_in_a_circle_end(odd: StandIn) -> None:
    circle = page(row("1", Note__c=None), total=9, following=f"{DATA}query/01g-2")
    odd.on("GET", "query/01g-2", circle)
    assert "lead back" in str(failure(odd, circle))


@pytest.mark.parametrize("link", ["@evil.example/x", ".evil.example/x", "https://evil.example/", ":81/x", "//evil/x"])
def test_a_next_page_on_another_host_is_never_asked(odd: StandIn, link: str) -> None:
    assert type(failure(odd, page(row("1", Note__c=None), total=2, following=link))) is BrokenContract
    assert odd.count("GET", "query/") == 1
    assert all(each.path.startswith(DATA) for each in odd.asked)


@pytest.mark.parametrize(
    "record",
    [
        "text",
        {},
        {"Id": "x", "Key__c": "a"},
        {"Id": "x", "Note__c": "a"},
        {"Key__c": "x", "Note__c": "a"},
        {"Id": "x", "Key__c": None, "Note__c": "a"},
        {"Id": "x", "Key__c": "a", "Note__c": 5},
        {"Id": "x", "Key__c": "a", "Note__c": {"a": 1}},
    ],
)
def test_a_record_of_another_shape_breaks_the_contract(odd: StandIn, record: Any) -> None:
    assert type(failure(odd, page(record))) is BrokenContract


@pytest.mark.parametrize(
    ("native", "value"),
    [
        ("boolean", "true"),
        ("boolean", 1),
        ("int", "5"),
        ("int", 5.5),
        ("double", True),
        ("double", "5"),
        ("date", "31.01.2026"),
        ("datetime", "yesterday"),
        ("time", 8),
        ("multipicklist", ["a"]),
        ("string", "\ud800"),
        ("reference", 5),
    ],
)
def test_a_value_of_another_type_is_not_guessed_at(odd: StandIn, native: str, value: Any) -> None:
    odd.on("GET", "sobjects/Item__c/describe", thing("Item__c", {"name": "F__c", "type": native}))
    odd.on("GET", "query/", page(row("1", F__c=value)))
    with pytest.raises(BrokenContract, match="documented shape"):
        read(odd.open(), "F__c")


def test_the_budget_is_asked_for_once_and_then_known_from_every_answer(crm: Crm) -> None:
    target = crm.open()
    used = crm.org.requests.used
    first = target.budget()
    assert (first.requests_max, first.requests_remaining) == (15_000, 15_000 - used - 1)
    write(target, batch({"a": {}}, "collections"))
    assert target.budget().requests_remaining == 15_000 - crm.org.requests.used
    assert crm.calls("GET", "/limits") == 1


def test_an_org_that_says_nothing_of_limits_has_an_unknown_budget(odd: StandIn) -> None:
    odd.on("GET", "limits", {"DataStorageMB": {"Max": 5}})
    budget = odd.open().budget()
    assert (budget.requests_max, budget.requests_remaining) == (None, None)
