"""A process that maps pages for another one: ``python -m sync_engine.planner.mapping_process``.

On standard input it gets a ``Recipe`` and then a ``Task``, again and again; on standard output it answers each, the
recipe with ``READY`` and a page with a ``MappedPage``, or with None where its records cannot be read: whoever gave it
reads it again and can say why. It ends with its input, so it never outlives the process that started it.
"""

from __future__ import annotations

import contextlib
import gc
import io
import pickle
import sys
import threading
import traceback
from dataclasses import dataclass
from queue import SimpleQueue
from typing import IO

from sync_engine.compiler.catalog import compile_catalog
from sync_engine.planner.mapped import MapPage, MappedPage, Recipe, page_mapper
from sync_engine.sdk.source import ReadsRecords, SourceRecord

READY = "ready"
LENGTH = 8
"""Bytes that say how long a message is."""


@dataclass(frozen=True, slots=True)
class Task:
    """A page.

    Attributes:
        reading: number of its reading.
        given: its records, or what the source wrote of them.
        reader: of those; None where it is that of the task before.
    """

    reading: int
    given: tuple[SourceRecord, ...] | bytes
    reader: ReadsRecords | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """An error of the program itself, where a page was expected; what a record lacks is no error."""

    trace: str


def send(stream: IO[bytes], message: object) -> None:
    """Write a message as one piece, its length before it."""
    content = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
    stream.write(len(content).to_bytes(LENGTH) + content)
    stream.flush()


def receive(stream: IO[bytes] | io.FileIO) -> bytearray:
    """The next message, still pickled.

    Raises:
        EOFError: there is none, or only a part of one.
    """
    return _exactly(stream, int.from_bytes(_exactly(stream, LENGTH)))


def _exactly(stream: IO[bytes] | io.FileIO, size: int) -> bytearray:
    content = bytearray()
    while len(content) < size:
        piece = stream.read(size - len(content))
        if not piece:
            raise EOFError
        content += piece
    return content


def serve(tasks: IO[bytes], answers: IO[bytes]) -> None:
    """Answer tasks until there are no more."""
    waiting: SimpleQueue[bytearray | None] = SimpleQueue()
    threading.Thread(target=_read, args=(tasks, waiting), daemon=True).start()
    try:
        mappers: list[MapPage] = []
        reader: ReadsRecords | None = None
        while (task := waiting.get()) is not None:
            given = pickle.loads(task)  # noqa: S301 - from the process that started this one
            if mappers:
                reader = given.reader or reader
                send(answers, _mapped(mappers[given.reading], given.given, reader))
            else:
                mappers = prepare(given)
                send(answers, READY)
    except Exception:  # noqa: BLE001 - raised again in the process that waits for the answer
        send(answers, Failure(traceback.format_exc()))


def _mapped(
    map_page: MapPage, given: tuple[SourceRecord, ...] | bytes, reader: ReadsRecords | None
) -> MappedPage | None:
    if isinstance(given, tuple):
        return map_page(given)
    assert reader is not None  # noqa: S101 - it came with the first page that needs it
    try:
        records = reader(given)
    except Exception:  # noqa: BLE001 - see ``ReadsRecords``
        return None
    return map_page(records)


def _read(tasks: IO[bytes], waiting: SimpleQueue[bytearray | None]) -> None:
    """Take tasks as soon as they come, so that whoever gives them never waits until the one before is done."""
    with contextlib.suppress(EOFError):
        while True:
            waiting.put(receive(tasks))
    waiting.put(None)


def prepare(recipe: Recipe) -> list[MapPage]:
    """Compile, and make the function of each reading."""
    compiled, problems = compile_catalog(recipe.catalog, recipe.source, recipe.target, recipe.today)
    if compiled is None:
        raise ValueError(f"a catalog that compiled does so no longer: {problems[0].message}")
    streams = {each.name: each for each in compiled.streams}
    return [page_mapper(streams, each, recipe.normal_form) for each in recipe.readings]


if __name__ == "__main__":
    gc.set_threshold(100_000, 50, 50)  # both as in cli.main, for the same reasons
    sys.setswitchinterval(0.001)
    serve(sys.stdin.buffer, sys.stdout.buffer)
