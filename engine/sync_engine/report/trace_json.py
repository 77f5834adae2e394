"""Traces as plain data, for the JSON output of ``preview`` and ``explain``."""

from __future__ import annotations

from decimal import Decimal

import orjson

from sync_engine.report.values import json_value
from sync_engine.sdk.target import Reason
from sync_engine.sdk.values import Blank
from sync_engine.trace.model import FieldTrace, RowTrace, Verdict
from sync_engine.trace.plain import plain_value

Data = dict[str, object]


def dump(data: Data) -> str:
    """The text of a JSON document; decimals are exact numbers."""
    return orjson.dumps(data, default=_exact, option=orjson.OPT_INDENT_2).decode()


def _exact(value: object) -> object:
    if isinstance(value, Decimal):
        return orjson.Fragment(format(value, "f").encode())
    raise TypeError(f"{type(value).__name__} is no plain data")


def row_data(row: RowTrace) -> Data:
    """A row: its values, the reasons why it cannot be written, and how each field came about."""
    values = {} if row.reasons else {each.name: _result(each) for each in row.fields if each.result is not Blank.LEAVE}
    return {
        "source_key": row.source_key,
        "key": row.key,
        "values": values,
        "reasons": [reason_data(each) for each in row.reasons],
        "criteria": [verdict_data(each) for each in row.verdicts],
        "passes": row.passes,
        "fields": [field_data(each) for each in row.fields],
        "media": [{"code": each.code, "filename": each.filename} for each in row.media],
    }


def field_data(field: FieldTrace) -> Data:
    """A field with its inputs, its steps and its result."""
    outcome = "rejected" if field.reason else "left" if field.result is Blank.LEAVE else "set"
    return {
        "field": field.name,
        "type": field.compiled.description.type,
        "rule": field.rule,
        "place": str(field.compiled.mapping.origin),
        "inputs": [
            {
                "code": each.code,
                "locale": each.locale,
                "channel": each.channel,
                "value": plain_value(each.value),
            }
            for each in field.inputs
        ],
        "steps": [{"step": each.text, "value": plain_value(each.value)} for each in field.steps],
        "default": field.defaulted,
        "outcome": "cleared" if outcome == "set" and field.result is None else outcome,
        "result": _result(field),
        "reason": reason_data(field.reason) if field.reason else None,
    }


def _result(field: FieldTrace) -> object:
    return None if isinstance(field.result, Blank) else json_value(field.result, field.planned)


def verdict_data(verdict: Verdict) -> Data:
    """A criterion, the value found, and the verdict; null when only the source can tell and was not asked."""
    return {
        "criterion": verdict.text,
        "place": str(verdict.origin),
        "found": plain_value(verdict.found),
        "holds": verdict.holds,
        "judged_by": verdict.judge,
        "parts": [verdict_data(each) for each in verdict.parts],
    }


def reason_data(reason: Reason) -> Data:
    """Why something cannot be written."""
    return {"code": reason.code, "field": reason.field, "message": reason.message, "owner": reason.owner}
