"""The objects and fields of an org, read from a JSON file.

The file's format is ``objects.schema.json`` beside this module; ``standard.json`` uses it for the built-in objects,
a user's file uses it to add custom objects and to add or change fields of standard ones::

    {
      "org": {"multiCurrency": true, "currencies": ["EUR", "USD"]},
      "objects": [
        {"name": "Product2", "fields": [
          {"name": "PIM_Id__c", "type": "string", "length": 64, "externalId": true, "unique": true},
          {"name": "Family", "values": ["Camcorders", "Headphones"], "restricted": true}
        ]},
        {"name": "PIM_Category__c", "fields": [
          {"name": "PIM_Code__c", "type": "string", "length": 100, "externalId": true, "unique": true},
          {"name": "Parent__c", "type": "reference", "references": ["PIM_Category__c"], "relationship": "Parent__r"}
        ], "validationRules": [{"field": "PIM_Code__c", "matches": "[a-z0-9_]+", "message": "Lower case, please"}]}
      ]
    }

A field of an object that exists already keeps every key that the file does not name. Errors say where: the file, the
path inside it, and what is wrong.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from functools import cached_property
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from jsonschema import Draft7Validator

from sync_engine_sandbox.crm.fields import Field, make_fields, system_fields
from sync_engine_sandbox.crm.flows import Flow
from sync_engine_sandbox.crm.ids import base62

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

CUSTOM = re.compile(r".+__c\Z")


class ObjectsError(Exception):
    """The objects file is wrong; the message lists every place, one a line."""


@dataclass(frozen=True, slots=True)
class UniqueTogether:
    """Several fields whose values may occur together only once."""

    fields: tuple[str, ...]
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class ValidationRule:
    """A rule of the org on one field: the value matches, or is there when another field has a value."""

    field: str
    message: str
    pattern: re.Pattern[str] | None = None
    required_if: tuple[str, Any] | None = None

    def broken_by(self, record: Mapping[str, Any]) -> bool:
        """Whether saving ``record`` breaks the rule."""
        value = record.get(self.field)
        if self.pattern is not None:
            return value is not None and not self.pattern.fullmatch(str(value))
        other, wanted = self.required_if or ("", None)
        return value is None and record.get(other) == wanted


@dataclass(frozen=True)
class SObject:
    """One object of the org: its fields in describe order, its rules, its first rows."""

    name: str
    label: str
    plural: str
    prefix: str
    fields: tuple[Field, ...]
    createable: bool = True
    updateable: bool = True
    deletable: bool = True
    queryable: bool = True
    unique_together: tuple[UniqueTogether, ...] = ()
    rules: tuple[ValidationRule, ...] = ()
    flows: tuple[Flow, ...] = ()
    rows: tuple[Mapping[str, Any], ...] = field(default=(), repr=False)

    @property
    def custom(self) -> bool:
        """Whether it is a custom object."""
        return bool(CUSTOM.match(self.name))

    @cached_property
    def by_name(self) -> dict[str, Field]:
        """Fields by API name in lower case: the platform does not look at case."""
        return {item.name.lower(): item for item in self.fields}

    @cached_property
    def by_relationship(self) -> dict[str, Field]:
        """Reference fields by relationship name in lower case."""
        return {item.relationship.lower(): item for item in self.fields if item.relationship}

    @cached_property
    def indexed(self) -> tuple[Field, ...]:
        """Fields that records are found by: external ids, unique fields, lookups."""
        return tuple(item for item in self.fields if item.indexed)

    @cached_property
    def required(self) -> tuple[str, ...]:
        """Fields that a record cannot be without."""
        return tuple(item.name for item in self.fields if not item.nillable and (item.createable or item.updateable))

    @cached_property
    def defaults(self) -> dict[str, Any]:
        """What a new record has in the fields that were not given."""
        return {item.name: item.default for item in self.fields if item.default is not None}

    @cached_property
    def numbered(self) -> tuple[Field, ...]:
        """Autonumber fields."""
        return tuple(item for item in self.fields if item.auto_format)

    def field(self, name: str) -> Field | None:
        """The field with this API name, whatever its case."""
        return self.by_name.get(name.lower())


@dataclass(frozen=True)
class OrgObjects:
    """Everything the objects file says."""

    name: str
    multi_currency: bool
    currencies: tuple[str, ...]
    languages: tuple[str, ...]
    timezone: str
    objects: tuple[SObject, ...]

    @cached_property
    def by_name(self) -> dict[str, SObject]:
        """Objects by API name in lower case."""
        return {item.name.lower(): item for item in self.objects}

    @cached_property
    def by_prefix(self) -> dict[str, SObject]:
        """Objects by the first three characters of their ids."""
        return {item.prefix: item for item in self.objects}

    @cached_property
    def children(self) -> dict[str, tuple[tuple[SObject, Field], ...]]:
        """For each object, the reference fields of other objects that point to it."""
        found: dict[str, list[tuple[SObject, Field]]] = {item.name: [] for item in self.objects}
        for child in self.objects:
            for reference in child.indexed:
                targets: Iterable[str] = found if "*" in reference.references else reference.references
                for target in targets:
                    found[target].append((child, reference))
        return {name: tuple(pairs) for name, pairs in found.items()}


def load_objects(path: Path | None = None) -> OrgObjects:
    """Read the standard objects and lay a user's file over them.

    Args:
        path: the user's file; None gives the standard objects alone.

    Raises:
        ObjectsError: the file cannot be read, or something in it is wrong.
    """
    standard = json.loads(files(__package__).joinpath("standard.json").read_text(encoding="utf-8"))
    if path is None:
        return build(standard, source="standard.json")
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ObjectsError(f"{path}: cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise ObjectsError(f"{path}: is not JSON: {error}") from error
    problems = _shape_problems(document)
    if problems:
        raise ObjectsError("\n".join(f"{path}: {problem}" for problem in problems))
    return build(_overlay(standard, document), source=str(path))


def _shape_problems(document: object) -> list[str]:
    schema = json.loads(files(__package__).joinpath("objects.schema.json").read_text(encoding="utf-8"))
    errors = sorted(Draft7Validator(schema).iter_errors(document), key=lambda error: error.json_path)
    return [f"{error.json_path}: {error.message}" for error in errors]


def _overlay(base: dict[str, Any], top: Mapping[str, Any]) -> dict[str, Any]:
    objects = {item["name"]: dict(item) for item in base["objects"]}
    for item in top.get("objects", ()):
        known = objects.setdefault(item["name"], {})
        fields = {entry["name"]: dict(entry) for entry in known.get("fields", ())}
        for entry in item.get("fields", ()):
            fields[entry["name"]] = {**fields.get(entry["name"], {}), **entry}
        joined = {
            key: [*known.get(key, ()), *item.get(key, ())]
            for key in ("validationRules", "uniqueTogether", "flows", "rows")
        }
        known.update({**item, **joined, "fields": list(fields.values())})
    return {"org": {**base["org"], **top.get("org", {})}, "objects": list(objects.values())}


def build(document: Mapping[str, Any], *, source: str) -> OrgObjects:
    """Turn the plain data of an objects file into objects.

    Raises:
        ObjectsError: a field refers to something that does not exist, or its keys do not fit its type.
    """
    org = document["org"]
    problems: list[str] = []
    objects: list[SObject] = []
    names = {item["name"] for item in document["objects"]}
    customs = 0
    for item in document["objects"]:
        prefix = item.get("keyPrefix") or f"a{base62(customs, 2)}"
        customs += 0 if item.get("keyPrefix") else 1
        custom = bool(CUSTOM.match(item["name"]))
        entries = list(item.get("fields", ()))
        if custom and not any(entry.get("nameField") for entry in entries):
            entries.insert(0, _name_field(item))
        has_currency = org["multiCurrency"] and (custom or item.get("hasCurrency", False))
        declared, wrong = make_fields(item["name"], entries, names, languages=org["languages"])
        problems += wrong
        owned = not any(entry.master_detail for entry in declared)
        system = system_fields(custom_owner=custom and owned, currencies=org["currencies"] if has_currency else ())
        objects.append(_object(item, prefix, (*system[:1], *declared, *system[1:]), problems))
    if problems:
        raise ObjectsError("\n".join(f"{source}: {problem}" for problem in problems))
    return OrgObjects(
        name=org["name"],
        multi_currency=org["multiCurrency"],
        currencies=tuple(org["currencies"]),
        languages=tuple(org["languages"]),
        timezone=org["timezone"],
        objects=tuple(objects),
    )


def _name_field(item: Mapping[str, Any]) -> dict[str, Any]:
    given = item.get("nameField", {})
    label = given.get("label", f"{item.get('label', item['name'])} Name")
    if given.get("type") == "autonumber":
        return {
            "name": "Name",
            "label": label,
            "type": "autonumber",
            "nameField": True,
            "format": given.get("format", "{0}"),
        }
    return {"name": "Name", "label": label, "type": "string", "length": 80, "nameField": True, "idLookup": True}


def _object(item: Mapping[str, Any], prefix: str, fields: tuple[Field, ...], problems: list[str]) -> SObject:
    name = item["name"]
    known = {entry.name for entry in fields}
    label = item.get("label") or name.removesuffix("__c").replace("_", " ")
    together = tuple(
        UniqueTogether(
            tuple(part for part in entry["fields"] if part in known),
            entry.get("code", "DUPLICATE_VALUE"),
            entry["message"],
        )
        for entry in item.get("uniqueTogether", ())
    )
    rules = []
    for entry in item.get("validationRules", ()):
        used = [entry["field"], *([entry["requiredIf"]["field"]] if "requiredIf" in entry else ())]
        problems += [f"{name}.validationRules: {part} is not a field of {name}" for part in used if part not in known]
        pattern = re.compile(entry["matches"]) if "matches" in entry else None
        required = (entry["requiredIf"]["field"], entry["requiredIf"]["equals"]) if "requiredIf" in entry else None
        rules.append(ValidationRule(entry["field"], entry["message"], pattern, required))
    flows = tuple(
        Flow(each["field"], each.get("set", ""), each.get("round"), each.get("shorten"), each.get("cleanHtml", False))
        for each in item.get("flows", ())
    )
    problems += [f"{name}.flows: {each.field} is not a field of {name}" for each in flows if each.field not in known]
    return SObject(
        name=name,
        label=label,
        plural=item.get("pluralLabel", f"{label}s"),
        prefix=prefix,
        fields=fields,
        createable=item.get("createable", True),
        updateable=item.get("updateable", True),
        deletable=item.get("deletable", True),
        queryable=item.get("queryable", True),
        unique_together=together,
        rules=tuple(rules),
        flows=flows,
        rows=tuple(item.get("rows", ())),
    )
