"""Products and models as the PIM sends them become records of the engine; only what was asked for is converted."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import cast

from sync_engine.sdk.errors import BrokenContract
from sync_engine.sdk.source import Attribute, Page, SourceRecord
from sync_engine.sdk.values import Localized, SourceValue
from sync_engine_akeneo.kinds import KEYS
from sync_engine_akeneo.paging import PAGE_SIZE, Item
from sync_engine_akeneo.values import Convert, boolean, converter, moment, number
from sync_engine_akeneo.wire import Malformed, describe, elements, members, text, texts

Property = Callable[[Item], object]
"""A property's value in an item: a ``SourceValue``, or a tuple of ``Localized``."""

Misshapen = Callable[[str, Malformed], BrokenContract]

NOTHING: Mapping[str, Property] = MappingProxyType({})


def property_reader(code: str, identifier: str | None) -> Property:
    """The function that takes a fixed property out of an item.

    Args:
        code: the property, as ``kinds.COLLECTIONS`` names it; ``axes`` and ``root_parent`` are not in the item itself.
        identifier: code of the main identifier attribute.
    """
    if code == "identifier":
        return lambda item: _identifier(item, identifier)
    return _PROPERTIES[code]


@dataclass(frozen=True, slots=True)
class RecordForm:
    """What the records of a partition hold; plain values only.

    Attributes:
        collection: name of the collection.
        properties: codes of the asked properties.
        identifier: code of the main identifier attribute, where a property needs it.
        attributes: the asked attributes.
        columns: of the table attributes: data type by column code.
        locales: values in other locales are left out; None keeps all.
        channels: values in other channels are left out; None keeps all.
    """

    collection: str
    properties: tuple[str, ...]
    identifier: str | None
    attributes: tuple[Attribute, ...]
    columns: Mapping[str, Mapping[str, str]]
    locales: frozenset[str] | None
    channels: frozenset[str] | None


class RecordReader:
    """Makes records of one collection.

    Args:
        form: of the records.
        misshapen: words the errors, see ``PimClient.misshapen``.
        elsewhere: how properties are read that are not in the item itself.
    """

    def __init__(self, form: RecordForm, misshapen: Misshapen, elsewhere: Mapping[str, Property] = NOTHING) -> None:
        self._misshapen = misshapen
        self._collection = form.collection
        self._key = KEYS[form.collection]
        self._properties = tuple(
            (code, elsewhere.get(code) or property_reader(code, form.identifier)) for code in form.properties
        )
        self._values = tuple(
            (
                each.code,
                _wanted(form.locales if each.localizable else frozenset()),
                _wanted(form.channels if each.scopable else frozenset()),
                converter(each.kind, form.columns.get(each.code, {})),
            )
            for each in form.attributes
        )

    def pages(self, items: Sequence[Item], cursor: str | None) -> Iterator[Page]:
        """Records of a list that is known as a whole, page by page; the cursor is the number of those before."""
        for start in range(int(cursor or 0), max(len(items), 1), PAGE_SIZE):  # nothing is a page, too
            end = start + PAGE_SIZE
            yield Page(tuple(map(self.record, items[start:end])), str(end) if end < len(items) else None)

    def record(self, item: Item) -> SourceRecord:
        """The record of an item.

        Raises:
            BrokenContract: the item has not the documented shape; the message names the record and the place in it.
        """
        place = f"`{self._key}`"
        key: object = None
        try:
            key = text(item.get(self._key))
            properties: dict[str, SourceValue] = {}
            for place, read in self._properties:
                properties[place] = cast("SourceValue", read(item))
            place = "`values`"
            given = members(item.get("values")) if self._values else {}
            values: dict[str, Sequence[Localized]] = {}
            for code, locales, channels, convert in self._values:
                entries = given.get(code)
                if entries:
                    place = code
                    found = localized(entries, locales, channels, convert)
                    if found:
                        values[code] = found
        except Malformed as error:
            raise self._misshapen(f"{place} of {self._collection} record {key!r}", error) from None
        return SourceRecord(self._collection, key, properties, values)


def _wanted(codes: frozenset[str] | None) -> frozenset[str | None] | None:
    """Locales or channels of wanted values; None, the value that has none, is always among them."""
    return None if codes is None else frozenset({None}) | codes


def localized(
    entries: object,
    locales: frozenset[str | None] | None,
    channels: frozenset[str | None] | None,
    convert: Convert,
    channel_key: str = "scope",
) -> list[Localized]:
    """The wanted values of one attribute.

    Args:
        entries: as the PIM gives them.
        locales: the wanted ones, None among them for values without a locale; None means all.
        channels: likewise.
        convert: makes the value of ``data``.
        channel_key: what the PIM calls the channel there.

    An entry with a locale or a channel that its attribute does not have is left out: with ``convert_measurements`` the
    PIM adds such entries to those that the attribute really has.
    """
    found = []
    for entry in elements(entries):
        if not isinstance(entry, dict) or "data" not in entry:
            raise Malformed("a value without `data`")
        locale, channel = entry.get("locale"), entry.get(channel_key)
        if (locales is None or locale in locales) and (channels is None or channel in channels):
            data = entry["data"]
            value = None if data is None else convert(data)
            if value is not None:
                found.append(Localized(locale, channel, value))
    return found


def _identifier(item: Item, attribute: str | None) -> str | None:
    entries = elements(members(item.get("values")).get(attribute or "", []))
    data = members(entries[0]).get("data") if entries else None
    return None if data is None else text(data)


def _optional(code: str) -> Property:
    return lambda item: None if item.get(code) is None else text(item[code])


def _several(code: str) -> Property:
    return lambda item: texts(_present(item, code))


def _time(code: str) -> Property:
    return lambda item: None if item.get(code) is None else moment(item[code])


def _present(item: Item, code: str) -> object:
    if code not in item:
        raise Malformed("it is missing")
    return item[code]


def _scores(code: str, convert: Convert) -> Property:
    def read(item: Item) -> tuple[Localized, ...]:
        """Entries ``{scope, locale, data}``; absent where the PIM has not computed them."""
        entries = [members(each) for each in elements(item.get(code) or [])]
        return tuple(
            Localized(text(each.get("locale")), text(each.get("scope")), convert(each["data"]))
            for each in entries
            if each.get("data") is not None
        )

    return read


def _associations(item: Item) -> tuple[dict[str, object], ...]:
    """Every association, ordered by type, kind and key: the PIM's own order may differ from answer to answer."""
    plain = members(_present(item, "associations"))
    quantified = members(item.get("quantified_associations") or {})  # since 5.0
    found: list[dict[str, object]] = []
    for type_, targets in (*plain.items(), *quantified.items()):
        for name, kind in _ASSOCIATED.items():
            for target in elements(members(targets).get(name) or []):
                key, quantity = _associated(target)
                found.append({"type": type_, "kind": kind, "key": key, "quantity": quantity})
    return tuple(sorted(found, key=lambda each: (str(each["type"]), str(each["kind"]), str(each["key"]))))


def _associated(target: object) -> tuple[str, int | None]:
    """Key and quantity; the API's pages call a model's key both ``identifier`` and ``code``."""
    if isinstance(target, str):
        return target, None
    found = members(target)
    key = next((found[name] for name in ("uuid", "identifier", "code") if found.get(name) is not None), None)
    quantity = found.get("quantity")
    if not isinstance(quantity, int) or isinstance(quantity, bool):
        raise Malformed(f"a whole quantity was expected, not {describe(quantity)}")
    return text(key), quantity


_ASSOCIATED = {"products": "product", "product_models": "product_model", "groups": "group"}


def labels(value: object) -> dict[str, str]:
    """Labels by locale; one that is null or empty does not exist."""
    return {locale: text(label) for locale, label in members(value or {}).items() if label}


def _label(item: Item) -> tuple[Localized, ...]:
    return tuple(Localized(locale, None, label) for locale, label in labels(item.get("labels")).items())


_PROPERTIES: Mapping[str, Property] = {
    "uuid": lambda item: text(item.get("uuid")),
    "code": lambda item: text(item.get("code")),
    "enabled": lambda item: boolean(_present(item, "enabled")),
    "family": _optional("family"),
    "family_variant": _optional("family_variant"),
    "parent": _optional("parent"),
    "categories": _several("categories"),
    "groups": _several("groups"),
    "created": _time("created"),
    "updated": _time("updated"),
    "level": lambda item: 1 if item.get("parent") is None else 2,
    "associations": _associations,
    "completeness": _scores("completenesses", number),
    "quality_score": _scores("quality_scores", text),
    "label": _label,
    "position": lambda item: None if item.get("position") is None else number(item["position"]),
}
