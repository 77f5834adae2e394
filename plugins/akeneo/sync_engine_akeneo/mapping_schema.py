"""Mapping schemas of catalogs for apps, made of the fields of a target object.

Source of the form: Akeneo, "Catalogs for Apps", product mapping meta-schema 1.0.3, flat mode: it takes a subset of JSON
Schema and refuses unknown keys. Which attribute fills a target, a person chooses in the PIM; the API does not tell.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from sync_engine.sdk.errors import Refused
from sync_engine.sdk.target import FieldDescription, FieldType, ObjectSchema

META_SCHEMA = "https://api.akeneo.com/mapping/product/1.0.3/schema"
MOST_TARGETS = 600
"""The PIM takes no more; its screen is slow over 200."""

Json = dict[str, object]

_TEXT: Json = {"type": "string"}
_PRICE: Json = {
    "type": "object",
    "properties": {"amount": {"type": "number"}, "currency": {"type": "string"}},
    "required": ["amount", "currency"],
}
_SHAPES: Mapping[FieldType, Json] = {
    FieldType.TEXT: _TEXT,
    FieldType.TEXTAREA: _TEXT,
    FieldType.RICH_TEXT: _TEXT,
    FieldType.PICKLIST: _TEXT,
    FieldType.MULTIPICKLIST: {"type": "array"},
    FieldType.BOOLEAN: {"type": "boolean"},
    FieldType.INTEGER: {"type": "number"},
    FieldType.DECIMAL: {"type": "number"},
    FieldType.PERCENT: {"type": "number"},
    FieldType.CURRENCY: _PRICE,
    FieldType.DATE: {"type": "string", "format": "date-time"},
    FieldType.DATETIME: {"type": "string", "format": "date-time"},
    FieldType.TIME: _TEXT,
    FieldType.EMAIL: _TEXT,
    FieldType.PHONE: _TEXT,
    FieldType.URL: {"type": "string", "format": "uri"},
}
_WITH_LENGTH = {
    FieldType.TEXT,
    FieldType.TEXTAREA,
    FieldType.RICH_TEXT,
    FieldType.EMAIL,
    FieldType.PHONE,
    FieldType.URL,
}


@dataclass(frozen=True, slots=True)
class MadeSchema:
    """A schema, and why fields are not in it.

    Attributes:
        document: as the PIM takes it.
        left_out: reason by name of a field.
    """

    document: Json
    left_out: Mapping[str, str]


def make_schema(described: ObjectSchema, names: Collection[str] = ()) -> MadeSchema:
    """The mapping schema of an object's fields.

    Args:
        described: the object.
        names: only these fields; empty means all that can be written.

    Raises:
        Refused: a named field does not exist or cannot be a target, nothing is left, or there are too many.
    """
    chosen = [_named(described, each) for each in names] if names else list(described.fields.values())
    left_out = {each.name: reason for each in chosen if (reason := _unfit(each))}
    if names and left_out:
        name, reason = next(iter(left_out.items()))
        raise Refused(f"{described.name}.{name} cannot be a target of a mapping schema: {reason}")
    targets = {each.name: _target(each) for each in chosen if each.name not in left_out}
    if not targets:
        raise Refused(f"{described.name} has no field that can be a target of a mapping schema")
    if len(targets) + 1 > MOST_TARGETS:
        raise Refused(
            f"{described.name} has {len(targets)} fields that can be written, and the PIM takes {MOST_TARGETS} targets "
            "with `uuid`",
            hint="Choose some with --fields A,B.",
        )
    properties: Json = {"uuid": {"title": "Product UUID", "type": "string"}, **targets}
    return MadeSchema({"$schema": META_SCHEMA, "type": "object", "properties": properties}, left_out)


def targets_of(schema: Mapping[str, object]) -> dict[str, Mapping[str, object]]:
    """The targets of a schema by name, but for those that the PIM fills by itself."""
    properties = schema.get("properties")
    found = properties if isinstance(properties, dict) else {}
    own = ("uuid", "pim_parent", "pim_root", "pim_associations", "variation_axes", "variants")
    return {name: each for name, each in found.items() if name not in own and isinstance(each, dict)}


def is_flat(schema: Mapping[str, object]) -> bool:
    """Whether a schema is one of products, and not one of models with their variants."""
    properties = schema.get("properties")
    return isinstance(properties, dict) and "uuid" in properties


def _named(described: ObjectSchema, name: str) -> FieldDescription:
    found = described.field(name)
    if found is None:
        raise Refused(
            f"{described.name} has no field {name}",
            hint=f"`sync-engine fields {described.name}` lists those that it has.",
        )
    return found


def _unfit(field: FieldDescription) -> str:
    """Why a field cannot be a target; empty when it can."""
    if field.not_writable or not (field.createable or field.updateable):
        return field.not_writable or "it cannot be written"
    if field.type is FieldType.REFERENCE:
        return "it refers to another record"
    return "" if field.type in _SHAPES else f"{field.native_type or field.type} has no counterpart there"


def _target(field: FieldDescription) -> Json:
    made: Json = {"title": field.label or field.name, "description": _about(field), **_SHAPES[field.type]}
    if field.length and field.type in _WITH_LENGTH:
        made["maxLength"] = field.length
    choices = [each.value for each in field.picklist if each.active] if field.restricted else []
    if field.type is FieldType.MULTIPICKLIST:
        made["items"] = {"type": "string", **({"enum": choices} if choices else {})}
    elif choices:
        made["enum"] = choices
    return made


def _about(field: FieldDescription) -> str:
    about = f"{field.name} ({field.native_type or field.type})"
    return f"{about}, required" if field.required else about
