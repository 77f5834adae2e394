"""A plan as Markdown for a pull request: counts first, then samples; short whatever the size of the plan."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from sync_engine.planner.plan import CatalogPlan, Change, PlannedField, StreamPlan
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
    cause_text,
    causes_text,
    kept_field_text,
    kept_text,
    quoted,
    shortened,
    shown,
)

SAMPLES = 3
MOST_FIELDS = 8
LONGEST = 58_000
"""A comment on the usual platforms takes 65,536 characters; some room is left for what is put around it."""


def render(file: PlanFile) -> Iterator[str]:
    """Pieces of a Markdown document that never exceeds ``LONGEST`` characters."""
    written = 0
    for piece in _document(file):
        if written + len(piece) > LONGEST:
            yield "\n… cut off here; the full plan is in the HTML report.\n"
            return
        written += len(piece)
        yield piece


def _document(file: PlanFile) -> Iterator[str]:
    yield "## sync-engine plan\n\n"
    yield "| catalog | create | update | deactivate | delete | unchanged | rejected |\n|---|--:|--:|--:|--:|--:|--:|\n"
    for catalog in file.catalogs:
        counts = " | ".join(f"{count:,}" for count in catalog.summary.published().values())
        yield f"| {_cell(catalog.name)} | {counts} |\n"
    yield f"\nDigest `{file.digest}`\n"
    for line in budget_lines(file):
        yield f"\n**Gate tripped:** {_cell(line)}.\n"
    if file.environment is not None:
        yield f"\nEnvironment **{_cell(file.environment.name)}**\n\n"
        yield from (f"- {_cell(each)}\n" for each in override_lines(file.environment))
    for catalog in file.catalogs:
        yield from _catalog(file, catalog)


def _catalog(file: PlanFile, catalog: CatalogPlan) -> Iterator[str]:
    yield f"\n### {_cell(catalog.name)}\n\n"
    if catalog.restores:
        yield f"- Rolls back transfer {_cell(catalog.restores)}\n"
    for gate in catalog.tripped:
        text = _cell(". ".join(filter(None, (gate_line(gate), examples_line(gate)))))
        yield f"- **Gate tripped:** {text}. Nothing will be written. To allow it once: `--allow {gate.allow}`\n"
    for warning in catalog.warnings:
        yield f"- Warning: {_cell(warning)}\n"
    yield f"- {cost_line(catalog)}\n"
    for stream in catalog.streams:
        yield from _stream(file, catalog, stream)


def _stream(file: PlanFile, catalog: CatalogPlan, stream: StreamPlan) -> Iterator[str]:
    fields: Counter[str] = Counter()
    samples: dict[str, list[Change]] = {}
    for change in file.changes(catalog.name, stream.name):
        fields.update(each.field for each in change.fields)
        some = samples.setdefault(change.kind, [])
        if len(some) < SAMPLES:
            some.append(change)
    yield f"\n**{_cell(stream.name)}** → {_cell(stream.write.object_name)}\n\n"
    for line in new_options_lines(stream):
        yield f"- First: {_cell(line)}\n\n"
    if fields:
        most = ", ".join(f"`{name}` {count:,}" for name, count in fields.most_common(10))
        yield f"Most changed: {most}\n\n"
    if stream.causes:
        yield f"Why: {_cell(causes_text(stream.causes))}\n\n"
    yield from _kept(file, catalog, stream)
    for kind, some in samples.items():
        yield f"<details><summary>{kind}: {getattr(stream.summary, kind):,}</summary>\n\n```diff\n"
        for change in some:
            yield from _sample(change, stream.field_by_name)
        yield "```\n</details>\n\n"
    rejections = list(zip(file.rejections(catalog.name, stream.name), range(SAMPLES), strict=False))
    if rejections:
        yield f"<details><summary>rejected: {stream.summary.rejected:,}</summary>\n\n"
        for rejection, _ in rejections:
            why = "; ".join(f"{each.field} {each.message}".strip() for each in rejection.reasons)
            yield f"- `{_cell(rejection.key or rejection.source_key)}`: {_cell(shortened(why, 300))}\n"
        yield "</details>\n\n"


def _kept(file: PlanFile, catalog: CatalogPlan, stream: StreamPlan) -> Iterator[str]:
    if not stream.kept:
        return
    yield f"Left as it is: {_cell(kept_text(stream.kept))}\n\n"
    planned = stream.field_by_name
    for kept, _ in zip(file.kept(catalog.name, stream.name), range(SAMPLES), strict=False):
        fields = kept.fields[:MOST_FIELDS]
        said = "; ".join(
            f"{each.field} {kept_field_text(each, planned.get(each.field), kept.modified)}" for each in fields
        )
        yield f"- `{_cell(kept.key)}`: {_cell(said)}\n"
    yield "\n"


def _sample(change: Change, planned: Mapping[str, PlannedField]) -> Iterator[str]:
    yield f"{SYMBOLS[change.kind]} {change.kind} {shortened(quoted(change.key)[1:-1])}\n"
    for each in change.fields[:MOST_FIELDS]:
        field = planned.get(each.field)
        before, after = around_difference(shown(each.before, field), shown(each.after, field))
        if each.before is not None:
            yield f"-   {each.field}: {_fenced(before)}\n"
        why = cause_text(each.cause, change.modified)
        yield f"+   {each.field}: {_fenced(after)}{f'  ({_fenced(why)})' if why else ''}\n"
    if len(change.fields) > MOST_FIELDS:
        yield f"    … and {len(change.fields) - MOST_FIELDS} more fields\n"


def _fenced(text: str) -> str:
    """A text that cannot end the code block it stands in."""
    return text.replace("```", "`\u200b``")


def _cell(text: str) -> str:
    """A text that cannot break a table, start a tag or mention a person."""
    cleaned = text.replace("|", "\\|").replace("<", "&lt;").replace("\n", " ").replace("@", "@\u200b")
    return cleaned.replace("`", "'")
