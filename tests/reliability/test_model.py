"""Anything in any order, and all invariants; see ``model``. A failure prints the steps that lead to it."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from tests.conftest import Figure
from tests.journeys.crashing import Crashing
from tests.reliability.invariants import Violated
from tests.reliability.model import Model

from sync_engine.ledger.store import Ledger

relaxed = settings(
    phases=[Phase.generate],  # an example takes seconds: shrinking would take minutes
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)


def play(processes: Crashing, figure: Figure, given: settings) -> None:
    seen: Counter[str] = Counter()
    run_state_machine_as_test(lambda: Model(processes, seen=lambda each: seen.update([each])), settings=given)
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
    play(processes, figure, settings(relaxed, max_examples=2, stateful_step_count=8))


@pytest.mark.slow
def test_many_things_in_any_order_come_to_what_the_pim_holds(processes: Crashing, figure: Figure) -> None:
    play(processes, figure, settings(relaxed, max_examples=8, stateful_step_count=20))


@pytest.mark.soak
def test_everything_in_any_order_comes_to_what_the_pim_holds(processes: Crashing, figure: Figure) -> None:
    play(processes, figure, settings(relaxed, max_examples=100, stateful_step_count=40, derandomize=False))
