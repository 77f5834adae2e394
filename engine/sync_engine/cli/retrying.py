"""``transfers resume`` and ``transfers retry``: what a transfer has left behind, and what it could not write."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import click

from sync_engine.catalog.model import Catalog, Project
from sync_engine.cli.apply import REJECTED, ask, described_by, rechecks_of, report_results, transfer_all
from sync_engine.cli.approval import pass_gates
from sync_engine.cli.console import Console
from sync_engine.cli.notifying import notifying
from sync_engine.cli.plan import make_plan, print_plan
from sync_engine.cli.recording import gates_logged
from sync_engine.cli.session import Connections, load, locked_state, open_state
from sync_engine.cli.taking_up import take_up
from sync_engine.ledger.records import TransferRecord
from sync_engine.ledger.store import Ledger
from sync_engine.planner.fingerprint import description_digest
from sync_engine.planner.narrowing import narrow
from sync_engine.planner.plan import Change, Rejection, StreamPlan
from sync_engine.planner.plan_file import PlanFile
from sync_engine.report.values import plural
from sync_engine.transfer.content import sent_digest

RETRY = "retry"
"""What starts a transfer of that kind."""


@click.command()
@click.argument("catalogs", nargs=-1)
@click.pass_obj
def resume(console: Console, catalogs: tuple[str, ...]) -> int:
    """Bring to its end what died transfers of CATALOGS (all by default) have under way, and account for it.

    `apply` begins with the same. Nothing new is sent: what they had not begun is in the next plan.
    """
    project, chosen = load(console, catalogs)
    with Connections(project, console) as connections, locked_state(project, chosen, console) as ledger:
        done = take_up(console, chosen, connections, ledger)
    if not done:
        console.say("Nothing is under way.")
        return 0
    failed = sum(each.counts.get("rejected", 0) for each in done)
    if failed:
        console.say(f"Finished, but NOT ALL: {plural(failed, 'record')} rejected or uncertain.", colour="red")
        return REJECTED
    console.say("`sync-engine apply` writes what is left.")
    return 0


@click.command()
@click.argument("id_", metavar="ID", default="last")
@click.option("--force", is_flag=True, help="Also send what would be the same again.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON.")
@click.pass_obj
def retry(console: Console, id_: str, force: bool, yes: bool, as_json: bool) -> int:
    """Send the records again that transfer ID rejected, or of which it is uncertain, and no others.

    ID may be shortened, and is the newest by default. A record goes only if something has changed since: its data,
    its mapping, or the fields of the target. What else may have changed in the target (a validation rule, a
    permission) cannot be seen from here: --force sends the same once more.
    """
    transfer, project, catalogs = _find(console, id_)
    with (
        notifying(console, (transfer.catalog,)) as told,
        Connections(project, console) as connections,
        locked_state(project, catalogs, console) as ledger,
        tempfile.TemporaryDirectory(prefix="sync-engine-") as folder,
    ):
        take_up(console, catalogs, connections, ledger)
        failed = _failed(ledger, transfer)
        if not failed:
            console.say(f"Transfer {transfer.id} has no rejected or uncertain records.")
            return 0
        whole, compiled = make_plan(console, project, catalogs, connections, Path(folder) / "whole", changed=False)
        with gates_logged(console, whole, catalogs, connections, ledger, described_by(compiled), RETRY):
            passed = pass_gates(whole, (), None, f"sync-engine apply {transfer.catalog}")
        file, left = _narrowed(console, whole, Path(folder) / "part", failed, force=force)
        if not any(each.summary.changes for each in file.catalogs):
            return _say_left(console, left)
        if not as_json:
            print_plan(console, file, "text", 5)
        if not yes:
            ask()
        rechecks = rechecks_of(compiled, connections, everything=False)
        results = transfer_all(
            *(console, ledger, catalogs, connections, file, rechecks, passed, told), trigger=RETRY, whole=False
        )
    code = report_results(console, results, as_json=as_json)
    return _say_left(console, left) if code == 0 else code


def _say_left(console: Console, left: int) -> int:
    """Say how many records are still not well, as the last line; returns the exit code."""
    if not left:
        return 0
    console.say(f"Finished, but NOT ALL: {plural(left, 'record')} still rejected.", colour="red")
    return REJECTED


def _find(console: Console, id_: str) -> tuple[TransferRecord, Project, tuple[Catalog, ...]]:
    project, _ = load(console)
    with open_state(project, console) as ledger:
        transfer = ledger.transfer(id_)
    return transfer, *load(console, [transfer.catalog])


def _failed(ledger: Ledger, transfer: TransferRecord) -> dict[tuple[str, str], str]:
    """By stream and key: the digest of what was sent; empty where nothing was, or where it may be sent again."""
    found = {(each.stream, each.key): each.sent for each in ledger.outcomes(transfer.id, "rejected")}
    return found | {(each.stream, each.key): "" for each in ledger.outcomes(transfer.id, "uncertain")}


def _narrowed(
    console: Console, whole: PlanFile, path: Path, failed: Mapping[tuple[str, str], str], *, force: bool
) -> tuple[PlanFile, int]:
    """The part of a plan that concerns these records, and how many of them it leaves alone that are not well."""
    (plan,) = whole.catalogs
    counts: Counter[str] = Counter()

    def send(stream: StreamPlan, change: Change) -> bool:
        name = next((each for each in (change.key, change.source_key) if (stream.name, each) in failed), None)
        if name is None:
            return False
        sent = failed[stream.name, name]
        same = sent == sent_digest(change, description_digest(plan.fingerprint, stream.name))
        counts["same" if same and not force else "sent"] += 1
        return force or not same

    def rejected(stream: StreamPlan, rejection: Rejection) -> bool:
        found = (stream.name, rejection.key) in failed or (stream.name, rejection.source_key) in failed
        counts["rejected"] += found
        return found

    file = narrow(whole, plan, path, send, rejected)
    settled = len(failed) - counts.total()
    console.say(
        f"Of {plural(len(failed), 'record')}: {counts['sent']:,} to send, {counts['same']:,} unchanged since and left "
        f"alone, {counts['rejected']:,} still rejected by the mapping, {settled:,} without anything to do."
    )
    if counts["same"]:
        console.say("  If something changed in the target that cannot be seen from here, add --force.")
    return file, counts["same"] + counts["rejected"]
