"""The straightforward script that a transfer is measured against: page with requests, upsert with simple-salesforce.

It maps the fields of ``catalogs/icecat/catalogs/products.yaml`` by hand and writes them, without a plan, without
comparing, without looking at what was rejected.
"""

from __future__ import annotations

import os
import re
import sys
from html import unescape
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from simple_salesforce import Salesforce

SEGMENTS = {
    "camcorders": "Video", "digital_cameras": "Photo", "led_tvs": "Video", "pc_monitors": "Computing",
    "scanners": "Computing", "laser_led_printers": "Computing", "multifunctionals": "Computing",
    "mp3_players": "Audio", "clothing": "Fashion", "accessories": "Fashion", "shoes": "Fashion",
}  # fmt: skip
TO_KILOGRAM = {"KILOGRAM": 1.0, "GRAM": 0.001, "MILLIGRAM": 0.000001, "POUND": 0.45359237, "OUNCE": 0.028349523125}
TO_CENTIMETER = {"CENTIMETER": 1.0, "INCH": 2.54, "MILLIMETER": 0.1, "METER": 100.0}


class PlainHttp(HTTPAdapter):
    """simple-salesforce always says https; the local server speaks http."""

    def __init__(self, host: str) -> None:
        super().__init__()
        self._host = host

    def send(self, request: Any, **options: Any) -> Any:
        request.url = request.url.replace(f"https://{self._host}", f"http://{self._host}")
        return super().send(request, **options)


def pim_session() -> tuple[requests.Session, str]:
    url = os.environ["PIM_URL"]
    session = requests.Session()
    answer = session.post(
        f"{url}/api/oauth/v1/token",
        auth=(os.environ["PIM_CLIENT_ID"], os.environ["PIM_SECRET"]),
        json={"grant_type": "password", "username": os.environ["PIM_USER"], "password": os.environ["PIM_PASSWORD"]},
        timeout=60,
    )
    session.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
    return session, f"{url}/api/rest/v1"


def pages(session: requests.Session, url: str | None) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while url:
        body = session.get(url, timeout=60).json()
        found += body["_embedded"]["items"]
        url = body["_links"].get("next", {}).get("href")
    return found


def one(item: dict[str, Any], code: str, locale: str | None = None, scope: str | None = None) -> Any:
    for entry in item["values"].get(code, []):
        if entry["locale"] in (None, locale) and entry["scope"] in (None, scope):
            return entry["data"]
    return None


def amount(value: Any, table: dict[str, float], places: int) -> Any:
    return None if value is None else round(float(value["amount"]) * table[value["unit"]], places)


def price(value: Any, currency: str) -> Any:
    return next((each["amount"] for each in value or () if each["currency"] == currency), None)


def plain(html: str | None) -> str | None:
    return unescape(re.sub(r"<[^>]+>", " ", html)).strip()[:4000] if html else None


def product(item: dict[str, Any], families: dict[str, str], options: dict[str, dict[str, str]]) -> dict[str, Any]:
    released = one(item, "release_date", scope="ecommerce")
    collections = one(item, "collection") or []
    return {
        "PIM_Id__c": item["uuid"],
        "Name": one(item, "name"),
        "ProductCode": one(item, "sku"),
        "IsActive": item["enabled"],
        "PIM_Type__c": "Variant" if item["parent"] else "Simple",
        "Family": families.get(item["family"] or ""),
        "Description": plain(one(item, "description", "en_US", "print")),
        "PIM_Description_HTML__c": one(item, "description", "en_US", "print"),
        "PIM_Title__c": f"{one(item, 'name')} ({one(item, 'sku')})"[:120],
        "PIM_EAN__c": one(item, "ean"),
        "PIM_Weight_kg__c": amount(one(item, "weight"), TO_KILOGRAM, 3),
        "PIM_Diagonal_cm__c": amount(one(item, "display_diagonal"), TO_CENTIMETER, 2),
        "PIM_Price_EUR__c": price(one(item, "price"), "EUR"),
        "PIM_Price_USD__c": price(one(item, "price"), "USD"),
        "PIM_Release_Date__c": released[:10] if released else None,
        "PIM_Is_New__c": bool(released and released >= "2012-06-01"),
        "PIM_Optical_Zoom__c": one(item, "optical_zoom"),
        "PIM_Color_Scanning__c": bool(one(item, "color_scanning")),
        "PIM_Color__c": options["color"].get(one(item, "color") or ""),
        "PIM_Collections__c": ";".join(options["collection"].get(each, each) for each in collections) or None,
        "PIM_Segment__c": SEGMENTS.get(item["family"] or ""),
    }


def main() -> None:
    session, base = pim_session()
    families = {each["code"]: each["labels"]["en_US"] for each in pages(session, f"{base}/families?limit=100")}
    options = {
        code: {
            each["code"]: each["labels"].get("en_US", each["code"])
            for each in pages(session, f"{base}/attributes/{code}/options?limit=100")
        }
        for code in ("color", "collection")
    }
    items = pages(session, f"{base}/products-uuid?pagination_type=search_after&limit=100")
    rows = [product(each, families, options) for each in items]
    url = os.environ["CRM_URL"]
    host = urlsplit(url).netloc
    crm = requests.Session()
    crm.mount(f"https://{host}", PlainHttp(host))
    token = crm.post(
        f"{url}/services/oauth2/token",
        data={
            "grant_type": "client_credentials",
            "client_id": os.environ["CRM_CLIENT_ID"],
            "client_secret": os.environ["CRM_SECRET"],
        },
        timeout=60,
    ).json()["access_token"]
    salesforce = Salesforce(instance=host, session_id=token, session=crm)
    results = salesforce.bulk2.Product2.upsert(records=rows, external_id_field="PIM_Id__c", wait=1)
    failed = sum(each["numberRecordsFailed"] for each in results)
    print(f"{len(rows)} products read, {failed} failed", file=sys.stderr)


if __name__ == "__main__":
    main()
