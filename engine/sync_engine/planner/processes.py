"""Map pages in a few processes beside this one, so that a large catalog uses more than one processor.

Which process maps a page makes no difference to what comes out; the pages come back in the order they went in. Small
catalogs never get here: starting a process takes about as long as mapping a thousand records.
"""

from __future__ import annotations

import contextlib
import io
import os
import pickle
import select
import subprocess
import sys
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from types import MethodType, TracebackType
from typing import IO, Any

from sync_engine.compiler.compiled import CompiledCatalog
from sync_engine.planner.mapped import MapPage, MappedPage, Recipe, page_mapper
from sync_engine.planner.mapping_process import Failure, Task, receive, send
from sync_engine.sdk.errors import SyncEngineError
from sync_engine.sdk.source import Page, ReadsRecords, Unread

ALONE = 10
"""Pages of a plan that are mapped here before others are asked to help."""

MOST = 3
"""More processes than this find nothing to do: comparing, which is done here, takes a third as long as mapping."""


def helping_processes() -> int:
    """How many processes may help where nobody says: one less than this process may use processors."""
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(processors - 1, MOST)


TASKS = 2
"""Pages that a process has at a time: it goes on with one while this process takes what became of the other."""


MOST_WAITING = 20
"""Pages that are held until those before them are mapped."""

PIPE_SIZE = 2**20
"""As much as Linux gives a program without privileges."""


class Mappers:
    """Maps the pages of one plan, here and, once there are many, in other processes.

    Args:
        compiled: the catalog.
        recipe: for the other processes.
        beside: how many of them; 0 maps everything here.

    Attributes:
        helped: pages that other processes have been given so far.
    """

    def __init__(self, compiled: CompiledCatalog, recipe: Recipe, beside: int) -> None:
        self._streams = {each.name: each for each in compiled.streams}
        self._recipe = recipe
        self._beside = beside if _travels(recipe.normal_form) else 0
        self._seen = 0
        self.helped = 0
        self._starter = ThreadPoolExecutor(max_workers=1, thread_name_prefix="mappers")
        self._started: Future[None] | None = None
        self._helpers: list[_Helper] = []

    def __enter__(self) -> Mappers:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._starter.shutdown()
        for each in self._helpers:
            each.close()

    def pages(self, reading: int, pages: Iterable[Page]) -> Iterator[tuple[Page, MappedPage]]:
        """Each page of a reading and what became of it, in the same order.

        Raises:
            SyncEngineError: a process ended before its page was mapped.
        """
        here = page_mapper(self._streams, self._recipe.readings[reading], self._recipe.normal_form)
        idle: deque[_Helper] = deque()
        waiting: deque[tuple[Page, _Helper | MappedPage]] = deque()
        for page in pages:
            if not idle and not waiting:
                idle.extend(self._ready() * TASKS)
            if idle:
                helper = idle.popleft()
                helper.ask(reading, page)
                self.helped += 1
                waiting.append((page, helper))
            else:  # the others have enough to do
                waiting.append((page, here(page.records)))
            while waiting and (_is_done(waiting[0][1]) or len(waiting) > MOST_WAITING):
                yield _taken(waiting, idle, here)
        while waiting:
            yield _taken(waiting, idle, here)

    def _ready(self) -> list[_Helper]:
        """The other processes, once they are wanted and have all started."""
        self._seen += 1
        if not self._beside or self._seen <= ALONE:
            return []
        if self._started is None:
            self._started = self._starter.submit(self._start)
        if not self._started.done():
            return []
        self._started.result()
        return self._helpers

    def _start(self) -> None:
        for _ in range(self._beside):
            self._helpers.append(_Helper(self._recipe))
        for each in self._helpers:
            each.wait_until_ready()


def _is_done(mapped: _Helper | MappedPage) -> bool:
    return isinstance(mapped, MappedPage) or mapped.has_answered()


def _taken(
    waiting: deque[tuple[Page, _Helper | MappedPage]], idle: deque[_Helper], here: MapPage
) -> tuple[Page, MappedPage]:
    """The first page that waits and what became of it; whoever mapped it can have another one."""
    page, mapped = waiting.popleft()
    if isinstance(mapped, MappedPage):
        return page, mapped
    idle.append(mapped)
    return page, mapped.answer() or here(page.records)


def _travels(function: object) -> bool:
    """Whether another process can import a function; see ``Target.normal_form``."""
    try:
        pickle.dumps(function)
    except (pickle.PicklingError, AttributeError, TypeError):
        return False
    return not isinstance(function, MethodType)


def _widen(pipe: IO[bytes] | None) -> None:
    """Make a pipe hold a whole page, so that it goes through at once and not in turns of both processes."""
    with contextlib.suppress(ImportError, AttributeError, OSError):  # not everywhere, and not as much as anybody likes
        import fcntl

        if pipe:
            fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, PIPE_SIZE)


class _Helper:
    """Another process; it reads all that it is given at once, so neither side ever waits for the other to read."""

    def __init__(self, recipe: Recipe) -> None:
        # -P: a module in the user's folder must not take the place of one of ours. Its own group: Ctrl-C is for us.
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "sync_engine.planner.mapping_process"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            process_group=0 if os.name == "posix" else None,
        )
        self._reader: ReadsRecords | None = None
        assert self._process.stdout is not None  # noqa: S101 - for the types
        # Without a buffer, in which an answer could lie that the system does not know of.
        self._answers = io.FileIO(self._process.stdout.fileno(), closefd=False)
        for pipe in (self._process.stdin, self._process.stdout):
            _widen(pipe)
        self._send(recipe)

    def wait_until_ready(self) -> None:
        """Return when it has compiled the catalog."""
        self._receive()

    def ask(self, reading: int, page: Page) -> None:
        """Give it a page."""
        given = page.given
        if not isinstance(given, Unread):
            self._send(Task(reading, given))
            return
        # Only the first page of many brings the reader along.
        self._send(Task(reading, given.body, None if given.reader is self._reader else given.reader))
        self._reader = given.reader

    def answer(self) -> MappedPage | None:
        """What became of the first page that it was given and has not answered; None if it cannot read its records."""
        page: MappedPage | None = self._receive()
        return page

    def has_answered(self) -> bool:
        """Whether there is an answer, or the beginning of one; always where the system cannot tell."""
        return os.name != "posix" or bool(select.select([self._answers], [], [], 0)[0])

    def close(self) -> None:
        """End it, whatever it is doing: nothing that it holds is kept anywhere."""
        self._process.kill()
        with contextlib.suppress(BrokenPipeError):
            self._process.communicate()

    def _send(self, message: object) -> None:
        assert self._process.stdin is not None  # noqa: S101 - for the types
        try:
            send(self._process.stdin, message)
        except BrokenPipeError:
            raise self._ended() from None

    def _receive(self) -> Any:
        try:
            answer = pickle.loads(receive(self._answers))  # noqa: S301 - a pipe from our own process
        except EOFError:
            raise self._ended() from None
        if isinstance(answer, Failure):
            raise RuntimeError(f"in a process that maps records:\n{answer.trace}")  # noqa: TRY004
        return answer

    def _ended(self) -> SyncEngineError:
        code = self._process.wait(timeout=10)
        return SyncEngineError(
            f"a process that maps records ended with code {code} before it was done; nothing was written",
            hint="Memory may be short (code -9). Run the same command again, or set `mapping_processes: 0`.",
        )
