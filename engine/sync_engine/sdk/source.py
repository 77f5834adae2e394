"""What a source is: its described schema, a query, pages of records.

Who calls what: the engine calls ``describe`` once, ``pushdown`` once per stream, then ``read`` once per partition,
each from one thread; several partitions may be read at the same time from several threads.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from functools import cached_property
from typing import BinaryIO, Protocol, runtime_checkable

from sync_engine.sdk.filters import Criterion, Filter
from sync_engine.sdk.values import Localized, MediaRef, SourceValue


class Kind(StrEnum):
    """What an attribute or a property holds; the type of its data (see ``sdk.values``) stands behind each."""

    IDENTIFIER = "identifier"  # str
    TEXT = "text"  # str
    TEXTAREA = "textarea"  # str, may hold HTML
    NUMBER = "number"  # int | Decimal
    MEASUREMENT = "measurement"  # Measurement
    PRICES = "prices"  # tuple[Price, ...]
    BOOLEAN = "boolean"  # bool
    DATE = "date"  # date
    DATETIME = "datetime"  # datetime with time zone
    SELECT = "select"  # str: the option's code
    MULTISELECT = "multiselect"  # tuple[str, ...]: option codes
    IMAGE = "image"  # MediaRef; tuple[MediaRef, ...] of several linked records
    FILE = "file"  # likewise
    RECORD = "record"  # str: code of a reference entity's record
    RECORDS = "records"  # tuple[str, ...]
    ASSETS = "assets"  # tuple[str, ...]
    TABLE = "table"  # tuple[dict, ...]: rows
    LINK = "link"  # str: key of a linked product or model
    UUID = "uuid"  # str
    FAMILY = "family"  # str
    CATEGORIES = "categories"  # tuple[str, ...]
    GROUPS = "groups"  # tuple[str, ...]
    PARENT = "parent"  # str: key of the parent in its own collection
    COMPLETENESS = "completeness"  # int, per channel and locale
    QUALITY = "quality"  # str "A".."E", per channel and locale
    ASSOCIATIONS = "associations"  # tuple[dict, ...]: type, kind (product, product_model, group), key, quantity | None
    OTHER = "other"  # not usable; ``Attribute.native_type`` names it


LINKS = frozenset({Kind.RECORD, Kind.RECORDS, Kind.ASSETS})
"""The kinds whose values are codes of other records, which have labels and attributes of their own."""


@dataclass(frozen=True, slots=True)
class Option:
    """One choice of a select attribute, or any other coded thing with labels (family, category, record).

    Attributes:
        code: what the data holds.
        labels: label by locale; a missing locale has no label.
        parent: of a category: the code of the one above it; empty for a root and for all else.
        requires: of a family: a digest of what its records need to be complete; empty where that was not asked for.
    """

    code: str
    labels: Mapping[str, str]
    parent: str = ""
    requires: str = ""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table attribute.

    Attributes:
        code: names it in the rows.
        labels: label by locale.
        options: the choices of its cells, where these are codes.
        unit_family: family of units of its cells, where these are measurements.
    """

    code: str
    labels: Mapping[str, str]
    options: tuple[Option, ...] = ()
    unit_family: str = ""


@dataclass(frozen=True, slots=True)
class Attribute:
    """An attribute or a property that a mapping or a filter can name.

    Attributes:
        code: the name used in catalogs.
        kind: what its data is.
        native_type: the source's own word for the type, for messages.
        labels: label by locale.
        localizable: it has a value per locale.
        scopable: it has a value per channel.
        locales: where only some locales carry it; empty means all.
        unit_family: family of units of a measurement.
        decimals: numbers may have decimals.
        rich_text: the text is HTML.
        max_length: longest text the source accepts, None when unlimited or unknown.
        options: the choices where they are known and listed; None means "not read".
        columns: of a table; empty where they were not read.
        is_property: a fixed property of the record (uuid, enabled, …), not an attribute value.
        through: of an attribute of linked records (``brand.country``): code of the attribute that links to them.
        files: of assets: code of the attribute that gives their main files; empty where there is none.
    """

    code: str
    kind: Kind
    native_type: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    localizable: bool = False
    scopable: bool = False
    locales: tuple[str, ...] = ()
    unit_family: str | None = None
    decimals: bool = False
    rich_text: bool = False
    max_length: int | None = None
    options: tuple[Option, ...] | None = None
    columns: tuple[Column, ...] = ()
    is_property: bool = False
    through: str = ""
    files: str = ""


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit of measure.

    Attributes:
        code: such as ``KILOGRAM``.
        symbol: such as ``kg``.
        to_standard: operations that turn an amount in this unit into the family's standard unit, in order:
            pairs of (``add`` | ``sub`` | ``mul`` | ``div``, number).
    """

    code: str
    symbol: str
    to_standard: tuple[tuple[str, Decimal], ...]


@dataclass(frozen=True, slots=True)
class UnitFamily:
    """Units that convert into each other."""

    code: str
    standard_unit: str
    units: Mapping[str, Unit]


@dataclass(frozen=True, slots=True)
class Channel:
    """A channel (the source may call it scope)."""

    code: str
    locales: tuple[str, ...]
    currencies: tuple[str, ...]
    category_tree: str
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RecordCollection:
    """A kind of record the source has, such as ``products``.

    Attributes:
        name: used as ``from:`` in a stream.
        key: the property that identifies a record.
        properties: the fixed properties by code.
        has_attributes: its records carry attribute values.
    """

    name: str
    key: str
    properties: Mapping[str, Attribute]
    has_attributes: bool


@dataclass(frozen=True, slots=True)
class SourceSchema:
    """All that a source says of itself; saved as a snapshot.

    Attributes:
        adapter: name of the adapter that described it.
        version: the source's own version and edition, for messages; empty where not everything was asked for.
        collections: by name.
        attributes: by code.
        families: code and labels of each family; empty where no property that depends on them was asked for.
        channels: by code.
        locales: the active ones.
        currencies: the active ones, or of these at least all that channels have or that were asked for.
        unit_families: by code; empty where no measurement was asked for.
        catalogs: collections that only a catalog of the source's own has (``KeepsCatalogs``), by that one's id or name
            and by their names; of those catalogs of which such collections are read.
    """

    adapter: str
    version: str
    collections: Mapping[str, RecordCollection]
    attributes: Mapping[str, Attribute]
    families: tuple[Option, ...]
    channels: Mapping[str, Channel]
    locales: tuple[str, ...]
    currencies: tuple[str, ...]
    unit_families: Mapping[str, UnitFamily]
    catalogs: Mapping[str, Mapping[str, RecordCollection]] = field(default_factory=dict)

    def of_catalog(self, catalog: str | None) -> SourceSchema:
        """The schema as it is where a catalog of the source's own is read: with that one's collections."""
        own = self.catalogs.get(catalog) if catalog else None
        return replace(self, collections={**self.collections, **own}) if own else self


@dataclass(frozen=True, slots=True)
class SourceRecord:
    """One record as read.

    Attributes:
        collection: the collection it is of.
        key: its identity in that collection, unique.
        properties: fixed properties by code.
        values: attribute values by code; an attribute without a value is absent.
    """

    collection: str
    key: str
    properties: Mapping[str, SourceValue]
    values: Mapping[str, Sequence[Localized]]

    def __reduce__(self) -> tuple[type[SourceRecord], tuple[object, ...]]:
        """For pickle, see ``values.Measurement``."""
        return SourceRecord, (self.collection, self.key, self.properties, self.values)


@dataclass(frozen=True, slots=True)
class Query:
    """What the engine wants to read: nothing more than the mapping needs.

    Attributes:
        collection: name of the collection.
        attributes: codes of the attributes whose values are needed.
        properties: codes of the properties that are needed.
        locales: locales whose values are needed; empty means only values without a locale.
        channels: channels whose values are needed.
        filters: all must hold.
        channel: the catalog's channel, where a criterion names none.
        only_channel_tree: only records in the channel's category tree (``source.only_channel_tree``).
        source_catalog: only records that this catalog of the source's own selects (``source.catalog``); its id or its
            name. Only sources that are ``KeepsCatalogs`` are asked so.
    """

    collection: str
    attributes: frozenset[str]
    properties: frozenset[str]
    locales: tuple[str, ...]
    channels: frozenset[str]
    filters: tuple[Filter, ...]
    channel: str | None = None
    only_channel_tree: bool = False
    source_catalog: str | None = None

    def holding(self, attribute: Attribute, codes: Sequence[str]) -> Iterator[Criterion]:
        """Criteria for the records that hold one of these codes in any locale and channel that is read."""
        channels = self.channels | ({self.channel} if self.channel else set())
        for locale in self.locales if attribute.localizable else (None,):
            for channel in sorted(channels) if attribute.scopable else (None,):
                yield Criterion(attribute.code, "IN", tuple(codes), locale=locale, channel=channel)


@dataclass(frozen=True, slots=True)
class Partition:
    """A part of a query that can be read on its own; ``request`` is the adapter's and opaque to the engine."""

    name: str
    request: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Pushdown:
    """How a source will answer a query.

    Attributes:
        pushed: filters the source evaluates itself.
        residual: filters the engine must evaluate on each record.
        partitions: read all of them, in any order, to get every record once.
    """

    pushed: tuple[Filter, ...]
    residual: tuple[Filter, ...]
    partitions: tuple[Partition, ...]


class ReadsRecords(Protocol):
    """Reads the records of pages as the source wrote them. It can be pickled: another process may read them, too."""

    def __call__(self, body: bytes) -> tuple[SourceRecord, ...]:
        """The records.

        Raises:
            BrokenContract: they cannot be read. What another process raises is not shown: the one that has the page
                reads it again, and raises that.
        """


@dataclass(frozen=True, slots=True)
class Unread:
    """Records as the source wrote them, so that whoever maps them can read them first.

    Attributes:
        body: all of it.
        reader: of the body; the same object for all pages of a partition.
    """

    body: bytes
    reader: ReadsRecords


@dataclass(frozen=True)
class Page:
    """Some records and where to go on.

    Attributes:
        given: the records, which may be none; or unread.
        cursor: hand it to ``read`` to go on behind this page; None when this is the last page.
    """

    given: tuple[SourceRecord, ...] | Unread
    cursor: str | None

    @cached_property
    def records(self) -> tuple[SourceRecord, ...]:
        """The records; read now, if they were not.

        Raises:
            BrokenContract: they cannot be read.
        """
        return self.given.reader(self.given.body) if isinstance(self.given, Unread) else self.given


@runtime_checkable
class CountsRequests(Protocol):
    """What a source can do beside ``Source``: say how many requests it has sent since it was opened."""

    @property
    def requests(self) -> int:
        """So many, repeated ones included; safe to ask from any thread."""


@runtime_checkable
class TellsVersion(Protocol):
    """What a source can do beside ``Source``: say what it is without a description of all it has."""

    def version(self) -> str:
        """Its own version and edition, for messages."""


@runtime_checkable
class TellsTime(Protocol):
    """What a source can do beside ``Source``: say how its clock goes, by which it dates its records."""

    @property
    def ahead(self) -> timedelta:
        """How much it shows more than the clock of this machine, by its last answer; zero before the first."""


@runtime_checkable
class TellsChanges(Protocol):
    """What a source can do beside ``Source``: read only what can have changed."""

    def changed(self, query: Query, since: datetime, also: Sequence[Criterion] = ()) -> Pushdown | str:
        """How to read every record of a query whose own values, or inherited ones, may have changed since a moment.

        Args:
            query: as for ``pushdown``.
            since: with a time zone.
            also: records for which one of these holds are read, too, whenever they changed; each is a list of codes.

        Returns:
            How to read them, or, for people, why the source cannot tell; then all records are read. A record may
            come more than once. What was deleted, or does not pass the filters any more, does not come.
        """


@runtime_checkable
class KeepsCatalogs(Protocol):
    """What a source can do beside ``Source``: keep catalogs of its own, each a selection of its records.

    A catalog may have collections of its own, too, which are read with its name in ``Query.source_catalog``.
    """

    def check_catalog(self, catalog: str) -> str:
        """See that what a catalog selects can be read now.

        Args:
            catalog: its id or its name.

        Returns:
            The catalog, for messages.

        Raises:
            Refused: it does not exist, is switched off, or is not permitted; several have the name.
            Unavailable, BrokenContract: it is not known.
        """

    def describe_catalog(self, catalog: str, names: Collection[str]) -> Mapping[str, RecordCollection]:
        """The collections that a catalog has beside those of the source as a whole, by name.

        Args:
            catalog: its id or its name; it may be switched off.
            names: the collections that are to be read, as far as the source as a whole has none of that name.

        Raises:
            Refused: as ``check_catalog``; or one of ``names`` could be there, but is not, with the reason.
            Unavailable, BrokenContract: it is not known.
        """


class Source(Protocol):
    """An opened source. Threads may share it. It is closed once by ``close``, which is safe to repeat."""

    def describe(
        self,
        attributes: Collection[str] | None = None,
        labelled: Collection[str] = (),
        currencies: Collection[str] = (),
    ) -> SourceSchema:
        """Read the schema.

        Args:
            attributes: read only what these attributes and properties need (their options, the labels of
                ``family`` or ``categories``, what families require for ``completeness``); None reads everything.
            labelled: attributes of these that link to records (``LINKS``) get the labels of the records as their
                options. No others do, because there may be very many.
            currencies: of which must be known whether they are active, where not everything is read.

        Raises:
            Unavailable, Unauthorised, BrokenContract: the schema could not be read completely.
        """

    def unsupported(self, collection: str, criterion: Criterion) -> str | None:
        """Why the source can neither evaluate this criterion nor deliver what evaluating it needs; None if it can."""

    def pushdown(self, query: Query) -> Pushdown:
        """Decide which filters the source evaluates; asks nothing over the network unless partitions need counts."""

    def read(self, partition: Partition, cursor: str | None = None) -> Iterator[Page]:
        """Pages of a partition, from the start or from behind the page that gave ``cursor``.

        An exception means that the partition was not read completely; an empty source yields no records and
        raises nothing.
        """

    def open_media(self, media: MediaRef) -> AbstractContextManager[BinaryIO]:
        """The bytes of a file, as a stream to be read once."""

    def close(self) -> None:
        """Release connections."""
