"""Catalogs for apps: what an app may do with them, and what only a person at the PIM's screen may (CONTRACTS A9)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

from sync_engine_sandbox.pim.errors import ApiError
from sync_engine_sandbox.pim.search import check_locales, compile_search, narrowed
from sync_engine_sandbox.pim.state import PimState

Json = dict[str, Any]
MAX_CATALOGS = 200
MAX_CRITERIA = 25
ENABLED_ONLY = {"field": "enabled", "operator": "=", "value": True}
"""The product selection of a new catalog."""


def new_catalog(state: PimState, name: str, locales: list[str], currencies: list[str]) -> Json:
    """Make a catalog, disabled.

    Returns:
        The row: what the API shows of it, and under names that begin with ``_`` what only the screens show.
    """
    row: Json = {
        "id": str(uuid4()),
        "name": name,
        "enabled": False,
        "managed_currencies": currencies,
        "managed_locales": locales,
        "_criteria": [ENABLED_ONLY],
        "_schema": None,
        "_mapping": {},
        "_values": {},
    }
    state.app_catalogs[row["id"]] = row
    return row


def set_up(
    state: PimState,
    identifier: str,
    *,
    enabled: bool = True,
    criteria: list[Json] | None = None,
    mapping: dict[str, Json] | None = None,
    values: dict[str, list[str]] | None = None,
) -> None:
    """Do what a person does at ``/connect/apps/v1/catalogs/{id}``; what is None stays as it is.

    Args:
        state: the PIM.
        identifier: of the catalog.
        enabled: the switch.
        criteria: the product selection: each ``{field, operator, value, scope, locale}``; all must hold.
        mapping: where each target of the schema comes from: ``{source, locale, scope, parameters}``, or ``{default}``.
        values: which values the app may see: codes under ``channels`` and ``locales``.

    Raises:
        KeyError: there is no such catalog.
        ValueError: there are too many criteria, or one that cannot be evaluated.
    """
    with state.lock:
        row = state.app_catalogs[identifier]
        if criteria is not None:
            if len(criteria) > MAX_CRITERIA:
                raise ValueError(f"a product selection has {MAX_CRITERIA} criteria at most")
            try:
                _compiled(state, criteria)
            except ApiError as error:
                raise ValueError(error.message) from error
            row["_criteria"] = criteria
        row["_mapping"] = row["_mapping"] if mapping is None else mapping
        row["_values"] = row["_values"] if values is None else values
        row["enabled"] = enabled


def settle(state: PimState, row: Json) -> Json:
    """The catalog, switched off by the PIM when something that its selection names is gone."""
    if row["enabled"]:
        try:
            _compiled(state, row["_criteria"])
        except ApiError:
            row["enabled"] = False
    return row


def selected(state: PimState, row: Json, cursor: str = "", after: str = "", before: str = "") -> Iterator[str]:
    """Keys of the products that a catalog selects, in order, behind a cursor.

    Args:
        state: the PIM.
        row: the catalog.
        cursor: a key; "" for the beginning.
        after: products whose own ``updated`` is later than this, as the API prints it in UTC; "" for all.
        before: likewise, earlier.
    """
    search, tests = _compiled(state, row["_criteria"])
    now = state.settings.clock()
    keys = narrowed(state, search)
    for key in state.products.keys_after(cursor) if keys is None else (each for each in keys if each > cursor):
        product = state.products.indexed(key, now)
        if product is None or (after and product["updated"] <= after) or (before and product["updated"] >= before):
            continue
        if all(test(product) for test in tests):
            yield key


def visible(row: Json, product: Json) -> Json:
    """A product with those of its values that the catalog lets the app see."""
    channels, locales = row["_values"].get("channels"), row["_values"].get("locales")
    if not channels and not locales:
        return product
    values = {
        code: kept
        for code, entries in product["values"].items()
        if (kept := [each for each in entries if _shown(each["scope"], channels) and _shown(each["locale"], locales)])
    }
    return {**product, "values": values}


def _shown(code: str | None, wanted: list[str] | None) -> bool:
    return code is None or not wanted or code in wanted


def _compiled(state: PimState, criteria: list[Json]) -> tuple[dict[str, list[Json]], list[Any]]:
    search: dict[str, list[Json]] = {}
    for each in criteria:
        search.setdefault(each["field"], []).append({name: each[name] for name in each if name != "field"})
    check_locales(state, search, None)
    for each in criteria:
        if each.get("scope") and each["scope"] not in state.table("channels"):
            raise ApiError(422, f'Scope "{each["scope"]}" does not exist.')
    return search, compile_search(state, search, models=False)
