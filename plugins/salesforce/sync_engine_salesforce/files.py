"""Files: rows of ContentVersion, whose documents go where ``FirstPublishLocationId`` says.

Sources: Object Reference "ContentVersion", "ContentDocumentLink"; REST API Developer Guide, "Insert or Update Blob
Data".

A version cannot be changed: another content, or another name of the file, is a new version of the same document. Only
the latest version of a document counts, and it has the key; so the key field must be an External ID, but not unique.
What Salesforce knows of the first version only, where the document was published, is read and written here as what
it means: the links of the document. Deleting a row takes the document away from its record; the document stays.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import IO, Any

from simple_salesforce.api import Salesforce
from simple_salesforce.exceptions import SalesforceError
from simple_salesforce.util import exception_handler

from sync_engine.sdk.errors import BrokenContract, NotDone, Refused, Unavailable
from sync_engine.sdk.files import MD5, OpenMedia
from sync_engine.sdk.target import (
    Batch,
    FieldDescription,
    Operation,
    Outcome,
    Owner,
    Reason,
    RecordResult,
    Row,
)
from sync_engine.sdk.values import Blank, MediaRef, ParentKey
from sync_engine_salesforce import composite, reading, soql
from sync_engine_salesforce.errors import NoAnswer, RowError, row_error
from sync_engine_salesforce.file_fields import CONTENT, FILE_NAME, PLACE, file_name
from sync_engine_salesforce.file_reading import LATEST, Known, links
from sync_engine_salesforce.references import ids_of
from sync_engine_salesforce.rows import failed, sort_out
from sync_engine_salesforce.session import OrgSession
from sync_engine_salesforce.values import to_json

MODE = "files"
MOST_ROWS = 20
SECONDS = 0.5
"""What one file takes, roughly."""
_IN_MEMORY = 1 << 20
_PIECE = 1 << 18
_CARRIED = ("Title", "Description", FILE_NAME)
"""Standard fields that a new version takes over from the one before it; custom fields are all taken over."""


@dataclass(frozen=True, slots=True)
class _Version:
    """The latest version of a document.

    Attributes:
        values: as the API gives them, by field.
    """

    id: str
    document: str
    content: str
    values: Mapping[str, Any]


class FileSender:
    """Writes one batch.

    Args:
        session: of the org.
        known: describes objects.
        batch: rows of ContentVersion.
        open_media: of the source; None where no row has a file.
        sending: called before each call that must not be made twice.
    """

    def __init__(
        self,
        session: OrgSession,
        known: Known,
        batch: Batch,
        open_media: OpenMedia | None,
        sending: Callable[[], None],
    ) -> None:
        self._session = session
        self._known = known
        self._described = known(batch.object)
        self._batch = batch
        self._open = open_media
        self._sending = sending
        self._parents: dict[ParentKey, str] = {}
        self._versions: dict[str, _Version] = {}

    def send(self) -> list[RecordResult]:
        """A result for every row. Safe to repeat: what has arrived already is not sent again."""
        sendable, results = sort_out(self._batch)
        if not sendable:
            return results
        rows = [each.row for each in sendable]
        self._versions = self._find_versions(rows)
        if self._batch.operation is Operation.DELETE:
            return results + [self._guarded(row, self._unlink) for row in rows]
        self._parents = self._find_parents(rows)
        return results + [self._guarded(row, self._write) for row in rows]

    def _guarded(self, row: Row, write: Callable[[Row], RecordResult]) -> RecordResult:
        """What the org refuses concerns this row; what it cannot answer leaves it uncertain, and the others go on.

        Raises:
            NotDone: it takes no calls at all, such as when those of the day are used up.
        """
        try:
            return write(row)
        except NotDone:
            raise
        except Unavailable as error:
            return RecordResult(row.key, Outcome.UNCERTAIN, row.target_id, (Reason("UNCERTAIN", error.message),))

    def _find_versions(self, rows: Sequence[Row]) -> dict[str, _Version]:
        """The latest version of each row that there is already, by the row's key."""
        by_id = {row.target_id: row.key for row in rows if row.target_id}
        found = {by_id[id_]: each for id_, each in self._latest(self._described.field("Id"), list(by_id)).items()}
        # A version that was sent before, by an attempt whose answer was lost, has another id and the same key.
        key = self._described.field(self._batch.key_field)
        fold = str if key.case_sensitive else str.casefold
        left = {fold(row.key): row.key for row in rows if row.key not in found}
        by_key = self._latest(key, list(left.values())).items()
        return found | {left[fold(value)]: each for value, each in by_key if fold(value) in left}

    def _latest(self, field: FieldDescription, values: Sequence[str]) -> dict[str, _Version]:
        """The latest versions that have these values in a field, by the value."""
        fields = self._described.schema.fields.items()
        custom = [name for name, each in fields if name.endswith("__c") and each.createable]
        columns = list(dict.fromkeys(["Id", field.name, "ContentDocumentId", "Checksum", *_CARRIED, *custom]))
        return {
            str(each[field.name]): _Version(
                each["Id"], each["ContentDocumentId"], MD5 + str(each["Checksum"]).lower(), each
            )
            for query in soql.queries(self._described.name, columns, field, values, also=LATEST)
            for page in reading.pages(self._session, query)
            for each in page
        }

    def _find_parents(self, rows: Sequence[Row]) -> dict[ParentKey, str]:
        """Ids of the records that files go to."""
        places = (row.values.get(PLACE) for row in rows)
        return ids_of(self._session, self._known, [each for each in places if isinstance(each, ParentKey)])

    def _write(self, row: Row) -> RecordResult:
        version = self._versions.get(row.key)
        place = row.values.get(PLACE)
        record = self._place_of(place)
        if isinstance(place, ParentKey) and record is None:
            message = f"there is no {place.object} whose {place.field} is {place.key!r}"
            return _rejected(row, "INVALID_CROSS_REFERENCE_KEY", message, PLACE)
        media = row.values.get(CONTENT)
        try:
            if isinstance(media, MediaRef) or version is None or FILE_NAME in row.values:
                result = self._send_version(row, version, record)
            else:
                result = self._change(row, version)
        except Refused as error:
            return _rejected(row, "FILE_REFUSED", error.message, CONTENT)
        if result.outcome is not Outcome.REJECTED and version is not None and PLACE in row.values:
            self._link(version.document, record)
        return result

    def _place_of(self, place: object) -> str | None:
        if isinstance(place, ParentKey):
            return self._parents.get(place)
        return place if isinstance(place, str) else None

    def _send_version(self, row: Row, version: _Version | None, record: str | None) -> RecordResult:
        """The first version of a document, or the next one; nothing where the latest has this very content and name."""
        media = row.values.get(CONTENT)
        if version is None and self._batch.operation is Operation.UPDATE:
            return _rejected(row, "ENTITY_IS_DELETED", "the file is no longer there", "")
        if version is None and not isinstance(media, MediaRef):
            return _rejected(row, "REQUIRED_FIELD_MISSING", "a file is needed; map it by `media`", CONTENT)
        values = self._values(row)
        with self._content(media, version) as (file, size, content, given):
            if size == 0:
                return _rejected(row, "EMPTY_FILE", "the file is empty (0 bytes)", CONTENT)
            before = _carried(version) if version else {}
            name = file_name(str(values.get(FILE_NAME) or given or before.get(FILE_NAME)))
            if version is not None and (version.content, before.get(FILE_NAME)) == (content, name):
                return self._change(row, version)
            entity = {**before, **values, FILE_NAME: name}
            if version is not None:
                entity["ContentDocumentId"] = version.document
            elif record is not None:
                entity[PLACE] = record
            answer = self._post(row.key, entity, file, content)
        if isinstance(answer, list):
            return failed(row, self._batch.operation, answer, self._session.mask.masked)
        return RecordResult(row.key, Outcome.UPDATED if version else Outcome.CREATED, answer)

    def _post(self, key: str, entity: Mapping[str, Any], file: IO[bytes], content: str) -> str | list[RowError]:
        """Send a version; after a lost answer, look whether it has arrived before it is sent again.

        Raises:
            NoAnswer: it has not arrived and may still do so.
        """
        document = entity.get("ContentDocumentId")
        field = self._described.field("ContentDocumentId" if document else self._batch.key_field)
        patience = self._session.patience()
        while True:
            self._sending()
            try:
                return self._session.once(lambda client: _upload(client, self._described.name, entity, file))
            except Unavailable as error:
                failure = error
            patience.wait(failure)
            for each in self._latest(field, [document or key]).values():
                if each.content == content:
                    return each.id
            if isinstance(failure, NoAnswer):
                raise failure

    def _change(self, row: Row, version: _Version) -> RecordResult:
        """Change fields of the latest version, which keeps its content."""
        values = {name: value for name, value in row.values.items() if name not in (CONTENT, PLACE, FILE_NAME)}
        if not values:
            return RecordResult(row.key, Outcome.UPDATED, version.id)
        changed = replace(
            self._batch, operation=Operation.UPDATE, rows=(Row(row.key, values, version.id),), columns=tuple(values)
        )
        (result,) = composite.send(self._session, self._described, changed)
        return result

    def _values(self, row: Row) -> dict[str, Any]:
        """The fields of a row for a JSON body, with the key, which every version has."""
        values: dict[str, Any] = {self._batch.key_field: row.key}
        for name, value in row.values.items():
            if name in (CONTENT, PLACE) or value is Blank.LEAVE:
                continue
            values[name] = None if isinstance(value, Blank) else to_json(value)
        return values

    @contextmanager
    def _content(self, media: object, version: _Version | None) -> Iterator[tuple[IO[bytes], int, str, str]]:
        """The bytes to send on disk, so that they can be sent again; their size, what they contain, and their name."""
        name = ""
        with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY) as file:
            if isinstance(media, MediaRef):
                name = self._fetch(media, file) or media.filename
            elif version is not None:
                # Only the name changes: the new version gets the content of the one before it.
                self._session.call(lambda client: _download(client, self._described.name, version.id, file))
            size = file.tell()
            file.seek(0)
            digest = hashlib.md5(usedforsecurity=False)
            while piece := file.read(_PIECE):
                digest.update(piece)
            yield file, size, MD5 + digest.hexdigest(), name

    def _fetch(self, media: MediaRef, file: IO[bytes]) -> str:
        """Read a file; gives its name, where the source tells it."""
        if self._open is None:
            raise BrokenContract(f"{self._session.where}: a file was to be sent, and nothing opens it")
        with self._open(media) as stream:
            while piece := stream.read(_PIECE):
                file.write(piece)
            return str(getattr(stream, "name", ""))

    def _link(self, document: str, record: str | None) -> None:
        """Link a document to this record, and to no other of the same object."""
        linked_to = links(self._session, [document])[document]
        if record is not None and all(linked != record for _, linked in linked_to):
            body = {"ContentDocumentId": document, "LinkedEntityId": record, "ShareType": "V"}
            self._session.call(lambda client: _create_link(client, body))
        gone = [link for link, linked in linked_to if linked != record and (record is None or linked[:3] == record[:3])]
        self._remove(gone)

    def _unlink(self, row: Row) -> RecordResult:
        """Take a document away from the record that it was published to; who else has it keeps it."""
        version = self._versions.get(row.key)
        if version is not None:
            self._remove([link for link, _ in links(self._session, [version.document])[version.document]][:1])
        return RecordResult(row.key, Outcome.DELETED, row.target_id)

    def _remove(self, links: Sequence[str]) -> None:
        for each in links:
            self._session.call(lambda client, each=each: _delete_link(client, each))  # type: ignore[misc]


def _carried(version: _Version) -> dict[str, Any]:
    return {
        name: value
        for name, value in version.values.items()
        if value is not None and (name in _CARRIED or name.endswith("__c"))
    }


def _rejected(row: Row, code: str, message: str, field: str) -> RecordResult:
    reason = Reason(code, message, field, Owner.DATA)
    return RecordResult(row.key, Outcome.REJECTED, row.target_id, (reason,))


def _upload(client: Salesforce, object_name: str, entity: Mapping[str, Any], file: IO[bytes]) -> str | list[RowError]:
    """Send a version as multipart, piece by piece; gives its id, or why Salesforce refuses it."""
    import orjson
    from requests_toolbelt import MultipartEncoder

    file.seek(0)
    parts = {
        "entity_content": (None, orjson.dumps(entity), "application/json"),
        CONTENT: (entity[FILE_NAME], file, "application/octet-stream"),
    }
    body = MultipartEncoder(fields=parts)
    try:
        answer = client.restful(
            f"sobjects/{object_name}", method="POST", data=body, headers={"Content-Type": body.content_type}
        )
    except SalesforceError as error:
        if error.status == 400 and isinstance(error.content, list) and error.content:
            return [row_error(each) for each in error.content]
        raise
    if not isinstance(answer, dict) or not isinstance(answer.get("id"), str):
        raise ValueError("no id")  # noqa: TRY004 - taken for an answer that cannot be read
    return str(answer["id"])


def _download(client: Salesforce, object_name: str, id_: str, file: IO[bytes]) -> None:
    """The content of a version, from the beginning; the library itself only reads JSON."""
    url = f"{client.base_url}sobjects/{object_name}/{id_}/VersionData"
    file.seek(0)
    file.truncate()
    with client.session.get(url, headers=client.headers, stream=True) as answer:
        if answer.status_code >= 300:
            exception_handler(answer, name=object_name)
        for piece in answer.iter_content(_PIECE):
            file.write(piece)


def _create_link(client: Salesforce, body: Mapping[str, Any]) -> None:
    try:
        client.restful("sobjects/ContentDocumentLink", method="POST", json=body)
    except SalesforceError as error:
        if "DUPLICATE_VALUE" not in str(error.content):  # it is linked already
            raise


def _delete_link(client: Salesforce, link: str) -> None:
    try:
        client.restful(f"sobjects/ContentDocumentLink/{link}", method="DELETE")
    except SalesforceError as error:
        if error.status != 404:  # it is gone already
            raise
