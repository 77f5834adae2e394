"""From the source's data to what an expression sees."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, time
from functools import partial

from sync_engine.expressions.values import Coded, Quantity
from sync_engine.sdk.source import LINKS, Attribute, Column, Kind, Option, SourceSchema, UnitFamily
from sync_engine.sdk.values import Measurement, MediaRef, Price

Maker = Callable[[object], object]


def variable_maker(attribute: Attribute, schema: SourceSchema, locale: str | None, others: Sequence[str] = ()) -> Maker:
    r"""A function from an attribute's or property's data to the variable of that name.

    | data                            | variable                                                            |
    |---------------------------------|---------------------------------------------------------------------|
    | text, number, true/false, None  | the same                                                            |
    | date; date and time             | ISO 8601 text (in UTC), which compares as the dates do              |
    | code, codes                     | text, tuple of texts, that know their labels for the filter `label` |
    | measurement                     | `Quantity`: `.amount`, `.unit`, `\| unit('…')`                        |
    | prices                          | mapping from currency to amount: `price.EUR`                        |
    | file, files                     | its code, a tuple of codes                                          |
    | table                           | tuple of rows, each a mapping by column, with cells as above        |

    Args:
        attribute: as the source describes it.
        schema: gives the labels of families and the units of measurements.
        locale: in which `label` reads labels unless it names one.
        others: where it looks, in this order, for a label that the locale lacks.
    """
    kind = attribute.kind
    if kind is Kind.MEASUREMENT:
        return partial(_quantity, schema.unit_families.get(attribute.unit_family or ""))
    if kind is Kind.PRICES:
        return _prices
    if kind is Kind.TABLE and attribute.columns:
        locales = (*((locale,) if locale else ()), *others)
        return partial(_rows, {each.code: _cell_maker(each, schema, locales) for each in attribute.columns})
    options = attribute.options or (schema.families if kind is Kind.FAMILY else ())
    if kind in _CODED:
        return partial(_coded, _table(options, (*((locale,) if locale else ()), *others)))
    return _plain


_CODED = frozenset({Kind.SELECT, Kind.MULTISELECT, Kind.FAMILY, Kind.CATEGORIES, Kind.GROUPS, *LINKS})


def _table(options: tuple[Option, ...], locales: Sequence[str]) -> dict[str, Coded]:
    return {option.code: Coded(option.code, option.labels, locales) for option in options}


def _coded(table: Mapping[str, Coded], data: object) -> object:
    if isinstance(data, str):
        return table.get(data) or Coded(data, {}, ())
    if isinstance(data, tuple | list):
        return tuple(_coded(table, each) for each in data)
    return _plain(data)


def _cell_maker(column: Column, schema: SourceSchema, locales: Sequence[str]) -> Maker:
    """A function from a cell to what an expression sees of it."""
    if column.unit_family:
        return partial(_quantity, schema.unit_families.get(column.unit_family))
    return partial(_coded, _table(column.options, locales)) if column.options else _plain


def _rows(cells: Mapping[str, Maker], data: object) -> object:
    if isinstance(data, tuple | list):
        return tuple(_rows(cells, each) for each in data)
    if isinstance(data, Mapping):
        return {str(code): cells.get(str(code), _plain)(each) for code, each in data.items()}
    return _plain(data)


def _quantity(family: UnitFamily | None, data: object) -> object:
    return Quantity(data, family) if isinstance(data, Measurement) else _plain(data)


def _prices(data: object) -> object:
    if isinstance(data, tuple | list):
        return {each.currency: each.amount for each in data if isinstance(each, Price)} or None
    return _plain(data)


def _plain(data: object) -> object:
    if isinstance(data, str):  # the usual case first
        return data
    if isinstance(data, datetime):
        return (data.astimezone(UTC) if data.tzinfo else data).isoformat()
    if isinstance(data, date | time):
        return data.isoformat()
    if isinstance(data, MediaRef):
        return data.code
    if isinstance(data, Measurement):
        return Quantity(data, None)
    if isinstance(data, tuple | list):
        return tuple(map(_plain, data))
    if isinstance(data, Mapping):
        return {str(key): _plain(each) for key, each in data.items()}
    return data
