"""What the target holds now, in the form in which it is compared."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sync_engine.compiler.keys import join_key, split_key
from sync_engine.planner.encoding import Encoded, encode
from sync_engine.planner.work import Slot
from sync_engine.sdk.target import Target, TargetRow
from sync_engine.sdk.values import Blank, TargetValue

HeldRow = tuple[str, str, str, list[Encoded]]
"""Key as it is compared, the target's id, key as stored, encoded fields in the order of the slot's columns."""


def read_held(slot: Slot, target: Target, keys: Sequence[str] | None = None) -> Iterator[list[HeldRow]]:
    """The records of a slot, page by page.

    Args:
        slot: object, key and columns.
        target: is asked.
        keys: only the records with these keys; None reads all. Of a key of several fields the one part is asked for
            that tells most records apart, and the other parts are compared here.
    """
    if not slot.key_columns:
        pages = target.read(slot.object_name, slot.key.name, slot.requests, keys)
        yield from ([_row(slot, target, each) for each in page] for page in pages)
        return
    wanted = None if keys is None else {slot.normalise(each) for each in keys}
    for page in _pages(slot, target, keys):
        rows = (_row(slot, target, each) for each in page)
        yield [each for each in rows if each[0] and (wanted is None or each[0] in wanted)]


def key_of(slot: Slot, target: Target, values: Sequence[TargetValue | Blank]) -> str:
    """The text of a key of several fields, from their values; empty when one of them has none."""
    descriptions = [slot.descriptions[each] for each in slot.key_columns]
    forms = [
        None if isinstance(value, Blank) else encode(target.normal_form(description, value))
        for description, value in zip(descriptions, values, strict=True)
    ]
    return _joined(forms)


def _pages(slot: Slot, target: Target, keys: Sequence[str] | None) -> Iterator[Sequence[TargetRow]]:
    if keys is None:
        if slot.fixed is None:
            return target.read(slot.object_name, slot.id_field, slot.requests)
        column, fixed = slot.fixed
        return target.read(slot.object_name, slot.requests[column], slot.requests, fixed)
    parts = [split_key(each) for each in keys]
    values = [list(dict.fromkeys(each[index] for each in parts)) for index in range(len(slot.key_columns))]
    best = max(range(len(values)), key=lambda index: len(values[index]))
    return target.read(slot.object_name, slot.requests[slot.key_columns[best]], slot.requests, values[best])


def _row(slot: Slot, target: Target, row: TargetRow) -> HeldRow:
    pairs = zip(slot.requests, slot.descriptions, strict=True)
    fields = [encode(target.normal_form(described, row.values.get(request.name))) for request, described in pairs]
    key = _joined([fields[each] for each in slot.key_columns]) if slot.key_columns else row.key
    return slot.normalise(key), row.id, key, fields


def _joined(values: Sequence[Encoded]) -> str:
    if any(each is None for each in values):
        return ""
    return join_key([str(each).lower() if isinstance(each, bool) else str(each) for each in values])
