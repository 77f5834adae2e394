"""``transfers``: what was transferred, what was rejected and why, and the way back."""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path

import click
import orjson

from sync_engine.cli.console import Console
from sync_engine.cli.plan import format_option, print_plan, save, show_option
from sync_engine.cli.session import Connections, compile_live, load, open_state
from sync_engine.ledger.store import Ledger
from sync_engine.planner.plan_file import PlanFile, PlanWriter
from sync_engine.planner.rollback import plan_rollback
from sync_engine.report import transfers as report
from sync_engine.sdk.errors import GateTripped


@click.group()
def transfers() -> None:
    """Look at past transfers: outcomes, rejections grouped by cause; and undo one."""


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
            data = report.as_data(transfer) | {
                "outcomes": [
                    {
                        "stream": each.stream,
                        "key": each.key,
                        "outcome": each.outcome,
                        "id": each.target_id or None,
                        "reasons": list(each.reasons),
                        "fields": [
                            {"field": name, "before": before, "after": after} for name, before, after in each.fields
                        ],
                    }
                    for each in ledger.outcomes(transfer.id)
                ]
            }
            console.out(
                orjson.dumps({"version": report.VERSION, "transfer": data}, option=orjson.OPT_INDENT_2).decode()
            )
            return
        rejected = [*ledger.outcomes(transfer.id, "rejected"), *ledger.outcomes(transfer.id, "uncertain")]
        for line in report.show_lines(transfer, rejected, ledger.outcomes(transfer.id, "stale"), console.paint):
            console.out(line)
        if records:
            for each in ledger.outcomes(transfer.id):
                for line in report.record_lines(each):
                    console.out(line)


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
