"""What is common to both ways of writing: rows that cannot be sent at all, parents named by their key, results."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from sync_engine.sdk.target import Batch, Operation, Outcome, Owner, Reason, RecordResult, Row
from sync_engine.sdk.values import Blank, ParentKey, TargetValue
from sync_engine_salesforce.errors import RowError, may_be_sent_again, reason
from sync_engine_salesforce.schema import Described
from sync_engine_salesforce.values import to_text

Refusal = Callable[[Row], Sequence[Reason]]


def sort_out(batch: Batch, *refusals: Refusal) -> tuple[list[Row], list[RecordResult]]:
    """The rows of a batch that can be sent, and a rejection for each of the others.

    Args:
        batch: as handed over.
        refusals: give the reasons why a row cannot go, none when it can.
    """
    rows: list[Row] = []
    rejected: list[RecordResult] = []
    for row in batch.rows:
        reasons = [*_unsendable(batch, row), *(each for refuse in refusals for each in refuse(row))]
        if reasons:
            rejected.append(RecordResult(row.key, Outcome.REJECTED, row.target_id, tuple(reasons)))
        else:
            rows.append(row)
    return rows, rejected


def texts(row: Row) -> list[tuple[str, str]]:
    """Name and text of everything in a row that is neither emptied nor left alone; the key has no name."""
    filled = ((name, value) for name, value in row.values.items() if value is not None and not isinstance(value, Blank))
    return [("", row.key), *((name, value if type(value) is str else to_text(value)) for name, value in filled)]


def _unsendable(batch: Batch, row: Row) -> Iterator[Reason]:
    if batch.operation is not Operation.UPSERT and not row.target_id:
        yield Reason("MISSING_ID", f"the id of the record is not known, so it cannot be {batch.operation}d")
    for name, text in texts(row):
        if text.isascii():
            continue
        try:
            text.encode()
        except UnicodeEncodeError:
            yield Reason("NOT_UNICODE", "the text holds half of a surrogate pair, which is no character", name)


def column_names(batch: Batch, described: Described) -> dict[str, str]:
    """The CSV column of each field: ``Parent__r.Key__c`` for a reference that is written by its parent's key.

    Source: Bulk API 2.0 Guide, "Relationship Fields in a Header Row".
    """
    names: dict[str, str] = {}
    for name in batch.columns:
        parent = next(_parents(batch, name), None)
        if parent is None:
            names[name] = name
            continue
        relationship = described.relationship(name)
        prefix = f"{parent.object}:" if relationship.polymorphic else ""
        names[name] = f"{prefix}{relationship.name}.{parent.field}"
    return names


def mixed_references(batch: Batch) -> Refusal:
    """Refuses a reference that does not fit its CSV column, which holds keys of one field of one object."""
    kinds = {
        name: (first.object, first.field) for name in batch.columns if (first := next(_parents(batch, name), None))
    }

    def refuse(row: Row) -> list[Reason]:
        return [
            Reason("NOT_SENDABLE", f"the other records of the job name their parent by {'.'.join(kind)}", name)
            for name, kind in kinds.items()
            if not _fits(row.values.get(name), kind)
        ]

    return refuse


def _fits(value: TargetValue | Blank, kind: tuple[str, str]) -> bool:
    if isinstance(value, ParentKey):
        return (value.object, value.field) == kind
    return value is None or isinstance(value, Blank)


def _parents(batch: Batch, name: str) -> Iterator[ParentKey]:
    return (value for row in batch.rows if isinstance(value := row.values.get(name), ParentKey))


def written(row: Row, operation: Operation, target_id: str | None, *, created: bool) -> RecordResult:
    """The result of a row that was accepted."""
    if operation is Operation.DELETE:
        outcome = Outcome.DELETED
    else:
        outcome = Outcome.CREATED if created and operation is Operation.UPSERT else Outcome.UPDATED
    return RecordResult(row.key, outcome, target_id or row.target_id)


def failed(row: Row, operation: Operation, errors: Sequence[RowError]) -> RecordResult:
    """The result of a row that was refused; to delete what is deleted already is done."""
    if operation is Operation.DELETE and any(code == "ENTITY_IS_DELETED" for code, _, _ in errors):
        return RecordResult(row.key, Outcome.DELETED, row.target_id)
    reasons = tuple(reason(*each) for each in errors)
    return RecordResult(row.key, Outcome.REJECTED, row.target_id, reasons, may_be_sent_again(errors))


def to_plain(result: RecordResult) -> dict[str, object]:
    """A result as plain data, for ``BatchRef.data``."""
    return {
        "key": result.key,
        "outcome": result.outcome.value,
        "id": result.target_id,
        "reasons": [[each.code, each.message, each.field, each.owner.value] for each in result.reasons],
        "retryable": result.retryable,
    }


def from_plain(data: Mapping[str, Any]) -> RecordResult:
    """The result that ``to_plain`` made plain."""
    return RecordResult(
        key=data["key"],
        outcome=Outcome(data["outcome"]),
        target_id=data["id"],
        reasons=tuple(Reason(code, text, field, Owner(owner)) for code, text, field, owner in data["reasons"]),
        retryable=data["retryable"],
    )
