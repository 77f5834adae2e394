"""The addresses of the API: what is asked for, in which pages, and what is answered where that cannot be had."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

import orjson

from sync_engine.ledger.store import Ledger
from sync_engine.sdk.errors import SyncEngineError
from sync_engine.serve.answers import (
    LARGEST_PAGE,
    PAGE,
    Json,
    Page,
    catalog_data,
    catalogs_data,
    schedule_data,
    status_data,
    transfer_data,
    transfers_data,
)
from sync_engine.serve.status import Board

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route

Answer = Callable[["Request", Ledger], Json | None]
_NUMBER = re.compile(r"[0-9]{1,6}")
_LONGEST = 500
MOST_DAYS = 31


class _Asked(ValueError):
    """What was asked for makes no sense; the text says why."""


def api_routes(board: Board) -> list[Route]:
    """The routes below ``/api``; all of them only read."""
    from starlette.routing import Route

    def status(_: Request) -> Response:
        return _json(200, status_data(board.status))

    def catalogs(request: Request, ledger: Ledger) -> Json:
        return catalogs_data(board.status, ledger, _page(request))

    def catalog(request: Request, ledger: Ledger) -> Json | None:
        return catalog_data(board.status, ledger, request.path_params["name"])

    def transfers(request: Request, ledger: Ledger) -> Json:
        return transfers_data(ledger, request.query_params.get("catalog"), _page(request))

    def transfer(request: Request, ledger: Ledger) -> Json | None:
        return transfer_data(ledger, request.path_params["id"], _page(request))

    def schedule(request: Request, ledger: Ledger) -> Json:
        return schedule_data(board.status, ledger, _number(request, "days", 1, MOST_DAYS))

    answers: dict[str, Answer] = {
        "schedule": schedule,
        "catalogs": catalogs,
        "catalogs/{name}": catalog,
        "transfers": transfers,
        "transfers/{id}": transfer,
    }
    with_ledger = [Route(f"/api/{path}", _with_ledger(board, answer)) for path, answer in answers.items()]
    return [Route("/api/status", status), *with_ledger]


def _with_ledger(board: Board, answer: Answer) -> Callable[[Request], Response]:
    def endpoint(request: Request) -> Response:
        ledger = board.status.ledger
        if ledger is None:
            return _json(503, {"error": board.status.not_ready() or "the ledger is not open"})
        try:
            found = answer(request, ledger)
        except _Asked as error:
            return _json(400, {"error": str(error)})
        except SyncEngineError as error:
            return _json(503, {"error": error.message})
        return _json(404, {"error": "there is none"}) if found is None else _json(200, found)

    return endpoint


def _page(request: Request) -> Page:
    after = request.query_params.get("after", "")
    if len(after) > _LONGEST:
        raise _Asked("after is what the page before gave as next")
    return Page(_number(request, "limit", PAGE, LARGEST_PAGE), after)


def _number(request: Request, name: str, usual: int, most: int) -> int:
    given = request.query_params.get(name, str(usual))
    if not _NUMBER.fullmatch(given) or not 1 <= int(given) <= most:
        raise _Asked(f"{name} must be a number from 1 to {most}")
    return int(given)


def _json(status: int, data: Json) -> Response:
    from starlette.responses import Response

    return Response(orjson.dumps(data), status, media_type="application/json")
