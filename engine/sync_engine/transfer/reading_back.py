"""Look after a transfer whether the target holds what was written; a field that does not is *flapping*.

Such a field would differ again in every plan. Each finding says what probably changed the value on its way, and what to
write in the catalog so that it settles. Findings are counted by stream, field and reason, so their number is small.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from functools import partial
from itertools import islice

from sync_engine.ledger.store import Ledger
from sync_engine.planner.encoding import Encoded
from sync_engine.planner.plan import CatalogPlan, Change, StreamPlan
from sync_engine.planner.plan_file import PlanFile
from sync_engine.planner.work import slot_of
from sync_engine.sdk.target import ObjectSchema, Target, TargetSchema
from sync_engine.transfer.stale import held_rows

CHUNK = 200
_TAG = re.compile(r"<[^>]*>")
_FAILED = ("rejected", "uncertain", "stale")


class Why(StrEnum):
    """What probably keeps a field from holding what was written."""

    TRUNCATION = "truncation"
    ROUNDING = "rounding"
    HTML = "HTML clean-up"
    CHOICES = "picklist order"
    SPACE = "white space or case"
    TRIGGER = "trigger"


@dataclass(frozen=True, slots=True)
class Flapping:
    """A field that did not take what was written, with an example.

    Attributes:
        records: how many of those that were read back.
        advice: what to write in the catalog, for people.
        key: of the example.
        wrote, holds: its values, encoded.
    """

    stream: str
    field: str
    why: Why
    advice: str
    records: int
    key: str
    wrote: Encoded
    holds: Encoded


def read_back(
    file: PlanFile,
    plan: CatalogPlan,
    transfer: str,
    target: Target,
    described: TargetSchema,
    ledger: Ledger,
    most: int | None,
) -> list[Flapping]:
    """The fields that do not hold what a transfer wrote.

    Args:
        file: the plan on disk.
        plan: the catalog in it.
        transfer: its id; records that it did not write are left out.
        target: is asked for the records.
        described: its objects.
        ledger: knows which records failed.
        most: records of each stream to look at, spread over all that were written; None looks at all.

    Raises:
        Unavailable, BrokenContract, Unauthorised: the target could not be asked.
    """
    if most == 0:
        return []
    failed = {(each.stream, each.key) for word in _FAILED for each in ledger.outcomes(transfer, word)}
    found: dict[tuple[str, str, Why], Flapping] = {}
    for stream in plan.streams:
        summary = stream.summary
        written = summary.create + summary.update + summary.deactivate
        step = 1 if most is None else max(1, -(-written // most))
        changes = file.sample(plan.name, stream.name, step)
        chosen = (each for each in changes if (stream.name, each.key) not in failed)
        contents = partial(ledger.file_content, plan.name)
        for each in _differing(stream, chosen, target, described.objects[stream.write.object_name], contents):
            place = (each.stream, each.field, each.why)
            before = found.get(place)
            found[place] = each if before is None else replace(before, records=before.records + 1)
    return list(found.values())


def _differing(
    stream: StreamPlan,
    changes: Iterator[Change],
    target: Target,
    described: ObjectSchema,
    contents: Callable[[str], str | None],
) -> Iterator[Flapping]:
    slot = slot_of(stream, described)
    while chunk := list(islice(changes, CHUNK)):
        held = held_rows(stream, slot, chunk, target, described)
        for change in chunk:
            row = held.get(slot.normalise(change.key))
            if row is None:  # deleted again already; that is no matter of a field
                continue
            now = {request.name: value for request, value in zip(slot.requests, row[3], strict=True)}
            for each in change.fields:
                if isinstance(each.after, list) and slot.holds_file(each.field):
                    # A file is sent by its code and read back by its content.
                    each = each._replace(after=contents(each.after[0]))
                if each.field in now and now[each.field] != each.after:
                    why, advice = explain(each.after, now[each.field])
                    holds = now[each.field]
                    yield Flapping(stream.name, each.field, why, advice, 1, change.key, each.after, holds)


def explain(wrote: Encoded, holds: Encoded) -> tuple[Why, str]:
    """What probably changed a value on its way, and what to write in the catalog so that it settles."""
    if isinstance(wrote, list) and isinstance(holds, list) and {*_plain(wrote)} == {*_plain(holds)}:
        return Why.CHOICES, "Send the values as the picklist spells them, with `translate`."
    if isinstance(wrote, str) and isinstance(holds, str) and (found := _of_texts(wrote, holds)):
        return found
    keep = "Find out what writes this field in the org. `conflict: keep` leaves it to the org after the first value."
    return Why.TRIGGER, keep


def _of_texts(wrote: str, holds: str) -> tuple[Why, str] | None:
    digits = _rounded(wrote, holds)
    if digits is not None:
        return Why.ROUNDING, f"Say `round: {digits}` in the mapping."
    if holds and wrote.startswith(holds):
        return Why.TRUNCATION, f"Say `truncate: {len(holds)}` in the mapping."
    if "<" in wrote and _visible(wrote) == _visible(holds):
        return (
            Why.HTML,
            "Send what the org makes of it: a template with `| striptags`, or HTML without what it removes.",
        )
    if _squeezed(wrote) == _squeezed(holds):
        return Why.SPACE, "Send it as the org stores it: a template with `| trim`, `| lower` or `| upper`."
    return None


def _rounded(wrote: str, holds: str) -> int | None:
    """The decimals that are left of a number, when it is the same number with fewer of them."""
    try:
        exact, rounded = Decimal(wrote), Decimal(holds)
    except InvalidOperation:
        return None
    digits = max(0, -int(rounded.as_tuple().exponent)) if rounded.is_finite() else 0
    if not exact.is_finite() or abs(exact - rounded) >= Decimal(1).scaleb(-digits):
        return None
    return digits


def _plain(values: Iterable[str]) -> Iterator[str]:
    return (each.strip().casefold() for each in values)


def _visible(text: str) -> str:
    return "".join(html.unescape(_TAG.sub("", text)).split())


def _squeezed(text: str) -> str:
    return "".join(text.split()).casefold()
