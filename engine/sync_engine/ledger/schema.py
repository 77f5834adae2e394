"""Tables of the ledger, and how an older one becomes a current one: forward only, all steps or none.

To add a step, give the next number to a script at the end of ``MIGRATIONS``. That is all: every ledger is brought
forward when it is opened, in one transaction, on SQLite and on PostgreSQL alike. In a script

- statements end with a semicolon at the end of a line, and both databases understand them; for what they spell
  differently there are words in braces (``SQLITE``, ``POSTGRESQL`` below), so a brace of its own is written twice;
- every column has ``NOT NULL``, and a ``DEFAULT`` where it is added to a table that has rows by then;
- times are ISO 8601 texts in UTC (``records.utc_now``), numbers are integers, everything else is JSON text.

A step that was released is never edited, because ledgers have it behind them already. Every step is run, and killed at
each of its statements, by ``tests/engine/test_migrations.py``.
"""

from __future__ import annotations

from collections.abc import Mapping

from sync_engine.problems import coded
from sync_engine.sdk.errors import Refused

MIGRATIONS: Mapping[int, str] = {
    1: """
CREATE TABLE transfers (
    id {text} PRIMARY KEY, catalog {text} NOT NULL, digest {text} NOT NULL, trigger {text} NOT NULL,
    started {text} NOT NULL, finished {text} NOT NULL DEFAULT '', status {text} NOT NULL,
    summary {text} NOT NULL DEFAULT '{{}}', error {text} NOT NULL DEFAULT ''
) {strict};
CREATE INDEX transfers_by_catalog ON transfers (catalog, id);
CREATE TABLE outcomes (
    transfer {text} NOT NULL REFERENCES transfers (id) ON DELETE CASCADE,
    stream {text} NOT NULL, key {text} NOT NULL, outcome {text} NOT NULL,
    target_id {text} NOT NULL DEFAULT '', reasons {text} NOT NULL DEFAULT '[]',
    PRIMARY KEY (transfer, stream, key)
) {strict_clustered};
CREATE TABLE batches (
    id {text} PRIMARY KEY, transfer {text} NOT NULL REFERENCES transfers (id) ON DELETE CASCADE,
    stream {text} NOT NULL, mode {text} NOT NULL, rows {integer} NOT NULL,
    state {text} NOT NULL, data {text} NOT NULL DEFAULT '{{}}'
) {strict};
CREATE INDEX batches_by_transfer ON batches (transfer);
CREATE TABLE written (
    catalog {text} NOT NULL, stream {text} NOT NULL, key {text} NOT NULL, object {text} NOT NULL,
    target_id {text} NOT NULL, fields {text} NOT NULL, transfer {text} NOT NULL,
    PRIMARY KEY (catalog, stream, key)
) {strict};
""",
    # What deletes need as proof, what gates compare with and who passed them, and in which batch a record went.
    2: """
ALTER TABLE written ADD COLUMN source_key {text} NOT NULL DEFAULT '';
ALTER TABLE transfers ADD COLUMN matched {text} NOT NULL DEFAULT '{{}}';
ALTER TABLE transfers ADD COLUMN overrides {text} NOT NULL DEFAULT '[]';
ALTER TABLE outcomes ADD COLUMN batch {text} NOT NULL DEFAULT '';
""",
    # What a transfer replaced, so that it can be rolled back.
    3: """
ALTER TABLE outcomes ADD COLUMN fields {text} NOT NULL DEFAULT '[]';
""",
    # Locks, see ``locks``.
    4: """
CREATE TABLE fences (last {integer} NOT NULL) {strict};
INSERT INTO fences (last) VALUES (0);
CREATE TABLE locks (
    name {text} PRIMARY KEY, fence {integer} NOT NULL, transfer {text} NOT NULL, host {text} NOT NULL,
    pid {integer} NOT NULL, process {text} NOT NULL, since {text} NOT NULL, expires {integer} NOT NULL
) {strict};
CREATE INDEX locks_by_fence ON locks (fence);
""",
    # How each field was filled at the last transfer.
    5: """
CREATE TABLE mappings (
    catalog {text} NOT NULL, stream {text} NOT NULL, field {text} NOT NULL, digest {text} NOT NULL,
    PRIMARY KEY (catalog, stream, field)
) {strict_clustered};
""",
    # The content of batches under way. Earlier versions kept none, so nothing can be taken up from their batches.
    6: """
ALTER TABLE batches ADD COLUMN uncertain {integer} NOT NULL DEFAULT 0;
CREATE TABLE payloads (
    batch {text} PRIMARY KEY REFERENCES batches (id) ON DELETE CASCADE,
    sha256 {text} NOT NULL, content {bytes} NOT NULL
) {strict};
""",
    # What was sent of a record that was not written, so that the same is not sent again in vain.
    7: """
ALTER TABLE outcomes ADD COLUMN sent {text} NOT NULL DEFAULT '';
""",
    # Fields that did not take what a transfer wrote.
    8: """
ALTER TABLE transfers ADD COLUMN flapping {text} NOT NULL DEFAULT '[]';
""",
    # What a transfer was made for, and, of a complete one, when it began to read the source.
    9: """
ALTER TABLE transfers ADD COLUMN intent {text} NOT NULL DEFAULT '';
ALTER TABLE transfers ADD COLUMN read_from {text} NOT NULL DEFAULT '';
""",
    # What files of the source contain, so that each is fetched once.
    10: """
CREATE TABLE files (
    catalog {text} NOT NULL, code {text} NOT NULL, content {text} NOT NULL, PRIMARY KEY (catalog, code)
) {strict_clustered};
""",
    # Since when a schedule is known, its runs, and what is paused.
    11: """
CREATE TABLE schedules (
    catalog {text} PRIMARY KEY, schedule {text} NOT NULL, since {text} NOT NULL
) {strict};
CREATE TABLE schedule_runs (
    catalog {text} NOT NULL, due {text} NOT NULL, claimed {text} NOT NULL,
    finished {text} NOT NULL DEFAULT '', outcome {text} NOT NULL DEFAULT '', PRIMARY KEY (catalog, due)
) {strict_clustered};
CREATE TABLE pauses (
    catalog {text} PRIMARY KEY, reason {text} NOT NULL, who {text} NOT NULL, since {text} NOT NULL
) {strict};
""",
    # What each transfer asks of the services, to tell what the coming runs will.
    12: """
ALTER TABLE transfers ADD COLUMN requests {text} NOT NULL DEFAULT '{{}}';
""",
    # What each catalog was last transferred for by a process that follows git.
    13: """
CREATE TABLE served (
    catalog {text} PRIMARY KEY, meaning {text} NOT NULL, revision {text} NOT NULL, outcome {text} NOT NULL,
    message {text} NOT NULL, at {text} NOT NULL
) {strict};
""",
    # Which complete transfers compared everything, and the records that the last one could not write.
    14: """
ALTER TABLE transfers ADD COLUMN whole {integer} NOT NULL DEFAULT 0;
CREATE TABLE unwritten (
    catalog {text} NOT NULL, stream {text} NOT NULL, source_key {text} NOT NULL,
    PRIMARY KEY (catalog, stream, source_key)
) {strict_clustered};
""",
    # Who started a transfer, and whether it is recorded in the target; see ``recording``.
    15: """
ALTER TABLE transfers ADD COLUMN who {text} NOT NULL DEFAULT '';
ALTER TABLE transfers ADD COLUMN recording {text} NOT NULL DEFAULT '';
ALTER TABLE transfers ADD COLUMN recording_error {text} NOT NULL DEFAULT '';
""",
    # Digests of what the rows of a catalog depend on beside their records.
    16: """
CREATE TABLE dependencies (
    catalog {text} NOT NULL, place {text} NOT NULL, digests {text} NOT NULL, PRIMARY KEY (catalog, place)
) {strict};
""",
    # How the target described itself to the last complete transfer of a catalog.
    17: """
CREATE TABLE descriptions (
    catalog {text} PRIMARY KEY, target {text} NOT NULL
) {strict};
""",
}

VERSION = max(MIGRATIONS)
"""Of a ledger that has all steps behind it."""

TABLES = frozenset({"transfers", "outcomes", "batches", "written"})
"""By which a ledger of any version is known; they are those of the first step."""

SQLITE = {
    "text": "TEXT",
    "integer": "INTEGER",
    "bytes": "BLOB",
    "strict": "STRICT",
    "strict_clustered": "STRICT, WITHOUT ROWID",
}
POSTGRESQL = {
    # The order of bytes, as SQLite has it, whatever the locale of the database.
    "text": 'TEXT COLLATE "C"',
    "integer": "BIGINT",
    "bytes": "BYTEA",
    "strict": "",
    "strict_clustered": "",
}


def steps(found: int, words: Mapping[str, str]) -> list[tuple[int, list[str]]]:
    """The steps that a ledger has not behind it, each with its number and its statements.

    Args:
        found: version of the ledger; 0 when it is empty.
        words: of the kind of database.
    """
    texts = ((number, MIGRATIONS[number].format_map(words)) for number in range(found + 1, VERSION + 1))
    return [(number, [each for each in text.split(";\n") if each.strip()]) for number, text in texts]


def refuse_newer(version: int, name: str) -> None:
    """Stop at a ledger that a newer sync-engine wrote.

    Raises:
        Refused: always then; nothing was changed.
    """
    if version > VERSION:
        raise coded(Refused, "SE804", name=name, found=version, known=VERSION)
