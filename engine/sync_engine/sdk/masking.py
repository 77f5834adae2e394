"""Keeps secrets out of texts: whatever is shown, logged or kept holds ``***`` in their place.

Who was sent a secret may repeat it: a server in its error, a library in its exception. It is then seldom written as it
was: quoted for a URL, JSON, HTML or a ``repr``, or packed in base64 together with a user's name (RFC 7617).
"""

from __future__ import annotations

import base64
import html
import json
import re
import threading
from collections.abc import Iterable, Iterator
from itertools import product
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from sync_engine.sdk.values import Secret

SHORTEST = 4
"""A shorter secret is not looked for: it would blot out half of what is printed."""
_SHORTEST_PACKED = 8
"""Characters of base64 that a secret must determine to be looked for so; fewer turn up by chance."""
_SHORTEST_LINE = 20
"""A line of a secret that has several, such as a private key, is a secret by itself from here on."""

_LEFT_AS_THEY_ARE = ("", "/", "!'()*", "!'()*~;,/?:@&=+$#", "!$&'()*+,;=:@/")
"""What does not get quoted in URLs: by RFC 3986 beside letters and digits, by Python, by JavaScript's
``encodeURIComponent`` and ``encodeURI``, and in a path by RFC 3986."""


class Mask:
    """Knows secrets and takes them out of texts. Threads share it.

    Args:
        secrets: what is to be hidden from the start.
    """

    def __init__(self, secrets: Iterable[Secret] = ()) -> None:
        self._lock = threading.Lock()
        self._known: frozenset[str] = frozenset()
        self._written: tuple[str, ...] = ()
        self._packed: tuple[str, ...] = ()
        self.hide(secrets)

    def hide(self, secrets: Iterable[Secret]) -> None:
        """From now on these are taken out, too."""
        texts = {part for each in secrets for part in _parts(each.reveal()) if len(part) >= SHORTEST}
        with self._lock:
            new = texts - self._known
            if not new:
                return
            self._known |= new
            # New tuples, because others may be looking through the old ones.
            written = {each for text in new for each in _written(text)}
            self._written = _longest_first((*self._written, *(form for each in written for form in _nested(each))))
            self._packed = _longest_first((*self._packed, *(form for text in new for form in _packed(text))))

    def masked(self, text: str) -> str:
        """The text without the secrets; the longest first, because one may contain another."""
        for form in self._written:
            text = text.replace(form, "***")
        for form in self._packed:
            if form in text:
                text = re.sub(rf"[\w+/\\-]*{re.escape(form)}[\w+/\\=-]*", "***", text, flags=re.ASCII)
        return text


def passwords_in(address: str) -> Iterator[Secret]:
    """The passwords in an address, as they are written in it and as they are meant."""
    found = re.findall(r"^[^:/@]+://[^:/@]*:(.*)@", address, re.DOTALL)  # also where a sign in it was not quoted
    try:
        parts = urlsplit(address)
        found += [parts.password, *(value for key, value in parse_qsl(parts.query) if key.endswith("password"))]
    except ValueError:
        pass
    for each in filter(None, found):
        yield Secret(each)
        yield Secret(unquote(each))


def _longest_first(forms: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(forms), key=lambda each: (-len(each), each)))


def _parts(secret: str) -> Iterator[str]:
    yield secret
    lines = secret.split("\n")
    if len(lines) > 1:
        yield from (line for line in map(str.strip, lines) if len(line) >= _SHORTEST_LINE)


def _written(secret: str) -> Iterator[str]:
    """The ways to write a secret as text."""
    content = _bytes(secret)
    yield secret
    yield content.decode("latin-1")  # UTF-8 that was taken for something else
    yield from (secret.encode("ascii", how).decode("ascii") for how in ("ignore", "replace"))
    for safe in _LEFT_AS_THEY_ARE:
        quoted = quote(content, safe=safe)
        for each in (quoted, quoted.replace("%20", "+")):
            yield each
            yield re.sub("%..", lambda found: found[0].lower(), each)
    for escaped in (json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]):
        yield escaped
        yield escaped.replace("/", "\\/")  # as PHP writes JSON
    for apostrophe in ("'", "&#x27;", "&#39;", "&#039;", "&apos;"):
        yield html.escape(secret, quote=False).replace('"', "&quot;").replace("'", apostrophe)
    yield html.escape(secret, quote=False)
    yield from (repr(secret)[1:-1], repr(content)[2:-1])


def _nested(form: str) -> Iterator[str]:
    """A form, also inside of JSON or a ``repr``: an answer that is shown as it came, a report of it."""
    yield from (form, json.dumps(form)[1:-1], json.dumps(form, ensure_ascii=False)[1:-1], repr(form)[1:-1])


def _packed(secret: str) -> Iterator[str]:
    """What base64 makes of a secret inside of something longer, wherever it begins there."""
    contents = {_bytes(secret), secret.encode("latin-1", "replace")}  # libraries differ in what they send
    for content, before in product(contents, range(3)):
        # Of the first and the last character its neighbours decide, too.
        first, last = -(-8 * before // 6), 8 * (before + len(content)) // 6
        form = base64.b64encode(bytes(before) + content + bytes(2))[first:last].decode()
        if len(form) >= _SHORTEST_PACKED:
            yield form
            yield from (form.replace("/", "\\/"), form.replace("/", "\\\\/"))
            yield form.translate({ord("+"): "-", ord("/"): "_"})
            yield quote(form, safe="")


def _bytes(secret: str) -> bytes:
    return secret.encode("utf-8", "surrogateescape")
