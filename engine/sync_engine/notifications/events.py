"""What happened, as a value that any command can make."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sync_engine.catalog.model import Project
from sync_engine.catalog.notifications import EventKind

COUNTS = ("created", "updated", "deactivated", "deleted", "unchanged", "rejected", "stale")
VARIABLES = frozenset(
    {"event", "project", "environment", "catalog", "message", "hint", "transfer", "host", "time", "held", *COUNTS}
)
"""What templates may read."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that somebody wants to know.

    Attributes:
        kind: what happened.
        catalogs: names of those it happened to; empty when it concerns the project.
        message: for a person, one sentence.
        hint: what to do next; may be empty.
        transfer: id of the transfer; empty when there was none.
        summary: counts of the transfer by name.
    """

    kind: EventKind
    catalogs: tuple[str, ...]
    message: str
    hint: str = ""
    transfer: str = ""
    summary: Mapping[str, int] = field(default_factory=dict)

    @property
    def identity(self) -> str:
        """Events with the same identity are the same thing happening again."""
        return f"{self.kind} {','.join(self.catalogs)}"


def variables(event: Event, project: Project, now: datetime, held: int) -> dict[str, object]:
    """An event as templates and receivers see it; None where there is nothing to say.

    Args:
        event: what happened.
        project: where.
        now: when.
        held: events like this one that were not told since the last that was.
    """
    return {
        "event": event.kind.value,
        "project": project.home.name,
        "environment": project.environment.name if project.environment else None,
        "catalog": ", ".join(event.catalogs) or None,
        "message": event.message,
        "hint": event.hint or None,
        "transfer": event.transfer or None,
        "host": socket.gethostname(),
        "time": now.isoformat(timespec="seconds"),
        "held": held,
        **{name: event.summary.get(name) for name in COUNTS},
    }
