"""What a plugin's command works with: it prints, and uses the project's connections, as the core's commands do.

A command is a click command, registered under the entry-point group ``sync_engine.commands`` by its name;
``@click.pass_obj`` gives it a ``Host``. Errors of ``sync_engine.sdk.errors`` that it raises become messages and exit
codes.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from sync_engine.sdk.source import Source
from sync_engine.sdk.target import Target


class OpenConnections(Protocol):
    """The connections of the project; each is opened when it is asked for, and closed at the end."""

    def of_adapter(self, adapter: str) -> Sequence[str]:
        """Names of the connections with that adapter."""

    def targets(self) -> Sequence[str]:
        """Names of the connections that are targets."""

    def source(self, name: str) -> Source:
        """The opened source of that name."""

    def target(self, name: str) -> Target:
        """The opened target of that name."""


class Host(Protocol):
    """The core, as a command sees it; nothing secret is printed by it."""

    def out(self, text: str) -> None:
        """Print data on stdout."""

    def say(self, text: str, *, hint: str = "") -> None:
        """Print a message on stderr."""

    def connections(self) -> AbstractContextManager[OpenConnections]:
        """The connections of the project.

        Raises:
            InvalidInput: something is wrong with the project's own files.
        """

    def add_catalog(self, name: str, text: str) -> None:
        """Write a new catalog into the project and print its path.

        Raises:
            UsageError: of click; that is no name for a catalog.
            Refused: the name or the file is taken; nothing was changed.
        """
