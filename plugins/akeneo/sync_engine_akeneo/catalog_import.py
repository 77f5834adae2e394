"""A catalog of ours out of a catalog for apps: its selection, and as much of a mapping as can be told.

The API gives the targets of its mapping schema and not what fills them, so an attribute is proposed where its code is
the target's name; the rest stands there as comments.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sync_engine.sdk.source import Attribute, Kind, SourceSchema
from sync_engine.sdk.target import FieldDescription, FieldType, ObjectSchema

_JOINED = frozenset({Kind.MULTISELECT, Kind.CATEGORIES, Kind.GROUPS, Kind.RECORDS})
_CODED = frozenset({Kind.SELECT, Kind.MULTISELECT, Kind.FAMILY, Kind.CATEGORIES, Kind.RECORD, Kind.RECORDS})
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True)
class Import:
    """What a catalog is written from.

    Attributes:
        name: of the catalog to write.
        source, target: connections.
        catalog: name or id of the catalog for apps.
        schema: what the source describes.
        locales: of the catalog; the first is the default.
        described: the object that is written to.
        key: name of its field that holds the uuid.
        targets: of the mapping schema, by name; empty where there is none.
    """

    name: str
    source: str
    target: str
    catalog: str
    schema: SourceSchema
    locales: tuple[str, ...]
    described: ObjectSchema
    key: str
    targets: Mapping[str, Mapping[str, object]]


def catalog_text(made: Import) -> str:
    """The catalog as YAML."""
    channel = next(iter(made.schema.channels), None)
    lines = [
        f"# Made from the PIM's catalog {_text(made.catalog)}. Look at every field: which attribute fills it was",
        "# guessed by its name, because the PIM tells only the targets of its mapping schema.",
        "version: 1",
        f"name: {made.name}",
        "source:",
        f"  connection: {_text(made.source)}",
        *([f"  channel: {_text(channel)}"] if channel else []),
        f"  locales: [{', '.join(map(_text, made.locales))}]",
        f"  catalog: {_text(made.catalog)}",
        "target:",
        f"  connection: {_text(made.target)}",
        "streams:",
        "  products:",
        "    from: products",
        f"    to: {_text(made.described.name)}",
        f"    key: {{{_text(made.key)}: uuid}}",
        "    fields:",
        *_fields(made),
    ]
    return "\n".join(lines) + "\n"


def _fields(made: Import) -> Iterator[str]:
    known = {**made.schema.collections["products"].properties, **made.schema.attributes}
    by_name = {_folded(code): each for code, each in reversed(known.items()) if each.kind is not Kind.OTHER}
    written, doubtful = [], []
    for name, target in made.targets.items():
        field = made.described.field(name)
        if field is None or field.name == made.key:
            continue
        attribute = by_name.get(_folded(name), by_name.get(_folded(str(target.get("title", "")))))
        if attribute is None:
            doubtful.append(
                f"      # {field.name}: …   {_text(str(target.get('title') or name))}: no attribute has that name"
            )
        else:
            written.append(f"      {_text(field.name)}: {_mapping(attribute, field, made.schema)}")
    if not written:
        written = [f"      {_text(_to_begin_with(made))}: identifier"]
    yield from (*written, *doubtful)


def _mapping(attribute: Attribute, field: FieldDescription, schema: SourceSchema) -> str:
    options = []
    if attribute.kind in _CODED and field.type is not FieldType.REFERENCE:
        options.append("labels: true")
    if attribute.kind in _JOINED:
        options.append('join: ";"' if field.type is FieldType.MULTIPICKLIST else 'join: ", "')
    if attribute.kind is Kind.PRICES and schema.currencies:
        options.append(f"currency: {_text(schema.currencies[0])}")
    family = schema.unit_families.get(attribute.unit_family or "")
    if attribute.kind is Kind.MEASUREMENT and family is not None:
        options.append(f"unit: {_text(family.standard_unit)}")
    if field.type is FieldType.BOOLEAN and not attribute.is_property:
        options.append("when_empty: keep")
    code = _text(attribute.code)
    return f"{{value: {code}, {', '.join(options)}}}" if options else code


def _to_begin_with(made: Import) -> str:
    """A text field that the identifier goes into, where nothing else is known: a catalog has at least one field."""
    texts = [each for each in made.described.fields.values() if each.type is FieldType.TEXT and not each.not_writable]
    ranked = sorted(texts, key=lambda each: (each.name == made.key, not each.required))
    return ranked[0].name if ranked else made.key


def _folded(name: str) -> str:
    return re.sub(r"[\W_]", "", name.removesuffix("__c")).casefold()


def _text(text: str) -> str:
    plain = _PLAIN.fullmatch(text) and text.casefold() not in ("true", "false", "null")
    return text if plain else json.dumps(text, ensure_ascii=False)
