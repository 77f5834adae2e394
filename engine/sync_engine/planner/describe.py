"""Filters as people write them, for the plan."""

from __future__ import annotations

from sync_engine.sdk.filters import AllOf, Criterion, Filter, Not


def describe(filter_: Filter) -> str:
    """One line of text, such as ``family IN [camcorders, headphones]``."""
    if isinstance(filter_, Criterion):
        place = ", ".join(part for part in (filter_.locale, filter_.channel, *filter_.locales) if part is not None)
        value = "" if filter_.value is None else f" {_value(filter_.value)}"
        return f"{filter_.field}{f' ({place})' if place else ''} {filter_.operator}{value}"
    if isinstance(filter_, Not):
        return f"not ({describe(filter_.filter)})"
    word = " and " if isinstance(filter_, AllOf) else " or "
    return "(" + word.join(describe(each) for each in filter_.filters) + ")"


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return "[" + ", ".join(_value(each) for each in value) + "]"
    return str(value)
