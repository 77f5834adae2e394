"""What the target holds, brought into the workspace: all of a slot, or only what the rows of a page need."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from sync_engine.planner.held import read_held
from sync_engine.planner.progress import Progress
from sync_engine.planner.wanted import Wanted
from sync_engine.planner.work import Place, Slot, Work
from sync_engine.planner.workspace import Workspace
from sync_engine.sdk.target import Target

MOST = 10_000
"""Keys of a slot that are asked for; when there are more, reading the whole slot takes fewer requests."""


def choose_slots(needed: Sequence[Slot], places: Mapping[Place, Slot], works: Sequence[Work]) -> list[Slot]:
    """The slots that are read as a whole; the others are marked ``by_key``.

    It takes only changed records, in all streams that write to a slot or look records up in it, to do without the rest.
    """
    whole: set[int] = set()
    for work in works:
        if not work.since:
            whole.add(work.slot.number)
            whole.update(slot.number for _, slot in _parents(work, places))
    for slot in needed:
        slot.by_key = slot.number not in whole
    return [slot for slot in needed if not slot.by_key]


def load_all(space: Workspace, slots: Sequence[Slot], target: Target, catalog: str, progress: Progress) -> None:
    """Read whole slots."""
    for slot in slots:
        done = 0
        for rows in read_held(slot, target):
            space.hold(slot.number, rows, unique=slot.unique)
            done += len(rows)
            progress.step(catalog, slot.object_name, "comparing with", done)


def load_parents(
    space: Workspace, work: Work, places: Mapping[Place, Slot], rows: Sequence[Wanted], target: Target
) -> None:
    """Read the records that these rows refer to, where their slot is not read as a whole."""
    for number, slot in _parents(work, places):
        keys = (row.fields[number] for row in rows if row.fields)
        load_keys(space, slot, (each for each in keys if isinstance(each, str)), target)


def load_keys(space: Workspace, slot: Slot, keys: Iterable[str], target: Target) -> None:
    """Read the records with these keys, each once, where their slot is not read as a whole."""
    if not slot.by_key:
        return
    wanted = {normal: key for key in keys if key and (normal := slot.normalise(key)) not in slot.asked}
    if not wanted:
        return
    slot.asked.update(wanted)
    if len(slot.asked) <= MOST:
        pages = read_held(slot, target, list(wanted.values()))
    else:
        slot.by_key = False
        space.forget_held(slot.number)
        pages = read_held(slot, target)
    for rows in pages:
        space.hold(slot.number, rows, unique=slot.unique)


def _parents(work: Work, places: Mapping[Place, Slot]) -> list[tuple[int, Slot]]:
    """The fields that refer to other records, by their place in the stream, and where those are."""
    return [
        (number, places[each.request.parent_object, each.request.parent_field])
        for number, each in enumerate(work.stream.fields)
        if each.refers
    ]
