"""Salesforce's error codes: who has to act, what may be sent again, what stops everything.

Sources: REST API Developer Guide "Status Codes and Error Responses", SOAP API Developer Guide "StatusCode".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sync_engine.sdk.errors import NotDone, Refused, SyncEngineError, Unauthorised, Unavailable
from sync_engine.sdk.target import Owner, Reason

_RETRYABLE = frozenset(
    {
        "UNABLE_TO_LOCK_ROW", "REQUEST_RUNNING_TOO_LONG", "QUERY_TIMEOUT", "TOO_MANY_APEX_REQUESTS",
        "PLATFORM_EVENT_PUBLISHING_UNAVAILABLE", "OPERATION_ENQUEUED", "ALREADY_IN_PROCESS", "COLLISION_DETECTED",
        "SERVER_UNAVAILABLE", "FUNCTIONALITY_TEMPORARILY_UNAVAILABLE", "ORG_IN_MAINTENANCE",
        "INSERT_UPDATE_DELETE_NOT_ALLOWED_DURING_MAINTENANCE", "UNKNOWN_EXCEPTION", "INTERNAL_ERROR",
    }
)  # fmt: skip
"""A record or a call that failed so may succeed when it is sent again; a code that is not listed is final."""

_FAULTS = frozenset({"UNKNOWN_EXCEPTION", "INTERNAL_ERROR"})
_SESSION = frozenset({"INVALID_SESSION_ID", "INVALIDSESSIONID"})
_TOO_MANY = 429
_BUSY_STATUS = frozenset({408, _TOO_MANY, 500, 502, 503, 504})
_MAPPING = frozenset(
    {
        "REQUIRED_FIELD_MISSING", "MISSING_ARGUMENT", "INVALID_FIELD", "INVALID_FIELD_FOR_INSERT_UPDATE",
        "INVALID_TYPE_ON_FIELD_IN_RECORD", "JSON_PARSER_ERROR", "STRING_TOO_LONG", "NUMBER_OUTSIDE_VALID_RANGE",
    }
)  # fmt: skip
_ORG = frozenset(
    {
        "FIELD_CUSTOM_VALIDATION_EXCEPTION", "FIELD_FILTER_VALIDATION_EXCEPTION", "CANNOT_EXECUTE_FLOW_TRIGGER",
        "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "INSUFFICIENT_ACCESS_OR_READONLY", "DUPLICATES_DETECTED",
        "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY", "STORAGE_LIMIT_EXCEEDED", "LIMIT_EXCEEDED", "DELETE_FAILED",
        "DEPENDENCY_EXISTS", "DELETE_REQUIRED_ON_CASCADE", "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
    }
) | _RETRYABLE  # fmt: skip
_LONGEST = 500
BUSY_HINT = "Run the same command again later: it goes on with what is left."
MOVED_HINT = "What is named there is missing in the org, or hidden from this user; plan again."
_HINTS = {
    "INVALID_FIELD": MOVED_HINT,
    "INVALID_TYPE": MOVED_HINT,
    "INVALIDJOB": "Run the same command again: nothing was written of a job that was not closed.",
}
DAY = 86_400.0
"""Seconds: longer than anybody is ready to wait within a transfer."""

RowError = tuple[str, str, Sequence[str]]
"""Code, message and fields of one reason why a record was not written."""

NO_JSON_HINT = "Something between here and Salesforce may answer in its place: a proxy, a login page."


class SessionEnded(Unauthorised):
    """The session is over; a new login may help."""


class NoAnswer(Unavailable):
    """A call was sent and not answered; the service may still be at work on it."""


class ServerFault(Unavailable):
    """The service failed in a way that may be its own mistake with this very call: not worth many attempts."""


def reason(error: RowError, masked: Callable[[str], str]) -> Reason:
    """A record's error as a reason for its rejection.

    Args:
        error: as the org says it.
        masked: takes secrets out of a text that comes from outside.
    """
    code, message, fields = error
    owner = Owner.MAPPING if code in _MAPPING else Owner.ORG if code in _ORG else Owner.DATA
    if message.startswith("Foreign key external ID:"):
        owner = Owner.DATA  # INVALID_FIELD, but it is the parent's record that is missing
    return Reason(masked(code), _cut(masked(message)), masked(", ".join(fields)), owner)


def may_be_sent_again(errors: Sequence[RowError]) -> bool:
    """Whether a record's errors go away by themselves; a trigger wraps the lock that it met in its own error."""
    return all(code in _RETRYABLE or "UNABLE_TO_LOCK_ROW" in message for code, message, _ in errors)


def row_error(error: Mapping[str, Any]) -> RowError:
    """One error of an answer; collections say ``statusCode``, single records ``errorCode``."""
    code = error.get("statusCode") or error.get("errorCode") or "UNKNOWN"
    given = error.get("fields")
    fields = [str(each) for each in given] if isinstance(given, list) else []
    return str(code), str(error.get("message") or ""), fields


def call_error(
    where: str, status: int, content: object, clean: Callable[[str], str], retry_after: float | None = None
) -> SyncEngineError:
    """The error of a whole call, by what to do next.

    Args:
        where: names the connection.
        status: of HTTP.
        content: decoded body; a list of errors where Salesforce itself answered.
        clean: takes secrets out of a text that comes from outside.
        retry_after: seconds the service asked to wait.
    """
    first = content[0] if isinstance(content, list) and content and isinstance(content[0], dict) else {}
    code, message, _ = row_error(first)
    said = _cut(clean(f"{code}: {message}")) if first else f"HTTP {status}, not in Salesforce's JSON"
    if code.upper() in _SESSION:
        return SessionEnded(f"{where}: the session has ended", hint="Give a new access token, or a way to log in.")
    if code == "REQUEST_LIMIT_EXCEEDED":
        return _limit(where, message)
    if code in _FAULTS or (status == 500 and first):
        return ServerFault(f"{where}: Salesforce failed ({said})", hint="Salesforce support can look the error up.")
    if status in _BUSY_STATUS or code in _RETRYABLE:
        kind = NotDone if status == _TOO_MANY else Unavailable
        return kind(f"{where}: Salesforce cannot answer now ({said})", hint=BUSY_HINT, retry_after=retry_after)
    if status in (401, 403) and first:
        return Unauthorised(
            f"{where}: Salesforce refuses: {said}", hint="Look at the user's and the app's permissions."
        )
    hint = _HINTS.get(code, "") if first else NO_JSON_HINT
    return Refused(f"{where}: Salesforce refuses the call: {said}", hint=hint)


def _limit(where: str, message: str) -> SyncEngineError:
    """The daily limit and the one of long calls at the same time have the same code; only the text tells them apart."""
    if "concurrent" in message.lower():
        return NotDone(f"{where}: too many long requests at the same time in the org", hint=BUSY_HINT)
    return NotDone(
        f"{where}: the org's daily limit of API requests is used up",
        hint="What was written is in the ledger. Requests count for 24 hours: run the same command again tomorrow.",
        retry_after=DAY,
    )


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
