"""Who may say that git has changed: GitHub and GitLab, over the bytes that came in."""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_engine.gitops.webhook import MAX_BODY, Headers, SeenDeliveries, Verdict, judge, refuse_size
from sync_engine.sdk.values import Secret

NOW = 1_700_000_000
BODY = '{"ref": "refs/heads/main", "who": "Zoë"}'.encode()
SECRET = "geheim"
TOKEN = "whsec_" + base64.b64encode(b"a key of thirty-two bytes, or so").decode()


def github(body: bytes = BODY, secret: str = SECRET, **changed: bytes | None) -> list[tuple[bytes, bytes]]:
    digest = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    headers: dict[str, bytes | None] = {
        "X-GitHub-Event": b"push",
        "X-GitHub-Delivery": b"72d3162e-cc78-11e3-81ab-4c9367dc0958",
        "X-Hub-Signature-256": f"sha256={digest}".encode(),
    }
    return flat(headers, changed)


def gitlab(secret: str = SECRET, **changed: bytes | None) -> list[tuple[bytes, bytes]]:
    headers: dict[str, bytes | None] = {
        "X-Gitlab-Event": b"Push Hook",
        "Idempotency-Key": b"f5e5f430-f57b-4e6e-9fac-d9128cd7232f",
        "X-Gitlab-Token": secret.encode(),
    }
    return flat(headers, changed)


def signed_gitlab(body: bytes = BODY, time: int = NOW, **changed: bytes | None) -> list[tuple[bytes, bytes]]:
    key = base64.b64decode(TOKEN.removeprefix("whsec_"))
    signature = hmac.new(key, b"an-id.%d.%s" % (time, body), hashlib.sha256).digest()
    headers: dict[str, bytes | None] = {
        "X-Gitlab-Event": b"Push Hook",
        "webhook-id": b"an-id",
        "webhook-timestamp": str(time).encode(),
        "webhook-signature": b"v1," + base64.b64encode(signature),
    }
    return flat(headers, changed)


def flat(headers: dict[str, bytes | None], changed: dict[str, bytes | None]) -> list[tuple[bytes, bytes]]:
    """Headers with some of them changed (an underscore stands for a hyphen), or left out."""
    by_name = {name.lower(): value for name, value in headers.items()}
    by_name |= {name.replace("_", "-"): value for name, value in changed.items()}
    return [(name.encode(), value) for name, value in by_name.items() if value is not None]


def verdict(headers: Headers, body: bytes = BODY, *secrets: str, seen: SeenDeliveries | None = None) -> Verdict:
    known = [Secret(each) for each in secrets or ("geheim", TOKEN)]
    return judge(headers, body, known, seen or SeenDeliveries(), NOW)


@pytest.mark.parametrize("headers", [github(), gitlab(), signed_gitlab()])
def test_a_genuine_push_means_to_look_at_git(headers: Headers) -> None:
    assert verdict(headers) == Verdict(202, look=True, reason="push")


def test_the_signature_that_github_documents_is_taken() -> None:
    digest = b"sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    headers = [(b"X-Hub-Signature-256", digest), (b"X-GitHub-Event", b"push")]
    assert verdict(headers, b"Hello, World!", "It's a Secret to Everybody").look


@pytest.mark.parametrize(
    "headers",
    [
        [],
        github(secret="wrong"),
        github(body=BODY + b" "),
        github(x_hub_signature_256=None),
        github(x_hub_signature_256=b""),
        github(x_hub_signature_256=b"sha256="),
        github(x_hub_signature_256="sha256=ü".encode()),
        github(x_hub_signature_256=b"sha256=\xff\xfe"),
        github(x_hub_signature_256=hmac.new(b"geheim", BODY, hashlib.sha256).hexdigest().encode()),
        github(x_hub_signature_256=b"sha1=" + hmac.new(b"geheim", BODY, hashlib.sha1).hexdigest().encode()),
        [*github(), (b"X-Hub-Signature-256", b"sha256=00")],
        gitlab(secret="wrong"),
        gitlab(secret=""),
        gitlab(x_gitlab_token="gehëim".encode("latin-1")),
        gitlab(x_gitlab_token=b"geheim "),
        signed_gitlab(body=b"another"),
        signed_gitlab(webhook_id=b"another"),
        signed_gitlab(webhook_id=None),
        signed_gitlab(webhook_timestamp=b"yesterday"),
        signed_gitlab(webhook_timestamp=str(NOW + 1).encode()),
        signed_gitlab(webhook_signature="v1,ü".encode()),
        signed_gitlab(time=NOW - 301),
        signed_gitlab(time=NOW + 301),
    ],
)
def test_anything_else_is_refused_without_detail(headers: Headers) -> None:
    found = verdict(headers)
    assert (found.status, found.look) == (401, False)
    assert "geheim" not in found.reason


def test_two_secrets_are_valid_while_one_replaces_the_other() -> None:
    for secret in ("old-secret", "new-secret"):
        assert verdict(github(secret=secret), BODY, "old-secret", "new-secret").look
        assert verdict(gitlab(secret=secret), BODY, "old-secret", "new-secret").look
    assert not verdict(github(secret="older"), BODY, "old-secret", "new-secret").look
    several = signed_gitlab()
    rotated = flat({}, {name.decode(): value for name, value in several})
    rotated = [(key, b"v1,AAAA " + value if key == b"webhook-signature" else value) for key, value in rotated]
    assert verdict(rotated).look


def test_without_a_secret_nothing_is_genuine() -> None:
    for secrets in ([], [Secret("")]):
        found = judge(github(secret=""), BODY, secrets, SeenDeliveries(), NOW)
        assert (found.status, found.reason) == (401, "no secret is configured")
    assert not judge(gitlab(secret=""), BODY, [Secret(""), Secret("geheim")], SeenDeliveries(), NOW).look
    assert not verdict(signed_gitlab(), BODY, "whsec_").look
    assert not verdict(signed_gitlab(), BODY, "whsec_%%%").look


def test_a_recorded_delivery_cannot_be_played_again_under_another_id() -> None:
    for headers, again in (
        (github(), github(x_github_delivery=b"another")),
        (gitlab(), gitlab(idempotency_key=None)),
        (signed_gitlab(), signed_gitlab()),
    ):
        seen = SeenDeliveries()
        assert verdict(headers, seen=seen).look
        for each in (headers, again):
            assert verdict(each, seen=seen) == Verdict(200, look=False, reason="this delivery was seen before")
    assert verdict(github(b"{}"), b"{}", seen=seen).look


def test_what_is_not_genuine_is_not_remembered() -> None:
    seen = SeenDeliveries(most=1)
    assert not verdict(github(secret="wrong"), seen=seen).look
    assert verdict(github(), seen=seen).look
    for number in range(3):  # which push the first one out
        body = b"%d" % number
        assert verdict(github(body, x_github_delivery=body), body, seen=seen).look
    assert verdict(github(), seen=seen).look


def test_other_events_are_taken_and_mean_nothing() -> None:
    for event in (b"ping", b"issues", b"", b"\xff", None):
        found = verdict(github(x_github_event=event))
        assert (found.status, found.look) == (200, False)
    assert not verdict(gitlab(x_gitlab_event=b"Note Hook")).look


def test_a_body_that_is_too_large_is_refused_before_it_is_read() -> None:
    large = b"x" * (MAX_BODY + 1)
    assert verdict(github(large), large).status == 413
    for announced, refused in ((str(MAX_BODY).encode(), False), (str(MAX_BODY + 1).encode(), True), (b"-1", True)):
        assert (refuse_size([(b"Content-Length", announced)]) is not None) is refused
    assert refuse_size([(b"content-length", "١".encode())]) is not None
    assert refuse_size([]) is None


NAMES = st.sampled_from(
    [
        b"X-Hub-Signature-256",
        b"webhook-signature",
        b"webhook-id",
        b"webhook-timestamp",
        b"X-Gitlab-Token",
        b"X-GitHub-Event",
    ]
)


@given(st.lists(st.tuples(NAMES, st.binary(max_size=80))), st.binary(max_size=80))
def test_no_bytes_make_it_fail_or_let_anybody_in(headers: list[tuple[bytes, bytes]], body: bytes) -> None:
    found: Any = verdict(headers, body)
    assert (found.status, found.look) == (401, False)
