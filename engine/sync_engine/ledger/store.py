"""The ledger: transfers, outcomes, what was last written. Every write is a transaction of its own."""

from __future__ import annotations

import contextlib
import json
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path

import orjson

from sync_engine.ledger import journal, recording, schedules
from sync_engine.ledger.database import Database, Transaction
from sync_engine.ledger.locks import Lease, held_locks, take_locks
from sync_engine.ledger.marks import keep_mark, read_description, read_mark
from sync_engine.ledger.opening import open_database
from sync_engine.ledger.outcomes import keep_outcomes, last_outcome, read_outcomes
from sync_engine.ledger.process import who
from sync_engine.ledger.purging import purge_outcomes
from sync_engine.ledger.recording import CHANGED
from sync_engine.ledger.records import (
    BatchRecord,
    Effort,
    History,
    Mark,
    OutcomeRecord,
    OwnedRecord,
    Pause,
    Recording,
    ScheduledRun,
    ServedCatalog,
    Status,
    TransferRecord,
    WrittenRecord,
    moment_of,
    utc_text,
)
from sync_engine.ledger.renaming import rename_catalog
from sync_engine.ledger.served import keep_served, read_served
from sync_engine.ledger.transfers import (
    find_transfer,
    matched_before,
    newest_transfers,
    rate_before,
    running_transfers,
    unrecorded_transfers,
)
from sync_engine.ledger.written import (
    keep_mappings,
    keep_written,
    read_mappings,
    read_owners,
    read_written,
    written_pages,
)
from sync_engine.sdk.values import Secret


def open_ledger(state: str | Secret, root: Path) -> Ledger:
    """Open the ledger that a project names in ``state:``, and make it when there is none; see ``open_database``."""
    return Ledger(open_database(state, root))


class Ledger:
    """Transfers and outcomes, durable when a method returns. Threads may share it."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lease: Lease | None = None

    def close(self) -> None:
        """Release the file or the connection."""
        self._database.close()

    def back_up(self, path: str) -> None:
        """Copy the ledger into a file that does not exist; see ``database.Database.back_up``."""
        self._database.back_up(path)

    def __enter__(self) -> Ledger:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    @contextlib.contextmanager
    def locked(self, names: Iterable[str], lease_seconds: float | None = None) -> Iterator[None]:
        """Keep others from writing to the same; whatever is written to the ledger meanwhile fails once that is lost.

        Args:
            names: what is locked, such as ``catalog shop``.
            lease_seconds: see ``locks.take_locks``.

        Raises:
            Locked: somebody else holds one of them.
            Refused: the ledger is damaged; whoever writes to a target needs to rely on all of it.
        """
        self._database.check()
        with take_locks(self._database, names, lease_seconds) as lease:
            self._lease = lease
            try:
                yield
            finally:
                self._lease = None

    def held_locks(self) -> frozenset[str]:
        """What somebody writes to at this moment, as far as that can be seen from here."""
        with self._database.writing() as transaction:
            return held_locks(transaction)

    @contextlib.contextmanager
    def _writing(self) -> Iterator[Transaction]:
        with self._database.writing() as transaction:
            if self._lease is not None:
                self._lease.renew(transaction)
            yield transaction

    def begin(
        self,
        catalog: str,
        digest: str,
        trigger: str,
        *,
        matched: Mapping[str, int] | None = None,
        overrides: Sequence[Mapping[str, str]] = (),
        intent: str = "",
        requests: Mapping[str, int | None] | None = None,
        recorded: bool = False,
    ) -> str:
        """Record that a transfer starts; returns its id.

        See ``TransferRecord`` for the parameters; ``requests`` are those that it asks of ``source`` and ``target``,
        ``recorded`` says whether the target is to have a record of it, too.
        """
        with self._writing() as transaction:
            # By the clock that all machines share, to the millisecond, so that ids sort by the time of the start.
            now = moment_of(transaction.now())
            transfer = f"{now:%Y%m%d-%H%M%S}-{now.microsecond // 1000:03}{secrets.token_hex(2)[:3]}"
            transaction.execute(
                "INSERT INTO transfers "
                "(id, catalog, digest, trigger, started, status, matched, overrides, intent, requests, who, recording) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    *(transfer, catalog, digest, trigger, utc_text(now), Status.RUNNING),
                    *(json.dumps(dict(matched or {})), json.dumps([dict(each) for each in overrides]), intent),
                    *(json.dumps(dict(requests or {})), who(), Recording.DUE if recorded else Recording.NONE),
                ),
            )
            if self._lease is not None:
                self._lease.name_transfer(transaction, transfer)
        return transfer

    def pack(self, transfer: str, batch: str, stream: str, mode: str, rows: int, content: bytes) -> None:
        """Make a batch durable with all that is needed to account for it after a crash, before anything is sent."""
        with self._writing() as transaction:
            journal.pack(transaction, transfer, batch, stream, mode, rows, content)

    def journal(
        self, transfer: str, batch: str, stream: str, mode: str, rows: int, state: str, data: Mapping[str, object]
    ) -> None:
        """Make the state of a batch durable, before the remote call that follows it."""
        with self._writing() as transaction:
            journal.reach(transaction, transfer, batch, stream, mode, rows, state, data)

    def batches_left(self, catalog: str) -> list[BatchRecord]:
        """The batches of a catalog's transfers that were not concluded, without their content, oldest first."""
        return journal.left(self._database, catalog)

    def age(self, batch: BatchRecord) -> float:
        """Seconds since a batch came to the state it is in."""
        with self._writing() as transaction:
            return (transaction.now() - batch.at) / 1000

    def with_content(self, batch: BatchRecord) -> BatchRecord:
        """The batch with its content.

        Raises:
            Refused: the content is not what was written.
        """
        return journal.with_content(self._database, batch)

    def commit(
        self,
        transfer: str,
        catalog: str,
        outcomes: Iterable[OutcomeRecord],
        written: Iterable[WrittenRecord] = (),
        batch: str | None = None,
        *,
        deleted: Iterable[tuple[str, str]] = (),
        summary: Mapping[str, int] | None = None,
        uncertain: int = 0,
    ) -> None:
        """Store what became of records, in one transaction.

        Args:
            transfer: in which.
            catalog: of it.
            outcomes: as the log keeps them.
            written: as the target holds them now.
            batch: in which they were sent; it is concluded, unless its records are uncertain.
            deleted: stream and key of records that are owned no more.
            summary: counts of the transfer from now on; None leaves them.
            uncertain: how many records of the batch are uncertain, to be found out later.
        """
        with self._writing() as transaction:
            keep_outcomes(transaction, transfer, outcomes)
            keep_written(transaction, catalog, transfer, written)
            transaction.execute_many(
                "DELETE FROM written WHERE catalog = ? AND stream = ? AND key = ?",
                ((catalog, stream, key) for stream, key in deleted),
            )
            if batch is not None:
                journal.conclude(transaction, transfer, batch, uncertain)
            if summary is not None:
                counts = json.dumps(dict(summary))
                transaction.execute(f"UPDATE transfers SET summary = ?, {CHANGED} WHERE id = ?", (counts, transfer))  # noqa: S608 - a constant

    def owned(self, catalog: str, stream: str) -> Iterator[OwnedRecord]:
        """The records that a stream has written and not deleted since, page by page."""
        last = ""
        while True:
            rows = self._database.query(
                "SELECT key, target_id, source_key FROM written WHERE catalog = ? AND stream = ? AND key > ? "
                "ORDER BY key LIMIT 1000",
                (catalog, stream, last),
            )
            yield from (OwnedRecord(*row) for row in rows)
            if len(rows) < 1000:
                return
            last = rows[-1][0]

    def owners(self, catalog: str, stream: str, keys: Sequence[str]) -> dict[str, str]:
        """By key: the source record it was written for, empty where that was not kept; unknown keys are absent."""
        return read_owners(self._database, catalog, stream, keys)

    def count_owned(self, catalog: str, stream: str) -> int:
        """How many records these are."""
        asked = "SELECT count(*) FROM written WHERE catalog = ? AND stream = ?"
        return int(self._database.query(asked, (catalog, stream))[0][0])

    def matched(self, catalog: str) -> dict[str, int]:
        """By stream: records of the source that passed the filter in the last complete transfer that had it."""
        return matched_before(self._database, catalog)

    def written(self, catalog: str, stream: str, keys: Sequence[str]) -> dict[str, Mapping[str, object]]:
        """What was last written to these records: encoded values by field; keys that were never written are absent."""
        return read_written(self._database, catalog, stream, keys)

    def all_written(self, catalog: str, stream: str) -> Iterator[list[WrittenRecord]]:
        """What was last written to each record of a stream that was not deleted since, in pages by key."""
        return written_pages(self._database, catalog, stream)

    def file_content(self, catalog: str, code: str) -> str | None:
        """What a file of a catalog's source contains, as far as that is known; see ``sdk.files.MD5``."""
        found = self._database.query("SELECT content FROM files WHERE catalog = ? AND code = ?", (catalog, code))
        return str(found[0][0]) if found else None

    def keep_file_contents(self, catalog: str, contents: Mapping[str, str]) -> None:
        """Remember what files contain, by code; a code of the source always means the same content."""
        with self._writing() as transaction:
            transaction.execute_many(
                "INSERT INTO files (catalog, code, content) VALUES (?, ?, ?) "
                "ON CONFLICT (catalog, code) DO UPDATE SET content = excluded.content",
                ((catalog, code, content) for code, content in contents.items()),
            )

    def mappings(self, catalog: str) -> dict[str, dict[str, str]]:
        """By stream and field: digest of how the field was filled at the last transfer that came to its end."""
        return read_mappings(self._database, catalog)

    def keep_mappings(self, catalog: str, stream: str, digests: Mapping[str, str]) -> None:
        """Keep how each field of a stream was filled, in place of what was kept before."""
        with self._writing() as transaction:
            keep_mappings(transaction, catalog, stream, digests)

    def rate(self, catalog: str) -> float | None:
        """Records written per second by the last finished transfer that wrote many; None before there was one."""
        return rate_before(self._database, catalog)

    def finish(self, transfer: str, status: Status, summary: Mapping[str, int], error: str = "") -> None:
        """Record how a transfer ended."""
        with self._writing() as transaction:
            transaction.execute(
                f"UPDATE transfers SET finished = ?, status = ?, summary = ?, error = ?, {CHANGED} WHERE id = ?",  # noqa: S608 - a constant
                (utc_text(moment_of(transaction.now())), status, json.dumps(dict(summary)), error, transfer),
            )

    def complete(self, transfer: str, catalog: str, mark: Mark, *, whole: bool) -> None:
        """Note that a transfer wrote everything that its catalog yields, as the mark says.

        ``whole``: whether all records were compared.
        """
        with self._writing() as transaction:
            keep_mark(transaction, catalog, transfer, mark, whole=whole)

    def mark(self, catalog: str, intent: str) -> Mark:
        """Up to where everything is written that a catalog yields.

        That is not known after a transfer that was made for something else (another catalog, a rollback).
        """
        return read_mark(self._database, catalog, intent)

    def description(self, catalog: str) -> str:
        """How the target described itself to the last complete transfer of a catalog; empty when that is not known."""
        return read_description(self._database, catalog)

    def unrecorded(self, catalog: str) -> Sequence[TransferRecord]:
        """The transfers of a catalog that have ended and whose record in the target is missing or out of date.

        The newest first, at most so many as go together: those that are refused again and again hold up no other.
        """
        return unrecorded_transfers(self._database, catalog)

    def keep_recorded(self, transfers: Iterable[str], error: str = "") -> None:
        """Note that the target has the records of transfers, or why it has not; see ``TransferRecord.recording``."""
        with self._writing() as transaction:
            recording.keep(transaction, transfers, error)

    def keep_flapping(self, transfer: str, found: Sequence[Mapping[str, object]]) -> None:
        """Keep which fields did not take what a transfer wrote; see ``TransferRecord.flapping``."""
        with self._writing() as transaction:
            transaction.execute(
                "UPDATE transfers SET flapping = ? WHERE id = ?", (orjson.dumps(list(found)).decode(), transfer)
            )

    def purge(
        self, catalog: str, keep_days: int, keep_records: int | None = None, keep_bytes: int | None = None
    ) -> int:
        """Drop the outcomes of a catalog's old transfers; the transfers and their counts stay.

        Args:
            catalog: whose transfers.
            keep_days: outcomes of transfers that began earlier go.
            keep_records: of the newest transfers together, at most so many outcomes stay; None for no such limit. Those
                of the newest one stay in any case.
            keep_bytes: likewise, as many as are together no longer than that.

        Returns:
            How many outcomes went.
        """
        with self._writing() as transaction:
            return purge_outcomes(transaction, catalog, keep_days, keep_records, keep_bytes)

    def transfers(self, catalog: str | None = None, limit: int = 50, *, before: str = "") -> Sequence[TransferRecord]:
        """The newest transfers first; with ``before``, those that began before the one with that id."""
        return newest_transfers(self._database, catalog, limit, before)

    def catalogs(self) -> Sequence[str]:
        """The names of all catalogs that have had a transfer."""
        rows = self._database.query("SELECT DISTINCT catalog FROM transfers ORDER BY catalog")
        return [str(name) for (name,) in rows]

    def unfinished(self) -> frozenset[str]:
        """The catalogs of transfers that are under way, or whose process ended before they did."""
        rows = self._database.query("SELECT DISTINCT catalog FROM transfers WHERE status = ?", (Status.RUNNING,))
        return frozenset(row[0] for row in rows)

    def served(self) -> dict[str, ServedCatalog]:
        """What each catalog was last transferred for by a process that follows git."""
        return read_served(self._database)

    def keep_served(self, served: ServedCatalog) -> None:
        """Keep what a catalog was transferred for; only while it is ``locked``, so that it happens once."""
        with self._writing() as transaction:
            keep_served(transaction, served)

    def running(self, catalog: str) -> Sequence[TransferRecord]:
        """The transfers of a catalog that have not come to an end, or whose process ended before."""
        return running_transfers(self._database, catalog)

    def transfer(self, id_or_prefix: str) -> TransferRecord:
        """The transfer with that id, or the only one whose id begins so; ``last`` is the newest.

        Raises:
            Refused: there is none, or more than one.
        """
        return find_transfer(self._database, id_or_prefix)

    def outcomes(
        self, transfer: str, outcome: str | None = None, *, after: tuple[str, str] = ("", "")
    ) -> Iterator[OutcomeRecord]:
        """Outcomes of a transfer in the order of stream and key, behind those of ``after``, page by page."""
        return read_outcomes(self._database, transfer, outcome, after)

    def history(self, catalog: str, stream: str, key: str) -> History:
        """What is known of one record: what was last written, and what became of it the last time."""
        written = self._database.query(
            "SELECT object, target_id, fields, source_key FROM written WHERE catalog = ? AND stream = ? AND key = ?",
            (catalog, stream, key),
        )
        transfer, outcome = last_outcome(self._database, catalog, stream, key) or (None, None)
        return History(
            written=_written(stream, key, written[0]) if written else None,
            outcome=outcome,
            transfer=self.transfer(transfer) if transfer else None,
        )

    def schedule_known_since(self, catalog: str, schedule: str, now: datetime) -> datetime:
        """Since when a catalog has had this schedule: whoever watches it calls this, and keeps what is new.

        Args:
            catalog: whose.
            schedule: as ``schedule.text.describe`` has it.
            now: the present moment.
        """
        with self._writing() as transaction:
            return schedules.known_since(transaction, catalog, schedule, now)

    def claim_run(self, catalog: str, due: datetime) -> bool:
        """Take a run of a schedule, so that it happens once on this ledger; only while the catalog is ``locked``.

        Returns:
            False when it, or a later one, has happened already. One that was taken by a process that died is given.
        """
        with self._writing() as transaction:
            return schedules.claim(transaction, catalog, due)

    def finish_run(self, catalog: str, due: datetime, outcome: str) -> None:
        """Note that a run has happened; one that was interrupted is left open, and is due again."""
        with self._writing() as transaction:
            schedules.finish(transaction, catalog, due, outcome)

    def last_scheduled_run(self, catalog: str) -> ScheduledRun | None:
        """The newest run of a catalog's schedule that has happened."""
        return schedules.last_finished(self._database, catalog)

    def usual_effort(self, catalog: str) -> Effort:
        """What a transfer of a catalog usually takes, by the last few."""
        return schedules.usual_effort(self._database, catalog)

    def rename_catalog(self, name: str, new: str) -> bool:
        """Keep what is known of a catalog under another name, while both are ``locked``; False when nothing was.

        Raises:
            Refused: something is known of a catalog of the new name.
        """
        with self._writing() as transaction:
            return rename_catalog(transaction, name, new)

    def pause(self, paused: Pause) -> None:
        """Let no schedule start a catalog until it is resumed."""
        with self._writing() as transaction:
            schedules.pause(transaction, paused)

    def resume(self, catalog: str) -> bool:
        """Let its schedule start a catalog again; False when it was not paused."""
        with self._writing() as transaction:
            return schedules.resume(transaction, catalog)

    def pauses(self) -> dict[str, Pause]:
        """What is paused, by catalog."""
        return schedules.pauses(self._database)


def _written(stream: str, key: str, row: Sequence[str]) -> WrittenRecord:
    return WrittenRecord(stream, key, row[0], row[1], json.loads(row[2]), row[3])
