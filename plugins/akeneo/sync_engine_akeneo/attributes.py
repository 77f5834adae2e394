"""The PIM's attributes, asked for when they are needed and remembered as long as the source is open."""

from __future__ import annotations

import json
import threading
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from urllib.parse import quote

from sync_engine.sdk.source import Attribute, Kind, Option
from sync_engine_akeneo.client import PimClient
from sync_engine_akeneo.kinds import KINDS, LONGEST, WITH_OPTIONS
from sync_engine_akeneo.paging import Item, chunks, listing
from sync_engine_akeneo.records import labels
from sync_engine_akeneo.wire import Malformed, elements, members, text, texts


class Attributes:
    """Attributes by code; threads share it.

    Args:
        client: makes the calls.
    """

    def __init__(self, client: PimClient) -> None:
        self._client = client
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
            codes: None means all attributes.

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
                unknown = sorted(set(codes) - self._known.keys() - self._missing)
                for chunk in chunks(unknown):
                    self._read({"code": [{"operator": "IN", "value": chunk}]})
                self._missing.update(code for code in unknown if code not in self._known)
            return {code: self._known[code] for code in codes if code in self._known}

    def identifier(self) -> str | None:
        """Code of the main identifier attribute: the marked one, or the only one there is."""
        with self._lock:
            if not self._identifiers_known:
                self._read({"type": [{"operator": "IN", "value": ["pim_catalog_identifier"]}]})
                self._identifiers_known = True
            found = [each.code for each in self._known.values() if each.kind is Kind.IDENTIFIER]
            main = [code for code in found if code in self._main]
            return next(iter(main or found), None)

    def columns(self, code: str) -> Mapping[str, str]:
        """Columns of a table attribute: data type by code."""
        return self._columns.get(code, {})

    def with_options(self, found: Iterable[Attribute]) -> dict[str, Attribute]:
        """The same attributes, by code, with the options of those that have a list of them."""
        attributes = list(found)
        asked = [each for each in attributes if each.native_type in WITH_OPTIONS]
        options = dict(zip((each.code for each in asked), self._client.each(self._options, asked), strict=True))
        return {
            each.code: replace(each, options=options[each.code]) if each.code in options else each
            for each in attributes
        }

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
        if item.get("is_main_identifier") is True:
            self._main.add(attribute.code)
        if attribute.kind is Kind.TABLE:
            columns = [members(each) for each in elements(item.get("table_configuration") or [])]
            self._columns[attribute.code] = {text(each.get("code")): text(each.get("data_type")) for each in columns}

    def _options(self, attribute: Attribute) -> tuple[Option, ...]:
        path = f"attributes/{quote(attribute.code, safe='')}/options"
        return read_options(self._client, path)


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
                found.append(Option(text(item.get("code")), labels(item.get("labels"))))
            except Malformed as error:
                raise client.misshapen(f"{item.get('code')!r} in {path}", error) from None
    return tuple(found)
