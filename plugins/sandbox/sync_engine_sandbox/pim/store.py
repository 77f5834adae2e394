"""Products or product models by their primary key, in order, with what searching them needs."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

Json = dict[str, Any]


@dataclass(slots=True)
class EntityStore:
    """Entities sorted by key. Entities are never changed in place: a write puts a new one.

    A search index is fed after the write: until then it holds the version before. ``indexed`` gives what the index
    holds, ``get`` what the database holds.

    Args:
        key: the property that is the primary key: ``uuid`` or ``code``.
    """

    key: str
    by_key: dict[str, Json] = field(default_factory=dict)
    order: list[str] = field(default_factory=list)
    children: dict[str, set[str]] = field(default_factory=dict)
    _unindexed: dict[str, tuple[datetime, Json | None]] = field(default_factory=dict)

    def fill(self, entities: Iterable[Json]) -> None:
        """Take entities in, all at once."""
        for entity in entities:
            self.by_key[entity[self.key]] = entity
            if entity["parent"]:
                self.children.setdefault(entity["parent"], set()).add(entity[self.key])
        self.order = sorted(self.by_key)

    def get(self, key: str) -> Json | None:
        """The entity of a key, as the last write left it."""
        return self.by_key.get(key)

    def put(self, entity: Json, indexed_at: datetime | None = None) -> None:
        """Write an entity.

        Args:
            entity: the new version.
            indexed_at: when searches see it; None for at once.
        """
        key = entity[self.key]
        before = self.by_key.get(key)
        if before is None:
            insort(self.order, key)
        self._unlink(before)
        self.by_key[key] = entity
        if entity["parent"]:
            self.children.setdefault(entity["parent"], set()).add(key)
        if indexed_at is not None:
            self._unindexed.setdefault(key, (indexed_at, before))

    def remove(self, key: str) -> Json | None:
        """Delete an entity; gives what was there."""
        before = self.by_key.pop(key, None)
        if before is not None:
            self._unlink(before)
            del self.order[bisect_left(self.order, key)]
            self._unindexed.pop(key, None)
        return before

    def indexed(self, key: str, now: datetime) -> Json | None:
        """The version of an entity that a search sees."""
        waiting = self._unindexed.get(key) if self._unindexed else None
        if waiting is None:
            return self.by_key[key]
        if waiting[0] <= now:
            del self._unindexed[key]
            return self.by_key[key]
        return waiting[1]

    def keys_after(self, cursor: str) -> Iterator[str]:
        """The keys behind a cursor, in order; all of them when the cursor is empty."""
        order = self.order
        return (order[i] for i in range(bisect_right(order, cursor) if cursor else 0, len(order)))

    def children_of(self, parent: str) -> list[str]:
        """The keys of the direct children of a product model, in order."""
        return sorted(self.children.get(parent, ()))

    def _unlink(self, before: Json | None) -> None:
        if before is not None and before["parent"]:
            self.children[before["parent"]].discard(before[self.key])
