"""What single standard objects do on top of the common rules: prices, files, translations, variations.

Each function dispatches on the object's name; an object that is not in the table has no behaviour of its own.
Sources: the object reference pages of PricebookEntry, ContentVersion, ContentDocumentLink, Product2, ProductAttribute
and the data translation objects.
"""

from __future__ import annotations

import hashlib
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from sync_engine_sandbox.crm.errors import Failed, Problem

if TYPE_CHECKING:
    from sync_engine_sandbox.crm.objects import SObject
    from sync_engine_sandbox.crm.store import Record, Store

CLASSES = {"Base": "VariationParent", "Set": "Set", "Bundle": "Bundle"}


def before_save(
    store: Store, sobject: SObject, before: Record | None, record: Record, body: bytes | None, user: str
) -> Record:
    """Values that the platform itself puts into the record.

    Args:
        store: all records.
        sobject: the object.
        before: the record as it was; None when it is new.
        record: the record as it shall be.
        body: the content of a file.
        user: id of the user who writes.

    Raises:
        Failed: the object does not allow this record.
    """
    match sobject.name:
        case "PricebookEntry":
            return _price(store, record)
        case "ContentVersion" if before is None:
            return _new_version(store, record, body, user)
        case "Product2DataTranslation" | "ProductCategoryDataTranslation":
            return {"IsOutOfDate": False}
        case "Product2" if before is None:
            return {"ProductClass": CLASSES.get(record.get("Type") or "", "Simple")}
    return {}


def after_save(
    store: Store, sobject: SObject, before: Record | None, record: Record, body: bytes | None, user: str
) -> None:
    """What else changes once the record is stored."""
    match sobject.name:
        case "ContentVersion":
            _publish(store, record, body, user, created=before is None)
        case "ProductAttribute":
            _set_class(store, record["ProductId"], "Variation")
        case "PricebookEntry":
            _follow_standard_price(store, record)
        case "Product2" | "ProductCategory" if before is not None:
            _outdate_translations(store, sobject, before, record)


def before_delete(store: Store, sobject: SObject, record_id: str) -> Problem | None:
    """Why the record may not be deleted."""
    if sobject.name == "Pricebook2" and store.tables["Pricebook2"].live[record_id]["IsStandard"]:
        return Problem(
            "DELETE_FAILED",
            "Your attempt to delete Standard Price Book could not be completed because it is the standard price book.",
        )
    return None


def after_delete(store: Store, sobject: SObject, record: Record) -> None:
    """What else changes once the record is gone."""
    if sobject.name == "ProductAttribute" and store.get(record["ProductId"]):
        _set_class(store, record["ProductId"], "Simple")


def _fail(code: str, message: str, *fields: str) -> Failed:
    return Failed(Problem(code, message, fields))


def _price(store: Store, record: Record) -> Record:
    book = store.get(record.get("Pricebook2Id"))
    if book is None or record.get("Product2Id") is None:
        return {}
    standard = None if book["IsStandard"] else standard_entry(store, record)
    if not book["IsStandard"] and standard is None:
        raise _fail("STANDARD_PRICE_NOT_DEFINED", "No standard price defined for this product")
    if record.get("UseStandardPrice") and standard:
        return {"UnitPrice": standard["UnitPrice"]}
    if record.get("UnitPrice") is None:
        raise _fail("REQUIRED_FIELD_MISSING", "Required fields are missing: [UnitPrice]", "UnitPrice")
    return {}


def standard_entry(store: Store, record: Record) -> Record | None:
    """The standard price of the same product and currency."""
    table = store.tables["PricebookEntry"]
    reference = table.sobject.by_name["product2id"]
    for entry_id in table.find(reference, record["Product2Id"]):
        entry = table.live[entry_id]
        book = store.get(entry["Pricebook2Id"])
        if book and book["IsStandard"] and entry.get("CurrencyIsoCode") == record.get("CurrencyIsoCode"):
            return entry
    return None


def _follow_standard_price(store: Store, record: Record) -> None:
    book = store.get(record["Pricebook2Id"])
    if book is None or not book["IsStandard"]:
        return
    table = store.tables["PricebookEntry"]
    for entry_id in table.find(table.sobject.by_name["product2id"], record["Product2Id"]):
        entry = table.live[entry_id]
        same_currency = entry.get("CurrencyIsoCode") == record.get("CurrencyIsoCode")
        if entry["UseStandardPrice"] and same_currency and entry["UnitPrice"] != record["UnitPrice"]:
            store.put(table.sobject, {**entry, "UnitPrice": record["UnitPrice"], "SystemModstamp": store.now()})


def _new_version(store: Store, record: Record, body: bytes | None, user: str) -> Record:
    path = record.get("PathOnClient")
    missing = tuple(name for name, value in (("PathOnClient", path), ("VersionData", body)) if not value)
    if missing:
        raise _fail("REQUIRED_FIELD_MISSING", f"Required fields are missing: [{', '.join(missing)}]", *missing)
    content = body or b""
    name = PurePosixPath(str(path).replace("\\", "/"))
    extension = name.suffix.removeprefix(".")
    document_id = record.get("ContentDocumentId")
    if document_id and record.get("FirstPublishLocationId"):
        raise _fail(
            "INVALID_FIELD_FOR_INSERT_UPDATE",
            "You cannot set FirstPublishLocationId on a new version of a document",
            "FirstPublishLocationId",
        )
    filled: Record = {
        "Title": record.get("Title") or name.stem,
        "Checksum": hashlib.md5(content, usedforsecurity=False).hexdigest(),
        "ContentSize": len(content),
        "FileExtension": extension or None,
        "FileType": extension.upper() or "UNKNOWN",
        "IsLatest": True,
        "VersionNumber": str(1 + len(versions(store, document_id)) if document_id else 1),
    }
    if not document_id:
        filled["ContentDocumentId"] = _new_document(store, filled, user)
    return filled


def versions(store: Store, document_id: str) -> list[Record]:
    """All versions of a document, oldest first."""
    table = store.tables["ContentVersion"]
    return [table.live[found] for found in table.find(table.sobject.by_name["contentdocumentid"], document_id)]


def _new_document(store: Store, version: Record, user: str) -> str:
    copied = {name: version[name] for name in ("Title", "ContentSize", "FileType", "FileExtension")}
    return store.stamp("ContentDocument", copied, user)


def _publish(store: Store, record: Record, body: bytes | None, user: str, *, created: bool) -> None:
    document_id = record["ContentDocumentId"]
    document = store.get(document_id)
    if document is None:
        return
    if created:
        store.blobs[record["Id"]] = body or b""
        first = len(versions(store, document_id)) == 1
        if first:
            store.stamp(
                "ContentDocumentLink",
                {"ContentDocumentId": document_id, "LinkedEntityId": user, "ShareType": "I"},
                user,
            )
        location = record.get("FirstPublishLocationId")
        if first and location and location != user:
            store.stamp(
                "ContentDocumentLink",
                {"ContentDocumentId": document_id, "LinkedEntityId": location, "ShareType": "V"},
                user,
            )
        for older in versions(store, document_id):
            if older["IsLatest"] and older["Id"] != record["Id"]:
                store.put(store.objects.by_name["contentversion"], {**older, "IsLatest": False})
    if record["IsLatest"]:
        copied = {name: record[name] for name in ("Title", "ContentSize", "FileType", "FileExtension")}
        latest = {**document, **copied, "LatestPublishedVersionId": record["Id"]}
        store.put(store.objects.by_name["contentdocument"], latest)


def _set_class(store: Store, product_id: str, name: str) -> None:
    product = store.get(product_id)
    if product:
        store.put(store.objects.by_name["product2"], {**product, "ProductClass": name})


def _outdate_translations(store: Store, sobject: SObject, before: Record, record: Record) -> None:
    translated = [item.name for item in sobject.fields if item.translatable]
    if all(before.get(name) == record.get(name) for name in translated):
        return
    table = store.tables[f"{sobject.name}DataTranslation"]
    for found in table.find(table.sobject.by_name["parentid"], record["Id"]):
        store.put(table.sobject, {**table.live[found], "IsOutOfDate": True})
