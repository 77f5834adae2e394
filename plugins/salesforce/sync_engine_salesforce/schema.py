"""Described objects: from Salesforce's describe (REST API Developer Guide, "sObject Describe") to the sdk's types."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sync_engine.sdk.errors import Refused
from sync_engine.sdk.target import FieldDescription, FieldType, ObjectSchema, PicklistValue
from sync_engine_salesforce.file_fields import CONTENT, FILE_NAME, FILES, PLACE

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


@dataclass(frozen=True, slots=True)
class Relationship:
    """How the parent behind a reference field is named.

    Attributes:
        name: such as ``Parent__r``.
        polymorphic: the field may point to several objects, so the object has to be named too.
    """

    name: str
    polymorphic: bool


@dataclass(frozen=True, slots=True)
class Described:
    """An object as the sdk sees it, and what only this adapter needs to know of it.

    Attributes:
        schema: the object.
        relationships: by name of the reference field.
        prefix: what the ids of its records begin with; empty where describe does not say.
    """

    schema: ObjectSchema
    relationships: Mapping[str, Relationship]
    prefix: str = ""

    @property
    def name(self) -> str:
        """As the org spells it."""
        return self.schema.name

    @property
    def holds_files(self) -> bool:
        """Whether its records are files; these go neither by Collections nor by Bulk API 2.0."""
        return self.name == FILES

    def field(self, name: str) -> FieldDescription:
        """The field of that name.

        Raises:
            Refused: there is none.
        """
        found = self.schema.field(name)
        if found is None:
            raise Refused(f"{self.name} has no field `{name}`, or hides it from this user")
        return found

    def relationship(self, field: str) -> Relationship:
        """The relationship of that reference field.

        Raises:
            Refused: the field is none, so a parent cannot be named by its key.
        """
        found = self.relationships.get(self.field(field).name)
        if found is None:
            raise Refused(f"{self.name}.{field} is no reference whose parent can be named by a key")
        return found


def read_object(described: Mapping[str, Any]) -> Described:
    """An object from the answer of describe.

    Raises:
        KeyError, TypeError, ValueError: it has not the documented shape.
    """
    fields: Sequence[Mapping[str, Any]] = described["fields"]
    parts: dict[str, list[str]] = {}
    for each in fields:
        if each.get("compoundFieldName") not in (None, each["name"]):
            parts.setdefault(each["compoundFieldName"], []).append(each["name"])
    schema = ObjectSchema(
        name=described["name"],
        label=described.get("label") or described["name"],
        createable=bool(described.get("createable")),
        updateable=bool(described.get("updateable")),
        deletable=bool(described.get("deletable")),
        fields={each["name"]: _field(each, parts.get(each["name"], ())) for each in fields},
    )
    if schema.name == FILES:
        schema = replace(schema, deletable=True, fields={name: _of_file(each) for name, each in schema.fields.items()})
    relationships = {each["name"]: _relationship(each) for each in fields if each.get("relationshipName")}
    return Described(schema, relationships, described.get("keyPrefix") or "")


def _of_file(field: FieldDescription) -> FieldDescription:
    """A field of a file as the rows of ``files`` have it: what cannot be changed comes with a new version."""
    if field.name in (CONTENT, FILE_NAME, PLACE):
        return replace(field, updateable=field.createable, not_writable="")
    if field.external_id and field.unique:
        why = "each version of a file has the key, so its field must be an External ID that is not Unique"
        return replace(field, not_writable=why)
    return replace(field, unique=field.external_id)


def _relationship(field: Mapping[str, Any]) -> Relationship:
    return Relationship(field["relationshipName"], len(field.get("referenceTo") or ()) > 1)


def _field(field: Mapping[str, Any], parts: Sequence[str]) -> FieldDescription:
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
        not_writable=_not_writable(field, parts, type_),
        choices_fixed=_choices_fixed(field, type_),
    )


def _choice(value: Mapping[str, Any]) -> PicklistValue:
    return PicklistValue(value["value"], value.get("label") or value["value"], bool(value.get("active", True)))


def _choices_fixed(field: Mapping[str, Any], type_: FieldType) -> str:
    """Why values cannot be added to a picklist, as far as describe tells; a global value set it does not tell."""
    if type_ not in (FieldType.PICKLIST, FieldType.MULTIPICKLIST) or field.get("custom"):
        return ""
    return "Salesforce changes the values of a standard picklist in Setup or by a deployment only"


def _not_writable(field: Mapping[str, Any], parts: Sequence[str], type_: FieldType) -> str:
    """Why a field cannot be written; empty when it can."""
    if field.get("autoNumber"):
        return "an auto-number is given by Salesforce"
    if field.get("calculated"):
        roll_up = "calculatedFormula" in field and field["calculatedFormula"] is None
        return f"a {'roll-up summary' if roll_up else 'formula'} is computed by Salesforce"
    if parts:
        kind = {"address": "address", "location": "geolocation"}.get(field["type"], "field")
        return f"a compound {kind}; map its parts: {', '.join(parts)}"
    if type_ is FieldType.FILE:
        return f"files go into {FILES}"
    if type_ is FieldType.OTHER:
        return f"fields of type {field['type']} are not supported"
    if not field.get("createable") and not field.get("updateable"):
        return "read-only, or read-only for this user"
    return ""
