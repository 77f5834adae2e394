"""Automation of an org: flows that run before a record is saved and change its own fields.

Source: Salesforce Help, "Record-Triggered Flows": a before-save flow updates fields of the record that starts it, as
the user who saves it. What they do is defined by the org's file; ``cleanHtml`` stands for what the platform and its
editors do to rich text: they remove scripts, styles and most attributes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, Any

from sync_engine_sandbox.crm.reading import formula

if TYPE_CHECKING:
    from sync_engine_sandbox.crm.objects import SObject
    from sync_engine_sandbox.crm.store import Record, Store

_HIDDEN = re.compile(r"<(script|style|iframe)\b.*?</\1\s*>|<!--.*?-->", re.IGNORECASE | re.DOTALL)
_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]*)([^>]*)>")
_ATTRIBUTE = re.compile(r"\b(href|src|alt)\s*=\s*(\"[^\"]*\"|'[^']*')", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Flow:
    """A flow that changes one field whenever a record is saved.

    Attributes:
        field: what it changes.
        set: text in which ``{Field}`` is replaced; empty for none.
        round: digits behind the point that it leaves of a number.
        shorten: characters that it leaves of a text.
        clean_html: whether it removes from HTML what the platform does not keep.
    """

    field: str
    set: str = ""
    round: int | None = None
    shorten: int | None = None
    clean_html: bool = False


def before_save(store: Store, sobject: SObject, record: Record) -> Record:
    """The fields that the flows of an object change, in their order."""
    changed: Record = {}
    for flow in sobject.flows:
        changed[flow.field] = _value(flow, store, sobject, {**record, **changed})
    return changed


def _value(flow: Flow, store: Store, sobject: SObject, record: Record) -> Any:
    value = record.get(flow.field)
    if flow.set:
        return formula(store, sobject, flow.set, "")(record)
    if value is None:
        return None
    if flow.round is not None:
        return type(value)(Decimal(str(value)).quantize(Decimal(1).scaleb(-flow.round), ROUND_HALF_UP))
    if flow.shorten is not None:
        return str(value)[: flow.shorten].rstrip() or None
    return clean(str(value)) if flow.clean_html else value


def clean(text: str) -> str | None:
    """HTML without scripts, styles, comments, and attributes other than links, pictures and their texts."""

    def tag(match: re.Match[str]) -> str:
        kept = "".join(f" {name.lower()}={value}" for name, value in _ATTRIBUTE.findall(match[3]))
        return f"<{match[1]}{match[2].lower()}{kept}>"

    return _TAG.sub(tag, _HIDDEN.sub("", text)).strip() or None
