"""Records of the target whose source record left the filter or the source: kept, changed or deleted, with proof.

The proof: the source was read to its end in this plan (a failed read raises and there is no plan), the record was
written by this very stream, no stream claims its key now, and no rejected record might be it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice

from sync_engine.catalog.mapping import ConstRule
from sync_engine.catalog.model import OnMissing
from sync_engine.compiler.compiled import CompiledField
from sync_engine.ledger.records import OwnedRecord
from sync_engine.planner.encoding import encode
from sync_engine.planner.fields import FieldChange
from sync_engine.planner.plan import Change, ChangeKind
from sync_engine.planner.work import Work
from sync_engine.planner.workspace import Held, Workspace
from sync_engine.sdk.values import TargetValue

CHUNK = 500
NormalForm = Callable[[CompiledField], TargetValue]


def plan_missing(space: Workspace, work: Work, owned: Iterable[OwnedRecord]) -> None:
    """Add the changes for records that are gone from the source.

    A stream that rejected a record without knowing its key leaves all of them alone: the one may be any of the others.
    """
    if work.stream.on_missing is OnMissing.KEEP or work.keyless:
        return
    remaining = iter(owned)
    while chunk := list(islice(remaining, CHUNK)):
        ours = {work.slot.normalise(each.key): each for each in chunk}
        gone = space.unclaimed(work.slot.number, list(ours))
        held = space.find_held(work.slot.number, gone)
        changes = _changes(
            work, ((key, each, ours[key].source_key) for key, each in held.items() if each.id == ours[key].target_id)
        )
        space.add_changes(work.number, work.slot.number, changes)


def _changes(work: Work, gone: Iterable[tuple[str, Held, str]]) -> Iterator[tuple[str, Change]]:
    for key, held, source_key in gone:
        if work.stream.on_missing is OnMissing.DELETE:
            before = zip(work.stream.fields, work.columns, strict=True)
            lost = tuple(
                FieldChange(field.name, held.fields[column], None)
                for field, column in before
                if held.fields[column] is not None
            )
            yield key, Change(ChangeKind.DELETE, held.key, source_key, held.id, 0, lost)
            continue
        differing = tuple(
            FieldChange(field.name, held.fields[column], wanted)
            for field, column in zip(work.stream.missing, work.missing_columns, strict=True)
            if held.fields[column] != (wanted := encode(constant(field)))
        )
        if differing:
            yield key, Change(ChangeKind.DEACTIVATE, held.key, source_key, held.id, 0, differing)


def constant(field: CompiledField) -> TargetValue:
    """What ``on_missing: set`` writes into a field."""
    rule = field.mapping.rule
    if not isinstance(rule, ConstRule):
        raise TypeError(f"`on_missing: set` of {field.name} is no constant")
    value: TargetValue = rule.value  # type: ignore[assignment] # converted and checked when the catalog was compiled
    return value
