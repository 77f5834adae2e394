"""What a YAML scalar without quotes means: YAML 1.2 core schema, minus its traps.

``no``, ``on``, ``012``, ``1_000``, ``1:30`` and ``2024-01-01`` are texts. Numbers are what people write as numbers:
``-12`` and ``0.5``. What YAML 1.2 also reads as a number (``12E4``, ``0x1F``, ``0o14``, ``+5``, ``.5``, ``.inf``) is
refused rather than guessed, because it may be an article number.
"""

from __future__ import annotations

import re
from decimal import Decimal

_INTEGER = re.compile(r"-?(0|[1-9][0-9]*)")
_DECIMAL = re.compile(r"-?(0|[1-9][0-9]*)\.[0-9]+")
_LEADING_ZERO = re.compile(r"[-+]?0[0-9]")
_OTHER_NUMBER = re.compile(
    r"0o[0-7]+|0x[0-9a-fA-F]+|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)|[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?"
)
_CONSTANTS: dict[str, bool | None] = {
    "": None,
    "~": None,
    **dict.fromkeys(("null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
MAX_DIGITS = 38


class Ambiguous(ValueError):
    """The text can be read as a number or as a text; the user must say which."""


def plain_scalar(text: str) -> str | int | Decimal | bool | None:
    """The value of a scalar that was written without quotes.

    Raises:
        Ambiguous: see the module.
    """
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if text[0] not in "+-.0123456789" or _LEADING_ZERO.match(text):
        return text
    if _INTEGER.fullmatch(text) and len(text) <= MAX_DIGITS:
        return int(text)
    if _DECIMAL.fullmatch(text) and len(text) <= MAX_DIGITS:
        return Decimal(text)
    if _OTHER_NUMBER.fullmatch(text):
        raise Ambiguous(text)
    return text
