"""``apply``: write what a plan says, and account for every record."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from types import MappingProxyType

import click
import orjson

from sync_engine.catalog.model import Catalog, Project
from sync_engine.cli.approval import (
    Overrides,
    allow_option,
    approve_option,
    check_digest,
    check_options,
    pass_gates,
    reason_option,
)
from sync_engine.cli.console import Console, Meter
from sync_engine.cli.notifying import Transfers, notifying
from sync_engine.cli.plan import changed_option, make_plan, print_plan, streams_option
from sync_engine.cli.recording import gates_logged, recorded
from sync_engine.cli.saved import judge_again, refuse_comparison, refuse_stale, same_environment, still_valid
from sync_engine.cli.session import Connections, load, locked_state
from sync_engine.cli.stopping import stopping
from sync_engine.cli.taking_up import take_up
from sync_engine.compiler.compiled import CompiledCatalog
from sync_engine.ledger.records import Mark, utc_now
from sync_engine.ledger.store import Ledger
from sync_engine.planner.dependencies import digests_of
from sync_engine.planner.plan_file import PlanFile, read_plan
from sync_engine.planner.proof import last_look
from sync_engine.report.transfers import flapping_data, flapping_lines, summary_line
from sync_engine.report.values import plural
from sync_engine.sdk.errors import PlanStale, SyncEngineError
from sync_engine.sdk.source import Source, TellsTime
from sync_engine.sdk.target import TargetSchema
from sync_engine.snapshots import to_text
from sync_engine.transfer.run import TransferResult, apply_catalog
from sync_engine.transfer.stale import Recheck

REJECTED = 4


@click.command()
@click.argument("plan_or_catalogs", nargs=-1)
@streams_option
@changed_option
@click.option("--yes", is_flag=True, help="Do not ask.")
@approve_option
@allow_option
@reason_option
@click.option("--scheduled", is_flag=True, help="Only what is due by the catalogs' schedules, each run once.")
@click.option("--strict", is_flag=True, help="Write nothing of a saved plan if any of its records has changed since.")
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON.")
@click.pass_obj
def apply(
    console: Console,
    plan_or_catalogs: tuple[str, ...],
    streams: str | None,
    changed: bool | None,
    yes: bool,
    approve: str | None,
    allowed: tuple[str, ...],
    reason: str | None,
    scheduled: bool,
    strict: bool,
    as_json: bool,
) -> int:
    """Write the changes: of a saved plan FILE, or of CATALOGS (all by default) planned now.

    A plan made now is shown, and you are asked before anything is written (--yes or --approve answers). Of a saved
    plan only those records are written that still are as the plan saw them; the others are reported as stale.

    With --scheduled, a catalog is left alone unless a run of its schedule is due, which nobody else has taken: for cron
    and the like, see `sync-engine schedule export`.
    """
    saved = len(plan_or_catalogs) == 1 and Path(plan_or_catalogs[0]).is_file() and _is_plan(Path(plan_or_catalogs[0]))
    if saved and streams is not None:
        raise click.UsageError("a saved plan already says which streams; leave out --streams")
    if saved and changed is not None:
        raise click.UsageError("a saved plan has been made already; leave out --changed and --all")
    if strict and not saved:
        raise click.UsageError("--strict is for a saved plan; a plan made now has seen the records just now")
    check_options(allowed, reason, pinned=saved or approve is not None)
    order = Order(plan_or_catalogs, streams, changed, yes, approve, allowed, reason, show=not as_json)
    if scheduled:
        if saved or approve is not None or streams is not None:
            raise click.UsageError(
                "a scheduled run plans its whole catalog now; leave out FILE, --approve and --streams"
            )
        from sync_engine.cli.scheduled import apply_scheduled

        return apply_scheduled(console, order, as_json=as_json)
    with notifying(console, () if saved else plan_or_catalogs) as told:
        if saved:
            file = read_plan(Path(plan_or_catalogs[0]))
            refuse_comparison(file)
            told.under_way = tuple(each.name for each in file.catalogs)
            check_digest(file, approve)
            project, catalogs = load(console, told.under_way)
            same_environment(file.environment, project.environment)
            with Connections(project, console) as connections, locked_state(project, catalogs, console) as ledger:
                take_up(console, catalogs, connections, ledger)
                compiled = still_valid(file, catalogs, connections)
                rechecks = rechecks_of(compiled, connections, everything=True)
                file = judge_again(file, project, catalogs, connections)
                described = described_by(compiled)
                with gates_logged(console, file, catalogs, connections, ledger, described, "command"):
                    passed = pass_gates(file, allowed, reason, f"sync-engine apply {plan_or_catalogs[0]}")
                if strict:
                    refuse_stale(file, catalogs, connections, rechecks)
                results = transfer_all(console, ledger, catalogs, connections, file, rechecks, passed, told)
        else:
            project, catalogs = load(console, plan_or_catalogs)
            with Connections(project, console) as connections, locked_state(project, catalogs, console) as ledger:
                results = transfer_now(console, project, catalogs, connections, ledger, order, told)
    return report_results(console, results, as_json=as_json)


@dataclass(frozen=True, slots=True)
class Order:
    """What is asked of a transfer that is planned now.

    Attributes:
        names, streams, changed, yes, approve, allowed, reason: arguments and options of ``apply``.
        show: whether the plan is printed.
        trigger: who or what asks.
    """

    names: tuple[str, ...] = ()
    streams: str | None = None
    changed: bool | None = None
    yes: bool = False
    approve: str | None = None
    allowed: tuple[str, ...] = ()
    reason: str | None = None
    show: bool = True
    trigger: str = "command"

    @property
    def command(self) -> str:
        """What asks for the same again."""
        streams = ("--streams", self.streams) if self.streams else ()
        read = () if self.changed is None else ("--changed" if self.changed else "--all",)
        return " ".join(("sync-engine apply", *self.names, *streams, *read))


def transfer_now(
    console: Console,
    project: Project,
    catalogs: Sequence[Catalog],
    connections: Connections,
    ledger: Ledger,
    order: Order,
    told: Transfers,
) -> list[TransferResult]:
    """Plan catalogs and write what the plan says; the catalogs are locked.

    Raises:
        SyncEngineError: it was refused before anything was written, or a transfer could not go on.
    """
    with tempfile.TemporaryDirectory(prefix="sync-engine-") as folder:
        take_up(console, catalogs, connections, ledger)
        began = utc_now()
        made = Path(folder) / "plan"
        file, compiled = make_plan(console, project, catalogs, connections, made, order.streams, changed=order.changed)
        if order.show:
            print_plan(console, file, "text", 5)
        check_digest(file, order.approve)
        again = f"{order.command} --approve {file.digest}"
        described = described_by(compiled)
        with gates_logged(console, file, catalogs, connections, ledger, described, order.trigger):
            passed = pass_gates(file, order.allowed, order.reason, again)
        if any(each.summary.changes for each in file.catalogs) and not order.yes and order.approve is None:
            ask()
        rechecks = rechecks_of(compiled, connections, everything=False)
        marks = {
            each.catalog.name: Mark(began, dependencies=digests_of(each), target=to_text(each.target_schema))
            for each in compiled
        }
        return transfer_all(
            *(console, ledger, catalogs, connections, file, rechecks, passed, told),
            trigger=order.trigger,
            marks={} if order.streams else marks,
        )


def _is_plan(path: Path) -> bool:
    return path.suffix not in (".yaml", ".yml")


def ask() -> None:
    """Let a person confirm.

    Raises:
        UsageError: nobody is there.
        Abort: they do not.
    """
    if not sys.stdin.isatty():
        raise click.UsageError("nobody is there to confirm; add --yes, or save a plan with --out and apply that file")
    click.confirm("Write these changes?", abort=True, err=True)


def rechecks_of(
    compiled: Sequence[CompiledCatalog], connections: Connections, *, everything: bool
) -> dict[str, Recheck]:
    """By catalog, how its records are looked at again before they are written."""
    made = {}
    for each in compiled:
        source, target = connections.source(each.catalog.source), connections.target(each.catalog.target)
        made[each.catalog.name] = Recheck(each.target_schema, last_look(each, source, target), everything)
    return made


def described_by(compiled: Sequence[CompiledCatalog]) -> dict[str, TargetSchema]:
    """By catalog, what its target describes."""
    return {each.catalog.name: each.target_schema for each in compiled}


def transfer_all(
    console: Console,
    ledger: Ledger,
    catalogs: Sequence[Catalog],
    connections: Connections,
    file: PlanFile,
    rechecks: Mapping[str, Recheck],
    passed: Overrides,
    told: Transfers,
    *,
    trigger: str = "command",
    whole: bool = True,
    marks: Mapping[str, Mark] = MappingProxyType({}),
) -> list[TransferResult]:
    """Apply the plans of a file one after the other; see ``transfer.run.apply_catalog`` for the last three.

    ``marks`` are by catalog, and by the clock of this machine here.
    """
    by_name = {each.name: each for each in catalogs}
    results = []
    meter = Meter()
    with stopping() as stop:
        for planned in file.catalogs:
            catalog = by_name[planned.name]
            told.under_way = (planned.name,)
            source, target = connections.source(catalog.source), connections.target(catalog.target)
            recheck = rechecks[planned.name]
            try:
                with recorded(console, catalog, connections, ledger, recheck.described):
                    done = apply_catalog(
                        file,
                        planned,
                        target,
                        ledger,
                        catalog.log,
                        meter,
                        recheck,
                        source.open_media,
                        stop=stop,
                        trigger=trigger,
                        whole=whole,
                        overrides=passed.get(planned.name, ()),
                        back=catalog.read_back,
                        mark=_by_its_clock(source, marks.get(planned.name)),
                    )
                results.append(done)
                told.finished(done)
            except SyncEngineError:
                meter.clear()
                for each in results:
                    console.say(done_line(each, console))
                raise
            finally:
                meter.clear()
    return results


def _by_its_clock(source: Source, mark: Mark | None) -> Mark | None:
    """A mark by the clock of a source: only that can be compared with when its records were changed."""
    if mark is None or not isinstance(source, TellsTime):
        return mark
    return replace(mark, read_from=(datetime.fromisoformat(mark.read_from) + source.ahead).isoformat())


def done_line(result: TransferResult, console: Console) -> str:
    """How one transfer ended."""
    return f"Transfer {result.id} of {result.catalog}: {summary_line(result.summary, console.paint)}."


def report_results(console: Console, results: list[TransferResult], *, as_json: bool) -> int:
    """Print how transfers ended, and what is not done last; returns the exit code."""
    if as_json:
        transfers = [
            {
                "id": each.id,
                "catalog": each.catalog,
                "status": each.status,
                "summary": each.summary,
                "flapping": [flapping_data(asdict(one)) for one in each.flapping],
            }
            for each in results
        ]
        console.out(orjson.dumps({"version": 1, "transfers": transfers}, option=orjson.OPT_INDENT_2).decode())
    else:
        for each in results:
            console.out(done_line(each, console))
    for each in results:
        for line in flapping_lines([asdict(one) for one in each.flapping]):
            console.say(line, colour="yellow")
        if each.unread:
            console.say(f"What {each.id} wrote could not be read back: {each.unread}", colour="yellow")
    rejected = sum(each.summary["rejected"] for each in results)
    look = "; ".join(f"sync-engine transfers show {each.id}" for each in results if each.summary["rejected"])
    stale = sum(each.summary["stale"] for each in results)
    if rejected:
        count = plural(rejected, "record")
        console.say(f"Finished, but NOT ALL: {count} rejected; {look}", colour="red")
        return REJECTED
    if stale:
        console.say(
            f"Finished, but NOT ALL: {plural(stale, 'record')} stale and not written; make a new plan.", colour="yellow"
        )
        return PlanStale.exit_code
    return 0
