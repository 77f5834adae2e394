"""Reading the products of a catalog for apps, and the models above them, by their keys.

The catalog only says which: `catalogs/{id}/products` gives products without completeness and quality, and only with
the values that a person lets the app see there, so that a hidden value would look like an empty one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future
from urllib.parse import quote

import orjson

from sync_engine.sdk.errors import BrokenContract
from sync_engine_akeneo.client import Parameters, PimClient
from sync_engine_akeneo.kinds import COLLECTIONS
from sync_engine_akeneo.paging import LONGEST_PARAMETER, MOST_CODES, Item, Leaf, chunks, page_items

PATHS = {"products": "products-uuid", "product_models": "product-models"}

_BY_KEY = {"products": "uuid", "product_models": "identifier"}
"""What the PIM's filters call the key."""
_SHORTEST = 500
"""Characters for keys that are left in an address however long the other conditions are."""


def read_selected(
    client: PimClient, collection: str, params: Parameters, search: Mapping[str, list[object]], keys: Iterable[str]
) -> Iterator[Leaf]:
    """Records with these keys that pass a search; several pages are under way at the same time.

    Args:
        client: makes the calls.
        collection: products or models.
        params: parameters of every call.
        search: the conditions beside the keys.
        keys: in order; the last one of a page is its cursor.

    Raises:
        BrokenContract: a page has another shape, or holds what was not asked for.
        Refused, Unauthorised, Unavailable: see ``PimClient.get``.
    """
    room = max(LONGEST_PARAMETER - len(quote(orjson.dumps(search))), _SHORTEST)
    waiting: deque[tuple[list[str], Parameters, Future[bytes]]] = deque()
    try:
        for chunk in chunks(keys, room):
            asked = _asked(params, search, _BY_KEY[collection], chunk)
            waiting.append((chunk, asked, client.start(PATHS[collection], asked)))
            if len(waiting) > client.settings.concurrency:
                yield _leaf(client, collection, *waiting.popleft())
        while waiting:
            leaf = _leaf(client, collection, *waiting.popleft())
            yield leaf if waiting else leaf._replace(cursor=None)
    finally:
        for *_, started in waiting:
            started.cancel()


def models_above(client: PimClient, products: Iterable[str], identifier: str | None) -> set[str]:
    """Codes of all models above products, of both levels."""
    small = {"attributes": identifier} if identifier else {}
    above = _parents(client, "products", small, products)
    # There are two levels of models at most, so once up is all the way.
    return above | _parents(client, "product_models", small, sorted(above))


def _parents(client: PimClient, collection: str, params: Parameters, keys: Iterable[str]) -> set[str]:
    leaves = read_selected(client, collection, params, {}, keys)
    return {str(item["parent"]) for leaf in leaves for item in leaf.items if item.get("parent")}


def _asked(params: Parameters, search: Mapping[str, list[object]], key: str, chunk: list[str]) -> Parameters:
    conditions = [*search.get(key, ()), {"operator": "IN", "value": chunk}]
    text = orjson.dumps({**search, key: conditions}).decode()
    return {**params, "search": text, "limit": str(MOST_CODES), "pagination_type": "search_after"}


def _leaf(client: PimClient, collection: str, chunk: list[str], asked: Parameters, started: Future[bytes]) -> Leaf:
    path = PATHS[collection]
    items = page_items(client, path, client.fetch(path, asked, started))
    wanted = {each.casefold() for each in chunk}
    if not all(_key(each, collection).casefold() in wanted for each in items):
        raise BrokenContract(f"{client.where}: the PIM gives {path} that were not asked for")
    return Leaf(items, chunk[-1])


def _key(item: Item, collection: str) -> str:
    return str(item.get(COLLECTIONS[collection].key))
