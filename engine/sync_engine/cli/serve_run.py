"""``serve-run``: one catalog in a process of its own, as ``serve`` starts it; what has happened is not repeated.

Whether there is anything to do is decided while the catalog is locked, so of several processes that see the same
change one transfers it, and one that dies before the end leaves it to the next.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

import click
import orjson

from sync_engine.cli.apply import REJECTED, Order, transfer_now
from sync_engine.cli.console import Console
from sync_engine.cli.notifying import Transfers, notifying, whole_message
from sync_engine.cli.session import Connections, load, locked_state
from sync_engine.cli.taking_up import take_up
from sync_engine.ledger.records import ServedCatalog, Status, utc_now
from sync_engine.ledger.store import Ledger
from sync_engine.sdk.errors import GateTripped, Interrupted, Locked, SyncEngineError, Unavailable
from sync_engine.transfer.run import TransferResult

VERSION = 1
GATE = "gate"
"""Outcome of a change that a gate kept from being written."""


@dataclass(slots=True)
class Claim:
    """What is to be done once, whoever sees that it is to be done.

    Attributes:
        meaning: what the catalog is to be transferred for; empty when it has not changed.
        instead_of: what it was transferred for when the change was seen; another meaning since means that somebody
            else is further.
        revision: in which the change is.
        due: run of its schedule; None when none is due.
    """

    catalog: str
    meaning: str
    instead_of: str
    revision: str
    due: datetime | None

    def take(self, ledger: Ledger) -> bool:
        """Whether any of it is still to be done; the catalog is locked. What is not is forgotten."""
        last = ledger.served().get(self.catalog)
        if (last.meaning if last else "") != self.instead_of:
            self.meaning = ""
        if self.due is not None and not ledger.claim_run(self.catalog, self.due):
            self.due = None
        return bool(self.meaning) or self.due is not None

    def settle(self, ledger: Ledger, outcome: str, message: str = "") -> None:
        """Note how it ended, so that it is not done again."""
        if self.meaning:
            now = utc_now()
            ledger.keep_served(ServedCatalog(self.catalog, self.meaning, self.revision, outcome, message, now))
        if self.due is not None:
            ledger.finish_run(self.catalog, self.due, Status.FAILED if outcome == GATE else outcome)


@dataclass(slots=True)
class Done:
    """What came of it, as ``serve`` is told."""

    results: list[TransferResult] = field(default_factory=list)
    error: SyncEngineError | None = None


@click.command("serve-run", hidden=True)
@click.argument("catalog")
@click.option("--meaning", default="")
@click.option("--instead-of", default="")
@click.option("--revision", default="")
@click.option("--due", type=datetime.fromisoformat)
@click.option("--trigger", default="change")
@click.option("--take-up", "only_take_up", is_flag=True)
@click.pass_obj
def serve_run(
    console: Console,
    catalog: str,
    meaning: str,
    instead_of: str,
    revision: str,
    due: datetime | None,
    trigger: str,
    only_take_up: bool,
) -> int:
    """Transfer CATALOG for what `sync-engine serve` has found to do, and print how that ended as JSON."""
    claim, done = Claim(catalog, meaning, instead_of, revision, due), Done()
    try:
        with notifying(console, (catalog,)) as told:
            return _run(console, claim, trigger, told, done, only_take_up=only_take_up)
    except SyncEngineError as error:
        done.error = error
        raise
    finally:
        console.out(orjson.dumps(_report(done)).decode())


def _run(console: Console, claim: Claim, trigger: str, told: Transfers, done: Done, *, only_take_up: bool) -> int:
    project, catalogs = load(console, [claim.catalog])
    try:
        with Connections(project, console) as connections, locked_state(project, catalogs, console) as ledger:
            if only_take_up:
                take_up(console, catalogs, connections, ledger)
                return 0
            if not claim.take(ledger):
                return 0
            order = Order((claim.catalog,), yes=True, show=False, trigger=trigger)
            with _settling(claim, ledger):
                done.results += transfer_now(console, project, catalogs, connections, ledger, order, told)
            (result,) = done.results
            claim.settle(ledger, result.status)
            return REJECTED if result.status is Status.REJECTED else 0
    except Locked as error:  # somebody else is at work, which is nothing to tell anybody of
        done.error = error
        console.say(error.message, hint=error.hint)
        return error.exit_code


@contextlib.contextmanager
def _settling(claim: Claim, ledger: Ledger) -> Iterator[None]:
    """Note an end that only a person can change; what may go better the next time is left to do."""
    try:
        yield
    except (Unavailable, Interrupted, Locked):
        raise
    except GateTripped as error:
        claim.settle(ledger, GATE, error.message)
        raise
    except SyncEngineError as error:
        claim.settle(ledger, Status.FAILED, whole_message(error))
        raise
    except Exception as error:
        claim.settle(ledger, Status.FAILED, f"sync-engine itself failed ({type(error).__name__})")
        raise


def _report(done: Done) -> dict[str, object]:
    costs = ("source_requests", "target_requests", "requests_remaining")
    return {
        "version": VERSION,
        "transfers": [
            {
                "id": each.id,
                "status": each.status,
                "summary": each.summary,
                "cost": {name: getattr(each.cost, name) for name in costs},
            }
            for each in done.results
        ],
        "error": whole_message(done.error) if done.error else None,
        "hint": done.error.hint if done.error else None,
    }
