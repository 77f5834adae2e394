"""Writing records: the platform's order of checks for insert, update, upsert and delete.

A call writes its rows in runs of one object. Within a run, parents named by external id and the records that an upsert
matches are looked up before anything is written: rows of one run do not see each other (bulk: a run is 200 rows).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sync_engine_sandbox.crm import behaviour, flows
from sync_engine_sandbox.crm.errors import Failed, Problem
from sync_engine_sandbox.crm.store import Record, Store, index_key
from sync_engine_sandbox.crm.values import checked

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sync_engine_sandbox.crm.fields import Field
    from sync_engine_sandbox.crm.objects import SObject

ROLLED_BACK = Problem(
    "ALL_OR_NONE_OPERATION_ROLLED_BACK",
    "Record rolled back because not all records were valid and the request was using AllOrNone header",
)
GONE = Problem("ENTITY_IS_DELETED", "entity is deleted")
UNKNOWN_ID = Problem("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id")


@dataclass(frozen=True, slots=True)
class Parent:
    """A parent named by one of its external ids: the reference field, the parent's key field, the key."""

    reference: Field
    target: SObject
    key: Field
    value: Any


@dataclass(slots=True)
class Row:
    """One record of a call, read but not checked.

    Attributes:
        values: by field name; a field that is not there is left alone.
        parents: references given by external id.
        record_id: ``Id`` as sent.
        problems: what went wrong while reading the row.
    """

    values: dict[str, Any] = field(default_factory=dict)
    parents: list[Parent] = field(default_factory=list)
    record_id: str | None = None
    problems: list[Problem] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one row."""

    record_id: str | None = None
    created: bool = False
    problems: tuple[Problem, ...] = ()

    @property
    def success(self) -> bool:
        """Whether the row was written."""
        return not self.problems


@dataclass(frozen=True, slots=True)
class Match:
    """What an upsert's key leads to: a record, nothing (insert), or a problem."""

    record_id: str | None = None
    problem: Problem | None = None


def write(
    store: Store, sobject: SObject, operation: str, rows: Sequence[Row], *, user: str, key: Field | None = None
) -> list[Outcome]:
    """Write one run of rows and say what became of each, in their order.

    Args:
        store: where to write.
        sobject: the object of all the rows.
        operation: insert, update, upsert or delete.
        rows: the rows of the run.
        user: id of the user who writes.
        key: the field an upsert matches by.
    """
    with store.lock:
        matched = _match(store, sobject, rows, key) if operation == "upsert" and key else {}
        for row in rows:
            _find_parents(store, row)
        return [_write_row(store, sobject, operation, row, user, matched.get(index)) for index, row in enumerate(rows)]


def _write_row(store: Store, sobject: SObject, operation: str, row: Row, user: str, matched: Match | None) -> Outcome:
    known = matched.record_id if matched else None
    try:
        with store.undoable() as take_back:
            try:
                fault = store.row_fault(sobject, row.values) if store.row_fault else None
                if row.problems or fault:
                    raise Failed(*row.problems, *([fault] if fault else ()))
                if matched and matched.problem:
                    raise Failed(matched.problem)
                if operation == "delete":
                    known = existing_id(store, sobject, row.record_id)
                    delete(store, sobject, known)
                    return Outcome(known)
                if operation == "update" or known:
                    known = known or existing_id(store, sobject, row.record_id)
                    update(store, sobject, known, row.values, user)
                    return Outcome(known)
                return Outcome(insert(store, sobject, row.values, user), created=True)
            except Failed:
                take_back()
                raise
    except Failed as failure:
        return Outcome(known, problems=failure.problems)


def _match(store: Store, sobject: SObject, rows: Sequence[Row], key: Field) -> dict[int, Match]:
    found: dict[int, Match] = {}
    first: dict[Any, int] = {}
    table = store.tables[sobject.name]
    for index, row in enumerate(rows):
        value, problem = (row.record_id, None) if key.name == "Id" else checked(key, row.values.get(key.name))
        if row.problems:
            continue
        if problem is not None:
            found[index] = Match(problem=problem)
            continue
        if value is None:
            missing = Problem("MISSING_ARGUMENT", f"{key.name} not specified", (key.name,))
            found[index] = Match() if key.name == "Id" else Match(problem=missing)
            continue
        same = index_key(key, value)
        if same in first:
            twice = Match(problem=Problem("DUPLICATE_VALUE", f"Duplicate external id specified: {value}", (key.name,)))
            found[index] = found[first[same]] = twice
            continue
        first[same] = index
        found[index] = _match_one(store, sobject, table.find(key, value) if key.name != "Id" else None, value)
    return found


def _match_one(store: Store, sobject: SObject, ids: list[str] | None, value: Any) -> Match:
    if ids is None:
        try:
            return Match(existing_id(store, sobject, value))
        except Failed as failure:
            return Match(problem=failure.problems[0])
    if len(ids) > 1:
        several = f"More than one record found for external id field: [{', '.join(ids)}]"
        return Match(problem=Problem("DUPLICATE_EXTERNAL_ID", several))
    return Match(ids[0] if ids else None)


def _find_parents(store: Store, row: Row) -> None:
    for parent in row.parents:
        if parent.value is None:
            row.values[parent.reference.name] = None
            continue
        value = store.known_id(parent.value) if parent.key.name == "Id" else checked(parent.key, parent.value)[0]
        ids = store.tables[parent.target.name].find(parent.key, value) if value is not None else []
        if len(ids) == 1:
            row.values[parent.reference.name] = ids[0]
            continue
        where = f"for field {parent.key.name} in entity {parent.target.name}"
        fault = "not found" if not ids else "matches more than one record"
        row.problems.append(Problem("INVALID_FIELD", f"Foreign key external ID: {parent.value} {fault} {where}"))


def existing_id(store: Store, sobject: SObject, text: str | None) -> str:
    """The full id of a live record.

    Raises:
        Failed: there is no such record, or the text is no id of this object.
    """
    if not text:
        raise Failed(Problem("MISSING_ARGUMENT", "Id not specified in an update call"))
    record_id = store.known_id(text, sobject.name)
    if record_id is None:
        raise Failed(Problem("MALFORMED_ID", f"{sobject.label} ID: id value of incorrect type: {text}", ("Id",)))
    if record_id not in store.tables[sobject.name].live:
        raise Failed(GONE if store.is_deleted(record_id) else UNKNOWN_ID)
    return record_id


def insert(store: Store, sobject: SObject, values: Record, user: str) -> str:
    """Create a record after every check of the platform.

    Raises:
        Failed: it was not created.
    """
    if not sobject.createable:
        raise Failed(Problem("INVALID_TYPE_FOR_OPERATION", f"entity type cannot be inserted: {sobject.label}"))
    _refuse_read_only(sobject, values, "createable")
    clean = _clean(store, sobject, values)
    moment = store.now()
    record: Record = {"Id": "", "IsDeleted": False, **sobject.defaults, **clean}
    stamps = {
        "CreatedDate": moment,
        "CreatedById": user,
        "LastModifiedDate": moment,
        "LastModifiedById": user,
        "SystemModstamp": moment,
    }
    record.update(stamps)
    if "ownerid" in sobject.by_name and record.get("OwnerId") is None:
        record["OwnerId"] = user
    body = record.pop("VersionData", None)
    created = behaviour.before_save(store, sobject, None, record, body, user)
    record.update(created)
    record.update(flows.before_save(store, sobject, record))
    _check_record(store, sobject, record)
    record["Id"] = store.new_id(sobject)
    _number(store, sobject, record)
    store.put(sobject, record)
    behaviour.after_save(store, sobject, None, record, body, user)
    return str(record["Id"])


def update(store: Store, sobject: SObject, record_id: str, values: Record, user: str) -> None:
    """Change a record after every check of the platform.

    Raises:
        Failed: it was not changed.
    """
    if not sobject.updateable:
        raise Failed(Problem("INVALID_TYPE_FOR_OPERATION", f"entity type cannot be updated: {sobject.label}"))
    _refuse_read_only(sobject, values, "updateable")
    before = store.tables[sobject.name].live[record_id]
    moment = store.now()
    stamps = {"LastModifiedDate": moment, "LastModifiedById": user, "SystemModstamp": moment}
    record = {**before, **_clean(store, sobject, values), **stamps}
    record.update(behaviour.before_save(store, sobject, before, record, None, user))
    record.update(flows.before_save(store, sobject, record))
    _check_record(store, sobject, record)
    store.put(sobject, record)
    behaviour.after_save(store, sobject, before, record, None, user)


def delete(store: Store, sobject: SObject, record_id: str) -> None:
    """Move a record to the recycle bin, with what depends on it.

    Raises:
        Failed: another record needs it.
    """
    if not sobject.deletable:
        raise Failed(Problem("INVALID_TYPE_FOR_OPERATION", f"entity type cannot be deleted: {sobject.label}"))
    problem = behaviour.before_delete(store, sobject, record_id)
    if problem:
        raise Failed(problem)
    _delete_tree(store, sobject, record_id)


def _delete_tree(store: Store, sobject: SObject, record_id: str) -> None:
    record = store.tables[sobject.name].live.get(record_id)
    if record is None:
        return
    children = list(store.children(sobject, record_id))
    for child, reference, row in children:
        if reference.on_delete == "restrict":
            name, other = record.get("Name") or record_id, row.get("Name") or row["Id"]
            because = f"it is associated with the following {child.plural.lower()}.: {other}"
            text = f"Your attempt to delete {name} could not be completed because {because}"
            raise Failed(Problem("DELETE_FAILED", text))
    for child, reference, row in children:
        if reference.on_delete == "cascade":
            _delete_tree(store, child, row["Id"])
        elif row["Id"] in store.tables[child.name].live:
            current = store.tables[child.name].live[row["Id"]]
            store.put(child, {**current, reference.name: None, "SystemModstamp": store.now()})
    store.remove(sobject, record_id)
    behaviour.after_delete(store, sobject, record)


def _refuse_read_only(sobject: SObject, values: Record, right: str) -> None:
    wrong = tuple(name for name in values if not getattr(sobject.by_name[name.lower()], right))
    if wrong:
        text = (
            f"Unable to create/update fields: {', '.join(wrong)}. Please check the security settings of this field and "
            "verify that it is read/write for your profile or permission set."
        )
        raise Failed(Problem("INVALID_FIELD_FOR_INSERT_UPDATE", text, wrong))


def _clean(store: Store, sobject: SObject, values: Record) -> Record:
    clean: Record = {}
    problems: list[Problem] = []
    for name, given in values.items():
        item = sobject.by_name[name.lower()]
        value, problem = _checked_reference(store, item, given) if item.type == "reference" else checked(item, given)
        clean[item.name] = value
        if problem:
            problems.append(problem)
    if problems:
        raise Failed(*problems)
    return clean


def _checked_reference(store: Store, item: Field, given: str | None) -> tuple[str | None, Problem | None]:
    text = given.strip() if given else ""
    if not text:
        return None, None
    wrong = f"{item.label}: id value of incorrect type: {text}"
    record_id = store.known_id(text)
    if record_id is None:
        return None, Problem("MALFORMED_ID", wrong, (item.name,))
    if store.known_id(text, *item.references) is None:
        return None, Problem("FIELD_INTEGRITY_EXCEPTION", wrong, (item.name,))
    if store.get(record_id) is None:
        return None, GONE if store.is_deleted(record_id) else UNKNOWN_ID
    return record_id, None


def _check_record(store: Store, sobject: SObject, record: Record) -> None:
    missing = tuple(name for name in sobject.required if record.get(name) is None)
    if missing:
        raise Failed(Problem("REQUIRED_FIELD_MISSING", f"Required fields are missing: [{', '.join(missing)}]", missing))
    broken = tuple(
        Problem("FIELD_CUSTOM_VALIDATION_EXCEPTION", rule.message, (rule.field,))
        for rule in sobject.rules
        if rule.broken_by(record)
    )
    if broken:
        raise Failed(*broken)
    _check_unique(store, sobject, record)


def _check_unique(store: Store, sobject: SObject, record: Record) -> None:
    table = store.tables[sobject.name]
    for item in sobject.indexed:
        value = record.get(item.name)
        if item.unique and value is not None:
            for other in table.find(item, value):
                if other != record["Id"]:
                    text = f"duplicate value found: {item.name} duplicates value on record with id: {other}"
                    raise Failed(Problem("DUPLICATE_VALUE", text))
    for rule, known in zip(sobject.unique_together, table.together, strict=True):
        taken = known.get(tuple(record.get(name) for name in rule.fields))
        if taken is not None and taken != record["Id"]:
            raise Failed(Problem(rule.code, rule.message))


def _number(store: Store, sobject: SObject, record: Record) -> None:
    for item in sobject.numbered:
        head, _, tail = item.auto_format.partition("{")
        zeros, _, end = tail.partition("}")
        record[item.name] = f"{head}{store.tables[sobject.name].made:0{len(zeros)}d}{end}"
