"""Values that a picklist does not list: what a mapping's ``new_options`` makes of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from sync_engine.catalog.mapping import FieldMapping, NewOptions, ValueRule
from sync_engine.compiler.conversion import Converter, Unconvertible
from sync_engine.problems import problem
from sync_engine.sdk.problem import Problem
from sync_engine.sdk.source import Attribute
from sync_engine.sdk.target import FieldDescription, FieldType, Owner, PicklistValue, Reason
from sync_engine.sdk.values import TargetValue

PICKLISTS = (FieldType.PICKLIST, FieldType.MULTIPICKLIST)


def as_judged(field: FieldDescription, mapping: FieldMapping) -> FieldDescription:
    """The field as its values are judged: one with ``reject`` takes what it lists only, one with ``create`` all."""
    if mapping.new_options is NewOptions.REJECT:
        return replace(field, restricted=True)
    return replace(field, restricted=False) if mapping.new_options is NewOptions.CREATE else field


def check_new_options(mapping: FieldMapping, field: FieldDescription) -> Iterator[Problem]:
    """The policy must be one that the field allows."""
    policy, place = mapping.new_options, mapping.place("new_options")
    if policy is None:
        return
    if field.type not in PICKLISTS:
        yield problem("SE366", place, field=field.name, type=field.type)
    elif policy is NewOptions.SEND and field.restricted:
        yield problem("SE367", place, field=field.name)
    elif policy is NewOptions.CREATE and field.choices_fixed:
        yield problem("SE368", place, field=field.name, why=field.choices_fixed)


def guarded(convert: Converter, field: FieldDescription) -> Converter:
    """A converter that refuses a value which the target would not take as a new one: it has one that is alike."""
    taken, alike = _taken(field), _alike(field)

    def checked(value: object) -> TargetValue:
        converted = convert(value)
        for text in texts_of(converted):
            if text not in taken and text.casefold() in alike:
                found = alike[text.casefold()]
                state = f"has `{found.value}`" if found.active else f"has `{found.value}`, which is inactive"
                message = f"{text!r} cannot become a new value: the picklist {field.name} {state}"
                raise Unconvertible(Reason("NOT_IN_PICKLIST", message, field.name, Owner.ORG))
        return converted

    return checked


def _taken(field: FieldDescription) -> set[str]:
    """Values that can be sent as they are; an unrestricted picklist takes inactive ones too."""
    return {each.value for each in field.picklist if each.active or not field.restricted}


def _alike(field: FieldDescription) -> Mapping[str, PicklistValue]:
    return {each.value.casefold(): each for each in field.picklist}


def texts_of(value: object) -> tuple[str, ...]:
    """The values of a picklist field, one or several."""
    if isinstance(value, tuple):
        return value
    return (value,) if isinstance(value, str) else ()


def unlisted(field: FieldDescription) -> Callable[[object], tuple[str, ...]]:
    """A function that gives those of a field's values that its picklist has to get first."""
    taken = _taken(field)
    return lambda value: tuple(each for each in texts_of(value) if each not in taken)


def labels_of(mapping: FieldMapping, attribute: Attribute | None, locale: str | None) -> Mapping[str, str]:
    """What a new value is called: the option's label where the value is its code; else the value itself."""
    plain = isinstance(mapping.rule, ValueRule) and not mapping.labels and mapping.translate is None
    if attribute is None or not plain or locale is None:
        return {}
    return {each.code: each.labels[locale] for each in attribute.options or () if each.labels.get(locale)}
