"""What every platform needs to know of a catalog and of the place where it is transferred."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sync_engine.schedule.knocks import Knock, knocks
from sync_engine.schedule.model import Missed, Schedule
from sync_engine.schedule.text import describe

MARK = "Written by `sync-engine schedule export`"
"""In every file: one with it may be written anew."""


@dataclass(frozen=True, slots=True)
class Job:
    """A catalog that asks at certain times whether a run is due.

    Attributes:
        name: of the catalog.
        said: its schedule in words.
        timezone: on whose clock the times are.
        knocks: the times.
        makes_up: whether missed runs are made up for.
    """

    name: str
    said: str
    timezone: str
    knocks: tuple[Knock, ...]
    makes_up: bool


@dataclass(frozen=True, slots=True)
class Setting:
    """Where the command runs.

    Attributes:
        program: path of ``sync-engine``.
        version: of it.
        folder: the project's, as an absolute path.
        inside: the project's, inside of its repository; ``.`` for the root.
        environment: name of the one that is laid over the project file; None for none.
        variables: names that the project refers to.
        env_file: file that gives them values, where the platform has no other means.
        image: container image with the project.
        ledger: folder of an SQLite ledger inside of the repository; None when the ledger is somewhere else.
    """

    program: str
    version: str
    folder: str
    inside: str
    environment: str | None
    variables: tuple[str, ...]
    env_file: str
    image: str
    ledger: str | None

    def arguments(self, catalog: str | None = None) -> list[str]:
        """Arguments of the command that asks, for one catalog or for all."""
        environment = ["--env", self.environment] if self.environment else []
        return [*environment, "apply", *([catalog] if catalog else []), "--yes", "--scheduled"]

    def shell(self, catalog: str) -> str:
        """The command that asks, for a POSIX shell that knows no variables yet."""
        variables = f"set -a && . {shlex.quote(self.env_file)} && set +a && " if self.variables else ""
        command = shlex.join([self.program, *self.arguments(catalog)])
        return f"cd {shlex.quote(self.folder)} && {variables}{command}"


def job(name: str, schedule: Schedule, now: datetime) -> Job:
    """What asks for the runs of a catalog."""
    return Job(
        name, describe(schedule), schedule.timezone, tuple(knocks(schedule, now)), schedule.missed is not Missed.SKIP
    )


def distinct_knocks(jobs: Sequence[Job]) -> list[tuple[str, Knock]]:
    """The times of all catalogs together, each with its time zone: for a platform that asks for all of them at once."""
    return list(dict.fromkeys((each.timezone, knock) for each in jobs for knock in each.knocks))
