"""What one local PIM is told when it starts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

REFRESH_LIFETIME = 1_209_600.0


def utc_now() -> datetime:
    """The time of the machine, in UTC: the zone of a PIM in the cloud."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class PimSettings:
    """Credentials, limits and delays of one local PIM.

    Args:
        client_id: of the connection.
        client_secret: of the connection.
        username: of the connection's user.
        password: of the connection's user.
        token_lifetime: seconds until an access token is dead.
        refresh_lifetime: seconds until a refresh token is dead.
        app_token: a token of an App; it never expires. None means that no App is connected.
        app_scopes: what the App was given permission for, of its catalogs and of products.
        max_concurrent: calls that one connection may have under way; one more is answered 429.
        retry_after: seconds in the ``Retry-After`` header of a 429.
        latency: seconds that every call waits before it is handled.
        index_lag: seconds until a write shows in filtered lists (a GET of the item shows it at once).
        version: as ``/system-information`` tells it.
        edition: ``Serenity``, ``GE``, ``EE`` or ``CE``.
        linked_page: items on a page of records, assets, reference entities and asset families.
        forbidden: resources (first path segment, such as ``categories``) that the user's role may not use: 403.
        clock: tells the time; tests may give their own.
    """

    client_id: str
    client_secret: str = field(repr=False)
    username: str
    password: str = field(repr=False)
    token_lifetime: float = 3600.0
    refresh_lifetime: float = REFRESH_LIFETIME
    app_token: str | None = field(default=None, repr=False)
    app_scopes: frozenset[str] = frozenset({"read_products", "read_catalogs", "write_catalogs", "delete_catalogs"})
    max_concurrent: int = 4
    retry_after: int = 15
    latency: float = 0.0
    index_lag: float = 0.0
    version: str = "20260818120000"
    edition: str = "Serenity"
    linked_page: int = 100
    forbidden: frozenset[str] = frozenset()
    clock: Callable[[], datetime] = utc_now
