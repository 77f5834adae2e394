"""What is coming: from the schedules of the catalogs, and from what their transfers took so far."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from sync_engine.catalog.model import Catalog, PlanBudget
from sync_engine.ledger.locks import lock_names
from sync_engine.ledger.records import Effort
from sync_engine.ledger.store import Ledger
from sync_engine.report.schedule import Outlook, Planned
from sync_engine.schedule.outlook import Expected, collisions, coming, days
from sync_engine.schedule.runs import next_run


def look_ahead(
    ledger: Ledger,
    catalogs: Sequence[Catalog],
    budget: PlanBudget,
    now: datetime,
    until: datetime,
    limits: Mapping[str, int],
) -> Outlook:
    """All runs up to a moment, with what they collide with and ask of the services.

    Args:
        ledger: knows the transfers so far.
        catalogs: whose runs.
        budget: of the project.
        now: the present moment.
        until: up to when.
        limits: requests a day that each target allows, as far as it was asked.
    """
    planned = planned_of(ledger, catalogs, now, budget)
    expected = list(_expected(catalogs, {each.name: each for each in planned}))
    runs = list(coming(expected, now, until))
    return Outlook(until, planned, runs, collisions(expected, runs), days(expected, runs), limits)


def planned_of(
    ledger: Ledger,
    catalogs: Sequence[Catalog],
    now: datetime,
    budget: PlanBudget = PlanBudget(),  # noqa: B008 - frozen
) -> list[Planned]:
    """What the ledger and the schedules say of the next run of each catalog."""
    pauses = ledger.pauses()
    found = []
    for each in catalogs:
        paused, effort = pauses.get(each.name), ledger.usual_effort(each.name)
        following = next_run(each.schedule, each.name, now) if each.schedule and not paused else None
        last = ledger.last_scheduled_run(each.name)
        over = tuple(_over(budget, effort))
        found.append(Planned(each.name, each.schedule, following, last, paused, effort, over))
    return found


def _over(budget: PlanBudget, effort: Effort) -> Iterator[str]:
    limits = (
        ("max_source_requests", budget.max_source_requests, effort.source_requests),
        ("max_target_requests", budget.max_target_requests, effort.target_requests),
    )
    for name, limit, count in limits:
        if limit is not None and count is not None and count > limit:
            yield f"about {count:,} requests, budget.{name} is {limit:,}"


def _expected(catalogs: Sequence[Catalog], planned: Mapping[str, Planned]) -> Iterator[Expected]:
    for each in catalogs:
        if each.schedule is None or planned[each.name].paused:
            continue
        effort = planned[each.name].effort
        asked = ((each.source, effort.source_requests), (each.target, effort.target_requests))
        yield Expected(
            each.name,
            each.schedule,
            lock_names([each]),
            {connection: count for connection, count in asked if count is not None},
            timedelta(seconds=effort.seconds or 0),
        )
