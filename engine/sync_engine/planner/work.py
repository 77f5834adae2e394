"""A stream while it is being planned: what is known of it so far."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from sync_engine.compiler.compiled import CompiledField, CompiledStream
from sync_engine.sdk.source import Pushdown
from sync_engine.sdk.target import FieldDescription, FieldRequest


@dataclass(slots=True)
class Slot:
    """An object with its key field, and the fields of it that any stream compares."""

    number: int
    object_name: str
    key: FieldDescription
    requests: list[FieldRequest] = field(default_factory=list)
    descriptions: list[FieldDescription] = field(default_factory=list)

    def column(self, compiled: CompiledField) -> int:
        """The place of a field among the slot's columns; it is added when it is new."""
        if compiled.request not in self.requests:
            self.requests.append(compiled.request)
            self.descriptions.append(compiled.description)
        return self.requests.index(compiled.request)

    def normalise(self, key: str) -> str:
        """The key as the target compares it."""
        return key if self.key.case_sensitive else key.casefold()


@dataclass(slots=True)
class Work:
    """A stream while it is being planned."""

    number: int
    stream: CompiledStream
    slot: Slot
    columns: list[int]
    missing_columns: list[int]
    pushdown: Pushdown
    read: int = 0
    filtered: int = 0
    unchanged: int = 0
    keyless: int = 0
    pages: int = 0
    emptied: Counter[str] = field(default_factory=Counter)
    filled: Counter[str] = field(default_factory=Counter)
    new_options: dict[str, dict[str, str]] = field(default_factory=dict)
