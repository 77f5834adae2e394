"""Reading files: the latest version of each document, and the records that documents are linked to.

Sources: Object Reference "ContentVersion", "ContentDocumentLink" (a query of links must name documents or records).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from sync_engine.sdk.files import MD5
from sync_engine.sdk.target import FieldRequest, TargetRow
from sync_engine.sdk.values import ParentKey, TargetValue
from sync_engine_salesforce import reading, soql
from sync_engine_salesforce.file_fields import CONTENT, PLACE
from sync_engine_salesforce.schema import Described
from sync_engine_salesforce.session import OrgSession

LATEST = " AND IsLatest = true"
TOGETHER = 200
_PEOPLE = ("005", "00G", "00D", "058")
"""How ids of users, groups, the org and libraries begin: who may see a document, not what it belongs to."""

Known = Callable[[str], Described]
"""From an object's name to its description."""


def read(
    session: OrgSession,
    known: Known,
    described: Described,
    asked: FieldRequest,
    requests: Sequence[FieldRequest],
    keys: Sequence[str] | None,
) -> Iterator[list[TargetRow]]:
    """Latest versions; see ``sync_engine.sdk.target.Target.read``."""
    place = next((each for each in requests if each.name == PLACE), None)
    plain = [each for each in requests if each.name not in (PLACE, CONTENT)]
    own = [FieldRequest("ContentDocumentId"), FieldRequest("Checksum")]
    for rows in reading.read(session, described, asked, [*plain, *own], keys, also=LATEST):
        places = _places(session, known, rows, place) if place else {}
        yield [_as_asked(row, places) for row in rows]


def _as_asked(row: TargetRow, places: Mapping[str, TargetValue]) -> TargetRow:
    content = MD5 + str(row.values["Checksum"]).lower() if row.values["Checksum"] else None
    found = {CONTENT: content, PLACE: places.get(str(row.values["ContentDocumentId"]))}
    return replace(row, values={**row.values, **found})


def _places(
    session: OrgSession, known: Known, rows: Sequence[TargetRow], asked: FieldRequest
) -> dict[str, TargetValue]:
    """By document: the record that it is linked to; by its key where that is asked for."""
    linked_to = links(session, [str(row.values["ContentDocumentId"]) for row in rows])
    if not asked.parent_object:
        return {document: linked[0][1] for document, linked in linked_to.items() if linked}
    parent = known(asked.parent_object)
    ids = sorted({record for linked in linked_to.values() for _, record in linked if record.startswith(parent.prefix)})
    keys = {
        row.id: ParentKey(asked.parent_object, asked.parent_field, row.key)
        for start in range(0, len(ids), TOGETHER)
        for page in reading.read_by_id(session, parent, asked.parent_field, ids[start : start + TOGETHER])
        for row in page
    }
    return {
        document: next((keys[record] for _, record in linked if record in keys), None)
        for document, linked in linked_to.items()
    }


def links(session: OrgSession, documents: Sequence[str]) -> dict[str, list[tuple[str, str]]]:
    """By document, (link, record) of what it is linked to, oldest first, without the people who own it."""
    found: dict[str, list[tuple[str, str]]] = {each: [] for each in documents}
    unique = sorted(found)
    for start in range(0, len(unique), TOGETHER):
        ids = ", ".join(map(soql.quote, unique[start : start + TOGETHER]))
        query = (
            "SELECT Id, ContentDocumentId, LinkedEntityId FROM ContentDocumentLink "  # noqa: S608 - ids from the org
            f"WHERE ContentDocumentId IN ({ids}) ORDER BY SystemModstamp, Id"
        )
        for page in reading.pages(session, query):
            for each in page:
                if not str(each["LinkedEntityId"]).startswith(_PEOPLE):
                    found[each["ContentDocumentId"]].append((each["Id"], each["LinkedEntityId"]))
    return found
