"""The category trees: order, children, and what lies below a category."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sync_engine_sandbox.pim.state import PimState

Json = dict[str, Any]


def tree_order(state: PimState) -> list[Json]:
    """All categories, trees one after the other, each depth first."""
    children = _children(state)
    ordered: list[Json] = []
    waiting = list(reversed(children.get(None, [])))
    while waiting:
        row = waiting.pop()
        ordered.append(row)
        waiting.extend(reversed(children.get(row["code"], [])))
    return ordered


def with_descendants(state: PimState, codes: Iterable[str]) -> frozenset[str]:
    """The given categories and everything below them."""
    children = _children(state)
    found: set[str] = set()
    waiting = list(codes)
    while waiting:
        code = waiting.pop()
        if code not in found:
            found.add(code)
            waiting.extend(row["code"] for row in children.get(code, []))
    return frozenset(found)


def _children(state: PimState) -> dict[str | None, list[Json]]:
    children: dict[str | None, list[Json]] = {}
    for row in state.table("categories").values():
        children.setdefault(row["parent"], []).append(row)
    for rows in children.values():
        rows.sort(key=lambda row: row.get("position", 0))
    return children
