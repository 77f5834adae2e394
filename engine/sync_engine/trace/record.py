"""Trace one record through a stream, by the very pieces that a plan runs."""

from __future__ import annotations

from sync_engine.catalog.mapping import (
    ConstRule,
    ExpressionRule,
    FindByRule,
    FindRule,
    LookupRule,
    MediaRule,
    Rule,
    TemplateRule,
    ValueRule,
)
from sync_engine.compiler.compiled import CompiledField, CompiledStream, Variant
from sync_engine.compiler.conversion import Unconvertible
from sync_engine.compiler.mapping import map_record
from sync_engine.expressions import EvaluationFailed
from sync_engine.planner.encoding import Encoded, encode
from sync_engine.planner.wanted import NormalForm
from sync_engine.sdk.filters import AllOf, Filter
from sync_engine.sdk.source import SourceRecord
from sync_engine.sdk.target import FieldDescription
from sync_engine.sdk.values import Blank, MediaRef, TargetValue
from sync_engine.trace.criteria import AskSource, judge
from sync_engine.trace.model import FieldTrace, InputTrace, RowTrace, StepTrace, Trace, Verdict


def as_converted(description: FieldDescription, value: TargetValue) -> TargetValue:  # noqa: ARG001 - a NormalForm
    """The value as the mapping yields it, where no target says in which form it stores values."""
    return value


def cannot_ask(filter_: Filter) -> bool | None:  # noqa: ARG001 - an AskSource
    """There is no source to ask."""
    return None


def trace(stream: CompiledStream, record: SourceRecord, normal_form: NormalForm, ask: AskSource = cannot_ask) -> Trace:
    """What a stream makes of a record.

    Args:
        stream: compiled.
        record: with all that the stream's mappings and criteria read.
        normal_form: of the target.
        ask: for criteria that only the source can evaluate.
    """
    verdicts = (*_selection(stream, ask), *(judge(stream, each, record, ask) for each in stream.query.filters))
    return Trace(
        stream=stream.name,
        collection=stream.query.collection,
        object=stream.object.name,
        key_field=stream.key.name,
        source_key=record.key,
        verdicts=verdicts,
        passes=all(each.holds is not False for each in verdicts),
        rows=tuple(_row(stream, variant, row, normal_form) for variant, row in stream.explode(record)),
    )


def _selection(stream: CompiledStream, ask: AskSource) -> tuple[Verdict, ...]:
    """Whether a catalog that the source keeps itself has the record, where one says what is read."""
    own = stream.query.source_catalog
    if own is None:
        return ()
    holds = ask(AllOf(()))
    return (Verdict(f'the source\'s catalog "{own}" selects it', holds, holds, "source"),)


def _row(stream: CompiledStream, variant: Variant, row: SourceRecord, normal_form: NormalForm) -> RowTrace:
    verdicts = tuple(judge(stream, each, row, cannot_ask) for each in stream.row_filters)
    mapped = map_record(variant, row)
    passes = all(each.holds for each in verdicts)
    fields = tuple(trace_field(each, row, normal_form) for each in (variant.key, *variant.fields)) if passes else ()
    reasons = mapped.reasons if passes else ()
    return RowTrace(row.key, mapped.key, verdicts, passes, fields, reasons, mapped, media_of(row))


def trace_field(compiled: CompiledField, record: SourceRecord, normal_form: NormalForm) -> FieldTrace:
    """How a field gets its value; what counts is what ``evaluate`` says, the rest shows how it came about."""
    steps, empty = _steps(compiled, record)
    result: Encoded | Blank = Blank.LEAVE
    reason = None
    try:
        value = compiled.evaluate(record)
    except Unconvertible as error:
        reason, value = error.reason, Blank.LEAVE
    if value is Blank.CLEAR or value is None:
        result = None
    elif not isinstance(value, Blank):
        result = encode(normal_form(compiled.description, value))
    return FieldTrace(
        compiled=compiled,
        rule=rule_text(compiled.mapping.rule),
        inputs=tuple(
            InputTrace(each.code, each.locale, each.channel, each.get(record)) for each in compiled.parts.inputs
        ),
        steps=steps,
        result=result,
        reason=reason,
        defaulted=reason is None and empty and compiled.mapping.default is not None,
    )


def _steps(compiled: CompiledField, record: SourceRecord) -> tuple[tuple[StepTrace, ...], bool]:
    """What the rule yields and each option makes of it, up to where it fails; and whether that is nothing."""
    made: list[StepTrace] = []
    value: object = None
    try:
        value = compiled.parts.get(record)
        made.append(StepTrace(_word(compiled.mapping.rule), value))
        for text, step in compiled.parts.steps:
            if value is None:
                break
            value = step(value)
            made.append(StepTrace(text, value))
    except (EvaluationFailed, Unconvertible):
        return tuple(made), False  # `evaluate` says why
    return tuple(made), value is None or value == () or (isinstance(value, str) and not value.strip())


def _word(rule: Rule) -> str:
    words = {
        ValueRule: "value",
        ConstRule: "const",
        ExpressionRule: "expression",
        TemplateRule: "template",
        LookupRule: "lookup",
        FindRule: "find",
        FindByRule: "find",
        MediaRule: "media",
    }
    return words[type(rule)]


def rule_text(rule: Rule) -> str:
    """A rule as the catalog writes it, on one line."""
    if isinstance(rule, (ValueRule, MediaRule)):
        return rule.code
    if isinstance(rule, ConstRule):
        return f"const {rule.value}"
    if isinstance(rule, LookupRule):
        return f"lookup {rule.stream} by {rule.value}"
    if isinstance(rule, FindByRule):
        return f"find {rule.field} by {rule.value}"
    if isinstance(rule, FindRule):
        return f"find {rule.field} {rule.value}"
    return " ".join(rule.text.split())


def media_of(row: SourceRecord) -> tuple[MediaRef, ...]:
    """The file that a row is made of; of any other row the files that the record has, each once."""
    code = row.properties.get("media")
    if isinstance(code, str):
        return (MediaRef(code, str(row.properties.get("filename") or "")),)
    found: dict[MediaRef, None] = {}
    for entries in row.values.values():
        for entry in entries:
            held = entry.data if isinstance(entry.data, tuple) else (entry.data,)
            found.update((each, None) for each in held if isinstance(each, MediaRef))
    return tuple(found)
