"""Warnings about locales: those of the catalog against those of the source and the languages of the target.

A locale of the source and a language of the target are the same when they are written alike. One that has no such
partner is paired with the nearest that is written otherwise (``de_DE`` and ``de``): a target may name languages without
their region, so such a pair counts as one language, and L8 says that it was assumed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

from sync_engine.catalog.mapping import FieldMapping, ValueRule
from sync_engine.catalog.model import Catalog, Each, Stream, WarningLevel
from sync_engine.compiler.needs import mapping_needs, mapping_parts
from sync_engine.expressions import InvalidExpression
from sync_engine.problems import problem
from sync_engine.sdk.problem import Origin, Problem, Severity
from sync_engine.sdk.source import Attribute, Kind, SourceSchema
from sync_engine.sdk.target import TargetSchema

_TEXTS = (Kind.TEXT, Kind.TEXTAREA)


@dataclass(frozen=True, slots=True)
class _Sides:
    """Locales on the three sides.

    Attributes:
        catalog: in the order of the catalog.
        active: of the source, in the catalog's channel.
        languages: of the target; empty when it does not say.
        pairs: the language by the locale that it is assumed to mean.
        channel: words that name the channel in a message.
    """

    catalog: tuple[str, ...]
    active: tuple[str, ...]
    languages: tuple[str, ...]
    pairs: dict[str, str]
    channel: str


def check_locales(
    catalog: Catalog, source: SourceSchema, target: TargetSchema, before: SourceSchema | None = None
) -> Iterator[Problem]:
    """Every warning about locales, at the level that the catalog gives to its code.

    Args:
        catalog: with names that exist or not.
        source: as it is now, or as its snapshot says.
        target: likewise.
        before: the snapshot, where ``source`` is what the source says now.
    """
    for each in _all(catalog, source, target, before):
        level = catalog.warnings.get(each.code, WarningLevel.WARNING)
        if level is not WarningLevel.OFF:
            yield replace(each, severity=Severity.ERROR) if level is WarningLevel.ERROR else each


def active_locales(source: SourceSchema, channel: str | None) -> tuple[str, ...]:
    """Locales that are active in a channel; in the source where no channel is named or it is unknown."""
    found = source.channels.get(channel or "")
    return source.locales if found is None else tuple(each for each in found.locales if each in source.locales)


def near(locale: str, others: Collection[str]) -> str:
    """The one of the others that differs from a locale in case or region only; empty when none does."""

    def rank(other: str) -> tuple[bool, bool, str]:
        return other.casefold() != locale.casefold(), other.casefold() != _language(locale), other

    alike = [each for each in others if each != locale and _language(each) == _language(locale)]
    return min(alike, key=rank, default="")


def _language(locale: str) -> str:
    return locale.replace("-", "_").partition("_")[0].casefold()


def _all(
    catalog: Catalog, source: SourceSchema, target: TargetSchema, before: SourceSchema | None
) -> Iterator[Problem]:
    sides = _sides(catalog, source, target)
    if not catalog.locales:
        return  # a catalog that names no locale delivers no texts per locale
    yield from _against_source(catalog, sides)
    if sides.languages:
        yield from _against_target(catalog, sides)
    for stream in catalog.streams:
        if stream.locale and stream.locale not in catalog.locales:
            yield problem("L6", stream.origin, stream=stream.name, locale=stream.locale)
    if before is not None:
        gone = set(active_locales(before, catalog.channel)) - set(sides.active)
        for index, locale in enumerate(catalog.locales):
            if locale in gone:
                yield problem("L9", _place(catalog, index), locale=locale, channel=sides.channel)
    yield from _one_for_many(catalog, source, sides)


def _sides(catalog: Catalog, source: SourceSchema, target: TargetSchema) -> _Sides:
    active = active_locales(source, catalog.channel)
    known = {*active, *catalog.locales}
    free = [each for each in target.languages if each not in known]
    pairs = {each: near(each, free) for each in known if each not in target.languages}
    channel = f" in the channel {catalog.channel}" if catalog.channel in source.channels else ""
    return _Sides(
        catalog.locales, active, target.languages, {each: other for each, other in pairs.items() if other}, channel
    )


def _against_source(catalog: Catalog, sides: _Sides) -> Iterator[Problem]:
    for index, locale in enumerate(sides.catalog):
        if locale in sides.active:
            continue
        place = _place(catalog, index)
        yield problem("L1", place, locale=locale, channel=sides.channel)
        if index == 0:
            yield problem("L7", place, locale=locale, channel=sides.channel)
        other = near(locale, set(sides.active) - set(sides.catalog))
        if other:
            yield problem("L8", place, f"Did you mean `{other}`?", locale=locale, other=other, side="source")


def _against_target(catalog: Catalog, sides: _Sides) -> Iterator[Problem]:
    shown = {*sides.languages, *sides.pairs}
    for index, locale in enumerate(sides.catalog):
        place = _place(catalog, index)
        if locale in sides.pairs:
            other = sides.pairs[locale]
            hint = f"`{locale}` is taken for `{other}` here. Where the target holds a locale, write it as it does."
            yield problem("L8", place, hint, locale=locale, other=other, side="target")
        elif locale not in sides.languages:
            yield problem("L2", place, locale=locale)
    everywhere = catalog.place("source.locales")
    taken = {*sides.active, *(sides.pairs.get(each, each) for each in (*sides.active, *sides.catalog))}
    if lost := [each for each in sides.languages if each not in taken]:
        yield problem("L3", everywhere, locales=_names(lost), channel=sides.channel)
    left = [each for each in sides.active if each not in sides.catalog]
    if forgotten := [each for each in left if each in shown]:
        yield problem("L4", everywhere, locales=_names(forgotten))
    if undelivered := [each for each in left if each not in shown]:
        yield problem("L5", everywhere, locales=_names(undelivered), channel=sides.channel)


def _one_for_many(catalog: Catalog, source: SourceSchema, sides: _Sides) -> Iterator[Problem]:
    """Attributes without locales in translations, and attributes with locales of which only some are delivered."""
    delivered: dict[str, set[str]] = {}
    first: dict[str, FieldMapping] = {}
    for stream in catalog.streams:
        locales = _locales_of(stream, catalog)
        translated = stream.for_each is not None and stream.for_each.each is Each.LOCALE
        for mapping in stream.fields:
            for code, attribute in _attributes(mapping, stream, source).items():
                if attribute.localizable:
                    delivered.setdefault(code, set()).update((mapping.locale,) if mapping.locale else locales)
                    first.setdefault(code, mapping)
                elif translated and isinstance(mapping.rule, ValueRule) and attribute.kind in _TEXTS:
                    why = "has no value per locale, so every translation says the same"
                    yield problem("L10", mapping.place("value"), name=code, why=why)
    for code, found in delivered.items():
        carried = source.attributes[code].locales or sides.active
        left = [each for each in catalog.locales if each in sides.active and each in carried and each not in found]
        if left:
            why = f"has a value per locale, but no stream delivers {_names(left)}"
            yield problem("L10", first[code].origin, name=code, why=why)


def _locales_of(stream: Stream, catalog: Catalog) -> tuple[str, ...]:
    """The locales that a stream reads."""
    if stream.for_each is not None and stream.for_each.each is Each.LOCALE:
        return stream.for_each.codes or catalog.locales[1:]
    return (stream.locale or catalog.locales[0],)


def _attributes(mapping: FieldMapping, stream: Stream, source: SourceSchema) -> dict[str, Attribute]:
    """The attributes that a mapping reads; none where its names cannot be known."""
    collection = source.collections.get(stream.source)
    if collection is None or not collection.has_attributes:
        return {}
    try:
        codes = mapping_needs(mapping) | mapping_parts(mapping)
    except InvalidExpression:
        return {}
    own = source.attributes
    return {each: own[each] for each in sorted(codes) if each in own and each not in collection.properties}


def _place(catalog: Catalog, index: int) -> Origin:
    """Where that locale of the catalog was written."""
    return catalog.place(f"source.locales.{index}")


def _names(locales: Sequence[str]) -> str:
    return ", ".join(f"`{each}`" for each in locales)
