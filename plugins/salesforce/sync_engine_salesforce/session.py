"""Talking to one org: a client of simple-salesforce per thread, one new login when a session ends, patience.

What the library raises prints URL and content; here it becomes one of the sdk's errors without them.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from decimal import Decimal
from typing import TypeVar

import requests
from simple_salesforce.api import Salesforce
from simple_salesforce.exceptions import SalesforceError
from simple_salesforce.util import Usage

from sync_engine.sdk.errors import BrokenContract, NotDone, Refused, SyncEngineError, Unauthorised, Unavailable
from sync_engine.sdk.masking import Mask
from sync_engine.sdk.values import Secret
from sync_engine_salesforce.errors import NO_JSON_HINT, NoAnswer, ServerFault, SessionEnded, call_error
from sync_engine_salesforce.login import Login, log_in
from sync_engine_salesforce.settings import OrgSettings
from sync_engine_salesforce.transport import Transport

FIRST_CONTACT_SECONDS = 10.0
"""How long to try while the org has never answered: a wrong address should be told at once."""

FAULT_ATTEMPTS = 3
_LONGEST_PAUSE = 30.0
_FILES = ("text/csv", "application/octet")
_JITTER = random.SystemRandom()

T = TypeVar("T")


class OrgSession:
    """A logged-in org. Threads share it; each gets its own client of the library.

    Args:
        connection: its name in the project, for messages.
        settings: where and how.
        mask: takes secrets out of messages; None for one of its own.
        clock: seconds that never run backwards.
        pause: waits that many seconds; true when the session was closed meanwhile.
    """

    def __init__(
        self,
        connection: str,
        settings: OrgSettings,
        mask: Mask | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], bool | None] | None = None,
    ) -> None:
        self.where = f"connection `{connection}`"
        self.settings = settings
        self.mask = mask or Mask()
        self.mask.hide(settings.secrets.values())
        self.clock = clock
        self._closed = threading.Event()
        self.pause = pause or self._closed.wait
        self._transport = Transport(settings.base.reveal(), settings.timeout, pool=settings.parallel + 2)
        self._threads = threading.local()
        self._lock = threading.Lock()
        self._login: Login | None = None
        self._refused: Unauthorised | None = None
        self.usage: Usage | None = None
        """Requests of the day as the last answer told them, None before the first."""

    def close(self) -> None:
        """Release connections; the session stays valid, because others may use it. Safe to repeat."""
        self._closed.set()
        self._transport.close()

    def call(self, action: Callable[[Salesforce], T]) -> T:
        """Do something that is safe to repeat; again and again while the org cannot answer and there is time.

        Args:
            action: uses the client it is given, for nothing but one call.

        Raises:
            Unavailable: it could not be done within ``retry_minutes``.
            Unauthorised, Refused, BrokenContract: see ``sdk.errors``.
        """
        return self._insist(action, Unavailable)

    def make(self, action: Callable[[Salesforce], T]) -> T:
        """Do something that must not be done twice; again only while the org says that it did nothing of it.

        Raises:
            NotDone: it could not be done within ``retry_minutes``.
            Unavailable: it is not known whether it was done.
        """
        return self._insist(action, NotDone)

    def _insist(self, action: Callable[[Salesforce], T], repeated: type[Unavailable]) -> T:
        patience = self.patience()
        while True:
            try:
                return self.once(action)
            except repeated as failure:
                patience.wait(failure)

    def once(self, action: Callable[[Salesforce], T]) -> T:
        """Do something once; only when the session turns out to have ended, log in anew and do it once more.

        Raises:
            Unavailable: it is not known whether it was done.
        """
        login = self._logged_in(None)
        try:
            return self._attempt(action, login)
        except SessionEnded:
            if self.settings.auth == "token":
                raise
        return self._attempt(action, self._logged_in(login.token))

    def patience(self) -> Patience:
        """How long to go on with something that begins now."""
        return Patience(self)

    @property
    def budget(self) -> float:
        """Seconds for repeating one call."""
        whole = self.settings.retry_seconds
        return whole if self._transport.reached else min(whole, FIRST_CONTACT_SECONDS)

    def clean(self, text: str) -> str:
        """A text from outside, fit for a message: without secrets, on one line."""
        return "".join(each if each.isprintable() else " " for each in self.mask.masked(text))

    def _attempt(self, action: Callable[[Salesforce], T], login: Login) -> T:
        client = self._client(login)
        failure: SyncEngineError
        try:
            done = action(client)
        except SalesforceError as error:
            failure = call_error(self.where, int(error.status), error.content, self.clean, self._transport.retry_after)
        except requests.exceptions.RequestException as error:
            failure = self._lost(error)
        except (ValueError, TypeError, RecursionError):
            failure = self._unreadable()
        else:
            usage = client.api_usage.get("api-usage")
            self.usage = usage if isinstance(usage, Usage) else self.usage
            return done
        raise failure  # out here, so that it does not carry the library's exception along

    def _lost(self, error: requests.exceptions.RequestException) -> SyncEngineError:
        """What it means that there is no answer; the library's own text may hold URLs and is not shown."""
        if isinstance(error, requests.exceptions.InvalidURL):
            return BrokenContract(f"{self.where}: an answer leads to another host; it is not asked")
        if isinstance(error, requests.exceptions.TooManyRedirects):
            return BrokenContract(f"{self.where}: Salesforce's API does not redirect", hint="Check the url.")
        if isinstance(error, (requests.exceptions.InvalidJSONError, requests.exceptions.ContentDecodingError)):
            return self._unreadable()
        if "CERTIFICATE_VERIFY_FAILED" in str(error):
            return Refused(f"{self.where}: the certificate of the host is not trusted", hint="Check the url.")
        unsent = isinstance(error, requests.exceptions.ConnectTimeout) or "NewConnectionError" in str(error)
        kind = NotDone if unsent else NoAnswer
        # While a body is read, requests calls a time-out a lost connection.
        if isinstance(error, requests.exceptions.Timeout) or "Read timed out" in str(error):
            return kind(f"{self.where}: no answer within {self.settings.timeout:g} seconds")
        how = "the host refuses connections" if "Connection refused" in str(error) else type(error).__name__
        return kind(
            f"{self.where}: Salesforce cannot be reached: {how}",
            hint="Is `url` right, and is Salesforce reachable from here?",
        )

    def _unreadable(self) -> BrokenContract:
        return BrokenContract(f"{self.where}: the answer is no JSON that can be read", hint=NO_JSON_HINT)

    def _logged_in(self, ended: str | None) -> Login:
        """The session; a new one when there is none, or when it is the one that has ended.

        One thread logs in, the others wait for it. A refusal is final: trying on would lock the user out.
        """
        with self._lock:
            if self._refused is not None:
                raise Unauthorised(self._refused.message, hint=self._refused.hint)
            if self._login is not None and self._login.token != ended:
                return self._login
            failure: SyncEngineError
            try:
                self._login = log_in(self.where, self.settings, self._http(), self.clean)
            except requests.exceptions.RequestException as error:
                failure = self._lost(error)
            except Unauthorised as error:
                failure = self._refused = error
            else:
                self.mask.hide([Secret(self._login.token)])
                return self._login
        raise failure

    def _client(self, login: Login) -> Salesforce:
        client: Salesforce | None = getattr(self._threads, "client", None)
        if client is None or client.session_id != login.token:
            client = Salesforce(
                session_id=login.token,
                instance=login.instance,
                version=self.settings.api_version,
                session=self._http(),
                parse_float=Decimal,
                object_pairs_hook=_without_repeats,
            )
            del client.headers["X-PrettyPrint"]  # answers half as long
            self._threads.client = client
        return client

    def _http(self) -> requests.Session:
        """This thread's requests session, on the shared transport."""
        http: requests.Session | None = getattr(self._threads, "http", None)
        if http is None:
            http = self._threads.http = requests.Session()
            http.trust_env = not self.settings.loopback  # proxies and certificates of the environment
            http.auth = _as_it_is
            http.max_redirects = 0
            http.hooks["response"].append(_strictly_utf8)
            http.mount("https://", self._transport)
            http.mount("http://", self._transport)
        return http


class Patience:
    """How long something is repeated that failed because the org could not answer."""

    def __init__(self, session: OrgSession) -> None:
        self._session = session
        self._began = session.clock()
        self._attempts = 0

    def wait(self, failure: Unavailable) -> None:
        """Wait before the next attempt.

        Raises:
            Unavailable: ``failure``, when there is no time left or the session is closed.
        """
        self._attempts += 1
        pause = failure.retry_after
        if pause is None:
            pause = _JITTER.uniform(0.5, 1.0) * min(_LONGEST_PAUSE, 2.0 ** min(self._attempts - 1, 10))
        spent = self._session.clock() - self._began + pause
        hopeless = isinstance(failure, ServerFault) and self._attempts >= FAULT_ATTEMPTS
        if hopeless or spent > self._session.budget or self._session.pause(pause):
            raise failure


def _as_it_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Authentication that leaves the header alone; without one, requests would put ~/.netrc in its place."""
    return request


def _strictly_utf8(response: requests.Response, **_options: object) -> None:
    """Refuse an answer that is not UTF-8; requests would put other characters in place of what it cannot read.

    A CSV file is large, and whoever reads it looks at its characters (see ``csv_format.ResultSet``); other files are no
    text at all.
    """
    if response.status_code < 300 and not response.headers.get("Content-Type", "").startswith(_FILES):
        response.content.decode("utf-8")
        response.encoding = "utf-8"


def _without_repeats(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """A JSON object; one that says the same key twice cannot be trusted."""
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a key twice")
    return made
