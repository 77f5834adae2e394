"""What an HTTP answer of the PIM means: a document, or one of the errors of ``sync_engine.sdk.errors``.

Source of the statuses: Akeneo REST API, "Response codes". An answer that is not JSON where JSON is documented, or JSON
of another shape, is never read as "nothing there".
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from sync_engine.sdk.errors import BrokenContract, Refused, SyncEngineError, Unauthorised, Unavailable
from sync_engine.sdk.masking import Mask
from sync_engine.sdk.values import Secret
from sync_engine_akeneo.settings import PimSettings
from sync_engine_akeneo.wire import Malformed, decode

if TYPE_CHECKING:
    from collections.abc import Mapping

    import httpx

LONGEST_WAIT = 600.0
"""Seconds; a longer ``Retry-After`` is cut to this."""

_TRANSIENT = {408, 429}
_LONGEST_MESSAGE = 400
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]+")


CATALOGS = "catalogs"
"""Where the calls of catalogs for apps begin."""

_PERMIT = "Give the connection's user role or the app's scopes this permission in the PIM."
_FOR_APPS = (
    "Catalogs for apps are there for apps only: the connection needs an app's `token`, and the app the scopes "
    "read_catalogs and read_products (write_catalogs and delete_catalogs to change them)."
)


def enabling(path: str) -> str:
    """Who enables the catalog that a path leads to, and where (Akeneo, "Catalogs for Apps", step 2)."""
    return (
        "A PIM user must enable it, and repair its product selection where that names what is gone: at the PIM's "
        f"address, /connect/apps/v1/{'/'.join(path.split('/')[:2])}"
    )


class Answers:
    """Reads answers for one connection and keeps its secrets out of every message.

    Args:
        settings: the connection; its secrets are hidden from the start.
        mask: takes them out.
    """

    def __init__(self, settings: PimSettings, mask: Mask) -> None:
        self._where = settings.where
        self._mask = mask
        mask.hide(settings.secrets)
        self._places = Mask(settings.places)

    def hide(self, text: str) -> Secret:
        """A text that no message may contain from now on."""
        secret = Secret(text)
        self._mask.hide([secret])
        return secret

    def clean(self, text: str) -> str:
        """A text from outside, fit for a message: one line, not too long, without secrets."""
        text = _CONTROL.sub(" ", self._places.masked(self._mask.masked(text))).strip()
        return text if len(text) <= _LONGEST_MESSAGE else text[:_LONGEST_MESSAGE] + "…"

    def check(self, what: str, response: httpx.Response, body: bytes) -> None:
        """Return if an answer says that its body is a document.

        Args:
            what: what was asked for, for messages.
            response: status and headers.
            body: all bytes of the answer.

        Raises:
            Unauthorised, Refused, Unavailable, BrokenContract: see ``failure``; also 200 with another type of body.
        """
        if response.status_code != 200:
            raise self.failure(what, response, body)
        kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind and kind != "application/json" and not kind.endswith("+json"):
            raise BrokenContract(
                f"{self._where}: the PIM answered {what} with {self.clean(kind)} where JSON is documented",
                hint="Is `url` the address of the PIM itself, and no proxy or login page before it?",
            )

    def document(self, what: str, body: bytes) -> object:
        """The JSON document of an answer that passed ``check``.

        Raises:
            BrokenContract: it is not JSON.
            Refused: it is the answer of a catalog for apps that is disabled.
        """
        try:
            document = decode(body)
        except Malformed as error:
            raise BrokenContract(
                f"{self._where}: the PIM answered {what} with JSON that cannot be read: {self.clean(str(error))}",
                hint="Nothing is concluded from such an answer. Run the same command again; if it stays, look at the "
                "PIM's own log, and at what stands before it.",
            ) from None
        if isinstance(document, dict) and isinstance(document.get("error"), str) and "_embedded" not in document:
            # A disabled catalog answers so, with status 200 (Akeneo REST API, "Catalogs").
            raise Refused(
                f"{self._where}: the PIM refuses {what}: {self.clean(document['error'])}", hint=enabling(what)
            )
        return document

    def written(self, what: str, response: httpx.Response, body: bytes) -> object:
        """The JSON document of an answer to a write; None where it has none."""
        if not response.is_success:
            raise self.failure(what, response, body)
        try:
            return decode(body) if body.strip() else None
        except Malformed as error:
            said = self.clean(str(error))
            raise BrokenContract(
                f"{self._where}: the PIM answered {what} with JSON that cannot be read: {said}"
            ) from None

    def failure(self, what: str, response: httpx.Response, body: bytes) -> SyncEngineError:
        """The error that an answer other than 200 stands for."""
        status = response.status_code
        said = self.message(response, body)
        if status in _TRANSIENT or status >= 500:
            return Unavailable(
                f"{self._where}: the PIM cannot answer {what} now: {said}",
                hint="Try again later.",
                retry_after=retry_after(response.headers),
            )
        if status == 401:
            return Unauthorised(
                f"{self._where}: the PIM does not accept the access token for {what}: {said}",
                hint="Was the token revoked, or the connection deleted or regenerated in the PIM?",
            )
        if status == 403 and _json_message(body):
            return Unauthorised(
                f"{self._where}: the PIM does not permit {what}: {said}",
                hint=_FOR_APPS if what.startswith(CATALOGS) else _PERMIT,
            )
        if 400 <= status < 500:
            return Refused(f"{self._where}: the PIM refuses {what}: {said}", hint=_hint(what, status))
        if 300 <= status < 400:
            return Refused(
                f"{self._where}: the PIM redirects {what} elsewhere ({status}); this is not followed",
                hint="Write the address that it redirects to in `url`, if it is the PIM's.",
            )
        return BrokenContract(f"{self._where}: the PIM answered {what} with status {status}, which is not documented")

    def message(self, response: httpx.Response, body: bytes) -> str:
        """What the PIM says of a failure: its status, its message and the details of ``errors``."""
        said = _json_message(body)
        shown = self.clean(said or response.reason_phrase or "no message")
        return f"{shown} ({response.status_code})"


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that ``Retry-After`` asks for, as a number or as an HTTP date; at most ``LONGEST_WAIT``."""
    written = headers.get("retry-after", "").strip()
    if not written:
        return None
    try:
        seconds = float(written) if written.isdigit() else _seconds_until(written)
    except (ValueError, OverflowError):
        return None
    return min(max(seconds, 0.0), LONGEST_WAIT)


def _seconds_until(written: str) -> float:
    moment = parsedate_to_datetime(written)
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return (aware - datetime.now(UTC)).total_seconds()


def _json_message(body: bytes) -> str:
    """``message`` and ``errors[]`` of an error body (``error_description`` of a token's), empty when it has none."""
    try:
        document = decode(body)
    except Malformed:
        return ""
    if not isinstance(document, dict):
        return ""
    message = document.get("message") or document.get("error_description") or document.get("error")
    parts = [message] if isinstance(message, str) else []
    errors = document.get("errors")
    for error in errors if isinstance(errors, list) else []:
        if isinstance(error, dict) and isinstance(error.get("message"), str):
            place = error.get("attribute") or error.get("property")
            parts.append(f"{place}: {error['message']}" if isinstance(place, str) else error["message"])
    return " ".join(parts)


def _hint(what: str, status: int) -> str:
    if status == 404 and what.startswith(CATALOGS):
        return "`sync-engine pim-catalogs list` shows the catalogs of the app whose token the connection has."
    if status == 404 and "products-uuid" in what:
        return "Products by uuid need Akeneo 7.0 or newer, or its cloud; is `url` right?"
    return ""
