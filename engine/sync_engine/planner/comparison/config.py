"""What differs between two versions of a catalog: in the words of the catalog language, and whether it matters to rows.

Where something was written never counts: a catalog that was only laid out anew has not changed.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeVar

from sync_engine.catalog.mapping import FieldMapping, LookupRule, Overwrite, WhenEmpty
from sync_engine.catalog.model import Catalog, OnMissing, Stream
from sync_engine.compiler.compiled import CompiledCatalog, CompiledStream
from sync_engine.compiler.streams import stream_locales
from sync_engine.planner.describe import describe
from sync_engine.planner.plan import ConfigChange
from sync_engine.sdk.filters import Filter
from sync_engine.sdk.problem import Origin

T = TypeVar("T")
_POLICIES = ("overwrite", "conflict")
"""Options of a mapping that say when a value is written, not which."""


def meaning(value: object) -> object:
    """A part of a catalog without the places where it was written."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        parts = [each.name for each in dataclasses.fields(value) if not each.name.endswith(("origin", "origins"))]
        return type(value).__name__, tuple((name, meaning(getattr(value, name))) for name in parts)
    if isinstance(value, tuple):
        return tuple(meaning(each) for each in value)
    if isinstance(value, Mapping):
        return tuple(sorted((key, repr(meaning(each))) for key, each in value.items()))
    return value


def paired(
    base: Sequence[T], head: Sequence[T], name: Callable[[T], str], alike: Callable[[T, T], bool]
) -> list[tuple[T | None, T | None]]:
    """Two versions of the same things, in the order of the new one; what is gone stands at the end.

    Args:
        base: the old ones.
        head: the new ones.
        name: by which they are known.
        alike: whether two that are known by other names are the same thing, renamed.
    """
    left = {name(each): each for each in base}
    found: list[tuple[T | None, T | None]] = [(left.pop(name(each), None), each) for each in head]
    for place, (before, after) in enumerate(found):
        if before is None and after is not None:
            renamed = next((each for each in left.values() if alike(each, after)), None)
            if renamed is not None:
                found[place] = (left.pop(name(renamed)), after)
    return [*found, *((each, None) for each in left.values())]


def same_catalog(base: Catalog, head: Catalog) -> bool:
    """Whether a catalog was renamed, its file or its name: the other of both, or all it does, is as before."""
    if base.origin.file == head.origin.file:
        return True
    return [meaning(each) for each in base.streams] == [meaning(each) for each in head.streams]


def same_stream(base: Stream, head: Stream) -> bool:
    """Whether a stream was renamed and does what it did."""
    return meaning(dataclasses.replace(base, name=head.name)) == meaning(head)


def catalog_changes(base: Catalog | None, head: Catalog | None) -> tuple[ConfigChange, ...]:
    """What differs outside of the streams."""
    if base is None or head is None:
        return _one_only("catalog", base, head)
    return tuple(_of_catalogs(base, head))


def _one_only(part: str, base: Catalog | Stream | None, head: Catalog | Stream | None) -> tuple[ConfigChange, ...]:
    if head is not None:
        return (_change(part, "new", head.origin),)
    return (_change(part, "removed: what it wrote stays as it is", base.origin),) if base is not None else ()


def _of_catalogs(base: Catalog, head: Catalog) -> Iterator[ConfigChange]:
    if base.name != head.name:
        said = f"renamed from {base.name}, under which the ledger knows what was written: until it is written again, "
        yield _change("name", f"{said}nothing is known as ours", head.place("name"))
    for part, before, after in (
        ("source.connection", base.source, head.source),
        ("target.connection", base.target, head.target),
        ("source.channel", base.channel, head.channel),
        ("source.locales", ", ".join(base.locales), ", ".join(head.locales)),
        ("source.catalog", base.source_catalog, head.source_catalog),
        ("source.only_channel_tree", base.only_channel_tree, head.only_channel_tree),
        ("schedule.timezone", base.timezone, head.timezone),
    ):
        if before != after:
            yield _change(part, _from_to(before, after), head.place(part))
    yield from _filter_changes(base.filter, head.filter, head.origin)
    for each in dataclasses.fields(head.safety):
        before, after = getattr(base.safety, each.name), getattr(head.safety, each.name)
        if each.name != "origin" and before != after:
            name = each.name.replace("expect_", "expect.")
            yield _change(f"safety.{name}", _from_to(before, after), head.place(f"safety.{name}"))


def stream_changes(base: Stream | None, head: Stream | None) -> tuple[ConfigChange, ...]:
    """What differs between two versions of a stream."""
    if base is None or head is None:
        return _one_only("stream", base, head)
    return tuple(_of_streams(base, head))


def _of_streams(base: Stream, head: Stream) -> Iterator[ConfigChange]:
    if base.name != head.name:
        yield _change("name", f"renamed from {base.name}, under which the ledger knows what was written", head.origin)
    for part, before, after in (
        ("from", base.source, head.source),
        ("to", base.object, head.object),
        ("locale", base.locale, head.locale),
        ("root", base.root, head.root),
    ):
        if before != after:
            yield _change(part, _from_to(before, after), head.origin)
    if meaning(base.keys) != meaning(head.keys):
        yield _change("key", _key_said(base, head), head.keys[0].origin)
    if meaning(base.for_each) != meaning(head.for_each):
        yield _change("for_each", "changed", head.for_each.origin if head.for_each else head.origin)
    yield from _filter_changes(base.filter, head.filter, head.origin)
    yield from _field_changes(base.fields, head.fields)
    if meaning(base.match) != meaning(head.match):
        yield _change("match", "changed", head.origin)
    before, after = _on_missing(base), _on_missing(head)
    if before != after:
        yield _change("on_missing", _from_to(before, after), head.origin)


def _key_said(base: Stream, head: Stream) -> str:
    before, after = (" + ".join(each.target for each in one.keys) for one in (base, head))
    return _from_to(before, after) if before != after else f"{after} is filled in another way"


def _field_changes(base: Sequence[FieldMapping], head: Sequence[FieldMapping]) -> Iterator[ConfigChange]:
    before, after = ({each.target: each for each in one} for one in (base, head))
    for name, mapping in after.items():
        if name not in before:
            empties = mapping.when_empty is WhenEmpty.CLEAR and mapping.overwrite is Overwrite.ALWAYS
            yield _change(name, f"new field{'; emptied where there is no value' if empties else ''}", mapping.origin)
        elif value_of(before[name]) != value_of(mapping):
            yield _change(name, "mapping changed", mapping.origin)
        for policy in _POLICIES if name in before else ():
            old, new = getattr(before[name], policy), getattr(mapping, policy)
            if old != new:
                yield _change(name, f"{policy}: {_from_to(old, new)}", mapping.origin)
    for name, mapping in before.items():
        if name not in after:
            yield _change(name, "no longer mapped: what the org holds stays", mapping.origin)


def _filter_changes(base: Sequence[Filter], head: Sequence[Filter], place: Origin) -> Iterator[ConfigChange]:
    before, after = ({meaning(each): each for each in one} for one in (base, head))
    for key, each in after.items():
        if key not in before:
            yield _change("filter", f"added: {describe(each)}", each.origin)
    for key, each in before.items():
        if key not in after:
            yield _change("filter", f"removed: {describe(each)}", place)


def _on_missing(stream: Stream) -> str:
    if stream.on_missing is not OnMissing.SET:
        return stream.on_missing.value
    fields = ", ".join(f"{each.target}: {_word(getattr(each.rule, 'value', ''))}" for each in stream.missing_fields)
    return f"set {{{fields}}}"


def _from_to(before: object, after: object) -> str:
    return f"{_word(before)} → {_word(after)}"


def _word(value: object) -> str:
    if value is None or value == "":
        return "none"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _change(part: str, said: str, place: Origin) -> ConfigChange:
    return ConfigChange(part, said, str(place))


def value_of(mapping: FieldMapping) -> object:
    """What decides on the value of a field, as far as the mapping says."""
    return meaning(dataclasses.replace(mapping, **dict.fromkeys(_POLICIES, None)))  # type: ignore[arg-type]


def rows_alike(
    base: CompiledCatalog, base_stream: CompiledStream, head: CompiledCatalog, head_stream: CompiledStream
) -> bool:
    """Whether both versions make the same rows of the same records, whatever the source holds."""
    return _of_rows(base, base_stream) == _of_rows(head, head_stream)


def _of_rows(compiled: CompiledCatalog, stream: CompiledStream) -> object:
    catalog = compiled.catalog
    written = next(each for each in catalog.streams if each.name == stream.name)
    parents = [each.rule.stream for each in written.mappings if isinstance(each.rule, LookupRule)]
    keys = {each.name: (each.object.name, each.key.name) for each in compiled.streams}
    return (
        (catalog.source, stream.query.collection, stream.object.name, stream.query.only_channel_tree),
        (
            stream.query.channel,
            stream.query.source_catalog,
            catalog.timezone,
            tuple(stream_locales(catalog, written)),
            catalog.locales[:1],
        ),
        (meaning(stream.query.filters), meaning(stream.row_filters), meaning(written.for_each)),
        tuple(value_of(each) for each in written.mappings),
        (stream.on_missing, meaning(written.missing_fields)),
        tuple(keys[each] for each in parents),
    )
