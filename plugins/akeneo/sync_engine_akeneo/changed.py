"""What may have changed since a moment: records that were saved since then, and those below models that were.

A model that is saved leaves `updated` of its variants as it is, so these are asked for by their parents. Options,
labels, families, linked records, completeness and quality change without any product being saved: what reads them
has to be read as a whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from sync_engine.sdk.filters import Criterion
from sync_engine.sdk.source import Pushdown, Query
from sync_engine_akeneo.client import PimClient
from sync_engine_akeneo.kinds import COLLECTIONS
from sync_engine_akeneo.paging import LONGEST_PARAMETER, chunks, scroll
from sync_engine_akeneo.query import Planner, criteria

MODELS = "product_models"
OWN = frozenset(
    {
        *("uuid", "identifier", "code", "enabled", "family", "family_variant", "categories", "groups", "parent"),
        *("created", "updated"),
    }
)
"""Properties that nothing but a change of the record itself changes."""


def changed_only(
    client: PimClient, planner: Planner, query: Query, since: datetime, also: Sequence[Criterion]
) -> Pushdown | None:
    """See ``sync_engine.sdk.source.TellsChanges.changed``."""
    if query.collection not in ("products", MODELS):
        return None
    named = {each.field for each in criteria(query.filters)}
    properties = query.properties | (named & COLLECTIONS[query.collection].properties.keys())
    known = planner.attributes.get(query.attributes | (named - properties))
    if not properties <= OWN or any(each.through for each in known.values()):
        return None
    saved = Criterion("updated", ">", since)
    first = planner.plan(_with(query, saved))
    if saved not in first.pushed:
        return None
    partitions = list(first.partitions)
    below = Criterion("parent", "IN", tuple(_changed_models(client, planner, since)))
    for each in (below, *also):
        for codes in _portions(each.value):  # type: ignore[arg-type] # a list of codes
            found = planner.plan(_with(query, replace(each, value=codes)))
            if found.residual != first.residual:
                return None
            partitions += found.partitions
    return Pushdown(first.pushed, first.residual, tuple(partitions))


def _with(query: Query, criterion: Criterion) -> Query:
    return replace(query, filters=(*query.filters, criterion))


def _changed_models(client: PimClient, planner: Planner, since: datetime) -> list[str]:
    """Codes of the models that were saved since, and of those below them."""
    found = dict.fromkeys(_codes(client, planner, Criterion("updated", ">", since)))
    # There are two levels of models at most, so once down is all the way.
    for codes in _portions(list(found)):
        found.update(dict.fromkeys(_codes(client, planner, Criterion("parent", "IN", codes))))
    return list(found)


def _codes(client: PimClient, planner: Planner, criterion: Criterion) -> Iterator[str]:
    asked = Query(MODELS, frozenset(), frozenset({"code"}), (), frozenset(), (criterion,))
    for partition in planner.plan(asked).partitions:
        params = partition.request["params"]
        for leaf in scroll(client, "product-models", params):  # type: ignore[arg-type] # made by the planner
            yield from (str(item["code"]) for item in leaf.items)


def _portions(codes: Iterable[object]) -> Iterator[tuple[str, ...]]:
    """Codes in lists that leave room for the query's own filters."""
    return map(tuple, chunks(list(map(str, codes)), LONGEST_PARAMETER // 2))
