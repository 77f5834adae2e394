"""The thread that looks at the source: every so often, and when somebody says that there is something to see."""

from __future__ import annotations

import threading
from collections.abc import Callable

from sync_engine.sdk.errors import Interrupted
from sync_engine.serve.watching import Watch

BETWEEN_LOOKS = 1.0
"""Seconds between two looks, whoever asks for them."""


class Watcher:
    """Looks until it is asked to stop.

    Attributes:
        seen: what was found at the last look.
        failed: a defect that ended the looking; None as long as it goes on.
    """

    def __init__(self, watch: Watch, poll_seconds: float, needed: Callable[[], frozenset[str]]) -> None:
        """Prepare.

        Args:
            watch: what looks.
            poll_seconds: how often, when nobody asks.
            needed: revisions whose files somebody reads.
        """
        self.seen = watch.remembered()
        self.failed: Exception | None = None
        self._watch = watch
        self._poll_seconds = poll_seconds
        self._needed = needed
        self._asked = threading.Event()
        self._thread: threading.Thread | None = None

    def look_now(self) -> None:
        """Look soon; any number of calls until then are one."""
        self._asked.set()

    def start(self, stop: threading.Event, wake: Callable[[], None]) -> None:
        """Begin; ``wake`` is called after every look."""
        self._thread = threading.Thread(target=self._run, args=(stop, wake), name="watching", daemon=True)
        self._thread.start()

    def join(self) -> None:
        """Wait for its end, which follows soon after ``stop``."""
        self._asked.set()
        if self._thread is not None:
            self._thread.join(timeout=2)

    def _run(self, stop: threading.Event, wake: Callable[[], None]) -> None:
        while not stop.is_set():
            self._asked.clear()
            try:
                self.seen = self._watch.look(self.seen, stop)
                self._watch.tidy(self._needed())
            except Interrupted:
                return
            except Exception as error:  # noqa: BLE001 - whoever waits for a look must not wait for ever
                self.failed = error
                return
            finally:
                wake()
            stop.wait(BETWEEN_LOOKS)
            self._asked.wait(self._poll_seconds)
