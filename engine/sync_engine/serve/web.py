"""The web server of the process: health, metrics, the webhook and the API, none of which can change anything."""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import ipaddress
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sync_engine.gitops.webhook import MAX_BODY, SeenDeliveries, judge, refuse_size
from sync_engine.sdk.values import Secret
from sync_engine.serve.api import api_routes
from sync_engine.serve.metrics import Metrics
from sync_engine.serve.status import Board

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.types import ASGIApp, Receive, Scope, Send

STALLED = 120.0
"""Seconds without a round of the loop after which the process counts as ill."""
BODY_SECONDS = 10.0
OPEN = ("/healthz", "/readyz", "/webhook")
"""Paths that say nothing to anybody, or that know by themselves who may ask."""
_HEADERS = (
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
)


@dataclass(frozen=True, slots=True)
class Access:
    """Who may ask.

    Attributes:
        token: that requests must bring; None lets everybody in who reaches the server.
        hosts: names that it may be called, in small letters. Addresses may always be used: a page of somebody else
            cannot make a browser take an address for its own name.
        webhook: secrets that deliveries may be signed with.
    """

    token: Secret | None = None
    hosts: frozenset[str] = frozenset()
    webhook: tuple[Secret, ...] = field(default=(), repr=False)

    def may_be_called(self, host: bytes) -> bool:
        """Whether the header ``Host`` names this server."""
        name = host.decode("ascii", "replace").lower()
        name = name[1:].partition("]")[0] if name.startswith("[") else name.partition(":")[0]
        if name == "localhost" or name in self.hosts:
            return True
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return True

    def lets_in(self, authorization: bytes) -> bool:
        """Whether a request has brought the token."""
        if self.token is None:
            return True
        scheme, _, given = authorization.partition(b" ")
        return hmac.compare_digest(given.strip(), self.token.reveal().encode()) and scheme.lower() == b"bearer"


class Guard:
    """Middleware: whom the server is called, who asks, and headers for browsers."""

    def __init__(self, app: ASGIApp, access: Access, say: Callable[[str], None]) -> None:
        self._app = app
        self._access = access
        self._say = say

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or pass it on."""
        from starlette.responses import PlainTextResponse

        if scope["type"] != "http":
            return
        headers = dict(scope["headers"])
        answer: ASGIApp = self._app
        if scope["path"] not in OPEN:
            if not self._access.may_be_called(headers.get(b"host", b"")):
                answer = PlainTextResponse("unknown host\n", 421)
            elif not self._access.lets_in(headers.get(b"authorization", b"")):
                answer = PlainTextResponse("unauthorised\n", 401, {"WWW-Authenticate": "Bearer"})

        started = False

        async def guarded(message: Any) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                names = {name.lower() for name, _ in message["headers"]}
                message["headers"] = [*message["headers"], *(each for each in _HEADERS if each[0] not in names)]
            await send(message)

        try:
            await answer(scope, receive, guarded)
        except Exception as error:  # noqa: BLE001 - a defect in one answer; its text could hold anything
            self._say(f"The answer to {scope['method']} {scope['path']} failed: {type(error).__name__}; a defect")
            if not started:
                await PlainTextResponse("failed\n", 500)(scope, receive, guarded)


def create_app(
    board: Board, metrics: Metrics, access: Access, look_now: Callable[[], None], say: Callable[[str], None]
) -> Starlette:
    """The application.

    Args:
        board: how the process is.
        metrics: of it.
        access: who may ask.
        look_now: called for a genuine delivery.
        say: print a line of the log.
    """
    from starlette.applications import Starlette
    from starlette.middleware import Middleware
    from starlette.responses import PlainTextResponse
    from starlette.routing import Route

    deliveries = SeenDeliveries()

    def healthz(_: Request) -> Response:
        alive = time.monotonic() - board.status.moment < STALLED
        return PlainTextResponse("ok\n" if alive else "stalled\n", 200 if alive else 503)

    def readyz(_: Request) -> Response:
        why = board.status.not_ready()
        return PlainTextResponse("not ready\n" if why else "ok\n", 503 if why else 200)

    def all_metrics(_: Request) -> Response:
        return PlainTextResponse(metrics.text(), media_type="text/plain; version=0.0.4")

    async def webhook(request: Request) -> Response:
        verdict = refuse_size(request.scope["headers"])
        if verdict is None:
            body = await _body(request)
            verdict = judge(request.scope["headers"], body, access.webhook, deliveries, time.time())
        metrics.delivered(verdict.status)
        if verdict.look:
            look_now()
        # Who sends too much is hung up on; the rest would be read all the same, and thrown away.
        return PlainTextResponse("", verdict.status, {"Connection": "close"} if verdict.status == 413 else None)

    return Starlette(
        routes=[
            Route("/healthz", healthz),
            Route("/readyz", readyz),
            Route("/metrics", all_metrics),
            Route("/webhook", webhook, methods=["POST"]),
            *api_routes(board),
        ],
        middleware=[Middleware(Guard, access=access, say=say)],
    )


async def _body(request: Request) -> bytes:
    """The body, or its beginning when it is too large or too slow, or when its sender has gone."""
    from starlette.requests import ClientDisconnect

    body = bytearray()
    with contextlib.suppress(TimeoutError, ClientDisconnect):  # what is not complete has a wrong signature
        async with asyncio.timeout(BODY_SECONDS):
            async for part in request.stream():
                body += part
                if len(body) > MAX_BODY:
                    break
    return bytes(body[: MAX_BODY + 1])
