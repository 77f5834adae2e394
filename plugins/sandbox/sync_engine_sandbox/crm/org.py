"""The org: its objects, its records, and what a test may look at or do from inside the process."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sync_engine_sandbox.crm import records
from sync_engine_sandbox.crm.errors import Failed
from sync_engine_sandbox.crm.objects import load_objects
from sync_engine_sandbox.crm.records import Row
from sync_engine_sandbox.crm.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sync_engine_sandbox.crm.fields import Field
    from sync_engine_sandbox.crm.objects import OrgObjects, SObject
    from sync_engine_sandbox.crm.store import Record

ORG_ID = "00DQy0000000001MAA"


@dataclass(frozen=True, slots=True)
class CrmSettings:
    """How the server behaves.

    Attributes:
        client_id: consumer key of the connected app.
        client_secret: its secret.
        username: the integration user.
        password: its password.
        security_token: what SOAP login wants behind the password.
        access_token: a session that is there from the start; None for none.
        jwt_public_key: PEM key that JWT bearer assertions are checked with; None refuses them.
        session_seconds: life of a session without use.
        session_calls: calls after which a session dies; None for no such limit.
        api_max: daily requests.
        latency: seconds that every answer is delayed.
        bulk_delay: seconds between UploadComplete and the first row of a bulk job.
        bulk_chunk: rows of a bulk job that are one transaction.
        bulk_chunk_delay: seconds between two of them.
        bulk_seed: seed of the order of bulk results.
        base64_max: largest base64 file body in characters.
        customize_application: the user may see and change the definitions of fields.
    """

    client_id: str = "sandbox-client"
    client_secret: str = field(default="sandbox-secret", repr=False)
    username: str = "integration@sandbox.example"
    password: str = field(default="sandbox-password", repr=False)
    security_token: str = field(default="sandbox-token", repr=False)
    access_token: str | None = field(default="00DQy0000000001!sandbox.access.token", repr=False)
    jwt_public_key: str | None = field(default=None, repr=False)
    session_seconds: float = 7200.0
    session_calls: int | None = None
    api_max: int = 15_000
    latency: float = 0.0
    bulk_delay: float = 0.0
    bulk_chunk: int = 200
    bulk_chunk_delay: float = 0.0
    bulk_seed: int = 1
    base64_max: int = 37_500_000 * 4 // 3
    customize_application: bool = True


@dataclass(frozen=True, slots=True)
class Call:
    """One request that was answered."""

    method: str
    path: str
    status: int


@dataclass(slots=True)
class Requests:
    """Every request since the start.

    Attributes:
        log: requests in the order of their answers.
        used: requests that count against the daily limit.
    """

    log: list[Call] = field(default_factory=list)
    used: int = 0

    def count(self, method: str | None = None, path: str = "") -> int:
        """Requests with this method (any when None) whose path contains ``path``."""
        return sum(1 for call in self.log if method in {None, call.method} and path in call.path)


@dataclass(slots=True)
class Session:
    """A login."""

    token: str
    used_at: float
    calls: int = 0


class Org:
    """An org in memory.

    Args:
        objects: what it consists of.
        clock: the moment new dates are taken from.

    Attributes:
        chunk_fault: asked before a bulk job goes on: ``job_fails``, ``job_cut`` (see ``faults``), or empty.
    """

    def __init__(self, objects: OrgObjects, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.objects = objects
        self.store = Store(objects, clock)
        self.requests = Requests()
        self.sessions: dict[str, Session] = {}
        self.chunk_fault: Callable[[], str] | None = None
        self.changed_at = self.store.clock().replace(microsecond=0)
        users = objects.by_name["user"].rows
        first = self.store.stamp("User", dict(users[0]), "")
        for sobject in objects.objects:
            for row in sobject.rows[1 if sobject.name == "User" else 0 :]:
                self.store.stamp(sobject.name, dict(row), first)
        self.store.put(
            objects.by_name["user"],
            {**self.store.tables["User"].live[first], "CreatedById": first, "LastModifiedById": first},
        )
        self.api_user, self.person, self.process = list(self.store.tables["User"].live)[:3]

    @classmethod
    def load(cls, path: Path | None = None, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> Org:
        """The org that an objects file describes; the standard objects alone without one.

        Raises:
            ObjectsError: the file is wrong.
        """
        return cls(load_objects(path), clock)

    def rows(self, name: str) -> list[Record]:
        """Copies of the live records of an object, in the order they were created."""
        with self.store.lock:
            return [dict(row) for row in self.store.tables[self._sobject(name).name].live.values()]

    def add(self, name: str, values: dict[str, Any]) -> str:
        """Create a record as a person, not through the API; gives its id.

        Raises:
            ValueError: the org refuses it.
        """
        return self._as(self.person, name, "insert", Row(dict(values)))

    def edit(self, name: str, record_id: str, changes: dict[str, Any], *, process: bool = False) -> None:
        """Change a record as a person, or as a process of the platform, not through the API.

        Raises:
            ValueError: the org refuses it.
        """
        user = self.process if process else self.person
        self._as(user, name, "update", Row(dict(changes), record_id=record_id))

    def remove(self, name: str, record_id: str) -> None:
        """Delete a record as a person, not through the API.

        Raises:
            ValueError: the org refuses it.
        """
        self._as(self.person, name, "delete", Row(record_id=record_id))

    def end_sessions(self) -> None:
        """Every session is dead from now on."""
        self.sessions.clear()

    def change_field(self, name: str, changed: Field) -> None:
        """Define a field of an object anew; its records stay as they are."""
        self._define(name, tuple(changed if each.name == changed.name else each for each in self._sobject(name).fields))

    def hide_field(self, name: str, field_name: str) -> None:
        """Take a field from the user's sight, or from the object: from outside both look the same."""
        self._define(name, tuple(each for each in self._sobject(name).fields if each.name != field_name))

    def show_field(self, name: str, shown: Field) -> None:
        """Bring a hidden field back."""
        self._define(name, (*self._sobject(name).fields, shown))

    def _define(self, name: str, fields: tuple[Field, ...]) -> None:
        with self.store.lock:
            before = self._sobject(name)
            after = replace(before, fields=fields)
            everything = tuple(after if each is before else each for each in self.objects.objects)
            self.objects = self.store.objects = replace(self.objects, objects=everything)
            self.changed_at = self.store.clock().replace(microsecond=0)

    def open_session(self, token: str) -> Session:
        """Make a token valid."""
        session = self.sessions[token] = Session(token, time.monotonic())
        return session

    def _as(self, user: str, name: str, operation: str, row: Row) -> str:
        outcome = records.write(self.store, self._sobject(name), operation, [row], user=user)[0]
        if outcome.record_id is None or not outcome.success:
            raise ValueError(str(Failed(*outcome.problems)))
        return outcome.record_id

    def _sobject(self, name: str) -> SObject:
        return self.objects.by_name[name.lower()]
