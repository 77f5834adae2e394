"""HTML as text.

``html.parser`` needs time that grows with the square of broken markup (64 KB of ``<a <a <a`` took it a minute), and
source data is not to be trusted; each pattern here passes over the text once.
"""

from __future__ import annotations

import html
import re

_TAG = re.compile(r"""<(/?)([a-zA-Z][a-zA-Z0-9:-]*+)(?:[^<>"']|"[^"<]*+"|'[^'<]*+')*+>""")
_DECLARATION = re.compile(r"<[!?][^<>]*+>")
_NOT_SHOWN = {
    name: (re.compile(rf"<{name}(?=[\s>/])", re.IGNORECASE), re.compile(rf"</{name}\s*+>", re.IGNORECASE))
    for name in ("script", "style", "template", "head")
}
_ANY_NOT_SHOWN = re.compile(rf"<(?:{'|'.join(_NOT_SHOWN)})(?=[\s>/])", re.IGNORECASE)
_BLOCKS = frozenset(
    {
        "address", "article", "aside", "blockquote", "br", "center", "dd", "div", "dl", "dt", "fieldset", "figcaption",
        "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "li", "main", "nav", "ol", "p",
        "pre", "section", "table", "tr", "ul",
    }
)  # fmt: skip
_CELLS = frozenset({"td", "th"})
_BREAK = "\x1f"  # no character of a document, so it cannot be confused with what the text holds
_SPACES = re.compile(r"  ++")
_LONGEST_REFERENCE = re.compile(r"&#[xX]?[0-9a-fA-F]{9,};?")


def striptags(text: str) -> str:
    """The text that a browser would show.

    Tags and comments go, entities become characters, a block or ``<br>`` starts a new line, cells of a table are kept
    apart by a space, runs of white space become one space. Text without any markup keeps its own line breaks. A ``<``
    that starts no tag stays.
    """
    if "<" not in text and "&" not in text:
        return text.strip()
    marked = "<" in text and _TAG.search(text) is not None
    text = text.replace(_BREAK, "")
    text = _without(text, "<!--", "-->")
    if _ANY_NOT_SHOWN.search(text):  # most texts have none of them: look once, not once for each
        for opening, closing in _NOT_SHOWN.values():
            text = _without_element(text, opening, closing)
    text = _DECLARATION.sub("", text)
    if marked:
        text = _one_space(_TAG.sub(_replacement, text))
    text = html.unescape(_LONGEST_REFERENCE.sub("\ufffd", text))
    lines = (line.strip(" \t\r") for line in text.replace("\xa0", " ").replace(_BREAK, "\n").split("\n"))
    if marked:
        return "\n".join(line for line in lines if line)
    return "\n".join(lines).strip()


def _replacement(tag: re.Match[str]) -> str:
    name = tag[2].lower()
    if name in _BLOCKS:
        return _BREAK
    return " " if name in _CELLS else ""


def _one_space(text: str) -> str:
    """The text with one space for every run of white space; far faster than one pattern for all of it."""
    for other in "\t\n\r\f":
        text = text.replace(other, " ")
    return _SPACES.sub(" ", text)


def _without(text: str, opening: str, closing: str) -> str:
    """The text without what stands between two marks; a mark that is never closed reaches to the end."""
    kept, position = [], 0
    while (start := text.find(opening, position)) >= 0:
        kept.append(text[position:start])
        end = text.find(closing, start + len(opening))
        if end < 0:
            return "".join(kept)
        position = end + len(closing)
    kept.append(text[position:])
    return "".join(kept)


def _without_element(text: str, opening: re.Pattern[str], closing: re.Pattern[str]) -> str:
    """The text without an element and all it holds; one that is never closed reaches to the end."""
    kept, position = [], 0
    while start := opening.search(text, position):
        kept.append(text[position : start.start()])
        end = closing.search(text, start.end())
        if end is None:
            return "".join(kept)
        position = end.end()
    kept.append(text[position:])
    return "".join(kept)
