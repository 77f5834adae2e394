"""Our own client for Bulk API 2.0 ingest (Bulk API 2.0 Guide): one job per batch, resumable at every step.

States are reported before the remote call that leaves them, so that a restart knows what may have happened:
``creating`` → ``created`` → ``uploading`` → ``uploaded`` → ``closing`` → ``closed``. A job that was not closed has
written nothing; after a doubtful upload it is abandoned and the same bytes go into a new one.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from simple_salesforce.api import Salesforce
from simple_salesforce.exceptions import SalesforceResourceNotFound

from sync_engine.sdk.errors import BrokenContract, Refused, SyncEngineError, Unavailable
from sync_engine.sdk.target import Batch, Checkpoint, Operation, Outcome, Progress, RecordResult, Row
from sync_engine_salesforce import csv_format
from sync_engine_salesforce.errors import may_be_sent_again, reason
from sync_engine_salesforce.session import OrgSession

MODE = "bulk"
JOBS = "jobs/ingest"
UPLOADS = 3
FIRST_WAIT = 0.2
LONGEST_WAIT = 30.0
_FINAL = ("JobComplete", "Failed", "Aborted")
_UNDER_WAY = ("UploadComplete", "InProgress")
_SAID = ("sf__Id", "sf__Created", "sf__Error")


class BulkJobs:
    """Jobs of one org."""

    def __init__(self, session: OrgSession) -> None:
        self._session = session

    def submit(self, batch: Batch, rows: Sequence[Row], names: Mapping[str, str], checkpoint: Checkpoint) -> str:
        """Create a job, upload the rows and close it; returns the job's id.

        Args:
            batch: what to write.
            rows: those of its rows that can be sent.
            names: column names of references.
            checkpoint: made durable before the next remote call.
        """
        key_column = batch.key_field if batch.operation is Operation.UPSERT else "Id"
        content = csv_format.write(batch, rows, key_column, names)
        for attempt in range(1, UPLOADS + 1):
            checkpoint("creating", {})
            job = self._create(batch)
            checkpoint("uploading", {"job": job})
            try:
                self._upload(job, content)
            except Unavailable:
                # Whether the bytes arrived is not known, and a job takes them once only: leave it, unclosed and
                # therefore without effect, and use another.
                self._abandon(job)
                if attempt == UPLOADS:
                    raise
                continue
            checkpoint("closing", {"job": job})
            self.close_job(job)
            checkpoint("closed", {"job": job})
            return job
        raise Unavailable("no upload succeeded")

    def _create(self, batch: Batch) -> str:
        body = {
            "object": batch.object,
            "operation": batch.operation.value,
            "contentType": "CSV",
            "lineEnding": "LF",
            "columnDelimiter": "COMMA",
        }
        if batch.operation is Operation.UPSERT:
            body["externalIdFieldName"] = batch.key_field
        # Repeated after a lost answer this leaves an empty open job behind, which does nothing.
        answer = self._session.call(lambda client: client.restful(JOBS, method="POST", json=body))
        job = answer.get("id") if isinstance(answer, dict) else None
        if not isinstance(job, str):
            raise BrokenContract("Salesforce created a bulk job without an id")
        return job

    def _upload(self, job: str, content: bytes) -> None:
        headers = {"Content-Type": "text/csv; charset=UTF-8"}

        def put(client: Salesforce) -> None:
            client._call_salesforce(  # noqa: SLF001 - `restful` wants JSON back, the answer to an upload is empty
                "PUT", f"{client.base_url}{JOBS}/{job}/batches", headers=headers, data=content
            )

        self._session.call(put, repeat=False)

    def close_job(self, job: str) -> None:
        """Say that the upload is complete; asks first what is true when it is repeated."""
        body = {"state": "UploadComplete"}
        try:
            self._session.call(lambda client: client.restful(f"{JOBS}/{job}", method="PATCH", json=body), repeat=False)
        except (Unavailable, Refused):
            state = self.state(job)["state"]
            if state == "Open":
                self._session.call(lambda client: client.restful(f"{JOBS}/{job}", method="PATCH", json=body))
            elif state not in (*_UNDER_WAY, *_FINAL):
                raise

    def _abandon(self, job: str) -> None:
        with contextlib.suppress(SyncEngineError):
            self.abort(job)

    def abort(self, job: str) -> None:
        """Abort a job that was never closed."""
        body = {"state": "Aborted"}
        self._session.call(lambda client: client.restful(f"{JOBS}/{job}", method="PATCH", json=body))

    def state(self, job: str) -> Mapping[str, Any]:
        """The job as it is now."""
        answer = self._session.call(lambda client: client.restful(f"{JOBS}/{job}"))
        if not isinstance(answer, dict) or not isinstance(answer.get("state"), str):
            raise BrokenContract(f"bulk job {job} has no state")
        return answer

    def exists(self, job: str) -> bool:
        """Whether the org still knows the job; finished ones go after seven days."""

        def ask(client: Salesforce) -> bool:
            try:
                client.restful(f"{JOBS}/{job}")
            except SalesforceResourceNotFound:
                return False
            return True

        return self._session.call(ask)

    def poll(self, job: str, polls: int) -> Progress:
        """How far the job is; waits grow from a fifth of a second to half a minute."""
        answer = self.state(job)
        if answer["state"] not in (*_FINAL, *_UNDER_WAY):
            raise BrokenContract(f"bulk job {job} is in the state {answer['state']!r} after it was closed")
        wait = min(FIRST_WAIT * 1.5**polls, LONGEST_WAIT)
        return Progress(answer["state"] in _FINAL, int(answer.get("numberRecordsProcessed") or 0), wait)

    def results(self, job: str, batch: Batch, sent: Sequence[Row], *, case_sensitive: bool) -> Iterator[RecordResult]:
        """One result per row that was sent, found by its key.

        Raises:
            BrokenContract: the three result sets do not add up to what was sent.
            Refused: the whole job failed, so no row can be told from another.
        """
        state = self.state(job)
        column = batch.key_field if batch.operation is Operation.UPSERT else "Id"
        fold = (lambda key: key) if case_sensitive or column == "Id" else str.casefold
        waiting = {fold((row.key if column != "Id" else row.target_id or "").strip()): row for row in sent}
        found: list[RecordResult] = []
        for kind in ("successfulResults", "failedResults", "unprocessedrecords"):
            for line in self._rows(job, kind, column):
                row = waiting.pop(fold(line[column].strip()), None)
                if row is None:
                    raise BrokenContract(f"bulk job {job}: {kind} holds a record that was not sent, or twice")
                found.append(_result(row, kind, line, batch.operation, str(state.get("errorMessage") or "")))
        if state["state"] == "Failed" and "InvalidBatch" in str(state.get("errorMessage")):
            raise Refused(f"bulk job {job} failed as a whole: {state.get('errorMessage')}", hint="Compare the fields.")
        for row in waiting.values():
            # In none of the sets: beyond the day's allowance, or the job was cut short. Nothing is known of it.
            lost = reason("NOT_IN_RESULTS", f"bulk job {job} ({state['state']}) does not account for this record")
            found.append(RecordResult(row.key, Outcome.UNCERTAIN, reasons=(lost,), retryable=True))
        yield from found

    def _rows(self, job: str, kind: str, column: str) -> Iterator[dict[str, str]]:
        def get(client: Salesforce) -> bytes:
            answer = client._call_salesforce(  # noqa: SLF001 - `restful` wants JSON back, this is CSV
                "GET", f"{client.base_url}{JOBS}/{job}/{kind}/"
            )
            if "csv" not in answer.headers.get("Content-Type", ""):
                raise ValueError("a result set is no CSV")
            content: bytes = answer.content
            return content

        for line in csv_format.read(self._session.call(get), (column, *_SAID)):
            if column not in line:
                raise BrokenContract(f"bulk job {job}: {kind} has no column {column}")
            yield line


def _result(row: Row, kind: str, line: Mapping[str, str], operation: Operation, message: str) -> RecordResult:
    if kind == "successfulResults":
        created = line.get("sf__Created", "").lower() == "true"
        outcome = {
            Operation.UPSERT: Outcome.CREATED if created else Outcome.UPDATED,
            Operation.UPDATE: Outcome.UPDATED,
            Operation.DELETE: Outcome.DELETED,
        }[operation]
        return RecordResult(row.key, outcome, line.get("sf__Id") or row.target_id)
    if kind == "unprocessedrecords":
        why = reason("UNPROCESSED", f"the bulk job ended before this record{f': {message}' if message else ''}")
        return RecordResult(row.key, Outcome.REJECTED, row.target_id, (why,), retryable=True)
    code, text, fields = _split_error(line.get("sf__Error", ""))
    if operation is Operation.DELETE and code == "ENTITY_IS_DELETED":
        return RecordResult(row.key, Outcome.DELETED, row.target_id)
    again = may_be_sent_again(code, text)
    return RecordResult(row.key, Outcome.REJECTED, row.target_id, (reason(code, text, fields),), again)


def _split_error(text: str) -> tuple[str, str, list[str]]:
    """``CODE:message:field,field --`` in its parts; the message may hold colons itself."""
    code, _, rest = text.partition(":")
    message, separator, tail = rest.rpartition(":")
    if not separator:
        return code or "UNKNOWN", rest or text, []
    fields = [each.strip() for each in tail.removesuffix("--").split(",") if each.strip()]
    if any(" " in each for each in fields):  # the last colon was part of the message
        return code, rest, []
    return code, message, fields
