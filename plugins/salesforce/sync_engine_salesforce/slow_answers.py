"""Connections for requests whose answers come to an end.

requests limits the time between two bytes. A server that sends one every now and then would hold a request for ever, so
the whole answer has a limit, too, counted from the moment the request was sent.
"""

from __future__ import annotations

import http.client
import io
import socket
import time
from collections.abc import Mapping
from typing import Any

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

SLOWEST_ANSWER = 900.0
"""Seconds from a request to the last byte of its answer, files of results included."""


class _Limited(io.RawIOBase):
    """What comes in on a socket, until it is too late; raises TimeoutError then."""

    def __init__(self, raw: io.RawIOBase, sock: socket.socket) -> None:
        self._raw = raw
        self._sock = sock
        self._silence = sock.gettimeout()
        self._ends = time.monotonic() + SLOWEST_ANSWER

    def readable(self) -> bool:
        """It can be read."""
        return True

    def readinto(self, buffer: Any) -> int | None:
        """Fill the buffer with what has come; 0 at the end."""
        left = self._ends - time.monotonic()
        if left <= 0:
            raise TimeoutError("the answer did not come to its end")
        self._sock.settimeout(left if self._silence is None else min(self._silence, left))
        count: int | None = self._raw.readinto(buffer)
        return count

    def close(self) -> None:
        """Close the socket's side, too."""
        self._raw.close()
        super().close()


class _Answer(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *arguments: Any, **options: Any) -> None:
        super().__init__(sock, *arguments, **options)
        self.fp = io.BufferedReader(_Limited(self.fp.detach(), sock))


class _Connection(HTTPConnection):
    response_class = _Answer


class _SecureConnection(HTTPSConnection):
    response_class = _Answer


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


POOLS: Mapping[str, type[HTTPConnectionPool]] = {"http": _Pool, "https": _SecurePool}
"""For ``urllib3.PoolManager.pool_classes_by_scheme``."""
