"""Tables of the SQLite ledger and how an older file becomes a current one."""

from __future__ import annotations

import sqlite3

from sync_engine.sdk.errors import Refused

VERSION = 3

# One script per version; a file is brought forward by running those it has not seen. Never edit a released one.
MIGRATIONS: dict[int, str] = {
    1: """
CREATE TABLE transfers (
    id TEXT PRIMARY KEY, catalog TEXT NOT NULL, digest TEXT NOT NULL, trigger TEXT NOT NULL,
    started TEXT NOT NULL, finished TEXT NOT NULL DEFAULT '', status TEXT NOT NULL,
    summary TEXT NOT NULL DEFAULT '{}', error TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX transfers_by_catalog ON transfers (catalog, id);
CREATE TABLE outcomes (
    transfer TEXT NOT NULL REFERENCES transfers (id) ON DELETE CASCADE,
    stream TEXT NOT NULL, key TEXT NOT NULL, outcome TEXT NOT NULL,
    target_id TEXT NOT NULL DEFAULT '', reasons TEXT NOT NULL DEFAULT '[]',
    PRIMARY KEY (transfer, stream, key)
) STRICT, WITHOUT ROWID;
CREATE TABLE batches (
    id TEXT PRIMARY KEY, transfer TEXT NOT NULL REFERENCES transfers (id) ON DELETE CASCADE,
    stream TEXT NOT NULL, mode TEXT NOT NULL, rows INTEGER NOT NULL,
    state TEXT NOT NULL, data TEXT NOT NULL DEFAULT '{}'
) STRICT;
CREATE INDEX batches_by_transfer ON batches (transfer);
CREATE TABLE written (
    catalog TEXT NOT NULL, stream TEXT NOT NULL, key TEXT NOT NULL, object TEXT NOT NULL,
    target_id TEXT NOT NULL, fields TEXT NOT NULL, transfer TEXT NOT NULL,
    PRIMARY KEY (catalog, stream, key)
) STRICT;
""",
    # What deletes need as proof, what gates compare with and who passed them, and in which batch a record went.
    2: """
ALTER TABLE written ADD COLUMN source_key TEXT NOT NULL DEFAULT '';
ALTER TABLE transfers ADD COLUMN matched TEXT NOT NULL DEFAULT '{}';
ALTER TABLE transfers ADD COLUMN overrides TEXT NOT NULL DEFAULT '[]';
ALTER TABLE outcomes ADD COLUMN batch TEXT NOT NULL DEFAULT '';
""",
    # What a transfer replaced, so that it can be rolled back.
    3: """
ALTER TABLE outcomes ADD COLUMN fields TEXT NOT NULL DEFAULT '[]';
""",
}


def prepare(connection: sqlite3.Connection, name: str) -> None:
    """Set the durability that the ledger relies on and bring its tables up to date.

    Args:
        connection: in autocommit mode.
        name: of the ledger, for messages.

    Raises:
        Refused: the file is no ledger, was written by a newer version, or the durability could not be set.
    """
    try:
        version = int(connection.execute("PRAGMA user_version").fetchone()[0])
        tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        connection.execute("PRAGMA journal_mode = WAL")
    except sqlite3.DatabaseError as error:
        raise Refused(
            f"the ledger {name} cannot be used: {error}",
            hint="Restore it from a backup, or name another file in `state:`; nothing was changed.",
        ) from error
    if version == 0 and tables:
        raise Refused(f"{name} is a database, but no ledger of sync-engine", hint="Name another file in `state:`.")
    if version > VERSION:
        raise Refused(
            f"the ledger {name} was written by a newer sync-engine (format {version}, this one knows {VERSION})",
            hint="Upgrade sync-engine; an older version never touches a newer ledger.",
        )
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    # FULL is 2. A setting that did not take would only show at the next power cut, so look.
    if int(connection.execute("PRAGMA synchronous").fetchone()[0]) != 2:
        raise Refused(f"the ledger {name} does not accept synchronous=FULL, so nothing it says would be durable")
    for number in range(version + 1, VERSION + 1):
        connection.executescript(f"BEGIN IMMEDIATE;\n{MIGRATIONS[number]}\nPRAGMA user_version = {number};\nCOMMIT;")
