"""``adapters``, ``fields``, ``attributes``: what is installed and what can be mapped."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import click
import orjson

from sync_engine.catalog.model import Catalog, Project
from sync_engine.catalog.registry import installed_adapters
from sync_engine.cli.console import Console
from sync_engine.cli.session import Connections, load
from sync_engine.cli.tables import print_table
from sync_engine.compiler.matrix import (
    fitting_attributes,
    fitting_fields,
    in_words,
    taken_by,
    types_for,
    types_in_words,
    with_option,
)
from sync_engine.problems import nearest
from sync_engine.sdk.errors import Refused
from sync_engine.sdk.source import Attribute, Kind, SourceSchema
from sync_engine.sdk.target import FieldDescription, FieldType, ObjectSchema, TargetSchema
from sync_engine.snapshots import read_snapshot

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
live_option = click.option("--live", is_flag=True, help="Ask the connection instead of its snapshot.")
names_option = click.option(
    "--names", is_flag=True, help="Name the counterparts, as the other side's snapshot has them."
)
collection_option = click.option(
    "--collection", default="products", show_default=True, help="Whose properties are listed too."
)


@click.command()
@json_option
@click.pass_obj
def adapters(console: Console, as_json: bool) -> None:
    """List the installed adapters with the package each comes from."""
    found = installed_adapters()
    if as_json:
        data = [{"name": each.name, "side": each.side, "package": each.package} for each in found]
        console.out(orjson.dumps({"version": 1, "adapters": data}, option=orjson.OPT_INDENT_2).decode())
        return
    print_table(console, ("adapter", "side", "package"), [(e.name, e.side, e.package) for e in found])


@click.command()
@click.argument("object_name", metavar="OBJECT")
@click.option("--connection", help="The target; needed when catalogs use several.")
@collection_option
@names_option
@live_option
@json_option
@click.pass_obj
def fields(
    console: Console,
    object_name: str,
    connection: str | None,
    collection: str,
    names: bool,
    live: bool,
    as_json: bool,
) -> None:
    """List the fields of a target OBJECT: type, length, required, whether they can be written, and what fills them.

    What fills a field stands as kind of attribute, with the option that it needs.
    """
    project, catalogs = load(console)
    name = _only(connection, [each.target for each in catalogs], "target")
    schema = _target_schema(console, project, name, object_name, live=live)
    described = schema.find(object_name)
    if described is None:
        used = {stream.object for catalog in catalogs if catalog.target == name for stream in catalog.streams}
        hint = nearest(object_name, used) or f"Catalogs write to: {', '.join(sorted(used))}"
        raise Refused(f"no object `{object_name}` is known of the connection {name}", hint=hint)
    rows = sorted(described.fields.values(), key=lambda each: (not each.required, each.name))
    known = _attributes_of(console, project, [each.source for each in catalogs if each.target == name], collection)
    if as_json:
        data = {"version": 1, "object": described.name, "fields": [_field_data(each, known) for each in rows]}
        console.out(orjson.dumps(data, option=orjson.OPT_INDENT_2).decode())
        return
    print_table(
        console,
        ("field", "type", "size", "required", "key", "can be mapped", "attributes" if names else "takes"),
        [
            (
                each.name,
                each.type,
                _size(each),
                _yes(each.required),
                _yes(each.external_id and each.unique),
                _writable(each),
                _listed(fitting_attributes(each, known or ())) if names else in_words(taken_by(each)),
            )
            for each in rows
        ],
    )


@click.command()
@click.option("--connection", help="The source; needed when catalogs use several.")
@collection_option
@names_option
@live_option
@json_option
@click.pass_obj
def attributes(
    console: Console, connection: str | None, collection: str, names: bool, live: bool, as_json: bool
) -> None:
    """List the attributes and properties of the source that can be mapped, and what they fill.

    What an attribute fills stands as type of field, with the option that it needs.
    """
    project, catalogs = load(console)
    name = _only(connection, [each.source for each in catalogs], "source")
    schema = _source_schema(console, project, name, live=live)
    if collection not in schema.collections:
        raise Refused(f"the source has no collection `{collection}`", hint=f"It has: {', '.join(schema.collections)}")
    properties = schema.collections[collection].properties
    rows = [*properties.values(), *sorted(schema.attributes.values(), key=lambda each: each.code)]
    known = _objects_of(project, [each.target for each in catalogs if each.source == name])
    if as_json:
        data = {"version": 1, "collection": collection, "attributes": [_attribute_data(each, known) for each in rows]}
        console.out(orjson.dumps(data, option=orjson.OPT_INDENT_2).decode())
        return
    print_table(
        console,
        (
            "code",
            "kind",
            "property",
            "per locale",
            "per channel",
            "unit family",
            "options",
            "fields" if names else "fills",
        ),
        [
            (
                each.code,
                each.kind,
                _yes(each.is_property),
                _yes(each.localizable),
                _yes(each.scopable),
                each.unit_family or "",
                "" if each.options is None else str(len(each.options)),
                _fields_named(each, known) if names else types_in_words(types_for(each.kind)),
            )
            for each in rows
        ],
    )


def opened_source(
    console: Console, connection: str | None, *, live: bool
) -> tuple[tuple[Catalog, ...], str, SourceSchema]:
    """The catalogs, the name of the source that is meant, and what it describes."""
    project, catalogs = load(console)
    name = _only(connection, [each.source for each in catalogs], "source")
    return catalogs, name, _source_schema(console, project, name, live=live)


def _only(connection: str | None, used: Iterable[str], side: str) -> str:
    names = list(dict.fromkeys(used))
    if connection is not None:
        return connection
    if len(names) != 1:
        raise click.UsageError(f"name the {side} with --connection: {', '.join(names) or 'no catalog names one'}")
    return names[0]


def _target_schema(console: Console, project: Project, name: str, object_name: str, *, live: bool) -> TargetSchema:
    saved = None if live else read_snapshot(project, name, TargetSchema)
    if saved is not None and saved.find(object_name) is not None:
        return saved
    with Connections(project, console) as connections:
        return connections.target(name).describe([object_name])


def _source_schema(console: Console, project: Project, name: str, *, live: bool) -> SourceSchema:
    saved = None if live else read_snapshot(project, name, SourceSchema)
    if saved is not None:
        return saved
    with Connections(project, console) as connections:
        return connections.source(name).describe()


def _attributes_of(
    console: Console, project: Project, sources: Sequence[str], collection: str
) -> list[Attribute] | None:
    """The attributes and properties of the sources that fill a target, as far as there are snapshots of them."""
    found: dict[str, Attribute] = {}
    for name in dict.fromkeys(sources):
        schema = read_snapshot(project, name, SourceSchema)
        if schema is None:
            console.say(f"There is no snapshot of {name}: its attributes are not named.")
            return None
        properties = schema.collections[collection].properties if collection in schema.collections else {}
        found |= {**schema.attributes, **properties}
    return [found[code] for code in sorted(found)]


def _objects_of(project: Project, targets: Sequence[str]) -> list[ObjectSchema]:
    """The objects that a source fills, as far as there are snapshots of them."""
    schemas = (read_snapshot(project, name, TargetSchema) for name in dict.fromkeys(targets))
    return [each for schema in schemas if schema is not None for each in schema.objects.values()]


def _fields_named(attribute: Attribute, objects: Sequence[ObjectSchema]) -> str:
    found = {each.name: fitting_fields(attribute, each) for each in objects}
    return "; ".join(f"{name}: {_listed(fields)}" for name, fields in found.items() if fields)


def _listed(names: Mapping[str, str]) -> str:
    return ", ".join(with_option(name, option) for name, option in names.items())


def _ways(
    names: Mapping[Kind, str] | Mapping[FieldType, str] | Mapping[str, str], word: str
) -> list[dict[str, str | None]]:
    return [{word: name, "option": option or None} for name, option in names.items()]


def _yes(value: bool) -> str:
    return "yes" if value else ""


def _size(field: FieldDescription) -> str:
    if field.length:
        return str(field.length)
    return f"{field.precision},{field.scale}" if field.precision else ""


def _writable(field: FieldDescription) -> str:
    if field.not_writable:
        return f"no: {field.not_writable}"
    if field.createable and not field.updateable:
        return "only when created"
    return "yes" if field.createable or field.updateable else "no: this user may not write it"


def _field_data(field: FieldDescription, known: Sequence[Attribute] | None) -> dict[str, object]:
    return {
        "name": field.name,
        "label": field.label,
        "type": field.type,
        "native_type": field.native_type,
        "length": field.length,
        "precision": field.precision,
        "scale": field.scale,
        "required": field.required,
        "key": field.external_id and field.unique,
        "restricted": field.restricted,
        "picklist": [each.value for each in field.picklist if each.active],
        "refers_to": field.refers_to,
        "can_be_mapped": _writable(field),
        "takes": _ways(taken_by(field), "kind"),
        "attributes": None if known is None else _ways(fitting_attributes(field, known), "code"),
    }


def _attribute_data(attribute: Attribute, known: Sequence[ObjectSchema]) -> dict[str, object]:
    return {
        "code": attribute.code,
        "kind": attribute.kind,
        "native_type": attribute.native_type,
        "property": attribute.is_property,
        "labels": dict(attribute.labels),
        "per_locale": attribute.localizable,
        "per_channel": attribute.scopable,
        "unit_family": attribute.unit_family,
        "options": None if attribute.options is None else [each.code for each in attribute.options],
        "fills": _ways(types_for(attribute.kind), "type"),
        "fields": {each.name: _ways(fitting_fields(attribute, each), "name") for each in known},
    }
