"""A batch as the ledger keeps it until its outcomes are known: all that is needed to account for its records."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import orjson

from sync_engine.planner.plan import Change, ChangeKind, PackedChange, StreamPlan
from sync_engine.planner.plan_data import stream_from_data, stream_to_data
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
    fields = [(each.field, each.after) for each in change.fields]
    return hashlib.sha256(orjson.dumps([described, change.kind, fields])).hexdigest()[:16]


def to_content(carried: Carried) -> bytes:
    """What the ledger keeps; the batch is made anew of it, so each value is kept once."""
    return orjson.dumps(
        {
            "stream": stream_to_data(carried.stream),
            "operation": carried.batch.operation,
            "mode": carried.batch.mode,
            "described": carried.described,
            "changes": [_change(each.packed()) for each in carried.changes],
        }
    )


def _change(packed: PackedChange) -> Sequence[object]:
    return (packed.kind, packed.key, packed.source_key, packed.target_id, packed.wave, orjson.Fragment(packed.fields))


def from_content(id_: str, content: bytes) -> Carried:
    """The batch again, equal to what was sent."""
    data = orjson.loads(content)
    stream = stream_from_data(data["stream"])
    changes = tuple(
        PackedChange(ChangeKind(kind), key, source_key, target_id, wave, orjson.dumps(fields)).unpacked()
        for kind, key, source_key, target_id, wave, fields in data["changes"]
    )
    batch = make_batch(stream, Operation(data["operation"]), data["mode"], changes, id_)
    return Carried(stream, batch, changes, data["described"])
