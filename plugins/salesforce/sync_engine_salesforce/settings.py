"""Settings of a Salesforce connection: their schema and their typed form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

from sync_engine.sdk.adapter import Settings
from sync_engine.sdk.errors import Refused
from sync_engine.sdk.values import Secret, reveal


def _text(description: str, example: str) -> dict[str, object]:
    return {"type": "string", "minLength": 1, "description": description, "examples": [example]}


def _whole(description: str, default: int, least: int, most: int) -> dict[str, object]:
    return {
        "type": "integer",
        "minimum": least,
        "maximum": most,
        "default": default,
        "description": description,
        "examples": [default],
    }


def _needs(auth: str, *names: str) -> dict[str, object]:
    return {
        "if": {"properties": {"auth": {"const": auth}}, "required": ["auth"]},
        "then": {"required": [*names]},
    }


SETTINGS_SCHEMA: Mapping[str, object] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["url", "auth"],
    "properties": {
        "url": _text("The org's My Domain URL.", "https://acme.my.salesforce.com"),
        "auth": {
            "enum": ["client_credentials", "password", "token", "jwt"],
            "description": "How to log in: as the app's integration user, with a user's password and security token, "
            "with an access token that is there already, or with a signed assertion.",
            "examples": ["client_credentials"],
        },
        "client_id": _text(
            "Consumer key of the connected app; with `password` this and the secret choose OAuth in place of SOAP.",
            "${CRM_CLIENT_ID}",
        ),
        "client_secret": _text("Consumer secret of the connected app.", "${CRM_SECRET}"),
        "username": _text("The user, for `password` and `jwt`.", "integration@acme.com"),
        "password": _text("The user's password.", "${CRM_PASSWORD}"),
        "security_token": _text("The user's security token; not needed from a trusted network.", "${CRM_TOKEN}"),
        "access_token": _text("A session id or access token, for `token`.", "${CRM_ACCESS_TOKEN}"),
        "private_key": _text("PEM text of the private key, for `jwt`.", "${file:/run/secrets/crm.pem}"),
        "api_version": {
            "type": "string",
            "pattern": "^[0-9]{2}\\.0$",
            "default": "62.0",
            "description": "Version of the REST API.",
            "examples": ["62.0"],
        },
        "bulk_threshold": _whole("More changes than this go by Bulk API 2.0.", 2000, 0, 1_000_000),
        "bulk_rows": _whole("Records in one bulk job at the most.", 10_000, 1, 100_000),
        "parallel": _whole("Calls or jobs under way at the same time.", 4, 1, 10),
        "poll_seconds": _whole("Seconds between two questions how far a long bulk job is, at the most.", 30, 1, 600),
        "timeout": _whole("Seconds after which a request without an answer is given up.", 120, 1, 600),
        "retry_minutes": _whole("How long a call is repeated while the service is unavailable.", 15, 0, 240),
    },
    "allOf": [
        _needs("client_credentials", "client_id", "client_secret"),
        _needs("password", "username", "password"),
        _needs("token", "access_token"),
        _needs("jwt", "client_id", "username", "private_key"),
    ],
}


@dataclass(frozen=True, slots=True)
class OrgSettings:
    """How to reach an org and how to treat it.

    Attributes:
        base: scheme, host and port of the org.
        auth: one of the schema's ways to log in.
        secrets: setting by name: client_id, client_secret, username, …; shown to nobody.
        api_version: such as ``62.0``.
        bulk_threshold: more changes than this go by Bulk API 2.0.
        bulk_rows: records in one job at the most.
        parallel: calls or jobs under way at the same time.
        poll_seconds: longest wait between two polls.
        timeout: seconds.
        retry_seconds: budget for repeating one call.
    """

    base: Secret
    auth: str
    secrets: Mapping[str, Secret]
    api_version: str
    bulk_threshold: int
    bulk_rows: int
    parallel: int
    poll_seconds: float
    timeout: float
    retry_seconds: float

    @property
    def host(self) -> str:
        """Host and, where it is written, port."""
        return urlsplit(self.base.reveal()).netloc

    @property
    def loopback(self) -> bool:
        """Whether the org is a server on this machine."""
        return _is_loopback(urlsplit(self.base.reveal()).hostname or "")


_TEXTS = ("client_id", "client_secret", "username", "password", "security_token", "access_token", "private_key")


def read_settings(connection: str, settings: Settings) -> OrgSettings:
    """The settings in their types.

    Args:
        connection: its name in the project, for messages.
        settings: valid by ``SETTINGS_SCHEMA``.

    Raises:
        Refused: the URL cannot be used; the message does not show it, because it may come from a secret.
    """

    def text(name: str) -> str:
        value = settings[name]
        return reveal(value) if isinstance(value, (str, Secret)) else str(value)

    def whole(name: str, default: int) -> int:
        value = settings.get(name, default)
        return value if isinstance(value, int) else default

    auth = text("auth")
    return OrgSettings(
        base=Secret(_base(f"connection `{connection}`", text("url"), auth)),
        auth=auth,
        secrets={name: Secret(text(name)) for name in _TEXTS if name in settings},
        api_version=text("api_version") if "api_version" in settings else "62.0",
        bulk_threshold=whole("bulk_threshold", 2000),
        bulk_rows=whole("bulk_rows", 10_000),
        parallel=whole("parallel", 4),
        poll_seconds=float(whole("poll_seconds", 30)),
        timeout=float(whole("timeout", 120)),
        retry_seconds=60.0 * whole("retry_minutes", 15),
    )


def _base(where: str, url: str, auth: str) -> str:
    """Scheme, host and port of the URL, or why it cannot be used."""
    example = "Write it like https://<My Domain>.my.salesforce.com"
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("https", "http") and bool(parts.hostname) and (parts.port or 0) >= 0
    except ValueError:
        raise Refused(f"{where}: the url is no web address", hint=example) from None
    if not usable:
        raise Refused(f"{where}: the url is no web address", hint=example)
    if "@" in parts.netloc or parts.path.strip("/") or parts.query:
        raise Refused(f"{where}: the url holds more than a host", hint=example)
    if parts.scheme == "http" and not _is_loopback(parts.hostname or ""):
        raise Refused(f"{where}: plain http would show the password to the network", hint="Use https.")
    if auth == "client_credentials" and parts.hostname in ("login.salesforce.com", "test.salesforce.com"):
        raise Refused(f"{where}: `client_credentials` does not work at {parts.hostname}", hint=example)
    return f"{parts.scheme}://{parts.netloc}"


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
