"""Answers as JSON, exactly: what a lenient parser would let pass is refused.

The standard library's parser is used, not a faster one, because it can keep decimal fractions exact and tell a
repeated key; on product pages it takes a third longer, which does not show beside the network.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import NoReturn

_SURROGATE = re.compile(r"[\ud800-\udfff]")
_ESCAPED_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


class Malformed(ValueError):
    """The bytes are no JSON, or JSON that says two things at once."""


def decode(body: bytes) -> object:
    """The document in ``body``; numbers are ``int`` or ``Decimal``.

    Raises:
        Malformed: not UTF-8, not JSON, cut off, nested too deep, ``NaN``, a repeated key, half of a surrogate pair.
    """
    try:
        text = body.decode("utf-8")
        document: object = json.loads(
            text, parse_float=Decimal, parse_constant=_no_constant, object_pairs_hook=_unique_keys
        )
    except RecursionError:
        raise Malformed("nested too deep") from None
    except ArithmeticError:
        raise Malformed("a number out of range") from None
    except UnicodeDecodeError:
        raise Malformed("not UTF-8") from None
    except Malformed:
        raise
    except ValueError as error:  # also an integer of thousands of digits
        raise Malformed(str(error)) from None
    if "\\u" in text and _ESCAPED_SURROGATE.search(text) and _holds_surrogate(document):
        raise Malformed("half of a surrogate pair")
    return document


def _holds_surrogate(document: object) -> bool:
    return _SURROGATE.search(json.dumps(document, ensure_ascii=False, default=str)) is not None


def members(value: object) -> Mapping[str, object]:
    """A JSON object; an empty list counts as an empty object, because PHP prints one for the other.

    Raises:
        Malformed: it is something else.
    """
    if isinstance(value, dict):
        return value
    if value == []:
        return {}
    raise Malformed(f"an object was expected, not {describe(value)}")


def elements(value: object) -> list[object]:
    """A JSON list; an empty object counts as an empty list.

    Raises:
        Malformed: it is something else.
    """
    if isinstance(value, list):
        return value
    if value == {}:
        return []
    raise Malformed(f"a list was expected, not {describe(value)}")


def text(value: object) -> str:
    """A JSON text.

    Raises:
        Malformed: it is something else.
    """
    if isinstance(value, str):
        return value
    raise Malformed(f"a text was expected, not {describe(value)}")


def texts(value: object) -> tuple[str, ...]:
    """A JSON list of texts."""
    return tuple(text(each) for each in elements(value))


def describe(value: object) -> str:
    """A value for a message; ``Answers.clean`` takes secrets out of it, and only then it can be cut."""
    return "null" if value is None else repr(value)


def _unique_keys(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Malformed("the same key twice in one object")
    return found


def _no_constant(name: str) -> NoReturn:
    raise Malformed(f"{name} is not JSON")
