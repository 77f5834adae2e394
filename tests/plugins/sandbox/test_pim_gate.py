from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import Response
from tests.plugins.sandbox.pim_server import API, CLIENT, USER, Pim, product, running, tiny

from sync_engine_sandbox.pim.settings import PimSettings

TOKEN = "/api/oauth/v1/token"


@pytest.fixture(scope="module")
def pim() -> Iterator[Pim]:
    with running(tiny(product(1))) as pim:
        yield pim


def test_a_password_buys_an_access_token_and_a_refresh_token(pim: Pim) -> None:
    answer = pim.http.post(TOKEN, json=USER, auth=CLIENT)
    assert answer.status_code == 200
    assert set(answer.json()) == {"access_token", "expires_in", "token_type", "scope", "refresh_token"}
    assert (answer.json()["expires_in"], answer.json()["token_type"]) == (3600, "bearer")


def test_a_form_body_and_client_credentials_in_it_are_taken_too(pim: Pim) -> None:
    form = {**USER, "client_id": CLIENT[0], "client_secret": CLIENT[1]}
    assert httpx.post(f"{pim.http.base_url}{TOKEN}", data=form).status_code == 200


def test_a_refresh_token_works_once_and_gives_a_new_one(pim: Pim) -> None:
    first = pim.http.post(TOKEN, json=USER, auth=CLIENT).json()
    body = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"]}
    second = pim.http.post(TOKEN, json=body, auth=CLIENT)
    assert second.status_code == 200
    assert second.json()["refresh_token"] != first["refresh_token"]
    again = pim.http.post(TOKEN, json=body, auth=CLIENT)
    assert (again.status_code, again.json()["message"]) == (422, "Refresh token is invalid or has expired")


@pytest.mark.parametrize(
    ("body", "auth", "message"),
    [
        (
            USER,
            ("client", "wrong"),
            'Parameter "client_id" is missing or does not match any client, or secret is invalid',
        ),
        ({**USER, "password": "wrong"}, CLIENT, "No user found for the given username and password"),
        (
            {"grant_type": "wish"},
            CLIENT,
            'Parameter "grant_type", "username" or "password" is missing, empty or invalid',
        ),
    ],
)
def test_a_token_is_refused_with_422(pim: Pim, body: dict[str, str], auth: tuple[str, str], message: str) -> None:
    answer = pim.http.post(TOKEN, json=body, auth=auth)
    assert (answer.status_code, answer.json()) == (422, {"code": 422, "message": message})


def test_the_token_endpoint_refuses_bad_json_and_other_content_types(pim: Pim) -> None:
    json_type = {"Content-Type": "application/json"}
    assert pim.http.post(TOKEN, content=b"{", headers=json_type, auth=CLIENT).status_code == 400
    assert pim.http.post(TOKEN, content=b"x", headers={"Content-Type": "text/xml"}, auth=CLIENT).status_code == 415


def test_a_call_without_a_bearer_token_is_refused(pim: Pim) -> None:
    for headers in ({"Authorization": ""}, {"Authorization": "Basic Y2xpZW50OnNlY3JldA=="}):
        answer = pim.http.get(f"{API}/products-uuid", headers=headers)
        assert (answer.status_code, answer.json()["message"]) == (401, "Authentication is required")


def test_a_token_dies_at_the_end_of_its_life() -> None:
    now = [datetime(2026, 1, 1, tzinfo=UTC)]
    with running(tiny(product(1)), clock=lambda: now[0], token_lifetime=60) as pim:
        now[0] += timedelta(seconds=59)
        assert pim.get("families").status_code == 200
        now[0] += timedelta(seconds=1)
        assert pim.refused("families", 401) == "The access token provided has expired."


def test_a_revoked_token_is_refused_and_an_app_token_never_expires() -> None:
    with running(tiny(), app_token="app-token") as pim:
        pim.state.tokens.revoke()
        assert pim.get("families").status_code == 401
        answer = pim.http.get(f"{API}/families", headers={"Authorization": "Bearer app-token"})
        assert answer.status_code == 200


def test_secrets_are_not_in_the_repr_of_the_settings() -> None:
    shown = repr(PimSettings("client", "hush-1", "reader", "hush-2", app_token="hush-3"))
    assert "hush" not in shown


def test_the_root_and_the_system_information_need_no_token() -> None:
    with running(tiny(), signed_in=False, version="7.0.1", edition="CE") as pim:
        assert pim.one("system-information") == {"version": "7.0.1", "edition": "CE"}
        root = pim.http.get(API).json()
        assert root["host"] == str(pim.http.base_url).rstrip("/")
        assert {"route": f"{API}/families", "methods": ["GET", "POST", "PATCH"]} in root["routes"].values()


def test_an_unknown_path_is_404_and_a_wrong_method_405_even_without_a_token() -> None:
    with running(tiny(), signed_in=False) as pim:
        assert pim.refused("nowhere", 404) == "No route found for 'GET /api/rest/v1/nowhere'"
        answer = pim.http.post(f"{API}/products-uuid/some-uuid")
        assert (answer.status_code, answer.headers["Allow"]) == (405, "GET, PATCH, DELETE")
        assert answer.json()["message"] == (
            "No route found for 'POST /api/rest/v1/products-uuid/some-uuid': "
            "Method Not Allowed (Allow: GET, PATCH, DELETE)"
        )


def test_headers_must_name_json(pim: Pim) -> None:
    xml = pim.http.get(f"{API}/families", headers={"Accept": "application/xml"})
    assert xml.status_code == 406
    assert pim.http.get(f"{API}/families", headers={"Accept": "application/json"}).status_code == 200
    assert pim.http.get(f"{API}/families", headers={"Accept": "text/html, */*"}).status_code == 200
    bare = pim.http.patch(f"{API}/families/shirt", content=b"{}")
    assert bare.json()["message"] == (
        'The "Content-Type" header is missing. "application/json" has to be specified as value.'
    )
    text = pim.http.patch(f"{API}/families/shirt", content=b"{}", headers={"Content-Type": "text/plain"})
    assert text.status_code == 415
    batch = pim.http.patch(f"{API}/families", json={})
    assert batch.status_code == 415
    charset = {"Content-Type": "application/json; charset=utf-8"}
    assert pim.http.patch(f"{API}/families/shirt", content=b"{}", headers=charset).status_code == 204


def test_a_body_that_is_not_a_json_object_is_refused(pim: Pim) -> None:
    for body in (b"{", b"[]", b'"text"'):
        answer = pim.http.patch(f"{API}/families/shirt", content=body, headers={"Content-Type": "application/json"})
        assert (answer.status_code, answer.json()["message"]) == (400, "Invalid json message received")


def test_a_role_may_be_kept_from_a_resource() -> None:
    with running(tiny(), forbidden=frozenset({"categories"})) as pim:
        assert pim.refused("categories", 403) == "Access forbidden. You are not allowed to list categories."
        assert pim.get("families").status_code == 200


def test_a_fifth_call_at_once_is_429_with_retry_after() -> None:
    with running(tiny(), latency=0.1, retry_after=7) as pim:

        async def burst() -> list[httpx.Response]:
            headers = {"Authorization": pim.http.headers["Authorization"]}
            async with httpx.AsyncClient(base_url=pim.http.base_url, headers=headers) as http:
                return list(await asyncio.gather(*(http.get(f"{API}/locales") for _ in range(6))))

        answers = asyncio.run(burst())
        assert sorted(answer.status_code for answer in answers) == [200] * 4 + [429] * 2
        refusal = next(answer for answer in answers if answer.status_code == 429)
        assert refusal.headers["Retry-After"] == "7"
        assert refusal.json()["message"] == "You have exceeded the limit of API requests per second."
        assert pim.state.refusals[429] == 2
        assert pim.get("locales").status_code == 200


def test_requests_are_counted_and_a_hook_may_answer_first() -> None:
    async def broken(_request: Request) -> Response | None:
        return Response("<html>", 503)

    with running(tiny()) as pim:
        pim.get("families", limit=5)
        assert pim.state.count("GET", "families") == 1
        assert pim.state.requests[-1].query == {"limit": "5"}
        pim.state.before.append(broken)
        assert pim.get("families").status_code == 503
