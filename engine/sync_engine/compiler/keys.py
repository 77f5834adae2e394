"""The text of a key of several fields: its parts in order, so that it can be read, compared and taken apart again."""

from __future__ import annotations

from collections.abc import Iterable

BETWEEN = " / "


def join_key(parts: Iterable[str]) -> str:
    """One text of the parts; a stroke within a part is doubled, so that no two keys have the same text."""
    return BETWEEN.join(part.replace("/", "//") for part in parts)


def split_key(key: str) -> tuple[str, ...]:
    """The parts of a text that ``join_key`` made.

    A single stroke only ever stands between parts; two of them are one stroke within a part.
    """
    parts = key.replace("//", "\0").split(BETWEEN)
    return tuple(part.replace("\0", "/") for part in parts)
