"""A shop in which people change anything: what the PIM holds of it, and what the org must hold.

What it must hold is computed from the PIM's raw data, without a line of the engine.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.journeys.small import KEY, Json, category, open_shop, product, values_of
from tests.reliability.worlds import FREE, ITEMS, LOCALES, MARK, MARKS, NOTES, PAIR, PAIRS, Facts, Held, Shape, World

SKUS = ("p0", "p1", "p2", "p3", "p4", "p5")
CODES = ("mugs", "cups", "jugs")
COLOURS = ("red", "teal")
SHORT = 5
"""Characters of the notes after a change of the schema; some texts are longer."""
COLOUR = {"name": "Colour__c", "type": "string", "length": 80}
NODE = {
    "name": "Node__c",
    "fields": [
        KEY,
        {"name": "Parent__c", "type": "reference", "references": ["Node__c"], "relationship": "Parent__r"},
    ],
}
NODES: Json = {
    "from": "categories",
    "to": "Node__c",
    "key": {"Key__c": "code"},
    "fields": {"Name": "label", "Parent__c": {"lookup": "nodes", "value": "parent"}},
    "on_missing": "delete",
}
STREAMS: Json = {
    "nodes": NODES,
    "items": {**ITEMS, "fields": {**ITEMS["fields"], "Colour__c": {"value": "colour", "labels": True}}},
    "marks": {**MARKS, "fields": {**MARKS["fields"], "Gone__c": {"const": False}}},
    "pairs": PAIRS,
}
DEPENDENT = {
    **PAIR,
    "fields": [{**each, "onDelete": "cascade"} if "references" in each else each for each in PAIR["fields"]],
}
SHAPE = Shape("anything", (NODE, MARK, DEPENDENT), STREAMS)


@dataclass
class Anything(World):
    """What the PIM holds, and what the org must hold of it.

    Attributes:
        relabelled: when the label of a colour was changed last; it is no change of the products that have it.
    """

    relabelled: dict[str, str] = field(default_factory=dict)

    def fill(self) -> None:
        for number, sku in enumerate(SKUS[:3]):
            self.create(sku, ("first", "second", "third")[number], COLOURS[number % 2])

    def create(self, sku: str, text: str, colour: str) -> None:
        """A product; its uuid was never there before."""
        self.round += 1
        now = self.shop.sandbox.pim.now_text()
        given = product(f"{sku} {self.round}", name=text, notes=text, title=dict.fromkeys(LOCALES, text), colour=colour)
        given["values"] |= values_of({"sku": sku})
        self.shop.sandbox.pim.add_product(**{**given, "created": now, "updated": now})

    @property
    def products(self) -> list[tuple[str, str, dict[tuple[str, str | None], Any]]]:
        """uuid, moment of the last change, and values of each product."""
        return [
            (
                each["uuid"],
                each["updated"],
                {(code, one["locale"]): one["data"] for code, entries in each["values"].items() for one in entries},
            )
            for each in list(self.shop.sandbox.pim.products.by_key.values())
        ]

    @property
    def skus(self) -> dict[str, str]:
        """Uuids by SKU."""
        return {values["sku", None]: uuid for uuid, _, values in self.products}

    @property
    def codes(self) -> list[str]:
        """Codes of the categories, the root first."""
        return list(self.shop.sandbox.pim.table("categories"))

    def edit_values(self, uuid: str, **values: Any) -> None:
        """Change values of a product; None removes one."""
        pim = self.shop.sandbox.pim
        left = {code: each for code, each in pim.products.by_key[uuid]["values"].items() if code not in values}
        pim.edit_product(uuid, values={**left, **values_of(values)})

    def wanted(self, before: str = "9") -> Facts:
        facts: Facts = {}
        pim = self.shop.sandbox.pim
        labels = {
            code: row["labels"].get("en_US", code) for code, row in pim.table("attribute-options", "colour").items()
        }
        for code, row in pim.table("categories").items():
            if pim.updated_of(("categories",), row) < before:
                facts["nodes", code] = (row["labels"].get("en_US"), row["parent"])
        for _, updated, values in self.products:
            sku, colour = values["sku", None], values["colour", None]
            if max(updated, self.relabelled.get(colour, "")) < before:
                facts["items", sku] = (values["name", None], values.get(("notes", None)), labels[colour])
            if updated < before:
                if ("notes", None) in values:
                    facts["marks", f"{sku}-de_DE"] = (values["title", "de_DE"], sku)
                facts |= {("pairs", f"{sku} / {locale}"): (values["title", locale], sku) for locale in LOCALES}
        return facts

    def held(self, *, gone: bool = False) -> list[Held]:
        org = self.shop.sandbox.org
        colours = {row["Key__c"]: row.get("Colour__c") for row in org.rows("Item__c")}
        codes = {row["Id"]: row["Key__c"] for row in org.rows("Node__c")}
        found: list[Held] = [
            ("nodes", row["Key__c"], (row["Name"], codes.get(row.get("Parent__c"))), row["Id"])
            for row in org.rows("Node__c")
        ]
        for stream, key, values, id_ in super().held(gone=gone):
            found.append((stream, key, (*values, colours[key]) if values and stream == "items" else values, id_))
        return found

    def source_of(self, stream: str, key: str) -> str:
        return key if stream == "nodes" else self.skus.get(key[:2], "")

    def text_of(self, stream: str, fields: Any) -> str | None:
        return super().text_of("items" if stream == "nodes" else stream, fields)


@contextmanager
def open_anything(folder: Path) -> Iterator[Anything]:
    root = [category("mugs", "master", en_US="Mugs")]
    with open_shop(folder, fields=[NOTES, COLOUR], objects=SHAPE.objects, categories=root) as shop:
        shop.sandbox.pim.put_row(("categories",), category("master", en_US="Master"))
        world = Anything(shop, SHAPE)
        world.fill()
        shop.write(dict(STREAMS), safety={**FREE, "expect": {"min": 0}})
        yield world
