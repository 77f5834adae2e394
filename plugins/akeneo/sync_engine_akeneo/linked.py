"""Records of reference entities and assets: what the values of some attributes are codes of.

``brand`` is an attribute of products whose value is the code of a record; ``brand.country`` is the attribute
``country`` of that record. Records are asked for by code, a page of products at a time, and what is needed of them is
remembered as long as the source is open.

Source of the shapes: Akeneo REST API, "Reference entities" and "Asset manager". Their values say ``channel`` where
those of products say ``scope``.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

from sync_engine.sdk.source import LINKS, Attribute, Kind, Option
from sync_engine.sdk.values import Localized, MediaRef
from sync_engine_akeneo.client import PimClient
from sync_engine_akeneo.paging import Item, chunks, scroll_plain
from sync_engine_akeneo.records import labels, localized
from sync_engine_akeneo.values import Convert, converter, media
from sync_engine_akeneo.wire import Malformed, elements, members, text

LABEL = "label"
"""The attribute of every record that holds its label."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where the PIM keeps one of the two sorts of linked records.

    Attributes:
        owners: path of the reference entities, or of the asset families.
        items: last part of the path of their records.
        files: path of the files that the records hold.
        word: for one of them, in messages.
    """

    owners: str
    items: str
    files: str
    word: str


RECORDS = Place("reference-entities", "records", "reference-entities-media-files", "record")
ASSETS = Place("asset-families", "assets", "asset-media-files", "asset")
PLACES: Mapping[Kind, Place] = {Kind.RECORD: RECORDS, Kind.RECORDS: RECORDS, Kind.ASSETS: ASSETS}


@dataclass(frozen=True, slots=True)
class Link:
    """What an attribute's values are codes of: records of one reference entity, or assets of one family."""

    place: Place
    owner: str

    @property
    def path(self) -> str:
        """Of the entity or the family."""
        return f"{self.place.owners}/{quote(self.owner, safe='')}"


@dataclass(frozen=True, slots=True)
class LinkedAttribute:
    """An attribute of linked records.

    Attributes:
        code: its code in the entity or family.
        kind: of one record's value.
        native_type: the PIM's word for it.
        labels: label by locale.
        localizable: its values differ by locale.
        scopable: its values differ by channel.
        link: of codes of other records: where those are.
        prefix: of a link to a file elsewhere: what stands before each value.
        suffix: likewise, what stands behind it.
    """

    code: str
    kind: Kind
    native_type: str
    labels: Mapping[str, str]
    localizable: bool
    scopable: bool
    link: Link | None
    prefix: str
    suffix: str


_KINDS: Mapping[str, Kind] = {
    "text": Kind.TEXT,
    "number": Kind.NUMBER,
    "boolean": Kind.BOOLEAN,
    "date": Kind.DATE,
    "single_option": Kind.SELECT,
    "multiple_options": Kind.MULTISELECT,
    "auto_tagging": Kind.MULTISELECT,
    "record": Kind.RECORD,
    "image": Kind.IMAGE,
    "media_file": Kind.FILE,
    "media_link": Kind.FILE,
    "reference_entity_single_link": Kind.RECORD,
    "reference_entity_multiple_links": Kind.RECORDS,
    "asset_collection": Kind.ASSETS,
}
_OF_SEVERAL: Mapping[Kind, Kind] = {
    Kind.TEXT: Kind.MULTISELECT,
    Kind.TEXTAREA: Kind.MULTISELECT,
    Kind.NUMBER: Kind.MULTISELECT,
    Kind.DATE: Kind.MULTISELECT,
    Kind.SELECT: Kind.MULTISELECT,
    Kind.MULTISELECT: Kind.MULTISELECT,
    Kind.RECORD: Kind.RECORDS,
    Kind.RECORDS: Kind.RECORDS,
    Kind.ASSETS: Kind.ASSETS,
    Kind.IMAGE: Kind.IMAGE,
    Kind.FILE: Kind.FILE,
}


class LinkedRecords:
    """The linked records of a PIM and the attributes they have; threads share it.

    Args:
        client: makes the calls.
    """

    def __init__(self, client: PimClient) -> None:
        self._client = client
        self._lock = threading.Lock()
        self._attributes: dict[Link, dict[str, LinkedAttribute]] = {}
        self._values: dict[tuple[Link, str], dict[str, Sequence[Localized]]] = {}

    def attributes(self, link: Link) -> Mapping[str, LinkedAttribute]:
        """Attributes of the records, by code.

        Raises:
            Unavailable, Unauthorised, Refused, BrokenContract: they could not be read.
        """
        with self._lock:
            if link not in self._attributes:
                path = f"{link.path}/attributes"
                try:
                    found = [_described(members(each)) for each in elements(self._client.get(path))]
                except Malformed as error:
                    raise self._client.misshapen(path, error) from None
                self._attributes[link] = {each.code: each for each in found}
            return self._attributes[link]

    def main_file(self, link: Link) -> str | None:
        """Code of the attribute that holds an asset's main file; None where the family names none."""
        try:
            found = members(self._client.get(link.path)).get("attribute_as_main_media")
            return None if found is None else text(found)
        except Malformed as error:
            raise self._client.misshapen(link.path, error) from None

    def labels(self, link: Link) -> tuple[Option, ...]:
        """Code and labels of every record."""
        found = []
        for item in self._items(link, {}):
            try:
                entries = localized(_values(item).get(LABEL) or [], None, None, text, "channel")
                given = {str(each.locale): str(each.data) for each in entries if each.locale and each.data}
                found.append(Option(text(item.get("code")), given))
            except Malformed as error:
                raise self._misshapen(link, item, error) from None
        return tuple(found)

    def options(self, link: Link, attribute: LinkedAttribute) -> tuple[Option, ...] | None:
        """The choices of an attribute of the records; None where it has none."""
        if attribute.link is not None and attribute.kind in LINKS:
            return self.labels(attribute.link)
        if attribute.kind not in (Kind.SELECT, Kind.MULTISELECT):
            return None
        path = f"{link.path}/attributes/{quote(attribute.code, safe='')}/options"
        try:
            given = [members(each) for each in elements(self._client.get(path))]
            return tuple(Option(text(each.get("code")), labels(each.get("labels"))) for each in given)
        except Malformed as error:
            raise self._client.misshapen(path, error) from None

    def changed(self, link: Link, since: datetime) -> tuple[str, ...]:
        """Codes of the records that were saved since a moment, which is in the PIM's time zone."""
        moment = since.isoformat(timespec="seconds")
        search = json.dumps({"updated": [{"operator": ">", "value": moment}]}, separators=(",", ":"))
        return tuple(str(item.get("code")) for item in self._items(link, {"search": search}))

    def values(self, link: Link, wanted: Collection[str], codes: Iterable[str]) -> None:
        """Ask for records that are not known yet, so that ``value`` knows them.

        Args:
            link: where they are.
            wanted: codes of the attributes that are needed of them.
            codes: of the records; one that does not exist any more has no values.
        """
        attributes = [self.attributes(link)[code] for code in sorted(wanted)]
        with self._lock:
            known = [self._values.setdefault((link, each.code), {}) for each in attributes]
            unknown = sorted({code for code in codes if any(code not in each for each in known)})
            for chunk in chunks(unknown):
                found: dict[str, list[Sequence[Localized]]] = {}
                search = json.dumps({"code": [{"operator": "IN", "value": chunk}]}, separators=(",", ":"))
                for item in self._items(link, {"search": search}):
                    try:
                        found[text(item.get("code"))] = [_read(item, each, link) for each in attributes]
                    except Malformed as error:
                        raise self._misshapen(link, item, error) from None
                for code in chunk:
                    for table, entries in zip(known, found.get(code, [()] * len(attributes)), strict=True):
                        table[code] = entries

    def value(self, link: Link, attribute: str, code: str) -> Sequence[Localized]:
        """Values of an attribute of a record that was asked for."""
        return self._values[link, attribute][code]

    def _items(self, link: Link, params: Mapping[str, str]) -> Iterator[Item]:
        for leaf in scroll_plain(self._client, f"{link.path}/{link.place.items}", params):
            yield from leaf.items

    def _misshapen(self, link: Link, item: Item, error: Malformed) -> Exception:
        return self._client.misshapen(f"{link.place.word} {item.get('code')!r} of {link.owner!r}", error)


def linked_attribute(base: Attribute, part: LinkedAttribute) -> Attribute:
    """An attribute of the linked records as an attribute of the records that link to them, without options."""
    several = base.kind is not Kind.RECORD
    return Attribute(
        code=f"{base.code}.{part.code}",
        kind=_OF_SEVERAL.get(part.kind, Kind.OTHER) if several else part.kind,
        native_type=part.native_type,
        labels=part.labels,
        localizable=base.localizable or part.localizable,
        scopable=base.scopable or part.scopable,
        through=base.code,
    )


def _described(item: Mapping[str, object]) -> LinkedAttribute:
    native = text(item.get("type"))
    kind = _KINDS.get(native, Kind.OTHER)
    if kind is Kind.TEXT and item.get("is_textarea") is True:
        kind = Kind.TEXTAREA
    if native == "media_file" and item.get("media_type") == "image":
        kind = Kind.IMAGE
    owners = ("reference_entity_code", "reference_entity", "asset_family_identifier")
    owner = next((item[each] for each in owners if item.get(each)), None)
    return LinkedAttribute(
        code=text(item.get("code")),
        kind=kind,
        native_type=native,
        labels=labels(item.get("labels")),
        localizable=item.get("value_per_locale") is True,
        scopable=item.get("value_per_channel") is True,
        link=Link(PLACES[kind], text(owner)) if owner and kind in PLACES else None,
        prefix=str(item.get("prefix") or ""),
        suffix=str(item.get("suffix") or ""),
    )


def _read(item: Item, attribute: LinkedAttribute, link: Link) -> Sequence[Localized]:
    entries = _values(item).get(attribute.code) or []
    return localized(entries, None, None, _converter(attribute, link), "channel")


def _converter(attribute: LinkedAttribute, link: Link) -> Convert:
    """A file's code tells where its bytes are: ``asset-media-files/…``, or the address of a link."""
    if attribute.native_type == "media_link":
        return lambda data: MediaRef(url := f"{attribute.prefix}{text(data)}{attribute.suffix}", url.rpartition("/")[2])
    if attribute.kind in (Kind.IMAGE, Kind.FILE):
        return lambda data: media(f"{link.place.files}/{text(data)}")
    return converter(attribute.kind, {})


def _values(item: Item) -> Mapping[str, object]:
    return members(item.get("values") or {})
