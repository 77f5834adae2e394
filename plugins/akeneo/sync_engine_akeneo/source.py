"""The opened source: what the engine calls."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import Any, BinaryIO, cast

from sync_engine.sdk.errors import Refused
from sync_engine.sdk.filters import OPERATORS, Criterion
from sync_engine.sdk.source import Attribute, Page, Partition, Pushdown, Query, RecordCollection, SourceSchema, Unread
from sync_engine.sdk.values import MediaRef
from sync_engine_akeneo.app_catalogs import AppCatalogs
from sync_engine_akeneo.attributes import Attributes
from sync_engine_akeneo.categories import read_categories
from sync_engine_akeneo.changed import Changes
from sync_engine_akeneo.client import PimClient
from sync_engine_akeneo.families import FamilyTree
from sync_engine_akeneo.family_variants import read_family_variants
from sync_engine_akeneo.kinds import COLLECTIONS, MAPPED
from sync_engine_akeneo.linked import Link, LinkedRecords
from sync_engine_akeneo.linked_reader import LinkedReader
from sync_engine_akeneo.mapped import MappedProducts
from sync_engine_akeneo.media import open_media
from sync_engine_akeneo.paging import listing, scroll, scroll_unread
from sync_engine_akeneo.query import Planner
from sync_engine_akeneo.records import RecordForm, RecordReader
from sync_engine_akeneo.schema import read_schema, read_system
from sync_engine_akeneo.selected import PATHS, models_above, read_selected
from sync_engine_akeneo.unread import PageReader

CLOUD_EDITIONS = frozenset({"Serenity", "GE"})
_READ_WHOLE = {"categories": read_categories, "family_variants": read_family_variants}
"""Collections of the structure; the PIM filters none of them by what it filters products by."""


class AkeneoSource:
    """See ``sync_engine.sdk.source.Source``.

    Args:
        client: makes the calls; is closed with the source.
    """

    def __init__(self, client: PimClient) -> None:
        self._client = client
        self._linked = LinkedRecords(client)
        self._attributes = Attributes(client, self._linked)
        self._families = FamilyTree(client)
        self.catalogs = AppCatalogs(client)
        self._mapped = MappedProducts(client, self.catalogs)
        settings = client.settings
        self._edition: str | None = None
        self._planner = Planner(
            where=client.where,
            attributes=self._attributes,
            tree_of=self._tree_of,
            in_cloud=self._in_cloud,
            page_size=settings.page_size,
            timezone=settings.server_timezone,
        )
        self._changes = Changes(client, self._planner, self._linked)

    @property
    def requests(self) -> int:
        """Requests sent to the PIM so far."""
        return self._client.requests

    @property
    def ahead(self) -> timedelta:
        """How much the PIM's clock shows more than ours."""
        return self._client.ahead

    def describe(
        self,
        attributes: Collection[str] | None = None,
        labelled: Collection[str] = (),
        currencies: Collection[str] = (),
    ) -> SourceSchema:
        """Read the structure; see ``schema.read_schema``."""
        return read_schema(self._client, self._attributes, attributes, labelled, currencies)

    def version(self) -> str:
        """Edition and version of the PIM."""
        return " ".join(read_system(self._client).values())

    def unsupported(self, collection: str, criterion: Criterion) -> str | None:
        """Why neither the PIM nor the engine can evaluate a criterion; None if one of them can."""
        described = COLLECTIONS.get(collection)
        if described is None:
            return f'there is no collection "{collection}"'
        attribute = described.properties.get(criterion.field)
        if attribute is None and described.has_attributes:
            attribute = self._attributes.get((criterion.field,)).get(criterion.field)
        if attribute is None:
            return f'{collection} have no attribute or property "{criterion.field}"'
        operators = OPERATORS.get(attribute.kind, {})
        if not operators:
            return f'"{criterion.field}" cannot be filtered on: its type is {attribute.native_type}'
        if criterion.operator not in operators:
            return f'"{criterion.field}" has no operator {criterion.operator}; it has {", ".join(operators)}'
        return None

    def pushdown(self, query: Query) -> Pushdown:
        """Decide what the PIM evaluates; asks the PIM only for attributes that it has not described yet."""
        return self._mapped.plan(query) if query.collection == MAPPED else self._planner.plan(query)

    def changed(self, query: Query, since: datetime, also: Sequence[Criterion] = ()) -> Pushdown | str:
        """See ``changed.Changes.reading``."""
        return self._changes.reading(query, since, also)

    def read(self, partition: Partition, cursor: str | None = None) -> Iterator[Page]:
        """Pages of a partition; the next page is asked for while the caller works on this one.

        Raises:
            Unavailable, Unauthorised, Refused, BrokenContract: the partition was not read completely.
        """
        request = partition.request
        collection = str(request["collection"])
        properties = frozenset(_codes(request["properties"]) or ())
        if collection == MAPPED:
            yield from self._mapped.read(partition, cursor)
            return
        if collection in _READ_WHOLE:
            yield from _READ_WHOLE[collection](self._client, properties, cursor)
            return
        from_tree = self._families.properties(collection)
        asks_tree = collection == "products" and not from_tree.keys().isdisjoint(properties)
        identifier = self._attributes.identifier() if asks_tree or "identifier" in properties else None
        asked = _codes(request["attributes"]) or frozenset()
        known = self._attributes.get({code.partition(".")[0] for code in asked})
        locales, channels = _codes(request["locales"]), _codes(request["channels"])
        form = RecordForm(
            collection,
            tuple(sorted(properties)),
            identifier,
            tuple(known[code] for code in sorted(known)),
            {code: self._attributes.columns(code) for code in known},
            locales,
            channels,
        )
        through = self._through(asked)
        params = cast("Mapping[str, str]", request["params"])
        selection = cast("Mapping[str, Any] | None", request["selection"])
        if selection is None and not through and from_tree.keys().isdisjoint(properties):
            yield from self._read_later(form, params, cursor)
            return
        reader = RecordReader(form, self._client.misshapen, from_tree)
        linked = LinkedReader(self._linked, through, locales, channels)
        if selection is None:
            leaves = scroll(self._client, PATHS[collection], params, cursor)
        else:
            keys = self._selected(collection, selection, cursor)
            leaves = read_selected(self._client, collection, params, selection["search"], keys)
        for leaf in leaves:
            if asks_tree:
                self._families.prepare(leaf.items, identifier)
            yield Page(linked.filled(tuple(map(reader.record, leaf.items))), leaf.cursor)

    def _read_later(self, form: RecordForm, params: Mapping[str, str], cursor: str | None) -> Iterator[Page]:
        path = PATHS[form.collection]
        reader = PageReader(path, form, self._client)
        for body, following in scroll_unread(self._client, path, params, cursor):
            yield Page(Unread(body, reader), following)

    def open_media(self, media: MediaRef) -> AbstractContextManager[BinaryIO]:
        """The bytes of a file; see ``media.open_media``."""
        return open_media(self._client, media)

    def close(self) -> None:
        """Release connections; safe to repeat."""
        self._client.close()

    def check_catalog(self, catalog: str) -> str:
        """See ``sync_engine.sdk.source.KeepsCatalogs``."""
        found = self.catalogs.readable(catalog)
        return f'"{found.name}" ({found.id}), enabled'

    def describe_catalog(self, catalog: str, names: Collection[str]) -> Mapping[str, RecordCollection]:
        """See ``sync_engine.sdk.source.KeepsCatalogs``: it has its mapped products."""
        try:
            return {MAPPED: self._mapped.describe(catalog)}
        except Refused:
            if MAPPED in names:
                raise
            return {}

    def _selected(self, collection: str, selection: Mapping[str, Any], cursor: str | None) -> Iterator[str]:
        """Keys of the records that a catalog for apps selects, behind a cursor."""
        catalog, among = self.catalogs.readable(selection["catalog"]).id, selection["among"]
        found = self.catalogs.products(catalog, cursor if collection == "products" else None)
        if collection == "product_models":
            models = sorted(models_above(self._client, found, self._attributes.identifier()))
            found = (each for each in models if cursor is None or each > cursor)
        return found if among is None else (each for each in found if each.casefold() in among)

    def _through(self, codes: frozenset[str]) -> list[tuple[Attribute, Link]]:
        """Those attributes that are of linked records, each with where these are."""
        found = [each for each in self._attributes.get(sorted(codes)).values() if each.through]
        return [(each, link) for each in found if (link := self._attributes.link(each.through)) is not None]

    def _in_cloud(self) -> bool:
        if self._edition is None:
            self._edition = read_system(self._client).get("edition", "")
        return self._edition in CLOUD_EDITIONS

    def _tree_of(self, channel: str) -> str:
        for page in listing(self._client, "channels"):
            for item in page:
                if item.get("code") == channel and isinstance(item.get("category_tree"), str):
                    return str(item["category_tree"])
        raise Refused(f'{self._client.where}: there is no channel "{channel}" with a category tree')


def _codes(value: object) -> frozenset[str] | None:
    return None if value is None else frozenset(cast("list[str]", value))
