"""``init``: the files of a new project."""

from __future__ import annotations

from pathlib import Path

import click

from sync_engine import __version__
from sync_engine.catalog.model import Project
from sync_engine.catalog.project import load_project
from sync_engine.catalog.settings import referenced_variables
from sync_engine.cli.console import Console
from sync_engine.gitops.workflows import github_workflow, gitlab_component, repository_root
from sync_engine.sdk.errors import InvalidInput, Refused

PROJECT = """\
# The project: connections and where the ledger lies. `sync-engine schema project` explains every key.
# ${NAME} comes from the environment, ${file:/path} from a file: what comes so is secret and never shown.
version: 1
connections:
  pim:
    adapter: akeneo
    url: "${PIM_URL}"
    client_id: "${PIM_CLIENT_ID}"
    client_secret: "${PIM_SECRET}"
    username: "${PIM_USER}"
    password: "${PIM_PASSWORD}"
  crm:
    adapter: salesforce
    url: "${CRM_URL}"
    auth: client_credentials
    client_id: "${CRM_CLIENT_ID}"
    client_secret: "${CRM_SECRET}"
state: sqlite:///.sync-engine/ledger.db
"""

CATALOG = """\
# A catalog: which products leave the PIM and how each field of a Salesforce object is filled.
# `sync-engine schema catalog` explains every key; `sync-engine attributes` and `sync-engine fields Product2`
# list what can be mapped.
version: 1
name: products
description: All enabled products into Product2
source:
  connection: pim
  channel: ecommerce
  locales: [en_US]
target:
  connection: crm
filter:
  - {field: enabled, operator: "=", value: true}
streams:
  products:
    from: products
    to: Product2
    # A field of Product2 that is marked External ID and Unique; add one to your org when there is none.
    key: {PIM_Id__c: uuid}
    fields:
      Name: name
      ProductCode: sku
      IsActive: enabled
"""


def catalog_text(name: str, source: str = "pim", target: str = "crm") -> str:
    """A catalog to begin with.

    Args:
        name: of the catalog.
        source: name of a connection.
        target: likewise.
    """
    text = CATALOG.replace("name: products", f"name: {name}", 1)
    return text.replace("connection: pim", f"connection: {source}").replace("connection: crm", f"connection: {target}")


IGNORED = ".sync-engine/\n"


GITLAB_INCLUDE = "include:\n  - local: .gitlab/sync-engine.yml\n"


@click.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path), default=".")
@click.option(
    "--ci", type=click.Choice(["github", "gitlab"]), help="Write workflows: plans at pull requests, apply on merge."
)
@click.pass_obj
def init(console: Console, folder: Path, ci: str | None) -> None:
    """Make a new project in FOLDER: a project file, a catalog to begin with, and what git is to ignore.

    With --ci also the workflow of a platform, which may be added to a project that is there. Nothing that exists is
    overwritten.
    """
    files = {"sync-engine.yaml": PROJECT, "catalogs/products.yaml": CATALOG, ".gitignore": IGNORED}
    existing = [name for name in ("sync-engine.yaml", "catalogs/products.yaml") if (folder / name).exists()]
    if existing and ci is None:
        raise Refused(f"{folder} already holds {' and '.join(existing)}", hint="Nothing was written.")
    new = not (folder / "sync-engine.yaml").exists()
    for name, content in files.items() if new else ():
        _write(console, folder / name, content)
    if ci is not None:
        _write_workflows(console, folder, ci)
    if new:
        console.say("Next: set the environment variables that sync-engine.yaml names, then")
        console.say("  sync-engine doctor && sync-engine snapshot && sync-engine validate && sync-engine plan")


def _write(console: Console, path: Path, content: str) -> None:
    """Write a file that is not there yet."""
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")
    console.out(str(path))


def _write_workflows(console: Console, folder: Path, ci: str) -> None:
    """Write the workflow of a platform into the repository that holds the project."""
    found = load_project(folder, console.environment)
    if not isinstance(found, Project):
        raise InvalidInput(found)
    root = repository_root(folder)
    project = found.root.resolve().relative_to(root).as_posix()
    environment = console.environment
    path = root / (".github/workflows/sync-engine.yml" if ci == "github" else ".gitlab/sync-engine.yml")
    if path.exists():
        raise Refused(f"{path} is there already", hint="Nothing was written. Remove it to have it written anew.")
    names = referenced_variables(found)
    local = isinstance(found.state, str) and found.state.startswith("sqlite")
    if ci == "github":
        ledger = (Path(project) / ".sync-engine").as_posix() if local else None
        _write(console, path, github_workflow(__version__, project, environment, names, ledger))
    else:
        _write(console, path, gitlab_component(__version__, project, environment))
        main = root / ".gitlab-ci.yml"
        if main.exists():
            console.say(f"{main} is there already; add to it:\n{GITLAB_INCLUDE}")
        _write(console, main, GITLAB_INCLUDE)
    if local:
        console.say("The ledger is a file: it is kept in the cache of CI, and lost when that is cleared.")
    where = "secrets of the repository" if ci == "github" else "CI/CD variables, with GITLAB_TOKEN (scope api)"
    console.say(f"Next: keep these as {where}: {', '.join(names) or 'none'}")
    console.say("  and save snapshots, so that pull requests are checked offline: sync-engine snapshot")
