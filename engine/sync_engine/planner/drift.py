"""What changed in the target since we wrote it last: the ledger's third corner against what the target holds now.

The source is not asked. What a record should hold today is the plan's question; here it is what became of ours.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from sync_engine.catalog.mapping import Conflict, FieldMapping, FindByRule, LookupRule
from sync_engine.catalog.model import Catalog, Stream
from sync_engine.compiler.catalog import key_place
from sync_engine.ledger.records import WrittenRecord
from sync_engine.ledger.store import Ledger
from sync_engine.planner.encoding import Encoded
from sync_engine.planner.held import read_held
from sync_engine.planner.plan import PlannedField, ReadStep, StreamPlan, Summary, WriteStep
from sync_engine.planner.progress import Progress
from sync_engine.planner.work import Slot, slot_of
from sync_engine.planner.workspace import Held, Workspace
from sync_engine.sdk.target import (
    FieldDescription,
    FieldRequest,
    Modified,
    ObjectSchema,
    Target,
    TargetSchema,
    TellsModified,
)


@dataclass(frozen=True, slots=True)
class DriftedField:
    """A field that does not hold what we wrote.

    Attributes:
        ours: what we wrote.
        theirs: what the target holds.
        policy: what the catalog says to it (``conflict``).
    """

    field: str
    ours: Encoded
    theirs: Encoded
    policy: Conflict


@dataclass(frozen=True, slots=True)
class Drifted:
    """A record that is not as we wrote it.

    Attributes:
        target_id: of the record we wrote.
        fields: that differ; empty when the record is gone.
        gone: the target has no record with its key any more.
        modified: its last modification, where the target tells.
    """

    key: str
    target_id: str
    fields: tuple[DriftedField, ...]
    gone: bool = False
    modified: Modified | None = None


@dataclass(frozen=True, slots=True)
class DriftPage:
    """Some records of a stream that were compared: how many, and those that are not as we wrote them, by key."""

    compared: int
    found: tuple[Drifted, ...]


@dataclass(frozen=True, slots=True)
class StreamDrift:
    """Where a stream's drift is looked for.

    Attributes:
        fields: that are compared, as a plan has them.
        missing: mapped fields that the object has not any more, or hides.
    """

    name: str
    object_name: str
    fields: tuple[PlannedField, ...]
    missing: tuple[str, ...]
    slot: Slot
    policies: dict[str, Conflict]


def drift_of(catalog: Catalog, schema: TargetSchema) -> list[StreamDrift]:
    """The streams of a catalog whose objects the target has."""
    described = ((each, schema.find(each.object)) for each in catalog.streams)
    return [_stream(catalog, each, found, schema) for each, found in described if found is not None]


def find_drift(
    stream: StreamDrift, catalog: str, target: Target, ledger: Ledger, progress: Progress
) -> Iterator[DriftPage]:
    """Every record that the stream has written, compared with what the target holds, page by page.

    Raises:
        Unavailable, BrokenContract, Unauthorised: the target could not be read completely.
    """
    slot = stream.slot
    with Workspace() as space:
        loaded = False
        for page in ledger.all_written(catalog, stream.name):
            if not loaded:  # a stream that has written nothing reads nothing
                loaded = True
                done = 0
                for rows in read_held(slot, target):
                    space.hold(0, rows)
                    done += len(rows)
                    progress.step(catalog, slot.object_name, "reading", done)
            held = space.find_held(0, [slot.normalise(each.key) for each in page])
            found = [_compare(stream, each, held.get(slot.normalise(each.key))) for each in page]
            drifted = _with_modified(stream, [each for each in found if each is not None], target)
            yield DriftPage(len(page), tuple(drifted))


def _compare(stream: StreamDrift, written: WrittenRecord, held: Held | None) -> Drifted | None:
    if held is None:
        return Drifted(written.key, written.target_id, (), gone=True)
    now = dict(zip((each.name for each in stream.slot.requests), held.fields, strict=True))
    differing = tuple(
        DriftedField(name, ours, now[name], stream.policies.get(name, Conflict.OVERWRITE))  # type: ignore[arg-type]
        for name, ours in written.fields.items()
        if name in now and now[name] != ours
    )
    return Drifted(written.key, held.id, differing) if differing else None


def _with_modified(stream: StreamDrift, found: Sequence[Drifted], target: Target) -> Iterator[Drifted]:
    ids = [each.target_id for each in found if not each.gone]
    modified = target.last_modified(stream.object_name, ids) if ids and isinstance(target, TellsModified) else {}
    for each in found:
        yield each if each.gone else replace(each, modified=modified.get(each.target_id))


def _stream(catalog: Catalog, stream: Stream, described: ObjectSchema, schema: TargetSchema) -> StreamDrift:
    places = {each.name: key_place(each, schema) for each in catalog.streams}
    several = stream.keys if len(stream.keys) > 1 else ()
    mapped = [*several, *stream.fields, *stream.missing_fields]
    fields: dict[str, PlannedField] = {}
    missing = []
    for mapping in mapped:
        field = described.field(mapping.target)
        if field is None:
            missing.append(mapping.target)
        else:
            fields.setdefault(field.name, PlannedField(field.name, field.type, _request(mapping, field, places)))
    keys = tuple(name for each in stream.keys if (name := _name(described, each.target)))
    plan = StreamPlan(
        name=stream.name,
        read=ReadStep(stream.source),
        write=WriteStep(described.name, keys, "", 0),
        fields=tuple(fields.values()),
        summary=Summary(),
    )
    policies = {_name(described, each.target): each.conflict for each in stream.fields}
    return StreamDrift(stream.name, described.name, plan.fields, tuple(missing), slot_of(plan, described), policies)


def _request(mapping: FieldMapping, field: FieldDescription, places: dict[str, tuple[str, str]]) -> FieldRequest:
    rule = mapping.rule
    if isinstance(rule, LookupRule):
        return FieldRequest(field.name, *places[rule.stream])
    if isinstance(rule, FindByRule) and len(field.refers_to) == 1:
        return FieldRequest(field.name, field.refers_to[0], rule.field)
    return FieldRequest(field.name)


def _name(described: ObjectSchema, written: str) -> str:
    field = described.field(written)
    return field.name if field else written
