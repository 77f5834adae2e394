"""Reading records by SOQL over REST, 2,000 a page, and being sure that all of them came."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from simple_salesforce.api import Salesforce

from sync_engine.sdk.errors import BrokenContract
from sync_engine.sdk.target import FieldDescription, FieldRequest, TargetRow
from sync_engine.sdk.values import TargetValue
from sync_engine_salesforce import soql
from sync_engine_salesforce.schema import Described
from sync_engine_salesforce.session import OrgSession
from sync_engine_salesforce.values import parent_reader, read_key, reader

Getter = tuple[str, str, Callable[[Any], TargetValue]]
"""Name that was asked for, member of the answered record, what reads it."""


def read(
    session: OrgSession,
    described: Described,
    asked: FieldRequest,
    requests: Sequence[FieldRequest],
    keys: Sequence[str] | None,
    of_parent: FieldDescription | None = None,
    also: str = "",
) -> Iterator[list[TargetRow]]:
    """See ``sync_engine.sdk.target.Target.read``.

    Args:
        session: of the org.
        described: the object.
        asked: the key field, or the reference by whose parent's key records are asked for.
        requests: what to read.
        keys: None for all.
        of_parent: the parent's key field, when ``asked`` is such a reference.
        also: see ``soql.queries``.

    Raises:
        Refused: a field is not described, or the org refuses the query.
        BrokenContract: an answer is not as documented, or records are missing; what came is no proof of anything.
    """
    key = described.field(asked.name)
    if of_parent is not None:
        key = replace(of_parent, name=f"{described.relationship(asked.name).name}.{of_parent.name}")
    read_own_key = _key_reader(described, asked)
    getters = [_getter(described, request) for request in requests]
    for query in soql.queries(described.name, soql.columns(described, key, requests), key, keys, also=also):
        for records in pages(session, query):
            try:
                rows = [_row(record, read_own_key, getters) for record in records]
            except (LookupError, TypeError, ValueError, ArithmeticError) as error:
                what = session.clean(f"{type(error).__name__}: {error}")[:100]
                raise BrokenContract(
                    f"{session.where}: a record of {described.name} has not the documented shape ({what})"
                ) from None
            yield rows


def read_by_id(session: OrgSession, described: Described, field: str, ids: Sequence[str]) -> Iterator[list[TargetRow]]:
    """The records with these ids; the row's key is the value of the field."""
    name = described.field(field).name
    for query in soql.queries(described.name, ["Id", name], described.field("Id"), ids):
        for records in pages(session, query):
            yield [TargetRow(each["Id"], read_key(each[name]), {}) for each in records if each[name] is not None]


def pages(session: OrgSession, query: str) -> Iterator[list[Mapping[str, Any]]]:
    """The records of a query, page by page.

    Raises:
        BrokenContract: some are missing, or an answer is not as documented.
    """
    answer = session.call(partial(Salesforce.query, query=query))
    count = 0
    seen: set[str] = set()
    while True:
        records, following = _page(session, answer)
        count += len(records)
        yield records
        if following is None:
            break
        if following in seen:
            raise BrokenContract(f"{session.where}: the pages of a query lead back to one that came before")
        seen.add(following)
        answer = session.call(partial(Salesforce.query_more, next_records_identifier=following, identifier_is_url=True))
    if answer.get("totalSize") != count:
        raise BrokenContract(
            f"{session.where}: a query found {session.clean(str(answer.get('totalSize')))} records and gave {count}; "
            "they are not taken for all of them"
        )


def _page(session: OrgSession, answer: Any) -> tuple[list[Mapping[str, Any]], str | None]:
    """Records of a page and where the next one is; nothing that is missing is taken for the end."""
    if isinstance(answer, Mapping) and isinstance(answer.get("records"), list):
        records, done, following = answer["records"], answer.get("done"), answer.get("nextRecordsUrl")
        if done is True:
            return records, None
        if done is False and isinstance(following, str) and following.startswith("/services/data/"):
            return records, following
    raise BrokenContract(f"{session.where}: the answer to a query is no page of records")


def _getter(described: Described, request: FieldRequest) -> Getter:
    field = described.field(request.name)
    if request.parent_object:
        column = described.relationship(request.name).name
        return request.name, column, parent_reader(request.parent_object, request.parent_field)
    return request.name, field.name, reader(field)


def _key_reader(described: Described, asked: FieldRequest) -> Callable[[Mapping[str, Any]], str]:
    if not asked.parent_object:
        name = described.field(asked.name).name
        return lambda record: read_key(record[name])
    column = described.relationship(asked.name).name
    read_parent = parent_reader(asked.parent_object, asked.parent_field)
    return lambda record: str(getattr(read_parent(record[column]), "key", ""))


def _row(
    record: Mapping[str, Any], read_own_key: Callable[[Mapping[str, Any]], str], getters: Sequence[Getter]
) -> TargetRow:
    values = {name: None if (held := record[column]) is None else read(held) for name, column, read in getters}
    return TargetRow(record["Id"], read_own_key(record), values)
