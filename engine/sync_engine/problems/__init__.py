"""Every code a problem can have: one table, from which docs/errors.md is written.

Ranges: SE1 the file itself · SE2 shape of a document (schema) · SE3 names and types against the connections' schemas ·
SE4 expressions and templates · SE5 filters, and what people change in the target · SE6 project, connections, secrets ·
SE7 what is found when planning · SE8 the ledger · L locales and languages. Each range has a module of its own here.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import TypeVar

from sync_engine.problems import (
    conflicts,
    documents,
    expressions,
    files,
    filters,
    ledger,
    locales,
    names,
    planning,
    project,
    recording,
    types,
)
from sync_engine.problems.code import Code
from sync_engine.sdk.errors import SyncEngineError
from sync_engine.sdk.problem import NOWHERE, Origin, Problem

E = TypeVar("E", bound=SyncEngineError)

CODES: Mapping[str, Code] = {
    **files.CODES,
    **documents.CODES,
    **names.CODES,
    **types.CODES,
    **recording.CODES,
    **expressions.CODES,
    **filters.CODES,
    **conflicts.CODES,
    **project.CODES,
    **planning.CODES,
    **ledger.CODES,
    **locales.CODES,
}


def problem(code: str, origin: Origin = NOWHERE, hint: str = "", **values: object) -> Problem:
    """Make a problem from the table.

    Args:
        code: a key of ``CODES``.
        origin: where it was written.
        hint: what to do, when more can be said than the explanation does.
        values: fill the placeholders of the code's message.
    """
    entry = CODES[code]
    return Problem(code, entry.message.format(**values), origin, hint, entry.severity)


def coded(kind: type[E], code: str, **values: object) -> E:
    """Make an error from the table; what to do next is the explanation of its code.

    Args:
        kind: what the caller does about it.
        code: a key of ``CODES``.
        values: fill the placeholders of the code's message.
    """
    entry = CODES[code]
    return kind(entry.message.format(**values), hint=entry.explanation, code=code)


def nearest(name: str, known: Iterable[str]) -> str:
    """A hint that names the nearest known name, or an empty text when none is near."""
    candidates = {each.casefold(): each for each in known}
    found = difflib.get_close_matches(name.casefold(), candidates, n=1, cutoff=0.6)
    return f"Did you mean `{candidates[found[0]]}`?" if found else ""


def near_or_all(name: str, known: Iterable[str]) -> str:
    """A hint that names the nearest known name, or all of them: for names of which there are few."""
    names = sorted(known)
    return nearest(name, names) or f"There are: {', '.join(f'`{each}`' for each in names) or 'none'}."
