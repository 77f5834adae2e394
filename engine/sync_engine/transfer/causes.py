"""Rejections grouped by what explains them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sync_engine.ledger.records import OutcomeRecord

EXAMPLES = 3
UNCERTAIN = "UNCERTAIN"
"""Code of the reason why it is not known what became of a record."""


@dataclass(frozen=True, slots=True)
class Cause:
    """Rejections that one thing explains."""

    code: str
    field: str
    owner: str
    count: int
    examples: tuple[tuple[str, str], ...]

    @property
    def uncertain(self) -> bool:
        """Whether nobody has to act: it is only not known yet what became of these records."""
        return self.code == UNCERTAIN

    @property
    def solved(self) -> str:
        """How it is solved, in a few words."""
        return "not known yet whether they were written" if self.uncertain else f"to be solved in the {self.owner}"


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
