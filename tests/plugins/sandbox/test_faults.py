"""What goes wrong at the local servers goes wrong as it is described, again and again in the same way."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from sync_engine_sandbox.crm.org import CrmSettings
from sync_engine_sandbox.faults import FaultsError, Rule, load_profile, profiles, read_rules
from sync_engine_sandbox.faults.rules import FAULTS
from sync_engine_sandbox.faults.steps import EVENTS, REQUESTS, step_of
from sync_engine_sandbox.faults.wire import IN_ITS_PLACE, ON_THE_WIRE
from sync_engine_sandbox.faults.world import IN_THE_SERVICE
from sync_engine_sandbox.sandbox import Sandbox, running

ROWS = "/services/data/v62.0/composite/sobjects"
JOBS = "/services/data/v62.0/jobs/ingest"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with running(crm_settings=CrmSettings(bulk_chunk=2)) as both:
        yield both


@pytest.fixture(autouse=True)
def ended(sandbox: Sandbox) -> Iterator[None]:
    yield
    sandbox.faults.end()


@pytest.fixture
def crm(sandbox: Sandbox) -> Iterator[httpx.Client]:
    access = sandbox.access["crm"]
    with httpx.Client(base_url=access["url"], timeout=1) as client:
        form = {"grant_type": "client_credentials"}
        login = client.post(
            "/services/oauth2/token", data={**form, **{k: access[k] for k in ("client_id", "client_secret")}}
        )
        client.headers["Authorization"] = f"Bearer {login.json()['access_token']}"
        yield client


@pytest.fixture
def pim(sandbox: Sandbox) -> Iterator[httpx.Client]:
    access = sandbox.access["pim"]
    with httpx.Client(base_url=access["url"], timeout=1) as client:
        login = client.post(
            "/api/oauth/v1/token",
            auth=(access["client_id"], access["client_secret"]),
            json={"grant_type": "password", "username": access["username"], "password": access["password"]},
        )
        client.headers["Authorization"] = f"Bearer {login.json()['access_token']}"
        yield client


def create(crm: httpx.Client, name: str) -> httpx.Response:
    record = {"attributes": {"type": "Product2"}, "Name": name}
    return crm.post(ROWS, json={"allOrNone": False, "records": [record]})


def names(sandbox: Sandbox) -> list[str]:
    return [row["Name"] for row in sandbox.org.rows("Product2")]


def test_every_fault_is_described_and_does_something() -> None:
    done = {*IN_ITS_PLACE, *ON_THE_WIRE, *IN_THE_SERVICE, "locked", "job_fails", "job_cut"}
    assert set(FAULTS) == done


@pytest.mark.parametrize(
    ("method", "path", "step"),
    [
        ("POST", "/api/oauth/v1/token", "pim.login"),
        ("GET", "/api/rest/v1/attributes/color/options", "pim.schema"),
        ("GET", "/api/rest/v1/products-uuid", "pim.page"),
        ("GET", "/api/rest/v1/media-files/a/b/c.png/download", "pim.file"),
        ("PATCH", "/api/rest/v1/products-uuid/1", ""),
        ("POST", "/services/oauth2/token", "crm.login"),
        ("GET", "/services/data/v62.0/sobjects/Product2/describe", "crm.schema"),
        ("GET", "/services/data/v62.0/query/01g-2000", "crm.query"),
        ("PATCH", f"{ROWS}/Product2/Key__c", "crm.write"),
        ("DELETE", ROWS, "crm.delete"),
        ("POST", JOBS, "crm.create"),
        ("PUT", f"{JOBS}/750/batches", "crm.upload"),
        ("PATCH", f"{JOBS}/750", "crm.close"),
        ("GET", f"{JOBS}/750", "crm.poll"),
        ("GET", f"{JOBS}/750/failedResults/", "crm.results"),
    ],
)
def test_a_request_is_known_by_its_method_and_path(method: str, path: str, step: str) -> None:
    assert step_of(method, path) == step


@pytest.mark.parametrize(
    ("fault", "status", "retry", "kind"),
    [
        ("429", 429, "7", "text/html"),
        ("429_silent", 429, None, "text/html"),
        ("500", 500, None, "application/json"),
        ("502", 502, None, "text/html"),
        ("503", 503, None, "application/json"),
        ("html", 200, None, "text/html"),
        ("concurrent", 403, None, "application/json"),
        ("daily_limit", 403, None, "application/json"),
    ],
)
def test_an_answer_in_the_place_of_the_server_has_no_effect(
    sandbox: Sandbox, crm: httpx.Client, fault: str, status: int, retry: str | None, kind: str
) -> None:
    with sandbox.faults.during(Rule(fault, "crm.write", seconds=7)):
        answer = create(crm, f"never {fault}")
    assert (answer.status_code, answer.headers.get("retry-after")) == (status, retry)
    assert answer.headers["content-type"].startswith(kind)
    assert f"never {fault}" not in names(sandbox)


def test_the_pim_speaks_its_own_language_of_errors(sandbox: Sandbox, pim: httpx.Client) -> None:
    with sandbox.faults.during(Rule("429", "pim.page")):
        answer = pim.get("/api/rest/v1/products-uuid")
    assert answer.json() == {"code": 429, "message": "You have exceeded the limit of API requests per second."}
    assert answer.headers["retry-after"] == "1"


def test_what_comes_late_is_done_after_the_connection_was_reset(sandbox: Sandbox, crm: httpx.Client) -> None:
    with sandbox.faults.during(Rule("late", "crm.write", seconds=0.2)), pytest.raises(httpx.ReadError):
        create(crm, "late")
    assert "late" not in names(sandbox)
    deadline = time.monotonic() + 10
    while "late" not in names(sandbox):
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize(
    ("fault", "done", "error"),
    [
        ("reset", 0, httpx.ReadError),
        ("hang", 0, httpx.ReadTimeout),
        ("lost", 1, httpx.ReadError),
        ("cut", 1, httpx.RemoteProtocolError),
        ("half_gzip", 1, None),
    ],
)
def test_a_connection_that_breaks_has_had_its_effect_or_not(
    sandbox: Sandbox, crm: httpx.Client, fault: str, done: int, error: type[Exception] | None
) -> None:
    with sandbox.faults.during(Rule(fault, "crm.write")):
        if error is None:
            create(crm, fault)
        else:
            with pytest.raises(error):
                create(crm, fault)
    assert names(sandbox).count(fault) == done


def test_half_an_answer_looks_whole_but_for_its_content(sandbox: Sandbox, crm: httpx.Client) -> None:
    with sandbox.faults.during(Rule("half", "crm.limits")):
        answer = crm.get("/services/data/v62.0/limits")
    assert answer.status_code == 200
    with pytest.raises(json.JSONDecodeError):
        answer.json()


def test_a_slow_answer_comes_byte_by_byte(sandbox: Sandbox, crm: httpx.Client) -> None:
    with (
        sandbox.faults.during(Rule("slow", "crm.limits", seconds=0.001)),
        crm.stream("GET", "/services/data/v62.0/limits") as answer,
    ):
        pieces = list(answer.iter_raw())
    assert len(pieces) > len(b"".join(pieces)) / 2
    assert json.loads(b"".join(pieces))["DailyApiRequests"]


def test_what_is_sent_once_is_carried_out_twice(sandbox: Sandbox, crm: httpx.Client) -> None:
    with sandbox.faults.during(Rule("twice", "crm.write")):
        assert create(crm, "twice").json()[0]["success"]
    assert names(sandbox).count("twice") == 2


def test_records_of_a_query_come_in_another_order_unless_one_is_asked_for(sandbox: Sandbox, crm: httpx.Client) -> None:
    for name in "edcba":
        create(crm, f"order {name}")

    def found(more: str = "") -> list[str]:
        query = ("SELECT Name FROM Product2 WHERE Name LIKE 'order%'", more)
        answer = crm.get("/services/data/v62.0/query", params={"q": "".join(query)}).json()
        return [each["Name"][-1] for each in answer["records"]]

    with sandbox.faults.during(Rule("disorder", "crm.query"), seed=3):
        first, ordered = found(), found(" ORDER BY Name")
    assert sorted(first) == ordered == list("abcde")
    assert first != list("edcba")
    with sandbox.faults.during(Rule("disorder", "crm.query"), seed=3):
        assert found() == first


def test_tokens_and_sessions_die(sandbox: Sandbox, pim: httpx.Client, crm: httpx.Client) -> None:
    with sandbox.faults.during(Rule("expired", "pim", times=1), Rule("expired", "crm", times=1)):
        assert pim.get("/api/rest/v1/products-uuid").status_code == 401
        assert crm.get("/services/data/v62.0/limits").json()[0]["errorCode"] == "INVALID_SESSION_ID"


def test_a_wrong_clock_shows_in_dates_and_in_records(sandbox: Sandbox, crm: httpx.Client) -> None:
    with sandbox.faults.during(Rule("clock", "crm", seconds=86_400)):
        answer = create(crm, "tomorrow")
        create(crm, "tomorrow")
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    assert abs(parsedate_to_datetime(answer.headers["date"]) - tomorrow) < timedelta(minutes=1)
    row = next(each for each in sandbox.org.rows("Product2") if each["Name"] == "tomorrow")
    assert row["CreatedDate"].startswith(f"{tomorrow:%Y-%m-%d}")
    now = parsedate_to_datetime(create(crm, "today").headers["date"])
    assert abs(now - datetime.now(UTC)) < timedelta(minutes=1)


def test_products_change_while_they_are_read(sandbox: Sandbox, pim: httpx.Client) -> None:
    before = dict(sandbox.pim.products.by_key)
    with sandbox.faults.during(*(Rule(each, "pim.page", times=1) for each in ("edited", "created", "deleted"))):
        pim.get("/api/rest/v1/products-uuid")
    after = sandbox.pim.products.by_key
    assert len(before.keys() - after.keys()) == 1
    assert len(after.keys() - before.keys()) == 1
    assert sum(before[each]["values"] != after[each]["values"] for each in before.keys() & after.keys()) == 1


def test_a_field_is_narrowed_or_gone_until_the_faults_end(sandbox: Sandbox, crm: httpx.Client) -> None:
    def described() -> dict[str, Any]:
        answer = crm.get("/services/data/v62.0/sobjects/Product2/describe").json()
        return {each["name"]: each["length"] for each in answer["fields"]}

    before = described()
    name = next(each.name for each in sandbox.org.objects.by_name["product2"].fields if each.custom and each.length)
    with sandbox.faults.during(Rule("narrowed", "crm.schema", field=f"Product2.{name}", times=1)):
        assert described()[name] == before[name] // 2
    with sandbox.faults.during(Rule("removed", "crm.schema", field=f"Product2.{name}", times=1)):
        assert name not in described()
    assert described() == before


def test_locked_records_fail_and_the_others_do_not(sandbox: Sandbox, crm: httpx.Client) -> None:
    records = [{"attributes": {"type": "Product2"}, "Name": f"row {number}"} for number in range(3)]
    with sandbox.faults.during(Rule("locked", "crm.row", skip=1, times=1)):
        rows = crm.post(ROWS, json={"allOrNone": False, "records": records}).json()
    assert [each["success"] for each in rows] == [True, False, True]
    assert rows[1]["errors"][0]["statusCode"] == "UNABLE_TO_LOCK_ROW"


@pytest.mark.parametrize(("fault", "state", "unprocessed"), [("job_fails", "Failed", 3), ("job_cut", "JobComplete", 0)])
def test_a_job_ends_after_some_of_its_rows(
    sandbox: Sandbox, crm: httpx.Client, fault: str, state: str, unprocessed: int
) -> None:
    with sandbox.faults.during(Rule(fault, "crm.chunk", skip=1)):
        job = crm.post(JOBS, json={"object": "Product2", "operation": "insert"}).json()["id"]
        content = "Name\n" + "".join(f"{fault} {number}\n" for number in range(5))
        crm.put(f"{JOBS}/{job}/batches", content=content, headers={"Content-Type": "text/csv"})
        crm.patch(f"{JOBS}/{job}", json={"state": "UploadComplete"})
        deadline = time.monotonic() + 10
        while (shown := crm.get(f"{JOBS}/{job}").json())["state"] in ("UploadComplete", "InProgress"):
            assert time.monotonic() < deadline
        left = crm.get(f"{JOBS}/{job}/unprocessedrecords").text.splitlines()[1:]
    assert (shown["state"], shown["numberRecordsProcessed"]) == (state, 2)
    assert left == [f'"{fault} {number}"' for number in range(2, 2 + unprocessed)]


def test_the_same_seed_gives_the_same_faults_and_another_one_others(sandbox: Sandbox, crm: httpx.Client) -> None:
    def failing(seed: int) -> list[int]:
        with sandbox.faults.during(Rule("503", "crm.limits", chance=0.5), seed=seed):
            return [crm.get("/services/data/v62.0/limits").status_code for _ in range(20)]

    assert failing(1) == failing(1)
    assert failing(1) != failing(2)
    assert set(failing(1)) == {200, 503}


def test_profiles_are_valid_and_described() -> None:
    for name, profile in profiles().items():
        assert profile["description"].endswith("."), name
        assert load_profile(name), name


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        ([{"fault": "503"}], "rules[0]: a rule is an object with `fault` and `at`"),
        ([{"fault": "504", "at": "crm"}], "rules[0]: there is no fault `504`; there are 429, "),
        ([{"fault": "503", "at": "erp"}], "rules[0]: there is no place `erp`; there are pim, crm, pim.login, "),
        ([{"fault": "edited", "at": "crm"}], "rules[0]: `edited` cannot happen at `crm`, only at pim"),
        ([{"fault": "503", "at": "crm.row"}], "rules[0]: `503` cannot happen at `crm.row`, only at pim, crm"),
        ([{"fault": "locked", "at": "crm"}], "only at crm.row"),
        ([{"fault": "503", "at": "crm", "chance": 2}], "above 0 and is 1 at most, not 2"),
        ([{"fault": "503", "at": "crm", "chance": "often"}], '`chance` cannot be "often"'),
        ([{"fault": "503", "at": "crm", "often": 1}], "a rule has no `often`; it has fault, at, "),
        ({}, "`rules` is a list"),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(rules: object, said: str) -> None:
    with pytest.raises(FaultsError) as caught:
        read_rules(rules)
    assert said in str(caught.value)


def test_the_documentation_has_every_profile_fault_and_place_in_its_words() -> None:
    page = (Path(__file__).parents[3] / "docs" / "sandbox.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([^`]+)` \| (.*?)(?: \| (.*))? \|$", page, re.MULTILINE)
    told = {name: text for name, text, _ in rows}
    (example,) = re.findall(r"^```json\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    assert read_rules(json.loads(example)["rules"])
    assert told == {
        **{name: profile["description"].rstrip(".") for name, profile in profiles().items()},
        **{name: text for name, (text, _) in FAULTS.items()},
        **{name: text for name, (text, _) in REQUESTS.items()},
        **EVENTS,
    }
    assert {name: where for name, _, where in rows if where} == {
        name: ", ".join(f"`{each}`" for each in places) for name, (_, places) in FAULTS.items()
    }


def test_faults_are_controlled_over_http_at_either_server(sandbox: Sandbox, crm: httpx.Client) -> None:
    control = f"{sandbox.access['pim']['url']}/_sandbox/faults"
    put = httpx.put(control, json={"rules": [{"fault": "503", "at": "crm.limits"}], "seed": 4})
    assert put.status_code == 204
    assert crm.get("/services/data/v62.0/limits").status_code == 503
    told = crm.get("/_sandbox/faults").json()
    assert (told["seed"], told["happened"]) == (4, {"503 at crm.limits": 1})
    refused = httpx.put(control, json={"profile": "nothing"})
    assert (refused.status_code, refused.json()["error"][:31]) == (422, "there is no profile `nothing`; ")
    assert httpx.delete(control).status_code == 204
    assert crm.get("/services/data/v62.0/limits").status_code == 200


def test_the_command_takes_a_profile_and_refuses_an_unknown_one(tmp_path: Path) -> None:
    mine = tmp_path / "mine.json"
    mine.write_text('{"rules": [{"fault": "503", "at": "crm.login"}]}', encoding="utf-8")
    command = [sys.executable, "-m", "sync_engine", "sandbox", "--faults", str(mine), "--seed", "7"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        access = json.loads(process.stdout.readline())
        assert httpx.post(f"{access['crm']['url']}/services/oauth2/token").status_code == 503
    finally:
        process.terminate()
        _, said = process.communicate(timeout=30)
    assert f"Faults: {mine}, seed 7." in said
    wrong = subprocess.run(
        [sys.executable, "-m", "sync_engine", "sandbox", "--faults", "nothing"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert wrong.returncode == 64
    assert "there is no profile `nothing`; there are busy, flaky" in wrong.stderr
