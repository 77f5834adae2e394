"""The catalog language, version 1, as frozen values. Each carries the place where it was written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from pathlib import Path

from sync_engine.catalog.mapping import FieldMapping
from sync_engine.catalog.notifications import Notification
from sync_engine.catalog.serving import USUAL, Serving
from sync_engine.schedule.model import Schedule
from sync_engine.sdk.filters import Filter
from sync_engine.sdk.problem import NOWHERE, Origin
from sync_engine.sdk.transfer_record import TransferFact
from sync_engine.sdk.values import Secret


class Each(StrEnum):
    """What a stream makes one target record for, beside the source record itself."""

    LOCALE = "locale"
    CATEGORY = "category"
    PRICE = "price"
    MEDIA = "media"
    ASSOCIATION = "association"
    OPTION = "option"
    REFERENCE = "reference"
    TABLE_ROW = "table_row"
    AXIS = "axis"


@dataclass(frozen=True, slots=True)
class ForEach:
    """One target record per source record and locale, category, price, file, association, choice, link, row or axis.

    Attributes:
        each: which of them.
        codes: locales, attributes or association types; empty means all there are (of locales: all of the catalog's but
            the default one).
        different: of locales: only those in which a value differs from the default locale's.
    """

    each: Each
    codes: tuple[str, ...] = ()
    different: bool = False
    origin: Origin = NOWHERE


class OnMissing(StrEnum):
    """What happens to a target record whose source record left the filter or the source."""

    KEEP = "keep"
    SET = "set"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class Stream:
    """One source collection mapped onto one target object.

    Attributes:
        name: unique in the catalog.
        source: collection (``from``).
        object: target object (``to``).
        keys: the mappings of the fields by which records are found: one external id, or several fields together.
        fields: the other mappings, in the order they were written.
        filter: conditions in addition to the catalog's.
        locale: the locale its values are read in; None means the catalog's default.
        match: how records are adopted that were in the target before: mappings of unique fields, tried in this order.
        root: of categories: only the tree under this one.
        for_each: rows that each record is exploded into; None means one row per record.
        on_missing: what happens to records whose source record is gone.
        missing_fields: with ``set``: the fields and the values they get, as constant mappings.
    """

    name: str
    source: str
    object: str
    keys: tuple[FieldMapping, ...]
    fields: tuple[FieldMapping, ...]
    filter: tuple[Filter, ...] = ()
    locale: str | None = None
    match: tuple[FieldMapping, ...] = ()
    root: str | None = None
    for_each: ForEach | None = None
    on_missing: OnMissing = OnMissing.KEEP
    missing_fields: tuple[FieldMapping, ...] = ()
    origin: Origin = NOWHERE
    source_origin: Origin = NOWHERE
    object_origin: Origin = NOWHERE
    root_origin: Origin = NOWHERE
    locale_origin: Origin = NOWHERE

    @property
    def mappings(self) -> tuple[FieldMapping, ...]:
        """Every mapping of a field that is written for each record."""
        return (*self.keys, *self.fields)


@dataclass(frozen=True, slots=True)
class Safety:
    """Gates; PRODUCT defaults. A percentage is of the records that the target holds of this catalog.

    Attributes:
        max_collapse_percent: by how much fewer records of a stream may pass the filter than in the last complete
            transfer.
    """

    max_deletes: int | None = None
    max_delete_percent: int = 10
    max_update_percent: int = 100
    max_emptied_percent: int = 20
    max_rejected_percent: int = 20
    max_collapse_percent: int = 50
    expect_min: int = 1
    expect_max: int | None = None
    origin: Origin = NOWHERE


class WarningLevel(StrEnum):
    """What becomes of a warning about locales."""

    WARNING = "warning"
    ERROR = "error"
    OFF = "off"


class LogLevel(StrEnum):
    """How much of a transfer is kept: records with the fields they had, records alone, or counts and rejections."""

    FULL = "full"
    CHANGES = "changes"
    MINIMAL = "minimal"


@dataclass(frozen=True, slots=True)
class LogPolicy:
    """What is kept of a transfer, and where it is recorded beside the ledger.

    Attributes:
        level: how much of each record.
        keep_days: for how many days.
        keep_records: of how many records at most; None of all.
        keep_bytes: how much space they may take; None for any.
        to: object of the target that gets a record of each transfer; empty for none.
        key: its field that holds the transfer's id; empty for the adapter's own name.
        fields: its other fields and what each holds; empty for those that the adapter names.
    """

    level: LogLevel = LogLevel.FULL
    keep_days: int = 30
    keep_records: int | None = None
    keep_bytes: int | None = None
    to: str = ""
    key: str = ""
    fields: Mapping[str, TransferFact] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MappingTest:
    """A test of a stream's mappings: a record, and what its fields must become.

    Attributes:
        name: for the report; may be empty.
        stream: whose mappings.
        record: plain data: properties by code, attribute values under ``values``.
        row: which of the rows that ``for_each`` makes; empty where there is one only.
        labels: of linked records, which no snapshot holds: attribute → code → locale → label.
        expect: plain data by field; None for a field that must be empty.
        reject: code of the reason by field that must be refused.
        places: place of each part by its pointer inside the test.
    """

    name: str
    stream: str
    record: Mapping[str, object]
    row: str
    labels: Mapping[str, Mapping[str, Mapping[str, str]]]
    expect: Mapping[str, object]
    reject: Mapping[str, str]
    origin: Origin = NOWHERE
    places: Mapping[tuple[str | int, ...], Origin] = field(default_factory=dict)

    def place(self, *pointer: str | int) -> Origin:
        """Where a part of the test was written, or the test."""
        while pointer and pointer not in self.places:
            pointer = pointer[:-1]
        return self.places.get(pointer, self.origin)


@dataclass(frozen=True, slots=True)
class Catalog:
    """One YAML document.

    Attributes:
        name: unique in the project.
        path: the file it came from.
        digest: SHA-256 of what the document says of the transfer (not of layout, description, tests or the times of its
            schedule), as hexadecimal text.
        source, target: names of connections.
        channel: in whose scope values are read; None where no scopable attribute is used.
        locales: the first is the default.
        timezone: of its dates and of its schedule.
        schedule: when it is transferred; None leaves that to people and other programs.
        source_catalog: id or name of a catalog of the source's own, whose records alone are read; None for all.
        tests: of its mappings; those in files of their own are not among them.
        warnings: what becomes of the warnings about locales, by code; a code that is absent stays a warning.
        read_back: records of each stream that are looked at again after a transfer; None looks at all.
        compares_changed: whether only what changed is read where the command does not say.
        full_every: a transfer of what changed compares all records when they were last compared so long ago.
    """

    name: str
    path: Path
    digest: str
    description: str
    source: str
    target: str
    channel: str | None
    locales: tuple[str, ...]
    only_channel_tree: bool
    filter: tuple[Filter, ...]
    streams: tuple[Stream, ...]
    safety: Safety
    log: LogPolicy
    timezone: str
    schedule: Schedule | None = None
    source_catalog: str | None = None
    tests: tuple[MappingTest, ...] = ()
    warnings: Mapping[str, WarningLevel] = field(default_factory=dict)
    read_back: int | None = 200
    compares_changed: bool = False
    full_every: timedelta = timedelta(days=7)
    origin: Origin = NOWHERE
    part_origins: Mapping[str, Origin] = field(default_factory=dict)

    def place(self, part: str) -> Origin:
        """Where a part (``source.connection``, ``source.channel``, …) was written, or the catalog."""
        return self.part_origins.get(part, self.origin)


@dataclass(frozen=True, slots=True)
class Connection:
    """A named, configured adapter.

    Attributes:
        settings: as written, references still unresolved; ``project.resolve`` gives the values.
        setting_origins: place of each setting by its key.
    """

    name: str
    adapter: str
    settings: Mapping[str, object]
    origin: Origin = NOWHERE
    setting_origins: Mapping[str, Origin] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Override:
    """One setting that an environment changes.

    Attributes:
        place: its path, such as ``crm.url`` or ``state``.
        before, after: as written, with references unresolved and secrets masked; None where it is not written.
    """

    place: str
    before: str | None
    after: str | None
    origin: Origin = NOWHERE


@dataclass(frozen=True, slots=True)
class Environment:
    """What is laid over the project file.

    Attributes:
        name: of its file under ``environments/``.
        file: as messages call it.
        connections: names of those it changes; they may have snapshots of their own.
        overrides: every setting that differs from the project file.
    """

    name: str
    file: str
    connections: frozenset[str] = frozenset()
    overrides: tuple[Override, ...] = ()


@dataclass(frozen=True, slots=True)
class PlanBudget:
    """What a plan may take; None where the project does not say.

    Attributes:
        max_source_requests: requests to the sources, for making the plan and for applying it.
        max_target_requests: requests to the targets, for applying it.
        max_daily_limit_percent: share of what a target's daily limit leaves.
        max_minutes: for applying it.
    """

    max_source_requests: int | None = None
    max_target_requests: int | None = None
    max_daily_limit_percent: int | None = None
    max_minutes: int | None = None


@dataclass(frozen=True, slots=True)
class Project:
    """A folder with ``sync-engine.yaml`` and ``catalogs/``.

    Attributes:
        root: the folder.
        home: where relative paths of the ledger begin, and what is remembered lies: ``root``, unless that is one of a
            commit, which comes and goes.
        connections: by name.
        state: URL of the ledger, references resolved late: it may hold a password.
        state_origin: where that was written.
        mapping_processes: how many processes may help to map; None leaves it to the engine.
        environment: what was laid over the project file; None where nothing was.
        notifications: who is told of what.
        serve: how ``sync-engine serve`` runs that is started here.
        lease_seconds: how long a lock outlives the last sign of life of its holder; None leaves it to the engine.
    """

    root: Path
    home: Path
    connections: Mapping[str, Connection]
    state: str | Secret
    origin: Origin = NOWHERE
    state_origin: Origin = NOWHERE
    mapping_processes: int | None = None
    environment: Environment | None = None
    notifications: tuple[Notification, ...] = ()
    lease_seconds: int | None = None
    budget: PlanBudget = PlanBudget()
    serve: Serving = USUAL
