"""``apply --scheduled``: what is due, each run once, whoever asks and however often."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from sync_engine.catalog.model import Catalog, Project
from sync_engine.cli.apply import Order, report_results, transfer_now
from sync_engine.cli.console import Console
from sync_engine.cli.notifying import notifying
from sync_engine.cli.session import Connections, load, locked_state, open_state
from sync_engine.ledger.due import due_now
from sync_engine.ledger.store import Ledger
from sync_engine.schedule.model import Schedule
from sync_engine.schedule.runs import Run, next_run
from sync_engine.schedule.text import describe, local_text
from sync_engine.sdk.errors import Interrupted, Locked, Refused, SyncEngineError, Unavailable
from sync_engine.transfer.run import TransferResult

FAILED = "failed"


def apply_scheduled(console: Console, order: Order, *, as_json: bool) -> int:
    """Transfer the catalogs of which a run is due, one after the other; what one fails with does not stop the others.

    Args:
        console: where it is said what is due, and what is not.
        order: what is asked of each transfer; without names it is all catalogs that have a schedule.
        as_json: whether the outcome is printed as JSON.

    Raises:
        SyncEngineError: of the first catalog that failed.
    """
    project, catalogs = load(console, order.names)
    results: list[TransferResult] = []
    failures: list[SyncEngineError] = []
    for catalog, run in _due(console, project, catalogs, named=bool(order.names)):
        try:
            results += run_once(
                console, project, catalog, run, replace(order, names=(catalog.name,), trigger="schedule")
            )
        except Interrupted:
            raise
        except SyncEngineError as error:
            failures.append(error)
            if len(failures) > 1:  # the first one is said at the end
                console.say(f"Error: {catalog.name}: {error.message}", hint=error.hint, colour="red")
    code = report_results(console, results, as_json=as_json)
    if failures:
        raise failures[0]
    return code


def run_once(console: Console, project: Project, catalog: Catalog, run: Run, order: Order) -> list[TransferResult]:
    """Do a run of a catalog, unless somebody else has; nothing comes back then.

    It has happened when the transfer has ended, or was refused. When it was interrupted, or a service was unavailable,
    it stays due.

    Raises:
        SyncEngineError: see ``apply.transfer_now``, and ``Locked`` while somebody else writes to the same.
    """
    with (
        notifying(console, (catalog.name,)) as told,
        Connections(project, console) as connections,
        locked_state(project, [catalog], console) as ledger,
    ):
        if not ledger.claim_run(catalog.name, run.due):
            console.say(f"{catalog.name}: the run of {local_text(run.due, catalog.timezone)} has happened meanwhile.")
            return []
        try:
            results = transfer_now(console, project, [catalog], connections, ledger, order, told)
        except (Interrupted, Unavailable, Locked):
            raise
        except SyncEngineError:
            ledger.finish_run(catalog.name, run.due, FAILED)
            raise
        ledger.finish_run(catalog.name, run.due, results[0].status)
        return results


def _due(
    console: Console, project: Project, catalogs: Sequence[Catalog], *, named: bool
) -> Iterator[tuple[Catalog, Run]]:
    """The catalogs of which a run is due, as they start; of the others it is said why not."""
    begun = datetime.now(UTC)
    scheduled = sorted(_scheduled(catalogs, named=named), key=lambda each: _start(each[0], each[1], begun))
    for catalog, schedule in scheduled:
        _wait(console, catalog.name, _start(catalog, schedule, begun) - datetime.now(UTC))
        now = datetime.now(UTC)
        with open_state(project, console) as ledger:
            run = due_now(ledger, catalog.name, schedule, now, watching=False)
            if run is None:
                console.say(f"{catalog.name}: {_why_not(ledger, catalog, schedule, now)}")
        if run is not None:
            yield catalog, run


def _start(catalog: Catalog, schedule: Schedule, now: datetime) -> datetime:
    """When a run starts that is due and held back by its jitter; now, where there is none."""
    following = next_run(schedule, catalog.name, now)
    return following.at if following is not None and following.due <= now else now


def _wait(console: Console, name: str, left: timedelta) -> None:
    if left > timedelta():
        console.say(f"{name}: starts in {left.total_seconds():.0f} s, for its `jitter`")
        time.sleep(left.total_seconds())


def _scheduled(catalogs: Sequence[Catalog], *, named: bool) -> Iterator[tuple[Catalog, Schedule]]:
    for each in catalogs:
        if each.schedule is not None:
            yield each, each.schedule
        elif named:
            raise Refused(
                f"the catalog {each.name} has no schedule, so no run of it is ever due",
                hint="Write `schedule:` in the catalog, or leave out --scheduled.",
            )


def _why_not(ledger: Ledger, catalog: Catalog, schedule: Schedule, now: datetime) -> str:
    paused = ledger.pauses().get(catalog.name)
    if paused is not None:
        return f"paused by {paused.who} since {paused.since}: {paused.reason}"
    if schedule.blacked_out(now):
        return "nothing starts now, in a blackout window"
    following = next_run(schedule, catalog.name, now)
    when = "there is none any more" if following is None else f"next {local_text(following.at, schedule.timezone)}"
    return f"no run is due; {describe(schedule)}, {when}"
