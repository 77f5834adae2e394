"""What a plan takes, and whether the project's budget has room for it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from sync_engine.catalog.model import PlanBudget
from sync_engine.planner.batches import Way
from sync_engine.planner.plan import Cost, Gate, Summary
from sync_engine.planner.proof import MOST_KEYS

ROWS_READ_AGAIN = 200
"""Records of the target that are read again by one request before they go."""


def cost_of(pages: int, streams: Iterable[tuple[Summary, Sequence[Way]]], *, recorded: bool) -> Cost:
    """What streams take, without what only the services can say.

    Args:
        pages: that were read.
        streams: counts and batches of each.
        recorded: whether the transfer's record is written into the target, too.
    """
    batches: Counter[str] = Counter()
    source, target = 0, int(recorded)
    seconds = 0.0
    for summary, ways in streams:
        for way in ways:
            batches[way.mode] += way.batches
            target += way.requests
            seconds += way.seconds
        doomed = summary.delete + summary.deactivate
        target += -(-doomed // ROWS_READ_AGAIN)
        source += -(-doomed // MOST_KEYS)
    return Cost(pages, dict(sorted(batches.items())), target, source, seconds)


def judge_budget(budget: PlanBudget, costs: Sequence[tuple[str, Cost]]) -> tuple[Gate, ...]:
    """What the project allows a plan to take, and what it takes.

    Args:
        budget: the project's.
        costs: of each catalog, with the name of its target's connection.
    """
    return tuple(_gates(budget, costs))


def _gates(budget: PlanBudget, costs: Sequence[tuple[str, Cost]]) -> Iterator[Gate]:
    if budget.max_source_requests is not None:
        asked = sum((each.source_requests or 0) + each.source_requests_to_apply for _, each in costs)
        yield _gate("max_source_requests", budget.max_source_requests, asked, "requests")
    if budget.max_target_requests is not None:
        sent = sum(each.target_requests for _, each in costs)
        yield _gate("max_target_requests", budget.max_target_requests, sent, "requests")
    if budget.max_minutes is not None:
        minutes = sum(each.seconds for _, each in costs) / 60
        limit = budget.max_minutes
        yield Gate("budget.max_minutes", f"{limit}", f"about {minutes:.1f} minutes", minutes > limit)
    if budget.max_daily_limit_percent is not None:
        for connection in dict.fromkeys(name for name, _ in costs):
            of_one = [each for name, each in costs if name == connection]
            left = min(
                (each.requests_remaining for each in of_one if each.requests_remaining is not None), default=None
            )
            if left is None:
                continue
            sent = sum(each.target_requests for each in of_one)
            tripped = sent * 100 > budget.max_daily_limit_percent * left
            found = f"{connection}: {sent:,} of {left:,} requests left today"
            yield Gate("budget.max_daily_limit_percent", f"{budget.max_daily_limit_percent} %", found, tripped)


def _gate(name: str, limit: int, found: int, unit: str) -> Gate:
    return Gate(f"budget.{name}", f"{limit:,}", f"{found:,} {unit}", found > limit)
