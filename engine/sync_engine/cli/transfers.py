"""``transfers``: what was transferred, and what was rejected and why."""

from __future__ import annotations

import click
import orjson

from sync_engine.cli.console import Console
from sync_engine.cli.session import load, open_state
from sync_engine.ledger.store import Ledger
from sync_engine.report import transfers as report


@click.group()
def transfers() -> None:
    """Look at past transfers: outcomes, and rejections grouped by cause."""


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
                console.out(f"  {each.outcome:<10} {each.stream} {each.key} {each.target_id}".rstrip())
