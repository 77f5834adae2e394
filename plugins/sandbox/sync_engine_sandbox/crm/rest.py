"""Discovery, single records and queries."""

from __future__ import annotations

from email.utils import format_datetime, parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

from sync_engine_sandbox.crm import describe as describes
from sync_engine_sandbox.crm import query as queries
from sync_engine_sandbox.crm import records
from sync_engine_sandbox.crm.errors import ApiError, Failed, no_such_column, not_found, refuse
from sync_engine_sandbox.crm.ids import make_id
from sync_engine_sandbox.crm.multipart import read_parts
from sync_engine_sandbox.crm.reading import getter
from sync_engine_sandbox.crm.rows import json_row, not_external, read_value
from sync_engine_sandbox.crm.server import Server, answer, json_object, version_of

if TYPE_CHECKING:
    from starlette.requests import Request

    from sync_engine_sandbox.crm.fields import Field
    from sync_engine_sandbox.crm.objects import SObject
    from sync_engine_sandbox.crm.records import Outcome, Row
    from sync_engine_sandbox.crm.store import Record

BODY_VERSION = 46
"""Since this version an upsert that updates answers 200 with a body; before it answers 204."""


async def versions(_server: Server, _request: Request) -> Response:
    """``GET /services/data``."""
    return answer(describes.versions())


async def resources(_server: Server, request: Request) -> Response:
    """``GET /services/data/vXX.X``."""
    return answer(describes.resources(version_of(request)))


async def sobjects(server: Server, request: Request) -> Response:
    """``GET /sobjects``."""
    return answer(describes.global_describe(server.org.objects, version_of(request)))


async def sobject_info(server: Server, request: Request) -> Response:
    """``GET /sobjects/X``."""
    sobject = server.sobject(request.path_params["name"])
    return answer({"objectDescribe": describes.summary(sobject, version_of(request)), "recentItems": []})


async def describe(server: Server, request: Request) -> Response:
    """``GET /sobjects/X/describe``; ``If-Modified-Since`` spares the body."""
    sobject = server.sobject(request.path_params["name"])
    since = request.headers.get("if-modified-since")
    headers = {"Last-Modified": format_datetime(server.org.changed_at, usegmt=True)}
    if since and _unchanged(server, since):
        return Response(status_code=304, headers=headers)
    return answer(describes.describe(server.org.objects, sobject, version_of(request)), headers=headers)


def _unchanged(server: Server, since: str) -> bool:
    try:
        return parsedate_to_datetime(since) >= server.org.changed_at
    except (ValueError, TypeError):
        return False


async def limits(server: Server, _request: Request) -> Response:
    """``GET /limits``."""
    return answer(describes.limits(server.org.requests.used, server.settings.api_max))


async def create(server: Server, request: Request) -> Response:
    """``POST /sobjects/X``; a file comes as JSON with base64 or as multipart."""
    sobject = server.sobject(request.path_params["name"])
    body = await request.body()
    content_type = request.headers.get("content-type", "")
    parts = read_parts(content_type, body) if content_type.startswith("multipart/") else {}
    text = next((part.content for name, part in parts.items() if name.startswith("entity_")), body)
    row = _row(server, sobject, text)
    if row.record_id is not None:
        raise refuse("INVALID_FIELD", "The Id field should not be specified in the sobject data.")
    for name, part in parts.items():
        item = sobject.field(name)
        if item is not None and item.type == "base64":
            row.values[item.name] = part.content
    if not parts and isinstance(row.values.get("VersionData"), bytes) and len(text) > server.settings.base64_max:
        raise refuse("EXCEEDED_MAX_SIZE_REQUEST", "The request body is too large.")
    return _answer_write(_write(server, sobject, "insert", row))


async def read(server: Server, request: Request) -> Response:
    """``GET /sobjects/X/{id}`` and ``GET /sobjects/X/{field}/{value}``."""
    sobject = server.sobject(request.path_params["name"])
    ids = _named(server, sobject, request)
    if len(ids) > 1:
        return _several(sobject, ids, version_of(request))
    if not ids:
        raise not_found()
    wanted = request.query_params.get("fields")
    chosen = [_column(sobject, name.strip()) for name in wanted.split(",")] if wanted else list(sobject.fields)
    return answer(
        shown(server, sobject, server.org.store.tables[sobject.name].live[ids[0]], chosen, version_of(request))
    )


def _column(sobject: SObject, name: str) -> Field:
    item = sobject.field(name)
    if item is None:
        raise no_such_column(name, sobject.name)
    return item


def shown(server: Server, sobject: SObject, record: Record, chosen: list[Field], version: str) -> dict[str, Any]:
    """A record as a GET answers it."""
    base = f"/services/data/v{version}/sobjects/{sobject.name}/{record['Id']}"
    values = {item.name: getter(server.org.store, sobject, item, version)(record) for item in chosen}
    return {"attributes": {"type": sobject.name, "url": base}, **values, "Id": record["Id"]}


async def change(server: Server, request: Request) -> Response:
    """``PATCH /sobjects/X/{id}`` and the upsert ``PATCH /sobjects/X/{field}/{value}``."""
    sobject = server.sobject(request.path_params["name"])
    row = _row(server, sobject, await request.body())
    if row.record_id is not None:
        raise refuse("INVALID_FIELD", "The Id field should not be specified in the sobject data.")
    if "field" in request.path_params and request.path_params["field"].lower() != "id":
        return _upsert(server, request, sobject, row)
    row.record_id = _live_id(server, sobject, request.path_params.get("value") or request.path_params["id"])
    return _answer_write(_write(server, sobject, "update", row))


def _upsert(server: Server, request: Request, sobject: SObject, row: Row) -> Response:
    key = _key(sobject, request.path_params["field"])
    if key.name in row.values:
        raise refuse("INVALID_FIELD", f"The {key.name} field should not be specified in the sobject data.")
    ids = _find(server, sobject, key, request.path_params["value"])
    if len(ids) > 1:
        return _several(sobject, ids, version_of(request))
    if ids:
        row.record_id = ids[0]
        outcome = _write(server, sobject, "update", row)
        if outcome.success and float(version_of(request)) >= BODY_VERSION:
            return answer({"id": outcome.record_id, "success": True, "errors": [], "created": False})
        return _answer_write(outcome)
    if request.query_params.get("updateOnly", "").lower() == "true":
        raise not_found()
    row.values[key.name] = read_value(key, key.name, request.path_params["value"], "")
    outcome = _write(server, sobject, "insert", row)
    return _answer_write(outcome, {"created": True})


async def delete(server: Server, request: Request) -> Response:
    """``DELETE /sobjects/X/{id}`` and ``DELETE /sobjects/X/{field}/{value}``."""
    sobject = server.sobject(request.path_params["name"])
    if "field" in request.path_params:
        ids = _named(server, sobject, request)
        if len(ids) > 1:
            return _several(sobject, ids, version_of(request))
        if not ids:
            raise not_found()
        record_id = ids[0]
    else:
        record_id = _live_id(server, sobject, request.path_params["id"])
    return _answer_write(_write(server, sobject, "delete", records.Row(record_id=record_id)))


async def version_data(server: Server, request: Request) -> Response:
    """``GET /sobjects/ContentVersion/{id}/VersionData``: the file itself."""
    content = server.org.store.blobs.get(server.org.store.known_id(request.path_params["id"], "ContentVersion") or "")
    if content is None:
        raise not_found()
    return Response(content, media_type="application/octetstream")


async def query(server: Server, request: Request) -> Response:
    """``GET /query?q=``."""
    return _query(server, request, include_deleted=False)


async def query_all(server: Server, request: Request) -> Response:
    """``GET /queryAll?q=``: also what lies in the recycle bin."""
    return _query(server, request, include_deleted=True)


def _query(server: Server, request: Request, *, include_deleted: bool) -> Response:
    text = request.query_params.get("q")
    if not text:
        raise refuse("MALFORMED_QUERY", "SOQL query is required")
    result = queries.run(server.org.store, text, version=version_of(request), include_deleted=include_deleted)
    return _page(server, request, make_id("01g", 1 + server.org.requests.used), result, 0)


async def query_more(server: Server, request: Request) -> Response:
    """``GET /query/{locator}-{offset}``: the next page."""
    locator, _, offset = request.path_params["locator"].rpartition("-")
    result = server.cursors.get(locator)
    if result is None or not offset.isdigit():
        raise refuse("INVALID_QUERY_LOCATOR", "invalid query locator")
    return _page(server, request, locator, result, int(offset))


def _page(server: Server, request: Request, locator: str, result: queries.Result, start: int) -> Response:
    end = start + queries.page_size(request.headers.get("sforce-query-options"))
    done = end >= len(result.rows)
    page: dict[str, Any] = {"totalSize": result.total, "done": done}
    if not done:
        server.keep(locator, result)
        page["nextRecordsUrl"] = f"/services/data/v{version_of(request)}/query/{locator}-{end}"
    page["records"] = [result.render(record) for record in result.rows[start:end]]
    return answer(page)


def _row(server: Server, sobject: SObject, body: bytes) -> Row:
    return json_row(server.org.objects, sobject, json_object(body), body.decode("utf-8", "replace"))


def _write(server: Server, sobject: SObject, operation: str, row: Row) -> Outcome:
    return records.write(server.org.store, sobject, operation, [row], user=server.org.api_user)[0]


def _answer_write(outcome: Outcome, more: dict[str, Any] | None = None) -> Response:
    if not outcome.success:
        raise ApiError(outcome.problems, 400)
    if outcome.created:
        return answer({"id": outcome.record_id, "success": True, "errors": [], **(more or {})}, 201)
    return Response(status_code=204)


def _key(sobject: SObject, name: str) -> Field:
    key = sobject.field(name)
    if key is None:
        raise refuse("NOT_FOUND", f"Provided external ID field does not exist or is not accessible: {name}")
    if not key.upsert_key:
        raise not_external(key.name, sobject.name)
    return key


def _find(server: Server, sobject: SObject, key: Field, value: str) -> list[str]:
    return server.org.store.tables[sobject.name].find(key, read_value(key, key.name, value.strip(), ""))


def _named(server: Server, sobject: SObject, request: Request) -> list[str]:
    field = request.path_params.get("field")
    if field is not None and field.lower() != "id":
        return _find(server, sobject, _key(sobject, field), request.path_params["value"])
    text = request.path_params.get("value") or request.path_params["id"]
    record_id = _one_id(server, sobject, text)
    return [record_id] if record_id in server.org.store.tables[sobject.name].live else []


def _one_id(server: Server, sobject: SObject, text: str) -> str:
    record_id = server.org.store.known_id(text, sobject.name)
    if record_id is not None:
        return record_id
    if len(text) in {15, 18}:
        raise refuse("MALFORMED_ID", f"malformed id {text}")
    raise not_found(f"Provided external ID field does not exist or is not accessible: {text}")


def _live_id(server: Server, sobject: SObject, text: str) -> str:
    try:
        return records.existing_id(server.org.store, sobject, _one_id(server, sobject, text))
    except Failed as failure:
        raise ApiError(failure.problems, 404) from failure


def _several(sobject: SObject, ids: list[str], version: str) -> Response:
    return answer([f"/services/data/v{version}/sobjects/{sobject.name}/{record_id}" for record_id in ids], 300)
