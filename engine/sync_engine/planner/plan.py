"""A plan as a value: what would be written, row by row, and what may forbid it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

import orjson

from sync_engine.planner.encoding import Encoded
from sync_engine.planner.fields import Fields, NewFields, field_changes
from sync_engine.sdk.target import Actor, FieldRequest, FieldType, Modified, Reason


class ChangeKind(StrEnum):
    """What happens to one target record."""

    CREATE = "create"
    UPDATE = "update"
    DEACTIVATE = "deactivate"
    DELETE = "delete"
    LEAVE = "leave"  # transferred no more and left as it is; only where two versions of a catalog are compared


@dataclass(frozen=True, slots=True)
class Change:
    """What happens to one target record.

    Attributes:
        key: value of the key field.
        source_key: the record in the source it comes from.
        target_id: the target's id, empty for a create.
        wave: changes of a stream with a smaller wave are written first (parents before children).
        fields: only the fields that differ; of a new record those that have a value.
        modified: the record's last modification, where a field of it was changed in the org and the target tells.
        line: the change as it stands in the plan file; empty while the plan is being made.
    """

    kind: ChangeKind
    key: str
    source_key: str
    target_id: str
    wave: int
    fields: Fields
    modified: Modified | None = None
    line: bytes = field(default=b"", compare=False, repr=False)

    def packed(self) -> PackedChange:
        """The change as it goes into the plan file."""
        plain = self.fields.values if isinstance(self.fields, NewFields) else tuple(map(tuple, self.fields))
        fields = orjson.dumps(plain)
        return PackedChange(self.kind, self.key, self.source_key, self.target_id, self.wave, fields, self.modified)

    def names(self) -> Iterable[str]:
        """Name of each field."""
        return self.fields.values if isinstance(self.fields, NewFields) else (each.field for each in self.fields)

    def values(self) -> Iterable[tuple[str, Encoded]]:
        """Name and new value of each field."""
        if isinstance(self.fields, NewFields):
            return self.fields.values.items()
        return ((each.field, each.after) for each in self.fields)


class PackedChange(NamedTuple):
    """A change on its way to the plan file; its fields are JSON already.

    They are ``[[field, before, after, cause], …]``, or ``{field: value, …}`` of a new record.
    """

    kind: ChangeKind
    key: str
    source_key: str
    target_id: str
    wave: int
    fields: bytes
    modified: Modified | None = None

    def unpacked(self) -> Change:
        """The change itself."""
        fields = field_changes(orjson.loads(self.fields))
        return Change(self.kind, self.key, self.source_key, self.target_id, self.wave, fields, self.modified)


class KeptField(NamedTuple):
    """A field that differs and is left as it is; ``policy`` says why: ``keep`` or ``report``."""

    field: str
    before: Encoded
    after: Encoded
    cause: str
    policy: str


@dataclass(frozen=True, slots=True)
class Kept:
    """What differs of one target record and is left as it is; other fields of it may be changed nevertheless."""

    key: str
    source_key: str
    target_id: str
    fields: tuple[KeptField, ...]
    modified: Modified | None = None


def modified_to_data(modified: Modified | None) -> list[str] | None:
    """A modification as plain data."""
    return None if modified is None else [modified.by, modified.at, modified.actor]


def modified_from_data(data: Sequence[str] | None) -> Modified | None:
    """A modification from what ``modified_to_data`` made of it."""
    return None if data is None else Modified(data[0], data[1], Actor(data[2]))


WAITS = "WAITS_FOR_PARENT"
"""The reason of a record that is held and not rejected (``missing: hold``)."""


@dataclass(frozen=True, slots=True)
class Rejection:
    """A record that cannot be written, with every reason."""

    key: str
    source_key: str
    reasons: tuple[Reason, ...]

    @property
    def waits(self) -> bool:
        """Whether it is only held until the records that it refers to are there, as its catalog wants."""
        return all(each.code == WAITS for each in self.reasons)


@dataclass(frozen=True, slots=True)
class Summary:
    """Counts of a stream or a catalog.

    ``filtered`` records were read and left out by rule, ``waiting`` ones are held until their parents are there.
    """

    create: int = 0
    update: int = 0
    deactivate: int = 0
    delete: int = 0
    unchanged: int = 0
    rejected: int = 0
    filtered: int = 0
    leave: int = 0
    waiting: int = 0

    def __add__(self, other: Summary) -> Summary:
        return Summary(*(getattr(self, name) + getattr(other, name) for name in self.__slots__))

    @property
    def changes(self) -> int:
        """Records that would be written."""
        return self.create + self.update + self.deactivate + self.delete + self.leave

    @property
    def matched(self) -> int:
        """Records of the source that passed the filter."""
        return self.create + self.update + self.unchanged + self.rejected + self.waiting

    def published(self, *, compared: bool = False) -> dict[str, int]:
        """The counts under the names that JSON output promises; ``compared``: of two versions of a catalog."""
        names = ("create", "update", "deactivate", "delete", "unchanged", "rejected")
        return {name: getattr(self, name) for name in (*names, *(("leave",) if compared else ()))}


@dataclass(frozen=True, slots=True)
class PlannedField:
    """A field of a stream in a plan, with what is needed to decode its values.

    Attributes:
        mapping: digest of how it is filled; empty for a field that is written only when its source record is gone.
    """

    name: str
    type: FieldType
    request: FieldRequest
    mapping: str = ""


@dataclass(frozen=True, slots=True)
class ReadStep:
    """How a stream reads its records.

    Attributes:
        pushed: filters that the source evaluates.
        here: filters that the engine evaluates.
        not_applicable: filters on fields that the collection does not have.
        since: only records that may have changed since that moment (ISO 8601) are read; empty when all are.
        because: why all are, where only changes were asked for.
    """

    collection: str
    pushed: tuple[str, ...] = ()
    here: tuple[str, ...] = ()
    not_applicable: tuple[str, ...] = ()
    since: str = ""
    because: str = ""


@dataclass(frozen=True, slots=True)
class WriteStep:
    """How a stream's changes are written.

    Attributes:
        key_fields: by which records are found: one field, or several together.
        mode: the target's name of the way.
        batches: how many batches it will take at least.
        upserts: whether a record can be written by its key, an external id; new ones are inserted where it cannot.
    """

    object_name: str
    key_fields: tuple[str, ...]
    mode: str
    batches: int
    upserts: bool = True

    @property
    def key_name(self) -> str:
        """The key as people read it."""
        return " + ".join(self.key_fields)


@dataclass(frozen=True, slots=True)
class NewOptions:
    """Values that a picklist gets before any row is written; each with its label."""

    field: str
    values: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class ConfigChange:
    """What differs between two versions of a catalog or a stream.

    Attributes:
        part: a key of the catalog language, or the name of a field.
        said: what differs, for people.
        place: where it is written, as ``file:line:column``.
    """

    part: str
    said: str
    place: str


def adopts(change: Change, key: str) -> bool:
    """Whether a change takes over a record that was there before: only then an update writes the key field."""
    return change.kind is ChangeKind.UPDATE and any(each.field == key for each in change.fields)


@dataclass(frozen=True, slots=True)
class BaseCommit:
    """The version of the catalogs that the present one is compared with.

    Attributes:
        reference: as the user named it.
        commit: full id of the commit whose files were read.
    """

    reference: str
    commit: str


@dataclass(frozen=True, slots=True)
class StreamPlan:
    """One stream of a plan; its changes are in the plan file.

    Attributes:
        causes: why the fields of its updates differ: fields by ``Cause``; where two versions are compared, by
            ``ConfigCause``, with records that enter or leave beside them.
        kept: fields that differ and are left as they are, by policy.
        matches: what ``match`` found: records ``adopted``, and ``ambiguous`` or ``duplicate`` ones, which are rejected.
        config: what differs between the versions that are compared.
    """

    name: str
    read: ReadStep
    write: WriteStep
    fields: tuple[PlannedField, ...]
    summary: Summary
    new_options: tuple[NewOptions, ...] = ()
    causes: Mapping[str, int] = field(default_factory=dict)
    kept: Mapping[str, int] = field(default_factory=dict)
    matches: Mapping[str, int] = field(default_factory=dict)
    config: tuple[ConfigChange, ...] = ()

    @property
    def field_by_name(self) -> Mapping[str, PlannedField]:
        """The fields by name."""
        return {each.name: each for each in self.fields}

    @property
    def mapped(self) -> tuple[PlannedField, ...]:
        """The fields that are filled for every record."""
        return tuple(each for each in self.fields if each.mapping)


@dataclass(frozen=True, slots=True)
class Gate:
    """A safety gate and what was counted.

    Attributes:
        name: as in the catalog's ``safety``.
        limit: what is allowed, as text with its unit.
        actual: what was counted.
        tripped: the plan must not be applied.
        allow: what a person allows who applies it nevertheless, such as ``deletes=104``.
        records: of a tripped gate: stream and key of a few of the records in question.
    """

    name: str
    limit: str
    actual: str
    tripped: bool
    allow: str = ""
    records: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Cost:
    """What a plan takes.

    Attributes:
        pages_read: pages that were read from the source.
        batches: that would be sent to the target, by the target's name of the way.
        target_requests: what applying it asks of the target, at least.
        source_requests_to_apply: what applying it asks of the source, where records are to be deleted or deactivated.
        seconds: how long applying it takes, roughly: as fast as the last large transfer of the catalog was, or, before
            there was one, as the adapter guesses.
        source_requests: what making it has asked of the source; None when the source does not count.
        requests_remaining: what the target's daily limit leaves; None when it does not say.

    The last three are not part of the digest: they say nothing of what would happen.
    """

    pages_read: int = 0
    batches: Mapping[str, int] = field(default_factory=dict)
    target_requests: int = 0
    source_requests_to_apply: int = 0
    seconds: float = 0.0
    source_requests: int | None = None
    requests_remaining: int | None = None

    @property
    def share(self) -> float | None:
        """Percent of what the target's daily limit leaves; None when that is not known."""
        if self.requests_remaining is None:
            return None
        return 100.0 * self.target_requests / max(1, self.requests_remaining)


@dataclass(frozen=True, slots=True)
class CatalogPlan:
    """The plan of one catalog.

    Attributes:
        fingerprint: what the plan was made for: catalog, engine, adapters, described fields; compared before it is
            applied.
        restores: id of the transfer that it rolls back; empty otherwise.
        config: what differs outside of the streams between the versions that are compared.
    """

    name: str
    path: str
    fingerprint: Mapping[str, str]
    streams: tuple[StreamPlan, ...]
    warnings: tuple[str, ...] = ()
    gates: tuple[Gate, ...] = ()
    cost: Cost = field(default_factory=Cost)
    restores: str = ""
    config: tuple[ConfigChange, ...] = ()

    @property
    def summary(self) -> Summary:
        """Counts of all streams."""
        total = Summary()
        for each in self.streams:
            total = total + each.summary
        return total

    @property
    def writes(self) -> bool:
        """Whether it can be applied: a comparison of two versions says of no stream how it would be written."""
        return any(each.write.mode for each in self.streams)

    @property
    def tripped(self) -> tuple[Gate, ...]:
        """The gates that forbid to apply it."""
        return tuple(each for each in self.gates if each.tripped)
