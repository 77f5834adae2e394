"""Plain data, the places where it was written, and safe ways to look into data that may have any shape."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import TypeAlias

from sync_engine.sdk.problem import Origin, Problem

Plain: TypeAlias = "dict[str, Plain] | list[Plain] | str | int | Decimal | bool | None"
Pointer: TypeAlias = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """One YAML file.

    Attributes:
        path: the file.
        name: how messages call it.
        text: as read, for excerpts; not in ``repr``, because a project file may hold secrets.
        data: its content; keys are texts, numbers are int or Decimal.
        places: place of each value by pointer.
        key_places: place of each key by the pointer of its value.
        problems: what was refused although the structure can be read; a document with problems must not be used
            for anything but finding more of them.
        refused: pointers of the values that are None because they were refused.
    """

    path: Path
    name: str
    text: str = field(repr=False)
    data: Plain = field(repr=False)
    places: Mapping[Pointer, Origin] = field(repr=False)
    key_places: Mapping[Pointer, Origin] = field(repr=False)
    problems: tuple[Problem, ...] = ()
    refused: frozenset[Pointer] = frozenset()

    def origin(self, pointer: Pointer = ()) -> Origin:
        """Where a value was written; of what was not written, where its nearest container was."""
        while pointer and pointer not in self.places:
            pointer = pointer[:-1]
        return self.places.get(pointer, Origin(self.name, 1, 1))

    def key_origin(self, pointer: Pointer) -> Origin:
        """Where the key of a value was written; the value's own place for items of a list."""
        return self.key_places.get(pointer) or self.origin(pointer)


def table(value: Plain) -> dict[str, Plain]:
    """The value if it is a mapping, else an empty one."""
    return value if isinstance(value, dict) else {}


def items(value: Plain) -> list[Plain]:
    """The value if it is a list, else an empty one."""
    return value if isinstance(value, list) else []


def text(value: Plain) -> str | None:
    """The value if it is a text."""
    return value if isinstance(value, str) else None


def texts(value: Plain) -> tuple[str, ...]:
    """The texts of a list."""
    return tuple(each for each in items(value) if isinstance(each, str))


def number(value: Plain) -> int | None:
    """The value if it is a whole number."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None
