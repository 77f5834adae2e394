"""``notify``: who is told of what, and whether it reaches them."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from sync_engine.catalog.notifications import EventKind
from sync_engine.cli.console import Console
from sync_engine.cli.notifying import tell
from sync_engine.cli.session import load_settings
from sync_engine.cli.tables import print_table
from sync_engine.notifications.events import COUNTS, Event
from sync_engine.problems import nearest
from sync_engine.sdk.errors import Refused

EXAMPLES = {
    EventKind.FAILURE: "This is a test: a transfer could not be finished",
    EventKind.REJECTION: "This is a test: a transfer finished, but 3 records were rejected",
    EventKind.GATE: "This is a test: a safety gate tripped, and nothing was written",
    EventKind.DRIFT: "This is a test: 3 records were changed in the org",
}


@click.command()
@click.argument("names", nargs=-1)
@click.option("--test", is_flag=True, help="Send a test message now, whatever was sent before.")
@click.option(
    "--event",
    type=click.Choice([each.value for each in EventKind]),
    default=EventKind.FAILURE.value,
    show_default=True,
    help="What the test message is about.",
)
@click.pass_obj
def notify(console: Console, names: tuple[str, ...], test: bool, event: str) -> int:
    """List who is told of what; with --test, send a message to NAMES (all by default).

    Exit code 1 when a test message was not delivered.
    """
    project = load_settings(console)
    by_name = {each.name: each for each in project.notifications}
    for name in names:
        if name not in by_name:
            hint = nearest(name, by_name) or f"There are: {', '.join(by_name) or 'none'}"
            raise Refused(f"the project has no notification `{name}`", hint=hint)
    chosen = [by_name[each] for each in names] or list(by_name.values())
    if not chosen:
        console.say("Nobody is told of anything: sync-engine.yaml has no `notifications`.")
        return 0
    if not test:
        rows = [(each.name, each.channel.value, ", ".join(sorted(each.events)), _often(each.every)) for each in chosen]
        print_table(console, ("notification", "kind", "on", "at most every"), rows)
        return 0
    kind = EventKind(event)
    example = Event(kind, ("example",), EXAMPLES[kind], "Nothing is to be done.", "", dict.fromkeys(COUNTS, 0))
    failed = False
    for each in chosen:
        if tell(console, project, each, example, datetime.now(UTC)):
            console.out(f"{console.paint('✓', 'green')} {each.name}: delivered by {each.channel}")
        else:
            failed = True
            console.out(f"{console.paint('✗', 'red')} {each.name}: not delivered")
    return 1 if failed else 0


def _often(seconds: int) -> str:
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds and seconds % size == 0:
            return f"{seconds // size}{unit}"
    return "each one is told"
