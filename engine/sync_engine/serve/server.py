"""The web server in a thread of its own, on an address that it may listen on."""

from __future__ import annotations

import ipaddress
import socket
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sync_engine.sdk.errors import Refused

if TYPE_CHECKING:
    import uvicorn
    from starlette.types import ASGIApp

START_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class WebServer:
    """A server that answers at ``url`` until it is stopped."""

    url: str
    _server: uvicorn.Server
    _thread: threading.Thread

    def stop(self) -> None:
        """End it; requests under way have a second."""
        self._server.should_exit = True
        self._thread.join(timeout=3)


def listening_on(listen: str, *, guarded: bool) -> tuple[str, int]:
    """Host and port of an address.

    Args:
        listen: such as ``127.0.0.1:8080``.
        guarded: whether requests must bring a token.

    Raises:
        Refused: it is no address, or others could reach it without a token.
    """
    host, _, port = listen.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not host or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise Refused(f"`{listen}` is no host and port to listen on", hint="Such as 127.0.0.1:8080 or 0.0.0.0:8080.")
    if not guarded and not _is_loopback(host):
        raise Refused(
            f"{listen} can be reached from other machines, and no token is set",
            hint="Set `serve.token` in sync-engine.yaml, or the variable SYNC_ENGINE_SERVE_TOKEN.",
        )
    return host, int(port)


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def start_web(app: ASGIApp, host: str, port: int) -> WebServer:
    """Serve an application.

    Raises:
        Refused: the address cannot be listened on.
    """
    import uvicorn

    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise Refused(f"{host} is no address of this machine: {error.strerror}") from error
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError as error:
        listener.close()
        raise Refused(f"{host}:{port} cannot be listened on: {error.strerror}", hint="Choose with --listen.") from error
    config = uvicorn.Config(
        app,
        log_level="critical",
        access_log=False,
        lifespan="off",
        limit_concurrency=100,
        timeout_keep_alive=5,
        timeout_graceful_shutdown=1,
        server_header=False,
        proxy_headers=False,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="web", daemon=True)
    thread.start()
    until = time.monotonic() + START_SECONDS
    while not server.started:
        if not thread.is_alive() or time.monotonic() > until:
            raise Refused(f"the web server at {host}:{port} did not start")
        time.sleep(0.01)
    shown = f"[{host}]" if ":" in host else host
    return WebServer(f"http://{shown}:{listener.getsockname()[1]}", server, thread)
