"""Encoded values as people and programs read them."""

from __future__ import annotations

import json
from collections.abc import Mapping

import orjson

from sync_engine.planner.causes import modified_text
from sync_engine.planner.encoding import Encoded
from sync_engine.planner.fields import Cause, ConfigCause, FieldChange
from sync_engine.planner.plan import (
    Change,
    ChangeKind,
    KeptField,
    PlannedField,
)
from sync_engine.sdk.target import FieldType, Modified

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
    """A value as ``quoted``, but numbers, which are kept as exact text, without quotes, and files by their code."""
    if field is not None and field.type in NUMBERS and isinstance(value, str):
        return value
    if field is not None and field.type is FieldType.FILE and isinstance(value, list):
        return f"file {quoted(value[0])}"  # the code ends in the name
    return quoted(value)


def shortened(text: str, width: int = WIDEST) -> str:
    """The beginning of a long text, with its length."""
    return text if len(text) <= width else f"{text[: width - 1]}… ({len(text):,} characters)"


def apart(before: str, after: str) -> tuple[str, str, str, str]:
    """Two texts as what they begin with alike, what differs in each, and what they end with alike."""
    most = min(len(before), len(after))
    head = next((place for place in range(most) if before[place] != after[place]), most)
    tail = next((place for place in range(most - head) if before[-1 - place] != after[-1 - place]), most - head)
    ends = len(before) - tail, len(after) - tail
    return before[:head], before[head : ends[0]], after[head : ends[1]], before[ends[0] :]


def around_difference(before: str, after: str, width: int = WIDEST) -> tuple[str, str]:
    """Two long texts, each cut down to what differs, with a little of what stands before and behind it."""
    if len(before) <= width and len(after) <= width:
        return before, after
    head, old, new, tail = apart(before, after)
    around = width // 3
    start = head if len(head) <= around else f"…{head[-around:]}"

    def cut(middle: str) -> str:
        if len(middle) > width - around:
            return f"{start}{middle[: width - around]}…"
        return start + middle + (tail if len(tail) <= around else f"{tail[:around]}…")

    return cut(old), cut(new)


def json_value(value: Encoded, field: PlannedField | None) -> object:
    """A value for JSON output; decimals become exact numbers, not texts and not binary floats."""
    if field is not None and field.type in NUMBERS and isinstance(value, str):
        return orjson.Fragment(value.encode())
    return value


CAUSES: Mapping[str, str] = {
    Cause.FIRST: "never written before",
    Cause.PIM: "PIM changed",
    Cause.MAPPING: "mapping changed",
    Cause.ORG: "changed in the org",
    Cause.BOTH: "changed on both sides",
    ConfigCause.FIELD: "new field",
    ConfigCause.EMPTIED: "emptied now where there is no value",
    ConfigCause.LEFT: "left alone now where there is no value",
    ConfigCause.SETTINGS: "locales, channel or time zone changed",
    ConfigCause.FILTER: "filter changed",
    ConfigCause.ROWS: "other rows of the same record",
    ConfigCause.KEY: "key changed",
    ConfigCause.SOURCE: "read from elsewhere",
    ConfigCause.STREAM: "stream new or removed",
    ConfigCause.CATALOG: "catalog new or removed",
    ConfigCause.REJECTED: "rejected before",
    ConfigCause.ON_MISSING: "on_missing changed",
}
"""Why a field or a record differs, for people."""

_OF_RECORDS = frozenset(
    {
        *(ConfigCause.FILTER, ConfigCause.ROWS, ConfigCause.KEY, ConfigCause.SOURCE, ConfigCause.STREAM),
        *(ConfigCause.CATALOG, ConfigCause.REJECTED, ConfigCause.ON_MISSING),
    }
)
LEFT_ALONE = "(left alone)"


def cause_text(cause: str, modified: Modified | None = None) -> str:
    """Why a field differs; where it was changed in the org also who modified its record last, and when."""
    if not cause:
        return ""
    words = CAUSES[cause]
    if modified is None or cause not in (Cause.ORG, Cause.BOTH):
        return words
    return f"{words}; {modified_text(modified)}"


def causes_text(causes: Mapping[str, int]) -> str:
    """How many fields, or whole records, differ for which cause; empty where none does."""
    nouns = {each: "record" if each in _OF_RECORDS else "field" for each in causes}
    return "; ".join(f"{CAUSES[cause]}: {plural(count, nouns[cause])}" for cause, count in causes.items())


def record_cause(change: Change) -> str:
    """Why a whole record enters or leaves, where two versions of a catalog are compared; else empty."""
    return "" if change.kind is ChangeKind.UPDATE or not change.fields else cause_text(change.fields[0].cause)


def before_and_after(change: FieldChange, field: PlannedField | None) -> tuple[str, str]:
    """Both values of a field, as ``shown``."""
    before = LEFT_ALONE if change.cause == ConfigCause.EMPTIED else shown(change.before, field)
    return before, LEFT_ALONE if change.cause == ConfigCause.LEFT else shown(change.after, field)


_MATCHES = {"adopted": "adopted", "ambiguous": "ambiguous", "duplicate": "would be duplicates"}


def matches_text(matches: Mapping[str, int]) -> str:
    """What became of records that were there before; empty where none was found."""
    found = {word: matches.get(name, 0) for name, word in _MATCHES.items()}
    return ", ".join(f"{count:,} {word}" for word, count in found.items()) if any(found.values()) else ""


_LEFT = {"keep": "kept", "report": "reported"}


def kept_text(kept: Mapping[str, int]) -> str:
    """How many fields differ and are left as they are; empty where none is."""
    return ", ".join(f"{plural(count, 'field')} {_LEFT[policy]}" for policy, count in kept.items())


def kept_field_text(field: KeptField, planned: PlannedField | None, modified: Modified | None) -> str:
    """A field that is left as it is: what the target holds, what it would become, and why that is not written."""
    before, after = around_difference(shown(field.before, planned), shown(field.after, planned))
    why = cause_text(field.cause, modified)
    return f"holds {before}, the mapping yields {after}  ({_LEFT[field.policy]}; {why})"


def modified_data(modified: Modified | None) -> dict[str, str] | None:
    """The last modification of a record for JSON output."""
    return None if modified is None else {"by": modified.by, "at": modified.at, "actor": modified.actor}


def plural(count: int, noun: str, ending: str = "s") -> str:
    """A count with its noun, which takes ``ending`` when there is not exactly one."""
    return f"{count:,} {noun}{'' if count == 1 else ending}"
