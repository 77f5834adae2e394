from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.plugins.sandbox.pim_server import API, Pim, product, running, tiny

RECORDS = "reference-entities/brand/records"


@pytest.fixture
def pim() -> Iterator[Pim]:
    with running(tiny(product(1)), linked_page=2) as pim:
        yield pim


def test_records_page_by_their_code_without_page_or_limit(pim: Pim) -> None:
    page = pim.one(RECORDS)
    assert set(page) == {"_links", "_embedded"}
    assert page["_links"]["next"]["href"].endswith(f"{RECORDS}?search_after=kartell")
    assert [row["code"] for row in pim.all(RECORDS)] == ["alessi", "kartell", "nameless"]
    assert page["_embedded"]["items"][0]["_links"]["self"]["href"].endswith(f"{RECORDS}/alessi")


def test_records_are_searched_and_reduced(pim: Pim) -> None:
    complete = {"operator": "=", "value": True, "channel": "web", "locales": ["en_US"]}
    assert [row["code"] for row in pim.all(RECORDS, search={"complete": complete})] == ["alessi", "kartell"]
    named = {"code": [{"operator": "IN", "value": ["kartell"]}]}
    assert [row["code"] for row in pim.all(RECORDS, search=named)] == ["kartell"]
    assert pim.all(RECORDS, search={"updated": [{"operator": ">", "value": "2025-01-01T00:00:00Z"}]}) == []
    assert pim.one(f"{RECORDS}/kartell", locales="fr_FR")["values"] == {}
    assert pim.get(RECORDS, search={"nope": [{"operator": "=", "value": 1}]}).status_code == 422


def test_attributes_and_options_are_plain_arrays(pim: Pim) -> None:
    codes = [row["code"] for row in pim.one("reference-entities/brand/attributes")]
    assert codes == ["label", "photo", "country"]
    assert pim.one("reference-entities/brand/attributes/label")["type"] == "text"
    options = pim.one("reference-entities/brand/attributes/country/options")
    assert options == [{"code": "it", "labels": {"en_US": "Italy"}}]
    assert pim.one("reference-entities/brand/attributes/country/options/it") == options[0]
    assert pim.get("reference-entities/nope/attributes").status_code == 404


def test_an_entity_links_its_image(pim: Pim) -> None:
    link = pim.one("reference-entities/brand")["_links"]["image_download"]["href"]
    assert link.endswith(f"{API}/reference-entities-media-files/0/1/2/3/logo.png")
    listed = pim.one("reference-entities")["_embedded"]["items"][0]["_links"]
    assert set(listed) == {"self", "image_download"}


def test_a_record_merges_by_locale_and_channel(pim: Pim) -> None:
    french = {"values": {"label": [{"locale": "fr_FR", "channel": None, "data": "Kartell SA"}]}}
    assert pim.patch(f"{RECORDS}/kartell", french).status_code == 204
    record = pim.one(f"{RECORDS}/kartell")
    assert [entry["data"] for entry in record["values"]["label"]] == ["Kartell", "Kartell SA"]
    assert record["updated"] > record["created"]
    photo = {"values": {"photo": [{"locale": None, "channel": None, "data": "a/b/p.png"}]}}
    assert pim.patch(f"{RECORDS}/fresh", photo).status_code == 201
    entry = pim.one(f"{RECORDS}/fresh")["values"]["photo"][0]
    assert entry["_links"]["download"]["href"].endswith("/reference-entities-media-files/a/b/p.png")
    since = {"updated": [{"operator": ">", "value": "2025-01-01T00:00:00+00:00"}]}
    assert [row["code"] for row in pim.all(RECORDS, search=since)] == ["fresh", "kartell"]


def test_an_array_of_records_is_answered_by_an_array(pim: Pim) -> None:
    body = [{"code": "kartell", "values": {}}, {"code": "new"}, {"code": "bad", "values": {"moon": []}}]
    answer = pim.http.patch(f"{API}/{RECORDS}", json=body)
    assert [row["status_code"] for row in answer.json()] == [204, 201, 422]


def test_assets_are_read_written_and_deleted(pim: Pim) -> None:
    path = "asset-families/packshots/assets"
    front = pim.one(f"{path}/front")["values"]["media"][0]
    assert front["_links"]["download"]["href"].endswith(f"{API}/asset-media-files/a/b/c/d/front.png")
    assert pim.patch(f"{path}/back", {"values": {}}).status_code == 201
    assert [row["code"] for row in pim.all(path)] == ["back", "front"]
    assert pim.http.delete(f"{API}/{path}/back").status_code == 204
    assert pim.get(f"{path}/back").status_code == 404
    assert [row["code"] for row in pim.all("asset-families")] == ["packshots"]
