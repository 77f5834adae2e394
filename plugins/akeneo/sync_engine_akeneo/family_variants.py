"""Family variants, with the axes of all their levels in order.

The PIM lists them family by family, and none says itself of which family it is. Their codes are unique in the PIM.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sync_engine.sdk.source import Page
from sync_engine_akeneo.client import PimClient
from sync_engine_akeneo.families import axes_by_level, variants_of
from sync_engine_akeneo.paging import Item, listing
from sync_engine_akeneo.records import Property, RecordForm, RecordReader
from sync_engine_akeneo.wire import Malformed, text

_FROM_LEVELS: Mapping[str, Property] = {
    "axes": lambda item: tuple(axis for level in axes_by_level(item) for axis in level),
    "levels": lambda item: len(axes_by_level(item)),
}


def read_family_variants(client: PimClient, properties: frozenset[str], cursor: str | None) -> Iterator[Page]:
    """All family variants, by family and code; several families are asked for at a time.

    Args:
        client: makes the calls.
        properties: codes of the properties that are needed.
        cursor: number of records that were read before; None starts at the beginning.
    """

    def variants(family: str) -> list[Item]:
        return [{**item, "family": family} for item in variants_of(client, family)]

    items = [item for found in client.each(variants, _families(client)) for item in found]
    form = RecordForm("family_variants", tuple(sorted(properties)), None, (), {}, None, None)
    yield from RecordReader(form, client.misshapen, _FROM_LEVELS).pages(items, cursor)


def _families(client: PimClient) -> list[str]:
    try:
        return [text(item.get("code")) for page in listing(client, "families") for item in page]
    except Malformed as error:
        raise client.misshapen("the list of families", error) from None
