"""Bulk API 2.0: ingest and query jobs, worked off in the background, some rows at a time.

The states are Open → UploadComplete → InProgress → JobComplete or Failed, and Aborted by hand. A job goes on only while
the server's loop runs; one that a stopped server left behind goes on at its next poll.
"""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sync_engine_sandbox.crm import query as queries
from sync_engine_sandbox.crm import records
from sync_engine_sandbox.crm.bulk_csv import DELIMITERS, LINE_ENDINGS, InvalidBatch, read_csv, write_csv
from sync_engine_sandbox.crm.errors import ApiError, not_found, refuse
from sync_engine_sandbox.crm.ids import make_id
from sync_engine_sandbox.crm.rows import UnknownColumn, csv_columns, csv_row

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sync_engine_sandbox.crm.org import CrmSettings, Org
    from sync_engine_sandbox.crm.rows import Column

INGEST = {"insert": "insert", "update": "update", "upsert": "upsert", "delete": "delete", "hardDelete": "delete"}
QUERY = {"query", "queryAll"}
FINAL = frozenset({"JobComplete", "Failed", "Aborted"})


@dataclass(slots=True)
class Job:
    """One job.

    Attributes:
        info: what the API says about it, but for the counters.
        data: the CSV as uploaded.
        header: its first row.
        succeeded: finished rows: id, whether created, cells.
        failed: refused rows: id, error, cells.
        waiting: rows that were not worked on.
        result: what a query found.
    """

    info: dict[str, Any]
    data: bytes | None = None
    header: list[str] = field(default_factory=list)
    succeeded: list[tuple[str, bool, list[str]]] = field(default_factory=list)
    failed: list[tuple[str, str, list[str]]] = field(default_factory=list)
    waiting: list[list[str]] = field(default_factory=list)
    result: queries.Result | None = None
    task: asyncio.Task[None] | None = field(default=None, repr=False)

    @property
    def state(self) -> str:
        """Where the job stands."""
        return str(self.info["state"])

    def parse(self) -> None:
        """Read the uploaded data into the header and the waiting rows.

        Raises:
            InvalidBatch: the data is not a CSV of the declared form.
        """
        self.header, self.waiting = read_csv(self.data or b"", self.info["columnDelimiter"], self.info["lineEnding"])

    def csv(self, header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
        """A result in the job's own delimiter and line ending."""
        return write_csv(header, rows, self.info["columnDelimiter"], self.info["lineEnding"])


class Jobs:
    """All bulk jobs of the server."""

    def __init__(self, org: Org, settings: CrmSettings) -> None:
        self.org = org
        self.settings = settings
        self.by_id: dict[str, Job] = {}

    def create(self, kind: str, wanted: dict[str, Any], version: str) -> Job:
        """Open a job.

        Args:
            kind: ingest or query.
            wanted: the request.
            version: API version of the request.

        Raises:
            ApiError: the request does not describe a job.
        """
        operation = wanted.get("operation")
        if operation not in (INGEST if kind == "ingest" else QUERY):
            raise refuse("INVALIDJOB", f"InvalidJob : Invalid operation: {operation}")
        for name, known in (("columnDelimiter", DELIMITERS), ("lineEnding", LINE_ENDINGS)):
            if wanted.get(name, next(iter(known))) not in known:
                raise refuse("INVALIDJOB", f"InvalidJob : Invalid {name}: {wanted[name]}")
        if wanted.get("contentType", "CSV") != "CSV":
            raise refuse("INVALIDJOB", "InvalidJob : The only content type supported is CSV")
        job_id = make_id("750", len(self.by_id) + 1)
        moment = self.org.store.now()
        info: dict[str, Any] = {
            "id": job_id,
            "operation": operation,
            "object": "",
            "createdById": self.org.api_user,
            "createdDate": moment,
            "systemModstamp": moment,
            "state": "Open",
            "concurrencyMode": "Parallel",
            "contentType": "CSV",
            "apiVersion": float(version),
        }
        info |= self._ingest(wanted, version, job_id) if kind == "ingest" else self._query(wanted, version)
        info |= {
            "lineEnding": wanted.get("lineEnding", "LF"),
            "columnDelimiter": wanted.get("columnDelimiter", "COMMA"),
        }
        job = self.by_id[job_id] = Job(info)
        return job

    def _ingest(self, wanted: dict[str, Any], version: str, job_id: str) -> dict[str, Any]:
        sobject = self.org.objects.by_name.get(str(wanted.get("object")).lower())
        if sobject is None:
            raise refuse(
                "INVALIDENTITY", f"InvalidEntity : Entity '{wanted.get('object')}' is not supported by the Bulk API."
            )
        if any(item.type == "base64" for item in sobject.fields):
            raise refuse("INVALIDENTITY", f"InvalidEntity : Entity '{sobject.name}' is not supported by the Bulk API.")
        more: dict[str, Any] = {
            "object": sobject.name,
            "contentUrl": f"services/data/v{version}/jobs/ingest/{job_id}/batches",
        }
        if wanted["operation"] == "upsert":
            name = str(wanted.get("externalIdFieldName") or "")
            key = sobject.field(name)
            if key is None or not key.upsert_key:
                message = f"Field name provided, {name} does not match an External ID, Salesforce Id, or indexed field"
                raise refuse("INVALIDJOB", f"InvalidJob : {message} for {sobject.name}")
            more["externalIdFieldName"] = key.name
        return more

    def _query(self, wanted: dict[str, Any], version: str) -> dict[str, Any]:
        text = str(wanted.get("query") or "")
        result = queries.run(self.org.store, text, version=version)
        if not result.columns:
            raise refuse("API_ERROR", "Aggregate functions are not supported in a Bulk API 2.0 query.")
        return {"object": result.sobject.name, "state": "UploadComplete", "query": text}

    def get(self, kind: str, job_id: str) -> Job:
        """Find a job, and let it go on if nothing drives it.

        Raises:
            ApiError: NOT_FOUND.
        """
        job = self.by_id.get(job_id)
        if job is None or (job.info["operation"] in QUERY) != (kind == "query"):
            raise not_found()
        self.drive(job)
        return job

    def drive(self, job: Job) -> None:
        """Start the work on a closed job unless it is under way."""
        if job.state in {"UploadComplete", "InProgress"} and (job.task is None or job.task.done()):
            work = self._work_query(job) if job.info["operation"] in QUERY else self._work_ingest(job)
            job.task = asyncio.get_running_loop().create_task(work)

    def upload(self, job: Job, data: bytes) -> None:
        """Take the data of a job, once.

        Raises:
            ApiError: it has data already, or is closed.
        """
        if job.state != "Open":
            raise refuse(
                "INVALIDJOBSTATE", f"Invalid Job State: the job is {job.state}, data is accepted only while it is Open"
            )
        if job.data is not None:
            message = (
                f"InvalidJob : Found multiple contents for job: <{job.info['id']}>, please 'Close' / 'Abort' / "
                "'Delete' the current Job then create a new Job and make sure you only do 'PUT' once on a given Job."
            )
            raise refuse("INVALIDJOB", message)
        job.data = data

    def change_state(self, job: Job, state: object) -> None:
        """Close or abort a job.

        Raises:
            ApiError: the job cannot go there from where it is.
        """
        if state == job.state:
            return
        allowed = {"UploadComplete": {"Open"}, "Aborted": {"Open", "UploadComplete", "InProgress"}}
        if job.state not in allowed.get(str(state), ()):
            raise refuse("INVALIDJOBSTATE", f"Invalid Job State: cannot change from {job.state} to {state}")
        if state == "Aborted" and job.state != "InProgress" and job.info["operation"] in INGEST:
            with suppress(InvalidBatch):
                job.parse()
        self._enter(job, str(state))
        self.drive(job)

    def delete(self, job: Job) -> None:
        """Forget a finished job.

        Raises:
            ApiError: it is not finished.
        """
        if job.state not in FINAL:
            raise refuse(
                "INVALIDJOBSTATE", f"Invalid Job State: the job is {job.state}, only a finished job can be deleted"
            )
        del self.by_id[job.info["id"]]

    def _enter(self, job: Job, state: str) -> None:
        job.info["state"] = state
        job.info["systemModstamp"] = self.org.store.now()

    async def _work_ingest(self, job: Job) -> None:
        if job.state == "UploadComplete":
            await asyncio.sleep(self.settings.bulk_delay)
            if job.state != "UploadComplete":
                return
            self._enter(job, "InProgress")
            try:
                job.parse()
                self._columns(job)
            except InvalidBatch as error:
                job.info["errorMessage"] = str(error)
                self._enter(job, "Failed")
                return
            job.waiting.reverse()
        columns = self._columns(job)
        while job.waiting and job.state == "InProgress" and not self._break_off(job):
            self._work_chunk(job, columns)
            await asyncio.sleep(self.settings.bulk_chunk_delay)
        self._finish(job)

    def _break_off(self, job: Job) -> bool:
        """Whether the job ends here: it failed, or no batches are left to the day and its other rows are dropped."""
        fault = self.org.chunk_fault() if self.org.chunk_fault else ""
        if fault == "job_fails":
            job.info["errorMessage"] = "TooManyLockFailure : Too many lock failures; the batch was tried 10 times"
            self._enter(job, "Failed")
        elif fault == "job_cut":
            job.waiting.clear()
        return bool(fault)

    def _work_chunk(self, job: Job, columns: Sequence[Column]) -> None:
        """Write the next rows; ``waiting`` is a stack whose top is the next row."""
        cells = [job.waiting.pop() for _ in range(min(self.settings.bulk_chunk, len(job.waiting)))]
        sobject = self.org.objects.by_name[job.info["object"].lower()]
        key = sobject.field(job.info["externalIdFieldName"]) if "externalIdFieldName" in job.info else None
        rows = [csv_row(columns, line) for line in cells]
        operation = INGEST[job.info["operation"]]
        outcomes = records.write(self.org.store, sobject, operation, rows, user=self.org.api_user, key=key)
        for line, outcome in zip(cells, outcomes, strict=True):
            if outcome.success:
                job.succeeded.append((outcome.record_id or "", outcome.created, line))
            else:
                job.failed.append(
                    (outcome.record_id or "", ";".join(problem.in_bulk() for problem in outcome.problems), line)
                )

    def _finish(self, job: Job) -> None:
        if job.state in {"Aborted", "Failed"}:
            job.waiting.reverse()
        order = random.Random(f"{self.settings.bulk_seed}:{job.info['id']}")  # noqa: S311 - an order, not a secret
        order.shuffle(job.succeeded)
        order.shuffle(job.failed)
        if job.state == "InProgress":
            self._enter(job, "JobComplete")

    def _columns(self, job: Job) -> tuple[Column, ...]:
        sobject = self.org.objects.by_name[job.info["object"].lower()]
        if INGEST[job.info["operation"]] == "delete" and [name.lower() for name in job.header] != ["id"]:
            raise InvalidBatch(f"InvalidBatch : The '{job.info['operation']}' batch must contain only ids")
        try:
            columns = csv_columns(self.org.objects, sobject, job.header)
        except UnknownColumn as error:
            raise InvalidBatch(f"InvalidBatch : Field name not found : {error}") from error
        names = [name.lower() for name in job.header]
        needed = {"update": "Id", "upsert": job.info.get("externalIdFieldName", "Id"), "delete": "Id"}.get(
            INGEST[job.info["operation"]]
        )
        if needed and needed.lower() not in names:
            raise InvalidBatch(f"InvalidBatch : Field name not found : {needed}")
        if len(set(names)) < len(names):
            twice = next(name for name in job.header if names.count(name.lower()) > 1)
            raise InvalidBatch(f"InvalidBatch : Duplicate field name in header : {twice}")
        return columns

    async def _work_query(self, job: Job) -> None:
        await asyncio.sleep(self.settings.bulk_delay)
        if job.state == "Aborted":
            return
        self._enter(job, "InProgress")
        await asyncio.sleep(0)
        deleted = job.info["operation"] == "queryAll"
        try:
            job.result = queries.run(
                self.org.store, job.info["query"], version=str(job.info["apiVersion"]), include_deleted=deleted
            )
        except ApiError as error:
            job.info["errorMessage"] = str(error)
            self._enter(job, "Failed")
            return
        self._enter(job, "JobComplete")


def query_page(job: Job, start: int, count: int) -> tuple[str, int, str]:
    """One page of a query's result: the CSV, its rows, the locator of the next page (``null`` at the end)."""
    result = job.result
    if result is None:
        raise refuse("INVALIDJOBSTATE", f"Invalid Job State: the job is {job.state}")
    rows = result.rows[start : start + count]
    header = [".".join(column.path) for column in result.columns]
    text = job.csv(header, ([_cell(column.type, column.read(record)) for column in result.columns] for record in rows))
    more = start + count < len(result.rows)
    return text, len(rows), str(start + count) if more else "null"


def _cell(kind: str, value: Any) -> str:
    """A value as a bulk result writes it: a moment ends with Z, where REST writes +0000."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value).replace("+0000", "Z") if kind == "datetime" else str(value)


def results(job: Job, kind: str) -> str:
    """One of the three result files; data that could not even be read comes back as it was sent."""
    if kind == "successfulresults":
        done = ([record_id, "true" if created else "false", *cells] for record_id, created, cells in job.succeeded)
        return job.csv(["sf__Id", "sf__Created", *job.header], done)
    if kind == "failedresults":
        refused = ([record_id, error, *cells] for record_id, error, cells in job.failed)
        return job.csv(["sf__Id", "sf__Error", *job.header], refused)
    return job.csv(job.header, job.waiting) if job.header else (job.data or b"").decode("utf-8", "replace")


def described(job: Job) -> dict[str, Any]:
    """What a poll answers: the job with its counters."""
    query = job.info["operation"] in QUERY
    processed = len(job.succeeded) + len(job.failed) if not query else len(job.result.rows) if job.result else 0
    counters: dict[str, Any] = {"jobType": "V2Query" if query else "V2Ingest", "numberRecordsProcessed": processed}
    if not query:
        counters |= {"numberRecordsFailed": len(job.failed), "apiActiveProcessingTime": 0, "apexProcessingTime": 0}
    shown = {name: value for name, value in job.info.items() if name != "query"}
    return shown | counters | {"retries": 0, "totalProcessingTime": 0}
