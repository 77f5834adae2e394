"""The requests transport below simple-salesforce: where requests may go, and that none waits for ever.

The library always says https and logs in at ``https://<domain>.salesforce.com``. The transport turns that, and the
connection's own host, into the base URL of the connection, which may be plain http on loopback only (checked with the
settings). An org that lives at salesforce.com may name another host there as its instance; nothing else is ever asked.
"""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter

from sync_engine_salesforce.slow_answers import POOLS

_SUFFIX = ".salesforce.com"
_ELSEWHERE = "connection"
LONGEST_RETRY_AFTER = 600.0


class Transport(HTTPAdapter):
    """Sends to the connection's org and to nowhere else, never without a time-out. Threads share it.

    Attributes:
        reached: whether there ever was an answer.
    """

    def __init__(self, base: str, timeout: float, pool: int) -> None:
        super().__init__(pool_maxsize=pool)
        self.reached = False
        self._base = base
        self._own = (urlsplit(base).netloc, f"{login_domain(base)}{_SUFFIX}")
        self._timeout = timeout
        self._last = threading.local()

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        """See ``HTTPAdapter.init_poolmanager``; with connections whose answers come to an end."""
        super().init_poolmanager(*arguments, **options)
        self.poolmanager.pool_classes_by_scheme = POOLS

    def proxy_manager_for(self, *arguments: Any, **options: Any) -> Any:
        """See ``HTTPAdapter.proxy_manager_for``; likewise."""
        manager = super().proxy_manager_for(*arguments, **options)
        manager.pool_classes_by_scheme = POOLS
        return manager

    @property
    def retry_after(self) -> float | None:
        """Seconds that the last answer on this thread asked to wait."""
        seconds: float | None = getattr(self._last, "retry_after", None)
        return seconds

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:  # type: ignore[override]
        """See ``HTTPAdapter.send``; raises InvalidURL for another host."""
        self._last.retry_after = None
        parts = urlsplit(request.url or "")
        if parts.netloc in self._own:
            request.url = f"{self._base}{parts.path}{f'?{parts.query}' if parts.query else ''}"
        elif parts.scheme != "https" or instance_of(self._base, parts.netloc) != parts.netloc:
            raise requests.exceptions.InvalidURL("another host")
        if options.get("timeout") is None:
            options["timeout"] = self._timeout
        response = super().send(request, **options)
        self.reached = True
        self._last.retry_after = read_retry_after(response.headers.get("Retry-After"))
        return response


def login_domain(base: str) -> str:
    """What simple-salesforce calls the domain: the host without ``.salesforce.com``; a stand-in for other hosts."""
    host = urlsplit(base).netloc
    return host.removesuffix(_SUFFIX) if host.endswith(_SUFFIX) else _ELSEWHERE


def instance_of(base: str, answered: str) -> str:
    """The host to ask after a login.

    Args:
        base: of the connection.
        answered: the host that the login named. It is believed among salesforce.com's own hosts only.
    """
    own = urlsplit(base).netloc
    plain = answered.replace(".", "").replace("-", "").isalnum()
    return answered if plain and own.endswith(_SUFFIX) and answered.endswith(_SUFFIX) else own


def read_retry_after(header: str | None) -> float | None:
    """Seconds of a ``Retry-After`` header, given as such or as a date; at most ten minutes."""
    if not header:
        return None
    try:
        seconds = float(header) if header.strip().isdigit() else _until(header)
    except (ValueError, TypeError):
        return None
    return min(max(seconds, 0.0), LONGEST_RETRY_AFTER)


def _until(moment: str) -> float:
    then = parsedate_to_datetime(moment)
    return ((then if then.tzinfo else then.replace(tzinfo=UTC)) - datetime.now(UTC)).total_seconds()
