"""Every family of filters, on the Icecat catalogue, against a plain computation on the raw rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.plugins.sandbox.pim_server import ICECAT, Json, Pim, needs_icecat, product, rows, running, tiny, value

from sync_engine_sandbox.pim.data import load

pytestmark = needs_icecat


class Raw:
    """The rows as they are in the files, read on their own."""

    def __init__(self) -> None:
        self.products = rows("products")
        self.models = {row["code"]: row for row in rows("product-models")}
        self.families = {row["code"]: row for row in rows("families")}
        self.categories = {row["code"]: row["parent"] for row in rows("categories")}
        self.attributes = {row["code"]: row for row in rows("attributes")}

    def below(self, root: str) -> set[str]:
        def reaches(code: str | None) -> bool:
            return code is not None and (code == root or reaches(self.categories[code]))

        return {code for code in self.categories if reaches(code)}

    def ancestors(self, row: Json) -> list[str]:
        chain = []
        while row["parent"]:
            chain.append(row["parent"])
            row = self.models[row["parent"]]
        return chain

    def updated(self, row: Json) -> str:
        return max([str(row["updated"]), *(str(self.models[code]["updated"]) for code in self.ancestors(row))])

    def complete(self, row: Json, channel: str, locale: str) -> int | None:
        if row["family"] is None:
            return None
        wanted = self.families[row["family"]]["attribute_requirements"].get(channel, [])
        missing = [code for code in wanted if not self.filled(row, code, channel, locale)]
        return 100 * (len(wanted) - len(missing)) // len(wanted) if wanted else 100

    def filled(self, row: Json, code: str, channel: str, locale: str) -> bool:
        known = self.attributes[code]
        data = data_of(row, code, locale if known["localizable"] else None, channel if known["scopable"] else None)
        if code == "price" and data is not None:
            return {price["currency"] for price in data} >= {"EUR", "USD"}
        return data is not None


def data_of(row: Json, code: str, locale: str | None = None, scope: str | None = None) -> Any:
    for entry in row["values"].get(code, []):
        if (entry["locale"], entry["scope"]) == (locale, scope):
            return entry["data"]
    return None


@pytest.fixture(scope="module")
def raw() -> Raw:
    return Raw()


@pytest.fixture(scope="module")
def pim() -> Iterator[Pim]:
    with running(load(ICECAT)) as pim:
        yield pim


Oracle = Callable[[Raw, Json], bool]
DAY = "2024-08-13"


def _has(code: str, test: Callable[[Any], bool], locale: str | None = None, scope: str | None = None) -> Oracle:
    def check(_raw: Raw, row: Json) -> bool:
        data = data_of(row, code, locale, scope)
        return data is not None and test(data)

    return check


def _grams(data: Json) -> float:
    return float(data["amount"]) * {"GRAM": 1, "KILOGRAM": 1000}[data["unit"]]


CASES: dict[str, tuple[Json, Oracle]] = {
    "uuid in": (
        {"uuid": {"operator": "IN", "value": ["002c8332-4d6c-5e66-b946-b1e3186840b0", "no-such"]}},
        lambda _, row: row["uuid"] == "002c8332-4d6c-5e66-b946-b1e3186840b0",
    ),
    "uuid not in": (
        {"uuid": {"operator": "NOT IN", "value": ["002c8332-4d6c-5e66-b946-b1e3186840b0"]}},
        lambda _, row: row["uuid"] != "002c8332-4d6c-5e66-b946-b1e3186840b0",
    ),
    "identifier starts": (
        {"sku": {"operator": "STARTS WITH", "value": "tshirt"}},
        lambda _, row: data_of(row, "sku").lower().startswith("tshirt"),
    ),
    "identifier in": (
        {"identifier": {"operator": "IN", "value": ["11285974", "TSHIRT-divided-red-m"]}},
        lambda _, row: data_of(row, "sku") in {"11285974", "Tshirt-divided-red-m"},
    ),
    "sku not in": (
        {"sku": {"operator": "NOT IN", "value": ["11285974"]}},
        lambda _, row: data_of(row, "sku") != "11285974",
    ),
    "categories in": (
        {"categories": {"operator": "IN", "value": ["canon", "tshirts"]}},
        lambda _, row: bool({"canon", "tshirts"} & set(row["categories"])),
    ),
    "categories not in": (
        {"categories": {"operator": "NOT IN", "value": ["canon"]}},
        lambda _, row: "canon" not in row["categories"],
    ),
    "categories in children": (
        {"categories": {"operator": "IN CHILDREN", "value": ["cameras"]}},
        lambda raw, row: bool(raw.below("cameras") & set(row["categories"])),
    ),
    "categories not in children": (
        {"categories": {"operator": "NOT IN CHILDREN", "value": ["cameras", "tvs_projectors"]}},
        lambda raw, row: not (raw.below("cameras") | raw.below("tvs_projectors")) & set(row["categories"]),
    ),
    "categories in or unclassified": (
        {"categories": {"operator": "IN OR UNCLASSIFIED", "value": ["canon"]}},
        lambda _, row: not row["categories"] or "canon" in row["categories"],
    ),
    "unclassified": ({"categories": {"operator": "UNCLASSIFIED"}}, lambda _, row: not row["categories"]),
    "disabled": ({"enabled": {"operator": "!=", "value": True}}, lambda _, row: not row["enabled"]),
    "family in": (
        {"family": {"operator": "IN", "value": ["clothing", "accessories"]}},
        lambda _, row: row["family"] in {"clothing", "accessories"},
    ),
    "family not in": (
        {"family": {"operator": "NOT IN", "value": ["clothing"]}},
        lambda _, row: row["family"] != "clothing",
    ),
    "family empty": ({"family": {"operator": "EMPTY"}}, lambda _, row: row["family"] is None),
    "groups not empty": ({"groups": {"operator": "NOT EMPTY"}}, lambda _, row: bool(row["groups"])),
    "groups not in": ({"groups": {"operator": "NOT IN", "value": ["promotion"]}}, lambda _, row: True),
    "updated after": (
        {"updated": {"operator": ">", "value": f"{DAY} 00:00:00"}},
        lambda raw, row: raw.updated(row) > f"{DAY}T00:00:00",
    ),
    "updated before": (
        {"updated": {"operator": "<", "value": f"{DAY} 00:00:00"}},
        lambda raw, row: raw.updated(row) < f"{DAY}T00:00:00",
    ),
    "updated that day": (
        {"updated": {"operator": "=", "value": "2023-06-19 23:59:59"}},
        lambda raw, row: raw.updated(row)[:10] == "2023-06-19",
    ),
    "created another day": (
        {"created": {"operator": "!=", "value": "2023-02-19 00:00:00"}},
        lambda _, row: row["created"][:10] != "2023-02-19",
    ),
    "created between": (
        {"created": {"operator": "BETWEEN", "value": ["2023-02-01 00:00:00", "2023-06-30 23:59:59"]}},
        lambda _, row: "2023-02-01" <= row["created"][:10] <= "2023-06-30",
    ),
    "created not between": (
        {"created": {"operator": "NOT BETWEEN", "value": ["2023-02-01 00:00:00", "2023-06-30 23:59:59"]}},
        lambda _, row: not "2023-02-01" <= row["created"][:10] <= "2023-06-30",
    ),
    "parent at any level": (
        {"parent": {"operator": "=", "value": "apollon"}},
        lambda raw, row: "apollon" in raw.ancestors(row),
    ),
    "direct children": (
        {"parent": {"operator": "IN", "value": ["apollon", "apollon_blue"]}},
        lambda _, row: row["parent"] in {"apollon", "apollon_blue"},
    ),
    "simple products": ({"parent": {"operator": "EMPTY"}}, lambda _, row: row["parent"] is None),
    "variants": ({"parent": {"operator": "NOT EMPTY"}}, lambda _, row: row["parent"] is not None),
    "complete on some locale": (
        {"completeness": {"operator": "=", "value": 100, "scope": "ecommerce"}},
        lambda raw, row: 100 in [raw.complete(row, "ecommerce", code) for code in ("fr_FR", "de_DE", "en_US")],
    ),
    "half complete on some locale": (
        {"completeness": {"operator": "<", "value": 50, "scope": "print"}},
        lambda raw, row: (
            row["family"] is not None
            and any((raw.complete(row, "print", code) or 0) < 50 for code in ("fr_FR", "de_DE", "en_US"))
        ),
    ),
    "complete on all locales": (
        {
            "completeness": {
                "operator": "GREATER OR EQUALS THAN ON ALL LOCALES",
                "value": 70,
                "scope": "print",
                "locales": ["en_US", "de_DE"],
            }
        },
        lambda raw, row: all((raw.complete(row, "print", code) or 0) >= 70 for code in ("en_US", "de_DE")),
    ),
    "text contains": (
        {"name": {"operator": "CONTAINS", "value": "CANON"}},
        _has("name", lambda data: "canon" in data.lower()),
    ),
    "text does not contain": (
        {"name": {"operator": "DOES NOT CONTAIN", "value": "canon"}},
        _has("name", lambda data: "canon" not in data.lower()),
    ),
    "text equals": (
        {"name": {"operator": "=", "value": "canon eos 550d"}},
        _has("name", lambda data: data.lower() == "canon eos 550d"),
    ),
    "text in": (
        {"name": {"operator": "IN", "value": ["CANON EOS 550D", "no such name"]}},
        _has("name", lambda data: data == "Canon EOS 550D"),
    ),
    "localizable text differs": (
        {"variation_name": {"operator": "!=", "value": "x", "locale": "fr_FR"}},
        _has("variation_name", lambda data: True, "fr_FR"),
    ),
    "scoped area not empty": (
        {"description": {"operator": "NOT EMPTY", "locale": "de_DE", "scope": "print"}},
        _has("description", lambda data: True, "de_DE", "print"),
    ),
    "scoped area empty": (
        {"description": {"operator": "EMPTY", "locale": "de_DE", "scope": "print"}},
        lambda raw, row: (
            data_of(row, "description", "de_DE", "print") is None
            and row["family"] is not None
            and "description" in raw.families[row["family"]]["attributes"]
        ),
    ),
    "area contains": (
        {"description": {"operator": "CONTAINS", "value": "sensor", "locale": "en_US", "scope": "print"}},
        _has("description", lambda data: "sensor" in data.lower(), "en_US", "print"),
    ),
    "number": ({"response_time": {"operator": "<=", "value": 5}}, _has("response_time", lambda data: data <= 5)),
    "number differs": (
        {"response_time": {"operator": "!=", "value": 5}},
        _has("response_time", lambda data: data != 5),
    ),
    "metric in another unit": (
        {"weight": {"operator": ">", "value": {"amount": 1.5, "unit": "KILOGRAM"}}},
        _has("weight", lambda data: _grams(data) > 1500),
    ),
    "metric equals across units": (
        {"weight": {"operator": "=", "value": {"amount": "0.7", "unit": "KILOGRAM"}}},
        _has("weight", lambda data: _grams(data) == 700),
    ),
    "price": (
        {"price": {"operator": ">=", "value": {"amount": 100, "currency": "EUR"}}},
        _has("price", lambda data: any(p["currency"] == "EUR" and float(p["amount"]) >= 100 for p in data)),
    ),
    "option": ({"color": {"operator": "IN", "value": ["RED", "blue"]}}, _has("color", lambda d: d in {"red", "blue"})),
    "not that option": ({"color": {"operator": "NOT IN", "value": ["red"]}}, _has("color", lambda d: d != "red")),
    "multiselect": (
        {"multifunctional_functions": {"operator": "IN", "value": ["fax"]}},
        _has("multifunctional_functions", lambda data: "fax" in data),
    ),
    "boolean": (
        {"auto_exposure": {"operator": "!=", "value": True}},
        _has("auto_exposure", lambda data: data is False),
    ),
    "metric empty": (
        {"weight": {"operator": "EMPTY"}},
        lambda raw, row: (
            row["family"] is not None
            and "weight" in raw.families[row["family"]]["attributes"]
            and data_of(row, "weight") is None
        ),
    ),
    "date after": (
        {"release_date": {"operator": ">", "value": "2011-10-28", "scope": "ecommerce"}},
        _has("release_date", lambda data: data[:10] > "2011-10-28", None, "ecommerce"),
    ),
    "date as a moment": (
        {"release_date": {"operator": "=", "value": "2011-10-28T12:00:00+02:00", "scope": "ecommerce"}},
        _has("release_date", lambda data: data[:10] == "2011-10-28", None, "ecommerce"),
    ),
    "date not between": (
        {"release_date": {"operator": "NOT BETWEEN", "value": ["2010-01-01", "2011-12-31"], "scope": "ecommerce"}},
        _has("release_date", lambda data: not "2010-01-01" <= data[:10] <= "2011-12-31", None, "ecommerce"),
    ),
    "image by its name": (
        {"picture": {"operator": "STARTS WITH", "value": "1"}},
        _has("picture", lambda data: data.split("/")[-1].partition("_")[2].startswith("1")),
    ),
    "all criteria hold": (
        {
            "family": {"operator": "IN", "value": ["clothing"]},
            "color": [{"operator": "NOT IN", "value": ["red"]}, {"operator": "NOT IN", "value": ["blue"]}],
        },
        lambda _, row: row["family"] == "clothing" and data_of(row, "color") not in {None, "red", "blue"},
    ),
}
EMPTY_IN_ICECAT = {"unclassified", "disabled", "groups not empty"}


@pytest.mark.parametrize("case", CASES)
def test_a_filter_finds_what_a_plain_computation_finds(pim: Pim, raw: Raw, case: str) -> None:
    search, oracle = CASES[case]
    wanted = [row["uuid"] for row in raw.products if oracle(raw, row)]
    assert case in EMPTY_IN_ICECAT or wanted, "the case must find something in the catalogue"
    assert pim.found(**search) == sorted(wanted)


MODEL_CASES: dict[str, tuple[Json, Callable[[Raw, Json], bool]]] = {
    "roots": ({"parent": {"operator": "EMPTY"}}, lambda _, row: row["parent"] is None),
    "children": ({"parent": {"operator": "IN", "value": ["apollon"]}}, lambda _, row: row["parent"] == "apollon"),
    "codes": ({"identifier": {"operator": "IN", "value": ["amor"]}}, lambda _, row: row["code"] == "amor"),
    "updated": (
        {"updated": {"operator": ">", "value": f"{DAY} 00:00:00"}},
        lambda _, row: row["updated"] > f"{DAY}T00:00:00",
    ),
    "values": (
        {"supplier": {"operator": "IN", "value": ["zaro"]}},
        lambda _, row: data_of(row, "supplier") == "zaro",
    ),
    "a complete variant": (
        {"completeness": {"operator": "AT LEAST COMPLETE", "scope": "mobile", "locale": "en_US"}},
        lambda raw, row: any(
            raw.complete(item, "mobile", "en_US") == 100 for item in raw.products if row["code"] in raw.ancestors(item)
        ),
    ),
    "no complete variant": (
        {"completeness": {"operator": "ALL INCOMPLETE", "scope": "mobile", "locales": ["en_US"]}},
        lambda raw, row: (
            [raw.complete(i, "mobile", "en_US") == 100 for i in raw.products if row["code"] in raw.ancestors(i)]
            in ([False] * n for n in range(1, 50))
        ),
    ),
}


@pytest.mark.parametrize("case", MODEL_CASES)
def test_a_filter_on_models_finds_what_a_plain_computation_finds(pim: Pim, raw: Raw, case: str) -> None:
    search, oracle = MODEL_CASES[case]
    wanted = sorted(code for code, row in raw.models.items() if oracle(raw, row))
    assert wanted or case == "a complete variant"
    assert pim.found("product-models", **search) == wanted


def test_search_locale_and_search_scope_are_defaults(pim: Pim) -> None:
    bare = {"description": [{"operator": "NOT EMPTY"}], "name": [{"operator": "CONTAINS", "value": "canon"}]}
    full = {**bare, "description": [{"operator": "NOT EMPTY", "locale": "fr_FR", "scope": "print"}]}
    by_default = pim.one("products-uuid", search=bare, search_locale="fr_FR", search_scope="print", with_count="true")
    spelled_out = pim.one("products-uuid", search=full, with_count="true")
    assert by_default["items_count"] == spelled_out["items_count"] > 0


def test_the_search_endpoint_takes_its_search_as_text(pim: Pim) -> None:
    body = {
        "search": '{"family":[{"operator":"IN","value":["clothing"]}]}',
        "attributes": "sku",
        "with_completenesses": True,
    }
    answer = pim.http.post("/api/rest/v1/products-uuid/search?pagination_type=search_after&limit=100", json=body)
    page = answer.json()
    assert len(page["_embedded"]["items"]) == 100
    assert set(page["_embedded"]["items"][0]["values"]) == {"sku"}
    assert page["_embedded"]["items"][0]["completenesses"]
    rest = pim.http.post(page["_links"]["next"]["href"], json=body).json()
    assert len(rest["_embedded"]["items"]) == 69


BAD: list[tuple[Any, str]] = [
    (
        {"nothing": [{"operator": "=", "value": 1}]},
        'Filter on property "nothing" is not supported or does not support operator "="',
    ),
    (
        {"name": [{"operator": "BETWEEN", "value": 1}]},
        'Filter on property "name" is not supported or does not support operator "BETWEEN"',
    ),
    (
        {"enabled": [{"operator": ">", "value": True}]},
        'Filter on property "enabled" is not supported or does not support operator ">"',
    ),
    (
        {"description": [{"operator": "EMPTY", "scope": "print"}]},
        'Attribute "description" expects a locale, none given.',
    ),
    (
        {"description": [{"operator": "EMPTY", "locale": "en_US"}]},
        'Attribute "description" expects a scope, none given.',
    ),
    (
        {"release_date": [{"operator": "EMPTY", "scope": "radio"}]},
        'Attribute "release_date" expects an existing scope, "radio" given.',
    ),
    (
        {"variation_name": [{"operator": "EMPTY", "locale": "af_ZA"}]},
        'Locale "af_ZA" does not exist or is not activated.',
    ),
    ({"categories": [{"operator": "IN", "value": ["nowhere"]}]}, 'Category "nowhere" does not exist.'),
    (
        {"completeness": {"operator": "="}},
        (
            'Structure of filter "completeness" should respect this structure: '
            '{"completeness":[{"operator": "my_operator", "value": "my_value"}]}'
        ),
    ),
    (
        {"completeness": [{"operator": "LOWER THAN ON ALL LOCALES", "value": 5, "scope": "print"}]},
        'Property "completeness" expects an array with the key "locales".',
    ),
    ({"name": [{"value": "x"}]}, 'Operator is missing for the property "name".'),
    ({"name": [{"operator": []}]}, 'Operator has to be a string, "array" given.'),
    ("string", 'Search query parameter has to be an array, "string" given.'),
    (
        {"updated": [{"operator": ">", "value": "2024-08-13T00:00:00+00:00"}]},
        (
            'Property "updated" expects a string with the format "yyyy-mm-dd H:i:s" as data, '
            '"2024-08-13T00:00:00+00:00" given.'
        ),
    ),
    ({"name": [{"operator": "=", "value": 3}]}, 'Property "name" expects a string as data, "integer" given.'),
    ({"color": [{"operator": "IN", "value": ["plaid"]}]}, 'Object "options" with code "plaid" does not exist'),
]


@pytest.mark.parametrize(("search", "message"), BAD)
def test_a_wrong_search_is_refused_in_the_words_of_the_api(pim: Pim, search: Any, message: str) -> None:
    assert pim.refused("products-uuid", search=search) == message


def test_a_search_that_is_not_json_is_400(pim: Pim) -> None:
    answer = pim.http.get("/api/rest/v1/products-uuid", params={"search": "{oops"})
    assert (answer.status_code, answer.json()["message"]) == (400, "Search query parameter should be valid JSON.")


def test_an_identifier_list_has_at_most_a_hundred_values(pim: Pim) -> None:
    search = {"identifier": [{"operator": "IN", "value": [str(n) for n in range(101)]}]}
    assert "100" in pim.refused("products-uuid", search=search)


NUTRITION = [{"item": "salt", "grams": "1.5"}, {"item": "sugar"}]
RARE = {
    "record": ({"brand": {"operator": "IN", "value": ["kartell"]}}, 1),
    "no record": ({"brand": {"operator": "EMPTY"}}, 2),
    "assets": ({"shots": {"operator": "IN", "value": ["front"]}}, 1),
    "link": ({"twin": {"operator": "IN", "value": [{"type": "product_model", "id": "tee"}]}}, 1),
    "table cell": ({"nutrition": {"operator": ">", "value": {"column": "grams", "row": "salt", "value": 1}}}, 1),
    "table cell elsewhere": (
        {"nutrition": {"operator": ">", "value": {"column": "grams", "row": "sugar", "value": 1}}},
        0,
    ),
    "table option": ({"nutrition": {"operator": "IN", "value": {"column": "item", "value": ["sugar"]}}}, 1),
    "table": ({"nutrition": {"operator": "NOT EMPTY"}}, 1),
    "since": ({"updated": {"operator": "SINCE LAST N DAYS", "value": 3}}, 1),
    "family tree": ({"family": {"operator": "IN CHILDREN", "value": ["shirt"]}}, 2),
    "number in a text": ({"rating": {"operator": "=", "value": 4.5}}, 1),
}


@pytest.fixture(scope="module")
def rare() -> Iterator[Pim]:
    filled = {
        "brand": value("kartell"),
        "shots": value(["back", "front"]),
        "twin": value({"type": "product_model", "id": "tee"}),
        "nutrition": value(NUTRITION),
        "rating": value("4.5000"),
    }
    data = tiny(
        product(1, values=filled, updated="2026-01-08T00:00:00+00:00"),
        product(2, family=None, updated="2026-01-01T00:00:00+00:00"),
        product(3),
    )
    with running(data, clock=lambda: datetime(2026, 1, 10, tzinfo=UTC)) as pim:
        yield pim


@pytest.mark.parametrize("case", RARE)
def test_filters_on_types_that_icecat_lacks(rare: Pim, case: str) -> None:
    search, count = RARE[case]
    # Product 2 has no family, so no attribute of it can be empty.
    expected = 1 if case == "no record" else count
    assert len(rare.found(**search)) == expected
