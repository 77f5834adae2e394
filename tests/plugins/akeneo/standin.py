"""A PIM that answers what a test tells it to, also what no PIM should, over real HTTP."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sync_engine.sdk.source import Source
from sync_engine.sdk.values import Secret
from sync_engine_akeneo import adapter
from sync_engine_sandbox import server

Handler = Callable[[Request], Response]

SECRETS = {
    "client_id": "canary-client-id",
    "client_secret": "canary-client-secret",
    "username": "canary-user",
    "password": "canary-password",
}


@dataclass
class StandIn:
    """Its handlers by path below ``/api/rest/v1/``; what was asked, in order.

    ``token_life`` is what it says of the tokens it gives; ``dead`` are tokens that it no longer takes.
    """

    url: str = ""
    handlers: dict[str, Handler] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    grants: list[str] = field(default_factory=list)
    token_life: Any = 3600
    dead: set[str] = field(default_factory=set)
    refresh_works: bool = True
    token_answer: Handler | None = None
    tokens: int = 0

    def reset(self) -> None:
        """Forget everything but where it listens."""
        self.__dict__.update(StandIn(self.url).__dict__)

    def on(self, path: str, *answers: Any) -> None:
        """Answer a path: one answer after the other, the last one for ever.

        An answer is a Response, a function of the request, or something that becomes JSON.
        """
        left = list(answers)

        def handler(request: Request) -> Response:
            answer = left.pop(0) if len(left) > 1 else left[0]
            if callable(answer) and not isinstance(answer, Response):
                answer = answer(request)
            return answer if isinstance(answer, Response) else JSONResponse(answer)

        self.handlers[path] = handler

    def paths(self) -> list[str]:
        return [path for path, _ in self.asked]

    def link(self, path: str, **query: str) -> str:
        arguments = "&".join(f"{key}={value}" for key, value in query.items())
        return f"{self.url}/api/rest/v1/{path}?{arguments}"

    def page(self, items: list[Any], following: str | None = None) -> dict[str, Any]:
        """A list envelope."""
        links = {"self": {"href": f"{self.url}/self"}, "first": {"href": f"{self.url}/first"}}
        if following is not None:
            links["next"] = {"href": following}
        return {"_links": links, "_embedded": {"items": items}}

    def structure(self, attributes: list[dict[str, Any]]) -> None:
        """Answer the lists that describe what there is."""
        for path in ("families", "categories", "association-types", "channels", "locales", "currencies"):
            self.on(path, self.page([]))
        self.on("measurement-families", [])
        self.on("system-information", {"version": "7.0.1", "edition": "EE"})

        def listed(request: Request) -> Response:
            found = attributes
            search = json.loads(request.query_params.get("search", "{}"))
            for name, conditions in search.items():
                found = [each for each in found if each[name] in conditions[0]["value"]]
            return JSONResponse(self.page(found))

        self.on("attributes", listed)

    def token(self, request: Request, body: dict[str, str]) -> Response:
        self.grants.append(body["grant_type"])
        if self.token_answer is not None:
            return self.token_answer(request)
        wanted = base64.b64encode(f"{SECRETS['client_id']}:{SECRETS['client_secret']}".encode()).decode()
        known = request.headers["authorization"] == f"Basic {wanted}"
        if body["grant_type"] == "refresh_token":
            known = known and self.refresh_works and body["refresh_token"] == f"canary-refresh-{self.tokens}"
        else:
            known = known and body["username"] == SECRETS["username"] and body["password"] == SECRETS["password"]
        if not known:
            return JSONResponse({"code": 422, "message": "No user found for the given username and password"}, 422)
        self.tokens += 1
        return JSONResponse(
            {
                "access_token": f"canary-token-{self.tokens}",
                "refresh_token": f"canary-refresh-{self.tokens}",
                "expires_in": self.token_life,
                "token_type": "bearer",
                "scope": None,
            }
        )

    def answer(self, request: Request) -> Response:
        path = request.path_params["path"]
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        self.asked.append((path, dict(request.query_params)))
        if token in self.dead or not token.startswith(("canary-token-", "app-")):
            return JSONResponse({"code": 401, "message": "The access token provided has expired."}, 401)
        handler = self.handlers.get(path)
        if handler is None:
            return JSONResponse({"code": 404, "message": f"Resource `{path}` does not exist."}, 404)
        return handler(request)

    def open(self, **settings: Any) -> Source:
        """A source that is connected to this PIM; its credentials are canaries."""
        given: dict[str, Any] = {"url": self.url, "retry_minutes": 0}
        if "token" not in settings:
            given |= {key: Secret(value) for key, value in SECRETS.items()}
        return adapter.open("pim", given | settings)


@contextmanager
def running() -> Iterator[StandIn]:
    """A stand-in that listens on loopback."""
    pim = StandIn()

    async def token(request: Request) -> Response:
        return pim.token(request, await request.json())

    def answer(request: Request) -> Response:
        return pim.answer(request)

    app = Starlette(
        routes=[
            Route("/api/oauth/v1/token", token, methods=["POST"]),
            Route("/api/rest/v1/{path:path}", answer),
        ]
    )
    running = server.start(app)
    pim.url = running.url
    try:
        yield pim
    finally:
        running.stop()
