"""SE9: what the language accepts and this version cannot run."""

from __future__ import annotations

from sync_engine.problems.code import Code

CODES: dict[str, Code] = {
    "SE901": Code(
        "{feature} is not supported yet",
        "The language has a place for it, but this version cannot run it, and ignoring it would transfer something "
        "else than the catalog says. Delete it, or wait for a version that supports it.",
    ),
}
