"""The local PIM as an ASGI application: the gate that every call passes on its way to a handler."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager

import orjson
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sync_engine_sandbox.pim.app_catalog_calls import set_up_catalog
from sync_engine_sandbox.pim.calls import ApiCall, Reply
from sync_engine_sandbox.pim.data import PimData
from sync_engine_sandbox.pim.errors import ApiError
from sync_engine_sandbox.pim.paging import BASE, HOST
from sync_engine_sandbox.pim.routes import ROUTES, Verb
from sync_engine_sandbox.pim.settings import PimSettings
from sync_engine_sandbox.pim.state import Call, Hook, PimState, build_state

METHODS = ["GET", "POST", "PATCH", "PUT", "DELETE"]
SCREEN = "/_sandbox/catalogs/{id}"
"""None of the imitated API: in the place of the PIM's own screen of a catalog for apps."""
_ACTIONS = {"GET": "list", "DELETE": "remove"}


def create_app(data: PimData, *, settings: PimSettings) -> Starlette:
    """The application of one local PIM.

    Args:
        data: the catalogue it starts with; it is taken over, not copied.
        settings: credentials, limits and delays.

    Returns:
        The application. ``app.state.pim`` is its ``PimState``: the control surface for tests. A hook in
        ``PimState.before`` sees every call first and may answer in the handler's place.
    """
    state = build_state(data, settings)
    if settings.latency:
        state.before.append(_latency(settings.latency))
    routes = [Route(path, _endpoint(state, verbs), methods=METHODS) for path, verbs in ROUTES.items()]
    routes.append(Route(SCREEN, _screen(state), methods=["PUT"]))
    app = Starlette(routes=routes, exception_handlers={404: _no_route})
    app.state.pim = state
    return app


def _latency(seconds: float) -> Hook:
    async def wait(_request: Request) -> Response | None:
        await asyncio.sleep(seconds)
        return None

    return wait


def _screen(state: PimState) -> Callable[[Request], Awaitable[Response]]:
    async def serve(request: Request) -> Response:
        try:
            set_up_catalog(state, request.path_params["id"], await request.body())
        except ApiError as error:
            return _refusal(error)
        return Response(status_code=204)

    return serve


def _endpoint(state: PimState, verbs: Mapping[str, Verb]) -> Callable[[Request], Awaitable[Response]]:
    async def serve(request: Request) -> Response:
        state.requests.append(Call(request.method, request.url.path, dict(request.query_params)))
        host = str(request.base_url).rstrip("/")
        try:
            response = await _pass_gate(state, request, verbs, host)
        except ApiError as error:
            response = _refusal(error)
        if response.status_code >= 400:
            state.refusals[response.status_code] += 1
        return response

    return serve


async def _pass_gate(state: PimState, request: Request, verbs: Mapping[str, Verb], host: str) -> Response:
    verb = _verb(request, verbs)
    authorization = request.headers.get("authorization", "")
    connection = "" if verb.public else state.tokens.connection(authorization)
    with _in_flight(state, connection):
        for hook in state.before:
            if (answer := await hook(request)) is not None:
                return answer
        _check_headers(state, request, verb)
        call = ApiCall(
            state=state,
            path=request.url.path.removeprefix(f"{BASE}/"),
            keys={name: str(value) for name, value in request.path_params.items()},
            query=dict(request.query_params),
            body=await request.body(),
            content_type=request.headers.get("content-type", ""),
            authorization=authorization,
            host=host,
        )
        with state.lock:
            return _response(verb.handler(call), host)


def _verb(request: Request, verbs: Mapping[str, Verb]) -> Verb:
    method = "GET" if request.method == "HEAD" else request.method
    if method not in verbs:
        allowed = ", ".join(verbs)
        raise ApiError(
            405,
            f"No route found for '{request.method} {request.url.path}': Method Not Allowed (Allow: {allowed})",
            headers={"Allow": allowed},
        )
    return verbs[method]


@contextmanager
def _in_flight(state: PimState, connection: str) -> Iterator[None]:
    """Count a call of a connection while it is under way.

    Raises:
        ApiError: 429, the connection has too many calls under way.
    """
    if connection and state.in_flight[connection] >= state.settings.max_concurrent:
        message = "You have exceeded the limit of API requests per second."
        raise ApiError(429, message, headers={"Retry-After": str(state.settings.retry_after)})
    state.in_flight[connection] += 1
    try:
        yield
    finally:
        state.in_flight[connection] -= 1


def _check_headers(state: PimState, request: Request, verb: Verb) -> None:
    resource = request.url.path.removeprefix(f"{BASE}/").split("/")[0]
    if resource in state.settings.forbidden:
        action, name = _ACTIONS.get(request.method, "create or update"), resource.replace("-", " ")
        raise ApiError(403, f"Access forbidden. You are not allowed to {action} {name}.")
    accept = request.headers.get("accept")
    if request.method == "GET" and not verb.binary and accept and accept != "application/json" and "*/*" not in accept:
        raise ApiError(406, f'"{accept}" in "Accept" header is not valid. Only "application/json" is allowed.')
    if verb.accepts:
        _check_content_type(request.headers.get("content-type", ""), verb.accepts)


def _check_content_type(given: str, accepted: tuple[str, ...]) -> None:
    kind = given.partition(";")[0].strip()
    names = '" or "'.join(accepted)
    if not kind:
        raise ApiError(415, f'The "Content-Type" header is missing. "{names}" has to be specified as value.')
    if kind not in accepted:
        plural = "are" if len(accepted) > 1 else "is"
        raise ApiError(415, f'"{kind}" in "Content-Type" header is not valid. Only "{names}" {plural} allowed.')


def _response(reply: Reply, host: str) -> Response:
    headers = dict(reply.headers)
    if reply.location is not None:
        headers["Location"] = f"{host}{BASE}/{reply.location}"
    if reply.content is not None:
        return Response(reply.content, reply.status, headers, media_type=reply.content_type)
    if reply.payload is None:
        return Response(status_code=reply.status, headers=headers)
    body = orjson.dumps(reply.payload).replace(HOST.encode(), host.encode())
    return Response(body, reply.status, headers, media_type="application/json")


def _refusal(error: ApiError) -> Response:
    return Response(orjson.dumps(error.body()), error.status, error.headers, media_type="application/json")


async def _no_route(request: Request, _error: Exception) -> Response:
    if isinstance(_error, HTTPException):
        return _refusal(ApiError(_error.status_code, f"No route found for '{request.method} {request.url.path}'"))
    raise _error
