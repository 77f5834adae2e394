"""What is to be done now: a pure function of what is known, so that it can be tried with any of it."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Reason(StrEnum):
    """Why a catalog is to be transferred; also the trigger that its transfers name."""

    TAKE_UP = "take-up"  # a transfer did not come to its end, and nothing else is to be done that would begin with it
    CHANGE = "change"  # the catalog means something else than what it was last transferred for
    SCHEDULE = "schedule"


@dataclass(frozen=True, slots=True)
class Facts:
    """All that is known of one catalog of the revision that counts.

    Attributes:
        writes: names of the locks that its transfers take.
        meaning: what it is to be transferred for.
        transferred_for: what it was last transferred for; empty for nothing yet.
        behind: whether somebody else has transferred it for a later revision than ours.
        due: moment of the run of its schedule that must start; None when there is none.
        blocked: why nothing of it may start at this moment (a pause, a blackout window); empty when it may.
        unfinished: whether a transfer of it did not come to its end, as far as can be seen.
    """

    name: str
    writes: frozenset[str]
    meaning: str
    transferred_for: str
    behind: bool = False
    due: datetime | None = None
    blocked: str = ""
    unfinished: bool = False


@dataclass(frozen=True, slots=True)
class Order:
    """Something to be done about a catalog.

    Attributes:
        reasons: why, the foremost first.
        waits: what it waits for; empty when it can start.
    """

    facts: Facts
    reasons: tuple[Reason, ...]
    waits: str = ""


def decide(
    catalogs: Iterable[Facts],
    running: Mapping[str, frozenset[str]],
    held: Collection[str],
    not_before: Mapping[str, datetime],
    now: datetime,
    parallel: int,
    who: str = "",
) -> list[Order]:
    """Everything that is to be done, what can start first; at most as many can start as there is room for.

    Args:
        catalogs: of the revision that counts.
        running: locks of what this process runs, by catalog.
        held: locks that somebody holds, this process included.
        not_before: until when catalogs are left alone that could not be transferred a moment ago.
        now: the present moment.
        parallel: how many may run at once here.
        who: decides. Of what is equally urgent, others begin with something else, so that they do not all try to lock
            the same; nobody in particular goes by name.
    """
    idle = [each for each in catalogs if each.name not in running]
    wanted = [Order(each, reasons) for each in idle if (reasons := _reasons(each, held))]
    taken = {*held, *(name for names in running.values() for name in names)}
    room = parallel - len(running)
    start: list[Order] = []
    wait: list[Order] = []
    for order in sorted(wanted, key=lambda each: _urgency(each, who)):
        why = _waits(order, taken, not_before.get(order.facts.name), now)
        if not why and room <= 0:
            why = "other transfers are under way"
        if why:
            wait.append(Order(order.facts, order.reasons, why))
            continue
        start.append(order)
        taken |= order.facts.writes
        room -= 1
    return [*start, *wait]


def _reasons(catalog: Facts, held: Collection[str]) -> tuple[Reason, ...]:
    reasons = []
    if catalog.due is not None:
        reasons.append(Reason.SCHEDULE)
    if catalog.meaning != catalog.transferred_for and not catalog.behind:
        reasons.append(Reason.CHANGE)
    # As long as somebody holds its lock, an unfinished transfer is one that is under way.
    if not reasons and catalog.unfinished and not catalog.writes & set(held):
        reasons.append(Reason.TAKE_UP)
    return tuple(reasons)


def _urgency(order: Order, who: str) -> tuple[bool, bool, str, str, str]:
    """What died goes first, so that it is accounted for; then what is due longest, then what was changed."""
    facts = order.facts
    due = facts.due.isoformat() if facts.due else ""
    share = hashlib.sha256(f"{who} {facts.name}".encode()).hexdigest() if who else ""
    return (not facts.unfinished, facts.due is None, due, share, facts.name)


def _waits(order: Order, taken: Collection[str], not_before: datetime | None, now: datetime) -> str:
    facts = order.facts
    if facts.blocked and order.reasons != (Reason.TAKE_UP,):
        return facts.blocked
    if not_before is not None and now < not_before:
        return f"it is tried again at {not_before.isoformat(timespec='seconds')}"
    busy = sorted(facts.writes & set(taken))
    return f"somebody else writes to {busy[0]}" if busy else ""
