"""Which rules are in force, and when each of them applies: the same seed and the same requests, the same faults."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sync_engine_sandbox.faults.rules import Rule
from sync_engine_sandbox.faults.steps import EVENTS

REMEMBERED = 10_000


@dataclass(frozen=True, slots=True)
class Happened:
    """A fault that happened, and where."""

    fault: str
    at: str


@dataclass(frozen=True, slots=True)
class Due:
    """A rule that applies now, with the chance that its fault may use."""

    rule: Rule
    chance: random.Random


class Faults:
    """What goes wrong at both servers; nothing, until rules are put in force. Threads share it.

    Attributes:
        rules: those in force.
        seed: of all chance.
        happened: what happened since they are in force.
        skew: by server, the seconds by which its clock is off.
    """

    def __init__(self) -> None:
        self.rules: tuple[Rule, ...] = ()
        self.seed = 1
        self.happened: list[Happened] = []
        self.skew: Counter[str] = Counter()
        self._met: Counter[int] = Counter()
        self._used: Counter[int] = Counter()
        self._undo: list[Callable[[], None]] = []
        self._lock = threading.RLock()

    def begin(self, rules: Sequence[Rule], seed: int = 1) -> None:
        """Put rules in force, in place of those before."""
        with self._lock:
            self.end()
            self.rules, self.seed, self.happened = tuple(rules), seed, []

    def end(self) -> None:
        """From now on nothing goes wrong; fields and clocks are as they were before, products stay as they are."""
        with self._lock:
            self.rules = ()
            self.skew.clear()
            self._met.clear()
            self._used.clear()
            while self._undo:
                self._undo.pop()()

    @contextmanager
    def during(self, *rules: Rule, seed: int = 1) -> Iterator[list[Happened]]:
        """Rules in force for a block; gives the list of what happens."""
        self.begin(rules, seed)
        try:
            yield self.happened
        finally:
            self.end()

    def undo_at_end(self, action: Callable[[], None]) -> None:
        """Do this when the rules end."""
        with self._lock:
            self._undo.append(action)

    def due(self, place: str, sobject: str = "") -> list[Due]:
        """The rules that apply to what happens at a place now, in their order.

        Args:
            place: a request, or an event.
            sobject: of the record, at ``crm.row``.
        """
        found = []
        with self._lock:
            for number, rule in enumerate(self.rules):
                if place != rule.at and (place in EVENTS or not place.startswith(f"{rule.at}.")):
                    continue
                if place == "crm.row" and rule.field not in ("", sobject):
                    continue
                met = self._met[number]
                self._met[number] += 1
                if met < rule.skip or (rule.times is not None and self._used[number] >= rule.times):
                    continue
                chance = random.Random(f"{self.seed}/{number}/{met}")  # noqa: S311 - repeatable, not secret
                if chance.random() >= rule.chance:
                    continue
                self._used[number] += 1
                if len(self.happened) < REMEMBERED:
                    self.happened.append(Happened(rule.fault, place))
                found.append(Due(rule, chance))
        return found

    def clock(self, side: str, clock: Callable[[], datetime]) -> Callable[[], datetime]:
        """A server's clock, which may be off."""
        return lambda: clock() + timedelta(seconds=self.skew[side])

    def now(self, side: str) -> datetime:
        """What a server's clock shows."""
        return datetime.now(UTC) + timedelta(seconds=self.skew[side])
