"""A server between the engine and a service, which answers some requests in its stead."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sync_engine_sandbox.server import start

PASSED_ON = ("authorization", "content-type", "accept", "host")


@contextmanager
def between(url: str, answer: Callable[[Request], Response | None]) -> Iterator[str]:
    """Start it.

    Args:
        url: of the service.
        answer: an answer, or None to ask the service.

    Yields:
        Its own url; links in the service's answers lead to it, too.
    """
    with httpx.Client(base_url=url, trust_env=False) as service:

        async def handle(request: Request) -> Response:
            own = answer(request)
            if own is not None:
                return own
            headers = {name: request.headers[name] for name in PASSED_ON if name in request.headers}
            target = httpx.URL(request.url.path, query=request.url.query.encode())
            given = service.request(request.method, target, headers=headers, content=await request.body())
            kind = {name: given.headers[name] for name in ("content-type",) if name in given.headers}
            return Response(given.content, given.status_code, kind)

        server = start(
            Starlette(routes=[Route("/{path:path}", handle, methods=["GET", "POST", "PUT", "PATCH", "DELETE"])])
        )
        try:
            yield server.url
        finally:
            server.stop()


@contextmanager
def hiding(url: str, *uuids: str) -> Iterator[str]:
    """A PIM whose lists leave these products out, which it finds when it is asked for them."""

    def answer(request: Request) -> Response | None:
        asked = json.loads(request.query_params.get("search", "{}"))
        if not request.url.path.endswith("/products-uuid") or "uuid" in asked:
            return None
        headers = {name: request.headers[name] for name in ("authorization", "host")}
        given = httpx.get(f"{url}{request.url.path}?{request.url.query}", headers=headers, trust_env=False).json()
        items = given["_embedded"]["items"]
        given["_embedded"]["items"] = [each for each in items if each["uuid"] not in uuids]
        return JSONResponse(given)

    with between(url, answer) as shown:
        yield shown
