"""Filters of the lists other than products (CONTRACTS A7.4)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from sync_engine_sandbox.pim.categories import with_descendants
from sync_engine_sandbox.pim.conditions import expected, strings
from sync_engine_sandbox.pim.errors import refused
from sync_engine_sandbox.pim.state import PimState

Json = dict[str, Any]
Predicate = Callable[[Json], bool]
OPERATORS = {
    "code": {"IN"},
    "type": {"IN"},
    "updated": {">"},
    "is_main_identifier": {"="},
    "has_products": {"="},
    "parent": {"="},
    "is_root": {"="},
    "enabled": {"="},
}


def structure_filter(state: PimState, name: tuple[str, ...], prop: str, criterion: Json) -> Predicate:
    """The filter of one criterion on a list of a table's rows.

    Raises:
        ApiError: 422, the value has the wrong type.
    """
    value = criterion.get("value")
    if prop in {"code", "type"}:
        wanted = set(strings(prop, value))
        return lambda row: row[prop] in wanted
    if prop == "updated":
        since = iso_moment(prop, value)
        return lambda row: datetime.fromisoformat(state.updated_of(name, row)) > since
    if prop == "parent":
        if not isinstance(value, str):
            raise expected(prop, "a string", value)
        below = with_descendants(state, [value]) - {value}
        return lambda row: row["code"] in below
    if not isinstance(value, bool):
        raise expected(prop, "a boolean", value)
    if prop == "is_root":
        return lambda row: (row["parent"] is None) == value
    if prop == "has_products":
        used = {product["family"] for product in state.products.by_key.values()}
        return lambda row: (row["code"] in used) == value
    return lambda row: bool(row.get(prop, False)) == value


def iso_moment(prop: str, value: Any) -> datetime:
    """A time in ISO 8601, as every list but products wants it; without a zone it is the server's.

    Raises:
        ApiError: 422, it is not one.
    """
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise refused(
            f'Property "{prop}" expects a string with the ISO 8601 format as data, "{value}" given.'
        ) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
