"""What the PIM is asked to evaluate against a plain evaluation of the raw JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import orjson
import pytest
from tests.plugins.akeneo.conftest import Icecat, rows

from sync_engine.sdk.errors import Refused
from sync_engine.sdk.filters import OPERATORS, AllOf, AnyOf, Criterion, Filter, Not
from sync_engine.sdk.source import Kind, Query, Source

Row = dict[str, Any]
PRODUCTS = "products"
MODELS = "product_models"


def data(row: Row, code: str, locale: str | None = None, channel: str | None = None) -> Any:
    """The value's data, or None."""
    for entry in row["values"].get(code, []):
        if (entry["locale"], entry["scope"]) == (locale, channel):
            return entry["data"]
    return None


def has(code: str, test: Callable[[Any], bool], *place: str | None) -> Callable[[Row], bool]:
    """Rows that have a value, and whose value passes."""
    return lambda row: data(row, code, *place) is not None and test(data(row, code, *place))


def family_has(row: Row, code: str) -> bool:
    return any(row["family"] == each["code"] and code in each["attributes"] for each in FAMILIES)


def grams(value: Any) -> Decimal:
    factors = {"GRAM": Decimal(1), "KILOGRAM": Decimal(1000), "OUNCE": Decimal("28.349523125")}
    return Decimal(value["amount"]) * factors[value["unit"]]


def euros(test: Callable[[Decimal], bool]) -> Callable[[Any], bool]:
    return lambda prices: any(
        each["currency"] == "EUR" and each["amount"] is not None and test(Decimal(each["amount"])) for each in prices
    )


def below(*roots: str) -> set[str]:
    found = set(roots)
    while more := {each["code"] for each in CATEGORIES if each["parent"] in found} - found:
        found |= more
    return found


def descends(row: Row, model: str) -> bool:
    parents = {each["code"]: each["parent"] for each in rows("product-models")}
    return row["parent"] == model or parents.get(row["parent"]) == model


FAMILIES = rows("families")
CATEGORIES = rows("categories")
CAMERAS = below("cameras")
MOMENT = datetime(2024, 9, 1, 12, tzinfo=UTC)


def updated(row: Row) -> datetime:
    """A variant counts as updated when a model above it was (filter page, "On their creation or update date")."""
    models = {each["code"]: each for each in rows("product-models")}
    found = datetime.fromisoformat(row["updated"])
    above = models.get(row["parent"])
    while above and "uuid" in row:
        found, above = max(found, datetime.fromisoformat(above["updated"])), models.get(above["parent"])
    return found


def where(field: str, operator: str, value: Any = None, **place: Any) -> Criterion:
    return Criterion(field, operator, value, **place)


EN = {"locale": "en_US", "channel": "ecommerce"}
EN_PLACE = ("en_US", "ecommerce")

CASES: list[tuple[str, Criterion, Callable[[Row], bool]]] = [
    # text, identifier, textarea
    (PRODUCTS, where("name", "STARTS WITH", "Canon"), has("name", lambda d: d.lower().startswith("canon"))),
    (PRODUCTS, where("name", "CONTAINS", "LCD"), has("name", lambda d: "lcd" in d.lower())),
    (PRODUCTS, where("name", "DOES NOT CONTAIN", "a"), has("name", lambda d: "a" not in d.lower())),
    (PRODUCTS, where("ean", "NOT EMPTY"), has("ean", lambda d: True)),
    (PRODUCTS, where("ean", "EMPTY"), lambda row: data(row, "ean") is None and family_has(row, "ean")),
    (PRODUCTS, where("sku", "STARTS WITH", "1"), has("sku", lambda d: d.startswith("1"))),
    (PRODUCTS, where("identifier", "CONTAINS", "77"), has("sku", lambda d: "77" in d)),
    (
        PRODUCTS,
        where("identifier", "IN", ("10661721", "13620748")),
        has("sku", lambda d: d in ("10661721", "13620748")),
    ),
    (PRODUCTS, where("description", "NOT EMPTY", **EN), has("description", lambda d: True, *EN_PLACE)),
    # numbers, measurements, prices
    (PRODUCTS, where("optical_zoom", ">", 3), has("optical_zoom", lambda d: Decimal(d) > 3)),
    (
        PRODUCTS,
        where("optical_zoom", "<=", Decimal("3.5")),
        has("optical_zoom", lambda d: Decimal(d) <= Decimal("3.5")),
    ),
    (PRODUCTS, where("optical_zoom", "!=", 5), has("optical_zoom", lambda d: Decimal(d) != 5)),
    (
        PRODUCTS,
        where("weight", "<", {"amount": Decimal("1.5"), "unit": "KILOGRAM"}),
        has("weight", lambda d: grams(d) < 1500),
    ),
    (
        PRODUCTS,
        where("price", ">=", {"amount": Decimal("899.00"), "currency": "EUR"}),
        has("price", euros(lambda amount: amount >= 899)),
    ),
    (PRODUCTS, where("price", "NOT EMPTY"), has("price", lambda d: True)),
    # select, boolean, date, file
    (
        PRODUCTS,
        where("color", "IN", ("blue", "red")),
        has("color", lambda d: d in ("blue", "red")),
    ),
    (PRODUCTS, where("color", "NOT IN", ("blue",)), has("color", lambda d: d != "blue")),
    (PRODUCTS, where("collection", "IN", ("summer_2016",)), has("collection", lambda d: "summer_2016" in d)),
    (PRODUCTS, where("auto_exposure", "=", False), has("auto_exposure", lambda d: d is False)),
    (PRODUCTS, where("auto_exposure", "!=", True), has("auto_exposure", lambda d: d is not True)),
    (
        PRODUCTS,
        where("release_date", ">", "2012-01-01", channel="ecommerce"),
        has("release_date", lambda d: d[:10] > "2012-01-01", None, "ecommerce"),
    ),
    (
        PRODUCTS,
        where("release_date", "BETWEEN", (date(2011, 1, 1), date(2012, 6, 30)), channel="ecommerce"),
        has("release_date", lambda d: "2011-01-01" <= d[:10] <= "2012-06-30", None, "ecommerce"),
    ),
    (PRODUCTS, where("picture", "NOT EMPTY"), has("picture", lambda d: True)),
    # properties of products
    (PRODUCTS, where("enabled", "=", True), lambda row: row["enabled"]),
    (PRODUCTS, where("enabled", "!=", True), lambda row: not row["enabled"]),
    (
        PRODUCTS,
        where("family", "IN", ("camcorders", "headphones")),
        lambda row: row["family"] in ("camcorders", "headphones"),
    ),
    (PRODUCTS, where("family", "NOT IN", ("camcorders",)), lambda row: row["family"] != "camcorders"),
    (PRODUCTS, where("family", "EMPTY"), lambda row: row["family"] is None),
    (PRODUCTS, where("groups", "EMPTY"), lambda row: not row["groups"]),
    (PRODUCTS, where("categories", "IN", ("canon",)), lambda row: "canon" in row["categories"]),
    (PRODUCTS, where("categories", "NOT IN", ("canon",)), lambda row: "canon" not in row["categories"]),
    (PRODUCTS, where("categories", "IN CHILDREN", ("cameras",)), lambda row: bool(CAMERAS & set(row["categories"]))),
    (PRODUCTS, where("categories", "NOT IN CHILDREN", ("cameras",)), lambda row: not CAMERAS & set(row["categories"])),
    (PRODUCTS, where("categories", "UNCLASSIFIED"), lambda row: not row["categories"]),
    (
        PRODUCTS,
        where("categories", "IN OR UNCLASSIFIED", ("canon",)),
        lambda row: not row["categories"] or "canon" in row["categories"],
    ),
    (PRODUCTS, where("parent", "EMPTY"), lambda row: row["parent"] is None),
    (PRODUCTS, where("parent", "IN", ("apollon_red",)), lambda row: row["parent"] == "apollon_red"),
    (PRODUCTS, where("parent", "=", "apollon"), lambda row: descends(row, "apollon")),
    (PRODUCTS, where("updated", ">", "2024-09-01 12:00:00"), lambda row: updated(row) > MOMENT),
    (
        PRODUCTS,
        where("created", "BETWEEN", ("2023-01-01 00:00:00", "2023-06-30 00:00:00")),
        lambda row: "2023-01-01" <= row["created"][:10] < "2023-06-30",
    ),
    (PRODUCTS, where("created", "=", "2023-06-28 00:00:00"), lambda row: row["created"][:10] == "2023-06-28"),
    # models
    (MODELS, where("code", "IN", ("apollon", "amor")), lambda row: row["code"] in ("apollon", "amor")),
    (MODELS, where("family", "IN", ("clothing",)), lambda row: row["family"] == "clothing"),
    (MODELS, where("parent", "EMPTY"), lambda row: row["parent"] is None),
    (MODELS, where("parent", "IN", ("apollon",)), lambda row: row["parent"] == "apollon"),
    (
        MODELS,
        where("categories", "IN CHILDREN", ("suppliers",)),
        lambda row: bool(below("suppliers") & set(row["categories"])),
    ),
    (MODELS, where("updated", ">", MOMENT), lambda row: datetime.fromisoformat(row["updated"]) > MOMENT),
    (MODELS, where("name", "CONTAINS", "jacket"), has("name", lambda d: "jacket" in d.lower())),
    (MODELS, where("collection", "NOT EMPTY"), has("collection", lambda d: True)),
]


@pytest.mark.parametrize(
    ("collection", "criterion", "holds"), CASES, ids=[f"{c}-{k.field}-{k.operator}" for c, k, _ in CASES]
)
def test_the_pim_selects_what_a_plain_evaluation_selects(
    icecat: Icecat, collection: str, criterion: Criterion, holds: Callable[[Row], bool]
) -> None:
    query = icecat.query(collection, filters=(criterion,))
    pushdown = icecat.source.pushdown(query)
    assert (pushdown.pushed, pushdown.residual) == ((criterion,), ())
    raw = rows("products" if collection == PRODUCTS else "product-models")
    wanted = {row["uuid" if collection == PRODUCTS else "code"] for row in raw if holds(row)}
    assert {record.key for record in icecat.read(query)} == wanted


def test_the_cases_select_something_and_leave_something() -> None:
    for collection, criterion, holds in CASES:
        raw = rows("products" if collection == PRODUCTS else "product-models")
        chosen = sum(map(holds, raw))
        uniform = {"groups", "categories"} if criterion.operator in ("EMPTY", "UNCLASSIFIED") else {"enabled"}
        assert 0 < chosen < len(raw) or criterion.field in uniform, (criterion, chosen)


def test_completeness_and_quality_are_filtered_by_the_pim(icecat: Icecat) -> None:
    everything = icecat.read(icecat.query(properties=frozenset({"completeness", "quality_score"})))

    def levels(record: Any, name: str, locale: str | None = None) -> list[Any]:
        entries = record.properties[name]
        return [each.data for each in entries if each.channel == "ecommerce" and locale in (None, each.locale)]

    def found(criterion: Criterion) -> set[str]:
        query = icecat.query(filters=(criterion,), channel="ecommerce")
        assert icecat.source.pushdown(query).residual == ()
        return {record.key for record in icecat.read(query)}

    some = found(where("completeness", ">=", 80))
    assert some == {each.key for each in everything if any(level >= 80 for level in levels(each, "completeness"))}
    one = found(where("completeness", "<", 80, locale="en_US"))
    assert one == {each.key for each in everything if any(x < 80 for x in levels(each, "completeness", "en_US"))}
    both = ("de_DE", "en_US")
    all_of = found(where("completeness", "GREATER OR EQUALS THAN ON ALL LOCALES", 80, locales=both))
    assert all_of == {
        each.key
        for each in everything
        if levels(each, "completeness") and all(min(levels(each, "completeness", locale)) >= 80 for locale in both)
    }
    graded = found(where("quality_score", "IN", ("A", "B", "C", "D"), locale="en_US"))
    assert graded == {each.key for each in everything if set(levels(each, "quality_score", "en_US")) & set("ABCD")}
    assert 0 < len(some) < 981
    assert 0 < len(graded) < 981


def test_conditions_on_one_field_stand_together(icecat: Icecat) -> None:
    both: tuple[Filter, ...] = (
        AllOf((where("categories", "IN CHILDREN", ("cameras",)), AllOf((where("enabled", "=", True),)))),
        where("categories", "NOT IN", ("canon",)),
    )
    query = icecat.query(filters=both)
    pushdown = icecat.source.pushdown(query)
    assert len(pushdown.pushed) == 3
    assert pushdown.residual == ()
    wanted = {
        row["uuid"]
        for row in rows("products")
        if CAMERAS & set(row["categories"]) and row["enabled"] and "canon" not in row["categories"]
    }
    assert {record.key for record in icecat.read(query)} == wanted


def search_of(source: Source, query: Any) -> Any:
    params: Any = source.pushdown(query).partitions[0].request["params"]
    return orjson.loads(params.get("search", "{}"))


def test_numbers_reach_the_pim_exactly(icecat: Icecat) -> None:
    query = icecat.query(filters=(where("optical_zoom", "=", Decimal("0.1000000000000000055")),))
    params: Any = icecat.source.pushdown(query).partitions[0].request["params"]
    assert '"value":0.1000000000000000055' in params["search"]


def test_moments_are_told_in_the_servers_time_zone(icecat: Icecat) -> None:
    source = icecat.open(server_timezone="Europe/Paris")
    summer = datetime(2025, 7, 1, 10, 0, tzinfo=UTC)

    def told(value: Any, operator: str = ">") -> Any:
        query = icecat.query(filters=(where("updated", operator, value),))
        return search_of(source, query)["updated"][0]["value"]

    assert told(summer) == "2025-07-01 12:00:00"
    assert told("2025-07-01T10:00:00+00:00") == "2025-07-01 12:00:00"
    assert told("2025-01-01T10:00:00Z") == "2025-01-01 11:00:00"
    assert told(summer.astimezone(ZoneInfo("Asia/Tokyo"))) == "2025-07-01 12:00:00"
    assert told("2025-07-01 12:00:00") == "2025-07-01 12:00:00"
    assert told("2025-07-01") == "2025-07-01 00:00:00"
    assert told((summer, summer + timedelta(days=1)), "BETWEEN") == ["2025-07-01 12:00:00", "2025-07-02 12:00:00"]
    assert told(7, "SINCE LAST N DAYS") == 7
    source.close()


RESIDUAL: list[tuple[str, Filter]] = [
    (PRODUCTS, Not(where("enabled", "=", True))),
    (PRODUCTS, AnyOf((where("enabled", "=", True), where("family", "EMPTY")))),
    (PRODUCTS, where("enabled", "NOT EMPTY")),
    (PRODUCTS, where("root_parent", "=", "apollon")),
    (PRODUCTS, where("axes", "IN", ("size",))),
    (PRODUCTS, where("price", ">", 10)),  # in which currency?
    (PRODUCTS, where("weight", ">", 10)),  # in which unit?
    (PRODUCTS, where("uuid", "IN", tuple(map(str, range(101))))),
    (PRODUCTS, where("sku", "IN", tuple(map(str, range(101))))),
    (PRODUCTS, where("name", "IN", ("x" * 5000,))),
    (PRODUCTS, where("erp_name", "NOT EMPTY")),  # in which locale?
    (PRODUCTS, where("release_date", "NOT EMPTY")),  # in which channel?
    (MODELS, where("code", "STARTS WITH", "a")),
    (MODELS, where("parent", "=", "apollon")),
    (MODELS, where("level", "=", 1)),
    (MODELS, where("quality_score", "IN", ("A",), locale="en_US", channel="print")),
    ("categories", where("root", "IN", ("master",))),
    ("categories", where("code", "=", "master")),
    ("categories", where("updated", ">", "2020-01-01 00:00:00")),  # as it can of products
    ("family_variants", where("family", "IN", ("clothing",))),
]


@pytest.mark.parametrize(("collection", "filter_"), RESIDUAL, ids=[f"{c}-{f}"[:60] for c, f in RESIDUAL])
def test_what_the_pim_cannot_say_is_left_to_the_engine_with_what_it_needs(
    icecat: Icecat, collection: str, filter_: Filter
) -> None:
    pushdown = icecat.source.pushdown(icecat.query(collection, filters=(filter_,)))
    assert (pushdown.pushed, pushdown.residual) == ((), (filter_,))
    request: Any = pushdown.partitions[0].request
    assert "search" not in request["params"]
    for criterion in criteria(filter_):
        assert criterion.field in request["attributes"] + request["properties"]


def criteria(filter_: Filter) -> Iterator[Criterion]:
    match filter_:
        case Criterion():
            yield filter_
        case Not():
            yield from criteria(filter_.filter)
        case AllOf() | AnyOf():
            for each in filter_.filters:
                yield from criteria(each)


def test_a_residual_criterion_brings_its_locale_and_channel(icecat: Icecat) -> None:
    query = icecat.query(
        attributes=frozenset({"name"}),
        locales=("de_DE",),
        channels=frozenset({"ecommerce"}),
        filters=(Not(where("description", "NOT EMPTY", locale="en_US", channel="print")),),
    )
    request: Any = icecat.source.pushdown(query).partitions[0].request
    assert request["attributes"] == ["description", "name"]
    assert request["locales"] == ["de_DE", "en_US"]
    assert request["channels"] == ["ecommerce", "print"]
    assert request["params"]["locales"] == "de_DE,en_US"
    unsaid = icecat.query(locales=("de_DE",), filters=(Not(where("erp_name", "NOT EMPTY")),))
    request = icecat.source.pushdown(unsaid).partitions[0].request
    assert request["locales"] is None
    assert "locales" not in request["params"]
    values = [record.values["erp_name"] for record in icecat.read(unsaid) if "erp_name" in record.values]
    assert {each.locale for entries in values for each in entries} >= {"en_US"}


def test_an_unknown_code_is_refused_by_name(icecat: Icecat) -> None:
    for wrong in (
        icecat.query(attributes=frozenset({"colour_of_magic"})),
        icecat.query(filters=(where("colour_of_magic", "EMPTY"),)),
        icecat.query(properties=frozenset({"colour_of_magic"})),
        icecat.query("colour_of_magic"),
    ):
        with pytest.raises(Refused, match="colour_of_magic"):
            icecat.source.pushdown(wrong)


@pytest.mark.parametrize(("edition", "told"), [("Serenity", True), ("EE", False)])
def test_what_only_the_cloud_filters_is_left_to_the_engine_elsewhere(pim: Any, edition: str, told: bool) -> None:
    pim.structure([{"code": "sku", "type": "pim_catalog_identifier"}])
    pim.on("system-information", {"version": "7.0.1", "edition": edition})
    source = pim.open()
    criterion = where("parent", "EMPTY")
    query = Query(PRODUCTS, frozenset(), frozenset({"uuid"}), (), frozenset(), (criterion, where("enabled", "=", True)))
    pushdown = source.pushdown(query)
    source.close()
    assert (criterion in pushdown.pushed, criterion in pushdown.residual) == (told, not told)
    assert where("enabled", "=", True) in pushdown.pushed


def test_many_attributes_are_asked_for_in_several_calls_and_not_named_in_the_address(pim: Any) -> None:
    codes = [f"a_rather_long_attribute_code_{number:04}" for number in range(250)]
    pim.structure([{"code": "sku", "type": "pim_catalog_identifier"}])
    pim.structure([{"code": code, "type": "pim_catalog_text"} for code in codes])
    source = pim.open()
    query = Query(PRODUCTS, frozenset(codes), frozenset({"uuid"}), (), frozenset(), ())
    request: Any = source.pushdown(query).partitions[0].request
    source.close()
    assert request["attributes"] == codes
    assert "attributes" not in request["params"]
    searches = [orjson.loads(asked["search"])["code"][0]["value"] for path, asked in pim.asked if "search" in asked]
    assert sorted(code for search in searches for code in search) == codes
    assert all(len(search) <= 100 for search in searches)
    assert all(len(asked["search"]) < 4000 for _, asked in pim.asked)


def test_known_attributes_cost_no_call_when_planning(icecat: Icecat) -> None:
    before = len(icecat.state.requests)
    icecat.source.pushdown(icecat.query(attributes=frozenset({"name", "color"})))
    assert icecat.calls(before) == []


def test_every_operator_of_every_kind_in_the_catalogue_is_supported(icecat: Icecat) -> None:
    for code, attribute in icecat.schema.attributes.items():
        for operator in OPERATORS[attribute.kind]:
            assert icecat.source.unsupported(PRODUCTS, where(code, operator)) is None
            assert icecat.source.unsupported(MODELS, where(code, operator)) is None


@pytest.mark.parametrize(
    ("collection", "criterion", "words"),
    [
        (PRODUCTS, where("name", ">", 1), "no operator >"),
        (PRODUCTS, where("colour_of_magic", "EMPTY"), "colour_of_magic"),
        (MODELS, where("enabled", "=", True), "no attribute or property"),
        (MODELS, where("completeness", "=", 100), "no attribute or property"),
        ("categories", where("name", "EMPTY"), "no attribute or property"),
        ("wishes", where("name", "EMPTY"), "no collection"),
    ],
)
def test_what_nobody_can_evaluate_is_told(icecat: Icecat, collection: str, criterion: Criterion, words: str) -> None:
    assert words in (icecat.source.unsupported(collection, criterion) or "")


def test_a_filter_on_a_kind_that_cannot_be_filtered_names_its_type(pim: Any) -> None:
    pim.structure([{"code": "link", "type": "pim_catalog_product_link"}, {"code": "odd", "type": "pim_odd"}])
    source = pim.open()
    assert "pim_catalog_product_link" in source.unsupported(PRODUCTS, where("link", "EMPTY"))
    assert "pim_odd" in source.unsupported(PRODUCTS, where("odd", "EMPTY"))
    assert source.describe({"odd"}).attributes["odd"].kind is Kind.OTHER
    source.close()
