"""The application around each server: the faults that are due, the clock's Date, and the endpoint that controls both.

``/_sandbox/faults`` is none of the imitated APIs: ``GET`` tells what is in force and what happened, ``PUT`` puts
``{"profile": NAME}`` or ``{"rules": […]}`` with a ``seed`` in force at both servers, ``DELETE`` ends it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import MutableMapping
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

from sync_engine_sandbox.faults.rules import FaultsError, load_profile, read_rules
from sync_engine_sandbox.faults.state import Faults
from sync_engine_sandbox.faults.steps import step_of
from sync_engine_sandbox.faults.wire import IN_ITS_PLACE, ON_THE_WIRE, Exchange
from sync_engine_sandbox.faults.world import IN_THE_SERVICE, World

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

CONTROL = "/_sandbox/faults"


class FaultyServer:
    """One of both servers, with what goes wrong around it.

    Args:
        app: the server.
        side: ``pim`` or ``crm``.
        world: both services.
    """

    def __init__(self, app: ASGIApp, side: str, world: World) -> None:
        self._app = app
        self._side = side
        self._world = world
        self._faults = world.faults

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        dated = self._dated(send)
        if scope["type"] == "http" and scope["path"] == CONTROL:
            await _control(self._faults, scope, receive, dated)
        elif scope["type"] == "http" and self._faults.rules:
            await self._answer(scope, receive, dated)
        else:
            await self._app(scope, receive, dated)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        place = step_of(scope["method"], scope["path"]) or self._side
        due = self._faults.due(place)
        for each in due:
            if each.rule.fault in IN_THE_SERVICE:
                IN_THE_SERVICE[each.rule.fault](self._world, self._side, each, scope["path"])
        for each in due:
            if each.rule.fault in IN_ITS_PLACE:
                exchange = Exchange(self._app, scope, receive, send, self._side)
                await exchange.answer(IN_ITS_PLACE[each.rule.fault](self._side, each.rule))
                return
        for each in due:
            if each.rule.fault in ON_THE_WIRE:
                await ON_THE_WIRE[each.rule.fault](Exchange(self._app, scope, receive, send, self._side), each)
                return
        await self._app(scope, receive, send)

    def _dated(self, send: Send) -> Send:
        async def with_date(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                date = format_datetime(self._faults.now(self._side), usegmt=True).encode()
                message = {**message, "headers": [*message.get("headers", ()), (b"date", date)]}
            await send(message)

        return with_date


async def _control(faults: Faults, scope: Scope, receive: Receive, send: Send) -> None:
    request = Request(scope, receive)
    match request.method:
        case "GET":
            counts = Counter(f"{each.fault} at {each.at}" for each in faults.happened)
            told = {"seed": faults.seed, "rules": [each.plain() for each in faults.rules], "happened": dict(counts)}
            response = _json(told)
        case "PUT":
            response = _begin(faults, await request.body())
        case "DELETE":
            faults.end()
            response = Response(status_code=204)
        case _:
            response = Response(status_code=405, headers={"Allow": "GET, PUT, DELETE"})
    await response(scope, receive, send)


def _begin(faults: Faults, body: bytes) -> Response:
    try:
        wanted = orjson.loads(body)
        if not isinstance(wanted, dict) or not isinstance(wanted.get("seed", 1), int):
            raise FaultsError("give an object with `profile` or `rules`, and a number as `seed`")
        rules = read_rules(wanted["rules"]) if "rules" in wanted else load_profile(str(wanted.get("profile")))
    except (FaultsError, ValueError) as error:
        return _json({"error": str(error)}, 422)
    faults.begin(rules, wanted.get("seed", 1))
    return Response(status_code=204)


def _json(content: object, status: int = 200) -> Response:
    return Response(orjson.dumps(content), status, media_type="application/json")
