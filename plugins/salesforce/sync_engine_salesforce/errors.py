"""Salesforce's error codes: who has to act, what may be sent again, what stops everything.

Sources: REST API Developer Guide "Status Codes and Error Responses", SOAP API Developer Guide "StatusCode".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sync_engine.sdk.errors import Refused, SyncEngineError, Unauthorised, Unavailable
from sync_engine.sdk.target import Owner, Reason

RETRYABLE_ROWS = frozenset(
    {
        "UNABLE_TO_LOCK_ROW", "REQUEST_RUNNING_TOO_LONG", "QUERY_TIMEOUT", "TOO_MANY_APEX_REQUESTS",
        "OPERATION_ENQUEUED", "ALREADY_IN_PROCESS", "COLLISION_DETECTED", "SERVER_UNAVAILABLE",
        "FUNCTIONALITY_TEMPORARILY_UNAVAILABLE", "ALL_OR_NONE_OPERATION_ROLLED_BACK", "UNKNOWN_EXCEPTION",
        "INTERNAL_ERROR",
    }
)  # fmt: skip
"""A row that failed so may succeed when it is sent again."""

_MAPPING = frozenset(
    {
        "REQUIRED_FIELD_MISSING", "MISSING_ARGUMENT", "INVALID_FIELD", "INVALID_FIELD_FOR_INSERT_UPDATE",
        "INVALID_TYPE_ON_FIELD_IN_RECORD", "JSON_PARSER_ERROR",
    }
)  # fmt: skip
_ORG = frozenset(
    {
        "FIELD_CUSTOM_VALIDATION_EXCEPTION", "FIELD_FILTER_VALIDATION_EXCEPTION", "CANNOT_EXECUTE_FLOW_TRIGGER",
        "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "INSUFFICIENT_ACCESS_OR_READONLY", "DUPLICATES_DETECTED",
        "STORAGE_LIMIT_EXCEEDED",
        "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY", "LIMIT_EXCEEDED", "UNABLE_TO_LOCK_ROW",
    }
)  # fmt: skip
_BUSY = frozenset(
    {
        "SERVER_UNAVAILABLE", "FUNCTIONALITY_TEMPORARILY_UNAVAILABLE", "ORG_IN_MAINTENANCE",
        "INSERT_UPDATE_DELETE_NOT_ALLOWED_DURING_MAINTENANCE", "UNKNOWN_EXCEPTION", "QUERY_TIMEOUT",
    }
)  # fmt: skip
_LONGEST = 500


def reason(code: str, message: str, fields: Sequence[str] = ()) -> Reason:
    """A row's error as a reason for its rejection."""
    owner = Owner.MAPPING if code in _MAPPING else Owner.ORG if code in _ORG else Owner.DATA
    text = message if len(message) <= _LONGEST else message[: _LONGEST - 1] + "…"
    return Reason(code, text, ", ".join(fields), owner)


def may_be_sent_again(code: str, message: str) -> bool:
    """Whether a row's error goes away by itself; a trigger wraps the lock that it met in its own error."""
    return code in RETRYABLE_ROWS or "UNABLE_TO_LOCK_ROW" in message


def row_error(error: Mapping[str, object]) -> tuple[str, str, list[str]]:
    """Code, message and fields of one error; collections say ``statusCode``, single records ``errorCode``."""
    code = error.get("statusCode") or error.get("errorCode") or "UNKNOWN"
    fields = error.get("fields")
    return str(code), str(error.get("message", "")), [str(each) for each in fields] if isinstance(fields, list) else []


def call_error(connection: str, status: int, content: object) -> SyncEngineError:
    """The error of a whole call, by what to do next.

    Args:
        connection: its name in the project.
        status: of HTTP.
        content: decoded body; a list of errors where Salesforce itself answered.
    """
    first = content[0] if isinstance(content, list) and content and isinstance(content[0], dict) else {}
    code, message, _ = row_error(first)
    where = f"connection `{connection}`"
    if status == 401 or code == "INVALID_SESSION_ID":
        return Unauthorised(f"{where}: Salesforce does not accept the session ({code})", hint="Log in anew.")
    if code == "REQUEST_LIMIT_EXCEEDED":
        if "concurrent" in message.lower():
            return Unavailable(f"{where}: too many long requests at the same time in the org")
        return Refused(
            f"{where}: the org's daily limit of API requests is used up",
            hint="What was written is in the ledger; run the same command again when the limit is renewed (24 hours).",
        )
    if status in (429, 500, 502, 503, 504) or code in _BUSY:
        return Unavailable(f"{where}: Salesforce cannot answer now (HTTP {status}{f', {code}' if first else ''})")
    if status == 403:
        return Unauthorised(f"{where}: Salesforce refuses: {code}: {message}", hint="Look at the user's permissions.")
    return Refused(f"{where}: Salesforce refuses the call (HTTP {status}): {code}: {message[:_LONGEST]}")
