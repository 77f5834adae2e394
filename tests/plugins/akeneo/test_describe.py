"""The described schema against the files that the sandbox PIM was given."""

from __future__ import annotations

from decimal import Decimal

import pytest
from tests.plugins.akeneo.conftest import Icecat, rows
from tests.plugins.akeneo.standin import StandIn

from sync_engine.sdk.errors import Unauthorised
from sync_engine.sdk.source import Kind

KINDS = {
    "pim_catalog_identifier": "identifier",
    "pim_catalog_text": "text",
    "pim_catalog_textarea": "textarea",
    "pim_catalog_number": "number",
    "pim_catalog_metric": "measurement",
    "pim_catalog_price_collection": "prices",
    "pim_catalog_boolean": "boolean",
    "pim_catalog_date": "date",
    "pim_catalog_simpleselect": "select",
    "pim_catalog_multiselect": "multiselect",
    "pim_catalog_image": "image",
    "pim_catalog_file": "file",
}


def test_every_attribute_is_described_as_the_pim_has_it(icecat: Icecat) -> None:
    raw = {row["code"]: row for row in rows("attributes")}
    assert icecat.schema.attributes.keys() == raw.keys()
    for code, attribute in icecat.schema.attributes.items():
        row = raw[code]
        assert attribute.kind == KINDS[row["type"]]
        assert attribute.native_type == row["type"]
        assert attribute.labels == row["labels"]
        assert (attribute.localizable, attribute.scopable) == (row["localizable"], row["scopable"])
        assert attribute.unit_family == row["metric_family"]
        assert attribute.decimals is bool(row["decimals_allowed"])
        assert attribute.rich_text is bool(row["wysiwyg_enabled"])
        assert not attribute.is_property


def test_every_select_attribute_has_all_its_options_with_labels(icecat: Icecat) -> None:
    raw: dict[str, dict[str, dict[str, str]]] = {}
    for row in rows("attribute-options"):
        raw.setdefault(row["attribute"], {})[row["code"]] = row["labels"]
    for code, attribute in icecat.schema.attributes.items():
        if attribute.kind in (Kind.SELECT, Kind.MULTISELECT):
            assert attribute.options is not None
            assert {option.code: option.labels for option in attribute.options} == raw.get(code, {})
        else:
            assert attribute.options is None


def test_families_and_categories_carry_their_labels(icecat: Icecat) -> None:
    families = {row["code"]: row["labels"] for row in rows("families")}
    assert {each.code: each.labels for each in icecat.schema.families} == families
    properties = icecat.schema.collections["products"].properties
    assert {each.code: each.labels for each in properties["family"].options or ()} == families
    categories = {row["code"]: row["labels"] for row in rows("categories")}
    assert {each.code: each.labels for each in properties["categories"].options or ()} == categories
    types = {row["code"]: row["labels"] for row in rows("association-types")}
    assert {each.code: each.labels for each in properties["associations"].options or ()} == types
    attributes = {row["code"]: row["labels"] for row in rows("attributes")}
    assert {each.code: each.labels for each in properties["axes"].options or ()} == attributes


def test_channels_locales_and_currencies_are_the_active_ones(icecat: Icecat) -> None:
    raw = {row["code"]: row for row in rows("channels")}
    assert icecat.schema.channels.keys() == raw.keys()
    for code, channel in icecat.schema.channels.items():
        assert set(channel.locales) == set(raw[code]["locales"])
        assert set(channel.currencies) == set(raw[code]["currencies"])
        assert channel.category_tree == raw[code]["category_tree"]
    assert set(icecat.schema.locales) == {row["code"] for row in rows("locales") if row["enabled"]}
    assert set(icecat.schema.currencies) == {row["code"] for row in rows("currencies") if row["enabled"]}


def test_units_convert_to_the_standard_unit_of_their_family(icecat: Icecat) -> None:
    raw = {row["code"]: row for row in rows("measurement-families")}
    assert icecat.schema.unit_families.keys() == raw.keys()
    for code, family in icecat.schema.unit_families.items():
        assert family.standard_unit == raw[code]["standard_unit_code"]
        assert family.units.keys() == raw[code]["units"].keys()
    gram = icecat.schema.unit_families["Weight"].units["GRAM"]
    assert gram.to_standard == (("mul", Decimal("0.001")),)
    assert gram.symbol == "g"


def test_only_the_asked_attributes_and_their_options_are_read(icecat: Icecat) -> None:
    source = icecat.open()
    before = len(icecat.state.requests)
    schema = source.describe({"color", "name", "family", "no_such_attribute"})
    source.close()
    assert schema.attributes.keys() == {"color", "name"}
    assert schema.attributes["color"] == icecat.schema.attributes["color"]
    asked = [path for path, _ in icecat.calls(before)]
    assert asked.count("attributes") == 1
    assert [path for path in asked if path.endswith("/options")] == ["attributes/color/options"]
    assert "categories" not in asked
    assert schema.collections["products"].properties["categories"].options is None


@pytest.mark.parametrize(
    ("codes", "currencies", "asked"),
    [
        ((), ("EUR",), []),
        ({"family"}, (), ["families"]),
        ({"completeness"}, (), ["families"]),
        ({"weight"}, (), ["attributes", "measurement-families"]),
        ({"name"}, ("CHF",), ["attributes", "currencies"]),
        ({"name", "axes"}, (), ["attributes"]),
    ],
)
def test_nothing_is_asked_for_that_no_mapping_depends_on(
    icecat: Icecat, codes: set[str], currencies: tuple[str, ...], asked: list[str]
) -> None:
    source = icecat.open()
    before = len(icecat.state.requests)
    schema = source.describe(codes, currencies=currencies)
    source.close()
    assert sorted(path for path, _ in icecat.calls(before)) == sorted(["channels", *asked])
    assert set(schema.locales) == set(icecat.schema.locales)
    assert schema.version == ""


def test_what_families_require_is_described_for_completeness_only(icecat: Icecat) -> None:
    source = icecat.open()
    assert not any(each.requires for each in source.describe({"family"}).families)
    required = {each.code: each.requires for each in source.describe({"completeness"}).families}
    source.close()
    assert len(set(required.values())) > 1
    assert not any(each.requires for each in icecat.schema.families)


def test_all_attributes_cost_one_call_a_page(icecat: Icecat) -> None:
    source = icecat.open()
    before = len(icecat.state.requests)
    source.describe()
    source.describe()
    source.close()
    assert [path for path, _ in icecat.calls(before)].count("attributes") == 1  # 77 of them, known the second time


def test_an_older_server_that_lacks_newer_keys_is_described(pim: StandIn) -> None:
    pim.structure(
        [
            {"code": "sku", "type": "pim_catalog_identifier", "labels": []},
            {"code": "stuff", "type": "pim_catalog_from_the_future"},
            {"code": "cost", "type": "pim_catalog_price"},
            {"code": "colour", "type": "pim_reference_data_simpleselect"},
        ]
    )
    pim.on("currencies", pim.page([{"code": "EUR", "enable": True}, {"code": "USD", "enable": False}]))
    for path in ("system-information", "measurement-families"):
        del pim.handlers[path]
    source = pim.open()
    schema = source.describe()
    source.close()
    assert {code: each.kind for code, each in schema.attributes.items()} == {
        "sku": Kind.IDENTIFIER,
        "stuff": Kind.OTHER,
        "cost": Kind.PRICES,
        "colour": Kind.SELECT,
    }
    assert schema.attributes["stuff"].native_type == "pim_catalog_from_the_future"
    assert schema.attributes["colour"].options is None
    assert schema.currencies == ("EUR",)
    assert (schema.version, schema.unit_families) == ("", {})


def test_a_missing_permission_is_told_and_not_read_as_nothing(icecat: Icecat, pim: StandIn) -> None:
    pim.structure([])
    from starlette.responses import JSONResponse

    body = {"code": 403, "message": "Access forbidden. You are not allowed to list families."}
    pim.on("families", JSONResponse(body, 403))
    source = pim.open()
    with pytest.raises(Unauthorised, match="not allowed to list families"):
        source.describe()
    source.close()


def test_the_main_identifier_is_the_marked_one_among_several(pim: StandIn) -> None:
    pim.structure(
        [
            {"code": "ean", "type": "pim_catalog_identifier", "is_main_identifier": False},
            {"code": "sku", "type": "pim_catalog_identifier", "is_main_identifier": True},
        ]
    )
    values = {code: [{"locale": None, "scope": None, "data": f"the {code}"}] for code in ("ean", "sku")}
    pim.on("products-uuid", pim.page([{"uuid": "u", "values": values}]))
    source = pim.open()
    query = Icecat(None, "", source, None).query(properties=frozenset({"identifier"}))  # type: ignore[arg-type]
    [record] = Icecat(None, "", source, None).read(query)  # type: ignore[arg-type]
    source.close()
    assert record.properties["identifier"] == "the sku"
