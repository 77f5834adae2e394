"""What bounds an evaluation: the size of every result, and a time budget looked at on every step."""

from __future__ import annotations

import threading
import time
from decimal import Decimal

MOST_CHARACTERS = 65_536
MOST_ITEMS = 10_000
MOST_DIGITS = 1_000
SECONDS = 0.1


class EvaluationFailed(Exception):
    """An evaluation came to no result; the record is rejected with this code and message."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class Budget(threading.local):
    """The time an evaluation may take; every thread has its own."""

    def __init__(self) -> None:
        self.deadline = 0.0

    def start(self, seconds: float = SECONDS) -> None:
        """Begin an evaluation."""
        self.deadline = time.monotonic() + seconds

    def check(self) -> None:
        """Fail when the time is used up."""
        if time.monotonic() > self.deadline:
            raise EvaluationFailed("EXPRESSION_TOO_SLOW", f"the expression took longer than {SECONDS * 1000:.0f} ms")


def bounded(value: object) -> object:
    """The value, unless it is too large."""
    if isinstance(value, str):
        if len(value) > MOST_CHARACTERS:
            raise EvaluationFailed("EXPRESSION_TOO_LARGE", f"the result has more than {MOST_CHARACTERS:,} characters")
    elif isinstance(value, (list, tuple)):
        if len(value) > MOST_ITEMS:
            raise EvaluationFailed("EXPRESSION_TOO_LARGE", f"the result has more than {MOST_ITEMS:,} items")
    elif isinstance(value, int):
        if value.bit_length() > MOST_DIGITS * 4:
            raise EvaluationFailed("EXPRESSION_TOO_LARGE", f"the number has more than {MOST_DIGITS:,} digits")
    elif isinstance(value, Decimal) and value.is_finite() and abs(value.adjusted()) > MOST_DIGITS:
        raise EvaluationFailed("EXPRESSION_TOO_LARGE", f"the number has more than {MOST_DIGITS:,} digits")
    return value
