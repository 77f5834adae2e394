"""What ``serve`` does next, from everything that is known: nothing twice, nothing at the same time to the same."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_engine.serve.deciding import Facts, Order, Reason, decide

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def facts(name: str = "a", writes: str = "", **changes: object) -> Facts:
    """A catalog with nothing to do."""
    usual: dict[str, object] = {"meaning": "m", "transferred_for": "m"}
    locks = frozenset({f"catalog {name}", *(f"object {each}" for each in writes.split())})
    return Facts(name, locks, **{**usual, **changes})  # type: ignore[arg-type]


def decided(
    *catalogs: Facts,
    running: Mapping[str, frozenset[str]] | None = None,
    held: Collection[str] = (),
    not_before: Mapping[str, datetime] | None = None,
    parallel: int = 9,
) -> list[Order]:
    return decide(catalogs, running or {}, held, not_before or {}, NOW, parallel)


def started(orders: list[Order]) -> list[str]:
    return [each.facts.name for each in orders if not each.waits]


@pytest.mark.parametrize(
    ("changes", "reasons"),
    [
        ({}, None),
        ({"transferred_for": ""}, ["change"]),
        ({"transferred_for": "other"}, ["change"]),
        ({"transferred_for": "other", "behind": True}, None),
        ({"due": NOW}, ["schedule"]),
        ({"due": NOW, "transferred_for": "other"}, ["schedule", "change"]),
        ({"unfinished": True}, ["take-up"]),
        ({"unfinished": True, "transferred_for": "other"}, ["change"]),
        ({"unfinished": True, "transferred_for": "other", "behind": True}, ["take-up"]),
        ({"due": NOW, "behind": True, "transferred_for": "other"}, ["schedule"]),
    ],
)
def test_a_catalog_is_transferred_for_what_has_come_up_and_for_nothing_else(
    changes: dict[str, object], reasons: list[str] | None
) -> None:
    orders = decided(facts(**changes))
    assert [list(each.reasons) for each in orders] == ([reasons] if reasons else [])


def test_what_died_goes_first_then_what_is_due_longest_then_what_has_changed() -> None:
    early = NOW - timedelta(hours=1)
    orders = decided(
        facts("a", transferred_for=""), facts("b", due=NOW), facts("c", due=early), facts("d", unfinished=True)
    )
    assert started(orders) == ["d", "c", "b", "a"]


def test_no_more_start_than_there_is_room_for() -> None:
    wanted = [facts(name, transferred_for="") for name in "abcd"]
    orders = decided(*wanted, running={"z": frozenset({"catalog z"})}, parallel=3)
    assert started(orders) == ["a", "b"]
    assert {each.waits for each in orders[2:]} == {"other transfers are under way"}


def test_two_that_write_to_the_same_do_not_start_together_and_a_third_does() -> None:
    orders = decided(
        *(facts(name, writes, transferred_for="") for name, writes in (("a", "X"), ("b", "X Y"), ("c", "Z")))
    )
    assert started(orders) == ["a", "c"]
    assert orders[2].waits == "somebody else writes to object X"


def test_what_somebody_else_writes_to_is_waited_for() -> None:
    (order,) = decided(facts(writes="X", transferred_for=""), held={"object X"})
    assert order.waits == "somebody else writes to object X"
    assert decided(facts(writes="X", transferred_for=""), running={"a": frozenset({"object X"})}) == []


def test_a_transfer_that_somebody_is_at_work_on_is_not_to_be_taken_up() -> None:
    assert decided(facts("a", unfinished=True), held={"catalog a"}) == []
    assert started(decided(facts("a", unfinished=True), held={"catalog b"})) == ["a"]


def test_a_pause_keeps_changes_and_runs_waiting_and_lets_what_died_be_taken_up() -> None:
    orders = decided(
        facts("a", transferred_for="", blocked="paused by Pat"),
        facts("b", unfinished=True, blocked="paused by Pat"),
    )
    assert started(orders) == ["b"]
    assert orders[1].waits == "paused by Pat"


def test_what_could_not_be_done_is_left_alone_for_a_while() -> None:
    until = NOW + timedelta(seconds=30)
    (order,) = decided(facts(transferred_for=""), not_before={"a": until})
    assert order.waits == "it is tried again at 2026-03-01T12:00:30+00:00"
    assert started(decided(facts(transferred_for=""), not_before={"a": NOW})) == ["a"]


def test_two_that_decide_begin_with_something_else() -> None:
    wanted = [facts(f"c{number}", transferred_for="") for number in range(20)]
    firsts = {started(decide(wanted, {}, (), {}, NOW, 1, who))[0] for who in ("one", "two", "three", "four")}
    assert len(firsts) > 1


@given(
    st.lists(
        st.builds(
            facts,
            st.sampled_from("abcdefgh"),
            st.lists(st.sampled_from("XYZ"), max_size=2).map(" ".join),
            transferred_for=st.sampled_from(["m", "other", ""]),
            due=st.sampled_from([None, NOW]),
            unfinished=st.booleans(),
            behind=st.booleans(),
            blocked=st.sampled_from(["", "paused"]),
        ),
        unique_by=lambda each: each.name,
    ),
    st.sets(st.sampled_from(["object X", "catalog a"])),
    st.integers(0, 4),
)
def test_whatever_is_known_nothing_starts_twice_or_beside_what_writes_to_the_same(
    catalogs: list[Facts], held: set[str], parallel: int
) -> None:
    orders = decided(*catalogs, held=held, parallel=parallel)
    begun = [each for each in orders if not each.waits]
    locks = [name for each in begun for name in each.facts.writes] + list(held)
    assert len(locks) == len(set(locks))
    assert len(begun) <= parallel
    assert len({each.facts.name for each in orders}) == len(orders)
    assert all(each.reasons for each in orders)
    assert not any(each.facts.blocked and Reason.TAKE_UP not in each.reasons for each in begun)
