"""Tests of one value's data, by attribute type (CONTRACTS A7.3)."""

from __future__ import annotations

import operator as compare
import re
from collections.abc import Callable
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from sync_engine_sandbox.pim.errors import php_type, refused
from sync_engine_sandbox.pim.state import PimState

Json = dict[str, Any]
Test = Callable[[Any], bool]
Maker = Callable[[PimState, Json, str, Any], Test]

EMPTINESS = frozenset({"EMPTY", "NOT EMPTY"})
ORDERINGS: dict[str, Callable[[Any, Any], bool]] = {
    "<": compare.lt,
    "<=": compare.le,
    "=": compare.eq,
    "!=": compare.ne,
    ">=": compare.ge,
    ">": compare.gt,
}
_FRAGMENTS = frozenset({"STARTS WITH", "CONTAINS", "DOES NOT CONTAIN", "=", "!="})
_LISTS = frozenset({"IN", "NOT IN"})
_RANGES = frozenset({"BETWEEN", "NOT BETWEEN"})
_MARKUP = re.compile(r"<[^>]*>")


def unsupported(name: str, operator: str) -> Exception:
    """The property is unknown, or does not take the operator: the API does not tell which."""
    return refused(f'Filter on property "{name}" is not supported or does not support operator "{operator}"')


def expected(name: str, wanted: str, value: Any) -> Exception:
    """The filter's value has the wrong type."""
    return refused(f'Property "{name}" expects {wanted} as data, "{php_type(value)}" given.')


def strings(name: str, value: Any) -> list[str]:
    """A filter's value that must be a list of texts.

    Raises:
        ApiError: 422, it is not.
    """
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise expected(name, "an array", value)
    return value


def text_test(_state: PimState, attribute: Json, operator: str, value: Any) -> Test:
    """Text, textarea and identifier: the index compares without case, and textareas without markup."""
    plain = _plain_area if attribute["type"] == "pim_catalog_textarea" else str.casefold
    if operator in _LISTS:
        wanted = {plain(item) for item in strings(attribute["code"], value)}
        return lambda data: (plain(data) in wanted) == (operator == "IN")
    return _fragment_test(attribute["code"], operator, value, plain)


def file_test(state: PimState, attribute: Json, operator: str, value: Any) -> Test:
    """Files and images: the original name of the file is compared."""
    test = _fragment_test(attribute["code"], operator, value, str.casefold)
    files = state.table("media-files")
    return lambda code: test(files[code]["original_filename"] if code in files else code)


def number_test(_state: PimState, attribute: Json, operator: str, value: Any) -> Test:
    """Numbers, also those that the API prints as text."""
    wanted, holds = _number(attribute["code"], value), ORDERINGS[operator]
    return lambda data: holds(Decimal(str(data)), wanted)


def metric_test(state: PimState, attribute: Json, operator: str, value: Any) -> Test:
    """Measurements, converted to the standard unit of their family before they are compared."""
    name, holds = attribute["code"], ORDERINGS[operator]
    if not isinstance(value, dict) or not {"amount", "unit"} <= value.keys():
        raise expected(name, "an array with the keys amount and unit", value)
    units = state.table("measurement-families").get(attribute["metric_family"], {}).get("units", {})
    if value["unit"] not in units:
        family = attribute["metric_family"]
        raise refused(
            f'Property "{name}" expects a valid unit. The unit does not exist in the attribute\'s family "{family}", '
            f'"{value["unit"]}" given.'
        )
    wanted = to_standard(units[value["unit"]], _number(name, value["amount"]))
    return lambda data: (
        data["unit"] in units and holds(to_standard(units[data["unit"]], Decimal(str(data["amount"]))), wanted)
    )


def price_test(state: PimState, attribute: Json, operator: str, value: Any) -> Test:
    """Prices: the amount in the currency that the filter names."""
    name, holds = attribute["code"], ORDERINGS[operator]
    if not isinstance(value, dict) or not {"amount", "currency"} <= value.keys():
        raise expected(name, "an array with the keys amount and currency", value)
    currency = value["currency"]
    if not state.table("currencies").get(currency, {}).get("enabled"):
        raise refused(f'Property "{name}" expects a valid currency. The currency does not exist, "{currency}" given.')
    wanted = _number(name, value["amount"])
    return lambda data: any(
        price["currency"] == currency and price["amount"] is not None and holds(Decimal(str(price["amount"])), wanted)
        for price in data
    )


def boolean_test(_state: PimState, attribute: Json, operator: str, value: Any) -> Test:
    """Yes or no."""
    if not isinstance(value, bool):
        raise expected(attribute["code"], "a boolean", value)
    holds = ORDERINGS[operator]
    return lambda data: holds(data, value)


def date_test(_state: PimState, attribute: Json, operator: str, value: Any) -> Test:
    """Days: the time and the zone of what is stored and of what is asked play no part."""
    if operator in _RANGES:
        first, last = (_day(attribute["code"], item) for item in _pair(attribute["code"], value))
        return lambda data: (first <= data[:10] <= last) == (operator == "BETWEEN")
    wanted, holds = _day(attribute["code"], value), ORDERINGS[operator]
    return lambda data: holds(data[:10], wanted)


def option_test(state: PimState, attribute: Json, operator: str, value: Any) -> Test:
    """Select attributes: any of the codes. The codes must exist."""
    wanted = strings(attribute["code"], value)
    known = {code.casefold() for code in state.table("attribute-options", attribute["code"])}
    for code in wanted:
        if code.casefold() not in known:
            raise refused(f'Object "options" with code "{code}" does not exist')
    return _member_test(wanted, operator)


def linked_test(_state: PimState, attribute: Json, operator: str, value: Any) -> Test:
    """Records, assets and reference data: any of the codes."""
    return _member_test(strings(attribute["code"], value), operator)


def product_link_test(_state: PimState, attribute: Json, operator: str, value: Any) -> Test:
    """Links to a product or a product model: any of the ``{type, id}``."""
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise expected(attribute["code"], "an array", value)
    wanted = {(item.get("type"), item.get("id")) for item in value}
    return lambda data: ((data["type"], data.get("id", data.get("identifier"))) in wanted) == (operator == "IN")


def table_test(state: PimState, attribute: Json, operator: str, value: Any) -> Test:
    """One column of a table, in one row or in any: the cell is tested as a value of the column's type."""
    name = attribute["code"]
    columns = {column["code"]: column for column in attribute.get("table_configuration") or []}
    if not isinstance(value, dict) or value.get("column") not in columns:
        raise expected(name, "an array with the key column", value)
    column, row, first = value["column"], value.get("row"), next(iter(columns))
    if operator in EMPTINESS:
        return lambda data: _has_cell(data, column, row, first) == (operator == "NOT EMPTY")
    kind = columns[column]["data_type"]
    if kind not in _CELLS or operator not in _CELLS[kind][0]:
        raise unsupported(name, operator)
    as_attribute = {
        **attribute,
        "type": f"pim_catalog_{kind}",
        "metric_family": columns[column].get("measurement_family_code"),
    }
    test = _CELLS[kind][1](state, as_attribute, operator, value.get("value"))
    return lambda data: any(
        column in cells and row in {None, cells.get(first)} and test(cells[column]) for cells in data
    )


def to_standard(unit: Json, amount: Decimal) -> Decimal:
    """An amount in the standard unit of its family: the unit's operations, one after the other."""
    for step in unit["convert_from_standard"]:
        factor = Decimal(step["value"])
        match step["operator"]:
            case "add":
                amount += factor
            case "sub":
                amount -= factor
            case "mul":
                amount *= factor
            case _:
                amount /= factor
    return amount


_NUMBERS = frozenset(ORDERINGS) | EMPTINESS
_DATES = frozenset({"<", "=", "!=", ">"}) | _RANGES | EMPTINESS
_CHOICES = _LISTS | EMPTINESS
_YES_NO = frozenset({"=", "!="}) | EMPTINESS
_TEXTS = _FRAGMENTS | _LISTS | EMPTINESS
_CELLS: dict[str, tuple[frozenset[str], Maker]] = {
    "select": (_CHOICES, linked_test),
    "text": (_TEXTS, text_test),
    "number": (_NUMBERS, number_test),
    "boolean": (_YES_NO, boolean_test),
    "date": (_DATES, date_test),
    "measurement": (_NUMBERS, metric_test),
    "reference_entity": (_CHOICES, linked_test),
    "product_link": (_CHOICES, product_link_test),
}
BY_TYPE: dict[str, tuple[frozenset[str], Maker]] = {
    "pim_catalog_identifier": (_TEXTS, text_test),
    "pim_catalog_text": (_TEXTS, text_test),
    "pim_catalog_textarea": (_TEXTS, text_test),
    "pim_catalog_number": (_NUMBERS, number_test),
    "pim_catalog_metric": (_NUMBERS, metric_test),
    "pim_catalog_price_collection": (_NUMBERS, price_test),
    "pim_catalog_boolean": (_YES_NO, boolean_test),
    "pim_catalog_date": (_DATES, date_test),
    "pim_catalog_simpleselect": (_CHOICES, option_test),
    "pim_catalog_multiselect": (_CHOICES, option_test),
    "pim_catalog_image": (_FRAGMENTS | EMPTINESS, file_test),
    "pim_catalog_file": (_FRAGMENTS | EMPTINESS, file_test),
    "pim_catalog_asset_collection": (_CHOICES, linked_test),
    "akeneo_reference_entity": (_CHOICES, linked_test),
    "akeneo_reference_entity_collection": (_CHOICES, linked_test),
    "pim_reference_data_simpleselect": (_CHOICES, linked_test),
    "pim_reference_data_multiselect": (_CHOICES, linked_test),
    "pim_catalog_product_link": (_CHOICES, product_link_test),
    "pim_catalog_table": (_TEXTS | _NUMBERS | _DATES, table_test),
}


def _fragment_test(name: str, operator: str, value: Any, plain: Callable[[str], str]) -> Test:
    if not isinstance(value, str):
        raise expected(name, "a string", value)
    wanted = plain(value)
    match operator:
        case "STARTS WITH":
            return lambda data: plain(data).startswith(wanted)
        case "CONTAINS":
            return lambda data: wanted in plain(data)
        case "DOES NOT CONTAIN":
            return lambda data: wanted not in plain(data)
        case "=":
            return lambda data: plain(data) == wanted
        case _:
            return lambda data: plain(data) != wanted


def _member_test(codes: list[str], operator: str) -> Test:
    wanted = {code.casefold() for code in codes}

    def test(data: Any) -> bool:
        held = data if isinstance(data, list) else [data]
        return any(code.casefold() in wanted for code in held) == (operator == "IN")

    return test


def _has_cell(rows: list[Json], column: str, row: Any, first: str) -> bool:
    return any(column in cells and row in {None, cells.get(first)} for cells in rows)


def _plain_area(text: str) -> str:
    return " ".join(_MARKUP.sub("", text).casefold().split())


def _number(name: str, value: Any) -> Decimal:
    try:
        if isinstance(value, bool):
            raise InvalidOperation
        return Decimal(str(value))
    except InvalidOperation:
        raise expected(name, "a numeric", value) from None


def _pair(name: str, value: Any) -> list[Any]:
    if not isinstance(value, list) or len(value) != 2:
        raise expected(name, 'an array that should contain 2 strings with the format "yyyy-mm-dd"', value)
    return value


def _day(name: str, value: Any) -> str:
    try:
        return date.fromisoformat(value[:10]).isoformat()
    except (TypeError, ValueError):
        raise refused(
            f'Property "{name}" expects a string with the format "yyyy-mm-dd" as data, "{value}" given.'
        ) from None
