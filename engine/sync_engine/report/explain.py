"""The explanation of one record as text and JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sync_engine.catalog.model import Catalog
from sync_engine.ledger.records import History
from sync_engine.planner.plan import ChangeKind
from sync_engine.report.plan_text import COLOURS, SYMBOLS, Paint
from sync_engine.report.tests import came_from
from sync_engine.report.trace_json import Data, reason_data, row_data, verdict_data
from sync_engine.report.trace_values import source_text, value_text
from sync_engine.report.values import around_difference, cause_text, json_value, modified_data, quoted, shortened
from sync_engine.sdk.target import Modified
from sync_engine.trace.model import FieldTrace, RowTrace, Trace, Verdict
from sync_engine.trace.outlook import Outlook

LONGEST_ALIGNED = 60
"""Characters of a criterion behind which the values found stand in one column."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """One stream's view of a record.

    Attributes:
        trace: what the stream makes of it.
        outlooks: of each row of the trace, in that order.
        confirmed: whether the source, asked as a plan asks it, finds the record.
    """

    trace: Trace
    outlooks: tuple[Outlook, ...]
    confirmed: bool


@dataclass(frozen=True, slots=True)
class Unknown:
    """A key that no record of the source has.

    Attributes:
        collections: where it was looked for.
        near: keys and identifiers that are like it.
        gone: by stream: what becomes of the target record that was written under this key.
    """

    key: str
    collections: tuple[str, ...]
    near: tuple[str, ...]
    gone: tuple[tuple[str, Outlook], ...]


def lines(catalog: Catalog, explanations: Sequence[Explanation], paint: Paint) -> Iterator[str]:
    """The explanation, stream by stream."""
    origins = {each.name: each.origin for each in catalog.streams}
    for number, each in enumerate(explanations):
        if number:
            yield ""
        traced = each.trace
        head = f"{traced.source_key} of {traced.collection} → {traced.object} by {traced.key_field}"
        yield paint(traced.stream, "bold") + f": {head}  " + paint(str(origins[traced.stream]), "dim")
        yield from _filter(each, paint)
        if not traced.rows:
            yield "  Rows: none; `for_each` finds nothing in this record"
        for row, outlook in zip(traced.rows, each.outlooks, strict=True):
            yield from _row(traced, row, outlook, paint)


def _filter(explanation: Explanation, paint: Paint) -> Iterator[str]:
    traced = explanation.trace
    if not traced.verdicts:
        yield "  Filter: none"
        return
    yield "  Filter: " + (paint("passes", "green") if traced.passes else paint("leaves it out", "red"))
    yield from _verdicts(traced.verdicts, "    ", paint)
    if explanation.confirmed is not traced.passes:
        says = "finds the record" if explanation.confirmed else "does not find the record"
        yield paint(f"    ! the source itself {says} when it is asked with the whole filter; it decides", "yellow")


def _verdicts(verdicts: Sequence[Verdict], indent: str, paint: Paint) -> Iterator[str]:
    width = max((len(each.text) for each in verdicts if len(each.text) <= LONGEST_ALIGNED), default=0)
    for each in verdicts:
        symbol, colour = {True: ("✓", "green"), False: ("✗", "red"), None: ("?", "yellow")}[each.holds]
        found = "" if each.parts else f"  found {shortened(source_text(each.found))}"
        if each.holds is None:
            found = "  only the source can evaluate this here"
        judged = "  (says the source)" if each.judge == "source" and each.holds is not None else ""
        place = paint(f"  {each.origin}", "dim") if each.origin.line else ""
        yield f"{indent}{paint(symbol, colour)} {each.text:<{width}}{found}{judged}{place}"
        yield from _verdicts(each.parts, f"{indent}  ", paint)


def _row(traced: Trace, row: RowTrace, outlook: Outlook, paint: Paint) -> Iterator[str]:
    if len(traced.rows) > 1 or row.source_key != traced.source_key:
        yield "  " + paint(f"Row {row.source_key}", "bold") + ("" if row.passes else paint(" is left out", "red"))
    yield from _verdicts(row.verdicts, "    ", paint)
    if row.fields:
        width = max(len(each.name) for each in row.fields)
        yield "  Fields"
        for each in row.fields:
            yield from _field(each, outlook, width, paint)
    for reason in row.reasons:
        about = f"{reason.field}: " if reason.field else ""
        text = f"{about}{reason.message} [{reason.code}, to be solved in the {reason.owner}]"
        yield paint(f"    ✗ {text}", "red") if traced.passes else paint(f"    if it passed: {text}", "dim")
    yield from outlook_lines(outlook, paint)


def _field(traced: FieldTrace, outlook: Outlook, width: int, paint: Paint) -> Iterator[str]:
    """What it becomes, where that comes from, and what the target holds where that is something else."""
    space = " " * (width + 6)
    if traced.reason is not None:
        yield f"    {traced.name:<{width}}  {paint(f'✗ {traced.reason.code}', 'red')}"
    else:
        yield f"    {traced.name:<{width}}  {shortened(value_text(traced.result, traced))}"
    yield paint(f"{space}← {shortened(came_from(traced), 160)}", "dim")
    differing = [each for one in (outlook.change, outlook.kept) if one for each in one.fields]
    cause = next((each.cause for each in differing if each.field == traced.name), "")
    if cause and outlook.held is not None:
        held = value_text(outlook.held.get(traced.name), traced)
        before, _ = around_difference(held, value_text(traced.result, traced))
        why = cause_text(cause, _modified(outlook))
        yield f"{space}{paint('≠', 'yellow')} the target holds {paint(before, 'red')}: {why}"


def _modified(outlook: Outlook) -> Modified | None:
    return next((each.modified for each in (outlook.change, outlook.kept) if each and each.modified), None)


def outlook_lines(outlook: Outlook, paint: Paint) -> Iterator[str]:
    """What the target has, what was done last, what is done next."""
    if outlook.held is None:
        yield "  Target: no record" + (f" with the key {quoted(outlook.key)[1:-1]}" if outlook.key else "")
    else:
        yield f"  Target: record {outlook.target_id}"
    yield f"  Last: {_last(outlook.history)}"
    kind = outlook.change.kind if outlook.change else None
    symbol = f"{SYMBOLS[kind]} " if kind else ""
    colour = COLOURS[kind] if kind else "red" if outlook.reasons or "rejected" in outlook.next else "bold"
    yield "  Next: " + paint(f"{symbol}{outlook.next}", colour)
    for reason in outlook.reasons:
        yield paint(f"    ✗ {reason.message} [{reason.code}, to be solved in the {reason.owner}]", "red")
    if kind is ChangeKind.DEACTIVATE and outlook.change:
        for each in outlook.change.fields:
            yield f"    {each.field}: {quoted(each.before)} → {quoted(each.after)}"
    for remark in outlook.remarks:
        yield paint(f"    ! {remark}", "yellow")


def _last(history: History) -> str:
    if history.outcome is None or history.transfer is None:
        return "nothing in the log" + (", but written before" if history.written else "")
    batch = f", batch {history.outcome.batch}" if history.outcome.batch else ""
    reasons = "; ".join(each["message"] for each in history.outcome.reasons)
    text = f"{history.outcome.outcome} by transfer {history.transfer.id}{batch}, {history.transfer.started}"
    return f"{text}: {reasons}" if reasons else text


def unknown_lines(catalog: Catalog, unknown: Unknown, paint: Paint) -> Iterator[str]:
    """What can be said of a key that the source does not know."""
    where = " and ".join(unknown.collections)
    yield paint(f"{catalog.source} has no record {unknown.key}", "bold") + f" in {where}; no filter leaves it out."
    if unknown.near:
        yield f"  Did you mean {', '.join(unknown.near)}?"
    for stream, outlook in unknown.gone:
        yield paint(stream, "bold")
        yield from outlook_lines(outlook, paint)


def as_data(catalog: Catalog, key: str, explanations: Sequence[Explanation], unknown: Unknown | None) -> Data:
    """The explanation for JSON output."""
    return {
        "version": 1,
        "catalog": catalog.name,
        "key": key,
        "found": unknown is None,
        "near": list(unknown.near) if unknown else [],
        "streams": [_stream_data(each) for each in explanations],
        "gone": [{"stream": stream, **_outlook_data(each, {})} for stream, each in (unknown.gone if unknown else ())],
    }


def _stream_data(explanation: Explanation) -> Data:
    traced = explanation.trace
    rows = zip(traced.rows, explanation.outlooks, strict=True)
    return {
        "name": traced.stream,
        "collection": traced.collection,
        "object": traced.object,
        "source_key": traced.source_key,
        "passes": traced.passes,
        "confirmed_by_source": explanation.confirmed,
        "criteria": [verdict_data(each) for each in traced.verdicts],
        "rows": [
            {**row_data(row), **_outlook_data(outlook, {each.name: each for each in row.fields})}
            for row, outlook in rows
        ],
    }


def _outlook_data(outlook: Outlook, fields: dict[str, FieldTrace]) -> Data:
    def value(name: str, held: object) -> object:
        return json_value(held, fields[name].planned) if name in fields else held  # type: ignore[arg-type] # encoded

    last, transfer = outlook.history.outcome, outlook.history.transfer
    change = outlook.change
    return {
        "target_id": outlook.target_id or None,
        "target": None if outlook.held is None else {name: value(name, each) for name, each in outlook.held.items()},
        "next": {
            "change": change.kind if change else None,
            "text": outlook.next,
            "modified": modified_data(_modified(outlook)),
            "kept": [
                {
                    "field": each.field,
                    "before": value(each.field, each.before),
                    "after": value(each.field, each.after),
                    "cause": each.cause,
                    "policy": each.policy,
                }
                for each in (outlook.kept.fields if outlook.kept else ())
            ],
            "fields": [
                {
                    "field": each.field,
                    "before": value(each.field, each.before),
                    "after": value(each.field, each.after),
                    "cause": each.cause or None,
                }
                for each in (change.fields if change else ())
            ],
            "reasons": [reason_data(each) for each in outlook.reasons],
            "remarks": list(outlook.remarks),
        },
        "last": None
        if last is None or transfer is None
        else {
            "outcome": last.outcome,
            "transfer": transfer.id,
            "started": transfer.started,
            "batch": last.batch or None,
            "reasons": list(last.reasons),
        },
    }
