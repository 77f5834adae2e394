"""Results become outcomes: what the log keeps, what is known as written, and what is to be sent again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sync_engine.catalog.model import LogLevel
from sync_engine.ledger.records import OutcomeRecord, WrittenRecord
from sync_engine.planner.plan import Change, ChangeKind
from sync_engine.sdk.target import Outcome, Reason, RecordResult
from sync_engine.transfer.content import Carried
from sync_engine.transfer.fetching import as_held

COUNTED = ("created", "updated", "deactivated", "deleted", "unchanged", "rejected", "stale")


@dataclass(slots=True)
class Conclusion:
    """What a batch came to.

    Attributes:
        outcomes: for the log.
        written: records as the target holds them now.
        deleted: stream and key of those that are gone.
        again: changes that the target refused for now.
        counts: under the names of ``COUNTED``; ``rejected`` includes the uncertain ones.
        uncertain: how many of them are uncertain.
        unwritten: stream and source key of the records that are not as they were sent.
    """

    outcomes: list[OutcomeRecord] = field(default_factory=list)
    written: list[WrittenRecord] = field(default_factory=list)
    deleted: list[tuple[str, str]] = field(default_factory=list)
    again: list[Change] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    uncertain: int = 0
    unwritten: list[tuple[str, str]] = field(default_factory=list)

    @property
    def done(self) -> int:
        """Records that are as they were sent."""
        return self.counts.total() - self.counts["rejected"]


def conclude(
    carried: Carried,
    results: Sequence[RecordResult],
    level: LogLevel,
    contents: Mapping[str, str] | None = None,
    *,
    last: bool = True,
) -> Conclusion:
    """What the results of a batch mean.

    Args:
        carried: the batch.
        results: one for each of its records.
        level: how much the log keeps.
        contents: by code, what the files contained that were sent.
        last: no further attempt follows; what is refused for now is rejected.
    """
    name = carried.stream.name
    mapped = [each.name for each in carried.stream.mapped]
    by_key = {each.key: each for each in carried.changes}
    found = Conclusion()
    for result in results:
        change = by_key[result.key]
        if result.retryable and not last:
            found.again.append(change)
            continue
        word = _word(change, result)
        failed = word in ("rejected", "uncertain")
        found.counts["rejected" if failed else word] += 1
        found.uncertain += word == "uncertain"
        if failed:
            found.unwritten.append((name, change.source_key))
        if word == "deleted":
            found.deleted.append((name, change.key))
        elif not failed:
            fields = _written_fields(mapped, change, contents or {})
            target_id = result.target_id or change.target_id
            of_target = (carried.batch.object, target_id, fields, change.source_key)
            found.written.append(WrittenRecord(name, change.key, *of_target))
        if level is LogLevel.MINIMAL and not failed:
            continue
        reasons = plain_reasons(result.reasons)
        sent = carried.digest(change) if failed else ""
        outcome = OutcomeRecord(name, change.key, word, result.target_id or "", reasons, carried.batch.id, sent=sent)
        if word in ("updated", "deactivated") and level is LogLevel.FULL:
            outcome = outcome._replace(fields=tuple((name, before, after) for name, before, after, _ in change.fields))
        found.outcomes.append(outcome)
    return found


def _written_fields(mapped: Sequence[str], change: Change, contents: Mapping[str, str]) -> dict[str, object]:
    """What a change has written, of a file its content; a new record is empty where its mapping yields nothing."""
    written: dict[str, object] = dict.fromkeys(mapped if change.kind is ChangeKind.CREATE else ())
    if contents:
        written.update((name, as_held(after, contents)) for name, after in change.values())
    else:
        written.update(change.values())
    return written


def _word(change: Change, result: RecordResult) -> str:
    if result.outcome in (Outcome.REJECTED, Outcome.UNCERTAIN):
        return result.outcome.value
    if change.kind is ChangeKind.DEACTIVATE:
        return "deactivated"
    if change.kind is ChangeKind.CREATE:
        # The plan saw that it was not there. A call that was repeated, or arrived twice, finds what it made itself.
        return Outcome.CREATED.value
    return result.outcome.value


def plain_reasons(reasons: Sequence[Reason]) -> tuple[dict[str, str], ...]:
    """Reasons as the ledger keeps them."""
    return tuple(
        {"code": each.code, "message": each.message, "field": each.field, "owner": each.owner.value} for each in reasons
    )
