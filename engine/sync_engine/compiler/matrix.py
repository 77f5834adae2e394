"""The matrix of types from both sides: which kinds of attribute fill which types of field, and through which option.

Computed from ``conversion.compatible``, which decides it, so that what is shown and what is checked cannot differ.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import TypeVar

from sync_engine.catalog.mapping import FieldMapping, TableForm, ValueRule
from sync_engine.compiler.conversion import FILES, compatible
from sync_engine.sdk.source import Attribute, Kind
from sync_engine.sdk.target import FieldDescription, FieldType, ObjectSchema

W = TypeVar("W", bound=StrEnum)

DIRECT = ""
MEDIA = "media"
"""The form of a mapping that sends files, shown in place of an option."""
GROUPS: Mapping[str, tuple[Kind, ...]] = {
    "text": (Kind.IDENTIFIER, Kind.TEXT, Kind.TEXTAREA),
    "choices": (Kind.SELECT, Kind.FAMILY, Kind.RECORD),
    "keys": (Kind.UUID, Kind.PARENT, Kind.LINK),
    "quality": (Kind.QUALITY,),
    "lists": (Kind.MULTISELECT, Kind.CATEGORIES, Kind.GROUPS, Kind.RECORDS, Kind.ASSETS),
    "numbers": (Kind.NUMBER, Kind.COMPLETENESS),
    "measurements": (Kind.MEASUREMENT,),
    "prices": (Kind.PRICES,),
    "yes/no": (Kind.BOOLEAN,),
    "dates": (Kind.DATE, Kind.DATETIME),
    "files": (Kind.IMAGE, Kind.FILE),
    "tables": (Kind.TABLE,),
}
"""Kinds under the words that people read; every kind that a mapping can name is in one of them."""
TYPE_GROUPS: Mapping[str, tuple[FieldType, ...]] = {
    "text": (FieldType.TEXT, FieldType.TEXTAREA, FieldType.RICH_TEXT),
    "contacts": (FieldType.EMAIL, FieldType.PHONE, FieldType.URL),
    "picklist": (FieldType.PICKLIST,),
    "multipicklist": (FieldType.MULTIPICKLIST,),
    "numbers": (FieldType.INTEGER, FieldType.DECIMAL, FieldType.PERCENT, FieldType.CURRENCY),
    "boolean": (FieldType.BOOLEAN,),
    "dates": (FieldType.DATE, FieldType.DATETIME),
    "time": (FieldType.TIME,),
    "references": (FieldType.REFERENCE, FieldType.ID),
    "files": (FieldType.FILE,),
}
"""Types of fields likewise."""
_OPTIONS: tuple[tuple[str, FieldMapping], ...] = (
    (DIRECT, FieldMapping("", ValueRule(""))),
    ("join", FieldMapping("", ValueRule(""), join=", ")),
    ("unit", FieldMapping("", ValueRule(""), unit="UNIT")),
    ("currency", FieldMapping("", ValueRule(""), currency="EUR")),
    ("table", FieldMapping("", ValueRule(""), table=TableForm.JSON)),
    ("number", FieldMapping("", ValueRule(""), number=True)),
)


def way(kind: Kind, field: FieldDescription) -> str | None:
    """The option through which values of a kind fill a field: ``DIRECT`` if it needs none, None if they never do."""
    if not writable(field):
        return None
    if field.type is FieldType.FILE:
        return MEDIA if kind in FILES else None
    return next((name for name, mapping in _OPTIONS if compatible(kind, field, mapping) is None), None)


def writable(field: FieldDescription) -> bool:
    """Whether a mapping can name the field."""
    return not field.not_writable and (field.createable or field.updateable)


def taken_by(field: FieldDescription) -> dict[Kind, str]:
    """The kinds that fill a field, each with its option."""
    ways = {kind: way(kind, field) for kinds in GROUPS.values() for kind in kinds}
    return {kind: each for kind, each in ways.items() if each is not None}


def types_for(kind: Kind) -> dict[FieldType, str]:
    """The types of fields that a kind fills, each with its option."""
    ways = {each: way(kind, FieldDescription("", "", each)) for each in FieldType if each is not FieldType.OTHER}
    return {type_: each for type_, each in ways.items() if each is not None}


def fitting_fields(attribute: Attribute, described: ObjectSchema) -> dict[str, str]:
    """Names of an object's fields that an attribute fills, each with its option."""
    ways = {each.name: way(attribute.kind, each) for each in described.fields.values()}
    return {name: each for name, each in sorted(ways.items()) if each is not None}


def fitting_attributes(field: FieldDescription, attributes: Iterable[Attribute]) -> dict[str, str]:
    """Codes of the attributes that fill a field, each with its option."""
    ways = {each.code: way(each.kind, field) for each in attributes}
    return {code: each for code, each in ways.items() if each is not None}


def in_words(kinds: Mapping[Kind, str]) -> str:
    """Kinds as people read them: by group where a whole group goes the same way."""
    return _grouped(kinds, GROUPS)


def types_in_words(types: Mapping[FieldType, str]) -> str:
    """Types of fields as people read them, likewise."""
    return _grouped(types, TYPE_GROUPS)


def _grouped(ways: Mapping[W, str], groups: Mapping[str, tuple[W, ...]]) -> str:
    words: list[str] = []
    for group, members in groups.items():
        found = {ways.get(each) for each in members}
        if len(found) == 1:
            words += [with_option(group, each) for each in found if each is not None]
        else:
            words += [with_option(each, ways[each]) for each in members if each in ways]
    return ", ".join(words)


def with_option(name: str, option: str) -> str:
    """A name and the option that it needs."""
    return f"{name} ({option})" if option else name
