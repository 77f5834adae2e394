"""``find``: references to records that the target holds already become their ids, before anything is compiled."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

from sync_engine.catalog.mapping import ConstRule, FieldMapping, FindByRule, FindRule
from sync_engine.catalog.model import Catalog, Stream
from sync_engine.problems import nearest, problem
from sync_engine.sdk.problem import Problem
from sync_engine.sdk.target import ObjectSchema, TargetSchema

Describe = Callable[[str], ObjectSchema | None]
Ask = Callable[[str, str, str], Sequence[str]]
"""From an object, a field of it and a value to the ids of all records that have it."""


def find_records(catalog: Catalog, target: TargetSchema, describe: Describe, ask: Ask) -> tuple[Catalog, list[Problem]]:
    """The catalog with an id in place of each ``find``.

    Args:
        catalog: as written.
        target: the objects that the catalog writes to.
        describe: an object that a reference points to.
        ask: the target.

    Returns:
        The catalog, and a problem for each ``find`` that does not find exactly one record; what cannot be looked for
        at all is left to the checks.
    """
    problems: list[Problem] = []

    def settled(stream: Stream, mapping: FieldMapping) -> FieldMapping:
        rule = mapping.rule
        described = target.objects.get(stream.object)
        field = described.field(mapping.target) if described else None
        if not isinstance(rule, FindRule) or field is None or len(field.refers_to) != 1:
            return mapping
        found = _find(rule, mapping, field.refers_to[0], describe, ask)
        if isinstance(found, Problem):
            problems.append(found)
            return mapping
        return dataclasses.replace(mapping, rule=ConstRule(found))

    streams = tuple(
        dataclasses.replace(
            stream,
            keys=tuple(settled(stream, each) for each in stream.keys),
            fields=tuple(settled(stream, each) for each in stream.fields),
        )
        for stream in catalog.streams
    )
    return dataclasses.replace(catalog, streams=streams), problems


def referred_objects(catalogs: Sequence[Catalog], target: TargetSchema) -> list[str]:
    """Objects that references of catalogs point to by a value of each record, and that no stream writes."""
    found: dict[str, None] = {}
    for stream in (each for catalog in catalogs for each in catalog.streams):
        described = target.objects.get(stream.object)
        for mapping in stream.mappings:
            field = described.field(mapping.target) if described else None
            if isinstance(mapping.rule, FindByRule) and field is not None and len(field.refers_to) == 1:
                found[field.refers_to[0]] = None
    return [each for each in found if each not in target.objects]


def _find(rule: FindRule, mapping: FieldMapping, name: str, describe: Describe, ask: Ask) -> str | Problem:
    place = mapping.place("find")
    described = describe(name)
    if described is None:
        return problem("SE303", place, name=name)
    field = described.field(rule.field)
    if field is None:
        return problem("SE304", place, nearest(rule.field, described.fields), object=described.name, name=rule.field)
    value = str(rule.value).lower() if isinstance(rule.value, bool) else str(rule.value)
    ids = ask(described.name, field.name, value)
    if len(ids) == 1:
        return ids[0]
    hint = f"They are: {', '.join(ids[:5])}" if ids else ""
    return problem(
        "SE359", place, hint, count=len(ids) or "no", object=described.name, field=field.name, value=f"`{value}`"
    )
