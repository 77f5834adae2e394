"""The page docs/errors.md, written from the table of codes."""

from __future__ import annotations

from sync_engine.problems import CODES
from sync_engine.problems.code import Code

_PAGE_HEAD = """# Problems and their codes

Every problem that sync-engine finds in a file, and every trouble with the ledger, has a code that never changes its
meaning. This page is written from the tables in `engine/sync_engine/problems/`.
"""


def errors_page() -> str:
    """The page docs/errors.md: every code, what it means and what to do. `python -m sync_engine.problems` prints it."""
    entries = [
        f"## {code}\n\n{_kind(entry)}: {entry.title}\n\n{entry.explanation}\n"
        for code, entry in sorted(CODES.items(), key=_order)
    ]
    return "\n".join([_PAGE_HEAD, *entries])


def _order(entry: tuple[str, Code]) -> tuple[str, int]:
    """Letters, then the number: L2 before L10."""
    letters = entry[0].rstrip("0123456789")
    return letters, int(entry[0][len(letters) :])


def _kind(entry: Code) -> str:
    return entry.severity.value.capitalize()
