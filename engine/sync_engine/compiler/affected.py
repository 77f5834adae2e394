"""Which parts of a catalog a change of a schema concerns: those that name something that is not described as before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sync_engine.catalog.model import Catalog, Stream
from sync_engine.compiler.criteria import fields_of
from sync_engine.compiler.needs import mapping_needs, mapping_parts
from sync_engine.compiler.rows import row_needs
from sync_engine.expressions import InvalidExpression
from sync_engine.sdk.source import Attribute, SourceSchema
from sync_engine.sdk.target import TargetSchema


def affected_by_source(catalog: Catalog, before: SourceSchema, after: SourceSchema) -> tuple[str, ...]:
    """Parts of a catalog, such as ``products.Name``, that read what the source now describes otherwise."""
    found = dict.fromkeys(_of_source(catalog, before, after))
    return tuple(found)


def affected_by_target(catalog: Catalog, before: TargetSchema, after: TargetSchema) -> tuple[str, ...]:
    """Parts of a catalog that write what the target now describes otherwise."""
    found = dict.fromkeys(_of_target(catalog, before, after))
    return tuple(found)


def _of_source(catalog: Catalog, before: SourceSchema, after: SourceSchema) -> Iterator[str]:
    if any((each in before.locales) is not (each in after.locales) for each in catalog.locales):
        yield "source.locales"
    if catalog.channel and before.channels.get(catalog.channel) != after.channels.get(catalog.channel):
        yield "source.channel"
    general = _different(before.attributes, after.attributes)
    if any(general & set(fields_of(each)) for each in catalog.filter):
        yield "filter"
    for stream in catalog.streams:
        own = catalog.source_catalog
        changed = general | _different(_properties(before, stream, own), _properties(after, stream, own))
        if changed & {code for each in stream.filter for code in fields_of(each)}:
            yield f"{stream.name}.filter"
        if stream.for_each is not None and changed & {*row_needs(stream.for_each), *stream.for_each.codes}:
            yield f"{stream.name}.for_each"
        for mapping in (*stream.mappings, *stream.match):
            try:
                names = mapping_needs(mapping) | mapping_parts(mapping)
            except InvalidExpression:
                continue  # validate says so
            if names & changed:
                yield f"{stream.name}.{mapping.target}"


def _of_target(catalog: Catalog, before: TargetSchema, after: TargetSchema) -> Iterator[str]:
    if catalog.log.to and before.find(catalog.log.to) != after.find(catalog.log.to):
        yield "log.to"
    for stream in catalog.streams:
        old, new = before.find(stream.object), after.find(stream.object)
        if old is None or new is None:
            if old is not new:
                yield stream.name
            continue
        changed = {each.casefold() for each in _different(old.fields, new.fields)}
        needed = {each.name.casefold() for each in new.fields.values() if each.required and each.createable}
        mapped = (*stream.mappings, *stream.missing_fields, *stream.match)
        named = {each.target.casefold(): each.target for each in mapped}
        for name, written in named.items():
            if name in changed:
                yield f"{stream.name}.{written}"
        if changed & needed - named.keys():
            yield f"{stream.name}.fields"


def _properties(schema: SourceSchema, stream: Stream, own: str | None) -> Mapping[str, Attribute]:
    collection = schema.of_catalog(own).collections.get(stream.source)
    return {} if collection is None else collection.properties


def _different(before: Mapping[str, object], after: Mapping[str, object]) -> set[str]:
    return {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
