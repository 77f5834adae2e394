from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.plugins.sandbox.pim_server import API, ICECAT, Json, Pim, needs_icecat, product, rows, running, tiny

from sync_engine_sandbox.pim.data import load

PICTURE = b"\x89PNG\r\n\x1a\n--not-a-boundary\r\n\x00\xff\r\n"


@pytest.fixture
def pim() -> Iterator[Pim]:
    with running(tiny(product(1))) as pim:
        yield pim


def upload(pim: Pim, name: str = "red shirt-1.png", **target: object) -> object:
    body = {"uuid": product(1)["uuid"], "attribute": "picture", "locale": None, "scope": None, **target}
    return pim.http.post(
        f"{API}/media-files", data={"product": json.dumps(body)}, files={"file": (name, PICTURE, "image/png")}
    )


@needs_icecat
def test_a_file_is_downloaded_with_its_bytes_and_its_type() -> None:
    files = rows("media-files")
    there = next(row for row in files if (ICECAT / "media" / row["code"]).is_file())
    gone = next(row for row in files if not (ICECAT / "media" / row["code"]).is_file())
    with running(load(ICECAT)) as pim:
        listed = pim.all("media-files", limit=100)
        assert [row["code"] for row in listed] == [row["code"] for row in files]
        link = listed[0]["_links"]
        assert link["download"]["href"] == link["self"]["href"] + "/download"
        known: Json = pim.one(f"media-files/{there['code']}")
        assert {**known, "_links": None} == {**there, "_links": None}
        answer = pim.http.get(known["_links"]["download"]["href"], headers={"Accept": "image/*"})
        assert answer.status_code == 200
        assert answer.headers["Content-Type"] == there["mime_type"]
        assert answer.content == (ICECAT / "media" / there["code"]).read_bytes()
        assert pim.refused(f"media-files/{gone['code']}/download", 404).endswith("is not present on the filesystem.")
        holder = next(row for row in pim.all("products-uuid", limit=100) if "picture" in row["values"])
        href = holder["values"]["picture"][0]["_links"]["download"]["href"]
        assert href.startswith(str(pim.http.base_url))


def test_an_uploaded_file_is_stored_under_a_code_and_linked_to_its_product(pim: Pim) -> None:
    answer = upload(pim)
    assert answer.status_code == 201, answer.text
    row = pim.http.get(answer.headers["Location"]).json()
    folder, _, name = row["code"].rpartition("/")
    assert name.endswith("_red_shirt_1.png")
    assert folder.replace("/", "") == name[:4]
    assert (row["original_filename"], row["size"], row["extension"]) == ("red shirt-1.png", len(PICTURE), "png")
    entry = pim.one(f"products-uuid/{product(1)['uuid']}")["values"]["picture"][0]
    assert entry["data"] == row["code"]
    content = pim.http.get(entry["_links"]["download"]["href"])
    assert (content.content, content.headers["Content-Type"]) == (PICTURE, "image/png")
    again = upload(pim, identifier="sku-1")
    assert again.headers["Location"] != answer.headers["Location"]


def test_an_uploaded_file_is_linked_to_its_product_model(pim: Pim) -> None:
    target = {"code": "tee-red", "attribute": "picture", "locale": None, "scope": None}
    answer = pim.http.post(
        f"{API}/media-files", data={"product_model": json.dumps(target)}, files={"file": ("a.png", PICTURE)}
    )
    assert answer.status_code == 201, answer.text
    assert pim.one("product-models/tee-red")["values"]["picture"][0]["data"].endswith("_a.png")


def test_an_upload_that_breaks_a_rule_leaves_no_file(pim: Pim) -> None:
    assert upload(pim, uuid="00000000-0000-4000-8000-999999999999").status_code == 422
    assert upload(pim, attribute="moon").status_code == 422
    assert pim.http.post(f"{API}/media-files", files={"file": ("a.png", PICTURE)}).status_code == 422
    assert pim.http.post(f"{API}/media-files", json={}).status_code == 415
    assert pim.all("media-files") == []


def test_a_path_cannot_leave_the_folder_of_the_media(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"x")
    media = tmp_path / "media"
    media.mkdir()
    with running(tiny(product(1), media=media)) as pim:
        answer = pim.http.get(f"{API}/asset-media-files/%2e%2e/secret")
        assert answer.status_code == 404


def test_files_of_records_and_assets_go_up_and_come_back(pim: Pim) -> None:
    for path, header in (
        ("reference-entities-media-files", "Reference-entities-media-file-code"),
        ("asset-media-files", "Asset-media-file-code"),
    ):
        answer = pim.http.post(f"{API}/{path}", files={"file": ("logo.png", PICTURE, "image/png")})
        assert answer.status_code == 201
        content = pim.http.get(answer.headers["Location"])
        assert answer.headers["Location"].endswith(answer.headers[header])
        assert content.content == PICTURE
        assert content.headers["Content-Type"] == "image/png"
