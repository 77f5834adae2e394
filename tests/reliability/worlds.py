"""Shops in which there is always something to do, and what they must come to.

What the org must hold is computed here from the PIM's raw data, without a line of the engine.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.journeys.small import Json, Shop, open_shop, product, uuid_of

from sync_engine_sandbox.crm.org import CrmSettings

LOCALES = ("de_DE", "en_US")
NOTES = {"name": "Notes__c", "type": "string", "length": 80}
ITEMS: Json = {
    "from": "products",
    "to": "Item__c",
    "key": {"Key__c": "sku"},
    "fields": {"Name": "name", "Notes__c": "notes"},
    "on_missing": "delete",
}
MARK = {
    "name": "Mark__c",
    "fields": [
        {"name": "Key__c", "type": "string", "length": 80, "externalId": True, "unique": True},
        {"name": "Item__c", "type": "reference", "references": ["Item__c"], "relationship": "Item__r"},
        {"name": "Title__c", "type": "string", "length": 80},
        {"name": "Gone__c", "type": "boolean"},
    ],
}
MARKS: Json = {
    "from": "products",
    "to": "Mark__c",
    "for_each": {"locale": ["de_DE"]},
    "filter": [{"field": "notes", "operator": "NOT EMPTY"}],
    "key": {"Key__c": "{{ sku }}-{{ locale }}"},
    "fields": {"Item__c": {"lookup": "items", "value": "sku"}, "Title__c": "title"},
    "on_missing": {"set": {"Gone__c": True}},
}
PAIR = {
    "name": "Pair__c",
    "fields": [
        {"name": "Item__c", "type": "reference", "references": ["Item__c"], "relationship": "Item__r"},
        {"name": "Language__c", "type": "string", "length": 10},
        {"name": "Title__c", "type": "string", "length": 80},
    ],
}
PAIRS: Json = {
    "from": "products",
    "to": "Pair__c",
    "for_each": {"locale": list(LOCALES)},
    "key": {"Item__c": {"lookup": "items", "value": "sku"}, "Language__c": "locale"},
    "fields": {"Title__c": "title"},
    "on_missing": "delete",
}
PICTURE = {
    "name": "ContentVersion",
    "fields": [{"name": "PIM_Key__c", "type": "string", "length": 255, "externalId": True}],
}
PICTURES: Json = {
    "from": "products",
    "for_each": {"media": ["picture"]},
    "to": "ContentVersion",
    "key": {"PIM_Key__c": "{{ sku }}-{{ attribute }}"},
    "fields": {
        "Title": "filename",
        "PathOnClient": "filename",
        "VersionData": {"media": "media"},
        "FirstPublishLocationId": {"lookup": "items", "value": "sku"},
    },
    "on_missing": "delete",
}
FREE = {f"max_{each}_percent": 100 for each in ("delete", "update", "emptied", "rejected", "collapse")}


@dataclass(frozen=True)
class Shape:
    """A shape of data.

    Attributes:
        objects: of the org, beside ``Item__c``.
        streams: of the catalog.
        settings: of the connection to the org.
        pictures: whether products have one.
    """

    name: str
    objects: tuple[Json, ...]
    streams: Mapping[str, Json]
    settings: Mapping[str, int] = field(default_factory=dict)
    pictures: bool = False


SHAPES = (
    Shape("small collections", (MARK,), {"items": ITEMS, "marks": MARKS}),
    Shape("bulk jobs", (MARK,), {"items": ITEMS, "marks": MARKS}, {"bulk_threshold": 1}),
    Shape(
        "files, deletes and inserts", (PAIR, PICTURE), {"items": ITEMS, "pairs": PAIRS, "pictures": PICTURES}, {}, True
    ),
)

Facts = dict[tuple[str, str], tuple[Any, ...]]
"""By stream and key: the values of a record."""
Held = tuple[str, str, tuple[Any, ...] | None, str]
"""Stream, key, values, and the id in the org."""


@dataclass
class World:
    """A shop of one shape that changes from round to round.

    Attributes:
        by_hand: stream and key of records that people changed in the org since all were compared.
        deleted: stream and key of records that people deleted there, and how often.
    """

    shop: Shop
    shape: Shape
    round: int = 0
    by_hand: set[tuple[str, str]] = field(default_factory=set)
    deleted: Counter[tuple[str, str]] = field(default_factory=Counter)

    @property
    def streams(self) -> tuple[str, ...]:
        return tuple(self.shape.streams)

    def edit(self) -> None:
        """Change the PIM: something to create, to update and to take away in every stream."""
        self.round += 1
        pim = self.shop.sandbox.pim
        new, renamed, retitled, oldest = (f"p{self.round + each}" for each in (5, 4, 3, 0))
        self.add(new)
        self.shop.change(renamed, name=f"Renamed in {self.round}")
        self.shop.change(retitled, title={"de_DE": f"Titel {self.round}", "en_US": f"Title {self.round}"})
        if self.shape.pictures:
            self.shop.change(renamed, picture=self.upload(renamed, self.round))
            self.shop.change(f"p{self.round + 1}", picture=None)
        pim.delete_product(uuid_of(oldest))

    def fill(self) -> None:
        """The products of the beginning."""
        for number in range(6):
            self.add(f"p{number}")

    def add(self, sku: str) -> None:
        """A new product."""
        self.shop.sandbox.pim.add_product(**self._product(sku))

    def _product(self, sku: str) -> Json:
        values: Json = {"notes": f"Notes {sku}\n\u2028é", "title": {"de_DE": f"Titel {sku}", "en_US": f"Title {sku}"}}
        if self.shape.pictures:
            values["picture"] = self.upload(sku, 0)
        now = self.shop.sandbox.pim.now_text()
        return {**product(sku, name=f"Mug {sku}", **values), "created": now, "updated": now}

    def upload(self, sku: str, time: int) -> str:
        """A picture in the PIM; gives its code."""
        code = f"a/{hashlib.sha1(f'{sku} {time}'.encode()).hexdigest()}_{sku}.png"  # noqa: S324 - as the PIM makes them
        content = f"\x89PNG {sku} {time}\r\n--boundary--".encode() * 40
        pim = self.shop.sandbox.pim
        row = {"code": code, "original_filename": f"{sku}.png", "mime_type": "image/png", "extension": "png"}
        pim.put_row(("media-files",), {**row, "size": len(content), "_links": {}})
        pim.uploads[code] = content
        return code

    def wanted(self, before: str = "9") -> Facts:
        """What the org must hold; only of products that were saved before that moment."""
        facts: Facts = {}
        for each in list(self.shop.sandbox.pim.products.by_key.values()):
            if each["updated"] >= before:
                continue
            values = {
                (code, entry["locale"]): entry["data"] for code, given in each["values"].items() for entry in given
            }
            sku = values["sku", None]
            facts["items", sku] = (values["name", None], values["notes", None])
            if "marks" in self.streams:
                facts["marks", f"{sku}-de_DE"] = (values["title", "de_DE"], sku)
            if "pairs" in self.streams:
                facts |= {("pairs", f"{sku} / {locale}"): (values["title", locale], sku) for locale in LOCALES}
            if "pictures" in self.streams and ("picture", None) in values:
                content = self.shop.sandbox.pim.uploads[values["picture", None]]
                facts["pictures", f"{sku}-picture"] = (hashlib.sha256(content).hexdigest(), sku)
        return facts

    def held(self, *, gone: bool = False) -> list[Held]:
        """The records of the org that are the streams'.

        Args:
            gone: also those that were taken away without being deleted; files have no values then.
        """
        org = self.shop.sandbox.org
        names: dict[str | None, str] = {row["Id"]: row["Key__c"] for row in org.rows("Item__c")}
        found: list[Held] = [
            ("items", row["Key__c"], (row["Name"], row.get("Notes__c")), row["Id"]) for row in org.rows("Item__c")
        ]
        if "marks" in self.streams:
            found += [
                ("marks", row["Key__c"], (row.get("Title__c"), names.get(row.get("Item__c"))), row["Id"])
                for row in org.rows("Mark__c")
                if gone or not row.get("Gone__c")
            ]
        if "pairs" in self.streams:
            found += [
                (
                    "pairs",
                    f"{names.get(row['Item__c'])} / {row['Language__c']}",
                    (row.get("Title__c"), names.get(row.get("Item__c"))),
                    row["Id"],
                )
                for row in org.rows("Pair__c")
            ]
        if "pictures" in self.streams:
            found += [each for each in self._held_pictures(names) if gone or each[2] is not None]
        return found

    def _held_pictures(self, names: Mapping[str | None, str]) -> Iterator[Held]:
        org = self.shop.sandbox.org
        linked = {
            row["ContentDocumentId"]: names[row["LinkedEntityId"]]
            for row in org.rows("ContentDocumentLink")
            if row["LinkedEntityId"] in names
        }
        for row in org.rows("ContentVersion"):
            if row["IsLatest"]:
                content = hashlib.sha256(org.store.blobs[row["Id"]]).hexdigest()
                sku = linked.get(row["ContentDocumentId"])
                yield "pictures", row["PIM_Key__c"], (content, sku) if sku else None, row["Id"]

    def source_of(self, stream: str, key: str) -> str:
        """The key in the PIM of what a record was made of."""
        return uuid_of(re.split("-| / ", key)[0])

    def text_of(self, stream: str, fields: Mapping[str, Any]) -> str | None:
        """The first value of a record, of the fields that were written to it; None where it was not kept as text."""
        return fields.get({"items": "Name", "pictures": ""}.get(stream, "Title__c"))

    def text_in(self, values: tuple[Any, ...]) -> Any:
        """The first value of a record."""
        return values[0]


@contextmanager
def open_world(folder: Path, shape: Shape, crm: CrmSettings = CrmSettings()) -> Iterator[World]:  # noqa: B008 - frozen
    """Servers, a project and the products of the beginning."""
    with open_shop(folder, fields=[NOTES], objects=shape.objects, crm=crm) as shop:
        world = World(shop, shape)
        world.fill()
        shop.write(dict(shape.streams), safety=FREE)
        if shape.settings:
            shop.connect(**shape.settings)
        yield world
