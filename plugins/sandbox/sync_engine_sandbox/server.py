"""Run an ASGI application on loopback, in a thread, until it is stopped."""

from __future__ import annotations

import socket
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import uvicorn

if TYPE_CHECKING:
    from starlette.types import ASGIApp

START_TIMEOUT = 15.0


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


def start(app: ASGIApp, port: int = 0) -> RunningServer:
    """Serve ``app`` on 127.0.0.1.

    Args:
        app: the application.
        port: 0 takes any free port.

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
    config = uvicorn.Config(app, log_level="warning", access_log=False, lifespan="off", timeout_graceful_shutdown=2)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name=f"sandbox-{bound}", daemon=True)
    thread.start()
    deadline = time.monotonic() + START_TIMEOUT
    while not server.started:
        if not thread.is_alive() or time.monotonic() > deadline:
            raise OSError(f"the server on port {bound} did not start")
        time.sleep(0.005)
    return RunningServer(f"http://127.0.0.1:{bound}", server, thread)
