"""Read ahead in a thread, so that waiting for a service and working on what it sent overlap."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")

_END = object()


def prefetch(items: Iterable[T], depth: int) -> Iterator[T]:
    """The same items in the same order; up to ``depth`` of them are fetched before they are asked for.

    An exception of the iterable is raised in its place. When the consumer stops early, the thread ends at its next
    item.
    """
    waiting: queue.Queue[object] = queue.Queue(maxsize=depth)
    stopped = threading.Event()
    failure: list[BaseException] = []

    def put(item: object) -> bool:
        while not stopped.is_set():
            try:
                waiting.put(item, timeout=0.1)
            except queue.Full:
                continue
            return True
        return False

    def fetch() -> None:
        try:
            for item in items:
                if not put(item):
                    return
        except BaseException as error:  # noqa: BLE001 - raised again in the consumer's thread
            failure.append(error)
        put(_END)

    thread = threading.Thread(target=fetch, name="prefetch", daemon=True)
    thread.start()
    try:
        while True:
            item = waiting.get()
            if item is _END:
                break
            yield item  # type: ignore[misc] # only items and the end marker are put in
        if failure:
            raise failure[0]
    finally:
        stopped.set()
        thread.join(timeout=60)
