"""Values of linked records as values of the records that link to them: ``brand.country`` of a product."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import cast

from sync_engine.sdk.source import Attribute, Kind, SourceRecord
from sync_engine.sdk.values import Localized, MediaRef, SourceValue
from sync_engine_akeneo.linked import Link, LinkedRecords


class LinkedReader:
    """Gives records the values of the records that they link to.

    Args:
        linked: asks for them.
        wanted: the asked attributes (``brand.country``), each with what its base links to.
        locales: values in other locales are left out; None keeps all.
        channels: values in other channels are left out; None keeps all.
    """

    def __init__(
        self,
        linked: LinkedRecords,
        wanted: Sequence[tuple[Attribute, Link]],
        locales: frozenset[str] | None,
        channels: frozenset[str] | None,
    ) -> None:
        self._linked = linked
        self._wanted = wanted
        self._locales = locales
        self._channels = channels

    def filled(self, records: Sequence[SourceRecord]) -> tuple[SourceRecord, ...]:
        """The records with these values, where there are any."""
        if not self._wanted:
            return tuple(records)
        asked: dict[Link, tuple[set[str], set[str]]] = {}
        for attribute, link in self._wanted:
            parts, codes = asked.setdefault(link, (set(), set()))
            parts.add(_part(attribute))
            for record in records:
                for entry in record.values.get(attribute.through, ()):
                    codes.update(_codes(entry))
        for link, (parts, codes) in asked.items():
            self._linked.values(link, parts, codes)
        return tuple(self._with_values(record) for record in records)

    def _with_values(self, record: SourceRecord) -> SourceRecord:
        values = dict(record.values)
        for attribute, link in self._wanted:
            found = list(self._entries(record.values.get(attribute.through, ()), attribute, link))
            if found:
                values[attribute.code] = found
        return SourceRecord(record.collection, record.key, record.properties, values)

    def _entries(self, base: Sequence[Localized], attribute: Attribute, link: Link) -> Iterator[Localized]:
        """The linked records' values, in the locale and channel of the link or of the value, which must not differ."""
        part = _part(attribute)
        for entry in base:
            held: dict[tuple[str | None, str | None], dict[object, None]] = {}
            for code in _codes(entry):
                for each in self._linked.value(link, part, code):
                    if _agree(entry.locale, each.locale) and _agree(entry.channel, each.channel):
                        place = (entry.locale or each.locale, entry.channel or each.channel)
                        several = each.data if isinstance(each.data, tuple) else (each.data,)
                        held.setdefault(place, {}).update((_of(code, data), None) for data in several)
            single = isinstance(entry.data, str)
            for (locale, channel), data in held.items():
                if _among(locale, self._locales) and _among(channel, self._channels):
                    value = _joined(tuple(data), attribute.kind, single=single)
                    yield Localized(locale, channel, cast("SourceValue", value))


def _of(code: str, data: object) -> object:
    """A value of the linked record of this code; a file says whose it is."""
    return replace(data, owner=code) if isinstance(data, MediaRef) else data


def _joined(data: tuple[object, ...], kind: Kind, *, single: bool) -> object:
    """The value of one linked record, or of several together, each once."""
    if single and kind not in (Kind.MULTISELECT, Kind.RECORDS, Kind.ASSETS):
        return data[0]
    if kind is Kind.MULTISELECT:
        return tuple(map(_as_text, data))
    return data


def _as_text(value: object) -> object:
    """A number or a day as text, so that it can stand in a list of choices."""
    if isinstance(value, date):
        return value.isoformat()
    return format(value, "f") if isinstance(value, Decimal) else str(value) if isinstance(value, int) else value


def _part(attribute: Attribute) -> str:
    return attribute.code.removeprefix(f"{attribute.through}.")


def _codes(entry: Localized) -> tuple[str, ...]:
    data = entry.data
    return (data,) if isinstance(data, str) else tuple(map(str, data)) if isinstance(data, tuple) else ()


def _agree(one: str | None, other: str | None) -> bool:
    return one is None or other is None or one == other


def _among(code: str | None, wanted: frozenset[str] | None) -> bool:
    return code is None or wanted is None or code in wanted
