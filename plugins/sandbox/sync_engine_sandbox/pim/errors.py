"""Refusals, in the shape of Akeneo's error bodies (CONTRACTS: error body, messages)."""

from __future__ import annotations

from typing import Any

API_REFERENCE = "http://api.akeneo.com/api-reference.html"
SEARCH_AFTER_GUIDE = "http://api.akeneo.com/documentation/pagination.html#the-search-after-method"
FORMAT_HINT = "Check the expected format on the API documentation."


_PHP_TYPES = {str: "string", bool: "boolean", int: "integer", float: "double", list: "array", dict: "array"}


class ApiError(Exception):
    """A refusal: HTTP status, message, and what some bodies add.

    Args:
        status: the HTTP status; the body repeats it as ``code``.
        message: the body's ``message``.
        errors: the rows of a failed validation.
        documentation: a link that some 422 answers carry.
        headers: extra response headers.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        errors: list[dict[str, Any]] | None = None,
        documentation: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.errors = errors
        self.documentation = documentation
        self.headers = headers or {}

    def body(self) -> dict[str, Any]:
        """The JSON body of the refusal."""
        body: dict[str, Any] = {"code": self.status, "message": self.message}
        if self.documentation:
            body["_links"] = {"documentation": {"href": self.documentation}}
        if self.errors is not None:
            body["errors"] = self.errors
        return body


def not_found(code: str) -> ApiError:
    """Nothing of that code, or hidden from this user."""
    return ApiError(404, f"Resource `{code}` does not exist.")


def invalid_json() -> ApiError:
    """A body that is not JSON."""
    return ApiError(400, "Invalid json message received")


def refused(message: str) -> ApiError:
    """A query that breaks a rule of the API: 422 with the bare message."""
    return ApiError(422, message)


def unexpected(message: str) -> ApiError:
    """A body whose format is wrong: 422 with a pointer to the documentation."""
    return ApiError(422, f"{message} {FORMAT_HINT}", documentation=API_REFERENCE)


def unknown_property(name: str) -> ApiError:
    """A body with a property that the resource does not have."""
    message = f"Property '{name}' does not exist. Check the standard format documentation."
    return ApiError(422, message, documentation=API_REFERENCE)


def invalid(*rows: dict[str, Any]) -> ApiError:
    """A body that is well formed and breaks a rule of the data."""
    return ApiError(422, "Validation failed.", errors=list(rows))


def value_row(message: str, attribute: str, entry: dict[str, Any]) -> dict[str, Any]:
    """One row of a failed validation of a product value."""
    return {
        "property": "values",
        "message": message,
        "attribute": attribute,
        "locale": entry.get("locale"),
        "scope": entry.get("scope"),
    }


def php_type(value: Any) -> str:
    """The name that messages give to the type of a JSON value."""
    return _PHP_TYPES.get(type(value), "NULL")
