"""Each transfer has a record in the org where its catalog wants one: once, up to date, and never at the data's cost."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from tests.conftest import Figure
from tests.journeys.between import between
from tests.journeys.crashing import Crashing
from tests.journeys.small import Shop, open_shop, product, uuid_of

from sync_engine_sandbox.crm.org import CrmSettings

Json = dict[str, Any]

MAIL = {"name": "Mail__c", "type": "email"}
NOTES = {"name": "Notes__c", "type": "string", "length": 80}
RULE = {"field": "Notes__c", "matches": "ok.*", "message": "Notes begin with ok"}
STREAM = {
    "from": "products",
    "to": "Item__c",
    "key": {"Key__c": "sku"},
    "fields": {"Name": "name", "Notes__c": "notes"},
    "on_missing": "delete",
}
COUNTS = ("Created", "Updated", "Deactivated", "Deleted", "Unchanged", "Rejected", "Stale")
TRANSFERS: Json = {
    "name": "PIM_Transfer__c",
    "nameField": {"type": "autonumber", "format": "T-{0000}"},
    "fields": [
        {"name": "PIM_Transfer_Id__c", "type": "string", "length": 40, "externalId": True, "unique": True},
        {"name": "Not_Unique__c", "type": "string", "length": 40, "externalId": True},
        {"name": "Catalog__c", "type": "string", "length": 80},
        {"name": "Status__c", "type": "picklist", "values": ["done"]},
        {"name": "Level__c", "type": "picklist", "values": ["done"], "restricted": True},
        {"name": "Started__c", "type": "datetime"},
        {"name": "Finished__c", "type": "datetime"},
        {"name": "Trigger__c", "type": "string", "length": 40},
        {"name": "Started_By__c", "type": "string", "length": 255},
        *({"name": f"{each}__c", "type": "int"} for each in COUNTS),
        {"name": "Plan__c", "type": "string", "length": 64},
        {"name": "Error__c", "type": "string", "length": 100},
        {"name": "Rejections__c", "type": "longtextarea", "length": 2000},
    ],
    "validationRules": [{"field": "Trigger__c", "matches": "(command|retry)", "message": "Not by that"}],
}
TO: Json = {"to": "PIM_Transfer__c"}


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    products = [product(sku, name=f"Mug {sku}", notes="ok") for sku in "abcdef"]
    with open_shop(tmp_path, fields=[NOTES, MAIL], products=products, objects=[TRANSFERS], rules=[RULE]) as opened:
        opened.write({"items": STREAM}, log=TO)
        yield opened


def records(shop: Shop) -> list[Json]:
    """The records of transfers, the oldest first; each transfer of the log has exactly one."""
    found = shop.rows("PIM_Transfer__c", "PIM_Transfer_Id__c")
    assert len(found) == len(shop.sandbox.org.rows("PIM_Transfer__c"))
    known = shop.run("transfers", "list", "--limit", "1000", "--json").data["transfers"]
    assert sorted(found) == sorted(each["id"] for each in known)
    return [found[each] for each in sorted(found)]


def call(shop: Shop) -> str:
    """The call that writes records of transfers."""
    return f"PATCH {shop.sandbox.environment['CRM_URL']}/services/data/v62.0/composite/sobjects/PIM_Transfer__c"


def answering(shop: Shop, status: int, text: str) -> Any:
    """A server between the engine and the org, which refuses the records of transfers so."""

    def answer(request: Request) -> Response | None:
        if "composite/sobjects/PIM_Transfer__c" in request.url.path:
            return JSONResponse([{"errorCode": "SERVER_UNAVAILABLE", "message": text}], status)
        return None

    return between(shop.sandbox.environment["CRM_URL"], answer)


def test_a_record_says_what_the_log_says(shop: Shop) -> None:
    shop.change("b", notes="bad")
    shop.change("c", notes="bad")
    done = shop.apply(code=4)
    (record,) = records(shop)
    shown = shop.shown()
    assert record["PIM_Transfer_Id__c"] == done["id"]
    assert {each.lower(): record[f"{each}__c"] for each in COUNTS} == done["summary"]
    assert (record["Catalog__c"], record["Status__c"], record["Trigger__c"]) == ("shop", "rejected", "command")
    assert record["Plan__c"] == shown["digest"]
    assert record["Started_By__c"] == shown["who"]
    assert "@" in shown["who"]
    for name in ("started", "finished"):
        held = datetime.fromisoformat(record[f"{name.capitalize()}__c"])
        assert abs((held - datetime.fromisoformat(shown[name])).total_seconds()) < 1
    first, last = record["Rejections__c"].splitlines()
    assert first == (
        "2 × FIELD_CUSTOM_VALIDATION_EXCEPTION Notes__c, to be solved in the org, such as b: Notes begin with ok"
    )
    assert last == f"sync-engine transfers show {done['id']}"
    assert shown["recorded"] is True


def test_every_transfer_has_a_record_of_its_own_and_a_plan_writes_none(shop: Shop) -> None:
    plan = shop.plan()
    assert shop.sandbox.org.rows("PIM_Transfer__c") == []
    shop.write({"items": STREAM})
    assert plan["cost"]["target_requests"] == shop.plan()["cost"]["target_requests"] + 1
    shop.write({"items": STREAM}, log=TO)
    shop.apply()
    shop.apply()
    shop.change("a", notes="bad")
    shop.apply(code=4)
    shop.run("transfers", "retry", "--yes", "--force", code=4)
    assert [each["Trigger__c"] for each in records(shop)] == ["command", "command", "command", "retry"]
    assert [each["Created__c"] for each in records(shop)] == [6, 0, 0, 0]


def test_what_a_gate_refuses_is_recorded_and_changes_nothing_for_later_transfers(shop: Shop) -> None:
    shop.write({"items": STREAM}, log=TO, safety={"max_deletes": 1})
    shop.apply()
    path = str(shop.project.folder / "plan")
    for sku in "ab":
        shop.sandbox.pim.delete_product(uuid_of(sku))
    shop.run("plan", "--out", path, code=5)
    shop.run("apply", path, code=5)
    shop.run("apply", "--yes", code=5)
    first, *gated = records(shop)
    assert first["Status__c"] == "done"
    assert [each["Status__c"] for each in gated] == ["gated", "gated"]
    for each in gated:
        assert each["Error__c"].startswith("refused by a safety gate; nothing was written")
        assert each["Error__c"].endswith("…")
        assert len(each["Error__c"]) == 100, "it is cut, and that can be seen"
    assert shop.shown()["status"] == "gated"
    assert "max_deletes" in shop.shown()["error"]
    assert len(shop.rows()) == 6
    assert "all records are read" not in shop.run("plan", "--changed", code=None).err


def test_a_transfer_that_failed_is_recorded(shop: Shop) -> None:
    def answer(request: Request) -> Response | None:
        refuses = "composite/sobjects/Item__c" in request.url.path
        secret = shop.sandbox.environment["CRM_SECRET"]
        text = [{"errorCode": "INVALID_TYPE", "message": f"{secret} is no good"}]
        return JSONResponse(text, 400) if refuses else None

    with between(shop.sandbox.environment["CRM_URL"], answer) as url:
        shop.project.environment["CRM_URL"] = url
        shop.run("apply", "--yes", code=1)
        (record,) = records(shop)
    assert record["Status__c"] == "failed"
    assert "is no good" in record["Error__c"]
    assert not any(shop.sandbox.environment["CRM_SECRET"] in str(each) for each in record.values())


def test_fields_can_have_other_names_and_be_fewer(shop: Shop) -> None:
    log = {**TO, "key": "pim_transfer_id__c", "fields": {"status__c": "status", "Rejections__c": "id"}}
    shop.write({"items": STREAM}, log=log)
    done = shop.apply()
    (record,) = records(shop)
    assert (record["Status__c"], record["Rejections__c"]) == ("done", done["id"])
    assert record.get("Catalog__c") is None


@pytest.mark.parametrize(
    ("log", "code", "place", "said"),
    [
        ({"to": "PIM_Transfers__c"}, "SE303", "to", "has no object `PIM_Transfers__c`"),
        ({**TO, "fields": {"Stattus__c": "status"}}, "SE304", "Stattus__c", "Did you mean `Status__c`?"),
        ({**TO, "key": "Key__c"}, "SE304", "key", "PIM_Transfer__c has no field `Key__c`"),
        ({**TO, "key": "Catalog__c"}, "SE306", "key", "Catalog__c is no external id"),
        ({**TO, "key": "Not_Unique__c"}, "SE307", "key", "not unique"),
        ({**TO, "fields": {"Name": "id"}}, "SE305", "Name", "auto-number"),
        ({**TO, "fields": {"Plan__c": "created"}}, "SE372", "Plan__c", "`created` of a transfer cannot be written"),
        ({**TO, "fields": {"Created__c": "plan"}}, "SE372", "Created__c", "it is a text"),
        ({**TO, "fields": {"Plan__c": "started"}}, "SE372", "Plan__c", "it is a moment"),
        ({**TO, "fields": {"Level__c": "status"}}, "SE372", "Level__c", "restricted picklist"),
        ({"to": "Item__c"}, "SE371", "to", "the stream `items` writes to it"),
        (
            {"to": "Strict__c", "key": "Id__c", "fields": {"Note__c": "id"}},
            "SE373",
            "to",
            "Strict__c.Must__c is required",
        ),
        ({"key": "Plan__c"}, "SE202", "log", "`to`"),
        ({**TO, "fields": {"Plan__c": "digest"}}, "SE204", "Plan__c", "`plan`"),
    ],
    ids=str,
)
def test_what_cannot_work_is_said_with_its_place_before_anything_is_read(
    refusing: Shop, log: Json, code: str, place: str, said: str
) -> None:
    refusing.write({"items": STREAM}, log=log)
    path = refusing.project.folder / "catalogs" / "shop.yaml"
    lines = path.read_text(encoding="utf-8").splitlines()
    line = next(number for number, text in enumerate(lines, 1) if f'"{place}": ' in text and number > len(lines) - 12)
    found = refusing.run("validate", "--live", "--format", "json", code=3).data["problems"]
    (problem,) = [each for each in found if each["code"] == code]
    assert problem["line"] == line
    assert said in problem["message"] + problem["hint"]
    assert code in refusing.run("plan", code=3).err


@pytest.fixture(scope="module")
def refusing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """A shop whose catalog is never right."""
    note = {"name": "Note__c", "type": "string", "length": 40}
    key = {"name": "Id__c", "type": "string", "length": 40, "externalId": True, "unique": True}
    must = {"name": "Must__c", "type": "string", "length": 40, "required": True}
    strict = {"name": "Strict__c", "fields": [key, note, must]}
    folder = tmp_path_factory.mktemp("shop")
    with open_shop(folder, fields=[NOTES], products=[product("a", name="A")], objects=[TRANSFERS, strict]) as opened:
        yield opened


def test_snapshots_know_the_object_and_say_when_it_has_changed(shop: Shop) -> None:
    shop.run("snapshot")
    shop.run("validate")
    shop.write({"items": STREAM}, log={**TO, "fields": {"Catalogue__c": "catalog"}})
    assert "SE304" in shop.run("validate", code=3).out
    shop.write({"items": STREAM}, log=TO)
    path = shop.project.folder / "snapshots" / "crm.json"
    path.write_text(path.read_text(encoding="utf-8").replace('"Plan__c"', '"Plan_Digest__c"'), encoding="utf-8")
    assert "concerns catalog shop: log.to" in shop.run("snapshot", "--check", code=2).out


def test_an_org_that_refuses_the_record_fails_nothing_and_the_next_transfer_writes_it(shop: Shop) -> None:
    shop.connect(retry_minutes=0)
    secret = shop.sandbox.environment["CRM_SECRET"]
    with answering(shop, 503, f"down for {secret}") as url:
        shop.project.environment["CRM_URL"] = url
        done = shop.run("apply", "--yes")
        assert "NOT RECORDED in PIM_Transfer__c: shop, transfer " in done.err
        assert "the next transfer of the catalog writes the record" in done.err
        shown = shop.shown()
    assert len(shop.rows()) == 6
    assert (shown["status"], shown["recorded"]) == ("done", False)
    assert "down for" in shown["recording_error"]
    assert secret not in shown["recording_error"] + done.err
    assert "record    not written into the target yet" in shop.run("transfers", "show").out
    assert shop.sandbox.org.rows("PIM_Transfer__c") == []
    shop.project.environment["CRM_URL"] = shop.sandbox.environment["CRM_URL"]
    shop.apply()
    assert [each["Created__c"] for each in records(shop)] == [6, 0]
    assert shop.shown(shown["id"])["recorded"] is True


def test_a_rule_of_the_org_that_refuses_one_record_is_told_and_lets_the_others_pass(shop: Shop) -> None:
    shop.write({"items": STREAM}, log=TO, schedule={"cron": "* * * * *"})
    shop.run("plan")
    with shop.ledger() as ledger:
        refused = ledger.begin("shop", "", "schedule", recorded=True)
    done = shop.run("apply", "--yes")
    assert f"NOT RECORDED in PIM_Transfer__c: shop, transfer {refused}: FIELD_CUSTOM" in done.err
    assert "Not by that" in done.err
    with shop.ledger() as ledger:
        assert [each.id for each in ledger.unrecorded("shop")] == [refused]
    assert len(shop.sandbox.org.rows("PIM_Transfer__c")) == 1


@pytest.mark.parametrize("where", ["before", "after"])
def test_a_record_that_a_crash_prevented_is_written_by_the_next_run_and_never_twice(
    shop: Shop, processes: Crashing, where: str
) -> None:
    assert processes.run(shop.project, "apply", "--yes", at=(f"{where} {call(shop)}", 0)).code == -9
    assert len(shop.sandbox.org.rows("PIM_Transfer__c")) == (where == "after")
    assert shop.shown()["recorded"] is False
    shop.run("transfers", "resume")
    (record,) = records(shop)
    assert (record["Status__c"], record["Created__c"]) == ("done", 6)
    assert shop.shown()["recorded"] is True


@pytest.mark.slow
def test_wherever_a_process_dies_each_transfer_has_one_record_that_says_what_became_of_it(
    shop: Shop, processes: Crashing, figure: Figure
) -> None:
    """From the call that writes the data to the end."""
    shop.apply()
    shop.change("a", notes="ok, too")
    names = processes.run(shop.project, "apply", "--yes").points
    first = next(number for number, name in enumerate(names) if name.startswith("before PATCH"))
    for number in range(first, len(names)):
        notes = f"ok {number}"
        for sku in "abc":
            shop.change(sku, notes=notes)
        assert processes.run(shop.project, "apply", "--yes", at=("", number)).code == -9
        shop.run("apply", "--yes")
        *_, died, after = records(shop)
        assert died["Updated__c"] + after["Updated__c"] == 3, names[number]
        assert died["Status__c"] in ("done", "interrupted")
        shown = shop.shown(died["PIM_Transfer_Id__c"])
        assert (shown["status"], shown["recorded"]) == (died["Status__c"], True)
        assert {row["Notes__c"] for key, row in shop.rows().items() if key in "abc"} == {notes}
    figure("kills, with records of transfers", len(names) - first, "one record of each transfer")


@pytest.mark.slow
def test_a_process_that_hangs_while_it_writes_the_record_ends_when_it_is_asked_to(
    shop: Shop, processes: Crashing
) -> None:
    """It would never end by itself."""
    assert processes.run(shop.project, "apply", "--yes", at=(f"before {call(shop)}", 0), how="hang").code == 130
    assert (shop.shown()["status"], shop.shown()["recorded"]) == ("done", False)
    shop.run("transfers", "resume")
    assert [each["Created__c"] for each in records(shop)] == [6]


def test_a_transfer_that_died_is_recorded_by_the_one_that_takes_it_up(shop: Shop, processes: Crashing) -> None:
    assert processes.run(shop.project, "apply", "--yes", at=("after PATCH", 0)).code == -9
    assert shop.sandbox.org.rows("PIM_Transfer__c") == []
    shop.apply()
    died, next_one = records(shop)
    assert (died["Status__c"], died["Created__c"], next_one["Status__c"]) == ("interrupted", 6, "done")


def test_a_stopped_transfer_is_recorded_and_again_when_its_job_is_known(tmp_path: Path, processes: Crashing) -> None:
    products = [product(sku, name=f"Mug {sku}", notes="ok") for sku in "abc"]
    slow = CrmSettings(bulk_delay=0.5)
    with open_shop(tmp_path / "slow", fields=[NOTES], products=products, objects=[TRANSFERS], crm=slow) as shop:
        shop.write({"items": STREAM}, log=TO)
        shop.connect(bulk_threshold=1)
        poll = f"before GET {shop.sandbox.access['crm']['url']}/services/data/v62.0/jobs/ingest/"
        assert processes.run(shop.project, "apply", "--yes", at=(poll, 0), how="end").code == 130
        (record,) = records(shop)
        assert (record["Status__c"], record["Created__c"], record["Rejected__c"]) == ("interrupted", 0, 3)
        shop.run("transfers", "resume")
        (record,) = records(shop)
        assert (record["Status__c"], record["Created__c"], record["Rejected__c"]) == ("interrupted", 3, 0)


def test_a_rejection_that_quotes_a_secret_is_recorded_without_it(shop: Shop) -> None:
    fields = {**STREAM["fields"], "Mail__c": "ean"}
    shop.write({"items": {**STREAM, "fields": fields}}, log=TO, safety={"max_rejected_percent": 100})
    secret = shop.sandbox.environment["PIM_PASSWORD"]
    shop.change("b", ean=f"my password is {secret}")
    shop.apply(code=4)
    (record,) = records(shop)
    assert "'my password is ***' is no e-mail address" in record["Rejections__c"]
    assert not any(secret in str(value) for value in record.values())
