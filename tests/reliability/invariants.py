"""What must be true at every moment, whatever dies or fails: the checks of the proof, each with its name.

They look at the PIM's data, at the org's records and at the ledger's tables, not at what the engine says of itself. The
ledger is read from a copy, so that looking at it does not mend what a crash left behind.
"""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.reliability.worlds import World

NAMES = (
    "nothing is lost",
    "one record per key",
    "the watermark follows the ledger",
    "intent comes before effect",
    "a plan applies only to what it was made for",
    "deletes need proof",
    "one writer",
    "the books balance",
    "it converges",
    "no secret in anything it leaves behind",
    "same input, same bytes",
    "unknown means stop",
)
"""The twelve invariants, in their order."""


GONE = ("deleted", "deactivated")


class Violated(AssertionError):
    """An invariant does not hold.

    Attributes:
        invariant: its name, one of ``NAMES``.
    """

    def __init__(self, invariant: str, found: object) -> None:
        assert invariant in NAMES, invariant
        super().__init__(f"{invariant}: {found}")
        self.invariant = invariant


def holds(invariant: str, condition: object, found: object = "") -> None:
    """Complain where an invariant does not hold."""
    if not condition:
        raise Violated(invariant, found)


@dataclass
class Books:
    """The ledger as it lies on the disk.

    Attributes:
        transfers: rows of all transfers, oldest first.
        outcomes: (transfer, stream, key, outcome, batch) of all records.
        batches: by id: (transfer, rows, state, uncertain).
        written: by (stream, key): id of the record in the org, and the fields that were written to it.
        unwritten: uuids of the products of which the last complete transfer could not write everything.
        under_way: (stream, key) of all records in batches that are not concluded.
    """

    transfers: list[dict[str, Any]] = field(default_factory=list)
    outcomes: list[tuple[str, str, str, str, str]] = field(default_factory=list)
    batches: dict[str, tuple[str, int, str, int]] = field(default_factory=dict)
    written: dict[tuple[str, str], tuple[str, dict[str, Any]]] = field(default_factory=dict)
    unwritten: set[str] = field(default_factory=set)
    under_way: set[tuple[str, str]] = field(default_factory=set)


def read_books(world: World) -> Books:
    """The ledger of a world; empty when there is none yet."""
    path = world.shop.project.folder / ".sync-engine" / "ledger.db"
    books = Books()
    if not path.is_file():
        return books
    with _copied(path) as ledger:
        if not ledger.execute("SELECT 1 FROM sqlite_master WHERE name = 'payloads'").fetchone():
            return books
        assert ledger.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        cursor = ledger.execute("SELECT id, started, status, summary, read_from FROM transfers ORDER BY id")
        names = [each[0] for each in cursor.description]
        books.transfers = [dict(zip(names, row, strict=True)) for row in cursor]
        books.outcomes = ledger.execute("SELECT transfer, stream, key, outcome, batch FROM outcomes").fetchall()
        for id_, *rest in ledger.execute("SELECT id, transfer, rows, state, uncertain FROM batches"):
            books.batches[id_] = tuple(rest)
        for stream, key, id_, fields in ledger.execute("SELECT stream, key, target_id, fields FROM written"):
            books.written[stream, key] = (id_, json.loads(fields))
        books.unwritten = {each for (each,) in ledger.execute("SELECT source_key FROM unwritten")}
        for stream, content in ledger.execute(
            "SELECT stream, content FROM payloads JOIN batches ON payloads.batch = batches.id"
        ):
            changes = (json.loads(each)["change"] for each in content.splitlines()[1:])
            books.under_way |= {(stream, change[2]) for change in changes}
    return books


@contextlib.contextmanager
def _copied(path: Path) -> Iterator[sqlite3.Connection]:
    with tempfile.TemporaryDirectory() as folder:
        for each in path.parent.glob(f"{path.name}*"):
            shutil.copy(each, folder)
        with contextlib.closing(sqlite3.connect(Path(folder) / path.name)) as ledger:
            yield ledger


def nothing_is_lost(world: World) -> None:
    """Every record of the PIM is in the org as the PIM has it, and nothing else of ours is."""
    held = {(stream, key): values for stream, key, values, _ in world.held()}
    wanted = world.wanted()
    holds("nothing is lost", held == wanted, _difference(held, wanted))


def one_record_per_key(world: World) -> None:
    """No key is in the org twice, and no file is there twice in the same content."""
    counted = Counter((stream, key) for stream, key, _, _ in world.held(gone=True))
    twice = [each for each, count in counted.items() if count > 1]
    holds("one record per key", not twice, twice)
    versions = Counter(
        (row["ContentDocumentId"], row["Checksum"], row["PathOnClient"])
        for row in world.shop.sandbox.org.rows("ContentVersion")
    )
    again = [each for each, count in versions.items() if count > 1]
    holds("one record per key", not again, again)


def watermark_after_ledger(world: World) -> None:
    """What changed in the PIM before the moment from which the next transfer reads has arrived, or is known not to."""
    books = read_books(world)
    marks = [each["read_from"] for each in books.transfers if each["read_from"]]
    for each in books.transfers:
        left = [id_ for id_, batch in books.batches.items() if batch[0] == each["id"] and batch[2] != "committed"]
        holds("the watermark follows the ledger", not (each["read_from"] and left), (each["id"], left))
        if each["read_from"]:
            holds("the watermark follows the ledger", each["status"] in ("done", "rejected"), each)
    if not marks:
        return
    held = {(stream, key): values for stream, key, values, _ in world.held()}
    wanted = world.wanted(before=max(marks)[: len("2026-01-01T00:00:00")])  # the PIM counts in seconds
    missing = {
        (stream, key): values
        for (stream, key), values in wanted.items()
        if held.get((stream, key)) != values
        and (stream, key) not in world.by_hand
        and world.source_of(stream, key) not in books.unwritten
    }
    holds("the watermark follows the ledger", not missing, missing)


def intent_before_effect(world: World) -> None:
    """Whatever is in the org by our doing is known to the ledger, as written or as under way."""
    books = read_books(world)
    there = {id_ for _, _, _, id_ in world.held(gone=True)}
    for stream, key, values, id_ in world.held(gone=True):
        if (stream, key) in books.under_way | world.by_hand:
            continue
        known, fields = books.written.get((stream, key), ("", {}))
        if values is not None:
            holds("intent comes before effect", known == id_, f"{stream} {key} ({id_}) is nobody's")
            text = world.text_of(stream, fields)
            holds("intent comes before effect", text in (None, world.text_in(values)), (stream, key, fields, values))
    for (stream, key), (id_, _) in books.written.items():
        # What people deleted in the org, and in the PIM as well, is nobody's business any more; the ledger keeps it.
        vanished = id_ not in there and (stream, key) not in books.under_way | world.deleted.keys()
        holds("intent comes before effect", not vanished, f"{stream} {key} ({id_}) is gone")


def deletes_need_proof(world: World) -> None:
    """The newest transfer took nothing away whose source record is still in the PIM."""
    books = read_books(world)
    if not books.transfers:
        return
    newest, wanted = books.transfers[-1]["id"], world.wanted()
    gone = {(stream, key) for id_, stream, key, what, _ in books.outcomes if id_ == newest and what in GONE}
    holds("deletes need proof", not gone & wanted.keys(), gone & wanted.keys())


def one_writer(world: World, before: Books) -> None:
    """Nobody has written to the ledger since it was read."""
    holds("one writer", read_books(world) == before, "somebody wrote to the ledger who does not hold the lock")


def books_balance(world: World) -> None:
    """Every transfer has ended, its counts are those of its outcomes, and each record came into being once."""
    books = read_books(world)
    holds("the books balance", not books.under_way, books.under_way)
    for each in books.transfers:
        holds("the books balance", each["status"] != "running", each)
        counted = Counter(outcome for transfer, _, _, outcome, _ in books.outcomes if transfer == each["id"])
        counted["rejected"] += counted.pop("uncertain", 0)
        summary = {name: count for name, count in json.loads(each["summary"]).items() if name != "unchanged"}
        holds("the books balance", summary == {name: counted[name] for name in summary}, (each, counted))
    again = Counter[str]()
    for id_, (_, rows, _, _) in books.batches.items():
        again[_first_attempt(id_)] += rows if "-r1-" in id_ else 0
    for id_, (transfer, rows, _, _) in books.batches.items():
        name = id_.removeprefix(f"{transfer}/")
        answered = sum(1 for one, _, _, _, batch in books.outcomes if (one, batch) == (transfer, name))
        # What was refused for now is answered in a later batch.
        whole = answered in (0, rows) or 0 < rows - answered <= again[_first_attempt(id_)]
        holds("the books balance", whole, (id_, rows, answered))
    owned = {each: id_ for each, (id_, _) in books.written.items()}
    held = {(stream, key): id_ for stream, key, values, id_ in world.held(gone=True) if values is not None}
    owned = {each: id_ for each, id_ in owned.items() if each in held or not world.deleted[each]}
    holds("the books balance", owned == held, _difference(held, owned))
    made = Counter(
        (stream, key) for _, stream, key, outcome, _ in books.outcomes for _ in range({"created": 1}.get(outcome, 0))
    )
    made.subtract((stream, key) for _, stream, key, outcome, _ in books.outcomes if outcome == "deleted")
    for each, count in made.items():
        # It is not known of what people deleted whether a run that died had made it.
        right = 0 <= count - (each in held) <= world.deleted[each]
        holds("the books balance", right, f"{each} is there {count} times by the books")


def _first_attempt(batch: str) -> str:
    """The id of a batch without its number and that of its attempt."""
    return re.sub(r"(-r\d+)?-\d+$", "", batch)


AFTER_A_KILL = (intent_before_effect, watermark_after_ledger, deletes_need_proof)
"""What is looked at while something is under way."""
AT_REST = (one_record_per_key, deletes_need_proof, nothing_is_lost, books_balance, watermark_after_ledger)
"""What is looked at when all is quiet."""


def no_secret(world: World, *texts: str) -> None:
    """No credential stands in the project's folder, nor in what was printed."""
    secrets = {
        value
        for name, value in world.shop.project.environment.items()
        if name.endswith(("_SECRET", "_PASSWORD", "_TOKEN")) and value
    }
    files = [each for each in world.shop.project.folder.rglob("*") if each.is_file()]
    for name, content in [
        *((str(each), each.read_bytes()) for each in files),
        *(("output", each.encode()) for each in texts),
    ]:
        for secret in secrets:
            holds("no secret in anything it leaves behind", secret.encode() not in content, name)


def _difference(held: dict[Any, Any], wanted: dict[Any, Any]) -> str:
    names = sorted(held.keys() | wanted.keys(), key=str)
    return "; ".join(
        f"{each}: {held.get(each)!r} in place of {wanted.get(each)!r}"
        for each in names
        if held.get(each) != wanted.get(each)
    )
