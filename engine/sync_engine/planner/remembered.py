"""What a plan needs to know of the transfers before it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from sync_engine.ledger.records import OwnedRecord


@dataclass(frozen=True, slots=True)
class Remembered:
    """What the ledger remembers of a catalog.

    Attributes:
        owned: from a stream's name to each record that it has written and not deleted since.
        matched: by stream: records of the source that passed the filter in the last complete transfer.
    """

    owned: Callable[[str], Iterable[OwnedRecord]]
    matched: Mapping[str, int] = field(default_factory=dict)


NOTHING = Remembered(lambda _: ())
"""There has been no transfer."""
