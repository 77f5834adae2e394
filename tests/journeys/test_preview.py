"""``preview``: the same trace as a table, as JSON and as one page; nothing is written."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from tests.journeys.small import Shop, open_shop, product

PNG = b"\x89PNG\r\n\x1a\n" + b"\x00" * 40
FIELDS = [
    {"name": "Stock__c", "type": "double", "precision": 6, "scale": 0},
    {"name": "Weight__c", "type": "double", "precision": 8, "scale": 3},
    {"name": "Text__c", "type": "string", "length": 255},
    {"name": "Tiny__c", "type": "string", "length": 3},
]
ATTACK = '<img src=x onerror=alert(1)></script><script>alert("x")</script>'
STREAMS = {
    "items": {
        "from": "products",
        "to": "Item__c",
        "key": {"Key__c": "uuid"},
        "fields": {
            "Name": "name",
            "Stock__c": "stock",
            "Weight__c": {"value": "weight", "unit": "KILOGRAM", "round": 2},
            "Text__c": {"template": "{{ notes }}"},
            "Tiny__c": "ean",
        },
    },
    "pictures": {
        "from": "products",
        "for_each": {"media": ["picture"]},
        "to": "Picture__c",
        "key": {"Key__c": "media"},
        "fields": {"Name": "filename"},
    },
}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    folder = tmp_path_factory.mktemp("preview")
    key = {"name": "Key__c", "type": "string", "length": 200, "externalId": True, "unique": True}
    products = [
        product("A", name="Kettle", stock=12, weight={"amount": "1234.5", "unit": "GRAM"}, picture="1/2/kettle.png"),
        product("B", name=ATTACK, stock=3, notes=ATTACK, ean="4006381", picture="1/2/gone.png"),
        product("C", name="Pan", stock=0),
    ]
    with open_shop(folder, fields=FIELDS, objects=[{"name": "Picture__c", "fields": [key]}], products=products) as shop:
        code = "1/2/kettle.png"
        row = {"code": code, "original_filename": "kettle.png", "mime_type": "image/png", "extension": "png"}
        shop.sandbox.pim.put_row(("media-files",), {**row, "size": len(PNG), "_links": {}})
        shop.sandbox.pim.uploads[code] = PNG
        shop.write(STREAMS)
        yield shop


def test_the_table_has_a_column_per_record_and_names_what_cannot_be_written(shop: Shop) -> None:
    shown = shop.run("preview", "shop").out
    assert "items: products → Item__c, 3 records" in shown
    assert re.search(r"Weight__c +.*1\.23", shown)
    assert "✗ TOO_LONG" in shown
    assert "Tiny__c: the text has 7 characters, Tiny__c takes 3 [TOO_LONG, data]" in shown
    assert "pictures: products → Picture__c, 2 records" in shown
    assert shop.rows() == {}


def test_json_says_what_each_field_read_and_what_each_option_made_of_it(shop: Shop) -> None:
    items, pictures = shop.run("preview", "shop", "--format", "json").data["streams"]
    by_name = {row["values"].get("Name"): row for row in items["records"]}
    fields = {each["field"]: each for each in by_name["Kettle"]["fields"]}
    weight = fields["Weight__c"]
    assert weight["inputs"] == [
        {"code": "weight", "locale": None, "channel": None, "value": {"amount": 1234.5, "unit": "GRAM"}}
    ]
    assert [each["step"] for each in weight["steps"]] == ["value", "unit: KILOGRAM", "round: 2"]
    assert [each["value"] for each in weight["steps"]][1:] == [1.2345, 1.23]
    assert (weight["result"], weight["outcome"], weight["place"].split(":")[0]) == (1.23, "set", "catalogs/shop.yaml")
    assert fields["Text__c"]["outcome"] == "cleared"
    (rejected,) = [row for row in items["records"] if row["reasons"]]
    assert rejected["reasons"][0]["code"] == "TOO_LONG"
    assert [each["field"] for each in rejected["fields"] if each["outcome"] == "rejected"] == ["Tiny__c"]
    assert {row["media"][0]["code"] for row in pictures["records"]} == {"1/2/kettle.png", "1/2/gone.png"}


def test_a_key_of_the_source_an_identifier_and_a_key_of_the_target_find_the_same_record(shop: Shop) -> None:
    def found(key: str) -> list[list[str]]:
        streams = shop.run("preview", "shop", "--key", key, "--format", "json").data["streams"]
        return [[row["key"] for row in stream["records"]] for stream in streams]

    (uuid,), _ = found("A")
    assert found(uuid) == [[uuid], ["1/2/kettle.png"]]
    assert found("1/2/kettle.png") == [[], ["1/2/kettle.png"]]
    assert "`sync-engine explain shop Z` says which" in shop.run("preview", "shop", "--key", "Z", code=1).err


class Page(HTMLParser):
    """Elements of a page, and the addresses that they name."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]


def test_the_page_holds_its_pictures_loads_nothing_and_runs_nothing_of_the_data(shop: Shop, tmp_path: Path) -> None:
    path = tmp_path / "preview.html"
    shop.run("preview", "shop", "--format", "html", "--out", str(path))
    text = path.read_text(encoding="utf-8")
    page = Page(text)
    assert page.tags.count("script") == 1
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    sources = {value for name, value in page.attributes if name in ("src", "href")}
    assert all(each.startswith(("data:image/png;base64,", "#")) for each in sources)
    assert any(each.startswith("data:") for each in sources)
    assert "default-src 'none'" in text
    assert "Tiny__c takes 3" in text
    assert "1 record of this sample cannot be written" in text
    assert "gone.png" in text
    assert "Not shown" in text


def test_only_images_can_be_named_as_pictures(shop: Shop) -> None:
    refused = shop.run("preview", "shop", "--format", "html", "--picture", "name", code=1)
    assert "no image attribute `name`" in refused.err


def test_a_stream_without_rows_says_whether_there_are_records(shop: Shop) -> None:
    of_category = {
        **STREAMS["pictures"],
        "for_each": "category",
        "key": {"Key__c": "category"},
        "fields": {"Name": "name"},
    }
    nobody = {**STREAMS["items"], "filter": [{"field": "name", "operator": "=", "value": "Nobody"}]}
    shop.write({"items": nobody, "categories": of_category})
    try:
        shown = shop.run("preview", "shop").out
    finally:
        shop.write(STREAMS)
    assert "no record matches" in shown
    assert "the 3 records that match make no row" in shown
