"""How the process is, for whoever asks: one frozen value that the loop replaces, so that readers need no lock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sync_engine.catalog.model import Catalog, Project
from sync_engine.ledger.store import Ledger
from sync_engine.serve.deciding import Order
from sync_engine.serve.running import Child, Ended
from sync_engine.serve.watching import Seen


@dataclass(frozen=True, slots=True)
class Status:
    """What is known at one moment.

    Attributes:
        started: when the process began, as ISO 8601 in UTC.
        source: what is watched, for people.
        moment: seconds on the machine's steady clock when this was found out.
        seen: what is watched and what counts of it.
        project, catalogs: of the revision that counts; None and nothing until there is one.
        ledger: the project's, None while it cannot be used.
        ledger_error: why it cannot; empty when it can.
        orders: what is to be done, what can start first.
        running: what is under way, by catalog.
        ends: how each catalog ended the last time that this process transferred it.
        gone: catalogs that were transferred once and are not in the revision that counts.
        stopping: whether the process has been asked to end.
    """

    started: str
    source: str
    moment: float
    seen: Seen = Seen()  # noqa: RUF009 - frozen
    project: Project | None = None
    catalogs: tuple[Catalog, ...] = ()
    ledger: Ledger | None = None
    ledger_error: str = ""
    orders: tuple[Order, ...] = ()
    running: Mapping[str, Child] = field(default_factory=dict)
    ends: Mapping[str, Ended] = field(default_factory=dict)
    gone: tuple[str, ...] = ()
    stopping: bool = False

    def not_ready(self) -> str:
        """Why nothing could be transferred now; empty when it could."""
        if self.stopping:
            return "stopping"
        if self.seen.good is None:
            return "there is no good revision yet"
        return self.ledger_error


class Board:
    """Where the newest status hangs."""

    def __init__(self, status: Status) -> None:
        self.status = status
