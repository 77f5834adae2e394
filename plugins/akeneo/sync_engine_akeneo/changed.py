"""What may have changed since a moment: records that were saved since then, and those that depend on what was.

Saving a model leaves `updated` of its variants as it is, so these are asked for by their parents; saving a record of a
reference entity or an asset leaves that of the products that link to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from sync_engine.sdk.filters import Criterion
from sync_engine.sdk.source import Pushdown, Query
from sync_engine_akeneo.client import PimClient
from sync_engine_akeneo.kinds import COLLECTIONS
from sync_engine_akeneo.linked import LinkedRecords
from sync_engine_akeneo.paging import LONGEST_PARAMETER, chunks, page_items, scroll
from sync_engine_akeneo.query import Planner, criteria
from sync_engine_akeneo.selected import PATHS

MODELS = "product_models"
OWN = frozenset(
    {
        *("uuid", "identifier", "code", "enabled", "family", "family_variant", "categories", "groups", "parent"),
        *("created", "updated", "root_parent", "axes", "completeness"),
    }
)
"""Properties that nothing but a change of the record, of a model above, or of what the structure says changes.

Axes never change at all; what families require, on which completeness depends, is described (``Option.requires``).
"""


class Changes:
    """What has changed in a PIM; it is asked once for what several queries want to know.

    Args:
        client: makes the calls.
        planner: plans queries.
        linked: knows the linked records.
    """

    def __init__(self, client: PimClient, planner: Planner, linked: LinkedRecords) -> None:
        self._client = client
        self._planner = planner
        self._linked = linked
        self._models: dict[datetime, tuple[str, ...]] = {}
        self._products: dict[datetime, bool] = {}

    def reading(self, query: Query, since: datetime, also: Sequence[Criterion]) -> Pushdown | str:
        """See ``sync_engine.sdk.source.TellsChanges.changed``."""
        if query.collection not in ("products", MODELS):
            return f"the PIM does not tell which {query.collection} have changed"
        if query.source_catalog:
            return "products enter and leave what a catalog of the PIM selects without being saved"
        named = {each.field for each in criteria(query.filters)}
        properties = query.properties | (named & COLLECTIONS[query.collection].properties.keys())
        if others := sorted(properties - OWN):
            return f"the PIM does not tell when {others[0]} changes"
        saved = Criterion("updated", ">", since)
        first = self._planner.plan(_with(query, saved))
        if saved not in first.pushed:
            return "the PIM cannot evaluate all of it at once"
        dependent = [*also, Criterion("parent", "IN", self._changed_models(since))]
        dependent += self._linking(query, query.attributes | (named - properties), since)
        partitions = list(first.partitions) if self._some_saved(query.collection, since) else []
        for each in dependent:
            for codes in _portions(each.value):  # type: ignore[arg-type] # a list of codes
                found = self._planner.plan(_with(query, replace(each, value=codes)))
                if found.residual != first.residual:
                    return f"the PIM cannot look for {each.field}"
                partitions += found.partitions
        return Pushdown(first.pushed, first.residual, tuple(partitions))

    def _linking(self, query: Query, codes: frozenset[str], since: datetime) -> Iterator[Criterion]:
        """Records that link to something that was saved, where an attribute of that is read."""
        known = self._planner.attributes.get(codes).values()
        for code in sorted({each.through for each in known if each.through}):
            attribute, link = self._planner.attributes.get([code])[code], self._planner.attributes.link(code)
            saved = self._linked.changed(link, since.astimezone(self._planner.timezone)) if link else ()
            yield from query.holding(attribute, saved)

    def _changed_models(self, since: datetime) -> tuple[str, ...]:
        """Codes of the models that were saved since, and of those below them."""
        if since not in self._models:
            found = dict.fromkeys(self._codes(Criterion("updated", ">", since)))
            # There are two levels of models at most, so once down is all the way.
            for codes in _portions(list(found)):
                found.update(dict.fromkeys(self._codes(Criterion("parent", "IN", codes))))
            self._models[since] = tuple(found)
        return self._models[since]

    def _some_saved(self, collection: str, since: datetime) -> bool:
        """Whether any record of a collection was saved since; if none was, no query has to be asked."""
        if collection == MODELS:
            return bool(self._changed_models(since))
        if since not in self._products:
            path, params = self._asking(collection, Criterion("updated", ">", since))
            page = self._client.fetch(path, {**params, "limit": "1", "pagination_type": "search_after"})
            self._products[since] = bool(page_items(self._client, path, page))
        return self._products[since]

    def _codes(self, criterion: Criterion) -> Iterator[str]:
        for leaf in scroll(self._client, *self._asking(MODELS, criterion)):
            yield from (str(item["code"]) for item in leaf.items)

    def _asking(self, collection: str, criterion: Criterion) -> tuple[str, Mapping[str, str]]:
        """Path and parameters of the records for which a criterion holds, without their values."""
        query = Query(collection, frozenset(), frozenset(), (), frozenset(), (criterion,))
        (partition,) = self._planner.plan(query).partitions
        return PATHS[collection], partition.request["params"]  # type: ignore[return-value] # made by the planner


def _with(query: Query, criterion: Criterion) -> Query:
    return replace(query, filters=(*query.filters, criterion))


def _portions(codes: Iterable[object]) -> Iterator[tuple[str, ...]]:
    """Codes in lists that leave room for the query's own filters."""
    return map(tuple, chunks(list(map(str, codes)), LONGEST_PARAMETER // 2))
