"""``channels`` and ``families``: what records of the source are arranged by."""

from __future__ import annotations

from collections.abc import Mapping

import click
import orjson

from sync_engine.cli.console import Console
from sync_engine.cli.inspect import json_option, live_option, opened_source
from sync_engine.cli.tables import print_table

connection_option = click.option("--connection", help="The source; needed when catalogs use several.")


@click.command()
@connection_option
@live_option
@json_option
@click.pass_obj
def channels(console: Console, connection: str | None, live: bool, as_json: bool) -> None:
    """List the channels of the source: locales, currencies, category tree, and the catalogs that read in each."""
    catalogs, name, schema = opened_source(console, connection, live=live)
    readers = {
        each.code: [catalog.name for catalog in catalogs if catalog.source == name and catalog.channel == each.code]
        for each in schema.channels.values()
    }
    rows = sorted(schema.channels.values(), key=lambda each: each.code)
    if as_json:
        data = [
            {
                "code": each.code,
                "labels": dict(each.labels),
                "locales": each.locales,
                "currencies": each.currencies,
                "category_tree": each.category_tree,
                "catalogs": readers[each.code],
            }
            for each in rows
        ]
        console.out(orjson.dumps({"version": 1, "channels": data}, option=orjson.OPT_INDENT_2).decode())
        return
    print_table(
        console,
        ("channel", "locales", "currencies", "category tree", "catalogs"),
        [
            (
                each.code,
                ", ".join(each.locales),
                ", ".join(each.currencies),
                each.category_tree,
                ", ".join(readers[each.code]),
            )
            for each in rows
        ],
    )


@click.command()
@connection_option
@live_option
@json_option
@click.pass_obj
def families(console: Console, connection: str | None, live: bool, as_json: bool) -> None:
    """List the families of the source with their labels."""
    _, _, schema = opened_source(console, connection, live=live)
    rows = sorted(schema.families, key=lambda each: each.code)
    if as_json:
        data = [{"code": each.code, "labels": dict(each.labels)} for each in rows]
        console.out(orjson.dumps({"version": 1, "families": data}, option=orjson.OPT_INDENT_2).decode())
        return
    locales = sorted({locale for each in rows for locale in each.labels})
    print_table(
        console,
        ("family", *locales),
        [(each.code, *(_label(each.labels, locale) for locale in locales)) for each in rows],
    )


def _label(labels: Mapping[str, str], locale: str) -> str:
    return labels.get(locale) or "(none)"
