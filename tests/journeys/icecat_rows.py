"""What Salesforce must hold of the Icecat catalogue: computed from the raw JSON, without any code of the engine."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.journeys.conftest import ICECAT
from tests.journeys.test_icecat import KILOGRAM, amount, data, folded, raw, text_of

from sync_engine_sandbox.sandbox import Sandbox

LOCALES = ("en_US", "de_DE", "fr_FR")
MISSING = {"products": "deactivate", "prices": "deactivate"}
"""What becomes of records that are gone, by stream; of all other streams they are deleted."""

Json = dict[str, Any]
Rows = dict[tuple[str, str], Json]
"""By stream and key, the fields of a record; parents by their keys, files by their bytes."""


class Catalogue:
    """The PIM's data; a test that changes the PIM changes them here, too."""

    def __init__(self) -> None:
        self.products = {each["uuid"]: each for each in raw("products")}
        self.models = {each["code"]: each for each in raw("product-models")}
        self.categories = {each["code"]: each for each in raw("categories")}
        self.families = {each["code"]: each["labels"] for each in raw("families")}
        self.camera_types = {
            each["code"]: each["labels"] for each in raw("attribute-options") if each["attribute"] == "camera_type"
        }
        self.files = {
            each["code"]: (ICECAT / "media" / each["code"]).read_bytes()
            for each in raw("media-files")
            if Path(ICECAT, "media", each["code"]).is_file()
        }
        self.names = {each["code"]: each["original_filename"] for each in raw("media-files")}
        self.axes = {
            (each["_family"], each["code"], group["level"]): group["axes"]
            for each in raw("family-variants")
            for group in each["variant_attribute_sets"]
        }

    def rows(self) -> Rows:
        """All records that the catalog makes of the data; files whose bytes the PIM lacks are left out."""
        found: Rows = {}
        for code, item in self.categories.items():
            found["categories", code] = {
                "Name": (item["labels"].get("en_US") or code)[:80].strip(),
                "Name_de__c": item["labels"].get("de_DE"),
                "Parent__c": item["parent"],
                "Level__c": self.level(code),
            }
        for code, item in self.models.items():
            found["models", code] = self.model(item)
            for key, each in self.pictures(item, code, ("image",)):
                found["model_pictures", key] = each
        for uuid, item in self.products.items():
            found["products", uuid] = self.product(item)
            for category in item["categories"]:
                found["product_categories", f"{uuid}-{category}"] = {"Product__c": uuid, "Category__c": category}
            for locale in LOCALES:
                if data(item, "description", locale, "print"):
                    found["translations", f"{uuid}-{locale}"] = self.translation(item, locale)
            for each in data(item, "price") or ():
                money = {"UnitPrice": float(each["amount"]), "IsActive": True}
                found["prices", f"{uuid} / {each['currency']}"] = money
            for key, picture in self.pictures(item, uuid, ("picture", "image")):
                found["pictures", key] = picture
        return found

    def level(self, code: str) -> int:
        parent = self.categories[code]["parent"]
        return 1 if parent is None else 1 + self.level(parent)

    def model(self, item: Json) -> Json:
        level = 2 if item["parent"] else 1
        return {
            "Name": (data(item, "name") or item["code"]).strip(),
            "ProductCode": item["code"],
            "PIM_Type__c": "Model",
            "PIM_Axes__c": ", ".join(self.axes[item["family"], item["family_variant"], level]),
            "PIM_Model__c": item["parent"],
            "Family": self.families[item["family"]]["en_US"],
        }

    def product(self, item: Json) -> Json:
        return {
            "Name": data(item, "name").strip(),
            "ProductCode": data(item, "sku"),
            "IsActive": item["enabled"],
            "PIM_Type__c": "Variant" if item["parent"] else "Simple",
            "PIM_Model__c": item["parent"],
            "Family": self.families[item["family"]]["en_US"] if item["family"] else None,
            "PIM_Camera_Type__c": self.camera_type(item, "en_US"),
            "PIM_Weight_kg__c": number(amount(item, "weight", KILOGRAM, 3)),
        }

    def translation(self, item: Json, locale: str) -> Json:
        return {
            "Product__c": item["uuid"],
            "Language__c": locale,
            "Description__c": folded(text_of(data(item, "description", locale, "print"), 32_000)),
            "Family__c": self.families[item["family"]][locale] if item["family"] else None,
            "Camera_Type__c": self.camera_type(item, locale),
        }

    def camera_type(self, item: Json, locale: str) -> str | None:
        code = data(item, "camera_type")
        return str(self.camera_types[code][locale]) if code else None

    def pictures(self, item: Json, owner: str, attributes: tuple[str, ...]) -> list[tuple[str, Json]]:
        codes = [(attribute, data(item, attribute)) for attribute in attributes]
        return [
            (f"{owner}-{attribute}", {**self.named(code), "VersionData": self.files[code], "Linked": owner})
            for attribute, code in codes
            if code in self.files
        ]

    def named(self, code: str) -> Json:
        return {"Title": code.rpartition("/")[2].partition("_")[2], "PathOnClient": self.names[code]}

    def lost(self) -> set[tuple[str, str]]:
        """Stream and key of the pictures whose bytes the PIM does not have."""
        owners = [("pictures", uuid, item) for uuid, item in self.products.items()]
        owners += [("model_pictures", code, item) for code, item in self.models.items()]
        return {
            (stream, f"{owner}-{attribute}")
            for stream, owner, item in owners
            for attribute in ("image", "picture")
            if data(item, attribute) and data(item, attribute) not in self.files
        }


def number(found: Decimal | None) -> float | None:
    return None if found is None else float(found)


CARRIED_ALONG = {"PathOnClient"}
"""What follows from another field, so that a plan does not name it."""


def changes(before: Rows, after: Rows) -> dict[tuple[str, str], tuple[str, set[str] | None]]:
    """What a plan must hold: by stream and key the operation, and of an update the fields."""
    found: dict[tuple[str, str], tuple[str, set[str] | None]] = {}
    for key in before.keys() - after.keys():
        found[key] = (MISSING.get(key[0], "delete"), None)
    for key in after.keys() - before.keys():
        found[key] = ("create", None)
    for key in before.keys() & after.keys():
        fields = {field for field, value in after[key].items() if value != before[key][field]} - CARRIED_ALONG
        if fields:
            found[key] = ("update", fields)
    return found


def held(sandbox: Sandbox, like: Rows) -> Rows:
    """What Salesforce holds, in the shape of ``Catalogue.rows``; files that nothing is linked to are left out."""
    org = sandbox.org
    keys = {row["Id"]: row["PIM_Code__c"] for row in org.rows("PIM_Category__c")}
    keys |= {row["Id"]: row["PIM_Id__c"] for row in org.rows("Product2")}
    fields = {stream: tuple(row) for (stream, _), row in like.items()}
    found: Rows = {}

    def take(stream: str, key: str, row: Json) -> None:
        """The fields of the stream, with keys in place of ids."""
        found[stream, key] = {field: plain(row.get(field)) for field in fields[stream]}

    def plain(value: Any) -> Any:
        return keys.get(value, value) if isinstance(value, str) else number(value) if is_number(value) else value

    def is_number(value: Any) -> bool:
        return isinstance(value, int | Decimal) and not isinstance(value, bool)

    for row in org.rows("PIM_Category__c"):
        take("categories", row["PIM_Code__c"], row)
    for row in org.rows("Product2"):
        take("models" if row["PIM_Type__c"] == "Model" else "products", row["PIM_Id__c"], row)
    for row in org.rows("PIM_Product_Category__c"):
        take("product_categories", row["PIM_Id__c"], row)
    for row in org.rows("PIM_Product_Translation__c"):
        take("translations", row["PIM_Id__c"], {**row, "Description__c": folded(row["Description__c"])})
    standard = {row["Id"] for row in org.rows("Pricebook2") if row["IsStandard"]}
    for row in org.rows("PricebookEntry"):
        assert row["Pricebook2Id"] in standard
        take("prices", f"{keys[row['Product2Id']]} / {row['CurrencyIsoCode']}", row)
    links = {row["ContentDocumentId"]: row["LinkedEntityId"] for row in org.rows("ContentDocumentLink")}
    for row in org.rows("ContentVersion"):
        linked = keys.get(links.get(row["ContentDocumentId"], ""))
        if row["IsLatest"] and linked:
            stream = "pictures" if ("products", linked) in found else "model_pictures"
            take(stream, row["PIM_Key__c"], {**row, "VersionData": org.store.blobs[row["Id"]], "Linked": linked})
    return found
