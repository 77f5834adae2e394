"""Files of products in Salesforce: sent once, replaced as a new version, taken away, never doubled."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from tests.journeys.small import Json, Shop, model, open_shop, product, uuid_of

FILE_KEY = {"name": "PIM_Key__c", "type": "string", "length": 255, "externalId": True}
FILES = {"name": "ContentVersion", "fields": [FILE_KEY, {"name": "Kind__c", "type": "string", "length": 40}]}
PICTURES = {
    "from": "products",
    "for_each": {"media": ["picture"]},
    "to": "ContentVersion",
    "key": {"PIM_Key__c": "{{ uuid }}-{{ attribute }}-{{ position }}"},
    "fields": {
        "Title": "filename",
        "PathOnClient": "filename",
        "VersionData": {"media": "media"},
        "FirstPublishLocationId": {"lookup": "items", "value": "uuid"},
        "Kind__c": {"const": "picture"},
    },
    "on_missing": "delete",
}
ITEMS = {"from": "products", "to": "Item__c", "key": {"Key__c": "uuid"}, "fields": {"Name": "name"}}
FIRST, SECOND = b"\x89PNG first" * 50_000, b"\x89PNG second\r\n--boundary--\r\n" * 7


def code_of(name: str, time: int = 1) -> str:
    """The code that a file gets when it is uploaded for the first time, or once more."""
    return f"a/b/c/d/{hashlib.sha1(f'{name} {time}'.encode()).hexdigest()}_{name}"  # noqa: S324 - as the PIM makes them


def upload(shop: Shop, name: str, content: bytes, time: int = 1) -> str:
    """A file in the PIM; gives its code."""
    code = code_of(name, time)
    row = {"code": code, "original_filename": name, "mime_type": "image/png", "extension": "png"}
    shop.sandbox.pim.put_row(("media-files",), {**row, "size": len(content), "_links": {}})
    shop.sandbox.pim.uploads[code] = content
    return code


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    products = [product(sku, name=f"Mug {sku}", picture=code_of(f"{sku}.png")) for sku in ("a", "b")]
    products.append(product("bare", name="Mug without a picture"))
    with open_shop(tmp_path, objects=[FILES], products=products) as opened:
        opened.write({"items": ITEMS, "pictures": PICTURES})
        upload(opened, "a.png", FIRST)
        upload(opened, "b.png", SECOND)
        yield opened


def latest(shop: Shop) -> dict[str, Json]:
    """The latest versions by the SKU of their product."""
    found = {row["PIM_Key__c"]: row for row in shop.sandbox.org.rows("ContentVersion") if row["IsLatest"]}
    skus = {f"{uuid_of(sku)}-picture-1": sku for sku in ("a", "b", "bare")}
    return {skus[key]: row for key, row in found.items()}


def content(shop: Shop, row: Json) -> bytes:
    return bytes(shop.sandbox.org.store.blobs[row["Id"]])


def linked(shop: Shop, row: Json) -> set[str]:
    """Names of the items that a document is linked to."""
    names = {each["Id"]: each["Name"] for each in shop.sandbox.org.rows("Item__c")}
    links = [
        each
        for each in shop.sandbox.org.rows("ContentDocumentLink")
        if each["ContentDocumentId"] == row["ContentDocumentId"]
    ]
    return {names[each["LinkedEntityId"]] for each in links if each["LinkedEntityId"] in names}


def counted(done: Json) -> dict[str, int]:
    return {name: count for name, count in done["summary"].items() if count}


def test_files_arrive_byte_by_byte_linked_to_their_record_and_then_nothing_is_left(shop: Shop) -> None:
    done = shop.apply()
    assert (done["summary"]["created"], done["flapping"]) == (3 + 2, [])
    found = latest(shop)
    assert {sku: content(shop, row) for sku, row in found.items()} == {"a": FIRST, "b": SECOND}
    assert {sku: linked(shop, row) for sku, row in found.items()} == {"a": {"Mug a"}, "b": {"Mug b"}}
    assert {row["PathOnClient"] for row in found.values()} == {"a.png", "b.png"}
    assert {row["Kind__c"] for row in found.values()} == {"picture"}
    shop.settled()
    assert not counted(shop.apply()).keys() & {"created", "updated"}


def test_a_replaced_picture_is_a_new_version_of_the_same_document(shop: Shop) -> None:
    shop.apply()
    before = latest(shop)["a"]
    shop.change("a", picture=upload(shop, "other.png", SECOND))
    plan = shop.streams()["pictures"]
    (change,) = plan["changes"]
    fields = {each["field"]: (each["before"], each["after"]) for each in change["fields"]}
    md5 = hashlib.md5(FIRST, usedforsecurity=False).hexdigest()
    assert fields["VersionData"] == (f"md5:{md5}", [code_of("other.png"), "other.png"])
    assert f'→ file "{code_of("other.png")}"' in shop.run("plan").out
    assert counted(shop.apply())["updated"] == 1
    after = latest(shop)["a"]
    assert after["ContentDocumentId"] == before["ContentDocumentId"]
    assert (after["VersionNumber"], content(shop, after), after["Title"]) == ("2", SECOND, "other.png")
    assert (after["PIM_Key__c"], after["Kind__c"]) == (before["PIM_Key__c"], "picture")
    assert linked(shop, after) == {"Mug a"}
    shop.settled()


def test_the_same_bytes_under_a_new_code_are_not_sent_again(shop: Shop) -> None:
    shop.apply()
    shop.change("a", picture=upload(shop, "a.png", FIRST, 2))
    versions = len(shop.sandbox.org.rows("ContentVersion"))
    shop.settled()
    shop.apply()
    assert len(shop.sandbox.org.rows("ContentVersion")) == versions
    # What a code contains is known by now, so its bytes are not even asked for.
    shop.sandbox.pim.uploads.clear()
    shop.settled()


def test_a_renamed_file_gets_a_new_version_with_the_same_bytes(shop: Shop) -> None:
    shop.apply()
    shop.change("a", picture=upload(shop, "renamed.png", FIRST))
    assert counted(shop.apply())["updated"] == 1
    after = latest(shop)["a"]
    assert (after["PathOnClient"], content(shop, after)) == ("renamed.png", FIRST)
    shop.settled()


def test_a_picture_that_is_gone_is_unlinked_and_its_document_stays(shop: Shop) -> None:
    shop.apply()
    documents = len(shop.sandbox.org.rows("ContentDocument"))
    shop.change("a", picture=None)
    assert counted(shop.apply())["deleted"] == 1
    assert linked(shop, latest(shop)["a"]) == set()
    assert linked(shop, latest(shop)["b"]) == {"Mug b"}
    assert len(shop.sandbox.org.rows("ContentDocument")) == documents
    shop.settled()
    shop.change("a", picture=code_of("a.png"))
    assert counted(shop.apply())["updated"] == 1
    assert linked(shop, latest(shop)["a"]) == {"Mug a"}
    assert len(shop.sandbox.org.rows("ContentVersion")) == 2
    shop.settled()


async def elsewhere(request: Request) -> Response | None:
    """Sends whoever wants the file of mug a to another host."""
    wanted = request.url.path.endswith("a.png/download")
    return RedirectResponse("https://elsewhere.example/a.png") if wanted else None


BAD: dict[str, tuple[bytes | None, str, str]] = {
    "a file that is gone from the PIM": (None, "FILE_REFUSED", "not present"),
    "an empty file": (b"", "EMPTY_FILE", "0 bytes"),
    "a file of which half has come": (FIRST[:20], "FILE_REFUSED", "came 20 bytes, the PIM says"),
    "a file over the limit": (b"x" * (1 << 20) + b"!", "FILE_REFUSED", "larger than 1 MB"),
    "a file on another host": (FIRST, "FILE_REFUSED", "another host"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_file_that_cannot_be_sent_rejects_its_row_and_no_other(shop: Shop, case: str) -> None:
    given, code, why = BAD[case]
    shop.connect("pim", max_file_mb=1)
    name = code_of("a.png")
    if given is None:
        del shop.sandbox.pim.uploads[name]
    else:
        shop.sandbox.pim.uploads[name] = given
    said = shop.sandbox.pim.table("media-files")[name]
    if "half" not in case:
        shop.sandbox.pim.put_row(("media-files",), {**said, "size": len(given or b"")})
    if "host" in case:
        shop.sandbox.pim.before.append(elsewhere)
    done = shop.apply(code=4)
    assert (done["summary"]["created"], done["summary"]["rejected"]) == (4, 1)
    (rejected,) = [each for each in shop.shown()["outcomes"] if each["outcome"] == "rejected"]
    assert rejected["key"] == f"{uuid_of('a')}-picture-1"
    assert (rejected["reasons"][0]["code"], rejected["reasons"][0]["field"]) == (code, "VersionData")
    assert why in rejected["reasons"][0]["message"]
    assert latest(shop).keys() == {"b"}
    shop.sandbox.pim.before.clear()
    shop.sandbox.pim.uploads[name] = FIRST
    shop.sandbox.pim.put_row(("media-files",), said)
    assert counted(shop.apply())["created"] == 1
    shop.settled()


def test_a_name_with_a_path_in_it_is_made_a_plain_name(shop: Shop) -> None:
    fields = {**PICTURES["fields"], "PathOnClient": {"const": "..\\..\\etc/pass:wd?.png"}}  # type: ignore[dict-item]
    shop.write({"items": ITEMS, "pictures": {**PICTURES, "fields": fields}})
    shop.apply()
    assert latest(shop)["a"]["PathOnClient"] == "passwd.png"
    shop.settled()


def test_a_file_keeps_the_name_that_it_has_in_the_pim(shop: Shop) -> None:
    fields = {name: each for name, each in PICTURES["fields"].items() if name != "PathOnClient"}  # type: ignore[attr-defined]
    shop.write({"items": ITEMS, "pictures": {**PICTURES, "fields": fields}})
    row = shop.sandbox.pim.table("media-files")[code_of("a.png")]
    shop.sandbox.pim.put_row(("media-files",), {**row, "original_filename": "C:\\Bilder\\Tasse – groß.png"})
    shop.apply()
    found = latest(shop)
    assert {sku: row["PathOnClient"] for sku, row in found.items()} == {"a": "Tasse – groß.png", "b": "b.png"}
    shop.settled()
    shop.change("a", picture=upload(shop, "other.png", SECOND))
    shop.apply()
    assert latest(shop)["a"]["PathOnClient"] == "other.png"
    shop.settled()


def test_a_linked_file_of_a_missing_parent_is_rejected(shop: Shop) -> None:
    shop.write({"items": {**ITEMS, "filter": [{"field": "sku", "operator": "!=", "value": "a"}]}, "pictures": PICTURES})
    done = shop.apply(code=4)
    assert (done["summary"]["created"], done["summary"]["rejected"]) == (2 + 1, 1)


def test_files_of_models_and_of_one_attribute_without_rows(tmp_path: Path) -> None:
    models = [model("shirt", variant="shirts_size", name="Shirt", picture=code_of("shirt.png"))]
    stream = {
        "from": "product_models",
        "to": "ContentVersion",
        "key": {"PIM_Key__c": "code"},
        "filter": [{"field": "picture", "operator": "NOT EMPTY"}],
        "fields": {"Title": "name", "VersionData": {"media": "picture"}},
    }
    with open_shop(tmp_path, objects=[FILES], models=models) as shop:
        shop.write({"pictures": stream})
        upload(shop, "shirt.png", FIRST)
        shop.apply()
        (row,) = shop.sandbox.org.rows("ContentVersion")
        assert (row["Title"], row["PathOnClient"], content(shop, row)) == ("Shirt", "shirt.png", FIRST)
        shop.settled()


MISTAKES: dict[str, tuple[Any, str]] = {
    "text": ({"media": "name"}, "SE350"),
    "value": ("media", "SE309"),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_what_is_no_file_cannot_fill_a_file_and_the_other_way_round(shop: Shop, case: str) -> None:
    mapping, code = MISTAKES[case]
    fields = {**PICTURES["fields"], "VersionData": mapping}  # type: ignore[dict-item]
    shop.write({"items": ITEMS, "pictures": {**PICTURES, "fields": fields}})
    found = shop.run("validate", "--live", code=3).out
    assert code in found
    shop.write({"items": {**ITEMS, "fields": {"Name": {"media": "picture"}}}, "pictures": PICTURES})
    assert "SE351" in shop.run("validate", "--live", code=3).out


def test_a_unique_key_field_is_refused_because_versions_share_it(tmp_path: Path) -> None:
    unique = {**FILES, "fields": [{**FILE_KEY, "unique": True}, FILES["fields"][1]]}  # type: ignore[dict-item, index]
    with open_shop(tmp_path, objects=[unique]) as shop:
        shop.write({"items": ITEMS, "pictures": PICTURES})
        assert "must be an External ID that is not Unique" in shop.run("validate", "--live", code=3).out
