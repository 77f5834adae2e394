"""What became of the rows of a bulk job: three result files, matched by key, that must add up to what was sent.

Source: Bulk API 2.0 Guide, "Get Successful / Failed / Unprocessed Record Results". The order of the files is not that
of the upload.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sync_engine.sdk.errors import BrokenContract, Refused
from sync_engine.sdk.target import Batch, Outcome, Owner, Reason, RecordResult, Row
from sync_engine_salesforce.bulk import BulkJobs
from sync_engine_salesforce.csv_format import ResultSet, key_cell, key_column
from sync_engine_salesforce.errors import MOVED_HINT, RowError
from sync_engine_salesforce.rows import failed, written
from sync_engine_salesforce.session import OrgSession

PAUSES = (1.0, 5.0)
"""Seconds before the files of a job are fetched again that did not add up."""

SUCCESSFUL, FAILED, UNPROCESSED = "successfulResults", "failedResults", "unprocessedrecords"

_WHOLE_JOB = ("InvalidBatch", "ClientInputError")
_BETWEEN_ERRORS = re.compile(r"(?<=--);(?=[A-Z][A-Z_]+:)")
_ERROR = re.compile(r"(?P<code>[A-Z][A-Z0-9_]*):(?P<rest>.*)", re.DOTALL)
_TAIL = re.compile(r"(?P<message>.*):(?P<fields>[\w., ]*?)\s*--\s*", re.DOTALL)


def read_results(
    session: OrgSession, jobs: BulkJobs, job: str, batch: Batch, sent: Sequence[Row], *, exact: bool
) -> list[RecordResult]:
    """One result per row that was sent; the three files are fetched again when they do not add up.

    Args:
        session: of the org.
        jobs: of the org.
        job: a finished job.
        batch: what it was made of.
        sent: the rows that were uploaded.
        exact: whether what stands in the key column is told apart by its case, too.

    Raises:
        Refused: Salesforce refused the job as a whole and nothing was written.
        BrokenContract: the files do not add up to what was sent, however often they are fetched.
    """
    fold = str if exact else str.casefold
    for pause in PAUSES:
        try:
            return _read_results(session, jobs, job, batch, _Waiting(batch, sent, fold))
        except BrokenContract:
            jobs.pause(pause)
    return _read_results(session, jobs, job, batch, _Waiting(batch, sent, fold))


def _read_results(session: OrgSession, jobs: BulkJobs, job: str, batch: Batch, waiting: _Waiting) -> list[RecordResult]:
    """See ``read_results``; fetches the files once."""
    where, masked = session.where, session.mask.masked
    info = jobs.state(job)
    if refused := refused_as_a_whole(info):
        said = masked(refused)[:300]
        raise Refused(
            f"{where}: bulk job {job} into {batch.object} was refused as a whole, nothing was written: {said}",
            hint=MOVED_HINT,
        )
    processed = info.get("numberRecordsProcessed")
    found: list[RecordResult] = []
    answered = 0
    for kind in (SUCCESSFUL, FAILED, UNPROCESSED):
        what = f"{where}: the {kind} of bulk job {job}"
        lines = ResultSet(jobs.result_file(job, kind), what)
        if not lines:
            continue
        key = lines.column(key_column(batch))
        read = _reader(kind, batch, lines, info, masked)
        for cells in lines:
            row = waiting.take(cells[key])
            if row is None:
                raise BrokenContract(
                    f"{what} hold a record that was not sent, or one twice: {masked(cells[key])[:80]!r}"
                )
            found.append(read(row, cells))
            answered += kind != UNPROCESSED
    left = waiting.left()
    if left and processed != answered:
        # Fewer than Salesforce itself says: a file was cut at the end of a row, or lost.
        raise BrokenContract(
            f"{where}: bulk job {job} does not add up: {waiting.sent} records were sent, Salesforce worked "
            f"on {processed} and gave results for {answered}"
        )
    return found + [_not_run(row, "Salesforce did not work on it: the daily allowance may be used up") for row in left]


def refused_as_a_whole(info: Mapping[str, Any]) -> str:
    """Why Salesforce wrote nothing of a job, such as a column that it does not know; empty where it began with it."""
    message = str(info.get("errorMessage") or "")
    whole = info["state"] == "Failed" and not info.get("numberRecordsProcessed") and message.startswith(_WHOLE_JOB)
    return message if whole else ""


Reader = Callable[[Row, Sequence[str]], RecordResult]


def _reader(kind: str, batch: Batch, lines: ResultSet, info: Mapping[str, Any], masked: Callable[[str], str]) -> Reader:
    """What makes a result of a row and the cells about it in one of the three files."""
    if kind == SUCCESSFUL:
        created, id_ = lines.column("sf__Created"), lines.column("sf__Id")
        return lambda row, cells: written(
            row, batch.operation, cells[id_] or None, created=cells[created].lower() == "true"
        )
    if kind == FAILED:
        error = lines.column("sf__Error")
        return lambda row, cells: failed(row, batch.operation, read_errors(cells[error]), masked)
    said = masked(str(info.get("errorMessage") or "no reason given"))
    why = f"the bulk job ended ({info['state']}) before this record: {said}"
    # A person who aborts a job does not want its rows sent again.
    return lambda row, _: _not_run(row, why, retryable=info["state"] != "Aborted")


def _not_run(row: Row, why: str, *, retryable: bool = True) -> RecordResult:
    reason = Reason("UNPROCESSED", why[:500], owner=Owner.ORG)
    return RecordResult(row.key, Outcome.REJECTED, row.target_id, (reason,), retryable)


class _Waiting:
    """The rows that have no result yet, by what stands in the key column."""

    def __init__(self, batch: Batch, rows: Sequence[Row], fold: Callable[[str], str]) -> None:
        self.sent = len(rows)
        self._fold = fold
        self._rows: dict[str, dict[str, Row]] = {}
        for row in rows:
            cell = key_cell(batch, row)
            self._rows.setdefault(fold(cell.strip()), {})[cell] = row

    def take(self, cell: str) -> Row | None:
        """The row of a key, once: the very same one, or the only one that differs in case and blanks alone."""
        same = self._rows.get(self._fold(cell.strip()), {})
        if cell in same:
            return same.pop(cell)
        return same.popitem()[1] if len(same) == 1 else None

    def left(self) -> list[Row]:
        """Rows without a result."""
        return [row for same in self._rows.values() for row in same.values()]


def read_errors(text: str) -> list[RowError]:
    """The errors in a cell of ``sf__Error``: ``CODE:message:field,field --``, several parted by semicolons."""
    return [_read_error(each) for each in _BETWEEN_ERRORS.split(text)]


def _read_error(text: str) -> RowError:
    parts = _ERROR.fullmatch(text)
    if parts is None:
        return "UNKNOWN", text or "Salesforce gave no reason", []
    tail = _TAIL.fullmatch(parts["rest"])
    if tail is None:
        return parts["code"], parts["rest"].removesuffix("--").rstrip(" :"), []
    return parts["code"], tail["message"], [name.strip() for name in tail["fields"].split(",") if name.strip()]
