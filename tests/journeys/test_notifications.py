"""Who is told of what, against real receivers; whether they can be told never changes how a command ends."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.journeys.receivers import Receiver, http_receiver, mail_server, make_certificate
from tests.journeys.small import Shop, open_shop, product

HOOKS = """\
notifications:
  ops: {kind: webhook, url: "${OPS_URL}", secret: "${OPS_SECRET}"}
  chat: {kind: slack, url: "${CHAT_URL}", on: [rejection, failure], text: "{{ message }} & <{{ rejected }}>"}
"""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with http_receiver() as opened:
        yield opened


@pytest.fixture
def shop(tmp_path: Path, receiver: Receiver) -> Iterator[Shop]:
    """A product with a name and one without, which is rejected."""
    with open_shop(tmp_path, products=[product("A", name="Cup"), product("B")]) as opened:
        catalog(opened)
        opened.project.environment.update(
            OPS_URL=f"{receiver.url}/ops", OPS_SECRET="hook-secret", CHAT_URL=f"{receiver.url}/services/T0/geheim"
        )
        told_to(opened, HOOKS)
        yield opened


def catalog(shop: Shop, **safety: object) -> None:
    items = {"from": "products", "to": "Item__c", "key": {"Key__c": "sku"}, "fields": {}}
    items["fields"] = {"Name": {"value": "name", "required": True}}
    shop.write({"items": items}, safety={"max_rejected_percent": 100, **safety})


def told_to(shop: Shop, notifications: str) -> None:
    path = shop.project.folder / "sync-engine.yaml"
    text = path.read_text(encoding="utf-8").split("notifications:")[0]
    path.write_text(text + notifications, encoding="utf-8")


def test_rejections_are_told_as_signed_json_and_in_the_chat(shop: Shop, receiver: Receiver) -> None:
    done = shop.run("apply", "--yes", code=4)
    ops, chat = receiver.requests
    assert (ops.path, chat.path) == ("/ops", "/services/T0/geheim")
    signature = "sha256=" + hmac.new(b"hook-secret", ops.body, hashlib.sha256).hexdigest()
    assert ops.headers["X-Sync-Engine-Signature"] == signature
    transfer = shop.shown()["id"]
    said = f"Transfer {transfer} of shop finished, but 1 record rejected"
    assert {key: ops.data[key] for key in ("version", "event", "catalog", "transfer", "created", "rejected")} == {
        "version": 1,
        "event": "rejection",
        "catalog": "shop",
        "transfer": transfer,
        "created": 1,
        "rejected": 1,
    }
    assert (ops.data["message"], ops.data["environment"]) == (said, None)
    assert ops.data["subject"] == "sync-engine: rejection of shop"
    assert ops.data["text"].startswith(f"{said}\nsync-engine transfers show {transfer}\nProject project on ")
    assert chat.data == {"text": f"*sync-engine: rejection of shop*\n{said} &amp; &lt;1&gt;"}
    assert "geheim" not in done.out + done.err


def test_a_tripped_gate_is_told_to_those_who_asked_for_it(shop: Shop, receiver: Receiver) -> None:
    catalog(shop, expect={"min": 100})
    shop.run("apply", "--yes", code=5)
    (ops,) = receiver.requests
    assert (ops.data["event"], ops.data["catalog"]) == ("gate", None)
    assert "expect.min = 100" in ops.data["message"]


def test_a_schema_that_drifts_is_told(shop: Shop, receiver: Receiver) -> None:
    shop.run("snapshot")
    shop.run("snapshot", "--check")
    pim = shop.sandbox.pim
    pim.put_row(("attributes",), {**pim.table("attributes")["name"], "max_characters": 40})
    shop.run("snapshot", "--check", code=2)
    (ops,) = receiver.requests
    assert (ops.data["event"], ops.data["catalog"]) == ("drift", "shop")
    assert ops.data["message"] == "What pim describes differs from the snapshot in 1 place. It concerns shop."


def test_what_changed_in_the_org_is_told(shop: Shop, receiver: Receiver) -> None:
    told_to(shop, HOOKS.replace('secret: "${OPS_SECRET}"', "on: [drift]"))
    shop.run("apply", "--yes", code=4)
    shop.run("drift")
    told = len(receiver.requests)
    (row,) = shop.rows().values()
    shop.sandbox.org.edit("Item__c", row["Id"], {"Name": "Changed by a person"})
    shop.run("drift", code=2)
    (ops,) = receiver.requests[told:]
    assert (ops.data["event"], ops.data["catalog"]) == ("drift", "shop")
    assert ops.data["message"] == "1 record changed in the target since we wrote them: 1 of shop"


def test_a_failure_is_told_with_its_problems(shop: Shop, receiver: Receiver) -> None:
    path = shop.project.folder / "catalogs" / "shop.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace('"fields"', '"feilds"'), encoding="utf-8")
    shop.run("apply", "shop", "--yes", code=3)
    ops, _ = receiver.requests
    assert (ops.data["event"], ops.data["catalog"]) == ("failure", "shop")
    assert "catalogs/shop.yaml:" in ops.data["message"]
    assert "SE201" in ops.data["message"]


def test_a_receiver_that_cannot_be_reached_is_named_and_changes_nothing(shop: Shop, receiver: Receiver) -> None:
    shop.project.environment["CHAT_URL"] = "http://127.0.0.1:1/services/T0/geheim"
    receiver.status = 503
    done = shop.run("apply", "--yes", code=4)
    assert "Notification ops was not delivered: 127.0.0.1 answered 503" in done.err
    assert "Notification chat was not delivered: 127.0.0.1 cannot be reached (ConnectError)" in done.err
    assert "geheim" not in done.err
    del shop.project.environment["OPS_SECRET"]
    done = shop.run("apply", "--yes", code=4)
    assert "Notification ops was not delivered: sync-engine.yaml:" in done.err
    assert "the environment variable `OPS_SECRET` is not set" in done.err


def test_messages_go_over_https_and_follow_no_redirect(shop: Shop, receiver: Receiver) -> None:
    shop.project.environment["OPS_URL"] = "http://ops.example.com/x"
    receiver.status = 302
    done = shop.run("apply", "--yes", code=4)
    assert "Notification ops was not delivered: its address does not start with https://" in done.err
    assert "Notification chat was not delivered: 127.0.0.1 answered 302" in done.err
    assert [each.path for each in receiver.requests] == ["/services/T0/geheim"]


def test_the_same_thing_is_told_once_in_a_while_with_the_number_held_back(shop: Shop, receiver: Receiver) -> None:
    for _ in range(3):
        shop.run("apply", "--yes", code=4)
    assert len(receiver.requests) == 2
    catalog(shop, expect={"min": 100})
    shop.run("apply", "--yes", code=5)  # another thing
    assert [each.data["event"] for each in receiver.requests[2:]] == ["gate"]
    catalog(shop)
    path = shop.project.folder / ".sync-engine" / "notified.json"
    data = json.loads(path.read_bytes())
    assert data["told"]["ops rejection shop"]["held"] == 2
    data["told"]["ops rejection shop"]["at"] = (datetime.now(UTC) - timedelta(hours=2)).isoformat()
    path.write_text(json.dumps(data), encoding="utf-8")
    shop.run("apply", "--yes", code=4)
    (again,) = receiver.requests[3:]
    assert again.data["held"] == 2
    assert "2 more like this since the last message." in again.data["text"]


@pytest.mark.parametrize(
    "content", ["", "[]", '{"told": {"ops rejection shop": {"at": "3000-01-01T00:00:00+00:00", "held": 0}}}']
)
def test_a_damaged_memory_holds_nothing_back(content: str, shop: Shop, receiver: Receiver) -> None:
    path = shop.project.folder / ".sync-engine" / "notified.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(content, encoding="utf-8")
    shop.run("apply", "--yes", code=4)
    assert len(receiver.requests) == 2


def test_a_message_that_was_lost_is_told_the_next_time(shop: Shop, receiver: Receiver) -> None:
    receiver.status = 500
    shop.run("apply", "--yes", code=4)
    receiver.status = 200
    shop.run("apply", "--yes", code=4)
    assert len(receiver.requests) == 4


def test_mail_arrives_with_clean_headers(shop: Shop) -> None:
    with mail_server() as box:
        told_to(
            shop,
            f"""\
notifications:
  people:
    kind: email
    host: 127.0.0.1
    port: {box.port}
    security: none
    from: sync-engine@example.com
    to: [anna@example.com, "${{SECOND}}"]
    subject: "{{{{ event }}}}\\nBcc: evil@example.com"
""",
        )
        shop.project.environment["SECOND"] = "björn <bjoern@example.com>"
        shop.run("apply", "--yes", code=4)
        (letter,) = box.letters
        assert letter["Subject"] == "rejection Bcc: evil@example.com"
        assert (letter["From"], letter["Bcc"]) == ("sync-engine@example.com", None)
        assert "bjoern@example.com" in letter["To"]
        assert "1 record rejected" in letter.get_content()
        box.refuse = True
        done = shop.run("notify", "--test", code=1)
        assert (
            "people was not delivered: the mail server refused it or cannot be reached (SMTPDataError 554)" in done.err
        )


def test_mail_is_encrypted_and_the_certificate_is_checked(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = make_certificate(tmp_path / "mail.pem")
    with mail_server(certificate) as box:
        told_to(
            shop,
            f"""\
notifications:
  people:
    {{kind: email, host: 127.0.0.1, port: {box.port}, from: a@example.com, to: [b@example.com],
     username: jane, password: "${{MAIL}}"}}
""",
        )
        shop.project.environment["MAIL"] = "hunter-22"
        done = shop.run("notify", "--test", code=1)
        assert "cannot be reached (SSLCertVerificationError" in done.err
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        shop.run("notify", "--test")
        assert (len(box.letters), box.users) == (1, ["jane"])
        shop.project.environment["MAIL"] = "wrong-password"
        done = shop.run("notify", "--test", code=1)
        assert "SMTPAuthenticationError 535" in done.err
        assert "wrong-password" not in done.out + done.err


def test_a_person_can_look_who_is_told_and_try_it(shop: Shop, receiver: Receiver) -> None:
    listed = shop.run("notify").out
    assert "ops" in listed
    assert "failure, rejection" in listed
    for _ in range(2):  # which is not throttled
        done = shop.run("notify", "chat", "--test", "--event", "rejection")
        assert done.out == "✓ chat: delivered by slack\n"
    assert [each.path for each in receiver.requests] == ["/services/T0/geheim"] * 2
    assert "This is a test" in receiver.requests[0].data["text"]
    done = shop.run("notify", "chta", "--test", code=1)
    assert "Did you mean `chat`?" in done.err
    told_to(shop, "")
    assert "Nobody is told" in shop.run("notify", "--test").err


def test_a_template_that_fails_gives_way_to_the_usual_words(shop: Shop, receiver: Receiver) -> None:
    told_to(shop, HOOKS.replace('"{{ message }} & <{{ rejected }}>"', '"{{ 1 / (rejected - 1) }}"'))
    done = shop.run("apply", "--yes", code=4)
    assert "1 record rejected" in receiver.requests[1].data["text"]
    assert "Notification chat: its template cannot be used" in done.err


def test_an_environment_tells_others_or_nobody(shop: Shop, receiver: Receiver) -> None:
    folder = shop.project.folder / "environments"
    folder.mkdir()
    state = "version: 1\nstate: sqlite:///.sync-engine/staging.db\n"
    (folder / "staging.yaml").write_text(
        state + 'notifications:\n  only: {kind: webhook, url: "${OPS_URL}", text: "{{ environment }}"}\n',
        encoding="utf-8",
    )
    shop.run("--env", "staging", "apply", "--yes", code=4)
    (told,) = receiver.requests
    assert (told.data["text"], told.data["subject"]) == ("staging", "sync-engine: rejection of shop in staging")
    (folder / "staging.yaml").write_text(state + "notifications: {}\n", encoding="utf-8")
    assert "Nobody is told" in shop.run("--env", "staging", "notify").err
    bad = state + "notifications:\n  only: {kind: webhook}\n"
    (folder / "staging.yaml").write_text(bad, encoding="utf-8")
    assert "environments/staging.yaml:4:3: error SE202" in shop.run("--env", "staging", "validate", code=3).out
