"""The loop: take the revision that counts, run what is to be done, note how it ended, until asked to stop."""

from __future__ import annotations

import random
import secrets
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from sync_engine.catalog.model import Catalog, Project
from sync_engine.catalog.notifications import EventKind
from sync_engine.ledger.store import Ledger
from sync_engine.notifications.events import Event
from sync_engine.sdk.errors import InvalidInput, Locked, SyncEngineError
from sync_engine.serve import words
from sync_engine.serve.deciding import Order, Reason, decide
from sync_engine.serve.facts import ahead, gather
from sync_engine.serve.metrics import Metrics
from sync_engine.serve.running import DONE, PATIENCE, Child, Ended, Place, ask_to_stop, ended, kill, start
from sync_engine.serve.sources import Source
from sync_engine.serve.status import Board
from sync_engine.serve.watcher import Watcher
from sync_engine.serve.watching import Kind, Revision, Seen, Trouble, Watch

TICK = 0.5
"""Seconds between two looks at what is under way."""
BETWEEN_DECISIONS = 5.0
"""Seconds between two decisions, unless something happens here; what others do is seen then."""
FIRST_PAUSE, LONGEST_PAUSE, LONGEST_PAUSE_FOR_LOCK = 5.0, 900.0, 15.0
"""Seconds after which a catalog is tried again that could not be transferred; doubled each time."""
BLIP = timedelta(minutes=10)
"""A source that cannot be reached for less is nothing to tell anybody of."""


@dataclass(frozen=True, slots=True)
class Outside:
    """What the loop needs of the world around it.

    Attributes:
        read: from the folder of a good revision to its project and catalogs.
        open_ledger: of a project.
        say: print a line of the log.
        tell: notify whoever the project wants to be told.
    """

    read: Callable[[Path], tuple[Project, Sequence[Catalog]]]
    open_ledger: Callable[[Project], Ledger]
    say: Callable[[str], None]
    tell: Callable[[Project, Sequence[Event]], None]


class Loop:
    """Follows a source and transfers what it says.

    Attributes:
        board: how it is.
        watcher: looks at the source.
    """

    def __init__(
        self,
        board: Board,
        source: Source,
        watch: Watch,
        place: Place,
        outside: Outside,
        metrics: Metrics,
        *,
        poll_seconds: float,
        parallel: int,
    ) -> None:
        self.board = board
        self._status = board.status
        self.watcher = Watcher(watch, poll_seconds, self._needed)
        self._source = source
        self._place = place
        self._outside = outside
        self._metrics = metrics
        self._parallel = parallel
        self._wake = threading.Event()
        self._who = secrets.token_hex(8)
        self._ledger_of: Project | None = None
        self._ledger_not_before = 0.0
        self._told: Trouble | None = None
        self._pauses: dict[str, tuple[int, datetime]] = {}

    def run(self, stop: threading.Event) -> None:
        """Run until ``stop`` is set; then let what is under way come to its end."""
        self.watcher.start(stop, self._wake.set)
        try:
            decided, happened = 0.0, True
            while not stop.is_set():
                if self.watcher.failed is not None:
                    raise self.watcher.failed
                happened |= self._adopt(self.watcher.seen)
                happened |= self._use_ledger()
                happened |= self._reap()
                if happened or time.monotonic() - decided > BETWEEN_DECISIONS:
                    self._decide()
                    decided = time.monotonic()
                self._show()
                happened = self._wake.wait(TICK)
                self._wake.clear()
        finally:
            stop.set()
            self._end()
            self.watcher.join()

    def wake(self) -> None:
        """Go on at once; ``stop`` may have been set."""
        self._wake.set()

    def _know(self, **changes: object) -> None:
        self._status = replace(self._status, **changes)  # type: ignore[arg-type] # they are its attributes

    def _show(self) -> None:
        """What is known after a round, and never what is known in the middle of one."""
        self._know(moment=time.monotonic())
        self.board.status = self._status

    def _needed(self) -> frozenset[str]:
        status = self._status
        good = (status.seen.good, self.watcher.seen.good)
        return frozenset((*(each.id for each in good if each), *(each.revision for each in status.running.values())))

    def _adopt(self, seen: Seen) -> bool:
        """Take what was seen: another revision may count, and there may be trouble; returns if another does."""
        before = self._status
        good = seen.good
        another = good is not None and (before.seen.good is None or good.id != before.seen.good.id)
        if good is not None and another:
            try:
                project, catalogs = self._outside.read(good.folder)
            except InvalidInput as error:  # it was valid a moment ago, by the same rules
                self._know(ledger_error=f"{good.id[:12]} cannot be read: {error.message}")
                return False
            self._outside.say(words.counting_line(good, catalogs))
            for line in words.gone_lines(good, before.catalogs, catalogs):
                self._outside.say(line)
            self._pauses.clear()
            self._know(project=project, catalogs=tuple(catalogs))
        self._know(seen=seen)
        self._trouble(seen.trouble, before.seen.trouble)
        return another

    def _trouble(self, now: Trouble | None, before: Trouble | None) -> None:
        """Say what is wrong once, and tell it."""
        if now is None:
            if before is not None:
                self._outside.say("The trouble is over.")
            self._told = None
            return
        if not now.is_same(before):
            self._outside.say(words.trouble_line(now))
        lasting = now.kind is not Kind.UNREACHABLE or datetime.now(UTC) - datetime.fromisoformat(now.since) > BLIP
        project = self._status.project
        if lasting and project is not None and not now.is_same(self._told):
            self._told = now
            event = Event(EventKind.FAILURE, (), now.message, now.hint)
            # Beside the loop, because a receiver may be slow.
            threading.Thread(target=self._outside.tell, args=(project, [event]), name="telling", daemon=True).start()

    def _use_ledger(self) -> bool:
        """Open the ledger that the project names, where that has not been done; returns whether it was."""
        status = self._status
        if status.project is None or (self._ledger_of is not None and self._ledger_of.state == status.project.state):
            return False
        if time.monotonic() < self._ledger_not_before:
            return False
        self._ledger_not_before = time.monotonic() + BETWEEN_DECISIONS
        self._close_ledger(status.ledger_error)
        try:
            opened = self._outside.open_ledger(status.project)
        except SyncEngineError as error:
            self._know(ledger_error=error.message)
            return False
        self._ledger_of, self._ledger_not_before = status.project, 0.0
        self._know(ledger=opened, ledger_error="")
        return True

    def _close_ledger(self, why: str) -> None:
        """Leave the ledger; it is opened again at the next round."""
        opened = self._status.ledger
        self._ledger_of = None
        self._know(ledger=None, ledger_error=why)
        if opened is not None:
            self._show()  # first, so that nobody is given one that is closed
            opened.close()

    def _reap(self) -> bool:
        """Note how ended what has; returns whether anything has."""
        status = self._status
        running, ends = dict(status.running), dict(status.ends)
        for name, child in status.running.items():
            found = ended(child)
            if found is None:
                continue
            del running[name]
            ends[name] = found
            self._metrics.ended(found)
            self._pause(found)
            self._outside.say(words.ended_line(found))
        if len(running) == len(status.running):
            return False
        self._know(running=running, ends=ends)
        return True

    def _pause(self, found: Ended) -> None:
        """Leave a catalog alone for a while that could not be transferred."""
        name = found.child.catalog
        if found.code in DONE:
            self._pauses.pop(name, None)
        else:
            self._leave_alone(name, LONGEST_PAUSE_FOR_LOCK if found.code == Locked.exit_code else LONGEST_PAUSE)

    def _leave_alone(self, name: str, longest: float) -> None:
        times, _ = self._pauses.get(name, (0, None))
        seconds = min(longest, FIRST_PAUSE * 2**times) * random.uniform(0.8, 1.2)  # noqa: S311 - not for secrets
        self._pauses[name] = (times + 1, datetime.now(UTC) + timedelta(seconds=seconds))

    def _decide(self) -> None:
        status = self._status
        if status.ledger is None or status.project is None or status.seen.good is None:
            return
        now = datetime.now(UTC)
        try:
            served = status.ledger.served()
            is_ahead = partial(ahead, seen=status.seen, source=self._source)
            facts = gather(status.project, status.catalogs, status.ledger, served, is_ahead, now)
            held = status.ledger.held_locks()
        except SyncEngineError as error:
            self._close_ledger(error.message)
            return
        writes = {name: child.writes for name, child in status.running.items()}
        pauses = {name: until for name, (_, until) in self._pauses.items()}
        orders = decide(facts, writes, held, pauses, now, self._parallel, self._who)
        running = dict(status.running)
        for each in orders:
            if each.waits:
                continue
            try:
                running[each.facts.name] = self._start(each, status.seen.good)
            except OSError as error:
                self._outside.say(f"{each.facts.name}: no process could be started: {error.strerror}")
                self._leave_alone(each.facts.name, LONGEST_PAUSE)
        waiting = tuple(each for each in orders if each.waits)
        gone = tuple(sorted(served.keys() - {each.name for each in status.catalogs}))
        self._know(running=running, orders=waiting, gone=gone, ledger_error="")

    def _start(self, order: Order, good: Revision) -> Child:
        facts = order.facts
        arguments: list[str] = []
        if Reason.CHANGE in order.reasons:
            arguments += ["--meaning", facts.meaning, "--instead-of", facts.transferred_for, "--revision", good.id]
        if facts.due is not None:
            arguments += ["--due", facts.due.isoformat()]
        if order.reasons == (Reason.TAKE_UP,):
            arguments += ["--take-up"]
        self._outside.say(f"{facts.name}: begins ({', '.join(order.reasons)})")
        trigger = order.reasons[0]
        return start(self._place, good.folder, good.id, facts.name, facts.writes, trigger, arguments)

    def _end(self) -> None:
        """Let what is under way checkpoint and end; what does not is ended."""
        self._know(stopping=True)
        self._show()
        for child in self._status.running.values():
            self._outside.say(f"{child.catalog}: asked to stop")
            ask_to_stop(child)
        until = time.monotonic() + PATIENCE
        while self._status.running and time.monotonic() < until:
            time.sleep(0.05)
            self._reap()
        for child in self._status.running.values():
            kill(child)
        self._reap()
        self._close_ledger("")
