"""What changes of one record: its fields, with their values before and after, and why they differ."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from functools import partial
from typing import NamedTuple, TypeAlias, overload

from sync_engine.planner.encoding import Encoded


class Cause(StrEnum):
    """Why a field of a record differs from what the mapping yields; see ``planner.causes``."""

    FIRST = "first"
    PIM = "pim"
    MAPPING = "mapping"
    ORG = "org"
    BOTH = "both"


class ConfigCause(StrEnum):
    """Why two versions of a catalog make something else of the same record; see ``planner.comparing``."""

    MAPPING = "mapping"  # the field is filled in another way
    FIELD = "field"  # the field is new
    EMPTIED = "emptied"  # a value that is not there left the field alone, and now empties it
    LEFT = "left"  # the field is left alone now
    SETTINGS = "settings"  # locales, channel or time zone
    FILTER = "filter"
    ROWS = "rows"  # what a record is exploded into
    KEY = "key"
    SOURCE = "source"  # another collection or connection
    STREAM = "stream"  # the stream is new, or gone
    CATALOG = "catalog"  # likewise
    REJECTED = "rejected"  # the record could not be written before
    ON_MISSING = "on_missing"


class FieldChange(NamedTuple):
    """One field of a change; encoded values, None where the field is empty.

    A plan holds as many of these as it changes fields, so it is of the kind that is made fastest. ``cause`` is one of
    ``Cause`` in updates, and empty in all else; where two versions of a catalog are compared, one of ``ConfigCause``.
    """

    field: str
    before: Encoded
    after: Encoded
    cause: str = ""


class NewFields(Sequence[FieldChange]):
    """The fields of a new record, before which there was nothing: names and values are all that there is to say.

    Most of the fields of a large transfer are such, so they are kept as they come: a mapping, and no object per field.
    """

    __slots__ = ("values",)

    def __init__(self, values: Mapping[str, Encoded]) -> None:
        self.values = values

    def __iter__(self) -> Iterator[FieldChange]:
        return (FieldChange(name, None, after) for name, after in self.values.items())

    def __len__(self) -> int:
        return len(self.values)

    @overload
    def __getitem__(self, place: int) -> FieldChange: ...
    @overload
    def __getitem__(self, place: slice) -> tuple[FieldChange, ...]: ...
    def __getitem__(self, place: int | slice) -> FieldChange | tuple[FieldChange, ...]:
        return tuple(self)[place]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and tuple(self) == tuple(other)

    def __hash__(self) -> int:
        return hash(tuple(self))


Fields: TypeAlias = tuple[FieldChange, ...] | NewFields


_make_field = partial(tuple.__new__, FieldChange)
"""``FieldChange._make`` without its check, which takes three times as long; a large plan has millions of fields."""


def field_changes(fields: Iterable[Sequence[Encoded]] | dict[str, Encoded]) -> Fields:
    """The fields of a change from plain data."""
    return NewFields(fields) if isinstance(fields, dict) else tuple(map(_make_field, fields))
