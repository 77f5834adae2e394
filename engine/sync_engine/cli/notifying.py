"""Tell those who want to know how a command ended; whether that works never changes how it ended."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import click

from sync_engine.catalog.model import Project
from sync_engine.catalog.notifications import EventKind, Notification
from sync_engine.catalog.project import load_project
from sync_engine.cli.console import Console
from sync_engine.cli.session import at_home
from sync_engine.notifications.delivery import DeliveryFailed, deliver, resolve_settings
from sync_engine.notifications.events import Event, variables
from sync_engine.notifications.throttle import Told, held_back, read_told, throttle_path, write_told
from sync_engine.notifications.wording import write_message
from sync_engine.report.values import plural
from sync_engine.sdk.errors import GateTripped, Interrupted, InvalidInput, SyncEngineError
from sync_engine.sdk.values import Secret
from sync_engine.transfer.run import TransferResult

SHOWN = 3
"""Problems that a message names."""


@dataclass(slots=True)
class Transfers:
    """How far a command has come; what it failed with is told of the catalog that was under way.

    Attributes:
        under_way: names of the catalogs that a failure would concern.
        events: to be told at the end.
    """

    under_way: tuple[str, ...]
    events: list[Event] = field(default_factory=list)

    def finished(self, result: TransferResult) -> None:
        """Note how the transfer of a catalog ended."""
        rejected = result.summary["rejected"]
        if rejected:
            message = f"Transfer {result.id} of {result.catalog} finished, but {plural(rejected, 'record')} rejected"
            hint = f"sync-engine transfers show {result.id}"
            names = (result.catalog,)
            self.events.append(Event(EventKind.REJECTION, names, message, hint, result.id, result.summary))


@contextlib.contextmanager
def notifying(console: Console, names: Sequence[str]) -> Iterator[Transfers]:
    """Tell how what happens inside ends: failures, tripped gates, and what was noted as finished.

    Args:
        console: where it is said when somebody cannot be told.
        names: of the catalogs; empty for all.
    """
    transfers = Transfers(tuple(names))
    try:
        yield transfers
    except (click.ClickException, click.Abort, Interrupted):
        raise  # a person is there, who knows
    except Exception as error:
        transfers.events.append(_failure(error, transfers.under_way))
        raise
    finally:
        if transfers.events:
            project = load_project(Path(console.folder), console.environment)
            if isinstance(project, Project):
                announce(console, at_home(console, project), transfers.events)


def _failure(error: Exception, catalogs: tuple[str, ...]) -> Event:
    kind = EventKind.GATE if isinstance(error, GateTripped) else EventKind.FAILURE
    if isinstance(error, SyncEngineError):
        hint = "sync-engine validate" if isinstance(error, InvalidInput) else error.hint
        return Event(kind, catalogs, whole_message(error), hint)
    return Event(kind, catalogs, f"sync-engine itself failed ({type(error).__name__}); this is a defect")


def whole_message(error: SyncEngineError) -> str:
    """What an error says, with the first problems where it stands for several."""
    if not isinstance(error, InvalidInput):
        return error.message
    shown = [f"{each.origin}: {each.code} {each.message}" for each in error.problems[:SHOWN]]
    more = len(error.problems) - len(shown)
    return "\n".join((error.message, *shown, *([f"… and {more} more"] if more else [])))


def announce(console: Console, project: Project, events: Sequence[Event]) -> None:
    """Tell every receiver what it asked for, at most so often as it asked for it."""
    path = throttle_path(project)
    told = read_told(path)
    before = dict(told)
    for event in events:
        safe = replace(event, message=console.mask.masked(event.message), hint=console.mask.masked(event.hint))
        for each in project.notifications:
            if event.kind in each.events:
                _tell_once(console, project, each, safe, told)
    if told != before:
        try:
            write_told(path, told)
        except OSError as error:
            console.say(f"What was told is not remembered, so it may be told again: {path}: {error.strerror}")


def _tell_once(
    console: Console, project: Project, notification: Notification, event: Event, told: dict[str, Told]
) -> None:
    key, now = f"{notification.name} {event.identity}", datetime.now(UTC)
    last = told.get(key)
    held = held_back(last, notification.every, now)
    if held is not None:
        told[key] = held
        return
    if tell(console, project, notification, event, now, last.held if last else 0):
        told[key] = Told(now)


def tell(
    console: Console, project: Project, notification: Notification, event: Event, now: datetime, held: int = 0
) -> bool:
    """Deliver an event to one receiver, and say so when that does not work.

    Returns:
        Whether it was delivered.
    """
    try:
        settings = resolve_settings(notification, os.environ)
        console.mask.hide(_secrets(settings))
        said = variables(event, project, now, held)
        message, instead = write_message(notification, said)
        if instead:
            console.say(f"Notification {notification.name}: {instead}; the usual words were used.", colour="yellow")
        deliver(notification, settings, message, said)
    except DeliveryFailed as error:
        _say_lost(console, notification, event, str(error))
    except InvalidInput as error:
        _say_lost(console, notification, event, "; ".join(f"{each.origin}: {each.message}" for each in error.problems))
    except Exception as error:  # noqa: BLE001 - a defect in telling must not change what is told of
        _say_lost(console, notification, event, f"sync-engine itself failed ({type(error).__name__})")
    else:
        return True
    return False


def _say_lost(console: Console, notification: Notification, event: Event, why: str) -> None:
    console.say(
        f"Notification {notification.name} was not delivered: {why}",
        hint=f"It would have told of: {event.kind} of {', '.join(event.catalogs) or 'the project'}. "
        f"`sync-engine notify {notification.name} --test` tries it again.",
        colour="yellow",
    )


def _secrets(settings: dict[str, object]) -> Iterator[Secret]:
    for value in settings.values():
        for each in value if isinstance(value, list) else (value,):
            if isinstance(each, Secret):
                yield each
