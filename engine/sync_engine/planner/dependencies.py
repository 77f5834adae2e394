"""What rows depend on beside their own records: labels, the tree of categories, what families require, the structure.

All of it is described before a plan is made, so what has changed of it is known by digests of the last complete
transfer, without any further request. The records under what has changed are then read, too.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

import orjson

from sync_engine.catalog.model import Each, Stream
from sync_engine.compiler.compiled import CompiledCatalog, CompiledStream
from sync_engine.compiler.criteria import criteria
from sync_engine.compiler.needs import reads_labels
from sync_engine.compiler.rows import KINDS, PROPERTIES, ROW_PROPERTIES
from sync_engine.sdk.filters import OPERATORS, Criterion
from sync_engine.sdk.source import LINKS, Attribute, Kind, Option, Query, SourceSchema

Digests = Mapping[str, Mapping[str, str]]
"""By place, which is the code of an attribute or a property, and by code there."""

STRUCTURE = "(structure)"
"""The place of everything but codes with labels; no attribute has such a code."""
MOST = 300
"""Codes whose records are asked for; when more have changed, everything is read."""
_CATEGORIES = "categories"
_CODED = {Kind.SELECT, Kind.MULTISELECT, Kind.FAMILY, Kind.CATEGORIES, *LINKS}


def digests_of(compiled: CompiledCatalog) -> Digests:
    """What all rows of a catalog depend on beside their records, as it is now."""
    schema = compiled.source_schema
    places = sorted({place for each in compiled.streams for place in _places(each, compiled)})
    return {
        STRUCTURE: dict(_structure(schema)),
        **{place: _digests(place, schema) for place in places},
    }


def affected(
    readers: Sequence[CompiledStream], compiled: CompiledCatalog, query: Query, before: Digests
) -> tuple[Criterion, ...] | str:
    """Criteria for the records of a reading whose rows may have changed with what they depend on.

    Args:
        readers: streams that read the records.
        compiled: their catalog.
        query: for the records.
        before: the digests of the last complete transfer.

    Returns:
        Records for which one of the criteria holds; or, for people, why that cannot be said.
    """
    schema = compiled.source_schema
    if changed := _changed(dict(_structure(schema)), before.get(STRUCTURE, {})):
        return f"{changed[0]} has changed in the source"
    found: list[Criterion] = []
    for place in sorted({place for each in readers for place in _places(each, compiled)}):
        now = _digests(place, schema)
        if place not in before:
            return f"it is not known what {place} depended on"
        changed = _changed(now, before[place])
        if not changed:
            continue
        attribute = _holding(place, schema)
        if gone := [code for code in changed if code not in now]:
            return f"{gone[0]} is gone from {place}"
        codes = _with_those_below(changed, _options(place, schema))
        if attribute is None or attribute.through or "IN" not in OPERATORS.get(attribute.kind, {}):
            return f"{codes[0]} has changed in {place}"
        if len(codes) > MOST:
            return f"{len(codes)} codes have changed in {place}"
        found += query.holding(attribute, codes)
    return tuple(found)


def _places(stream: CompiledStream, compiled: CompiledCatalog) -> set[str]:
    """Codes of the attributes and properties whose labels, tree, or requirements a stream depends on."""
    written = next(each for each in compiled.catalog.streams if each.name == stream.name)
    fields = (stream.key, *stream.fields, *stream.match)
    labelled = {code for each in fields if reads_labels(each.mapping) for code in each.reads}
    own = {code for code in labelled if code not in ROW_PROPERTIES and stream.known[code].kind in _CODED}
    if labelled & ROW_PROPERTIES:
        own.update(_exploded(written))
    read = stream.query.properties | {each.field for each in criteria(stream.query.filters)}
    own.update(code for code, each in stream.known.items() if code in read and each.kind is Kind.COMPLETENESS)
    by_tree = any("CHILDREN" in each.operator for each in criteria(stream.query.filters))
    if by_tree or stream.query.only_channel_tree or (written.for_each and written.for_each.each is Each.CATEGORY):
        own.add(_CATEGORIES)
    return own


def _exploded(written: Stream) -> Collection[str]:
    """What the rows of a stream are codes of."""
    for_each = written.for_each
    if for_each is None:
        return ()
    if for_each.each in PROPERTIES:
        return (PROPERTIES[for_each.each],)
    return for_each.codes if KINDS.get(for_each.each, frozenset()) & _CODED else ()


def _digests(place: str, schema: SourceSchema) -> dict[str, str]:
    """By code: what is to be known of a choice there, to see whether it has changed."""
    attribute = _described(place, schema)
    if attribute is not None and attribute.kind is Kind.COMPLETENESS:
        return {each.code: each.requires for each in schema.families}
    return {each.code: _digest(replace(each, requires="")) for each in _options(place, schema)}


def _options(place: str, schema: SourceSchema) -> tuple[Option, ...]:
    attribute = _described(place, schema)
    options = attribute.options if attribute else None
    if options is None and attribute is not None and attribute.kind is Kind.FAMILY:
        options = schema.families
    return options or ()


def _holding(place: str, schema: SourceSchema) -> Attribute | None:
    """What holds the codes of a place: of completeness, the family of a record."""
    attribute = _described(place, schema)
    if attribute is None or attribute.kind is not Kind.COMPLETENESS:
        return attribute
    properties = (each for collection in schema.collections.values() for each in collection.properties.values())
    return next((each for each in properties if each.kind is Kind.FAMILY), None)


def _described(place: str, schema: SourceSchema) -> Attribute | None:
    found = (each.properties.get(place) for each in schema.collections.values() if each.has_attributes)
    return next(filter(None, found), None) or schema.attributes.get(place)


def _structure(schema: SourceSchema) -> Iterator[tuple[str, str]]:
    """What the values of all records depend on, under names for people."""
    for attribute in schema.attributes.values():
        yield f"the attribute {attribute.code}", _digest(replace(attribute, labels={}, options=None))
    for channel in schema.channels.values():
        yield f"the channel {channel.code}", _digest(replace(channel, labels={}))
    for code in sorted(_unit_families(schema)):
        yield f"the measurement family {code}", _digest(schema.unit_families.get(code))
    yield "the list of active locales", _digest(schema.locales)
    yield "the list of active currencies", _digest(schema.currencies)


def _unit_families(schema: SourceSchema) -> set[str]:
    """Codes of the measurement families of what may be mapped."""
    columns = (column.unit_family for each in schema.attributes.values() for column in each.columns)
    return {each for each in (*columns, *(each.unit_family for each in schema.attributes.values())) if each}


def _digest(value: object) -> str:
    content = orjson.dumps(value, default=str, option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(content).hexdigest()[:16]


def _changed(now: Mapping[str, str], before: Mapping[str, str]) -> list[str]:
    """What differs, is new, or is gone."""
    return [code for code in sorted({*now, *before}) if now.get(code) != before.get(code)]


def _with_those_below(codes: Sequence[str], options: Iterable[Option]) -> list[str]:
    """The codes, and those of the categories below them: these have moved with them."""
    children: dict[str, list[str]] = {}
    for each in options:
        if each.parent:
            children.setdefault(each.parent, []).append(each.code)
    found = dict.fromkeys(codes)
    waiting = list(codes)
    while waiting:
        below = [each for each in children.get(waiting.pop(), ()) if each not in found]
        found.update(dict.fromkeys(below))
        waiting += below
    return list(found)
