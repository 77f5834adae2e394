"""Make the plan of one catalog: read both sides, compare, resolve parents, judge the gates, write it all down."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from sync_engine.compiler.compiled import CompiledCatalog, CompiledStream
from sync_engine.planner.adoption import adopt, take_over
from sync_engine.planner.batches import Way, limits_of, write_changes
from sync_engine.planner.causes import find_causes
from sync_engine.planner.claims import accepted_rows
from sync_engine.planner.conclusion import conclude
from sync_engine.planner.difference import create, update
from sync_engine.planner.doubts import KeyInDoubt, find_rivals, note_doubts, settle_doubts
from sync_engine.planner.files import file_places, leave_same_files
from sync_engine.planner.fingerprint import changed_mappings
from sync_engine.planner.loading import choose_slots, load_all, load_keys, load_parents
from sync_engine.planner.mapped import MappedPage, Reading, Recipe
from sync_engine.planner.missing import plan_missing
from sync_engine.planner.new_options import collect, creating
from sync_engine.planner.parents import as_spelled, needed_parents, resolve_parents
from sync_engine.planner.plan import CatalogPlan, Change, Kept, Rejection
from sync_engine.planner.plan_file import PlanWriter
from sync_engine.planner.policies import decide, policies_of
from sync_engine.planner.prefetch import prefetch
from sync_engine.planner.processes import Mappers
from sync_engine.planner.progress import Progress
from sync_engine.planner.pushdown import Asked, push_down_changed
from sync_engine.planner.remembered import NOTHING, Remembered, Since
from sync_engine.planner.wanted import Wanted
from sync_engine.planner.work import Place, Slot, Work, described_field, lay_out_columns
from sync_engine.planner.workspace import Held, Workspace
from sync_engine.sdk.source import Page, Pushdown, Query, Source
from sync_engine.sdk.target import FieldDescription, Owner, Reason, Target
from sync_engine.sdk.values import Blank

PAGES_AHEAD = 8


def plan_catalog(
    compiled: CompiledCatalog,
    source: Source,
    target: Target,
    writer: PlanWriter,
    progress: Progress,
    remembered: Remembered = NOTHING,
    selected: frozenset[str] | None = None,
    beside: int = 0,
) -> CatalogPlan:
    """Compute the exact changes of a catalog and write them to the plan file.

    Args:
        compiled: the catalog against the live schemas.
        source: opened source; every record that matches is read.
        target: opened target; the mapped fields of what it holds are read.
        writer: where the plan goes.
        progress: told how far it is.
        remembered: what is known of earlier transfers; only records that these wrote can be deactivated or deleted.
        selected: names of the streams to plan; None plans all. Records of the others are only looked up as parents.
        beside: how many other processes may help to map (see ``planner.processes``).

    Raises:
        Unavailable, BrokenContract, Unauthorised: a side could not be read completely; there is no plan then.
    """
    try:
        return _plan(compiled, source, target, writer, progress, remembered, selected, beside)
    except KeyInDoubt as doubt:
        because = f"the key {doubt.key} may be that of another record, too"
    everything = dataclasses.replace(remembered, since=Since(None, because))
    return _plan(compiled, source, target, writer, progress, everything, selected, beside)


def _plan(
    compiled: CompiledCatalog,
    source: Source,
    target: Target,
    writer: PlanWriter,
    progress: Progress,
    remembered: Remembered,
    selected: frozenset[str] | None,
    beside: int,
) -> CatalogPlan:
    places, works = _lay_out(compiled, source, selected, remembered.since)
    for work in works:
        work.remembered = remembered
        work.policies = policies_of(work.stream)
        work.has_files = bool(file_places(work.stream))
        work.mappings_changed = changed_mappings(compiled, work.stream, remembered.mappings)
    find_rivals(compiled, places, works)
    name = compiled.catalog.name
    readings = _readings(works)
    with (
        Workspace() as space,
        ThreadPoolExecutor(max_workers=1, thread_name_prefix="held") as background,
        Mappers(compiled, _recipe(compiled, readings, target), beside) as mappers,
    ):
        whole = choose_slots(_needed(places, works), places, works)
        loading = background.submit(load_all, space, whole, target, name, progress)
        for number, together in enumerate(readings):
            pages = mappers.pages(number, prefetch(_read(source, together[0].pushdown), PAGES_AHEAD))
            loading.result()
            _compare(space, together, works, places, pages, target, progress, name)
        settle_doubts(space, works)
        resolve_parents(space, works)
        # Where not all records were read, one that nobody claims may be there all the same.
        shared = _shared_with_others(compiled, places, works) | {work.slot.number for work in works if work.since}
        for work in works:
            if work.slot.number not in shared:
                plan_missing(space, work, remembered.owned(work.stream.name))
        writer.catalog(name, compiled.catalog.origin.file)
        ways: list[tuple[Way, ...]] = []
        for work in works:
            stream = work.stream
            limits = limits_of(target, stream.object.name, space.count(work.number))
            ways.append(write_changes(writer, space, work.number, stream.name, limits, upserts=stream.upserts))
            writer.kept(work.stream.name, space.kept(work.number))
            writer.rejections(work.stream.name, space.rejections(work.number))
        plan = conclude(compiled, space, works, ways, target, remembered)
        writer.catalog_end(plan)
        return plan


def reads_nothing(
    compiled: CompiledCatalog, source: Source, selected: frozenset[str] | None, since: Since | None
) -> bool:
    """Whether the source says that no record can have changed: a plan reads nothing then, and asks the target nothing.

    Args:
        compiled: the catalog.
        source: opened source.
        selected: names of the streams to plan; None plans all.
        since: what may have changed.
    """
    _, works = _lay_out(compiled, source, selected, since)
    return all(work.since and not work.pushdown.partitions for work in works)


def _lay_out(
    compiled: CompiledCatalog, source: Source, selected: frozenset[str] | None, since: Since | None
) -> tuple[dict[Place, Slot], list[Work]]:
    """The slot of each place that streams write to or refer to, and the work of each selected stream."""
    places: dict[Place, Slot] = {}
    works: list[Work] = []
    asked: list[tuple[Query, Asked]] = []
    streams = [each for each in compiled.streams if selected is None or each.name in selected]
    for stream in compiled.streams:
        place = _place(stream)
        places.setdefault(place, Slot(len(places), stream.object.name, stream.key.description))
    for place, described in _referred(compiled):
        places.setdefault(place, Slot(len(places), place[0], described))
    for number, stream in enumerate(streams):
        slot = places[_place(stream)]
        columns = lay_out_columns(slot, stream)
        missing = [slot.column(each) for each in stream.missing]
        query = _widened(stream.query, streams)
        found = next((each for known, each in asked if known == query), None)
        if found is None:
            found = push_down_changed(source, query, streams, compiled, since)
            asked.append((query, found))
        works.append(
            Work(number, stream, slot, columns, missing, found.pushdown, since=found.since, because=found.because)
        )
    return places, works


def _place(stream: CompiledStream) -> Place:
    return stream.object.name, stream.key.name


def _referred(compiled: CompiledCatalog) -> Iterator[tuple[Place, FieldDescription]]:
    """What references of streams point to, with the field by which it is found."""
    for each in (field for stream in compiled.streams for field in stream.fields if field.refers):
        place = each.request.parent_object, each.request.parent_field
        yield place, described_field(compiled.target_schema.objects[place[0]], place[1])


def _needed(places: Mapping[Place, Slot], works: Sequence[Work]) -> list[Slot]:
    """The slots that the works write to or look parents up in, each once."""
    needed = [work.slot for work in works]
    requests = (each.request for work in works for each in work.stream.fields if each.refers)
    needed += [places[each.parent_object, each.parent_field] for each in requests]
    return list({slot.number: slot for slot in needed}.values())


def _shared_with_others(compiled: CompiledCatalog, places: Mapping[Place, Slot], works: Sequence[Work]) -> set[int]:
    """Numbers of slots that a stream writes to which is not selected: there, a missing record may be that stream's."""
    planned = {work.stream.name for work in works}
    return {places[_place(each)].number for each in compiled.streams if each.name not in planned}


def _widened(query: Query, streams: Sequence[CompiledStream]) -> Query:
    """The query of all streams that read the same records: they are read once, with what each of them needs."""
    for stream in streams:
        other = stream.query
        if (other.collection, other.filters, other.channel) == (query.collection, query.filters, query.channel):
            query = dataclasses.replace(
                query,
                attributes=query.attributes | other.attributes,
                properties=query.properties | other.properties,
                locales=tuple(sorted({*query.locales, *other.locales})),
                channels=query.channels | other.channels,
            )
    return query


def _readings(works: Sequence[Work]) -> list[list[Work]]:
    """The works that share a reading, in the order of the first of each."""
    together: dict[int, list[Work]] = {}
    for work in works:
        together.setdefault(id(work.pushdown), []).append(work)
    return list(together.values())


def _recipe(compiled: CompiledCatalog, readings: Sequence[Sequence[Work]], target: Target) -> Recipe:
    """What other processes need to map the pages of these readings."""
    asked = tuple(Reading(tuple(work.stream.name for work in each), each[0].pushdown.residual) for each in readings)
    schemas = compiled.source_schema, compiled.target_schema
    return Recipe(compiled.catalog, *schemas, compiled.today, target.normal_form, asked)


def _read(source: Source, pushdown: Pushdown) -> Iterator[Page]:
    for partition in pushdown.partitions:
        yield from source.read(partition)


def _compare(
    space: Workspace,
    together: Sequence[Work],
    works: Sequence[Work],
    places: Mapping[Place, Slot],
    pages: Iterable[tuple[Page, MappedPage]],
    target: Target,
    progress: Progress,
    catalog: str,
) -> None:
    """Hand what became of each page to all streams that read it."""
    first = together[0]
    for _, mapped in pages:
        first.pages += 1
        for work, rows in zip(together, mapped.rows, strict=True):
            work.read += mapped.read
            work.filtered += mapped.read - mapped.kept
            _compare_page(space, work, works, places, rows, target)
        progress.step(catalog, first.stream.name, "reading", first.read)


def _compare_page(
    space: Workspace,
    work: Work,
    works: Sequence[Work],
    places: Mapping[Place, Slot],
    rows: Sequence[Wanted],
    target: Target,
) -> None:
    rejections: list[Rejection] = []
    load_parents(space, work, places, rows, target)
    rows = as_spelled(space, work, places, rows)
    unique = accepted_rows(space, work, works, rows, target, rejections)
    load_keys(space, work.slot, (row.key for _, row in unique), target)
    held = space.find_held(work.slot.number, [key for key, _ in unique])
    note_doubts(work, unique, rejections, held)
    adopted = adopt(space, work, [each for each in unique if each[0] not in held], target) if work.stream.match else {}
    fields = creating(work.stream)
    drafts: list[tuple[str, Wanted, Change]] = []
    ambiguous = {} if work.slot.unique else _ambiguous(space, work, held)
    for key, row in unique:
        found = ambiguous.get(key) or adopted.get(key)
        change = (found,) if isinstance(found, Reason) else _difference(work, row, found or held.get(key))
        if isinstance(found, Held):
            change = take_over(work, row, found, change)
        if isinstance(change, Change):
            drafts.append((key, row, change))
        elif change is None:
            work.unchanged += 1
        else:
            rejections.append(Rejection(row.key, row.source_key, change))
    changes: list[tuple[str, Change]] = []
    parents: list[tuple[int, str, str, int, str, str, str]] = []
    kept: list[tuple[str, Kept]] = []
    found_causes = find_causes(work, [each for _, _, each in drafts], target)
    for (key, row, _), draft in zip(drafts, found_causes, strict=True):
        decision = decide(draft, work.policies)
        if decision.kept:
            kept.append((key, decision.kept))
        if decision.reasons:
            rejections.append(Rejection(row.key, row.source_key, decision.reasons))
        elif decision.change is None:
            work.unchanged += 1
        else:
            changes.append((key, decision.change))
            work.count_emptied(decision.change)
            collect(work, fields, row)
            parents.extend(needed_parents(work, places, key, row, decision.change))
    space.keep(work.number, kept)
    space.add_changes(work.number, work.slot.number, changes)
    space.need_parents(parents)
    space.reject(work.number, rejections)
    # A record that is rejected is not gone: what the target holds of it stays.
    space.spare(work.slot.number, (work.slot.normalise(each.key) for each in rejections if each.key))
    work.keyless += sum(1 for each in rejections if not each.key)


def _ambiguous(space: Workspace, work: Work, held: Mapping[str, Held]) -> dict[str, Reason]:
    """Keys that several records of the target have: nobody can say which of them is meant."""
    name = work.stream.key.name
    reasons: dict[str, Reason] = {}
    for key, others in space.ambiguous(work.slot.number, list(held)).items():
        ids = ", ".join((held[key].id, *others[:4]))
        message = f"{len(others) + 1} records have {name} {held[key].key!r}: {ids}"
        reasons[key] = Reason("AMBIGUOUS_KEY", message, name, Owner.ORG)
    return reasons


def _difference(work: Work, row: Wanted, held: Held | None) -> Change | tuple[Reason, ...] | None:
    if held is None:
        return create(work.stream, row)
    if work.has_files:
        now = [held.fields[column] for column in work.columns]
        row, refused = leave_same_files(work.stream, row, now, work.remembered.files)
        if refused is not None:
            return (refused,)
    if parts := work.stream.key_parts:
        # The fields by which the record was found are as they must be.
        row = row._replace(fields=(Blank.LEAVE,) * parts + row.fields[parts:])
    for compiled, column in zip(work.stream.fields, work.columns, strict=True):
        if held.fields[column] is not None:
            work.filled[compiled.name] += 1
    return update(work.stream, row, held, work.columns)
