"""From a path to the text of the file: what may be opened and which characters may be in it."""

from __future__ import annotations

import os
import re
import stat
from itertools import islice
from pathlib import Path

from sync_engine.problems import problem
from sync_engine.sdk.problem import Origin, Problem

MAX_BYTES = 1_000_000
_BOM = b"\xef\xbb\xbf"
_LINE_BREAK = re.compile(r"\r\n|\r|\n")
_SHOWN_AT_MOST = 20

# Controls (C0 but tab and line breaks, DEL, C1 with NEL), LS and PS (line breaks for YAML only), bidirectional controls
# (they show a line in another order than it has), a BOM inside, surrogates and non-characters.
FORBIDDEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff\ufffe\uffff]"
)


def read_text(path: Path, name: str, root: Path | None) -> str | list[Problem]:
    """The text of a file, without a byte order mark at its start.

    Args:
        path: the file.
        name: how messages call it.
        root: folder that the file must lie in when links are followed; None for anywhere.
    """
    try:
        if root is not None and not path.resolve().is_relative_to(root.resolve()):
            return [problem("SE103", Origin(name), file=name)]
        content = _read_bytes(path)
    except (OSError, ValueError, RuntimeError) as error:  # ValueError: NUL in the path; RuntimeError: loop of links
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        return [problem("SE101", Origin(name), file=name, reason=reason)]
    if content is None:
        return [problem("SE102", Origin(name), file=name)]
    if len(content) > MAX_BYTES:
        return [problem("SE104", Origin(name), file=name)]
    content = content.removeprefix(_BOM)
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        before = content[: error.start].decode("utf-8")
        return [problem("SE105", place(before, len(before), name), byte=f"0x{content[error.start]:02X}")]
    return refuse_characters(text, name) or text


def _read_bytes(path: Path) -> bytes | None:
    """Up to one byte more than is allowed; None when it is no regular file. Never waits for a pipe."""
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0))
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        return None
    with os.fdopen(handle, "rb") as file:
        return file.read(MAX_BYTES + 1)


def refuse_characters(text: str, name: str) -> list[Problem]:
    """A problem for each character that must not be in a file (the first ones, if there are very many)."""
    found = islice(FORBIDDEN.finditer(text), _SHOWN_AT_MOST)
    return [problem("SE106", place(text, each.start(), name), character=f"U+{ord(each[0]):04X}") for each in found]


def place(text: str, index: int, name: str) -> Origin:
    """Line and column of the character at ``index``."""
    before = _LINE_BREAK.split(text[:index])
    return Origin(name, len(before), len(before[-1]) + 1)
