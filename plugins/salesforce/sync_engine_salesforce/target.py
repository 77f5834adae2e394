"""An opened org as the engine's target; see ``sync_engine.sdk.target.Target``."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from simple_salesforce.api import Salesforce
from simple_salesforce.exceptions import SalesforceResourceNotFound

from sync_engine.sdk.errors import BrokenContract, Refused
from sync_engine.sdk.target import (
    Batch,
    Batching,
    BatchRef,
    Budget,
    Checkpoint,
    FieldDescription,
    FieldRequest,
    ObjectSchema,
    Operation,
    Outcome,
    Progress,
    RecordResult,
    Row,
    TargetRow,
    TargetSchema,
)
from sync_engine.sdk.values import ParentKey, TargetValue
from sync_engine_salesforce import composite, csv_format, soql
from sync_engine_salesforce.bulk import MODE as BULK
from sync_engine_salesforce.bulk import BulkJobs
from sync_engine_salesforce.schema import read_object, relationships
from sync_engine_salesforce.session import OrgSession
from sync_engine_salesforce.settings import OrgSettings
from sync_engine_salesforce.values import from_json, normal_form

BULK_BYTES = 80_000_000
COLLECTION_BYTES = 4_000_000


class SalesforceTarget:
    """One org; threads may share it."""

    def __init__(self, connection: str, settings: OrgSettings) -> None:
        self._settings = settings
        self._session = OrgSession(connection, settings)
        self._jobs = BulkJobs(self._session)
        self._described: dict[str, tuple[ObjectSchema, dict[str, str]]] = {}
        self._lock = threading.Lock()
        self._results: dict[str, list[RecordResult]] = {}
        self._polls: dict[str, int] = {}

    def describe(self, objects: Collection[str]) -> TargetSchema:
        """Describe these objects, side by side."""
        self._session.client()  # one login, not one per thread
        with ThreadPoolExecutor(max_workers=self._settings.parallel, thread_name_prefix="describe") as pool:
            found = [each for each in pool.map(self._describe, sorted(set(objects))) if each is not None]
        return TargetSchema("salesforce", self._settings.api_version, {each.name: each for each in found})

    def _describe(self, name: str) -> ObjectSchema | None:
        def ask(client: Salesforce) -> Any:
            try:
                return client.restful(f"sobjects/{name}/describe")
            except SalesforceResourceNotFound:
                return None

        answer = self._session.call(ask)
        if answer is None:
            return None
        try:
            described = read_object(answer)
        except (KeyError, TypeError, ValueError) as error:
            raise BrokenContract(f"the description of {name} has not the documented shape: {error}") from error
        with self._lock:
            self._described[described.name.casefold()] = (described, relationships(answer))
        return described

    def _known(self, object_name: str) -> tuple[ObjectSchema, dict[str, str]]:
        if object_name.casefold() not in self._described and self._describe(object_name) is None:
            raise Refused(f"the org has no object `{object_name}`, or hides it from this user")
        return self._described[object_name.casefold()]

    def normal_form(self, description: FieldDescription, value: TargetValue) -> TargetValue:
        """See ``values.normal_form``."""
        return normal_form(description, value)

    def read(
        self,
        object_name: str,
        key_field: str,
        fields: Sequence[FieldRequest],
        keys: Sequence[str] | None = None,
    ) -> Iterator[Sequence[TargetRow]]:
        """Records by SOQL, 2,000 a page."""
        described, names = self._known(object_name)
        selected = soql.columns(described, key_field, fields, names)
        for query in soql.queries(described.name, selected, key_field, keys):
            answer = self._session.call(partial(Salesforce.query, query=query))
            while True:
                yield [_row(record, key_field, fields, described, names) for record in _records(answer)]
                if answer.get("done", True):
                    break
                following = answer["nextRecordsUrl"]
                following = partial(
                    Salesforce.query_more, next_records_identifier=answer["nextRecordsUrl"], identifier_is_url=True
                )
                answer = self._session.call(following)

    def budget(self) -> Budget:
        """The daily limit, as ``/limits`` tells it."""
        answer = self._session.call(lambda client: client.restful("limits"))
        daily = answer.get("DailyApiRequests") if isinstance(answer, dict) else None
        if not isinstance(daily, Mapping):
            return Budget()
        return Budget(daily.get("Max"), daily.get("Remaining"))

    def batching(self, object_name: str, operation: Operation, changes: int) -> Batching:  # noqa: ARG002 - all alike
        """Collections for few changes, bulk jobs for many."""
        if changes > self._settings.bulk_threshold:
            return Batching(BULK, self._settings.bulk_rows, BULK_BYTES, self._settings.parallel)
        return Batching(composite.MODE, composite.MOST_ROWS, COLLECTION_BYTES, self._settings.parallel)

    def submit(self, batch: Batch, checkpoint: Checkpoint) -> BatchRef:
        """Hand a batch over; Collections answer at once, a bulk job later."""
        _, names = self._known(batch.object)
        if batch.mode != BULK:
            checkpoint("sending", {})
            with_results = composite.send(self._session, batch, names)
            self._results[batch.id] = with_results
            return BatchRef(batch.id, {"mode": batch.mode})
        refused = self._results[batch.id] = _unsendable(batch)
        rows = _without(batch.rows, refused)
        if not rows:
            return BatchRef(batch.id, {"mode": batch.mode})
        job = self._jobs.submit(batch, rows, _column_names(batch, names), checkpoint)
        return BatchRef(batch.id, {"mode": batch.mode, "job": job})

    def poll(self, ref: BatchRef) -> Progress:
        """How far a batch is."""
        job = ref.data.get("job")
        if not isinstance(job, str):
            return Progress(finished=True, processed=0, wait=0.0)
        count = self._polls.get(job, 0)
        self._polls[job] = count + 1
        return self._jobs.poll(job, count)

    def results(self, ref: BatchRef, batch: Batch) -> Iterator[RecordResult]:
        """Exactly one result per row."""
        known = self._results.pop(ref.batch_id, None)
        if known is None:  # a job of before a restart
            known = _unsendable(batch)
        yield from known
        job = ref.data.get("job")
        if isinstance(job, str):
            sent = _without(batch.rows, known)
            described, _ = self._known(batch.object)
            field = described.field(batch.key_field)
            case_sensitive = field is not None and field.case_sensitive
            yield from self._jobs.results(job, batch, sent, case_sensitive=case_sensitive)
            self._polls.pop(job, None)

    def adopt(self, batch: Batch, state: str, data: Mapping[str, object]) -> BatchRef | None:
        """Take up a bulk job found at a restart (see ``bulk``); Collections are sent anew, which is safe."""
        job = data.get("job")
        if batch.mode != BULK or not isinstance(job, str) or not self._jobs.exists(job):
            return None
        now = self._jobs.state(job)["state"]
        if now == "Open":
            if state in ("closing", "closed"):
                self._jobs.close_job(job)
            else:
                self._jobs.abort(job)
                return None
        elif now == "Aborted":
            return None
        return BatchRef(batch.id, {"mode": batch.mode, "job": job})

    def close(self) -> None:
        """Release connections; the session is left to whoever else uses it."""
        self._session.close()


def _unsendable(batch: Batch) -> list[RecordResult]:
    """Results of the rows that cannot go by Bulk API at all."""
    found = ((row.key, csv_format.unsendable(row)) for row in batch.rows)
    return [RecordResult(key, Outcome.REJECTED, reasons=reasons) for key, reasons in found if reasons]


def _without(rows: Sequence[Row], answered: Sequence[RecordResult]) -> Sequence[Row]:
    keys = {each.key for each in answered}
    return [row for row in rows if row.key not in keys] if keys else rows


def _records(answer: Any) -> list[Mapping[str, Any]]:
    records = answer.get("records") if isinstance(answer, Mapping) else None
    if not isinstance(records, list):
        raise BrokenContract("the answer to a query holds no records; it is not taken for an empty one")
    return records


def _row(
    record: Mapping[str, Any],
    key_field: str,
    fields: Sequence[FieldRequest],
    described: ObjectSchema,
    names: Mapping[str, str],
) -> TargetRow:
    try:
        values: dict[str, TargetValue] = {}
        for request in fields:
            field = described.fields[request.name]
            held = record[names[field.name]] if request.parent_object else record[field.name]
            values[request.name] = from_json(field, request, held)
        return TargetRow(record["Id"], str(record[key_field]), values)
    except (KeyError, TypeError, ValueError, ArithmeticError) as error:
        raise BrokenContract(f"a record of {described.name} has not the documented shape: {error!r}") from error


def _column_names(batch: Batch, relationships_: Mapping[str, str]) -> dict[str, str]:
    """``Parent__r.Key__c`` for each column that holds parents."""
    names: dict[str, str] = {}
    for row in batch.rows:
        for name, value in row.values.items():
            if name not in names and isinstance(value, ParentKey):
                names[name] = f"{relationships_[name]}.{value.field}"
    return names
