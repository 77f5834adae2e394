"""Rejections grouped by what explains them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sync_engine.ledger.records import OutcomeRecord

EXAMPLES = 3


@dataclass(frozen=True, slots=True)
class Cause:
    """Rejections that one thing explains."""

    code: str
    field: str
    owner: str
    count: int
    examples: tuple[tuple[str, str], ...]


def causes(rejected: Iterable[OutcomeRecord]) -> list[Cause]:
    """Rejections by (code, field, owner), the most frequent first, each with a few examples of key and message."""
    counts: dict[tuple[str, str, str], int] = {}
    examples: dict[tuple[str, str, str], list[tuple[str, str]]] = {}
    for outcome in rejected:
        for reason in outcome.reasons:
            cause = (reason["code"], reason["field"], reason["owner"])
            counts[cause] = counts.get(cause, 0) + 1
            some = examples.setdefault(cause, [])
            if len(some) < EXAMPLES:
                some.append((outcome.key, reason["message"]))
    ordered = sorted(counts, key=lambda each: (-counts[each], each))
    return [Cause(*each, counts[each], tuple(examples[each])) for each in ordered]
