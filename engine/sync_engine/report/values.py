"""Encoded values as people and programs read them."""

from __future__ import annotations

import json

import orjson

from sync_engine.planner.encoding import Encoded
from sync_engine.planner.plan import PlannedField
from sync_engine.sdk.target import FieldType

NUMBERS = (FieldType.DECIMAL, FieldType.PERCENT, FieldType.CURRENCY)
WIDEST = 72


def quoted(value: Encoded) -> str:
    """A value on one line: texts in quotes with escapes, an empty field as ``(empty)``."""
    if value is None:
        return "(empty)"
    if isinstance(value, list):
        return "[" + ", ".join(quoted(each) for each in value) + "]"
    if isinstance(value, str):
        # Line breaks and control characters must not reach a terminal as such.
        return json.dumps(value, ensure_ascii=False).replace("\u2028", "\\u2028").replace("\x7f", "\\u007f")
    return json.dumps(value)


def shown(value: Encoded, field: PlannedField | None) -> str:
    """A value as ``quoted``, but numbers, which are kept as exact text, without quotes."""
    if field is not None and field.type in NUMBERS and isinstance(value, str):
        return value
    return quoted(value)


def shortened(text: str, width: int = WIDEST) -> str:
    """The beginning of a long text, with its length."""
    return text if len(text) <= width else f"{text[: width - 1]}… ({len(text):,} characters)"


def around_difference(before: str, after: str, width: int = WIDEST) -> tuple[str, str]:
    """Two long texts, each cut down to the stretch where they begin to differ."""
    if len(before) <= width and len(after) <= width:
        return before, after
    same = 0
    while same < min(len(before), len(after)) and before[same] == after[same]:
        same += 1
    start = max(0, same - width // 3)

    def cut(text: str) -> str:
        piece = text[start : start + width]
        return f"{'…' if start else ''}{piece}{'…' if start + width < len(text) else ''}"

    return cut(before), cut(after)


def json_value(value: Encoded, field: PlannedField | None) -> object:
    """A value for JSON output; decimals become exact numbers, not texts and not binary floats."""
    if field is not None and field.type in NUMBERS and isinstance(value, str):
        return orjson.Fragment(value.encode())
    return value


def plural(count: int, noun: str, ending: str = "s") -> str:
    """A count with its noun, which takes ``ending`` when there is not exactly one."""
    return f"{count:,} {noun}{'' if count == 1 else ending}"
