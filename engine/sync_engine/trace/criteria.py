"""The verdict on a record criterion by criterion, each evaluated as a plan evaluates it."""

from __future__ import annotations

from collections.abc import Callable

from sync_engine.compiler.compiled import CompiledStream
from sync_engine.compiler.mapping import value_getter
from sync_engine.planner.describe import describe
from sync_engine.sdk.errors import Refused
from sync_engine.sdk.filters import AllOf, AnyOf, Criterion, Filter
from sync_engine.sdk.source import SourceRecord
from sync_engine.sdk.values import Localized
from sync_engine.trace.model import Verdict

AskSource = Callable[[Filter], bool | None]
"""Whether the source finds the record by a criterion; None when it cannot tell."""


def judge(stream: CompiledStream, filter_: Filter, record: SourceRecord, ask: AskSource) -> Verdict:
    """The verdict on one condition, with those on its parts.

    Args:
        stream: whose condition it is.
        filter_: with locales and channels spelt out, as in ``stream.query``.
        record: with the values that the condition looks at.
        ask: for conditions that only the source can evaluate.
    """
    judged = "here"
    holds: bool | None
    try:
        holds = stream.compile_residual((filter_,))(record)
    except Refused:
        holds, judged = ask(filter_), "source"
    if isinstance(filter_, Criterion):
        found = found_value(stream, filter_, record)
        return Verdict(describe(filter_), holds, found, judged, (), filter_.origin)
    inner = filter_.filters if isinstance(filter_, (AllOf, AnyOf)) else (filter_.filter,)
    parts = tuple(judge(stream, each, record, ask) for each in inner)
    return Verdict(describe(filter_), holds, None, judged, parts, filter_.origin)


def found_value(stream: CompiledStream, criterion: Criterion, record: SourceRecord) -> object:
    """What a criterion looks at; of a value per locale that names none, the values by locale."""
    attribute = stream.known[criterion.field]
    if attribute.localizable and criterion.locale is None:
        held = record.properties if attribute.is_property else record.values
        entries = held.get(attribute.code)
        of_channel = (
            each
            for each in (entries if isinstance(entries, (tuple, list)) else ())
            if isinstance(each, Localized) and (not criterion.channel or each.channel == criterion.channel)
        )
        return {each.locale or "": each.data for each in of_channel} or None
    return value_getter(attribute, criterion.locale, criterion.channel)(record)
