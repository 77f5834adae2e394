"""Product values: finding one, reducing them to what a call asks for, and inheriting them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sync_engine_sandbox.pim.state import PimState

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Reduction:
    """What a call wants to see of products (CONTRACTS A4, query parameters of products-uuid).

    Args:
        attributes: only these; None for all.
        locales: only these, and values without a locale; None for all.
        scope: only this channel, and values without a channel; None for all.
        options: add the option's labels as ``linked_data``.
        completenesses: add the completenesses.
        quality_scores: add the quality scores.
    """

    attributes: frozenset[str] | None = None
    locales: frozenset[str] | None = None
    scope: str | None = None
    options: bool = False
    completenesses: bool = False
    quality_scores: bool = False

    @property
    def keeps_values(self) -> bool:
        """Whether values are shown as they are stored."""
        return self.attributes is None and self.locales is None and self.scope is None and not self.options


def data_at(values: Json, attribute: str, locale: str | None, scope: str | None) -> Any:
    """The data of one value, or None when there is none."""
    for entry in values.get(attribute, ()):
        if entry["locale"] == locale and entry["scope"] == scope:
            return entry["data"]
    return None


def reduce_values(state: PimState, values: Json, wanted: Reduction) -> Json:
    """The values that a call wants to see; the stored ones are not touched."""
    shown: Json = {}
    for code, entries in values.items():
        if wanted.attributes is not None and code not in wanted.attributes:
            continue
        kept = [entry for entry in entries if _wanted(entry, wanted)]
        if wanted.options:
            kept = [_with_option(state, code, entry) for entry in kept]
        if kept:
            shown[code] = kept
    return shown


def level_attributes(state: PimState, family: str | None, variant: str | None, level: int) -> frozenset[str]:
    """The attributes that one level of a family variant holds itself.

    Args:
        state: the PIM.
        family: the family's code.
        variant: the family variant's code.
        level: 0 for what all variants have in common, then 1 and 2.
    """
    row = state.table("family-variants", family or "").get(variant or "")
    sets = {part["level"]: part for part in row["variant_attribute_sets"]} if row else {}
    if level:
        part = sets.get(level, {})
        return frozenset(part.get("attributes", ())) | frozenset(part.get("axes", ()))
    split = {code for part in sets.values() for code in (*part["attributes"], *part["axes"])}
    known = state.table("families").get(family or "", {}).get("attributes", ())
    return frozenset(known) - split


def model_level(state: PimState, model: Json | None) -> int:
    """The level of an entity's parent plus one: 0 for a root model, 1 below it, 2 below that."""
    level = 0
    while model is not None:
        level += 1
        model = state.models.get(model["parent"]) if model["parent"] else None
    return level


def inherit(own: Json, before: Json | None, parent: Json, held: Collection[str]) -> Json:
    """A descendant with what its parent gives it.

    Args:
        own: the descendant.
        before: the parent as it was, or None when the descendant is new below it.
        parent: the parent as it is, its own inherited values included.
        held: the attributes that the descendant holds itself.
    """
    values = {code: entries for code, entries in own["values"].items() if code in held}
    given = {code: entries for code, entries in parent["values"].items() if code not in held}
    mine = set(own["categories"]) - set(before["categories"] if before else ())
    merged = {**given, **values}
    return {
        **own,
        "values": {code: merged[code] for code in sorted(merged)},
        "categories": sorted(mine | set(parent["categories"])),
    }


def spread(state: PimState, before: Json, model: Json) -> None:
    """Give a changed model's values to its descendants; their own ``updated`` stays (CONTRACTS A8.3)."""
    level = model_level(state, model)
    held = level_attributes(state, model["family"], model["family_variant"], level)
    for code in state.models.children_of(model["code"]):
        old = state.models.by_key[code]
        new = inherit(old, before, model, held)
        state.save_model(new)
        spread(state, old, new)
    for uuid in state.products.children_of(model["code"]):
        state.save_product(inherit(state.products.by_key[uuid], before, model, held))


def _wanted(entry: Json, wanted: Reduction) -> bool:
    if wanted.scope is not None and entry["scope"] not in {None, wanted.scope}:
        return False
    return wanted.locales is None or entry["locale"] is None or entry["locale"] in wanted.locales


def _with_option(state: PimState, attribute: str, entry: Json) -> Json:
    kind = state.table("attributes").get(attribute, {}).get("type")
    if kind == "pim_catalog_simpleselect":
        return {**entry, "linked_data": _option(state, attribute, entry["data"])}
    if kind == "pim_catalog_multiselect":
        options = {code: _option(state, attribute, code) for code in entry["data"]}
        return {**entry, "linked_data": options}
    return entry


def _option(state: PimState, attribute: str, code: str) -> Json | None:
    option = state.table("attribute-options", attribute).get(code)
    return {"attribute": attribute, "code": code, "labels": option["labels"]} if option else None
