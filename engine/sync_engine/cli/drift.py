"""``drift``: what people and automation changed in the target since we wrote it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import click

from sync_engine.catalog.model import Catalog
from sync_engine.catalog.notifications import EventKind
from sync_engine.cli.console import Console, Meter
from sync_engine.cli.notifying import announce
from sync_engine.cli.session import Connections, load, objects_of, open_state
from sync_engine.ledger.store import Ledger
from sync_engine.notifications.events import Event
from sync_engine.planner.drift import DriftPage, drift_of, find_drift
from sync_engine.report.drift import FORMATS, Catalogs, Streams
from sync_engine.report.values import plural

DRIFTED = 2


@click.command()
@click.argument("catalogs", nargs=-1)
@click.option("--format", "format_", type=click.Choice(sorted(FORMATS)), default="text", show_default=True)
@click.pass_obj
def drift(console: Console, catalogs: tuple[str, ...], format_: str) -> int:
    """List what changed in the target since CATALOGS (all by default) wrote it: ours, theirs, by whom, when.

    Reads the target and the ledger, not the PIM; writes nothing. Exits with 2 when anything has changed.
    """
    project, chosen = load(console, catalogs)
    meter = Meter()
    with Connections(project, console) as connections, open_state(project, console) as ledger:
        looking = _Looking(console, connections, ledger, meter)
        for piece in FORMATS[format_](looking.through(chosen), console.paint):
            meter.clear()
            console.out(piece, newline=False)
    meter.clear()
    if not looking.found:
        return 0
    names = tuple(looking.found)
    message = f"{plural(sum(looking.found.values()), 'record')} changed in the target since we wrote them: "
    message += ", ".join(f"{count:,} of {name}" for name, count in looking.found.items())
    announce(console, project, [Event(EventKind.DRIFT, names, message, "sync-engine drift")])
    return DRIFTED


@dataclass(slots=True)
class _Looking:
    """A look through catalogs, done as far as somebody asks for it; ``found`` counts the records by catalog."""

    console: Console
    connections: Connections
    ledger: Ledger
    meter: Meter
    found: Counter[str] = field(default_factory=Counter)

    def through(self, catalogs: Sequence[Catalog]) -> Catalogs:
        for each in catalogs:
            yield each.name, self._streams(each)

    def _streams(self, catalog: Catalog) -> Streams:
        target = self.connections.target(catalog.target)
        for stream in drift_of(catalog, target.describe(objects_of([catalog]))):
            for name in stream.missing:
                self.console.say(f"{stream.name}: {stream.object_name} has no field {name} now; it is not compared")
            yield stream, self._counted(catalog.name, find_drift(stream, catalog.name, target, self.ledger, self.meter))

    def _counted(self, catalog: str, pages: Iterator[DriftPage]) -> Iterator[DriftPage]:
        for page in pages:
            if page.found:
                self.found[catalog] += len(page.found)
            yield page
