"""Logging in, sessions that end, limits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from simple_salesforce import Salesforce
from simple_salesforce.exceptions import SalesforceAuthenticationFailed, SalesforceExpiredSession
from starlette.responses import PlainTextResponse
from tests.plugins.sandbox.crm_server import DATA, VERSION, Crm, running

from sync_engine_sandbox.crm import CrmSettings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from starlette.requests import Request
    from starlette.responses import Response

CLIENT = {"client_id": "sandbox-client", "client_secret": "sandbox-secret"}
USER = {"username": "integration@sandbox.example", "password": "sandbox-password"}


@pytest.fixture(scope="module")
def crm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crm]:
    with running(tmp_path_factory.mktemp("crm")) as server:
        yield server


def token(crm: Crm, **form: str) -> Any:
    return crm.http.post("/services/oauth2/token", data=form)


def works(crm: Crm, access_token: str) -> bool:
    return bool(crm.http.get(f"{DATA}/limits", headers={"Authorization": f"Bearer {access_token}"}).status_code == 200)


def test_client_credentials_answer_a_session_without_an_expiry(crm: Crm) -> None:
    answer = token(crm, grant_type="client_credentials", **CLIENT).json()
    assert {"access_token", "instance_url", "id", "token_type", "issued_at", "signature", "scope"} <= answer.keys()
    assert "expires_in" not in answer
    assert "refresh_token" not in answer
    assert answer["instance_url"] == crm.url
    assert works(crm, answer["access_token"])


def test_the_client_may_come_as_basic_authentication(crm: Crm) -> None:
    answer = crm.http.post(
        "/services/oauth2/token", data={"grant_type": "client_credentials"}, auth=tuple(CLIENT.values())
    )
    assert answer.status_code == 200


def test_the_password_grant_gives_a_refresh_token_that_works(crm: Crm) -> None:
    first = token(crm, grant_type="password", **CLIENT, **USER).json()
    second = token(crm, grant_type="refresh_token", refresh_token=first["refresh_token"], client_id=CLIENT["client_id"])
    assert works(crm, second.json()["access_token"])


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"grant_type": "client_credentials", "client_id": "x", "client_secret": "y"}, "invalid_client_id"),
        ({"grant_type": "client_credentials", "client_id": "sandbox-client", "client_secret": "y"}, "invalid_client"),
        ({"grant_type": "password", **CLIENT, "username": "x", "password": "y"}, "invalid_grant"),
        ({"grant_type": "refresh_token", **CLIENT, "refresh_token": "x"}, "invalid_grant"),
        ({"grant_type": "magic"}, "unsupported_grant_type"),
        ({"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": "x"}, "invalid_grant"),
    ],
)
def test_a_wrong_grant_is_refused_with_its_oauth_error(crm: Crm, form: dict[str, str], error: str) -> None:
    answer = token(crm, **form)
    assert (answer.status_code, answer.json()["error"]) == (400, error)


def test_simple_salesforce_logs_in_by_soap(crm: Crm) -> None:
    sf = Salesforce(**USER, security_token="sandbox-token", version=VERSION, session=crm.session)
    assert sf.is_sandbox() is True
    assert f"https://{sf.sf_instance}" == crm.url.replace("http", "https")


def test_simple_salesforce_logs_in_with_client_credentials(crm: Crm) -> None:
    sf = Salesforce(
        consumer_key="sandbox-client",
        consumer_secret="sandbox-secret",
        domain="mine.my",
        version=VERSION,
        session=crm.session,
    )
    assert sf.limits()["DailyApiRequests"]["Max"] == 15_000


def test_a_wrong_soap_login_says_why(crm: Crm) -> None:
    with pytest.raises(SalesforceAuthenticationFailed) as caught:
        Salesforce(username="x", password="y", security_token="z", session=crm.session)
    assert caught.value.code == "INVALID_LOGIN"
    with pytest.raises(SalesforceAuthenticationFailed) as caught:
        Salesforce(**USER, security_token="", session=crm.session)
    assert caught.value.code == "LOGIN_MUST_USE_SECURITY_TOKEN"


def test_soap_login_is_gone_in_new_versions(crm: Crm) -> None:
    with pytest.raises(SalesforceAuthenticationFailed) as caught:
        Salesforce(**USER, security_token="sandbox-token", version="65.0", session=crm.session)
    assert caught.value.code == "UNSUPPORTED_API_VERSION"


def test_a_jwt_is_checked_against_the_configured_key(tmp_path: Path) -> None:
    key, stranger = (rsa.generate_private_key(65537, 2048) for _ in range(2))
    pem = (
        key.public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        .decode()
    )
    with running(tmp_path, CrmSettings(jwt_public_key=pem)) as crm:
        claims = {
            "iss": "sandbox-client",
            "sub": USER["username"],
            "aud": "https://login.salesforce.com",
            "exp": 4102444800,
        }
        grant = {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer"}
        assert works(crm, token(crm, **grant, assertion=jwt.encode(claims, key, "RS256")).json()["access_token"])
        forged = token(crm, **grant, assertion=jwt.encode(claims, stranger, "RS256"))
        assert forged.json() == {"error": "invalid_grant", "error_description": "invalid assertion"}
        other = token(crm, **grant, assertion=jwt.encode({**claims, "sub": "x"}, key, "RS256"))
        assert other.json()["error_description"] == "user hasn't approved this consumer"


def test_a_call_without_a_live_session_is_401(crm: Crm) -> None:
    answer = crm.http.get(f"{DATA}/sobjects", headers={"Authorization": "Bearer nope"})
    assert answer.status_code == 401
    assert answer.json() == [{"message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID"}]


def test_versions_need_no_session_and_unknown_ones_are_refused(crm: Crm) -> None:
    versions = crm.http.get("/services/data/", headers={"Authorization": ""}).json()
    assert {"label": "Summer '26", "url": "/services/data/v67.0", "version": "67.0"} in versions
    assert crm.http.get("/services/data/v99.0/limits").status_code == 404
    assert crm.http.get("/services/data/v20.0/limits").json()[0]["errorCode"] == "UNSUPPORTED_API_VERSION"


def test_a_session_dies_after_its_calls_and_by_command(tmp_path: Path) -> None:
    with running(tmp_path, CrmSettings(session_calls=2)) as crm:
        assert [crm.get("/limits").status_code for _ in range(3)] == [200, 200, 401]
        fresh = token(crm, grant_type="client_credentials", **CLIENT).json()["access_token"]
        assert works(crm, fresh)
        crm.org.end_sessions()
        assert not works(crm, fresh)
        with pytest.raises(SalesforceExpiredSession):
            crm.salesforce().query("SELECT Id FROM Product2")


def test_a_session_dies_when_it_is_not_used(tmp_path: Path) -> None:
    with running(tmp_path, CrmSettings(session_seconds=0)) as crm:
        assert crm.get("/limits").status_code == 401


def test_every_answer_counts_the_calls_and_the_daily_limit_ends_them(tmp_path: Path) -> None:
    with running(tmp_path, CrmSettings(api_max=2)) as crm:
        assert crm.get("/limits").headers["Sforce-Limit-Info"] == "api-usage=1/2"
        assert crm.get("/limits").json()["DailyApiRequests"] == {"Max": 2, "Remaining": 0}
        last = crm.get("/limits")
        assert (last.status_code, last.json()[0]["errorCode"]) == (403, "REQUEST_LIMIT_EXCEEDED")
        assert crm.org.requests.count("GET", "/limits") == 3


def test_what_before_answers_is_sent_in_the_servers_place(tmp_path: Path) -> None:
    def before(request: Request) -> Response | None:
        return PlainTextResponse("tired", 503) if "describe" in request.url.path else None

    with running(tmp_path, before=before) as crm:
        assert crm.get("/sobjects/Product2/describe").status_code == 503
        assert crm.get("/limits").status_code == 200
