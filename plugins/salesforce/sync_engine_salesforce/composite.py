"""sObject Collections: up to 200 records a call, answered in the order they were sent.

Source: REST API Developer Guide, "Using sObject Collections".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from simple_salesforce.api import Salesforce

from sync_engine.sdk.errors import BrokenContract
from sync_engine.sdk.target import Batch, Operation, Outcome, RecordResult, Row
from sync_engine.sdk.values import ParentKey
from sync_engine_salesforce.errors import may_be_sent_again, reason, row_error
from sync_engine_salesforce.session import OrgSession
from sync_engine_salesforce.values import to_json

MOST_ROWS = 200
MODE = "collections"


def send(session: OrgSession, batch: Batch, relationships: Mapping[str, str]) -> list[RecordResult]:
    """Write a batch and return a result per row.

    Each of the three operations is safe to repeat: an upsert finds its record again, an update writes the same values,
    and a delete of what is gone is done.
    """
    if batch.operation is Operation.DELETE:
        ids = ",".join(row.target_id or "" for row in batch.rows)

        def delete(client: Salesforce) -> Any:
            return client.restful("composite/sobjects", {"ids": ids, "allOrNone": "false"}, method="DELETE")

        answer = session.call(delete)
    else:
        by_id = batch.operation is Operation.UPDATE
        path = "composite/sobjects" if by_id else f"composite/sobjects/{batch.object}/{batch.key_field}"
        records = [_record(batch, row, relationships, by_id=by_id) for row in batch.rows]
        body = {"allOrNone": False, "records": records}
        answer = session.call(lambda client: client.restful(path, method="PATCH", json=body))
    if not isinstance(answer, list) or len(answer) != len(batch.rows):
        count = len(answer) if isinstance(answer, list) else 0
        raise BrokenContract(f"{len(batch.rows)} records were sent and {count} answered")
    return [_result(row, each, batch.operation) for row, each in zip(batch.rows, answer, strict=True)]


def _record(batch: Batch, row: Row, relationships: Mapping[str, str], *, by_id: bool) -> dict[str, Any]:
    record: dict[str, Any] = {"attributes": {"type": batch.object}}
    if by_id:
        record["Id"] = row.target_id
    else:
        record[batch.key_field] = row.key
    for name, value in row.values.items():
        if isinstance(value, ParentKey):
            record[relationships[name]] = {value.field: value.key}
        else:
            record[name] = to_json(value)
    return record


def _result(row: Row, answer: Mapping[str, Any], operation: Operation) -> RecordResult:
    if answer.get("success") is True:
        outcome = {
            Operation.UPSERT: Outcome.CREATED if answer.get("created", True) else Outcome.UPDATED,
            Operation.UPDATE: Outcome.UPDATED,
            Operation.DELETE: Outcome.DELETED,
        }[operation]
        return RecordResult(row.key, outcome, answer.get("id") or row.target_id)
    errors: Sequence[Mapping[str, Any]] = answer.get("errors") or []
    found = [row_error(each) for each in errors] or [("UNKNOWN", "Salesforce gave no reason", [])]
    if operation is Operation.DELETE and any(code == "ENTITY_IS_DELETED" for code, _, _ in found):
        return RecordResult(row.key, Outcome.DELETED, row.target_id)
    again = all(may_be_sent_again(code, message) for code, message, _ in found)
    return RecordResult(row.key, Outcome.REJECTED, row.target_id, tuple(reason(*each) for each in found), again)
