"""Dates in expressions: ISO texts, which sort as the dates do."""

from __future__ import annotations

import re
from datetime import date, datetime

from sync_engine.expressions.errors import EvaluationFailed

_ISO = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
    r"(?P<time>[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?(Z|[+-][0-9]{2}:?[0-9]{2})?)?\Z"
)
DIRECTIVES = "YmdHMSyjVGu%"
"""Letters that may follow a ``%`` in a format: those that mean the same in every language."""


def formatted(text: str, form: object = "%Y-%m-%d") -> str | None:
    """A date, or date and time, in another form.

    Args:
        text: ISO 8601, as dates are in expressions; a time is that of the text's own zone (UTC for the source's).
        form: as for Python's ``strftime``, with the letters of ``DIRECTIVES``.
    """
    if not text.strip():
        return None
    if not isinstance(form, str):
        raise EvaluationFailed("WRONG_TYPE", "the format of `date` must be a text such as '%d.%m.%Y'")
    if (wrong := unknown_directive(form)) is not None:
        raise EvaluationFailed("WRONG_TYPE", f"`date` has no `{wrong}`; it has %{', %'.join(DIRECTIVES)}")
    match = _ISO.match(text.strip())
    if match is None:
        raise EvaluationFailed("NOT_A_DATE", f"{text[:40]!r} is not a date such as 2025-01-31")
    try:
        moment = datetime.fromisoformat(match[0]) if match["time"] else date.fromisoformat(match[0])
        return moment.strftime(form)
    except ValueError as error:
        raise EvaluationFailed("NOT_A_DATE", f"{text[:40]!r} is not a date that exists") from error


def unknown_directive(form: str) -> str | None:
    """The first directive of a format that is not allowed, None when all are."""
    for directive in re.findall(r"%(?:.|\Z)", form, re.DOTALL):
        if directive[1:] not in DIRECTIVES or directive == "%":
            return str(directive)
    return None
