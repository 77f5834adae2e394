"""One transfer per catalog and per target object: leases with a heartbeat and a fencing number.

A lease is renewed by every write to the ledger and by a heartbeat in between. Whoever let it run out can write nothing
more, even when it did not notice: every transaction of a transfer renews the lease by its fencing number first, and
fails when there is nothing to renew. The next holder gets the next number.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterable, Sequence
from typing import NoReturn

from sync_engine.catalog.model import Catalog
from sync_engine.ledger.database import Database, Transaction
from sync_engine.ledger.process import Process, is_dead, this_process
from sync_engine.ledger.records import moment_of, utc_text
from sync_engine.sdk.errors import Locked, SyncEngineError

LEASE_SECONDS = 60.0
"""How long a lock outlives the last sign of life of its holder."""


def lock_names(catalogs: Sequence[Catalog]) -> frozenset[str]:
    """What a transfer of catalogs locks: each of them, and each object that they write to."""
    objects = (f"object {stream.object} of {each.target}" for each in catalogs for stream in each.streams)
    return frozenset((*(f"catalog {each.name}" for each in catalogs), *objects))


class Lease:
    """Locks that are held together; to be closed. Made by ``take_locks``.

    Attributes:
        names: what is locked.
        fence: the fencing number, greater than that of every earlier lease on this ledger.
    """

    def __init__(self, database: Database, names: tuple[str, ...], fence: int, seconds: float) -> None:
        self.names = names
        self.fence = fence
        self._database = database
        self._milliseconds = int(seconds * 1000)
        self._ended = threading.Event()
        self._heart = threading.Thread(target=self._beat, args=(seconds / 4,), name="lease", daemon=True)
        self._heart.start()

    def __enter__(self) -> Lease:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def renew(self, transaction: Transaction) -> None:
        """Show that this lease still holds, in the transaction that relies on it.

        Raises:
            Locked: it ran out, or another holder has the locks; the transaction must be rolled back.
        """
        self._hold(transaction)
        now = transaction.now()  # not before: that may have had to wait
        renewed = transaction.execute(
            "UPDATE locks SET expires = ? WHERE fence = ? AND expires >= ?",
            (now + self._milliseconds, self.fence, now),
        )
        if renewed != len(self.names):
            raise Locked(
                f"this process (fencing number {self.fence}) did not show a sign of life in time and lost its lock on "
                f"{', '.join(self.names)}; it writes nothing more",
                hint="It may have been stopped or cut off. Run the same command again: it goes on with what is left.",
            )

    def name_transfer(self, transaction: Transaction, transfer: str) -> None:
        """Tell others which transfer holds the locks."""
        transaction.execute("UPDATE locks SET transfer = ? WHERE fence = ?", (transfer, self.fence))

    def _hold(self, transaction: Transaction) -> None:
        """Lock the rows of this lease in the order in which ``take_locks`` does, else each could wait for the other."""
        ordered = f"SELECT name FROM locks WHERE fence = ? ORDER BY name{transaction.locking}"  # noqa: S608 - a constant
        transaction.query(ordered, (self.fence,))

    def close(self) -> None:
        """Give the locks back; what was lost before is left to its new holder."""
        self._ended.set()
        self._heart.join()
        # If that fails, the locks run out by themselves.
        with contextlib.suppress(SyncEngineError), self._database.writing() as transaction:
            self._hold(transaction)
            transaction.execute("UPDATE locks SET transfer = '', expires = 0 WHERE fence = ?", (self.fence,))

    def _beat(self, every: float) -> None:
        while not self._ended.wait(every):
            try:
                with self._database.writing() as transaction:
                    self.renew(transaction)
            except Locked:
                return  # the next write of the transfer says so
            except SyncEngineError:
                continue  # busy or cut off: there is time for another attempt


def take_locks(database: Database, names: Iterable[str], seconds: float | None = None) -> Lease:
    """Take all of these locks, or none.

    Args:
        database: where they are kept.
        names: what nobody else shall write to, such as ``catalog shop``.
        seconds: how long they outlive the last sign of life; None takes ``LEASE_SECONDS``.

    Raises:
        Locked: somebody else holds one of them; the message names who.
    """
    wanted = tuple(sorted(set(names)))
    seconds = LEASE_SECONDS if seconds is None else seconds
    me = this_process()
    with database.writing() as transaction:
        # Whoever asks for locks takes this row first, so two that ask at the same time come one after the other.
        transaction.execute("UPDATE fences SET last = last + 1")
        fence = int(transaction.query("SELECT last FROM fences")[0][0])
        for name in wanted:
            _refuse_held(transaction, name)
        now = transaction.now()
        since = utc_text(moment_of(now))
        for name in wanted:
            transaction.execute(
                "INSERT INTO locks (name, fence, transfer, host, pid, process, since, expires) "
                "VALUES (?, ?, '', ?, ?, ?, ?, ?) ON CONFLICT (name) DO UPDATE SET fence = excluded.fence, "
                "transfer = excluded.transfer, host = excluded.host, pid = excluded.pid, process = excluded.process, "
                "since = excluded.since, expires = excluded.expires",
                (name, fence, me.host, me.pid, me.mark, since, now + int(seconds * 1000)),
            )
    return Lease(database, wanted, fence, seconds)


def held_locks(transaction: Transaction) -> frozenset[str]:
    """The names that are locked by somebody who is not known to be dead."""
    rows = transaction.query("SELECT name, host, pid, process FROM locks WHERE expires >= ?", (transaction.now(),))
    return frozenset(name for name, host, pid, mark in rows if not is_dead(Process(host, pid, mark)))


def _refuse_held(transaction: Transaction, name: str) -> None:
    # A holder that is writing at this moment renews the lease; wait for that before judging it.
    rows = transaction.query(
        f"SELECT transfer, host, pid, process, since, expires FROM locks WHERE name = ?{transaction.locking}",  # noqa: S608 - a constant
        (name,),
    )
    now = transaction.now()
    for transfer, host, pid, mark, since, expires in rows:
        if expires >= now and not is_dead(Process(host, pid, mark)):
            _refuse(name, transfer, host, pid, since, (expires - now) / 1000)


def _refuse(name: str, transfer: str, host: str, pid: int, since: str, left: float) -> NoReturn:
    doing = f"transfer {transfer}" if transfer else "which has begun no transfer yet"
    raise Locked(
        f"{name} is locked by process {pid} on {host} since {since}, {doing}; nothing was written",
        hint=f"Wait until it has ended. If that process is gone, its lock runs out within {left:.0f} seconds.",
    )
