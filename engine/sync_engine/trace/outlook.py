"""What the target holds of a record now, why that differs, and what the next transfer does about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from sync_engine.catalog.mapping import ConstRule, LookupRule, Rule
from sync_engine.catalog.model import OnMissing
from sync_engine.compiler.compiled import CompiledField, CompiledStream
from sync_engine.ledger.records import History
from sync_engine.planner.adoption import adopt, take_over
from sync_engine.planner.causes import find_causes
from sync_engine.planner.difference import create, update
from sync_engine.planner.encoding import Encoded, encode
from sync_engine.planner.fields import FieldChange
from sync_engine.planner.files import leave_same_files
from sync_engine.planner.held import read_held
from sync_engine.planner.plan import Change, ChangeKind, Kept
from sync_engine.planner.policies import decide, policies_of
from sync_engine.planner.remembered import Remembered
from sync_engine.planner.wanted import Wanted, wanted
from sync_engine.planner.work import Slot, Work, lay_out_columns
from sync_engine.planner.workspace import Held, Workspace
from sync_engine.sdk.source import Pushdown
from sync_engine.sdk.target import FieldRequest, Reason, Target
from sync_engine.sdk.values import ParentKey
from sync_engine.trace.model import RowTrace


@dataclass(frozen=True, slots=True)
class Outlook:
    """One target record, seen from its row in the source.

    Attributes:
        key: value of the key field.
        target_id: of the record; empty when the target has none.
        held: encoded values of the stream's fields in the target; None when there is no record.
        change: what the next transfer does; None when it does nothing.
        next: the same in words.
        reasons: why the next transfer rejects it, beside those of the row.
        remarks: what else the next transfer depends on.
        kept: what differs and is left as it is.
        history: what the ledger knows.
    """

    key: str
    target_id: str
    held: Mapping[str, Encoded] | None
    change: Change | None
    next: str
    history: History
    reasons: tuple[Reason, ...] = ()
    remarks: tuple[str, ...] = field(default=())
    kept: Kept | None = None


def outlook(
    stream: CompiledStream,
    row: RowTrace,
    target: Target,
    history: History,
    *,
    selected: bool,
    remembered: Remembered,
    mappings_changed: frozenset[str],
) -> Outlook:
    """What happens to a row next.

    Args:
        stream: that makes it.
        row: the row.
        target: asked for the record and for the parents that it refers to.
        history: of the row's key.
        selected: whether the filters leave it in.
        remembered: what is known of earlier transfers.
        mappings_changed: fields that are filled in another way than at the last one.
    """
    if not selected:
        return gone(stream, row.key, target, history, why="the filter leaves it out")
    slot, columns = _slot(stream)
    if row.reasons:
        held = _held(slot, target, row.key) if row.key else None
        return _outlook(stream, row.key, slot, columns, held, None, history, "it is rejected, for the reasons above")
    found = _held(slot, target, row.key)
    verdict = found or _adopted(stream, slot, columns, row, target)
    if isinstance(verdict, Reason):
        return _outlook(stream, row.key, slot, columns, None, None, history, "it is rejected", (verdict,))
    parents = _held_parents(row, target)
    made = _as_spelled(wanted(stream, row.mapped, target.normal_form), parents)
    change: Change | tuple[Reason, ...] | None
    if verdict is None:
        change = create(stream, made)
    else:
        now = [verdict.fields[column] for column in columns]
        made, refused = leave_same_files(stream, made, now, remembered.files)
        change = (refused,) if refused else update(stream, made, verdict, columns)
        if found is None:
            work = Work(0, stream, slot, columns, [], Pushdown((), (), ()))
            change = take_over(work, made, verdict, change)
    if isinstance(change, tuple):
        return _outlook(stream, row.key, slot, columns, verdict, None, history, "it is rejected", change)
    kept: Kept | None = None
    if change is not None:
        work = Work(0, stream, slot, columns, [], Pushdown((), (), ()))
        work.remembered, work.mappings_changed = remembered, mappings_changed
        decision = decide(find_causes(work, [change], target)[0], policies_of(stream))
        if decision.reasons:
            return _outlook(stream, row.key, slot, columns, verdict, None, history, "it is rejected", decision.reasons)
        change, kept = decision.change, decision.kept
    words = _words(change, kept, adopted=found is None and verdict is not None)
    remarks = tuple(_lacking_parents(stream, row, change, parents))
    found_out = _outlook(stream, row.key, slot, columns, verdict, change, history, words, (), remarks)
    return replace(found_out, kept=kept)


def gone(stream: CompiledStream, key: str, target: Target, history: History, *, why: str) -> Outlook:
    """What happens to a target record whose source record is not selected, or is not there any more.

    Args:
        stream: that wrote it, perhaps.
        key: value of the key field.
        target: asked for the record.
        history: of the key.
        why: as words, in front of what follows from it.
    """
    slot, columns = _slot(stream)
    held = _held(slot, target, key) if key else None
    change, words = _on_missing(stream, slot, held, history)
    return _outlook(stream, key, slot, columns, held, change, history, f"{why}: {words}")


def _on_missing(stream: CompiledStream, slot: Slot, held: Held | None, history: History) -> tuple[Change | None, str]:
    if held is None:
        return None, "nothing happens, because the target has no such record"
    if history.written is None or history.written.target_id != held.id:
        return None, "nothing happens, because the record was not written by this stream"
    if stream.on_missing is OnMissing.KEEP:
        return None, "the record stays as it is (`on_missing: keep`)"
    if stream.on_missing is OnMissing.DELETE:
        return Change(ChangeKind.DELETE, held.key, "", held.id, 0, ()), "it will be deleted (`on_missing: delete`)"
    constants = [(each, held.fields[slot.column(each)], _constant(each)) for each in stream.missing]
    differing = tuple(FieldChange(each.name, before, after) for each, before, after in constants if before != after)
    if not differing:
        return None, "the record already is as `on_missing: set` says"
    change = Change(ChangeKind.DEACTIVATE, held.key, "", held.id, 0, differing)
    return change, f"it will be deactivated (`on_missing: set`): {', '.join(each.field for each in differing)}"


def _constant(compiled: CompiledField) -> Encoded:
    rule = compiled.mapping.rule
    return encode(rule.value) if isinstance(rule, ConstRule) else None  # type: ignore[arg-type] # checked when compiled


def _slot(stream: CompiledStream) -> tuple[Slot, list[int]]:
    slot = Slot(0, stream.object.name, stream.key.description)
    columns = lay_out_columns(slot, stream)
    for each in stream.missing:
        slot.column(each)
    return slot, columns


def _held(slot: Slot, target: Target, key: str) -> Held | None:
    """The record with a key, in the form in which a plan compares it."""
    for rows in read_held(slot, target, [key]):
        for _, id_, stored, fields in rows:
            return Held(id_, stored, fields)
    return None


def _adopted(
    stream: CompiledStream, slot: Slot, columns: list[int], row: RowTrace, target: Target
) -> Held | Reason | None:
    """What ``match`` finds; other source records that match the same one are not looked at here."""
    if not stream.match:
        return None
    work = Work(0, stream, slot, columns, [], Pushdown((), (), ()))
    key = slot.normalise(row.key)
    with Workspace() as space:
        return adopt(space, work, [(key, wanted(stream, row.mapped, target.normal_form))], target).get(key)


def _words(change: Change | None, kept: Kept | None, *, adopted: bool) -> str:
    if change is None and kept is not None:
        names = ", ".join(f"{each.field} (`conflict: {each.policy}`)" for each in kept.fields)
        return f"nothing: what differs is left as it is: {names}"
    if change is None:
        return "nothing, because the target holds it as it is"
    if change.kind is ChangeKind.CREATE:
        return "it will be created"
    names = ", ".join(each.field for each in change.fields)
    return f"the record that was there before will be adopted: {names}" if adopted else f"it will be updated: {names}"


def _held_parents(row: RowTrace, target: Target) -> dict[int, str]:
    """By place of the fields that refer to a record: its key as the target spells it, empty where it holds none."""
    found: dict[int, str] = {}
    for place, value in enumerate(row.mapped.values):
        if isinstance(value, ParentKey):
            pages = target.read(value.object, value.field, [FieldRequest(value.field)], [value.key])
            found[place] = next((each.key for page in pages for each in page), "")
    return found


def _as_spelled(made: Wanted, parents: Mapping[int, str]) -> Wanted:
    """References as the target spells them; see ``planner.parents.as_spelled``."""
    return made._replace(fields=tuple(parents.get(place) or each for place, each in enumerate(made.fields)))


def _lacking_parents(
    stream: CompiledStream, row: RowTrace, change: Change | None, parents: Mapping[int, str]
) -> list[str]:
    """References to records that the target does not hold yet."""
    named = {each.field for each in change.fields} if change else set()
    remarks = []
    for place, spelled in parents.items():
        compiled, value = stream.fields[place], row.mapped.values[place]
        if compiled.name in named and not spelled and isinstance(value, ParentKey):
            remarks.append(
                f"{compiled.name} refers to {value.key}, which the target does not hold; "
                f"{_unless(compiled.mapping.rule)}`missing:` decides"
            )
    return remarks


def _unless(rule: Rule) -> str:
    return f"unless the same transfer creates it (stream {rule.stream}), " if isinstance(rule, LookupRule) else ""


def _outlook(
    stream: CompiledStream,
    key: str,
    slot: Slot,
    columns: Sequence[int],
    held: Held | None,
    change: Change | None,
    history: History,
    words: str,
    reasons: tuple[Reason, ...] = (),
    remarks: tuple[str, ...] = (),
) -> Outlook:
    values = None
    if held is not None:
        values = {each.name: held.fields[column] for each, column in zip(stream.fields, columns, strict=True)}
        values |= {each.name: held.fields[slot.column(each)] for each in stream.missing}
    return Outlook(key, held.id if held else "", values, change, words, history, reasons, remarks)
