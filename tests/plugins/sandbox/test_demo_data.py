from __future__ import annotations

import hashlib
import json
import re
import struct
import subprocess
import sys
import zlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

SANDBOX = Path(__file__).parents[3] / "plugins" / "sandbox"
DATA = SANDBOX / "sync_engine_sandbox" / "demo_data"
ICECAT = Path(__file__).parents[4] / "shared" / "data" / "icecat"
MEDIA = ("pim_catalog_image", "pim_catalog_file")

Json = dict[str, Any]

# Products whose gaps are there on purpose.
LOST_MEDIA = {"lost manual.pdf"}


@cache
def rows(name: str) -> list[Json]:
    return [json.loads(line) for line in (DATA / f"{name}.jsonl").read_bytes().splitlines()]


@cache
def by_code(name: str) -> dict[str, Json]:
    return {row["code"]: row for row in rows(name)}


@cache
def products() -> dict[str, Json]:
    return {row["values"]["sku"][0]["data"]: row for row in rows("products")}


def entities() -> list[Json]:
    return [*rows("products"), *rows("product-models")]


def entries(*types: str) -> Iterator[tuple[Json, Json, Any]]:
    """The attribute, the value entry and its data, of all products and models, for some attribute types."""
    attributes = by_code("attributes")
    for entity in entities():
        for code, found in entity["values"].items():
            if not types or attributes[code]["type"] in types:
                for entry in found:
                    yield attributes[code], entry, entry["data"]


def value(sku: str, attribute: str, locale: str | None = None, scope: str | None = None) -> Any:
    found = products()[sku]["values"][attribute]
    return next(entry["data"] for entry in found if (entry["locale"], entry["scope"]) == (locale, scope))


def files_below(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


class TestTheGenerator:
    def test_it_writes_the_committed_files_byte_for_byte(self, tmp_path: Path) -> None:
        target = tmp_path / "demo"
        subprocess.run([sys.executable, SANDBOX / "make_demo_data.py", target], check=True, timeout=60)
        made, committed = files_below(target), files_below(DATA)
        assert made.keys() == committed.keys()
        assert [name for name in made if made[name] != committed[name]] == []

    def test_what_it_writes_is_small(self) -> None:
        assert sum(map(len, files_below(DATA).values())) < 3_000_000


class TestTheShapes:
    def test_every_line_of_a_file_has_the_keys_of_the_real_data(self) -> None:
        if not ICECAT.is_dir():
            pytest.skip("the Icecat catalogue is not beside the repository")
        optional = {"is_main_identifier", "table_configuration", "common_attributes"}
        for path in sorted(ICECAT.glob("*.jsonl")):
            real = set(json.loads(path.read_bytes().splitlines()[0])) - optional
            for row in rows(path.stem):
                assert set(row) - optional == real, f"{path.stem}: {row.get('code')}"

    def test_no_line_holds_a_line_end_of_any_kind(self) -> None:
        for path in DATA.glob("*.jsonl"):
            text = path.read_bytes().decode()
            assert text.splitlines() == text.split("\n")[:-1], path.name

    def test_products_are_sorted_by_their_uuid(self) -> None:
        uuids = [row["uuid"] for row in rows("products")]
        assert uuids == sorted(set(uuids))
        assert {UUID(uuid).version for uuid in uuids} == {5}

    def test_all_association_types_are_always_listed_and_quantified_ones_apart(self) -> None:
        plain = {row["code"] for row in rows("association-types") if not row["is_quantified"]}
        for entity in entities():
            assert set(entity["associations"]) == plain
            assert not plain & set(entity["quantified_associations"])

    def test_numbers_are_texts_exactly_where_decimals_are_allowed(self) -> None:
        for attribute, _entry, data in entries("pim_catalog_number", "pim_catalog_metric"):
            number = data["amount"] if isinstance(data, dict) else data
            if attribute["decimals_allowed"]:
                assert re.fullmatch(r"-?\d+\.\d{4}", number), attribute["code"]
            else:
                assert type(number) is int, attribute["code"]

    def test_prices_follow_the_same_rule_and_are_sorted_by_currency(self) -> None:
        for attribute, _entry, data in entries("pim_catalog_price_collection"):
            assert [price["currency"] for price in data] == sorted(price["currency"] for price in data)
            for amount in (price["amount"] for price in data if price["amount"] is not None):
                if attribute["decimals_allowed"]:
                    assert re.fullmatch(r"\d+\.\d\d", amount)
                else:
                    assert type(amount) is int

    def test_values_exist_per_locale_and_channel_exactly_as_their_attribute_says(self) -> None:
        channels = by_code("channels")
        for attribute, entry, _data in entries():
            assert (entry["locale"] is not None) == attribute["localizable"]
            assert (entry["scope"] is not None) == attribute["scopable"]
            if attribute["localizable"]:
                allowed = channels[entry["scope"]]["locales"] if entry["scope"] else ["de_DE", "en_US", "fr_FR"]
                assert entry["locale"] in (attribute["available_locales"] or allowed)

    def test_media_values_say_where_they_are_downloaded(self) -> None:
        for _attribute, entry, data in entries(*MEDIA):
            href = f"https://pim.example.test/api/rest/v1/media-files/{data}/download"
            assert entry["_links"]["download"]["href"] == href


class TestWhatRefersToWhat:
    def test_values_belong_to_the_attributes_of_their_family(self) -> None:
        families = by_code("families")
        for entity in entities():
            allowed = families[entity["family"]]["attributes"] if entity["family"] else ["sku", "name", "price"]
            assert set(entity["values"]) <= set(allowed)

    def test_families_and_family_variants_name_attributes_that_exist(self) -> None:
        attributes, families = by_code("attributes"), by_code("families")
        for family in families.values():
            assert set(family["attributes"]) <= attributes.keys()
            for required in family["attribute_requirements"].values():
                assert set(required) <= set(family["attributes"])
            assert set(family["attribute_requirements"]) == {"ecommerce", "print"}
        for variant in rows("family-variants"):
            own = [code for level in variant["variant_attribute_sets"] for code in level["attributes"]]
            assert set(own) | set(variant["common_attributes"]) == set(families[variant["_family"]]["attributes"])
            for level in variant["variant_attribute_sets"]:
                assert set(level["axes"]) <= set(level["attributes"])

    def test_selected_options_exist(self) -> None:
        options = {(row["attribute"], row["code"]) for row in rows("attribute-options")}
        for attribute, _entry, data in entries("pim_catalog_simpleselect"):
            assert (attribute["code"], data) in options
        for attribute, _entry, data in entries("pim_catalog_multiselect"):
            assert {(attribute["code"], code) for code in data} <= options
            assert data == sorted(data)

    def test_records_and_assets_exist(self) -> None:
        records = {(row["_reference_entity"], row["code"]) for row in rows("reference-entity-records")}
        assets = {(row["_asset_family"], row["code"]) for row in rows("assets")}
        for attribute, _entry, data in entries("akeneo_reference_entity"):
            assert (attribute["reference_data_name"], data) in records
        for attribute, _entry, data in entries("akeneo_reference_entity_collection"):
            assert {(attribute["reference_data_name"], code) for code in data} <= records
        for attribute, _entry, data in entries("pim_catalog_asset_collection"):
            assert {(attribute["reference_data_name"], code) for code in data} <= assets

    def test_records_refer_to_records_options_and_assets_that_exist(self) -> None:
        records = {(row["_reference_entity"], row["code"]) for row in rows("reference-entity-records")}
        options = {
            (row["_reference_entity"], row["attribute"], row["code"])
            for row in rows("reference-entity-attribute-options")
        }
        assets = {(row["_asset_family"], row["code"]) for row in rows("assets")}
        attributes = {(row["_reference_entity"], row["code"]): row for row in rows("reference-entity-attributes")}
        seen = set()
        for record in rows("reference-entity-records"):
            for code, found in record["values"].items():
                attribute = attributes[record["_reference_entity"], code]
                seen.add(attribute["type"])
                for entry in found:
                    codes = entry["data"] if isinstance(entry["data"], list) else [entry["data"]]
                    if "option" in attribute["type"]:
                        assert {(record["_reference_entity"], code, item) for item in codes} <= options
                    if "link" in attribute["type"]:
                        assert {(attribute["reference_entity_code"], item) for item in codes} <= records
                    if attribute["type"] == "asset_collection":
                        assert {(attribute["asset_family_identifier"], item) for item in codes} <= assets
        assert seen == {row["type"] for row in rows("reference-entity-attributes")}

    def test_units_and_currencies_exist(self) -> None:
        families = by_code("measurement-families")
        for attribute, _entry, data in entries("pim_catalog_metric"):
            assert data["unit"] in families[attribute["metric_family"]]["units"]
        enabled = {row["code"] for row in rows("currencies") if row["enabled"]}
        for _attribute, _entry, data in entries("pim_catalog_price_collection"):
            assert {price["currency"] for price in data} <= enabled

    def test_table_cells_belong_to_columns(self) -> None:
        for attribute, _entry, data in entries("pim_catalog_table"):
            columns = {column["code"]: column for column in attribute["table_configuration"]}
            first = attribute["table_configuration"][0]
            keys = {option["code"] for option in first["options"]}
            for row in data:
                assert row.keys() <= columns.keys()
                assert row[first["code"]] in keys

    def test_categories_groups_and_parents_exist(self) -> None:
        categories, models = by_code("categories"), by_code("product-models")
        for entity in entities():
            assert set(entity["categories"]) <= categories.keys()
            assert entity["categories"] == sorted(entity["categories"])
            assert set(entity.get("groups", ())) <= by_code("groups").keys()
            assert entity["parent"] is None or entity["parent"] in models
        for category in categories.values():
            assert category["parent"] is None or category["parent"] in categories
        assert {channel["category_tree"] for channel in rows("channels")} == {"master", "seasonal"}

    def test_associations_lead_somewhere(self) -> None:
        uuids = {row["uuid"] for row in rows("products")}
        models, groups = by_code("product-models").keys(), by_code("groups").keys()
        for entity in entities():
            for linked in entity["associations"].values():
                assert set(linked["products"]) <= uuids
                assert set(linked["product_models"]) <= models
                assert set(linked["groups"]) <= groups
            for linked in entity["quantified_associations"].values():
                assert {each["uuid"] for each in linked["products"]} <= uuids
                assert {each["identifier"] for each in linked["product_models"]} <= models
                assert all(each["quantity"] > 0 for part in linked.values() for each in part)

    def test_channels_use_active_locales_and_currencies(self) -> None:
        for name, key in (("locales", "locales"), ("currencies", "currencies")):
            enabled = {row["code"] for row in rows(name) if row["enabled"]}
            assert enabled == {code for channel in rows("channels") for code in channel[key]}


class TestVariants:
    def test_they_hold_the_values_and_categories_of_their_models(self) -> None:
        models = by_code("product-models")
        for entity in entities():
            if entity["parent"]:
                parent = models[entity["parent"]]
                assert entity["family"] == parent["family"]
                assert set(parent["categories"]) <= set(entity["categories"])
                for code, found in parent["values"].items():
                    assert entity["values"][code] == found, f"{entity.get('code')}: {code}"

    def test_each_level_holds_its_own_axes_and_no_other_attribute_of_lower_levels(self) -> None:
        variants = by_code("family-variants")
        models = by_code("product-models")
        for model in models.values():
            sets = variants[model["family_variant"]]["variant_attribute_sets"]
            level = 0 if model["parent"] is None else 1
            for place, attributes in enumerate(sets):
                if place < level:
                    assert set(attributes["axes"]) <= model["values"].keys()
                else:
                    assert not set(attributes["attributes"]) & model["values"].keys()

    def test_no_two_variants_of_a_model_share_their_axis_values(self) -> None:
        variants, models = by_code("family-variants"), by_code("product-models")
        seen = set()
        for product in rows("products"):
            if product["parent"]:
                sets = variants[models[product["parent"]]["family_variant"]]["variant_attribute_sets"]
                axes = [json.dumps(product["values"][axis]) for level in sets for axis in level["axes"]]
                key = (product["parent"], *axes)
                assert key not in seen
                seen.add(key)

    def test_axes_are_of_select_measurement_and_boolean_types(self) -> None:
        sets = [level for row in rows("family-variants") for level in row["variant_attribute_sets"]]
        types = {by_code("attributes")[axis]["type"] for level in sets for axis in level["axes"]}
        assert types == {"pim_catalog_simpleselect", "pim_catalog_metric", "pim_catalog_boolean"}


class TestMedia:
    def test_every_file_that_is_listed_is_there_but_for_the_lost_one(self) -> None:
        lost = {row["original_filename"] for row in rows("media-files") if not (DATA / "media" / row["code"]).exists()}
        assert lost == LOST_MEDIA

    def test_every_value_leads_to_a_listed_file(self) -> None:
        listed = by_code("media-files")
        for _attribute, _entry, data in entries(*MEDIA):
            assert data in listed

    def test_pictures_of_records_and_assets_are_there(self) -> None:
        files = [row["image"] for row in rows("reference-entities") if row["image"]]
        for name in ("reference-entity-records", "assets"):
            files += [
                e["data"] for row in rows(name) for found in row["values"].values() for e in found if "_links" in e
            ]
        assert len(files) == 17
        assert all((DATA / "media" / code).is_file() for code in files)

    def test_codes_are_made_of_a_hash_and_the_cleaned_name(self) -> None:
        for row in rows("media-files"):
            *digits, name = row["code"].split("/")
            assert re.fullmatch(r"[0-9a-f]{40}_[A-Za-z0-9._]+", name)
            assert "".join(digits) == name[:4]
            assert name[41:] == re.sub(r"[^A-Za-z0-9.]", "_", row["original_filename"])

    def test_sizes_and_types_are_those_of_the_bytes(self) -> None:
        starts = {"image/png": b"\x89PNG\r\n\x1a\n", "image/jpeg": b"\xff\xd8\xff", "application/pdf": b"%PDF-"}
        for row in rows("media-files"):
            if row["original_filename"] not in LOST_MEDIA:
                content = (DATA / "media" / row["code"]).read_bytes()
                assert len(content) == row["size"]
                assert content.startswith(starts[row["mime_type"]])

    def test_pngs_are_whole_pictures(self) -> None:
        for path in (DATA / "media").rglob("*.png"):
            content, place, kinds, stream = path.read_bytes(), 8, [], b""
            while place < len(content):
                (size,) = struct.unpack_from(">I", content, place)
                kind, data = content[place + 4 : place + 8], content[place + 8 : place + 8 + size]
                (check,) = struct.unpack_from(">I", content, place + 8 + size)
                assert zlib.crc32(kind + data) == check
                kinds.append(kind)
                stream += data if kind == b"IDAT" else b""
                place += 12 + size
            assert kinds == [b"IHDR", b"PLTE", b"IDAT", b"IEND"]
            assert len(zlib.decompress(stream)) == 96 * (1 + 96 // 2)

    def test_every_model_has_a_picture_of_its_own(self) -> None:
        roots = [row for row in rows("product-models") if row["parent"] is None]
        contents = {(DATA / "media" / row["values"]["image"][0]["data"]).read_bytes() for row in roots}
        assert len(contents) == len(roots)


class TestTheAwkwardOnes:
    @pytest.mark.parametrize("sku", ["012", "12E4", "1_000", 'AWK-SKU-"Q";,x'])
    def test_skus_stay_texts(self, sku: str) -> None:
        assert value(sku, "sku") == sku

    def test_texts_keep_line_breaks_of_every_kind(self) -> None:
        assert value("AWK-LINES", "internal_note") == "unix\nwindows\r\nold mac\rtab\there"
        text = value("AWK-LINES", "description", "en_US", "ecommerce")
        assert {"\u2028", "\u2029"} <= set(text)
        assert "\\n" in value("AWK-LINES", "description", "fr_FR", "ecommerce")

    def test_texts_go_beyond_the_basic_plane_and_combine_characters(self) -> None:
        name = value("AWK-UNICODE", "name", "en_US")
        assert max(map(ord, name)) > 0xFFFF
        assert "\u0301" in name
        assert "\u05d4" in value("AWK-RTL", "name", "en_US") or "\u05de" in value("AWK-RTL", "name", "en_US")
        assert "\u202e" in value("AWK-RTL", "name", "fr_FR")

    def test_texts_begin_like_formulas(self) -> None:
        found = [value("AWK-FORMULA", "name", locale) for locale in ("en_US", "de_DE", "fr_FR")]
        assert "".join(text[0] for text in [*found, value("AWK-FORMULA", "supplier_reference")]) == "=+-@"

    def test_one_text_is_the_bulk_api_s_null(self) -> None:
        assert value("AWK-NULL-TEXT", "supplier_reference") == "#N/A"

    def test_one_description_is_too_long_and_one_name_just_fits(self) -> None:
        assert len(value("AWK-LONG", "description", "en_US", "ecommerce")) > 4000
        assert len(value("AWK-LONG", "name", "en_US")) == 255

    def test_entities_are_not_resolved(self) -> None:
        assert value("AWK-ENTITIES", "name", "en_US") == "Salt &amp; Pepper &lt;Shaker&gt;"

    def test_spaces_around_texts_are_kept(self) -> None:
        assert value("AWK-SPACES", "name", "en_US") == "  Padded  Name  "

    def test_some_have_no_family_name_or_category(self) -> None:
        assert [sku for sku, row in products().items() if row["family"] is None] == ["AWK-NO-FAMILY"]
        assert {sku for sku, row in products().items() if "name" not in row["values"]} == {"AWK-NO-NAME", "AWK-EMPTY"}
        assert {sku for sku, row in products().items() if not row["categories"]} == {"AWK-NO-CATEGORY", "AWK-EMPTY"}

    def test_prices_can_be_zero_or_absent(self) -> None:
        amounts = [price["amount"] for price in value("AWK-PRICES", "price")]
        assert amounts == ["0.00", None, "0.01"]
        assert "price" not in products()["AWK-NO-PRICE"]["values"]
        assert [price["amount"] for price in value("AWK-NO-PRICE", "deposit")] == [0, None]

    def test_numbers_can_be_negative_and_use_all_four_decimals(self) -> None:
        assert value("AWK-COLD", "comfort_temperature") == {"amount": "-40.0000", "unit": "FAHRENHEIT"}
        assert value("AWK-COLD", "r_value") == "0.1234"
        assert value("AWK-DATES", "altitude_min") == -418

    def test_days_stand_on_both_sides_of_new_year(self) -> None:
        assert value("AWK-DATES", "release_date", None, "ecommerce") == "2026-01-01T00:00:00+00:00"
        assert value("AWK-DATES", "release_date", None, "print") == "2025-12-31T00:00:00+00:00"
        assert value("AWK-DATES", "end_of_sale") == "2028-02-29T00:00:00+00:00"

    def test_option_labels_are_not_unique_not_complete_and_hold_separators(self) -> None:
        colors = {row["code"]: row["labels"] for row in rows("attribute-options") if row["attribute"] == "color"}
        assert colors["sand"] == colors["nh_140"]
        assert "fr_FR" not in colors["heather"]
        activities = {
            row["code"]: row["labels"] for row in rows("attribute-options") if row["attribute"] == "activities"
        }
        assert [code for code, labels in activities.items() if ";" in labels["en_US"]] == ["a04"]
        assert {"a04", "a08"} <= set(value("AWK-OPTIONS", "activities"))

    def test_a_file_name_holds_odd_characters(self) -> None:
        names = {row["original_filename"] for row in rows("media-files")}
        assert {"Kocher & Töpfe (100 %) #1 – final.PNG", "Maßblatt – Größe&Gewicht; 50 %.pdf"} <= names


class TestTheWhole:
    def test_there_are_as_many_as_the_documentation_says(self) -> None:
        assert len(rows("products")) == 310
        assert len(rows("product-models")) == 72
        assert len([row for row in rows("product-models") if row["parent"]]) == 27
        assert len([row for row in rows("products") if row["parent"]]) == 247
        assert len([row for row in rows("products") if not row["enabled"]]) == 11
        assert len(rows("families")) == 12

    def test_every_attribute_type_is_filled_somewhere(self) -> None:
        used = {attribute["type"] for attribute, _entry, _data in entries()}
        assert used == {row["type"] for row in rows("attributes")}
        assert len(used) == 18

    def test_every_kind_of_table_column_is_filled_somewhere(self) -> None:
        filled = {
            column["data_type"]
            for attribute, _entry, data in entries("pim_catalog_table")
            for column in attribute["table_configuration"]
            if any(column["code"] in row for row in data)
        }
        assert filled == {"select", "number", "text", "boolean", "measurement", "reference_entity"}

    def test_some_translations_are_missing(self) -> None:
        named = [{entry["locale"] for entry in row["values"].get("name", ())} for row in entities()]
        assert {"de_DE", "en_US", "fr_FR"} in named
        assert {"de_DE", "en_US"} in named

    def test_texts_of_ordinary_products_differ(self) -> None:
        models = [row for row in rows("product-models") if row["parent"] is None]
        texts = {row["values"]["description"][0]["data"] for row in models}
        assert len(texts) == len(models)

    def test_eans_have_right_check_digits_and_are_unique(self) -> None:
        eans = [row["values"]["ean"][0]["data"] for row in rows("products") if "ean" in row["values"]]
        assert len(set(eans)) == len(eans) > 280
        for ean in eans:
            assert sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(ean)) % 10 == 0

    def test_the_pictures_do_not_repeat_the_same_bytes_too_often(self) -> None:
        hashes = [hashlib.sha256(path.read_bytes()).digest() for path in (DATA / "media").rglob("*.png")]
        assert len(set(hashes)) > 0.6 * len(hashes)
