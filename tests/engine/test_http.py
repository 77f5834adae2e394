"""Requests end in time, whatever the server does."""

from __future__ import annotations

import time

import httpx
import pytest
from tests.hanging import HEAD, hanging

from sync_engine.sdk.http import TOO_SLOW, open_client
from sync_engine_sandbox.sandbox import running


@pytest.mark.parametrize(
    ("at_once", "drips"),
    [
        (b"", HEAD + b"X-Filler: and so on" * 99),
        (HEAD + b"Content-Length: 9999\r\n\r\n", b" "),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
    ],
    ids=["head", "body", "chunks"],
)
def test_an_answer_that_comes_byte_by_byte_is_given_up(at_once: bytes, drips: bytes) -> None:
    began = time.monotonic()
    with (
        hanging(at_once, drips) as url,
        open_client(0.5, timeout=5) as client,
        pytest.raises(httpx.ReadTimeout, match=f"{TOO_SLOW} in 0.5 seconds"),
    ):
        client.get(url)
    assert 0.4 < time.monotonic() - began < 3


def test_an_answer_that_never_comes_is_given_up() -> None:
    began = time.monotonic()
    with hanging() as url, open_client(60, timeout=0.3) as client, pytest.raises(httpx.ReadTimeout):
        client.get(url)
    assert time.monotonic() - began < 3


def test_each_request_has_the_whole_time_also_on_a_connection_that_was_used_before() -> None:
    with running() as both, open_client(1, timeout=5) as client:
        url = f"{both.access['pim']['url']}/api/rest/v1/system-information"
        for _ in range(3):
            assert client.get(url).status_code == 200
            time.sleep(0.4)
