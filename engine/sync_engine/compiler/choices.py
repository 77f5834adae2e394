"""Whether the choices of an attribute fit the field they are mapped to: each is tried as a record's value would be."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import takewhile

from sync_engine.catalog.mapping import FieldMapping
from sync_engine.catalog.model import Catalog
from sync_engine.compiler.conversion import Unconvertible, converter
from sync_engine.compiler.mapping import Scope, option_steps
from sync_engine.compiler.new_options import as_judged
from sync_engine.compiler.steps import Step
from sync_engine.problems import nearest, problem
from sync_engine.sdk.filters import Criterion
from sync_engine.sdk.problem import Problem
from sync_engine.sdk.source import Attribute, Option
from sync_engine.sdk.target import FieldDescription, FieldType

SHOWN = 5
_CODES = {"TOO_LONG": "SE361", "SEPARATOR_IN_VALUE": "SE362", "NOT_IN_TABLE": "SE363"}


def check_choices(
    mapping: FieldMapping, attribute: Attribute, field: FieldDescription, scope: Scope
) -> Iterator[Problem]:
    """Warn of choices whose records will be rejected: the field does not hold them.

    Args:
        mapping: of the value of the attribute, compatible with the field.
        attribute: with or without known choices.
        field: what is filled.
        scope: the locale in which labels are taken, and the choices that the catalog's filter leaves.
    """
    field = as_judged(field, mapping)
    options = _left(attribute, scope.filter)
    if attribute.options and mapping.translate:
        yield from _check_table(mapping, attribute, attribute.options, field, scope)
    if not options or mapping.join is not None:
        return  # what a joined text is depends on the record
    refused: dict[str, list[str]] = {}
    unknown: list[str] = []
    wanted: list[str] = []
    for option, value in _values(mapping, options, field, scope, refused):
        texts = value if isinstance(value, tuple) else (value,)
        if any(not _holds(field, str(each)) for each in texts):
            unknown.append(option.code)
            wanted += [str(each) for each in texts]
    place, name = mapping.place("value"), attribute.code
    if unknown:
        active = [each.value for each in field.picklist if each.active]
        hint = nearest(wanted[0], active) or f"It takes: {_some(active)}"
        yield problem(
            "SE360", place, hint, name=name, options=_some(unknown), field=field.name, share=_share(unknown, options)
        )
    for code, refused_options in refused.items():
        yield problem(
            _CODES[code],
            place,
            name=name,
            options=_some(refused_options),
            field=field.name,
            share=_share(refused_options, options),
        )


def _check_table(
    mapping: FieldMapping, attribute: Attribute, options: Sequence[Option], field: FieldDescription, scope: Scope
) -> Iterator[Problem]:
    """An entry for what is no choice is never used: it may be misspelt, and the choice that it means is not in it."""
    before = [step for _, step in takewhile(lambda each: each[0] != "translate", option_steps(mapping, field, scope))]
    values = {str(_after(before, option.code)) for option in options}
    unused = [key for key in mapping.translate or () if key not in values]
    if unused:
        hint = nearest(unused[0], values)
        yield problem(
            "SE336", mapping.place("translate"), hint, field=field.name, name=attribute.code, entries=_some(unused)
        )


def _after(steps: Iterable[Step], value: object) -> object:
    for step in steps:
        value = None if value is None else step(value)
    return value


def unlabelled(attribute: Attribute, locale: str, scope: Scope) -> str:
    """The choices without a label in a locale, as text; empty when all have one."""
    return _some([each.code for each in _left(attribute, scope.filter) if not each.labels.get(locale)])


def _values(
    mapping: FieldMapping,
    options: Sequence[Option],
    field: FieldDescription,
    scope: Scope,
    refused: dict[str, list[str]],
) -> Iterator[tuple[Option, object]]:
    """What each choice becomes; those that the options or the field's type refuse are sorted by the reason."""
    steps = [step for _, step in option_steps(mapping, field, scope)]
    convert = converter(replace(field, restricted=False), scope.timezone)
    for option in options:
        try:
            value = _after(steps, option.code)
            if value not in (None, ""):
                yield option, convert(value)
        except Unconvertible as error:
            if error.reason.code in _CODES:
                refused.setdefault(error.reason.code, []).append(option.code)


def _holds(field: FieldDescription, value: str) -> bool:
    if not field.restricted or field.type not in (FieldType.PICKLIST, FieldType.MULTIPICKLIST):
        return True
    return any(each.value == value and each.active for each in field.picklist)


def _left(attribute: Attribute, allowed: Mapping[str, frozenset[str]]) -> tuple[Option, ...]:
    """The choices that a record can have which passes the filter."""
    options = attribute.options or ()
    codes = allowed.get(attribute.code)
    return options if codes is None else tuple(each for each in options if each.code in codes)


def allowed_codes(catalog: Catalog, more: Iterable[object] = ()) -> dict[str, frozenset[str]]:
    """The codes that criteria leave of a field, where these name them: ``family IN [a, b]``."""
    found: dict[str, frozenset[str]] = {}
    for each in (*catalog.filter, *more):
        if isinstance(each, Criterion) and each.operator in ("IN", "="):
            values = each.value if isinstance(each.value, tuple) else (each.value,)
            codes = frozenset(value for value in values if isinstance(value, str))
            found[each.field] = found.get(each.field, codes) & codes
    return found


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(f"`{each}`" for each in names[:SHOWN])
    return f"{shown} and {len(names) - SHOWN} more" if len(names) > SHOWN else shown


def _share(some: Sequence[str], options: Sequence[Option]) -> str:
    return f"{len(some)} of {len(options)} choices"
