"""The ``data`` of an attribute's value in the types of ``sync_engine.sdk.values``.

Source of the shapes: Akeneo REST API, "Products" concept, "The data format". What is empty comes out as None.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal

from sync_engine.sdk.source import Kind
from sync_engine.sdk.values import Measurement, MediaRef, Price, SourceValue
from sync_engine_akeneo.wire import Malformed, describe, elements, members, text, texts

Convert = Callable[[object], SourceValue]

_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?\Z", re.ASCII)


def converter(kind: Kind, columns: Mapping[str, str]) -> Convert:
    """The function that turns ``data`` into a value; it raises ``Malformed`` on another shape.

    Args:
        kind: of the attribute.
        columns: of a table: data type by column code.
    """
    if kind is Kind.TABLE:
        return lambda data: _rows(data, columns)
    return _CONVERTERS[kind]


def number(data: object) -> int | Decimal:
    """A number: JSON integer, or text where the attribute allows decimals."""
    if isinstance(data, str) and _NUMBER.match(data):
        return Decimal(data)
    if isinstance(data, int | Decimal) and not isinstance(data, bool):
        return data
    raise Malformed(f"a number was expected, not {describe(data)}")


def moment(data: object) -> datetime:
    """A date and time with its offset."""
    try:
        found = datetime.fromisoformat(text(data))
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise Malformed(f"a date and time with an offset was expected, not {describe(data)}")
    return found


def boolean(data: object) -> bool:
    """True or false."""
    if isinstance(data, bool):
        return data
    raise Malformed(f"true or false was expected, not {describe(data)}")


def codes(data: object) -> tuple[str, ...] | None:
    """Several codes; an empty list is no value."""
    return texts(data) or None


def _day(data: object) -> date:
    """A day; its offset is the server's zone, so the date is taken before anything shifts it."""
    try:
        return date.fromisoformat(text(data)[:10])
    except ValueError:
        raise Malformed(f"a date was expected, not {describe(data)}") from None


def _measurement(data: object) -> Measurement | None:
    found = members(data)
    if found.get("amount") is None:
        return None
    return Measurement(number(found["amount"]), text(found.get("unit")))


def _prices(data: object) -> tuple[Price, ...] | None:
    """Prices by currency; one that was emptied keeps its currency and has a null amount."""
    found = [members(each) for each in elements(data)]
    return (
        tuple(Price(number(each["amount"]), text(each.get("currency"))) for each in found if _has_amount(each)) or None
    )


def _has_amount(price: Mapping[str, object]) -> bool:
    if "amount" not in price:
        raise Malformed(f"a price was expected, not {describe(price)}")
    return price["amount"] is not None


def media(data: object) -> MediaRef:
    """A file; its code ends in ``<sha1>_<name>``."""
    code = text(data)
    tail = code.rpartition("/")[2]
    return MediaRef(code, tail.partition("_")[2] or tail)


def _link(data: object) -> str:
    """The key of a linked product or model (Akeneo REST API, "Product link attribute")."""
    found = members(data)
    return text(found.get("id", found.get("identifier")))


def _rows(data: object, columns: Mapping[str, str]) -> tuple[dict[str, object], ...] | None:
    """Rows with their columns in the order of the attribute, so that the first one tells the rows apart."""
    return tuple(_row(members(row), columns) for row in elements(data)) or None


def _row(cells: Mapping[str, object], columns: Mapping[str, str]) -> dict[str, object]:
    order = dict.fromkeys((*columns, *cells))
    present = [(column, cells[column]) for column in order if cells.get(column) is not None]
    return {column: _CELLS.get(columns.get(column, ""), _cell)(cell) for column, cell in present}


def _cell(data: object) -> SourceValue:
    """A cell of a column whose type is not known: what the shape says by itself."""
    if isinstance(data, str | int | Decimal):
        return data
    found = members(data)
    return _measurement(data) if "unit" in found else _link(data)


_CELLS: Mapping[str, Convert] = {
    "select": text,
    "text": text,
    "reference_entity": text,
    "number": number,
    "incremental_number": number,
    "boolean": boolean,
    "date": _day,
    "measurement": _measurement,
    "product_link": _link,
}

_CONVERTERS: Mapping[Kind, Convert] = {
    Kind.IDENTIFIER: text,
    Kind.TEXT: text,
    Kind.TEXTAREA: text,
    Kind.NUMBER: number,
    Kind.MEASUREMENT: _measurement,
    Kind.PRICES: _prices,
    Kind.BOOLEAN: boolean,
    Kind.DATE: _day,
    Kind.SELECT: text,
    Kind.MULTISELECT: codes,
    Kind.IMAGE: media,
    Kind.FILE: media,
    Kind.RECORD: text,
    Kind.RECORDS: codes,
    Kind.ASSETS: codes,
    Kind.LINK: _link,
}

USABLE = frozenset(_CONVERTERS) | {Kind.TABLE}
"""Kinds of attributes whose values can be read."""
