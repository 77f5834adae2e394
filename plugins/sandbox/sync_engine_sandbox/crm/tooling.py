"""The Tooling API, as far as it changes the values of custom picklists (Tooling API, "CustomField").

A field is found by a query for ``EntityDefinition`` and one for ``CustomField``; ``Metadata`` may be asked of one row
only. ``PATCH`` replaces the definition as a whole: a value that it leaves out becomes inactive. Standard fields are no
custom fields, and a field with a global value set shows its name in place of values.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

from sync_engine_sandbox.crm.errors import not_found, refuse
from sync_engine_sandbox.crm.fields import PicklistValue
from sync_engine_sandbox.crm.ids import make_id
from sync_engine_sandbox.crm.server import Server, answer, json_object, version_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from starlette.requests import Request

    from sync_engine_sandbox.crm.fields import Field
    from sync_engine_sandbox.crm.objects import OrgObjects, SObject

    Row = dict[str, Any]

MOST_VALUES = 1000
"""Values of a custom picklist, active and inactive ones together."""
_QUERY = re.compile(r"\s*SELECT\s+(.+?)\s+FROM\s+(\w+)\s+WHERE\s+(.+?)\s*\Z", re.IGNORECASE | re.DOTALL)
_CONDITION = re.compile(r"(\w+)\s*=\s*(?:'((?:[^'\\]|\\.)*)'|(null))\Z", re.IGNORECASE)
_TYPES = {"picklist": "Picklist", "multipicklist": "MultiselectPicklist"}


async def query(server: Server, request: Request) -> Response:
    """``GET /tooling/query``: equalities joined by AND, on the objects that lead to a custom field."""
    _permitted(server)
    parsed = _QUERY.match(request.query_params.get("q", ""))
    if parsed is None:
        raise refuse("MALFORMED_QUERY", "unexpected token: '<EOF>'")
    columns = [each.strip() for each in parsed[1].split(",")]
    tables = {"entitydefinition": _entities, "customfield": _custom_fields}
    if parsed[2].lower() not in tables:
        raise refuse("INVALID_TYPE", f"sObject type '{parsed[2]}' is not supported.")
    wanted = dict(_condition(each) for each in re.split(r"\s+AND\s+", parsed[3], flags=re.IGNORECASE))
    rows = [row for row in tables[parsed[2].lower()](server.org.objects) if _holds(row, wanted)]
    if "Metadata" in columns and len(rows) > 1:
        raise refuse(
            "MALFORMED_QUERY",
            "When retrieving results with Metadata or FullName fields, the query qualifications must specify no more "
            f"than one row for retrieval. Result size: {len(rows)}",
        )
    base = f"/services/data/v{version_of(request)}/tooling/sobjects/{parsed[2]}"
    records = [
        {"attributes": {"type": parsed[2], "url": f"{base}/{row.get('Id', row.get('DurableId'))}"}}
        | {name: _cell(row, name, parsed[2]) for name in columns}
        for row in rows
    ]
    return answer({"size": len(rows), "totalSize": len(rows), "done": True, "records": records})


async def change(server: Server, request: Request) -> Response:
    """``PATCH /tooling/sobjects/CustomField/{id}``: the whole definition of the field anew."""
    _permitted(server)
    wanted = request.path_params["id"]
    found = next((each for each in _fields(server.org.objects) if each[2]["Id"] == wanted), None)
    if found is None:
        raise not_found("The requested resource does not exist")
    sobject, item, _ = found
    metadata = json_object(await request.body()).get("Metadata")
    if not isinstance(metadata, dict) or not metadata.get("label") or not metadata.get("type"):
        raise refuse("FIELD_INTEGRITY_EXCEPTION", "Required fields are missing: [Label, Type]")
    given = (metadata.get("valueSet") or {}).get("valueSetDefinition")
    if item.type in _TYPES and not item.value_set and given:
        server.org.change_field(sobject.name, replace(item, values=_values(item, given.get("value") or [])))
    return Response(status_code=204)


def _permitted(server: Server) -> None:
    """Without the permission Customize Application the user does not even see these objects."""
    if not server.settings.customize_application:
        raise refuse("INVALID_TYPE", "sObject type 'CustomField' is not supported.")


def _condition(text: str) -> tuple[str, str | None]:
    found = _CONDITION.match(text.strip())
    if found is None:
        raise refuse("MALFORMED_QUERY", f"unexpected token: {text.strip()}")
    return found[1].lower(), None if found[3] else re.sub(r"\\(.)", r"\1", found[2])


def _holds(row: Row, wanted: Mapping[str, str | None]) -> bool:
    cells = {name.lower(): value for name, value in row.items()}
    for name, value in wanted.items():
        if name not in cells:
            raise refuse("INVALID_FIELD", f"No such column '{name}'")
        held = cells[name]
        if (held is None) is not (value is None) or str(held or "").lower() != str(value or "").lower():
            return False
    return True


def _cell(row: Row, name: str, table: str) -> object:
    if name not in row:
        raise refuse("INVALID_FIELD", f"No such column '{name}' on entity '{table}'.")
    return row[name]


def _entities(objects: OrgObjects) -> Iterator[Row]:
    """Custom objects are known by an id, standard ones by their name."""
    for number, item in enumerate(objects.objects):
        durable = make_id("01I", number)[:15] if item.custom else item.name
        yield {"DurableId": durable, "QualifiedApiName": item.name}


def _custom_fields(objects: OrgObjects) -> Iterator[Row]:
    for _, _, row in _fields(objects):
        yield row


def _fields(objects: OrgObjects) -> Iterator[tuple[SObject, Field, Row]]:
    entities = {row["QualifiedApiName"]: row["DurableId"] for row in _entities(objects)}
    number = 0
    for sobject in objects.objects:
        for item in sobject.fields:
            if item.name.endswith("__c"):
                number += 1
                row = {
                    "Id": make_id("00N", number),
                    "TableEnumOrId": entities[sobject.name],
                    "DeveloperName": item.name.removesuffix("__c"),
                    "NamespacePrefix": None,
                    "Metadata": _metadata(item),
                }
                yield sobject, item, row


def _metadata(item: Field) -> Row:
    """A definition with what a picklist needs; a real one has many more keys, all null here."""
    shown: Row = {"label": item.label, "type": _TYPES.get(item.type, "Text"), "description": None, "required": False}
    if item.type not in _TYPES:
        return shown | {"valueSet": None}
    values = [
        {
            "color": None,
            "default": entry.default,
            "description": None,
            "isActive": None if entry.active else False,
            "label": entry.label,
            "urls": None,
            "valueName": entry.value,
        }
        for entry in item.values
    ]
    return shown | {
        "visibleLines": 4 if item.type == "multipicklist" else None,
        "valueSet": {
            "controllingField": None,
            "restricted": item.restricted or None,
            "valueSetDefinition": None if item.value_set else {"sorted": False, "value": values},
            "valueSetName": item.value_set or None,
            "valueSettings": [],
        },
    }


def _values(item: Field, given: list[Row]) -> tuple[PicklistValue, ...]:
    """The values as they are from now on; those that are not named any more stay, inactive."""
    made: list[PicklistValue] = []
    for entry in given:
        name = entry.get("valueName") or entry.get("fullName")
        if not name:
            raise refuse("FIELD_INTEGRITY_EXCEPTION", "Required fields are missing: [valueName]")
        if any(each.value.lower() == name.lower() for each in made):
            raise refuse("DUPLICATE_VALUE", f"Duplicate picklist value: {name}")
        active = entry.get("isActive") is not False
        made.append(PicklistValue(name, entry.get("label") or name, active, bool(entry.get("default"))))
    named = {each.value for each in made}
    made += [replace(each, active=False) for each in item.values if each.value not in named]
    if len(made) > MOST_VALUES:
        raise refuse("LIMIT_EXCEEDED", f"You have reached the maximum number of {MOST_VALUES} picklist values")
    return tuple(made)
