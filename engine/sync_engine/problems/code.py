"""What a code of a problem means."""

from __future__ import annotations

import re
from dataclasses import dataclass

from sync_engine.sdk.problem import Severity


@dataclass(frozen=True, slots=True)
class Code:
    """What a code means.

    Attributes:
        message: one sentence with ``{placeholders}``.
        explanation: why this is a problem and what to do, for docs/errors.md.
        severity: of every problem with this code.
    """

    message: str
    explanation: str
    severity: Severity = Severity.ERROR

    @property
    def title(self) -> str:
        """The message without what differs from case to case."""
        return re.sub(r"\{[^{}]*\}", "…", self.message)
