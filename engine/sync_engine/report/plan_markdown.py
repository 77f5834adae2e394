"""A plan as Markdown for a pull request: counts first, then samples; short whatever the size of the plan."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from sync_engine.planner.plan import CatalogPlan, Change, ChangeKind, Kept, PlannedField, Rejection, StreamPlan, Summary
from sync_engine.planner.plan_file import PlanFile
from sync_engine.report.plan_text import (
    SYMBOLS,
    budget_lines,
    cost_line,
    examples_line,
    gate_line,
    new_options_lines,
    override_lines,
)
from sync_engine.report.values import (
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
from sync_engine.report.wording import Wording, base_line, config_lines, total_of, wording

SAMPLES = 3
MOST_FIELDS = 8
MOST_CATALOGS = 100
MOST_LINES = 10
"""Gates of a catalog, warnings, picklists that get new values: so many of each are shown."""
LONGEST_LINE = 500
LONGEST = 58_000
"""A comment on the usual platforms takes 65,536 characters; some room is left for what is put around it."""
BRIEF = 300
"""Room that is kept for each stream that is still to come."""


def render(file: PlanFile, longest: int = LONGEST) -> Iterator[str]:
    """Pieces of a Markdown document that never exceeds so many characters.

    Counts, gates, warnings and cost come first when room is short, samples last: a stream with many long values shows
    fewer of them, and what is left out is said.
    """
    frames = [(catalog, _frame(catalog)) for catalog in file.catalogs[:MOST_CATALOGS]]
    head = _head(file)
    left = longest - len(head) - BRIEF
    yield head
    while frames and sum(len(frame) for _, frame in frames) > left:
        frames.pop()
    left -= sum(len(frame) for _, frame in frames)
    waiting = sum(len(_worth_showing(catalog)) for catalog, _ in frames)
    hidden = 0
    for catalog, frame in frames:
        yield frame
        for stream in _worth_showing(catalog):
            waiting -= 1
            text = next(_fitting(file, catalog, stream, left - waiting * BRIEF), "")
            hidden += not text
            left -= len(text)
            yield text
    missing = [(len(file.catalogs) - len(frames), "catalog"), (hidden, "stream")]
    if said := " and ".join(plural(count, noun) for count, noun in missing if count):
        yield f"\n… {said} not shown here, for want of room; the HTML report shows all.\n"


def _head(file: PlanFile) -> str:
    words = wording(file)
    lines = [f"## {words.title}\n"]
    if file.base is not None:
        lines.append(f"{_cell(base_line(file))}.\n")
        if not file.catalogs:
            lines.append(f"{words.nothing}\n")
    if file.catalogs:
        lines.append(f"| catalog | {' | '.join(words.columns.values())} |")
        lines.append("|---" + "|--:" * len(words.columns) + "|")
        lines += [_row(_cell(each.name), each.summary, words) for each in file.catalogs[:MOST_CATALOGS]]
        if len(file.catalogs) > 1:
            lines.append(_row(f"**all {len(file.catalogs):,}**", total_of(file.catalogs), words))
    if file.base is None:
        lines.append(f"\nDigest `{file.digest}`\n")
    lines += [f"**Gate tripped:** {_line(each)}.\n" for each in budget_lines(file)]
    if file.environment is not None:
        lines.append(f"Environment **{_cell(file.environment.name)}**\n")
        lines += [f"- {_line(each)}" for each in override_lines(file.environment)[:MOST_LINES]]
    return "\n".join(lines) + "\n"


def _row(name: str, summary: Summary, words: Wording) -> str:
    return f"| {name} | {' | '.join(f'{getattr(summary, each):,}' for each in words.columns)} |"


def _frame(catalog: CatalogPlan) -> str:
    """What must be known of a catalog whatever else there is room for: gates, warnings, cost."""
    lines = [f"\n### {_cell(catalog.name)}\n"]
    if catalog.restores:
        lines.append(f"- Rolls back transfer {_cell(catalog.restores)}")
    lines += _some(f"- {_line(each)}" for each in config_lines(catalog.config))
    for gate in catalog.tripped[:MOST_LINES]:
        text = _line(". ".join(filter(None, (gate_line(gate), examples_line(gate)))))
        lines.append(f"- **Gate tripped:** {text}. Nothing will be written. To allow it once: `--allow {gate.allow}`")
    lines += [f"- Warning: {_line(each)}" for each in catalog.warnings[:MOST_LINES]]
    more = len(catalog.tripped[MOST_LINES:]) + len(catalog.warnings[MOST_LINES:])
    if more:
        lines.append(f"- … and {more:,} more gates and warnings")
    lines.append(f"- {cost_line(catalog)}")
    return "\n".join(lines) + "\n"


def _some(lines: Iterable[str]) -> list[str]:
    """The first lines, and how many more there are."""
    listed = list(lines)
    more = len(listed) - MOST_LINES
    return [*listed[:MOST_LINES], *([f"- … and {more:,} more"] if more > 0 else [])]


def _worth_showing(catalog: CatalogPlan) -> list[StreamPlan]:
    return [
        each
        for each in catalog.streams
        if each.summary.changes
        or each.summary.rejected
        or each.summary.waiting
        or each.new_options
        or each.kept
        or each.config
    ]


def _fitting(file: PlanFile, catalog: CatalogPlan, stream: StreamPlan, room: int) -> Iterator[str]:
    """The stream with as many samples as there is room for; nothing when there is none."""
    fields: Counter[str] = Counter()
    samples: dict[str, list[Change]] = {}
    for change in file.changes(catalog.name, stream.name):
        fields.update(each.field for each in change.fields)
        some = samples.setdefault(change.kind, [])
        if len(some) < SAMPLES:
            some.append(change)
    rejections = list(islice(file.rejections(catalog.name, stream.name), SAMPLES))
    kept = list(islice(file.kept(catalog.name, stream.name), SAMPLES)) if stream.kept else []
    seen = _Seen(fields, samples, rejections, kept)
    for most in (SAMPLES, 1, 0):
        text = "".join(_stream(stream, seen, most, wording(file)))
        if len(text) <= room:
            yield text


@dataclass(frozen=True, slots=True)
class _Seen:
    """What was seen of a stream: how often each field changes, and some records of each kind."""

    fields: Counter[str]
    samples: Mapping[str, Sequence[Change]]
    rejections: Sequence[Rejection]
    kept: Sequence[Kept]


def _stream(stream: StreamPlan, seen: _Seen, most: int, words: Wording) -> Iterator[str]:
    """A stream with at most so many records of each kind."""
    yield f"\n**{_cell(stream.name)}** → {_cell(stream.write.object_name)}\n\n"
    if stream.config:
        yield "\n".join(_some(f"- {_line(each)}" for each in config_lines(stream.config))) + "\n\n"
    for line in list(new_options_lines(stream))[:MOST_LINES]:
        yield f"- First: {_line(line)}\n\n"
    if seen.fields:
        changed = ", ".join(f"`{name}` {count:,}" for name, count in seen.fields.most_common(10))
        yield f"Most changed: {changed}\n\n"
    if found := matches_text(stream.matches):
        yield f"There before: {found}\n\n"
    if stream.causes:
        yield f"Why: {_cell(causes_text(stream.causes))}\n\n"
    yield from _kept(stream, seen.kept[:most])
    for kind, some in seen.samples.items():
        count = getattr(stream.summary, kind)
        name = words.columns[kind]
        if not most:
            yield f"{name}: {count:,}\n\n"
            continue
        yield f"<details><summary>{name}: {count:,}</summary>\n\n```diff\n"
        for change in some[:most]:
            yield from _sample(change, stream.field_by_name, words)
        yield "```\n</details>\n\n"
    yield from _rejected(stream, seen.rejections[:most])


def _rejected(stream: StreamPlan, rejections: Sequence[Rejection]) -> Iterator[str]:
    count = stream.summary.rejected + stream.summary.waiting
    word = "rejected" if not stream.summary.waiting else "rejected or waiting" if stream.summary.rejected else "waiting"
    if count and not rejections:
        yield f"{word}: {count:,}\n\n"
    elif count:
        yield f"<details><summary>{word}: {count:,}</summary>\n\n"
        for rejection in rejections:
            why = "; ".join(
                f"{each.field}: {each.message}" if each.field else each.message for each in rejection.reasons
            )
            name = shortened(rejection.key or rejection.source_key)
            yield f"- `{_cell(name)}`: {_cell(shortened(why, 300))}\n"
        yield "</details>\n\n"


def _kept(stream: StreamPlan, some: Sequence[Kept]) -> Iterator[str]:
    if not stream.kept:
        return
    yield f"Left as it is: {_cell(kept_text(stream.kept))}\n\n"
    planned = stream.field_by_name
    for kept in some:
        said = "; ".join(
            f"{each.field} {kept_field_text(each, planned.get(each.field), kept.modified)}"
            for each in kept.fields[:MOST_FIELDS]
        )
        yield f"- `{_cell(shortened(kept.key))}`: {_line(said)}\n"
    if some:
        yield "\n"


def _sample(change: Change, planned: Mapping[str, PlannedField], words: Wording) -> Iterator[str]:
    whole = record_cause(change)
    named = f"{SYMBOLS[change.kind]} {words.verbs[change.kind]} {_fenced(shortened(quoted(change.key)[1:-1]))}"
    yield f"{named}{f'  ({whole})' if whole else ''}\n"
    for each in change.fields[:MOST_FIELDS]:
        before, after = around_difference(*before_and_after(each, planned.get(each.field)))
        if change.kind is ChangeKind.LEAVE:
            yield f"    {each.field}: {_fenced(after)}\n"
            continue
        if each.before is not None:
            yield f"-   {each.field}: {_fenced(before)}\n"
        why = "" if whole else cause_text(each.cause, change.modified)
        yield f"+   {each.field}: {_fenced(after)}{f'  ({_fenced(why)})' if why else ''}\n"
    if len(change.fields) > MOST_FIELDS:
        yield f"    … and {len(change.fields) - MOST_FIELDS} more fields\n"


def _fenced(text: str) -> str:
    """A text that cannot end the code block it stands in."""
    return text.replace("```", "`\u200b``")


def _line(text: str) -> str:
    return _cell(shortened(text, LONGEST_LINE))


def _cell(text: str) -> str:
    """A text that cannot break a table, start a tag or mention a person."""
    cleaned = text.replace("|", "\\|").replace("<", "&lt;").replace("\n", " ").replace("@", "@\u200b")
    return cleaned.replace("`", "'")
