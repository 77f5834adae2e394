"""What every endpoint shares: the state of the server, the gate before a handler, JSON in and out."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from functools import wraps
from typing import TYPE_CHECKING, Any

import orjson
from starlette.responses import Response

from sync_engine_sandbox.crm.describe import NEWEST, OLDEST
from sync_engine_sandbox.crm.errors import ApiError, not_found, refuse
from sync_engine_sandbox.crm.org import Call, CrmSettings, Org

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request

    from sync_engine_sandbox.crm.bulk import Jobs
    from sync_engine_sandbox.crm.objects import SObject
    from sync_engine_sandbox.crm.query import Result

    Handler = Callable[["Server", Request], Awaitable[Response]]
    Before = Callable[[Request], Response | None]

URL_MAX = 16_384
CURSORS_MAX = 100
IN_COMPOSITE = "crm.composite"
"""Key in the ASGI scope of a part of a composite call: it was let in already and is not counted again."""


@dataclass(slots=True)
class Server:
    """The state behind the endpoints.

    Attributes:
        org: the org that is served.
        settings: how to behave.
        jobs: bulk jobs.
        cursors: query results that still have pages, by locator.
        before: may answer a request in the server's place.
    """

    org: Org
    settings: CrmSettings
    jobs: Jobs
    before: Before | None = None
    cursors: dict[str, Result] = field(default_factory=dict)

    def sobject(self, name: str) -> SObject:
        """The object of a path.

        Raises:
            ApiError: NOT_FOUND.
        """
        sobject = self.org.objects.by_name.get(name.lower())
        if sobject is None:
            raise not_found()
        return sobject

    def keep(self, locator: str, result: Result) -> None:
        """Keep a result for its next pages; the oldest one goes when there are too many."""
        while len(self.cursors) >= CURSORS_MAX:
            self.cursors.pop(next(iter(self.cursors)))
        self.cursors[locator] = result


def answer(content: object, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A JSON answer."""
    return Response(orjson.dumps(content), status, headers, media_type="application/json;charset=UTF-8")


def error_answer(error: ApiError) -> Response:
    """The answer to a call that fails: always a list."""
    return answer([problem.single() for problem in error.problems], error.status)


def json_body(body: bytes) -> Any:
    """Decode a request body.

    Raises:
        ApiError: JSON_PARSER_ERROR.
    """
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        place = f"[line:{error.lineno}, column:{error.colno}]"
        raise refuse("JSON_PARSER_ERROR", f"Unexpected character or end of input at {place}") from error


def json_object(body: bytes) -> dict[str, Any]:
    """Decode a request body that must be an object.

    Raises:
        ApiError: JSON_PARSER_ERROR.
    """
    decoded = json_body(body)
    if not isinstance(decoded, dict):
        raise refuse("JSON_PARSER_ERROR", "The HTTP entity body is required, but this request has no entity body.")
    return decoded


def server_of(request: Request) -> Server:
    """The server that a request came to."""
    server: Server = request.app.state.server
    return server


def version_of(request: Request) -> str:
    """The API version in the path, such as ``62.0``.

    Raises:
        ApiError: there is no such version (any more).
    """
    text = str(request.path_params["version"])
    number = int(text.removesuffix(".0")) if text.removesuffix(".0").isdigit() else -1
    if 0 <= number < OLDEST:
        raise refuse("UNSUPPORTED_API_VERSION", f"GONE: Salesforce Platform API version {text} is retired.")
    if not text.endswith(".0") or number > NEWEST:
        raise not_found()
    return text


def base_url(request: Request) -> str:
    """Where this server is reached, without a slash at the end."""
    return str(request.base_url).rstrip("/")


def open_endpoint(handler: Handler) -> Callable[[Request], Awaitable[Response]]:
    """An endpoint that needs no session."""
    return _gate(handler, _let_in)


def api_endpoint(handler: Handler) -> Callable[[Request], Awaitable[Response]]:
    """An endpoint that needs a session and counts against the daily limit."""
    return _gate(handler, _check)


def _gate(handler: Handler, check: Callable[[Server, Request], None]) -> Callable[[Request], Awaitable[Response]]:
    @wraps(handler)
    async def endpoint(request: Request) -> Response:
        server = server_of(request)
        if server.settings.latency and IN_COMPOSITE not in request.scope:
            await asyncio.sleep(server.settings.latency)
        response = server.before(request) if server.before and IN_COMPOSITE not in request.scope else None
        if response is None:
            try:
                check(server, request)
                response = await handler(server, request)
            except ApiError as error:
                response = error_answer(error)
        if check is _check:
            response.headers["Sforce-Limit-Info"] = f"api-usage={server.org.requests.used}/{server.settings.api_max}"
        if IN_COMPOSITE not in request.scope:
            server.org.requests.log.append(Call(request.method, request.url.path, response.status_code))
        return response

    return endpoint


def _let_in(_server: Server, request: Request) -> None:
    if "version" in request.path_params:
        version_of(request)


def _check(server: Server, request: Request) -> None:
    if IN_COMPOSITE in request.scope:
        version_of(request)
        return
    if len(request.url.path) + len(request.url.query) > URL_MAX:
        raise refuse("URI_TOO_LONG", "The URI is too long.")
    check_session(server, request)
    requests = server.org.requests
    if requests.used >= server.settings.api_max:
        raise refuse("REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
    requests.used += 1
    version_of(request)


def check_session(server: Server, request: Request) -> None:
    """Refuse a request without a session."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    session = server.org.sessions.get(token) if scheme.lower() in {"bearer", "oauth"} else None
    settings = server.settings
    now = time.monotonic()
    spent = session is not None and settings.session_calls is not None and session.calls >= settings.session_calls
    if session is None or spent or now - session.used_at > settings.session_seconds:
        server.org.sessions.pop(token, None)
        raise refuse("INVALID_SESSION_ID", "Session expired or invalid")
    session.used_at = now
    session.calls += 1
