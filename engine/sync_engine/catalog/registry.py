"""Which adapters are installed: listed without importing any, and only the named ones are imported."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import cast

from sync_engine.sdk.adapter import CONTRACT_VERSION, SourceAdapter, TargetAdapter
from sync_engine.sdk.errors import Refused


class Side(StrEnum):
    """Which part an adapter plays in a catalog."""

    SOURCE = "source"
    TARGET = "target"

    @property
    def group(self) -> str:
        """The entry-point group its adapters are registered under."""
        return f"sync_engine.{self.value}s"


@dataclass(frozen=True, slots=True)
class InstalledAdapter:
    """An adapter as its package announces it.

    Attributes:
        name: as project files write it.
        side: source or target; an adapter that is both is listed twice.
        package: the distribution that brings it, with its version, for messages.
        place: module and object, as the package's entry point writes them.
    """

    name: str
    side: Side
    package: str
    place: str


def installed_adapters() -> tuple[InstalledAdapter, ...]:
    """All installed adapters by side and name; nothing is imported."""
    return _installed(tuple(sys.path))


@cache
def _installed(_path: tuple[str, ...]) -> tuple[InstalledAdapter, ...]:
    """Looking through all packages takes long, and what a path holds does not change while a process runs."""
    found = {_described(each, side) for side in Side for each in entry_points(group=side.group)}
    return tuple(sorted(found, key=lambda each: (each.side, each.name, each.package, each.place)))


def adapter_sides(name: str) -> frozenset[Side]:
    """What an adapter can be; empty when it is not installed."""
    return frozenset(each.side for each in installed_adapters() if each.name == name)


def load_source(name: str) -> SourceAdapter:
    """Import a source adapter.

    Raises:
        Refused: it is not installed, two packages bring it, it cannot be imported, or it was made for another version
            of the contracts.
    """
    return cast("SourceAdapter", _load(name, Side.SOURCE))


def load_target(name: str) -> TargetAdapter:
    """Import a target adapter; see ``load_source``."""
    return cast("TargetAdapter", _load(name, Side.TARGET))


def settings_schema(name: str) -> Mapping[str, object]:
    """The JSON Schema of an adapter's settings, whichever side it plays.

    Raises:
        Refused: as ``load_source``; also when its source and its target want different settings, because a connection
            may serve as both.
    """
    sides = sorted(adapter_sides(name)) or [Side.SOURCE]
    schemas = [_load(name, side).settings_schema for side in sides]
    if any(each != schemas[0] for each in schemas):
        raise Refused(f"the adapter `{name}` has different settings as source and as target")
    return schemas[0]


def _load(name: str, side: Side) -> SourceAdapter | TargetAdapter:
    found = [each for each in installed_adapters() if (each.name, each.side) == (name, side)]
    packages = sorted({each.package for each in found})
    if not found:
        raise Refused(f"no {side} adapter `{name}` is installed", hint="`sync-engine adapters` lists those that are.")
    if len(packages) > 1:
        raise Refused(
            f"the {side} adapter `{name}` is brought by several packages: {', '.join(packages)}",
            hint="Uninstall all but one of them.",
        )
    try:
        adapter = EntryPoint(name, found[0].place, side.group).load()
        version = adapter.contract_version
    except Exception as error:  # importing a foreign package can raise anything
        reason = f"{type(error).__name__}: {error}"
        raise Refused(f"the {side} adapter `{name}` of {packages[0]} cannot be imported: {reason}") from error
    if version != CONTRACT_VERSION:
        raise Refused(
            f"the {side} adapter `{name}` of {packages[0]} is made for version {version} of the contracts; "
            f"this is version {CONTRACT_VERSION}",
            hint="Install versions of sync-engine and of the adapter's package that go together.",
        )
    return cast("SourceAdapter | TargetAdapter", adapter)


def _described(entry: EntryPoint, side: Side) -> InstalledAdapter:
    package = f"{entry.dist.name} {entry.dist.version}" if entry.dist is not None else "an unknown package"
    return InstalledAdapter(entry.name, side, package, entry.value)
