"""The ``search`` of records and assets (CONTRACTS A7.4)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from sync_engine_sandbox.pim.calls import ApiCall
from sync_engine_sandbox.pim.conditions import ORDERINGS, expected, strings
from sync_engine_sandbox.pim.errors import ApiError, refused
from sync_engine_sandbox.pim.state import PimState
from sync_engine_sandbox.pim.structure_search import iso_moment

Json = dict[str, Any]
Predicate = Callable[[Json], bool]


def item_filters(call: ApiCall, table: str, attributes: str) -> list[Predicate]:
    """The filters that the ``search`` of a call stands for.

    Args:
        call: a call on the list of an owner's items.
        table: of the items.
        attributes: table of the items' attributes.

    Raises:
        ApiError: 400 when the search is not JSON, 422 when it breaks a rule.
    """
    text = call.query.get("search")
    if text is None:
        return []
    try:
        search = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise ApiError(400, "Search query parameter should be valid JSON.") from None
    if not isinstance(search, dict):
        raise refused("Search query parameter has to be an object.")
    # The documentation writes `complete` as an object and the others as a list: both are read.
    return [
        _filter(call, table, attributes, prop, criterion)
        for prop, criteria in search.items()
        for criterion in (criteria if isinstance(criteria, list) else [criteria])
    ]


def _filter(call: ApiCall, table: str, attributes: str, prop: str, criterion: Json) -> Predicate:
    operator, value = criterion.get("operator"), criterion.get("value")
    if prop == "code" and operator == "IN":
        wanted = set(strings(prop, value))
        return lambda row: row["code"] in wanted
    if prop == "updated":
        return _updated_filter(call.state, (table, call.keys["owner"]), operator, value)
    if prop == "complete" and operator == "=" and isinstance(value, bool):
        known = call.state.table(attributes, call.keys["owner"])
        return lambda row: _is_complete(known, row, criterion) == value
    raise refused(f'Filter on property "{prop}" is not supported or does not support operator "{operator}"')


def _updated_filter(state: PimState, name: tuple[str, ...], operator: Any, value: Any) -> Predicate:
    def moment(row: Json) -> datetime:
        return datetime.fromisoformat(state.updated_of(name, row)).astimezone(UTC)

    if operator == "SINCE LAST N DAYS" and isinstance(value, int):
        since = state.settings.clock() - timedelta(days=value)
        return lambda row: moment(row) > since
    if operator in {"BETWEEN", "NOT BETWEEN"} and isinstance(value, list) and len(value) == 2:
        first, last = (iso_moment("updated", item) for item in value)
        return lambda row: (first <= moment(row) <= last) == (operator == "BETWEEN")
    if operator in {">", "<"}:
        wanted, holds = iso_moment("updated", value), ORDERINGS[operator]
        return lambda row: holds(moment(row), wanted)
    raise expected("updated", "a supported operator and a date in the ISO 8601 format", value)


def _is_complete(attributes: dict[str, Json], row: Json, criterion: Json) -> bool:
    channel, locales = criterion.get("channel"), criterion.get("locales") or [None]
    required = [item for item in attributes.values() if item.get("is_required_for_completeness")]
    return all(
        _has_value(
            row,
            item["code"],
            locale if item["value_per_locale"] else None,
            channel if item["value_per_channel"] else None,
        )
        for item in required
        for locale in locales
    )


def _has_value(row: Json, code: str, locale: str | None, channel: str | None) -> bool:
    entries = row["values"].get(code, ())
    return any(entry["locale"] == locale and entry["channel"] == channel for entry in entries)
