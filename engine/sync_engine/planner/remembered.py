"""What a plan needs to know of the transfers before it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sync_engine.ledger.records import OwnedRecord
from sync_engine.planner.files import Files


@dataclass(frozen=True, slots=True)
class Since:
    """What may have changed in the source.

    Attributes:
        moment: whatever was saved since then; None when everything has to be read after all.
        because: why, for people.
        unwritten: by stream: records of the source that were not written, by their keys.
        dependencies: see ``planner.dependencies``: as they were when everything was written.
    """

    moment: datetime | None
    because: str = ""
    unwritten: Mapping[str, Sequence[str]] = field(default_factory=dict)
    dependencies: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Remembered:
    """What the ledger remembers of a catalog.

    Attributes:
        owned: from a stream's name to each record that it has written and not deleted since.
        count: from a stream's name to how many these are.
        owners: from a stream's name and keys to the source records they were written for; unknown keys are absent.
        matched: by stream: records of the source that passed the filter in the last complete transfer.
        written: from a stream's name and keys of records to what was last written to them: encoded values by field.
            Keys to which nothing was written are absent.
        mappings: by stream and field: digest of how the field was filled at the last transfer.
        since: read only what may have changed in the source, where that is enough; None reads everything.
        rate: records per second of the last large transfer; None before there was one.
        files: what the source's files contain; None where nothing is to be compared.
    """

    owned: Callable[[str], Iterable[OwnedRecord]]
    count: Callable[[str], int] = lambda _: 0
    owners: Callable[[str, Sequence[str]], Mapping[str, str]] = lambda *_: {}
    matched: Mapping[str, int] = field(default_factory=dict)
    written: Callable[[str, Sequence[str]], Mapping[str, Mapping[str, object]]] = lambda *_: {}
    mappings: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    rate: float | None = None
    since: Since | None = None
    files: Files | None = None


NOTHING = Remembered(lambda _: ())
"""There has been no transfer."""
