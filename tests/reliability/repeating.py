"""Small servers of other kinds that repeat what they are sent: a proxy, a mail server, a database, any web server."""

from __future__ import annotations

import base64
import re
import socket
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from tests.reliability.canaries import forms

from sync_engine_sandbox.server import start

Talk = Callable[[socket.socket], None]


@contextmanager
def web(status: int, secrets: Mapping[str, str], headers: Mapping[str, str] | None = None) -> Iterator[str]:
    """A web server that answers everything with what it was sent, and with these secrets in every form."""

    async def repeat(request: Request) -> Response:
        sent = [value for _, value in request.headers.items()] + [(await request.body()).decode("utf-8", "replace")]
        packed = [base64.b64decode(each).decode() for each in re.findall("Basic (.*)", " ".join(sent))]
        known = [form for secret in secrets.values() for form in forms(secret).values()]
        text = "\n".join(sent + packed + known)
        return Response(text, status, dict(headers or {}), media_type="text/plain")

    methods = ["GET", "POST", "PUT", "PATCH", "DELETE"]
    server = start(Starlette(routes=[Route("/{path:path}", repeat, methods=methods)]))
    try:
        yield server.url
    finally:
        server.stop()


@contextmanager
def listening(talk: Talk) -> Iterator[int]:
    """A server that talks to whoever connects; gives its port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.1)
        done = threading.Event()

        def serve() -> None:
            while not done.is_set():
                with suppress(OSError):
                    peer, _ = listener.accept()
                    with peer:
                        peer.settimeout(5)
                        talk(peer)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            done.set()
            thread.join()


def proxy(peer: socket.socket) -> None:
    """A proxy that asks for a login, and repeats the one it got in its status line."""
    asked = peer.recv(65536).decode("latin-1")
    login = re.findall("(?i)proxy-authorization: Basic (.*)\r", asked)
    said = f"{login[0]} {base64.b64decode(login[0]).decode('utf-8', 'replace')}" if login else "no login"
    peer.sendall(f"HTTP/1.1 407 {said}\r\nContent-Length: 0\r\nProxy-Authenticate: {said}\r\n\r\n".encode())


def mail(peer: socket.socket) -> None:
    """A mail server that refuses a login, and repeats it."""
    peer.sendall(b"220 here\r\n")
    with peer.makefile("rb") as lines:
        for line in lines:
            if line.startswith(b"EHLO"):
                peer.sendall(b"250-here\r\n250 AUTH PLAIN LOGIN\r\n")
            elif line.startswith(b"AUTH"):
                said = line.split()[-1]
                peer.sendall(b"535 %b %b\r\n" % (said, base64.b64decode(said).replace(b"\0", b" ")))
            else:
                peer.sendall(b"221 bye\r\n")
                return


def database(peer: socket.socket) -> None:
    """A PostgreSQL server that asks for the password in plain text, and repeats it in its refusal."""
    size = struct.unpack("!I", peer.recv(4))[0]
    if struct.unpack("!I", peer.recv(size - 4)[:4])[0] == 80877103:  # TLS is asked for
        peer.sendall(b"N")
        peer.recv(65536)
    peer.sendall(b"R" + struct.pack("!II", 8, 3))
    password = peer.recv(65536)[5:-1]
    said = b"SFATAL\0C28P01\0M" + b"password authentication failed: " + password + b"\0\0"
    peer.sendall(b"E" + struct.pack("!I", len(said) + 4) + said)
