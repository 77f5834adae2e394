"""The filters that expressions have: what product data needs, all of them small, typed and bounded.

A filter gets the value before the bar; ``none`` stays none in all but ``default``.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from urllib.parse import quote

from sync_engine.expressions.limits import EvaluationFailed
from sync_engine.expressions.text import slug_of, text_of_html
from sync_engine.expressions.variables import Amount, Code
from sync_engine.sdk.units import UnknownUnit

Filter = Callable[..., object]

_DATE_PARTS = frozenset("YmdHMSyjBbAa%")
_LONGEST_FORMAT = 64


def _fail(message: str) -> EvaluationFailed:
    return EvaluationFailed("EXPRESSION_FAILED", message)


def _text(value: object, name: str) -> str:
    if isinstance(value, str):
        return str(value)
    if isinstance(value, (int, Decimal)) and not isinstance(value, bool):
        return format(value, "f") if isinstance(value, Decimal) else str(value)
    raise _fail(f"`{name}` takes a text")


def _on_text(name: str, function: Callable[[str], object]) -> Filter:
    def apply(value: object) -> object:
        return None if value is None else function(_text(value, name))

    return apply


def _items(value: object, name: str) -> list[object]:
    if isinstance(value, (list, tuple)):
        return list(value)
    raise _fail(f"`{name}` takes a list")


def _on_list(name: str, function: Callable[[list[object]], object]) -> Filter:
    def apply(value: object) -> object:
        if value is None:
            return None
        if isinstance(value, str) and name in ("first", "last", "length", "reverse"):
            value = list(value)
        try:
            return function(_items(value, name))
        except TypeError:
            raise _fail(f"`{name}` cannot compare these items") from None

    return apply


def _number(value: object, name: str) -> Decimal | int:
    if isinstance(value, (int, Decimal)) and not isinstance(value, bool):
        return value
    raise _fail(f"`{name}` takes a number")


def default(value: object, other: object = "", empty: bool = False) -> object:  # noqa: FBT001 - as in Jinja
    """``other`` where there is no value; with ``empty`` also for an empty text, zero and false."""
    return other if value is None or (empty and not value) else value


def replace(value: object, old: object, new: object) -> object:
    """A text with every ``old`` replaced by ``new``."""
    if value is None:
        return None
    text, old_text, new_text = _text(value, "replace"), _text(old, "replace"), _text(new, "replace")
    if not old_text:
        raise _fail("`replace` needs a text to look for")
    # Known before it is built: replacing one letter of a long text by another long text is how to fill the memory.
    if len(text) + text.count(old_text) * len(new_text) > 1_000_000:
        raise EvaluationFailed("EXPRESSION_TOO_LARGE", "the result of `replace` is too large")
    return text.replace(old_text, new_text)


def join(value: object, separator: object = "") -> object:
    """The items of a list as one text."""
    if value is None:
        return None
    return _text(separator, "join").join(_text(each, "join") for each in _items(value, "join") if each is not None)


def truncate(value: object, length: object) -> object:
    """At most that many characters."""
    if value is None:
        return None
    count = int(_number(length, "truncate"))
    if count < 0:
        raise _fail("`truncate` takes a length of 0 or more")
    return _text(value, "truncate")[:count]


def round_(value: object, places: object = 0) -> object:
    """A number rounded half up to that many decimals."""
    if value is None:
        return None
    count = int(_number(places, "round"))
    if not 0 <= count <= 20:
        raise _fail("`round` takes 0 to 20 decimals")
    return Decimal(_number(value, "round")).quantize(Decimal(1).scaleb(-count), ROUND_HALF_UP)


def int_(value: object) -> object:
    """The whole part of a number."""
    return None if value is None else int(_number(value, "int"))


def number(value: object, places: object = None) -> object:
    """Text such as ``12.50`` as a number; optionally rounded. A comma is refused: it means two things."""
    if value is None:
        return None
    if isinstance(value, str):
        text = value.strip()
        digits = text.lstrip("+-").replace(".", "", 1)
        if len(text) > 100 or not digits.isascii() or not digits.isdigit() or len(text) - len(text.lstrip("+-")) > 1:
            raise EvaluationFailed("NOT_A_NUMBER", f"{text[:40]!r} is not a number")
        value = Decimal(text)
    found = _number(value, "number")
    return found if places is None else round_(found, places)


def date_(value: object, pattern: object = "%Y-%m-%d") -> object:
    """A date or a moment (ISO 8601 text) in another form, with the parts %Y %m %d %H %M %S %y %j %B %b %A %a."""
    if value is None:
        return None
    text, form = _text(value, "date"), _text(pattern, "date")
    parts = form.replace("%%", "").split("%")[1:]
    if len(form) > _LONGEST_FORMAT or any(not each or each[0] not in _DATE_PARTS for each in parts):
        raise _fail("`date` takes a pattern of %Y %m %d %H %M %S %y %j %B %b %A %a")
    try:
        moment = date.fromisoformat(text) if len(text) <= 10 else datetime.fromisoformat(text)
        return moment.strftime(form)
    except ValueError:
        raise EvaluationFailed("NOT_A_DATE", f"{text[:40]!r} is no date") from None


def unit(value: object, code: object) -> object:
    """A measurement as a number in another unit."""
    if value is None:
        return None
    if not isinstance(value, Amount):
        raise _fail("`unit` takes a measurement")
    try:
        return value.converted(_text(code, "unit"))
    except UnknownUnit as error:
        raise EvaluationFailed("UNKNOWN_UNIT", str(error)) from None


def label(value: object, locale: object = None) -> object:
    """The label of a code, or of each code of a list, in the mapping's locale or in the one that is named."""
    if value is None:
        return None
    named = None if locale is None else _text(locale, "label")
    if isinstance(value, (list, tuple)):
        return tuple(label(each, named) for each in value)
    if isinstance(value, Code):
        return value.label(named)
    raise _fail("`label` takes a code of a select, a family or a category")


def _unique(items: list[object]) -> object:
    return tuple(dict.fromkeys(items))


def _sum(items: list[object]) -> object:
    total: Decimal | int = 0
    for each in items:
        total = total + _number(each, "sum")
    return total


FILTERS: Mapping[str, Filter] = {
    "abs": lambda value: None if value is None else abs(_number(value, "abs")),
    "capitalize": _on_text("capitalize", str.capitalize),
    "count": _on_list("length", len),
    "d": default,
    "date": date_,
    "default": default,
    "escape": _on_text("escape", html.escape),
    "first": _on_list("first", lambda items: items[0] if items else None),
    "int": int_,
    "join": join,
    "label": label,
    "last": _on_list("last", lambda items: items[-1] if items else None),
    "length": _on_list("length", len),
    "lower": _on_text("lower", str.lower),
    "max": _on_list("max", lambda items: max(items) if items else None),  # type: ignore[type-var]
    "min": _on_list("min", lambda items: min(items) if items else None),  # type: ignore[type-var]
    "number": number,
    "replace": replace,
    "reverse": _on_list("reverse", lambda items: tuple(reversed(items))),
    "round": round_,
    "slug": _on_text("slug", slug_of),
    "sort": _on_list("sort", lambda items: tuple(sorted(items))),  # type: ignore[type-var]
    "string": lambda value: None if value is None else _text(value, "string"),
    "striptags": _on_text("striptags", text_of_html),
    "sum": _on_list("sum", _sum),
    "title": _on_text("title", str.title),
    "trim": _on_text("trim", str.strip),
    "truncate": truncate,
    "unique": _on_list("unique", _unique),
    "unit": unit,
    "upper": _on_text("upper", str.upper),
    "urlencode": _on_text("urlencode", lambda text: quote(text, safe="")),
}
