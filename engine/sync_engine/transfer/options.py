"""New values of picklists: created before any row is written, each step in the journal first."""

from __future__ import annotations

from sync_engine.ledger.store import Ledger
from sync_engine.planner.new_options import choices
from sync_engine.planner.plan import StreamPlan
from sync_engine.sdk.errors import Refused
from sync_engine.sdk.target import AddsChoices, Target

MODE = "new_options"


def create_options(transfer: str, stream: StreamPlan, target: Target, ledger: Ledger) -> None:
    """Create what the plan says of a stream.

    The intent is durable before the target is asked, and values that are there already are left as they are: after a
    crash, the same is simply done again.

    Raises:
        SyncEngineError: the target did not do it; no row has been written.
    """
    for new in stream.new_options:
        if not isinstance(target, AddsChoices):
            raise Refused(f"the target cannot add values to {stream.write.object_name}.{new.field}")
        name = f"{stream.name}-{MODE}-{new.field}"
        data = {"object": stream.write.object_name, "field": new.field, "values": [value for value, _ in new.values]}
        ledger.journal(transfer, name, stream.name, MODE, len(new.values), "creating", data)
        target.add_choices(stream.write.object_name, new.field, choices(new))
        ledger.journal(transfer, name, stream.name, MODE, len(new.values), "created", data)
