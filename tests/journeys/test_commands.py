"""Each command does what its help says, as a user would call it."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.journeys.conftest import Project

from sync_engine_sandbox.sandbox import DEMO_DATA, DEMO_PROJECT, Sandbox, running

CATALOG = "outdoor"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with running() as started:
        yield started


@pytest.fixture(scope="module")
def project(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The demo project with its catalog applied once."""
    import shutil

    folder = tmp_path_factory.mktemp("shop") / "project"
    shutil.copytree(DEMO_PROJECT, folder)
    made = Project(folder, sandbox.environment)
    made.run("snapshot")
    made.run("apply", CATALOG, "--yes")
    return made


def test_the_demo_runs_from_beginning_to_end(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "sync_engine", "demo", "--folder", str(tmp_path / "demo")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Nothing to do." in done.stdout
    assert re.search(r"Plan: 0 to create, 3 to update, .* 0 rejected", done.stdout)
    assert "<table>" in (tmp_path / "demo" / "plan.html").read_text(encoding="utf-8")
    assert "What to try next" in done.stdout


def test_the_sandbox_says_in_its_first_line_how_to_reach_it(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "sync_engine", "sandbox", "--env", str(tmp_path / "env")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        access = json.loads(process.stdout.readline())
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 0
    assert access["pim"].keys() == {"url", "client_id", "client_secret", "username", "password", "token"}
    assert access["crm"].keys() == {"url", "client_id", "client_secret", "username", "password", "token"}
    assert access["pim"]["url"].startswith("http://127.0.0.1:")
    assert f"export CRM_URL={access['crm']['url']}" in (tmp_path / "env").read_text(encoding="utf-8")


def test_a_missing_data_folder_is_a_message_and_not_a_traceback(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "sync_engine", "sandbox", "--data", str(tmp_path / "nothing")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 64
    assert "Traceback" not in done.stderr


def test_doctor_checks_both_sides_and_the_ledger(project: Project) -> None:
    found = project.run("doctor").out
    assert "✓ source pim: akeneo" in found
    assert "✓ target crm: salesforce" in found
    assert "last transfer" in found


def test_the_demo_catalog_sends_files(sandbox: Sandbox, project: Project) -> None:
    """``project`` has been applied."""
    files = {path.name: path.read_bytes() for path in (DEMO_DATA / "media").rglob("*") if path.is_file()}
    held = {row["PIM_Id__c"] for row in sandbox.org.rows("Product2")}
    lamps = [sandbox.pim.products.by_key[uuid] for uuid in held & sandbox.pim.products.by_key.keys()]
    codes = {
        f"{each['uuid']}-{attribute}": entry["data"]
        for each in lamps
        if each["family"] == "headlamps"
        for attribute in ("image", "manual")
        for entry in each["values"].get(attribute, ())
        if entry["locale"] in (None, "en_US")
    }
    sent = {row["PIM_Key__c"]: sandbox.org.store.blobs[row["Id"]] for row in sandbox.org.rows("ContentVersion")}
    assert sent == {key: files[code.rpartition("/")[2]] for key, code in codes.items()}
    assert len(sent) > 20


def test_a_plan_can_be_shown_in_every_format(project: Project, sandbox: Sandbox) -> None:
    held = {row["PIM_Id__c"] for row in sandbox.org.rows("Product2")}
    products = [sandbox.pim.products.by_key[key] for key in sorted(held & sandbox.pim.products.by_key.keys())]
    product = next(each for each in products if each["family"] == "headlamps" and not each["parent"])
    name = [{"locale": "en_US", "scope": None, "data": '<script>alert("x")</script> | `@all` ```'}]
    before = product["values"]
    sandbox.pim.edit_product(product["uuid"], values={**before, "name": name})
    try:
        project.run("plan", CATALOG, "--out", "saved", code=0)
        assert project.run("plan", CATALOG, "--detailed-exitcode", code=2).out.count("~ update") == 1
        text = project.run("show", "saved").out
        data = project.run("show", "saved", "--format", "json").data
        markdown = project.run("show", "saved", "--format", "markdown").out
        page = project.run("show", "saved", "--format", "html").out
    finally:
        sandbox.pim.edit_product(product["uuid"], values=before)
    digest = data["digest"]
    assert all(digest in each for each in (text, markdown, page))
    (catalog,) = data["catalogs"]
    assert (data["version"], catalog["name"], catalog["summary"]["update"]) == (1, CATALOG, 1)
    assert {"name", "object", "summary", "changes", "rejections"} <= catalog["streams"][0].keys()
    assert {"warnings", "gates", "cost"} <= catalog.keys()
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page
    assert "\n```\n</details>" in markdown
    assert "`@all` ```" not in markdown
    assert len(markdown) < 60_000


def test_preview_shows_mapped_records_and_writes_nothing(project: Project, sandbox: Sandbox) -> None:
    rows = len(sandbox.org.rows("Product2"))
    shown = project.run("preview", CATALOG, "--limit", "2", "--format", "json").data
    products = next(each for each in shown["streams"] if each["name"] == "products")
    assert len(products["records"]) == 2
    key = products["records"][0]["values"]["PIM_Id__c"]
    one = project.run("preview", CATALOG, "--key", key).out
    assert key in one
    assert "Name" in one
    nothing = project.run("preview", CATALOG, "--key", "no-such-key", code=1)
    assert "no-such-key" in nothing.err
    assert len(sandbox.org.rows("Product2")) == rows


def test_transfers_are_listed_and_shown(project: Project) -> None:
    listed = project.run("transfers", "list", "--json").data
    newest = listed["transfers"][0]
    assert newest["status"] == "done"
    assert newest["id"] in project.run("transfers", "list").out
    shown = project.run("transfers", "show", newest["id"][:-3], "--json").data["transfer"]
    assert len(shown["outcomes"]) == shown["summary"]["created"]
    assert {each["outcome"] for each in shown["outcomes"]} == {"created"}
    assert "no transfer" in project.run("transfers", "show", "1999", code=1).err


def test_fields_and_attributes_say_what_can_be_mapped(project: Project) -> None:
    fields = project.run("fields", "product2", "--json").data
    by_name = {each["name"]: each for each in fields["fields"]}
    assert by_name["Name"]["required"]
    assert by_name["PIM_Id__c"]["key"]
    assert by_name["ProductClass"]["can_be_mapped"].startswith("no")
    assert "PIM_Id__c" in project.run("fields", "Product2").out
    attributes = project.run("attributes", "--json").data["attributes"]
    kinds = {each["code"]: each["kind"] for each in attributes}
    assert (kinds["name"], kinds["uuid"]) == ("text", "uuid")
    assert "Did you mean `Product2`" in project.run("fields", "Produkt2", code=1).err


def test_channels_and_families_are_listed(project: Project) -> None:
    channels = {each["code"]: each for each in project.run("channels", "--json").data["channels"]}
    assert channels["ecommerce"]["locales"] == ["de_DE", "en_US", "fr_FR"]
    assert CATALOG in channels["ecommerce"]["catalogs"]
    assert "de_DE, en_US, fr_FR" in project.run("channels").out
    families = {each["code"]: each["labels"] for each in project.run("families", "--json").data["families"]}
    assert families["tents"]["de_DE"] in project.run("families").out


def test_snapshot_says_what_changed_since(project: Project, sandbox: Sandbox) -> None:
    assert project.run("snapshot", "--check").out == ""
    path = project.folder / "snapshots" / "pim.json"
    saved = path.read_text(encoding="utf-8")
    changed = json.loads(saved)
    changed["schema"]["attributes"]["gone"] = {**changed["schema"]["attributes"]["name"], "code": "gone"}
    path.write_text(json.dumps(changed), encoding="utf-8")
    assert "- attributes.gone" in project.run("snapshot", "--check", code=2).out
    path.write_text("{", encoding="utf-8")
    assert "SE322" in project.run("validate", code=3).out
    path.write_text(saved, encoding="utf-8")


def test_init_makes_a_project_and_overwrites_nothing(tmp_path: Path) -> None:
    empty = Project(tmp_path, {})
    empty.run("init", "shop")
    assert Project(tmp_path / "shop", {}).run("validate").code == 0
    again = empty.run("init", "shop", code=1)
    assert "already holds sync-engine.yaml" in again.err


def test_schemas_adapters_and_completion_are_printed(tmp_path: Path) -> None:
    nowhere = Project(tmp_path, {})
    assert nowhere.run("schema").data["$schema"].endswith("draft-07/schema#")
    assert "client_secret" in nowhere.run("schema", "project").out
    names = {each["name"] for each in nowhere.run("adapters", "--json").data["adapters"]}
    assert {"akeneo", "salesforce"} <= names
    assert "_sync_engine_completion" in nowhere.run("completion", "bash").out


def test_wrong_usage_is_64_and_lists_the_commands(tmp_path: Path) -> None:
    nowhere = Project(tmp_path, {})
    assert "No such command" in nowhere.alone("plann", code=64).err
    assert nowhere.run("plan", "--format", "pdf", code=64).err
    help_text = nowhere.run("--help").out
    assert all(each in help_text for each in ("validate", "plan", "apply", "sandbox", "demo"))
