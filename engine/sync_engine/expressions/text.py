"""HTML to text, and text to a slug."""

from __future__ import annotations

import re
import unicodedata
from html.parser import HTMLParser

_BLOCKS = frozenset(
    (
        "address", "article", "aside", "blockquote", "br", "dd", "div", "dl", "dt", "figcaption", "figure", "footer",
        "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "li", "main", "nav", "ol", "p", "pre", "section",
        "table", "tbody", "td", "tfoot", "th", "thead", "tr", "ul",
    )
)  # fmt: skip
_DROPPED = frozenset(("script", "style", "head", "template"))


class _TextOnly(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._dropping = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002 - the parser's
        if tag in _BLOCKS:
            self.parts.append("\n")
        if tag in _DROPPED:
            self._dropping += 1

    def handle_endtag(self, tag: str) -> None:
        if tag in _BLOCKS:
            self.parts.append("\n")
        if tag in _DROPPED and self._dropping:
            self._dropping -= 1

    def handle_data(self, data: str) -> None:
        if not self._dropping:
            self.parts.append(data)


def text_of_html(html: str) -> str:
    """The text of HTML: entities decoded, tags gone, a line per block, white space folded, no empty lines."""
    if "<" not in html and "&" not in html:
        return _folded(html)
    parser = _TextOnly()
    parser.feed(html)
    parser.close()
    return _folded("".join(parser.parts))


def _folded(text: str) -> str:
    lines = (" ".join(line.split()) for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n"))
    return "\n".join(line for line in lines if line)


def slug_of(text: str) -> str:
    """Lower-case ASCII letters and digits with single hyphens between: ``Zelt "Öland" 2`` → ``zelt-oland-2``."""
    plain = unicodedata.normalize("NFKD", text.replace("ß", "ss")).encode("ascii", "ignore").decode("ascii")
    return re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")
