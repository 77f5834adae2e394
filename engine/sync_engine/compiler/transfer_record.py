"""Where a catalog's transfers are recorded in the target: ``log.to``, checked against what the target describes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sync_engine.catalog.model import Catalog, LogPolicy
from sync_engine.catalog.registry import load_target
from sync_engine.problems import nearest, problem
from sync_engine.sdk.problem import Origin, Problem
from sync_engine.sdk.target import FieldDescription, FieldType, ObjectSchema, TargetSchema
from sync_engine.sdk.transfer_record import COUNTS, MOMENTS, NamesTransferFields, TransferFact

ID_LENGTH = 22
"""Characters of a transfer's id."""
_TEXTS = (FieldType.TEXT, FieldType.TEXTAREA, FieldType.PICKLIST)
_NUMBERS = (FieldType.INTEGER, FieldType.DECIMAL)


@dataclass(frozen=True, slots=True)
class RecordForm:
    """How a transfer is recorded.

    Attributes:
        object: where.
        key: the field that holds the transfer's id.
        fields: the others, each with what it holds.
    """

    object: ObjectSchema
    key: FieldDescription
    fields: tuple[tuple[FieldDescription, TransferFact], ...]


def record_form(catalog: Catalog, target: TargetSchema) -> tuple[RecordForm | None, list[Problem]]:
    """How a catalog's transfers are recorded in its target, and every problem; None for a form that cannot be used.

    Args:
        catalog: names the object.
        target: what the target describes, at least that object.
    """
    log = catalog.log
    described = target.find(log.to)
    if described is None:
        return None, [problem("SE303", catalog.place("log.to"), nearest(log.to, target.objects), name=log.to)]
    key, fields = _names(log, target.adapter)
    if not key or not fields:
        return None, [problem("SE370", catalog.place("log.to"), adapter=target.adapter)]
    problems = [
        *_check_object(catalog, described),
        *_check_key(catalog, key, described),
        *(each for name, fact in fields.items() for each in _check_field(catalog, name, fact, described)),
        *_check_required(catalog, {key, *fields}, described),
    ]
    found = described.field(key)
    if problems or found is None:
        return None, problems
    named = {described.fields[each.name]: fact for name, fact in fields.items() if (each := described.field(name))}
    return RecordForm(described, found, tuple((each, fact) for each, fact in named.items() if each != found)), []


def _names(log: LogPolicy, adapter: str) -> tuple[str, Mapping[str, TransferFact]]:
    """The key, and what each field holds: as the catalog says, else as the adapter calls them."""
    if log.key and log.fields:
        return log.key, log.fields
    loaded: object = load_target(adapter)
    own = dict(loaded.transfer_fields) if isinstance(loaded, NamesTransferFields) else {}
    key = own.pop(TransferFact.ID, "")
    return log.key or key, log.fields or {name: fact for fact, name in own.items()}


def _check_object(catalog: Catalog, described: ObjectSchema) -> Iterator[Problem]:
    """Records of transfers stand alone: a stream would take them for records of its own."""
    for stream in catalog.streams:
        if stream.object.casefold() == described.name.casefold():
            yield problem("SE371", catalog.place("log.to"), object=described.name, stream=stream.name)


def _check_key(catalog: Catalog, name: str, described: ObjectSchema) -> Iterator[Problem]:
    place = catalog.place("log.key" if catalog.log.key else "log.to")
    field, problems = _writable(name, described, place)
    yield from problems
    if field is None:
        return
    if not field.external_id:
        yield problem("SE306", place, object=described.name, name=field.name)
    elif not field.unique:
        yield problem("SE307", place, object=described.name, name=field.name)
    if field.type is not FieldType.TEXT or 0 < field.length < ID_LENGTH:
        why = f"it takes a text of at least {ID_LENGTH} characters"
        yield _unfit(place, field, TransferFact.ID, why)


def _check_field(catalog: Catalog, name: str, fact: TransferFact, described: ObjectSchema) -> Iterator[Problem]:
    place = catalog.place(f"log.fields.{name}" if catalog.log.fields else "log.to")
    field, problems = _writable(name, described, place)
    yield from problems
    if field is None:
        return
    if fact in MOMENTS:
        if field.type is not FieldType.DATETIME:
            yield _unfit(place, field, fact, "it is a moment")
    elif fact in COUNTS:
        if field.type not in _NUMBERS:
            yield _unfit(place, field, fact, "it is a number")
    elif field.type not in _TEXTS:
        yield _unfit(place, field, fact, "it is a text")
    elif field.restricted:
        yield _unfit(place, field, fact, "a restricted picklist refuses what it does not list")


def _unfit(place: Origin, field: FieldDescription, fact: TransferFact, why: str) -> Problem:
    return problem("SE372", place, fact=fact, field=field.name, type=field.type, why=why)


def _writable(name: str, described: ObjectSchema, place: Origin) -> tuple[FieldDescription | None, list[Problem]]:
    """A field that can be written when a record is made and later; else the problem."""
    field = described.field(name)
    if field is None:
        return None, [problem("SE304", place, nearest(name, described.fields), object=described.name, name=name)]
    why = field.not_writable or ("" if field.createable and field.updateable else "this user may not write it")
    if why:
        return None, [problem("SE305", place, object=described.name, name=field.name, why=why)]
    return field, []


def _check_required(catalog: Catalog, named: set[str], described: ObjectSchema) -> Iterator[Problem]:
    filled = {each.casefold() for each in named}
    for field in described.fields.values():
        if field.required and field.createable and field.name.casefold() not in filled:
            yield problem("SE373", catalog.place("log.to"), object=described.name, name=field.name)
