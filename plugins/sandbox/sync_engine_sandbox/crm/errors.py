"""What the server refuses: one problem of one row, or a whole call.

A row that fails is a value (``Problem`` in a result); a call that fails is raised (``ApiError``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

STATUS = {
    "INVALID_SESSION_ID": 401,
    "REQUEST_LIMIT_EXCEEDED": 403,
    "INSUFFICIENT_ACCESS_OR_READONLY": 403,
    "NOT_FOUND": 404,
    "ENTITY_IS_DELETED": 404,
    "METHOD_NOT_ALLOWED": 405,
    "UNSUPPORTED_API_VERSION": 410,
    "URI_TOO_LONG": 414,
    "UNSUPPORTED_MEDIA_TYPE": 415,
}
"""HTTP status of a call that fails with this code; every other code answers 400."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One reason why a row was not written.

    Attributes:
        code: the platform's status code, such as ``STRING_TOO_LONG``.
        message: the platform's wording.
        fields: API names of the fields concerned; None where the platform does not speak of fields at all.
    """

    code: str
    message: str
    fields: tuple[str, ...] | None = ()

    def single(self) -> dict[str, Any]:
        """The shape of an error of a call on one record."""
        shown: dict[str, Any] = {"message": self.message, "errorCode": self.code}
        return shown if self.fields is None else shown | {"fields": list(self.fields)}

    def in_collection(self) -> dict[str, Any]:
        """The shape of an error in a list of results, which says ``statusCode``."""
        return {"statusCode": self.code, "message": self.message, "fields": list(self.fields or ())}

    def in_bulk(self) -> str:
        """The text of ``sf__Error``."""
        fields = ", ".join(self.fields or ())
        return f"{self.code}:{self.message}:{fields}{' ' if fields else ''}--"


class ApiError(Exception):
    """The whole call is refused.

    Attributes:
        problems: the reasons, at least one.
        status: HTTP status.
    """

    def __init__(self, problems: tuple[Problem, ...], status: int) -> None:
        super().__init__(problems[0].message)
        self.problems = problems
        self.status = status


class Failed(Exception):
    """A row is not written, for these reasons; inside the server only, a caller gets them as the row's outcome."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__(problems[0].message)
        self.problems = problems


def refuse(code: str, message: str, *fields: str, status: int | None = None) -> ApiError:
    """The error of a call that fails for one reason."""
    return ApiError((Problem(code, message, fields or None),), status or STATUS.get(code, 400))


def not_found(message: str = "The requested resource does not exist") -> ApiError:
    """The answer to a path that leads nowhere."""
    return refuse("NOT_FOUND", message)


def no_such_column(field: str, sobject: str) -> ApiError:
    """A write names a field that does not exist, or that this user may not see."""
    return refuse("INVALID_FIELD", f"No such column '{field}' on sobject of type {sobject}")
