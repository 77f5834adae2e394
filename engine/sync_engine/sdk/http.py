"""httpx clients whose answers come to an end.

httpx limits the time between two bytes. A server that sends one every now and then would hold a request for ever, so
the whole answer has a limit, too, counted from the moment the request was sent. httpx has no setting for it and takes
no network of one's own; so one is put below its transports, where every read passes.
"""

from __future__ import annotations

import contextlib
import logging
import ssl
import time
from collections.abc import Iterable
from typing import Any

import httpcore
import httpx

TOO_SLOW = "the answer did not come to its end"
_TALKATIVE = ("httpx", "httpcore")
"""Loggers that tell addresses, which may be secrets, and headers of answers, in which a service may repeat some."""


def open_client(slowest_answer: float, *, timeout: float, **options: Any) -> httpx.Client:
    """A client whose requests raise ``httpx.ReadTimeout`` when an answer takes too long.

    Args:
        slowest_answer: seconds from a request to the last byte of its answer; its text begins with ``TOO_SLOW``.
        timeout: seconds to connect, and between two bytes.
        options: of ``httpx.Client``.
    """
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)
    client = httpx.Client(timeout=timeout, **options)
    for transport in (client._transport, *client._mounts.values()):  # noqa: SLF001 - see above
        if isinstance(transport, httpx.HTTPTransport):
            pool = transport._pool  # noqa: SLF001
            pool._network_backend = _Network(pool._network_backend, slowest_answer)  # noqa: SLF001
    return client


class _Network(httpcore.NetworkBackend):
    """A network whose connections know how long an answer takes."""

    def __init__(self, network: httpcore.NetworkBackend, seconds: float) -> None:
        self._network = network
        self._seconds = seconds

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        return _Stream(self._network.connect_tcp(host, port, timeout, local_address, socket_options), self._seconds)


class _Stream(httpcore.NetworkStream):
    def __init__(self, stream: httpcore.NetworkStream, seconds: float) -> None:
        self._stream = stream
        self._seconds = seconds
        self._ends = time.monotonic() + seconds

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        left = self._ends - time.monotonic()
        if timeout is not None and timeout < left:
            return self._stream.read(max_bytes, timeout)
        if left > 0:
            with contextlib.suppress(httpcore.ReadTimeout):
                return self._stream.read(max_bytes, left)
        raise httpcore.ReadTimeout(f"{TOO_SLOW} in {self._seconds:g} seconds")

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, timeout)
        self._ends = time.monotonic() + self._seconds

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, timeout), self._seconds)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
