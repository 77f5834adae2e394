"""A running CRM for the tests of this folder, with a raw client and a third-party one."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

import httpx
import requests
from requests.adapters import HTTPAdapter
from simple_salesforce import Salesforce

from sync_engine_sandbox.crm import CrmSettings, Org, create_app
from sync_engine_sandbox.server import start

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from starlette.requests import Request
    from starlette.responses import Response

VERSION = "62.0"
DATA = f"/services/data/v{VERSION}"

OBJECTS: dict[str, Any] = {
    "objects": [
        {
            "name": "Product2",
            "fields": [
                {
                    "name": "PIM_Id__c",
                    "label": "PIM Id",
                    "type": "string",
                    "length": 64,
                    "externalId": True,
                    "unique": True,
                },
                {
                    "name": "Exact__c",
                    "type": "string",
                    "length": 20,
                    "externalId": True,
                    "unique": True,
                    "caseSensitive": True,
                },
                {"name": "Loose__c", "type": "string", "length": 20, "externalId": True},
                {"name": "Weight__c", "label": "Weight", "type": "double", "precision": 8, "scale": 3},
                {"name": "Count__c", "label": "Count", "type": "int"},
                {"name": "Price__c", "label": "Price", "type": "currency"},
                {
                    "name": "Color__c",
                    "label": "Color",
                    "type": "picklist",
                    "values": ["Red", "Blue", {"value": "Old", "active": False}],
                    "restricted": True,
                },
                {
                    "name": "Tags__c",
                    "label": "Tags",
                    "type": "multipicklist",
                    "values": ["New", "Sale", "Eco"],
                    "restricted": True,
                },
                {"name": "Mail__c", "label": "Mail", "type": "email"},
                {"name": "Launch__c", "label": "Launch", "type": "date"},
                {"name": "Seen__c", "label": "Seen", "type": "datetime"},
                {"name": "Long__c", "label": "Long", "type": "longtextarea"},
                {"name": "Rich__c", "type": "richtextarea"},
                {"name": "Place__c", "type": "location"},
                {"name": "Both__c", "type": "string", "formula": "{ProductCode}/{Category__r.Name}"},
                {"name": "Category__c", "label": "Category", "type": "reference", "references": ["PIM_Category__c"]},
            ],
            "validationRules": [
                {"field": "StockKeepingUnit", "matches": "[A-Z0-9-]+", "message": "SKUs are capitals"},
                {
                    "field": "ProductCode",
                    "requiredIf": {"field": "IsActive", "equals": True},
                    "message": "Active products need a code",
                },
            ],
        },
        {
            "name": "PIM_Category__c",
            "fields": [
                {
                    "name": "Code__c",
                    "label": "Code",
                    "type": "string",
                    "length": 40,
                    "externalId": True,
                    "unique": True,
                },
                {"name": "Parent__c", "type": "reference", "references": ["PIM_Category__c"]},
            ],
        },
        {
            "name": "PIM_Text__c",
            "nameField": {"type": "autonumber", "format": "T-{0000}"},
            "fields": [
                {
                    "name": "Key__c",
                    "type": "string",
                    "length": 100,
                    "externalId": True,
                    "unique": True,
                    "required": True,
                },
                {"name": "Product__c", "type": "reference", "references": ["Product2"], "masterDetail": True},
            ],
        },
    ]
}


class Loopback(HTTPAdapter):
    """Sends what a client addresses to https://anything to the local server, over http."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.target = urlsplit(url)

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        parts = urlsplit(request.url or "")
        request.url = urlunsplit((self.target.scheme, self.target.netloc, parts.path, parts.query, ""))
        return super().send(request, *args, **kwargs)


class Crm:
    """A running server and what a test needs of it."""

    def __init__(self, org: Org, settings: CrmSettings, url: str) -> None:
        self.org = org
        self.settings = settings
        self.url = url
        # A connection per request: on one that is kept, small answers may wait 40 ms for an acknowledgement.
        limits = httpx.Limits(max_keepalive_connections=0)
        headers = {"Authorization": f"Bearer {settings.access_token}"}
        self.http = httpx.Client(base_url=url, headers=headers, timeout=30, limits=limits)
        self.session = requests.Session()
        self.session.mount("https://", Loopback(url))

    def close(self) -> None:
        self.http.close()
        self.session.close()

    def get(self, path: str, **params: Any) -> httpx.Response:
        return self.http.get(DATA + path, params=params or None)

    def post(self, path: str, body: Any) -> httpx.Response:
        return self.http.post(DATA + path, json=body)

    def patch(self, path: str, body: Any) -> httpx.Response:
        return self.http.patch(DATA + path, json=body)

    def delete(self, path: str, **params: Any) -> httpx.Response:
        return self.http.delete(DATA + path, params=params or None)

    def create(self, sobject: str, **values: Any) -> str:
        answer = self.post(f"/sobjects/{sobject}", values)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    def soql(self, query: str) -> list[dict[str, Any]]:
        answer = self.get("/query", q=query)
        assert answer.status_code == 200, answer.text
        records: list[dict[str, Any]] = answer.json()["records"]
        return records

    def select(self, fields: str, sobject: str, where: str) -> list[dict[str, Any]]:
        return self.soql(select(fields, sobject, where))

    def salesforce(self) -> Salesforce:
        return Salesforce(
            session_id=self.settings.access_token, instance="sandbox.example", version=VERSION, session=self.session
        )


def select(fields: str, sobject: str, rest: str, word: str = "WHERE") -> str:
    return " ".join(["SELECT", fields, "FROM", sobject, word, rest])


@contextmanager
def running(
    folder: Path,
    settings: CrmSettings | None = None,
    objects: dict[str, Any] | None = None,
    before: Callable[[Request], Response | None] | None = None,
) -> Iterator[Crm]:
    path = folder / "objects.json"
    path.write_text(json.dumps(objects or OBJECTS), encoding="utf-8")
    org = Org.load(path)
    settings = settings or CrmSettings()
    server = start(create_app(org, settings=settings, before=before))
    crm = Crm(org, settings, server.url)
    try:
        yield crm
    finally:
        crm.close()
        server.stop()
