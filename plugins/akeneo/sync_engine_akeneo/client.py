"""Calls to the PIM: a bounded number at a time, repeated while it cannot answer, read strictly.

Source of the limits: Akeneo REST API, "Good practices" and "Limits": 4 calls at a time for a connection; wait and
repeat after 429 and 5xx, as long as ``Retry-After`` says.
"""

from __future__ import annotations

import random
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TypeVar
from urllib.parse import urljoin, urlsplit

import httpx

from sync_engine.sdk.errors import BrokenContract, Refused, SyncEngineError, Unavailable
from sync_engine.sdk.http import TOO_SLOW, open_client
from sync_engine.sdk.masking import Mask
from sync_engine_akeneo.answers import Answers
from sync_engine_akeneo.auth import AppAuth, PasswordAuth
from sync_engine_akeneo.settings import AppToken, PimSettings
from sync_engine_akeneo.wire import Malformed

FIRST_CONTACT_SECONDS = 10.0
"""How long to try while the PIM has never answered: a wrong address should be told at once."""

LONGEST_BACKOFF = 60.0
LARGEST_DOCUMENT = 256 * 2**20
SLOWEST_ANSWER = 900.0
"""Seconds from a request to the last byte of its answer, files included."""

_JITTER = random.SystemRandom()

T = TypeVar("T")
U = TypeVar("U")
Parameters = Mapping[str, str]


class PimClient:
    """One connection's calls; threads share it.

    Args:
        settings: where and how.
        mask: takes secrets out of messages; None for one of its own.
        clock: seconds that never run backwards.
        pause: waits that many seconds; true when the client was closed meanwhile.
    """

    def __init__(
        self,
        settings: PimSettings,
        mask: Mask | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], bool | None] | None = None,
    ) -> None:
        self.settings = settings
        self.where = settings.where
        self.answers = Answers(settings, mask or Mask())
        self._base = f"{settings.url.reveal()}/api/rest/v1"
        self._clock = clock
        self._closed = threading.Event()
        self._pause = pause or self._closed.wait
        self._reached = False
        self._ahead = timedelta()
        self._sent = 0
        self._counting = threading.Lock()
        self._slots = threading.BoundedSemaphore(settings.concurrency)
        self._pool = ThreadPoolExecutor(settings.concurrency, thread_name_prefix="akeneo")
        credentials = settings.credentials
        self._http = open_client(
            SLOWEST_ANSWER,
            auth=AppAuth(credentials)
            if isinstance(credentials, AppToken)
            else PasswordAuth(settings, credentials, self.answers, clock),
            timeout=settings.timeout,
            headers={"Accept": "application/json", "User-Agent": "sync-engine"},
            follow_redirects=False,
            trust_env=not settings.loopback,
            verify=_trust(settings),
            event_hooks={"request": [self._count], "response": [self._look_at_clock]},
        )

    @property
    def requests(self) -> int:
        """Requests sent so far, repeated ones and logins included."""
        return self._sent

    @property
    def ahead(self) -> timedelta:
        """How much the PIM's clock shows more than ours, as its last answer said."""
        return self._ahead

    def _look_at_clock(self, response: httpx.Response) -> None:
        with suppress(ValueError, TypeError):
            shown = parsedate_to_datetime(response.headers.get("Date", ""))
            self._ahead = shown - datetime.now(UTC)

    def _count(self, _request: httpx.Request) -> None:
        with self._counting:
            self._sent += 1

    def get(self, path: str, params: Parameters | None = None, started: Future[bytes] | None = None) -> object:
        """The document at a path below ``/api/rest/v1/``; see ``fetch``."""
        return self.answers.document(path, self.fetch(path, params, started))

    def fetch(self, path: str, params: Parameters | None = None, started: Future[bytes] | None = None) -> bytes:
        """The same, as the PIM wrote it: for ``Answers.document``.

        Args:
            path: without a leading slash, quoted.
            params: query parameters.
            started: the same call as ``start`` began it; its failure counts as the first attempt.

        Raises:
            Unavailable: it could not be had within ``retry_minutes``.
            Refused, Unauthorised, BrokenContract: see ``Answers``.
        """
        return self._insist(lambda: self._fetch(path, params), started.result if started is not None else None)

    def write(self, method: str, path: str, content: object = None) -> object:
        """Write something and give the document that the PIM answers, or None.

        One attempt only: what was not answered may have been done.

        Raises:
            Unavailable: it is not known whether it was done.
            Refused, Unauthorised, BrokenContract: see ``Answers``.
        """
        try:
            with self._slots:
                response = self._http.request(method, f"{self._base}/{path}", json=content)
            return self.answers.written(path, response, response.content)
        except httpx.HTTPError as error:
            failure = self.transport_failure(path, error)
        except Unavailable as error:
            failure = error
        hint = "It may have been done: look before you repeat it." if isinstance(failure, Unavailable) else failure.hint
        raise type(failure)(failure.message, hint=hint)

    def start(self, path: str, params: Parameters | None = None) -> Future[bytes]:
        """Begin a call in the background: one attempt, to be handed to ``get`` or ``fetch``."""
        return self._pool.submit(self._fetch, path, params)

    def begin(self, task: Callable[[], U]) -> Future[U]:
        """Run a task that makes calls in the background; a task must not begin others and wait for them."""
        return self._pool.submit(task)

    def each(self, task: Callable[[T], U], inputs: Iterable[T]) -> list[U]:
        """Results of a task for every input, in their order, several at a time."""
        running = [self._pool.submit(task, each) for each in inputs]
        try:
            return [future.result() for future in running]
        finally:
            for future in running:
                future.cancel()

    @contextmanager
    def download(self, path: str, what: str) -> Iterator[httpx.Response]:
        """An answer whose body is still to be read; a redirect is followed on the PIM's own host only."""
        with self._slots:
            response = self._insist(lambda: self._opened(f"{self._base}/{path}", what, hops=5))
            try:
                yield response
            finally:
                response.close()

    def close(self) -> None:
        """Wait for calls under way, which are not repeated any more, and release the connections; safe to repeat."""
        self._closed.set()
        self._pool.shutdown(cancel_futures=True)
        self._http.close()

    def own(self, href: str, what: str) -> str:
        """An address the PIM gave, made absolute.

        Raises:
            Refused: it leads to another host, port or scheme, where our token must not go.
        """
        absolute = urljoin(self._base, href)
        try:
            here, there = _origin(self._base), _origin(absolute)
        except ValueError:
            raise BrokenContract(f"{self.where}: the link that the PIM gives for {what} is no address") from None
        if here != there:
            raise Refused(
                f"{self.where}: the link that the PIM gives for {what} leads to another host; it is not followed",
                hint="Is `url` the address that the PIM itself is configured with?",
            )
        return absolute

    def misshapen(self, what: str, error: Malformed) -> BrokenContract:
        """The error for something whose shape is not the documented one."""
        return BrokenContract(
            f"{self.where}: {self.answers.clean(what)} has not the documented shape: {self.answers.clean(str(error))}"
        )

    def transport_failure(self, what: str, error: httpx.HTTPError) -> SyncEngineError:
        """What a failed exchange means; the library's own text is shown only after cleaning."""
        if isinstance(error, httpx.LocalProtocolError | httpx.UnsupportedProtocol):
            return Refused(f"{self.where}: {what} cannot be asked for: a setting holds characters HTTP does not allow")
        if isinstance(error, httpx.TimeoutException):
            limit = SLOWEST_ANSWER if str(error).startswith(TOO_SLOW) else self.settings.timeout
            return Unavailable(f"{self.where}: the PIM did not answer {what} within {limit:g} seconds")
        reason = self.answers.clean(str(error)) or type(error).__name__
        if isinstance(error, httpx.TransportError):
            return Unavailable(
                f"{self.where}: the PIM cannot be reached for {what}: {reason}",
                hint="Is `url` right, and is the PIM running and reachable from here?",
            )
        return BrokenContract(f"{self.where}: the answer to {what} cannot be read: {reason}")

    def _fetch(self, path: str, params: Parameters | None) -> bytes:
        """One attempt; the body is read while the slot is held."""
        with self._slots:
            try:
                with self._http.stream("GET", f"{self._base}/{path}", params=params) as response:
                    self._reached = True
                    body = self._body(path, response)
            except httpx.HTTPError as error:
                raise self.transport_failure(path, error) from None
        self.answers.check(path, response, body)
        return body

    def _body(self, what: str, response: httpx.Response) -> bytes:
        chunks: list[bytes] = []
        size = 0
        for chunk in response.iter_bytes():
            chunks.append(chunk)
            size += len(chunk)
            if size > LARGEST_DOCUMENT:
                raise BrokenContract(f"{self.where}: the answer to {what} is larger than {LARGEST_DOCUMENT} bytes")
        return b"".join(chunks)

    def _opened(self, url: str, what: str, hops: int) -> httpx.Response:
        try:
            response = self._http.send(self._http.build_request("GET", url), stream=True)
            self._reached = True
            if response.status_code == 200:
                return response
            with closing(response):
                body = self._body(what, response)
        except httpx.HTTPError as error:
            raise self.transport_failure(what, error) from None
        if response.has_redirect_location and hops:
            return self._opened(self.own(urljoin(url, response.headers["location"]), what), what, hops - 1)
        raise self.answers.failure(what, response, body)

    def _insist(self, attempt: Callable[[], T], first: Callable[[], T] | None = None) -> T:
        """Repeat while the failure is ``Unavailable`` and there is time left."""
        began = self._clock()
        tries = 0
        while True:
            try:
                return (first or attempt)()
            except Unavailable as failure:
                first = None
                wait = _backoff(tries) if failure.retry_after is None else failure.retry_after
                budget = (
                    self.settings.retry_seconds
                    if self._reached
                    else min(self.settings.retry_seconds, FIRST_CONTACT_SECONDS)
                )
                if self._clock() - began + wait > budget or self._pause(wait):
                    raise
                tries += 1


def _trust(settings: PimSettings) -> ssl.SSLContext | bool:
    """Whose certificates are believed; nobody's where none is shown, because reading the list takes 50 ms."""
    plain = urlsplit(settings.url.reveal()).scheme == "http"
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if plain else True


def _backoff(tries: int) -> float:
    """Seconds to wait before the next attempt: doubled each time, with jitter so that threads spread."""
    return _JITTER.uniform(0.5, 1.0) * min(LONGEST_BACKOFF, 2.0 ** min(tries, 10))


def _origin(url: str) -> tuple[str, str, int]:
    parts = urlsplit(url)
    port = parts.port or {"https": 443, "http": 80}.get(parts.scheme, 0)
    return parts.scheme, parts.hostname or "", port
