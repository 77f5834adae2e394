"""What stays although it is gone from the source: parents that the key of a child names which could not be deleted."""

from __future__ import annotations

from sync_engine.ledger.records import OutcomeRecord
from sync_engine.planner.plan import Change, StreamPlan
from sync_engine.sdk.target import Owner, Reason, TargetSchema
from sync_engine.transfer.concluding import plain_reasons

_NAMED = Reason(
    "NAMED_IN_KEY",
    "records whose key names records of this object could not be deleted; without it they would not be found again",
    owner=Owner.ORG,
)


def named_in_key(stream: StreamPlan, described: TargetSchema) -> set[str]:
    """The objects whose records the keys of a stream name.

    A target empties references to what is deleted; a record whose key holds one is not found by its key after that.
    """
    fields = described.objects[stream.write.object_name]
    return {name for each in stream.write.key_fields if (found := fields.field(each)) for name in found.refers_to}


def kept_for_children(stream: StreamPlan, change: Change) -> OutcomeRecord:
    """The outcome of a record that is not deleted, because a child of its object is still there."""
    return OutcomeRecord(stream.name, change.key, "rejected", change.target_id, plain_reasons((_NAMED,)))
