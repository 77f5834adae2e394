"""One set of catalogs, two orgs: what `--env` changes, and that nothing of one reaches the other."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.journeys.small import Shop, open_shop, product

from sync_engine_sandbox.sandbox import running

STAGING = """\
version: 1
connections:
  crm: {url: "${STAGING_URL}", client_id: "${STAGING_ID}", client_secret: "${STAGING_SECRET}"}
state: sqlite:///.sync-engine/staging.db
"""


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    with open_shop(tmp_path, products=[product("A", name="Cup"), product("B", name="Mug")]) as opened:
        items = {"from": "products", "to": "Item__c", "key": {"Key__c": "sku"}, "fields": {"Name": "name"}}
        opened.write({"items": items})
        with running(tmp_path / "pim", tmp_path / "org.json") as other:
            names = {"STAGING_URL": "CRM_URL", "STAGING_ID": "CRM_CLIENT_ID", "STAGING_SECRET": "CRM_SECRET"}
            opened.project.environment.update({name: other.environment[of] for name, of in names.items()})
            folder = opened.project.folder / "environments"
            folder.mkdir()
            (folder / "staging.yaml").write_text(STAGING, encoding="utf-8")
            yield Shop(opened.project, other)


def test_an_environment_writes_to_its_own_org_and_its_own_ledger(shop: Shop) -> None:
    shop.run("--env", "staging", "apply", "--yes")
    assert {row["Name"] for row in shop.rows().values()} == {"Cup", "Mug"}
    assert shop.plan()["summary"]["create"] == 2  # the org of the project file holds none
    assert shop.run("transfers", "list", "--json").data["transfers"] == []
    assert len(shop.run("--env", "staging", "transfers", "list", "--json").data["transfers"]) == 1


def test_a_plan_shows_what_the_environment_changes(shop: Shop) -> None:
    line = "crm.url: ${CRM_URL} → ${STAGING_URL}"
    text = shop.run("--env", "staging", "plan").out
    assert text.startswith(f"Environment staging  environments/staging.yaml\n  {line}\n")
    assert shop.project.environment["STAGING_URL"] not in text
    for form in ("markdown", "html"):
        assert line in shop.run("--env", "staging", "plan", "--format", form).out
    data = shop.run("--env", "staging", "plan", "--format", "json").data["environment"]
    assert (data["name"], data["file"]) == ("staging", "environments/staging.yaml")
    assert data["overrides"][0] == {"setting": "crm.url", "before": "${CRM_URL}", "after": "${STAGING_URL}"}
    assert "Environment" not in shop.run("plan").out
    assert shop.run("plan", "--format", "json").data["environment"] is None


def test_a_saved_plan_is_applied_in_its_environment_only(shop: Shop) -> None:
    plan = str(shop.project.folder / "staging.plan")
    shop.run("--env", "staging", "plan", "--out", plan)
    assert "environments/staging.yaml" in shop.run("show", plan).out
    refused = shop.run("apply", plan, code=6)
    assert "made for environment staging, and this is the project file alone; nothing was written" in refused.err
    assert "sync-engine --env staging apply" in refused.err
    other = shop.project.folder / "environments" / "staging.yaml"
    other.write_text(STAGING.replace("{url:", "{api_version: '61.0', url:"), encoding="utf-8")
    assert "has changed since the plan was made" in shop.run("--env", "staging", "apply", plan, code=6).err
    other.write_text(STAGING, encoding="utf-8")
    assert shop.rows() == {}
    shop.run("--env", "staging", "apply", plan)
    assert len(shop.rows()) == 2


def test_an_environment_has_snapshots_of_what_it_changes(shop: Shop) -> None:
    shop.run("snapshot")
    shop.run("--env", "staging", "validate")  # against the snapshots of the project
    shop.run("--env", "staging", "snapshot")
    saved = sorted(
        each.relative_to(shop.project.folder / "snapshots").as_posix()
        for each in (shop.project.folder / "snapshots").rglob("*.json")
    )
    assert saved == ["crm.json", "pim.json", "staging/crm.json"]
    own = shop.project.folder / "snapshots" / "staging" / "crm.json"
    own.write_text(own.read_text(encoding="utf-8").replace("Item__c", "Other__c"), encoding="utf-8")
    assert "SE303" in shop.run("--env", "staging", "validate", code=3).out
    shop.run("validate")


def test_validate_finds_mistakes_in_every_environment(shop: Shop) -> None:
    shop.run("snapshot")
    bad = shop.project.folder / "environments" / "production.yaml"
    bad.write_text("version: 1\nconnections:\n  crm: {urk: x}\n", encoding="utf-8")
    done = shop.run("validate", code=3)
    assert "environments/production.yaml:3:9: error SE201" in done.out
    assert "  3 |   crm: {urk: x}" in done.out
    assert "SE233" in done.out
    shop.run("--env", "staging", "validate")
    shop.run("plan")


def test_an_environment_that_is_not_there_stops_everything(shop: Shop) -> None:
    done = shop.run("--env", "stagin", "apply", "--yes", code=3)
    assert "SE231" in done.err
    assert "Did you mean `staging`?" in done.err
