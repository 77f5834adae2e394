"""Secrets that can be told from everything else, and a look for them in whatever a command leaves behind.

Each holds signs that change when it is quoted. A piece of one is enough to be found: as it is, inside of base64
wherever it begins there, in UTF-16, in hexadecimal digits, and in what is packed or lies in a database.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import html
import json
import re
import sqlite3
import zlib
from collections.abc import Iterator, Mapping
from contextlib import closing
from functools import cache
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest

PIECE = 8
"""Letters in a row by which a canary is recognised."""


def canary(name: str, signs: str = "/+ \"'&<é\\%") -> str:
    """The canary of that name, always the same; ``signs`` stand in its middle."""
    letters = base64.b32encode(hashlib.sha256(name.encode()).digest()).decode()[:32]
    return f"{letters[:16]}{signs}{letters[16:].lower()}"


def token(name: str) -> str:
    """A canary that fits a header."""
    return canary(name, "/+=")


def forms(secret: str) -> dict[str, str]:
    """The ways in which whoever was sent a secret may repeat it."""
    content = secret.encode()
    return {
        "raw": secret,
        "URL": quote(secret, safe=""),
        "URL of a path": quote(secret),
        "URL of a form": quote_plus(secret),
        "URL in small letters": re.sub("%..", lambda found: found[0].lower(), quote(secret, safe="")),
        "JSON": json.dumps(secret)[1:-1],
        "JSON as PHP writes it": json.dumps(secret)[1:-1].replace("/", "\\/"),
        "JSON with Unicode": json.dumps(secret, ensure_ascii=False)[1:-1],
        "HTML": html.escape(secret),
        "repr": repr(secret)[1:-1],
        **{f"base64 after {each}": base64.b64encode(b"u" * each + content + b":").decode() for each in range(3)},
        "base64 of Latin-1": base64.b64encode(b"user:" + secret.encode("latin-1")).decode(),
        "without what is not ASCII": secret.encode("ascii", "ignore").decode(),
        "base64 for URLs": base64.urlsafe_b64encode(b"user:" + content).decode(),
    }


@cache
def _pattern(secret: str) -> re.Pattern[bytes]:
    words = [word for word in re.split("[^A-Za-z0-9]+", secret) if len(word) >= PIECE]
    pieces = {word[start : start + PIECE].encode() for word in words for start in range(len(word) - PIECE + 1)}
    found: set[bytes] = set()
    for piece in pieces:
        found |= {piece, piece.decode().encode("utf-16-le"), piece.hex().encode(), piece.hex().upper().encode()}
        for before in range(3):
            inside = base64.b64encode(bytes(before) + piece + bytes(2))[-(-8 * before // 6) : 8 * (before + PIECE) // 6]
            found |= {inside, inside.translate(bytes.maketrans(b"+/", b"-_")), inside.replace(b"/", b"\\/")}
            found |= {quote(inside).encode(), quote(inside, safe="").encode()}
    return re.compile(b"|".join(map(re.escape, sorted(found))))


def sightings(content: bytes, secrets: Mapping[str, str], where: str = "") -> Iterator[str]:
    """Where a canary can be seen, with what is around it."""
    for inside, layer in _layers(content, where):
        for name, secret in secrets.items():
            if found := _pattern(secret).search(layer):
                around = layer[max(0, found.start() - 60) : found.end() + 60]
                yield f"{name} in {inside}: {around!r}"


def assert_no_canary(secrets: Mapping[str, str], *texts: str, folder: Path | None = None) -> None:
    """Nothing of a secret is in what was printed, nor in a file below a folder, nor in the name of one."""
    found = [each for text in texts for each in sightings(text.encode("utf-8", "surrogateescape"), secrets, "a text")]
    for path in sorted(folder.rglob("*")) if folder else ():
        found += sightings(path.name.encode(), secrets, f"the name {path.name}")
        if path.is_file():
            content = path.read_bytes()
            found += sightings(content, secrets, path.name)
            found += _rows(path, secrets) if content.startswith(b"SQLite format 3\0") else ()
    assert not found, "\n".join(found)


def logged(capture: pytest.LogCaptureFixture) -> str:
    """What the engine and its libraries have logged; not what servers of the test have."""
    ours = [each for each in capture.records if not str(each.threadName).startswith("sandbox-")]
    return "\n".join(map(capture.handler.format, ours))


def _layers(content: bytes, where: str) -> Iterator[tuple[str, bytes]]:
    """What there is to see: the bytes themselves, and what they are when unpacked."""
    yield where, content
    if content[:2] == b"\x1f\x8b":
        yield from _layers(gzip.decompress(content), f"{where}, unpacked")
    elif content[:1] == b"\x78" and len(content) > 8:
        try:
            unpacked = zlib.decompress(content)
        except zlib.error:
            return
        yield from _layers(unpacked, f"{where}, unpacked")


def _rows(path: Path, secrets: Mapping[str, str]) -> Iterator[str]:
    """Where a canary can be seen in the values of a database; a long one lies in several places of its file."""
    with closing(sqlite3.connect(path)) as database:
        for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            for row in database.execute(f'SELECT * FROM "{name}"'):  # noqa: S608 - our own tables
                for value in row:
                    if isinstance(value, str | bytes):
                        content = value.encode() if isinstance(value, str) else value
                        yield from sightings(content, secrets, f"{path.name}, table {name}")
