"""What ``serve`` answers over HTTP, to whom, and what a delivery of a webhook makes it do."""

from __future__ import annotations

import hashlib
import hmac
import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from tests.journeys.serving import Served, serving
from tests.journeys.small import KEY, open_shop, product
from tests.journeys.test_serve import catalog

TOKEN, SECRET, OLD = "a-token-of-many-letters", "the-secret-of-the-hook", "the-secret-before"
PRODUCTS = [product(f"p{number}", name="n") for number in range(7)]
SETTINGS = """\
serve:
  token: "${TOKEN}"
  webhook_secret: "${SECRET}"
  webhook_old_secret: "${OLD}"
  hosts: [sync.example.com]
  poll_seconds: 3600
"""
FIELDS = [{"name": "Note__c", "type": "string", "length": 80}]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server with a token that follows a folder, with two catalogs; one of them has a record that is rejected."""
    folder = tmp_path_factory.mktemp("web")
    strict = [{"field": "Name", "matches": "p[^3]", "message": "not this one"}]
    other = {"name": "Other__c", "fields": [KEY]}
    with open_shop(folder, fields=FIELDS, objects=[other], products=PRODUCTS, rules=strict) as shop:
        home = shop.project.folder
        shop.project.edit("sync-engine.yaml", ("state:", f"{SETTINGS}state:"))
        (home / "catalogs" / "shop.yaml").write_text(catalog(), encoding="utf-8")
        times = catalog("other", "Other__c").replace('"streams"', '"schedule": {"daily": "02:00"}, "streams"')
        (home / "catalogs" / "other.yaml").write_text(times, encoding="utf-8")
        secrets = {"TOKEN": TOKEN, "SECRET": SECRET, "OLD": OLD}
        with serving(home, {**shop.project.environment, **secrets}) as served:
            served.headers = {"Authorization": f"Bearer {TOKEN}"}
            served.until(lambda status: status["revision"] and not status["running"] and not status["queue"])
            yield served


PATHS = ("/metrics", "/api/status", "/api/catalogs", "/api/catalogs/shop", "/api/transfers", "/api/schedule")


@pytest.mark.parametrize("path", PATHS)
def test_whoever_has_no_token_is_told_nothing(served: Served, path: str) -> None:
    for authorization in ("", "Bearer", "Bearer wrong", f"Basic {TOKEN}", f"Bearer {TOKEN}x", "Bearer é"):
        headers = {"Authorization": authorization.encode()}
        answer = httpx.get(served.url + path, headers=headers)
        assert (answer.status_code, answer.text) == (401, "unauthorised\n")
    assert served.get(path).status_code == 200


@pytest.mark.parametrize("path", PATHS)
def test_a_name_that_is_not_ours_is_refused(served: Served, path: str) -> None:
    for name in ("evil.example.com", "sync.example.com.evil.example", "", "localhost.evil", "127.0.0.1.nip.io"):
        assert served.get(path, 421, Host=name).text == "unknown host\n"
    for name in ("sync.example.com", "SYNC.example.com:443", "localhost:1", "127.0.0.1", "10.2.3.4:8080", "[::1]:8080"):
        served.get(path, 200, Host=name)


def test_health_needs_no_token_and_says_nothing(served: Served) -> None:
    for path in ("/healthz", "/readyz"):
        assert served.get(path, Authorization="", Host="10.1.2.3:8080").text == "ok\n"


def test_every_answer_has_headers_that_keep_browsers_careful(served: Served) -> None:
    for path, code in (("/api/status", 200), ("/healthz", 200), ("/nothing", 404), ("/api/transfers/x", 404)):
        headers = served.get(path, code).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["content-security-policy"].startswith("default-src 'none'")
        assert (headers["cache-control"], headers["x-frame-options"]) == ("no-store", "DENY")
        assert "server" not in headers


def test_nothing_can_be_changed(served: Served) -> None:
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        for path in PATHS:
            answer = httpx.request(method, served.url + path, headers=served.headers)
            assert answer.status_code == 405


def test_the_status_names_what_counts(served: Served) -> None:
    status = served.api("status")
    assert (status["version"], status["ready"], status["trouble"], status["queue"]) == (1, True, None, [])
    assert len(status["revision"]["id"]) == 64
    assert TOKEN not in json.dumps(status) + served.said


def test_catalogs_come_in_pages_with_their_last_transfer_and_schedule(served: Served) -> None:
    first = served.api("catalogs?limit=1")
    assert [each["name"] for each in first["catalogs"]] == ["other"]
    rest = served.api(f"catalogs?limit=1&after={first['next']}")
    assert ([each["name"] for each in rest["catalogs"]], rest["next"]) == (["shop"], None)
    (other,), (shop,) = first["catalogs"], rest["catalogs"]
    assert (other["schedule"], other["last_change"]["outcome"]) == ("daily at 02:00 (UTC)", "done")
    assert other["next_run"] > other["last_transfer"]["finished"]
    assert (shop["schedule"], shop["last_transfer"]["status"]) == (None, "rejected")
    assert shop["last_attempt"]["code"] == 4
    one = served.api("catalogs/shop")["catalog"]
    assert [each["summary"]["rejected"] for each in one["transfers"]] == [1]
    served.get("/api/catalogs/nothing", 404)


def test_transfers_come_in_pages_with_their_outcomes_and_the_causes_of_rejections(served: Served) -> None:
    first = served.api("transfers?limit=1")
    rest = served.api(f"transfers?limit=1&after={first['next']}")
    ids = [first["transfers"][0]["id"], rest["transfers"][0]["id"]]
    assert (ids, rest["next"]) == (sorted(ids, reverse=True), None)
    (shop,) = served.api("transfers?catalog=shop")["transfers"]
    seen: list[str] = []
    after = ""
    while after is not None:
        page = served.api(f"transfers/{shop['id']}?limit=3&after={after}")
        seen += [each["key"] for each in page["outcomes"]]
        after = page["next"]
    assert seen == [f"p{number}" for number in range(7)]
    (cause,) = page["causes"]
    assert (cause["code"], cause["records"], cause["examples"][0]["key"]) == (
        "FIELD_CUSTOM_VALIDATION_EXCEPTION",
        1,
        "p3",
    )
    assert page["transfer"]["trigger"] == "change"


def test_the_coming_runs_are_those_of_schedule_next(served: Served) -> None:
    found = served.api("schedule?days=3")
    assert [each["catalog"] for each in found["runs"]] == ["other"] * 3
    assert {each["name"] for each in found["catalogs"]} == {"other", "shop"}


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=201", "limit=-1", "limit=x", "limit=1e3", "limit=", f"after={'x' * 501}"]
)
def test_a_page_that_makes_no_sense_is_refused(served: Served, query: str) -> None:
    assert "must be" in served.get(f"/api/transfers?{query}", 400).text or "after" in query


def test_awkward_names_are_answered_like_names_that_are_not_there(served: Served) -> None:
    for name in ("..%2f..%2fetc", "%00", "%ff", "a'%20OR%201=1", "last", "2"):
        served.get(f"/api/transfers/{name}", 404)
        served.get(f"/api/catalogs/{name}", 404)


def test_metrics_count_what_was_transferred(served: Served) -> None:
    assert served.metric("sync_engine_records_total", catalog="shop", outcome="created") == 6
    assert served.metric("sync_engine_records_total", catalog="shop", outcome="rejected") == 1
    assert served.metric("sync_engine_runs_total", catalog="shop", trigger="change", outcome="rejected") == 1
    assert served.metric("sync_engine_run_seconds_count", catalog="other") == 1
    assert served.metric("sync_engine_requests_total", catalog="shop", side="target") > 0
    assert served.metric("sync_engine_requests_remaining", catalog="shop") > 0
    assert served.metric("sync_engine_queue_length") == 0
    assert 0 <= served.metric("sync_engine_last_success_age_seconds", catalog="other") < 600
    assert served.metric("sync_engine_last_success_timestamp_seconds", catalog="shop") == 0
    assert served.metric("sync_engine_ready") == 1


# The webhook: only "look now", and only from those who know the secret.


def deliver(served: Served, body: bytes, secret: str = SECRET, **headers: str) -> int:
    digest = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    usual = {"X-GitHub-Event": "push", "X-Hub-Signature-256": f"sha256={digest}"}
    answer = httpx.post(f"{served.url}/webhook", content=body, headers={**usual, **headers}, timeout=20)
    assert answer.text == ""
    return answer.status_code


def looked(served: Served) -> str:
    return str(served.api("status")["looked"])


@pytest.mark.slow
def test_a_delivery_makes_it_look_at_once_and_many_make_it_look_once(served: Served) -> None:
    before = looked(served)
    codes = {deliver(served, b'{"n": %d}' % number) for number in range(20)}
    assert codes == {202}
    served.until(lambda status: status["looked"] != before)
    time.sleep(2.5)
    looks = {looked(served)}
    time.sleep(1.5)
    assert {looked(served)} == looks
    assert deliver(served, b'{"n": 1}') == 200, "played again"
    assert deliver(served, b'{"m": 1}', OLD) == 202
    assert deliver(served, b'{"m": 2}', **{"X-GitHub-Event": "ping"}) == 200


def test_a_delivery_of_somebody_else_is_refused_without_a_word(served: Served) -> None:
    for headers in (
        {"X-Hub-Signature-256": "sha256=é"},
        {"X-Hub-Signature-256": ""},
        {"X-Hub-Signature-256": "sha1=" + "0" * 40},
        {"X-Gitlab-Token": "wrong", "X-Hub-Signature-256": "sha256=" + "0" * 64},
    ):
        encoded = {name: value.encode("utf-8") for name, value in headers.items()}
        answer = httpx.post(f"{served.url}/webhook", content=b"{}", headers={**encoded, "X-GitHub-Event": "push"})
        assert (answer.status_code, answer.text) == (401, "")
    assert deliver(served, b"{}", "wrong") == 401
    assert served.metric("sync_engine_webhook_deliveries_total", status="401") >= 5


def test_a_body_without_end_is_not_read(served: Served) -> None:
    answer = httpx.post(f"{served.url}/webhook", content=b"x" * 2_000_001)
    assert answer.status_code == 413
    sent = 0

    def endless() -> Iterator[bytes]:
        nonlocal sent
        for _ in range(400):
            sent += 100_000
            yield b"x" * 100_000

    try:
        code = httpx.post(f"{served.url}/webhook", content=endless()).status_code
    except (httpx.WriteError, httpx.RemoteProtocolError, httpx.ReadError):  # it has hung up
        code = 413
    assert code == 413
    assert sent < 30_000_000
    assert served.get("/healthz").text == "ok\n"


def test_a_client_that_says_nothing_does_not_keep_others_waiting(served: Served) -> None:
    host, port = served.url.removeprefix("http://").split(":")
    silent = [socket.create_connection((host, int(port))) for _ in range(20)]
    for each in silent:
        each.sendall(b"POST /webhook HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{")
    began = time.monotonic()
    assert served.get("/healthz").text == "ok\n"
    assert time.monotonic() - began < 2
    for each in silent:
        each.close()


def test_an_address_for_others_needs_a_token(tmp_path: Path) -> None:
    with serving(tmp_path / "home", {}, "--git", "/srv/nothing.git", "--listen", "0.0.0.0:0", wait=False) as served:
        assert served.process.wait(timeout=20) == 1
        assert "can be reached from other machines, and no token is set" in served.said


def test_where_there_is_nothing_to_follow_it_says_so(tmp_path: Path) -> None:
    with serving(tmp_path / "home", {}, wait=False) as served:
        assert served.process.wait(timeout=20) == 1
        assert "name a repository: --git ADDRESS" in served.said
