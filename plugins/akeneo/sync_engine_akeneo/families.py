"""What a product does not say itself: the models above it, and the axes of its family variant.

Asked for only when a query needs it, a page's parents in one call, and remembered as long as the source is open.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import NamedTuple
from urllib.parse import quote

from sync_engine.sdk.errors import BrokenContract, Refused
from sync_engine_akeneo.client import PimClient
from sync_engine_akeneo.paging import PAGE_SIZE, Item, chunks, listing, scroll
from sync_engine_akeneo.records import Property
from sync_engine_akeneo.wire import Malformed, elements, members, text, texts


class _Model(NamedTuple):
    parent: str | None
    variant: tuple[str, str]  # family, family variant


class FamilyTree:
    """Models and family variants of a PIM; threads share it.

    Args:
        client: makes the calls.
    """

    def __init__(self, client: PimClient) -> None:
        self._client = client
        self._models: dict[str, _Model] = {}
        self._axes: dict[tuple[str, str], tuple[tuple[str, ...], ...]] = {}
        self._families: set[str] = set()

    def prepare(self, items: Iterable[Item], identifier: str | None) -> None:
        """Ask for the models above these products, and for the variants of their families.

        Args:
            items: products or models of one page.
            identifier: attribute to restrict the models' values to, so that the answer is small.

        Raises:
            Refused: a model is not shown to this user.
        """
        parents = {text(each["parent"]) for each in items if each.get("uuid") and each.get("parent") is not None}
        unknown = sorted(parents - self._models.keys())
        for chunk in chunks(unknown):
            self._read_models(chunk, identifier)
        hidden = [code for code in unknown if code not in self._models]
        if hidden:
            raise Refused(
                f'{self._client.where}: products have the parent "{hidden[0]}", which the PIM does not show',
                hint="Give the connection's user the permission to see all product models of these products.",
            )

    def root_parent(self, item: Item) -> str | None:
        """Code of the top model above a product."""
        if item.get("parent") is None:
            return None
        if isinstance(item.get("root_parent"), str):
            return text(item["root_parent"])
        parent = text(item["parent"])
        return self._models[parent].parent or parent

    def product_axes(self, item: Item) -> tuple[str, ...]:
        """Attributes in which a variant differs from its siblings: the lowest level of its family variant."""
        if item.get("parent") is None:
            return ()
        return self._levels(self._models[text(item["parent"])].variant)[-1]

    def model_axes(self, item: Item) -> tuple[str, ...]:
        """Attributes in which the direct children of a model differ."""
        variant = (text(item.get("family")), text(item.get("family_variant")))
        levels = self._levels(variant)
        return levels[0] if item.get("parent") is None else levels[-1]

    def properties(self, collection: str) -> Mapping[str, Property]:
        """How the properties that need this are read."""
        if collection == "products":
            return {"axes": self.product_axes, "root_parent": self.root_parent}
        return {"axes": self.model_axes}

    def _read_models(self, codes: list[str], identifier: str | None) -> None:
        search = json.dumps({"identifier": [{"operator": "IN", "value": codes}]}, separators=(",", ":"))
        params = {"search": search, "limit": str(PAGE_SIZE)} | ({"attributes": identifier} if identifier else {})
        for leaf in scroll(self._client, "product-models", params):
            for item in leaf.items:
                try:
                    parent = None if item.get("parent") is None else text(item["parent"])
                    variant = (text(item.get("family")), text(item.get("family_variant")))
                    self._models[text(item.get("code"))] = _Model(parent, variant)
                except Malformed as error:
                    raise self._client.misshapen(f"product model {item.get('code')!r}", error) from None

    def _levels(self, variant: tuple[str, str]) -> tuple[tuple[str, ...], ...]:
        """Axes of each level of a family variant, the upper one first."""
        family, code = variant
        if family not in self._families:
            for item in variants_of(self._client, family):
                try:
                    self._axes[family, text(item.get("code"))] = axes_by_level(item)
                except Malformed as error:
                    raise self._client.misshapen(f"family variant {item.get('code')!r}", error) from None
            self._families.add(family)
        found = self._axes.get(variant)
        if not found:
            raise BrokenContract(f'{self._client.where}: family "{family}" has no variant "{code}" with axes')
        return found


def variants_of(client: PimClient, family: str) -> list[Item]:
    """The variants of a family as the PIM sends them, by code."""
    path = f"families/{quote(family, safe='')}/variants"
    return [item for page in listing(client, path) for item in page]


def axes_by_level(item: Item) -> tuple[tuple[str, ...], ...]:
    """Axes of each level of a family variant, the upper one first.

    Raises:
        Malformed: it has not the documented shape.
    """
    levels = [members(each) for each in elements(item.get("variant_attribute_sets"))]
    by_level = {str(each.get("level")): texts(each.get("axes")) for each in levels}
    return tuple(by_level[level] for level in sorted(by_level))
