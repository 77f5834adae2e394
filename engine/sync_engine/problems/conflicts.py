"""SE508 to SE519: what people change in the target, and what a catalog says to that."""

from __future__ import annotations

from sync_engine.problems.code import Code

CODES: dict[str, Code] = {
    "SE508": Code(
        "{object}.{name} cannot be `conflict: report`: no record can be created without it",
        "A field that is only reported is never written, not even into a new record. Use `keep` to write it once.",
    ),
}
