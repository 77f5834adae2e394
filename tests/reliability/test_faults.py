"""Every cell of the matrix of faults: what a transfer that meets one comes to, and that the next brings everything."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from tests.reliability.fault_matrix import EXPECTED, FAULTS, REASONS, STEPS, cells
from tests.reliability.faulty import Met, Worlds, meet, remove_doubles, short_waits
from tests.reliability.invariants import no_secret

BY_NAME = {name: fault for group in FAULTS.values() for name, fault in group.items()}
FAST = {
    *("pim-login-token", "crm-login-429", "stale-less", "page-half", "page-moves", "write-lost", "write-day"),
    *("insert-reset", "file-half", "upload-html", "close-gone", "results-fails"),
}
"""Cells that every run of the tests looks at; `.ci/run` looks at all of them."""


def cases() -> Iterator[object]:
    for step, fault, letter in cells():
        if letter in EXPECTED:
            name = f"{step}-{fault}"
            marks = [] if name in FAST else [pytest.mark.slow]
            yield pytest.param(step, fault, letter, id=name, marks=marks)


@pytest.fixture(scope="module")
def worlds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worlds]:
    opened = Worlds(tmp_path_factory.mktemp("worlds"))
    with short_waits():
        yield opened
        opened.close()


def test_no_cell_is_missing() -> None:
    found = [(step, fault) for step, fault, _ in cells()]
    assert sorted(found) == sorted((step, fault) for step in STEPS for fault in BY_NAME)
    letters = {letter for _, _, letter in cells()}
    assert letters == {*EXPECTED, *REASONS}, "each letter is explained, and used"
    assert {f"{step}-{fault}" for step, fault in found} > FAST


@pytest.mark.parametrize(("step", "fault", "letter"), list(cases()))
def test_nothing_is_lost_or_doubled_by_a_fault(worlds: Worlds, step: str, fault: str, letter: str) -> None:
    where, what, expected = STEPS[step], BY_NAME[fault], EXPECTED[letter]
    with worlds.of(where.shape, last="deleted" in what.names) as world:
        more = {"N": {"at_least": expected.further}, "D": {"after": remove_doubles}}.get(letter, {})
        met = meet(world, where, what, worlds.before(where, world), **more)  # type: ignore[arg-type]
        no_secret(world, met.done.out, met.done.err)
    assert met.happened >= len(what.names), "the fault did not happen"
    assert met.done.code in expected.codes, met.done.err
    assert met.further <= expected.further
    assert met.seconds >= expected.seconds
    assert expected.says in met.shown, met.shown
    if 0 in expected.codes:
        return
    if expected.codes != (4,) and not where.writes:
        assert not met.touched, "nothing is written"
    says_why(met, where.connection, letter)


def says_why(met: Met, connection: str, letter: str) -> None:
    """What went wrong, where, and what to do next."""
    if letter in "EU":
        said, hint = re.search(r"^Error: (.*)\n  (.*)", met.done.err, re.MULTILINE).groups()  # type: ignore[union-attr]
        assert re.match(f"connection .{connection}.: ", said), said
        assert hint.strip()
    elif letter in "FQLR":
        assert "NOT ALL" in met.done.err
        assert "sync-engine transfers show" in met.done.err
