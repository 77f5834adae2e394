"""What the ledger keeps, as frozen values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple


def utc_now() -> str:
    """The present moment as ISO 8601 in UTC, to the millisecond."""
    return utc_text(datetime.now(UTC))


def utc_text(moment: datetime) -> str:
    """A moment as ISO 8601 in UTC, to the millisecond: such texts sort as the moments do."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def moment_of(milliseconds: int) -> datetime:
    """The moment so many milliseconds after 1970 began."""
    return datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=milliseconds)


class Status(StrEnum):
    """How far a transfer came."""

    RUNNING = "running"
    DONE = "done"
    REJECTED = "rejected"  # finished, and some records were rejected
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    GATED = "gated"  # refused by a safety gate; nothing was written


class Recording(StrEnum):
    """Whether a transfer is recorded in the target, where its catalog wants that."""

    NONE = ""
    DUE = "due"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class TransferRecord:
    """One execution of a plan.

    Attributes:
        id: sorts by the time of its start.
        catalog: the catalog's name.
        digest: digest of the plan that was run.
        trigger: who or what started it: ``command``, ``schedule``, …
        started, finished: ISO 8601 in UTC; ``finished`` is empty while it runs.
        summary: counts by outcome: created, updated, deactivated, deleted, unchanged, rejected, stale.
        error: why it failed, empty otherwise.
        matched: by stream: records of the source that passed the filter.
        overrides: gates that a person passed: ``{gate, limit, found, allowed, reason}`` each.
        flapping: fields that did not take what was written:
            ``{stream, field, why, advice, records, key, wrote, holds}`` each.
        who: user and machine that started it; empty where an earlier version kept the log.
        recording: whether its record in the target says what is known of it.
        recording_error: why it could not be written there the last time.
    """

    id: str
    catalog: str
    digest: str
    trigger: str
    started: str
    finished: str = ""
    status: Status = Status.RUNNING
    summary: Mapping[str, int] = field(default_factory=dict)
    error: str = ""
    matched: Mapping[str, int] = field(default_factory=dict)
    overrides: tuple[Mapping[str, str], ...] = ()
    flapping: tuple[Mapping[str, Any], ...] = ()
    who: str = ""
    recording: Recording = Recording.NONE
    recording_error: str = ""


class OutcomeRecord(NamedTuple):
    """What became of one record in a transfer; a tuple, because that is made fastest, and there are many.

    Attributes:
        outcome: created, updated, deactivated, deleted, unchanged, rejected, stale or uncertain.
        reasons: of a rejection, as plain data: ``{code, message, field, owner}`` each.
        batch: id of the batch in which it was sent; empty when it was not sent.
        fields: of an existing record that was changed: (field, before, after) each, as the plan had it; kept with
            ``log.level: full`` only.
        sent: digest of what was sent of a record that was rejected or is uncertain; empty when it was not sent.
    """

    stream: str
    key: str
    outcome: str
    target_id: str = ""
    reasons: tuple[Mapping[str, str], ...] = ()
    batch: str = ""
    fields: tuple[tuple[str, Any, Any], ...] = ()
    sent: str = ""


@dataclass(frozen=True, slots=True)
class BatchRecord:
    """A batch that was packed and whose outcomes are not all known.

    Attributes:
        id: of the batch within its transfer.
        stream: whose records it has.
        mode: the target's own name of the way.
        rows: how many records.
        state: how far it came, see ``sdk.target.BatchState``.
        at: when it came to that, in milliseconds since 1970 by the ledger's clock.
        data: what the target needs to find it again.
        uncertain: how many of its records the transfer has counted as uncertain.
        content: what ``store.Ledger.pack`` was given.
    """

    transfer: str
    id: str
    stream: str
    mode: str
    rows: int
    state: str
    at: int
    data: Mapping[str, object]
    uncertain: int
    content: bytes


class WrittenRecord(NamedTuple):
    """What was last written to a record of the target: the third corner beside source and target; a tuple likewise.

    Attributes:
        fields: encoded values by field name (see ``planner.encoding``).
        source_key: of the source's record it was made of; empty when that is not known now, which keeps what was known.
    """

    stream: str
    key: str
    object_name: str
    target_id: str
    fields: Mapping[str, object]
    source_key: str = ""


@dataclass(frozen=True, slots=True)
class OwnedRecord:
    """A record of the target that a stream has written and not deleted since.

    Attributes:
        source_key: of the source's record it was made of; empty when that was not kept.
    """

    key: str
    target_id: str
    source_key: str


@dataclass(frozen=True, slots=True)
class Mark:
    """Up to where everything that a catalog yields is written.

    Attributes:
        read_from: when the last complete transfer began to read the source (ISO 8601, by the source's clock); empty
            when changes of any age may not have been written.
        compared: when the last complete transfer began that compared all records (ISO 8601); empty when that is
            not known.
        why: why ``read_from`` is empty, for people.
        dependencies: by place and code: digests of what the rows depend on beside their records.
        target: how the target described itself to the last complete transfer; text that only its writer reads.
        unwritten: by stream: keys in the source of the records that the last complete transfer could not write.
    """

    read_from: str = ""
    compared: str = ""
    why: str = ""
    unwritten: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    dependencies: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    target: str = ""


@dataclass(frozen=True, slots=True)
class History:
    """What the ledger knows of one record of a stream.

    Attributes:
        written: what was last written, None when nothing was, or when it was deleted since.
        outcome: what became of it the last time that it was sent or rejected, as far as the log keeps that.
        transfer: of that outcome.
    """

    written: WrittenRecord | None
    outcome: OutcomeRecord | None
    transfer: TransferRecord | None


@dataclass(frozen=True, slots=True)
class ScheduledRun:
    """A run of a catalog's schedule that has happened.

    Attributes:
        due: the moment that the schedule names.
        claimed, finished: when it began and ended, as ISO 8601 in UTC.
        outcome: how it ended, as the status of a transfer or ``failed``.
    """

    catalog: str
    due: datetime
    claimed: str
    finished: str
    outcome: str


@dataclass(frozen=True, slots=True)
class Pause:
    """A catalog that its schedule does not start, until somebody resumes it.

    Attributes:
        reason: for people.
        who: paused it.
        since: ISO 8601 in UTC.
    """

    catalog: str
    reason: str
    who: str
    since: str


@dataclass(frozen=True, slots=True)
class Effort:
    """What a transfer takes; None where nothing is known of it.

    Attributes:
        seconds: from the beginning of the reading to the end.
        source_requests, target_requests: what it asks of each service.
    """

    seconds: float | None = None
    source_requests: int | None = None
    target_requests: int | None = None


@dataclass(frozen=True, slots=True)
class ServedCatalog:
    """What a catalog was last transferred for by ``sync-engine serve``.

    Attributes:
        meaning: digest of what decides what is transferred, see ``serve.facts.meaning``.
        revision: commit in which it stood so.
        outcome: how that ended, as the status of a transfer, or ``gate``.
        message: why, where it did not end well.
        at: when, as ISO 8601 in UTC.
    """

    catalog: str
    meaning: str
    revision: str
    outcome: str
    message: str
    at: str
