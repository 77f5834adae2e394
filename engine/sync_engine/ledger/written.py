"""The third corner in the ledger: what was last written to each record, and how its fields were filled then."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice

import orjson

from sync_engine.ledger.database import Database, Transaction
from sync_engine.ledger.records import WrittenRecord

TOGETHER = 500
"""Records that are looked up in one statement."""


def keep_written(transaction: Transaction, catalog: str, transfer: str, records: Iterable[WrittenRecord]) -> None:
    """Lay the written fields over those written before: an update names only the fields that changed."""

    def row(record: WrittenRecord, before: str | None) -> tuple[str, ...]:
        fields = record.fields if before is None else {**orjson.loads(before), **record.fields}
        text = orjson.dumps(fields).decode()
        of_record = (record.stream, record.key, record.object_name, record.target_id)
        return (catalog, *of_record, text, transfer, record.source_key)

    waiting = iter(records)
    while part := list(islice(waiting, TOGETHER)):
        found = {
            (stream, key): fields
            for stream in {each.stream for each in part}
            for key, fields in _fields_before(
                transaction, catalog, stream, [each.key for each in part if each.stream == stream]
            ).items()
        }
        transaction.execute_many(
            "INSERT INTO written (catalog, stream, key, object, target_id, fields, transfer, source_key) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (catalog, stream, key) DO UPDATE "
            "SET object = excluded.object, target_id = excluded.target_id, fields = excluded.fields, "
            "transfer = excluded.transfer, "
            "source_key = CASE excluded.source_key WHEN '' THEN written.source_key ELSE excluded.source_key END",
            [row(each, found.get((each.stream, each.key))) for each in part],
        )


def _fields_before(asked: Database | Transaction, catalog: str, stream: str, keys: Sequence[str]) -> dict[str, str]:
    """What was written before to records of a stream, by key."""
    marks = ",".join("?" * len(keys))
    rows = asked.query(
        f"SELECT key, fields FROM written WHERE catalog = ? AND stream = ? AND key IN ({marks})",  # noqa: S608 - marks
        (catalog, stream, *keys),
    )
    return dict(rows)


def read_written(database: Database, catalog: str, stream: str, keys: Sequence[str]) -> dict[str, Mapping[str, object]]:
    """See ``Ledger.written``."""
    found: dict[str, Mapping[str, object]] = {}
    for start in range(0, len(keys), TOGETHER):
        before = _fields_before(database, catalog, stream, keys[start : start + TOGETHER])
        found.update((key, orjson.loads(fields)) for key, fields in before.items())
    return found


def read_owners(database: Database, catalog: str, stream: str, keys: Sequence[str]) -> dict[str, str]:
    """See ``Ledger.owners``."""
    found: dict[str, str] = {}
    for start in range(0, len(keys), TOGETHER):
        part = keys[start : start + TOGETHER]
        marks = ",".join("?" * len(part))
        asked = f"SELECT key, source_key FROM written WHERE catalog = ? AND stream = ? AND key IN ({marks})"  # noqa: S608
        found.update(database.query(asked, (catalog, stream, *part)))
    return found


def written_pages(database: Database, catalog: str, stream: str) -> Iterator[list[WrittenRecord]]:
    """See ``Ledger.all_written``."""
    last = ""
    while True:
        rows = database.query(
            "SELECT key, object, target_id, fields, source_key FROM written "
            "WHERE catalog = ? AND stream = ? AND key > ? ORDER BY key LIMIT ?",
            (catalog, stream, last, TOGETHER),
        )
        if rows:
            yield [
                WrittenRecord(stream, key, object_name, target_id, orjson.loads(fields), source_key)
                for key, object_name, target_id, fields, source_key in rows
            ]
        if len(rows) < TOGETHER:
            return
        last = rows[-1][0]


def read_mappings(database: Database, catalog: str) -> dict[str, dict[str, str]]:
    """See ``Ledger.mappings``."""
    found: dict[str, dict[str, str]] = {}
    for stream, field, digest in database.query(
        "SELECT stream, field, digest FROM mappings WHERE catalog = ?", (catalog,)
    ):
        found.setdefault(stream, {})[field] = digest
    return found


def keep_mappings(transaction: Transaction, catalog: str, stream: str, digests: Mapping[str, str]) -> None:
    """See ``Ledger.keep_mappings``."""
    transaction.execute("DELETE FROM mappings WHERE catalog = ? AND stream = ?", (catalog, stream))
    transaction.execute_many(
        "INSERT INTO mappings (catalog, stream, field, digest) VALUES (?, ?, ?, ?)",
        [(catalog, stream, field, digest) for field, digest in digests.items()],
    )
