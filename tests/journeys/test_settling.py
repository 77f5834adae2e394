"""Whatever a catalog maps and whatever the PIM holds: right after a transfer, a plan has nothing to do."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from tests.journeys.small import Json, Shop, open_shop, product

SKUS = ("a", "b", "c")
FIELDS: Mapping[str, Json] = {
    "Line__c": {"type": "string", "length": 40},
    "Text__c": {"type": "textarea", "length": 255},
    "Rich__c": {"type": "richtextarea", "length": 2000},
    "Whole__c": {"type": "double", "precision": 10, "scale": 0},
    "Amount__c": {"type": "double", "precision": 12, "scale": 2},
    "Price__c": {"type": "currency", "precision": 12, "scale": 2},
    "Share__c": {"type": "percent", "precision": 8, "scale": 3},
    "Flag__c": {"type": "boolean"},
    "Day__c": {"type": "date"},
    "Moment__c": {"type": "datetime"},
    "Choice__c": {"type": "picklist", "values": ["red", "blue", "Red"]},
    "Uses__c": {"type": "multipicklist", "values": ["home", "work", "trip"]},
    "Mail__c": {"type": "email"},
    "Link__c": {"type": "url"},
}
TEXTS: list[Any] = [
    "name",
    "notes",
    {"value": "name", "truncate": 7},
    {"template": "{{ name }} / {{ notes | striptags }}"},
    {"expression": "name or sku"},
    {"value": "uses", "join": ";"},
    {"value": "colour", "labels": True},
]
NUMBERS: list[Any] = [
    "stock",
    "rating",
    {"value": "rating", "round": 1},
    {"value": "weight", "unit": "GRAM"},
    {"value": "price", "currency": "EUR"},
    {"expression": "(rating or 0) * 3"},
]
MAPPINGS: Mapping[str, list[Any]] = {
    **dict.fromkeys(("Line__c", "Text__c", "Rich__c"), TEXTS),
    **dict.fromkeys(("Whole__c", "Amount__c", "Price__c", "Share__c"), NUMBERS),
    "Flag__c": [{"value": "washable", "default": False}, {"value": "washable", "when_empty": "keep"}],
    "Day__c": ["released", {"const": "2024-02-29"}],
    "Moment__c": ["released"],
    "Choice__c": ["colour", {"value": "colour", "translate": {"red": "Red"}, "otherwise": "keep"}],
    "Uses__c": ["uses"],
    "Mail__c": [{"template": "{{ sku }}@shop.example"}],
    "Link__c": [{"template": "https://shop.example/{{ sku }}"}],
}
OPTIONS = ({}, {}, {}, {"when_empty": "keep"}, {"conflict": "keep"}, {"conflict": "report"}, {"overwrite": "if_empty"})

text = st.text(st.sampled_from("aZ 9\t\n\r<>&;\"'\\/,.üß\u00a0\u2028é\u0301\U0001f600=+#"), max_size=24)
values = st.fixed_dictionaries(
    {
        "name": text,
        "notes": st.one_of(st.none(), text),
        "stock": st.one_of(st.none(), st.integers(-9_999, 99_999)),
        "rating": st.one_of(st.none(), st.decimals("-999", "9999", places=5).map(str)),
        "weight": st.one_of(
            st.none(),
            st.fixed_dictionaries(
                {"amount": st.decimals("0", "99", places=6).map(str), "unit": st.sampled_from(["KILOGRAM", "POUND"])}
            ),
        ),
        "price": st.one_of(
            st.none(), st.decimals("0", "999", places=3).map(lambda each: [{"amount": str(each), "currency": "EUR"}])
        ),
        "washable": st.sampled_from([None, True, False]),
        "released": st.one_of(
            st.none(), st.dates(date(1700, 1, 1), date(3999, 12, 31)).map(lambda each: f"{each}T00:00:00+00:00")
        ),
        "colour": st.sampled_from([None, "red", "blue", "teal"]),
        "uses": st.one_of(st.none(), st.lists(st.sampled_from(["work", "home", "trip"]), min_size=1, unique=True)),
    }
)


@st.composite
def mapped(draw: st.DrawFn) -> Json:
    """A random selection of fields, each with one of the mappings that fit it."""
    names = draw(st.lists(st.sampled_from(sorted(FIELDS)), min_size=1, unique=True))
    found: Json = {}
    for name in names:
        mapping = draw(st.sampled_from(MAPPINGS[name]))
        written = {"value": mapping} if isinstance(mapping, str) else dict(mapping)
        options = draw(st.sampled_from(OPTIONS))
        found[name] = {**options, **written} if "const" not in written else written
    return found


data = st.fixed_dictionaries(dict.fromkeys(SKUS, values))
by_hand = st.fixed_dictionaries(
    {"Line__c": st.sampled_from([None, "by hand"]), "Amount__c": st.sampled_from([7, 8.25])}
)


def settles(shop: Shop) -> None:
    """Apply, and see that a plan has nothing left to do."""
    done = shop.run("apply", "--yes", "--json", code=None)
    assert done.code in (0, 4), done.err
    assert done.data["transfers"][0]["flapping"] == []
    summary = shop.plan()["summary"]
    assert {name: summary[name] for name in ("create", "update", "deactivate", "delete")} == dict.fromkeys(
        ("create", "update", "deactivate", "delete"), 0
    )
    assert summary["rejected"] == done.data["transfers"][0]["summary"]["rejected"]


def check(fields: Json, first: Json, second: Json, hand: Json) -> None:
    with tempfile.TemporaryDirectory() as folder:
        products = [product(sku, **first[sku]) for sku in SKUS]
        described = [{"name": name, **each} for name, each in FIELDS.items()]
        with open_shop(Path(folder), fields=described, products=products) as shop:
            items = {"from": "products", "to": "Item__c", "key": {"Key__c": "sku"}, "fields": fields}
            gates = {f"max_{each}_percent": 100 for each in ("rejected", "emptied", "update")}
            shop.write({"items": items}, safety={**gates, "expect": {"min": 0}})
            settles(shop)
            for sku in SKUS:
                shop.change(sku, **second[sku])
            for row in shop.rows().values():
                shop.sandbox.org.edit("Item__c", row["Id"], hand)
            settles(shop)


relaxed = settings(
    phases=[Phase.explicit, Phase.generate],  # each example takes a second: shrinking would take minutes
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@given(mapped(), data, data, by_hand)
@settings(relaxed, max_examples=5)
def test_a_plan_after_a_transfer_is_empty(fields: Json, first: Json, second: Json, hand: Json) -> None:
    check(fields, first, second, hand)


@pytest.mark.slow
@given(mapped(), data, data, by_hand)
@settings(relaxed, max_examples=60, derandomize=False)
def test_a_plan_after_a_transfer_is_empty_for_many_catalogs(
    fields: Json, first: Json, second: Json, hand: Json
) -> None:
    check(fields, first, second, hand)
