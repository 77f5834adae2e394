"""Our own client for Bulk API 2.0 ingest (Bulk API 2.0 Guide): one job per batch, resumable at every step.

States are reported when they are reached and before the next remote call, so that a restart knows what may have
happened: ``creating`` → ``created`` → ``uploaded`` → ``closed``. A job that was not closed has written nothing; after
a doubtful upload it is abandoned and the same bytes go into a new one, because a job takes data once only.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping
from typing import Any

import requests
from simple_salesforce.api import Salesforce
from simple_salesforce.exceptions import SalesforceResourceNotFound
from simple_salesforce.util import exception_handler

from sync_engine.sdk.errors import BrokenContract, Refused, SyncEngineError, Unavailable
from sync_engine.sdk.target import Batch, BatchState, Checkpoint, Operation, Progress
from sync_engine_salesforce.errors import NO_JSON_HINT
from sync_engine_salesforce.orphans import find_orphans
from sync_engine_salesforce.session import OrgSession

MODE = "bulk"
MOST_BYTES = 10_000_000
"""Of a batch; a job may have ten times as much, but what is under way is held in memory, and the first job can be
worked on while the second is packed."""
REQUESTS = 7
"""Of a job at least: create, upload, close, ask once whether it is done, three files of results."""
SECONDS_A_ROW = 0.006
"""A minute for 10,000 records, in an org with a few triggers: no more than a guess."""

FINAL = frozenset({"JobComplete", "Failed", "Aborted"})
UNDER_WAY = frozenset({"UploadComplete", "InProgress"})

_JOBS = "jobs/ingest"
_LARGEST_UPLOAD = 100_000_000
_FIRST_WAIT = 0.1
_GROWTH = 1.5
_JOB_ID = re.compile(r"[A-Za-z0-9]{15,18}\Z")


class BulkJobs:
    """Jobs of one org; threads share it."""

    def __init__(self, session: OrgSession) -> None:
        self._session = session
        self._polls: dict[str, int] = {}
        self._tidied: set[str] = set()

    def submit(self, batch: Batch, object_name: str, content: bytes, checkpoint: Checkpoint) -> str:
        """Create a job, upload and close it; returns the job's id.

        Args:
            batch: says what the job does.
            object_name: the object as the org spells it.
            content: the CSV.
            checkpoint: makes a state durable.

        Raises:
            Unavailable: no job could be closed within ``retry_minutes``, or it is not known whether one was.
            Refused: the org does not take such a job.
        """
        if len(content) > _LARGEST_UPLOAD:
            size = f"{len(content):,} bytes, a bulk job takes {_LARGEST_UPLOAD:,}"
            raise Refused(f"{self._session.where}: a batch has {size}", hint="Lower `bulk_rows`.")
        patience = self._session.patience()
        while True:
            checkpoint(BatchState.CREATING, {})
            job, made = self._create(batch, object_name)
            checkpoint(BatchState.CREATED, {"job": job})
            try:
                self._session.once(lambda client, job=job: self._put(client, job, content))  # type: ignore[misc] # of the lambda's default
            except Unavailable as failure:
                # Whether the bytes arrived is not known: leave this job, unclosed and so without effect.
                self.abandon(job)
                patience.wait(failure)
                continue
            checkpoint(BatchState.UPLOADED, {"job": job})
            self.finish_upload(job)
            checkpoint(BatchState.CLOSED, {"job": job})
            self._tidy(object_name, made)
            return job

    def _create(self, batch: Batch, object_name: str) -> tuple[str, Mapping[str, Any]]:
        """The id of a new job, and all that the org says of it."""
        body = {
            "object": object_name,
            "operation": batch.operation.value,
            "contentType": "CSV",
            "lineEnding": "LF",
            "columnDelimiter": "COMMA",
        }
        if batch.operation is Operation.UPSERT:
            body["externalIdFieldName"] = batch.key_field
        # Repeated after a lost answer this leaves an empty open job behind, which does nothing; see ``orphans``.
        answer = self._session.call(lambda client: client.restful(_JOBS, method="POST", json=body))
        made: Mapping[str, Any] = answer if isinstance(answer, dict) else {}
        job = made.get("id")
        if not isinstance(job, str) or not _JOB_ID.match(job):
            raise BrokenContract(f"{self._session.where}: Salesforce created a bulk job without an id")
        return job, made

    def _tidy(self, object_name: str, made: Mapping[str, Any]) -> None:
        """Abort what earlier transfers left open, once for each object; nothing but tidiness depends on it."""
        if object_name in self._tidied:
            return
        self._tidied.add(object_name)
        with contextlib.suppress(SyncEngineError):
            for job in find_orphans(self._session, made):
                if _JOB_ID.match(job):
                    self.abandon(job)

    def _put(self, client: Salesforce, job: str, content: bytes) -> None:
        headers = {"Content-Type": "text/csv; charset=UTF-8"}
        answer = _request(client, "PUT", f"{job}/batches", headers=headers, data=content)
        if answer.status_code != requests.codes.created:  # a proxy's page, where the bytes have not arrived
            raise BrokenContract(
                f"{self._session.where}: the upload to bulk job {job} was answered with {answer.status_code}, "
                "which is not Salesforce's answer",
                hint=NO_JSON_HINT,
            )

    def finish_upload(self, job: str) -> None:
        """Close a job: nothing is worked on before. When that fails, the job itself is asked before it is repeated.

        Raises:
            Unavailable: it is not known whether the job is closed.
            Refused: it was not closed, and is abandoned.
        """
        patience = self._session.patience()
        while True:
            try:
                self._session.once(lambda client: _change(client, job, "UploadComplete"))
            except (Unavailable, Refused) as failure:
                if self.state(job)["state"] != "Open":
                    return
                if isinstance(failure, Refused):
                    self.abandon(job)
                    raise
                patience.wait(failure)
            else:
                return

    def abandon(self, job: str) -> None:
        """Abort a job that was never closed; only tidiness depends on it, so one attempt is enough."""
        with contextlib.suppress(SyncEngineError):
            self._session.once(lambda client: _change(client, job, "Aborted"))

    def state(self, job: str) -> Mapping[str, Any]:
        """The job as it is now.

        Raises:
            BrokenContract: its state is none that is documented.
        """
        return self._state(self._session.call(lambda client: client.restful(f"{_JOBS}/{job}")), job)

    def _state(self, answer: Any, job: str) -> Mapping[str, Any]:
        if not isinstance(answer, dict) or answer.get("state") not in {"Open", *UNDER_WAY, *FINAL}:
            shown = self._session.clean(str(answer.get("state")))[:40] if isinstance(answer, dict) else "none"
            raise BrokenContract(f"{self._session.where}: the state of bulk job {job} is not known: {shown}")
        return answer

    def find(self, job: object) -> Mapping[str, Any] | None:
        """The job as it is now, or None when the org does not know it: finished jobs go after seven days."""
        if not isinstance(job, str) or not _JOB_ID.match(job):
            return None

        def ask(client: Salesforce) -> Any:
            try:
                return client.restful(f"{_JOBS}/{job}")
            except SalesforceResourceNotFound:
                return None

        answer = self._session.call(ask)
        return None if answer is None else self._state(answer, job)

    def poll(self, job: str) -> Progress:
        """How far the job is; the wait before the next question grows from a tenth of a second.

        Raises:
            Unavailable: it could not be asked, which says nothing of the job.
        """
        answer = self.state(job)
        if answer["state"] == "Open":
            raise BrokenContract(f"{self._session.where}: bulk job {job} is open again after it was closed")
        polls = self._polls[job] = self._polls.get(job, 0) + 1
        wait = min(_FIRST_WAIT * _GROWTH ** min(polls - 1, 40), self._session.settings.poll_seconds)
        processed = answer.get("numberRecordsProcessed")
        return Progress(answer["state"] in FINAL, processed if isinstance(processed, int) else 0, wait)

    def pause(self, seconds: float) -> None:
        """Wait, for something that may be well a little later."""
        self._session.pause(seconds)

    def forget(self, job: str) -> None:
        """The job's results are there: it will not be polled again."""
        self._polls.pop(job, None)

    def result_file(self, job: str, kind: str) -> bytes:
        """One of the three result files; a whole one, or an error.

        Args:
            job: a finished job.
            kind: ``successfulResults``, ``failedResults`` or ``unprocessedrecords``.
        """

        def get(client: Salesforce) -> requests.Response:
            return _request(client, "GET", f"{job}/{kind}/", headers={"Accept": "text/csv"})

        answer = self._session.call(get)
        if "csv" not in answer.headers.get("Content-Type", "").lower():
            raise BrokenContract(f"{self._session.where}: the {kind} of bulk job {job} are no CSV")
        return answer.content


def _change(client: Salesforce, job: str, state: str) -> Any:
    return client.restful(f"{_JOBS}/{job}", method="PATCH", json={"state": state})


def _request(
    client: Salesforce, method: str, path: str, headers: Mapping[str, str], data: bytes | None = None
) -> requests.Response:
    """A call that does not speak JSON, over the library's session; its errors are raised as the library's own."""
    url = f"{client.base_url}{_JOBS}/{path}"
    answer = client.session.request(method, url, headers={**client.headers, **headers}, data=data)
    if answer.status_code >= 300:
        exception_handler(answer, name=path)
    return answer
