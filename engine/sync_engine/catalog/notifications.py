"""Who is told of what: the part ``notifications`` of the project file, as frozen values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from sync_engine.catalog.references import unescaped
from sync_engine.documents import Document, Plain, Pointer, table, text, texts
from sync_engine.sdk.problem import NOWHERE, Origin
from sync_engine.sdk.values import Secret

SECONDS = {"m": 60, "h": 3600, "d": 86400}
_OF_EVERY_KIND = ("kind", "on", "at_most_every", "text", "subject")


class EventKind(StrEnum):
    """What can be told."""

    FAILURE = "failure"
    REJECTION = "rejection"
    GATE = "gate"
    DRIFT = "drift"


class Channel(StrEnum):
    """How it is told."""

    WEBHOOK = "webhook"
    SLACK = "slack"
    EMAIL = "email"


@dataclass(frozen=True, slots=True)
class Notification:
    """One receiver.

    Attributes:
        name: unique in the project.
        channel: how it is reached.
        events: what it is told.
        every: seconds; the same event of the same catalogs is told at most once in that time. 0 tells every one.
        settings: of the channel, references unresolved; a secret that stands in the file itself is a ``Secret``.
        text, subject: templates; None means the usual words.
        origins: place of each part by key.
    """

    name: str
    channel: Channel
    events: frozenset[EventKind]
    every: int
    settings: Mapping[str, object] = field(repr=False)
    text: str | None = None
    subject: str | None = None
    origin: Origin = NOWHERE
    origins: Mapping[str, Origin] = field(default_factory=dict)

    def place(self, part: str) -> Origin:
        """Where a part was written, or the notification."""
        return self.origins.get(part, self.origin)


def build_notifications(document: Document, hidden: set[Pointer]) -> tuple[Notification, ...]:
    """The notifications of a project file without errors.

    Args:
        document: the file, with its environment laid over.
        hidden: pointers of the secrets that stand in it in plain text.
    """
    written = table(table(document.data).get("notifications"))
    return tuple(_build(name, table(each), document, hidden) for name, each in written.items())


def _build(name: str, written: Mapping[str, Plain], document: Document, hidden: set[Pointer]) -> Notification:
    pointer: Pointer = ("notifications", name)
    every = text(written.get("at_most_every")) or "1h"
    settings = {
        key: Secret(unescaped(str(value))) if (*pointer, key) in hidden else value
        for key, value in written.items()
        if key not in _OF_EVERY_KIND
    }
    return Notification(
        name=name,
        channel=Channel(text(written.get("kind")) or ""),
        events=frozenset(map(EventKind, texts(written.get("on")))) or frozenset(EventKind),
        every=int(every[:-1]) * SECONDS[every[-1]],
        settings=settings,
        text=text(written.get("text")),
        subject=text(written.get("subject")),
        origin=document.key_origin(pointer),
        origins={key: document.origin((*pointer, key)) for key in written},
    )
