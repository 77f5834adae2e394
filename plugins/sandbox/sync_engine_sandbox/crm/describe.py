"""What the org says about itself: list of objects, describe of one, limits, versions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sync_engine_sandbox.crm.fields import NUMBERS, TEXT

if TYPE_CHECKING:
    from sync_engine_sandbox.crm.fields import Field
    from sync_engine_sandbox.crm.objects import OrgObjects, SObject

OLDEST, NEWEST = 31, 67
MASTER_RECORD_TYPE = "012000000000000AAA"
SOAP_TYPES = {
    "id": "tns:ID",
    "reference": "tns:ID",
    "boolean": "xsd:boolean",
    "int": "xsd:int",
    "double": "xsd:double",
    "percent": "xsd:double",
    "currency": "xsd:double",
    "date": "xsd:date",
    "datetime": "xsd:dateTime",
    "time": "xsd:time",
    "base64": "xsd:base64Binary",
    "location": "urn:location",
}


def versions() -> list[dict[str, str]]:
    """The API versions, oldest first; a version number names its season."""
    seasons = ("Winter", "Spring", "Summer")
    found = []
    for number in range(OLDEST, NEWEST + 1):
        turn = number - 32  # version 32 was Winter '15, the first release of the cycle
        found.append(
            {
                "label": f"{seasons[turn % 3]} '{15 + turn // 3}",
                "url": f"/services/data/v{number}.0",
                "version": f"{number}.0",
            }
        )
    return found


def resources(version: str) -> dict[str, str]:
    """The resources below one version."""
    base = f"/services/data/v{version}"
    names = ("sobjects", "query", "queryAll", "limits", "composite", "jobs", "tooling")
    return {name: f"{base}/{name}" for name in names}


def global_describe(objects: OrgObjects, version: str) -> dict[str, Any]:
    """The answer of ``/sobjects``."""
    return {"encoding": "UTF-8", "maxBatchSize": 200, "sobjects": [summary(item, version) for item in objects.objects]}


def summary(sobject: SObject, version: str) -> dict[str, Any]:
    """One object without its fields."""
    base = f"/services/data/v{version}/sobjects/{sobject.name}"
    yes = ("layoutable", "replicateable", "retrieveable", "searchable", "triggerable", "undeletable")
    no = (
        "activateable",
        "customSetting",
        "deprecatedAndHidden",
        "feedEnabled",
        "hasSubtypes",
        "isInterface",
        "isSubtype",
        "mergeable",
        "mruEnabled",
    )
    return {
        "name": sobject.name,
        "label": sobject.label,
        "labelPlural": sobject.plural,
        "keyPrefix": sobject.prefix,
        "custom": sobject.custom,
        "createable": sobject.createable,
        "updateable": sobject.updateable,
        "deletable": sobject.deletable,
        "queryable": sobject.queryable,
        **dict.fromkeys(yes, True),
        **dict.fromkeys(no, False),
        "urls": {"sobject": base, "describe": f"{base}/describe", "rowTemplate": f"{base}/{{ID}}"},
    }


def describe(objects: OrgObjects, sobject: SObject, version: str) -> dict[str, Any]:
    """The answer of ``/sobjects/X/describe``."""
    children = [
        {
            "cascadeDelete": item.on_delete == "cascade",
            "childSObject": child.name,
            "deprecatedAndHidden": False,
            "field": item.name,
            "relationshipName": item.child_relationship or None,
            "restrictedDelete": item.on_delete == "restrict",
        }
        for child, item in objects.children[sobject.name]
    ]
    layout = f"/services/data/v{version}/sobjects/{sobject.name}/describe/layouts/{MASTER_RECORD_TYPE}"
    master = {
        "active": True,
        "available": True,
        "defaultRecordTypeMapping": True,
        "master": True,
        "name": "Master",
        "developerName": "Master",
        "recordTypeId": MASTER_RECORD_TYPE,
        "urls": {"layout": layout},
    }
    return {
        **summary(sobject, version),
        "childRelationships": children,
        "fields": [describe_field(item, [each.name for each in objects.objects]) for item in sobject.fields],
        "recordTypeInfos": [master],
        "supportedScopes": [{"label": f"All {sobject.plural.lower()}", "name": "everything"}],
        "actionOverrides": [],
        "namedLayoutInfos": [],
    }


def describe_field(item: Field, everything: list[str]) -> dict[str, Any]:
    """One field as describe shows it; ``everything`` is what a reference to any object points to."""
    text = item.type in TEXT or item.type in {"id", "reference"}
    number = item.type in {"double", "percent", "currency"}
    return {
        "name": item.name,
        "label": item.label,
        "type": item.type,
        "soapType": SOAP_TYPES.get(item.type, "xsd:string"),
        "length": item.length if text else 0,
        "byteLength": item.length * 3 if item.type in TEXT else item.length,
        "precision": item.precision if number else 0,
        "scale": item.scale if number else 0,
        "digits": 9 if item.type == "int" else 0,
        "nillable": item.nillable,
        "createable": item.createable,
        "updateable": item.updateable,
        "defaultedOnCreate": item.defaulted,
        "defaultValue": item.default,
        "defaultValueFormula": None,
        "externalId": item.external_id,
        "unique": item.unique,
        "idLookup": item.id_lookup,
        "caseSensitive": item.case_sensitive,
        "picklistValues": [
            {
                "active": entry.active,
                "defaultValue": entry.default or entry.value == item.default,
                "label": entry.label,
                "validFor": None,
                "value": entry.value,
            }
            for entry in item.values
        ],
        "restrictedPicklist": item.restricted,
        "dependentPicklist": False,
        "controllerName": None,
        "referenceTo": everything if "*" in item.references else list(item.references),
        "relationshipName": item.relationship or None,
        "relationshipOrder": 0 if item.master_detail else None,
        "referenceTargetField": None,
        "polymorphicForeignKey": "*" in item.references or len(item.references) > 1,
        "namePointing": "*" in item.references,
        "cascadeDelete": item.on_delete == "cascade",
        "restrictedDelete": item.on_delete == "restrict",
        "writeRequiresMasterRead": False,
        "calculated": bool(item.formula),
        "calculatedFormula": item.formula or None,
        "autoNumber": bool(item.auto_format),
        "compoundFieldName": item.compound if item.compound != item.name else None,
        "htmlFormatted": item.html,
        "extraTypeInfo": item.extra_type,
        "encrypted": item.type == "encryptedstring",
        "mask": None,
        "maskType": None,
        "dataTranslationEnabled": item.translatable,
        "custom": item.custom,
        "nameField": item.name_field,
        "filterable": item.filterable,
        "filteredLookupInfo": None,
        "sortable": item.filterable,
        "groupable": item.filterable and item.type not in {*NUMBERS, "datetime", "textarea"},
        "aggregatable": item.filterable and item.type not in {"boolean", "textarea"},
        "permissionable": item.custom and item.nillable,
        "deprecatedAndHidden": False,
        "displayLocationInDecimal": False,
        "highScaleNumber": False,
        "inlineHelpText": item.help,
        "queryByDistance": False,
        "aiPredictionField": False,
        "formulaTreatNullNumberAsZero": False,
        "searchPrefilterable": False,
    }


def limits(used: int, maximum: int) -> dict[str, dict[str, int]]:
    """The answer of ``/limits``."""
    whole = {
        "DailyBulkApiBatches": 15_000,
        "DailyBulkV2QueryJobs": 10_000,
        "DailyBulkV2QueryFileStorageMB": 976_562,
        "DataStorageMB": 1_024,
        "FileStorageMB": 1_024,
        "HourlyPublishedPlatformEvents": 50_000,
    }
    daily = {"DailyApiRequests": {"Max": maximum, "Remaining": max(0, maximum - used)}}
    return daily | {name: {"Max": value, "Remaining": value} for name, value in whole.items()}
