"""One call as a handler sees it, and what the handler answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from sync_engine_sandbox.pim.errors import ApiError, invalid_json, refused
from sync_engine_sandbox.pim.state import PimState

Json = dict[str, Any]
COLLECTION = "application/vnd.akeneo.collection+json"
BATCH_LINES = 100
LINE_LENGTH = 1_000_000


@dataclass(frozen=True, slots=True)
class ApiCall:
    """A call that passed the gate.

    Args:
        state: the PIM.
        path: the resource, below ``/api/rest/v1/``.
        keys: what the route took out of the path.
        query: the query parameters.
        body: the bytes of the body.
        content_type: the ``Content-Type`` header.
        authorization: the ``Authorization`` header.
        host: scheme, name and port that the client called.
    """

    state: PimState
    path: str
    keys: Mapping[str, str]
    query: Mapping[str, str]
    body: bytes = b""
    content_type: str = ""
    authorization: str = ""
    host: str = ""

    def object(self) -> Json:
        """The body, which must be a JSON object.

        Raises:
            ApiError: 400, it is not.
        """
        return json_object(self.body)


@dataclass(frozen=True, slots=True)
class Reply:
    """What a handler answers.

    Args:
        payload: goes out as JSON; None for an empty body.
        status: the HTTP status.
        location: path of the resource that was written, below ``/api/rest/v1/``.
        content: bytes that go out as they are, in place of ``payload``.
        content_type: of ``content``.
        headers: extra response headers.
    """

    payload: Any = None
    status: int = 200
    location: str | None = None
    content: bytes | None = None
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


Handler = Callable[[ApiCall], Reply]


def json_object(body: bytes | str) -> Json:
    """A JSON object out of text.

    Raises:
        ApiError: 400, it is not one.
    """
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise invalid_json() from None
    if not isinstance(value, dict):
        raise invalid_json()
    return value


def written(path: str, *, created: bool) -> Reply:
    """The answer to a write of one resource."""
    return Reply(status=201 if created else 204, location=path)


def batch(body: bytes, key: str, write: Callable[[str, Json], int]) -> Reply:
    """Write one resource a line, and answer one line each.

    Args:
        body: JSON objects, one a line.
        key: the property that names the resource.
        write: writes one and gives its status.

    Raises:
        ApiError: 413, there are too many lines.
    """
    lines = body.split(b"\n")
    if lines and not lines[-1].strip():
        lines.pop()
    if len(lines) > BATCH_LINES:
        raise ApiError(413, f"Too many resources to process, {BATCH_LINES} is the maximum allowed.")
    rows = [orjson.dumps(_line(number, line, key, write)) for number, line in enumerate(lines, start=1)]
    return Reply(content=b"\n".join(rows), content_type=COLLECTION)


def collection(body: bytes, write: Callable[[str, Json], int]) -> Reply:
    """Write a JSON array of resources, and answer an array: the way of records, assets and measurement families.

    Raises:
        ApiError: 400 when the body is not an array, 413 when it is too long.
    """
    try:
        items = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise invalid_json() from None
    if not isinstance(items, list):
        raise invalid_json()
    if len(items) > BATCH_LINES:
        raise ApiError(413, f"Too many resources to process, {BATCH_LINES} is the maximum allowed.")
    return Reply([_outcome({}, item, "code", write) for item in items])


def _line(number: int, line: bytes, key: str, write: Callable[[str, Json], int]) -> Json:
    if len(line) > LINE_LENGTH:
        return {"line": number, "status_code": 413, "message": "Line is too long."}
    try:
        item = json_object(line)
    except ApiError as error:
        return {"line": number, "status_code": error.status, "message": error.message}
    return _outcome({"line": number}, item, key, write)


def _outcome(row: Json, item: Any, key: str, write: Callable[[str, Json], int]) -> Json:
    try:
        code = item.get(key) if isinstance(item, dict) else None
        if not isinstance(code, str) or not code.strip():
            raise refused(f"{key.capitalize()} is missing.")
        row = {**row, key: code}
        return {**row, "status_code": write(code, item)}
    except ApiError as error:
        body = error.body()
        return {**row, "status_code": body.pop("code"), **body}
