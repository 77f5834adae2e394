"""What becomes of a difference that people may have a say in: it is written, left as it is, or rejects its record.

``conflict`` of a mapping decides (see ``catalog.mapping.Conflict``). What is left as it is stands in the plan in lines
of its own and is no change, so it never makes a plan that has something to do for ever.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from sync_engine.catalog.mapping import Conflict
from sync_engine.compiler.compiled import CompiledStream
from sync_engine.planner.fields import Cause, FieldChange
from sync_engine.planner.plan import Change, ChangeKind, Kept, KeptField
from sync_engine.sdk.target import Owner, Reason

Policies = Mapping[str, Conflict]
"""By field; fields that are always written are absent."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What becomes of a record that differs.

    Attributes:
        change: what is written of it; None when nothing is.
        kept: what is left as it is; None when nothing is.
        reasons: why it is rejected; then nothing of it is written.
    """

    change: Change | None
    kept: Kept | None = None
    reasons: tuple[Reason, ...] = ()


def policies_of(stream: CompiledStream) -> Policies:
    """The policies of a stream's fields; those by which its records are found are always as they must be."""
    fields = stream.fields[stream.key_parts :]
    return {each.name: each.mapping.conflict for each in fields if each.mapping.conflict is not Conflict.OVERWRITE}


def decide(change: Change, policies: Policies) -> Decision:
    """What is written of a change, and what is not.

    Args:
        change: a create, or an update with its causes.
        policies: of the stream.
    """
    if not policies:
        return Decision(change)
    if change.kind is ChangeKind.CREATE:
        written = tuple(each for each in change.fields if policies.get(each.field) is not Conflict.REPORT)
        return Decision(replace(change, fields=written))
    refused = tuple(_reason(each) for each in change.fields if _conflicts(each, policies))
    if refused:
        return Decision(None, None, refused)
    left = tuple(
        KeptField(*each, policy=policies[each.field].value) for each in change.fields if _is_left(each, policies)
    )
    if not left:
        return Decision(change)
    names = {each.field for each in left}
    written = tuple(each for each in change.fields if each.field not in names)
    kept = Kept(change.key, change.source_key, change.target_id, left, change.modified)
    return Decision(replace(change, fields=written) if written else None, kept)


def _conflicts(field: FieldChange, policies: Policies) -> bool:
    return policies.get(field.field) is Conflict.REJECT and field.cause in (Cause.ORG, Cause.BOTH)


def _is_left(field: FieldChange, policies: Policies) -> bool:
    policy = policies.get(field.field)
    if policy is Conflict.KEEP:
        # Nobody owns what is empty because we left it so: the first value is still to come.
        unfilled = field.before is None and field.cause in (Cause.PIM, Cause.MAPPING)
        return field.cause != Cause.FIRST and not unfilled
    return policy is Conflict.REPORT


def _reason(field: FieldChange) -> Reason:
    message = f"was changed in the org to {field.before!r}, and the mapping yields {field.after!r} (`conflict: reject`)"
    return Reason("CONFLICT", message, field.field, Owner.ORG)
