"""``pim-catalogs``: the PIM's own catalogs, for apps."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, TypeVar

import click

from sync_engine.sdk.errors import Refused

if TYPE_CHECKING:
    from sync_engine.sdk.commands import Host, OpenConnections
    from sync_engine.sdk.target import ObjectSchema
    from sync_engine_akeneo.app_catalogs import AppCatalog
    from sync_engine_akeneo.source import AkeneoSource

VERSION = 1
ADAPTER = "akeneo"
F = TypeVar("F", bound=Callable[..., Any])


def _connection(command: F) -> F:
    return click.option("--connection", metavar="NAME", help="Needed where several connections are of Akeneo.")(command)


def _to_target(command: F) -> F:
    return click.option("--target", metavar="NAME", help="Needed where the project has several targets.")(command)


def _as_json(command: F) -> F:
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(command)


@click.group("pim-catalogs")
def pim_catalogs() -> None:
    """Look at the PIM's own catalogs, for apps; make, copy and delete them, and say what they are to be mapped to.

    The connection needs the token of an app. CATALOG is an id, or a name that only one catalog has. Which products a
    catalog selects, and whether it is enabled, only a PIM user decides, at /connect/apps/v1/catalogs/ID of the PIM.
    """


@pim_catalogs.command("list")
@_connection
@_as_json
@click.pass_obj
def list_(host: Host, connection: str | None, as_json: bool) -> None:
    """List the app's catalogs: id, whether it is enabled, name."""
    with _pim(host, connection) as (_, _, source):
        found = source.catalogs.all()
    if as_json:
        host.out(_json({"version": VERSION, "catalogs": [_data(each) for each in found]}))
        return
    for each in found:
        host.out(f"{each.id}  {'enabled ' if each.enabled else 'disabled'}  {each.name}")
    if not found:
        host.say("The app has no catalog.", hint="`sync-engine pim-catalogs create NAME` makes one.")


@pim_catalogs.command()
@click.argument("name")
@_connection
@_as_json
@click.pass_obj
def create(host: Host, name: str, connection: str | None, as_json: bool) -> None:
    """Make a catalog NAME; it is disabled, and selects all enabled products."""
    with _pim(host, connection) as (_, _, source):
        _free(source, name)
        _made(host, source.catalogs.create(name), as_json=as_json)


@pim_catalogs.command()
@click.argument("catalog")
@click.argument("name")
@_connection
@_as_json
@click.pass_obj
def duplicate(host: Host, catalog: str, name: str, connection: str | None, as_json: bool) -> None:
    """Copy CATALOG, with its selection and its mapping, as NAME; the copy is disabled."""
    with _pim(host, connection) as (_, _, source):
        _free(source, name)
        _made(host, source.catalogs.duplicate(source.catalogs.find(catalog).id, name), as_json=as_json)


@pim_catalogs.command()
@click.argument("catalog")
@click.option("--yes", is_flag=True, help="Do not ask.")
@_connection
@_as_json
@click.pass_obj
def delete(host: Host, catalog: str, yes: bool, connection: str | None, as_json: bool) -> None:
    """Delete CATALOG in the PIM, with its selection and its mapping. No product and no record is deleted."""
    with _pim(host, connection) as (_, _, source):
        found = source.catalogs.find(catalog)
        if not yes:
            state = "enabled" if found.enabled else "disabled"
            click.confirm(f'Delete the catalog "{found.name}" ({found.id}, {state}) in the PIM?', abort=True, err=True)
        source.catalogs.delete(found.id)
    host.out(_json({"version": VERSION, "deleted": _data(found)}) if as_json else found.id)


@pim_catalogs.command("show-schema")
@click.argument("catalog")
@_connection
@click.pass_obj
def show_schema(host: Host, catalog: str, connection: str | None) -> None:
    """Print the mapping schema of CATALOG, as JSON."""
    with _pim(host, connection) as (_, name, source):
        found = source.catalogs.find(catalog)
        schema = source.catalogs.schema(found.id)
    if schema is None:
        raise Refused(
            f'connection "{name}": the catalog "{found.name}" ({found.id}) has no mapping schema',
            hint="`sync-engine pim-catalogs push-schema` puts one there.",
        )
    host.out(_json(schema))


@pim_catalogs.command("push-schema")
@click.argument("catalog")
@click.argument("object_name", metavar="OBJECT")
@click.option("--fields", metavar="A,B", help="Only these fields; else all that can be written.")
@click.option("--dry-run", is_flag=True, help="Print the schema, and change nothing.")
@click.option("--yes", is_flag=True, help="Do not ask when targets that are there now are lost.")
@_to_target
@_connection
@click.pass_obj
def push_schema(
    host: Host,
    catalog: str,
    object_name: str,
    fields: str | None,
    dry_run: bool,
    yes: bool,
    target: str | None,
    connection: str | None,
) -> None:
    """Make a mapping schema of the fields of OBJECT, and put it in the place of CATALOG's.

    A PIM user then chooses, on the catalog's screen, what fills each of its targets.
    """
    from sync_engine_akeneo.mapping_schema import make_schema, targets_of

    names = [each.strip() for each in fields.split(",")] if fields else []
    with _pim(host, connection) as (connections, _, source):
        made = make_schema(_object(connections, _target(connections, target), object_name), names)
        found = source.catalogs.find(catalog)
        if dry_run:
            host.out(_json(made.document))
        else:
            lost = sorted(targets_of(source.catalogs.schema(found.id) or {}).keys() - targets_of(made.document).keys())
            if lost and not yes:
                question = f"The PIM forgets what is mapped to {', '.join(lost)}. Put the new schema in its place?"
                click.confirm(question, abort=True, err=True)
            source.catalogs.put_schema(found.id, made.document)
            host.out(f'"{found.name}" ({found.id}): {len(targets_of(made.document))} targets')
            host.say(f"A PIM user maps them at {found.screen} of the PIM.")
    for name, reason in made.left_out.items():
        host.say(f"left out: {name}: {reason}")


@pim_catalogs.command("import")
@click.argument("catalog")
@click.argument("name")
@click.argument("object_name", metavar="OBJECT")
@click.option("--key", metavar="FIELD", help="The external id that holds the uuid; needed where OBJECT has several.")
@_to_target
@_connection
@click.pass_obj
def import_(
    host: Host, catalog: str, name: str, object_name: str, key: str | None, target: str | None, connection: str | None
) -> None:
    """Write a catalog NAME of this project that transfers what CATALOG selects into OBJECT.

    Where CATALOG has a mapping schema, each of its targets that is a field of OBJECT gets the attribute of the same
    name, or stands there as a comment.
    """
    from sync_engine_akeneo.catalog_import import Import, catalog_text
    from sync_engine_akeneo.mapping_schema import targets_of

    with _pim(host, connection) as (connections, source_name, source):
        target_name = _target(connections, target)
        described = _object(connections, target_name, object_name)
        found = source.catalogs.find(catalog)
        alone = sum(each.name == found.name for each in source.catalogs.all()) == 1
        schema = source.describe()
        made = Import(
            name=name,
            source=source_name,
            target=target_name,
            catalog=found.name if alone else found.id,
            schema=schema,
            locales=found.locales or schema.locales,
            described=described,
            key=_key(described, key),
            targets=targets_of(source.catalogs.schema(found.id) or {}),
        )
    host.add_catalog(name, catalog_text(made))
    if not found.enabled:
        host.say(f"It is disabled: a PIM user enables it at {found.screen} of the PIM.")
    host.say("Next: look at each of its fields, then `sync-engine validate --live`.")


@contextmanager
def _pim(host: Host, name: str | None) -> Iterator[tuple[OpenConnections, str, AkeneoSource]]:
    """The connections, and the one of Akeneo that is meant."""
    from sync_engine_akeneo.source import AkeneoSource

    with host.connections() as connections:
        chosen = _one(connections.of_adapter(ADAPTER), name, "connection")
        source = connections.source(chosen)
        if not isinstance(source, AkeneoSource):
            raise click.UsageError(f"the connection {chosen} is not of Akeneo")
        yield connections, chosen, source


def _target(connections: OpenConnections, name: str | None) -> str:
    return _one(connections.targets(), name, "target")


def _one(names: Sequence[str], given: str | None, option: str) -> str:
    if given is None and len(names) == 1:
        return names[0]
    if given is None or given not in names:
        raise click.UsageError(f"name the one that is meant with --{option}: {', '.join(names) or 'there is none'}")
    return given


def _object(connections: OpenConnections, target: str, name: str) -> ObjectSchema:
    found = connections.target(target).describe([name]).objects
    if not found:
        raise Refused(
            f'connection "{target}": there is no object {name}, or the user may not see it',
            hint="Objects are named as the API names them, such as Product2 or Item__c.",
        )
    return next(iter(found.values()))


def _key(described: ObjectSchema, given: str | None) -> str:
    """The field that holds the uuid."""
    fitting = [each for each in described.fields.values() if each.external_id and each.updateable]
    names = [each.name for each in fitting]
    if given is not None:
        field = described.field(given)
        if field is None or field.name not in names:
            listed = ", ".join(names) or "it has none"
            raise Refused(f"{described.name}.{given} is no external id", hint=f"External ids of it: {listed}")
        return field.name
    return _one([each.name for each in fitting if each.unique] or names, None, "key")


def _free(source: AkeneoSource, name: str) -> None:
    """Refuse a name that a catalog has: the PIM would take it, and catalogs are found by their names."""
    taken = next((each for each in source.catalogs.all() if each.name == name), None)
    if taken is not None:
        raise Refused(
            f'the app has a catalog "{name}" already: {taken.id}', hint="Nothing was made; take another name."
        )


def _made(host: Host, catalog: AppCatalog, *, as_json: bool) -> None:
    host.out(_json({"version": VERSION, "catalog": _data(catalog)}) if as_json else catalog.id)
    host.say(f"It is disabled: a PIM user chooses its products and enables it at {catalog.screen} of the PIM.")


def _data(catalog: AppCatalog) -> dict[str, Any]:
    return {**asdict(catalog), "screen": catalog.screen}


def _json(data: object) -> str:
    return json.dumps(data, indent=2, ensure_ascii=False, default=str)
