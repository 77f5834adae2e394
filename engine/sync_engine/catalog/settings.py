"""A connection's settings: checked offline with their references unresolved, and again with the values."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from sync_engine.catalog.findings import Findings, place_name
from sync_engine.catalog.model import Connection, Project
from sync_engine.catalog.references import Malformed, Variable, is_plain, parts, substitute
from sync_engine.catalog.registry import settings_schema
from sync_engine.catalog.schemas import JsonSchema, Reference, make_validator, read_schema
from sync_engine.catalog.shape import check_shape
from sync_engine.documents import Document, Plain, Pointer, table
from sync_engine.sdk.adapter import Settings, SettingValue
from sync_engine.sdk.errors import InvalidInput
from sync_engine.sdk.values import Secret

_SECRET_KEY = re.compile(r"(^|_)(password|passphrase|secret|token|api_key|private_key)$")
_URL_PASSWORD = re.compile(r"://[^/@\s]*?:([^@\s]+)@")


def project_schema(adapters: Mapping[str, JsonSchema]) -> JsonSchema:
    """The schema of the project file for the given adapters, for editors.

    Args:
        adapters: schema of the settings by adapter.
    """
    schema: dict[str, Any] = dict(read_schema("project"))
    connection = dict(schema["definitions"]["connection"])
    adapter = {**connection["properties"]["adapter"], "enum": sorted(adapters)}
    connection["properties"] = {"adapter": adapter}
    connection["allOf"] = [
        {
            "if": {"properties": {"adapter": {"const": name}}, "required": ["adapter"]},
            "then": connection_schema(name, each),
        }
        for name, each in sorted(adapters.items())
    ]
    return {**schema, "definitions": {**schema["definitions"], "connection": connection}}


def connection_schema(adapter: str, settings: JsonSchema) -> JsonSchema:
    """The schema of a connection with this adapter: its settings beside the key ``adapter``, and nothing else."""
    named = {"adapter": read_schema("project")["definitions"]["connection"]["properties"]["adapter"]}
    rest = {key: value for key, value in settings.items() if key != "$schema"}
    properties = {**named, **settings.get("properties", {})}
    # The identifier keeps references inside the adapter's schema pointing into that schema.
    return {
        "$id": f"urn:sync-engine:adapter:{adapter}",
        **rest,
        "properties": properties,
        "additionalProperties": False,
    }


def check_settings(name: str, written: Plain, schema: JsonSchema, findings: Findings) -> None:
    """Report what is wrong with a connection's settings as far as that can be said without their secrets."""
    pointer: Pointer = ("connections", name)
    data = _with_references(written, pointer, findings)
    check_shape(data, make_validator(schema), findings, below=pointer, private=True)


def plain_secrets(data: Plain) -> list[tuple[str, Pointer]]:
    """The secrets that stand in a project file itself, each with its place.

    A secret is the value of a key that is called like one, the password in a URL, and the address of a Slack webhook:
    whoever knows it can write to the channel.
    """
    document = table(data)
    settings: dict[Pointer, Plain] = {
        (part, name, key): value
        for part in ("connections", "notifications")
        for name, written in table(document.get(part)).items()
        for key, value in table(written).items()
    }
    slack = {
        ("notifications", name, "url")
        for name, written in table(document.get("notifications")).items()
        if table(written).get("kind") == "slack"
    }
    found: list[tuple[str, Pointer]] = []
    alone: dict[Pointer, Plain] = {("serve", key): value for key, value in table(document.get("serve")).items()}
    for pointer, value in {**settings, **alone, ("state",): document.get("state")}.items():
        if not isinstance(value, str):
            continue
        if (pointer in slack or _SECRET_KEY.search(str(pointer[-1]))) and value and is_plain(value):
            found.append((value, pointer))
        elif (password := _URL_PASSWORD.search(value)) and is_plain(password[1]):
            found.append((password[1], pointer))
    return found


def check_secrets(findings: Findings) -> None:
    """Warn of every secret that stands in the project file itself."""
    for _, pointer in plain_secrets(findings.document.data):
        findings.add("SE611", pointer, place=place_name(pointer))


def check_references(findings: Findings, *parts: str) -> None:
    """Report malformed references in parts of the project file, of which the schema says the rest."""
    for part in parts:
        _with_references(table(findings.document.data).get(part), (part,), findings)


def _with_references(value: Plain, pointer: Pointer, findings: Findings) -> Plain:
    """The same data with each text that holds a reference as ``Reference``."""
    if isinstance(value, dict):
        return {key: _with_references(each, (*pointer, key), findings) for key, each in value.items()}
    if isinstance(value, list):
        return [_with_references(each, (*pointer, index), findings) for index, each in enumerate(value)]
    return check_reference(value, pointer, findings) if isinstance(value, str) else value


def check_reference(text: str, pointer: Pointer, findings: Findings) -> str:
    """The text, as ``Reference`` if it holds any; a malformed one is reported."""
    try:
        found = parts(text)
    except Malformed as error:
        findings.add("SE607", pointer, place=place_name(pointer), reason=error)
        return Reference(text)
    return "".join(map(str, found)) if all(isinstance(each, str) for each in found) else Reference(text)


def referenced_variables(project: Project) -> tuple[str, ...]:
    """The variables of the environment that a project refers to, sorted."""
    told = [each.settings for each in project.notifications]
    found: set[str] = set()
    pending: list[object] = [project.state, *(each.settings for each in project.connections.values()), *told]
    while pending:
        value = pending.pop()
        if isinstance(value, Mapping):
            pending += value.values()
        elif isinstance(value, list):
            pending += value
        elif isinstance(value, str):
            found |= {each.name for each in parts(value) if isinstance(each, Variable)}
    return tuple(sorted(found))


def resolve(connection: Connection, environ: Mapping[str, str]) -> Settings:
    """The settings with their references replaced.

    Args:
        connection: from the project.
        environ: variables by name, usually ``os.environ``.

    Returns:
        Settings that are valid by the adapter's schema. A text that any reference went into is a ``Secret``, and so is
        the value of a key that is called like one; a setting that the schema wants as a whole number or as true or
        false is converted.

    Raises:
        InvalidInput: every variable that is not set, every file that cannot be read, every value that does not fit,
            each with the place where it is used. No value is shown.
        Refused: the adapter cannot be loaded.
    """
    schema = settings_schema(connection.adapter)
    pointer: Pointer = ("connections", connection.name)
    places = {(*pointer, *key.split(".")): origin for key, origin in connection.setting_origins.items()}
    places[()] = places[pointer] = connection.origin
    document = Document(Path(connection.origin.file), connection.origin.file, "", {}, places, {})
    findings = Findings(document)
    resolved = _resolved(cast("Plain", dict(connection.settings)), pointer, schema, environ, findings)
    if not findings.problems:
        check_shape(_revealed(resolved), make_validator(schema), findings, below=pointer, private=True)
    if findings.problems:
        raise InvalidInput(findings.sorted())
    return cast("Settings", resolved)


def resolve_state(project: Project, environ: Mapping[str, str]) -> str | Secret:
    """The URL of the ledger with its references replaced; a ``Secret`` when there were any.

    Raises:
        InvalidInput: a variable is not set or a file cannot be read.
    """
    if isinstance(project.state, Secret):
        return project.state
    text = substitute(project.state, environ, project.state_origin)
    if isinstance(text, list):
        raise InvalidInput(text)
    return text if is_plain(project.state) else Secret(text)


def _resolved(
    value: Plain, pointer: Pointer, schema: JsonSchema, environ: Mapping[str, str], findings: Findings
) -> SettingValue:
    if isinstance(value, dict):
        of_keys = schema.get("properties", {})
        return {
            key: _resolved(each, (*pointer, key), of_keys.get(key, {}), environ, findings)
            for key, each in value.items()
        }
    if isinstance(value, list):
        of_items = schema.get("items", {})
        return [_resolved(each, (*pointer, index), of_items, environ, findings) for index, each in enumerate(value)]
    if not isinstance(value, str):
        return cast("SettingValue", value)
    text = substitute(value, environ, findings.document.origin(pointer))
    if isinstance(text, list):
        findings.problems += text
        return None
    if is_plain(value):
        return Secret(text) if _SECRET_KEY.search(str(pointer[-1])) else text
    return _converted(text, pointer, schema.get("type"), findings)


def _converted(text: str, pointer: Pointer, wanted: object, findings: Findings) -> SettingValue:
    """What a resolved text is by the schema: a whole number, true or false, or a secret text."""
    if wanted == "integer":
        if re.fullmatch(r"-?[0-9]{1,18}", text):
            return int(text)
        findings.add("SE610", pointer, place=place_name(pointer), expected="a whole number")
    elif wanted == "boolean":
        if text.lower() in ("true", "false"):
            return text.lower() == "true"
        findings.add("SE610", pointer, place=place_name(pointer), expected="true or false")
    return Secret(text)


def _revealed(value: SettingValue) -> Plain:
    if isinstance(value, Mapping):
        return {key: _revealed(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_revealed(each) for each in value]
    return value.reveal() if isinstance(value, Secret) else value
