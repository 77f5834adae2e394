"""Filters evaluated on records as the PIM evaluates them, and what can be wrong with one.

How the PIM treats records without a value (filter classes of pim-community-dev, "Elasticsearch/Filter"):
    ``!=``, ``DOES NOT CONTAIN`` and ``NOT BETWEEN`` need a value, like every other comparison;
    ``NOT IN`` also holds for a record without a value;
    ``EMPTY`` leaves out records whose family does not have the attribute. The engine does not know the attributes of a
    family, so here ``EMPTY`` holds for them too; the difference only shows inside ``any`` and ``not``, because
    everything else is evaluated by the PIM itself.
Texts and codes are compared without regard to case, text areas without their markup, as in the PIM's index.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sync_engine.compiler.operators import COMPARISONS, needs_source, value_test
from sync_engine.problems import near_or_all, nearest, problem
from sync_engine.sdk.filters import OPERATORS, AllOf, AnyOf, Criterion, Filter, Not, Shape
from sync_engine.sdk.problem import Problem
from sync_engine.sdk.source import Attribute, Kind, SourceRecord, SourceSchema
from sync_engine.sdk.values import Localized

Predicate = Callable[[SourceRecord], bool]
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?P<time>[T ].+)?\Z")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a criterion is judged in.

    Attributes:
        known: attributes and properties of the collection by code.
        schema: of the source.
        locale: used where a criterion names none.
        channel: likewise.
        today: for ``SINCE LAST N DAYS``.
    """

    known: Mapping[str, Attribute]
    schema: SourceSchema
    locale: str | None
    channel: str | None
    today: date


def pick(entries: Sequence[Localized], locale: str | None, channel: str | None) -> object:
    """The value of an attribute in a locale and channel; None for an attribute without either means that it has none.

    Entries that name a locale or channel although the attribute has none (converted measurements do) are passed over.
    """
    for entry in entries:
        if entry.locale == locale and entry.channel == channel:
            return entry.data
    return None


def criteria(filters: Iterable[Filter]) -> Iterator[Criterion]:
    """Every criterion in the filters, however deep."""
    for each in filters:
        if isinstance(each, Criterion):
            yield each
        elif isinstance(each, Not):
            yield from criteria((each.filter,))
        else:
            yield from criteria(each.filters)


def fields_of(filter_: Filter) -> Iterator[str]:
    """The fields that a filter looks at."""
    return (each.field for each in criteria((filter_,)))


def compile_filter(filter_: Filter, around: Surroundings) -> Predicate:
    """A function that says whether a record passes; the filter has been checked before.

    Raises:
        Refused: a criterion needs the source's trees, and so can only be evaluated by the source.
    """
    if isinstance(filter_, AllOf):
        parts = [compile_filter(each, around) for each in filter_.filters]
        return lambda record: all(part(record) for part in parts)
    if isinstance(filter_, AnyOf):
        parts = [compile_filter(each, around) for each in filter_.filters]
        return lambda record: any(part(record) for part in parts)
    if isinstance(filter_, Not):
        inner = compile_filter(filter_.filter, around)
        return lambda record: not inner(record)
    return _criterion(filter_, around)


def _criterion(criterion: Criterion, around: Surroundings) -> Predicate:
    attribute = around.known[criterion.field]
    if attribute.kind is Kind.COMPLETENESS:
        return _completeness(criterion, attribute, around)
    locale = (criterion.locale or around.locale) if attribute.localizable else None
    channel = (criterion.channel or around.channel) if attribute.scopable else None
    on_empty = criterion.operator in ("EMPTY", "UNCLASSIFIED", "NOT IN", "IN OR UNCLASSIFIED")
    family = around.schema.unit_families.get(attribute.unit_family or "")
    test = value_test(criterion, attribute.kind, family, around.today)

    def holds(record: SourceRecord) -> bool:
        value = _value(record, attribute, locale, channel)
        return on_empty if value is None or value in ("", ()) else test(value)

    return holds


def _value(record: SourceRecord, attribute: Attribute, locale: str | None, channel: str | None) -> Any:
    if attribute.is_property and not attribute.localizable and not attribute.scopable:
        return record.properties.get(attribute.code)
    entries = _entries(record, attribute)
    return pick(entries, locale, channel) if entries else None


def _entries(record: SourceRecord, attribute: Attribute) -> Sequence[Localized]:
    held: Mapping[str, Any] = record.properties if attribute.is_property else record.values
    return held.get(attribute.code) or ()


def _completeness(criterion: Criterion, attribute: Attribute, around: Surroundings) -> Predicate:
    """On all of the locales, or on any: of those that are named, else of all that the channel has."""
    channel = criterion.channel or around.channel
    named = criterion.locales or ((criterion.locale,) if criterion.locale else ())
    compare, share = COMPARISONS[criterion.operator], criterion.value
    quantifier = all if criterion.operator.endswith("ON ALL LOCALES") else any

    def holds(record: SourceRecord) -> bool:
        shares = {each.locale: each.data for each in _entries(record, attribute) if each.channel == channel}
        known = [shares.get(each) for each in named] if named else list(shares.values())
        return bool(known) and quantifier(each is not None and compare(each, share) for each in known)

    return holds


def check_filter(filter_: Filter, around: Surroundings, *, nested: bool = False) -> Iterator[Problem]:
    """All problems of a filter; ``nested``: it stands in ``any`` or ``not``."""
    if isinstance(filter_, Not):
        yield from check_filter(filter_.filter, around, nested=True)
    elif isinstance(filter_, Criterion):
        yield from _check(filter_, around)
        attribute = around.known.get(filter_.field)
        if nested and attribute is not None and needs_source(attribute.kind, filter_.operator):
            yield problem("SE530", filter_.origin, name=filter_.field, operator=filter_.operator)
    else:
        for part in filter_.filters:
            yield from check_filter(part, around, nested=nested or isinstance(filter_, AnyOf))


def _check(criterion: Criterion, around: Surroundings) -> Iterator[Problem]:
    attribute, place = around.known.get(criterion.field), criterion.origin
    if attribute is None:
        yield problem("SE501", place, nearest(criterion.field, around.known), name=criterion.field)
        return
    allowed = OPERATORS.get(attribute.kind, {})
    if not allowed:
        yield problem("SE502", place, name=criterion.field, kind=attribute.kind)
        return
    shape = allowed.get(criterion.operator)
    named = {"name": criterion.field, "operator": criterion.operator}
    if shape is None:
        yield problem("SE503", place, f"It has: {', '.join(allowed)}", kind=attribute.kind, **named)
    elif not _fits(criterion.value, shape):
        yield problem("SE504", place, shape=shape, value=criterion.value, **named)
    elif shape is Shape.AMOUNT:
        yield from _check_amount(criterion, attribute, around.schema)
    else:
        yield from _check_codes(criterion, attribute, around.schema)
    yield from _check_places(criterion, attribute, around)


def _check_amount(criterion: Criterion, attribute: Attribute, schema: SourceSchema) -> Iterator[Problem]:
    """An amount says nothing without its unit or currency."""
    part = "unit" if attribute.kind is Kind.MEASUREMENT else "currency"
    given = criterion.value.get(part) if isinstance(criterion.value, Mapping) else None
    family = schema.unit_families.get(attribute.unit_family or "")
    if not isinstance(given, str):
        yield problem("SE506", criterion.origin, name=criterion.field, operator=criterion.operator, part=part)
    elif part == "currency" and given not in schema.currencies:
        yield problem("SE315", criterion.origin, near_or_all(given, schema.currencies), name=given)
    elif part == "unit" and family is not None and given not in family.units:
        yield problem("SE314", criterion.origin, near_or_all(given, family.units), name=given, family=family.code)


def _check_places(criterion: Criterion, attribute: Attribute, around: Surroundings) -> Iterator[Problem]:
    schema, place, name = around.schema, criterion.origin, criterion.field
    locales = (*((criterion.locale,) if criterion.locale else ()), *criterion.locales)
    for locale in locales:
        if locale not in schema.locales:
            yield problem("SE312", place, near_or_all(locale, schema.locales), name=locale)
    if criterion.channel and criterion.channel not in schema.channels:
        yield problem("SE313", place, near_or_all(criterion.channel, schema.channels), name=criterion.channel)
    if locales and not attribute.localizable:
        yield problem("SE507", place, name=name, part="locale")
    if criterion.channel and not attribute.scopable:
        yield problem("SE507", place, name=name, part="channel")
    any_locale = attribute.kind is Kind.COMPLETENESS  # without one, each locale of the channel counts
    if attribute.localizable and not any_locale and not (locales or around.locale):
        yield problem("SE311", place, name=name)
    elif attribute.localizable and not any_locale and not locales and around.locale not in schema.locales:
        yield problem("SE312", place, near_or_all(around.locale or "", schema.locales), name=around.locale)
    if attribute.scopable and not (criterion.channel or around.channel):
        yield problem("SE310", place, name=name)


def _check_codes(criterion: Criterion, attribute: Attribute, schema: SourceSchema) -> Iterator[Problem]:
    """Codes of options, families and categories must exist, where all of them are known."""
    options = schema.families if attribute.kind is Kind.FAMILY and attribute.options is None else attribute.options
    if options is None or not isinstance(criterion.value, tuple):
        return
    known = {each.code.casefold() for each in options}
    for value in criterion.value:
        if str(value).casefold() not in known:
            hint = nearest(str(value), [each.code for each in options])
            yield problem("SE505", criterion.origin, hint, value=value, name=criterion.field)


def _fits(value: Any, shape: Shape) -> bool:
    match shape:
        case Shape.NONE:
            return value is None
        case Shape.TEXT:
            return isinstance(value, str)
        case Shape.TEXTS:
            return isinstance(value, tuple) and value != () and all(isinstance(each, str) for each in value)
        case Shape.NUMBER:
            return _is_number(value)
        case Shape.AMOUNT:
            return _is_number(value.get("amount") if isinstance(value, Mapping) else value)
        case Shape.BOOLEAN:
            return isinstance(value, bool)
        case Shape.DAY | Shape.MOMENT:
            return _is_moment(value)
        case Shape.DAYS | Shape.MOMENTS:
            return isinstance(value, tuple) and len(value) == 2 and all(map(_is_moment, value))
        case Shape.COUNT:
            return isinstance(value, int) and not isinstance(value, bool) and value >= 0
        case Shape.PERCENT:
            return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 100


def _is_number(value: object) -> bool:
    return isinstance(value, int | Decimal) and not isinstance(value, bool) and Decimal(value).is_finite()


def _is_moment(value: object) -> bool:
    if not isinstance(value, str) or not (written := _DAY.match(value)):
        return False
    try:
        datetime.fromisoformat(value) if written["time"] else date.fromisoformat(value)
    except ValueError:
        return False
    return True
