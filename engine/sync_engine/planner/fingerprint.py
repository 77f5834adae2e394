"""What a plan was made for, as digests that are compared before it is applied."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping

import orjson

from sync_engine import __version__
from sync_engine.catalog.registry import Side, installed_adapters
from sync_engine.compiler.compiled import CompiledCatalog, CompiledField, CompiledStream
from sync_engine.sdk.source import SourceSchema
from sync_engine.sdk.target import FieldDescription, TargetSchema

_DIGEST = "sha256:"


def fingerprint(compiled: CompiledCatalog) -> Mapping[str, str]:
    """Everything but the data that decides what a plan means.

    Returns:
        By name, in words where there are some, else as a digest: the engine's version, both adapters with the versions
        of their packages and, where it was asked for, of their services, the catalog, the object of each stream, and of
        each of its fields how the target describes it and how it is filled.
    """
    parts = {
        "engine": __version__,
        "source": _adapter(compiled.source_schema, Side.SOURCE),
        "target": _adapter(compiled.target_schema, Side.TARGET),
        "catalog": f"{_DIGEST}{compiled.catalog.digest}",
    }
    for stream in compiled.streams:
        parts[f"object of {stream.name}"] = stream.object.name
        for field in (stream.key, *stream.fields):
            name = f"{stream.name}.{field.name}"
            parts[f"field {name}"] = _described(field.description)
            parts[f"mapping of {name}"] = f"{_DIGEST}{_digest(_filling(compiled, stream, field))}"
    return parts


def description_digest(found: Mapping[str, str], stream: str) -> str:
    """A digest of what a fingerprint says of the object and the fields that a stream writes to."""
    parts = (f"object of {stream}", f"field {stream}.")
    return _digest(sorted(each for each in found.items() if each[0] == parts[0] or each[0].startswith(parts[1])))


def differences(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    """What is not the same in two fingerprints, each in a few words."""
    names = [name for name in sorted({*before, *after}) if before.get(name) != after.get(name)]
    return [_difference(name, before.get(name), after.get(name)) for name in names]


def _difference(name: str, before: str | None, after: str | None) -> str:
    if before is None or after is None:
        return f"{name} is {'gone' if after is None else 'new'}"
    return name if before.startswith(_DIGEST) else f"{name}: {before} → {after}"


def _adapter(schema: SourceSchema | TargetSchema, side: Side) -> str:
    packages = [each.package for each in installed_adapters() if (each.name, each.side) == (schema.adapter, side)]
    return f"{schema.adapter} of {', '.join(packages)}{schema.version and f' for {schema.version}'}"


def _described(field: FieldDescription) -> str:
    """What matters of a target field: a change of any of it may change what a plan would do (label changes do not)."""
    words = [str(field.type)]
    limits = {name: getattr(field, name) for name in ("length", "precision", "scale")}
    words += [f"{name} {value}" for name, value in limits.items() if value]
    marks = ("required", "updateable", "unique", "external_id", "case_sensitive")
    words += [name.replace("_", " ") for name in marks if getattr(field, name)]
    if field.restricted:
        choices = [each.value for each in field.picklist if each.active]
        words.append(f"{len(choices)} choices ({_digest(choices)})")
    return ", ".join(words)


_NOT_OF_THE_VALUE = ("overwrite", "conflict", "origin", "part_origins")


def mapping_digest(compiled: CompiledCatalog, stream: CompiledStream, field: CompiledField) -> str:
    """A digest of how a field is filled: of all that decides on its value except the data."""
    return _digest([_filling(compiled, stream, field), _described(field.description)])


def _filling(compiled: CompiledCatalog, stream: CompiledStream, field: CompiledField) -> list[object]:
    """What the catalog says of it."""
    catalog = compiled.catalog
    mapping = field.mapping
    options = [
        (each.name, repr(getattr(mapping, each.name)))
        for each in dataclasses.fields(mapping)
        if each.name not in _NOT_OF_THE_VALUE
    ]
    written = next(each for each in catalog.streams if each.name == stream.name)
    for_each = written.for_each and (written.for_each.each, written.for_each.codes, written.for_each.different)
    return [options, catalog.channel, catalog.locales, written.locale, catalog.timezone, for_each]


def _digest(content: object) -> str:
    return hashlib.sha256(orjson.dumps(content)).hexdigest()[:16]


def changed_mappings(
    compiled: CompiledCatalog, stream: CompiledStream, before: Mapping[str, Mapping[str, str]]
) -> frozenset[str]:
    """Names of the fields that are filled in another way than before; ``before`` has digests by stream and field."""
    known = before.get(stream.name, {})
    fields = (each for each in stream.fields if each.name in known)
    return frozenset(each.name for each in fields if mapping_digest(compiled, stream, each) != known[each.name])
