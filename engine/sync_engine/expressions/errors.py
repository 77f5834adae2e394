"""What can go wrong with an expression: at compile time a problem of the catalog, at run time a reason of a record."""

from __future__ import annotations

from sync_engine.sdk.errors import InvalidInput
from sync_engine.sdk.problem import Problem


class InvalidExpression(InvalidInput):
    """An expression or a template cannot be compiled; ``problem`` says why and where."""

    def __init__(self, problem: Problem) -> None:
        super().__init__([problem])
        self.problem = problem


class EvaluationFailed(Exception):
    """An expression has no result for a record.

    Args:
        code: stable, for grouping rejections: NO_VALUE, WRONG_TYPE, NOT_A_NUMBER, NOT_A_DATE, UNKNOWN_UNIT,
            DIVISION_BY_ZERO, OUT_OF_RANGE, TOO_LARGE or OUT_OF_TIME.
        message: for a person.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
