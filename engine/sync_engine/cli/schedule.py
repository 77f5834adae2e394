"""``schedule``: what is coming, and who has paused what."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import click
import orjson

from sync_engine.catalog.model import Catalog, Project
from sync_engine.cli.console import Console
from sync_engine.cli.exporting import export
from sync_engine.cli.session import Connections, find_catalog, load, load_settings, open_state
from sync_engine.cli.tables import print_table
from sync_engine.ledger.process import who
from sync_engine.ledger.records import Pause, utc_now
from sync_engine.report import schedule as report
from sync_engine.report.coming import look_ahead
from sync_engine.sdk.errors import SyncEngineError


@click.group()
def schedule() -> None:
    """Look at the coming runs, pause catalogs, write files for other schedulers."""


schedule.add_command(export)


@schedule.command("next")
@click.option("--days", "ahead", type=click.IntRange(1, 31), default=1, show_default=True, help="How far to look.")
@click.option("--live", is_flag=True, help="Ask the targets how many requests they allow a day.")
@click.option("--format", "format_", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.pass_obj
def next_(console: Console, ahead: int, live: bool, format_: str) -> None:
    """Show the next run of every catalog, all runs of some days, collisions, and what each day asks of the services.

    How long a run takes, and what it asks of the services, is judged by the last transfers of its catalog: the middle
    one of five.
    """
    project, catalogs = load(console)
    now = datetime.now(UTC)
    until = now + timedelta(days=ahead)
    limits = _limits(console, project, catalogs) if live else {}
    with open_state(project, console) as ledger:
        outlook = look_ahead(ledger, catalogs, project.budget, now, until, limits)
    if format_ == "json":
        console.out(orjson.dumps(report.data(outlook), option=orjson.OPT_INDENT_2).decode())
        return
    print_table(console, ("catalog", "schedule", "next run", "takes", "requests"), report.rows(outlook.catalogs))
    for line in report.lines(outlook, console.paint):
        console.out(line)


def _limits(console: Console, project: Project, catalogs: Sequence[Catalog]) -> dict[str, int]:
    found = {}
    with Connections(project, console) as connections:
        for name in dict.fromkeys(each.target for each in catalogs):
            try:
                limit = connections.target(name).budget().requests_max
            except SyncEngineError as error:
                console.say(f"{name} does not say how many requests it allows: {error.message}", colour="yellow")
                continue
            if limit is not None:
                found[name] = limit
    return found


@schedule.command()
@click.argument("catalog")
@click.option("--reason", required=True, help="Why; everybody who asks is told.")
@click.option("--by", metavar="NAME", help="Who pauses it; your user name by default.")
@click.pass_obj
def pause(console: Console, catalog: str, reason: str, by: str | None) -> None:
    """Let no schedule start CATALOG until it is resumed; `sync-engine apply` by hand still does.

    A transfer that is under way goes on. What the pause makes it miss is made up for, or not, as the catalog's `missed`
    says.
    """
    if not reason.strip():
        raise click.UsageError("--reason must say something: everybody who asks is told")
    project = load_settings(console)
    find_catalog(console, catalog)  # what else is wrong with the catalogs does not matter here
    with open_state(project, console) as ledger:
        ledger.pause(Pause(catalog, reason.strip(), by or who(), utc_now()))
    console.say(f"{catalog} is paused; `sync-engine schedule resume {catalog}` ends that.")


@schedule.command()
@click.argument("catalog")
@click.pass_obj
def resume(console: Console, catalog: str) -> None:
    """Let its schedule start CATALOG again."""
    project = load_settings(console)
    with open_state(project, console) as ledger:
        resumed = ledger.resume(catalog)
    if not resumed:
        find_catalog(console, catalog)
        console.say(f"{catalog} was not paused.")
        return
    console.say(f"{catalog} is resumed.")
