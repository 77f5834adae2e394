"""sObject Collections: up to 200 records a call, answered in the order they were sent.

Source: REST API Developer Guide, "Using sObject Collections".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any
from urllib.parse import quote

from simple_salesforce.api import Salesforce

from sync_engine.sdk.errors import BrokenContract
from sync_engine.sdk.target import Batch, Operation, RecordResult, Row
from sync_engine.sdk.values import Blank, ParentKey
from sync_engine_salesforce.errors import row_error
from sync_engine_salesforce.rows import failed, sort_out, written
from sync_engine_salesforce.schema import Described
from sync_engine_salesforce.session import OrgSession
from sync_engine_salesforce.values import long_id, to_json

MODE = "collections"
MOST_ROWS = 200
MOST_BYTES = 4_000_000
LATE = 600
"""Seconds after which the org has ended a call, answered or not (Limits and Allocations Quick Reference)."""
SECONDS = 2.0
"""Of a call with 200 records, in an org with a few triggers: no more than a guess."""


def send(session: OrgSession, described: Described, batch: Batch) -> list[RecordResult]:
    """Write a batch and return a result per row.

    Each of the three operations is safe to repeat: an upsert finds its record again, an update writes the same values,
    and a delete of what is gone is done.

    Raises:
        BrokenContract: the answer does not account for every row.
        Unavailable, Refused, Unauthorised: of the whole call.
    """
    sendable, rejected = sort_out(batch)
    if not sendable:
        return rejected
    rows = [each.row for each in sendable]
    # An insert makes a record each time it is done; whoever called looks what became of one that was not answered.
    do = session.make if batch.operation is Operation.INSERT else session.call
    answer = do(_call(described, batch, rows))
    if not isinstance(answer, list) or len(answer) != len(rows):
        count = len(answer) if isinstance(answer, list) else "no"
        raise BrokenContract(f"{session.where}: {len(rows)} records were sent and {count} answered")
    return rejected + [_result(session, batch, row, each) for row, each in zip(rows, answer, strict=True)]


def _call(described: Described, batch: Batch, rows: Sequence[Row]) -> partial[Any]:
    path = "composite/sobjects"
    if batch.operation is Operation.DELETE:
        ids = ",".join(map(_id, rows))
        return partial(Salesforce.restful, path=path, params={"ids": ids, "allOrNone": "false"}, method="DELETE")
    if batch.operation is Operation.UPSERT:
        path += f"/{quote(described.name, safe='')}/{quote(batch.key_field, safe='')}"
    body = {"allOrNone": False, "records": [_record(described, batch, row) for row in rows]}
    method = "POST" if batch.operation is Operation.INSERT else "PATCH"
    return partial(Salesforce.restful, path=path, method=method, json=body)


def _record(described: Described, batch: Batch, row: Row) -> dict[str, Any]:
    record: dict[str, Any] = {"attributes": {"type": described.name}}
    if batch.operation is Operation.UPSERT:
        record[batch.key_field] = row.key
    elif batch.operation is not Operation.INSERT:
        record["Id"] = row.target_id
    for name, value in row.values.items():
        if value is Blank.LEAVE:
            continue
        if isinstance(value, ParentKey):
            relationship = described.relationship(name)
            kind = {"attributes": {"type": value.object}} if relationship.polymorphic else {}
            record[relationship.name] = {**kind, value.field: value.key}
        else:
            record[name] = None if value is Blank.CLEAR else to_json(value)
    return record


def _result(session: OrgSession, batch: Batch, row: Row, answer: object) -> RecordResult:
    if not isinstance(answer, Mapping):
        raise BrokenContract(f"{session.where}: the answer for the record {row.key!r} is none")
    given = answer.get("id")
    asked_by_id = batch.operation in (Operation.UPDATE, Operation.DELETE)
    if asked_by_id and isinstance(given, str) and long_id(given) != long_id(_id(row)):
        raise BrokenContract(
            f"{session.where}: the answer for the record {row.target_id} speaks of {session.clean(given)}"
        )
    if answer.get("success") is True and isinstance(given, str):
        return written(row, batch.operation, given, created=answer.get("created") is True)
    errors = answer.get("errors")
    found = [row_error(each) for each in errors if isinstance(each, Mapping)] if isinstance(errors, list) else []
    if answer.get("success") is not False or not found:
        raise BrokenContract(f"{session.where}: the record {row.key!r} was neither written nor refused for a reason")
    return failed(row, batch.operation, found, session.mask.masked)


def _id(row: Row) -> str:
    return row.target_id or ""
