"""``schema``: the JSON Schemas of what people write, for editors and for reading."""

from __future__ import annotations

import json

import click

from sync_engine.cli.console import Console


@click.command()
@click.argument("document", type=click.Choice(["catalog", "project", "environment", "tests"]), default="catalog")
@click.pass_obj
def schema(console: Console, document: str) -> None:
    """Print the JSON Schema of a catalog, its tests, an environment, or the project with all adapters' settings."""
    from sync_engine.catalog.environments import environment_schema
    from sync_engine.catalog.mapping_tests import tests_schema
    from sync_engine.catalog.registry import installed_adapters, settings_schema
    from sync_engine.catalog.schemas import read_schema
    from sync_engine.catalog.settings import project_schema

    if document == "catalog":
        found = read_schema("catalog")
    elif document == "environment":
        found = environment_schema()
    elif document == "tests":
        found = tests_schema()
    else:
        found = project_schema({each.name: settings_schema(each.name) for each in installed_adapters()})
    console.out(json.dumps(found, indent=2, ensure_ascii=False))
