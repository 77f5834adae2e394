"""One checked stream becomes a compiled one: getters, rows, the query that asks for just what they need."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date

from sync_engine.catalog.mapping import FieldMapping
from sync_engine.catalog.model import Catalog, Each, Stream
from sync_engine.compiler.compiled import CompiledField, CompiledStream, Explode, MappedRecord, Variant
from sync_engine.compiler.criteria import Predicate, Surroundings, compile_filter, fields_of
from sync_engine.compiler.locales import active_locales
from sync_engine.compiler.mapping import Scope, compile_field, map_record, several, value_getter
from sync_engine.compiler.rows import PROPERTIES, exploded_attributes, names_row, row_maker, with_row
from sync_engine.sdk.filters import AllOf, AnyOf, Criterion, Filter, Not
from sync_engine.sdk.source import Attribute, Query, RecordCollection, SourceRecord
from sync_engine.sdk.target import ObjectSchema

MapRows = Callable[[SourceRecord], tuple[MappedRecord, ...]]


def compile_stream(
    catalog: Catalog, stream: Stream, scope: Scope, described: ObjectSchema, today: date
) -> CompiledStream:
    """Compile a stream that has no problems."""
    known = scope.known()
    variants = _variants(catalog, stream, scope, described)
    key, fields = variants[0].key, variants[0].fields
    applicable = tuple(each for each in catalog.filter if applies(each, scope.collection, known))
    not_applicable = tuple(each for each in catalog.filter if each not in applicable)
    written = (*stream.filter, *_under(stream))
    row_filters = tuple(each for each in written if names_row(each, scope.added))
    of_records = (each for each in written if each not in row_filters)
    filters = tuple(_placed(each, scope) for each in (*applicable, *of_records))

    def residual(filters: tuple[Filter, ...]) -> Callable[[SourceRecord], bool]:
        return compile_filter(AllOf(filters), Surroundings(known, scope.schema, scope.locale, scope.channel, today))

    explode = _explode(stream, scope, variants)
    return CompiledStream(
        name=stream.name,
        object=described,
        key=key,
        fields=fields,
        key_parts=variants[0].key_parts,
        query=_query(catalog, stream, scope, variants, filters),
        map_rows=_map_rows(stream, variants, explode, residual(row_filters)),
        exploded=stream.for_each is not None,
        explode=explode,
        known=known,
        match=variants[0].match,
        on_missing=stream.on_missing,
        missing=tuple(_compile(each, described, scope) for each in stream.missing_fields),
        row_filters=row_filters,
        not_applicable=not_applicable,
        compile_residual=residual,
    )


def _variants(catalog: Catalog, stream: Stream, scope: Scope, described: ObjectSchema) -> tuple[Variant, ...]:
    made = []
    for locale in stream_locales(catalog, stream):
        inner = dataclasses.replace(scope, locale=locale)
        key, parts = _compile_key(stream, described, inner)
        fields = tuple(_compile(each, described, inner) for each in stream.fields)
        match = tuple(_compile(each, described, inner) for each in stream.match)
        made.append(Variant(locale, key, (*parts, *fields), match, len(parts)))
    return tuple(made)


def stream_locales(catalog: Catalog, stream: Stream) -> Sequence[str | None]:
    """The locales that a stream reads values in; None where the catalog names none."""
    if stream.for_each is not None and stream.for_each.each is Each.LOCALE:
        return stream.for_each.codes or catalog.locales[1:]
    return (stream.locale or (catalog.locales[0] if catalog.locales else None),)


def _compile_key(
    stream: Stream, described: ObjectSchema, scope: Scope
) -> tuple[CompiledField, tuple[CompiledField, ...]]:
    """The key, and its fields where it has several: these are written like any other, and none may be empty."""
    if len(stream.keys) == 1:
        return _compile(stream.keys[0], described, scope), ()
    parts = tuple(_compile(dataclasses.replace(each, required=True), described, scope) for each in stream.keys)
    return several(parts), parts


def _compile(mapping: FieldMapping, described: ObjectSchema, scope: Scope) -> CompiledField:
    field = described.field(mapping.target)
    if field is None:  # the checks have refused it
        raise KeyError(mapping.target)
    return compile_field(mapping, field, scope)


def _map_rows(stream: Stream, variants: Sequence[Variant], explode: Explode, keeps: Predicate) -> MapRows:
    if stream.for_each is not None:
        return lambda record: tuple(_map(variant, row) for variant, row in explode(record) if keeps(row))
    first = variants[0]
    return lambda record: (_map(first, record),)


def _map(variant: Variant, row: SourceRecord) -> MappedRecord:
    return map_record(variant, row)


def _explode(stream: Stream, scope: Scope, variants: Sequence[Variant]) -> Explode:
    first = variants[0]
    if stream.for_each is None:
        return lambda record: ((first, record),)
    if stream.for_each.each is Each.LOCALE:
        return _explode_locales(scope, variants, different=stream.for_each.different)
    make = row_maker(stream.for_each, scope.schema, scope.collection, scope.locale, scope.channel)
    return lambda record: ((first, with_row(record, row)) for row in make(record))


def _explode_locales(scope: Scope, variants: Sequence[Variant], *, different: bool) -> Explode:
    """A row per locale in which the record says anything at all, or anything different from the default locale."""
    known = scope.known()
    texts = sorted({code for each in variants[0].fields for code in each.reads if known[code].localizable})

    def getters(locale: str | None) -> list[Callable[[SourceRecord], object]]:
        return [value_getter(known[code], locale, scope.channel) for code in texts]

    default = getters(scope.locale) if different else []
    present = [(variant, getters(variant.locale)) for variant in variants]

    def explode(record: SourceRecord) -> Iterator[tuple[Variant, SourceRecord]]:
        usual = [get(record) for get in default]
        for variant, own in present:
            said = [get(record) for get in own]
            if not texts or (any(each not in (None, "") for each in said) and said != usual):
                yield variant, with_row(record, (str(variant.locale), {"locale": variant.locale}))

    return explode


def _query(
    catalog: Catalog, stream: Stream, scope: Scope, variants: Sequence[Variant], filters: tuple[Filter, ...]
) -> Query:
    """Ask for what the getters read, what the rows are made of, and nothing else."""
    known = scope.known()
    # Asked for a locale that is not active, a source answers nothing at all; the catalog has been warned of it.
    readable = active_locales(scope.schema, catalog.channel if catalog.only_channel_tree else None)
    compared = stream.for_each is not None and stream.for_each.different
    compiled = [
        (variant.locale, each) for variant in variants for each in (variant.key, *variant.fields, *variant.match)
    ]
    reads = {code for _, each in compiled for code in each.reads} - scope.added.keys()
    reads.update(exploded_attributes(stream.for_each, scope.schema).values())
    if stream.for_each is not None and stream.for_each.each in PROPERTIES:
        reads.add(PROPERTIES[stream.for_each.each])
    locales = _used(compiled, known, "localizable", scope, reads)
    if compared and scope.locale:
        locales = tuple(sorted({*locales, scope.locale}))
    return Query(
        collection=scope.collection.name,
        attributes=frozenset(code for code in reads if not known[code].is_property),
        properties=frozenset(code for code in reads if known[code].is_property),
        locales=tuple(each for each in locales if each in readable),
        channels=frozenset(_used(compiled, known, "scopable", scope, reads)),
        filters=filters,
        channel=catalog.channel,
        only_channel_tree=catalog.only_channel_tree,
        source_catalog=catalog.source_catalog,
    )


def _used(
    compiled: Sequence[tuple[str | None, CompiledField]],
    known: Mapping[str, Attribute],
    trait: str,
    scope: Scope,
    reads: set[str],
) -> tuple[str, ...]:
    """The locales or channels that any getter reads values in."""
    used: set[str | None] = set()
    for locale, each in compiled:
        if any(getattr(known[code], trait) for code in each.reads):
            own = each.mapping.locale if trait == "localizable" else each.mapping.channel
            used.add(own or (locale if trait == "localizable" else scope.channel))
    exploded = reads - {code for _, each in compiled for code in each.reads}
    if any(getattr(known[code], trait) for code in exploded):
        used.add(scope.locale if trait == "localizable" else scope.channel)
    return tuple(sorted(each for each in used if each))


def applies(filter_: Filter, collection: RecordCollection, attributes: Mapping[str, Attribute]) -> bool:
    """Whether a collection has every field that a filter of the whole catalog looks at."""
    known = collection.properties.keys() | (attributes.keys() if collection.has_attributes else set())
    return all(each in known for each in fields_of(filter_))


def _placed(filter_: Filter, scope: Scope) -> Filter:
    """The filter with the locale and channel spelt out in which each criterion reads its field."""
    if isinstance(filter_, (AllOf, AnyOf)):
        return dataclasses.replace(filter_, filters=tuple(_placed(each, scope) for each in filter_.filters))
    if isinstance(filter_, Not):
        return dataclasses.replace(filter_, filter=_placed(filter_.filter, scope))
    attribute = scope.known()[filter_.field]
    on_all = "ON ALL LOCALES" in filter_.operator
    return dataclasses.replace(
        filter_,
        locale=filter_.locale or (scope.locale if attribute.localizable and not on_all else None),
        channel=filter_.channel or (scope.channel if attribute.scopable else None),
    )


def _under(stream: Stream) -> tuple[Filter, ...]:
    """The categories of one tree: the root itself and all below it, by the path of codes that leads to each."""
    root = stream.root
    if root is None:
        return ()
    of_rows = stream.for_each is not None and stream.for_each.each is Each.CATEGORY
    code, path = ("category", "category_path") if of_rows else ("code", "path")
    return (
        AnyOf(
            (
                Criterion(code, "=", root),
                Criterion(path, "STARTS WITH", f"{root}/"),
                Criterion(path, "CONTAINS", f"/{root}/"),
            )
        ),
    )
