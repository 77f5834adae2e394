"""How complete a product is for a channel and a locale, and the grade of its quality."""

from __future__ import annotations

from typing import Any

from sync_engine_sandbox.pim.state import PimState
from sync_engine_sandbox.pim.values import data_at

Json = dict[str, Any]
GRADES = ((90, "A"), (80, "B"), (70, "C"), (60, "D"))


def completeness(state: PimState, product: Json, channel: Json, locale: str) -> int | None:
    """The filled part of what the product's family requires, in whole percent rounded down; None without a family."""
    family = state.table("families").get(product["family"] or "")
    if family is None:
        return None
    return _share(state, product, family["attribute_requirements"].get(channel["code"], ()), channel, locale)


def completenesses(state: PimState, product: Json, scope: str | None, locales: frozenset[str] | None) -> list[Json]:
    """The rows of ``with_completenesses``: one for each channel and each of its locales.

    Args:
        state: the PIM.
        product: a product.
        scope: only this channel; None for all.
        locales: only these; None for all.
    """
    rows = [
        {"scope": channel["code"], "locale": locale, "data": completeness(state, product, channel, locale)}
        for channel, locale in _grid(state, scope, locales)
    ]
    return [row for row in rows if row["data"] is not None]


def quality_scores(state: PimState, entity: Json, scope: str | None, locales: frozenset[str] | None) -> list[Json]:
    """The rows of ``with_quality_scores``.

    The PIM's own rules (spelling, image size and so on) are not public. Here the grade tells how many of all the
    family's attributes are filled.
    """
    if state.table("families").get(entity["family"] or "") is None:
        return []
    return [
        {"scope": channel["code"], "locale": locale, "data": quality_score(state, entity, channel, locale)}
        for channel, locale in _grid(state, scope, locales)
    ]


def quality_score(state: PimState, entity: Json, channel: Json, locale: str) -> str | None:
    """The grade from A to E for one channel and locale; None without a family."""
    family = state.table("families").get(entity["family"] or "")
    if family is None:
        return None
    share = _share(state, entity, family["attributes"], channel, locale)
    return next((grade for floor, grade in GRADES if share >= floor), "E")


def _grid(state: PimState, scope: str | None, locales: frozenset[str] | None) -> list[tuple[Json, str]]:
    channels = [row for row in state.table("channels").values() if scope in {None, row["code"]}]
    return [
        (channel, locale)
        for channel in channels
        for locale in channel["locales"]
        if locales is None or locale in locales
    ]


def _share(state: PimState, entity: Json, codes: Any, channel: Json, locale: str) -> int:
    attributes = [state.table("attributes")[code] for code in codes if code in state.table("attributes")]
    required = [row for row in attributes if not row["available_locales"] or locale in row["available_locales"]]
    filled = sum(_is_filled(entity, row, channel, locale) for row in required)
    return 100 * filled // len(required) if required else 100


def _is_filled(entity: Json, attribute: Json, channel: Json, locale: str) -> bool:
    data = data_at(
        entity["values"],
        attribute["code"],
        locale if attribute["localizable"] else None,
        channel["code"] if attribute["scopable"] else None,
    )
    if data is None or data in ("", []):
        return False
    if attribute["type"] == "pim_catalog_price_collection":
        priced = {price["currency"] for price in data if price["amount"] is not None}
        return priced >= set(channel["currencies"])
    return not (attribute["type"] == "pim_catalog_metric" and data["amount"] is None)
