"""A problem in a user's file: where, which code, what, what to do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True, order=True)
class Origin:
    """Where a value was written.

    Attributes:
        file: path as the user would type it, relative to the project where possible.
        line: 1 for the first line; 0 when the value has no place in a file.
        column: 1 for the first character.
    """

    file: str = ""
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


NOWHERE = Origin()


class Severity(StrEnum):
    """How serious a problem is: an error stops, a warning is shown."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake or doubt in a user's file.

    Attributes:
        code: stable code such as ``SE204``; every code is explained in docs/errors.md.
        message: one sentence that says what is wrong, with the offending name in quotes.
        origin: where it was written.
        hint: what to write instead, or the nearest known name; may be empty.
        severity: an error makes ``validate`` fail, a warning does not.
    """

    code: str
    message: str
    origin: Origin = NOWHERE
    hint: str = ""
    severity: Severity = Severity.ERROR
