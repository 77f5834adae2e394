"""Record ids: 15 case-sensitive characters and the 3 characters that make them safe in case-blind tools."""

from __future__ import annotations

import re
import string

ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
CHECKSUM = string.ascii_uppercase + "012345"
INSTANCE = "Qy0"
SHAPE = re.compile(r"[0-9A-Za-z]{15}(?:[0-9A-Za-z]{3})?\Z")


def base62(number: int, width: int) -> str:
    """Write ``number`` with the 62 digits of an id, left-filled with zeros."""
    digits: list[str] = []
    while number:
        number, rest = divmod(number, 62)
        digits.append(ALPHABET[rest])
    return "".join(reversed(digits)).rjust(width, "0")


def checksum(short: str) -> str:
    """The last three characters: each tells which of five characters are upper case."""
    return "".join(
        CHECKSUM[sum(1 << bit for bit, letter in enumerate(short[start : start + 5]) if letter.isupper())]
        for start in (0, 5, 10)
    )


def make_id(prefix: str, number: int) -> str:
    """The 18-character id of the ``number``-th record with this key prefix."""
    short = prefix + INSTANCE + base62(number, 9)
    return short + checksum(short)


def long_id(text: str) -> str | None:
    """The 18-character form of ``text``, or None where it is not an id.

    The checksum of an 18-character id corrects letters whose case got lost, as the platform does.
    """
    if not SHAPE.match(text):
        return None
    short = text[:15]
    if len(text) == 15:
        return short + checksum(short)
    suffix = text[15:].upper()
    if any(letter not in CHECKSUM for letter in suffix):
        return None
    restored = "".join(
        letter.upper() if CHECKSUM.index(suffix[position // 5]) >> (position % 5) & 1 else letter.lower()
        for position, letter in enumerate(short)
    )
    return restored + suffix if checksum(restored) == suffix else None
