"""Environments: one set of catalogs, with other connections and another ledger for each of them.

An environment is a file ``environments/NAME.yaml`` that is laid over the project file. What comes out is checked as the
project file is, and each value keeps the place where it was written, in whichever of the two files that is.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from sync_engine.catalog.findings import Findings
from sync_engine.catalog.model import Environment, Override
from sync_engine.catalog.references import is_plain
from sync_engine.catalog.schemas import JsonSchema, make_validator, read_schema
from sync_engine.catalog.settings import plain_secrets
from sync_engine.catalog.shape import check_shape
from sync_engine.documents import Document, Plain, Pointer, load_document, table, text
from sync_engine.problems import nearest, problem
from sync_engine.sdk.problem import Origin, Problem

ENVIRONMENT_FOLDER = "environments"
_SHOWN_BY_PART = ("version", "description", "connections", "state", "notifications")
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,79}")


def environment_names(root: Path) -> tuple[str, ...]:
    """The environments of a project, in the order of their names."""
    names = (each.stem for each in (root / ENVIRONMENT_FOLDER).glob("*.yaml"))
    return tuple(sorted(each for each in names if _NAME.fullmatch(each)))


def default_state(name: str) -> str:
    """Where the ledger of an environment lies when nothing is written about it: never where another one's does."""
    return f"sqlite:///.sync-engine/{name}.db"


def environment_schema() -> JsonSchema:
    """The schema of an environment's file: its own, and every other key that the project file knows, as it is there."""
    own, project = read_schema("environment"), read_schema("project")
    return {**own, "properties": {**project["properties"], **own["properties"]}, "definitions": project["definitions"]}


def load_environment(root: Path, name: str) -> Document | list[Problem]:
    """The file of an environment, or why it cannot be read."""
    known = environment_names(root)
    if name not in known:
        listed = f"There are: {', '.join(f'`{each}`' for each in known)}." if known else ""
        return [problem("SE231", hint=nearest(name, known) or listed, name=name)]
    file = f"{ENVIRONMENT_FOLDER}/{name}.yaml"
    return load_document(root / file, file, root=root)


def check_environment(overlay: Document, base: Document) -> tuple[Problem, ...]:
    """What is wrong with an environment's file, apart from the settings that come out of it."""
    findings = Findings(overlay)
    check_shape(overlay.data, make_validator(environment_schema()), findings, private=True)
    known = table(table(base.data).get("connections"))
    for name, written in table(table(overlay.data).get("connections")).items():
        if name not in known and "adapter" not in table(written):
            findings.add("SE232", ("connections", name), nearest(name, known), at_key=True, name=name)
    before, after = (text(table(each.data).get("state")) for each in (base, overlay))
    if before is not None and "state" not in table(overlay.data):
        findings.add("SE233", ())
    elif after is not None and after == before and is_plain(after):
        findings.add("SE234", ("state",))
    return findings.sorted()


def lay_over(base: Document, overlay: Document) -> Document:
    """The project file with an environment's file laid over it; every value keeps its place.

    A setting replaces the one of the same name. A connection that names its adapter is replaced as a whole, because the
    settings of another adapter mean nothing to it.
    """
    below, above = table(base.data), table(overlay.data)
    connections = dict(table(below.get("connections")))
    replaced: list[Pointer] = [("state",), *((key,) for key in above if key != "connections")]
    for name, written in table(above.get("connections")).items():
        pointer: Pointer = ("connections", name)
        if "adapter" in table(written) or name not in connections:
            connections[name] = written
            replaced.append(pointer)
        else:
            connections[name] = {**table(connections[name]), **table(written)}
            replaced += [(*pointer, key) for key in table(written)]
    rest = {key: value for key, value in {**below, **above}.items() if key not in ("connections", "description")}
    data: dict[str, Plain] = {**rest, "connections": connections}
    if "state" not in above:
        data.pop("state", None)  # which `check_environment` refuses: two environments share no ledger

    def stays(pointer: Pointer) -> bool:
        return not any(pointer[: len(each)] == each for each in replaced)

    return replace(
        base,
        data=data,
        places={**{key: each for key, each in base.places.items() if stays(key)}, **_inner(overlay.places)},
        key_places={**{key: each for key, each in base.key_places.items() if stays(key)}, **_inner(overlay.key_places)},
        problems=(),
        refused=frozenset(filter(stays, base.refused)) | overlay.refused,
    )


def _inner(places: Mapping[Pointer, Origin]) -> dict[Pointer, Origin]:
    """Without the places of the whole document and of the list of connections: they are the project file's."""
    return {pointer: place for pointer, place in places.items() if pointer not in ((), ("connections",))}


def environment_of(name: str, base: Document, overlay: Document, whole: Document, state: str) -> Environment:
    """What an environment changes, in words that hold no secret.

    Args:
        name: of the environment.
        base: the project file.
        overlay: the environment's file.
        whole: the one laid over the other.
        state: where a project without ``state`` keeps its ledger.
    """
    before, after = _settings(base, state), _settings(whole, default_state(name))
    changed = [key for key in dict.fromkeys((*before, *after)) if before.get(key) != after.get(key)]
    overrides = (Override(_path(key), before.get(key), after.get(key), overlay.origin(key)) for key in changed)
    own = frozenset(table(table(overlay.data).get("connections")))
    return Environment(name, overlay.name, own, tuple(overrides))


def _settings(document: Document, state: str) -> dict[Pointer, str]:
    """Every setting as it is written; a secret that stands in the file itself is masked."""
    data = table(document.data)
    hidden = {pointer for _, pointer in plain_secrets(data)}
    found: dict[Pointer, Plain] = {
        ("connections", name, key): value
        for name, written in table(data.get("connections")).items()
        for key, value in table(written).items()
    }
    found[("state",)] = data.get("state", state)
    # Of notifications only who is told: their settings decide nothing of what a plan would do.
    told = ", ".join(table(data.get("notifications"))) or None
    rest = {("notifications",): told} | {(key,): each for key, each in data.items() if key not in _SHOWN_BY_PART}
    found |= {pointer: each for pointer, each in rest.items() if each is not None}
    return {pointer: "***" if pointer in hidden else _written(value) for pointer, value in found.items()}


def _written(value: Plain) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _path(pointer: Pointer) -> str:
    return ".".join(map(str, pointer[1:] if pointer[0] == "connections" else pointer))
