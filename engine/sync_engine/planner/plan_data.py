"""The parts of a plan file that are not rows, as plain data and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sync_engine.catalog.model import Environment, Override
from sync_engine.planner.plan import (
    BaseCommit,
    CatalogPlan,
    ConfigChange,
    Cost,
    Gate,
    NewOptions,
    PlannedField,
    ReadStep,
    StreamPlan,
    Summary,
    WriteStep,
)
from sync_engine.sdk.problem import Origin
from sync_engine.sdk.target import FieldRequest, FieldType

CERTAIN = ("pages_read", "batches", "target_requests", "source_requests_to_apply")
"""Attributes of ``Cost`` that follow from the plan."""


def base_from_data(head: Mapping[str, Any]) -> BaseCommit | None:
    """The version that a comparison is with, from the first line of its file; None in a plan."""
    data = head.get("base")
    return None if data is None else BaseCommit(data["reference"], data["commit"])


def environment_from_data(head: Mapping[str, Any]) -> Environment | None:
    """The environment that the first line names; None for the project file alone."""
    data = head.get("environment")
    if data is None:
        return None
    overrides = (Override(place, before, after, Origin(*origin)) for place, before, after, *origin in data["overrides"])
    return Environment(data["name"], data["file"], frozenset(data["connections"]), tuple(overrides))


def environment_to_data(environment: Environment) -> dict[str, object]:
    """An environment as the first line has it."""
    return {
        "name": environment.name,
        "file": environment.file,
        "connections": sorted(environment.connections),
        "overrides": [
            [each.place, each.before, each.after, each.origin.file, each.origin.line, each.origin.column]
            for each in environment.overrides
        ],
    }


def catalog_to_data(plan: CatalogPlan) -> dict[str, object]:
    """A catalog without its rows, as its last line has it."""
    return {
        "name": plan.name,
        "path": plan.path,
        "fingerprint": dict(plan.fingerprint),
        "streams": [stream_to_data(each) for each in plan.streams],
        "warnings": plan.warnings,
        "gates": [gate_to_data(each) for each in plan.gates],
        "cost": {name: getattr(plan.cost, name) for name in CERTAIN},
        "restores": plan.restores,
        "config": _config_to_data(plan.config),
    }


def stream_to_data(stream: StreamPlan) -> dict[str, object]:
    """A stream without its changes as plain data."""
    return {
        "name": stream.name,
        "read": {
            "collection": stream.read.collection,
            "pushed": stream.read.pushed,
            "here": stream.read.here,
            "not_applicable": stream.read.not_applicable,
            "since": stream.read.since,
            "because": stream.read.because,
        },
        "write": {
            "object": stream.write.object_name,
            "key_fields": stream.write.key_fields,
            "mode": stream.write.mode,
            "batches": stream.write.batches,
            "upserts": stream.write.upserts,
        },
        "fields": [
            [one.name, one.type, one.request.parent_object, one.request.parent_field, one.mapping]
            for one in stream.fields
        ],
        "causes": dict(stream.causes),
        "kept": dict(stream.kept),
        "matches": dict(stream.matches),
        "config": _config_to_data(stream.config),
        "new_options": [[new.field, new.values] for new in stream.new_options],
        "summary": {name: getattr(stream.summary, name) for name in Summary.__slots__},
    }


def catalog_from_data(data: Mapping[str, Any]) -> CatalogPlan:
    """A catalog without its rows.

    Raises:
        ValueError: it does not say what it was made for.
    """
    fingerprint = data["fingerprint"]
    if not fingerprint or not all(fingerprint.values()):
        raise ValueError("it holds no fingerprint of what it was made for")
    return CatalogPlan(
        name=data["name"],
        path=data["path"],
        fingerprint=fingerprint,
        streams=tuple(stream_from_data(each) for each in data["streams"]),
        warnings=tuple(data["warnings"]),
        gates=tuple(map(gate_from_data, data["gates"])),
        cost=Cost(**data["cost"]),
        restores=data["restores"],
        config=_config_from_data(data["config"]),
    )


def _config_to_data(config: Sequence[ConfigChange]) -> list[list[str]]:
    return [[each.part, each.said, each.place] for each in config]


def _config_from_data(data: Sequence[Sequence[str]]) -> tuple[ConfigChange, ...]:
    return tuple(ConfigChange(part, said, place) for part, said, place in data)


def gate_to_data(gate: Gate) -> list[object]:
    """A gate as plain data."""
    return [gate.name, gate.limit, gate.actual, gate.tripped, gate.allow, gate.records]


def gate_from_data(data: Sequence[Any]) -> Gate:
    """A gate from what ``gate_to_data`` made of it."""
    name, limit, actual, tripped, allow, records = data
    return Gate(name, limit, actual, tripped, allow, tuple((stream, key) for stream, key in records))


def stream_from_data(data: Mapping[str, Any]) -> StreamPlan:
    """A stream from what ``stream_to_data`` made of it."""
    read, write = data["read"], data["write"]
    return StreamPlan(
        name=data["name"],
        read=ReadStep(
            read["collection"],
            tuple(read["pushed"]),
            tuple(read["here"]),
            tuple(read["not_applicable"]),
            read["since"],
            read["because"],
        ),
        write=WriteStep(write["object"], tuple(write["key_fields"]), write["mode"], write["batches"], write["upserts"]),
        fields=tuple(_planned_field(each) for each in data["fields"]),
        summary=Summary(**data["summary"]),
        new_options=tuple(
            NewOptions(name, tuple((value, label) for value, label in values)) for name, values in data["new_options"]
        ),
        causes=data["causes"],
        kept=data["kept"],
        matches=data["matches"],
        config=_config_from_data(data["config"]),
    )


def _planned_field(data: Sequence[str]) -> PlannedField:
    name, type_, parent_object, parent_field, mapping = data
    return PlannedField(name, FieldType(type_), FieldRequest(name, parent_object, parent_field), mapping)
