"""What the parts of a catalog say of each other, as far as no connection must be asked.

Each check looks at plain data of any shape, so that it works however broken the rest of the document is.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from sync_engine.catalog.findings import Findings, place_name
from sync_engine.catalog.mapping_tests import check_tests
from sync_engine.catalog.registry import Side
from sync_engine.catalog.schedules import check_schedule
from sync_engine.documents import Plain, Pointer, number, table, text
from sync_engine.problems import nearest

_READING = frozenset({"locale", "channel"})
_OF_VALUES = frozenset(
    {"truncate", "round", "join", "labels", "translate", "otherwise", "unit", "currency", "table", "number"}
)
_CHOICES = frozenset({"new_options"})
_EMPTINESS = frozenset({"default", "required", "when_empty"})
_NO_EFFECT: Mapping[str, tuple[frozenset[str], str]] = {
    "const": (_READING | _OF_VALUES | _EMPTINESS | _CHOICES, "a constant is written as it is, and is never empty"),
    "lookup": (_OF_VALUES | _CHOICES | {"default"}, "a lookup writes a reference"),
    "find": (
        _READING | _OF_VALUES | _EMPTINESS | _CHOICES | {"missing"},
        "it is one and the same record, and never empty",
    ),
    "find by value": (_OF_VALUES | _CHOICES | {"default"}, "it writes a reference"),
    "media": (_OF_VALUES | _CHOICES | {"default"}, "a media mapping writes a file"),
    "expression": (frozenset({"labels", "unit", "currency", "table"}), "it applies to the value of one attribute"),
    "template": (frozenset({"labels", "unit", "currency", "table"}), "it applies to the value of one attribute"),
}
_NO_EFFECT_IN_KEY = {"default", "required", "when_empty", "overwrite", "conflict", "new_options"}
_NO_KEY = {"const": "a constant", "lookup": "a lookup", "find": "a found record", "media": "a file"}
"""What cannot be a key by itself; as a part of one, all but a file can."""


def check_catalog(findings: Findings, sides: Mapping[str, frozenset[Side]] | None) -> None:
    """Report every contradiction within a catalog, and between it and the project's connections.

    Args:
        findings: of the catalog's document.
        sides: what each connection of the project can be; None when the project is not known.
    """
    data = table(findings.document.data)
    if sides is not None:
        for side in Side:
            _check_connection(side, table(data.get(side)), sides, findings)
    streams = {name: table(each) for name, each in table(data.get("streams")).items()}
    for name, stream in streams.items():
        _check_fields(name, stream, findings)
        for pointer, mapping in _mappings(name, stream):
            _check_options(pointer, mapping, findings)
            _check_lookup(pointer, mapping, streams, findings)
        _check_key(name, stream, findings)
    _check_circles(streams, findings)
    _check_same_records(streams, findings)
    check_tests(streams, findings)
    check_schedule(findings)
    _check_expectation(table(table(data.get("safety")).get("expect")), findings)


def _check_connection(
    side: Side, written: dict[str, Plain], sides: Mapping[str, frozenset[Side]], findings: Findings
) -> None:
    pointer: Pointer = (side.value, "connection")
    name = text(written.get("connection"))
    if not name or findings.touched(*pointer):
        return
    if name not in sides:
        fitting = [each for each, possible in sides.items() if side in possible]
        hint = nearest(name, fitting) or (
            f"The project has: {', '.join(f'`{each}`' for each in sides)}." if sides else ""
        )
        findings.add("SE604", pointer, hint, place=place_name(pointer), connection=name)
    elif side not in sides[name]:
        findings.add("SE605", pointer, connection=name, side=side.value)


def _mappings(name: str, stream: dict[str, Plain]) -> Iterator[tuple[Pointer, dict[str, Plain]]]:
    """The mappings of a stream that are written with options, each with its pointer."""
    for part in ("key", "fields"):
        for field, mapping in table(stream.get(part)).items():
            if isinstance(mapping, dict):
                yield ("streams", name, part, field), mapping


def _check_fields(name: str, stream: dict[str, Plain], findings: Findings) -> None:
    """A target field is mapped once; the target compares names without regard to case."""
    first: dict[str, Pointer] = {}
    for part in ("key", "fields"):
        for field in table(stream.get(part)):
            pointer = ("streams", name, part, field)
            earlier = first.setdefault(field.casefold(), pointer)
            if earlier != pointer:
                line = findings.document.key_origin(earlier).line
                findings.add("SE213", pointer, at_key=True, field=field, place=f"`streams.{name}`", line=line)


def _check_options(pointer: Pointer, mapping: dict[str, Plain], findings: Findings) -> None:
    by_value = isinstance(mapping.get("find"), str)
    for rule, (useless, why) in _NO_EFFECT.items():
        if rule == "find by value" if by_value else rule in mapping:
            for option in mapping:
                if option in useless:
                    findings.add(
                        "SE209", (*pointer, option), at_key=True, option=option, place=place_name(pointer), why=why
                    )


def _check_key(name: str, stream: dict[str, Plain], findings: Findings) -> None:
    keys = table(stream.get("key"))
    refused = _NO_KEY if len(keys) == 1 else {"media": _NO_KEY["media"]}
    for field, mapping in keys.items():
        pointer = ("streams", name, "key", field)
        for option in table(mapping):
            if option in refused:
                findings.add("SE210", pointer, at_key=True, place=place_name(pointer), rule=refused[option])
            elif option in _NO_EFFECT_IN_KEY:
                why = "every record must have a key, and it never changes"
                findings.add(
                    "SE209", (*pointer, option), at_key=True, option=option, place=place_name(pointer), why=why
                )


def _check_lookup(
    pointer: Pointer, mapping: dict[str, Plain], streams: Mapping[str, object], findings: Findings
) -> None:
    stream = text(mapping.get("lookup"))
    if stream and stream not in streams:
        hint = nearest(stream, streams)
        findings.add("SE211", (*pointer, "lookup"), hint, place=place_name(pointer), stream=stream)


def _check_circles(streams: Mapping[str, dict[str, Plain]], findings: Findings) -> None:
    """Streams run in the order of their lookups; only a stream that looks up itself has one."""
    lookups = {name: _lookups(name, stream, streams) for name, stream in streams.items()}
    reported: set[str] = set()
    for start in streams:
        circle = _circle(start, lookups)
        if circle and reported.isdisjoint(circle):
            reported.update(circle)
            shown = " → ".join(f"`{each}`" for each in (*circle, start))
            findings.add("SE212", lookups[start][(*circle, start)[1]], circle=shown)


def _lookups(name: str, stream: dict[str, Plain], streams: Mapping[str, object]) -> dict[str, Pointer]:
    """The other streams that a stream looks up, each with the place where it does."""
    found: dict[str, Pointer] = {}
    for pointer, mapping in _mappings(name, stream):
        other = text(mapping.get("lookup"))
        if other and other in streams and other != name:
            found.setdefault(other, (*pointer, "lookup"))
    return found


def _circle(start: str, lookups: Mapping[str, Mapping[str, Pointer]]) -> tuple[str, ...]:
    """The shortest way from a stream back to itself, without the return; empty when there is none."""
    ways: list[tuple[str, ...]] = [(start,)]
    seen: set[str] = set()
    while ways:
        way = ways.pop(0)
        for other in lookups[way[-1]]:
            if other == start:
                return way
            if other not in seen:
                seen.add(other)
                ways.append((*way, other))
    return ()


def _check_same_records(streams: Mapping[str, dict[str, Plain]], findings: Findings) -> None:
    """Two streams that read and write the same records would overwrite each other in every transfer."""
    first: dict[str, str] = {}
    for name, stream in streams.items():
        if text(stream.get("from")) is None or text(stream.get("to")) is None or not table(stream.get("key")):
            continue
        key = {field.casefold(): mapping for field, mapping in table(stream["key"]).items()}
        written = {**{part: stream.get(part) for part in ("from", "filter", "for_each", "root")}, "key": key}
        same = json.dumps({**written, "to": str(stream["to"]).casefold()}, sort_keys=True, default=str)
        other = first.setdefault(same, name)
        if other != name:
            findings.add("SE214", ("streams", name), at_key=True, stream=name, other=other)


def _check_expectation(expect: dict[str, Plain], findings: Findings) -> None:
    low, high = number(expect.get("min")), number(expect.get("max"))
    if low is not None and high is not None and low > high:
        findings.add("SE217", ("safety", "expect", "min"), low="min", high="max", place="`safety.expect`")
