"""Environments: a file laid over the project file, with the place of every value."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.engine.catalog_project import CATALOG, PROJECT, project, write

from sync_engine.catalog.environments import environment_names
from sync_engine.catalog.model import Project
from sync_engine.catalog.project import load_project
from sync_engine.catalog.settings import resolve, resolve_state
from sync_engine.catalog.validate import check_environments, validate_project
from sync_engine.sdk.errors import InvalidInput
from sync_engine.sdk.values import Secret

__all__ = ["project"]

STAGING = """
version: 1
description: The org in which catalogs are tried out
connections:
  pim: {url: "${STAGING_URL}", pages: 5}
  crm: {token: "${STAGING_TOKEN}"}
"""


def staging(root: Path, text: str = STAGING) -> Project:
    write(root / "environments" / "staging.yaml", text)
    found = load_project(root, "staging")
    assert isinstance(found, Project), found
    return found


def found(root: Path, text: str, name: str = "staging") -> list[tuple[str, str]]:
    write(root / "environments" / "staging.yaml", text)
    problems = validate_project(root, environment=name).problems
    return [(f"{each.code} {each.origin}", each.message) for each in problems]


def test_settings_are_laid_over_and_the_rest_stays(project: Path) -> None:
    laid, plain = staging(project), load_project(project)
    assert isinstance(plain, Project)
    assert laid.connections["pim"].settings == {
        "url": "${STAGING_URL}",
        "user": "${PIM_USER}",
        "password": "${PIM_PASSWORD}",
        "pages": 5,
    }
    assert plain.connections["pim"].settings["url"] == "${PIM_URL}"
    assert str(laid.connections["pim"].setting_origins["url"]) == "environments/staging.yaml:4:14"
    assert str(laid.connections["pim"].setting_origins["user"]) == "sync-engine.yaml:3:49"
    assert validate_project(project, environment="staging").valid


def test_every_override_is_known_with_its_place(project: Path) -> None:
    environment = staging(project).environment
    assert environment is not None
    assert (environment.name, environment.connections) == ("staging", {"pim", "crm"})
    assert [(each.place, each.before, each.after, str(each.origin)) for each in environment.overrides] == [
        ("pim.url", "${PIM_URL}", "${STAGING_URL}", "environments/staging.yaml:4:14"),
        ("crm.token", "${CRM_TOKEN}", "${STAGING_TOKEN}", "environments/staging.yaml:5:16"),
        (
            "state",
            "sqlite:///.sync-engine/ledger.db",
            "sqlite:///.sync-engine/staging.db",
            "environments/staging.yaml:1:1",
        ),
        ("pim.pages", None, "5", "environments/staging.yaml:4:39"),
    ]


def test_an_environment_never_shares_a_ledger(project: Path) -> None:
    assert staging(project).state == "sqlite:///.sync-engine/staging.db"
    write(project / "sync-engine.yaml", PROJECT + "state: sqlite:///ledger.db\n")
    assert [each for each, _ in found(project, "version: 1\n")] == ["SE233 environments/staging.yaml:1:1"]
    assert [each for each, _ in found(project, "version: 1\nstate: sqlite:///ledger.db\n")] == [
        "SE234 environments/staging.yaml:2:8"
    ]
    assert staging(project, "version: 1\nstate: sqlite:///other.db\n").state == "sqlite:///other.db"
    write(project / "sync-engine.yaml", PROJECT + 'state: "${LEDGER}"\n')
    same = staging(project, 'version: 1\nstate: "${LEDGER}"\n')  # which may hold another text in each environment
    assert resolve_state(same, {"LEDGER": "sqlite:///x.db"}) == Secret("sqlite:///x.db")


def test_a_connection_that_names_its_adapter_is_replaced_as_a_whole(project: Path) -> None:
    laid = staging(project, 'version: 1\nconnections:\n  pim: {adapter: both, token: "${T}"}\n')
    assert (laid.connections["pim"].adapter, laid.connections["pim"].settings) == ("both", {"token": "${T}"})
    assert laid.environment is not None
    assert ("pim.user", "${PIM_USER}", None) in [
        (each.place, each.before, each.after) for each in laid.environment.overrides
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "version: 1\nconnections:\n  pim: {pages: many}\n",
            ("SE203 environments/staging.yaml:3:16", "`connections.pim.pages` must be a whole number, not a text"),
        ),
        (
            "version: 1\nconnections:\n  pim: {pgaes: 5}\n",
            ("SE201 environments/staging.yaml:3:9", "unknown key `pgaes` in `connections.pim`"),
        ),
        (
            "version: 1\nconnections:\n  cmr: {token: '${T}'}\n",
            ("SE232 environments/staging.yaml:3:3", "the project has no connection `cmr` that could be changed"),
        ),
        (
            "version: 1\nconnections:\n  pim: {adapter: shp}\n",
            ("SE602 environments/staging.yaml:3:18", "the adapter `shp` is not installed"),
        ),
        (
            "version: 1\nconnections:\n  pim: {adapter: shop, url: 'https://x', user: jane}\n",
            ("SE202 environments/staging.yaml:3:3", "`connections.pim` lacks the key `password`"),
        ),
        (
            "version: 1\nconnections:\n  pim: {url: '${'}\n",
            (
                "SE607 environments/staging.yaml:3:14",
                "`connections.pim.url` holds a malformed reference: `${` is not closed by `}`",
            ),
        ),
        (
            "version: 1\ncatalogs: {}\n",
            ("SE201 environments/staging.yaml:2:1", "unknown key `catalogs` in the document"),
        ),
        ("version: 1\nconnections: [\n", ("SE107 environments/staging.yaml:3:1", "")),
    ],
)
def test_a_mistake_is_reported_at_its_place_in_the_environments_file(
    text: str, expected: tuple[str, str], project: Path
) -> None:
    [(place, message)] = found(project, text)
    assert place == expected[0]
    assert message.startswith(expected[1])


def test_an_unknown_environment_names_the_near_one(project: Path) -> None:
    staging(project)
    for name in ("stagin", "../environments/staging", "", "production"):
        [problem] = validate_project(project, environment=name).problems
        assert problem.code == "SE231"
    [problem] = validate_project(project, environment="stagin").problems
    assert problem.hint == "Did you mean `staging`?"
    [problem] = validate_project(project, environment="production").problems
    assert problem.hint == "There are: `staging`."


def test_mistakes_of_all_environments_are_found_and_those_of_the_project_file_once(project: Path) -> None:
    write(project / "sync-engine.yaml", PROJECT.replace("adapter: org", "adapter: orgg"))
    for name in ("staging", "production"):
        write(project / "environments" / f"{name}.yaml", "version: 1\nconnections:\n  pim: {pages: 0}\n")
    problems, texts = check_environments(project)
    assert [f"{each.code} {each.origin}" for each in problems] == [
        "SE206 environments/production.yaml:3:16",
        "SE206 environments/staging.yaml:3:16",
    ]
    assert set(texts) == {"sync-engine.yaml", "environments/staging.yaml", "environments/production.yaml"}
    assert environment_names(project) == ("production", "staging")


def test_a_secret_in_an_environment_is_a_warning_and_stays_hidden(project: Path) -> None:
    text = "version: 1\nconnections:\n  crm: {token: geheim-42}\n"
    assert [each for each, _ in found(project, text)] == ["SE611 environments/staging.yaml:3:16"]
    laid, result = staging(project, text), validate_project(project, environment="staging")
    assert "geheim" not in repr(laid) + repr(result) + "".join(result.sources.values())
    assert resolve(laid.connections["crm"], {})["token"] == Secret("geheim-42")


def test_a_missing_variable_is_named_with_its_place_in_the_environments_file(project: Path) -> None:
    with pytest.raises(InvalidInput) as caught:
        resolve(staging(project).connections["crm"], {})
    assert [(each.code, str(each.origin)) for each in caught.value.problems] == [
        ("SE608", "environments/staging.yaml:5:16")
    ]


def test_a_catalog_is_checked_against_the_connections_of_the_environment(project: Path) -> None:
    write(project / "catalogs" / "webshop.yaml", CATALOG)
    text = 'version: 1\nconnections:\n  crm: {adapter: shop, url: "https://x", token: "${T}"}\n'
    assert [each for each, _ in found(project, text)] == ["SE605 catalogs/webshop.yaml:4:22"]


def test_an_environment_can_change_every_other_key_of_the_project_file(project: Path) -> None:
    write(project / "sync-engine.yaml", PROJECT + "budget: {max_minutes: 60}\nmapping_processes: 0\n")
    laid = staging(project, "version: 1\nbudget: {max_target_requests: 10}\n")
    assert (laid.budget.max_target_requests, laid.budget.max_minutes, laid.mapping_processes) == (10, None, 0)
    assert laid.environment is not None
    changed = {each.place: (each.before, each.after, str(each.origin)) for each in laid.environment.overrides}
    assert changed["budget"] == (
        '{"max_minutes": 60}',
        '{"max_target_requests": 10}',
        "environments/staging.yaml:2:9",
    )
    assert "mapping_processes" not in changed
    assert found(project, "version: 1\nbudget: {max_target_requests: 0}\n")[0][0] == (
        "SE206 environments/staging.yaml:2:31"
    )
    told = staging(project, 'version: 1\nnotifications:\n  ops: {kind: slack, url: "https://hooks.x/geheim"}\n')
    assert told.environment is not None
    assert ("notifications", None, "ops") in [
        (each.place, each.before, each.after) for each in told.environment.overrides
    ]
