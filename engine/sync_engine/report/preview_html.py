"""A preview as one HTML file that a person without a terminal wants to look at; no network, pictures inside.

Nothing of a record is ever put into the page but as escaped text; pictures are data addresses of types told by their
bytes. The page's own policy forbids it to load anything.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from html import escape
from importlib.resources import files

from sync_engine.planner.encoding import Encoded
from sync_engine.report.preview import Preview, StreamPreview
from sync_engine.report.trace_values import input_text, source_text, value_text
from sync_engine.report.values import NUMBERS, plural, shown
from sync_engine.sdk.target import FieldType, Reason
from sync_engine.sdk.values import Blank
from sync_engine.trace.model import FieldTrace, RowTrace
from sync_engine.trace.pictures import Picture

BRIEF = 5
"""Fields that a card shows before it is opened."""

NAMED = 6
"""Records that one cause names."""

THUMBS = 4
"""Pictures that a card shows small, beside the first."""

_TITLES = (FieldType.TEXT, FieldType.TEXTAREA)
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'"


def render(preview: Preview) -> Iterator[str]:
    """Pieces of the page."""
    catalog = preview.catalog
    yield '<!doctype html>\n<html lang="en" data-theme="light"><head><meta charset="utf-8">'
    yield f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
    yield '<meta name="viewport" content="width=device-width,initial-scale=1">'
    yield f"<title>{escape(catalog.name)}: preview</title><style>{_asset('preview_page.css')}</style></head><body>"
    yield from _header(preview)
    yield from _bar(preview)
    yield '<main class="wide">'
    yield from _problems(preview)
    for stream in preview.streams:
        yield from _stream(stream, preview.pictures)
    made = f"{datetime.now(UTC):%d %B %Y, %H:%M} UTC"
    yield f'</main><footer class="wide">A sample made on {made}. '
    yield f"Nothing was written to {escape(catalog.target)}.</footer>"
    yield f"<script>{_asset('preview_page.js')}</script></body></html>\n"


def _asset(name: str) -> str:
    return files("sync_engine.report").joinpath(name).read_text(encoding="utf-8")


def _header(preview: Preview) -> Iterator[str]:
    catalog = preview.catalog
    rows = [row for stream in preview.streams for row in stream.rows]
    rejected = sum(1 for row in rows if row.reasons)
    facts = [
        f"<b>{plural(len(rows), 'sample record')}</b> in <b>{plural(len(preview.streams), 'stream')}</b>",
        f"from <b>{escape(catalog.source)}</b> to <b>{escape(catalog.target)}</b>",
    ]
    if catalog.channel:
        facts.append(f"channel <b>{escape(catalog.channel)}</b>")
    if catalog.locales:
        facts.append(f"languages <b>{escape(', '.join(catalog.locales))}</b>")
    yield '<header class="wide"><p class="eyebrow">Catalog preview</p>'
    yield f"<h1>{escape(catalog.name)}</h1>"
    if catalog.description:
        yield f'<p class="lead">{escape(catalog.description)}</p>'
    yield f'<ul class="facts">{"".join(f"<li>{each}</li>" for each in facts)}'
    if rejected:
        yield f'<li class="bad"><b>{plural(rejected, "record")}</b> cannot be written</li>'
    yield "</ul></header>"


def _bar(preview: Preview) -> Iterator[str]:
    yield '<div class="bar"><div class="wide"><nav aria-label="Streams">'
    for stream in preview.streams:
        bad = any(row.reasons for row in stream.rows)
        link = f'<a href="#{_anchor(stream.name)}"{" class=has-bad" if bad else ""}>'
        yield f"{link}{escape(stream.name)}<i>{len(stream.rows)}</i></a>"
    yield '</nav><input type="search" id="text" placeholder="Find a record" aria-label="Find a record">'
    if any(row.reasons for stream in preview.streams for row in stream.rows):
        yield '<button id="bad" aria-pressed="false">Only problems</button>'
    yield '<button id="theme" aria-label="Change between light and dark">Dark</button></div></div>'


def _anchor(*parts: str) -> str:
    return escape("-".join(parts).replace(" ", "_"))


def _problems(preview: Preview) -> Iterator[str]:
    """What has to be solved before the transfer: by cause, the most frequent first, with links to the records."""
    causes: dict[tuple[str, Reason], list[RowTrace]] = {}
    for stream in preview.streams:
        for row in stream.rows:
            for reason in row.reasons:
                causes.setdefault((stream.name, reason), []).append(row)
    if not causes:
        return
    rejected = sum(1 for stream in preview.streams for row in stream.rows if row.reasons)
    yield f'<div class="problems"><h2>{plural(rejected, "record")} of this sample cannot be written</h2><ul>'
    for (stream_name, reason), rows in sorted(causes.items(), key=lambda each: -len(each[1])):
        links = ", ".join(
            f'<a href="#{_anchor(stream_name, row.source_key)}">{escape(_title(row))}</a>' for row in rows[:NAMED]
        )
        more = f" and {len(rows) - NAMED} more" if len(rows) > NAMED else ""
        yield f"<li><strong>{escape(reason.message)}<code>{escape(reason.code)}</code></strong>"
        yield f'<span class="owner">{plural(len(rows), "record")}, to be solved in the {reason.owner}</span>'
        yield f'<span class="who">{escape(stream_name)}: {links}{more}</span></li>'
    yield "</ul></div>"


def _stream(stream: StreamPreview, pictures: Mapping[str, Picture]) -> Iterator[str]:
    pictured = any(media.code in pictures and pictures[media.code].type for row in stream.rows for media in row.media)
    yield f'<section class="stream" id="{_anchor(stream.name)}"><div class="stream-head"><h2>{escape(stream.name)}</h2>'
    yield f"<p>{escape(stream.collection.replace('_', ' '))} → {escape(stream.object)}</p>"
    if not stream.rows:
        yield f'</div><p class="empty">{escape(stream.nothing.capitalize())}.</p></section>'
        return
    yield '<div class="views" role="group" aria-label="View">'
    for view, pressed in (("cards", pictured), ("table", not pictured)):
        yield f'<button data-view="{view}" aria-pressed="{str(pressed).lower()}">{view.capitalize()}</button>'
    yield f'</div></div><div class="cards" data-part="cards"{"" if pictured else " hidden"}>'
    for row in stream.rows:
        yield from _card(stream, row, pictures, pictured=pictured)
    yield f'</div><div class="frame" data-part="table"{" hidden" if pictured else ""}>'
    yield from _table(stream, pictures, pictured=pictured)
    yield '</div><p class="empty none-left" hidden>No record of this stream fits.</p></section>'


def _card(stream: StreamPreview, row: RowTrace, pictures: Mapping[str, Picture], *, pictured: bool) -> Iterator[str]:
    bad = " bad" if row.reasons else ""
    place = f' id="{_anchor(stream.name, row.source_key)}"' if pictured else ""
    yield f'<article class="card{bad}" data-record{place}>'
    if pictured:
        yield from _picture(row, pictures)
    yield f'<div class="body"><h3>{escape(_title(row))}</h3>'
    yield f'<p class="key mono">{escape(_second(row))}</p>'
    if row.reasons:
        yield _reasons(row.reasons)
    yield '<dl class="brief">'
    for each in _brief(row):
        yield f"<div><dt>{escape(_label(each))}</dt><dd>{_value(each)}</dd></div>"
    yield f"</dl><details><summary>All {plural(len(row.fields), 'field')} and their sources</summary>"
    yield '<dl class="all">'
    for each in row.fields:
        failed = ' class="failed"' if each.reason else ""
        yield f"<div{failed}><dt>{escape(_label(each))}</dt><dd>{_value(each)}{_way(each)}</dd></div>"
    yield "</dl></details></div></article>"


def _picture(row: RowTrace, pictures: Mapping[str, Picture]) -> Iterator[str]:
    shown_ = [(each, pictures[each.code]) for each in row.media if pictures.get(each.code, Picture()).type]
    if shown_:
        media, picture = shown_[0]
        more = "".join(_image(each, other.filename or other.code) for other, each in shown_[1 : 1 + THUMBS])
        first = _image(picture, media.filename or media.code)
        yield f'<div class="picture">{first}{f"<span class=more>{more}</span>" if more else ""}</div>'
        return
    lacks = [pictures[each.code].lack for each in row.media if each.code in pictures]
    lack = f'<small title="{escape(lacks[0])}">{escape(lacks[0])}</small>' if lacks else ""
    yield f'<div class="picture none">{"Not shown" if lacks else "No picture"}{lack}</div>'


def _image(picture: Picture, name: str) -> str:
    content = base64.b64encode(picture.content).decode()
    return f'<img loading="lazy" alt="{escape(name)}" src="data:{picture.type};base64,{content}">'


def _reasons(reasons: Sequence[Reason]) -> str:
    items = (f"<li>{escape(each.message)} <code>{escape(each.code)}</code></li>" for each in reasons)
    return f'<ul class="reasons">{"".join(items)}</ul>'


def _table(stream: StreamPreview, pictures: Mapping[str, Picture], *, pictured: bool) -> Iterator[str]:
    names = {name for name, _ in stream.fields[1:]}
    heads = "".join(f"<th>{escape(label or name)}<span>{escape(name)}</span></th>" for name, label in stream.fields[1:])
    yield f"<table><thead><tr><th>Record<span>{escape(stream.fields[0][0])}</span></th>{heads}</tr></thead><tbody>"
    for row in stream.rows:
        bad = ' class="bad"' if row.reasons else ""
        images = [pictures[each.code] for each in row.media if pictures.get(each.code, Picture()).type]
        thumb = _image(images[0], "") if images else ""
        place = "" if pictured else f' id="{_anchor(stream.name, row.source_key)}"'
        elsewhere = [each for each in row.reasons if each.field not in names]
        yield f'<tr data-record{bad}{place}><th><span class="line">{thumb}<span>{escape(_title(row))}'
        yield f'<span class="key mono">{escape(_second(row))}</span></span></span>'
        yield f"{_reasons(elsewhere) if elsewhere else ''}</th>"
        for each in row.fields[1:]:
            kind = "failed" if each.reason else "number" if each.compiled.description.type in _NUMERIC else ""
            yield f'<td class="{kind}" title="{escape(_way_text(each))}"><div class="clip">{_value(each)}</div></td>'
        yield "</tr>"
    yield "</tbody></table>"


_NUMERIC = (*NUMBERS, FieldType.INTEGER)


def _title(row: RowTrace) -> str:
    """What a person would call the record: its first text, or its key."""
    texts = (
        each.result for each in row.fields[1:] if each.compiled.description.type in _TITLES and not each.compiled.refers
    )
    found = next((each for each in texts if isinstance(each, str) and each), None)
    return found if found and len(found) <= 120 else row.key or row.source_key


def _second(row: RowTrace) -> str:
    return row.key or row.source_key


def _brief(row: RowTrace) -> list[FieldTrace]:
    """The first fields that have something short to say, beside the title."""
    title = _title(row)
    telling = (
        each
        for each in row.fields[1:]
        if each.result not in (None, title, row.key) and each.result is not Blank.LEAVE and len(str(each.result)) <= 60
    )
    varied = sorted(telling, key=lambda each: not each.inputs)  # constants say least of a record
    return sorted(varied[:BRIEF], key=row.fields.index)


def _label(field: FieldTrace) -> str:
    return field.compiled.description.label or field.name


def _value(field: FieldTrace) -> str:
    """A value as HTML."""
    if field.reason is not None:
        return f'<span title="{escape(field.reason.message)}">✗ {escape(field.reason.message)}</span>'
    value = field.result
    if isinstance(value, Blank):
        return '<span class="nil">left alone</span>'
    return _shown(value, field)


def _shown(value: Encoded, field: FieldTrace) -> str:
    if value is None or value == "":
        return '<span class="nil">–</span>'
    if isinstance(value, bool):
        return '<span class="yes">Yes</span>' if value else "No"
    if isinstance(value, list) and field.compiled.description.type is FieldType.FILE:
        return f'<span title="{escape(value[0])}">{escape(value[1] or value[0])}</span>'
    if isinstance(value, list):
        return f'<span class="chips">{"".join(f"<span class=chip>{escape(each)}</span>" for each in value)}</span>'
    if isinstance(value, str) and field.compiled.description.type not in NUMBERS:
        return f"{'→ ' if field.compiled.refers else ''}{escape(value)}"
    return escape(shown(value, field.planned))


def _way_text(field: FieldTrace) -> str:
    """Where a value comes from, in one line of text."""
    parts = [field.rule, *(input_text(each) for each in field.inputs)]
    parts += [f"{each.text} → {source_text(each.value)}" for each in field.steps[1:]]
    parts += ["default"] if field.defaulted else []
    return f"{field.name}: {value_text(field.result, field)}\n" + "\n".join(parts)


def _way(field: FieldTrace) -> str:
    inputs = ", ".join(escape(_short(input_text(each))) for each in field.inputs)
    steps = "".join(f" · {escape(each.text)} → {escape(_short(source_text(each.value)))}" for each in field.steps[1:])
    default = " · default" if field.defaulted else ""
    rule = "" if len(field.inputs) == 1 and field.rule == field.inputs[0].code else f"<b>{escape(field.rule)}</b> "
    return f'<span class="way">{rule}{inputs}{steps}{default}</span>'


def _short(text: str) -> str:
    return text if len(text) <= 90 else f"{text[:89]}…"
