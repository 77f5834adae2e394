"""Many records in one call (sObject Collections) and several calls in one (Composite)."""

from __future__ import annotations

import re
from itertools import groupby
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import orjson

from sync_engine_sandbox.crm import records
from sync_engine_sandbox.crm.errors import refuse
from sync_engine_sandbox.crm.records import ROLLED_BACK, Outcome, Row
from sync_engine_sandbox.crm.rest import shown
from sync_engine_sandbox.crm.rows import json_row, not_external
from sync_engine_sandbox.crm.server import IN_COMPOSITE, Server, answer, json_object, version_of

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.types import Message

    from sync_engine_sandbox.crm.fields import Field
    from sync_engine_sandbox.crm.objects import SObject

ROWS_MAX = 200
RETRIEVE_MAX = 2_000
RUNS_MAX = 10
PARTS_MAX = 25
HEAVY_MAX = 5
REFERENCE = re.compile(r"@\{([^}]+)\}")
HALTED = [
    {
        "errorCode": "PROCESSING_HALTED",
        "message": "The transaction was rolled back since another operation in the same transaction failed.",
    }
]


async def create_all(server: Server, request: Request) -> Response:
    """``POST /composite/sobjects``."""
    return await _write_all(server, request, "insert")


async def update_all(server: Server, request: Request) -> Response:
    """``PATCH /composite/sobjects``."""
    return await _write_all(server, request, "update")


async def upsert_all(server: Server, request: Request) -> Response:
    """``PATCH /composite/sobjects/X/ExtField``."""
    sobject = server.sobject(request.path_params["name"])
    name = request.path_params["field"]
    key = sobject.field(name)
    if key is None:
        raise refuse("NOT_FOUND", f"Provided external ID field does not exist or is not accessible: {name}")
    if not key.upsert_key:
        raise not_external(key.name, sobject.name)
    return await _write_all(server, request, "upsert", key, sobject)


async def _write_all(
    server: Server, request: Request, operation: str, key: Field | None = None, only: SObject | None = None
) -> Response:
    body = await request.body()
    decoded = json_object(body)
    sent = decoded.get("records")
    if not isinstance(sent, list):
        raise refuse("REQUIRED_FIELD_MISSING", "Required fields are missing: [records]", "records")
    _check_size(len(sent), ROWS_MAX)
    text = body.decode("utf-8", "replace")
    rows = [_typed_row(server, record, only, text) for record in sent]
    return answer(_run(server, operation, rows, key, all_or_none=decoded.get("allOrNone") is True))


def _check_size(count: int, most: int) -> None:
    if count > most:
        raise refuse(
            "EXCEEDED_ID_LIMIT", f"record limit reached. cannot submit more than {most} records in this operation"
        )


def _typed_row(server: Server, record: Any, only: SObject | None, text: str) -> tuple[SObject, Row]:
    attributes = record.get("attributes") if isinstance(record, dict) else None
    name = attributes.get("type") if isinstance(attributes, dict) else None
    sobject = server.org.objects.by_name.get(str(name).lower())
    if sobject is None or (only is not None and sobject is not only):
        raise refuse("INVALID_TYPE", f"sObject type '{name}' is not supported.")
    return sobject, json_row(server.org.objects, sobject, record, text)


def _run(
    server: Server, operation: str, rows: list[tuple[SObject, Row]], key: Field | None, *, all_or_none: bool
) -> list[dict[str, Any]]:
    runs = [(sobject, [row for _, row in group]) for sobject, group in groupby(rows, key=lambda pair: pair[0])]
    if len(runs) > RUNS_MAX:
        message = f"Cannot have more than {RUNS_MAX} chunks in a single operation."
        raise refuse("LIMIT_EXCEEDED", f"{message} Please rearrange the data to reduce chunking.")
    store = server.org.store
    with store.lock, store.undoable() as take_back:
        outcomes = [
            outcome
            for sobject, group in runs
            for outcome in records.write(store, sobject, operation, group, user=server.org.api_user, key=key)
        ]
        if all_or_none and not all(outcome.success for outcome in outcomes):
            take_back()
            outcomes = [Outcome(problems=(ROLLED_BACK,)) if outcome.success else outcome for outcome in outcomes]
    return [_result(outcome, with_created=operation == "upsert") for outcome in outcomes]


def _result(outcome: Outcome, *, with_created: bool) -> dict[str, Any]:
    if not outcome.success:
        return {"success": False, "errors": [problem.in_collection() for problem in outcome.problems]}
    result: dict[str, Any] = {"id": outcome.record_id, "success": True, "errors": []}
    return result | ({"created": outcome.created} if with_created else {})


async def delete_all(server: Server, request: Request) -> Response:
    """``DELETE /composite/sobjects?ids=``."""
    ids = [text for text in request.query_params.get("ids", "").split(",") if text]
    if not ids:
        raise refuse("MISSING_ARGUMENT", "The ids parameter is required.")
    _check_size(len(ids), ROWS_MAX)
    rows: list[tuple[SObject, Row]] = []
    for text in ids:
        sobject = server.org.store.sobject_of(text)
        if sobject is None:
            raise refuse("MALFORMED_ID", f"malformed id {text}")
        rows.append((sobject, Row(record_id=text)))
    all_or_none = request.query_params.get("allOrNone", "").lower() == "true"
    return answer(_run(server, "delete", rows, None, all_or_none=all_or_none))


async def retrieve_all(server: Server, request: Request) -> Response:
    """``GET`` and ``POST /composite/sobjects/X``: records by id, null for one that is not there."""
    sobject = server.sobject(request.path_params["name"])
    if request.method == "POST":
        body = json_object(await request.body())
        ids, names = body.get("ids", []), body.get("fields", [])
    else:
        ids, names = (request.query_params.get(name, "").split(",") for name in ("ids", "fields"))
    _check_size(len(ids), RETRIEVE_MAX)
    chosen = []
    for name in names:
        item = sobject.field(name)
        if item is None:
            raise refuse("INVALID_FIELD", f"No such column '{name}' on sobject of type {sobject.name}")
        chosen.append(item)
    live = server.org.store.tables[sobject.name].live
    found = [live.get(server.org.store.known_id(text, sobject.name) or "") for text in ids]
    return answer(
        [None if record is None else shown(server, sobject, record, chosen, version_of(request)) for record in found]
    )


async def composite(server: Server, request: Request) -> Response:
    """``POST /composite``: parts in order, later ones may use earlier answers through ``@{reference.id}``."""
    decoded = json_object(await request.body())
    parts = decoded.get("compositeRequest")
    if not isinstance(parts, list) or not all(
        isinstance(part, dict) and {"method", "url", "referenceId"} <= part.keys() for part in parts
    ):
        raise refuse("JSON_PARSER_ERROR", "compositeRequest must be a list of parts with method, url and referenceId")
    heavy = sum("/query" in part["url"] or "/composite/sobjects" in part["url"] for part in parts)
    if len(parts) > PARTS_MAX or heavy > HEAVY_MAX:
        raise refuse(
            "LIMIT_EXCEEDED",
            f"A composite request takes {PARTS_MAX} parts, {HEAVY_MAX} of them queries or collections.",
        )
    all_or_none = decoded.get("allOrNone") is True
    answers: list[dict[str, Any]] = []
    store = server.org.store
    with store.lock, store.undoable() as take_back:  # nothing in here waits, so no other request comes in between
        for part in parts:
            answers.append(await _part(request, part, answers))
            if all_or_none and answers[-1]["httpStatusCode"] >= 400:
                take_back()
                failed = len(answers) - 1
                answers = [_halted(item["referenceId"]) for item in answers[:failed]] + [answers[failed]]
                answers += [_halted(later["referenceId"]) for later in parts[failed + 1 :]]
                break
    return answer({"compositeResponse": answers})


def _halted(reference: str) -> dict[str, Any]:
    return {"body": HALTED, "httpHeaders": {}, "httpStatusCode": 400, "referenceId": reference}


async def _part(request: Request, part: dict[str, Any], earlier: list[dict[str, Any]]) -> dict[str, Any]:
    answered = {item["referenceId"]: item["body"] for item in earlier}
    url = urlsplit(_filled(part["url"], answered))
    body = orjson.dumps(_filled(part["body"], answered)) if "body" in part else b""
    scope = {**request.scope, "method": part["method"].upper(), "path": url.path, "raw_path": url.path.encode(),
             "query_string": url.query.encode(), "path_params": {}, IN_COMPOSITE: True}  # fmt: skip
    for name in ("endpoint", "route", "router"):
        scope.pop(name, None)
    messages: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Message) -> None:
        messages.append(message)

    await request.app(scope, receive, send)
    status = next(message["status"] for message in messages if message["type"] == "http.response.start")
    content = b"".join(message.get("body", b"") for message in messages if message["type"] == "http.response.body")
    decoded = orjson.loads(content) if content else None
    headers = (
        {"Location": f"{url.path}/{decoded['id']}"}
        if status == 201 and isinstance(decoded, dict) and "id" in decoded
        else {}
    )
    return {"body": decoded, "httpHeaders": headers, "httpStatusCode": status, "referenceId": part["referenceId"]}


def _filled(value: Any, answered: dict[str, Any]) -> Any:
    """Put earlier answers in the place of ``@{reference.path}``."""
    if isinstance(value, dict):
        return {name: _filled(inner, answered) for name, inner in value.items()}
    if isinstance(value, list):
        return [_filled(inner, answered) for inner in value]
    if isinstance(value, str):
        return REFERENCE.sub(lambda match: str(_looked_up(match.group(1), answered)), value)
    return value


def _looked_up(path: str, answered: dict[str, Any]) -> Any:
    found: Any = answered
    for name, index in re.findall(r"([^.\[\]]+)|\[(\d+)\]", path):
        try:
            found = found[int(index)] if index else found[name]
        except (KeyError, IndexError, TypeError):
            raise refuse("PROCESSING_HALTED", f"Invalid reference specified. No value for {path} found") from None
    return found
