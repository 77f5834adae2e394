"""The options of a mapping as small functions, each from a value to a value; None passes through untouched."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import ROUND_HALF_UP, Context, Decimal, InvalidOperation

import orjson

from sync_engine.catalog.mapping import Otherwise, TableForm
from sync_engine.compiler.conversion import Unconvertible
from sync_engine.sdk.source import Column, Option, UnitFamily
from sync_engine.sdk.target import Owner, Reason
from sync_engine.sdk.units import UnknownUnit, convert
from sync_engine.sdk.values import Measurement, Price

Step = Callable[[object], object]

_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?\Z")


def labels(options: tuple[Option, ...], locales: tuple[str, ...]) -> Step:
    """Codes become labels: in the first locale that has one, else the code itself.

    Args:
        options: the choices of the attribute.
        locales: where to look, in this order.
    """
    table = {
        option.code: next((option.labels[each] for each in locales if option.labels.get(each)), option.code)
        for option in options
    }

    def step(value: object) -> object:
        if isinstance(value, tuple):
            return tuple(table.get(each, each) for each in value)
        return table.get(value, value) if isinstance(value, str) else value

    return step


def in_unit(unit: str, family: UnitFamily, field: str) -> Step:
    """A measurement becomes its amount in another unit of its family."""

    def step(value: object) -> object:
        if not isinstance(value, Measurement):
            return value
        try:
            return convert(value, unit, family)
        except UnknownUnit as error:
            raise Unconvertible(Reason("UNKNOWN_UNIT", str(error), field, Owner.DATA)) from error

    return step


def in_currency(currency: str) -> Step:
    """A list of prices becomes the amount in one currency; none when there is no such price."""

    def step(value: object) -> object:
        if not isinstance(value, tuple):
            return value
        return next((each.amount for each in value if isinstance(each, Price) and each.currency == currency), None)

    return step


def table_text(form: TableForm, columns: Sequence[Column] = (), locales: tuple[str, ...] = ()) -> Step:
    """The rows of a table become one text; numbers stay as exact as they are.

    Args:
        form: of the text.
        columns: those whose labels, and the labels of whose choices, take the place of codes; in JSON columns keep
            their codes, because programs read it.
        locales: where to look for labels, in this order.
    """
    heads = labels(tuple(Option(each.code, each.labels) for each in columns), locales)
    cells = {each.code: labels(each.options, locales) for each in columns if each.options}

    def labelled(row: Mapping[str, object]) -> Mapping[str, object]:
        return {code: cells[code](cell) if code in cells else cell for code, cell in row.items()}

    def step(value: object) -> object:
        rows = (value,) if isinstance(value, dict) else value
        if not isinstance(rows, tuple) or not rows:
            return None
        rows = tuple(map(labelled, rows)) if cells else rows
        if form is TableForm.JSON:
            return orjson.dumps(rows if isinstance(value, tuple) else rows[0], default=_exactly).decode()
        codes = list(dict.fromkeys(code for row in rows for code in row))
        head = _html_row("th", [str(heads(code)) for code in codes])
        body = "".join(_html_row("td", [_cell_text(row.get(code)) for code in codes]) for row in rows)
        return f"<table><thead>{head}</thead><tbody>{body}</tbody></table>"

    return step


def _html_row(tag: str, cells: Iterable[str]) -> str:
    return f"<tr>{''.join(f'<{tag}>{html.escape(each)}</{tag}>' for each in cells)}</tr>"


def _cell_text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Measurement):
        return f"{_cell_text(value.amount)} {value.unit}"
    return format(value, "f") if isinstance(value, Decimal) else str(value)


def _exactly(value: object) -> object:
    """What JSON has no word for."""
    if isinstance(value, Decimal):
        return orjson.Fragment(format(value, "f"))
    if isinstance(value, Measurement):
        return {"amount": value.amount, "unit": value.unit}
    return str(value)


def as_number(field: str) -> Step:
    """Numeric text becomes a number; text that is no number is a rejection."""

    def step(value: object) -> object:
        if not isinstance(value, str):
            return value
        text = value.strip()
        if not text:
            return None
        if not _NUMBER.match(text):
            raise Unconvertible(Reason("NOT_A_NUMBER", f"{value!r} is not a number", field, Owner.DATA))
        return Decimal(text)

    return step


def translate(table: Mapping[str, object], otherwise: Otherwise, field: str) -> Step:
    """A value becomes what the table says; its keys are compared with the value as text."""

    def one(value: object) -> object:
        key = ("false", "true")[value] if isinstance(value, bool) else str(value)
        if key in table:
            return table[key]
        if otherwise is Otherwise.KEEP:
            return value
        if otherwise is Otherwise.CLEAR:
            return None
        raise Unconvertible(Reason("NOT_IN_TABLE", f"{key!r} is not in the `translate` table", field, Owner.MAPPING))

    def step(value: object) -> object:
        if value is None or value == "":
            return None
        if isinstance(value, tuple):
            return tuple(found for found in map(one, value) if found is not None)
        return one(value)

    return step


def rounded(places: int, field: str) -> Step:
    """A number is rounded half up to that many decimals."""
    quantum = Decimal(1).scaleb(-places)
    enough = Context(prec=400)

    def step(value: object) -> object:
        if isinstance(value, Decimal) or (isinstance(value, int) and not isinstance(value, bool)):
            try:
                return Decimal(value).quantize(quantum, ROUND_HALF_UP, enough)
            except InvalidOperation:
                message = "the number is too large to be rounded"
                raise Unconvertible(Reason("OUT_OF_RANGE", message, field, Owner.DATA)) from None
        return value

    return step


def joined(separator: str) -> Step:
    """A list becomes one text."""

    def step(value: object) -> object:
        return separator.join(map(str, value)) if isinstance(value, (tuple, list)) else value

    return step


def truncated(length: int) -> Step:
    """A text is cut to that many characters, because the catalog asks for it."""

    def step(value: object) -> object:
        return value[:length] if isinstance(value, str) else value

    return step
