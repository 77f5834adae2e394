"""What a command prints with: stdout is data, stderr is progress and messages; nothing secret reaches either."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

import click

from sync_engine.sdk.masking import Mask, passwords_in
from sync_engine.sdk.problem import Problem

if TYPE_CHECKING:
    from sync_engine.cli.session import Connections

_PROXIES = tuple(each for name in ("http_proxy", "https_proxy", "all_proxy") for each in (name, name.upper()))
"""Variables with addresses of proxies, which may hold a password; HTTP libraries and git read them."""


class Console:
    """One per process; handed to every command.

    Attributes:
        folder: the project's folder, or one inside it, as the user named it.
        home: where relative paths of the ledger begin; None for the project's folder.
        environment: the one that is laid over the project file; None for the project file alone.
        sources: text of the project's files by name, for the excerpts of problems; without secrets.
        mask: knows what must not be printed or kept; whoever learns of a secret tells it.
    """

    def __init__(self) -> None:
        self.folder = "."
        self.home: str | None = None
        self.environment: str | None = None
        self.sources: Mapping[str, str] = {}
        self.mask = Mask(each for name in _PROXIES for each in passwords_in(os.environ.get(name, "")))

    def paint(self, text: str, colour: str) -> str:
        """Colour a text for stdout where colours are wanted."""
        if not colour or not colour_wanted(sys.stdout):
            return text
        return click.style(text, **({colour: True} if colour in ("bold", "dim") else {"fg": colour}))

    def out(self, text: str, *, newline: bool = True) -> None:
        """Print data on stdout."""
        click.echo(self.mask.masked(text), nl=newline)

    def say(self, text: str, *, hint: str = "", colour: str = "") -> None:
        """Print a message on stderr."""
        text = self.mask.masked(text)
        click.echo(click.style(text, fg=colour) if colour and colour_wanted(sys.stderr) else text, err=True)
        if hint:
            click.echo(f"  {self.mask.masked(hint)}", err=True)

    def connections(self) -> AbstractContextManager[Connections]:
        """The connections of the project, for commands of plugins; see ``sdk.commands.Host``."""
        from sync_engine.cli.session import Connections, load_settings

        return Connections(load_settings(self), self)

    def add_catalog(self, name: str, text: str) -> None:
        """Write a new catalog, for commands of plugins; see ``sdk.commands.Host``."""
        from sync_engine.cli.catalog_files import add

        add(self, name, text)

    def show_problems(self, problems: Sequence[Problem]) -> None:
        """Print problems on stderr."""
        from sync_engine.report.problems import render

        self.say(render(problems, "text", colour=colour_wanted(sys.stderr), sources=self.sources))


def colour_wanted(stream: object) -> bool:
    """Whether to colour: only on a terminal, and not when NO_COLOR is set (no-color.org)."""
    isatty = getattr(stream, "isatty", None)
    return bool(isatty and isatty()) and not os.environ.get("NO_COLOR")


class Meter:
    """Shows progress on stderr: in place on a terminal, else a line now and then."""

    def __init__(self) -> None:
        self._terminal = sys.stderr.isatty()
        self._every = 0.1 if self._terminal else 5.0
        self._shown = time.monotonic()
        self._width = 0

    def step(self, catalog: str, stream: str, doing: str, done: int) -> None:
        """Say how far it is, unless it was said a moment ago."""
        now = time.monotonic()
        if now - self._shown < self._every:
            return
        self._shown = now
        text = f"{catalog}: {doing} {stream}: {done:,}"
        if self._terminal:
            click.echo("\r" + text.ljust(self._width), err=True, nl=False)
            self._width = len(text)
        else:
            click.echo(text, err=True)

    def clear(self) -> None:
        """Remove the line in place."""
        if self._terminal and self._width:
            click.echo("\r" + " " * self._width + "\r", err=True, nl=False)
            self._width = 0
