"""The record of a mapping's test: from what the test says to what a source would deliver, and back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal

from sync_engine.catalog.model import MappingTest
from sync_engine.compiler.compiled import CompiledStream
from sync_engine.problems import nearest, problem
from sync_engine.sdk.problem import Problem
from sync_engine.sdk.source import Attribute, Kind, Query, RecordCollection, SourceRecord, SourceSchema
from sync_engine.sdk.values import Localized, Measurement, MediaRef, Price, SourceValue
from sync_engine.trace.plain import plain_value

_TEXTS = frozenset(
    {
        Kind.IDENTIFIER, Kind.TEXT, Kind.TEXTAREA, Kind.SELECT, Kind.RECORD, Kind.LINK, Kind.UUID, Kind.FAMILY,
        Kind.PARENT, Kind.QUALITY,
    }
)  # fmt: skip
_LISTS = frozenset({Kind.MULTISELECT, Kind.RECORDS, Kind.ASSETS, Kind.CATEGORIES, Kind.GROUPS})
_TABLES = frozenset({Kind.TABLE, Kind.ASSOCIATIONS})


class _Misfit(Exception):
    """What is written cannot be a value of that kind; the text says what it must be."""


def source_record(
    test: MappingTest, stream: CompiledStream, schema: SourceSchema, locale: str | None, channel: str | None
) -> SourceRecord | list[Problem]:
    """The record of a test as a source would deliver it, or everything that is wrong with it.

    Args:
        test: whose stream this is.
        stream: knows the attributes and properties.
        schema: of the source.
        locale: of what is written without one although it differs by locale.
        channel: likewise.
    """
    collection = schema.collections[stream.query.collection]
    problems: list[Problem] = []
    properties: dict[str, SourceValue] = {}
    values: dict[str, tuple[Localized, ...]] = {}
    written_values = test.record.get("values", {})
    if not isinstance(written_values, Mapping):
        place = test.place("given", "record", "values")
        problems.append(problem("SE616", place, name="values", shape="a table", value=_shape(written_values)))
    parts = [("properties", code, each) for code, each in test.record.items() if code != "values"]
    parts += [("values", code, each) for code, each in (_table(written_values) or {}).items()]
    for part, code, written in parts:
        place = test.place("given", "record", *(("values", code) if part == "values" else (code,)))
        attribute = _known(part, code, stream, collection)
        if attribute is None:
            names = [each for each in stream.known if (each in collection.properties) is (part == "properties")]
            problems.append(problem("SE302", place, nearest(code, names), name=code, collection=collection.name))
            continue
        try:
            entries = tuple(_entries(attribute, written, schema, locale, channel))
        except _Misfit as misfit:
            problems.append(problem("SE616", place, name=code, shape=misfit, value=_shape(written)))
            continue
        if part == "values" or attribute.localizable or attribute.scopable:
            held: dict[str, object] = values if part == "values" else properties  # type: ignore[assignment]
            held[code] = entries
        else:
            properties[code] = entries[0].data
    if problems:
        return problems
    key = properties.get(collection.key)
    return SourceRecord(collection.name, str(key) if key else test.name or "given", properties, values)


def _known(part: str, code: str, stream: CompiledStream, collection: RecordCollection) -> Attribute | None:
    if part == "properties":
        return collection.properties.get(code)
    attribute = stream.known.get(code)
    return None if attribute is None or attribute.is_property else attribute


def _table(value: object) -> Mapping[str, object] | None:
    return value if isinstance(value, Mapping) else None


def _shape(value: object) -> str:
    words = {type(None): "nothing", list: "a list", dict: "a table"}
    return words.get(type(value), f"`{value}`")


def _entries(
    attribute: Attribute, written: object, schema: SourceSchema, locale: str | None, channel: str | None
) -> Iterator[Localized]:
    """One value for each channel and locale that is written."""
    by_channel = _by(written, schema.channels) if attribute.scopable else None
    for of_channel, rest in by_channel.items() if by_channel is not None else [(channel, written)]:
        by_locale = _by(rest, schema.locales) if attribute.localizable else None
        for of_locale, value in by_locale.items() if by_locale is not None else [(locale, rest)]:
            yield Localized(
                of_locale if attribute.localizable else None,
                of_channel if attribute.scopable else None,
                source_value(attribute.kind, value),
            )


def _by(written: object, names: Iterable[str]) -> Mapping[str, object] | None:
    """A table by channel or locale; None when it is the value itself."""
    found = _table(written)
    return found if found and found.keys() <= set(names) else None


def source_value(kind: Kind, written: object) -> SourceValue:
    """What is written as a value of that kind.

    Raises:
        _Misfit: it cannot be one.
    """
    if written is None:
        return None
    if kind in _TEXTS:
        return _text(written)
    if kind in _LISTS:
        return tuple(_text(each) for each in _list(written, "a list of texts"))
    if kind in (Kind.IMAGE, Kind.FILE):
        return tuple(map(_media, written)) if isinstance(written, list) else _media(written)
    if kind in (Kind.NUMBER, Kind.COMPLETENESS):
        return _number(written, "a number")
    if kind is Kind.BOOLEAN:
        if isinstance(written, bool):
            return written
        raise _Misfit("true or false")
    if kind in (Kind.DATE, Kind.DATETIME):
        return _moment(kind, written)
    if kind is Kind.MEASUREMENT:
        return _measurement(written)
    if kind is Kind.PRICES:
        return _prices(written)
    if kind in _TABLES:
        return tuple(dict(_table(each) or {}) for each in _list(written, "a list of tables"))
    raise _Misfit("left out, because mappings cannot use it")


def _text(written: object) -> str:
    if isinstance(written, str):
        return str(written)
    raise _Misfit("a text; put numbers in quotes")


def _list(written: object, shape: str) -> list[object]:
    if isinstance(written, list):
        return written
    raise _Misfit(shape)


def _number(written: object, shape: str) -> int | Decimal:
    if isinstance(written, (int, Decimal)) and not isinstance(written, bool):
        return written
    raise _Misfit(shape)


def _moment(kind: Kind, written: object) -> date:
    shape = "a date (YYYY-MM-DD)" if kind is Kind.DATE else "a date and time with its offset (ISO 8601)"
    try:
        moment = datetime.fromisoformat(str(written))
    except ValueError:
        raise _Misfit(shape) from None
    if kind is Kind.DATE:
        return moment.date()
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _measurement(written: object) -> Measurement:
    shape, found = "{amount: a number, unit: a code}", _table(written)
    if found is None or found.keys() != {"amount", "unit"}:
        raise _Misfit(shape)
    return Measurement(_number(found["amount"], shape), _text(found["unit"]))


def _prices(written: object) -> tuple[Price, ...]:
    shape, found = "a table of amounts by currency", _table(written)
    if found is None:
        raise _Misfit(shape)
    return tuple(Price(_number(amount, shape), currency) for currency, amount in found.items())


def _media(written: object) -> MediaRef:
    found = _table(written)
    if found is not None and isinstance(found.get("code"), str):
        return MediaRef(str(found["code"]), str(found.get("filename") or ""), str(found.get("asset") or ""))
    if isinstance(written, str):
        return MediaRef(str(written))
    raise _Misfit("the code of a file, or {code, filename, asset}")


def written_record(record: SourceRecord, stream: CompiledStream, query: Query) -> dict[str, object]:
    """The record as a test writes it, with all that the stream reads and nothing else."""
    known = stream.known
    found: dict[str, object] = {}
    for code in sorted(query.properties, key=lambda each: (known[each].kind is not Kind.UUID, each)):
        held = record.properties.get(code)
        if held is not None:
            found[code] = _written_entries(known[code], held) if _differs(known[code]) else plain_value(held)
    values = {
        code: _written_entries(known[code], record.values[code])
        for code in sorted(query.attributes)
        if record.values.get(code)
    }
    return {**found, "values": {code: each for code, each in values.items() if each is not None}}


def _differs(attribute: Attribute) -> bool:
    return attribute.localizable or attribute.scopable


def _written_entries(attribute: Attribute, entries: object) -> object:
    """By channel and then by locale, as far as the attribute differs by these."""
    made: dict[str | None, dict[str | None, object]] = {}
    for entry in entries if isinstance(entries, (tuple, list)) else ():
        fits = (entry.locale is None or attribute.localizable) and (entry.channel is None or attribute.scopable)
        if isinstance(entry, Localized) and fits:  # converted measurements come with a locale they do not differ by
            made.setdefault(entry.channel, {})[entry.locale] = plain_value(entry.data)
    by_channel = {channel: each if attribute.localizable else each.get(None) for channel, each in made.items()}
    return by_channel if attribute.scopable else by_channel.get(None)
