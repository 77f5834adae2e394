"""Run an ASGI application on loopback, in a thread, until it is stopped."""

from __future__ import annotations

import socket
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

if TYPE_CHECKING:
    import asyncio

    from starlette.types import ASGIApp, Receive, Scope, Send

START_TIMEOUT = 15.0
TRANSPORT = "sandbox.transport"
"""Extension in the ASGI scope: the connection's transport, for applications that break it."""


@dataclass(frozen=True, slots=True)
class RunningServer:
    """A server that answers at ``url`` until ``stop`` is called."""

    url: str
    _server: uvicorn.Server
    _thread: threading.Thread

    def stop(self) -> None:
        """End the server and wait for its thread."""
        self._server.should_exit = True
        self._thread.join(timeout=START_TIMEOUT)


class _Protocol(H11Protocol):
    """HTTP that lets the application get hold of its connection."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        inner = self.app

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            scope.setdefault("extensions", {})[TRANSPORT] = transport
            await inner(scope, receive, send)

        self.app = app


def start(app: ASGIApp, port: int = 0, *, dated: bool = True) -> RunningServer:
    """Serve ``app`` on 127.0.0.1.

    Args:
        app: the application.
        port: 0 takes any free port.
        dated: give answers the machine's ``Date``; the application does so itself otherwise.

    Raises:
        OSError: the port is taken.
    """
    # Naming the protocol matters: only then does asyncio switch off Nagle's algorithm, which costs 40 ms an answer.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
    except OSError:
        listener.close()
        raise
    bound = listener.getsockname()[1]
    config = uvicorn.Config(
        app,
        http=_Protocol,
        log_level="warning",
        access_log=False,
        lifespan="off",
        timeout_graceful_shutdown=2,
        date_header=dated,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name=f"sandbox-{bound}", daemon=True)
    thread.start()
    deadline = time.monotonic() + START_TIMEOUT
    while not server.started:
        if not thread.is_alive() or time.monotonic() > deadline:
            raise OSError(f"the server on port {bound} did not start")
        time.sleep(0.005)
    return RunningServer(f"http://127.0.0.1:{bound}", server, thread)
