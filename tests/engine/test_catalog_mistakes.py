# ruff: noqa: E501 -- a table: one mistake per line
"""Every kind of mistake in a catalog: its code, its place, its sentence; and all of them in one pass."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.engine.catalog_project import CATALOG, parsed, project, short, write

from sync_engine.catalog.parse import build_catalog
from sync_engine.catalog.registry import Side
from sync_engine.catalog.validate import check_document, validate_project
from sync_engine.sdk.problem import Problem

__all__ = ["project"]

SIDES = {"pim": frozenset({Side.SOURCE}), "crm": frozenset({Side.TARGET})}
HEAD = """version: 1
name: webshop
source: {connection: pim, locales: [en_US]}
target: {connection: crm}
"""
STREAM = "streams: {products: {from: products, to: Product2, key: {Id__c: uuid}, fields: {Name: name}}}\n"


def problems_of(text: str) -> tuple[Problem, ...]:
    return check_document(parsed(text), SIDES).sorted()


def problems_of_stream(text: str) -> tuple[Problem, ...]:
    """Of a stream whose lines start in line 7, in column 5."""
    return problems_of(HEAD + "streams:\n  products:\n" + "".join(f"    {line}\n" for line in text.splitlines()))


BEFORE_MAPPING = "{from: products, to: Product2, key: {Id__c: uuid}, fields: {N: "
MAPPING_COLUMN = len("    " + BEFORE_MAPPING) + 1


def problems_of_mapping(written: str) -> tuple[Problem, ...]:
    return problems_of_stream(f"{BEFORE_MAPPING}{written}}}}}")


def test_a_valid_catalog_has_no_problems() -> None:
    assert problems_of(CATALOG) == ()


@pytest.mark.parametrize(
    ("text", "place", "message", "hint"),
    [
        (HEAD + STREAM + "sreams: {}", "SE201 6:1", "unknown key `sreams` in the document", "Did you mean `streams`?"),
        (HEAD, "SE202 1:1", "the document lacks the key `streams`", ""),
        (HEAD + "streams: []", "SE203 5:10", "`streams` must be a mapping (keys with values), not a list", ""),
        (HEAD + "streams:", "SE203 5:1", "`streams` must be a mapping (keys with values), not empty", ""),
        (HEAD + STREAM + "description: 12", "SE203 6:14", "`description` must be a text, not a number", 'Write it in quotes: "12".'),
        (HEAD + STREAM + "log: {level: ful}", "SE204 6:14", "`log.level` must be one of `full`, `changes`, `minimal`, not `ful`", "Did you mean `full`?"),
        (HEAD.replace("version: 1", "version: 2") + STREAM, "SE204 1:10", "`version` must be `1`, not `2`", ""),
        (HEAD.replace("webshop", "Web Shop") + STREAM, "SE205 2:7", "`name` must be small letters, digits and single hyphens, such as `webshop-electronics`", ""),
        (HEAD.replace("webshop", '"webshop\\n"') + STREAM, "SE205 2:7", "`name` must be small letters, digits and single hyphens, such as `webshop-electronics`", ""),
        (HEAD + STREAM.replace("{products:", "{Products:"), "SE205 5:11", "the key `Products` must be small letters, digits and underscores, such as `product_categories`", ""),
        (HEAD + STREAM + "safety: {max_deletes: -1}", "SE206 6:23", "`safety.max_deletes` must be at least 0, not `-1`", ""),
        (HEAD + STREAM + "safety: {max_delete_percent: 101}", "SE206 6:30", "`safety.max_delete_percent` must be at most 100, not `101`", ""),
        (HEAD + STREAM + "safety: {max_deletes: 1.0}", "SE203 6:23", "`safety.max_deletes` must be a whole number, not a number", ""),
        (HEAD + STREAM + "safety: {expect: {min: 5, max: 2}}", "SE217 6:24", "`min` is greater than `max` in `safety.expect`", ""),
        (HEAD.replace("[en_US]", "[]") + STREAM, "SE207 3:27", "`source.locales` must have at least 1 entry", ""),
        (HEAD.replace("[en_US]", "[en_US, en_US]") + STREAM, "SE207 3:27", "`source.locales` must have each entry once only", ""),
        (HEAD.replace("[en_US]", "[English]") + STREAM, "SE205 3:37", "`source.locales[1]` must be a locale such as `en_US`", ""),
        (HEAD.replace("connection: pim", "connection: pin") + STREAM, "SE604 3:22", "`source.connection` names the connection `pin`, which the project does not have", "Did you mean `pim`?"),
        (HEAD.replace("connection: crm", "connection: pim") + STREAM, "SE605 4:22", "the connection `pim` cannot be the target: its adapter is no target adapter", ""),
        (HEAD + STREAM + "schedule: {timezone: Europe/Berln}", "SE216 6:22", "the time zone `Europe/Berln` does not exist", "Did you mean `Europe/Berlin`?"),
        (HEAD + STREAM + "schedule: {timezone: ../../etc/passwd}", "SE216 6:22", "the time zone `../../etc/passwd` does not exist", ""),
        (HEAD + STREAM + "full_every: 90m", "SE205 6:13", "`full_every` must be a number of days or hours such as `7d` or `12h`", ""),
        (HEAD + STREAM + "filter: {field: a}", "SE203 6:9", "`filter` must be a list, not a mapping", ""),
        (HEAD + STREAM + "filter: [{field: a, operator: in, value: [x]}]", "SE204 6:31", "`filter[1].operator` must be one of `STARTS WITH`, `CONTAINS`, `DOES NOT CONTAIN`, `=`, `!=`, `IN`, `NOT IN`, `EMPTY`, `NOT EMPTY`, `<`, `<=`, `>=`, `>`, `BETWEEN`, `NOT BETWEEN`, `SINCE LAST N DAYS`, `IN OR UNCLASSIFIED`, `IN CHILDREN`, `NOT IN CHILDREN`, `UNCLASSIFIED`, `GREATER THAN ON ALL LOCALES`, `GREATER OR EQUALS THAN ON ALL LOCALES`, `LOWER THAN ON ALL LOCALES`, `LOWER OR EQUALS THAN ON ALL LOCALES`, not `in`", "Did you mean `IN`?"),
        (HEAD + STREAM + "filter: [{field: a, operator: IN, value: x}]", "SE203 6:42", "`filter[1].value` must be a list, not a text", ""),
        (HEAD + STREAM + "filter: [{field: a, operator: IN, value: [12]}]", "SE203 6:43", "`filter[1].value[1]` must be a text, not a number", 'Write it in quotes: "12".'),
        (HEAD + STREAM + "filter: [{field: a, operator: BETWEEN, value: [x]}]", "SE207 6:40", "`filter[1].value` must have exactly 2 entries", ""),
        (HEAD + STREAM + "filter: [{field: a, operator: EMPTY, value: x}]", "SE208 6:45", "`filter[1].value`: this operator takes no value", ""),
        (HEAD + STREAM + 'filter: [{field: a, operator: "="}]', "SE202 6:10", "`filter[1]` lacks the key `value`", ""),
        (HEAD + STREAM + "filter: [{any: [{field: a, operator: EMPTY}], field: b}]", "SE208 6:10", "`filter[1]`: `any`, `all` and `not` stand alone, each in an item of its own", ""),
        (HEAD + STREAM + "filter: [{not: {any: []}}]", "SE207 6:17", "`filter[1].not.any` must have at least 1 entry", ""),
        (HEAD + STREAM + 'filter: [{field: a, operator: ">", value: {amount: 1}}]', "SE208 6:36", "`filter[1].value`: an amount has either a `unit` or a `currency`", ""),
    ],
)  # fmt: skip
def test_a_mistake_in_a_catalog_is_one_sentence_at_its_place(text: str, place: str, message: str, hint: str) -> None:
    found = problems_of(text)
    assert [(short([each])[0], each.message, each.hint) for each in found] == [(place, message, hint)]


@pytest.mark.parametrize(
    ("written", "code", "column", "message", "hint"),
    [
        ("true", "SE203", 1, "`streams.products.fields.N` must be a text or a mapping (keys with values), not true or false", "A fixed value is written `{const: true}`."),
        ("a fixed text", "SE205", 1, "`streams.products.fields.N` must be the code of an attribute or a property, or a template with `{{ }}`; a fixed text is written `{const: …}`", ""),
        ('""', "SE205", 1, "`streams.products.fields.N` must be the code of an attribute or a property, or a template with `{{ }}`; a fixed text is written `{const: …}`", ""),
        ("{join: x}", "SE208", -2, "`streams.products.fields.N`: write exactly one of `value`, `const`, `expression`, `template`, `find`, `media`, or `lookup` with `value`", ""),
        ("{value: a, const: b}", "SE208", -2, "`streams.products.fields.N`: write exactly one of `value`, `const`, `expression`, `template`, `find`, `media`, or `lookup` with `value`", ""),
        ("{lookup: products}", "SE202", -2, "`streams.products.fields.N` lacks the key `value`", ""),
        ("{lookup: product, value: x}", "SE211", 10, "`streams.products.fields.N` looks up `product`, which is no stream of this catalog", "Did you mean `products`?"),
        ("{value: a, otherwise: keep}", "SE202", -2, "`streams.products.fields.N` lacks the key `translate`", ""),
        ("{value: a, missing: leave}", "SE202", -2, "`streams.products.fields.N` lacks the key `lookup`", ""),
        ("{value: a, translate: {}}", "SE207", 12, "`streams.products.fields.N.translate` must have at least 1 entry", ""),
        ("{value: a, translate: {x: [1]}}", "SE203", 27, "`streams.products.fields.N.translate.x` must be a text or a number or true or false, not a list", ""),
        ("{value: a, unit: GRAM, currency: EUR}", "SE208", 34, "`streams.products.fields.N.currency`: a value has either a `unit` or a `currency`", ""),
        ("{value: a, currency: euro}", "SE205", 22, "`streams.products.fields.N.currency` must be a currency code such as `EUR`", ""),
        ("{value: a, truncate: 0}", "SE206", 22, "`streams.products.fields.N.truncate` must be at least 1, not `0`", ""),
        ("{value: a, labels: yes}", "SE203", 20, "`streams.products.fields.N.labels` must be true or false, not a text", ""),
        ("{value: a, when_empty: drop}", "SE204", 24, "`streams.products.fields.N.when_empty` must be one of `clear`, `keep`, `reject`, not `drop`", ""),
        ("{valeu: a}", "SE201", 2, "unknown key `valeu` in `streams.products.fields.N`", "Did you mean `value`?"),
        ("{const: a, labels: true}", "SE209", 12, "`labels` has no effect in `streams.products.fields.N`: a constant is written as it is, and is never empty", ""),
        ("{template: a, unit: GRAM}", "SE209", 15, "`unit` has no effect in `streams.products.fields.N`: it applies to the value of one attribute", ""),
        ("{media: picture, join: x}", "SE209", 18, "`join` has no effect in `streams.products.fields.N`: a media mapping writes a file", ""),
    ],
)  # fmt: skip
def test_a_mistake_in_a_mapping_is_one_sentence_at_its_place(
    written: str, code: str, column: int, message: str, hint: str
) -> None:
    """Columns count from the start of the mapping; its key, ``N``, stands at -2."""
    found = [each for each in problems_of_mapping(written) if not (each.code == "SE208" and "valeu" in written)]
    columns = [each.origin.column - MAPPING_COLUMN + 1 for each in found]
    assert [(each.code, at, each.message, each.hint) for each, at in zip(found, columns, strict=True)] == [
        (code, column, message, hint)
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("from: products\nto: Product2\nfields: {A: b}", ["SE202 6:3"]),
        ("from: products\nto: Product2\nkey: {}\nfields: {A: b}", ["SE207 9:5"]),
        ("from: products\nto: Product2\nkey: {A: a, B: {const: 1}, C: c}\nfields: {D: b}", []),
        ("from: products\nto: Product2\nkey: {A: a, B: {media: x}}\nfields: {D: b}", ["SE210 9:17"]),
        ("from: products\nto: Product2\nkey: {A: a, B: b, C: c, D: d, E: e, F: f}\nfields: {G: b}", ["SE207 9:5"]),
        ("from: products\nto: Product2\nkey: {A: {const: 1}}\nfields: {C: b}", ["SE210 9:11"]),
        ("from: products\nto: Product2\nkey: {A: {lookup: products, value: x}}\nfields: {C: b}", ["SE210 9:11"]),
        ("from: products\nto: Product2\nkey: {A: {value: a, default: x}}\nfields: {C: b}", ["SE209 9:25"]),
        ("from: products\nto: Product2\nkey: {A: a}\nfields: {Name: b, NAME: c}", ["SE213 10:23"]),
        ("from: products\nto: Product2\nkey: {Code: a}\nfields: {code: c}", ["SE213 10:14"]),
        ("from: products\nto: Product2\nkey: {A: a}\nfields: {' B': c}", ["SE205 10:14"]),
        ("from: products\nto: Product2\nkey: {A: a}\nfields: {B: c}\non_missing: remove", ["SE204 11:17"]),
        ("from: products\nto: Product2\nkey: {A: a}\nfields: {B: c}\non_missing: keep", []),
        ("from: products\nto: Product2\nkey: {A: a}\nfields: {B: c}\non_missing: delete", []),
        ("from: products\nto: Product2\nkey: {A: a}\nfields: {B: c}\non_missing: {set: {A: false}}", []),
        ("from: products\nto: Product2\nkey: {A: a}\nfields: {B: c}\nfor_each: locale", []),
        ("from: products\nto: Product2\nkey: {A: a}\nfields: {B: c}\nfor_each: {media: [x]}", []),
        ("from: products\nto: Product2\nkey: {A: a}\nfields: {B: c}\nfor_each: {locale: [de_DE], only: different}", []),
        ("from: products\nto: Product2\nkey: {A: a}\nfields: {B: c}\nfor_each: {media: [x], only: different}", ["SE202 11:5"]),
        ("from: products\nto: Product2\nkey: {A: a}\nfields: {B: c}\nmatch: [{C: sku}]\nroot: x", []),
        ("from: products\nto: Product2\nkey: {A: a}\nfields: {B: c}\nlocale: german", ["SE205 11:13"]),
    ],
)  # fmt: skip
def test_a_mistake_in_a_stream_is_found_at_its_place(text: str, expected: list[str]) -> None:
    assert short(problems_of_stream(text)) == expected


@pytest.mark.parametrize(
    ("written", "place", "message", "hint"),
    [
        ("daily: '24:00'", "SE205 6:19", "`schedule.daily` must be a time of day such as \"02:00\"", ""),
        ("daily: ['02:00', '2:30']", "SE205 6:29", "`schedule.daily[2]` must be a time of day such as \"02:00\"", ""),
        ("daily: ['02:00', '02:00']", "SE207 6:12", "`schedule.daily` must have each entry once only", ""),
        ("daily: []", "SE207 6:12", "`schedule.daily` must have at least 1 entry", ""),
        ("weekly: {on: [mon]}", "SE202 6:12", "`schedule.weekly` lacks the key `at`", ""),
        ("weekly: {on: [monday], at: '02:00'}", "SE204 6:26", "`schedule.weekly.on[1]` must be one of `mon`, `tue`, `wed`, `thu`, `fri`, `sat`, `sun`, not `monday`", "Did you mean `mon`?"),
        ("daily: '02:00', cron: '0 2 * * *'", "SE208 6:1", "`schedule`: write only one of `daily`, `weekly` and `cron`", ""),
        ("cron: '0 2 * *'", "SE205 6:18", "`schedule.cron` must be five fields, such as \"0 */4 * * *\"", ""),
        ("cron: '0 25 * * *'", "SE218 6:18", "in the cron expression `0 25 * * *` the hour cannot be `25`", ""),
        ("cron: '0 2 * * funday'", "SE218 6:18", "in the cron expression `0 2 * * funday` the day of the week cannot be `funday`", ""),
        ("cron: '0 2 30 2 *'", "SE219 6:18", "the cron expression `0 2 30 2 *` never happens", ""),
        ("cron: '0 2 31 4,6,9,11 *'", "SE219 6:18", "the cron expression `0 2 31 4,6,9,11 *` never happens", ""),
        ("daily: '02:00', missed: twice", "SE204 6:36", "`schedule.missed` must be one of `run_once`, `skip`, not `twice`", ""),
        ("daily: '02:00', jitter: 10", "SE203 6:36", "`schedule.jitter` must be a text, not a number", 'Write it in quotes: "10".'),
        ("daily: '02:00', jitter: 10min", "SE205 6:36", "`schedule.jitter` must be a duration such as `10m`", ""),
        ("daily: '02:00', jitter: 61m", "SE206 6:36", "`schedule.jitter` must be at most 1 hour, not `61m`", ""),
        ("daily: '02:00', blackout: [{from: '08:00'}]", "SE202 6:39", "`schedule.blackout[1]` lacks the key `to`", ""),
        ("daily: '02:00', blackout: [{}]", "SE207 6:39", "`schedule.blackout[1]` must have at least 1 entry", ""),
        ("daily: '02:00', blackout: [{first_day: 2025-02-30}]", "SE220 6:51", "there is no day `2025-02-30` in the calendar", ""),
        ("daily: '02:00', blackout: [{first_day: 2025-03-02, last_day: 2025-03-01}]", "SE221 6:73", "the blackout window ends on 2025-03-01, before it begins on 2025-03-02", ""),
        ("daily: '02:00', blackout: [{from: '22:00', to: '06:00'}]", "SE222 6:28", "every run of the schedule falls into a blackout window", ""),
        ("weekly: {on: [sat], at: '12:00'}, blackout: [{on: [sat, sun]}]", "SE222 6:46", "every run of the schedule falls into a blackout window", ""),
        ("timezone: UTC, jitter: 1m", "SE209 6:27", "`jitter` has no effect in `schedule`: it names no time; write `daily`, `weekly` or `cron`", ""),
    ],
)  # fmt: skip
def test_a_mistake_in_a_schedule_is_one_sentence_at_its_place(
    written: str, place: str, message: str, hint: str
) -> None:
    found = problems_of(f"{HEAD}{STREAM}schedule: {{{written}}}\n")
    assert [(short([each])[0], each.message, each.hint) for each in found] == [(place, message, hint)]


def test_a_schedule_with_several_mistakes_reports_each_of_them() -> None:
    written = "schedule: {cron: '99 25 * * *', timezone: Mars/Olympus, jitter: 20h, blackout: [{last_day: 2025-02-30}]}"
    assert short(problems_of(HEAD + STREAM + written)) == [
        "SE218 6:18",
        "SE218 6:18",
        "SE216 6:43",
        "SE206 6:65",
        "SE220 6:92",
    ]


@pytest.mark.parametrize(
    "written",
    [
        "daily: '02:00'",
        "daily: ['02:00', '14:30'], timezone: Europe/Berlin, missed: skip, jitter: 15m",
        "weekly: {on: [mon, thu], at: '06:30'}",
        "weekly: {on: [sun], at: ['06:30', '18:30']}, blackout: [{on: [sat], from: '22:00', to: '08:00'}]",
        "cron: '0 0 29 2 *'",
        "cron: '0 2 30 2 mon'",
        "cron: '*/15 8-18 * jan-mar mon-fri'",
        "cron: '0 2 L * *'",
        "cron: '0 2 * * mon#1'",
        "daily: '02:00', blackout: [{first_day: 2025-12-01, last_day: 2999-12-31}]",
        "cron: '* * * * *', blackout: [{from: '00:00', to: '23:59'}]",
    ],
)
def test_a_schedule_without_mistakes_has_no_problems(written: str) -> None:
    assert problems_of(f"{HEAD}{STREAM}schedule: {{{written}}}\n") == ()


def test_a_test_of_an_unknown_stream_is_found() -> None:
    found = problems_of(HEAD + STREAM + "tests: [{given: {stream: product, record: {}}, expect: {Name: b}}]")
    assert short(found) == ["SE215 6:26"]
    assert found[0].hint == "Did you mean `products`?"


def test_a_test_of_a_field_that_the_stream_does_not_fill_is_found() -> None:
    test = "tests: [{given: {stream: products, record: {}}, expect: {name: b, Nome: c}, reject: {Weight__c: TOO_LONG}}]"
    assert short(problems_of(HEAD + STREAM + test)) == ["SE614 6:67", "SE614 6:86"]


def test_streams_that_look_each_other_up_in_a_circle_are_named_once() -> None:
    stream = "  {name}: {{from: {name}, to: {name}, key: {{K: a}}, fields: {{P: {{lookup: {other}, value: x}}}}}}\n"
    pairs = [("a", "b"), ("b", "c"), ("c", "a"), ("d", "d"), ("e", "a")]
    found = problems_of(HEAD + "streams:\n" + "".join(stream.format(name=name, other=other) for name, other in pairs))
    assert [(short([each])[0], each.message) for each in found] == [
        ("SE212 6:57", "the streams look each other up in a circle: `a` → `b` → `c` → `a`")
    ]


@pytest.mark.parametrize(
    ("second", "expected"),
    [
        ("from: products, to: PRODUCT2, key: {id__c: uuid}", ["SE214"]),
        ("from: product_models, to: Product2, key: {Id__c: uuid}", []),
        ("from: products, to: Product2, key: {Id__c: sku}", []),
        ("from: products, to: Product2, key: {Id__c: uuid}, filter: [{field: family, operator: EMPTY}]", []),
    ],
)
def test_two_streams_that_write_the_same_records_are_refused(second: str, expected: list[str]) -> None:
    first = "  first: {from: products, to: Product2, key: {Id__c: uuid}, fields: {Name: name}}\n"
    found = problems_of(f"{HEAD}streams:\n{first}  second: {{{second}, fields: {{Other: name}}}}\n")
    assert [each.code for each in found] == expected


FORTY_MISTAKES = """version: 2
nmae: x
name: Web Shop
description: [x]
description: y
source:
  conection: pim
  locales: [english, en_US, en_US]
  only_channel_tree: yes
target: {connection: pim}
filter:
  - {field: a, operator: in, value: [x]}
  - {field: b, operator: IN, value: x}
  - {operator: EMPTY, field: 5}
  - {any: [{field: c}]}
  - {not: {field: d, operator: "=", value: 1e3}}
  - just a text
streams:
  Products:
    from: products
  products:
    from: products
    to: Product2
    key: {A__c: a, B__c: b, C__c: a, D__c: a, E__c: a, F__c: a}
    fields:
      Name: true
      Other: a fixed text
      A: {value: a, const: b}
      a: c
      B: {valeu: a}
      C: {lookup: nothing, value: x}
      D: {value: a, truncate: 0}
      E: {value: a, round: 1.5}
      F: {value: a, currency: euro}
      G: {value: a, when_empty: drop}
      H: {const: a, join: ","}
      I: {value: a, translate: {x: [1]}}
      J: {media: picture, round: 1}
      K: {lookup: products}
    on_missing: remove
    match: [{C: c}]
safety: {max_delete_percent: 200, expect: {min: 5, max: 1}}
schedule: {daily: "25:00", timezone: Mars/Olympus}
log: {level: all, keep: forever}
tests: [{given: {stream: prodcts, record: {}}, expect: {A: b}}]
"""


def test_a_catalog_with_forty_mistakes_reports_every_one_of_them() -> None:
    expected = [
        "SE204",
        "1:10",
        "SE201",
        "2:1",
        "SE205",
        "3:7",
        "SE203",
        "4:14",
        "SE113",
        "5:1",
        "SE202",
        "6:1",
        "SE201",
        "7:3",
        "SE205",
        "8:13",
        "SE207",
        "8:3",
        "SE203",
        "9:22",
        "SE605",
        "10:22",
        "SE204",
        "12:26",
        "SE203",
        "13:37",
        "SE203",
        "14:30",
        "SE202",
        "15:12",
        "SE116",
        "16:44",
        "SE203",
        "17:5",
        "SE202",
        "19:3",
        "SE205",
        "19:3",
        "SE207",
        "24:5",
        "SE203",
        "26:13",
        "SE205",
        "27:14",
        "SE208",
        "28:7",
        "SE213",
        "29:7",
        "SE201",
        "30:11",
        "SE208",
        "30:7",
        "SE211",
        "31:19",
        "SE206",
        "32:31",
        "SE203",
        "33:28",
        "SE205",
        "34:31",
        "SE204",
        "35:33",
        "SE209",
        "36:21",
        "SE203",
        "37:36",
        "SE209",
        "38:27",
        "SE202",
        "39:7",
        "SE204",
        "40:17",
        "SE206",
        "42:30",
        "SE217",
        "42:49",
        "SE205",
        "43:19",
        "SE216",
        "43:38",
        "SE204",
        "44:14",
        "SE205",
        "44:25",
        "SE215",
        "45:26",
    ]
    pairs = {f"{code} {place}" for code, place in zip(expected[::2], expected[1::2], strict=True)}
    found = short(problems_of(FORTY_MISTAKES))
    assert set(found) == pairs
    assert len(found) >= 40


EVERY_PART = (
    HEAD
    + """
filter: [{field: enabled, operator: "=", value: true}]
warnings: {L4: "off"}
compare: changed
streams:
  products:
    from: products
    to: Product2
    locale: en_US
    key: {Id__c: uuid}
    filter: [{any: [{field: family, operator: IN, value: [tents]}]}]
    match: [{Code__c: sku}]
    conflict: overwrite
    on_missing: {set: {Active__c: false}}
    fields:
      A: {value: a, locale: en_US, when_empty: clear, overwrite: always, conflict: overwrite, truncate: 5}
      B: {lookup: prices, value: b, missing: reject}
      C: {value: c, labels: true, join: ", ", new_options: reject}
      D: {value: d, translate: {x: y}, otherwise: reject}
      E: {value: e, table: json}
  prices: {from: products, to: Price__c, key: {Id__c: uuid}, for_each: {price: [EUR]}, on_missing: keep, fields: {A: a}}
safety: {max_delete_percent: 10, expect: {min: 1, max: 5}}
schedule: {weekly: {on: [mon], at: ["06:30"]}, missed: skip, jitter: 5m, blackout: [{from: "08:00", to: "09:00"}]}
log: {level: full, keep_records: 30}
"""
)


def places(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield place
    for key in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield from places(value[key], (*place, key))


def test_a_part_that_is_something_else_is_a_problem_or_a_value_wherever_it_stands() -> None:
    assert problems_of(EVERY_PART) == ()
    for place in places(yaml.safe_load(EVERY_PART)):
        for other in ("something", {"x": 1}):
            document = {"": yaml.safe_load(EVERY_PART)}
            within = document
            for each in ("", *place)[:-1]:
                within = within[each]
            within[("", *place)[-1]] = other
            build_catalog(check_document(parsed(json.dumps(document[""])), SIDES))


def test_mistakes_in_one_catalog_do_not_hide_the_usable_parts_or_the_other_catalogs(project: Path) -> None:
    write(
        project / "catalogs" / "broken.yaml",
        HEAD.replace("webshop", "broken")
        + """
streams:
  categories: {from: categories, to: Category__c, key: {Code__c: code}, fields: {Name: label, Bad: true}}
  broken: {from: products, fields: {}}
  products:
    from: products
    to: Product2
    key: {Id__c: uuid}
    filter: [{field: a, operator: EMPTY}, {field: b, operator: ">"}]
    fields: {Category__c: {lookup: categories, value: x}, Broken__c: {lookup: broken, value: y}}
""",
    )
    result = validate_project(project)
    assert [each.name for each in result.catalogs] == ["webshop"]
    [incomplete] = result.incomplete
    streams = {stream.name: stream for stream in incomplete.streams}
    assert list(streams) == ["categories", "products"]
    assert [each.target for each in streams["categories"].fields] == ["Name"]
    assert [each.target for each in streams["products"].fields] == ["Category__c"]
    assert len(streams["products"].filter) == 1
    assert not result.valid


def test_catalogs_with_the_same_name_are_refused_with_the_place_of_the_first(project: Path) -> None:
    write(project / "catalogs" / "z" / "copy.yml", CATALOG)
    [problem] = validate_project(project).problems
    assert (problem.code, str(problem.origin)) == ("SE606", "catalogs/z/copy.yml:2:7")
    assert problem.message == "the name `webshop` belongs to another catalog: catalogs/webshop.yaml:2:7"
