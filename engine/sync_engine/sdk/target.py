"""What a target is: described objects, rows it holds, batches of changes, one result per record sent.

Who calls what: ``describe`` once per object, ``read`` when planning and again before writing, ``submit`` once per
batch and then ``poll`` until the batch is finished and ``results``. Several batches may be under way at the same
time, each driven from one thread.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple, Protocol, runtime_checkable

from sync_engine.sdk.values import Blank, TargetValue


class FieldType(StrEnum):
    """What a field of a target object holds; the Python type of its values stands behind each."""

    TEXT = "text"  # str, one line
    TEXTAREA = "textarea"  # str
    RICH_TEXT = "rich_text"  # str, HTML
    PICKLIST = "picklist"  # str
    MULTIPICKLIST = "multipicklist"  # tuple[str, ...], sorted
    BOOLEAN = "boolean"  # bool
    INTEGER = "integer"  # int
    DECIMAL = "decimal"  # Decimal
    PERCENT = "percent"  # Decimal
    CURRENCY = "currency"  # Decimal
    DATE = "date"  # date
    DATETIME = "datetime"  # datetime in UTC
    TIME = "time"  # time
    EMAIL = "email"  # str
    PHONE = "phone"  # str
    URL = "url"  # str
    REFERENCE = "reference"  # ParentKey, or str: the target's own id
    ID = "id"  # str
    FILE = "file"  # MediaRef when it is written, text when it is read; see ``sdk.files``
    OTHER = "other"  # cannot be written; ``FieldDescription.not_writable`` says why


@dataclass(frozen=True, slots=True)
class PicklistValue:
    """One choice of a picklist; ``value`` is what is stored and compared."""

    value: str
    label: str
    active: bool = True


@dataclass(frozen=True, slots=True)
class FieldDescription:
    """A field of a target object.

    Attributes:
        name: as catalogs write it; compared without regard to case.
        label: as people see it.
        type: what it holds.
        native_type: the target's own word for the type.
        length: longest text in characters; 0 where it does not apply.
        precision: digits in all of a number; 0 where it does not apply.
        scale: digits behind the decimal point.
        required: a record cannot be created without it.
        createable: can be set when a record is created.
        updateable: can be changed later.
        external_id: may serve as key of an upsert.
        unique: the target refuses a second record with the same value.
        case_sensitive: keys that differ only in case are different keys.
        restricted: a picklist that takes no value outside ``picklist``.
        picklist: the choices.
        refers_to: objects that a reference may point to.
        not_writable: why it cannot be written (formula, roll-up, …); empty when it can.
        choices_fixed: of a picklist: why no choices can be added to it; empty when that is not known yet.
    """

    name: str
    label: str
    type: FieldType
    native_type: str = ""
    length: int = 0
    precision: int = 0
    scale: int = 0
    required: bool = False
    createable: bool = True
    updateable: bool = True
    external_id: bool = False
    unique: bool = False
    case_sensitive: bool = False
    restricted: bool = False
    picklist: tuple[PicklistValue, ...] = ()
    refers_to: tuple[str, ...] = ()
    not_writable: str = ""
    choices_fixed: str = ""


@dataclass(frozen=True, slots=True)
class ObjectSchema:
    """A described object; ``fields`` by name as the target spells it."""

    name: str
    label: str
    createable: bool
    updateable: bool
    deletable: bool
    fields: Mapping[str, FieldDescription]

    def field(self, name: str) -> FieldDescription | None:
        """The field of that name without regard to case, or None."""
        found = self.fields.get(name)
        if found is not None:
            return found
        wanted = name.casefold()
        return next((each for each in self.fields.values() if each.name.casefold() == wanted), None)


@dataclass(frozen=True, slots=True)
class FieldRequest:
    """A field to read back.

    Attributes:
        name: the field.
        parent_object, parent_field: for a reference that is compared by its parent's key: where that key is.
    """

    name: str
    parent_object: str = ""
    parent_field: str = ""


@dataclass(frozen=True, slots=True)
class TargetRow:
    """A record as the target holds it now.

    Attributes:
        id: the target's own id.
        key: value of the key field as stored.
        values: by field name, in the types of ``FieldType``; None where the field is empty.
    """

    id: str
    key: str
    values: Mapping[str, TargetValue]


class Operation(StrEnum):
    """What a batch does to its records."""

    UPSERT = "upsert"
    INSERT = "insert"  # makes a record each time it is done, so the target never repeats it by itself
    UPDATE = "update"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class Row:
    """A record to write.

    Attributes:
        key: value of the batch's key field.
        values: by field name; ``Blank.CLEAR`` empties a field, an absent field is left alone.
        target_id: the target's own id where it is known.
    """

    key: str
    values: Mapping[str, TargetValue | Blank]
    target_id: str | None = None


@dataclass(frozen=True, slots=True)
class Batching:
    """How the target wants a number of changes to arrive.

    Attributes:
        mode: the adapter's own name of the way, handed back in ``Batch.mode`` and shown in plan and log.
        max_rows: rows in a batch at the most.
        max_bytes: size of a batch at the most, in encoded bytes.
        parallel: batches that may be under way at the same time.
        requests: that a batch takes at least, from hand-over to results.
        seconds: that a full batch takes, roughly; asked for as long as nothing has been measured.
    """

    mode: str
    max_rows: int
    max_bytes: int
    parallel: int
    requests: int = 1
    seconds: float = 1.0


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows of one object to be written together.

    Attributes:
        id: unique within the transfer and stable across a restart.
        object: where to.
        operation: what to do.
        key_field: the external id field by which records are found; of an insert the name of the key.
        mode: as ``Batching.mode`` said.
        columns: every field that occurs in the rows, in the order of the mapping; without the key field,
            but with it in an insert.
        rows: keys are unique within a batch.
    """

    id: str
    object: str
    operation: Operation
    key_field: str
    mode: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class BatchRef:
    """A submitted batch: what is needed to ask for it again, also after a restart. Plain data, kept in the ledger."""

    batch_id: str
    data: Mapping[str, object]


class Owner(StrEnum):
    """Who has to act on a rejection."""

    MAPPING = "mapping"
    DATA = "data"
    ORG = "org"


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a record cannot be written.

    Attributes:
        code: the target's or the engine's code, stable, for grouping.
        message: for a person; names the limit that was broken.
        field: the field in question, empty when it concerns the record.
        owner: who has to act.
    """

    code: str
    message: str
    field: str = ""
    owner: Owner = Owner.DATA


class Outcome(StrEnum):
    """What became of a record that was sent."""

    CREATED = "created"
    UPDATED = "updated"
    DELETED = "deleted"
    UNCHANGED = "unchanged"
    REJECTED = "rejected"
    UNCERTAIN = "uncertain"


class RecordResult(NamedTuple):
    """What the target says of one record sent; found by key, never by position.

    A tuple, because that is made fastest, and there is one for each record.

    Attributes:
        key: as in ``Row.key``.
        outcome: UNCERTAIN when the connection was lost and the target could not be asked.
        target_id: the target's own id, where it gave one.
        reasons: why it was rejected.
        retryable: the same record may be accepted when sent again (a lock, a limit).
    """

    key: str
    outcome: Outcome
    target_id: str | None = None
    reasons: tuple[Reason, ...] = ()
    retryable: bool = False


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a batch is.

    Attributes:
        finished: ``results`` can be called.
        processed: rows dealt with so far.
        wait: seconds to wait before the next ``poll``.
    """

    finished: bool
    processed: int
    wait: float


@dataclass(frozen=True, slots=True)
class Budget:
    """What the target lets us use.

    Attributes:
        requests_max: requests a day; None when it does not say.
        requests_remaining: how many are left.
    """

    requests_max: int | None = None
    requests_remaining: int | None = None


class BatchState(StrEnum):
    """How far a batch has come; each is durable before the next remote call.

    ``PACKED``, ``SUBMITTED`` and ``COMMITTED`` are the engine's, the others are reported by ``Target.submit``.
    """

    PACKED = "packed"  # the engine has its content; nothing was sent
    SENDING = "sending"  # the one call that writes is about to be made
    CREATING = "creating"  # a job is about to be created, empty and without effect
    CREATED = "created"  # the job is there; its content is about to be uploaded, which has no effect yet
    UPLOADED = "uploaded"  # the job has its content; it is about to be closed
    CLOSED = "closed"  # the target works on the job
    SUBMITTED = "submitted"  # handed over; its results are about to be asked for
    COMMITTED = "committed"  # an outcome of every record is in the ledger


Checkpoint = Callable[[BatchState, Mapping[str, object]], None]
"""Called by ``submit`` with (state, data) when a state is reached and before the next remote call; the engine makes it
durable before it returns. ``data`` is what finds the batch again. ``late`` in the data of ``SENDING``, or in the
reference of a batch with uncertain results, says for how many seconds a call whose answer was lost may still take
effect; it is left out where the call can be made again."""


@dataclass(frozen=True, slots=True)
class TargetSchema:
    """The objects that catalogs of a project write to; saved as a snapshot.

    Attributes:
        adapter: name of the adapter that described it.
        version: the target's own version, for messages.
        objects: by name.
        languages: in which people can use the target, in its own spelling; empty when it does not say.
    """

    adapter: str
    version: str
    objects: Mapping[str, ObjectSchema] = field(default_factory=dict)
    languages: tuple[str, ...] = ()

    def find(self, name: str) -> ObjectSchema | None:
        """The object of that name without regard to case, or None."""
        wanted = name.casefold()
        return next((each for key, each in self.objects.items() if key.casefold() == wanted), None)


@runtime_checkable
class AddsChoices(Protocol):
    """What a target can do beside ``Target``: add choices to its picklists. Called before any row is written."""

    def cannot_add_choices(self, object_name: str, field: str, choices: Sequence[PicklistValue]) -> str:
        """Why these cannot be added to the field's picklist, for people; empty when they can. Changes nothing."""

    def add_choices(self, object_name: str, field: str, choices: Sequence[PicklistValue]) -> None:
        """Add them; a choice that is there already is left as it is, so that it can be repeated after a crash.

        Raises:
            Refused: the target does not let this user do it.
        """


class Actor(StrEnum):
    """Who modifies a record."""

    PERSON = "person"
    AUTOMATION = "automation"  # a process of the target that runs as no person
    OURSELVES = "ourselves"  # this connection's user: we, or automation that runs within our own writing


@dataclass(frozen=True, slots=True)
class Modified:
    """When a record of the target was modified last, and by whom.

    Attributes:
        by: a name for people.
        at: ISO 8601 in UTC.
        actor: what kind of user that is.
    """

    by: str
    at: str
    actor: Actor


@runtime_checkable
class TellsModified(Protocol):
    """What a target can do beside ``Target``: say when and by whom a record was modified last."""

    def last_modified(self, object_name: str, ids: Sequence[str]) -> Mapping[str, Modified]:
        """By id as it was given; records of which it cannot be said are absent."""


class Target(Protocol):
    """An opened target. Threads may share it. It is closed once by ``close``, which is safe to repeat."""

    def describe(self, objects: Collection[str]) -> TargetSchema:
        """Describe these objects; one that does not exist, or is hidden, is absent from the answer."""

    def normal_form(self, description: FieldDescription, value: TargetValue) -> TargetValue:
        """The value as the target will hold it once written: trimmed, rounded to scale, sorted, in UTC.

        Two values with the same normal form are no difference. Calling it twice changes nothing more. Pages are mapped
        by several processes where this is a function that can be imported there (a ``staticmethod`` that stands for
        a function of a module); a method keeps the work in one process.
        """

    def read(
        self,
        object_name: str,
        key: str | FieldRequest,
        fields: Sequence[FieldRequest],
        keys: Sequence[str] | None = None,
    ) -> Iterator[Sequence[TargetRow]]:
        """Records that have a value in the key field, in pages; with ``keys`` only those.

        Args:
            object_name: where to look.
            key: a field, or a reference that is compared by its parent's key.
            fields: to read.
            keys: as text.
        """

    def budget(self) -> Budget:
        """What is left of the target's daily limits; costs at most one request."""

    def batching(self, object_name: str, operation: Operation, changes: int) -> Batching:
        """How to send that many changes; asks nothing over the network."""

    def submit(self, batch: Batch, checkpoint: Checkpoint) -> BatchRef:
        """Hand over a batch. May return before it is processed.

        Raises:
            Unavailable: it is not known whether it was done.
            NotDone: the target takes no calls at all now; the last one has done nothing.
        """

    def poll(self, ref: BatchRef) -> Progress:
        """Ask how far it is; as patient as with any other call. A failed poll changes nothing on the target."""

    def results(self, ref: BatchRef, batch: Batch) -> Iterator[RecordResult]:
        """Exactly one result per row of the batch, in any order; raises BrokenContract when they do not add up."""

    def adopt(self, batch: Batch, state: BatchState, data: Mapping[str, object]) -> BatchRef | None:
        """Take up a batch found at a restart in that state; None when nobody will work on it any more."""

    def close(self) -> None:
        """Release connections. Never logs out a session that others may use."""
