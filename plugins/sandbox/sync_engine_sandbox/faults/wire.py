"""What goes wrong between a request and its answer."""

from __future__ import annotations

import asyncio
import gzip
import random
import socket
import struct
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import orjson

from sync_engine_sandbox.faults.rules import Rule
from sync_engine_sandbox.faults.state import Due
from sync_engine_sandbox.faults.steps import PIM
from sync_engine_sandbox.server import TRANSPORT

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

HTML = "text/html; charset=utf-8"
JSON = "application/json;charset=UTF-8"
PAGE = b"<!DOCTYPE html><html><head><title>%s</title></head><body><h1>%s</h1></body></html>"
_OF_BODIES = frozenset({b"content-length", b"transfer-encoding", b"content-encoding"})
_RESET = struct.pack("ii", 1, 0)
"""SO_LINGER, zero seconds: closing sends RST, as a machine does that lost its connections."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer; ``headers`` without what describes the body's length and packing."""

    status: int
    headers: tuple[tuple[bytes, bytes], ...] = ()
    body: bytes = b""

    @property
    def kind(self) -> str:
        """The content type."""
        return next((value.decode("latin-1") for name, value in self.headers if name.lower() == b"content-type"), "")


class Exchange:
    """A request whose body was read, and the way back to whoever sent it."""

    def __init__(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send, side: str) -> None:
        self.side = side
        self.query = parse_qs(scope.get("query_string", b"").decode("latin-1"))
        self._app, self._scope, self._receive, self._send = app, scope, receive, send
        self._body: bytes | None = None

    async def carry_out(self) -> Answer:
        """Let the server do what was asked; its answer is not sent."""
        body = await self._read()
        given = False
        status, headers, content = 500, [], bytearray()

        async def receive() -> MutableMapping[str, Any]:
            nonlocal given
            if given:
                await asyncio.Event().wait()
            given = True
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: MutableMapping[str, Any]) -> None:
            nonlocal status, headers
            if message["type"] == "http.response.start":
                status, headers = message["status"], list(message.get("headers", ()))
            else:
                content.extend(message.get("body", b""))

        # Handlers note in the scope what they found in the path.
        await self._app(dict(self._scope), receive, send)
        kept = tuple((name, value) for name, value in headers if name.lower() not in _OF_BODIES)
        return Answer(status, kept, bytes(content))

    async def answer(self, answer: Answer, *, length: int | None = None) -> None:
        """Send an answer; ``length`` is what is said of its body in place of the truth."""
        await self._read()
        await self._start(answer, len(answer.body) if length is None else length)
        await self._send({"type": "http.response.body", "body": answer.body})

    async def drip(self, answer: Answer, seconds: float) -> None:
        """Send an answer byte by byte."""
        await self._start(answer, len(answer.body))
        for place in range(len(answer.body)):
            await self._send({"type": "http.response.body", "body": answer.body[place : place + 1], "more_body": True})
            await asyncio.sleep(seconds)
        await self._send({"type": "http.response.body", "body": b""})

    async def break_off(self, answer: Answer) -> None:
        """Send half of an answer and close."""
        await self._start(answer, len(answer.body))
        half = answer.body[: len(answer.body) // 2]
        await self._send({"type": "http.response.body", "body": half, "more_body": True})
        self._transport.close()
        await self._gone()

    async def reset(self) -> None:
        """Reset the connection."""
        await self._read()
        self._transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self._transport.abort()
        await self._gone()

    async def hang(self) -> None:
        """Answer nothing, until the other side gives up."""
        await self._read()
        await self._gone()

    @property
    def _transport(self) -> asyncio.Transport:
        transport: asyncio.Transport = self._scope["extensions"][TRANSPORT]
        return transport

    async def _start(self, answer: Answer, length: int) -> None:
        headers = [*answer.headers, (b"content-length", str(length).encode())]
        await self._send({"type": "http.response.start", "status": answer.status, "headers": headers})

    async def _gone(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass

    async def _read(self) -> bytes:
        if self._body is None:
            pieces, more = [], True
            while more:
                message = await self._receive()
                pieces.append(message.get("body", b""))
                more = message.get("more_body", False)
            self._body = b"".join(pieces)
        return self._body


def _page(status: int, title: str, headers: Mapping[str, str] | None = None) -> Answer:
    return _made(status, PAGE % (title.encode(), title.encode()), HTML, headers)


def _said(side: str, status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> Answer:
    """An error in the service's own shape."""
    content: object = [{"message": message, "errorCode": code}]
    if side == PIM:
        content = {"code": status, "message": message}
    return _made(status, orjson.dumps(content), JSON, headers)


def _made(status: int, body: bytes, kind: str, headers: Mapping[str, str] | None) -> Answer:
    given = {"Content-Type": kind, **(headers or {})}
    return Answer(status, tuple((name.encode(), value.encode()) for name, value in given.items()), body)


def _too_many(side: str, headers: Mapping[str, str]) -> Answer:
    if side == PIM:
        return _said(side, 429, "", "You have exceeded the limit of API requests per second.", headers)
    return _page(429, "Too Many Requests", headers)


CONCURRENT = "ConcurrentRequests (Concurrent API Requests) Limit exceeded."
IN_ITS_PLACE: Mapping[str, Callable[[str, Rule], Answer]] = {
    "429": lambda side, rule: _too_many(side, {"Retry-After": f"{rule.seconds:.0f}"}),
    "429_silent": lambda side, _: _too_many(side, {}),
    "500": lambda side, _: _said(side, 500, "UNKNOWN_EXCEPTION", "An unexpected error occurred."),
    "502": lambda _side, _: _page(502, "Bad Gateway"),
    "503": lambda side, _: (
        _page(503, "Service Unavailable")
        if side == PIM
        else _said(side, 503, "SERVER_UNAVAILABLE", "The server is too busy. Please try again later.")
    ),
    "html": lambda _side, _: _page(200, "Log in"),
    "concurrent": lambda side, _: _said(side, 403, "REQUEST_LIMIT_EXCEEDED", CONCURRENT),
    "daily_limit": lambda side, _: _said(side, 403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded."),
}
"""Answers that are given in the server's place."""


async def _reset(exchange: Exchange, _: Due) -> None:
    await exchange.reset()


async def _hang(exchange: Exchange, _: Due) -> None:
    await exchange.hang()


async def _lost(exchange: Exchange, _: Due) -> None:
    await exchange.carry_out()
    await exchange.reset()


async def _late(exchange: Exchange, due: Due) -> None:
    await exchange.reset()
    await asyncio.sleep(due.rule.seconds)
    await exchange.carry_out()


async def _cut(exchange: Exchange, _: Due) -> None:
    await exchange.break_off(await exchange.carry_out())


async def _slow(exchange: Exchange, due: Due) -> None:
    await exchange.drip(await exchange.carry_out(), due.rule.seconds)


async def _half(exchange: Exchange, _: Due) -> None:
    answer = await exchange.carry_out()
    await exchange.answer(replace(answer, body=answer.body[: len(answer.body) // 2]))


async def _half_gzip(exchange: Exchange, _: Due) -> None:
    answer = await exchange.carry_out()
    packed = gzip.compress(answer.body)
    headers = (*answer.headers, (b"content-encoding", b"gzip"))
    await exchange.answer(replace(answer, headers=headers, body=packed[: len(packed) // 2]))


async def _twice(exchange: Exchange, _: Due) -> None:
    await exchange.carry_out()
    await exchange.answer(await exchange.carry_out())


async def _disorder(exchange: Exchange, due: Due) -> None:
    answer = await exchange.carry_out()
    await exchange.answer(replace(answer, body=disordered(answer, due.chance, exchange.query)))


ON_THE_WIRE: Mapping[str, Callable[[Exchange, Due], Awaitable[None]]] = {
    "reset": _reset,
    "hang": _hang,
    "lost": _lost,
    "late": _late,
    "cut": _cut,
    "slow": _slow,
    "half": _half,
    "half_gzip": _half_gzip,
    "twice": _twice,
    "disorder": _disorder,
}


def disordered(answer: Answer, chance: random.Random, query: Mapping[str, list[str]]) -> bytes:
    """The body with what has no promised order in another one."""
    if answer.status != 200 or not answer.kind.startswith("application/json"):
        return answer.body
    document = orjson.loads(answer.body)
    if not isinstance(document, dict):
        return answer.body
    ordered = "order by" in query.get("q", [""])[0].lower()
    if isinstance(document.get("records"), list) and not ordered:
        chance.shuffle(document["records"])
    for item in document.get("_embedded", {}).get("items", ()):
        values = list(item.get("values", {}).items())
        chance.shuffle(values)
        if values:
            item["values"] = dict(values)
    return orjson.dumps(document)
