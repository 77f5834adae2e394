"""The sandbox CRM for the tests of this folder, a target connected to it, and answers that get lost."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sync_engine.sdk.target import Batch, FieldRequest, Operation, RecordResult, Row, TargetRow
from sync_engine.sdk.values import Blank, TargetValue
from sync_engine_salesforce.session import OrgSession
from sync_engine_salesforce.settings import read_settings
from sync_engine_salesforce.target import SalesforceTarget
from sync_engine_sandbox.crm import CrmSettings, Org, create_app
from sync_engine_sandbox.server import start

Values = Mapping[str, TargetValue | Blank]

OBJECTS: dict[str, Any] = {
    "objects": [
        {
            "name": "Item__c",
            "fields": [
                {"name": "Key__c", "type": "string", "length": 64, "externalId": True, "unique": True},
                {
                    "name": "Exact__c",
                    "type": "string",
                    "length": 20,
                    "externalId": True,
                    "unique": True,
                    "caseSensitive": True,
                },
                {"name": "Number__c", "type": "double", "precision": 18, "scale": 2, "externalId": True},
                {"name": "Note__c", "type": "string", "length": 255},
                {"name": "Long__c", "type": "longtextarea", "length": 131072},
                {"name": "Rich__c", "type": "richtextarea"},
                {"name": "Weight__c", "type": "double", "precision": 18, "scale": 3},
                {"name": "Share__c", "type": "percent", "precision": 5, "scale": 1},
                {"name": "Count__c", "type": "int"},
                {"name": "Price__c", "type": "currency"},
                {"name": "Active__c", "type": "boolean"},
                {"name": "Color__c", "type": "picklist", "values": ["Red", "Blue"], "restricted": True},
                {"name": "Tags__c", "type": "multipicklist", "values": ["New", "Sale", "Eco"]},
                {"name": "Launch__c", "type": "date"},
                {"name": "Seen__c", "type": "datetime"},
                {"name": "Opens__c", "type": "time"},
                {"name": "Mail__c", "type": "email"},
                {"name": "Group__c", "type": "reference", "references": ["Group__c"]},
                {"name": "Any__c", "type": "reference", "references": ["Group__c", "Product2"]},
            ],
        },
        {
            "name": "Group__c",
            "fields": [
                {"name": "Code__c", "type": "string", "length": 40, "externalId": True, "unique": True},
                {"name": "Rank__c", "type": "double", "precision": 6, "scale": 1, "externalId": True, "unique": True},
            ],
        },
    ]
}


class Lossy:
    """Passes requests on, and breaks the connection instead of answering those that ``lose`` names.

    The server has done what was asked when the answer is lost.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.lose: Callable[[str, str], bool] = lambda _method, _path: False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not self.lose(scope["method"], scope["path"]):
            await self.app(scope, receive, send)
            return

        async def swallow(_message: Message) -> None:
            return

        await self.app(scope, receive, swallow)
        # An answer that is shorter than it says: the server closes the connection.
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"99")]})
        await send({"type": "http.response.body", "body": b"{"})


class Once:
    """True the first time (or the first ``times``) that method and path fit."""

    def __init__(self, method: str, path: str, times: int = 1) -> None:
        self.method, self.path, self.left = method, path, times

    def __call__(self, method: str, path: str) -> bool:
        if method == self.method and self.path in path and self.left:
            self.left -= 1
            return True
        return False


class Waiting:
    """A clock that jumps by what is waited, and keeps the waits."""

    def __init__(self) -> None:
        self.now = 0.0
        self.waits: list[float] = []

    def clock(self) -> float:
        return self.now

    def pause(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds


@dataclass
class Crm:
    """A running sandbox CRM, and targets that are connected to it."""

    org: Org
    settings: CrmSettings
    url: str
    lossy: Lossy
    waiting: Waiting = field(default_factory=Waiting)
    answer: Callable[[Request], Response | None] | None = None
    opened: list[SalesforceTarget] = field(default_factory=list)

    def before(self, request: Request) -> Response | None:
        return self.answer(request) if self.answer else None

    def reset(self) -> None:
        """Back to an empty org that behaves."""
        self.answer = None
        self.lossy.lose = lambda _method, _path: False
        self.org.store.row_fault = None
        for name in ("Item__c", "Group__c"):
            for row in self.org.rows(name):
                self.org.remove(name, row["Id"])
        self.org.requests.log.clear()

    def secrets(self, auth: str) -> dict[str, Any]:
        known: dict[str, dict[str, Any]] = {
            "client_credentials": {"client_id": self.settings.client_id, "client_secret": self.settings.client_secret},
            "password": {
                "username": self.settings.username,
                "password": self.settings.password,
                "security_token": self.settings.security_token,
            },
            "token": {"access_token": self.settings.access_token},
            "jwt": {"client_id": self.settings.client_id, "username": self.settings.username},
        }
        return known[auth]

    def open(self, auth: str = "client_credentials", **settings: Any) -> SalesforceTarget:
        given = {"url": self.url, "auth": auth, **self.secrets(auth), **settings}
        session = OrgSession("crm", read_settings("crm", given), clock=self.waiting.clock, pause=self.waiting.pause)
        target = SalesforceTarget(session)
        self.opened.append(target)
        return target

    def calls(self, method: str, path: str) -> int:
        return self.org.requests.count(method, path)

    def held(self, name: str = "Item__c") -> dict[str, dict[str, Any]]:
        """Records by key, as they are stored."""
        key = "Key__c" if name == "Item__c" else "Code__c"
        return {row[key]: row for row in self.org.rows(name)}


@contextmanager
def running(folder: Path, objects: dict[str, Any] = OBJECTS, **settings: Any) -> Iterator[Crm]:
    path = folder / "objects.json"
    path.write_text(json.dumps(objects), encoding="utf-8")
    org, options = Org.load(path), CrmSettings(**settings)
    crm = Crm(org, options, "", None)  # type: ignore[arg-type]
    crm.lossy = Lossy(create_app(org, settings=options, before=crm.before))
    server = start(crm.lossy)
    crm.url = server.url
    try:
        yield crm
    finally:
        for target in crm.opened:
            target.close()
        server.stop()


def batch(
    rows: Mapping[str, Values] | Sequence[Row],
    mode: str = "bulk",
    operation: Operation = Operation.UPSERT,
    key_field: str = "Key__c",
    object_name: str = "Item__c",
) -> Batch:
    made = tuple(Row(key, values) for key, values in rows.items()) if isinstance(rows, Mapping) else tuple(rows)
    columns = tuple(dict.fromkeys(name for row in made for name in row.values))
    return Batch("b-1", object_name, operation, key_field, mode, columns, made)


def unrecorded(_state: str, _data: Mapping[str, object]) -> None:
    """A checkpoint that keeps nothing."""


def finish(target: SalesforceTarget, ref: Any, sent: Batch) -> dict[str, RecordResult]:
    """Poll to the end without the waits that the target asks for; the results by key, one for each row."""
    deadline = time.monotonic() + 10
    while not target.poll(ref).finished:
        assert time.monotonic() < deadline, "the batch did not end"
        time.sleep(0.01)
    results = list(target.results(ref, sent))
    assert sorted(each.key for each in results) == sorted(row.key for row in sent.rows)
    return {each.key: each for each in results}


def write(target: SalesforceTarget, sent: Batch) -> dict[str, RecordResult]:
    """Submit a batch and give its results by key."""
    return finish(target, target.submit(sent, unrecorded), sent)


def read(
    target: SalesforceTarget,
    *fields: str | FieldRequest,
    keys: Sequence[str] | None = None,
    key_field: str = "Key__c",
    object_name: str = "Item__c",
) -> dict[str, TargetRow]:
    requests = [FieldRequest(each) if isinstance(each, str) else each for each in fields]
    rows = [row for page in target.read(object_name, key_field, requests, keys) for row in page]
    found = {row.key: row for row in rows}
    assert len(found) == len(rows)
    return found
