"""An org that answers what a test tells it to, also what no org should, over real HTTP."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from tests.plugins.salesforce.orgs import Waiting

from sync_engine_salesforce.session import OrgSession
from sync_engine_salesforce.settings import read_settings
from sync_engine_salesforce.target import SalesforceTarget
from sync_engine_sandbox.server import start

TOKEN = "canary-access-token"
DATA = "/services/data/v62.0/"
JOB = "750000000000001AAA"


@dataclass(frozen=True)
class Asked:
    """A request that came."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes


def thing(name: str = "Item__c", *fields: dict[str, Any]) -> dict[str, Any]:
    """What describe says of an object with an id, a key and these fields."""
    own: list[dict[str, Any]] = [
        {"name": "Id", "type": "id"},
        {"name": "Key__c", "type": "string", "externalId": True, "length": 64},
    ]
    switches: dict[str, Any] = {"createable": True, "updateable": True, "nillable": True}
    return {
        "name": name,
        "label": name,
        "createable": True,
        "updateable": True,
        "deletable": True,
        "fields": [switches | each for each in [*own, *fields]],
    }


@dataclass
class StandIn:
    """Its answers by method and path; what was asked, in order."""

    url: str = ""
    answers: dict[tuple[str, str], list[Any]] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    waiting: Waiting = field(default_factory=Waiting)
    opened: list[SalesforceTarget] = field(default_factory=list)

    def reset(self) -> None:
        """Forget everything but where it listens."""
        for target in self.opened:
            target.close()
        self.__dict__.update(StandIn(self.url).__dict__)
        self.on("GET", "sobjects/Item__c/describe", thing())

    def on(self, method: str, path: str, *answers: Any) -> None:
        """Answer a path: one answer after the other, the last one for ever.

        An answer is a Response, a function of the request, or something that becomes JSON.
        """
        self.answers[method, path if path.startswith("/") else DATA + path] = list(answers)

    def open(self, **settings: Any) -> SalesforceTarget:
        given = {"url": self.url, "auth": "token", "access_token": TOKEN} | settings
        waiting = self.waiting
        session = OrgSession("crm", read_settings("crm", given), clock=waiting.clock, pause=waiting.pause)
        self.opened.append(SalesforceTarget(session))
        return self.opened[-1]

    def count(self, method: str, path: str) -> int:
        return sum(1 for each in self.asked if each.method == method and each.path.endswith(path))

    async def answer(self, request: Request) -> Response:
        body = await request.body()
        path = request.url.path
        self.asked.append(Asked(request.method, path, dict(request.query_params), dict(request.headers), body))
        left = self.answers.get((request.method, path))
        if left is None:
            return JSONResponse([{"errorCode": "NOT_FOUND", "message": "The requested resource does not exist"}], 404)
        answer = left.pop(0) if len(left) > 1 else left[0]
        if callable(answer) and not isinstance(answer, Response):
            answer = answer(request)
        if isinstance(answer, Response):
            return answer
        return Response(json.dumps(answer), media_type="application/json;charset=UTF-8")


def error(code: str, message: str = "no", status: int = 400, **headers: str) -> Response:
    """A call that Salesforce refuses."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return JSONResponse([{"errorCode": code, "message": message}], status, named)


def csv(text: str) -> Response:
    return Response(text, media_type="text/csv")


def body(asked: Asked) -> Any:
    return json.loads(asked.body)


Handler = Callable[[Request], Response]


@contextmanager
def running() -> Iterator[StandIn]:
    standin = StandIn()
    methods = ["GET", "POST", "PATCH", "PUT", "DELETE"]
    server = start(Starlette(routes=[Route("/{path:path}", standin.answer, methods=methods)]))
    standin.url = server.url
    try:
        yield standin
    finally:
        standin.reset()
        server.stop()
