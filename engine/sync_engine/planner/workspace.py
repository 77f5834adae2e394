"""A scratch database on disk for one plan, so that memory does not grow with the number of records.

``held`` is what the target holds now, ``seen`` which source record claims which key, ``changes`` and ``rejections``
what becomes of it, ``parents`` which changes need a parent record. A *slot* is an object together with its key field:
streams that write to the same slot share its rows.
"""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import orjson

from sync_engine.catalog.mapping import WhenMissingParent
from sync_engine.planner.encoding import Encoded
from sync_engine.planner.held import HeldRow
from sync_engine.planner.plan import (
    Change,
    ChangeKind,
    Kept,
    KeptField,
    PackedChange,
    Rejection,
    modified_from_data,
    modified_to_data,
)
from sync_engine.sdk.target import Owner, Reason

# Tables with long rows keep them apart from their index: a tree of long rows is slow to search and to fill.
_TABLES = """
CREATE TABLE held (slot INTEGER, key TEXT, id TEXT, stored_key TEXT, fields BLOB, PRIMARY KEY (slot, key));
CREATE TABLE seen (slot INTEGER, key TEXT, stream INTEGER, source_key TEXT, disputed INTEGER DEFAULT 0,
    PRIMARY KEY (slot, key)) WITHOUT ROWID;
CREATE TABLE adopted (slot INTEGER, id TEXT, stream INTEGER, key TEXT, PRIMARY KEY (slot, id)) WITHOUT ROWID;
CREATE TABLE ambiguous (slot INTEGER, key TEXT, id TEXT, PRIMARY KEY (slot, key, id)) WITHOUT ROWID;
CREATE TABLE spared (slot INTEGER, key TEXT, PRIMARY KEY (slot, key)) WITHOUT ROWID;
CREATE TABLE changes (stream INTEGER, key TEXT, slot INTEGER, kind TEXT,
    wave INTEGER DEFAULT 0, record BLOB, fields BLOB, PRIMARY KEY (stream, key));
CREATE INDEX changes_by_slot ON changes (slot, key);
CREATE TABLE kept (stream INTEGER, key TEXT, record BLOB, PRIMARY KEY (stream, key)) WITHOUT ROWID;
CREATE TABLE rejections (stream INTEGER, key TEXT, source_key TEXT, reasons BLOB);
CREATE INDEX rejections_by_source ON rejections (stream, source_key);
CREATE TABLE parents (stream INTEGER, key TEXT, field TEXT, slot INTEGER, parent TEXT, parent_key TEXT, missing TEXT,
    PRIMARY KEY (stream, key, field)) WITHOUT ROWID;
CREATE INDEX parents_by_parent ON parents (slot, parent);
"""
_CHILDREN_IN_WAVE = """SELECT p.stream, p.key FROM parents AS p JOIN changes AS parent
    ON parent.slot = p.slot AND parent.key = p.parent AND parent.stream = p.stream
    WHERE parent.kind = 'create' AND parent.wave = ?"""
_NEXT_WAVE = f"UPDATE changes SET wave = ? WHERE (stream, key) IN ({_CHILDREN_IN_WAVE})"  # noqa: S608 - constants
_CHANGES = "SELECT kind, record, fields, wave FROM changes"
_MOST_VARIABLES = 500


@dataclass(frozen=True, slots=True)
class Held:
    """A record the target holds: its id, its key as stored, its encoded fields in the order of the slot's columns."""

    id: str
    key: str
    fields: list[Encoded]


@dataclass(frozen=True, slots=True)
class Orphan:
    """A change whose parent neither exists nor is about to."""

    stream: int
    key: str
    field: str
    parent_key: str
    missing: WhenMissingParent


class Workspace:
    """The scratch database; used from one thread."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="sync-engine-")
        path = Path(self._folder.name) / "plan.db"
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        # Nothing here outlives the process: no journal, no waiting for the disk.
        self._db.executescript("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -65536;")
        self._db.executescript(_TABLES)
        # One transaction from beginning to end, that is never committed: each commit would write to the file.
        self._db.execute("BEGIN")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._db.close()
        self._folder.cleanup()

    def hold(self, slot: int, rows: Iterable[HeldRow], *, unique: bool = True) -> None:
        """Keep rows of the target.

        Args:
            slot: they are of.
            rows: each of them.
            unique: whether the target itself sees to it that no two have the same key.
        """
        packed = ((slot, key, id_, stored, orjson.dumps(fields)) for key, id_, stored, fields in rows)
        if unique:
            self._db.executemany("INSERT OR REPLACE INTO held VALUES (?, ?, ?, ?, ?)", packed)
            return
        for row in packed:
            if self._db.execute("INSERT OR IGNORE INTO held VALUES (?, ?, ?, ?, ?)", row).rowcount == 0:
                self._db.execute("INSERT OR IGNORE INTO ambiguous VALUES (?, ?, ?)", row[:3])

    def forget_held(self, slot: int) -> None:
        """Drop what is kept of a slot, because all of it is read anew."""
        for table in ("held", "ambiguous"):
            self._db.execute(f"DELETE FROM {table} WHERE slot = ?", (slot,))  # noqa: S608 - constants

    def ambiguous(self, slot: int, keys: Sequence[str]) -> dict[str, list[str]]:
        """Those of the keys that more than one record of the target has, each with the ids of its other records."""
        found: dict[str, list[str]] = {}
        for key, id_ in self._select_in("SELECT key, id FROM ambiguous WHERE slot = ? AND key IN", slot, keys):
            found.setdefault(key, []).append(id_)
        return found

    def held_count(self, slot: int) -> int:
        """How many records the target holds in a slot."""
        return int(self._db.execute("SELECT count(*) FROM held WHERE slot = ?", (slot,)).fetchone()[0])

    def find_held(self, slot: int, keys: Sequence[str]) -> dict[str, Held]:
        """The held records with these normalised keys."""
        return {
            row[0]: Held(row[1], row[2], orjson.loads(row[3]))
            for row in self._select_in(
                "SELECT key, id, stored_key, fields FROM held WHERE slot = ? AND key IN", slot, keys
            )
        }

    def spellings(self, slot: int, keys: Sequence[str]) -> dict[str, str]:
        """The keys of held records as the target stores them, by normalised key."""
        return dict(self._select_in("SELECT key, stored_key FROM held WHERE slot = ? AND key IN", slot, keys))

    def claim(self, slot: int, stream: int, keys: Sequence[tuple[str, str]]) -> dict[str, tuple[int, str]]:
        """Claim normalised keys for source records, given as (key, source key).

        Returns:
            The keys that another record claimed before: (stream, source key) of the first one.
        """
        wanted = [key for key, _ in keys]
        taken: dict[str, tuple[int, str]] = {
            row[0]: (row[1], row[2])
            for row in self._select_in(
                "SELECT key, stream, source_key FROM seen WHERE slot = ? AND key IN", slot, wanted
            )
        }
        self._db.executemany(
            "INSERT OR IGNORE INTO seen (slot, key, stream, source_key) VALUES (?, ?, ?, ?)",
            ((slot, key, stream, source) for key, source in keys),
        )
        return taken

    def has_claims(self, stream: int, source_key: str) -> bool:
        """Whether a source record, or a row of it, has claimed any key."""
        row = self._db.execute(
            "SELECT 1 FROM seen WHERE stream = ? AND (source_key = ? OR substr(source_key, 1, ?) = ? || '/') LIMIT 1",
            (stream, source_key, len(source_key) + 1, source_key),
        ).fetchone()
        return row is not None

    def dispute(self, slot: int, key: str) -> None:
        """Note that more than one record claims a key."""
        self._db.execute("UPDATE seen SET disputed = 1 WHERE slot = ? AND key = ?", (slot, key))

    def is_disputed(self, slot: int, key: str) -> bool:
        """Whether more than one record claims a key."""
        row = self._db.execute("SELECT disputed FROM seen WHERE slot = ? AND key = ?", (slot, key)).fetchone()
        return bool(row and row[0])

    def adopter(self, slot: int, target_id: str, stream: int, key: str) -> tuple[int, str] | None:
        """Who has adopted a record of the target before: (stream, key); None when it is adopted now."""
        self._db.execute("INSERT OR IGNORE INTO adopted VALUES (?, ?, ?, ?)", (slot, target_id, stream, key))
        row = self._db.execute(
            "SELECT stream, key FROM adopted WHERE slot = ? AND id = ?", (slot, target_id)
        ).fetchone()
        return None if (row[0], row[1]) == (stream, key) else (row[0], row[1])

    def spare(self, slot: int, keys: Iterable[str]) -> None:
        """Note keys whose records in the target must be left alone, though nothing is written to them."""
        self._db.executemany("INSERT OR IGNORE INTO spared VALUES (?, ?)", ((slot, key) for key in keys))

    def unclaimed(self, slot: int, keys: Sequence[str]) -> list[str]:
        """Those of the keys that no source record has claimed in this plan and that are not spared."""
        taken = {row[0] for row in self._select_in("SELECT key FROM seen WHERE slot = ? AND key IN", slot, keys)}
        taken |= {row[0] for row in self._select_in("SELECT key FROM spared WHERE slot = ? AND key IN", slot, keys)}
        return [key for key in keys if key not in taken]

    def _select_in(self, statement: str, slot: int, keys: Sequence[str]) -> Iterator[tuple[Any, ...]]:
        for start in range(0, len(keys), _MOST_VARIABLES):
            part = keys[start : start + _MOST_VARIABLES]
            yield from self._db.execute(f"{statement} ({','.join('?' * len(part))})", (slot, *part))

    def add_changes(self, stream: int, slot: int, changes: Iterable[tuple[str, Change]]) -> None:
        """Keep changes under their normalised keys."""
        self._db.executemany(
            "INSERT OR REPLACE INTO changes (stream, key, slot, kind, record, fields) VALUES (?, ?, ?, ?, ?, ?)",
            ((stream, key, slot, *_columns(each.packed())) for key, each in changes),
        )

    def drop_change(self, stream: int, key: str) -> Change | None:
        """Take a change away and return it."""
        change = self._change(stream, key)
        if change is None:
            return None
        self._db.execute("DELETE FROM changes WHERE stream = ? AND key = ?", (stream, key))
        self._db.execute("DELETE FROM parents WHERE stream = ? AND key = ?", (stream, key))
        return change

    def _change(self, stream: int, key: str) -> Change | None:
        row = self._db.execute(f"{_CHANGES} WHERE stream = ? AND key = ?", (stream, key)).fetchone()
        return None if row is None else _packed(row).unpacked()

    def keep(self, stream: int, kept: Iterable[tuple[str, Kept]]) -> None:
        """Note what is left as it is, under normalised keys."""
        self._db.executemany(
            "INSERT OR REPLACE INTO kept VALUES (?, ?, ?)", ((stream, key, _dump_kept(each)) for key, each in kept)
        )

    def drop_kept(self, stream: int, key: str) -> None:
        """Forget what of a record is left as it is."""
        self._db.execute("DELETE FROM kept WHERE stream = ? AND key = ?", (stream, key))

    def kept(self, stream: int) -> Iterator[Kept]:
        """What is left as it is, by key."""
        rows = self._db.execute("SELECT record FROM kept WHERE stream = ? ORDER BY key", (stream,))
        return (_load_kept(row[0]) for row in rows)

    def need_parents(self, rows: Iterable[tuple[int, str, str, int, str, str, str]]) -> None:
        """Note the parents that changes need.

        Each row: (stream, key, field, parent's slot, parent's normalised key, parent's key, what to do when there
        is no such parent).
        """
        self._db.executemany("INSERT OR REPLACE INTO parents VALUES (?, ?, ?, ?, ?, ?, ?)", rows)

    def orphans(self) -> list[Orphan]:
        """Changes whose parent neither exists in the target nor is among the changes."""
        rows = self._db.execute(
            "SELECT stream, key, field, parent_key, missing FROM parents AS p WHERE "
            "NOT EXISTS (SELECT 1 FROM held WHERE held.slot = p.slot AND held.key = p.parent) AND "
            "NOT EXISTS (SELECT 1 FROM changes WHERE changes.slot = p.slot AND changes.key = p.parent)"
        )
        return [Orphan(row[0], row[1], row[2], row[3], WhenMissingParent(row[4])) for row in rows]

    def leave_field(self, orphan: Orphan) -> Change | None:
        """Take the parent's field out of an orphaned change; returns the change when nothing is left of it."""
        change = self._change(orphan.stream, orphan.key)
        if change is None:  # another of its parents was missing too, and that rejected it
            return None
        fields = tuple(each for each in change.fields if each.field != orphan.field)
        self._db.execute(
            "DELETE FROM parents WHERE stream = ? AND key = ? AND field = ?", (orphan.stream, orphan.key, orphan.field)
        )
        if not fields and change.kind is ChangeKind.UPDATE:
            return self.drop_change(orphan.stream, orphan.key)
        self._db.execute(
            "UPDATE changes SET fields = ? WHERE stream = ? AND key = ?",
            (replace(change, fields=fields).packed().fields, orphan.stream, orphan.key),
        )
        return None

    def order_waves(self, most: int) -> list[tuple[int, str]]:
        """Put children of records that are created in the same stream one wave behind them.

        Args:
            most: levels at most; what still moves then is part of a cycle.

        Returns:
            (stream, key) of the changes in a cycle.
        """
        for wave in range(most):
            cursor = self._db.execute(_NEXT_WAVE, (wave + 1, wave))
            if cursor.rowcount == 0:
                return []
        return [(row[0], row[1]) for row in self._db.execute(_CHILDREN_IN_WAVE, (most,))]

    def reject(self, stream: int, rejections: Iterable[Rejection]) -> None:
        """Keep rejections."""
        self._db.executemany(
            "INSERT INTO rejections VALUES (?, ?, ?, ?)",
            ((stream, each.key, each.source_key, _dump_reasons(each.reasons)) for each in rejections),
        )

    def is_rejected(self, stream: int, source_key: str) -> bool:
        """Whether a source record has been rejected already."""
        row = self._db.execute(
            "SELECT 1 FROM rejections WHERE stream = ? AND source_key = ?", (stream, source_key)
        ).fetchone()
        return row is not None

    def changes(self, stream: int, kinds: Sequence[ChangeKind] = tuple(ChangeKind)) -> Iterator[PackedChange]:
        """The changes of a stream by wave and key: the same input gives the same order."""
        of_kind = "" if len(kinds) == len(ChangeKind) else f"AND kind IN ({','.join('?' * len(kinds))})"
        waves = self._db.execute(
            "SELECT DISTINCT wave FROM changes WHERE stream = ? ORDER BY wave", (stream,)
        ).fetchall()
        # Wave by wave: the rows of one stand in an index in this order; all of them would be sorted with all they hold.
        asked = f"{_CHANGES} WHERE stream = ? AND wave = ? {of_kind} ORDER BY key"
        for (wave,) in waves:
            yield from map(_packed, self._db.execute(asked, (stream, wave, *(kinds if of_kind else ()))))

    def count(self, stream: int) -> int:
        """Number of changes of a stream."""
        return sum(self.counts(stream).values())

    def counts(self, stream: int) -> dict[str, int]:
        """Number of changes of a stream by kind."""
        return dict(
            self._db.execute("SELECT kind, count(*) FROM changes WHERE stream = ? GROUP BY kind", (stream,)).fetchall()
        )

    def rejected(self, stream: int) -> int:
        """Number of rejections of a stream."""
        return int(self._db.execute("SELECT count(*) FROM rejections WHERE stream = ?", (stream,)).fetchone()[0])

    def rejections(self, stream: int) -> Iterator[Rejection]:
        """The rejections of a stream by key."""
        rows = self._db.execute(
            "SELECT key, source_key, reasons FROM rejections WHERE stream = ? ORDER BY key, source_key, reasons",
            (stream,),
        )
        for key, source_key, reasons in rows:
            yield Rejection(key, source_key, load_reasons(reasons))


def _columns(change: PackedChange) -> tuple[str, bytes, bytes]:
    record = (change.key, change.source_key, change.target_id, modified_to_data(change.modified))
    return change.kind, orjson.dumps(record), change.fields


def _packed(row: tuple[str, bytes, bytes, int]) -> PackedChange:
    kind, record, fields, wave = row
    key, source_key, target_id, modified = orjson.loads(record)
    return PackedChange(ChangeKind(kind), key, source_key, target_id, wave, fields, modified_from_data(modified))


def _dump_kept(kept: Kept) -> bytes:
    fields = tuple(map(tuple, kept.fields))
    return orjson.dumps((kept.key, kept.source_key, kept.target_id, fields, modified_to_data(kept.modified)))


def _load_kept(body: bytes) -> Kept:
    key, source_key, target_id, fields, modified = orjson.loads(body)
    return Kept(key, source_key, target_id, tuple(map(KeptField._make, fields)), modified_from_data(modified))


def _dump_reasons(reasons: Sequence[Reason]) -> bytes:
    return orjson.dumps([(each.code, each.message, each.field, each.owner) for each in reasons])


def load_reasons(body: bytes) -> tuple[Reason, ...]:
    """The reasons of a rejection, as a workspace keeps them."""
    return tuple(Reason(code, message, field, Owner(owner)) for code, message, field, owner in orjson.loads(body))
