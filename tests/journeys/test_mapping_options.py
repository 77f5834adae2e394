"""Each form of a mapping and each of its options, from the PIM's value to what Salesforce then holds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.journeys.small import Json, category, open_shop, product, uuid_of

TEXT = {"type": "string", "length": 40}
LONG = {"type": "longtextarea", "length": 1000}
NUMBER = {"type": "double", "precision": 10, "scale": 3}
MONEY = {"type": "currency", "precision": 10, "scale": 2}
WHOLE = {"type": "int"}
YES_NO = {"type": "boolean", "default": False}
DAY = {"type": "date"}
MOMENT = {"type": "datetime"}
CLOCK = {"type": "time"}
CHOICE = {"type": "picklist", "restricted": True, "values": ["Drinking", "Wearing"]}
CHOICES = {"type": "multipicklist", "values": ["At home", "On a trip", "At work"]}

FULL = product(
    "Full",
    name="  Mug, the \u00fcber one  ",
    title={"en_US": "The mug", "de_DE": "Der Becher"},
    teaser={("en_US", "web"): "On the web", ("en_US", "print"): "In print", ("de_DE", "web"): "Im Netz"},
    notes="<p>First</p><p>second</p>",
    ean="0123456789012",
    stock=7,
    rating="4.4500",
    weight={"amount": "1.5000", "unit": "POUND"},
    price=[{"amount": "12.50", "currency": "EUR"}, {"amount": "14.99", "currency": "USD"}],
    washable=True,
    released="2024-05-06T00:00:00+00:00",
    colour="blue",
    uses=["work", "home"],
    categories=["kitchen", "gifts"],
)
SPARSE = product("Sparse", family=None)


@dataclass(frozen=True)
class Case:
    """A field of the org, how it is filled, and what it then holds of the full and of the sparse product."""

    type: Json
    mapping: Any
    full: Any
    sparse: Any = None


CASES: dict[str, Case] = {
    # value
    "text_is_trimmed_by_the_org": Case(TEXT, "name", "Mug, the \u00fcber one"),
    "text_of_digits_stays_text": Case(TEXT, "ean", "0123456789012"),
    "number_as_text": Case(TEXT, "rating", "4.4500"),
    "property": Case(TEXT, "uuid", uuid_of("Full"), uuid_of("Sparse")),
    "whole_number": Case(WHOLE, "stock", 7),
    "yes_no": Case(YES_NO, "enabled", True, True),
    "day": Case(DAY, "released", "2024-05-06"),
    "day_as_moment": Case(MOMENT, "released", "2024-05-05T22:00:00.000+0000"),
    "moment_as_day": Case(DAY, "created", "2024-01-02", "2024-01-02"),
    "list_in_a_multipicklist": Case({**CHOICES, "values": ["home", "work"]}, "uses", "home;work"),
    # const
    "const_text": Case(TEXT, {"const": "Mug"}, "Mug", "Mug"),
    "const_yes": Case(YES_NO, {"const": True}, True, True),
    "const_number": Case(NUMBER, {"const": 0.125}, 0.125, 0.125),
    # expression
    "expression_keeps_numbers": Case(NUMBER, {"expression": "rating * 2 if rating else none"}, 8.9),
    "expression_yields_nothing": Case(TEXT, {"expression": "name"}, "Mug, the \u00fcber one"),
    "expression_compares": Case(YES_NO, {"expression": "(stock or 0) > 5"}, True, False),
    "expression_of_a_list": Case(WHOLE, {"expression": "uses | length if uses else 0"}, 2, 0),
    "expression_gives_a_time": Case(CLOCK, {"expression": "'08:30' if stock else none"}, "08:30:00.000Z"),
    # template
    "template": Case(TEXT, {"template": "{{ sku }} ({{ stock }})"}, "Full (7)", "Sparse ()"),
    "template_in_short": Case(TEXT, "{{ sku }}!", "Full!", "Sparse!"),
    "template_of_nothing": Case(TEXT, "{{ ean }}", "0123456789012"),
    "template_strips_tags": Case(LONG, {"template": "{{ notes | striptags }}"}, "First\nsecond"),
    # locale and channel
    "locale": Case(TEXT, {"value": "title", "locale": "de_DE"}, "Der Becher"),
    "default_locale": Case(TEXT, "title", "The mug"),
    "channel": Case(TEXT, {"value": "teaser", "channel": "print"}, "In print"),
    "default_channel": Case(TEXT, "teaser", "On the web"),
    "locale_without_a_value": Case(TEXT, {"value": "teaser", "locale": "de_DE", "channel": "print"}, None),
    "locale_of_a_template": Case(TEXT, {"template": "{{ title }}", "locale": "de_DE"}, "Der Becher"),
    "locale_of_an_expression": Case(TEXT, {"expression": "title | upper", "locale": "de_DE"}, "DER BECHER"),
    # labels
    "labels": Case(TEXT, {"value": "family", "labels": True}, "Mugs"),
    "labels_in_a_locale": Case(TEXT, {"value": "colour", "labels": True, "locale": "de_DE"}, "Blau"),
    "labels_of_another_locale": Case(TEXT, {"value": "colour", "labels": True}, "Blau"),
    "labels_in_a_multipicklist": Case(CHOICES, {"value": "uses", "labels": True}, "At home;At work"),
    "codes": Case(TEXT, "colour", "blue"),
    # join
    "join": Case(TEXT, {"value": "uses", "join": ", "}, "work, home"),
    "join_labels": Case(TEXT, {"value": "uses", "labels": True, "join": " + "}, "At work + At home"),
    "join_categories": Case(TEXT, {"value": "categories", "join": "/"}, "kitchen/gifts"),
    "join_for_a_multipicklist": Case(CHOICES, {"value": "uses", "labels": True, "join": ";"}, "At home;At work"),
    # translate and otherwise
    "translate": Case(CHOICE, {"value": "family", "translate": {"mugs": "Drinking"}}, "Drinking"),
    "translate_yes_no": Case(TEXT, {"value": "enabled", "translate": {"true": "on", "false": "off"}}, "on", "on"),
    "translate_numbers": Case(NUMBER, {"value": "stock", "translate": {"7": 0.5}}, 0.5),
    "translate_to_false": Case(YES_NO, {"value": "sku", "translate": {"Full": True, "Sparse": False}}, True, False),
    "translate_a_list": Case(TEXT, {"value": "uses", "translate": {"work": "W", "home": "H"}, "join": ""}, "WH"),
    "otherwise_keep": Case(TEXT, {"value": "colour", "translate": {"red": "R"}, "otherwise": "keep"}, "blue"),
    "otherwise_clear": Case(TEXT, {"value": "colour", "translate": {"red": "R"}, "otherwise": "clear"}, None),
    "translate_an_expression": Case(
        TEXT, {"expression": "'many' if stock else 'none'", "translate": {"many": "M", "none": "N"}}, "M", "N"
    ),
    # unit, currency, number, round
    "unit": Case(NUMBER, {"value": "weight", "unit": "GRAM", "round": 1}, 680.4),
    "unit_as_it_is": Case(NUMBER, {"value": "weight", "unit": "POUND"}, 1.5),
    "currency": Case(MONEY, {"value": "price", "currency": "EUR"}, 12.5),
    "other_currency": Case(MONEY, {"value": "price", "currency": "USD"}, 14.99),
    "number": Case({**NUMBER, "precision": 15, "scale": 0}, {"value": "ean", "number": True}, 123456789012.0),
    "round_half_up": Case(NUMBER, {"value": "rating", "round": 1}, 4.5),
    "round_to_a_whole": Case(WHOLE, {"value": "rating", "round": 0}, 4),
    "round_a_text_field": Case(TEXT, {"value": "rating", "round": 2}, "4.45"),
    # truncate
    "truncate": Case({"type": "string", "length": 5}, {"value": "title", "truncate": 5}, "The m"),
    "truncate_a_template": Case(TEXT, {"template": "{{ sku }}{{ sku }}", "truncate": 6}, "FullFu", "Sparse"),
    # default, when_empty
    "default_text": Case(TEXT, {"value": "title", "default": "(none)"}, "The mug", "(none)"),
    "default_false": Case(YES_NO, {"value": "washable", "default": False}, True, False),
    "default_true": Case(YES_NO, {"value": "washable", "default": True}, True, True),
    "default_zero": Case(NUMBER, {"value": "stock", "default": 0}, 7.0, 0.0),
    "default_is_not_rounded_or_translated": Case(
        TEXT, {"value": "colour", "translate": {"blue": "B"}, "default": "blue"}, "B", "blue"
    ),
    "keep_of_a_new_record": Case(TEXT, {"value": "title", "when_empty": "keep"}, "The mug"),
    "reject_of_a_value": Case(TEXT, {"value": "sku", "when_empty": "reject"}, "Full", "Sparse"),
    "required_with_a_value": Case(TEXT, {"value": "sku", "required": True}, "Full", "Sparse"),
    # overwrite
    "if_empty_of_a_new_record": Case(TEXT, {"value": "title", "overwrite": "if_empty"}, "The mug"),
}


def field_of(name: str) -> str:
    return f"F{list(CASES).index(name):02}__c"


def test_every_field_holds_what_its_mapping_says_and_then_nothing_is_left_to_do(tmp_path: Path) -> None:
    fields = [{"name": field_of(name), "label": name, **case.type} for name, case in CASES.items()]
    categories = [category(code, "master") for code in ("kitchen", "gifts")]
    with open_shop(tmp_path, fields=fields, products=[FULL, SPARSE], categories=categories) as shop:
        mapped = {field_of(name): case.mapping for name, case in CASES.items()}
        stream = {"from": "products", "to": "Item__c", "key": {"Key__c": "sku"}, "fields": {"Name": "sku", **mapped}}
        shop.write({"items": stream}, schedule={"timezone": "Europe/Berlin"})
        assert shop.apply()["summary"]["created"] == 2
        full, sparse = (shop.rows()[key] for key in ("Full", "Sparse"))
        held = {name: (full.get(field_of(name)), sparse.get(field_of(name))) for name in CASES}
        # `repr` tells yes from 1.
        assert {name: repr(each) for name, each in held.items()} == {
            name: repr((case.full, case.sparse)) for name, case in CASES.items()
        }
        shop.settled()
