"""Records of transfers in the target, where a catalog wants them; that one cannot be written never stops a transfer."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence

from sync_engine.catalog.model import Catalog
from sync_engine.cli.console import Console
from sync_engine.cli.session import Connections, describe_target
from sync_engine.compiler.transfer_record import record_form
from sync_engine.ledger.records import Status, TransferRecord
from sync_engine.ledger.store import Ledger
from sync_engine.planner.plan_file import PlanFile
from sync_engine.sdk.errors import GateTripped, Locked, SyncEngineError, Unavailable
from sync_engine.sdk.target import TargetSchema
from sync_engine.transfer.concluding import COUNTED
from sync_engine.transfer.recording import record_transfers


def record(
    console: Console,
    catalog: Catalog,
    connections: Connections,
    ledger: Ledger,
    described: TargetSchema | None = None,
) -> None:
    """Write what is due of a catalog's transfers, and say so when that does not work.

    Args:
        console: where it is said.
        catalog: it is locked.
        connections: has its target.
        ledger: knows what is due.
        described: what the target describes; it is asked if not given.
    """
    if not catalog.log.to:
        return
    try:
        due = ledger.unrecorded(catalog.name)
        refused = _write(console, catalog, due, connections, ledger, described) if due else {}
    except SyncEngineError as error:
        _say(console, catalog, f"its transfers: {error.message}")
        return
    if refused:
        newest = max(refused)
        more = f" (and {len(refused) - 1} more)" if len(refused) > 1 else ""
        _say(console, catalog, f"transfer {newest}{more}: {refused[newest]}")


def _write(
    console: Console,
    catalog: Catalog,
    due: Sequence[TransferRecord],
    connections: Connections,
    ledger: Ledger,
    described: TargetSchema | None,
) -> dict[str, str]:
    """By transfer, why its record could not be written."""
    target = connections.target(catalog.target)
    form, problems = record_form(catalog, described or describe_target(target, [catalog]))
    if form is not None:
        return record_transfers(form, due, target, ledger, console.mask.masked)
    ledger.keep_recorded([each.id for each in due], problems[0].message)
    return {each.id: problems[0].message for each in due}


def _say(console: Console, catalog: Catalog, what: str) -> None:
    console.say(
        f"NOT RECORDED in {catalog.log.to}: {catalog.name}, {what}",
        hint="It changes nothing of what was transferred; the next transfer of the catalog writes the record.",
        colour="yellow",
    )


@contextlib.contextmanager
def recorded(
    console: Console, catalog: Catalog, connections: Connections, ledger: Ledger, described: TargetSchema
) -> Iterator[None]:
    """Write the record of the transfer that happens inside, however it ends."""
    try:
        yield
    except (Unavailable, Locked):
        raise  # the target cannot be reached, or is somebody else's by now: the next transfer writes it
    except BaseException:
        record(console, catalog, connections, ledger, described)
        raise
    record(console, catalog, connections, ledger, described)


@contextlib.contextmanager
def gates_logged(
    console: Console,
    file: PlanFile,
    catalogs: Sequence[Catalog],
    connections: Connections,
    ledger: Ledger,
    described: Mapping[str, TargetSchema],
    trigger: str,
) -> Iterator[None]:
    """Keep in the log that a gate refused a plan inside; see ``recorded``."""
    try:
        yield
    except GateTripped as error:
        by_name = {each.name: each for each in catalogs}
        over = any(each.tripped for each in file.budget)
        for plan in file.catalogs:
            if over or plan.tripped:
                catalog = by_name[plan.name]
                transfer = ledger.begin(plan.name, file.digest, trigger, recorded=bool(catalog.log.to))
                ledger.finish(transfer, Status.GATED, dict.fromkeys(COUNTED, 0), error.message)
                record(console, catalog, connections, ledger, described[plan.name])
        raise
