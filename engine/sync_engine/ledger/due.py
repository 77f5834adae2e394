"""Which run of a schedule must start now, by what has happened and what is paused."""

from __future__ import annotations

from datetime import UTC, datetime

from sync_engine.ledger.store import Ledger
from sync_engine.schedule.model import Schedule
from sync_engine.schedule.runs import Run, due_run
from sync_engine.schedule.text import describe

_EVER = datetime.min.replace(tzinfo=UTC)


def due_now(ledger: Ledger, catalog: str, schedule: Schedule, now: datetime, *, watching: bool) -> Run | None:
    """The run of a catalog that must start now; to be claimed under the catalog's lock before anything is done.

    Args:
        ledger: knows which runs have happened, and what is paused.
        catalog: its name.
        schedule: of it.
        now: the present moment.
        watching: whoever asks sees every moment, so a schedule that is new to the ledger begins now. Otherwise somebody
            else's scheduler has knocked because it takes a run for due: then the last one before now is, unless it has
            happened.

    Returns:
        None when nothing is due, and for a catalog that is paused. A run that was claimed and not finished is due
        again: its process has died, or it could not be done because a service was unavailable.
    """
    since = ledger.schedule_known_since(catalog, describe(schedule), now) if watching else _EVER
    if catalog in ledger.pauses():
        return None
    last = ledger.last_scheduled_run(catalog)
    return due_run(schedule, catalog, max(since, last.due) if last else since, now)
