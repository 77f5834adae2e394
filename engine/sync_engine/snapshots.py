"""Snapshots: a connection's described schema as a JSON file in git, so that checks work offline.

One file per connection, ``snapshots/<connection>.json``, sorted and indented, so that a diff of it can be read. What an
environment changes may have one of its own, ``snapshots/<environment>/<connection>.json``; without it that of the
project counts, because promotion means that both sides are to be alike.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from sync_engine.catalog.model import Project
from sync_engine.problems import problem
from sync_engine.sdk.errors import InvalidInput
from sync_engine.sdk.problem import Origin
from sync_engine.sdk.source import SourceSchema
from sync_engine.sdk.target import TargetSchema

if TYPE_CHECKING:
    from cattrs import Converter

VERSION = 1

S = TypeVar("S", SourceSchema, TargetSchema)


def snapshot_path(project: Project, connection: str) -> Path:
    """Where the snapshot of a connection is saved."""
    folder = project.root / "snapshots"
    if project.environment is not None and connection in project.environment.connections:
        folder /= project.environment.name
    return folder / f"{connection}.json"


def to_text(schema: SourceSchema | TargetSchema) -> str:
    """The file's content; the same schema gives the same text."""
    body = {"version": VERSION, "schema": _converter().unstructure(schema)}
    return json.dumps(body, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def from_text(text: str, kind: type[S]) -> S:
    """The schema that ``to_text`` gave.

    Raises:
        ValueError: the text cannot be used; with the reason.
    """
    try:
        body = json.loads(text)
        if body["version"] != VERSION:
            raise ValueError(f"it has version {body['version']}, this sync-engine reads {VERSION}")
        return _converter().structure(body["schema"], kind)
    except Exception as error:  # whatever a hand-edited file makes the converter raise
        raise ValueError(str(error).splitlines()[0]) from error


def read_snapshot(project: Project, connection: str, kind: type[S]) -> S | None:
    """The snapshot of a connection, None when none was saved.

    Raises:
        InvalidInput: the file is there but cannot be used.
    """
    path = snapshot_path(project, connection)
    if not path.exists():
        path = project.root / "snapshots" / f"{connection}.json"
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    try:
        return from_text(text, kind)
    except ValueError as error:
        name = str(path.relative_to(project.root))
        raise InvalidInput([problem("SE322", Origin(name, 1, 1), file=name, why=error)]) from error


def differences(old: SourceSchema | TargetSchema, new: SourceSchema | TargetSchema) -> list[str]:
    """What changed between two schemas, one line each: ``+`` new, ``-`` gone, ``~`` changed, with the path."""
    found: list[str] = []
    converter = _converter()
    _compare(converter.unstructure(old), converter.unstructure(new), "", found)
    return found


def _compare(old: object, new: object, path: str, found: list[str]) -> None:
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in sorted({*old, *new}, key=str):
            place = f"{path}.{key}" if path else str(key)
            if key not in new:
                found.append(f"- {place}")
            elif key not in old:
                found.append(f"+ {place}")
            else:
                _compare(old[key], new[key], place, found)
    elif old != new:
        found.append(f"~ {path}: {_short(old)} → {_short(new)}")


def _short(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else text[:59] + "…"


@cache  # it makes functions for each class that it meets
def _converter() -> Converter:
    from cattrs.preconf.json import make_converter

    converter = make_converter(omit_if_default=True)
    converter.register_unstructure_hook(Decimal, str)
    converter.register_structure_hook(Decimal, lambda text, _: Decimal(text))
    return converter
