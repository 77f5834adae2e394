"""From a valid document to the typed catalog."""

from __future__ import annotations

from datetime import date, time, timedelta
from decimal import Decimal

import pytest
from tests.engine.catalog_project import CATALOG, parsed

from sync_engine.catalog.mapping import (
    Conflict,
    ConstRule,
    ExpressionRule,
    FieldMapping,
    LookupRule,
    NewOptions,
    Otherwise,
    Overwrite,
    Rule,
    TemplateRule,
    ValueRule,
    WhenEmpty,
    WhenMissingParent,
)
from sync_engine.catalog.model import Catalog, LogLevel, LogPolicy, Safety
from sync_engine.catalog.parse import build_catalog
from sync_engine.catalog.validate import check_document
from sync_engine.schedule.model import Blackout, Cron, Missed, Schedule, Times
from sync_engine.sdk.filters import AllOf, AnyOf, Criterion, Not
from sync_engine.sdk.problem import Origin


def built(text: str) -> Catalog:
    findings = check_document(parsed(text), None)
    assert findings.sorted() == ()
    catalog = build_catalog(findings)
    assert catalog is not None
    return catalog


def field(written: str) -> FieldMapping:
    [_, found] = built(CATALOG + f"      Field: {written}\n").streams[0].fields
    return found


def test_a_small_catalog_gets_the_defaults_of_the_product() -> None:
    catalog = built(CATALOG)
    [stream] = catalog.streams
    assert (catalog.name, catalog.source, catalog.target) == ("webshop", "pim", "crm")
    assert (catalog.channel, catalog.locales, catalog.only_channel_tree) == ("ecommerce", ("en_US", "de_DE"), False)
    assert (catalog.timezone, catalog.log, catalog.filter) == ("UTC", LogPolicy(LogLevel.FULL, 30), ())
    assert catalog.full_every == timedelta(days=7)
    assert (catalog.safety.max_delete_percent, catalog.safety.expect_min) == (10, 1)
    assert (stream.name, stream.source, stream.object, stream.locale) == ("products", "products", "Product2", None)
    assert [(each.target, each.rule) for each in stream.keys] == [("PIM_Id__c", ValueRule("uuid"))]
    assert [(each.target, each.rule) for each in stream.fields] == [("Name", ValueRule("name"))]


def test_every_part_carries_the_place_where_it_was_written() -> None:
    catalog = built(CATALOG + "      Weight: {value: weight, unit: GRAM}\n")
    stream = catalog.streams[0]
    assert catalog.place("source.locales") == Origin("x.yaml", 3, 56)
    assert catalog.place("source.connection") == Origin("x.yaml", 3, 22)
    assert catalog.place("log.level") == catalog.origin == Origin("x.yaml", 1, 1)
    assert (stream.origin.line, stream.source_origin.line, stream.object_origin.line) == (6, 7, 8)
    assert stream.fields[0].origin == Origin("x.yaml", 11, 7)
    assert stream.fields[0].place("value") == Origin("x.yaml", 11, 13)
    assert stream.fields[1].place("unit") == Origin("x.yaml", 12, 37)
    assert stream.fields[1].place("currency") == stream.fields[1].origin


@pytest.mark.parametrize(
    ("written", "rule"),
    [
        ("sku", ValueRule("sku")),
        ('"{{ name }} {{ sku }}"', TemplateRule("{{ name }} {{ sku }}")),
        ("{value: sku}", ValueRule("sku")),
        ("{const: Model}", ConstRule("Model")),
        ("{const: false}", ConstRule(False)),
        ("{const: 1.50}", ConstRule(Decimal("1.50"))),
        ("{expression: 'a + 1'}", ExpressionRule("a + 1")),
        ("{template: plain}", TemplateRule("plain")),
        ("{lookup: products, value: parent}", LookupRule("products", "parent", WhenMissingParent.REJECT)),
        ("{lookup: products, value: p, missing: leave}", LookupRule("products", "p", WhenMissingParent.LEAVE)),
    ],
)
def test_each_way_of_writing_a_mapping_gives_its_rule(written: str, rule: Rule) -> None:
    found = field(written).rule
    assert found == rule
    assert type(getattr(found, "value", None)) is type(getattr(rule, "value", None))


def test_all_options_of_a_mapping_are_read() -> None:
    found = field(
        "{value: a, locale: de_DE, channel: print, default: 0, required: true, truncate: 80, round: 2, join: '; ',"
        " labels: true, translate: {x: 1, y: Why}, otherwise: keep, unit: GRAM, number: true, when_empty: keep,"
        " overwrite: if_empty, conflict: keep, new_options: create}"
    )
    assert (found.locale, found.channel, found.default, found.required) == ("de_DE", "print", 0, True)
    assert (found.truncate, found.round, found.join, found.labels, found.number) == (80, 2, "; ", True, True)
    assert (found.translate, found.otherwise, found.unit) == ({"x": 1, "y": "Why"}, Otherwise.KEEP, "GRAM")
    assert (found.when_empty, found.overwrite) == (WhenEmpty.KEEP, Overwrite.IF_EMPTY)
    assert found.conflict is Conflict.KEEP
    assert found.new_options is NewOptions.CREATE
    assert field("{value: price, currency: EUR}").currency == "EUR"


def test_filters_nest() -> None:
    catalog = built(
        CATALOG
        + """
filter:
  - {field: enabled, operator: "=", value: true}
  - any:
      - {field: family, operator: IN, value: [a, b], locale: de_DE, channel: print}
      - all: [{field: weight, operator: ">", value: {amount: 1.5, unit: KILOGRAM}}, {field: b, operator: EMPTY}]
  - {not: {field: release_date, operator: ">", value: 2023-01-01}}
  - {field: completeness, operator: GREATER THAN ON ALL LOCALES, value: 80, locales: [en_US, de_DE]}
"""
    )
    enabled, either, negated, complete = catalog.filter
    assert isinstance(enabled, Criterion)
    assert (enabled.field, enabled.operator, enabled.value, enabled.origin.line) == ("enabled", "=", True, 14)
    assert isinstance(either, AnyOf)
    family, both = either.filters
    assert isinstance(family, Criterion)
    assert (family.value, family.locale, family.channel) == (("a", "b"), "de_DE", "print")
    assert isinstance(both, AllOf)
    assert isinstance(both.filters[0], Criterion)
    assert both.filters[0].value == {"amount": Decimal("1.5"), "unit": "KILOGRAM"}
    assert isinstance(negated, Not)
    assert isinstance(negated.filter, Criterion)
    assert negated.filter.value == "2023-01-01"
    assert isinstance(complete, Criterion)
    assert (complete.value, complete.locales) == (80, ("en_US", "de_DE"))


def test_safety_log_and_time_zone_are_read() -> None:
    catalog = built(
        CATALOG
        + """
safety: {max_deletes: 3, max_delete_percent: 5, max_update_percent: 50, max_emptied_percent: 1, max_rejected_percent: 2,
  max_collapse_percent: 40, expect: {min: 0, max: 9}}
schedule: {timezone: Europe/Berlin}
log: {level: minimal, keep: 7d}
"""
    )
    assert catalog.safety == Safety(3, 5, 50, 1, 2, 40, 0, 9, Origin("x.yaml", 13, 1))
    assert (catalog.log, catalog.timezone) == (LogPolicy(LogLevel.MINIMAL, 7), "Europe/Berlin")


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("timezone: Europe/Berlin", None),
        ("daily: '02:00'", Schedule(Times((time(2),)))),
        ("daily: ['18:30', '06:00']", Schedule(Times((time(6), time(18, 30))))),
        (
            "weekly: {on: [thu, mon], at: '06:30'}, timezone: Europe/Berlin, missed: skip, jitter: 15m",
            Schedule(Times((time(6, 30),), frozenset({0, 3})), "Europe/Berlin", Missed.SKIP, timedelta(minutes=15)),
        ),
        (
            "cron: 0 */4 * * *, blackout: [{on: [sun], from: '08:00', to: '10:00', first_day: 2025-01-01}]",
            Schedule(Cron("0 */4 * * *"), blackout=(Blackout(time(8), time(10), frozenset({6}), date(2025, 1, 1)),)),
        ),
    ],
)
def test_the_schedule_is_read(written: str, expected: Schedule | None) -> None:
    assert built(f"{CATALOG}\nschedule: {{{written}}}\n").schedule == expected


def test_the_times_of_the_schedule_do_not_change_what_is_transferred() -> None:
    berlin = "\nschedule: {timezone: Europe/Berlin%s}\n"
    assert built(CATALOG + "\nschedule: {daily: '02:00'}\n").digest == built(CATALOG).digest
    assert built(CATALOG + berlin % ", daily: '02:00'").digest == built(CATALOG + berlin % "").digest
    assert built(CATALOG + berlin % "").digest != built(CATALOG).digest  # dates depend on the time zone


@pytest.mark.parametrize(("written", "expected"), [("30d", timedelta(days=30)), ("12h", timedelta(hours=12))])
def test_how_often_all_is_compared_does_not_change_what_is_transferred(written: str, expected: timedelta) -> None:
    catalog = built(f"{CATALOG}\nfull_every: {written}\ncompare: changed\n")
    assert catalog.compares_changed
    assert (catalog.full_every, catalog.digest) == (expected, built(CATALOG).digest)


def test_the_digest_is_of_the_meaning_and_not_of_the_layout() -> None:
    other_layout = """
        # a comment
        "target":
          connection: 'crm'
        name: "webshop"
        version: 1
        source:
          locales: ["en_US", de_DE]
          channel: ecommerce
          connection: pim
        streams:
          products: {to: Product2, from: products, fields: {Name: name}, key: {PIM_Id__c: uuid}}
        """
    digest = built(CATALOG).digest
    assert len(digest) == 64
    assert built(other_layout).digest == digest
    assert built(CATALOG.replace("Name: name", "Name: sku")).digest != digest
    assert built(f"{CATALOG}\ndescription: For the team in Paris\n").digest == digest
    constants = ("1", "'1'", "1.5", "1.50", "true", "'true'")
    assert len({built(f"{CATALOG}      N: {{const: {each}}}\n").digest for each in constants}) == 5
