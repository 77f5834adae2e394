"""The filters and tests of expressions: the whole list, each with a bounded result.

A filter that works on text takes numbers and true/false as well, written as a template would write them. Without a
value (None) it yields no value, so that ``{{ description | striptags | upper }}`` needs no condition.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Callable, Mapping
from decimal import Decimal
from urllib.parse import quote

from sync_engine.expressions import dates, numbers
from sync_engine.expressions.errors import EvaluationFailed
from sync_engine.expressions.markup import striptags
from sync_engine.expressions.values import MAX_SIZE, Coded, Quantity, kind_of, size_of, text_of

Filter = Callable[..., object]


def _on_text(change: Callable[..., object]) -> Filter:
    """A filter from a function on text."""

    def filtered(value: object, *arguments: object, **named: object) -> object:
        return None if value is None else change(text_of(value), *arguments, **named)

    filtered.__wrapped__ = change  # type: ignore[attr-defined]  # its parameters are those of the function
    return filtered


def _items(value: object, name: str) -> tuple[object, ...]:
    if isinstance(value, tuple | list):
        return tuple(value)
    if value is None:
        return ()
    raise EvaluationFailed("WRONG_TYPE", f"`{name}` works on a list, not on {kind_of(value)}")


def _whole(value: object, what: str) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_SIZE:
        return value
    raise EvaluationFailed("WRONG_TYPE", f"{what} must be a whole number from 0 to {MAX_SIZE}")


def _replace(text: str, old: object, new: object, count: object = None) -> str:
    found, put = text_of(old), text_of(new)
    if not found:
        raise EvaluationFailed("WRONG_TYPE", "`replace` needs a text to look for")
    times = -1 if count is None else _whole(count, "how often `replace` replaces")
    if text.count(found) * max(len(put) - len(found), 0) + len(text) > MAX_SIZE and times != 0:
        raise EvaluationFailed("TOO_LARGE", f"`replace` would make more than {MAX_SIZE:,} characters")
    return text.replace(found, put, times)


def _truncate(text: str, length: object = 255, end: object = "…") -> str:
    """Cut to a length in characters, the end mark included; a text that fits stays as it is."""
    limit, mark = _whole(length, "the length of `truncate`"), text_of(end)
    if len(text) <= limit:
        return text
    return text[: max(limit - len(mark), 0)].rstrip() + mark[:limit]


def _split(text: str, separator: object = None) -> tuple[str, ...]:
    by = None if separator is None else text_of(separator)
    if by == "":
        raise EvaluationFailed("WRONG_TYPE", "`split` needs a separator of at least one character")
    return tuple(text.split(by))


_TRANSLITERATION = str.maketrans(
    {
        "ß": "ss", "ẞ": "SS", "æ": "ae", "Æ": "AE", "œ": "oe", "Œ": "OE", "ø": "o", "Ø": "O", "đ": "d", "Đ": "D",
        "ð": "d", "Ð": "D", "ł": "l", "Ł": "L", "þ": "th", "Þ": "TH", "ı": "i",
    }
)  # fmt: skip
_NO_SLUG = re.compile(r"[^a-z0-9]++")


def _slug(text: str) -> str:
    """Lower-case ASCII letters and digits with single hyphens; letters lose their accents, others are left out."""
    plain = unicodedata.normalize("NFKD", text.translate(_TRANSLITERATION)).encode("ascii", "ignore").decode()
    return _NO_SLUG.sub("-", plain.lower()).strip("-")


def _join(value: object, separator: object = "") -> str:
    """Items as one text; items without a value are left out."""
    put = text_of(separator)
    texts = [text_of(each) for each in _items(value, "join") if each is not None]
    if sum(map(len, texts)) + len(put) * max(len(texts) - 1, 0) > MAX_SIZE:
        raise EvaluationFailed("TOO_LARGE", f"a text of more than {MAX_SIZE:,} characters would be made")
    return put.join(texts)


def _default(value: object, instead: object = "", boolean: object = False) -> object:
    """Another value where there is none; with ``true`` also for an empty text or list, zero and false."""
    return instead if value is None or (boolean and not value) else value


def _end(value: object, name: str, index: int) -> object:
    items: tuple[object, ...] | str = value if isinstance(value, str) else _items(value, name)
    return items[index] if items else None


def _first(value: object) -> object:
    return _end(value, "first", 0)


def _last(value: object) -> object:
    return _end(value, "last", -1)


def _length(value: object) -> int:
    return len(value) if isinstance(value, str) else len(_items(value, "length"))


def _comparable(value: object, name: str) -> tuple[object, ...]:
    items = _items(value, name)
    text = all(isinstance(each, str) for each in items)
    if text or all(isinstance(each, int | Decimal) and not isinstance(each, bool) for each in items):
        return items
    raise EvaluationFailed("WRONG_TYPE", f"`{name}` works on a list of texts or a list of numbers")


def _sort(value: object, reverse: object = False) -> tuple[object, ...]:
    return tuple(sorted(_comparable(value, "sort"), reverse=bool(reverse)))  # type: ignore[type-var]


def _min(value: object) -> object:
    return min(_comparable(value, "min"), default=None)  # type: ignore[type-var]


def _max(value: object) -> object:
    return max(_comparable(value, "max"), default=None)  # type: ignore[type-var]


def _sum(value: object) -> object:
    total: numbers.Number = 0
    for each in _items(value, "sum"):
        total = numbers.calculate("+", total, numbers.as_number(each, "`sum`"))
    return total


def _unique(value: object) -> tuple[object, ...]:
    seen: dict[object, object] = {}
    for each in _items(value, "unique"):
        if isinstance(each, tuple | list | Mapping):
            raise EvaluationFailed(
                "WRONG_TYPE", f"`unique` works on a list of texts or numbers, not of {kind_of(each)}"
            )
        # True equals 1, but is not the same value.
        seen.setdefault((isinstance(each, bool), each), each)
    return tuple(seen.values())


def _reverse(value: object) -> object:
    return value[::-1] if isinstance(value, str) else _items(value, "reverse")[::-1]


def _list(value: object) -> tuple[object, ...]:
    return tuple(value) if isinstance(value, str) else _items(value, "list")


def _map(value: object, name: str, *arguments: object) -> tuple[object, ...]:
    """Another filter on each item; its name and arguments have been checked before."""
    made: list[object] = []
    size = 0
    for each in _items(value, "map"):
        made.append(FILTERS[name](each, *arguments))
        size += size_of(made[-1])
        if size > MAX_SIZE:
            raise EvaluationFailed("TOO_LARGE", f"`map` would make more than {MAX_SIZE:,} characters")
    return tuple(made)


def _select(value: object) -> tuple[object, ...]:
    return tuple(each for each in _items(value, "select") if each)


def _reject(value: object) -> tuple[object, ...]:
    return tuple(each for each in _items(value, "reject") if not each)


def _number(value: object, decimals: object = None) -> object:
    """A number from a text, which uses a decimal point; rounded when a number of decimals is given."""
    found = numbers.parse(value) if isinstance(value, str) else value
    if found is None:
        return None
    number = numbers.as_number(found, "`number`")
    return number if decimals is None else numbers.rounded(number, decimals)


def _int(value: object) -> object:
    found = _number(value)
    return None if found is None else numbers.truncated(numbers.as_number(found, "`int`"))


def _round(value: object, precision: object = 0) -> object:
    return None if value is None else numbers.rounded(numbers.as_number(value, "`round`"), precision)


def _abs(value: object) -> object:
    if value is None:
        return None
    number = numbers.as_number(value, "`abs`")
    return number if number >= 0 else numbers.calculate("-", 0, number)


def _unit(value: object, code: str) -> object:
    """Amount of a measurement in a unit of its family."""
    if value is None:
        return None
    if not isinstance(value, Quantity):
        raise EvaluationFailed("WRONG_TYPE", f"`unit` works on a measurement, not on {kind_of(value)}")
    return value.amount_in(text_of(code))


def _label(value: object, locale: object = None) -> object:
    """Label of a code, labels of a list of codes; the code itself where there is no label."""
    if isinstance(value, tuple | list):
        return tuple(_label(each, locale) for each in value)
    if isinstance(value, Coded):
        return value.label(None if locale is None else text_of(locale))
    if value is None:
        return None
    raise EvaluationFailed("WRONG_TYPE", f"`label` works on codes with labels, not on {kind_of(value)}")


FILTERS: Mapping[str, Filter] = {
    # Text
    "upper": _on_text(str.upper),
    "lower": _on_text(str.lower),
    "title": _on_text(str.title),
    "capitalize": _on_text(str.capitalize),
    "trim": _on_text(lambda text: text.strip()),
    "strip": _on_text(lambda text: text.strip()),
    "replace": _on_text(_replace),
    "truncate": _on_text(_truncate),
    "split": _on_text(_split),
    "startswith": _on_text(lambda text, start: text.startswith(text_of(start))),
    "endswith": _on_text(lambda text, end: text.endswith(text_of(end))),
    "escape": _on_text(lambda text: html.escape(text)),
    "e": _on_text(lambda text: html.escape(text)),
    "urlencode": _on_text(lambda text: quote(text, safe="")),
    "striptags": _on_text(striptags),
    "slug": _on_text(_slug),
    "string": _on_text(lambda text: text),
    "date": _on_text(dates.formatted),
    # Values of any kind
    "default": _default,
    "d": _default,
    "label": _label,
    # Lists, and the letters of a text
    "join": _join,
    "first": _first,
    "last": _last,
    "length": _length,
    "count": _length,
    "sort": _sort,
    "unique": _unique,
    "reverse": _reverse,
    "list": _list,
    "map": _map,
    "select": _select,
    "reject": _reject,
    "min": _min,
    "max": _max,
    "sum": _sum,
    # Numbers
    "number": _number,
    "int": _int,
    "round": _round,
    "abs": _abs,
    "unit": _unit,
}


def _is_number(value: object) -> bool:
    return isinstance(value, int | Decimal) and not isinstance(value, bool)


def _is_even(value: object) -> bool:
    return numbers.calculate("%", numbers.as_number(value, "`even`"), 2) == 0


def _is_odd(value: object) -> bool:
    return not _is_even(value)


TESTS: Mapping[str, Callable[..., bool]] = {
    "none": lambda value: value is None,
    "string": lambda value: isinstance(value, str),
    "number": _is_number,
    "boolean": lambda value: isinstance(value, bool),
    "true": lambda value: value is True,
    "false": lambda value: value is False,
    "even": _is_even,
    "odd": _is_odd,
}

METHODS = frozenset({"upper", "lower", "title", "capitalize", "strip", "replace", "split", "startswith", "endswith"})
"""Methods of text that may be called as Python writes them: ``name.upper()`` is read as ``name | upper``."""
