"""Tokens: taken with a password, refreshed before they end, one thread at a time.

Source of the rules: Akeneo REST API, "Authentication". A token lives ``expires_in`` seconds; the refresh token is
replaced with each refresh; a dead refresh token is answered with 422, after which the password is used again.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator
from decimal import Decimal

import httpx

from sync_engine.sdk.errors import BrokenContract, Unauthorised
from sync_engine.sdk.values import Secret
from sync_engine_akeneo.answers import Answers
from sync_engine_akeneo.settings import AppToken, PasswordGrant, PimSettings
from sync_engine_akeneo.wire import Malformed, members, text

REFRESH_AT = 0.8
"""Share of a token's life after which it is replaced."""

DEFAULT_LIFE = 3600
"""Seconds, where the PIM does not say."""

Flow = Generator[httpx.Request, httpx.Response, None]


class AppAuth(httpx.Auth):
    """Sends an app's token with every request."""

    def __init__(self, credentials: AppToken) -> None:
        self._credentials = credentials

    def auth_flow(self, request: httpx.Request) -> Flow:
        """See ``httpx.Auth``."""
        request.headers["Authorization"] = f"Bearer {self._credentials.token.reveal()}"
        yield request


class PasswordAuth(httpx.Auth):
    """Sends a token that is alive; threads share it.

    Args:
        settings: where the PIM is, for messages too.
        credentials: what a token is taken with.
        answers: reads the PIM's errors.
        clock: seconds that never run backwards.
    """

    def __init__(
        self, settings: PimSettings, credentials: PasswordGrant, answers: Answers, clock: Callable[[], float]
    ) -> None:
        self._where = settings.where
        self._url = f"{settings.url.reveal()}/api/oauth/v1/token"
        self._credentials = credentials
        self._answers = answers
        self._clock = clock
        self._lock = threading.Lock()
        self._token: Secret | None = None
        self._refresh_token: Secret | None = None
        self._refresh_at = 0.0
        self._refusal: str | None = None

    def sync_auth_flow(self, request: httpx.Request) -> Flow:
        """Send the request; when its token turns out to be dead, once more with another one."""
        token = yield from self._living_token(request, None)
        request.headers["Authorization"] = f"Bearer {token.reveal()}"
        response = yield request
        if response.status_code == httpx.codes.UNAUTHORIZED:
            token = yield from self._living_token(request, token)
            request.headers["Authorization"] = f"Bearer {token.reveal()}"
            yield request

    def _living_token(
        self, request: httpx.Request, rejected: Secret | None
    ) -> Generator[httpx.Request, httpx.Response, Secret]:
        """The token to use; asks for one when there is none, it is old, or it is the ``rejected`` one.

        The lock is held while the PIM is asked: the other threads wait and use the same answer.
        """
        with self._lock:
            current = self._token
            if current is not None and current != rejected and self._clock() < self._refresh_at:
                return current
            if self._refusal is not None:  # asking again with a wrong password may lock the user out
                raise self._unauthorised(self._refusal)
            if self._refresh_token is not None:
                refreshed = yield self._ask(
                    request, grant_type="refresh_token", refresh_token=self._refresh_token.reveal()
                )
                refreshed.read()
                if refreshed.status_code != httpx.codes.UNPROCESSABLE_ENTITY:
                    return self._accept(refreshed)
                self._refresh_token = None
            granted = yield self._ask(
                request,
                grant_type="password",
                username=self._credentials.username.reveal(),
                password=self._credentials.password.reveal(),
            )
            granted.read()
            return self._accept(granted)

    def _ask(self, request: httpx.Request, **body: str) -> httpx.Request:
        """A request for a token; the time limits are those of the request that needs it."""
        client = httpx.BasicAuth(self._credentials.client_id.reveal(), self._credentials.client_secret.reveal())
        asking = httpx.Request("POST", self._url, json=body, extensions=request.extensions)
        return next(client.sync_auth_flow(asking))

    def _accept(self, response: httpx.Response) -> Secret:
        """Keep the tokens of an answer.

        Raises:
            Unauthorised: the PIM does not know the client or the user.
            Unavailable: it cannot answer now.
            BrokenContract: the answer holds no token.
        """
        if response.status_code in (400, 401, 403, 422):
            self._refusal = self._answers.message(response, response.content)
            raise self._unauthorised(self._refusal)
        self._answers.check("the token", response, response.content)
        document = self._answers.document("the token", response.content)
        try:
            answer = members(document)
            token, life = text(answer.get("access_token")), answer.get("expires_in", DEFAULT_LIFE)
            refresh_token = answer.get("refresh_token")
            if not token or not isinstance(life, int | Decimal) or life <= 0:
                raise Malformed("no token, or no life time")
        except Malformed as error:
            said = self._answers.clean(str(error))
            raise BrokenContract(f"{self._where}: the answer to the login cannot be used: {said}") from None
        self._token = self._answers.hide(token)
        self._refresh_token = self._answers.hide(refresh_token) if isinstance(refresh_token, str) else None
        self._refresh_at = self._clock() + REFRESH_AT * float(life)
        return self._token

    def _unauthorised(self, message: str) -> Unauthorised:
        return Unauthorised(
            f"{self._where}: the PIM refuses the login: {message}",
            hint="Compare `client_id`, `client_secret`, `username` and `password` with the PIM's connection settings.",
        )
