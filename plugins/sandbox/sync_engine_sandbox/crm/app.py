"""The CRM as an ASGI application: which path leads to which endpoint."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.routing import Route

from sync_engine_sandbox.crm import auth, composite, jobs_api, rest, tooling
from sync_engine_sandbox.crm.bulk import Jobs
from sync_engine_sandbox.crm.errors import not_found, refuse
from sync_engine_sandbox.crm.org import CrmSettings, Org
from sync_engine_sandbox.crm.server import Server, api_endpoint, error_answer, open_endpoint

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.types import ASGIApp, Receive, Scope, Send

    from sync_engine_sandbox.crm.server import Before, Handler

DATA = "/services/data/v{version}"
RECORD = DATA + "/sobjects/{name}"
COLLECTION = DATA + "/composite/sobjects"
JOB = DATA + "/jobs/{kind}/{id}"


class WithoutTrailingSlash:
    """Takes ``/query/`` as ``/query``, as the platform does; an encoded slash at the end of a key stays."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        if scope["type"] == "http" and scope.get("raw_path", b"/").endswith(b"/") and len(scope["path"]) > 1:
            scope = {**scope, "path": scope["path"].rstrip("/")}
        await self.app(scope, receive, send)


def create_app(org: Org, *, settings: CrmSettings | None = None, before: Before | None = None) -> Starlette:
    """The application that serves an org.

    Args:
        org: what is served.
        settings: how to behave; the defaults when None.
        before: called with each request before anything else; an answer that it gives is sent in the server's place.
    """
    settings = settings or CrmSettings()
    app = Starlette(
        routes=_routes(),
        middleware=[Middleware(WithoutTrailingSlash)],
        exception_handlers={404: _no_route, 405: _wrong_method},
    )
    app.state.server = Server(org, settings, Jobs(org, settings), before)
    if settings.access_token:
        org.open_session(settings.access_token)
    return app


async def _no_route(_request: Request, _error: Exception) -> Response:
    return error_answer(not_found())


async def _wrong_method(request: Request, error: Exception) -> Response:
    allowed = (error.headers or {}).get("Allow", "") if isinstance(error, HTTPException) else ""
    message = f"HTTP Method '{request.method}' not allowed. Allowed are {allowed}"
    return error_answer(refuse("METHOD_NOT_ALLOWED", message))


def _open(path: str, method: str, handler: Handler) -> Route:
    return Route(path, open_endpoint(handler), methods=[method])


def _api(path: str, **handlers: Handler) -> Route:
    by_method = {method.upper(): handler for method, handler in handlers.items()}

    async def dispatch(server: Server, request: Request) -> Response:
        return await by_method["GET" if request.method == "HEAD" else request.method](server, request)

    return Route(path, api_endpoint(dispatch), methods=list(by_method))


def _routes() -> list[Route]:
    return [
        _open("/services/oauth2/token", "POST", auth.token),
        _open("/services/oauth2/revoke", "POST", auth.revoke),
        _open("/services/oauth2/userinfo", "GET", auth.user_info),
        _open("/services/Soap/u/{version}", "POST", auth.soap_login),
        _open("/services/Soap/u/{version}/{org}", "POST", auth.soap_login),
        _open("/services/data", "GET", rest.versions),
        _api(DATA, get=rest.resources),
        _api(DATA + "/limits", get=rest.limits),
        _api(DATA + "/query", get=rest.query),
        _api(DATA + "/queryAll", get=rest.query_all),
        _api(DATA + "/query/{locator}", get=rest.query_more),
        _api(DATA + "/queryAll/{locator}", get=rest.query_more),
        _api(DATA + "/composite", post=composite.composite),
        _api(COLLECTION, post=composite.create_all, patch=composite.update_all, delete=composite.delete_all),
        _api(COLLECTION + "/{name}", get=composite.retrieve_all, post=composite.retrieve_all),
        _api(COLLECTION + "/{name}/{field}", patch=composite.upsert_all),
        _api(DATA + "/tooling/query", get=tooling.query),
        _api(DATA + "/tooling/sobjects/CustomField/{id}", patch=tooling.change),
        _api(DATA + "/sobjects", get=rest.sobjects),
        _api(RECORD, get=rest.sobject_info, post=rest.create),
        _api(RECORD + "/describe", get=rest.describe),
        _api(DATA + "/sobjects/ContentVersion/{id}/VersionData", get=rest.version_data),
        _api(RECORD + "/{id}", get=rest.read, patch=rest.change, delete=rest.delete),
        _api(RECORD + "/{field}/{value:path}", get=rest.read, patch=rest.change, delete=rest.delete),
        _api(DATA + "/jobs/ingest", post=jobs_api.create_ingest, get=_ingest_jobs),
        _api(DATA + "/jobs/query", post=jobs_api.create_query, get=_query_jobs),
        _api(DATA + "/jobs/query/{id}/results", get=_query_results),
        _api(DATA + "/jobs/ingest/{id}/batches", put=jobs_api.upload),
        _api(JOB, get=jobs_api.poll, patch=jobs_api.change, delete=jobs_api.delete),
        _api(DATA + "/jobs/ingest/{id}/{result}", get=jobs_api.results),
    ]


async def _ingest_jobs(server: Server, request: Request) -> Response:
    request.path_params["kind"] = "ingest"
    return await jobs_api.every(server, request)


async def _query_jobs(server: Server, request: Request) -> Response:
    request.path_params["kind"] = "query"
    return await jobs_api.every(server, request)


async def _query_results(server: Server, request: Request) -> Response:
    request.path_params["kind"] = "query"
    return await jobs_api.query_results(server, request)
