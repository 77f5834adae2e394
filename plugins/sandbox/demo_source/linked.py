"""Reference entities, their records, and assets, in the PIM's shapes."""

from __future__ import annotations

from typing import Any

from demo_source.drawing import PAINT, document, picture, swatch
from demo_source.media import Media, download_link
from demo_source.structure import UPDATED
from demo_source.values import Json, texts

CREATED = "2025-02-03T09:30:00+00:00"
# Settings of a text attribute that the PIM names even where nobody set them.
_TEXT: Json = {
    "max_characters": None,
    "is_textarea": False,
    "is_rich_text_editor": False,
    "validation_rule": "none",
    "validation_regexp": None,
}


def build(source: Json, silhouettes: dict[str, list[str]], media: Media) -> dict[str, list[Json]]:
    """All rows by file name, from the content of ``linked.yaml``; draws the pictures into ``media``."""
    record_attributes = source["reference_entity_attributes"]
    asset_attributes = source["asset_attributes"]
    return {
        "reference-entities": [_entity(row, silhouettes, media) for row in source["reference_entities"]],
        "reference-entity-attributes": [
            {"_reference_entity": entity, **_attribute(row, required=row["code"] == "label")}
            for entity, rows in record_attributes.items()
            for row in rows
        ],
        "reference-entity-attribute-options": [
            {"_reference_entity": entity, "attribute": attribute, "code": code, "labels": texts(labels)}
            for entity, attributes in source["reference_entity_attribute_options"].items()
            for attribute, options in attributes.items()
            for code, labels in options.items()
        ],
        "reference-entity-records": [
            {"_reference_entity": entity, **_row(row, record_attributes[entity], silhouettes, media)}
            for entity, rows in sorted(source["records"].items())
            for row in sorted(rows, key=lambda row: str(row["code"]))
        ],
        "asset-families": [_family(row) for row in source["asset_families"]],
        "asset-attributes": [
            {"_asset_family": family, **_attribute(row, required=False)}
            for family, rows in asset_attributes.items()
            for row in rows
        ],
        "assets": [
            {"_asset_family": family, **_row(row, asset_attributes[family], silhouettes, media)}
            for family, rows in source["assets"].items()
            for row in sorted(rows, key=lambda row: str(row["code"]))
        ],
    }


def _entity(row: Json, silhouettes: dict[str, list[str]], media: Media) -> Json:
    shown = {"code": row["code"], "labels": texts(row["labels"]), "image": None}
    if "image" in row:
        image = media.add(picture(silhouettes[row["image"]], PAINT["nh_042"], row["code"]), f"{row['code']}.png")
        links = download_link(image, "reference-entities-media-files", "")
        shown |= {"image": image, "_links": {"image_download": links["download"]}}
    return shown


def _attribute(written: Json, *, required: bool) -> Json:
    per = written.get("per", [])
    row = {
        "code": written["code"],
        "labels": texts(written["labels"]),
        "type": written["type"],
        "value_per_locale": "locale" in per,
        "value_per_channel": "channel" in per,
        "is_required_for_completeness": required,
    }
    if written["type"] == "text":
        row |= _TEXT
    return row | {key: value for key, value in written.items() if key not in {*row, "per"}}


def _family(row: Json) -> Json:
    return {
        "code": row["code"],
        "labels": texts(row["labels"]),
        "attribute_as_main_media": row["attribute_as_main_media"],
        "naming_convention": {},
        "product_link_rules": [],
        "transformations": [],
    }


def _row(written: Json, attributes: list[Json], silhouettes: dict[str, list[str]], media: Media) -> Json:
    """A record or an asset; ``picture``, ``swatch`` and ``pdf`` stand for the file that is drawn from them."""
    values = {attribute["code"]: _entries(attribute, written.get(attribute["code"])) for attribute in attributes}
    name = str(written["code"])
    if "picture" in written:
        shape, color = written["picture"]
        content, filename = picture(silhouettes[shape], PAINT[color], name), f"{name}.png"
    elif "swatch" in written:
        content, filename = swatch(PAINT[written["swatch"]], name), f"{name}.jpg"
    elif "pdf" in written:
        content, filename = document(written["pdf"], ["A guide by Nordhain, the outdoor and home shop."]), f"{name}.pdf"
    else:
        content, filename = b"", ""
    if content:
        field, endpoint = next(
            (row["code"], endpoint)
            for row in attributes
            for kind, endpoint in (("image", "reference-entities-media-files"), ("media_file", "asset-media-files"))
            if row["type"] == kind
        )
        code = media.add(content, filename)
        values[field] = [{"locale": None, "channel": None, "data": code, "_links": download_link(code, endpoint, "")}]
    filled = {code: found for code, found in sorted(values.items()) if found}
    return {"code": name, "values": filled, "created": CREATED, "updated": UPDATED}


def _entries(attribute: Json, literal: Any) -> list[Json]:
    """The entries of one attribute. Records and assets say ``channel`` where products say ``scope``."""
    if literal is None:
        return []
    per = attribute.get("per", [])
    by_channel = sorted(literal.items()) if "channel" in per else [(None, literal)]
    return [
        {"locale": locale, "channel": channel, "data": data}
        for channel, part in by_channel
        for locale, data in (texts(part).items() if "locale" in per else [(None, part)])
    ]
