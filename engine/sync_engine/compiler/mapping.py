"""One mapping becomes one plain function from a record to a target value."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from sync_engine.catalog.mapping import (
    ConstRule,
    ExpressionRule,
    FieldMapping,
    FindByRule,
    FindRule,
    LookupRule,
    MediaRule,
    NewOptions,
    Rule,
    TemplateRule,
    ValueRule,
    WhenEmpty,
)
from sync_engine.compiler import steps
from sync_engine.compiler.compiled import CompiledField, Input, MappedRecord, Parts, Variant
from sync_engine.compiler.conversion import Unconvertible, converter
from sync_engine.compiler.criteria import pick
from sync_engine.compiler.keys import join_key
from sync_engine.compiler.new_options import as_judged, guarded, labels_of
from sync_engine.expressions import EvaluationFailed, Expression, Template, compile_expression, compile_template
from sync_engine.expressions.variables import variable_maker
from sync_engine.sdk.source import LINKS, Attribute, RecordCollection, SourceRecord, SourceSchema
from sync_engine.sdk.target import FieldDescription, FieldRequest, FieldType, ObjectSchema, Owner, Reason
from sync_engine.sdk.values import Blank, MediaRef, ParentKey, TargetValue

Getter = Callable[[SourceRecord], object]


@dataclass(frozen=True, slots=True)
class Scope:
    """What a mapping can see.

    Attributes:
        schema: of the source.
        collection: the stream reads.
        locale: values are read in, unless the mapping names another; None when the catalog names no locales.
        locales: all of the catalog's, for labels that a locale lacks.
        channel: likewise.
        parents: object and key field of each stream of the catalog, for lookups.
        timezone: in which a moment becomes a day.
        added: properties that the rows of ``for_each`` have beside those of the record.
        filter: the codes that the filter leaves of an attribute or property, where it names them.
        objects: of the target, by name; also those that the catalog only refers to.
    """

    schema: SourceSchema
    collection: RecordCollection
    locale: str | None
    locales: tuple[str, ...]
    channel: str | None
    parents: Mapping[str, tuple[str, str]]
    timezone: ZoneInfo
    added: Mapping[str, Attribute] = field(default_factory=dict)
    filter: Mapping[str, frozenset[str]] = field(default_factory=dict)
    objects: Mapping[str, ObjectSchema] = field(default_factory=dict)

    @property
    def linked(self) -> frozenset[str]:
        """Codes of what links to other records, whose attributes have a dot in their code."""
        return frozenset(each.code for each in self.known().values() if each.kind in LINKS)

    def known(self) -> dict[str, Attribute]:
        """Every attribute and property by code."""
        attributes = self.schema.attributes if self.collection.has_attributes else {}
        return {**attributes, **self.collection.properties, **self.added}


def compile_field(mapping: FieldMapping, description: FieldDescription, scope: Scope) -> CompiledField:
    """Make the function for one target field; the mapping has been checked before (see ``compiler.checks``)."""
    rule = mapping.rule
    getter, reads = _getter(mapping, description, scope)
    named = option_steps(mapping, description, scope)
    chain = tuple(step for _, step in named)
    convert = converter(as_judged(description, mapping), scope.timezone)
    creates = mapping.new_options is NewOptions.CREATE
    if creates:
        convert = guarded(convert, description)
    default = None if mapping.default is None else convert(mapping.default)
    empty = _when_empty(mapping, description)
    name = description.name

    def evaluate(record: SourceRecord) -> TargetValue | Blank:
        try:
            value = getter(record)
        except EvaluationFailed as error:
            raise Unconvertible(Reason(error.code, error.message, name, Owner.MAPPING)) from error
        for step in chain:
            if value is None:
                break
            value = step(value)
        if value is None or _is_empty(value):
            return empty() if default is None else default
        return convert(value)

    request = FieldRequest(name, *(parent_place(rule, description, scope) or ()))
    parts = Parts(_inputs(mapping, reads, scope), getter, named)
    attribute = scope.known().get(rule.code) if isinstance(rule, ValueRule) else None
    new_labels = labels_of(mapping, attribute, mapping.locale or scope.locale) if creates else {}
    return CompiledField(description, mapping, evaluate, reads, parts, request, new_labels)


def _is_empty(value: object) -> bool:
    if isinstance(value, str):
        return not value or value.isspace()
    return value == ()


def _when_empty(mapping: FieldMapping, description: FieldDescription) -> Callable[[], Blank]:
    """What an empty result means; a required field must never be emptied, and a yes/no field cannot be."""
    name = description.name
    if isinstance(mapping.rule, FindRule):
        return lambda: Blank.LEAVE
    if mapping.when_empty is WhenEmpty.KEEP and not (mapping.required or description.required):
        return lambda: Blank.LEAVE
    if mapping.required or mapping.when_empty is WhenEmpty.REJECT:
        why = "the mapping requires it"
    elif description.required:
        why = "the target requires it"
    elif description.type is FieldType.BOOLEAN:
        why = "a yes/no field is never empty; say `default: false` or `when_empty: keep`"
    else:
        return lambda: Blank.CLEAR

    def refuse() -> Blank:
        raise Unconvertible(Reason("REQUIRED_EMPTY", f"{name} has no value, and {why}", name, Owner.DATA))

    return refuse


def parent_place(rule: Rule, field: FieldDescription, scope: Scope) -> tuple[str, str] | None:
    """The object and the field by which the record is found that a reference points to; None of any other rule."""
    if isinstance(rule, LookupRule):
        return scope.parents[rule.stream]
    if isinstance(rule, FindByRule):
        (name,) = field.refers_to
        described = scope.objects.get(name)
        found = described.field(rule.field) if described else None
        return name, found.name if found else rule.field
    return None


def _getter(mapping: FieldMapping, description: FieldDescription, scope: Scope) -> tuple[Getter, frozenset[str]]:
    rule: Rule = mapping.rule
    locale, channel = mapping.locale or scope.locale, mapping.channel or scope.channel
    known = scope.known()
    if isinstance(rule, ValueRule):
        return value_getter(known[rule.code], locale, channel), frozenset({rule.code})
    if isinstance(rule, ConstRule):
        return (lambda _: rule.value), frozenset()
    if isinstance(rule, FindRule):
        return (lambda _: None), frozenset()  # not looked for: offline, nobody can say which record it is
    place = parent_place(rule, description, scope)
    if isinstance(rule, (LookupRule, FindByRule)) and place is not None:
        return _reference(value_getter(known[rule.value], locale, channel), *place), frozenset({rule.value})
    if isinstance(rule, MediaRule):
        return _media(value_getter(known[rule.code], locale, channel), mapping.target), frozenset({rule.code})
    if isinstance(rule, (ExpressionRule, TemplateRule)):
        compile_ = compile_expression if isinstance(rule, ExpressionRule) else compile_template
        compiled: Expression | Template = compile_(rule.text, mapping.place("expression"), scope.linked)
        makers = [
            (
                name,
                value_getter(known[name], locale, channel),
                variable_maker(known[name], scope.schema, locale, scope.locales),
            )
            for name in sorted(compiled.names)
        ]
        evaluate = compiled.evaluate

        def run(record: SourceRecord) -> object:
            return evaluate({name: make(get(record)) for name, get, make in makers})

        return run, compiled.names
    raise TypeError(f"a mapping by {type(rule).__name__} is refused before it gets here")


def value_getter(attribute: Attribute, locale: str | None, channel: str | None) -> Getter:
    """A function that takes an attribute's or property's value out of a record."""
    code = attribute.code
    wanted_locale = locale if attribute.localizable else None
    wanted_channel = channel if attribute.scopable else None
    if attribute.is_property and not attribute.localizable and not attribute.scopable:
        return lambda record: record.properties.get(code)

    def get(record: SourceRecord) -> object:
        # Properties that exist per locale or channel (a category's label) hold entries as attributes do.
        entries = record.properties.get(code) if attribute.is_property else record.values.get(code)
        return pick(entries, wanted_locale, wanted_channel) if entries else None  # type: ignore[arg-type]

    return get


def _inputs(mapping: FieldMapping, reads: frozenset[str], scope: Scope) -> tuple[Input, ...]:
    locale, channel = mapping.locale or scope.locale, mapping.channel or scope.channel
    known = scope.known()
    return tuple(
        Input(
            code,
            locale if known[code].localizable else None,
            channel if known[code].scopable else None,
            value_getter(known[code], locale, channel),
        )
        for code in sorted(reads)
    )


def _reference(get: Getter, parent_object: str, parent_field: str) -> Getter:
    """A function to the key of the record that a value names."""

    def parent(record: SourceRecord) -> object:
        key = get(record)
        return ParentKey(parent_object, parent_field, str(key)) if key is not None and key != "" else None

    return parent


def _media(get: Getter, field: str) -> Getter:
    """The file that a value names: of an attribute, or of a row, whose file's name stands beside it."""

    def media(record: SourceRecord) -> object:
        value = get(record)
        if isinstance(value, tuple):
            if len(value) > 1:
                message = f"{len(value)} files for one field; `for_each: media` makes a record of each"
                raise Unconvertible(Reason("SEVERAL_FILES", message, field, Owner.MAPPING))
            value = value[0] if value else None
        if isinstance(value, str) and value:
            value = MediaRef(value, str(record.properties.get("filename") or ""))
        if isinstance(value, MediaRef) and "://" in value.code:
            message = f"{value.code} is a link to another place, not a file; a `template` writes its address"
            raise Unconvertible(Reason("NOT_A_FILE", message, field, Owner.DATA))
        return value

    return media


def option_steps(
    mapping: FieldMapping, description: FieldDescription, scope: Scope
) -> tuple[tuple[str, steps.Step], ...]:
    """The options in the order they apply: labels or unit or currency, table, number, rounding, joining, cutting."""
    chain: list[tuple[str, steps.Step]] = []
    name = description.name
    attribute = scope.known().get(mapping.rule.code) if isinstance(mapping.rule, ValueRule) else None
    locales = _label_locales(mapping.locale or scope.locale, scope.locales)
    if mapping.labels and attribute is not None and mapping.table is None:
        chain.append(("labels", steps.labels(attribute.options or (), locales)))
    if mapping.unit and attribute is not None and attribute.unit_family:
        family = scope.schema.unit_families[attribute.unit_family]
        chain.append((f"unit: {mapping.unit}", steps.in_unit(mapping.unit, family, name)))
    if mapping.currency:
        chain.append((f"currency: {mapping.currency}", steps.in_currency(mapping.currency)))
    if mapping.table is not None:
        columns = attribute.columns if attribute is not None and mapping.labels else ()
        chain.append((f"table: {mapping.table}", steps.table_text(mapping.table, columns, locales)))
    if mapping.translate is not None:
        chain.append(("translate", steps.translate(mapping.translate, mapping.otherwise, name)))
    if mapping.number:
        chain.append(("number", steps.as_number(name)))
    if mapping.round is not None:
        chain.append((f"round: {mapping.round}", steps.rounded(mapping.round, name)))
    if mapping.join is not None and description.type is not FieldType.MULTIPICKLIST:
        chain.append((f'join: "{mapping.join}"', steps.joined(mapping.join)))
    if mapping.truncate is not None:
        chain.append((f"truncate: {mapping.truncate}", steps.truncated(mapping.truncate)))
    return tuple(chain)


def _label_locales(locale: str | None, others: Sequence[str]) -> tuple[str, ...]:
    wanted = (*((locale,) if locale else ()), *others)
    return tuple(dict.fromkeys(wanted))


def several(parts: Sequence[CompiledField]) -> CompiledField:
    """A key of several fields as one field that nobody writes: its name and its text are those of all."""
    name = " + ".join(each.name for each in parts)
    description = FieldDescription(
        name, name, FieldType.TEXT, case_sensitive=any(each.description.case_sensitive for each in parts)
    )

    def evaluate(record: SourceRecord) -> TargetValue | Blank:
        return _text([each.evaluate(record) for each in parts])

    inputs = tuple(one for each in parts for one in each.parts.inputs)
    reads = frozenset(code for each in parts for code in each.reads)
    return CompiledField(
        description, parts[0].mapping, evaluate, reads, Parts(inputs, evaluate, ()), FieldRequest(name)
    )


def _text(values: Sequence[TargetValue | Blank]) -> str:
    return join_key([each.key if isinstance(each, ParentKey) else str(each).strip() for each in values])


def map_record(variant: Variant, record: SourceRecord) -> MappedRecord:
    """All fields of a record, or every reason why it cannot be written."""
    reasons: list[Reason] = []
    text = "" if variant.key_parts else _single_key(variant.key, record, reasons)
    values: list[TargetValue | Blank] = []
    failed = 0
    for compiled in variant.fields:
        try:
            values.append(compiled.evaluate(record))
        except Unconvertible as error:
            reasons.append(error.reason)
            failed += len(values) < variant.key_parts
            values.append(Blank.LEAVE)
    found_by: list[TargetValue | Blank] = []
    for compiled in variant.match:
        try:
            found_by.append(compiled.evaluate(record))
        except Unconvertible as error:
            reasons.append(error.reason)
    key_values = () if failed else tuple(values[: variant.key_parts])
    text = _text(key_values) if key_values else text
    if reasons:
        return MappedRecord(record.key, text, (), tuple(reasons), (), key_values)
    return MappedRecord(record.key, text, tuple(values), (), tuple(found_by), key_values)


def _single_key(key: CompiledField, record: SourceRecord, reasons: list[Reason]) -> str:
    found: TargetValue | Blank = None
    try:
        found = key.evaluate(record)
    except Unconvertible as error:
        reasons.append(error.reason)
    text = "" if found is None or isinstance(found, Blank) else str(found).strip()
    if not text and not reasons:
        reasons.append(Reason("KEY_EMPTY", f"the key {key.name} has no value", key.name, Owner.DATA))
    return text
