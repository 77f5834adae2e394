"""A plan as JSON, written piece by piece: its size does not matter."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import orjson

from sync_engine.catalog.model import Environment
from sync_engine.planner.plan import CatalogPlan, Change, ConfigChange, Cost, Gate, Kept, Rejection, StreamPlan
from sync_engine.planner.plan_file import PlanFile
from sync_engine.report.values import json_value, modified_data

VERSION = 1


def render(file: PlanFile) -> Iterator[str]:
    """Pieces of one JSON document with promised names: ``{version, digest, environment, base, catalogs: […]}``."""
    environment = _dump(_environment(file.environment))
    base = _dump(file.base and {"reference": file.base.reference, "commit": file.base.commit})
    yield f'{{"version":{VERSION},"digest":"{file.digest}","environment":{environment},"base":{base},"catalogs":['
    for index, catalog in enumerate(file.catalogs):
        yield "," if index else ""
        yield from _catalog(file, catalog)
    yield f'],"budget":{_dump([_gate(each) for each in file.budget])}}}\n'


def _gate(gate: Gate) -> dict[str, object]:
    return {
        "name": gate.name,
        "limit": gate.limit,
        "actual": gate.actual,
        "tripped": gate.tripped,
        "allow": gate.allow or None if gate.tripped else None,
        "records": [{"stream": stream, "key": key} for stream, key in gate.records],
    }


def _config(config: Sequence[ConfigChange]) -> list[dict[str, str]]:
    return [{"part": each.part, "said": each.said, "place": each.place} for each in config]


def _environment(environment: Environment | None) -> dict[str, object] | None:
    if environment is None:
        return None
    overrides = [{"setting": each.place, "before": each.before, "after": each.after} for each in environment.overrides]
    return {"name": environment.name, "file": environment.file, "overrides": overrides}


def _catalog(file: PlanFile, catalog: CatalogPlan) -> Iterator[str]:
    compared = file.base is not None
    head: dict[str, object] = {"name": catalog.name, "path": catalog.path}
    head["summary"] = catalog.summary.published(compared=compared)
    if compared:
        head["config"] = _config(catalog.config)
    if catalog.restores:
        head["restores"] = catalog.restores
    yield _dump(head)[:-1] + ',"streams":['
    for index, stream in enumerate(catalog.streams):
        yield "," if index else ""
        yield from _stream(file, catalog, stream)
    tail = {
        "warnings": catalog.warnings,
        "gates": [_gate(each) for each in catalog.gates],
        "cost": {
            **{name: getattr(catalog.cost, name) for name in Cost.__slots__},
            "share_percent": None if catalog.cost.share is None else round(catalog.cost.share, 3),
        },
    }
    yield "]," + _dump(tail)[1:]


def _stream(file: PlanFile, catalog: CatalogPlan, stream: StreamPlan) -> Iterator[str]:
    head: dict[str, object] = {
        "name": stream.name,
        "object": stream.write.object_name,
        "key": stream.write.key_name,
        "changed_since": stream.read.since or None,
        "all_read_because": stream.read.because or None,
        "mode": stream.write.mode,
        "filter": {
            "pushed": stream.read.pushed,
            "here": stream.read.here,
            "not_applicable": stream.read.not_applicable,
        },
        "new_options": [
            {"field": new.field, "values": [{"value": value, "label": label} for value, label in new.values]}
            for new in stream.new_options
        ],
        "summary": stream.summary.published(compared=file.base is not None),
        "causes": dict(stream.causes),
        "kept_fields": dict(stream.kept),
        "matches": dict(stream.matches),
    }
    if file.base is not None:
        head["config"] = _config(stream.config)
    yield _dump(head)[:-1] + ',"changes":['
    yield from _separated(_dump(_change(stream, each)) for each in file.changes(catalog.name, stream.name))
    yield '],"kept":['
    yield from _separated(_dump(_kept(stream, each)) for each in file.kept(catalog.name, stream.name))
    yield '],"rejections":['
    yield from _separated(_dump(_rejection(each)) for each in _rejections(file, catalog, stream, waits=False))
    yield '],"waiting":['
    yield from _separated(_dump(_rejection(each)) for each in _rejections(file, catalog, stream, waits=True))
    yield "]}"


def _rejections(file: PlanFile, catalog: CatalogPlan, stream: StreamPlan, *, waits: bool) -> Iterator[Rejection]:
    if stream.summary.waiting if waits else stream.summary.rejected:
        yield from (each for each in file.rejections(catalog.name, stream.name) if each.waits == waits)


def _change(stream: StreamPlan, change: Change) -> dict[str, object]:
    fields = stream.field_by_name
    return {
        "operation": change.kind,
        "key": change.key,
        "source_key": change.source_key,
        "id": change.target_id or None,
        "modified": modified_data(change.modified),
        "fields": [
            {
                "field": each.field,
                "before": json_value(each.before, fields.get(each.field)),
                "after": json_value(each.after, fields.get(each.field)),
                "cause": each.cause or None,
            }
            for each in change.fields
        ],
    }


def _kept(stream: StreamPlan, kept: Kept) -> dict[str, object]:
    fields = stream.field_by_name
    return {
        "key": kept.key,
        "source_key": kept.source_key,
        "id": kept.target_id,
        "modified": modified_data(kept.modified),
        "fields": [
            {
                "field": each.field,
                "before": json_value(each.before, fields.get(each.field)),
                "after": json_value(each.after, fields.get(each.field)),
                "cause": each.cause,
                "policy": each.policy,
            }
            for each in kept.fields
        ],
    }


def _rejection(rejection: Rejection) -> dict[str, object]:
    return {
        "key": rejection.key,
        "source_key": rejection.source_key,
        "reasons": [
            {"code": each.code, "field": each.field, "message": each.message, "owner": each.owner}
            for each in rejection.reasons
        ],
    }


def _separated(pieces: Iterable[str]) -> Iterator[str]:
    for index, piece in enumerate(pieces):
        yield ("," if index else "") + piece


def _dump(value: object) -> str:
    return orjson.dumps(value).decode()
