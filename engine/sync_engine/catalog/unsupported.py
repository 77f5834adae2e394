"""Parts of the language that this version cannot run. Each is refused by name; none is ignored."""

from __future__ import annotations

from sync_engine.catalog.findings import Findings
from sync_engine.documents import Pointer, table

_OF_SCHEDULE = ("daily", "weekly", "cron")


def check_supported(findings: Findings) -> None:
    """Report every use of a part of the language that cannot be run yet."""
    data = table(findings.document.data)
    for key in _OF_SCHEDULE:
        if key in table(data.get("schedule")):
            _refuse(("schedule", key), f"`schedule.{key}`", findings)


def _refuse(pointer: Pointer, feature: str, findings: Findings) -> None:
    findings.add("SE901", pointer, at_key=True, feature=feature)
