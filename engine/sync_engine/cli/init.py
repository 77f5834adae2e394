"""``init``: the files of a new project."""

from __future__ import annotations

from pathlib import Path

import click

from sync_engine.cli.console import Console
from sync_engine.sdk.errors import Refused

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

IGNORED = ".sync-engine/\n"


@click.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path), default=".")
@click.pass_obj
def init(console: Console, folder: Path) -> None:
    """Make a new project in FOLDER: a project file, a catalog to begin with, and what git is to ignore.

    Nothing that exists is overwritten.
    """
    files = {"sync-engine.yaml": PROJECT, "catalogs/products.yaml": CATALOG, ".gitignore": IGNORED}
    existing = [name for name in ("sync-engine.yaml", "catalogs/products.yaml") if (folder / name).exists()]
    if existing:
        raise Refused(f"{folder} already holds {' and '.join(existing)}", hint="Nothing was written.")
    for name, content in files.items():
        path = folder / name
        if path.exists():
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
        console.out(str(path))
    console.say("Next: set the environment variables that sync-engine.yaml names, then")
    console.say("  sync-engine doctor && sync-engine snapshot && sync-engine validate && sync-engine plan")
