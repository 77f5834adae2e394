"""A connection's settings: their JSON Schema, and what is made of them."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit
from zoneinfo import ZoneInfo

from sync_engine.sdk.adapter import Settings
from sync_engine.sdk.errors import Refused
from sync_engine.sdk.values import Secret, reveal

_BY_PASSWORD = ["client_id", "client_secret", "username", "password"]
_ALWAYS_SECRET = ["client_secret", "password", "token"]

SETTINGS_SCHEMA: Mapping[str, object] = {
    "$schema": "http://json-schema.org/draft-07/schema#",
    "type": "object",
    "title": "Akeneo PIM connection",
    "properties": {
        "url": {
            "type": "string",
            "minLength": 1,
            "description": "Address of the PIM, without a path of its API; plain http for this machine only.",
            "examples": ["https://my-company.cloud.akeneo.com", "${PIM_URL}"],
        },
        "client_id": {
            "type": "string",
            "minLength": 1,
            "description": "Client id of the connection (PIM: Connect > Connection settings).",
            "examples": ["${PIM_CLIENT_ID}"],
        },
        "client_secret": {
            "type": "string",
            "minLength": 1,
            "description": "Secret of the connection.",
            "examples": ["${PIM_SECRET}"],
        },
        "username": {
            "type": "string",
            "minLength": 1,
            "description": "User name of the connection.",
            "examples": ["${PIM_USER}"],
        },
        "password": {
            "type": "string",
            "minLength": 1,
            "description": "Password of that user.",
            "examples": ["${PIM_PASSWORD}"],
        },
        "token": {
            "type": "string",
            "minLength": 1,
            "description": "Access token of an app, in place of client id, secret, user name and password.",
            "examples": ["${PIM_TOKEN}"],
        },
        "concurrency": {
            "type": "integer",
            "minimum": 1,
            "maximum": 4,
            "default": 4,
            "description": "Calls that may be under way at the same time; the PIM allows 4 per connection.",
            "examples": [4, 2],
        },
        "page_size": {
            "type": "integer",
            "minimum": 1,
            "maximum": 100,
            "default": 100,
            "description": "Products or models asked for in one call; the PIM allows 100.",
            "examples": [100, 50],
        },
        "max_file_mb": {
            "type": "integer",
            "minimum": 1,
            "maximum": 2048,
            "default": 2048,
            "description": "Megabytes (of 1,048,576 bytes) that a file may have; a larger one is a rejection. "
            "Salesforce takes 2 GB.",
            "examples": [2048, 50],
        },
        "timeout": {
            "type": "integer",
            "minimum": 1,
            "default": 60,
            "description": "Seconds without an answer after which a call is given up and repeated.",
            "examples": [60, 120],
        },
        "retry_minutes": {
            "type": "integer",
            "minimum": 0,
            "default": 15,
            "description": "How long a call is repeated while the PIM cannot answer; 0 never repeats.",
            "examples": [15, 60],
        },
        "server_timezone": {
            "type": "string",
            "default": "UTC",
            "description": "Time zone of the PIM's server, in which it reads dates of filters; UTC on Akeneo's cloud.",
            "examples": ["UTC", "Europe/Paris"],
        },
    },
    "required": ["url"],
    "oneOf": [
        {"required": _BY_PASSWORD, "not": {"required": ["token"]}},
        {"required": ["token"], "not": {"anyOf": [{"required": [key]} for key in _BY_PASSWORD]}},
    ],
    "additionalProperties": False,
}


@dataclass(frozen=True, slots=True)
class PasswordGrant:
    """A connection's credentials (Akeneo REST API, "Authentication")."""

    client_id: Secret
    client_secret: Secret
    username: Secret
    password: Secret


@dataclass(frozen=True, slots=True)
class AppToken:
    """An app's access token: it neither expires nor can it be refreshed, only revoked."""

    token: Secret


@dataclass(frozen=True, slots=True)
class PimSettings:
    """Settings as the client uses them.

    Attributes:
        connection: the connection's name; it stands in messages in place of the address.
        url: scheme, host and path before ``/api``, without a slash at the end; may be secret.
        max_file_mb: megabytes that a file may have.
        timeout: seconds.
        retry_seconds: how long one call is repeated.
        secrets: texts that no message may contain.
        places: parts of an address that came from a reference, which the PIM's messages may not contain; others may
            speak of the same machine.
    """

    connection: str
    url: Secret
    credentials: PasswordGrant | AppToken
    concurrency: int
    page_size: int
    max_file_mb: int
    timeout: float
    retry_seconds: float
    server_timezone: ZoneInfo
    secrets: tuple[Secret, ...]
    places: tuple[Secret, ...]

    @property
    def where(self) -> str:
        """The connection as messages name it."""
        return f'connection "{self.connection}"'

    @property
    def loopback(self) -> bool:
        """Whether the PIM runs on this machine."""
        return is_loopback(urlsplit(self.url.reveal()).hostname or "")


def read_settings(connection: str, settings: Settings) -> PimSettings:
    """Make usable settings.

    Args:
        connection: the connection's name.
        settings: valid by ``SETTINGS_SCHEMA``.

    Raises:
        Refused: the address or the time zone cannot be used.
    """
    where = f'connection "{connection}"'
    credentials: PasswordGrant | AppToken
    if settings.get("token") is not None:
        credentials = AppToken(_secret(settings, "token"))
    else:
        credentials = PasswordGrant(*(_secret(settings, key) for key in _BY_PASSWORD))
    url = _address(where, _text(settings, "url"))
    hidden = [_secret(settings, key) for key in _ALWAYS_SECRET if key in settings]
    hidden += [_secret(settings, key) for key in _BY_PASSWORD if isinstance(settings.get(key), Secret)]
    written = (url, urlsplit(url).netloc, urlsplit(url).hostname or "")
    return PimSettings(
        connection=connection,
        url=Secret(url),
        credentials=credentials,
        concurrency=_number(settings, "concurrency", 4),
        page_size=_number(settings, "page_size", 100),
        max_file_mb=_number(settings, "max_file_mb", 2048),
        timeout=float(_number(settings, "timeout", 60)),
        retry_seconds=60.0 * _number(settings, "retry_minutes", 15),
        server_timezone=_timezone(where, settings),
        secrets=tuple(dict.fromkeys(hidden)),
        places=tuple(map(Secret, written)) if isinstance(settings.get("url"), Secret) else (),
    )


def is_loopback(host: str) -> bool:
    """Whether a host name can only mean this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _address(where: str, written: str) -> str:
    """The address without a slash at its end, checked.

    Credentials travel to it, so it must be https, except on this machine.
    """
    hint = "Write it as https://my-company.cloud.akeneo.com, without a path of the API."
    try:
        parts = urlsplit(written.strip())
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise Refused(f"{where}: `url` is not an address", hint=hint) from None
    if parts.scheme not in ("https", "http") or not host:
        raise Refused(f"{where}: `url` is not an address that starts with https://", hint=hint)
    if parts.username is not None or parts.password is not None or parts.query or parts.fragment:
        raise Refused(f"{where}: `url` holds more than an address (user, query or fragment)", hint=hint)
    if parts.scheme == "http" and not is_loopback(host):
        raise Refused(
            f"{where}: plain http would send the credentials unprotected; it is accepted for this machine only",
            hint="Use https:// in `url`.",
        )
    return SplitResult(parts.scheme, parts.netloc, parts.path.rstrip("/"), "", "").geturl()


def _timezone(where: str, settings: Settings) -> ZoneInfo:
    name = str(settings.get("server_timezone", "UTC"))
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, LookupError):
        raise Refused(
            f'{where}: `server_timezone` "{name}" is no time zone', hint="Use a name such as Europe/Paris, or UTC."
        ) from None


def _text(settings: Settings, key: str) -> str:
    value = settings.get(key)
    return reveal(value) if isinstance(value, (str, Secret)) else ""


def _secret(settings: Settings, key: str) -> Secret:
    return Secret(_text(settings, key).strip())


def _number(settings: Settings, key: str, default: int) -> int:
    value = settings.get(key, default)
    return value if isinstance(value, int) else int(reveal(value)) if isinstance(value, (str, Secret)) else default
