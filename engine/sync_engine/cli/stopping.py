"""Ctrl-C and SIGTERM: a transfer checkpoints and ends; a process that cannot is gone within seconds nevertheless."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Iterator
from typing import NoReturn

PATIENCE = 8.0
"""Seconds in which a process comes to its end in order after it was asked to."""
INTERRUPTED = 130


@contextlib.contextmanager
def unwinding() -> Iterator[None]:
    """Ctrl-C and SIGTERM unwind from wherever the command is: it cleans up, and the process is gone within seconds."""
    try:
        before = {each: signal.signal(each, _unwind) for each in (signal.SIGINT, signal.SIGTERM)}
    except ValueError:  # not the main thread: whoever runs us there stops us in another way
        before = {}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def _unwind(*_: object) -> NoReturn:
    leave_soon()
    raise KeyboardInterrupt


def leave_soon() -> None:
    """End the process in ``PATIENCE`` seconds even if a call still waits for its answer.

    That is as a crash would be: all that matters is in the ledger, and the next transfer takes it up.
    """
    timer = threading.Timer(PATIENCE, _leave)
    timer.daemon = True
    timer.start()


def _leave() -> NoReturn:
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.write("Stopped; what was under way is taken up by the next transfer.\n")
        sys.stderr.flush()
    os._exit(INTERRUPTED)


@contextlib.contextmanager
def stopping() -> Iterator[threading.Event]:
    """An event that the first Ctrl-C or SIGTERM sets; a second one stops at once, wherever the process is."""
    stop = threading.Event()
    before = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)}

    def ask(number: int, _: object) -> None:
        stop.set()
        leave_soon()
        signal.signal(number, before[signal.Signals(number)])

    try:
        for each in before:
            signal.signal(each, ask)
        yield stop
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
