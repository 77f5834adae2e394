"""Whether a request to the webhook comes from the platform that holds the repository.

A delivery only means "look at git now": nothing in its body is used, so nothing in it needs to be trusted. What is
compared is compared as bytes, over the bytes that came in, and in the same time whatever they are.

| platform | sends | documented |
|---|---|---|
| GitHub | ``X-Hub-Signature-256``: ``sha256=`` and the HMAC of the body, hexadecimal | docs.github.com, "Validating webhook deliveries" |
| GitLab, signing token | ``webhook-signature``: ``v1,`` and the HMAC of ``id.timestamp.body``, base64 | standardwebhooks.com |
| GitLab, secret token | ``X-Gitlab-Token``: the secret itself | docs.gitlab.com, "Webhooks" |
"""  # noqa: E501 - a table

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

from sync_engine.sdk.values import Secret

MAX_BODY = 2_000_000
"""Bytes; a push with more commits than fit is found by the next regular look at git."""
TOLERANCE = 300
"""Seconds by which a signed timestamp may differ from the clock."""
REMEMBERED = 2_000
"""Deliveries that a process remembers."""
_SIGNING_TOKEN = b"whsec_"
_PUSHES = (b"push", b"Push Hook")
_WHOLE_NUMBER = re.compile(rb"[0-9]{1,12}")

Headers = Sequence[tuple[bytes, bytes]]
"""Names and values as they came in (ASGI gives them so); names in any case."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to answer, and whether to look at git.

    Attributes:
        status: of the HTTP answer, whose body says nothing: 202 (look), 200 (nothing to do), 401 or 413.
        look: whether to look at git now.
        reason: for the log, never for the sender; holds nothing of what was sent.
    """

    status: int
    look: bool
    reason: str


class SeenDeliveries:
    """Deliveries of late, so that a recorded one cannot be played again; the oldest are forgotten.

    A delivery is known by its body as much as by its id, because GitHub and GitLab's secret token do not sign the id.
    """

    def __init__(self, most: int = REMEMBERED) -> None:
        self._most = most
        self._keys: OrderedDict[bytes, None] = OrderedDict()

    def first_time(self, delivery: bytes, body: bytes) -> bool:
        """Remember a delivery that was found genuine; False when its id or its body was there before."""
        keys = [b"body " + hashlib.sha256(body).digest()]
        if delivery:
            keys.append(b"id " + hashlib.sha256(delivery).digest())
        known = any(key in self._keys for key in keys)
        for key in keys:
            self._keys[key] = None
            self._keys.move_to_end(key)
        while len(self._keys) > self._most * 2:
            self._keys.popitem(last=False)
        return not known


def refuse_size(headers: Headers) -> Verdict | None:
    """The answer to a request that announces too much, before anything of it is read; None to read it.

    Whoever reads must stop at ``MAX_BODY``, too: a request need not announce its size.
    """
    announced = _only(headers, b"content-length")
    if announced is not None and (not _WHOLE_NUMBER.fullmatch(announced) or int(announced) > MAX_BODY):
        return Verdict(413, look=False, reason="the body is too large")
    return None


def judge(headers: Headers, body: bytes, secrets: Sequence[Secret], seen: SeenDeliveries, now: float) -> Verdict:
    """Judge a request.

    Args:
        headers: as they came in.
        body: as it came in, at most one byte more than ``MAX_BODY``.
        secrets: the one that counts, and while it is being replaced also the other one. Empty ones count for nothing.
        seen: deliveries before this one; this one is added when it is genuine.
        now: seconds since the epoch.
    """
    if len(body) > MAX_BODY:
        return Verdict(413, look=False, reason="the body is too large")
    keys = [each.reveal().encode() for each in secrets if each.reveal()]
    if not keys:
        return Verdict(401, look=False, reason="no secret is configured")
    refusal = _refusal(headers, body, keys, now)
    if refusal:
        return Verdict(401, look=False, reason=refusal)
    delivery = next(filter(None, (_only(headers, name) for name in _IDS)), b"")
    if not seen.first_time(delivery, body):
        return Verdict(200, look=False, reason="this delivery was seen before")
    event = _only(headers, b"x-github-event") or _only(headers, b"x-gitlab-event")
    if event not in _PUSHES:
        return Verdict(200, look=False, reason="it is no push")
    return Verdict(202, look=True, reason="push")


_IDS = (b"x-github-delivery", b"webhook-id", b"idempotency-key", b"x-gitlab-event-uuid")


def _refusal(headers: Headers, body: bytes, keys: Sequence[bytes], now: float) -> str:
    """Why a request is not genuine; empty when it is."""
    if (signature := _only(headers, b"x-hub-signature-256")) is not None:
        expected = [b"sha256=" + hmac.new(key, body, hashlib.sha256).hexdigest().encode() for key in keys]
        return "" if _equals_one(signature, expected) else "the signature is wrong"
    if (signature := _only(headers, b"webhook-signature")) is not None:
        return _refusal_of_signed(headers, signature, body, keys, now)
    if (token := _only(headers, b"x-gitlab-token")) is not None:
        return "" if _equals_one(token, keys) else "the token is wrong"
    return "it is not signed, or signed twice"


def _refusal_of_signed(headers: Headers, signature: bytes, body: bytes, keys: Sequence[bytes], now: float) -> str:
    identity, time = _only(headers, b"webhook-id"), _only(headers, b"webhook-timestamp")
    if not identity or time is None or not _WHOLE_NUMBER.fullmatch(time):
        return "its id or its time is missing"
    content = b".".join((identity, time, body))
    expected = [
        b"v1," + base64.b64encode(hmac.new(key, content, hashlib.sha256).digest())
        for key in filter(None, map(_signing_key, keys))
    ]
    # Several signatures stand side by side while the sender replaces its token.
    if not any(_equals_one(each, expected) for each in signature.split(b" ")[:4]):
        return "the signature is wrong"
    return "" if abs(now - int(time)) <= TOLERANCE else "it is too old, or a clock is wrong"


def _signing_key(token: bytes) -> bytes:
    """The key that a signing token stands for; empty when it is none."""
    try:
        return base64.b64decode(token.removeprefix(_SIGNING_TOKEN), validate=True) if _is_signing(token) else b""
    except binascii.Error:
        return b""


def _is_signing(token: bytes) -> bool:
    return token.startswith(_SIGNING_TOKEN)


def _equals_one(given: bytes, expected: Sequence[bytes]) -> bool:
    """Whether it is one of them; all are compared, so that the time says nothing."""
    return sum(hmac.compare_digest(given, each) for each in expected) > 0


def _only(headers: Headers, name: bytes) -> bytes | None:
    """The value of a header that is there exactly once."""
    found = [value for key, value in headers if key.lower() == name]
    return found[0] if len(found) == 1 else None
