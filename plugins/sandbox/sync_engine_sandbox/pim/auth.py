"""Tokens of the connection: the password grant and the refresh grant (CONTRACTS A1.1)."""

from __future__ import annotations

import base64
import binascii
import hmac
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sync_engine_sandbox.pim.errors import ApiError, refused
from sync_engine_sandbox.pim.settings import PimSettings

BAD_CLIENT = 'Parameter "client_id" is missing or does not match any client, or secret is invalid'
BAD_GRANT = 'Parameter "grant_type", "username" or "password" is missing, empty or invalid'
BAD_USER = "No user found for the given username and password"
BAD_REFRESH = "Refresh token is invalid or has expired"


@dataclass(slots=True)
class Tokens:
    """The tokens that one server has given out."""

    settings: PimSettings
    _access: dict[str, datetime] = field(default_factory=dict, repr=False)
    _refresh: dict[str, datetime] = field(default_factory=dict, repr=False)
    issued: int = 0

    def grant(self, authorization: str, body: dict[str, Any]) -> dict[str, Any]:
        """Answer one call of the token endpoint.

        Args:
            authorization: the ``Authorization`` header.
            body: ``grant_type`` and what that grant needs.

        Raises:
            ApiError: 422, the client, the user or the refresh token is not known.
        """
        client, secret = basic_credentials(authorization) or (body.get("client_id"), body.get("client_secret"))
        if not (_same(client, self.settings.client_id) and _same(secret, self.settings.client_secret)):
            raise refused(BAD_CLIENT)
        if body.get("grant_type") == "password":
            self._check_user(body)
        elif body.get("grant_type") == "refresh_token":
            self._use_refresh(body.get("refresh_token"))
        else:
            raise refused(BAD_GRANT)
        return self._issue()

    def connection(self, authorization: str) -> str:
        """The connection that a ``Bearer`` header belongs to.

        Raises:
            ApiError: 401, there is no token, or it is dead.
        """
        kind, _, token = authorization.partition(" ")
        if kind.lower() != "bearer" or not token:
            raise ApiError(401, "Authentication is required")
        if self.settings.app_token is not None and _same(token, self.settings.app_token):
            return "app"
        expiry = self._access.get(token)
        if expiry is None:
            raise ApiError(401, "The access token provided is invalid.")
        if expiry <= self.settings.clock():
            raise ApiError(401, "The access token provided has expired.")
        return self.settings.client_id

    def revoke(self, *, refresh: bool = False) -> None:
        """Kill every access token, and the refresh tokens too when asked: as an administrator may."""
        self._access = dict.fromkeys(self._access, self.settings.clock())
        if refresh:
            self._refresh.clear()

    def _check_user(self, body: dict[str, Any]) -> None:
        if not body.get("username") or not body.get("password"):
            raise refused(BAD_GRANT)
        known = self.settings
        if not (_same(body["username"], known.username) and _same(body["password"], known.password)):
            raise refused(BAD_USER)

    def _use_refresh(self, token: Any) -> None:
        expiry = self._refresh.pop(token, None) if isinstance(token, str) else None
        if expiry is None or expiry <= self.settings.clock():
            raise refused(BAD_REFRESH)

    def _issue(self) -> dict[str, Any]:
        now, access, refresh = self.settings.clock(), secrets.token_hex(43), secrets.token_hex(43)
        self._access[access] = now + timedelta(seconds=self.settings.token_lifetime)
        self._refresh[refresh] = now + timedelta(seconds=self.settings.refresh_lifetime)
        self.issued += 1
        return {
            "access_token": access,
            "expires_in": int(self.settings.token_lifetime),
            "token_type": "bearer",
            "scope": None,
            "refresh_token": refresh,
        }


def basic_credentials(authorization: str) -> tuple[str, str] | None:
    """The client id and secret of a ``Basic`` header, or None when there is none."""
    kind, _, packed = authorization.partition(" ")
    if kind.lower() != "basic":
        return None
    try:
        client, colon, secret = base64.b64decode(packed, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return (client, secret) if colon else None


def _same(given: Any, known: str) -> bool:
    return isinstance(given, str) and hmac.compare_digest(given.encode(), known.encode())
