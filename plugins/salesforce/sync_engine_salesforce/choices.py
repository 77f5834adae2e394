"""New values of picklists, by the Tooling API.

Only the values of a custom picklist with a list of its own can be added to over REST ("CustomField", Tooling API; its
``Metadata.valueSet``, Metadata API "Metadata Field Types"). A global value set is shared by fields, and standard
picklists are changed by a deployment of ``StandardValueSet``; both are left to people. The definition is always sent as
a whole, because a value that is left out becomes inactive.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from simple_salesforce.api import Salesforce

from sync_engine.sdk.errors import BrokenContract, Refused
from sync_engine.sdk.target import PicklistValue
from sync_engine_salesforce.session import OrgSession
from sync_engine_salesforce.soql import quote

MOST_VALUES = 1000
"""Values that a custom picklist can have, active and inactive ones together (Salesforce Help, "Picklist Limits")."""
_PERMISSION = "The user needs the permissions `Customize Application` and `View Setup and Configuration`."


def refusal(session: OrgSession, object_name: str, field: str, choices: Sequence[PicklistValue]) -> str:
    """Why these values cannot be added to a picklist; empty when they can."""
    _, metadata = _definition(session, object_name, field)
    value_set = metadata.get("valueSet") or {}
    if value_set.get("valueSetName"):
        return f"it uses the global value set {value_set['valueSetName']}, which other fields share; add them there"
    held = {_name(each) for each in _values(value_set)}
    total = len(held | {each.value for each in choices})
    if total > MOST_VALUES:
        return f"it would have {total:,} values, and a picklist takes {MOST_VALUES:,}"
    return ""


def add(session: OrgSession, object_name: str, field: str, choices: Sequence[PicklistValue]) -> None:
    """Add values to a picklist; those that it has already are left as they are. Safe to repeat.

    Raises:
        Refused: the org does not let this user do it, or the values were not there afterwards.
    """
    id_, metadata = _definition(session, object_name, field)
    value_set = metadata.get("valueSet") or {}
    values = _values(value_set)
    held = {_name(each) for each in values}
    new = [
        {"valueName": each.value, "label": each.label, "default": False} for each in choices if each.value not in held
    ]
    if not new:
        return
    definition = {**(value_set.get("valueSetDefinition") or {"sorted": False}), "value": [*values, *new]}
    body = {"Metadata": {**metadata, "valueSet": {**value_set, "valueSetDefinition": definition}}}

    def send(client: Salesforce) -> Any:
        return client.restful(f"tooling/sobjects/CustomField/{id_}", method="PATCH", json=body)

    session.call(send)


def _definition(session: OrgSession, object_name: str, field: str) -> tuple[str, Mapping[str, Any]]:
    """Id and definition of a custom field.

    Raises:
        Refused: it is no custom field, or the user may not see definitions.
    """
    found = None
    try:
        entity = _one(session, "DurableId", "EntityDefinition", {"QualifiedApiName": object_name})
        namespace, name = _developer_name(field)
        if entity is not None:
            key = {"TableEnumOrId": str(entity.get("DurableId")), "DeveloperName": name, "NamespacePrefix": namespace}
            found = _one(session, "Id, Metadata", "CustomField", key)
    except Refused as error:
        raise Refused(f"{error.message}: the definition of {object_name}.{field}", hint=_PERMISSION) from error
    if not found:
        raise Refused(
            f"{session.where}: the org shows no definition of {object_name}.{field}, so nothing can be added",
            hint=_PERMISSION,
        )
    if not isinstance(found.get("Id"), str) or not isinstance(found.get("Metadata"), Mapping):
        raise BrokenContract(f"{session.where}: the definition of {object_name}.{field} has not the documented shape")
    return found["Id"], found["Metadata"]


def _one(session: OrgSession, columns: str, table: str, key: Mapping[str, str | None]) -> Mapping[str, Any] | None:
    """The row of a table of the Tooling API with that key; ``Metadata`` may be asked of one row only."""
    conditions = " AND ".join(f"{name} = {'null' if value is None else quote(value)}" for name, value in key.items())
    soql = f"SELECT {columns} FROM {table} WHERE {conditions}"  # noqa: S608 - quoted, and SOQL only reads
    answer = session.call(lambda client: client.restful("tooling/query", params={"q": soql}))
    records = answer.get("records") if isinstance(answer, Mapping) else None
    if not isinstance(records, list) or len(records) > 1:
        raise BrokenContract(f"{session.where}: the answer to a query of definitions has not the documented shape")
    return records[0] if records else None


def _developer_name(field: str) -> tuple[str | None, str]:
    """Namespace and developer name of a custom field: ``ns__Color__c`` is ``Color`` of ``ns``."""
    namespace, _, name = field.removesuffix("__c").rpartition("__")
    return namespace or None, name


def _values(value_set: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return list((value_set.get("valueSetDefinition") or {}).get("value") or ())


def _name(value: Mapping[str, Any]) -> str:
    return str(value.get("valueName") or value.get("fullName") or "")
