"""Keys that another record of the source may have, too, which was not read because it did not change.

Whoever has a key was written under it, or was rejected and is read again. So the ledger says whose a key was: when that
is another record, it must be among those that were read. A record of the target that the ledger does not know may be
anybody's. Where the key is that of the source itself, no two records have the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sync_engine.catalog.mapping import ValueRule
from sync_engine.compiler.compiled import CompiledCatalog, CompiledStream
from sync_engine.compiler.rows import record_key
from sync_engine.planner.plan import Rejection
from sync_engine.planner.wanted import Wanted
from sync_engine.planner.work import Doubt, Place, Slot, Work
from sync_engine.planner.workspace import Workspace


class KeyInDoubt(Exception):
    """A key may be another record's, too: all records have to be read.

    Attributes:
        key: for people.
    """

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


def find_rivals(compiled: CompiledCatalog, places: Mapping[Place, Slot], works: Sequence[Work]) -> None:
    """Note for each work that reads only changes which streams may have written its keys for other records."""
    of_slot: dict[int, list[CompiledStream]] = {}
    for each in compiled.streams:
        of_slot.setdefault(places[each.object.name, each.key.name].number, []).append(each)
    for work in works:
        streams = of_slot[work.slot.number]
        if work.since and not all(_has_own_key(each, compiled) for each in streams):
            work.rivals = tuple(streams)


def _has_own_key(stream: CompiledStream, compiled: CompiledCatalog) -> bool:
    own = compiled.source_schema.collections[stream.query.collection].key
    return not stream.key_parts and not stream.exploded and stream.key.mapping.rule == ValueRule(own)


def note_doubts(
    work: Work, unique: Sequence[tuple[str, Wanted]], rejected: Sequence[Rejection], held: Mapping[str, object]
) -> None:
    """Note the rows of a page whose keys another record may have.

    Args:
        work: of their stream.
        unique: those that can be written as far as the page says, with their keys as the target compares them.
        rejected: those that cannot; they claim their keys all the same.
        held: what the target holds, by the keys of the former.
    """
    known: set[str] = set()
    rows: list[tuple[str, Wanted | Rejection]] = [*unique]
    rows += [(work.slot.normalise(each.key), each) for each in rejected if each.key]
    for rival in work.rivals:
        owners = work.remembered.owners(rival.name, [row.key for _, row in rows])
        for normal, row in rows:
            if row.key in owners:
                known.add(normal)
                owner = _record(rival, owners[row.key])
                if (rival.name, owner) != (work.stream.name, _record(work.stream, row.source_key)):
                    work.doubts.append(Doubt(normal, row.key, rival.name, owner))
    if work.rivals:
        work.doubts += [Doubt(normal, row.key) for normal, row in unique if normal in held and normal not in known]


def settle_doubts(space: Workspace, works: Sequence[Work]) -> None:
    """Clear up the doubts once everything is read.

    Raises:
        KeyInDoubt: one is left.
    """
    numbers = {work.stream.name: work.number for work in works}
    for work in works:
        for each in work.doubts:
            read = each.owner and each.stream in numbers and space.has_claims(numbers[each.stream], each.owner)
            if not read and not space.is_disputed(work.slot.number, each.normal):
                raise KeyInDoubt(each.key)


def _record(stream: CompiledStream, source_key: str) -> str:
    return record_key(source_key) if stream.exploded else source_key
