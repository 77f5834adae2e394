"""What is common to both ways of writing: rows that cannot be sent at all, parents named by their key, results."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sync_engine.sdk.target import Batch, Operation, Outcome, Owner, Reason, RecordResult, Row
from sync_engine.sdk.values import Blank, MediaRef, ParentKey, TargetValue
from sync_engine_salesforce.errors import RowError, may_be_sent_again, reason
from sync_engine_salesforce.schema import Described
from sync_engine_salesforce.values import to_text


@dataclass(frozen=True, slots=True)
class RowText:
    """What a row holds as text.

    Attributes:
        row: it is made of.
        texts: by name, of everything that is neither emptied nor left alone.
        whole: the key and these texts one behind the other, so that one look tells what no part of the row contains.
    """

    row: Row
    texts: Mapping[str, str]
    whole: str

    @property
    def named(self) -> tuple[tuple[str, str], ...]:
        """Name and text of each part; the key has no name."""
        return (("", self.row.key), *self.texts.items())

    def emptied(self) -> Iterator[str]:
        """Names of what is emptied; an empty text is no value either."""
        return (name for name, value in self.row.values.items() if name not in self.texts and value is not Blank.LEAVE)


Refusal = Callable[[RowText], Sequence[Reason]]


def sort_out(batch: Batch, *refusals: Refusal) -> tuple[list[RowText], list[RecordResult]]:
    """The rows of a batch that can be sent, and a rejection for each of the others.

    Args:
        batch: as handed over.
        refusals: give the reasons why a row cannot go, none when it can.
    """
    rows: list[RowText] = []
    rejected: list[RecordResult] = []
    for row in batch.rows:
        reasons = _without_id(batch, row)
        content = row_text(row)
        for refuse in (_not_unicode, *refusals):
            reasons += refuse(content)
        if reasons:
            rejected.append(RecordResult(row.key, Outcome.REJECTED, row.target_id, tuple(reasons)))
        else:
            rows.append(content)
    return rows, rejected


def row_text(row: Row) -> RowText:
    """The texts of a row."""
    texts: dict[str, str] = {}
    for name, value in row.values.items():
        if type(value) is str:  # the usual case first
            if value:
                texts[name] = value
        elif value is not None and not isinstance(value, (Blank, MediaRef)) and (text := to_text(value)):
            texts[name] = text
    return RowText(row, texts, "".join((row.key, *texts.values())))


def _without_id(batch: Batch, row: Row) -> list[Reason]:
    if batch.operation in (Operation.UPSERT, Operation.INSERT) or row.target_id:
        return []
    return [Reason("MISSING_ID", f"the id of the record is not known, so it cannot be {batch.operation}d")]


def _not_unicode(content: RowText) -> list[Reason]:
    if _encodable(content.whole):
        return []
    message = "the text holds half of a surrogate pair, which is no character"
    return [Reason("NOT_UNICODE", message, name) for name, text in content.named if not _encodable(text)]


def _encodable(text: str) -> bool:
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def column_names(batch: Batch, described: Described) -> dict[str, str]:
    """The CSV column of each field: ``Parent__r.Key__c`` for a reference that is written by its parent's key.

    Source: Bulk API 2.0 Guide, "Relationship Fields in a Header Row".
    """
    parents = _parents(batch)
    names: dict[str, str] = {}
    for name in batch.columns:
        parent = parents.get(name)
        if parent is None:
            names[name] = name
            continue
        relationship = described.relationship(name)
        prefix = f"{parent.object}:" if relationship.polymorphic else ""
        names[name] = f"{prefix}{relationship.name}.{parent.field}"
    return names


def mixed_references(batch: Batch) -> Refusal:
    """Refuses a reference that does not fit its CSV column, which holds keys of one field of one object."""
    kinds = {name: (first.object, first.field) for name, first in _parents(batch).items()}

    def refuse(content: RowText) -> list[Reason]:
        values = content.row.values
        return [
            Reason("NOT_SENDABLE", f"the other records of the job name their parent by {'.'.join(kind)}", name)
            for name, kind in kinds.items()
            if not _fits(values.get(name), kind)
        ]

    return refuse


def _fits(value: TargetValue | Blank, kind: tuple[str, str]) -> bool:
    if isinstance(value, ParentKey):
        return (value.object, value.field) == kind
    return value is None or isinstance(value, Blank)


def _parents(batch: Batch) -> dict[str, ParentKey]:
    """The first parent that stands in each column that names parents."""
    found: dict[str, ParentKey] = {}
    for row in batch.rows:
        if ParentKey in map(type, row.values.values()):  # in most batches no row has any, and there are many rows
            for name, value in row.values.items():
                if isinstance(value, ParentKey) and name not in found:
                    found[name] = value
    return found


def written(row: Row, operation: Operation, target_id: str | None, *, created: bool) -> RecordResult:
    """The result of a row that was accepted."""
    if operation is Operation.DELETE:
        outcome = Outcome.DELETED
    else:
        made = operation is Operation.INSERT or (created and operation is Operation.UPSERT)
        outcome = Outcome.CREATED if made else Outcome.UPDATED
    return RecordResult(row.key, outcome, target_id or row.target_id)


def failed(row: Row, operation: Operation, errors: Sequence[RowError], masked: Callable[[str], str]) -> RecordResult:
    """The result of a row that was refused; to delete what is deleted already is done.

    Args:
        row: that was sent.
        operation: what was to be done.
        errors: as the org says them.
        masked: takes secrets out of them.
    """
    if operation is Operation.DELETE and any(code == "ENTITY_IS_DELETED" for code, _, _ in errors):
        return RecordResult(row.key, Outcome.DELETED, row.target_id)
    reasons = tuple(reason(each, masked) for each in errors)
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
