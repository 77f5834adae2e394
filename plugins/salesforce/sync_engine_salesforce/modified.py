"""When a record was modified last, and by whom: a person, a process of the platform, or this connection's user."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from simple_salesforce.api import Salesforce

from sync_engine.sdk.errors import BrokenContract, Refused, SyncEngineError
from sync_engine.sdk.target import Actor, Modified
from sync_engine_salesforce import soql
from sync_engine_salesforce.schema import Described
from sync_engine_salesforce.session import OrgSession
from sync_engine_salesforce.values import reader, to_text

_COLUMNS = ("Id", "LastModifiedDate", "LastModifiedById", "LastModifiedBy.Name", "LastModifiedBy.UserType")
_PROCESSES = ("AutomatedProcess", "CloudIntegrationUser")
"""Types of users that no person is: what runs platform events, and the platform's own integrations."""


def read_modified(session: OrgSession, described: Described, ids: Sequence[str], own: str) -> dict[str, Modified]:
    """The last modification of each record.

    Args:
        session: of the org.
        described: the object.
        ids: of the records.
        own: id of the user of the connection; empty when it is not known.

    Returns:
        By id; empty where the user may not see who modifies records.
    """
    if any(described.schema.field(each) is None for each in ("LastModifiedDate", "LastModifiedById")):
        return {}
    found: dict[str, Modified] = {}
    try:
        for record in _records(session, described, ids):
            found[record["Id"]] = _modified(described, record, own)
    except Refused:
        return {}  # such as names of users, which this user may not see
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        what = session.clean(f"{type(error).__name__}: {error}")[:100]
        raise BrokenContract(
            f"{session.where}: who modified {described.name} is not told as documented ({what})"
        ) from None
    return found


def own_user(session: OrgSession) -> str:
    """Id of the user of the connection; empty where the org does not say.

    The app needs a scope that allows it, such as ``openid`` (Salesforce Help, "Query for User Information").
    """
    try:
        answer = session.once(lambda client: client.oauth2("userinfo"))
    except SyncEngineError:
        return ""
    found = answer.get("user_id") if isinstance(answer, Mapping) else None
    return found if isinstance(found, str) else ""


def _records(session: OrgSession, described: Described, ids: Sequence[str]) -> Iterator[Mapping[str, Any]]:
    for query in soql.queries(described.name, _COLUMNS, described.field("Id"), ids):
        answer = session.call(partial(Salesforce.query_all, query=query))
        yield from answer["records"]


def _modified(described: Described, record: Mapping[str, Any], own: str) -> Modified:
    at = reader(described.field("LastModifiedDate"))(record["LastModifiedDate"])
    user = record["LastModifiedBy"] or {}
    who = record["LastModifiedById"]
    actor = Actor.PERSON
    if own and who[:15] == own[:15]:
        actor = Actor.OURSELVES
    elif user.get("UserType") in _PROCESSES:
        actor = Actor.AUTOMATION
    moment = to_text(at).replace(".000Z", "Z")
    return Modified(str(user.get("Name") or who), moment, actor)
