"""From checked plain data to the typed catalog.

Parts in which a problem was found are left out, so that later checks still see everything else. Such a catalog is
good for finding more problems only; ``validate`` keeps it apart from those that may be run.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal

from sync_engine.catalog.findings import Findings
from sync_engine.catalog.mapping import (
    Conflict,
    ConstRule,
    ExpressionRule,
    FieldMapping,
    FindByRule,
    FindRule,
    LookupRule,
    MediaRule,
    NewOptions,
    Otherwise,
    Overwrite,
    Rule,
    TableForm,
    TemplateRule,
    ValueRule,
    WhenEmpty,
    WhenMissingParent,
)
from sync_engine.catalog.mapping_tests import build_tests
from sync_engine.catalog.model import (
    Catalog,
    Each,
    ForEach,
    LogLevel,
    LogPolicy,
    OnMissing,
    Safety,
    Stream,
    WarningLevel,
)
from sync_engine.catalog.schedules import build_schedule, full_every, timezone, without_times
from sync_engine.documents import Document, Plain, Pointer, items, number, table, text, texts
from sync_engine.sdk.filters import AllOf, AnyOf, Criterion, Filter, Not
from sync_engine.sdk.transfer_record import TransferFact

_ESSENTIAL = ("version", "name", "source", "target")
READ_BACK = 200
"""Records of a stream that are read back where the catalog does not say."""
MEGABYTE = 1_000_000
_ESSENTIAL_TO_STREAM = ("from", "to", "key", "for_each")


_FOR_PEOPLE = ("description", "tests")
"""Keys that say nothing of what is transferred."""


def build_catalog(findings: Findings) -> Catalog | None:
    """The typed catalog of a document without its broken parts; None when too little is left.

    Args:
        findings: of all checks of the document.
    """
    document = findings.document
    data = table(document.data)
    if findings.broken(()) or any(findings.touched(key) for key in _ESSENTIAL):
        return None
    streams = _streams(table(data.get("streams")), findings)
    if not streams:
        return None
    source = table(data["source"])
    return Catalog(
        name=text(data["name"]) or "",
        path=document.path,
        digest=digest(without_times({key: value for key, value in data.items() if key not in _FOR_PEOPLE})),
        description=text(data.get("description")) or "",
        source=text(source["connection"]) or "",
        target=text(table(data["target"])["connection"]) or "",
        channel=text(source.get("channel")),
        locales=texts(source.get("locales")),
        only_channel_tree=source.get("only_channel_tree") is True,
        filter=_filters(("filter",), data.get("filter"), findings),
        streams=streams,
        safety=_safety(data.get("safety"), findings),
        log=LogPolicy() if findings.touched("log") else _log(table(data.get("log"))),
        timezone=timezone(findings),
        schedule=build_schedule(findings),
        source_catalog=text(source.get("catalog")),
        tests=build_tests(findings),
        warnings=_warnings(data, findings),
        read_back=READ_BACK if findings.touched("read_back") else _read_back(data.get("read_back")),
        compares_changed=data.get("compare") == "changed",
        full_every=full_every(findings),
        origin=document.origin(),
        part_origins={
            ".".join(map(str, pointer)): origin
            for pointer, origin in document.places.items()
            if pointer and pointer[0] != "streams"
        },
    )


def digest(data: Plain) -> str:
    """SHA-256 of the meaning of a document: its layout, comments, quotes and the order of its keys do not count."""
    canonical = json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=_decimal)
    return hashlib.sha256(canonical.encode("utf-8")).hexdigest()


def _decimal(value: object) -> dict[str, str]:
    if isinstance(value, Decimal):
        return {"decimal": format(value.normalize(), "f")}
    raise TypeError(f"{type(value).__name__} is no plain data")


def _read_back(written: Plain) -> int | None:
    """How many records of a stream are read back; None is all of them."""
    if written is None:
        return READ_BACK
    return None if written == "all" else 0 if written == "none" else number(written)


def _warnings(data: dict[str, Plain], findings: Findings) -> dict[str, WarningLevel]:
    written = {} if findings.touched("warnings") else table(data.get("warnings"))
    return {code: WarningLevel(text(level) or WarningLevel.WARNING) for code, level in written.items()}


def _streams(written: dict[str, Plain], findings: Findings) -> tuple[Stream, ...]:
    """The usable streams; a lookup to an unusable one is left out, too."""
    usable = {
        name: table(each)
        for name, each in written.items()
        if not findings.broken(("streams", name))
        and not any(findings.touched("streams", name, key) for key in _ESSENTIAL_TO_STREAM)
    }
    streams = (_stream(name, each, usable, findings) for name, each in usable.items())
    return tuple(each for each in streams if all(_is_usable(key, usable) for key in each.keys))


def _is_usable(mapping: FieldMapping, usable: dict[str, dict[str, Plain]]) -> bool:
    return not isinstance(mapping.rule, LookupRule) or mapping.rule.stream in usable


def _stream(name: str, written: dict[str, Plain], usable: dict[str, dict[str, Plain]], findings: Findings) -> Stream:
    document, pointer = findings.document, ("streams", name)
    fields = [
        build_mapping(field, each, document, (*pointer, "fields", field))
        for field, each in table(written.get("fields")).items()
        if not findings.touched(*pointer, "fields", field)
    ]
    if "conflict" in written and not findings.touched(*pointer, "conflict"):
        policy = Conflict(text(written["conflict"]) or "")
        fields = [each if "conflict" in each.part_origins else replace(each, conflict=policy) for each in fields]
    missing = None if findings.touched(*pointer, "on_missing") else written.get("on_missing")
    return Stream(
        name=name,
        source=text(written["from"]) or "",
        object=text(written["to"]) or "",
        keys=tuple(
            build_mapping(field, each, document, (*pointer, "key", field))
            for field, each in table(written["key"]).items()
        ),
        fields=tuple(each for each in fields if _is_usable(each, usable)),
        filter=_filters((*pointer, "filter"), written.get("filter"), findings),
        locale=None if findings.touched(*pointer, "locale") else text(written.get("locale")),
        match=_match(written.get("match"), document, (*pointer, "match"), findings),
        root=None if findings.touched(*pointer, "root") else text(written.get("root")),
        for_each=_for_each(written.get("for_each"), document, (*pointer, "for_each")),
        on_missing=_on_missing(missing),
        missing_fields=_missing_fields(missing, document, (*pointer, "on_missing", "set")),
        origin=document.key_origin(pointer),
        source_origin=document.origin((*pointer, "from")),
        object_origin=document.origin((*pointer, "to")),
        root_origin=document.origin((*pointer, "root")),
        locale_origin=document.origin((*pointer, "locale")),
    )


def _for_each(written: Plain, document: Document, pointer: Pointer) -> ForEach | None:
    """What a stream's records are exploded by; a plain word means all there are."""
    if written is None:
        return None
    origin = document.origin(pointer)
    if isinstance(written, str):
        return ForEach(Each(written), origin=origin)
    ((each, codes),) = [(key, value) for key, value in table(written).items() if key != "only"]
    return ForEach(Each(each), texts(codes), "only" in table(written), origin)


def _match(written: Plain, document: Document, pointer: Pointer, findings: Findings) -> tuple[FieldMapping, ...]:
    return tuple(
        build_mapping(field, mapping, document, (*pointer, index, field))
        for index, each in enumerate(items(written))
        for field, mapping in table(each).items()
        if not findings.touched(*pointer, index)
    )


def _on_missing(written: Plain) -> OnMissing:
    return OnMissing.SET if isinstance(written, dict) else OnMissing(text(written) or OnMissing.KEEP)


def _missing_fields(written: Plain, document: Document, pointer: Pointer) -> tuple[FieldMapping, ...]:
    return tuple(
        FieldMapping(field, ConstRule(value), origin=document.key_origin((*pointer, field)))
        for field, value in table(table(written).get("set")).items()
    )


def build_mapping(target: str, written: Plain, document: Document, pointer: Pointer) -> FieldMapping:
    """A mapping that has the right shape, as typed value.

    Args:
        target: the target field.
        written: a shorthand text or a mapping with its options.
        document: holds it.
        pointer: where it stands in the document.
    """
    if isinstance(written, str):
        place = document.origin(pointer)
        parts = dict.fromkeys(("template", "value"), place)
        return FieldMapping(target, _shorthand(written), origin=document.key_origin(pointer), part_origins=parts)
    options = table(written)
    return FieldMapping(
        target=target,
        rule=_rule(options),
        locale=text(options.get("locale")),
        channel=text(options.get("channel")),
        default=options.get("default"),
        required=options.get("required") is True,
        truncate=number(options.get("truncate")),
        round=number(options.get("round")),
        join=text(options.get("join")),
        labels=options.get("labels") is True,
        translate=table(options["translate"]) if "translate" in options else None,
        otherwise=Otherwise(text(options.get("otherwise")) or Otherwise.REJECT),
        unit=text(options.get("unit")),
        currency=text(options.get("currency")),
        table=TableForm(text(options["table"]) or "") if "table" in options else None,
        number=options.get("number") is True,
        when_empty=WhenEmpty(text(options.get("when_empty")) or WhenEmpty.CLEAR),
        overwrite=Overwrite(text(options.get("overwrite")) or Overwrite.ALWAYS),
        conflict=Conflict(text(options.get("conflict")) or Conflict.OVERWRITE),
        new_options=NewOptions(text(options["new_options"]) or "") if "new_options" in options else None,
        origin=document.key_origin(pointer),
        part_origins={key: document.origin((*pointer, key)) for key in options},
    )


def _shorthand(written: str) -> Rule:
    return TemplateRule(written) if "{{" in written else ValueRule(written)


def _rule(options: dict[str, Plain]) -> Rule:
    missing = WhenMissingParent(text(options.get("missing")) or WhenMissingParent.REJECT)
    if "lookup" in options:
        return LookupRule(text(options["lookup"]) or "", text(options["value"]) or "", missing)
    if isinstance(options.get("find"), str):
        return FindByRule(text(options["find"]) or "", text(options["value"]) or "", missing)
    if "find" in options:
        field, value = next(iter(table(options["find"]).items()))
        return FindRule(field, value)
    if "const" in options:
        return ConstRule(options["const"])
    if "expression" in options:
        return ExpressionRule(text(options["expression"]) or "")
    if "template" in options:
        return TemplateRule(text(options["template"]) or "")
    if "media" in options:
        return MediaRule(text(options["media"]) or "")
    return ValueRule(text(options["value"]) or "")


def expressions_of(document: Document) -> Iterator[FieldMapping]:
    """Every expression and template of a document as a mapping, however broken the rest of the document is."""
    for name, stream in table(table(document.data).get("streams")).items():
        pointer: Pointer = ("streams", name)
        parts = [(part, (*pointer, part)) for part in ("key", "fields")]
        written = [(table(table(stream).get(part)), place) for part, place in parts]
        matches = enumerate(items(table(stream).get("match")))
        written += [(table(each), (*pointer, "match", index)) for index, each in matches]
        for mappings, place in written:
            for field, each in mappings.items():
                yield from _expression_of(field, each, document, (*place, field))


def _expression_of(field: str, written: Plain, document: Document, pointer: Pointer) -> Iterator[FieldMapping]:
    if isinstance(written, str):
        if "{{" in written:
            yield build_mapping(field, written, document, pointer)
        return
    for part, rule in (("expression", ExpressionRule), ("template", TemplateRule)):
        found = text(table(written).get(part))
        if found:
            places = {part: document.origin((*pointer, part))}
            yield FieldMapping(field, rule(found), origin=document.key_origin(pointer), part_origins=places)


def _filters(pointer: Pointer, written: Plain, findings: Findings) -> tuple[Filter, ...]:
    """The criteria of a list without the broken ones."""
    return tuple(
        _filter((*pointer, index), table(each), findings)
        for index, each in enumerate(items(written))
        if not findings.touched(*pointer, index)
    )


def _filter(pointer: Pointer, written: dict[str, Plain], findings: Findings) -> Filter:
    origin = findings.document.origin(pointer)
    if "any" in written:
        return AnyOf(_filters((*pointer, "any"), written["any"], findings), origin)
    if "all" in written:
        return AllOf(_filters((*pointer, "all"), written["all"], findings), origin)
    if "not" in written:
        return Not(_filter((*pointer, "not"), table(written["not"]), findings), origin)
    value = written.get("value")
    return Criterion(
        field=text(written["field"]) or "",
        operator=text(written["operator"]) or "",
        value=tuple(value) if isinstance(value, list) else value,
        locale=text(written.get("locale")),
        channel=text(written.get("channel")),
        locales=texts(written.get("locales")),
        origin=origin,
    )


def _safety(written: Plain, findings: Findings) -> Safety:
    if findings.touched("safety"):
        return Safety()
    data = table(written)
    given = {key: value for key, each in data.items() if (value := number(each)) is not None}
    expected = table(data.get("expect"))
    given |= {f"expect_{key}": value for key, each in expected.items() if (value := number(each)) is not None}
    return Safety(**given, origin=findings.document.key_origin(("safety",)))


def _log(written: dict[str, Plain]) -> LogPolicy:
    keep = text(written.get("keep"))
    megabytes = number(written.get("keep_mb"))
    fields = table(written.get("fields"))
    return LogPolicy(
        level=LogLevel(text(written.get("level")) or LogLevel.FULL),
        keep_days=int(keep.removesuffix("d")) if keep else LogPolicy().keep_days,
        keep_records=number(written.get("keep_records")),
        keep_bytes=None if megabytes is None else megabytes * MEGABYTE,
        to=text(written.get("to")) or "",
        key=text(written.get("key")) or "",
        fields={name: TransferFact(fact) for name, each in fields.items() if (fact := text(each))},
    )
