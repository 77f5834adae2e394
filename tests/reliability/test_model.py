"""Anything in any order, and all invariants; see ``model``. A failure prints the steps that lead to it."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test
from tests.conftest import Figure
from tests.journeys.crashing import Crashing
from tests.reliability.invariants import Violated
from tests.reliability.killing import KILLED
from tests.reliability.model import Model

from sync_engine.ledger.store import Ledger

ANY = (0, 4, 7, None, KILLED)
"""Done; done but for rejected records; refused because of another one; stopped; killed."""
relaxed = settings(
    phases=[Phase.generate],  # an example takes seconds: shrinking would take minutes
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)


def play(processes: Crashing, figure: Figure, given: settings, drawn_by: str, *ends: int | None) -> None:
    """Play sequences that are always the same; they are of use only where commands ended in these ways, too."""
    seen: Counter[str] = Counter()

    def model() -> Model:
        return Model(processes, seen=lambda each: seen.update([each]))

    run_state_machine_as_test(seed(drawn_by)(model), settings=given)
    assert seen.keys() >= {f"apply ended by {each}" for each in ends}, seen
    ways = ", ".join(f"{count} {name}" for name, count in seen.most_common())
    figure("commands of the stateful model", seen.total(), f"{ways}; 0 violated")


def forget_what_is_under_way() -> None:
    """Breaks the engine: a run does not look for what a dead one was about to write."""
    Ledger.batches_left = lambda *_: []  # type: ignore[assignment, method-assign]


@pytest.mark.slow
def test_an_engine_without_recovery_is_found_out(processes: Crashing) -> None:
    with pytest.raises(Violated, match="the books balance"):
        run_state_machine_as_test(
            lambda: Model(processes, change=f"{__name__}:forget_what_is_under_way"),
            settings=settings(relaxed, max_examples=10, stateful_step_count=20),
        )


def test_anything_in_any_order_comes_to_what_the_pim_holds(processes: Crashing, figure: Figure) -> None:
    play(processes, figure, settings(relaxed, max_examples=2, stateful_step_count=12), "b", KILLED)


@pytest.mark.slow
def test_many_things_in_any_order_come_to_what_the_pim_holds(processes: Crashing, figure: Figure) -> None:
    play(processes, figure, settings(relaxed, max_examples=8, stateful_step_count=20), "b", *ANY)


@pytest.mark.soak
@pytest.mark.parametrize("part", range(5))
def test_everything_in_any_order_comes_to_what_the_pim_holds(
    processes: Crashing, figure: Figure, pytestconfig: pytest.Config, part: int
) -> None:
    """The same each time, and others with another ``--hypothesis-seed``."""
    drawn_by = f"{pytestconfig.getoption('--hypothesis-seed')} {part}"
    play(processes, figure, settings(relaxed, max_examples=20, stateful_step_count=40), drawn_by, KILLED)
