"""The PIM's attribute types (Akeneo REST API, "Attributes"; the older spellings too) and the fixed properties."""

from __future__ import annotations

from collections.abc import Mapping

from sync_engine.sdk.source import Attribute, Kind, RecordCollection

KINDS: Mapping[str, Kind] = {
    "pim_catalog_identifier": Kind.IDENTIFIER,
    "pim_catalog_text": Kind.TEXT,
    "pim_catalog_textarea": Kind.TEXTAREA,
    "pim_catalog_number": Kind.NUMBER,
    "pim_catalog_metric": Kind.MEASUREMENT,
    "pim_catalog_price_collection": Kind.PRICES,
    "pim_catalog_price": Kind.PRICES,
    "pim_catalog_boolean": Kind.BOOLEAN,
    "pim_catalog_date": Kind.DATE,
    "pim_catalog_simpleselect": Kind.SELECT,
    "pim_catalog_multiselect": Kind.MULTISELECT,
    "pim_reference_data_simpleselect": Kind.SELECT,
    "pim_reference_data_multiselect": Kind.MULTISELECT,
    "pim_catalog_reference_data_simpleselect": Kind.SELECT,
    "pim_catalog_reference_data_multiselect": Kind.MULTISELECT,
    "pim_catalog_image": Kind.IMAGE,
    "pim_catalog_file": Kind.FILE,
    "pim_catalog_asset_collection": Kind.ASSETS,
    "pim_assets_collection": Kind.ASSETS,
    "akeneo_reference_entity": Kind.RECORD,
    "akeneo_reference_entity_collection": Kind.RECORDS,
    "pim_catalog_table": Kind.TABLE,
    "pim_catalog_product_link": Kind.LINK,
}

WITH_OPTIONS = frozenset({"pim_catalog_simpleselect", "pim_catalog_multiselect"})
"""Types whose options the PIM lists; reference data has no list."""

LONGEST = {"pim_catalog_identifier": 255, "pim_catalog_text": 255, "pim_catalog_textarea": 65_535}
"""Longest text by type, where the attribute sets no limit of its own."""

MAPPED = "mapped_products"
"""The collection that only a catalog for apps has: its products as its mapping makes them; which properties differs."""

MAPPED_KEY = "uuid"


def _properties(*properties: Attribute) -> dict[str, Attribute]:
    return {each.code: each for each in properties}


def _fixed(code: str, kind: Kind, *, per_locale: bool = False, per_channel: bool = False) -> Attribute:
    return Attribute(code, kind, "property", localizable=per_locale, scopable=per_channel, is_property=True)


_SHARED = (
    _fixed("family", Kind.FAMILY),
    _fixed("categories", Kind.CATEGORIES),
    _fixed("parent", Kind.PARENT),
    _fixed("axes", Kind.MULTISELECT),
    _fixed("created", Kind.DATETIME),
    _fixed("updated", Kind.DATETIME),
    _fixed("quality_score", Kind.QUALITY, per_locale=True, per_channel=True),
    _fixed("associations", Kind.ASSOCIATIONS),
)

COLLECTIONS: Mapping[str, RecordCollection] = {
    "products": RecordCollection(
        "products",
        "uuid",
        _properties(
            _fixed("uuid", Kind.UUID),
            _fixed("identifier", Kind.IDENTIFIER),
            _fixed("enabled", Kind.BOOLEAN),
            _fixed("groups", Kind.GROUPS),
            _fixed("root_parent", Kind.TEXT),
            _fixed("completeness", Kind.COMPLETENESS, per_locale=True, per_channel=True),
            *_SHARED,
        ),
        has_attributes=True,
    ),
    "product_models": RecordCollection(
        "product_models",
        "code",
        _properties(
            _fixed("code", Kind.IDENTIFIER),
            _fixed("family_variant", Kind.TEXT),
            _fixed("level", Kind.NUMBER),
            *_SHARED,
        ),
        has_attributes=True,
    ),
    "categories": RecordCollection(
        "categories",
        "code",
        _properties(
            _fixed("code", Kind.IDENTIFIER),
            _fixed("parent", Kind.PARENT),
            _fixed("label", Kind.TEXT, per_locale=True),
            _fixed("position", Kind.NUMBER),
            _fixed("updated", Kind.DATETIME),
            _fixed("root", Kind.TEXT),
            _fixed("level", Kind.NUMBER),
            _fixed("path", Kind.TEXT),
        ),
        has_attributes=False,
    ),
    "family_variants": RecordCollection(
        "family_variants",
        "code",
        _properties(
            _fixed("code", Kind.IDENTIFIER),
            _fixed("family", Kind.FAMILY),
            _fixed("label", Kind.TEXT, per_locale=True),
            _fixed("axes", Kind.MULTISELECT),
            _fixed("levels", Kind.NUMBER),
        ),
        has_attributes=False,
    ),
}
"""What can be read.

``axes``: of a model the attributes in which its direct children differ, of a variant those in which it differs from its
siblings, of a simple product none, of a family variant those of all its levels, the upper one first. ``levels``: how
many these are. ``root_parent``: the top model above a variant. ``level``: 1 for a root. ``path``: codes
from the root to the category, joined by ``/``. ``position``: among its siblings, from 1. Properties that exist per
locale or channel (``label``, ``completeness``, ``quality_score``) hold entries like those of attributes.
"""

KEYS = {**{name: each.key for name, each in COLLECTIONS.items()}, MAPPED: MAPPED_KEY}
"""The property that identifies a record, by collection."""
