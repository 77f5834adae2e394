"""``for_each``: a record is exploded into rows, each a record with a few properties more. One mechanism for all kinds.

What a row adds can be used in its mappings and in the stream's filter like any property:

locale       ``locale``; values and labels are read in it
category     ``category``, ``category_path`` (the codes from the root to it, joined by ``/``)
price        ``currency``, ``amount``, ``attribute``
media        ``media`` (the code or address of a file), ``filename``, ``attribute``, ``position``, ``asset``
association  ``association`` (its type), ``associated`` (key of the other record), ``associated_kind``, ``quantity``
option       ``option`` (one choice of a select), ``position``
reference    ``reference`` (one linked record or asset), ``position``
table_row    ``row`` (its columns: ``row.part``), ``row_code`` (of the first column), ``row_number``, ``attribute``
axis         ``axis`` (code of the attribute in which variants differ), ``position``
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal

from sync_engine.catalog.model import Each, ForEach
from sync_engine.compiler.criteria import fields_of, pick
from sync_engine.problems import near_or_all, nearest, problem
from sync_engine.sdk.filters import Filter
from sync_engine.sdk.problem import Problem
from sync_engine.sdk.source import LINKS, Attribute, Column, Kind, RecordCollection, SourceRecord, SourceSchema
from sync_engine.sdk.values import MediaRef, Price, SourceValue

Row = tuple[str, Mapping[str, SourceValue]]
"""What tells a row from the record's other rows, and the properties it adds."""

KINDS: Mapping[Each, frozenset[Kind]] = {
    Each.PRICE: frozenset({Kind.PRICES}),
    Each.MEDIA: frozenset({Kind.IMAGE, Kind.FILE, Kind.ASSETS}),
    Each.OPTION: frozenset({Kind.SELECT, Kind.MULTISELECT}),
    Each.REFERENCE: LINKS,
    Each.TABLE_ROW: frozenset({Kind.TABLE}),
}
PROPERTIES: Mapping[Each, str] = {
    Each.CATEGORY: "categories",
    Each.ASSOCIATION: "associations",
    Each.AXIS: "axes",
}


def _added(code: str, kind: Kind) -> Attribute:
    return Attribute(code, kind, "row", is_property=True)


_ADDED: Mapping[Each, tuple[Attribute, ...]] = {
    Each.LOCALE: (_added("locale", Kind.TEXT),),
    Each.CATEGORY: (_added("category", Kind.SELECT), _added("category_path", Kind.TEXT)),
    Each.PRICE: (_added("currency", Kind.TEXT), _added("amount", Kind.NUMBER), _added("attribute", Kind.TEXT)),
    Each.MEDIA: (
        _added("media", Kind.TEXT),
        _added("filename", Kind.TEXT),
        _added("attribute", Kind.TEXT),
        _added("position", Kind.NUMBER),
        _added("asset", Kind.TEXT),
    ),
    Each.TABLE_ROW: (
        _added("row", Kind.TABLE),
        _added("row_code", Kind.TEXT),
        _added("row_number", Kind.NUMBER),
        _added("attribute", Kind.TEXT),
    ),
    Each.ASSOCIATION: (
        _added("association", Kind.SELECT),
        _added("associated", Kind.PARENT),
        _added("associated_kind", Kind.TEXT),
        _added("quantity", Kind.NUMBER),
    ),
    Each.OPTION: (_added("option", Kind.SELECT), _added("position", Kind.NUMBER)),
    Each.REFERENCE: (_added("reference", Kind.RECORD), _added("position", Kind.NUMBER)),
    Each.AXIS: (_added("axis", Kind.SELECT), _added("position", Kind.NUMBER)),
}


ROW_PROPERTIES = frozenset(each.code for added in _ADDED.values() for each in added)
"""Every name that a row may add; a source need not describe it."""


def _columns(codes: Iterable[str], schema: SourceSchema) -> tuple[Column, ...]:
    """The columns of all these tables; two that are called alike and differ say nothing of their cells."""
    found: dict[str, Column] = {}
    for each in (column for code in codes if code in schema.attributes for column in schema.attributes[code].columns):
        same = found.setdefault(each.code, each) == each
        found[each.code] = each if same else Column(each.code, {})
    return tuple(found.values())


_LABELLED = (Each.CATEGORY, Each.ASSOCIATION, Each.OPTION, Each.REFERENCE, Each.AXIS)
"""What the first property of is a code that has a label."""


def added_properties(
    for_each: ForEach | None, collection: RecordCollection, schema: SourceSchema
) -> dict[str, Attribute]:
    """The properties that rows add, by code; one that is a code knows its labels."""
    if for_each is None:
        return {}
    added = {each.code: each for each in _ADDED[for_each.each]}
    if for_each.each in _LABELLED:
        code = _ADDED[for_each.each][0].code
        found = collection.properties.get(PROPERTIES.get(for_each.each, ""))
        found = schema.attributes.get(for_each.codes[0]) if found is None and for_each.codes else found
        added[code] = dataclasses.replace(added[code], options=(found.options if found else None) or ())
    if for_each.each is Each.TABLE_ROW:
        added["row"] = dataclasses.replace(
            added["row"], columns=_columns(exploded_attributes(for_each, schema), schema)
        )
    return added


def row_needs(for_each: ForEach) -> tuple[str, ...]:
    """The attributes and properties that rows are made of, as far as the catalog names them."""
    if for_each.each in PROPERTIES:
        return (PROPERTIES[for_each.each],)
    return for_each.codes if for_each.each in KINDS else ()


def takes_all(for_each: ForEach) -> bool:
    """Whether rows are made of every attribute of some kinds, without naming them."""
    return for_each.each in KINDS and not for_each.codes


def check_for_each(for_each: ForEach, collection: RecordCollection, schema: SourceSchema) -> Iterator[Problem]:
    """The collection must have what is exploded, and every code must exist and be of the right kind."""
    needed = PROPERTIES.get(for_each.each)
    lacking = needed is not None and needed not in collection.properties
    if lacking or (for_each.each in KINDS and not collection.has_attributes):
        yield problem("SE325", for_each.origin, collection=collection.name, each=for_each.each)
        return
    for code in for_each.codes:
        if for_each.each is Each.LOCALE and code not in schema.locales:
            yield problem("SE312", for_each.origin, near_or_all(code, schema.locales), name=code)
        elif for_each.each is Each.ASSOCIATION:
            types = collection.properties[PROPERTIES[for_each.each]].options
            if types is not None and code not in (known := [each.code for each in types]):
                yield problem("SE333", for_each.origin, near_or_all(code, known), name=code)
        elif for_each.each in KINDS:
            attribute = schema.attributes.get(code)
            if attribute is None:
                hint = nearest(code, schema.attributes) or "`sync-engine attributes` lists what there is."
                yield problem("SE302", for_each.origin, hint, name=code, collection=collection.name)
            elif attribute.kind not in KINDS[for_each.each] or _without_files(for_each, attribute):
                hint = "`sync-engine attributes` shows the kind of each attribute."
                yield problem("SE326", for_each.origin, hint, name=code, kind=attribute.kind, each=for_each.each)


def _without_files(for_each: ForEach, attribute: Attribute) -> bool:
    return for_each.each is Each.MEDIA and attribute.kind is Kind.ASSETS and not attribute.files


def names_row(filter_: Filter, added: Mapping[str, Attribute]) -> bool:
    """Whether a filter looks at what the rows add; it is evaluated on each row."""
    return any(code in added for code in fields_of(filter_))


def check_row_filter(filter_: Filter, added: Mapping[str, Attribute]) -> Iterator[Problem]:
    """A filter is evaluated on records or on rows, not on both at once."""
    named = list(fields_of(filter_))
    of_row = next((code for code in named if code in added), None)
    of_record = next((code for code in named if code not in added), None)
    if of_row is not None and of_record is not None:
        yield problem("SE332", filter_.origin, row=of_row, record=of_record)


def exploded_attributes(for_each: ForEach | None, schema: SourceSchema) -> dict[str, str]:
    """The attributes whose values become rows: code in the catalog → code of the values; of assets, of their files."""
    if for_each is None or for_each.each not in KINDS:
        return {}
    wanted = KINDS[for_each.each]
    of_records = (code for code, each in schema.attributes.items() if each.kind in wanted and not each.through)
    named = {
        code: schema.attributes[code] for code in for_each.codes or sorted(of_records) if code in schema.attributes
    }
    if for_each.each is not Each.MEDIA:
        return {code: code for code in named}
    return {
        code: each.files if each.kind is Kind.ASSETS else code
        for code, each in named.items()
        if each.kind is not Kind.ASSETS or each.files
    }


def row_maker(
    for_each: ForEach, schema: SourceSchema, collection: RecordCollection, locale: str | None, channel: str | None
) -> Callable[[SourceRecord], Iterator[Row]]:
    """A function from a record to its rows; ``locale`` is not exploded here (see ``compiler.streams``).

    Args:
        for_each: what makes the rows.
        schema: of the source.
        collection: that the records are of.
        locale: in which the exploded attributes are read, where they are localizable.
        channel: likewise.
    """
    codes = exploded_attributes(for_each, schema)
    paths = _paths(collection) if for_each.each is Each.CATEGORY else {}

    def values(record: SourceRecord) -> Iterator[tuple[str, object]]:
        for code, held_by in codes.items():
            attribute = schema.attributes[held_by]
            entries = record.values.get(held_by)
            if entries:
                own_locale = locale if attribute.localizable else None
                yield code, pick(entries, own_locale, channel if attribute.scopable else None)

    if for_each.each is Each.CATEGORY:
        return lambda record: _categories(record, paths)
    if for_each.each is Each.ASSOCIATION:
        return lambda record: _associations(record, frozenset(for_each.codes))
    if for_each.each is Each.AXIS:
        return _axes
    if for_each.each in (Each.OPTION, Each.REFERENCE):
        return lambda record: _codes(values(record), for_each.each)
    make = {Each.PRICE: _prices, Each.MEDIA: _media, Each.TABLE_ROW: _table_rows}[for_each.each]
    return lambda record: make(values(record))


def _prices(values: Iterable[tuple[str, object]]) -> Iterator[Row]:
    for code, value in values:
        for each in value if isinstance(value, tuple) else ():
            if isinstance(each, Price):
                added: dict[str, SourceValue] = {"currency": each.currency, "amount": each.amount, "attribute": code}
                yield f"{code}/{each.currency}", added


def _media(values: Iterable[tuple[str, object]]) -> Iterator[Row]:
    for code, value in values:
        for position, each in enumerate(value if isinstance(value, tuple) else (value,), start=1):
            if isinstance(each, MediaRef):
                added: dict[str, SourceValue] = {"media": each.code, "filename": each.filename, "asset": each.owner}
                name = f"{each.owner}/{each.code}" if each.owner else each.code
                yield f"{code}/{name}", {**added, "attribute": code, "position": position}


def _codes(values: Iterable[tuple[str, object]], each: Each) -> Iterator[Row]:
    for code, value in values:
        for position, own in enumerate(value if isinstance(value, tuple) else (value,), start=1):
            if isinstance(own, str) and own:
                yield f"{code}/{own}", {str(each): own, "position": position}


def _table_rows(values: Iterable[tuple[str, object]]) -> Iterator[Row]:
    for code, value in values:
        for number, each in enumerate(value if isinstance(value, tuple) else (), start=1):
            if isinstance(each, dict) and each:
                # The first column tells the rows of a table apart (REST API reference, "Table attribute").
                own = str(next(iter(each.values())))
                yield f"{code}/{own}", {"row": each, "row_code": own, "row_number": number, "attribute": code}


def _categories(record: SourceRecord, paths: Mapping[str, str]) -> Iterator[Row]:
    held = record.properties.get("categories")
    for code in held if isinstance(held, tuple) else ():
        yield str(code), {"category": str(code), "category_path": paths.get(str(code), str(code))}


def _axes(record: SourceRecord) -> Iterator[Row]:
    held = record.properties.get("axes")
    for position, code in enumerate(held if isinstance(held, tuple) else (), start=1):
        yield str(code), {"axis": str(code), "position": position}


def _paths(collection: RecordCollection) -> dict[str, str]:
    """The way to each category from its root; a category whose parents are not known is its own root."""
    described = collection.properties.get("categories")
    parents = {each.code: each.parent for each in (described.options if described else None) or ()}
    paths: dict[str, str] = {}
    for code in parents:
        way = [code]
        while (above := parents.get(way[-1])) and above not in way:
            way.append(above)
        paths[code] = "/".join(reversed(way))
    return paths


def _associations(record: SourceRecord, types: frozenset[str]) -> Iterator[Row]:
    held = record.properties.get("associations")
    for each in held if isinstance(held, tuple) else ():
        if not isinstance(each, dict) or (types and each.get("type") not in types):
            continue
        kind, key, quantity = str(each["kind"]), str(each["key"]), each.get("quantity")
        added: dict[str, SourceValue] = {
            "association": str(each["type"]),
            "associated": key,
            "associated_kind": kind,
            "quantity": quantity if isinstance(quantity, (int, Decimal)) else None,
        }
        yield f"{each['type']}/{kind}/{key}", added


def with_row(record: SourceRecord, row: Row) -> SourceRecord:
    """The record as one of its rows."""
    name, added = row
    return SourceRecord(record.collection, f"{record.key}/{name}", {**record.properties, **added}, record.values)


def record_key(key: str) -> str:
    """Key of the record that a row is of; a source's own keys hold no slash."""
    return key.partition("/")[0]
