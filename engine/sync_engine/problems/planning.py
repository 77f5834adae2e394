"""SE7: what is found when planning."""

from __future__ import annotations

from sync_engine.problems.code import Code

CODES: dict[str, Code] = {
    "SE701": Code(
        "the catalog `{catalog}` could not be checked against its connections: {why}",
        "`sync-engine doctor` checks the connections one by one.",
    ),
}
