"""Logging in, and what happens when a session ends."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from tests.plugins.salesforce.orgs import Crm, batch, running, write
from tests.plugins.salesforce.standin import StandIn, error

from sync_engine.sdk.errors import BrokenContract, NotDone, Refused, SyncEngineError, Unauthorised, Unavailable
from sync_engine_salesforce.target import SalesforceTarget
from sync_engine_salesforce.transport import instance_of, login_domain

LOGIN = "/services/oauth2/token"
SOAP = "/services/Soap/u/62.0"
APP = {"auth": "client_credentials", "client_id": "canary-id", "client_secret": "canary-secret"}
USER = {"auth": "password", "username": "canary-user", "password": "canary-password", "security_token": "canary-soap"}


def pem(key: rsa.RSAPrivateKey) -> str:
    form = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory, key: rsa.RSAPrivateKey) -> Iterator[Crm]:
    """An org whose sessions end after four calls, and that knows the key."""
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    folder = tmp_path_factory.mktemp("org")
    with running(folder, session_calls=4, jwt_public_key=public.decode()) as crm:
        yield crm


def failure(target: SalesforceTarget) -> SyncEngineError:
    """What a first call ends with; nothing that it carries along shows a secret."""
    with pytest.raises(SyncEngineError) as caught:
        target.describe(["Item__c"])
    shown = "".join(traceback.format_exception(caught.value)) + caught.value.hint + repr(caught.value.__context__)
    assert "canary" not in shown
    assert "connection `crm`" in caught.value.message
    return caught.value


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [(503, "SERVER_UNAVAILABLE", Unavailable), (403, "REQUEST_LIMIT_EXCEEDED", NotDone), (400, "X", Refused)],
)
def test_an_error_in_the_shape_of_other_calls_is_understood(
    odd: StandIn, status: int, code: str, kind: type[SyncEngineError]
) -> None:
    odd.on("POST", LOGIN, error(code, "canary-secret is busy", status))
    found = failure(odd.open(**APP, retry_minutes=0))
    assert type(found) is kind


def test_a_login_is_repeated_when_the_service_says_so_and_not_before(odd: StandIn) -> None:
    busy = HTMLResponse("Too Many Requests", 429, {"Retry-After": "7"})
    odd.on("POST", LOGIN, busy, {"access_token": "canary", "instance_url": odd.url})
    odd.open(**APP).describe(["Item__c"])
    assert odd.waiting.waits == [7]


@pytest.mark.parametrize("auth", ["client_credentials", "password", "token"])
def test_each_way_to_log_in_works(crm: Crm, auth: str) -> None:
    assert "Item__c" in crm.open(auth).describe(["Item__c"]).objects
    assert crm.calls("POST", "/services/Soap") == (auth == "password")
    assert crm.calls("POST", LOGIN) == (auth == "client_credentials")


def test_a_password_goes_by_oauth_when_the_app_is_known(crm: Crm) -> None:
    target = crm.open("password", **crm.secrets("client_credentials"))
    assert "Item__c" in target.describe(["Item__c"]).objects
    assert (crm.calls("POST", LOGIN), crm.calls("POST", "/Soap")) == (1, 0)


def test_an_api_without_soap_login_logs_in_by_the_newest_that_has_it(crm: Crm) -> None:
    assert "Item__c" in crm.open("password", api_version="66.0").describe(["Item__c"]).objects
    assert crm.calls("POST", "/Soap/u/64.0") == 1
    assert crm.calls("GET", "/v66.0/sobjects/Item__c/describe") == 1


def test_a_signed_assertion_logs_in(own: Crm, key: rsa.RSAPrivateKey) -> None:
    assert "Item__c" in own.open("jwt", private_key=pem(key)).describe(["Item__c"]).objects


def test_an_assertion_signed_by_another_key_is_refused(own: Crm) -> None:
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    with pytest.raises(Unauthorised, match="invalid_grant"):
        own.open("jwt", private_key=pem(other)).describe(["Item__c"])


def test_an_app_that_is_not_approved_is_refused_without_a_warning(crm: Crm, key: rsa.RSAPrivateKey) -> None:
    with pytest.raises(Unauthorised, match="invalid_grant"):
        crm.open("jwt", private_key=pem(key)).describe(["Item__c"])


def test_a_text_that_is_no_key_is_refused(odd: StandIn) -> None:
    target = odd.open(auth="jwt", client_id="canary-id", username="canary-user", private_key="/canary/key.pem")
    assert "private_key" in str(failure(target))
    assert odd.asked == []


@pytest.mark.parametrize(
    ("auth", "wrong", "words"),
    [
        ("client_credentials", {"client_secret": "canary-secret"}, "invalid_client"),
        ("client_credentials", {"client_id": "canary-id"}, "invalid_client_id"),
        ("password", {"password": "canary-word"}, "INVALID_LOGIN"),
        ("token", {"access_token": "canary-token"}, "session has ended"),
    ],
)
def test_wrong_credentials_are_refused_and_not_shown(crm: Crm, auth: str, wrong: dict[str, str], words: str) -> None:
    error = failure(crm.open(auth, **wrong))
    assert isinstance(error, Unauthorised)
    assert words in str(error)


def test_a_password_without_its_token_says_what_is_missing(crm: Crm) -> None:
    secrets = {"username": crm.settings.username, "password": crm.settings.password}
    crm_target = crm.open("password", **secrets)
    crm_target.close()
    given = {"url": crm.url, "auth": "password", **secrets}
    from sync_engine_salesforce import adapter

    target = adapter.open("crm", given)
    with pytest.raises(Unauthorised, match="LOGIN_MUST_USE_SECURITY_TOKEN") as caught:
        target.describe(["Item__c"])
    target.close()
    assert "`security_token`" in caught.value.hint


def test_a_refused_login_is_tried_once_whatever_is_asked_next(crm: Crm) -> None:
    target = crm.open(client_secret="wrong")
    with ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(target.describe, [f"Object_{number}"]) for number in range(4)]
        assert all(isinstance(each.exception(), Unauthorised) for each in asked)
    assert crm.calls("POST", LOGIN) == 1


def test_several_threads_log_in_once(crm: Crm) -> None:
    crm.open().describe(["Item__c", "Group__c", "Product2", "Pricebook2"])
    assert crm.calls("POST", LOGIN) == 1


def test_a_session_that_ends_is_replaced_and_the_call_repeated(own: Crm) -> None:
    own.reset()
    target = own.open()
    for number in range(12):
        write(target, batch({f"k-{number}": {"Note__c": "x"}}, "collections"))
    assert len(own.held()) == 12
    assert own.calls("POST", LOGIN) == 4  # 13 calls with the describe, four a session
    assert own.calls("PATCH", "/composite/sobjects") == 15


def test_sessions_that_end_under_several_threads_are_replaced_once(crm: Crm) -> None:
    target = crm.open()
    target.describe(["Item__c"])
    crm.org.end_sessions()
    crm.org.open_session(crm.settings.access_token or "")
    target.describe(["Item__c", "Group__c", "Product2", "Pricebook2"])
    assert crm.calls("POST", LOGIN) == 2


def test_a_session_may_end_at_every_step_of_a_bulk_job(own: Crm) -> None:
    own.reset()
    target = own.open()
    for number in range(6):
        write(target, batch({f"k-{number}": {"Note__c": "x"}, f"l-{number}": {"Note__c": "y"}}))
    assert len(own.held()) == 12
    assert own.calls("POST", LOGIN) > 6


def test_the_session_of_bulk_may_end_with_status_400(odd: StandIn) -> None:
    odd.on("POST", LOGIN, {"access_token": "one", "instance_url": odd.url}, {"access_token": "two", "instance_url": ""})
    odd.on("GET", "limits", error("InvalidSessionId", "Invalid session id"), {"DailyApiRequests": {"Max": 5}})
    assert odd.open(**APP).budget().requests_max == 5
    sent = [each.headers["authorization"] for each in odd.asked if each.path.endswith("limits")]
    assert sent == ["Bearer one", "Bearer two"]


def test_a_session_that_ends_at_once_again_is_not_replaced_for_ever(odd: StandIn) -> None:
    odd.on("POST", LOGIN, {"access_token": "canary-one", "instance_url": odd.url})
    odd.on("GET", "sobjects/Item__c/describe", error("INVALID_SESSION_ID", status=401))
    assert isinstance(failure(odd.open(**APP)), Unauthorised)
    assert odd.count("POST", LOGIN) == 2


@pytest.mark.parametrize(
    ("code", "status"),
    [("INSUFFICIENT_ACCESS_OR_READONLY", 403), ("API_DISABLED_FOR_ORG", 403), ("SOMETHING_ELSE", 401)],
)
def test_a_missing_permission_is_no_reason_to_log_in_anew(odd: StandIn, code: str, status: int) -> None:
    odd.on("POST", LOGIN, {"access_token": "canary-one", "instance_url": odd.url})
    odd.on("GET", "sobjects/Item__c/describe", error(code, "You cannot", status))
    found = failure(odd.open(**APP))
    assert type(found) is Unauthorised
    assert code in str(found)
    assert odd.count("POST", LOGIN) == 1


def test_nothing_is_sent_before_the_target_is_used_and_nobody_is_logged_out(crm: Crm) -> None:
    target = crm.open()
    assert crm.org.requests.log == []
    target.describe(["Item__c"])
    target.close()
    target.close()
    assert crm.calls("POST", "/revoke") == 0
    assert {call.method for call in crm.org.requests.log} == {"POST", "GET"}


def test_an_org_that_is_not_there_is_told_soon(odd: StandIn) -> None:
    found = failure(odd.open(url="http://127.0.0.1:9", **APP))
    assert isinstance(found, Unavailable)
    assert "refuses connections" in str(found)
    assert 1 < sum(odd.waiting.waits) <= 10


@pytest.mark.parametrize("way", [APP, USER])
def test_a_login_is_repeated_while_the_service_cannot_answer(odd: StandIn, way: dict[str, str]) -> None:
    path = LOGIN if way is APP else SOAP
    session = '<r xmlns:sf="x"><sessionId>one</sessionId><serverUrl>https://x/y</serverUrl></r>'
    good = {"access_token": "one", "instance_url": odd.url} if way is APP else Response(session)
    odd.on("POST", path, HTMLResponse("<br>busy", 503), HTMLResponse("<br>busy", 500), good)
    odd.open(**way).describe(["Item__c"])
    assert len(odd.waiting.waits) == 2


def test_a_login_that_salesforce_cannot_do_now_is_repeated(odd: StandIn) -> None:
    fault = '<e xmlns:sf="x"><sf:exceptionCode>SERVER_UNAVAILABLE</sf:exceptionCode></e>'
    odd.on("POST", SOAP, Response(fault, 500))
    assert type(failure(odd.open(**USER))) is Unavailable


@pytest.mark.parametrize(
    "answer",
    [
        HTMLResponse("<h1>Welcome</h1>"),
        JSONResponse(["canary"]),
        JSONResponse({"access_token": 7, "instance_url": "x"}),
        JSONResponse({"access_token": "a\nb", "instance_url": "x"}),
        JSONResponse({"access_token": "", "instance_url": "x"}),
        JSONResponse({"access_token": "canary"}),
    ],
)
def test_an_answer_that_is_no_login_breaks_the_contract(odd: StandIn, answer: Response) -> None:
    odd.on("POST", LOGIN, answer)
    assert type(failure(odd.open(**APP))) is BrokenContract


@pytest.mark.parametrize("text", ["<h1>Welcome", "<r/>", "<r><sessionId>a</sessionId></r>", "\x00\xff"])
def test_a_soap_answer_that_is_no_login_is_none(odd: StandIn, text: str) -> None:
    odd.on("POST", SOAP, Response(text))
    assert isinstance(failure(odd.open(**USER)), (BrokenContract, Unauthorised))


def test_a_server_that_repeats_what_was_sent_does_not_get_it_into_the_message(odd: StandIn) -> None:
    echo = JSONResponse({"error": "canary-secret\nx", "error_description": "canary-id"}, 400)
    odd.on("POST", LOGIN, echo)
    assert isinstance(failure(odd.open(**APP)), Unauthorised)


def test_a_token_with_a_line_break_is_refused_before_it_is_sent(odd: StandIn) -> None:
    assert type(failure(odd.open(access_token="canary\nX-Evil: 1"))) is Refused
    assert odd.asked == []


def test_a_redirected_login_is_not_followed(odd: StandIn) -> None:
    odd.on("POST", LOGIN, RedirectResponse(f"{odd.url}/elsewhere"))
    assert type(failure(odd.open(**APP))) is BrokenContract
    assert len(odd.asked) == 1


@pytest.mark.parametrize(
    ("base", "answered", "instance"),
    [
        ("https://login.salesforce.com", "acme.my.salesforce.com", "acme.my.salesforce.com"),
        ("https://acme.my.salesforce.com", "acme.my.salesforce.com", "acme.my.salesforce.com"),
        ("https://acme.my.salesforce.com", "evil.example", "acme.my.salesforce.com"),
        ("https://acme.my.salesforce.com", "evil.example/.salesforce.com", "acme.my.salesforce.com"),
        ("https://acme.my.salesforce.com", "evil.example#.salesforce.com", "acme.my.salesforce.com"),
        ("https://acme.my.salesforce.com", "evil.example:443@x.salesforce.com", "acme.my.salesforce.com"),
        ("https://gateway.example:8443", "acme.my.salesforce.com", "gateway.example:8443"),
        ("http://127.0.0.1:8080", "10.0.0.1", "127.0.0.1:8080"),
    ],
)
def test_only_an_org_at_salesforce_may_name_another_host_there(base: str, answered: str, instance: str) -> None:
    assert instance_of(base, answered) == instance


def test_the_library_logs_in_at_the_connections_own_host() -> None:
    assert login_domain("https://acme.my.salesforce.com") == "acme.my"
    assert login_domain("http://[::1]:80") == login_domain("https://gateway.example") == "connection"


def test_an_environment_with_a_netrc_does_not_change_who_asks(
    odd: StandIn, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("default login evil password evil")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    odd.open().describe(["Item__c"])
    assert odd.asked[0].headers["authorization"] == "Bearer canary-access-token"
