"""Problems as text for people, JSON for programs, annotations for GitHub and GitLab, SARIF 2.1.0 for code scanning."""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from urllib.parse import quote

from sync_engine import __version__
from sync_engine.problems import CODES
from sync_engine.sdk.problem import Problem, Severity

FORMATS = ("text", "json", "github", "gitlab", "sarif")

_WIDTH = 100
_LINE_BREAK = re.compile(r"\r\n|\r|\n")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_COLOURS = {Severity.ERROR: "31", Severity.WARNING: "33"}


def render(
    problems: Sequence[Problem],
    format: str,  # noqa: A002 -- the word of the command line
    *,
    colour: bool = False,
    sources: Mapping[str, str] | None = None,
) -> str:
    """Show problems.

    Args:
        problems: in the order in which they are shown.
        format: one of ``FORMATS``.
        colour: of the text format: use ANSI colours.
        sources: of the text format: text of the files by the name that problems use, for excerpts.

    Raises:
        ValueError: the format is unknown.
    """
    match format:
        case "text":
            return _text(problems, sources or {}, colour=colour)
        case "json":
            return _json({"version": 1, "problems": [_as_data(each) for each in problems]})
        case "github":
            return "".join(f"{_annotation(each)}\n" for each in problems)
        case "gitlab":
            return _json([_code_quality(each) for each in problems])
        case "sarif":
            return _json(_sarif(problems))
        case _:
            raise ValueError(f"unknown format {format!r}; known: {', '.join(FORMATS)}")


def _code_quality(each: Problem) -> dict[str, object]:
    """A finding as GitLab's reports of code quality have it (docs.gitlab.com, "Code Quality")."""
    identity = f"{each.code} {each.origin} {each.message}"
    return {
        "description": each.message,
        "check_name": each.code,
        "fingerprint": hashlib.sha256(identity.encode()).hexdigest(),
        "severity": "major" if each.severity is Severity.ERROR else "minor",
        "location": {"path": each.origin.file, "lines": {"begin": max(each.origin.line, 1)}},
    }


def _json(data: object) -> str:
    return json.dumps(data, indent=2, ensure_ascii=False) + "\n"


def _as_data(each: Problem) -> dict[str, object]:
    return {
        "file": each.origin.file,
        "line": each.origin.line,
        "column": each.origin.column,
        "severity": each.severity.value,
        "code": each.code,
        "message": each.message,
        "hint": each.hint,
    }


def _text(problems: Sequence[Problem], sources: Mapping[str, str], *, colour: bool) -> str:
    lines = {name: _LINE_BREAK.split(text) for name, text in sources.items()}
    blocks = [_block(each, lines.get(each.origin.file, ()), colour=colour) for each in problems]
    return "\n".join([*blocks, _summary(problems)]) + "\n"


def _block(each: Problem, lines: Sequence[str], *, colour: bool) -> str:
    paint = _paint if colour else _plain
    place = f"{paint(_visible(str(each.origin)), '1')}: " if each.origin.file else ""
    severity = paint(f"{each.severity.value} {each.code}", _COLOURS[each.severity])
    shown = [f"{place}{severity}: {_visible(each.message)}"]
    if 0 < each.origin.line <= len(lines):
        shown += _excerpt(lines[each.origin.line - 1], each.origin.line, each.origin.column, paint("^", "1;31"))
    if each.hint:
        shown.append(f"  {paint('hint', '36')}: {_visible(each.hint)}")
    return "\n".join(shown) + "\n"


def _excerpt(line: str, number: int, column: int, caret: str) -> list[str]:
    """The line and a caret under the column; of a long line the part around the column."""
    start = max(0, column - 1 - _WIDTH // 2) if len(line) > _WIDTH else 0
    part = line[start : start + _WIDTH]
    before = ("…" if start else "") + part[: column - 1 - start]
    shown = ("…" if start else "") + part + ("…" if start + _WIDTH < len(line) else "")
    margin = " " * len(str(number))
    return [f"  {number} | {_visible(shown, tab=True)}", f"  {margin} | {''.join(map(_blank, before))}{caret}"]


def _blank(character: str) -> str:
    """Space as wide as a character is on a terminal."""
    if character == "\t":
        return "\t"
    if unicodedata.combining(character):
        return ""
    return "  " if unicodedata.east_asian_width(character) in "WF" else " "


def _visible(text: str, *, tab: bool = False) -> str:
    """Control characters as escapes, so that no name in a file can move the cursor or fake a line."""
    return _CONTROL.sub(
        lambda found: "\t" if tab and found[0] == "\t" else found[0].encode("unicode_escape").decode(), text
    )


def _paint(text: str, colour: str) -> str:
    return f"\x1b[{colour}m{text}\x1b[0m"


def _plain(text: str, _colour: str) -> str:
    return text


def _summary(problems: Sequence[Problem]) -> str:
    if not problems:
        return "no problems found"
    counts = [(sum(each.severity is severity for each in problems), severity.value) for severity in Severity]
    found = ", ".join(f"{count} {name}{'s' if count != 1 else ''}" for count, name in counts if count)
    files = len({each.origin.file for each in problems if each.origin.file})
    return f"{found} in {files} file{'s' if files != 1 else ''}" if files else found


def _annotation(each: Problem) -> str:
    """A workflow command (GitHub Docs, "Workflow commands": values are percent-encoded)."""
    place: dict[str, object] = {"file": each.origin.file} if each.origin.file else {}
    if each.origin.line:
        place |= {"line": each.origin.line, "col": each.origin.column}
    properties = ",".join(f"{key}={_property(str(value))}" for key, value in {**place, "title": each.code}.items())
    message = f"{each.message}\n{each.hint}" if each.hint else each.message
    return f"::{each.severity.value} {properties}::{_data(message)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def _sarif(problems: Sequence[Problem]) -> dict[str, object]:
    """One run of the Static Analysis Results Interchange Format 2.1.0 (OASIS standard)."""
    codes = sorted({each.code for each in problems})
    results = [_result(each, codes.index(each.code)) for each in problems]
    driver = {"name": "sync-engine", "semanticVersion": __version__, "rules": _rules(codes)}
    return {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}],
    }


def _rules(codes: Iterable[str]) -> list[dict[str, object]]:
    return [
        {
            "id": code,
            "shortDescription": {"text": CODES[code].title},
            "fullDescription": {"text": CODES[code].explanation},
            "defaultConfiguration": {"level": CODES[code].severity.value},
        }
        for code in codes
    ]


def _result(each: Problem, rule: int) -> dict[str, object]:
    message = f"{each.message}. {each.hint}" if each.hint else each.message
    result: dict[str, object] = {
        "ruleId": each.code,
        "ruleIndex": rule,
        "level": each.severity.value,
        "message": {"text": message},
    }
    if each.origin.file:
        location: dict[str, object] = {"artifactLocation": {"uri": _uri(each.origin.file)}}
        if each.origin.line:
            location["region"] = {"startLine": each.origin.line, "startColumn": each.origin.column}
        result["locations"] = [{"physicalLocation": location}]
    return result


def _uri(file: str) -> str:
    return quote(file.replace("\\", "/"))
