"""Write the demo catalogue of the sandbox: the same bytes every time.

Run it after a change to ``demo_source/`` and commit what it wrote::

    python plugins/sandbox/make_demo_data.py            # into sync_engine_sandbox/demo_data
    python plugins/sandbox/make_demo_data.py /tmp/demo  # or elsewhere

The catalogue is that of Nordhain, an outdoor and home shop that does not exist. Its content is written by hand in
``demo_source/content``; the code beside it turns the content into the shapes of Akeneo's REST API, one object a line.
"""

from __future__ import annotations

import json
import shutil
import sys
from itertools import groupby
from pathlib import Path
from typing import Any

from demo_source import linked, structure
from demo_source.drawing import PAINT, document, picture
from demo_source.media import Media
from demo_source.products import Words, Workshop, moments, product_uuid
from demo_source.values import Json

TARGET = Path(__file__).parent / "sync_engine_sandbox" / "demo_data"
CATALOGUE = ("camping", "wear", "home")
# Line ends to some readers of text files, though not to JSON.
_LINE_ENDS = {ord(end): f"\\u{ord(end):04x}" for end in "\u0085\u2028\u2029"}


def main(target: Path = TARGET) -> None:
    """Replace the folder ``target`` by a newly made catalogue."""
    media = Media()
    files = catalogue(media)
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    for name, rows in files.items():
        lines = (json.dumps(row, ensure_ascii=False, separators=(",", ":")) for row in rows)
        text = "".join(f"{line.translate(_LINE_ENDS)}\n" for line in lines)
        (target / f"{name}.jsonl").write_text(text, encoding="utf-8", newline="\n")
    for code, content in media.files.items():
        path = target / "media" / code
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def catalogue(media: Media) -> dict[str, list[Json]]:
    """All rows by file name; the files they name are put into ``media``."""
    written = structure.read("structure")
    silhouettes = structure.read("silhouettes")
    files = structure.build(written) | linked.build(structure.read("linked"), silhouettes, media)
    shop = Workshop(_words(files), _by_family(files["family-variants"]), silhouettes, media)
    models: list[Json] = []
    products: list[Json] = []
    for name in CATALOGUE:
        for block in structure.read(name):
            made_models, made_products = shop.make(block)
            models += made_models
            products += made_products
    products += _awkward(structure.read("awkward"), products, silhouettes, media)
    _merchandise(structure.read("merchandising"), files["association-types"], models, products)
    files["product-models"] = sorted(map(shop.encode, models), key=lambda row: str(row["code"]))
    files["products"] = sorted(map(shop.encode, products), key=lambda row: str(row["uuid"]))
    files["media-files"] = [row for _code, row in sorted(media.rows.items())]
    return files


def _words(files: dict[str, list[Json]]) -> Words:
    return Words(
        attributes={row["code"]: row for row in files["attributes"]},
        options={(row["attribute"], row["code"]): row["labels"] for row in files["attribute-options"]},
        units={
            code: unit["symbol"] for family in files["measurement-families"] for code, unit in family["units"].items()
        },
    )


def _by_family(variants: list[Json]) -> dict[str, list[Json]]:
    return {family: list(rows) for family, rows in groupby(variants, key=lambda row: str(row["_family"]))}


def _awkward(written: list[Json], products: list[Json], silhouettes: dict[str, list[str]], media: Media) -> list[Json]:
    """The products with values that break careless readers; they get nothing that is not written."""
    rows = []
    for item in written:
        sku = item["sku"]
        values = {"sku": sku, **item["values"]}
        for attribute, names in item.get("files", {}).items():
            values[attribute] = _files(names, item.get("lost", ()), silhouettes, media)
        if sku == "AWK-LONG":
            values["description"] = {"ecommerce": _anthology(products)}
        rows.append(
            {
                "uuid": product_uuid(sku),
                "enabled": item.get("enabled", True),
                "family": item["family"],
                "categories": sorted(item["categories"]),
                "groups": [],
                "parent": None,
                "values": values,
                **moments(sku),
            }
        )
    return rows


def _files(names: Any, lost: list[str], silhouettes: dict[str, list[str]], media: Media) -> Any:
    """Media codes in place of file names, alone or in threes."""
    if isinstance(names, list):
        return [name and _files(name, lost, silhouettes, media) for name in names]
    drawn = names.lower().endswith(".png")
    content = picture(silhouettes["pot"], PAINT["nh_077"], names) if drawn else document(names, ["Nordhain"])
    return media.add_listed(content, names, lost=names in lost)


def _anthology(products: list[Json]) -> list[str | None]:
    """A description longer than any text field of the target: what the shop says about all its tents and jackets."""
    seen = {row["parent"]: row["values"]["description"]["print"] for row in products if row["parent"]}
    chosen = [texts_ for _parent, texts_ in sorted(seen.items())]
    return ["".join(f"<p>{text[place]}</p>\n" for text in chosen if text[place]) for place in (0, 1)] + [None]


def _merchandise(written: Json, types: list[Json], models: list[Json], products: list[Json]) -> None:
    """Add to every row what it is associated with, to products their groups and whether they are on sale."""
    by_sku = {row["values"]["sku"]: row for row in products}
    by_code = {row["code"]: row for row in models}
    for sku in written["disabled"]:
        by_sku[sku]["enabled"] = False
    for group, skus in sorted(written["groups"].items()):
        for sku in skus:
            by_sku[sku]["groups"].append(group)
    everybody: dict[str, Json] = {**by_code, **by_sku}
    for code, row in everybody.items():
        line = {code, *_ancestors(row, by_code)}
        row["associations"] = {
            kind["code"]: {"products": [], "product_models": [], "groups": []}
            for kind in types
            if not kind["is_quantified"]
        }
        for link in (link for link in written["associations"] if link["of"] in line):
            shown = row["associations"][link["type"]]
            shown["products"] += sorted(by_sku[sku]["uuid"] for sku in link.get("products", ()))
            shown["product_models"] += sorted(by_code[model]["code"] for model in link.get("models", ()))
            shown["groups"] += sorted(link.get("groups", ()))
        row["quantified_associations"] = {
            link["type"]: {
                "products": [
                    {"uuid": by_sku[sku]["uuid"], "quantity": count} for sku, count in link.get("products", {}).items()
                ],
                "product_models": [
                    {"identifier": by_code[model]["code"], "quantity": count}
                    for model, count in link.get("models", {}).items()
                ],
            }
            for link in written["quantified"]
            if link["of"] in line
        }


def _ancestors(row: Json, models: dict[str, Json]) -> list[str]:
    parent = row["parent"]
    return [parent, *_ancestors(models[parent], models)] if parent else []


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:2]))
