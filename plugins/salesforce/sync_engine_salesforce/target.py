"""An opened org as the engine's target; see ``sync_engine.sdk.target.Target``."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any
from urllib.parse import quote

from simple_salesforce.api import Salesforce
from simple_salesforce.exceptions import SalesforceResourceNotFound

from sync_engine.sdk.errors import BrokenContract, Refused
from sync_engine.sdk.files import OpenMedia
from sync_engine.sdk.target import (
    Batch,
    Batching,
    BatchRef,
    BatchState,
    Budget,
    Checkpoint,
    FieldDescription,
    FieldRequest,
    Modified,
    Operation,
    Outcome,
    PicklistValue,
    Progress,
    RecordResult,
    TargetRow,
    TargetSchema,
)
from sync_engine_salesforce import bulk, composite, csv_format, file_reading, files
from sync_engine_salesforce import choices as new_values
from sync_engine_salesforce.bulk_results import read_results, refused_as_a_whole
from sync_engine_salesforce.file_fields import FILES
from sync_engine_salesforce.modified import own_user, read_modified
from sync_engine_salesforce.reading import read
from sync_engine_salesforce.references import with_ids
from sync_engine_salesforce.rows import RowText, column_names, from_plain, mixed_references, sort_out, to_plain
from sync_engine_salesforce.schema import Described, read_object
from sync_engine_salesforce.session import OrgSession
from sync_engine_salesforce.values import normal_form


class SalesforceTarget:
    """One org; threads may share it."""

    normal_form = staticmethod(normal_form)

    def __init__(self, session: OrgSession) -> None:
        self._session = session
        self._settings = session.settings
        self._jobs = bulk.BulkJobs(session)
        self._described: dict[str, Described] = {}
        self._user: str | None = None
        self._lock = threading.Lock()
        # Writing a file is processor time: side by side, all files would be ready late; in turn, the first is soon.
        self._writing = threading.Lock()

    def describe(self, objects: Collection[str]) -> TargetSchema:
        """Describe these objects, side by side, and the languages that users of the org can choose."""
        with ThreadPoolExecutor(max_workers=self._settings.parallel, thread_name_prefix="describe") as pool:
            found = [each.schema for each in pool.map(self._describe, sorted(set(objects))) if each is not None]
        languages = self._languages()
        return TargetSchema("salesforce", self._settings.api_version, {each.name: each for each in found}, languages)

    def _describe(self, name: str) -> Described | None:
        def ask(client: Salesforce) -> Any:
            try:
                return client.restful(f"sobjects/{quote(name, safe='')}/describe")
            except SalesforceResourceNotFound:
                return None

        answer = self._session.call(ask)
        if answer is None:
            return None
        try:
            described = read_object(answer)
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            what = self._session.clean(f"{type(error).__name__}: {error}")[:100]
            raise BrokenContract(
                f"{self._session.where}: the description of {name} has not the documented shape ({what})"
            ) from None
        with self._lock:
            self._described[described.name.casefold()] = described
        return described

    def _languages(self) -> tuple[str, ...]:
        """The languages of the org: the choices of a user's language (Object Reference, "User", ``LanguageLocaleKey``).

        Empty where the connection's user may not see that field.
        """
        user = self._described.get("user") or self._describe("User")
        field = None if user is None else user.schema.field("LanguageLocaleKey")
        return () if field is None else tuple(each.value for each in field.picklist if each.active)

    def _known(self, name: str) -> Described:
        known = self._described.get(name.casefold()) or self._describe(name)
        if known is None:
            raise Refused(f"{self._session.where}: the org has no object `{name}`, or hides it from this user")
        return known

    def read(
        self,
        object_name: str,
        key: str | FieldRequest,
        fields: Sequence[FieldRequest],
        keys: Sequence[str] | None = None,
    ) -> Iterator[Sequence[TargetRow]]:
        """See ``reading.read``; of files, see ``file_reading.read``."""
        asked = key if isinstance(key, FieldRequest) else FieldRequest(key)
        if self._known(object_name).holds_files:
            return file_reading.read(self._session, self._known, self._known(object_name), asked, fields, keys)
        return read(self._session, self._known(object_name), asked, fields, keys, self._key_of_parent(asked))

    def _key_of_parent(self, key: FieldRequest) -> FieldDescription | None:
        return self._known(key.parent_object).field(key.parent_field) if key.parent_object else None

    def last_modified(self, object_name: str, ids: Sequence[str]) -> Mapping[str, Modified]:
        """See ``modified.read_modified``."""
        if self._user is None:
            self._user = own_user(self._session)
        return read_modified(self._session, self._known(object_name), ids, self._user)

    def cannot_add_choices(self, object_name: str, field: str, choices: Sequence[PicklistValue]) -> str:
        """See ``choices.refusal``."""
        described = self._known(object_name)
        found = described.field(field)
        return found.choices_fixed or new_values.refusal(self._session, described.name, found.name, choices)

    def add_choices(self, object_name: str, field: str, choices: Sequence[PicklistValue]) -> None:
        """See ``choices.add``; looks afterwards whether the org has them.

        Raises:
            Refused: it has not.
        """
        described = self._known(object_name)
        name = described.field(field).name
        new_values.add(self._session, described.name, name, choices)
        now = self._describe(described.name)
        active = {each.value for each in now.field(name).picklist if each.active} if now else set()
        missing = [each.value for each in choices if each.value not in active]
        if missing:
            raise Refused(
                f"{self._session.where}: {described.name}.{name} still lacks {', '.join(missing[:5])}",
                hint="Is a value with this name inactive? Activate it in Setup.",
            )

    def budget(self) -> Budget:
        """The daily limit: as the last answer told it, else as ``/limits`` tells it."""
        if self._session.usage is None:
            answer = self._session.call(lambda client: client.restful("limits"))
            daily = answer.get("DailyApiRequests") if isinstance(answer, dict) else None
            if isinstance(daily, Mapping):
                return Budget(_whole(daily.get("Max")), _whole(daily.get("Remaining")))
        usage = self._session.usage
        return Budget() if usage is None else Budget(usage.total, max(0, usage.total - usage.used))

    def batching(self, object_name: str, operation: Operation, changes: int) -> Batching:
        """Files one by one; Collections for few changes and inserts (whose results come in order); jobs for many."""
        described = self._described.get(object_name.casefold())
        parallel = self._settings.parallel
        if described is not None and described.holds_files:
            rows = files.MOST_ROWS
            return Batching(files.MODE, rows, composite.MOST_BYTES, parallel, rows, rows * files.SECONDS)
        if operation is not Operation.INSERT and changes > self._settings.bulk_threshold:
            rows = self._settings.bulk_rows
            return Batching(bulk.MODE, rows, bulk.MOST_BYTES, parallel, bulk.REQUESTS, rows * bulk.SECONDS_A_ROW)
        limits = composite.MOST_ROWS, composite.MOST_BYTES
        return Batching(composite.MODE, *limits, parallel, seconds=composite.SECONDS)

    def submit(self, batch: Batch, checkpoint: Checkpoint) -> BatchRef:
        """Hand a batch over; Collections answer at once and the results go into the reference, a bulk job later."""
        if batch.mode == files.MODE:
            return self._send_files(batch, checkpoint, None)
        described = self._known(batch.object)
        batch = with_ids(self._session, self._known, batch)
        if batch.mode != bulk.MODE:
            # Only an insert made twice is there twice.
            checkpoint(BatchState.SENDING, {"late": composite.LATE} if batch.operation is Operation.INSERT else {})
            results = composite.send(self._session, described, batch)
            return BatchRef(batch.id, {"mode": composite.MODE, "results": [to_plain(each) for each in results]})
        with self._writing:
            content, rejected = _as_csv(batch, described)
        known: dict[str, object] = {"mode": bulk.MODE, "results": [to_plain(each) for each in rejected]}
        if len(rejected) < len(batch.rows):
            known["job"] = self._jobs.submit(batch, described.name, content, checkpoint)
        return BatchRef(batch.id, known)

    def submit_files(self, batch: Batch, checkpoint: Checkpoint, open_media: OpenMedia) -> BatchRef:
        """See ``sync_engine.sdk.files.SendsFiles`` and ``files``."""
        if batch.mode != files.MODE:
            raise Refused(f"{self._session.where}: files go into {FILES} only, not into {batch.object}")
        return self._send_files(batch, checkpoint, open_media)

    def _send_files(self, batch: Batch, checkpoint: Checkpoint, open_media: OpenMedia | None) -> BatchRef:
        sending = partial(checkpoint, BatchState.SENDING, {"late": composite.LATE})
        sending()
        results = files.FileSender(self._session, self._known, batch, open_media, sending).send()
        late = {"late": composite.LATE} if any(each.outcome is Outcome.UNCERTAIN for each in results) else {}
        return BatchRef(batch.id, {"mode": files.MODE, "results": [to_plain(each) for each in results], **late})

    def poll(self, ref: BatchRef) -> Progress:
        """How far a batch is."""
        job = ref.data.get("job")
        if isinstance(job, str):
            return self._jobs.poll(job)
        return Progress(finished=True, processed=len(_kept(ref)), wait=0.0)

    def results(self, ref: BatchRef, batch: Batch) -> Iterator[RecordResult]:
        """Exactly one result per row."""
        kept = ref.data.get("results")
        known = [to_plain(each) for each in _sendable(batch)[1]] if not isinstance(kept, list) else kept
        yield from map(from_plain, known)
        job = ref.data.get("job")
        if isinstance(job, str):
            refused = {each["key"] for each in known}
            rows = [row for row in batch.rows if row.key not in refused] if refused else batch.rows
            # Only an upsert finds its records by their key; and only then the key is one field.
            upserts = batch.operation is Operation.UPSERT
            exact = not upserts or self._known(batch.object).field(batch.key_field).case_sensitive
            yield from read_results(self._session, self._jobs, job, batch, rows, exact=exact)
            self._jobs.forget(job)

    def adopt(self, batch: Batch, state: BatchState, data: Mapping[str, object]) -> BatchRef | None:
        """Take up a bulk job found at a restart; the one call of Collections has ended with its process.

        An open job was not closed, so nothing was written: it is closed when its data is known to be there, and
        abandoned when that is in doubt. Of one that is gone, aborted or refused as a whole, nothing can be had.
        """
        found = self._jobs.find(data.get("job")) if batch.mode == bulk.MODE else None
        if found is None or found["state"] == "Aborted" or refused_as_a_whole(found):
            return None
        job = str(data["job"])
        if found["state"] == "Open":
            if state == BatchState.CREATED:
                self._jobs.abandon(job)
                return None
            self._jobs.finish_upload(job)
        return BatchRef(batch.id, {"mode": bulk.MODE, "job": job})

    def close(self) -> None:
        """Release connections; the session is left to whoever else uses it."""
        self._session.close()


def _as_csv(batch: Batch, described: Described) -> tuple[bytes, list[RecordResult]]:
    """The upload of a batch, and a rejection for each row that is not in it."""
    rows, rejected = _sendable(batch)
    return csv_format.write(batch, rows, column_names(batch, described)), rejected


def _sendable(batch: Batch) -> tuple[list[RowText], list[RecordResult]]:
    return sort_out(batch, csv_format.unsendable, mixed_references(batch))


def _kept(ref: BatchRef) -> list[Mapping[str, object]]:
    kept = ref.data.get("results", [])
    return kept if isinstance(kept, list) else []


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) else None
