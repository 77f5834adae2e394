"""A plan in a terminal: long values cut down to what differs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_engine.report.values import apart, around_difference

LONG = "The short end turns into the weather; everything else stays quiet. " * 3


@given(st.text(alphabet="ab \n", max_size=40), st.text(alphabet="ab \n", max_size=40))
def test_two_texts_are_parted_without_losing_anything(before: str, after: str) -> None:
    head, old, new, tail = apart(before, after)
    assert (head + old + tail, head + new + tail) == (before, after)
    assert not old or not new or (old[0] != new[0] and old[-1] != new[-1])


@given(st.text(alphabet="ab", max_size=300), st.text(alphabet="ab", max_size=300))
def test_what_is_shown_of_two_texts_differs_whenever_they_do(before: str, after: str) -> None:
    shown = around_difference(before, after, 40)
    assert (shown[0] == shown[1]) is (before == after)
    assert max(map(len, shown)) <= 40 + 13 + 3


@pytest.mark.parametrize(
    ("before", "after", "shown"),
    [
        ("Kettle", "Teapot", ("Kettle", "Teapot")),
        (
            LONG,
            LONG.replace("weather", "storm", 1),
            (
                "…hort end turns into the weather; everything else stays …",
                "…hort end turns into the storm; everything else stays …",
            ),
        ),
        ("(empty)", "x" * 100, ("(empty)", "x" * 48 + "…")),
        (LONG, LONG + "!", ("…thing else stays quiet. ", "…thing else stays quiet. !")),
    ],
)
def test_long_values_are_cut_down_to_what_differs(before: str, after: str, shown: tuple[str, str]) -> None:
    assert around_difference(before, after) == shown
