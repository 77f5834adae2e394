"""Filters evaluated on records, with the semantics of the PIM's own operators, and what can be wrong with one.

Where the PIM's documentation is silent on records without a value: ``!=``, ``DOES NOT CONTAIN``, ``NOT IN`` and
``NOT BETWEEN`` hold for them, every other comparison does not (as the PIM's index does).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from sync_engine.problems import nearest, problem
from sync_engine.sdk.filters import OPERATORS, AllOf, AnyOf, Criterion, Filter, Not, Shape
from sync_engine.sdk.problem import Problem
from sync_engine.sdk.source import Attribute, Kind, SourceRecord, SourceSchema
from sync_engine.sdk.units import UnknownUnit, convert
from sync_engine.sdk.values import Localized, Measurement, MediaRef, Price

_WORDS = {
    "GREATER THAN ON ALL LOCALES": ">",
    "GREATER OR EQUALS THAN ON ALL LOCALES": ">=",
    "LOWER THAN ON ALL LOCALES": "<",
    "LOWER OR EQUALS THAN ON ALL LOCALES": "<=",
}

Predicate = Callable[[SourceRecord], bool]
Compare = Callable[[object], bool]


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


def fields_of(filter_: Filter) -> Iterator[str]:
    """The fields that a filter looks at."""
    if isinstance(filter_, Criterion):
        yield filter_.field
    elif isinstance(filter_, Not):
        yield from fields_of(filter_.filter)
    else:
        for part in filter_.filters:
            yield from fields_of(part)


def compile_filter(filter_: Filter, around: Surroundings) -> Predicate:
    """A function that says whether a record passes; the filter has been checked before."""
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
    compare = _comparison(criterion, attribute, around)
    code = criterion.field
    if not attribute.localizable and not attribute.scopable and attribute.is_property:
        return lambda record: compare(record.properties.get(code))
    locale = (criterion.locale or around.locale) if attribute.localizable else None
    channel = (criterion.channel or around.channel) if attribute.scopable else None
    if "ON ALL LOCALES" in criterion.operator:
        known_channel = around.schema.channels.get(channel or "")
        locales = criterion.locales or (known_channel.locales if known_channel else around.schema.locales)
        return lambda record: all(compare(_value(record, attribute, each, channel)) for each in locales)
    return lambda record: compare(_value(record, attribute, locale, channel))


def _value(record: SourceRecord, attribute: Attribute, locale: str | None, channel: str | None) -> object:
    held = record.properties if attribute.is_property else record.values
    entries = held.get(attribute.code)
    return pick(entries, locale, channel) if entries else None  # type: ignore[arg-type]


def _comparison(criterion: Criterion, attribute: Attribute, around: Surroundings) -> Compare:
    operator, wanted = criterion.operator, criterion.value
    if operator in ("EMPTY", "UNCLASSIFIED"):
        return _is_empty
    if operator == "NOT EMPTY":
        return lambda value: not _is_empty(value)
    if operator in ("IN", "NOT IN", "IN OR UNCLASSIFIED"):
        return _membership(operator, wanted)
    if operator in ("CONTAINS", "DOES NOT CONTAIN", "STARTS WITH"):
        return _fragment(operator, str(wanted))
    if operator == "SINCE LAST N DAYS":
        since = around.today - timedelta(days=int(str(wanted)))
        return lambda value: value is not None and _day(value) >= since
    shape = OPERATORS[attribute.kind][operator]
    if attribute.kind in (Kind.MEASUREMENT, Kind.PRICES):
        return _amount(operator, wanted, attribute, around)
    return _ordered(operator, _operand(wanted, shape), _reader(shape))


def _is_empty(value: object) -> bool:
    return value is None or value in ("", ())


def _membership(operator: str, wanted: object) -> Compare:
    codes = {str(each).casefold() for each in wanted} if isinstance(wanted, tuple) else set()

    def found(value: object) -> bool:
        held = value if isinstance(value, tuple) else (value,)
        return any(str(each).casefold() in codes for each in held if each is not None)

    if operator == "NOT IN":
        return lambda value: not found(value)
    if operator == "IN OR UNCLASSIFIED":
        return lambda value: _is_empty(value) or found(value)
    return found


def _fragment(operator: str, wanted: str) -> Compare:
    piece = wanted.casefold()

    def text(value: object) -> str:
        return (value.filename or value.code if isinstance(value, MediaRef) else str(value)).casefold()

    if operator == "STARTS WITH":
        return lambda value: value is not None and text(value).startswith(piece)
    if operator == "CONTAINS":
        return lambda value: value is not None and piece in text(value)
    return lambda value: value is None or piece not in text(value)


def _day(value: object) -> date:
    if isinstance(value, datetime):
        return value.astimezone(UTC).date()
    return value if isinstance(value, date) else date.fromisoformat(str(value)[:10])


def _moment(text: object) -> datetime:
    moment = datetime.fromisoformat(str(text))
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _operand(wanted: object, shape: Shape) -> object:
    if shape in (Shape.DAY, Shape.DAYS):
        return tuple(map(_day, wanted)) if isinstance(wanted, tuple) else _day(wanted)
    if shape in (Shape.MOMENT, Shape.MOMENTS):
        return tuple(map(_moment, wanted)) if isinstance(wanted, tuple) else _moment(wanted)
    return wanted.casefold() if isinstance(wanted, str) else wanted


def _reader(shape: Shape) -> Callable[[object], object]:
    """How a record's value is read so that it can be compared with the operand."""
    if shape in (Shape.DAY, Shape.DAYS):
        return _day
    if shape is Shape.TEXT:
        return lambda value: (value.filename or value.code if isinstance(value, MediaRef) else str(value)).casefold()
    return lambda value: value


def _ordered(operator: str, operand: object, read: Callable[[object], object]) -> Compare:
    if operator == "!=":
        return lambda value: value is None or read(value) != operand
    if operator in ("BETWEEN", "NOT BETWEEN") and isinstance(operand, tuple):
        low, high = operand
        inside = operator == "BETWEEN"
        return lambda value: (not inside) if value is None else (low <= read(value) <= high) is inside
    tests: dict[str, Callable[[object], bool]] = {
        "=": lambda found: found == operand,
        "<": lambda found: found < operand,  # type: ignore[operator]
        "<=": lambda found: found <= operand,  # type: ignore[operator]
        ">": lambda found: found > operand,  # type: ignore[operator]
        ">=": lambda found: found >= operand,  # type: ignore[operator]
    }
    test = tests[_WORDS.get(operator, operator)]
    return lambda value: value is not None and test(read(value))


def _amount(operator: str, wanted: object, attribute: Attribute, around: Surroundings) -> Compare:
    """Measurements are compared in one unit, prices in one currency."""
    table = wanted if isinstance(wanted, Mapping) else {"amount": wanted}
    amount = Decimal(str(table["amount"]))
    compare = _ordered(operator, amount, lambda value: value)
    if attribute.kind is Kind.PRICES:
        currency = table.get("currency")

        def price(value: object) -> bool:
            prices = [each.amount for each in value if isinstance(each, Price)] if isinstance(value, tuple) else []
            if currency is not None and isinstance(value, tuple):
                prices = [each.amount for each in value if isinstance(each, Price) and each.currency == currency]
            return any(compare(each) for each in prices) if prices else compare(None)

        return price
    unit, family = table.get("unit"), around.schema.unit_families.get(attribute.unit_family or "")

    def measurement(value: object) -> bool:
        if not isinstance(value, Measurement):
            return compare(None)
        if unit is None or family is None:
            return compare(Decimal(value.amount))
        try:
            return compare(convert(value, str(unit), family))
        except UnknownUnit:
            return False

    return measurement


def check_filter(filter_: Filter, around: Surroundings) -> Iterator[Problem]:
    """All problems of a filter."""
    if isinstance(filter_, Not):
        yield from check_filter(filter_.filter, around)
    elif isinstance(filter_, Criterion):
        yield from _check(filter_, around)
    else:
        for part in filter_.filters:
            yield from check_filter(part, around)


def _check(criterion: Criterion, around: Surroundings) -> Iterator[Problem]:
    attribute = around.known.get(criterion.field)
    if attribute is None:
        yield problem("SE501", criterion.origin, nearest(criterion.field, around.known), name=criterion.field)
        return
    allowed = OPERATORS.get(attribute.kind, {})
    if not allowed:
        yield problem("SE502", criterion.origin, name=criterion.field, kind=attribute.kind)
        return
    shape = allowed.get(criterion.operator)
    if shape is None:
        hint = f"It has: {', '.join(allowed)}"
        name = criterion.field
        yield problem("SE503", criterion.origin, hint, operator=criterion.operator, name=name, kind=attribute.kind)
    elif not _fits(criterion.value, shape):
        name, operator, value = criterion.field, criterion.operator, criterion.value
        yield problem("SE504", criterion.origin, name=name, operator=operator, shape=shape, value=value)
    else:
        yield from _check_codes(criterion, attribute)
    yield from _check_places(criterion, attribute, around)


def _check_places(criterion: Criterion, attribute: Attribute, around: Surroundings) -> Iterator[Problem]:
    schema = around.schema
    for locale in (*((criterion.locale,) if criterion.locale else ()), *criterion.locales):
        if locale not in schema.locales:
            yield problem("SE312", criterion.origin, nearest(locale, schema.locales), name=locale)
    if criterion.channel and criterion.channel not in schema.channels:
        yield problem("SE313", criterion.origin, nearest(criterion.channel, schema.channels), name=criterion.channel)
    if attribute.localizable and not (criterion.locale or around.locale or criterion.locales):
        yield problem("SE311", criterion.origin, name=criterion.field)
    if attribute.scopable and not (criterion.channel or around.channel):
        yield problem("SE310", criterion.origin, name=criterion.field)


def _check_codes(criterion: Criterion, attribute: Attribute) -> Iterator[Problem]:
    """Codes of options, families and categories must exist, where all of them are known."""
    if attribute.options is None or not isinstance(criterion.value, tuple):
        return
    known = {each.code.casefold() for each in attribute.options}
    for value in criterion.value:
        if str(value).casefold() not in known:
            hint = nearest(str(value), [each.code for each in attribute.options])
            yield problem("SE505", criterion.origin, hint, value=value, name=criterion.field)


def _fits(value: object, shape: Shape) -> bool:
    checks: dict[Shape, Callable[[], bool]] = {
        Shape.NONE: lambda: value is None,
        Shape.TEXT: lambda: isinstance(value, str),
        Shape.TEXTS: lambda: isinstance(value, tuple) and all(isinstance(each, str) for each in value),
        Shape.NUMBER: lambda: _is_number(value),
        Shape.AMOUNT: lambda: _is_number(value.get("amount") if isinstance(value, Mapping) else value),
        Shape.BOOLEAN: lambda: isinstance(value, bool),
        Shape.DAY: lambda: _is_moment(value),
        Shape.DAYS: lambda: _is_pair(value),
        Shape.MOMENT: lambda: _is_moment(value),
        Shape.MOMENTS: lambda: _is_pair(value),
        Shape.COUNT: lambda: isinstance(value, int) and not isinstance(value, bool) and value >= 0,
        Shape.PERCENT: lambda: isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 100,
    }
    return checks[shape]()


def _is_number(value: object) -> bool:
    return isinstance(value, (int, Decimal)) and not isinstance(value, bool)


def _is_moment(value: object) -> bool:
    try:
        datetime.fromisoformat(str(value))
    except ValueError:
        return False
    return isinstance(value, str)


def _is_pair(value: object) -> bool:
    return isinstance(value, tuple) and len(value) == 2 and all(map(_is_moment, value))
