"""What is wrong is said with its place and its remedy, nothing is written, and no secret is shown."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route
from tests.journeys.conftest import ICECAT, ROOT, Finished, NewProject, Project
from tests.journeys.test_icecat import data, raw

from sync_engine_sandbox.crm.org import CrmSettings
from sync_engine_sandbox.sandbox import Sandbox, running
from sync_engine_sandbox.server import start

CATALOG = "icecat-products"
FILE = "catalogs/products.yaml"
EAN = "      PIM_EAN__c: ean\n"
NAME = "      Name: name\n      ProductCode: sku\n"

pytestmark = pytest.mark.skipif(not ICECAT.is_dir(), reason=f"the Icecat data is not at {ICECAT}")


@pytest.fixture(scope="module")
def shared() -> Iterator[Sandbox]:
    """A sandbox to which no test of this module writes."""
    org = ROOT / "catalogs" / "icecat" / "org.json"
    with running(ICECAT, org) as sandbox:
        yield sandbox
        assert sandbox.org.rows("Product2") == []


@pytest.fixture
def project(shared: Sandbox, new_project: NewProject) -> Project:
    made = new_project(ROOT / "catalogs" / "icecat", shared)
    (made.folder / "catalogs" / "catalogue.yaml").unlink()
    return made


def check(finished: Finished, project: Project, *texts: str) -> None:
    said = finished.out + finished.err
    for text in texts:
        assert text in said, said
    for name in ("PIM_SECRET", "PIM_PASSWORD", "CRM_SECRET", "CRM_PASSWORD"):
        assert project.environment[name] not in said


MISTAKES = {
    "unknown attribute": (EAN, "      PIM_EAN__c: eaan\n", ["SE302", ":43:19", "Did you mean `ean`?"]),
    "unknown field": (EAN, "      PIM_EEAN__c: ean\n", ["SE304", ":43:7", "Did you mean `PIM_EAN__c`?"]),
    "read-only field": (EAN, "      ProductClass: ean\n", ["SE305", "ProductClass"]),
    "required field": (NAME, "      ProductCode: sku\n", ["SE308", "Product2.Name is required"]),
    "key no external id": ("{PIM_Id__c: uuid}", "{StockKeepingUnit: uuid}", ["SE306", "PIM_Id__c"]),
    "operator": ("streams:\n", "filter: [{field: family, operator: CONTAINS, value: x}]\nstreams:\n", ["SE503", "IN"]),
    "tree": (
        "streams:\n",
        "filter: [{not: {field: categories, operator: IN CHILDREN, value: [master]}}]\nstreams:\n",
        ["SE530", "only the source can evaluate it"],
    ),
    "filter value": ("streams:\n", "filter: [{field: enabled, operator: '=', value: 'yes'}]\nstreams:\n", ["SE504"]),
    "unit": ("unit: KILOGRAM", "unit: KILOGRAMM", ["SE314", "KILOGRAM"]),
    "loop": ("\"'Variant' if parent else 'Simple'\"", '"{% for x in y %}"', ["SE40", ":36:"]),
    "escape": ("\"'Variant' if parent else 'Simple'\"", "\"''.__class__\"", ["SE40", "__class__"]),
    "duplicate key": (EAN, f"{EAN}{EAN}", ["SE113", "line 43"]),
    "alias": (EAN, "      PIM_EAN__c: &a ean\n", ["SE1"]),
    "not a choice": ("{const: Model}", "{const: Modell}", ["SE319", "Model"]),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_in_a_catalog_is_found_at_its_place(project: Project, mistake: str) -> None:
    before, after, texts = MISTAKES[mistake]
    project.edit(FILE, (before, after))
    check(project.run("validate", "--live", code=3), project, FILE, *texts)
    check(project.run("apply", "--yes", code=3), project, FILE, *texts)


def test_all_mistakes_are_reported_in_one_pass(project: Project) -> None:
    """Forty wrong mappings, in names, types and options, each in a line of its own."""
    wrong = [f"      Wrong_{number}__c: sku\n" for number in range(20)]
    wrong += [
        f"      PIM_Title__c: no_such_{number}\n".replace("PIM_Title__c", f"Bad_{number}__c") for number in range(10)
    ]
    text = (project.folder / FILE).read_text(encoding="utf-8")
    (project.folder / FILE).write_text(text.replace(EAN, EAN + "".join(wrong)), encoding="utf-8")
    found = project.run("validate", "--live", "--format", "json", code=3).data["problems"]
    errors = [each for each in found if each["severity"] == "error"]
    assert len(errors) == 20 + 2 * 10
    assert all(each["file"] == FILE and each["line"] and each["column"] for each in errors)
    assert len({(each["line"], each["code"]) for each in errors}) == len(errors)


def test_a_catalog_of_which_nothing_can_be_used_hides_no_mistake_of_an_expression(project: Project) -> None:
    project.edit(FILE, ("version: 1", "version: 2"), ("connection: pim", "connection: pin"))
    project.edit(FILE, ("      PIM_EAN__c: ean\n", "      PIM_EAN__c: {expression: 'ean +', rond: 2}\n"))
    found = project.run("validate", "--format", "json", code=3).data["problems"]
    codes = [each["code"] for each in found if each["severity"] == "error" and each["file"] == FILE]
    assert sorted(codes) == ["SE201", "SE204", "SE401", "SE604"]


@pytest.mark.parametrize(
    ("changed", "code", "text"),
    [
        ({"PIM_PASSWORD": "wrong-password"}, 1, "the PIM refuses the login"),
        ({"CRM_SECRET": "wrong-secret"}, 1, "Salesforce refuses the login"),
        ({"CRM_URL": "http://127.0.0.1:9"}, 69, "refuses connections"),
        ({"CRM_URL": "http://crm.example"}, 1, "plain http"),
        ({"PIM_SECRET": ""}, 3, "`PIM_SECRET` is"),
    ],
)
def test_a_connection_that_cannot_be_used_says_why(
    project: Project, changed: dict[str, str], code: int, text: str
) -> None:
    project.edit("sync-engine.yaml", ("auth: client_credentials\n", "auth: client_credentials\n    retry_minutes: 0\n"))
    finished = project.run("apply", "--yes", code=code, **changed)
    assert text in finished.err
    assert not any(value and value in finished.err for value in changed.values() if "wrong" in value)


@pytest.mark.parametrize("side", ["PIM_URL", "CRM_URL"])
def test_html_in_place_of_json_is_an_error_and_never_no_products(project: Project, side: str) -> None:
    async def page(_: Request) -> Response:
        return HTMLResponse("<html>maintenance</html>")

    server = start(Starlette(routes=[Route("/{path:path}", page, methods=["GET", "POST"])]))
    try:
        finished = project.run("apply", "--yes", code=1, **{side: server.url})
    finally:
        server.stop()
    check(finished, project, "JSON")


def test_the_wrong_place_or_name_is_said(project: Project, tmp_path: Path) -> None:
    assert "sync-engine.yaml" in Project(tmp_path, {}).run("plan", code=3).err
    assert f"Did you mean `{CATALOG}`?" in project.run("plan", "icecat-product", code=1).err
    assert "--yes" in project.run("apply", code=64).err


# The tests below write, each to a sandbox of its own.


@pytest.fixture
def own(icecat: Sandbox, new_project: NewProject) -> Project:
    made = new_project(ROOT / "catalogs" / "icecat", icecat)
    (made.folder / "catalogs" / "catalogue.yaml").unlink()
    return made


def test_values_that_do_not_fit_are_rejected_and_the_rest_is_written(own: Project, icecat: Sandbox) -> None:
    first, second = [each for each in raw("products") if each["family"] == "scanners" and not each["parent"]][:2]
    long = [{"locale": None, "scope": None, "data": "x" * 14}]
    icecat.pim.edit_product(first["uuid"], values={**first["values"], "ean": long})
    icecat.pim.put_row(
        ("attributes", "color", "options"),
        {"code": "odd", "attribute": "color", "sort_order": 99, "labels": {"en_US": "Odd"}},
    )
    odd = [{"locale": None, "scope": None, "data": "odd"}]
    icecat.pim.edit_product(second["uuid"], values={**second["values"], "color": odd})
    finished = own.run("apply", "--yes", code=4)
    assert "NOT ALL" in finished.err
    shown = own.run("transfers", "show").out
    assert f"{first['uuid']}: the text has 14 characters, PIM_EAN__c takes 13" in shown
    assert "NOT_IN_PICKLIST PIM_Color__c" in shown
    assert len(icecat.org.rows("Product2")) == 1061 - 2


def test_a_gate_writes_nothing_and_says_which_number(own: Project, icecat: Sandbox) -> None:
    own.edit(FILE, (NAME, NAME.replace("Name: name", "Name: ean")))
    refused = own.run("apply", "--yes", code=5)
    assert "max_rejected_percent = 20 %" in refused.err
    nobody = "filter: [{field: sku, operator: '=', value: none}, {field: family, operator: EMPTY}]\n"
    own.edit(FILE, ("streams:\n", f"{nobody}streams:\n"))
    nothing = own.run("apply", "--yes", "--streams", "products", code=5)
    assert "expect.min" in nothing.err
    assert icecat.org.rows("Product2") == []


@pytest.mark.slow
def test_a_saved_plan_writes_only_what_still_is_as_it_was(own: Project, icecat: Sandbox) -> None:
    own.run("apply", "--yes", code=4)
    first, second = [each for each in raw("products") if not each["parent"]][:2]
    for each in (first, second):
        name = [{"locale": None, "scope": None, "data": "From the PIM"}]
        icecat.pim.edit_product(each["uuid"], values={**each["values"], "name": name})
    own.run("plan", "--out", "saved.plan")
    rows = {row["PIM_Id__c"]: row["Id"] for row in icecat.org.rows("Product2")}
    icecat.org.edit("Product2", rows[first["uuid"]], {"Name": "By a person"})

    content = (own.folder / "saved.plan").read_bytes()
    (own.folder / "altered.plan").write_bytes(content[:-30] + bytes([content[-30] ^ 1]) + content[-29:])
    assert "altered.plan" in own.run("apply", "altered.plan", code=1).err

    partly = own.run("apply", "saved.plan", code=4)
    assert "1 stale" in partly.out
    names = {row["PIM_Id__c"]: row["Name"] for row in icecat.org.rows("Product2")}
    assert (names[first["uuid"]], names[second["uuid"]]) == ("By a person", "From the PIM")
    assert "By a person" in own.run("transfers", "show").out
    again = own.run("apply", "saved.plan", code=4)
    assert "2 stale" in again.out

    own.edit(FILE, (EAN, ""))
    refused = own.run("apply", "saved.plan", code=6)
    assert "catalog" in refused.err


@pytest.mark.slow
def test_ctrl_c_stops_cleanly_and_the_next_run_finishes(new_project: NewProject) -> None:
    org = ROOT / "catalogs" / "icecat" / "org.json"
    with running(ICECAT, org, crm_settings=CrmSettings(latency=0.4)) as slow:
        project = new_project(ROOT / "catalogs" / "icecat", slow)
        project.edit("sync-engine.yaml", ("auth: client_credentials\n", "auth: client_credentials\n    parallel: 1\n"))
        process = subprocess.Popen(
            [sys.executable, "-m", "sync_engine", "apply", CATALOG, "--yes"],
            cwd=project.folder,
            env={**os.environ, **project.environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        deadline = time.monotonic() + 60
        while len(slow.org.rows("Product2")) < 200 and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=30)
        assert process.returncode == 130, said
        assert "Traceback" not in said
        written = len(slow.org.rows("Product2"))
        assert 200 <= written < 1061
        assert "interrupted" in project.run("transfers", "list").out
        project.run("apply", CATALOG, "--yes", code=4)
        keys = [row["PIM_Id__c"] for row in slow.org.rows("Product2")]
        assert len(keys) == len(set(keys)) == 1061


def test_two_records_with_one_key_are_both_rejected(own: Project, icecat: Sandbox) -> None:
    own.edit(FILE, ("key: {PIM_Id__c: uuid}", 'key: {PIM_Id__c: {expression: "sku | lower"}}'))
    first, second = [each for each in raw("products") if not each["parent"]][:2]
    sku = [{"locale": None, "scope": None, "data": data(first, "sku")}]
    icecat.pim.edit_product(second["uuid"], values={**second["values"], "sku": sku})
    (catalog,) = own.run("plan", "--format", "json").data["catalogs"]
    products = next(each for each in catalog["streams"] if each["name"] == "products")
    doubled = {each["source_key"]: each["reasons"][0] for each in products["rejections"]}
    assert doubled.keys() == {first["uuid"], second["uuid"]}
    assert {each["code"] for each in doubled.values()} == {"DUPLICATE_KEY"}
    assert first["uuid"] in doubled[second["uuid"]]["message"] or second["uuid"] in doubled[first["uuid"]]["message"]
