"""Compile a catalog against the described schemas of its two connections: typed streams, or all problems."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import date
from zoneinfo import ZoneInfo

from sync_engine.catalog.mapping import ExpressionRule, FieldMapping, FindByRule, LookupRule, TemplateRule, ValueRule
from sync_engine.catalog.model import Catalog, Each, Stream
from sync_engine.compiler.checks import check_key, check_mapping, check_match, check_required
from sync_engine.compiler.choices import allowed_codes
from sync_engine.compiler.compiled import CompiledCatalog
from sync_engine.compiler.criteria import Surroundings, check_filter, criteria, fields_of
from sync_engine.compiler.locales import check_locales
from sync_engine.compiler.mapping import Scope, parent_place
from sync_engine.compiler.needs import mapping_labelled, mapping_needs, mapping_parts
from sync_engine.compiler.rows import (
    PROPERTIES,
    ROW_PROPERTIES,
    added_properties,
    check_for_each,
    check_row_filter,
    row_needs,
    takes_all,
)
from sync_engine.compiler.streams import compile_stream, stream_locales
from sync_engine.compiler.transfer_record import record_form
from sync_engine.expressions import InvalidExpression, compile_expression, compile_template
from sync_engine.problems import near_or_all, nearest, problem
from sync_engine.sdk.problem import Problem, Severity
from sync_engine.sdk.source import Attribute, RecordCollection, SourceSchema
from sync_engine.sdk.target import ObjectSchema, TargetSchema


def compile_catalog(
    catalog: Catalog,
    source: SourceSchema,
    target: TargetSchema,
    today: date,
    before: SourceSchema | None = None,
) -> tuple[CompiledCatalog | None, list[Problem]]:
    """Compile a catalog.

    Args:
        catalog: typed, its cross-references checked.
        source: what the source describes of itself, live or from a snapshot.
        target: likewise, at least the objects that the catalog writes to.
        today: for filters relative to the present day.
        before: the source's snapshot, where ``source`` is what it says now: what has been deactivated since.

    Returns:
        The compiled catalog, None when a problem is an error; and every problem.
    """
    source = source.of_catalog(catalog.source_catalog)
    ready, problems = _check(catalog, source, target, today, before)
    if any(each.severity is Severity.ERROR for each in problems):
        return None, problems
    streams = {
        stream.name: compile_stream(catalog, stream, scope, described, today) for stream, scope, described in ready
    }
    warnings = tuple(problems)
    return CompiledCatalog(
        catalog, tuple(streams[each] for each in in_order(catalog)), source, target, today, warnings
    ), problems


def check_catalog(
    catalog: Catalog, source: SourceSchema, target: TargetSchema, today: date, before: SourceSchema | None = None
) -> list[Problem]:
    """Every problem that ``compile_catalog`` finds, without compiling anything."""
    return _check(catalog, source.of_catalog(catalog.source_catalog), target, today, before)[1]


def _check(
    catalog: Catalog, source: SourceSchema, target: TargetSchema, today: date, before: SourceSchema | None
) -> tuple[list[tuple[Stream, Scope, ObjectSchema]], list[Problem]]:
    """The streams whose collection and object exist, and every problem."""
    problems = list(_check_source(catalog, source))
    ready: list[tuple[Stream, Scope, ObjectSchema]] = []
    scopes: list[tuple[Stream, Scope]] = []
    for stream in catalog.streams:
        collection = source.collections.get(stream.source)
        described = target.find(stream.object)
        if collection is None:
            hint = _other_collections(catalog, stream, source)
            problems.append(problem("SE301", stream.source_origin, hint, name=stream.source))
        if described is None:
            hint = nearest(stream.object, target.objects)
            problems.append(problem("SE303", stream.object_origin, hint, name=stream.object))
        if collection is not None:
            scope = _scope(catalog, stream, source, target, collection)
            scopes.append((stream, scope))
            if described is not None:
                problems += _check_stream(catalog, stream, scope, described)
                ready.append((stream, scope, described))
    problems += _check_filters(catalog, scopes, source, today)
    if catalog.log.to:
        problems += record_form(catalog, target)[1]
    problems += check_locales(catalog, source, target, before)
    return ready, problems


def _other_collections(catalog: Catalog, stream: Stream, source: SourceSchema) -> str:
    """What there is in the place of a collection that is not known, as far as that can be told."""
    hint = near_or_all(stream.source, source.collections)
    own = catalog.source_catalog
    if own is None:
        return f"{hint} Catalogs of the source itself may have more; `source.catalog` names one."
    if own not in source.catalogs:
        return f"{hint} `sync-engine snapshot` saves what the catalog `{own}` of the source itself has beside these."
    return hint


def _check_stream(catalog: Catalog, stream: Stream, scope: Scope, described: ObjectSchema) -> Iterator[Problem]:
    locales = scope.schema.locales
    if stream.locale is not None and stream.locale not in locales:
        yield problem("SE312", stream.locale_origin, near_or_all(stream.locale, locales), name=stream.locale)
    yield from _check_rows(catalog, stream, scope)
    yield from check_key(stream, described, scope)
    yield from check_required(stream, described)
    found = [
        each
        for locale in stream_locales(catalog, stream) or (scope.locale,)
        for mapping in (*stream.fields, *stream.missing_fields)
        for each in check_mapping(mapping, described, replace(scope, locale=locale))
    ]
    yield from dict.fromkeys(found)
    yield from _check_parents(catalog, stream, scope)
    for mapping in stream.match:
        yield from check_match(mapping, described, scope)


def check_expressions(catalog: Catalog) -> Iterator[Problem]:
    """What can be said of a catalog's expressions without any schema: their syntax."""
    return check_syntax(mapping for stream in catalog.streams for mapping in (*stream.mappings, *stream.match))


def check_syntax(mappings: Iterable[FieldMapping]) -> Iterator[Problem]:
    """The same of the expressions of some mappings."""
    for mapping in mappings:
        try:
            if isinstance(mapping.rule, ExpressionRule):
                compile_expression(mapping.rule.text, mapping.place("expression"))
            elif isinstance(mapping.rule, TemplateRule):
                compile_template(mapping.rule.text, mapping.place("template"))
        except InvalidExpression as error:
            yield error.problem


def needs_all(catalog: Catalog) -> bool:
    """Whether rows are made of every attribute of a kind: ``for_each: price`` names none."""
    return any(each.for_each is not None and takes_all(each.for_each) for each in catalog.streams)


def source_needs(catalog: Catalog) -> frozenset[str]:
    """Every attribute and property that a catalog names, so that only these need describing."""
    needs: set[str] = set()
    for stream in catalog.streams:
        for mapping in (*stream.mappings, *stream.match):
            needs |= mapping_needs(mapping)
        for filter_ in stream.filter:
            needs |= set(fields_of(filter_))
        if stream.for_each is not None:
            needs.update(row_needs(stream.for_each))
        if stream.root is not None:
            needs.add(PROPERTIES[Each.CATEGORY])
    for filter_ in catalog.filter:
        needs |= set(fields_of(filter_))
    return frozenset(needs)


def source_parts(catalog: Catalog) -> frozenset[str]:
    """What a catalog names beside ``source_needs`` if these are attributes of linked records."""
    mappings = (each for stream in catalog.streams for each in (*stream.mappings, *stream.match))
    return frozenset(part for each in mappings for part in mapping_parts(each))


def source_labelled(catalog: Catalog) -> frozenset[str]:
    """What a catalog names so that labels are needed, and not only codes."""
    labelled: set[str] = set()
    for stream in catalog.streams:
        own = frozenset().union(*map(mapping_labelled, (*stream.mappings, *stream.match)))
        labelled |= own
        if stream.for_each is not None and own & ROW_PROPERTIES:
            labelled.update(row_needs(stream.for_each))
    return frozenset(labelled)


def source_currencies(catalog: Catalog) -> frozenset[str]:
    """Every currency that a catalog names."""
    mapped = {
        each.currency
        for stream in catalog.streams
        for each in (*stream.mappings, *stream.match)
        if each.currency is not None
    }
    filters = (*catalog.filter, *(each for stream in catalog.streams for each in stream.filter))
    amounts = (each.value for each in criteria(filters) if isinstance(each.value, Mapping))
    return frozenset(mapped | {str(each["currency"]) for each in amounts if "currency" in each})


def in_order(catalog: Catalog) -> list[str]:
    """Names of the streams, parents before those that look them up, else as written."""
    parents = {
        stream.name: {mapping.rule.stream for mapping in stream.mappings if isinstance(mapping.rule, LookupRule)}
        - {stream.name}
        for stream in catalog.streams
    }
    ordered: list[str] = []
    while len(ordered) < len(parents):
        # Cycles are refused when the catalog is checked, so there always is a next one.
        ordered.append(next(name for name in parents if name not in ordered and parents[name] <= set(ordered)))
    return ordered


def _check_source(catalog: Catalog, source: SourceSchema) -> Iterator[Problem]:
    if catalog.channel is not None and catalog.channel not in source.channels:
        hint = near_or_all(catalog.channel, source.channels)
        yield problem("SE313", catalog.place("source.channel"), hint, name=catalog.channel)


def _scope(
    catalog: Catalog, stream: Stream, source: SourceSchema, target: TargetSchema, collection: RecordCollection
) -> Scope:
    parents = {each.name: key_place(each, target) for each in catalog.streams}
    return Scope(
        schema=source,
        collection=collection,
        locale=stream.locale or (catalog.locales[0] if catalog.locales else None),
        locales=catalog.locales,
        channel=catalog.channel,
        parents=parents,
        timezone=ZoneInfo(catalog.timezone),
        added=added_properties(stream.for_each, collection, source),
        filter=allowed_codes(catalog, stream.filter),
        objects=target.objects,
    )


def _check_written(mapping: FieldMapping, rule: FindByRule, stream: Stream, scope: Scope) -> Iterator[Problem]:
    """Records that a stream writes are looked up, so that they are written first."""
    described = scope.objects.get(stream.object)
    field = described.field(mapping.target) if described else None
    if field is None or len(field.refers_to) != 1:
        return
    place = parent_place(rule, field, scope)
    for name, written in scope.parents.items():
        if written == place:
            hint = f"Write `lookup: {name}` with `value: {rule.value}` instead."
            yield problem("SE334", mapping.place("find"), hint, stream=name)
            return


def _check_parents(catalog: Catalog, stream: Stream, scope: Scope) -> Iterator[Problem]:
    """A lookup finds a record by its source key, so that must be what the other stream's key is filled with."""
    streams = {each.name: each for each in catalog.streams}
    for mapping in stream.mappings:
        rule = mapping.rule
        if isinstance(rule, FindByRule):
            yield from _check_written(mapping, rule, stream, scope)
        if not isinstance(rule, LookupRule):
            continue
        keys = streams[rule.stream].keys
        if len(keys) > 1:
            yield problem("SE355", mapping.place("lookup"), stream=rule.stream)
        elif not isinstance(keys[0].rule, ValueRule):
            yield problem("SE331", mapping.place("lookup"), stream=rule.stream)


def _check_rows(catalog: Catalog, stream: Stream, scope: Scope) -> Iterator[Problem]:
    """What a stream is exploded by, and the tree it is limited to, must exist."""
    for_each = stream.for_each
    if for_each is not None:
        yield from check_for_each(for_each, scope.collection, scope.schema)
        if for_each.each is Each.LOCALE and not (for_each.codes or catalog.locales[1:]):
            yield problem("SE327", for_each.origin)
    of_rows = for_each is not None and for_each.each is Each.CATEGORY
    if stream.root is not None and not of_rows and "path" not in scope.collection.properties:
        yield problem("SE328", stream.origin, collection=scope.collection.name)
    elif stream.root is not None:
        yield from _check_root(stream, stream.root, scope.schema)


def _check_root(stream: Stream, root: str, schema: SourceSchema) -> Iterator[Problem]:
    """A tree that is not there would be an empty one, and all that was written of it gone."""
    name = PROPERTIES[Each.CATEGORY]
    described = (each.properties.get(name) for each in schema.collections.values())
    known = {option.code for each in described if each is not None for option in each.options or ()}
    if known and root.casefold() not in {each.casefold() for each in known}:
        yield problem("SE505", stream.root_origin, nearest(root, known), value=root, name=name)


def key_place(stream: Stream, target: TargetSchema) -> tuple[str, str]:
    """Object and key field of a stream, as the target spells them; of a key of several fields the first one."""
    described = target.find(stream.object)
    written = stream.keys[0].target
    field = described.field(written) if described else None
    return (described.name if described else stream.object, field.name if field else written)


def _check_filters(
    catalog: Catalog, scopes: list[tuple[Stream, Scope]], source: SourceSchema, today: date
) -> Iterator[Problem]:
    """A criterion of the catalog must be known to at least one stream's collection, one of a stream to its own."""
    if not scopes:
        return
    anywhere: dict[str, Attribute] = {}
    for _, scope in scopes:
        of_records = replace(scope, added={}).known()
        anywhere.update({code: each for code, each in of_records.items() if code not in anywhere})
    locale = catalog.locales[0] if catalog.locales else None
    around = Surroundings(anywhere, source, locale, catalog.channel, today)
    for filter_ in catalog.filter:
        yield from check_filter(filter_, around)
    for stream, scope in scopes:
        around = Surroundings(scope.known(), source, locale, catalog.channel, today)
        for filter_ in stream.filter:
            yield from check_filter(filter_, around)
            yield from check_row_filter(filter_, scope.added)
