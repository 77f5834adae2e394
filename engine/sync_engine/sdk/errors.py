"""Errors, arranged by what the caller does next.

    SyncEngineError
    ├── InvalidInput      a file or an option must be changed by the user; carries every problem found
    ├── Refused           the engine or a service says no; the same call will be refused again
    │   ├── Unauthorised  the credentials or the permissions are not sufficient
    │   ├── GateTripped   a safety gate forbids to write
    │   ├── PlanStale     the plan was made for something else than what is there now
    │   └── Locked        another transfer writes to the same catalog or object, or took over from this one
    ├── Unavailable       a service cannot answer now; the same call may succeed later
    │   └── NotDone       likewise, and it has done nothing of the call
    ├── BrokenContract    a service answered what its documentation rules out; its state is unknown, so stop
    └── Interrupted       a person or the system asked to stop

A record that cannot be written is no exception: it is a value (``sync_engine.sdk.target.Rejected``), because the
other records go on.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from sync_engine.sdk.problem import Problem


class SyncEngineError(Exception):
    """Something stopped; the text says what and where, the hint says what to do next.

    Args:
        message: one sentence a user understands: what failed, on which connection, file, record or field.
        hint: what to do next, one sentence; empty when nothing useful can be said.
        code: under which docs/errors.md explains it; empty when it does not.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str = "", code: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.code = code


class InvalidInput(SyncEngineError):
    """Files or settings hold mistakes; ``problems`` has all of them, never the first only."""

    exit_code = 3

    def __init__(self, problems: Sequence[Problem]) -> None:
        count = len(problems)
        super().__init__(f"{count} problem{'s' if count != 1 else ''} found")
        self.problems = tuple(problems)


class Refused(SyncEngineError):
    """The engine or a service refuses; doing the same again will be refused again."""


class Unauthorised(Refused):
    """Credentials are wrong, have been revoked, or lack a permission that the message names."""


class GateTripped(Refused):
    """A safety gate of the catalog forbids to write; nothing was written."""

    exit_code = 5


class PlanStale(Refused):
    """A saved plan no longer fits the catalog, the adapters or the described target; nothing was written."""

    exit_code = 6


class Locked(Refused):
    """Another transfer holds the lock, or this one lost it; nothing was written since."""

    exit_code = 7


class Unavailable(SyncEngineError):
    """A service cannot answer now.

    Args:
        retry_after: seconds the service asked to wait (``Retry-After``), None when it said nothing.
    """

    exit_code = 69

    def __init__(self, message: str, *, hint: str = "", code: str = "", retry_after: float | None = None) -> None:
        super().__init__(message, hint=hint, code=code)
        self.retry_after = retry_after


class NotDone(Unavailable):
    """A service refuses a call for now, and so has done nothing of it: it may be made again, whatever it does."""


class BrokenContract(SyncEngineError):
    """A service answered something that its documentation rules out; nothing may be concluded from it."""


class Interrupted(SyncEngineError):
    """Stopped on request (Ctrl-C, SIGTERM) at a point from which the work can go on."""

    exit_code = 130
