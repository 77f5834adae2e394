"""A plan as one HTML file: counts, gates, a table that can be filtered; no network, no other file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape

from sync_engine.planner.fields import FieldChange
from sync_engine.planner.plan import (
    CatalogPlan,
    Change,
    ChangeKind,
    ConfigChange,
    Kept,
    PlannedField,
    Rejection,
    StreamPlan,
)
from sync_engine.planner.plan_file import PlanFile
from sync_engine.report.plan_text import (
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
    record_cause,
    shortened,
)
from sync_engine.report.wording import Wording, base_line, config_lines, wording

MOST_ROWS = 5000
"""Rows of a stream that are put in the page; more make a browser slow and are in the JSON output."""

_STYLE = """
:root{--ink:#1c2430;--dim:#68717d;--line:#e3e6ea;--create:#1a7f4b;--update:#9a6700;--delete:#b42318;--bg:#f6f7f9}
*{box-sizing:border-box}body{margin:0;font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--bg)}
header{background:#14213d;color:#fff;padding:28px 40px}header h1{margin:0 0 4px;font-size:22px}
header p{margin:0;color:#b9c3d6;font-size:13px;overflow-wrap:anywhere}
main{max-width:1180px;margin:0 auto;padding:24px 40px 60px}
.cards{display:flex;gap:12px;flex-wrap:wrap;margin:0 0 20px}.card{background:#fff;border:1px solid var(--line);
border-radius:10px;padding:12px 18px;min-width:120px}
.card b{display:block;font-size:24px}.card span{color:var(--dim)}
.card.create b{color:var(--create)}
.card.update b{color:var(--update)}.card.rejected b,.card.delete b{color:var(--delete)}
h2{font-size:19px;margin:28px 0 8px}h3{font-size:16px;margin:22px 0 8px}.dim{color:var(--dim);font-size:13px}
.gate{background:#fdecea;border:1px solid #f3b8b1;color:#7a1a10;padding:10px 14px;border-radius:8px;margin:8px 0}
.tools{position:sticky;top:0;background:var(--bg);padding:10px 0;display:flex;gap:10px;z-index:1}
input,select{font:inherit;padding:7px 11px;border:1px solid #c9ced6;border-radius:7px;background:#fff}
input{flex:1}table{width:100%;border-collapse:collapse;background:#fff;border:1px solid var(--line);border-radius:10px}
th,td{text-align:left;padding:9px 12px;border-top:1px solid var(--line);vertical-align:top;font-size:14px}
th{border-top:0;color:var(--dim);font-weight:600}td.key{font-family:ui-monospace,monospace;font-size:13px;
overflow-wrap:anywhere;width:26%}.tag{border-radius:6px;padding:2px 8px;font-size:12px;font-weight:600;color:#fff}
.tag.create{background:var(--create)}.tag.update{background:var(--update)}
.tag.delete,.tag.rejected{background:var(--delete)}
.tag.kept{background:#68717d}
.tag.deactivate,.tag.leave{background:#6b4fa0}
dl{margin:0;display:grid;grid-template-columns:max-content 1fr;gap:2px 14px}
dt{color:var(--dim)}dd{margin:0;overflow-wrap:anywhere}del{background:#fde2df;text-decoration:none}
ins{background:#dcf5e6;text-decoration:none}tr[hidden]{display:none}
"""

_SCRIPT = """
const text=document.getElementById('text'),kind=document.getElementById('kind'),shown=document.getElementById('shown');
const rows=[...document.querySelectorAll('tr[data-kind]')];
function filter(){const wanted=text.value.toLowerCase();let count=0;for(const row of rows){
const hit=(!kind.value||row.dataset.kind===kind.value)&&(!wanted||row.textContent.toLowerCase().includes(wanted));
row.hidden=!hit;if(hit)count++}shown.textContent=count+' of '+rows.length+' records shown'}
text.addEventListener('input',filter);kind.addEventListener('change',filter);filter();
"""


def render(file: PlanFile) -> Iterator[str]:
    """Pieces of the page."""
    words = wording(file)
    yield f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{words.title}</title>'
    yield '<meta name="viewport" content="width=device-width,initial-scale=1">'
    yield f"<style>{_STYLE}</style></head><body>"
    said = f"Digest {file.digest}" if file.base is None else f"{base_line(file)}."
    yield f"<header><h1>{words.title}</h1><p>{escape(said)}</p></header><main>"
    if file.base is not None and not file.catalogs:
        yield f"<p>{words.nothing}</p>"
    if file.environment is not None:
        changed = "<br>".join(map(escape, override_lines(file.environment)))
        yield f'<h2>Environment {escape(file.environment.name)}</h2><p class="dim">{changed}</p>'
    names = {each: words.columns[each] for each in ChangeKind if each in words.columns} | {
        "kept": "kept",
        "rejected": words.columns["rejected"],
    }
    kinds = "".join(f'<option value="{kind}">{name}</option>' for kind, name in names.items())
    yield '<div class="tools"><input id="text" placeholder="Filter by key, field or value" aria-label="Filter">'
    yield f'<select id="kind" aria-label="Kind"><option value="">everything</option>{kinds}</select></div>'
    yield '<p class="dim" id="shown"></p>'
    for line in budget_lines(file):
        yield f'<div class="gate">Gate {escape(line)}.</div>'
    for catalog in file.catalogs:
        yield from _catalog(file, catalog)
    yield f"</main><script>{_SCRIPT}</script></body></html>\n"


def _catalog(file: PlanFile, catalog: CatalogPlan) -> Iterator[str]:
    yield f'<h2>{escape(catalog.name)} <span class="dim">{escape(catalog.path)}</span></h2>'
    if catalog.restores:
        yield f"<p>Rolls back transfer {escape(catalog.restores)}.</p>"
    yield '<div class="cards">'
    for name, said in wording(file).columns.items():
        count = getattr(catalog.summary, name)
        yield f'<div class="card {name if count else ""}"><b>{count:,}</b><span>{said}</span></div>'
    yield "</div>"
    yield from _config(catalog.config)
    for gate in catalog.tripped:
        text = ". ".join(filter(None, (f"{gate_line(gate)}: nothing will be written", examples_line(gate))))
        once = f"<code>--allow {escape(gate.allow)}</code>"
        yield f'<div class="gate">Gate {escape(text)}. To allow it once: {once}</div>'
    for warning in catalog.warnings:
        yield f'<p class="dim">Warning: {escape(warning)}</p>'
    yield f'<p class="dim">{escape(cost_line(catalog))}</p>'
    for stream in catalog.streams:
        yield from _stream(file, catalog, stream)


def _stream(file: PlanFile, catalog: CatalogPlan, stream: StreamPlan) -> Iterator[str]:
    write = stream.write
    yield f"<h3>{escape(stream.name)}: {escape(stream.read.collection)} → {escape(write.object_name)}</h3>"
    filters = [*stream.read.pushed, *(f"{each} (evaluated here)" for each in stream.read.here)]
    yield from _config(stream.config)
    if filters:
        yield f'<p class="dim">Filter: {escape("; ".join(filters))}</p>'
    for line in new_options_lines(stream):
        yield f"<p>First: {escape(line)}</p>"
    if found := matches_text(stream.matches):
        yield f'<p class="dim">There before: {found}</p>'
    if stream.causes:
        yield f'<p class="dim">Why: {escape(causes_text(stream.causes))}</p>'
    if stream.kept:
        yield f'<p class="dim">Left as it is: {escape(kept_text(stream.kept))}</p>'
    if not (stream.summary.changes or stream.summary.rejected or stream.summary.waiting or stream.kept):
        yield '<p class="dim">No changes.</p>'
        return
    yield "<table><thead><tr><th>What</th><th>Record</th><th>Fields</th></tr></thead><tbody>"
    for rejection, _ in zip(file.rejections(catalog.name, stream.name), range(MOST_ROWS), strict=False):
        yield _rejection(rejection)
    for kept, _ in zip(file.kept(catalog.name, stream.name), range(MOST_ROWS), strict=False):
        yield _kept(kept, stream.field_by_name)
    for change, _ in zip(file.changes(catalog.name, stream.name), range(MOST_ROWS), strict=False):
        yield _change(change, stream.field_by_name, wording(file))
    yield "</tbody></table>"
    hidden = stream.summary.changes - MOST_ROWS
    if hidden > 0:
        yield f'<p class="dim">… and {hidden:,} more changes, which `--format json` lists.</p>'


def _config(config: Sequence[ConfigChange]) -> Iterator[str]:
    if config:
        yield f"<ul>{''.join(f'<li>{escape(each)}</li>' for each in config_lines(config))}</ul>"


def _change(change: Change, planned: Mapping[str, PlannedField], words: Wording) -> str:
    whole = record_cause(change)
    why = f'<br><span class="dim">{escape(whole)}</span>' if whole else ""
    identity = f'<br><span class="dim">{escape(change.target_id)}</span>' if change.target_id else ""
    fields = "".join(
        f"<dt>{escape(each.field)}</dt><dd>{_field(change, each, planned.get(each.field))}</dd>"
        for each in change.fields
    )
    return (
        f'<tr data-kind="{change.kind}"><td><span class="tag {change.kind}">{words.columns[change.kind]}</span>'
        f"{why}</td>"
        f'<td class="key">{escape(change.key)}{identity}</td><td><dl>{fields}</dl></td></tr>'
    )


def _field(record: Change, change: FieldChange, field: PlannedField | None) -> str:
    before, after = before_and_after(change, field)
    if record.kind in (ChangeKind.CREATE, ChangeKind.LEAVE):
        return escape(shortened(after, 300))
    before, after = around_difference(before, after, 160)
    why = "" if record_cause(record) else cause_text(change.cause, record.modified)
    said = f' <span class="dim">({escape(why)})</span>' if why else ""
    return f"<del>{escape(before)}</del> → <ins>{escape(after)}</ins>{said}"


def _kept(kept: Kept, planned: Mapping[str, PlannedField]) -> str:
    fields = "".join(
        f"<dt>{escape(each.field)}</dt><dd>{escape(kept_field_text(each, planned.get(each.field), kept.modified))}</dd>"
        for each in kept.fields
    )
    return (
        '<tr data-kind="kept"><td><span class="tag kept">left as it is</span></td>'
        f'<td class="key">{escape(kept.key)}<br><span class="dim">{escape(kept.target_id)}</span></td>'
        f"<td><dl>{fields}</dl></td></tr>"
    )


def _rejection(rejection: Rejection) -> str:
    reasons = "".join(
        f"<dt>{escape(each.field or each.code)}</dt><dd>{escape(each.message)}</dd>" for each in rejection.reasons
    )
    kind, word = ("kept", "waits") if rejection.waits else ("rejected", "rejected")
    return (
        f'<tr data-kind="{kind}"><td><span class="tag {kind}">{word}</span></td>'
        f'<td class="key">{escape(rejection.key or rejection.source_key)}</td><td><dl>{reasons}</dl></td></tr>'
    )
