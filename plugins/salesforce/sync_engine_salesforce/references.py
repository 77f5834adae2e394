"""Ids behind the keys of parents, for references that the platform does not take by a key.

Where a parent's key is an external id, or has ``idLookup``, a reference is written by it (Bulk API 2.0 Guide,
"Relationship Fields in a Header Row"). By any other field, and from a file, only the id does.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace

from sync_engine.sdk.target import Batch, FieldRequest, Row
from sync_engine.sdk.values import ParentKey
from sync_engine_salesforce import reading
from sync_engine_salesforce.file_reading import Known
from sync_engine_salesforce.session import OrgSession


def ids_of(session: OrgSession, known: Known, parents: Iterable[ParentKey]) -> dict[ParentKey, str]:
    """The id of each parent; a key that no record has, or that several have, is left out."""
    asked: dict[tuple[str, str], set[ParentKey]] = defaultdict(set)
    for each in parents:
        asked[each.object, each.field].add(each)
    found: dict[ParentKey, str] = {}
    for (object_name, name), keys in asked.items():
        described = known(object_name)
        exact = described.field(name).case_sensitive
        ids: dict[str, list[str]] = defaultdict(list)
        for page in reading.read(session, described, FieldRequest(name), [], sorted(each.key for each in keys)):
            for row in page:
                ids[row.key if exact else row.key.casefold()].append(row.id)
        for each in keys:
            of_key = ids[each.key if exact else each.key.casefold()]
            if len(of_key) == 1:
                found[each] = of_key[0]
    return found


def with_ids(session: OrgSession, known: Known, batch: Batch) -> Batch:
    """The batch with ids where the platform takes no key.

    A key without an id stands there as it is: the org then refuses that record, and says why.
    """
    relationships = known(batch.object).relationships
    columns = [name for name in batch.columns if name in relationships]
    needed = {
        value
        for name in columns
        for row in batch.rows
        if isinstance(value := row.values.get(name), ParentKey) and not _written_by_key(value, known)
    }
    if not needed:
        return batch
    ids = ids_of(session, known, needed)

    def written(row: Row) -> Row:
        by_id = {
            name: ids.get(value, value.key)
            for name in columns
            if isinstance(value := row.values.get(name), ParentKey) and value in needed
        }
        return replace(row, values={**row.values, **by_id})

    return replace(batch, rows=tuple(map(written, batch.rows)))


def _written_by_key(parent: ParentKey, known: Known) -> bool:
    return known(parent.object).field(parent.field).external_id
