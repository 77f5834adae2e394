"""What can be wrong with a mapping, found before anything runs: all problems, each with the place of its part."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from sync_engine.catalog.mapping import (
    Conflict,
    ConstRule,
    ExpressionRule,
    FieldMapping,
    FindByRule,
    FindRule,
    LookupRule,
    MediaRule,
    TemplateRule,
    ValueRule,
)
from sync_engine.catalog.model import Stream
from sync_engine.compiler.choices import check_choices, unlabelled
from sync_engine.compiler.conversion import FILES, Unconvertible, compatible, converter
from sync_engine.compiler.mapping import Scope
from sync_engine.compiler.matrix import DIRECT, fitting_fields, with_option
from sync_engine.compiler.new_options import as_judged, check_new_options
from sync_engine.expressions import InvalidExpression, compile_expression, compile_template
from sync_engine.problems import near_or_all, nearest, problem
from sync_engine.sdk.problem import Origin, Problem
from sync_engine.sdk.source import LINKS, Attribute, Kind
from sync_engine.sdk.target import FieldDescription, FieldType, ObjectSchema

MATCHABLE = {FieldType.TEXT, FieldType.ID, FieldType.EMAIL, FieldType.PHONE, FieldType.URL, FieldType.REFERENCE}
_FINDING = {FieldType.TEXT, FieldType.EMAIL}
"""Types of fields that may be a key of their own without being an external id, where they are unique."""
_NO_KEY_PART = {FieldType.TEXTAREA, FieldType.RICH_TEXT, FieldType.MULTIPICKLIST, FieldType.FILE, FieldType.OTHER}
LISTS = {Kind.MULTISELECT, Kind.CATEGORIES, Kind.GROUPS, Kind.RECORDS, Kind.ASSETS}
NUMBERS = {FieldType.INTEGER, FieldType.DECIMAL, FieldType.PERCENT, FieldType.CURRENCY}
UUID_LENGTH = 36
CODED = {Kind.SELECT, Kind.MULTISELECT, Kind.FAMILY, Kind.CATEGORIES, Kind.GROUPS, *LINKS}


def check_key(stream: Stream, described: ObjectSchema, scope: Scope) -> Iterator[Problem]:
    """The key must be found in the target without doubt: a field that is unique there, or several fields together.

    Where it is no external id, records are looked for before they are written, and new ones inserted, as with several.
    """
    if len(stream.keys) > 1:
        for mapping in stream.keys:
            yield from _check_key_part(mapping, described, scope)
        if stream.match:
            yield problem("SE356", stream.match[0].origin, stream=stream.name)
        return
    (mapping,) = stream.keys
    field = described.field(mapping.target)
    if field is not None and field.type is not FieldType.ID:
        if not (field.external_id or (field.unique and field.type in _FINDING)):
            hint = _external_ids(described)
            yield problem("SE306", mapping.origin, hint, object=described.name, name=field.name)
        elif not field.unique:
            yield problem("SE307", mapping.origin, object=described.name, name=field.name)
    yield from check_mapping(mapping, described, scope)


def _check_key_part(mapping: FieldMapping, described: ObjectSchema, scope: Scope) -> Iterator[Problem]:
    """A part of a key is compared as text, so it must be a value of one plain piece."""
    field = described.field(mapping.target)
    if field is not None and field.type in _NO_KEY_PART:
        yield problem("SE357", mapping.origin, object=described.name, name=field.name, type=field.type)
    yield from check_mapping(mapping, described, scope)


def _external_ids(described: ObjectSchema) -> str:
    names = sorted(each.name for each in described.fields.values() if each.external_id and each.unique)
    if names:
        return f"{described.name} has these: {', '.join(names)}"
    return f"{described.name} has none; add a text field marked External ID and Unique."


def check_required(stream: Stream, described: ObjectSchema) -> Iterator[Problem]:
    """Every field without which a record cannot be created must be mapped."""
    mapped = {each.target.casefold() for each in stream.mappings}
    for field in described.fields.values():
        if field.required and field.createable and field.name.casefold() not in mapped:
            yield problem("SE308", stream.origin, object=described.name, name=field.name)
    for mapping in stream.fields:
        needed = described.field(mapping.target)
        if mapping.conflict is Conflict.REPORT and needed is not None and needed.required and needed.createable:
            yield problem("SE508", mapping.place("conflict"), object=described.name, name=needed.name)


def check_mapping(mapping: FieldMapping, described: ObjectSchema, scope: Scope) -> Iterator[Problem]:
    """All problems of one mapping."""
    field = described.field(mapping.target)
    if field is None:
        hint = nearest(mapping.target, described.fields) or f"`sync-engine fields {described.name}` lists them."
        yield problem("SE304", mapping.origin, hint, object=described.name, name=mapping.target)
    elif field.not_writable or not (field.createable or field.updateable):
        why = field.not_writable or "this user may not write it"
        yield problem("SE305", mapping.origin, object=described.name, name=field.name, why=why)
        field = None
    yield from check_place(mapping, scope)
    rule = mapping.rule
    if isinstance(rule, ValueRule):
        yield from _check_value(mapping, rule.code, field, described, scope)
    elif isinstance(rule, LookupRule):
        yield from _check_lookup(mapping, rule, field, scope)
    elif isinstance(rule, (ExpressionRule, TemplateRule)):
        yield from _check_expression(mapping, rule, scope)
    elif isinstance(rule, MediaRule):
        yield from _check_media(mapping, rule, field, scope)
    elif isinstance(rule, (FindRule, FindByRule)):
        yield from _check_find(mapping, rule, field, described, scope)
    if field is not None:
        yield from check_new_options(mapping, field)
        yield from _check_constants(mapping, as_judged(field, mapping), scope)


def _check_constants(mapping: FieldMapping, field: FieldDescription, scope: Scope) -> Iterator[Problem]:
    """What the catalog itself writes down: a constant, a default, the entries of a table."""
    if isinstance(mapping.rule, ConstRule) and mapping.translate is None:
        yield from _check_fixed(mapping, mapping.rule.value, "const", field, scope)
    if mapping.default is not None:
        yield from _check_fixed(mapping, mapping.default, "default", field, scope)
    if not (mapping.number or mapping.join or field.type is FieldType.MULTIPICKLIST):
        for value in (mapping.translate or {}).values():
            if value is not None:
                yield from _check_fixed(mapping, value, "translate", field, scope)


def check_match(mapping: FieldMapping, described: ObjectSchema, scope: Scope) -> Iterator[Problem]:
    """A field to find records by must exist and hold text or an id; it is only compared, so it need not be writable."""
    field = described.field(mapping.target)
    if field is None:
        hint = nearest(mapping.target, described.fields) or f"`sync-engine fields {described.name}` lists them."
        yield problem("SE304", mapping.origin, hint, object=described.name, name=mapping.target)
        return
    if field.type not in MATCHABLE:
        yield problem("SE329", mapping.origin, field=field.name, type=field.type)
    if isinstance(mapping.rule, ValueRule):
        yield from check_name(mapping.rule.code, mapping.place("value"), mapping, scope)
    elif isinstance(mapping.rule, (ExpressionRule, TemplateRule)):
        yield from _check_expression(mapping, mapping.rule, scope)


def check_place(mapping: FieldMapping, scope: Scope) -> Iterator[Problem]:
    """The locale, channel and currency that a mapping names must exist."""
    schema = scope.schema
    if mapping.locale and mapping.locale not in schema.locales:
        hint = near_or_all(mapping.locale, schema.locales)
        yield problem("SE312", mapping.place("locale"), hint, name=mapping.locale)
    if mapping.channel and mapping.channel not in schema.channels:
        hint = near_or_all(mapping.channel, schema.channels)
        yield problem("SE313", mapping.place("channel"), hint, name=mapping.channel)
    if mapping.currency and mapping.currency not in schema.currencies:
        hint = near_or_all(mapping.currency, schema.currencies)
        yield problem("SE315", mapping.place("currency"), hint, name=mapping.currency)


def check_name(name: str, origin: Origin, mapping: FieldMapping, scope: Scope) -> Iterator[Problem]:
    """A name in a mapping must be known, usable, and have a locale and a channel where it needs them."""
    known = scope.known()
    attribute = known.get(name)
    if attribute is None:
        hint = nearest(name, known) or "`sync-engine attributes` lists what there is."
        yield problem("SE302", origin, hint, name=name, collection=scope.collection.name)
        return
    if attribute.kind in (Kind.OTHER, Kind.ASSOCIATIONS):
        hint = "`for_each: association` makes a row of each." if attribute.kind is Kind.ASSOCIATIONS else ""
        yield problem("SE320", origin, hint, name=name, kind=attribute.native_type or attribute.kind)
    if attribute.localizable and not (mapping.locale or scope.locale):
        yield problem("SE311", origin, _one_of(scope.schema.locales), name=name)
    if attribute.scopable and not (mapping.channel or scope.channel):
        yield problem("SE310", origin, _one_of(scope.schema.channels), name=name)


def _check_value(
    mapping: FieldMapping, code: str, field: FieldDescription | None, described: ObjectSchema, scope: Scope
) -> Iterator[Problem]:
    yield from check_name(code, mapping.place("value"), mapping, scope)
    attribute = scope.known().get(code)
    if attribute is None or attribute.kind in (Kind.OTHER, Kind.ASSOCIATIONS):
        return
    yield from _check_options(mapping, attribute, scope)
    if field is None:
        return
    why = compatible(attribute.kind, field, mapping)
    if why is not None:
        place, hint = mapping.place("value"), _fields_for(attribute, described)
        yield problem("SE309", place, hint, name=code, kind=attribute.kind, field=field.name, type=field.type, why=why)
    elif _may_be_too_long(attribute, field, mapping):
        yield problem(
            "SE324",
            mapping.place("value"),
            name=code,
            source=attribute.max_length,
            field=field.name,
            target=field.length,
        )
    else:
        yield from _check_fit(mapping, attribute, field)
        yield from check_choices(mapping, attribute, field, scope)


def _check_media(
    mapping: FieldMapping, rule: MediaRule, field: FieldDescription | None, scope: Scope
) -> Iterator[Problem]:
    """A file goes from what is a file in the source to what holds files in the target."""
    place = mapping.place("media")
    yield from check_name(rule.code, place, mapping, scope)
    attribute = scope.known().get(rule.code)
    of_row = rule.code in scope.added and rule.code == "media"
    if attribute is not None and attribute.kind not in FILES and not of_row:
        yield problem("SE350", place, name=rule.code, kind=attribute.kind)
    if field is not None and field.type is not FieldType.FILE:
        yield problem("SE351", place, field=field.name, type=field.type)


def _one_of(names: Iterable[str]) -> str:
    return f"The source has: {', '.join(sorted(names))}"


def _fields_for(attribute: Attribute, described: ObjectSchema) -> str:
    """A hint that names some fields which the attribute fills."""
    found = fitting_fields(attribute, described)
    if not found:
        return f"No field of {described.name} takes it."
    names = sorted(found, key=lambda each: (found[each] != DIRECT, not each.endswith("__c"), each))
    shown = ", ".join(with_option(each, found[each]) for each in names[:5])
    return f"Fields of {described.name} that take it: {shown}{', …' if len(names) > 5 else ''}"


def _check_fit(mapping: FieldMapping, attribute: Attribute, field: FieldDescription) -> Iterator[Problem]:
    """What the attribute alone says of sizes: keys that are always too long, decimals that have no place."""
    place = mapping.place("value")
    if mapping.translate is not None:
        return
    if attribute.kind is Kind.UUID and 0 < field.length < UUID_LENGTH and not mapping.truncate:
        yield problem("SE364", place, name=attribute.code, field=field.name, length=field.length)
    if field.type in NUMBERS and not field.scale and attribute.decimals and mapping.round is None:
        yield problem("SE365", place, name=attribute.code, field=field.name)


def _may_be_too_long(attribute: Attribute, field: FieldDescription, mapping: FieldMapping) -> bool:
    if attribute.max_length is None or not field.length or mapping.truncate or mapping.translate is not None:
        return False
    return attribute.kind in (Kind.TEXT, Kind.TEXTAREA) and attribute.max_length > field.length


def _check_options(mapping: FieldMapping, attribute: Attribute, scope: Scope) -> Iterator[Problem]:
    """Each option must make sense for the kind of attribute it is applied to."""
    kind = attribute.kind
    wrong = {
        "labels": mapping.labels and kind not in CODED and mapping.table is None,
        "unit": mapping.unit is not None and kind is not Kind.MEASUREMENT,
        "currency": mapping.currency is not None and kind is not Kind.PRICES,
        "table": mapping.table is not None and kind is not Kind.TABLE,
        "join": mapping.join is not None and kind not in LISTS,
    }
    for option, misplaced in wrong.items():
        if misplaced:
            yield problem("SE316", mapping.place(option), option=option, name=attribute.code, kind=kind)
    if mapping.unit and kind is Kind.MEASUREMENT and attribute.unit_family:
        family = scope.schema.unit_families.get(attribute.unit_family)
        if family is not None and mapping.unit not in family.units:
            hint = near_or_all(mapping.unit, family.units)
            yield problem("SE314", mapping.place("unit"), hint, name=mapping.unit, family=family.code)
    if mapping.labels and kind in CODED:
        yield from _check_labels(mapping, attribute, mapping.locale or scope.locale, scope)


def _check_labels(mapping: FieldMapping, attribute: Attribute, locale: str | None, scope: Scope) -> Iterator[Problem]:
    if locale is None:
        yield problem("SE311", mapping.place("labels"), name=attribute.code)
        return
    if attribute.kind in LINKS:
        return  # their labels are data like any other: there may be very many, and no snapshot holds them
    if attribute.options is None:
        yield problem("SE330", mapping.place("labels"), name=attribute.code)
    options = unlabelled(attribute, locale, scope) if locale in scope.schema.locales else ""
    if options:
        yield problem("SE323", mapping.place("labels"), options=options, name=attribute.code, locale=locale)


def _check_lookup(
    mapping: FieldMapping, rule: LookupRule, field: FieldDescription | None, scope: Scope
) -> Iterator[Problem]:
    yield from check_name(rule.value, mapping.place("value"), mapping, scope)
    if field is None or rule.stream not in scope.parents:
        return
    if field.type is not FieldType.REFERENCE:
        yield problem("SE321", mapping.origin, field=field.name)
        return
    written = scope.parents[rule.stream][0]
    if field.refers_to and written.casefold() not in {each.casefold() for each in field.refers_to}:
        expected = " or ".join(field.refers_to)
        place = mapping.place("lookup")
        yield problem("SE317", place, field=field.name, expected=expected, stream=rule.stream, object=written)


def _check_find(
    mapping: FieldMapping,
    rule: FindRule | FindByRule,
    field: FieldDescription | None,
    described: ObjectSchema,
    scope: Scope,
) -> Iterator[Problem]:
    """What is referred to must be of one object; where each record names another one, it has to be an external id."""
    if isinstance(rule, FindByRule):
        yield from check_name(rule.value, mapping.place("value"), mapping, scope)
    if field is None:
        return
    if len(field.refers_to) != 1:
        yield problem("SE358", mapping.place("find"), object=described.name, name=field.name)
        return
    other = scope.objects.get(field.refers_to[0])
    if not isinstance(rule, FindByRule) or other is None:
        return
    key = other.field(rule.field)
    if key is None:
        yield problem(
            "SE304", mapping.place("find"), nearest(rule.field, other.fields), object=other.name, name=rule.field
        )
    elif not (key.external_id and key.unique):
        yield problem("SE335", mapping.place("find"), _external_ids(other), object=other.name, name=key.name)


def _check_expression(mapping: FieldMapping, rule: ExpressionRule | TemplateRule, scope: Scope) -> Iterator[Problem]:
    try:
        compiled = (
            compile_expression(rule.text, mapping.place("expression"), scope.linked)
            if isinstance(rule, ExpressionRule)
            else compile_template(rule.text, mapping.place("template"), scope.linked)
        )
    except InvalidExpression as error:
        yield error.problem
        return
    part = "expression" if isinstance(rule, ExpressionRule) else "template"
    for name in sorted(compiled.names):
        yield from check_name(name, mapping.place(part), mapping, scope)
        yield from _check_parts(name, compiled.parts, mapping.place(part), scope)


def _check_parts(name: str, parts: Iterable[str], place: Origin, scope: Scope) -> Iterator[Problem]:
    """A part of a value that no value of that name can have would be nothing in every record."""
    attribute = scope.known().get(name)
    known: Mapping[Kind, Iterable[str]] = {Kind.PRICES: scope.schema.currencies, Kind.MEASUREMENT: ("amount", "unit")}
    has = known.get(attribute.kind) if attribute is not None else None
    if attribute is not None and name in scope.added and attribute.columns:
        has = [each.code for each in attribute.columns]
    for part in sorted(each.removeprefix(f"{name}.") for each in parts if each.startswith(f"{name}.")):
        if has is not None and part not in has:
            yield problem("SE369", place, near_or_all(part, has), name=name, part=part)


def _check_fixed(
    mapping: FieldMapping, value: object, part: str, field: FieldDescription, scope: Scope
) -> Iterator[Problem]:
    """A value written in the catalog itself must be one that the field takes."""
    try:
        converter(field, scope.timezone)(value)
    except Unconvertible as error:
        yield problem("SE319", mapping.place(part), value=value, field=field.name, why=error.reason.message)
