"""From a query to requests: what the PIM evaluates itself, and nothing asked for that is not needed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import quote
from zoneinfo import ZoneInfo

import orjson

from sync_engine.sdk.errors import Refused
from sync_engine.sdk.filters import AllOf, AnyOf, Criterion, Filter, Not
from sync_engine.sdk.source import Attribute, Kind, Partition, Pushdown, Query
from sync_engine_akeneo.attributes import Attributes
from sync_engine_akeneo.criteria import CLOUD_ONLY, NEEDS_TREE, NotExpressible, condition, filter_property
from sync_engine_akeneo.kinds import COLLECTIONS
from sync_engine_akeneo.paging import LONGEST_PARAMETER, MOST_CODES
from sync_engine_akeneo.values import USABLE

Search = dict[str, list[dict[str, object]]]


@dataclass(frozen=True, slots=True)
class Needs:
    """What the records must carry.

    Attributes:
        attributes: the attributes, by code.
        properties: codes of the properties.
        locales: locales whose values are needed; None means all.
        channels: channels whose values are needed; None means all.
    """

    attributes: Mapping[str, Attribute]
    properties: frozenset[str]
    locales: frozenset[str] | None
    channels: frozenset[str] | None


@dataclass(frozen=True, slots=True)
class Planner:
    """Plans queries for one PIM.

    Attributes:
        where: the connection, for messages.
        attributes: knows the attributes; asks the PIM only for those that a query names.
        tree_of: category tree of a channel.
        in_cloud: whether the PIM runs in Akeneo's cloud, whose filters know more.
        page_size: records in a page.
        timezone: in which the PIM reads the dates and times of filters.
    """

    where: str
    attributes: Attributes
    tree_of: Callable[[str], str]
    in_cloud: Callable[[], bool]
    page_size: int
    timezone: ZoneInfo

    def plan(self, query: Query) -> Pushdown:
        """Decide what the PIM evaluates, and how the records are asked for.

        One partition: the PIM's cursor is sequential, so several would have to be made by criteria of their own.

        Raises:
            Refused: the query names a collection, an attribute or a property that does not exist.
        """
        known = self._known(query)
        pushed: list[Filter] = []
        residual: list[Filter] = []
        search: Search = {}
        for filter_ in flat(query.filters):
            said = self._said(filter_, query, known)
            if said is None or (_too_long(search, said, query) and said[1]["operator"] not in NEEDS_TREE):
                residual.append(filter_)
            else:
                pushed.append(filter_)
                search.setdefault(said[0], []).append(said[1])
        needs = _needs(query, residual, known)
        described = COLLECTIONS[query.collection]
        params = self._params(query, search, needs) if described.has_attributes else {}
        request = {
            "collection": query.collection,
            "params": params,
            "attributes": sorted(needs.attributes),
            "properties": sorted(needs.properties),
            "selection": _selection(query, search) if query.source_catalog and described.has_attributes else None,
            "locales": None if needs.locales is None else sorted(needs.locales),
            "channels": None if needs.channels is None else sorted(needs.channels),
        }
        return Pushdown(tuple(pushed), tuple(residual), (Partition(query.collection, request),))

    def _known(self, query: Query) -> dict[str, Attribute]:
        """Everything the query names, by code."""
        collection = COLLECTIONS.get(query.collection)
        if collection is None:
            raise Refused(f'{self.where}: there is no collection "{query.collection}"')
        named = query.attributes | query.properties | {each.field for each in criteria(query.filters)}
        known = dict(collection.properties)
        codes = named - known.keys()
        if codes and collection.has_attributes:
            known |= self.attributes.get(codes)
        unknown = sorted(named - known.keys())
        if unknown:
            raise Refused(
                f'{self.where}: {query.collection} have no attribute or property "{unknown[0]}"',
                hint="Was it deleted or renamed in the PIM, or hidden from the connection's user?",
            )
        return known

    def _said(
        self, filter_: Filter, query: Query, known: Mapping[str, Attribute]
    ) -> tuple[str, dict[str, object]] | None:
        """A filter as property and condition of ``search``; None when the PIM cannot evaluate it.

        It searches products and models only; what else is read are whole lists.
        """
        if not isinstance(filter_, Criterion) or not COLLECTIONS[query.collection].has_attributes:
            return None
        if (query.collection, filter_.field, filter_.operator) in CLOUD_ONLY and not self.in_cloud():
            return None
        attribute = known[filter_.field]
        main = self.attributes.identifier() if filter_.field == "identifier" else None
        name = filter_property(query.collection, attribute, filter_.operator, main)
        if name is None or _too_many(filter_, attribute, name):
            return None
        try:
            return name, condition(filter_, attribute, query, self.timezone)
        except NotExpressible:
            return None

    def _params(self, query: Query, search: Search, needs: Needs) -> dict[str, str]:
        params = {"limit": str(self.page_size)}
        if query.only_channel_tree and query.channel:
            # `scope` also hides the values of all other channels.
            if needs.channels is not None and needs.channels <= {query.channel}:
                params["scope"] = query.channel
            else:
                tree = self.tree_of(query.channel)
                search.setdefault("categories", []).append({"operator": "IN CHILDREN", "value": [tree]})
        if search:
            params["search"] = orjson.dumps(search).decode()
        asked = {each.through or each.code for each in needs.attributes.values()}
        if "identifier" in needs.properties:
            asked |= {code for code in (self.attributes.identifier(),) if code}
        if not asked:
            asked |= {code for code in (self.attributes.smallest(),) if code}
        listed = ",".join(sorted(asked))
        if listed and len(quote(listed)) <= LONGEST_PARAMETER:  # else all are read
            params["attributes"] = listed
        if needs.locales and any(each.localizable for each in needs.attributes.values()):
            params["locales"] = ",".join(sorted(needs.locales))
        if "completeness" in needs.properties:
            params["with_completenesses"] = "true"
        if "quality_score" in needs.properties:
            params["with_quality_scores"] = "true"
        return params


def flat(filters: Iterable[Filter]) -> Iterator[Filter]:
    """The same conditions without ``AllOf`` at the top."""
    for filter_ in filters:
        if isinstance(filter_, AllOf):
            yield from flat(filter_.filters)
        else:
            yield filter_


def criteria(filters: Iterable[Filter]) -> Iterator[Criterion]:
    """Every criterion in the filters, however deep."""
    for filter_ in filters:
        match filter_:
            case Criterion():
                yield filter_
            case AllOf() | AnyOf():
                yield from criteria(filter_.filters)
            case Not():
                yield from criteria((filter_.filter,))


def _needs(query: Query, residual: Iterable[Filter], known: Mapping[str, Attribute]) -> Needs:
    """What the query needs, and what the engine needs to evaluate the filters that are left to it."""
    codes = query.attributes | query.properties
    locales: set[str] | None = set(query.locales)
    channels: set[str] | None = set(query.channels)
    for each in criteria(residual):
        codes |= {each.field}
        attribute = known[each.field]
        if attribute.localizable:
            locales = _with(locales, (each.locale,) if each.locale else each.locales)
        if attribute.scopable:
            channel = each.channel or query.channel
            channels = _with(channels, (channel,) if channel else ())
    return Needs(
        attributes={code: known[code] for code in codes if not known[code].is_property and known[code].kind in USABLE},
        properties=frozenset(code for code in codes if known[code].is_property),
        locales=None if locales is None else frozenset(locales),
        channels=None if channels is None else frozenset(channels),
    )


def _with(some: set[str] | None, more: tuple[str, ...]) -> set[str] | None:
    """Both together; None, which means all, when it is not said which more are needed."""
    return None if some is None or not more else some | set(more)


def _too_many(criterion: Criterion, attribute: Attribute, name: str) -> bool:
    """Whether a list of identifiers is longer than the PIM takes."""
    limited = name in ("uuid", "identifier") or attribute.kind is Kind.IDENTIFIER
    return limited and isinstance(criterion.value, tuple | list) and len(criterion.value) > MOST_CODES


def _too_long(search: Search, said: tuple[str, dict[str, object]], query: Query) -> bool:
    """Whether ``search`` with another condition would not fit into an address, beside keys where these are named."""
    longest = LONGEST_PARAMETER // 2 if query.source_catalog else LONGEST_PARAMETER
    return len(quote(orjson.dumps([search, said]))) > longest


def _selection(query: Query, search: Search) -> dict[str, object]:
    """What of a catalog for apps is read: the catalog, the conditions beside it, and the only keys that can pass."""
    named = among(query.filters, COLLECTIONS[query.collection].key)
    return {"catalog": query.source_catalog, "search": search, "among": named}


def among(filters: Iterable[Filter], key: str) -> set[str] | None:
    """The only keys, in small letters, that can pass; None where the filters name none."""
    named = [
        {str(value).casefold() for value in each.value}
        for each in flat(filters)
        if isinstance(each, Criterion) and (each.field, each.operator) == (key, "IN") and isinstance(each.value, tuple)
    ]
    return set.intersection(*named) if named else None
