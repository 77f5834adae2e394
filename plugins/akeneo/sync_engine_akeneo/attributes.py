"""The PIM's attributes, asked for when they are needed and remembered as long as the source is open."""

from __future__ import annotations

import json
import threading
from collections.abc import Collection, Mapping
from dataclasses import replace
from urllib.parse import quote

from sync_engine.sdk.errors import Refused
from sync_engine.sdk.source import LINKS, Attribute, Column, Kind, Option
from sync_engine_akeneo.client import PimClient
from sync_engine_akeneo.kinds import KINDS, LONGEST, WITH_OPTIONS
from sync_engine_akeneo.linked import PLACES, Link, LinkedRecords, linked_attribute
from sync_engine_akeneo.paging import Item, chunks, listing
from sync_engine_akeneo.records import labels
from sync_engine_akeneo.wire import Malformed, elements, members, text, texts

_SMALL = (Kind.IDENTIFIER, Kind.BOOLEAN, Kind.NUMBER, Kind.SELECT, Kind.DATE)


class Attributes:
    """Attributes by code; threads share it.

    Args:
        client: makes the calls.
        linked: knows what attributes link to.
    """

    def __init__(self, client: PimClient, linked: LinkedRecords) -> None:
        self._client = client
        self._linked = linked
        self._links: dict[str, Link] = {}
        self._lock = threading.Lock()
        self._known: dict[str, Attribute] = {}
        self._missing: set[str] = set()
        self._columns: dict[str, dict[str, str]] = {}
        self._main: set[str] = set()
        self._complete = False
        self._identifiers_known = False

    def get(self, codes: Collection[str] | None) -> dict[str, Attribute]:
        """The attributes with these codes, without options; one that does not exist is absent.

        Args:
            codes: also of attributes of linked records, such as ``brand.country``; None means all but these.

        Raises:
            Unavailable, Unauthorised, Refused, BrokenContract: they could not be read.
        """
        with self._lock:
            if codes is None:
                if not self._complete:
                    self._read({})
                    self._complete = self._identifiers_known = True
                return dict(self._known)
            if not self._complete:
                unknown = sorted({code.partition(".")[0] for code in codes} - self._known.keys() - self._missing)
                for chunk in chunks(unknown):
                    self._read({"code": [{"operator": "IN", "value": chunk}]})
                self._missing.update(code for code in unknown if code not in self._known)
        found = {code: self._known.get(code) or self._through(code) for code in codes}
        return {code: each for code, each in found.items() if each is not None}

    def link(self, code: str) -> Link | None:
        """What the values of an attribute that was got are codes of; None where they are not."""
        return self._links.get(code)

    def _through(self, code: str) -> Attribute | None:
        """An attribute of the records that an attribute links to."""
        base, _, part = code.partition(".")
        link = self._links.get(base)
        if link is None or not part:
            return None
        found = self._linked.attributes(link).get(part)
        return None if found is None else linked_attribute(self._known[base], found)

    def identifier(self) -> str | None:
        """Code of the main identifier attribute: the marked one, or the only one there is."""
        with self._lock:
            if not self._identifiers_known and not self._main:
                self._read({"type": [{"operator": "IN", "value": ["pim_catalog_identifier"]}]})
                self._identifiers_known = True
            found = [each.code for each in self._known.values() if each.kind is Kind.IDENTIFIER]
            main = [code for code in found if code in self._main]
            return next(iter(main or found), None)

    def smallest(self) -> str | None:
        """Code of an attribute to ask for where values of none are needed, because otherwise all of them come."""
        with self._lock:
            known = [(_SMALL.index(each.kind), code) for code, each in self._known.items() if each.kind in _SMALL]
        return min(known)[1] if known else self.identifier()

    def columns(self, code: str) -> Mapping[str, str]:
        """Columns of a table attribute: data type by code."""
        return self._columns.get(code, {})

    def described(self, codes: Collection[str] | None, labelled: Collection[str]) -> dict[str, Attribute]:
        """The attributes with these codes as a schema shows them: with options, assets with their files.

        Args:
            codes: None means all, those of linked records included.
            labelled: codes of those that get the labels of the records they link to as options; there may be very many.
        """
        found = self.get(codes)
        if codes is None:
            found |= self.get([code for each in found.values() for code in self._parts(each)])
        for each in [each for each in found.values() if each.kind is Kind.ASSETS and not each.through]:
            files = self._files(each, required=codes is not None)
            found |= {each.code: replace(each, files=files), **self.get([files] if files else [])}
        tables = [each for each in found.values() if each.kind is Kind.TABLE]
        columns = self._client.each(self._described_columns, tables)
        found |= {each.code: replace(each, columns=own) for each, own in zip(tables, columns, strict=True)}
        asked = list(found.values())
        options = self._client.each(lambda each: self._options(each, labelled), asked)
        return {
            each.code: each if given is None else replace(each, options=given)
            for each, given in zip(asked, options, strict=True)
        }

    def _parts(self, attribute: Attribute) -> list[str]:
        """Codes of the attributes of the records that an attribute links to, where the PIM shows these."""
        link = self._links.get(attribute.code)
        try:
            return [f"{attribute.code}.{part}" for part in self._linked.attributes(link)] if link else []
        except Refused:
            return []

    def _files(self, attribute: Attribute, *, required: bool) -> str:
        """Code of the attribute that gives the main files of the assets that an attribute links to."""
        link = self._links.get(attribute.code)
        try:
            main = self._linked.main_file(link) if link else None
        except Refused:
            if required:
                raise
            return ""
        return f"{attribute.code}.{main}" if main else ""

    def _described_columns(self, attribute: Attribute) -> tuple[Column, ...]:
        """The columns of a table with the choices of their cells; records that cells link to have theirs elsewhere."""
        path = f"attributes/{quote(attribute.code, safe='')}"
        try:
            item = members(self._client.get(path, {"with_table_select_options": "true"}))
            return tuple(_column(members(each)) for each in elements(item.get("table_configuration") or []))
        except Malformed as error:
            raise self._client.misshapen(path, error) from None

    def _options(self, attribute: Attribute, labelled: Collection[str]) -> tuple[Option, ...] | None:
        if attribute.native_type in WITH_OPTIONS:
            return read_options(self._client, f"attributes/{quote(attribute.code, safe='')}/options")
        link = self._links.get(attribute.through or attribute.code)
        if link is None or (attribute.kind in LINKS and attribute.code not in labelled):
            return None
        if attribute.through:
            return self._linked.options(link, self._linked.attributes(link)[attribute.code.partition(".")[2]])
        return self._linked.labels(link)

    def _read(self, search: Mapping[str, object]) -> None:
        params = {"search": json.dumps(search, separators=(",", ":"))} if search else {}
        for page in listing(self._client, "attributes", params):
            for item in page:
                try:
                    self._keep(item)
                except Malformed as error:
                    raise self._client.misshapen(f"attribute {item.get('code')!r}", error) from None

    def _keep(self, item: Item) -> None:
        attribute = described(item)
        self._known[attribute.code] = attribute
        # Where the PIM does not say which one is the main identifier, there is one only.
        if attribute.kind is Kind.IDENTIFIER and item.get("is_main_identifier", True) is True:
            self._main.add(attribute.code)
        place = PLACES.get(attribute.kind)
        if place is not None and item.get("reference_data_name"):
            self._links[attribute.code] = Link(place, text(item["reference_data_name"]))
        if attribute.kind is Kind.TABLE:
            columns = [members(each) for each in elements(item.get("table_configuration") or [])]
            self._columns[attribute.code] = {text(each.get("code")): text(each.get("data_type")) for each in columns}


def _column(item: Mapping[str, object]) -> Column:
    options = [members(each) for each in elements(item.get("options") or [])]
    return Column(
        code=text(item.get("code")),
        labels=labels(item.get("labels")),
        options=tuple(Option(text(each.get("code")), labels(each.get("labels"))) for each in options),
        unit_family=str(item.get("measurement_family_code") or ""),
    )


def described(item: Item) -> Attribute:
    """An attribute as the PIM describes it; older versions leave the newer keys out.

    Raises:
        Malformed: it has no code or no type.
    """
    native = text(item.get("type"))
    limit = item.get("max_characters")
    return Attribute(
        code=text(item.get("code")),
        kind=KINDS.get(native, Kind.OTHER),
        native_type=native,
        labels=labels(item.get("labels")),
        localizable=item.get("localizable") is True,
        scopable=item.get("scopable") is True,
        locales=texts(item.get("available_locales") or []),
        unit_family=text(item["metric_family"]) if item.get("metric_family") else None,
        decimals=item.get("decimals_allowed") is True,
        rich_text=item.get("wysiwyg_enabled") is True,
        max_length=limit if isinstance(limit, int) else LONGEST.get(native),
    )


def read_options(client: PimClient, path: str) -> tuple[Option, ...]:
    """Everything in a list that has codes and labels, in the PIM's order."""
    found = []
    for page in listing(client, path):
        for item in page:
            try:
                found.append(option(item))
            except Malformed as error:
                raise client.misshapen(f"{item.get('code')!r} in {path}", error) from None
    return tuple(found)


def option(item: Item) -> Option:
    """What has a code and labels.

    Raises:
        Malformed: it has no code.
    """
    parent = item.get("parent")  # which categories have, and families in the cloud
    return Option(text(item.get("code")), labels(item.get("labels")), "" if parent is None else text(parent))
