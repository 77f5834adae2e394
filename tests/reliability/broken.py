"""Engines that are broken on purpose, each by a function that changes the engine in the process that calls it.

They are called in processes of their own (``Crashing.changed``), before these run a command.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any


def watermark_before_ledger() -> None:
    """A transfer notes that everything has arrived when it begins."""
    from sync_engine.cli import apply
    from sync_engine.ledger.store import Ledger

    begin, transfer_catalog = Ledger.begin, apply.apply_catalog

    def apply_catalog(*given: Any, mark: Any = None, **named: Any) -> Any:
        def begin_complete(ledger: Ledger, catalog: str, *given: Any, **named: Any) -> str:
            transfer = begin(ledger, catalog, *given, **named)
            ledger.complete(transfer, catalog, mark, whole=True)
            return transfer

        Ledger.begin = begin_complete  # type: ignore[method-assign]
        return transfer_catalog(*given, mark=mark, **named)

    apply.apply_catalog = apply_catalog


def effect_before_intent() -> None:
    """The journal is written when the target has answered."""
    from sync_engine.transfer import run, sending

    class Later:
        def __init__(self) -> None:
            self.calls: list[tuple[str, tuple[Any, ...]]] = []

        def pack(self, *given: Any) -> None:
            self.calls.append(("pack", given))

        def journal(self, *given: Any) -> None:
            self.calls.append(("journal", given))

    def send(carried: Any, transfer: str, target: Any, ledger: Any, *given: Any) -> Any:
        later = Later()
        results = sending.send(carried, transfer, target, later, *given)  # type: ignore[arg-type]
        for name, told in later.calls:
            getattr(ledger, name)(*told)
        return results

    run.send = send


def no_recovery() -> None:
    """What a dead transfer left behind is nobody's."""
    from sync_engine.cli import taking_up

    taking_up.recover = lambda *_: iter(())  # type: ignore[assignment]


def no_fence() -> None:
    """A lease that ran out still counts."""
    from sync_engine.ledger.locks import Lease

    Lease.renew = lambda *_: None  # type: ignore[method-assign, assignment]


def believed_empty() -> None:
    """A source that cannot be read has no records, and no gate asks why."""
    from sync_engine.planner import gates
    from sync_engine.sdk.errors import SyncEngineError
    from sync_engine_akeneo.source import AkeneoSource

    read = AkeneoSource.read

    def read_or_not(*given: Any) -> Iterator[Any]:
        with suppress(SyncEngineError):
            yield from read(*given)

    AkeneoSource.read = read_or_not  # type: ignore[method-assign, assignment]
    gates._expected = lambda *_: iter(())


def no_last_look() -> None:
    """What a list of the source did not have is gone."""
    from sync_engine.cli import apply

    def last_look(*_: Any) -> Callable[[str, Sequence[Any]], Mapping[str, Any]]:
        return lambda *_: {}

    apply.last_look = last_look


def inserts_again() -> None:
    """An insert that was not answered is sent again."""
    from sync_engine_salesforce.session import OrgSession

    OrgSession.make = OrgSession.call  # type: ignore[method-assign]


def results_by_position() -> None:
    """The first row of a file of results is about the first row that was sent."""
    from sync_engine_salesforce.bulk_results import _Waiting

    def take(waiting: _Waiting, _: str) -> Any:
        return next((same.popitem()[1] for same in waiting._rows.values() if same), None)

    _Waiting.take = take  # type: ignore[method-assign]


def no_comparison() -> None:
    """What a saved plan saw is not compared with what is there."""
    from sync_engine.transfer import stale

    stale._differences = lambda *_: ()  # type: ignore[assignment]


def no_normal_form() -> None:
    """Values are compared as the PIM has them, not as the org would hold them."""
    from sync_engine_salesforce.target import SalesforceTarget

    SalesforceTarget.normal_form = lambda _, __, value: value  # type: ignore[method-assign, assignment]


def time_in_plans() -> None:
    """A plan says when it was made."""
    from sync_engine.planner import plan_file

    plan_file.__version__ = f"{plan_file.__version__} at {time.time_ns()}"


def tells_secrets() -> None:
    """The ledger keeps what a transfer logged in with."""
    from sync_engine.ledger.store import Ledger

    finish = Ledger.finish

    def finish_telling(ledger: Ledger, *given: Any) -> None:
        finish(ledger, *given[:3], os.environ["CRM_SECRET"])

    Ledger.finish = finish_telling  # type: ignore[method-assign]


def takes_anything_for_success() -> None:
    """An answer that nobody understands is a good one."""
    from sync_engine.sdk.errors import BrokenContract
    from sync_engine_salesforce import composite
    from sync_engine_salesforce.rows import written

    send = composite.send

    def send_boldly(session: Any, described: Any, batch: Any) -> Any:
        try:
            return send(session, described, batch)
        except BrokenContract:
            return [written(row, batch.operation, "0" * 18, created=True) for row in batch.rows]

    composite.send = send_boldly
