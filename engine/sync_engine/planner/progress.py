"""How long work reports how far it is. The engine says it in values; who shows them, and how, is not its concern."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Called often; must be cheap and may be called from one thread at a time only."""

    def step(self, catalog: str, stream: str, doing: str, done: int) -> None:
        """Say that so many records have been dealt with.

        Args:
            catalog: name of the catalog.
            stream: name of the stream, or of the object that is read.
            doing: ``reading``, ``comparing``, ``writing``, …
            done: records so far.
        """


class Silent:
    """Shows nothing."""

    def step(self, catalog: str, stream: str, doing: str, done: int) -> None:
        """Take no notice."""
