"""What the tests of the local PIM share: a server on loopback with a signed-in client, and a tiny catalogue."""

from __future__ import annotations

import copy
import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from sync_engine_sandbox.pim.app import create_app
from sync_engine_sandbox.pim.data import PimData
from sync_engine_sandbox.pim.settings import PimSettings
from sync_engine_sandbox.pim.state import PimState
from sync_engine_sandbox.server import start

Json = dict[str, Any]
ICECAT = Path(__file__).parents[4] / "shared" / "data" / "icecat"
API = "/api/rest/v1"
USER = {"grant_type": "password", "username": "reader", "password": "letmein"}
CLIENT = ("client", "secret")
_NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # reading the machine's certificates takes longer than a test
COLLECTION = {"Content-Type": "application/vnd.akeneo.collection+json"}

needs_icecat = pytest.mark.skipif(not ICECAT.is_dir(), reason=f"the Icecat catalogue is not at {ICECAT}")


@dataclass
class Pim:
    http: httpx.Client
    state: PimState

    def get(self, path: str, **query: Any) -> httpx.Response:
        sent = {name: json.dumps(value) if name == "search" else value for name, value in query.items()}
        return self.http.get(f"{API}/{path}", params=sent)

    def one(self, path: str, **query: Any) -> Any:
        answer = self.get(path, **query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def all(self, path: str, **query: Any) -> list[Json]:
        """Every item of a list, by following ``next``."""
        page = self.one(path, **query)
        items = page["_embedded"]["items"]
        while "next" in page["_links"]:
            answer = self.http.get(page["_links"]["next"]["href"])
            assert answer.status_code == 200, answer.text
            page = answer.json()
            items += page["_embedded"]["items"]
        return items

    def found(self, path: str = "products-uuid", **search: Any) -> list[str]:
        """The keys that a search finds; a property may have one criterion or a list of them."""
        criteria = {name: value if isinstance(value, list) else [value] for name, value in search.items()}
        items = self.all(path, search=criteria, pagination_type="search_after", limit=100, attributes="sku")
        return [item.get("uuid") or item["code"] for item in items]

    def patch(self, path: str, body: Any) -> httpx.Response:
        return self.http.patch(f"{API}/{path}", json=body)

    def refused(self, path: str, status: int = 422, **query: Any) -> str:
        answer = self.get(path, **query)
        assert answer.status_code == status, answer.text
        assert answer.json()["code"] == status
        return str(answer.json()["message"])


@contextmanager
def running(data: PimData, *, signed_in: bool = True, **settings: Any) -> Iterator[Pim]:
    app = create_app(data, settings=PimSettings(*CLIENT, USER["username"], USER["password"], **settings))
    server = start(app)
    try:
        with httpx.Client(base_url=server.url, timeout=10, verify=_NO_TLS) as http:
            if signed_in:
                token = http.post("/api/oauth/v1/token", json=USER, auth=CLIENT).json()["access_token"]
                http.headers["Authorization"] = f"Bearer {token}"
            yield Pim(http, app.state.pim)
    finally:
        # The server needs a tenth of a second to end; the next test need not wait for it.
        threading.Thread(target=server.stop).start()


def rows(name: str) -> list[Json]:
    with (ICECAT / f"{name}.jsonl").open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def value(data: Any, locale: str | None = None, scope: str | None = None) -> list[Json]:
    return [{"locale": locale, "scope": scope, "data": data}]


def attribute(code: str, kind: str, **properties: Any) -> Json:
    return {
        "code": code,
        "type": kind,
        "group": "other",
        "localizable": False,
        "scopable": False,
        "available_locales": [],
        "decimals_allowed": None,
        "metric_family": None,
        "max_characters": None,
        "labels": {"en_US": code.title()},
        **properties,
    }


def product(number: int, **properties: Any) -> Json:
    given = properties.pop("values", {})
    return {
        "uuid": f"00000000-0000-4000-8000-{number:012d}",
        "enabled": True,
        "family": "shirt",
        "categories": [],
        "groups": [],
        "parent": None,
        "values": {"sku": value(f"sku-{number}"), **given},
        "created": "2024-01-01T00:00:00+00:00",
        "updated": "2024-01-01T00:00:00+00:00",
        "associations": {"PACK": {"products": [], "product_models": [], "groups": []}},
        "quantified_associations": {},
        **properties,
    }


def model(code: str, **properties: Any) -> Json:
    rest = product(0, **properties)
    for name in ("uuid", "enabled", "groups"):
        del rest[name]
    rest["values"].pop("sku")
    return {"code": code, "family_variant": "by_color_size", **rest}


def category(code: str, parent: str | None, position: int = 1) -> Json:
    return {
        "code": code,
        "parent": parent,
        "updated": "2024-01-01T00:00:00+00:00",
        "position": position,
        "labels": {"en_US": code.title()},
    }


_TABLE = [
    {"code": "item", "data_type": "select", "labels": {}},
    {"code": "grams", "data_type": "number", "labels": {}},
]
_ATTRIBUTES = [
    attribute("sku", "pim_catalog_identifier"),
    attribute("name", "pim_catalog_text", localizable=True),
    attribute("description", "pim_catalog_textarea", localizable=True, scopable=True),
    attribute("stock", "pim_catalog_number", decimals_allowed=False),
    attribute("rating", "pim_catalog_number", decimals_allowed=True),
    attribute("weight", "pim_catalog_metric", decimals_allowed=True, metric_family="Weight"),
    attribute("price", "pim_catalog_price_collection", decimals_allowed=True),
    attribute("organic", "pim_catalog_boolean"),
    attribute("released", "pim_catalog_date"),
    attribute("color", "pim_catalog_simpleselect"),
    attribute("size", "pim_catalog_simpleselect"),
    attribute("styles", "pim_catalog_multiselect"),
    attribute("picture", "pim_catalog_image"),
    attribute("brand", "akeneo_reference_entity", reference_data_name="brand"),
    attribute("shots", "pim_catalog_asset_collection", reference_data_name="packshots"),
    attribute("twin", "pim_catalog_product_link"),
    attribute("nutrition", "pim_catalog_table", table_configuration=_TABLE),
]
_UNITS = {
    "GRAM": {"code": "GRAM", "labels": {}, "convert_from_standard": [{"operator": "mul", "value": "0.001"}]},
    "KILOGRAM": {"code": "KILOGRAM", "labels": {}, "convert_from_standard": [{"operator": "mul", "value": "1"}]},
}
_FILES: dict[str, list[Json]] = {
    "attributes": _ATTRIBUTES,
    "families": [
        {
            "code": "shirt",
            "attributes": [row["code"] for row in _ATTRIBUTES],
            "attribute_as_label": "name",
            "attribute_as_image": None,
            "attribute_requirements": {"web": ["sku", "name", "price"], "paper": ["sku"]},
            "labels": {"en_US": "Shirt"},
            "parent": None,
        },
        {
            "code": "mug",
            "attributes": ["sku", "name"],
            "attribute_as_label": "name",
            "attribute_as_image": None,
            "attribute_requirements": {"web": ["sku", "name"]},
            "labels": {},
            "parent": "shirt",
        },
    ],
    "family-variants": [
        {
            "_family": "shirt",
            "code": "by_color_size",
            "labels": {},
            "variant_attribute_sets": [
                {"level": 1, "axes": ["color"], "attributes": ["color", "picture"]},
                {"level": 2, "axes": ["size"], "attributes": ["size", "sku", "weight"]},
            ],
            "common_attributes": [],
        }
    ],
    "attribute-options": [
        {"code": code, "attribute": owner, "sort_order": order, "labels": {"en_US": code.title()}}
        for owner, order, code in [
            ("color", 2, "red"),
            ("color", 1, "blue"),
            ("size", 1, "s"),
            ("size", 2, "m"),
            ("styles", 1, "casual"),
            ("styles", 1, "sport"),
        ]
    ],
    "attribute-groups": [{"code": "other", "sort_order": 1, "attributes": [], "labels": {}}],
    "association-types": [{"code": "PACK", "labels": {}, "is_quantified": False, "is_two_way": False}],
    "groups": [{"code": "sale", "type": "RELATED", "labels": {}}],
    "channels": [
        {
            "code": code,
            "currencies": ["EUR", "USD"],
            "locales": locales,
            "category_tree": tree,
            "conversion_units": {},
            "labels": {},
        }
        for code, locales, tree in [("web", ["en_US", "fr_FR"], "shop"), ("paper", ["en_US"], "print")]
    ],
    "locales": [{"code": code, "enabled": code != "de_DE"} for code in ("de_DE", "en_US", "fr_FR")],
    "currencies": [{"code": code, "enabled": code != "GBP"} for code in ("EUR", "GBP", "USD")],
    "categories": [
        category("shop", None),
        category("tops", "shop", 2),
        category("summer", "tops"),
        category("sale", "shop", 1),
        category("print", None, 2),
    ],
    "measurement-families": [
        {"code": "Weight", "labels": {}, "standard_unit_code": "KILOGRAM", "units": _UNITS},
    ],
    "product-models": [
        model("tee", categories=["tops"], values={"name": value("Tee", "en_US")}),
        model(
            "tee-red", parent="tee", categories=["tops"], values={"name": value("Tee", "en_US"), "color": value("red")}
        ),
    ],
    "reference-entities": [{"code": "brand", "labels": {"en_US": "Brand"}, "image": "0/1/2/3/logo.png"}],
    "reference-entity-attributes": [
        {
            "_reference_entity": "brand",
            "code": code,
            "labels": {},
            "type": kind,
            "value_per_locale": localized,
            "value_per_channel": False,
            "is_required_for_completeness": code == "label",
        }
        for code, kind, localized in [
            ("label", "text", True),
            ("photo", "image", False),
            ("country", "single_option", False),
        ]
    ],
    "reference-entity-attribute-options": [
        {"_reference_entity": "brand", "attribute": "country", "code": "it", "labels": {"en_US": "Italy"}}
    ],
    "reference-entity-records": [
        {
            "_reference_entity": "brand",
            "code": code,
            "values": {"label": [{"locale": "en_US", "channel": None, "data": code.title()}]} if labelled else {},
            "created": "2024-01-01T00:00:00+00:00",
            "updated": "2024-01-01T00:00:00+00:00",
        }
        for code, labelled in [("kartell", True), ("alessi", True), ("nameless", False)]
    ],
    "asset-families": [{"code": "packshots", "labels": {}, "attribute_as_main_media": "media"}],
    "asset-attributes": [
        {
            "_asset_family": "packshots",
            "code": "media",
            "labels": {},
            "type": "media_file",
            "value_per_locale": False,
            "value_per_channel": False,
            "is_required_for_completeness": True,
        }
    ],
    "assets": [
        {
            "_asset_family": "packshots",
            "code": "front",
            "values": {"media": [{"locale": None, "channel": None, "data": "a/b/c/d/front.png"}]},
            "created": "2024-01-01T00:00:00+00:00",
            "updated": "2024-01-01T00:00:00+00:00",
        }
    ],
}


def tiny(*products: Json, media: Path | None = None) -> PimData:
    """A catalogue with one family of every attribute type, two channels and two trees, and the given products."""
    files = copy.deepcopy(_FILES)
    files["products"] = sorted(copy.deepcopy(list(products)), key=lambda row: str(row["uuid"]))
    return PimData(files, media)
