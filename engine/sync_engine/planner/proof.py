"""A last look at the source before records are deleted or deactivated: is what they were made of there after all?

The plan has read the source to its end and has not found them. But it was a list of pages, over minutes, and a plan may
be applied days later; a delete cannot be taken back. So each of these records is asked for once more, by its own key.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from sync_engine.compiler.compiled import CompiledCatalog, CompiledStream
from sync_engine.compiler.rows import record_key
from sync_engine.planner.held import key_of
from sync_engine.planner.plan import Change, ChangeKind
from sync_engine.planner.pushdown import push_down
from sync_engine.planner.work import Slot, lay_out_columns
from sync_engine.sdk.filters import Criterion
from sync_engine.sdk.source import RecordCollection, Source, SourceRecord
from sync_engine.sdk.target import Owner, Reason, Target

DOOMED = frozenset({ChangeKind.DELETE, ChangeKind.DEACTIVATE})

MOST_KEYS = 100
"""Keys that the source is asked for at once."""

LastLook = Callable[[str, Sequence[Change]], Mapping[str, Reason]]
"""From a stream's name and changes of the kinds ``DOOMED``: why some of them, by key, must not be made."""


def last_look(compiled: CompiledCatalog, source: Source, target: Target) -> LastLook:
    """The function that looks, for the streams of one catalog.

    It raises what ``Source.read`` raises: a source that cannot be asked proves nothing.
    """
    streams = {each.name: each for each in compiled.streams}
    of_rows = {each.name for each in compiled.catalog.streams if each.for_each is not None}

    def look(name: str, changes: Sequence[Change]) -> dict[str, Reason]:
        stream = streams[name]
        collection = compiled.source_schema.collections[stream.query.collection]
        found = {each.key: _NO_PROOF for each in changes if not each.source_key}
        asked = [each for each in changes if each.source_key]
        for start in range(0, len(asked), MOST_KEYS):
            part = asked[start : start + MOST_KEYS]
            records = {record_key(each.source_key) if name in of_rows else each.source_key for each in part}
            found |= _there(stream, part, target, _records(stream, collection, source, sorted(records)))
        return found

    return look


_NO_PROOF = Reason(
    "NO_PROOF",
    "it is not known which record of the source it was made of, so there is no proof that this one is gone; it is left "
    "as it is",
    owner=Owner.ORG,
)


def _there(
    stream: CompiledStream, changes: Sequence[Change], target: Target, records: Iterable[SourceRecord]
) -> dict[str, Reason]:
    """Those of the changes whose key one of the records has."""
    slot = Slot(0, stream.object.name, stream.key.description)
    lay_out_columns(slot, stream)
    keys: set[str] = set()
    without_key: set[str] = set()
    for record in records:
        for row in stream.map_rows(record):
            key = key_of(slot, target, row.key_values) if row.key_values else row.key
            if key:
                keys.add(slot.normalise(key))
            else:
                without_key.add(row.source_key)  # whichever record of the target it is
    return {
        each.key: Reason("STILL_THERE", f"the source has the record {each.source_key} after all; it is left as it is")
        for each in changes
        if slot.normalise(each.key) in keys or each.source_key in without_key
    }


def _records(
    stream: CompiledStream, collection: RecordCollection, source: Source, keys: Sequence[str]
) -> Iterator[SourceRecord]:
    """The records with these keys that pass the filter."""
    among = Criterion(collection.key, "IN", tuple(keys))
    pushdown = push_down(source, replace(stream.query, filters=(among, *stream.query.filters)))
    keep = stream.compile_residual(pushdown.residual)
    for partition in pushdown.partitions:
        for page in source.read(partition):
            yield from filter(keep, page.records)
