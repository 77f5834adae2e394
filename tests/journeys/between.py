"""A server between the engine and a service, which answers some requests in its stead."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
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
            return Response(given.content, given.status_code, {"content-type": given.headers["content-type"]})

        server = start(Starlette(routes=[Route("/{path:path}", handle, methods=["GET", "POST", "PATCH", "DELETE"])]))
        try:
            yield server.url
        finally:
            server.stop()
