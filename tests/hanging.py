"""Servers that take a request and never bring its answer to an end, over plain sockets."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

EVERY = 0.05
"""Seconds between two bytes of a server that drips."""
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


@contextmanager
def hanging(at_once: bytes = b"", drips: bytes = b"") -> Iterator[str]:
    """The URL of a server.

    Args:
        at_once: what it sends when it was asked something.
        drips: what it sends then, byte by byte, again and again; nothing when empty.
    """
    ended = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer(connection: socket.socket) -> None:
            with connection, suppress(OSError):
                connection.recv(65536)
                connection.sendall(at_once)
                while not ended.wait(EVERY):
                    for place in range(len(drips)):
                        connection.sendall(drips[place : place + 1])
                        if ended.wait(EVERY):
                            break

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                threading.Thread(target=answer, args=(connection,), daemon=True).start()

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            ended.set()
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()
