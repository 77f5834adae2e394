"""Talking to one org: login by simple-salesforce, a time-out on every request, one new login when a session ends.

The library always says https and logs in at ``<domain>.salesforce.com``; the transport below turns both into the base
URL of the connection, which may be plain http on loopback only (checked with the settings).
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any, TypeVar
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from simple_salesforce.api import Salesforce
from simple_salesforce.exceptions import SalesforceAuthenticationFailed, SalesforceError

from sync_engine.sdk.errors import BrokenContract, Unauthorised, Unavailable
from sync_engine_salesforce.errors import call_error
from sync_engine_salesforce.settings import OrgSettings

T = TypeVar("T")

_LONGEST_PAUSE = 30.0


class _Transport(HTTPAdapter):
    """Sends to the connection's own base URL and to nowhere else, never without a time-out."""

    def __init__(self, base: str, timeout: float, pool: int) -> None:
        super().__init__(pool_maxsize=pool)
        self._base = base
        self._hosts = (urlsplit(base).netloc, f"{_domain(base)}.salesforce.com")
        self._timeout = timeout

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:  # type: ignore[override]
        url = request.url or ""
        parts = urlsplit(url)
        if parts.netloc not in self._hosts:
            raise requests.exceptions.InvalidURL("the answer names another host; it is not asked")
        request.url = f"{self._base}{parts.path}{f'?{parts.query}' if parts.query else ''}"
        if options.get("timeout") is None:
            options["timeout"] = self._timeout
        return super().send(request, **options)


def _domain(base: str) -> str:
    """What simple-salesforce calls the domain: the host without port and without ``.salesforce.com``."""
    return (urlsplit(base).hostname or "").removesuffix(".salesforce.com")


class OrgSession:
    """A logged-in org. Threads share it; each gets its own client of the library."""

    def __init__(self, connection: str, settings: OrgSettings) -> None:
        self.connection = connection
        self.settings = settings
        self._http = requests.Session()
        self._http.trust_env = False
        transport = _Transport(settings.base.reveal(), settings.timeout, pool=settings.parallel + 2)
        self._http.mount("https://", transport)
        self._http.mount("http://", transport)
        self._login_lock = threading.Lock()
        self._token: str | None = None
        self._instance = urlsplit(settings.base.reveal()).netloc
        self._clients = threading.local()

    def close(self) -> None:
        """Release connections; the session stays valid, because others may use it."""
        self._http.close()

    def client(self) -> Salesforce:
        """This thread's client of the library, with the session that is valid now."""
        token = self._token or self._log_in(None)
        client: Salesforce | None = getattr(self._clients, "client", None)
        if client is None or client.session_id != token:
            client = Salesforce(
                session_id=token,
                instance=self._instance,
                version=self.settings.api_version,
                session=self._http,
                parse_float=Decimal,
                object_pairs_hook=dict,
            )
            self._clients.client = client
        return client

    def call(self, action: Callable[[Salesforce], T], *, repeat: bool = True) -> T:
        """Do something with the library's client.

        Args:
            action: uses the client it is given; called again after a new login or a pause.
            repeat: whether it is safe to do it again when it is not known whether it was done. A call that was surely
                not done (the service refused it as unavailable) is repeated in any case.

        Raises:
            Unavailable: the service cannot be reached or does not answer within the budget.
            Unauthorised, Refused, BrokenContract: see ``sdk.errors``.
        """
        started = time.monotonic()
        renewed = False
        attempt = 0
        while True:
            client = self.client()
            try:
                return action(client)
            except (SalesforceError, requests.exceptions.RequestException, ValueError) as error:
                failure = self._translated(error)
            if isinstance(failure, Unauthorised) and not renewed and self.settings.auth != "token":
                renewed = True
                self._log_in(client.session_id)
                continue
            unknown = isinstance(failure, _LostAnswer) and not repeat
            pause = min(0.5 * 2**attempt, _LONGEST_PAUSE) * random.uniform(0.5, 1.0)  # noqa: S311 - jitter
            spent = time.monotonic() - started + pause
            if not isinstance(failure, Unavailable) or unknown or spent > self.settings.retry_seconds:
                raise failure
            attempt += 1
            time.sleep(pause)

    def _translated(self, error: Exception) -> Exception:
        """An exception of the library without what it prints of URL and content, which may hold secrets."""
        where = f"connection `{self.connection}`"
        if isinstance(error, SalesforceError):
            return call_error(self.connection, int(error.status), error.content)
        if isinstance(error, requests.exceptions.InvalidURL):
            return BrokenContract(f"{where}: an answer names another host than the connection's own")
        if isinstance(error, requests.exceptions.JSONDecodeError) or not isinstance(
            error, requests.exceptions.RequestException
        ):
            return BrokenContract(
                f"{where}: the answer is no JSON",
                hint="Something between here and Salesforce may answer in its place: a proxy, a login page.",
            )
        if isinstance(error, requests.exceptions.ConnectTimeout | requests.exceptions.SSLError):
            return Unavailable(f"{where}: Salesforce cannot be reached ({type(error).__name__})")
        if isinstance(error, requests.exceptions.ConnectionError) and "Connection refused" in str(error):
            return Unavailable(f"{where}: the host refuses connections", hint="Check the url of the connection.")
        return _LostAnswer(f"{where}: the connection broke before an answer came ({type(error).__name__})")

    def _log_in(self, spent: str | None) -> str:
        """A valid session id; ``spent`` is the one that was refused. Only one thread logs in at a time."""
        with self._login_lock:
            if self._token is not None and self._token != spent:
                return self._token
            token, self._instance = self._new_session()
            self._token = token
            return token

    def _new_session(self) -> tuple[str, str]:
        where = f"connection `{self.connection}`"
        secrets = {name: each.reveal() for name, each in self.settings.secrets.items()}
        domain = _domain(self.settings.base.reveal())
        if self.settings.auth == "token":
            return secrets["access_token"], urlsplit(self.settings.base.reveal()).netloc
        choices: dict[str, dict[str, str]] = {
            "client_credentials": {"consumer_key": "client_id", "consumer_secret": "client_secret"},
            "password": {"username": "username", "password": "password", "security_token": "security_token"},
            "jwt": {"username": "username", "consumer_key": "client_id", "privatekey": "private_key"},
        }
        arguments: dict[str, Any] = {name: secrets.get(key, "") for name, key in choices[self.settings.auth].items()}
        try:
            client = Salesforce(**arguments, domain=domain, version=self.settings.api_version, session=self._http)
        except SalesforceAuthenticationFailed as error:
            raise Unauthorised(
                f"{where}: Salesforce refuses the login ({error.code})",
                hint="Check the credentials in sync-engine.yaml, and that the app allows this kind of login.",
            ) from None
        except (SalesforceError, requests.exceptions.RequestException, ValueError, AttributeError) as error:
            raise self._translated(error) from None
        return client.session_id, client.sf_instance


class _LostAnswer(Unavailable):
    """The request may or may not have been carried out."""
