"""What a transfer's record in the target says: one record for each transfer, found by the transfer's id."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Protocol, runtime_checkable


class TransferFact(StrEnum):
    """What is known of a transfer. Texts, but for the counts (whole numbers) and the two moments (in UTC)."""

    ID = "id"
    CATALOG = "catalog"
    STATUS = "status"
    STARTED = "started"
    FINISHED = "finished"
    TRIGGER = "trigger"  # what started it: command, schedule, …
    WHO = "who"  # user and machine
    CREATED = "created"
    UPDATED = "updated"
    DEACTIVATED = "deactivated"
    DELETED = "deleted"
    UNCHANGED = "unchanged"
    REJECTED = "rejected"
    STALE = "stale"
    PLAN = "plan"  # digest of the plan
    ERROR = "error"  # why it failed
    REJECTIONS = "rejections"  # causes with counts and examples, and the command that shows all


MOMENTS = frozenset({TransferFact.STARTED, TransferFact.FINISHED})
COUNTS = frozenset(
    {
        *(TransferFact.CREATED, TransferFact.UPDATED, TransferFact.DEACTIVATED, TransferFact.DELETED),
        *(TransferFact.UNCHANGED, TransferFact.REJECTED, TransferFact.STALE),
    }
)


@runtime_checkable
class NamesTransferFields(Protocol):
    """What a target adapter can bring beside ``TargetAdapter``: how the fields of such records are called.

    Attributes:
        transfer_fields: field by fact, ``id`` among them; they count where a catalog names none.
    """

    transfer_fields: Mapping[TransferFact, str]
