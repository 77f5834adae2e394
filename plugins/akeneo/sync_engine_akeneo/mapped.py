"""Mapped products: what a catalog for apps selects, in the shape of its mapping schema, as records of their own.

Source of the form: Akeneo REST API, "Catalogs"; Akeneo, "Catalogs for Apps", product mapping meta-schema, flat mode. A
target without a value is left out of an answer, and one that nothing is mapped to looks the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import cast
from urllib.parse import quote

from sync_engine.sdk.errors import BrokenContract, Refused
from sync_engine.sdk.source import Attribute, Kind, Page, Partition, Pushdown, Query, RecordCollection
from sync_engine_akeneo.app_catalogs import AppCatalog, AppCatalogs, mapped_path
from sync_engine_akeneo.client import PimClient
from sync_engine_akeneo.kinds import MAPPED, MAPPED_KEY
from sync_engine_akeneo.mapping_schema import is_flat, targets_of
from sync_engine_akeneo.paging import PAGE_SIZE, Item, Leaf, chunks, scroll_plain
from sync_engine_akeneo.query import among, criteria, flat
from sync_engine_akeneo.records import Property, RecordForm, RecordReader
from sync_engine_akeneo.values import Convert, converter, moment
from sync_engine_akeneo.wire import Malformed, members, text

_PRICE = {"amount", "currency"}
_OF_PROPERTIES: Mapping[Kind, Convert] = {Kind.UUID: text, Kind.DATETIME: moment}


class MappedProducts:
    """The mapped products of the catalogs of one app.

    Args:
        client: makes the calls.
        catalogs: finds them.
    """

    def __init__(self, client: PimClient, catalogs: AppCatalogs) -> None:
        self._client = client
        self._catalogs = catalogs
        self._described: dict[str, RecordCollection] = {}

    def describe(self, catalog: str) -> RecordCollection:
        """What the mapping schema of a catalog, of that id or name, says of its mapped products; asked once.

        Raises:
            Refused: there is no such catalog, or it has no mapping schema of products.
        """
        if catalog not in self._described:
            self._described[catalog] = self._describe(self._catalogs.find(catalog))
        return self._described[catalog]

    def plan(self, query: Query) -> Pushdown:
        """How they are read: the PIM filters none of them, but single ones can be asked for by their key.

        Raises:
            Refused: the query names no catalog or no target of it, or only the tree of a channel is wanted.
        """
        catalog, where = query.source_catalog, self._client.where
        if catalog is None:
            raise Refused(f"{where}: only a catalog of the PIM has {MAPPED}", hint="Name it in `source.catalog`.")
        if query.only_channel_tree:
            raise Refused(
                f"{where}: the PIM does not tell which {MAPPED} are in the tree of a channel",
                hint="Remove `source.only_channel_tree`, and choose the products in the catalog of the PIM.",
            )
        described = self.describe(catalog)
        filters = tuple(flat(query.filters))
        keys = among(query.filters, MAPPED_KEY)
        residual = tuple(each for each in filters if among((each,), MAPPED_KEY) is None)
        named = query.attributes | query.properties | {each.field for each in criteria(residual)}
        if unknown := sorted(named - described.properties.keys()):
            raise Refused(f'{where}: the mapping schema of the catalog "{catalog}" has no target "{unknown[0]}"')
        request = {
            "collection": MAPPED,
            "catalog": catalog,
            "properties": sorted(named),
            "among": None if keys is None else sorted(keys),
        }
        pushed = tuple(each for each in filters if each not in residual)
        return Pushdown(pushed, residual, (Partition(MAPPED, request),))

    def read(self, partition: Partition, cursor: str | None) -> Iterator[Page]:
        """Pages of a partition, in the PIM's order.

        Raises:
            Refused: the catalog is disabled, or its schema is not any more what the partition was planned for.
            Unavailable, Unauthorised, BrokenContract: it was not read completely.
        """
        request = partition.request
        wanted, names = str(request["catalog"]), cast("list[str]", request["properties"])
        catalog = self._catalogs.readable(wanted)
        properties = self._unchanged(wanted, catalog, names)
        form = RecordForm(MAPPED, tuple(names), None, (), {}, None, None)
        places = {code: _reading(each) for code, each in properties.items()}
        reader = RecordReader(form, self._client.misshapen, places)
        keys = cast("list[str] | None", request["among"])
        leaves = self._all(catalog, cursor) if keys is None else self._some(catalog, set(keys), cursor)
        for leaf in leaves:
            yield Page(tuple(map(reader.record, leaf.items)), leaf.cursor)

    def _describe(self, catalog: AppCatalog) -> RecordCollection:
        schema = self._catalogs.schema(catalog.id)
        if schema is not None and is_flat(schema):
            return collection_of(schema)
        which = f'{self._client.where}: the catalog "{catalog.name}" ({catalog.id})'
        if schema is None:
            raise Refused(
                f"{which} has no mapping schema in the PIM, and so no {MAPPED}",
                hint="`sync-engine pim-catalogs push-schema` makes one; then a PIM user maps its targets.",
            )
        raise Refused(
            f"{which} has a mapping schema of models and variants, of which no {MAPPED} are read",
            hint="Put a flat schema in its place: `sync-engine pim-catalogs push-schema` makes such.",
        )

    def _unchanged(self, wanted: str, catalog: AppCatalog, names: Iterable[str]) -> dict[str, Attribute]:
        """The targets, which must be described as they were: one that is gone would look empty everywhere."""
        before, after = self.describe(wanted).properties, self._describe(catalog).properties
        for name in names:
            if after.get(name) != before[name]:
                raise Refused(
                    f'{self._client.where}: the target "{name}" of the catalog "{catalog.name}" has changed in the PIM '
                    "since its mapping schema was read",
                    hint="Run the same command again.",
                )
        return {name: after[name] for name in names}

    def _all(self, catalog: AppCatalog, cursor: str | None) -> Iterator[Leaf]:
        return scroll_plain(self._client, mapped_path(catalog.id), {"limit": str(PAGE_SIZE)}, cursor)

    def _some(self, catalog: AppCatalog, keys: set[str], cursor: str | None) -> Iterator[Leaf]:
        """Those with these keys that the catalog's own list has: a 404 could also mean that the catalog is gone."""
        selected = (each for each in self._catalogs.products(catalog.id, cursor) if each.casefold() in keys)
        for chunk in chunks(selected):
            yield Leaf(self._client.each(lambda key: self._one(catalog, key), chunk), chunk[-1])
        yield Leaf([], None)

    def _one(self, catalog: AppCatalog, key: str) -> Item:
        path = f"{mapped_path(catalog.id)}/{quote(key, safe='')}"
        try:
            item = dict(members(self._client.get(path)))
        except Malformed as error:
            raise self._client.misshapen("a mapped product", error) from None
        if str(item.get(MAPPED_KEY)).casefold() != key.casefold():
            raise BrokenContract(f"{self._client.where}: the PIM gives another mapped product than {key}")
        return item


def collection_of(schema: Mapping[str, object]) -> RecordCollection:
    """The collection that a flat mapping schema describes."""
    targets = {name: _property(name, each) for name, each in targets_of(schema).items()}
    key = Attribute(MAPPED_KEY, Kind.UUID, "property", is_property=True)
    return RecordCollection(MAPPED, MAPPED_KEY, {MAPPED_KEY: key, **targets}, has_attributes=False)


def _property(name: str, target: Mapping[str, object]) -> Attribute:
    kind, longest = _kind(target), target.get("maxLength")
    return Attribute(
        name,
        kind,
        _native(target),
        decimals=kind is Kind.NUMBER,
        max_length=longest if kind is Kind.TEXT and isinstance(longest, int) else None,
        is_property=True,
    )


def _kind(target: Mapping[str, object]) -> Kind:
    """What the values of a target are; an ``enum`` only says what the PIM lets people choose from."""
    match target.get("type"):
        case "string":
            return Kind.DATETIME if target.get("format") == "date-time" else Kind.TEXT
        case "number":
            return Kind.NUMBER
        case "boolean":
            return Kind.BOOLEAN
        case "object" if _members(target) == _PRICE:
            return Kind.PRICES
        case "array" if _items(target).get("type") == "string":
            return Kind.MULTISELECT
        case _:
            return Kind.OTHER


def _native(target: Mapping[str, object]) -> str:
    """A target's type in the words of the schema: ``string (date-time)``, ``array of string``."""
    word = str(target.get("type"))
    if word == "array":
        return f"array of {_native(_items(target))}"
    if word == "object":
        return f"object of {', '.join(sorted(_members(target)))}"
    return f"{word} ({target['format']})" if target.get("format") else word


def _items(target: Mapping[str, object]) -> Mapping[str, object]:
    items = target.get("items")
    return items if isinstance(items, dict) else {}


def _members(target: Mapping[str, object]) -> set[str]:
    properties = target.get("properties")
    return set(properties) if isinstance(properties, dict) else set()


def _reading(described: Attribute) -> Property:
    """How a target's value is taken out of an item."""
    code = described.code
    convert = _OF_PROPERTIES.get(described.kind) or converter(described.kind, {})
    if described.kind is Kind.PRICES:
        return lambda item: None if item.get(code) is None else convert([item[code]])
    return lambda item: None if item.get(code) is None else convert(item[code])
