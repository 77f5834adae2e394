"""Files, prices, translations, variations: the standard objects that have rules of their own."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import TYPE_CHECKING, Any

import pytest
from tests.plugins.sandbox.crm_server import DATA, OBJECTS, Crm, running, select

if TYPE_CHECKING:
    from collections.abc import Iterator

PIXELS = bytes(range(256)) * 3 + b"\r\n--\r\n"


@pytest.fixture(scope="module")
def crm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crm]:
    objects = {**OBJECTS, "org": {"multiCurrency": True, "currencies": ["EUR", "USD"]}}
    with running(tmp_path_factory.mktemp("crm"), objects=objects) as server:
        yield server


def error(answer: Any) -> tuple[int, str, str]:
    problem = answer.json()[0]
    return answer.status_code, problem["errorCode"], problem["message"]


def version(crm: Crm, record_id: str) -> dict[str, Any]:
    shown: dict[str, Any] = crm.get(f"/sobjects/ContentVersion/{record_id}").json()
    return shown


def test_a_file_sent_as_multipart_is_published_linked_and_downloaded(crm: Crm) -> None:
    product = crm.create("Product2", Name="with picture")
    entity = json.dumps({"Title": "Front", "PathOnClient": "front.jpg", "FirstPublishLocationId": product})
    parts = {
        "entity_content": (None, entity, "application/json"),
        "VersionData": ("front.jpg", PIXELS, "application/octet-stream"),
    }
    answer = crm.http.post(f"{DATA}/sobjects/ContentVersion", files=parts)
    assert answer.status_code == 201
    first = version(crm, answer.json()["id"])
    assert (first["ContentSize"], first["FileExtension"], first["FileType"]) == (len(PIXELS), "jpg", "JPG")
    assert first["Checksum"] == hashlib.md5(PIXELS, usedforsecurity=False).hexdigest()
    assert first["VersionData"] == f"{DATA}/sobjects/ContentVersion/{first['Id']}/VersionData"
    assert crm.http.get(first["VersionData"]).content == PIXELS
    document = first["ContentDocumentId"]
    links = crm.select("LinkedEntityId, ShareType", "ContentDocumentLink", f"ContentDocumentId = '{document}'")
    assert {(row["LinkedEntityId"], row["ShareType"]) for row in links} == {(crm.org.api_user, "I"), (product, "V")}
    again = crm.post(
        "/sobjects/ContentDocumentLink", {"ContentDocumentId": document, "LinkedEntityId": product, "ShareType": "V"}
    )
    assert error(again)[1] == "DUPLICATE_VALUE"


def test_a_new_file_is_a_new_version_of_the_same_document(crm: Crm) -> None:
    one = crm.create("ContentVersion", PathOnClient="a/manual.pdf", VersionData=base64.b64encode(b"one").decode())
    document = version(crm, one)["ContentDocumentId"]
    assert version(crm, one)["Title"] == "manual"
    two = crm.create(
        "ContentVersion",
        PathOnClient="manual.pdf",
        ContentDocumentId=document,
        VersionData=base64.b64encode(b"two").decode(),
    )
    assert (version(crm, one)["IsLatest"], version(crm, two)["IsLatest"], version(crm, two)["VersionNumber"]) == (
        False,
        True,
        "2",
    )
    fields = "LatestPublishedVersionId, LatestPublishedVersion.Checksum"
    row = crm.select(fields, "ContentDocument", f"Id = '{document}'")[0]
    assert (row["LatestPublishedVersionId"], row["LatestPublishedVersion"]["Checksum"]) == (
        two,
        version(crm, two)["Checksum"],
    )
    changed = crm.patch(f"/sobjects/ContentVersion/{two}", {"VersionData": "AAAA"})
    assert error(changed)[1] == "INVALID_FIELD_FOR_INSERT_UPDATE"
    crm.delete(f"/sobjects/ContentDocument/{document}")
    assert crm.get(f"/sobjects/ContentVersion/{one}").status_code == 404


def test_a_file_needs_a_name_and_a_body(crm: Crm) -> None:
    assert error(crm.post("/sobjects/ContentVersion", {"Title": "x"})) == (
        400, "REQUIRED_FIELD_MISSING", "Required fields are missing: [PathOnClient, VersionData]",
    )  # fmt: skip
    assert error(crm.post("/sobjects/ContentDocument", {"Title": "x"}))[1] == "INVALID_TYPE_FOR_OPERATION"
    assert (
        error(crm.post("/sobjects/ContentVersion", {"PathOnClient": "x", "VersionData": "???"}))[1]
        == "JSON_PARSER_ERROR"
    )


def test_prices_need_the_standard_price_of_their_currency_first(crm: Crm) -> None:
    product = crm.create("Product2", Name="priced")
    standard = crm.soql("SELECT Id FROM Pricebook2 WHERE IsStandard = true")[0]["Id"]
    book = crm.create("Pricebook2", Name="Retail", IsActive=True)
    price = {"Product2Id": product, "CurrencyIsoCode": "EUR", "UnitPrice": 10.005}
    early = crm.post("/sobjects/PricebookEntry", {**price, "Pricebook2Id": book})
    assert error(early) == (400, "STANDARD_PRICE_NOT_DEFINED", "No standard price defined for this product")
    entry = crm.create("PricebookEntry", **price, Pricebook2Id=standard)
    shown = crm.get(f"/sobjects/PricebookEntry/{entry}").json()
    assert (shown["UnitPrice"], shown["Name"], shown["IsActive"]) == (10.01, "priced", False)
    retail = crm.create(
        "PricebookEntry", Product2Id=product, Pricebook2Id=book, CurrencyIsoCode="EUR", UseStandardPrice=True
    )
    crm.patch(f"/sobjects/PricebookEntry/{entry}", {"UnitPrice": 12})
    assert crm.get(f"/sobjects/PricebookEntry/{retail}").json()["UnitPrice"] == 12.0
    twice = crm.post("/sobjects/PricebookEntry", {**price, "Pricebook2Id": book})
    assert error(twice) == (400, "DUPLICATE_VALUE", "This price definition already exists in this price book")
    dollars = crm.post("/sobjects/PricebookEntry", {**price, "Pricebook2Id": book, "CurrencyIsoCode": "USD"})
    assert error(dollars)[1] == "STANDARD_PRICE_NOT_DEFINED"
    moved = crm.patch(f"/sobjects/PricebookEntry/{retail}", {"Pricebook2Id": standard})
    assert error(moved)[1] == "INVALID_FIELD_FOR_INSERT_UPDATE"
    assert error(crm.delete(f"/sobjects/Pricebook2/{standard}"))[1] == "DELETE_FAILED"


def test_a_translation_is_outdated_when_its_parent_changes(crm: Crm) -> None:
    product = crm.create("Product2", Name="Camera")
    row = crm.create("Product2DataTranslation", ParentId=product, Language="de", Name="Kamera")
    twice = crm.post("/sobjects/Product2DataTranslation", {"ParentId": product, "Language": "de", "Name": "x"})
    assert error(twice)[1] == "DUPLICATE_VALUE"
    unknown = crm.post("/sobjects/Product2DataTranslation", {"ParentId": product, "Language": "de_DE", "Name": "x"})
    assert error(unknown)[1] == "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"
    path = f"/sobjects/Product2DataTranslation/{row}"
    crm.patch(f"/sobjects/Product2/{product}", {"ProductCode": "not translated"})
    assert crm.get(path).json()["IsOutOfDate"] is False
    crm.patch(f"/sobjects/Product2/{product}", {"Name": "Camcorder"})
    assert crm.get(path).json()["IsOutOfDate"] is True
    crm.patch(path, {"Name": "Camcorder"})
    assert crm.get(path).json()["IsOutOfDate"] is False


def test_the_class_of_a_product_follows_its_type_and_attributes(crm: Crm) -> None:
    parent, variant = crm.create("Product2", Name="p", Type="Base"), crm.create("Product2", Name="v")
    row = crm.create("ProductAttribute", ProductId=variant, VariantParentId=parent)
    query = select("ProductClass", "Product2", f"Id IN ('{parent}', '{variant}')")
    assert [item["ProductClass"] for item in crm.soql(query)] == ["VariationParent", "Variation"]
    again = crm.post("/sobjects/ProductAttribute", {"ProductId": variant, "VariantParentId": parent})
    assert error(again)[1] == "DUPLICATE_VALUE"
    crm.delete(f"/sobjects/ProductAttribute/{row}")
    assert [item["ProductClass"] for item in crm.soql(query)] == ["VariationParent", "Simple"]


def test_a_category_belongs_to_one_catalog_and_keeps_its_children(crm: Crm) -> None:
    catalog = crm.create("ProductCatalog", Name="Shop")
    root = crm.create("ProductCategory", Name="Root", CatalogId=catalog)
    crm.create("ProductCategory", Name="Leaf", CatalogId=catalog, ParentCategoryId=root)
    assert error(crm.delete(f"/sobjects/ProductCategory/{root}"))[1] == "DELETE_FAILED"
    product = crm.create("Product2", Name="in category")
    link = {"ProductCategoryId": root, "ProductId": product}
    crm.create("ProductCategoryProduct", **link)
    assert error(crm.post("/sobjects/ProductCategoryProduct", link))[1] == "DUPLICATE_VALUE"
