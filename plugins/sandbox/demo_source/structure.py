"""The catalogue's structure in the PIM's shapes, from ``content/structure.yaml``."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path
from typing import Any

import yaml

from demo_source.values import Json, texts

CONTENT = Path(__file__).parent / "content"
UPDATED = "2026-09-01T06:00:00+00:00"

# An attribute as the PIM describes it when nothing special was asked of it. Booleans that only concern one type are
# null for the others.
_ATTRIBUTE: Json = {
    "unique": False,
    "useable_as_grid_filter": True,
    "allowed_extensions": [],
    "metric_family": None,
    "default_metric_unit": None,
    "reference_data_name": None,
    "available_locales": [],
    "max_characters": None,
    "validation_rule": None,
    "validation_regexp": None,
    "wysiwyg_enabled": None,
    "number_min": None,
    "number_max": None,
    "decimals_allowed": None,
    "negative_allowed": None,
    "date_min": None,
    "date_max": None,
    "max_file_size": None,
    "minimum_input_length": None,
}
_NUMERIC = ("number", "metric")
_FOREIGN_TYPES = {
    "reference_entity": "akeneo_reference_entity",
    "reference_entity_collection": "akeneo_reference_entity_collection",
    "reference_data_simpleselect": "pim_reference_data_simpleselect",
    "reference_data_multiselect": "pim_reference_data_multiselect",
}


def read(name: str) -> Any:
    """One content file."""
    return yaml.safe_load((CONTENT / f"{name}.yaml").read_text(encoding="utf-8"))


def build(source: Json) -> dict[str, list[Json]]:
    """All structure rows by file name, from the content of ``structure.yaml``."""
    groups = {group["code"]: texts(group["labels"]) for group in source["attribute_groups"]}
    attributes = [
        _attribute(code, order, written, groups)
        for order, (code, written) in enumerate(source["attributes"].items(), 1)
    ]
    families = [_family(code, written, source["base_attributes"]) for code, written in source["families"].items()]
    return {
        "attributes": sorted(attributes, key=lambda row: row["code"]),
        "attribute-options": [
            _option(code, *option)
            for code in sorted(source["options"])
            for option in _numbered(source["options"][code])
        ],
        "attribute-groups": _attribute_groups(source["attribute_groups"], attributes),
        "families": sorted(families, key=lambda row: row["code"]),
        "family-variants": [
            row
            for family in sorted(families, key=lambda row: row["code"])
            for row in _family_variants(family, source["families"][family["code"]].get("variants", {}))
        ],
        "categories": _categories(source["categories"]),
        "channels": [
            {"conversion_units": {}, **channel, "labels": texts(channel["labels"])} for channel in source["channels"]
        ],
        "locales": _switched(source["locales"]),
        "currencies": _switched(source["currencies"]),
        "association-types": [
            {
                "code": row["code"],
                "labels": texts(row["labels"]),
                "is_quantified": row.get("is_quantified", False),
                "is_two_way": row.get("is_two_way", False),
            }
            for row in source["association_types"]
        ],
        "groups": [{**row, "labels": texts(row["labels"])} for row in source["groups"]],
        "measurement-families": [_measurement(code, row) for code, row in source["measurement_families"].items()],
    }


def _numbered(options: Json) -> list[tuple[int, str, list[str | None]]]:
    return [(order, code, labels) for order, (code, labels) in enumerate(options.items(), 1)]


def _option(attribute: str, order: int, code: str, labels: list[str | None]) -> Json:
    return {"code": code, "attribute": attribute, "sort_order": order, "labels": texts(labels)}


def _attribute(code: str, order: int, written: Json, groups: dict[str, dict[str, str]]) -> Json:
    kind = written["type"]
    settings = {key: value for key, value in written.items() if key in _ATTRIBUTE or key == "is_main_identifier"}
    row = {"code": code, "type": _FOREIGN_TYPES.get(kind, f"pim_catalog_{kind}"), "group": written["group"]}
    row |= _ATTRIBUTE
    if kind in (*_NUMERIC, "price_collection"):
        row["decimals_allowed"] = False
    if kind in _NUMERIC:
        row["negative_allowed"] = False
    per = written.get("per", [])
    row |= settings | {
        "sort_order": order,
        "localizable": "locale" in per,
        "scopable": "channel" in per,
        "labels": texts(written["labels"]),
        "auto_option_sorting": False if kind in ("simpleselect", "multiselect") else None,
        "default_value": None,
        "group_labels": groups[written["group"]],
    }
    if kind == "table":
        row["table_configuration"] = [_column(place, column) for place, column in enumerate(written["columns"])]
    return row


def _column(place: int, column: Json) -> Json:
    row = {
        "code": column["code"],
        "data_type": column["type"],
        "labels": texts(column["labels"]),
        "validations": column.get("validations", {}),
        "is_required_for_completeness": place == 0,  # the first column is the row's key
    }
    if column["type"] == "select":
        row["options"] = [{"code": code, "labels": texts(labels)} for code, labels in column["options"].items()]
    if column["type"] == "measurement":
        row["measurement_family_code"], row["measurement_default_unit_code"] = column["measurement"]
    if column["type"] == "reference_entity":
        row["reference_entity_identifier"] = column["record"]
    return row


def _attribute_groups(groups: list[Json], attributes: list[Json]) -> list[Json]:
    return sorted(
        (
            {
                "code": group["code"],
                "sort_order": order,
                "attributes": [row["code"] for row in attributes if row["group"] == group["code"]],
                "labels": texts(group["labels"]),
            }
            for order, group in enumerate(groups, 1)
        ),
        key=lambda row: str(row["code"]),
    )


def _family(code: str, written: Json, base: list[str]) -> Json:
    return {
        "code": code,
        "attributes": sorted({*base, *written["attributes"]}),
        "attribute_as_label": "name",
        "attribute_as_image": "image",
        "attribute_requirements": {
            channel: sorted({"sku", "name", *codes}) for channel, codes in written["requirements"].items()
        },
        "labels": texts(written["labels"]),
        "parent": None,
    }


def _family_variants(family: Json, variants: Json) -> list[Json]:
    rows = []
    for code, written in variants.items():
        levels = [
            {"level": depth, "axes": level["axes"], "attributes": [*level["axes"], *level["attributes"]]}
            for depth, level in enumerate(written["levels"], 1)
        ]
        levels[-1]["attributes"].append("sku")
        own = {attribute for level in levels for attribute in level["attributes"]}
        rows.append(
            {
                "_family": family["code"],
                "code": code,
                "labels": texts(written["labels"]),
                "variant_attribute_sets": levels,
                "common_attributes": [attribute for attribute in family["attributes"] if attribute not in own],
            }
        )
    return rows


def _categories(written: list[list[Any]]) -> list[Json]:
    """Depth first, children in the order they were written; positions count within a parent, from 1."""
    by_parent = {
        parent: list(rows)
        for parent, rows in groupby(sorted(written, key=lambda row: row[1] or ""), key=lambda row: row[1])
    }

    def below(parent: str | None) -> list[Json]:
        rows = []
        for position, (code, _parent, *labels) in enumerate(by_parent.get(parent, []), 1):
            place = 1 if parent is None else position
            row = {"code": code, "parent": parent, "updated": UPDATED, "position": place, "labels": texts(labels)}
            rows += [row, *below(code)]
        return rows

    return below(None)


def _switched(written: dict[str, list[str]]) -> list[Json]:
    codes = sorted(written["enabled"] + written["disabled"])
    return [{"code": code, "enabled": code in written["enabled"]} for code in codes]


def _measurement(code: str, written: Json) -> Json:
    units = {}
    for unit, row in written["units"].items():
        steps = [step.split() for step in row["to_standard"]]
        units[unit] = {
            "code": unit,
            "labels": texts(row["labels"]),
            "convert_from_standard": [{"operator": operator, "value": value} for operator, value in steps],
            "symbol": row["symbol"],
        }
    return {
        "code": code,
        "labels": texts(written["labels"]),
        "standard_unit_code": written["standard"],
        "units": units,
    }
