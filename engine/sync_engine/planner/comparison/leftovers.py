"""The scratch database of a comparison: what one version makes of the records and the other does not, so far.

A row that both versions make of the same page is compared at once. What is left over may be met on a later page, or in
a reading of its own; at the end it has entered, or left.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import orjson

from sync_engine.planner.encoding import Encoded
from sync_engine.planner.plan import Rejection
from sync_engine.planner.workspace import Workspace, load_reasons

_TABLES = """
CREATE TABLE yielded (pair INTEGER, side TEXT, key TEXT, stored_key TEXT, source_key TEXT, cause TEXT, fields BLOB,
    PRIMARY KEY (pair, side, key));
"""
_COLUMNS = "{0}.key, {0}.stored_key, {0}.source_key, {0}.cause, {0}.fields"
_UNDISPUTED = "NOT EXISTS (SELECT 1 FROM seen WHERE slot = ? AND seen.key = one.key AND disputed = 1)"


class Side(StrEnum):
    """Which version."""

    BASE = "base"
    HEAD = "head"


@dataclass(frozen=True, slots=True)
class Yielded:
    """A row that a version makes of a record.

    Attributes:
        key: as the target compares it.
        stored_key: as it is written.
        fields: by name; a field that is left alone is absent.
        cause: why the other version may not make it.
    """

    key: str
    stored_key: str
    source_key: str
    fields: Mapping[str, Encoded]
    cause: str = ""


class ComparisonSpace(Workspace):
    """A workspace with leftovers."""

    def __init__(self) -> None:
        super().__init__()
        self._db.executescript(_TABLES)
        self._db.execute("BEGIN")

    def leave_over(self, pair: int, side: Side, rows: Iterable[Yielded]) -> None:
        """Keep rows that the other version has not made yet."""
        packed = (
            (pair, side, each.key, each.stored_key, each.source_key, each.cause, orjson.dumps(each.fields))
            for each in rows
        )
        self._db.executemany("INSERT OR REPLACE INTO yielded VALUES (?, ?, ?, ?, ?, ?, ?)", packed)

    def met(self, pair: int, head_slot: int) -> Iterator[tuple[Yielded, Yielded]]:
        """Leftovers of both versions with the same key, the old one first."""
        rows = self._db.execute(
            f"SELECT {_COLUMNS.format('two')}, {_COLUMNS.format('one')} FROM yielded AS one "  # noqa: S608 - constants
            f"JOIN yielded AS two ON two.pair = one.pair AND two.side = 'base' AND two.key = one.key "
            f"WHERE one.pair = ? AND one.side = 'head' AND {_UNDISPUTED} ORDER BY one.key",
            (pair, head_slot),
        )
        return ((_yielded(row[:5]), _yielded(row[5:])) for row in rows)

    def only(self, pair: int, side: Side, slot: int) -> Iterator[Yielded]:
        """Leftovers of one version that the other has not made; none whose key more than one record claims."""
        rows = self._db.execute(
            f"SELECT {_COLUMNS.format('one')} FROM yielded AS one WHERE one.pair = ? AND one.side = ? "  # noqa: S608
            "AND NOT EXISTS (SELECT 1 FROM yielded AS two "
            "WHERE two.pair = one.pair AND two.side <> one.side AND two.key = one.key) "
            f"AND {_UNDISPUTED} ORDER BY one.key",
            (pair, side, slot),
        )
        return map(_yielded, rows)

    def left_over(self, pair: int, side: Side, keys: Sequence[str]) -> set[str]:
        """Those of the keys that are leftovers of a version."""
        marks = ",".join("?" * len(keys))
        found = self._db.execute(
            f"SELECT key FROM yielded WHERE pair = ? AND side = ? AND key IN ({marks})",  # noqa: S608 - marks
            (pair, side, *keys),
        )
        return {row[0] for row in found}

    def new_rejections(self, base: int | None, head: int) -> Iterator[Rejection]:
        """What the new version rejects and the old one did not, or not for the same reasons."""
        rows = self._db.execute(
            "SELECT key, source_key, reasons FROM rejections AS new WHERE stream = ? AND NOT EXISTS "
            "(SELECT 1 FROM rejections AS old WHERE old.stream = ? AND old.source_key = new.source_key "
            "AND old.key = new.key AND old.reasons = new.reasons) ORDER BY key, source_key, reasons",
            (head, base),
        )
        return (Rejection(key, source_key, load_reasons(reasons)) for key, source_key, reasons in rows)


def _yielded(row: Sequence[Any]) -> Yielded:
    key, stored_key, source_key, cause, fields = row
    return Yielded(key, stored_key, source_key, orjson.loads(fields), cause)
