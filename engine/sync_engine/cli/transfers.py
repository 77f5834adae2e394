"""``transfers``: what was transferred, what was rejected and why, and the way back."""

from __future__ import annotations

import tempfile
from functools import partial
from itertools import chain
from pathlib import Path

import click
import orjson

from sync_engine.catalog.model import LogPolicy
from sync_engine.catalog.parse import MEGABYTE
from sync_engine.cli.console import Console
from sync_engine.cli.plan import format_option, print_plan, save, show_option
from sync_engine.cli.retrying import resume, retry
from sync_engine.cli.session import Connections, compile_live, load, open_state
from sync_engine.ledger.store import Ledger
from sync_engine.planner.plan_file import PlanFile, PlanWriter
from sync_engine.planner.rollback import plan_rollback
from sync_engine.problems import nearest
from sync_engine.report import transfers as report
from sync_engine.report.values import plural
from sync_engine.sdk.errors import GateTripped, Refused


@click.group()
def transfers() -> None:
    """Look at past transfers: outcomes, rejections grouped by cause; resume, retry or undo one."""


transfers.add_command(resume)
transfers.add_command(retry)


def _open(console: Console) -> Ledger:
    project, _ = load(console)
    return open_state(project, console)


json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@transfers.command("list")
@click.option("--catalog", help="Only transfers of this catalog.")
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True)
@json_option
@click.pass_obj
def list_(console: Console, catalog: str | None, limit: int, as_json: bool) -> None:
    """List the newest transfers."""
    with _open(console) as ledger:
        found = ledger.transfers(catalog, limit)
    if as_json:
        data = {"version": report.VERSION, "transfers": [report.as_data(each) for each in found]}
        console.out(orjson.dumps(data, option=orjson.OPT_INDENT_2).decode())
        return
    for line in report.list_lines(found, console.paint):
        console.out(line)


@transfers.command()
@click.argument("id_", metavar="ID", default="last")
@click.option("--records", is_flag=True, help="Also list the outcome of every record that was kept.")
@json_option
@click.pass_obj
def show(console: Console, id_: str, records: bool, as_json: bool) -> None:
    """Show one transfer; ID may be shortened, and is the newest by default."""
    with _open(console) as ledger:
        transfer = ledger.transfer(id_)
        if as_json:
            outcomes = [report.outcome_data(each) for each in ledger.outcomes(transfer.id)]
            data = report.as_data(transfer) | {"outcomes": outcomes}
            console.out(
                orjson.dumps({"version": report.VERSION, "transfer": data}, option=orjson.OPT_INDENT_2).decode()
            )
            return
        words = ("rejected", "uncertain", "waiting")
        unwritten = chain.from_iterable(ledger.outcomes(transfer.id, each) for each in words)
        for line in report.show_lines(transfer, unwritten, ledger.outcomes(transfer.id, "stale"), console.paint):
            console.out(line)
        if records:
            for each in ledger.outcomes(transfer.id):
                for line in report.record_lines(each):
                    console.out(line)


@transfers.command()
@click.argument("id_", metavar="ID", default="last")
@click.option("--format", "format_", type=click.Choice(["csv", "jsonl"]), default="csv", show_default=True)
@click.option("--rejected", is_flag=True, help="Only the records that were rejected, are uncertain or stale.")
@click.pass_obj
def export(console: Console, id_: str, format_: str, rejected: bool) -> None:
    """Print the outcome of every record of a transfer that was kept, for another program."""
    with _open(console) as ledger:
        transfer = ledger.transfer(id_)
        words = ("rejected", "uncertain", "stale") if rejected else (None,)
        found = chain.from_iterable(ledger.outcomes(transfer.id, each) for each in words)
        for line in report.csv_lines(found) if format_ == "csv" else report.json_lines(found):
            console.out(line, newline=False)


@transfers.command()
@click.option("--catalog", help="Only of this catalog.")
@click.option(
    "--older-than", "age", metavar="DAYS", type=click.IntRange(min=0), help="Instead of the catalog's `keep`."
)
@click.option("--keep-records", type=click.IntRange(min=1), help="Instead of the catalog's `keep_records`.")
@click.option("--keep-mb", type=click.IntRange(min=1), help="Instead of the catalog's `keep_mb`.")
@click.pass_obj
def purge(
    console: Console, catalog: str | None, age: int | None, keep_records: int | None, keep_mb: int | None
) -> None:
    """Drop the outcomes of old transfers as the catalogs' `log` says; transfers and their counts stay.

    Of a catalog that the project has no more, as if it said nothing.
    """
    project, catalogs = load(console)
    policies = {each.name: each.log for each in catalogs}
    with open_state(project, console) as ledger:
        policies |= {each: LogPolicy() for each in ledger.catalogs() if each not in policies}
        if catalog is not None and catalog not in policies:
            hint = nearest(catalog, policies) or "`sync-engine catalogs list` names them."
            raise Refused(f"neither the project nor the ledger has a catalog `{catalog}`", hint=hint)
        for name, log in policies.items():
            if catalog not in (None, name):
                continue
            days = log.keep_days if age is None else age
            space = log.keep_bytes if keep_mb is None else keep_mb * MEGABYTE
            gone = ledger.purge(name, days, keep_records or log.keep_records, space)
            console.say(f"{name}: {plural(gone, 'outcome')} dropped; the counts stay.")


@transfers.command()
@click.argument("path", metavar="FILE", type=click.Path(dir_okay=False))
@click.pass_obj
def backup(console: Console, path: str) -> None:
    """Copy the ledger to FILE as it is at this moment, while it is in use."""
    with _open(console) as ledger:
        ledger.back_up(path)
    console.say(f"Saved {path}; it is a ledger that `state:` can name.")


@transfers.command()
@click.argument("id_", metavar="ID")
@click.option("--out", "path", type=click.Path(dir_okay=False, path_type=Path), help="Save the plan for `apply FILE`.")
@click.option("--delete-created", is_flag=True, help="Also delete the records that the transfer created.")
@format_option
@show_option
@click.pass_obj
def rollback(console: Console, id_: str, path: Path | None, delete_created: bool, format_: str, most: int) -> int:
    """Plan the way back from transfer ID, where nobody has touched the records since; writes nothing.

    The plan is one like any other: look at it, save it with --out, and `sync-engine apply FILE` writes it.
    """
    project, _ = load(console)
    with open_state(project, console) as ledger:
        transfer = ledger.transfer(id_)
        _, catalogs = load(console, [transfer.catalog])
        with tempfile.TemporaryDirectory(prefix="sync-engine-") as folder, Connections(project, console) as connections:
            (compiled,), _ = compile_live(catalogs, connections)
            made = Path(folder) / "plan"
            writer = PlanWriter(made, pack=path is not None, environment=project.environment)
            try:
                plan = plan_rollback(
                    compiled,
                    transfer.id,
                    partial(ledger.outcomes, transfer.id),
                    connections.target(compiled.catalog.target),
                    writer,
                    delete_created=delete_created,
                )
                file = PlanFile(made, writer.seal(), (plan,), project.environment)
            finally:
                writer.close()
            print_plan(console, file, format_, most)
            if path is not None:
                save(console, made, path)
    for line in report.left_lines(transfer, delete_created=delete_created):
        console.say(line)
    return GateTripped.exit_code if plan.tripped else 0
