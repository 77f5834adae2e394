"""Filters on properties of products and product models (CONTRACTS A7.1 and A7.2)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from sync_engine_sandbox.pim.categories import with_descendants
from sync_engine_sandbox.pim.completeness import completeness, quality_score
from sync_engine_sandbox.pim.conditions import ORDERINGS, expected, strings, unsupported
from sync_engine_sandbox.pim.errors import refused
from sync_engine_sandbox.pim.state import PimState

Json = dict[str, Any]
Predicate = Callable[[Json], bool]
ON_ALL_LOCALES = {
    "GREATER THAN ON ALL LOCALES": ">",
    "GREATER OR EQUALS THAN ON ALL LOCALES": ">=",
    "LOWER THAN ON ALL LOCALES": "<",
    "LOWER OR EQUALS THAN ON ALL LOCALES": "<=",
}
IDENTIFIER_LIMIT = 100


def key_filter(state: PimState, name: str, criterion: Json) -> Predicate:
    """``uuid`` of products, ``identifier`` of products and of product models."""
    operator = criterion["operator"]
    wanted = {item.casefold() for item in strings(name, criterion.get("value"))}
    if name == "identifier" and operator == "IN" and len(wanted) > IDENTIFIER_LIMIT:
        raise refused(f"The identifier filter can't contain more than {IDENTIFIER_LIMIT} product identifiers.")

    def key(entity: Json) -> str:
        if name == "uuid":
            return str(entity["uuid"])
        return (entity["code"] if "code" in entity else state.identifier_of(entity) or "").casefold()

    return lambda entity: (key(entity) in wanted) == (operator == "IN")


def categories_filter(state: PimState, name: str, criterion: Json) -> Predicate:
    """``categories``; the given codes must exist."""
    operator = criterion["operator"]
    if operator == "UNCLASSIFIED":
        return lambda entity: not entity["categories"]
    wanted = frozenset(strings(name, criterion.get("value")))
    unknown = [code for code in criterion["value"] if code not in state.table("categories")]
    if unknown:
        plural = 'Categories "{}" do not exist.' if len(unknown) > 1 else 'Category "{}" does not exist.'
        raise refused(plural.format(", ".join(unknown)))
    if operator.endswith("CHILDREN"):
        wanted = with_descendants(state, wanted)
    if operator == "IN OR UNCLASSIFIED":
        return lambda entity: not entity["categories"] or not wanted.isdisjoint(entity["categories"])
    return lambda entity: wanted.isdisjoint(entity["categories"]) == operator.startswith("NOT")


def enabled_filter(_state: PimState, name: str, criterion: Json) -> Predicate:
    """``enabled``."""
    value = criterion.get("value")
    if not isinstance(value, bool):
        raise expected(name, "a boolean", value)
    return lambda entity: (entity["enabled"] == value) == (criterion["operator"] == "=")


def membership_filter(state: PimState, name: str, criterion: Json) -> Predicate:
    """``family`` and ``groups``; the given codes must exist."""
    operator = criterion["operator"]
    if operator in {"EMPTY", "NOT EMPTY"}:
        return lambda entity: bool(entity[name]) == (operator == "NOT EMPTY")
    wanted = set(strings(name, criterion.get("value")))
    table = state.table("families" if name == "family" else "groups")
    for code in criterion["value"]:
        if code not in table:
            raise refused(f'Object "{name}" with code "{code}" does not exist')
    if operator.endswith("CHILDREN"):
        wanted = _family_tree(table, wanted)
        operator = operator.removesuffix(" CHILDREN")

    def held(entity: Json) -> bool:
        codes = entity[name] if isinstance(entity[name], list) else [entity[name]]
        return not wanted.isdisjoint(codes)

    return lambda entity: held(entity) == (operator == "IN")


def time_filter(state: PimState, name: str, criterion: Json) -> Predicate:
    """``created`` and ``updated``. ``=`` compares whole days; the range includes its ends.

    A variant counts as updated when one of its product models was, although its own date stays (filter page).
    """
    operator, value = criterion["operator"], criterion.get("value")

    def moment(entity: Json) -> datetime:
        own = datetime.fromisoformat(entity[name])
        if name == "updated" and "uuid" in entity:
            while (parent := entity["parent"]) and (model := state.models.get(parent)):
                own, entity = max(own, datetime.fromisoformat(model["updated"])), model
        return own

    if operator == "SINCE LAST N DAYS":
        if not isinstance(value, int) or isinstance(value, bool):
            raise expected(name, "an integer", value)
        since = state.settings.clock() - timedelta(days=value)
        return lambda entity: moment(entity) > since
    if operator in {"BETWEEN", "NOT BETWEEN"}:
        if not isinstance(value, list) or len(value) != 2:
            raise expected(name, 'an array that should contain 2 strings with the format "yyyy-mm-dd H:i:s"', value)
        first, last = (_moment(name, item) for item in value)
        return lambda entity: (first <= moment(entity) <= last) == (operator == "BETWEEN")
    wanted = _moment(name, value)
    if operator in {"=", "!="}:
        return lambda entity: (moment(entity).date() == wanted.date()) == (operator == "=")
    holds = ORDERINGS[operator]
    return lambda entity: holds(moment(entity), wanted)


def parent_filter(state: PimState, name: str, criterion: Json) -> Predicate:
    """``parent``: ``=`` finds every level below, ``IN`` the direct children."""
    operator, value = criterion["operator"], criterion.get("value")
    if operator in {"EMPTY", "NOT EMPTY"}:
        return lambda entity: (entity["parent"] is not None) == (operator == "NOT EMPTY")
    wanted = {value} if operator == "=" and isinstance(value, str) else set(strings(name, value))
    for code in wanted:
        if state.models.get(code) is None:
            raise refused(f'Object "product model" with code "{code}" does not exist')
    if operator == "IN":
        return lambda entity: entity["parent"] in wanted

    def below(entity: Json | None) -> bool:
        while entity is not None and entity["parent"]:
            if entity["parent"] in wanted:
                return True
            entity = state.models.get(entity["parent"])
        return False

    return below


def completeness_filter(state: PimState, name: str, criterion: Json) -> Predicate:
    """``completeness`` of products: on any locale of the channel, or on all the locales that are given."""
    operator, value = criterion["operator"], criterion.get("value")
    channel = _channel(state, name, criterion)
    if isinstance(value, bool) or not isinstance(value, int):
        raise expected(name, "an integer", value)
    locales = criterion.get("locales")
    if operator in ON_ALL_LOCALES and not locales:
        raise refused('Property "completeness" expects an array with the key "locales".')
    holds = ORDERINGS[ON_ALL_LOCALES.get(operator) or operator]
    every = operator in ON_ALL_LOCALES
    chosen = locales or ([criterion["locale"]] if criterion.get("locale") else channel["locales"])

    def test(entity: Json) -> bool:
        shares = [completeness(state, entity, channel, locale) for locale in chosen]
        known = [share for share in shares if share is not None]
        return bool(known) and (all if every else any)(holds(share, value) for share in known)

    return test


def variants_filter(state: PimState, name: str, criterion: Json) -> Predicate:
    """``completeness`` of product models: how many of their variants are complete."""
    operator, channel = criterion["operator"], _channel(state, name, criterion)
    locales = criterion.get("locales") or ([criterion["locale"]] if criterion.get("locale") else None)
    if not locales:
        raise refused('Property "completeness" expects an array with the key "locales".')

    def test(model: Json) -> bool:
        variants = [state.products.by_key[uuid] for uuid in _variants(state, model["code"])]
        complete = [all(completeness(state, item, channel, locale) == 100 for locale in locales) for item in variants]
        match operator:
            case "AT LEAST COMPLETE":
                return any(complete)
            case "AT LEAST INCOMPLETE":
                return not all(complete)
            case "ALL COMPLETE":
                return bool(complete) and all(complete)
            case _:
                return bool(complete) and not any(complete)

    return test


def quality_filter(state: PimState, name: str, criterion: Json) -> Predicate:
    """``quality_score`` for a channel and a locale."""
    channel, locale = _channel(state, name, criterion), criterion.get("locale")
    if not isinstance(locale, str):
        raise refused('Property "quality_score" expects a valid locale.')
    wanted = set(strings(name, criterion.get("value")))
    return lambda entity: quality_score(state, entity, channel, locale) in wanted


def _channel(state: PimState, name: str, criterion: Json) -> Json:
    scope = criterion.get("scope")
    if not scope:
        raise refused(f'Property "{name}" expects a valid scope.')
    channel = state.table("channels").get(scope)
    if channel is None:
        raise refused(f'Property "{name}" expects a valid scope. Scope "{scope}" does not exist.')
    return channel


def _variants(state: PimState, code: str) -> list[str]:
    below = [uuid for child in state.models.children_of(code) for uuid in _variants(state, child)]
    return state.products.children_of(code) + below


def _family_tree(table: dict[str, Json], wanted: set[str]) -> set[str]:
    found: set[str] = set()
    while more := {code for code, row in table.items() if row.get("parent") in wanted | found} - found - wanted:
        found |= more
    return wanted | found


def _moment(name: str, value: Any) -> datetime:
    try:
        return datetime.strptime(value, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
    except (TypeError, ValueError):
        raise refused(
            f'Property "{name}" expects a string with the format "yyyy-mm-dd H:i:s" as data, "{value}" given.'
        ) from None


_TIMES = frozenset({"=", "!=", "<", ">", "BETWEEN", "NOT BETWEEN", "SINCE LAST N DAYS"})
_TREE = frozenset({"IN", "NOT IN", "IN OR UNCLASSIFIED", "IN CHILDREN", "NOT IN CHILDREN", "UNCLASSIFIED"})
_CODES = frozenset({"IN", "NOT IN", "EMPTY", "NOT EMPTY"})
Maker = Callable[[PimState, str, Json], Predicate]
_SHARED: dict[str, tuple[frozenset[str], Maker]] = {
    "categories": (_TREE, categories_filter),
    "created": (_TIMES, time_filter),
    "updated": (_TIMES, time_filter),
    "identifier": (frozenset({"IN", "NOT IN"}), key_filter),
    "quality_score": (frozenset({"IN"}), quality_filter),
}
PRODUCT_FIELDS: dict[str, tuple[frozenset[str], Maker]] = {
    **_SHARED,
    "uuid": (frozenset({"IN", "NOT IN"}), key_filter),
    "enabled": (frozenset({"=", "!="}), enabled_filter),
    "completeness": (frozenset(ORDERINGS) | frozenset(ON_ALL_LOCALES), completeness_filter),
    "family": (_CODES | {"IN CHILDREN", "NOT IN CHILDREN"}, membership_filter),
    "groups": (_CODES, membership_filter),
    "parent": (frozenset({"=", "IN", "EMPTY", "NOT EMPTY"}), parent_filter),
}
MODEL_FIELDS: dict[str, tuple[frozenset[str], Maker]] = {
    **_SHARED,
    "completeness": (
        frozenset({"AT LEAST COMPLETE", "AT LEAST INCOMPLETE", "ALL COMPLETE", "ALL INCOMPLETE"}),
        variants_filter,
    ),
    "family": (_CODES, membership_filter),
    "parent": (frozenset({"IN", "EMPTY", "NOT EMPTY"}), parent_filter),
}


def field_filter(
    state: PimState, fields: dict[str, tuple[frozenset[str], Maker]], name: str, criterion: Json
) -> Predicate:
    """The filter of one criterion on a property.

    Raises:
        ApiError: 422, the property does not take the operator or the value.
    """
    operators, make = fields[name]
    if criterion["operator"] not in operators:
        raise unsupported(name, criterion["operator"])
    return make(state, name, criterion)
