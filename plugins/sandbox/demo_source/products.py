"""Products and product models, from the content files."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from hashlib import sha1
from itertools import product as combinations
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from demo_source.drawing import PAINT, document, picture
from demo_source.media import Media
from demo_source.values import LOCALES, Json, entries

# The facts that a description lists, in this order, where a product has them.
_FACTS = [
    *("capacity", "comfort_temperature", "volume", "water_column", "lumens", "burn_time", "power", "r_value", "pages"),
    *("weight", "packed_length", "materials", "languages", "waterproof", "dishwasher_safe"),
]
_YES_NO = {"en_US": ("yes", "no"), "de_DE": ("ja", "nein"), "fr_FR": ("oui", "non")}
_COLON = {"en_US": ": ", "de_DE": ": ", "fr_FR": " : "}
# What a comma between thousands and a decimal point become.
_POINTS = {
    "en_US": str.maketrans({}),
    "de_DE": str.maketrans(",.", ".,"),
    "fr_FR": str.maketrans(",.", "\u202f,"),
}


def product_uuid(sku: str) -> str:
    """The uuid of a product; always the same for the same SKU."""
    return str(uuid5(NAMESPACE_URL, f"https://nordhain.example/products/{sku}"))


def dice(text: str, sides: int) -> int:
    """A number from 0 to ``sides`` - 1 that depends on nothing but the text."""
    return int.from_bytes(sha1(text.encode(), usedforsecurity=False).digest()[:4], "big") % sides


def moments(code: str) -> Json:
    """When a product or model was created and last changed: any time, but always the same."""
    start = datetime(2024, 1, 8, 7, 0, tzinfo=UTC)
    created = start + timedelta(seconds=dice(code, 500 * 86_400))
    updated = created + timedelta(seconds=dice(code + "!", 450 * 86_400))
    return {"created": created.isoformat(), "updated": updated.isoformat()}


@dataclass(frozen=True, slots=True)
class Words:
    """What texts about a product are made of.

    Attributes:
        attributes: by code, as the PIM describes them.
        options: labels by locale, by attribute and code.
        units: symbol by unit.
    """

    attributes: dict[str, Json]
    options: dict[tuple[str, str], dict[str, str]]
    units: dict[str, str]

    def value(self, code: str, literal: Any, locale: str) -> str:
        """A value as a shopper reads it, in one language."""
        kind = self.attributes[code]["type"]
        if kind == "pim_catalog_boolean":
            return _YES_NO[locale][0 if literal else 1]
        if kind == "pim_catalog_metric":
            amount, unit = literal.split()
            return f"{_localised(amount, locale)} {self.units[unit]}"
        if kind == "pim_catalog_number":
            return _localised(str(literal), locale)
        codes = literal if isinstance(literal, list) else [literal]
        return ", ".join(self.options[code, option].get(locale, f"[{option}]") for option in codes)


def _localised(number: str, locale: str) -> str:
    return f"{Decimal(number):,}".translate(_POINTS[locale])


@dataclass(frozen=True, slots=True)
class Workshop:
    """Everything needed to make the products of the content files.

    Attributes:
        words: for the texts.
        variants: the family variants by family.
        silhouettes: shapes by name.
        media: where the pictures and manuals go.
    """

    words: Words
    variants: dict[str, list[Json]]
    silhouettes: dict[str, list[str]]
    media: Media

    def make(self, block: Json) -> tuple[list[Json], list[Json]]:
        """The models and the products of one block of a content file."""
        models: list[Json] = []
        products: list[Json] = []
        for item in block["items"]:
            if "model" in item:
                made_models, made_products = self._tree(block, item)
                models += made_models
                products += made_products
            else:
                products.append(self._simple(block, item))
        return models, products

    def _simple(self, block: Json, item: Json) -> Json:
        sku = item["sku"]
        values = self._common(block, item, sku)
        values |= {"sku": sku, "ean": ean(sku)}
        return self._product(sku, block["family"], None, item["categories"], values)

    def _tree(self, block: Json, item: Json) -> tuple[list[Json], list[Json]]:
        """A root model, its models by the first axis when there are two levels, and the variants below."""
        family, root = block["family"], item["model"]
        variant = self._variant(family, item)
        values = self._common(block, item, root)
        shares = [level["attributes"] for level in variant["variant_attribute_sets"]]
        common = {code: value for code, value in values.items() if not any(code in share for share in shares)}
        models = [self._model(root, variant, None, item["categories"], common)]
        above = [(root, common)]
        if len(item["vary"]) == 2:
            above = []
            for choice in _choices(item["vary"][0]):
                code = "-".join([root, *map(_slug, choice.values())])
                below = common | self._own(block, item, shares[0], values, choice)
                models.append(self._model(code, variant, root, item["categories"], below))
                above.append((code, below))
        products = []
        for (parent, inherited), choice in combinations(above, _choices(item["vary"][-1])):
            sku = "-".join([parent, *map(_slug, choice.values())]).upper()
            filled = inherited | self._own(block, item, shares[-1], values, choice)
            axes = {axis: value for axis, value in filled.items() if axis in _axes(variant)}
            filled |= {"sku": sku, "ean": ean(sku), "variant_name": self._variant_name(item["name"], axes)}
            products.append(self._product(sku, family, parent, item["categories"], filled))
        return models, products

    def _own(self, block: Json, item: Json, share: list[str], values: Json, choice: Json) -> Json:
        """The values of one level: what was written for all of them, its axes, what ``each`` adds, its picture."""
        found = {code: value for code, value in values.items() if code in share} | choice
        for axis, by_value in item.get("each", {}).items():
            found |= by_value.get(choice.get(axis), {})
        if "color" in choice:  # the picture in the variant's color
            code = item["model"]
            image = picture(self._shapes(block, item), PAINT[choice["color"]], code)
            found["variant_image"] = self.media.add_listed(image, f"{code}-{_slug(choice['color'])}.png")
        return found

    def _variant(self, family: str, item: Json) -> Json:
        wanted = item.get("variant")
        fitting: list[Json] = [row for row in self.variants[family] if wanted in (None, row["code"])]
        return fitting[0]

    def _common(self, block: Json, item: Json, code: str) -> Json:
        """The values of a simple product or of a root model, in the notation of the content files."""
        values: Json = block.get("defaults", {}) | {"name": item["name"], "price": item["price"]} | item["values"]
        paint = PAINT[item.get("color") or values.get("color") or next(_first_colors(item), "nh_077")]
        shapes = self._shapes(block, item)
        values["image"] = self.media.add_listed(picture(shapes, paint, code), f"{code.lower()}.png")
        if "brand" in item:
            values["brand"] = item["brand"]
            if dice(code, 3) == 0:
                values["supplier_reference"] = f"{item['brand'][3:6].upper()}-{dice(code, 90_000) + 10_000}"
        if "manual" in block:
            values["manual"] = [title and self._manual(title) for title in block["manual"]]
        if "release_date" not in values:
            day = date(2023, 3, 1) + timedelta(days=dice(code + "?", 1200))
            values["release_date"] = {"ecommerce": day.isoformat()}
        first = [text and text.partition(". ")[0].rstrip(".") + "." for text in item["text"]]
        values["teaser"] = {"ecommerce": first, "print": [first[0], None, None]}
        values["description"] = {
            "ecommerce": [self._page(block, values, item["text"], place, code) for place in range(3)],
            "print": [item["text"][0], item["text"][1], None],
        }
        return values

    def _shapes(self, block: Json, item: Json) -> list[str]:
        name: str = item.get("picture") or block["picture"]
        return self.silhouettes[name]

    def _manual(self, title: str) -> str:
        filename = re.sub(r"\s+", "-", title.lower()) + ".pdf"
        return self.media.add_listed(document(title, ["Nordhain", "Read this before you use it outside."]), filename)

    def _page(self, block: Json, values: Json, text: list[str | None], place: int, code: str) -> str | None:
        """The web shop's description: what it is, the facts as a list, a closing word."""
        if text[place] is None:
            return None
        locale = LOCALES[place]
        facts = [
            f"<li>{self.words.attributes[fact]['labels'][locale]}{_COLON[locale]}"
            f"{self.words.value(fact, values[fact], locale)}</li>"
            for fact in _FACTS
            if fact in values
        ]
        closings = block["closings"]
        closing = f"<p>{closings[dice(code, len(closings))][place]}</p>" if closings else ""
        listed = "\n".join(["", "<ul>", *facts, "</ul>", ""]) if facts else ""
        return f"<p>{text[place]}</p>{listed}{closing}"

    def _variant_name(self, name: list[str | None], axes: Json) -> list[str | None]:
        return [
            text and f"{text}, {', '.join(self.words.value(axis, axes[axis], locale) for axis in axes)}"
            for text, locale in zip(name, LOCALES, strict=True)
        ]

    def _model(self, code: str, variant: Json, parent: str | None, categories: list[str], values: Json) -> Json:
        return {
            "code": code,
            "family": variant["_family"],
            "family_variant": variant["code"],
            "parent": parent,
            "categories": sorted(categories),
            "values": values,
            **moments(code),
        }

    def _product(self, sku: str, family: str | None, parent: str | None, categories: list[str], values: Json) -> Json:
        return {
            "uuid": product_uuid(sku),
            "enabled": True,
            "family": family,
            "categories": sorted(categories),
            "groups": [],
            "parent": parent,
            "values": values,
            **moments(sku),
        }

    def encode(self, row: Json) -> Json:
        """A product or model with its values in the PIM's shape."""
        values = {
            code: entries(self.words.attributes[code], literal) for code, literal in sorted(row["values"].items())
        }
        return row | {"values": {code: found for code, found in values.items() if found}}


def ean(sku: str) -> str:
    """A number of the range for internal use (GS1 prefix 200) with a right check digit."""
    digits = f"200{dice(sku, 10**9):09d}"
    total = sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(digits))
    return digits + str(-total % 10)


def _choices(level: Json) -> list[Json]:
    return [dict(zip(level, values, strict=True)) for values in combinations(*level.values())]


def _axes(variant: Json) -> set[str]:
    return {axis for level in variant["variant_attribute_sets"] for axis in level["axes"]}


def _first_colors(item: Json) -> Iterator[str]:
    return (level["color"][0] for level in item.get("vary", []) if "color" in level)


def _slug(value: object) -> str:
    """The part of a code that an axis value gives: ``nh_031`` → 031, ``0.3 LITER`` → 03L."""
    text = str(value).lower().removeprefix("nh_")
    amount, _, unit = text.partition(" ")
    short = {"liter": "l", "milliliter": "ml", "centimeter": ""}.get(unit, unit)
    return re.sub(r"[^a-z0-9]", "", amount + short)
