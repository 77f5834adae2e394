"""Bytes of files."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator

import pytest
from starlette.responses import HTMLResponse, RedirectResponse, Response, StreamingResponse
from tests.plugins.akeneo.conftest import ICECAT, Icecat
from tests.plugins.akeneo.standin import StandIn

from sync_engine.sdk.errors import BrokenContract, Refused, Unavailable
from sync_engine.sdk.values import MediaRef

CODE = "a/b/c/d/abcd_picture.jpg"
PATH = f"media-files/{CODE}/download"


def test_the_bytes_of_a_file_arrive_unchanged(icecat: Icecat) -> None:
    with (ICECAT / "media-files.jsonl").open() as lines:
        codes = [json.loads(line)["code"] for line in lines]
    code = next(each for each in codes if (ICECAT / "media" / each).is_file())
    wanted = (ICECAT / "media" / code).read_bytes()
    with icecat.source.open_media(MediaRef(code)) as stream:
        digest, size = hashlib.sha256(), 0
        while chunk := stream.read(1000):
            digest.update(chunk)
            size += len(chunk)
    assert (digest.digest(), size) == (hashlib.sha256(wanted).digest(), len(wanted))


def test_a_file_is_called_as_it_came_into_the_pim(pim: StandIn) -> None:
    pim.on(PATH, Response(b"bytes", media_type="image/jpeg"))
    source = pim.open()
    with source.open_media(MediaRef(CODE, "picture.jpg")) as stream:
        assert stream.name == "picture.jpg", "where the PIM does not tell, as its code says"
    pim.on(f"media-files/{CODE}", {"code": CODE, "original_filename": "Größe & Maße.jpg"})
    with source.open_media(MediaRef(CODE, "picture.jpg")) as stream:
        assert (stream.name, stream.read()) == ("Größe & Maße.jpg", b"bytes")
    source.close()


def test_a_file_that_the_pim_does_not_have_is_refused(pim: StandIn) -> None:
    source = pim.open()
    with pytest.raises(Refused, match=CODE), source.open_media(MediaRef(CODE)):
        pass
    source.close()


def test_a_redirect_on_the_pims_own_host_is_followed(pim: StandIn) -> None:
    pim.on(PATH, RedirectResponse("/api/rest/v1/moved"))
    pim.on("moved", Response(b"bytes", media_type="image/jpeg"))
    source = pim.open()
    with source.open_media(MediaRef(CODE)) as stream:
        assert stream.read() == b"bytes"
    source.close()


def test_a_redirect_to_another_host_is_refused(pim: StandIn) -> None:
    pim.on(PATH, RedirectResponse("https://elsewhere.example/file"))
    source = pim.open()
    with pytest.raises(Refused, match="another host"), source.open_media(MediaRef(CODE)):
        pass
    source.close()


def test_redirects_without_end_are_refused(pim: StandIn) -> None:
    pim.on(PATH, RedirectResponse(f"/api/rest/v1/{PATH}"))
    source = pim.open()
    with pytest.raises(Refused, match="redirects"), source.open_media(MediaRef(CODE)):
        pass
    source.close()
    assert pim.paths().count(PATH) == 6


def test_a_page_in_place_of_a_file_breaks_the_contract(pim: StandIn) -> None:
    pim.on(PATH, HTMLResponse("<h1>Log in</h1>"))
    source = pim.open()
    with pytest.raises(BrokenContract, match="HTML"), source.open_media(MediaRef(CODE)):
        pass
    source.close()


@pytest.mark.parametrize("code", ["", "../../oauth/v1/token", "/a", "a//b", "a/./b"])
def test_a_code_that_is_no_code_is_not_asked_for(pim: StandIn, code: str) -> None:
    source = pim.open()
    with pytest.raises(Refused), source.open_media(MediaRef(code)):
        pass
    source.close()
    assert pim.asked == []


@pytest.mark.parametrize("announced", [True, False])
def test_a_file_over_the_limit_of_the_connection_is_refused(pim: StandIn, *, announced: bool) -> None:
    megabyte = b"x" * (1 << 20)
    pieces = iter([megabyte, b"!"])
    whole = Response(megabyte + b"!", media_type="image/jpeg")
    pim.on(PATH, whole if announced else StreamingResponse(pieces, media_type="image/jpeg"))
    source = pim.open(max_file_mb=1)
    with pytest.raises(Refused, match="larger than 1 MB"), source.open_media(MediaRef(CODE)) as stream:
        stream.read()
    pim.on(PATH, Response(megabyte, media_type="image/jpeg"))
    with source.open_media(MediaRef(CODE)) as stream:
        assert len(stream.read()) == 1 << 20
    source.close()


def test_a_download_that_does_not_come_to_its_end_is_given_up(pim: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    def trickle() -> Iterator[bytes]:
        for _ in range(100):
            time.sleep(0.02)
            yield b"x" * 70_000

    monkeypatch.setattr("sync_engine_akeneo.client.SLOWEST_ANSWER", 0.1)
    pim.on(PATH, StreamingResponse(trickle(), media_type="image/jpeg"))
    source = pim.open()
    with pytest.raises(Unavailable, match=r"within 0\.1 seconds"), source.open_media(MediaRef(CODE)) as stream:
        stream.read()
    source.close()


def test_a_pim_that_cannot_answer_is_unavailable(pim: StandIn) -> None:
    pim.on(PATH, Response(status_code=503))
    source = pim.open()
    with pytest.raises(Unavailable), source.open_media(MediaRef(CODE)):
        pass
    source.close()
