"""A batch as the ledger keeps it until its outcomes are known: all that is needed to account for its records."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass

import orjson

from sync_engine.planner.plan import Change, StreamPlan
from sync_engine.planner.plan_data import stream_from_data, stream_to_data
from sync_engine.planner.plan_file import read_change
from sync_engine.sdk.target import Batch, Operation
from sync_engine.transfer.packing import make_batch


@dataclass(frozen=True, slots=True)
class Carried:
    """A batch with the changes it carries.

    Attributes:
        described: digest of the fields it writes to, as they were described.
    """

    stream: StreamPlan
    batch: Batch
    changes: tuple[Change, ...]
    described: str = ""

    def digest(self, change: Change) -> str:
        """A digest of what is sent of a record, and of what the fields are that it is sent to."""
        return sent_digest(change, self.described)


def sent_digest(change: Change, described: str) -> str:
    """See ``Carried.digest``."""
    return hashlib.sha256(orjson.dumps([described, change.kind, [*change.values()]])).hexdigest()[:16]


def to_content(carried: Carried) -> bytes:
    """What the ledger keeps: a line for the batch, then the changes as they stand in the plan file.

    The batch is made anew of it, so each value is kept once.
    """
    head = {
        "stream": stream_to_data(carried.stream),
        "operation": carried.batch.operation,
        "mode": carried.batch.mode,
        "described": carried.described,
    }
    return b"".join((orjson.dumps(head, option=orjson.OPT_APPEND_NEWLINE), *(each.line for each in carried.changes)))


def from_content(id_: str, content: bytes) -> Carried:
    """The batch again, equal to what was sent."""
    lines = io.BytesIO(content)
    data = orjson.loads(next(lines))
    stream = stream_from_data(data["stream"])
    changes = tuple(map(read_change, lines))
    batch = make_batch(stream, Operation(data["operation"]), data["mode"], changes, id_)
    return Carried(stream, batch, changes, data["described"])
