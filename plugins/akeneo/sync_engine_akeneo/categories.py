"""Categories with their place in the tree.

The whole list is read before the first record is given: root, level and path of a category need those above it.
"""

from __future__ import annotations

from collections.abc import Iterator

from sync_engine.sdk.errors import BrokenContract
from sync_engine.sdk.source import Page
from sync_engine_akeneo.client import PimClient
from sync_engine_akeneo.paging import Item, listing
from sync_engine_akeneo.records import Property, RecordForm, RecordReader

_FROM_TREE = {"root", "level", "path"}


def read_categories(client: PimClient, properties: frozenset[str], cursor: str | None) -> Iterator[Page]:
    """All categories, in the PIM's order.

    Args:
        client: makes the calls.
        properties: codes of the properties that are needed.
        cursor: number of records that were read before; None starts at the beginning.

    Raises:
        BrokenContract: a parent does not exist, or the tree has a cycle.
    """
    params = {"with_position": "true"} if "position" in properties else {}
    items = [item for page in listing(client, "categories", params) for item in page]
    parents = {str(item.get("code")): item.get("parent") for item in items}

    def path(item: Item) -> list[str]:
        """Codes from the root to the category."""
        codes: list[str] = []
        above: object = item.get("code")
        while above is not None:
            if above not in parents or above in codes:
                raise BrokenContract(f"{client.where}: category {item.get('code')!r} hangs in no tree")
            codes.append(str(above))
            above = parents[str(above)]
        return codes[::-1]

    places: dict[str, Property] = {
        "root": lambda item: path(item)[0],
        "level": lambda item: len(path(item)),
        "path": lambda item: "/".join(path(item)),
    }
    form = RecordForm("categories", tuple(sorted(properties)), None, (), {}, None, None)
    yield from RecordReader(form, client.misshapen, places).pages(items, cursor)
