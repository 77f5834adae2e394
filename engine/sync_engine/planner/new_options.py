"""Values of picklists that a plan has to create first: found row by row, refused as a whole where they cannot be."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sync_engine.catalog import mapping
from sync_engine.compiler.compiled import CompiledField, CompiledStream
from sync_engine.compiler.new_options import unlisted
from sync_engine.planner.plan import NewOptions
from sync_engine.planner.wanted import Wanted
from sync_engine.planner.work import Work
from sync_engine.sdk.errors import Refused
from sync_engine.sdk.target import AddsChoices, PicklistValue, Target

Creating = Sequence[tuple[int, CompiledField, Callable[[object], tuple[str, ...]]]]


def creating(stream: CompiledStream) -> Creating:
    """The fields whose new values are created, each with its place among the fields of a row."""
    return [
        (index, each, unlisted(each.description))
        for index, each in enumerate(stream.fields)
        if each.mapping.new_options is mapping.NewOptions.CREATE
        and each.mapping.conflict is not mapping.Conflict.REPORT
    ]


def collect(work: Work, fields: Creating, row: Wanted) -> None:
    """Note the values of a row that will be written and that its picklists do not list yet."""
    for index, each, missing in fields:
        held = row.fields[index]
        for value in missing(tuple(held) if isinstance(held, list) else held):
            work.new_options.setdefault(each.name, {})[value] = each.new_labels.get(value, value)


def planned(work: Work, target: Target) -> tuple[NewOptions, ...]:
    """What is to be created for a stream.

    Raises:
        Refused: the target cannot create it; better now than after the first row.
    """
    found = [NewOptions(name, tuple(sorted(values.items()))) for name, values in sorted(work.new_options.items())]
    for each in found:
        place = f"{work.stream.object.name}.{each.field}"
        why = _alike(each)
        if not why and isinstance(target, AddsChoices):
            why = target.cannot_add_choices(work.stream.object.name, each.field, choices(each))
        elif not why:
            why = "its adapter cannot add to picklists"
        if why:
            raise Refused(
                f"no values can be added to {place}: {why}",
                hint=f"Wanted: {_some(each)}. Say `new_options: reject` to reject the records that hold them.",
            )
    return tuple(found)


def _alike(new: NewOptions) -> str:
    """Two of the values that differ in case only, which a picklist does not tell apart; empty when there are none."""
    seen: dict[str, str] = {}
    for value, _ in new.values:
        other = seen.setdefault(value.casefold(), value)
        if other != value:
            return f"the source has both `{other}` and `{value}`, which differ in case only"
    return ""


def choices(new: NewOptions) -> tuple[PicklistValue, ...]:
    """The values as a target takes them."""
    return tuple(PicklistValue(value, label) for value, label in new.values)


def _some(new: NewOptions) -> str:
    names = [value for value, _ in new.values]
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
