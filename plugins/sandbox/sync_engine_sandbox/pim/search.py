"""The ``search`` parameter: its form, its rules, and the filters it stands for (CONTRACTS A7)."""

from __future__ import annotations

from typing import Any

import orjson

from sync_engine_sandbox.pim.conditions import BY_TYPE, EMPTINESS, table_test, unsupported
from sync_engine_sandbox.pim.errors import ApiError, php_type, refused
from sync_engine_sandbox.pim.fields import MODEL_FIELDS, PRODUCT_FIELDS, Predicate, field_filter
from sync_engine_sandbox.pim.state import PimState
from sync_engine_sandbox.pim.values import data_at

Json = dict[str, Any]
MAX_CRITERIA = 20
MAX_ITEMS = 800


def read_search(text: str | None) -> dict[str, list[Json]]:
    """The criteria by property of a ``search`` parameter.

    Raises:
        ApiError: 400 when it is not JSON, 422 when its form is wrong.
    """
    if text is None:
        return {}
    try:
        search = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise ApiError(400, "Search query parameter should be valid JSON.") from None
    if search == []:
        return {}
    if isinstance(search, list):
        search = {str(index): item for index, item in enumerate(search)}
    if not isinstance(search, dict):
        raise refused(f'Search query parameter has to be an array, "{php_type(search)}" given.')
    for name, criteria in search.items():
        _check_form(name, criteria)
    return search


def check_locales(state: PimState, search: dict[str, list[Json]], search_locale: str | None) -> None:
    """Refuse locales of the search that are unknown or not activated.

    Raises:
        ApiError: 422 naming them.
    """
    named = [search_locale] if search_locale else []
    for name, criteria in search.items():
        for criterion in criteria:
            several = criterion.get("locales")
            if several is not None and (name != "completeness" or not isinstance(several, list)):
                raise refused(f'Property "{name}" expects an array with the key "locales".')
            named += [*(several or ()), *([criterion["locale"]] if criterion.get("locale") else ())]
    check_activated(state, list(dict.fromkeys(named)))


def check_activated(state: PimState, locales: list[str]) -> None:
    """Refuse locales that are unknown or not activated.

    Raises:
        ApiError: 422 naming them.
    """
    table = state.table("locales")
    bad = [code for code in locales if not table.get(code, {}).get("enabled")]
    if len(bad) > 1:
        raise refused(f'Locales "{", ".join(bad)}" do not exist or are not activated.')
    if bad:
        raise refused(f'Locale "{bad[0]}" does not exist or is not activated.')


def compile_search(
    state: PimState,
    search: dict[str, list[Json]],
    *,
    models: bool,
    locale: str | None = None,
    scope: str | None = None,
) -> list[Predicate]:
    """The filters that an entity must all pass.

    Args:
        state: the PIM.
        search: criteria by property, from ``read_search``.
        models: whether product models are searched, not products.
        locale: ``search_locale``, the default of every criterion.
        scope: ``search_scope``, the default of every criterion.

    Raises:
        ApiError: 422 with the message of the rule that is broken.
    """
    fields = MODEL_FIELDS if models else PRODUCT_FIELDS
    filters = []
    for name, criteria in search.items():
        for criterion in criteria:
            filled = {**criterion, "locale": criterion.get("locale") or locale}
            filled["scope"] = criterion.get("scope") or scope
            if name in fields:
                filters.append(field_filter(state, fields, name, filled))
            else:
                filters.append(_attribute_filter(state, name, filled))
    return filters


def narrowed(state: PimState, search: dict[str, list[Json]]) -> list[str] | None:
    """The only products that can pass, when the search names them or their parents; else None."""
    for criterion in search.get("uuid", ()):
        if criterion["operator"] == "IN" and isinstance(criterion.get("value"), list):
            return sorted(uuid for uuid in set(criterion["value"]) if state.products.get(uuid) is not None)
    for criterion in search.get("parent", ()):
        value = criterion.get("value")
        if criterion["operator"] == "=" and isinstance(value, str):
            return sorted(_below(state, value))
        if criterion["operator"] == "IN" and isinstance(value, list):
            return sorted(uuid for code in value for uuid in state.products.children_of(code))
    return None


def check_size(search: dict[str, list[Json]], attributes: list[str]) -> None:
    """The limits of ``POST /products-uuid/search``: 20 criteria, 800 items in a list, 800 attributes.

    Raises:
        ApiError: 422, a limit is passed.
    """
    if len(attributes) > MAX_ITEMS:
        raise refused(f"You cannot request more than {MAX_ITEMS} attributes.")
    criteria = [criterion for several in search.values() for criterion in several]
    if len(criteria) > MAX_CRITERIA:
        raise refused(f"You cannot search with more than {MAX_CRITERIA} criteria.")
    for criterion in criteria:
        if isinstance(criterion.get("value"), list) and len(criterion["value"]) > MAX_ITEMS:
            raise refused(f"You cannot search with more than {MAX_ITEMS} items in a list.")


def _check_form(name: str, criteria: Any) -> None:
    if not isinstance(criteria, list) or not criteria or not all(isinstance(item, dict) for item in criteria):
        shape = f'{{"{name}":[{{"operator": "my_operator", "value": "my_value"}}]}}'
        raise refused(f'Structure of filter "{name}" should respect this structure: {shape}')
    for criterion in criteria:
        operator = criterion.get("operator")
        if operator is None:
            raise refused(f'Operator is missing for the property "{name}".')
        if not isinstance(operator, str):
            raise refused(f'Operator has to be a string, "{php_type(operator)}" given.')
        if criterion.get("locale") is not None and not isinstance(criterion["locale"], str):
            raise refused(f'Property "{name}" expects a string with the key "locale".')


def _attribute_filter(state: PimState, name: str, criterion: Json) -> Predicate:
    attribute, operator = state.table("attributes").get(name), criterion["operator"]
    if attribute is None or attribute["type"] not in BY_TYPE:
        raise unsupported(name, operator)
    operators, make = BY_TYPE[attribute["type"]]
    if operator not in operators:
        raise unsupported(name, operator)
    locale, scope = _value_place(state, attribute, criterion)
    whole = make is not table_test or criterion.get("value") is None
    if operator in EMPTINESS and whole:
        return _emptiness(state, name, locale, scope, wants_empty=operator == "EMPTY")
    test = make(state, attribute, operator, criterion.get("value"))

    def holds(entity: Json) -> bool:
        data = data_at(entity["values"], name, locale, scope)
        return data is not None and test(data)

    return holds


def _emptiness(state: PimState, name: str, locale: str | None, scope: str | None, *, wants_empty: bool) -> Predicate:
    families = state.table("families")

    def holds(entity: Json) -> bool:
        data = data_at(entity["values"], name, locale, scope)
        if not wants_empty:
            return data is not None
        # Only an entity whose family has the attribute can have it empty.
        family = families.get(entity["family"] or "")
        return data is None and family is not None and name in family["attributes"]

    return holds


def _value_place(state: PimState, attribute: Json, criterion: Json) -> tuple[str | None, str | None]:
    name, locale, scope = attribute["code"], criterion["locale"], criterion["scope"]
    if attribute["localizable"] and not locale:
        raise refused(f'Attribute "{name}" expects a locale, none given.')
    if attribute["scopable"] and not scope:
        raise refused(f'Attribute "{name}" expects a scope, none given.')
    if attribute["scopable"] and scope not in state.table("channels"):
        raise refused(f'Attribute "{name}" expects an existing scope, "{scope}" given.')
    return (locale if attribute["localizable"] else None), (scope if attribute["scopable"] else None)


def _below(state: PimState, model: str) -> list[str]:
    found = state.products.children_of(model)
    for child in state.models.children_of(model):
        found += _below(state, child)
    return found
