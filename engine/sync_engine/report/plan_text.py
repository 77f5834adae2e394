"""A plan as a person reads it in a terminal: grouped by stream, totals last."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice

from sync_engine.catalog.model import Environment
from sync_engine.planner.fields import FieldChange
from sync_engine.planner.plan import (
    CatalogPlan,
    Change,
    ChangeKind,
    Gate,
    Kept,
    PlannedField,
    ReadStep,
    Rejection,
    StreamPlan,
    Summary,
    adopts,
)
from sync_engine.planner.plan_file import PlanFile
from sync_engine.report.values import (
    apart,
    around_difference,
    before_and_after,
    cause_text,
    causes_text,
    kept_field_text,
    kept_text,
    matches_text,
    plural,
    quoted,
    record_cause,
    shortened,
)
from sync_engine.report.wording import PLAN, Wording, base_line, config_lines, total_of, wording

Paint = Callable[[str, str], str]
"""Colours a text: (text, name of a colour or ``bold`` or ``dim``) → text."""

SIDE_BY_SIDE = 90
"""Characters up to which a value before and after stand on one line."""

SYMBOLS = {
    ChangeKind.CREATE: "+",
    ChangeKind.UPDATE: "~",
    ChangeKind.DEACTIVATE: "○",
    ChangeKind.DELETE: "-",
    ChangeKind.LEAVE: "·",
}
COLOURS = {
    ChangeKind.CREATE: "green",
    ChangeKind.UPDATE: "yellow",
    ChangeKind.DEACTIVATE: "magenta",
    ChangeKind.DELETE: "red",
    ChangeKind.LEAVE: "magenta",
}


def plain(text: str, colour: str) -> str:  # noqa: ARG001 - a Paint that does not paint
    """Leave the text as it is."""
    return text


def render(file: PlanFile, most: int, paint: Paint = plain) -> Iterator[str]:
    """The lines of a plan.

    Args:
        file: the plan.
        most: records shown in full per stream and kind; 0 shows all.
        paint: colours.
    """
    if file.environment is not None:
        yield f"{paint('Environment ' + file.environment.name, 'bold')}  {paint(file.environment.file, 'dim')}"
        yield from (f"  {each}" for each in override_lines(file.environment))
        yield ""
    words = wording(file)
    if said := base_line(file):
        yield f"{said}."
        yield ""
    for catalog in file.catalogs:
        yield from _catalog(file, catalog, most, paint)
    if not file.catalogs:
        yield "No catalogs." if file.base is None else words.nothing
        return
    total = total_of(file.catalogs)
    if total.changes:
        yield paint("Plan: " if file.base is None else "In all: ", "bold") + totals(total, words, paint)
    else:
        if not total.rejected:
            yield paint(words.nothing, "bold")
        elif file.base is None:
            yield paint("Nothing to write.", "bold")
        yield totals(total, words, paint)
    for line in budget_lines(file):
        yield paint(f"Gate {line}", "red")
    yield f"Digest: {file.digest}"


def override_lines(environment: Environment) -> list[str]:
    """What an environment changes of the project file, a line for each setting."""
    return [f"{each.place}: {each.before or 'nothing'} → {each.after or 'nothing'}" for each in environment.overrides]


def totals(summary: Summary, words: Wording, paint: Paint) -> str:
    """One line with all counts; a count of zero steps back."""
    texts = []
    for name, (word, colour) in words.counts.items():
        count = getattr(summary, name)
        texts.append(paint(f"{count:,} {word}", colour if count else "dim"))
    if summary.filtered:
        texts.append(f"{summary.filtered:,} left out by filter")
    if summary.waiting:
        texts.append(paint(f"{summary.waiting:,} waiting", "yellow"))
    return ", ".join(texts) + "."


def _catalog(file: PlanFile, catalog: CatalogPlan, most: int, paint: Paint) -> Iterator[str]:
    yield paint(f"Catalog {catalog.name}", "bold") + paint(f"  {catalog.path}", "dim")
    if catalog.restores:
        yield f"  rolls back transfer {catalog.restores}"
    yield from (f"  {each}" for each in config_lines(catalog.config))
    for stream in catalog.streams:
        yield ""
        yield from _stream(file, catalog, stream, most, paint)
    yield ""
    for warning in catalog.warnings:
        yield paint(f"  Warning: {warning}", "yellow")
    for gate in catalog.gates:
        if gate.tripped:
            yield paint(f"  Gate {gate_line(gate)}: nothing will be written", "red")
            if gate.records:
                yield paint(f"    {examples_line(gate)}", "red")
    if catalog.tripped:
        yield paint(f"  {allow_line(catalog.tripped)}", "dim")
    yield paint(f"  {cost_line(catalog)}", "dim")
    yield ""


def gate_line(gate: Gate) -> str:
    """A gate with its limit and what was counted."""
    return f"{gate.name} = {gate.limit}, found {gate.actual}"


def examples_line(gate: Gate) -> str:
    """A few of the records that tripped a gate; empty where no record can be named."""
    named = ", ".join(f"{stream} {shortened(quoted(key)[1:-1])}" for stream, key in gate.records)
    return f"such as {named}" if named else ""


def allow_line(gates: Sequence[Gate]) -> str:
    """How tripped gates are passed."""
    options = " ".join(f"--allow {each}" for each in dict.fromkeys(gate.allow for gate in gates))
    return f'To write it nevertheless, this plan only: sync-engine apply FILE {options} --reason "…"'


def cost_line(catalog: CatalogPlan) -> str:
    """What the plan took to make and takes to apply."""
    cost = catalog.cost
    asked = "" if cost.source_requests is None else f" by {plural(cost.source_requests, 'request')}"
    read = f"Cost: {plural(cost.pages_read, 'page')} read{asked}"
    if not catalog.writes:
        return read
    left = "" if cost.requests_remaining is None else f"{cost.requests_remaining:,} requests left today"
    if not cost.batches:
        return f"{read}; nothing to send{left and f', {left}'}"
    sent = ", ".join(f"{plural(count, 'batch', 'es')} by {mode}" for mode, count in cost.batches.items())
    share = "" if cost.share is None else f" ({_percent(cost.share)} of the {left})"
    again = ""
    if cost.source_requests_to_apply:
        again = f", {plural(cost.source_requests_to_apply, 'request')} to the source"
    requests = f"{plural(cost.target_requests, 'request')} to the target{share}"
    return f"{read}; to send {sent}, {requests}{again}, {_duration(cost.seconds)}"


def budget_lines(file: PlanFile) -> Iterator[str]:
    """The limits of the budget that the plan exceeds."""
    for gate in file.budget:
        if gate.tripped:
            yield f"{gate_line(gate)}: nothing will be written"


def _percent(share: float) -> str:
    return "under 0.1 %" if share < 0.1 else f"{share:.1f} %"


def _duration(seconds: float) -> str:
    return "less than a minute" if seconds < 60 else f"about {plural(round(seconds / 60), 'minute')}"


def _reading(read: ReadStep) -> Iterator[str]:
    if read.since:
        yield f"only what may have changed in the source since {read.since}"
    if read.because:
        yield f"all records are read: {read.because}"
    for label, filters in (
        ("filtered by the source", read.pushed),
        ("filtered here", read.here),
        ("does not apply here", read.not_applicable),
    ):
        if filters:
            yield f"{label}: {'; '.join(filters)}"


def _stream(file: PlanFile, catalog: CatalogPlan, stream: StreamPlan, most: int, paint: Paint) -> Iterator[str]:
    way = f" ({stream.write.mode})" if stream.summary.changes and stream.write.mode else ""
    write = stream.write
    head = f"{stream.read.collection} → {write.object_name} by {write.key_name}{way}"
    yield f"  {paint(stream.name, 'bold')}: {head}"
    yield from (f"    {each}" for each in config_lines(stream.config))
    yield from (paint(f"    {each}", "dim") for each in _reading(stream.read))
    for line in new_options_lines(stream):
        yield paint(f"    + {line}", "green")
    fields, words = stream.field_by_name, wording(file)
    for change in _first_of_each_kind(file.changes(catalog.name, stream.name), stream.summary, most):
        note = "it was there before, and is adopted" if adopts(change, stream.write.key_name) else ""
        yield from _change(change, fields, words, paint, note)
    if stream.kept:
        for kept in islice(file.kept(catalog.name, stream.name), most or None):
            yield from _kept(kept, fields, paint)
        yield paint(f"    left as it is: {kept_text(stream.kept)}", "yellow")
    if stream.summary.rejected or stream.summary.waiting:
        for rejection in islice(file.rejections(catalog.name, stream.name), most or None):
            yield from _rejection(rejection, paint)
    yield from _more(stream.summary, words, most)
    if found := matches_text(stream.matches):
        yield paint(f"    there before: {found}", "dim")
    if stream.causes:
        yield paint(f"    why: {causes_text(stream.causes)}", "dim")
    yield f"    {totals(stream.summary, words, paint)}"


def new_options_lines(stream: StreamPlan) -> Iterator[str]:
    """The picklists that get new values, a line each."""
    for new in stream.new_options:
        named = (quoted(value) if value == label else f"{quoted(value)} ({label})" for value, label in new.values)
        count = plural(len(new.values), "new value")
        yield f"create {count} of the picklist {stream.write.object_name}.{new.field}: {', '.join(named)}"


def _first_of_each_kind(changes: Iterator[Change], summary: Summary, most: int) -> Iterator[Change]:
    """At most so many changes of a kind, kind by kind; the plan is read only as far as it takes to find them.

    Without a limit they come as the plan has them, by key: there may be more than fit the memory.
    """
    if not most:
        yield from changes
        return
    left = {kind: min(count, most) for kind, count in _counts(summary).items()}
    wanted = sum(left.values())
    found: list[Change] = []
    for change in changes if wanted else ():
        if left[change.kind]:
            left[change.kind] -= 1
            found.append(change)
            if len(found) == wanted:
                break
    yield from sorted(found, key=lambda each: list(ChangeKind).index(each.kind))


def _counts(summary: Summary) -> dict[ChangeKind, int]:
    return {kind: getattr(summary, kind.value) for kind in ChangeKind}


def _more(summary: Summary, words: Wording, most: int) -> Iterator[str]:
    plain = words is PLAN
    counts = [
        *((count, f"{kind}s" if plain else words.counts[kind][0]) for kind, count in _counts(summary).items()),
        (summary.rejected, "rejections" if plain else words.counts["rejected"][0]),
    ]
    hidden = [(count - most, word) for count, word in counts if most and count > most]
    if hidden:
        yield f"    … and {', '.join(f'{count:,} more {word}' for count, word in hidden)} (--show 0 shows all)"


def _change(
    change: Change, fields: Mapping[str, PlannedField], words: Wording, paint: Paint, note: str
) -> Iterator[str]:
    identity = f" ({change.target_id})" if change.target_id else ""
    head = f"    {SYMBOLS[change.kind]} {words.verbs[change.kind]} {shortened(quoted(change.key)[1:-1])}{identity}"
    whole = record_cause(change)
    said = note or whole
    yield paint(head, COLOURS[change.kind]) + (paint(f"  ({said})", "dim") if said else "")
    width = max((len(each.field) for each in change.fields), default=0)
    for each in change.fields:
        first, *others = _field(change.kind, each, fields.get(each.field), paint)
        why = "" if whole else cause_text(each.cause, change.modified)
        yield f"        {each.field:<{width}}  {first}" + (paint(f"  ({why})", "dim") if why else "")
        yield from (f"        {'':<{width}}  {other}" for other in others)


def _field(kind: ChangeKind, change: FieldChange, field: PlannedField | None, paint: Paint) -> list[str]:
    """Before and after: side by side, or one below the other where they are long, with only the difference coloured."""
    before, after = before_and_after(change, field)
    if kind in (ChangeKind.CREATE, ChangeKind.LEAVE):
        return [shortened(after)]
    before, after = around_difference(before, after)
    if len(before) + len(after) <= SIDE_BY_SIDE:
        return [f"{paint(before, 'red')} → {paint(after, 'green')}"]
    head, old, new, tail = apart(before, after)
    return [f"  {head}{paint(old, 'red')}{tail}", f"→ {head}{paint(new, 'green')}{tail}"]


def _kept(kept: Kept, fields: Mapping[str, PlannedField], paint: Paint) -> Iterator[str]:
    yield paint(f"    ≠ left as it is {shortened(quoted(kept.key)[1:-1])} ({kept.target_id})", "yellow")
    width = max(len(each.field) for each in kept.fields)
    for each in kept.fields:
        yield f"        {each.field:<{width}}  {kept_field_text(each, fields.get(each.field), kept.modified)}"


def _rejection(rejection: Rejection, paint: Paint) -> Iterator[str]:
    name = rejection.key or rejection.source_key
    what, colour = ("… waits", "yellow") if rejection.waits else ("✗ rejected", "red")
    yield paint(f"    {what} {shortened(quoted(name)[1:-1])}", colour)
    for reason in rejection.reasons:
        place = f"{reason.field}: " if reason.field else ""
        yield f"        {place}{reason.message} [{reason.code}, {reason.owner}]"
