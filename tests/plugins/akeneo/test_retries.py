"""Calls that are repeated, and for how long."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from tests.hanging import HEAD, hanging
from tests.plugins.akeneo.standin import SECRETS, StandIn

from sync_engine.sdk.errors import Refused, Unavailable
from sync_engine.sdk.source import Source
from sync_engine.sdk.values import MediaRef
from sync_engine_akeneo import adapter
from sync_engine_akeneo.answers import retry_after
from sync_engine_akeneo.client import PimClient
from sync_engine_akeneo.settings import read_settings

BUSY = JSONResponse({"code": 429, "message": "You have exceeded the limit."}, 429, {"Retry-After": "15"})


class Waiting:
    """A clock that jumps by what is waited, and keeps the waits."""

    def __init__(self) -> None:
        self.now = 0.0
        self.waits: list[float] = []

    def clock(self) -> float:
        return self.now

    def pause(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds


@pytest.fixture
def waiting() -> Waiting:
    return Waiting()


@pytest.fixture
def client(pim: StandIn, waiting: Waiting) -> Iterator[PimClient]:
    settings: dict[str, Any] = {"url": pim.url, "retry_minutes": 5} | SECRETS
    made = PimClient(read_settings("pim", settings), clock=waiting.clock, pause=waiting.pause)
    yield made
    made.close()


def test_a_call_is_repeated_until_the_pim_answers(pim: StandIn, client: PimClient, waiting: Waiting) -> None:
    pim.on("families", Response(status_code=503), Response(status_code=408), Response(status_code=502), {"fine": True})
    assert client.get("families") == {"fine": True}
    assert len(waiting.waits) == 3
    assert 0.5 <= waiting.waits[0] <= 1.0 <= waiting.waits[1] <= 2.0 <= waiting.waits[2] <= 4.0


def test_retry_after_is_obeyed(pim: StandIn, client: PimClient, waiting: Waiting) -> None:
    pim.on("families", BUSY, {"fine": True})
    client.get("families")
    assert waiting.waits == [15.0]


def test_retry_after_may_be_a_date_and_is_capped() -> None:
    later = datetime.now(UTC) + timedelta(seconds=90)
    assert 88 < (retry_after({"retry-after": format_datetime(later, usegmt=True)}) or 0) <= 90
    assert retry_after({"retry-after": "100000"}) == 600
    assert retry_after({"retry-after": format_datetime(later - timedelta(days=1))}) == 0
    assert retry_after({"retry-after": "in a while"}) is None
    assert retry_after({}) is None


def test_the_time_budget_ends_the_repeating(pim: StandIn, client: PimClient, waiting: Waiting) -> None:
    pim.on("families", Response(status_code=500))
    with pytest.raises(Unavailable):
        client.get("families")
    assert 200 < waiting.now <= 300
    assert len(waiting.waits) < 20


def test_a_wait_longer_than_the_budget_is_handed_to_the_caller(
    pim: StandIn, client: PimClient, waiting: Waiting
) -> None:
    pim.on("families", JSONResponse({"message": "later"}, 429, {"Retry-After": "400"}))
    with pytest.raises(Unavailable) as caught:
        client.get("families")
    assert caught.value.retry_after == 400
    assert waiting.waits == []


def test_what_is_refused_is_not_repeated(pim: StandIn, client: PimClient, waiting: Waiting) -> None:
    pim.on("families", JSONResponse({"message": "no"}, 422))
    with pytest.raises(Refused):
        client.get("families")
    assert pim.paths() == ["families"]


def test_a_page_that_failed_in_the_background_is_asked_for_again(
    pim: StandIn, client: PimClient, waiting: Waiting
) -> None:
    pim.on("families", Response(status_code=503), {"fine": True})
    assert client.get("families", None, client.start("families")) == {"fine": True}
    assert len(waiting.waits) == 1


def test_never_more_calls_are_under_way_than_allowed(pim: StandIn) -> None:
    lock = threading.Lock()
    now, most = 0, 0

    def slow(_: Request) -> Response:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        time.sleep(0.03)
        with lock:
            now -= 1
        return JSONResponse(pim.page([]))

    pim.on("families", slow)
    settings: dict[str, Any] = {"url": pim.url, "concurrency": 2} | SECRETS
    client = PimClient(read_settings("pim", settings))
    with ThreadPoolExecutor(6) as threads:
        list(threads.map(lambda _: client.get("families"), range(8)))
    client.close()
    assert most == 2


def test_an_unreachable_pim_is_unavailable_and_told_soon() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    waiting = Waiting()
    settings: dict[str, Any] = {"url": f"http://127.0.0.1:{port}"} | SECRETS
    client = PimClient(read_settings("pim", settings), clock=waiting.clock, pause=waiting.pause)
    with pytest.raises(Unavailable) as caught:
        client.get("families")
    client.close()
    assert 'connection "pim"' in str(caught.value)
    assert "cannot be reached" in str(caught.value)
    assert "canary" not in str(caught.value)
    assert waiting.now <= 10


@pytest.fixture
def dropping() -> Iterator[str]:
    """A server that closes every connection in the middle of its answer."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    connection.recv(65536)
                    connection.sendall(
                        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{"
                    )

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)
    thread.join()


def test_a_dropped_connection_is_unavailable(dropping: str) -> None:
    waiting = Waiting()
    settings: dict[str, Any] = {"url": dropping, "token": "app-canary", "retry_minutes": 1}
    client = PimClient(read_settings("pim", settings), clock=waiting.clock, pause=waiting.pause)
    with pytest.raises(Unavailable):
        client.get("families")
    client.close()
    assert len(waiting.waits) > 3


def describe(source: Source) -> None:
    source.describe([])


def download(source: Source) -> None:
    with source.open_media(MediaRef("asset-media-files/a/b.jpg")) as stream:
        stream.read()


@pytest.mark.parametrize("asked", ["token", "page", "file"])
@pytest.mark.slow
def test_an_answer_that_comes_byte_by_byte_is_given_up(monkeypatch: pytest.MonkeyPatch, asked: str) -> None:
    monkeypatch.setattr("sync_engine_akeneo.client.SLOWEST_ANSWER", 0.5)
    credentials = SECRETS if asked == "token" else {"token": "app-canary"}
    with hanging(HEAD + b"Content-Length: 9999\r\n\r\n", b" ") as url:
        source = adapter.open("pim", {"url": url, "retry_minutes": 0, **credentials})
        began = time.monotonic()
        with pytest.raises(Unavailable) as caught:
            (download if asked == "file" else describe)(source)
        assert time.monotonic() - began < 3
        source.close()
    assert "within 0.5 seconds" in str(caught.value)


def test_a_client_that_is_closed_does_not_go_on_waiting(pim: StandIn) -> None:
    pim.on("families", JSONResponse({}, 429, {"Retry-After": "300"}))
    client = PimClient(read_settings("pim", {"url": pim.url, "token": "app-1", "retry_minutes": 15}))
    with ThreadPoolExecutor(1) as threads:
        call = threads.submit(client.get, "families")
        while not pim.asked:
            time.sleep(0.01)
        began = time.monotonic()
        client.close()
        with pytest.raises(Unavailable):
            call.result()
    assert time.monotonic() - began < 3


def test_a_file_whose_download_breaks_off_is_unavailable(dropping: str) -> None:
    source = adapter.open("pim", {"url": dropping, "token": "app-canary", "retry_minutes": 0})
    with source.open_media(MediaRef("asset-media-files/a/b.jpg")) as stream:
        assert stream.read(1) == b"{"
        with pytest.raises(Unavailable):
            stream.read()
    source.close()
