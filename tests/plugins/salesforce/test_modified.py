"""Who modified a record last: a person, a process, or ourselves; and nothing where the org does not tell."""

from __future__ import annotations

from typing import Any

import pytest
from tests.plugins.salesforce.orgs import Crm
from tests.plugins.salesforce.standin import StandIn, error, thing

from sync_engine.sdk.errors import BrokenContract
from sync_engine.sdk.target import Actor, Modified, TellsModified

ID = "a00000000000001AAA"
OWN = "005000000000001AAA"
STAMPS = (
    {"name": "LastModifiedDate", "type": "datetime"},
    {"name": "LastModifiedById", "type": "reference", "referenceTo": ["User"], "relationshipName": "LastModifiedBy"},
)
USERINFO = "/services/oauth2/userinfo"


def found(user: Any = None, by: str = "005000000000002AAA", at: Any = "2026-01-31T10:30:00.000+0000") -> dict[str, Any]:
    row = {"Id": ID, "LastModifiedDate": at, "LastModifiedById": by, "LastModifiedBy": user}
    return {"totalSize": 1, "done": True, "records": [row]}


def asked(odd: StandIn, answer: Any, *, user: Any = None) -> dict[str, Modified]:
    odd.on("GET", "sobjects/Item__c/describe", thing("Item__c", *STAMPS))
    odd.on("GET", USERINFO, {"user_id": OWN} if user is None else user)
    odd.on("GET", "query/", answer)
    return dict(odd.open().last_modified("Item__c", [ID]))


def test_a_person_a_process_and_ourselves_are_told_apart(crm: Crm) -> None:
    org = crm.org
    ids = {key: org.add("Item__c", {"Key__c": key}) for key in ("person", "process", "untouched")}
    org.edit("Item__c", ids["process"], {"Note__c": "x"}, process=True)
    target = crm.open()
    assert isinstance(target, TellsModified)
    modified = target.last_modified("Item__c", list(ids.values()))
    assert {key: (modified[id_].by, modified[id_].actor) for key, id_ in ids.items()} == {
        "person": ("Pat Person", Actor.PERSON),
        "process": ("Automated Process", Actor.AUTOMATION),
        "untouched": ("Pat Person", Actor.PERSON),
    }


def test_the_user_of_the_connection_is_ourselves(odd: StandIn) -> None:
    by = {"Name": "Integration User", "UserType": "Standard"}
    assert asked(odd, found(by, OWN)) == {ID: Modified("Integration User", "2026-01-31T10:30:00Z", Actor.OURSELVES)}


def test_without_userinfo_our_own_user_is_a_person_like_others(odd: StandIn) -> None:
    by = {"Name": "Integration User", "UserType": "Standard"}
    modified = asked(odd, found(by, OWN), user=error("FORBIDDEN", status=403))
    assert modified[ID].actor is Actor.PERSON


def test_a_user_whose_name_is_hidden_is_named_by_id(odd: StandIn) -> None:
    assert asked(odd, found(None))[ID].by == "005000000000002AAA"


def test_an_org_that_does_not_let_us_ask_tells_nothing(odd: StandIn) -> None:
    assert asked(odd, error("INVALID_FIELD")) == {}


def test_an_object_without_the_fields_is_not_asked(odd: StandIn) -> None:
    odd.on("GET", USERINFO, {"user_id": OWN})
    assert odd.open().last_modified("Item__c", [ID]) == {}
    assert odd.count("GET", "query/") == 0


def test_who_we_are_is_asked_once(odd: StandIn) -> None:
    odd.on("GET", "sobjects/Item__c/describe", thing("Item__c", *STAMPS))
    odd.on("GET", USERINFO, {"user_id": OWN})
    odd.on("GET", "query/", found(None))
    target = odd.open()
    for _ in range(2):
        target.last_modified("Item__c", [ID])
    assert odd.count("GET", "userinfo") == 1


@pytest.mark.parametrize(
    "answer",
    [found(None, at=None), found(None, at="soon"), found("Pat"), {"totalSize": 1, "done": True, "records": [1]}],
)
def test_an_answer_of_another_shape_is_refused(odd: StandIn, answer: Any) -> None:
    with pytest.raises(BrokenContract, match="who modified Item__c is not told as documented"):
        asked(odd, answer)
