"""Described objects: from Salesforce's describe (REST API Developer Guide, "sObject Describe") to the sdk's types."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sync_engine.sdk.target import FieldDescription, FieldType, ObjectSchema, PicklistValue

TYPES: Mapping[str, FieldType] = {
    "string": FieldType.TEXT,
    "encryptedstring": FieldType.TEXT,
    "combobox": FieldType.TEXT,
    "textarea": FieldType.TEXTAREA,
    "picklist": FieldType.PICKLIST,
    "multipicklist": FieldType.MULTIPICKLIST,
    "boolean": FieldType.BOOLEAN,
    "int": FieldType.INTEGER,
    "long": FieldType.INTEGER,
    "double": FieldType.DECIMAL,
    "percent": FieldType.PERCENT,
    "currency": FieldType.CURRENCY,
    "date": FieldType.DATE,
    "datetime": FieldType.DATETIME,
    "time": FieldType.TIME,
    "email": FieldType.EMAIL,
    "phone": FieldType.PHONE,
    "url": FieldType.URL,
    "reference": FieldType.REFERENCE,
    "id": FieldType.ID,
    "base64": FieldType.FILE,
}


def read_object(described: Mapping[str, Any]) -> ObjectSchema:
    """An object as the sdk sees it."""
    fields = described["fields"]
    return ObjectSchema(
        name=described["name"],
        label=described.get("label") or described["name"],
        createable=bool(described.get("createable")),
        updateable=bool(described.get("updateable")),
        deletable=bool(described.get("deletable")),
        fields={each["name"]: _field(each, fields) for each in fields},
    )


def relationships(described: Mapping[str, Any]) -> dict[str, str]:
    """Relationship name by the name of each reference field."""
    return {each["name"]: each["relationshipName"] for each in described["fields"] if each.get("relationshipName")}


def _field(field: Mapping[str, Any], fields: Sequence[Mapping[str, Any]]) -> FieldDescription:
    native = field["type"]
    type_ = TYPES.get(native, FieldType.OTHER)
    if type_ is FieldType.TEXTAREA and (field.get("htmlFormatted") or field.get("extraTypeInfo") == "richtextarea"):
        type_ = FieldType.RICH_TEXT
    createable, updateable = bool(field.get("createable")), bool(field.get("updateable"))
    whole = type_ is FieldType.INTEGER
    return FieldDescription(
        name=field["name"],
        label=field.get("label") or field["name"],
        type=type_,
        native_type=native,
        length=int(field.get("length") or 0),
        precision=int(field.get("digits" if whole else "precision") or 0),
        scale=0 if whole else int(field.get("scale") or 0),
        required=createable and not field.get("nillable") and not field.get("defaultedOnCreate"),
        createable=createable,
        updateable=updateable,
        external_id=bool(field.get("externalId") or field.get("idLookup")),
        unique=bool(field.get("unique")),
        case_sensitive=bool(field.get("caseSensitive")),
        restricted=bool(field.get("restrictedPicklist")),
        picklist=tuple(_choice(each) for each in field.get("picklistValues") or ()),
        refers_to=tuple(field.get("referenceTo") or ()),
        not_writable=_not_writable(field, fields, type_),
    )


def _choice(value: Mapping[str, Any]) -> PicklistValue:
    return PicklistValue(value["value"], value.get("label") or value["value"], bool(value.get("active", True)))


def _not_writable(field: Mapping[str, Any], fields: Sequence[Mapping[str, Any]], type_: FieldType) -> str:
    """Why a field cannot be written; describe does not tell a formula from a roll-up summary, so neither do we."""
    if field.get("autoNumber"):
        return "an auto-number is given by Salesforce"
    if field.get("calculated"):
        return "a formula or roll-up summary is computed by Salesforce"
    if field["type"] in ("address", "location"):
        parts = [
            each["name"] for each in fields if each.get("compoundFieldName") == field["name"] and each is not field
        ]
        return f"a compound field; map its parts: {', '.join(parts)}" if parts else "a compound field"
    if type_ is FieldType.OTHER:
        return f"fields of type {field['type']} are not supported"
    if not field.get("createable") and not field.get("updateable"):
        return "read-only, or read-only for this user"
    return ""
