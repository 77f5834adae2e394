"""What a plan was made for, as digests that are compared before it is applied."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping

import orjson

from sync_engine import __version__
from sync_engine.compiler.compiled import CompiledCatalog, CompiledField, CompiledStream


def fingerprint(compiled: CompiledCatalog) -> Mapping[str, str]:
    """Everything but the data that decides what a plan means.

    Returns:
        By name: the engine's version, both adapters with their services' versions, the catalog's digest, and one digest
        per stream of the target fields as they were described.
    """
    parts = {
        "engine": __version__,
        "source": f"{compiled.source_schema.adapter} {compiled.source_schema.version}",
        "target": f"{compiled.target_schema.adapter} {compiled.target_schema.version}",
        "catalog": compiled.catalog.digest,
    }
    for stream in compiled.streams:
        described = [_described(each) for each in (stream.key, *stream.fields)]
        parts[f"fields of {stream.name}"] = hashlib.sha256(orjson.dumps([stream.object.name, described])).hexdigest()
    return parts


def _described(field: CompiledField) -> list[object]:
    """What matters of a target field: a change of any of it may change what a plan would do (label changes do not)."""
    described = field.description
    choices = [each.value for each in described.picklist if each.active] if described.restricted else []
    return [
        described.name,
        described.type,
        described.length,
        described.precision,
        described.scale,
        described.required,
        described.updateable,
        described.unique,
        described.external_id,
        described.case_sensitive,
        choices,
    ]


_NOT_OF_THE_VALUE = ("overwrite", "conflict", "origin", "part_origins")


def mapping_digest(compiled: CompiledCatalog, stream: CompiledStream, field: CompiledField) -> str:
    """A digest of how a field is filled: of all that decides on its value except the data."""
    catalog = compiled.catalog
    mapping = field.mapping
    options = [
        (each.name, repr(getattr(mapping, each.name)))
        for each in dataclasses.fields(mapping)
        if each.name not in _NOT_OF_THE_VALUE
    ]
    written = next(each for each in catalog.streams if each.name == stream.name)
    for_each = written.for_each and (written.for_each.each, written.for_each.codes, written.for_each.different)
    around = [catalog.channel, catalog.locales, written.locale, catalog.timezone, for_each, _described(field)]
    return hashlib.sha256(orjson.dumps([options, around])).hexdigest()[:16]


def changed_mappings(
    compiled: CompiledCatalog, stream: CompiledStream, before: Mapping[str, Mapping[str, str]]
) -> frozenset[str]:
    """Names of the fields that are filled in another way than before; ``before`` has digests by stream and field."""
    known = before.get(stream.name, {})
    fields = (each for each in stream.fields if each.name in known)
    return frozenset(each.name for each in fields if mapping_digest(compiled, stream, each) != known[each.name])
