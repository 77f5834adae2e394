"""The life of a token."""

from __future__ import annotations

import traceback
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from starlette.responses import HTMLResponse, JSONResponse
from tests.plugins.akeneo.standin import SECRETS, StandIn

from sync_engine.sdk.errors import BrokenContract, SyncEngineError, Unauthorised, Unavailable
from sync_engine.sdk.values import Secret
from sync_engine_akeneo.client import PimClient
from sync_engine_akeneo.settings import read_settings


class Clock:
    """Time that passes only when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def client(pim: StandIn, clock: Clock) -> Any:
    pim.on("families", pim.page([]))
    settings: dict[str, Any] = {"url": pim.url, "retry_minutes": 0} | {k: Secret(v) for k, v in SECRETS.items()}
    made = PimClient(read_settings("pim", settings), clock=clock)
    yield made
    made.close()


def test_one_token_serves_many_calls(pim: StandIn, client: PimClient) -> None:
    for _ in range(3):
        client.get("families")
    assert pim.grants == ["password"]


def test_a_token_is_refreshed_at_four_fifths_of_its_life(pim: StandIn, client: PimClient, clock: Clock) -> None:
    client.get("families")
    clock.now += 0.79 * 3600
    client.get("families")
    assert pim.grants == ["password"]
    clock.now += 0.02 * 3600
    client.get("families")
    client.get("families")
    assert pim.grants == ["password", "refresh_token"]


def test_a_dead_token_is_refreshed_and_the_call_repeated_once(pim: StandIn, client: PimClient) -> None:
    client.get("families")
    pim.dead = {"canary-token-1"}
    client.get("families")
    assert pim.grants == ["password", "refresh_token"]
    assert pim.paths() == ["families"] * 3


def test_a_dead_refresh_token_leads_back_to_the_password(pim: StandIn, client: PimClient) -> None:
    client.get("families")
    pim.dead, pim.refresh_works = {"canary-token-1"}, False
    client.get("families")
    assert pim.grants == ["password", "refresh_token", "password"]


def test_a_token_that_is_dead_at_once_ends_the_call(pim: StandIn, client: PimClient) -> None:
    pim.dead = {f"canary-token-{number}" for number in range(1, 9)}
    with pytest.raises(Unauthorised):
        client.get("families")
    assert pim.paths() == ["families"] * 2


def test_threads_wait_for_one_refresh(pim: StandIn, client: PimClient) -> None:
    client.get("families")
    pim.dead = {"canary-token-1"}
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda _: client.get("families"), range(8)))
    assert pim.grants == ["password", "refresh_token"]


def test_a_wrong_password_is_unauthorised_and_tried_once(pim: StandIn) -> None:
    pim.structure([])
    source = pim.open(password=Secret("canary-wrong"))
    with pytest.raises(Unauthorised) as caught:
        source.describe()
    with pytest.raises(Unauthorised):
        source.describe()
    source.close()
    assert 'connection "pim"' in str(caught.value)
    assert "No user found" in str(caught.value)
    assert "`password`" in caught.value.hint
    assert pim.grants == ["password"]  # more attempts could lock the user out


def test_a_revoked_app_token_is_unauthorised(pim: StandIn) -> None:
    pim.structure([])
    source = pim.open(token=Secret("app-canary"))
    source.describe(())
    assert pim.grants == []
    pim.dead = {"app-canary"}
    with pytest.raises(Unauthorised, match="does not accept the access token"):
        source.describe(())
    source.close()


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (JSONResponse({"token_type": "bearer"}), BrokenContract),
        (JSONResponse({"access_token": 5, "expires_in": 3600}), BrokenContract),
        (JSONResponse({"access_token": "canary-token-x", "expires_in": 0}), BrokenContract),
        (JSONResponse({"access_token": "canary-token-x", "expires_in": "soon"}), BrokenContract),
        (HTMLResponse("<h1>Log in</h1>"), BrokenContract),
        (HTMLResponse("busy", 503), Unavailable),
        (JSONResponse({"code": 422, "message": "canary-client-secret is wrong"}, 422), Unauthorised),
    ],
)
def test_a_login_that_cannot_be_used_is_told(pim: StandIn, client: PimClient, answer: Any, kind: type) -> None:
    pim.token_answer = lambda _: answer
    with pytest.raises(SyncEngineError) as caught:
        client.get("families")
    assert type(caught.value) is kind
    assert "canary" not in str(caught.value)


def test_no_secret_is_in_a_repr_or_a_traceback(pim: StandIn, client: PimClient, caplog: Any) -> None:
    caplog.set_level("DEBUG")
    pim.on("families", JSONResponse({"message": "no"}, 422))
    with pytest.raises(SyncEngineError) as caught:
        client.get("families")
    shown = "".join(traceback.format_exception(caught.value)) + repr(caught.value) + repr(client.settings)
    shown += repr(vars(client)) + repr(vars(client.answers)) + caplog.text
    assert "canary" not in shown
    assert pim.grants == ["password"]


def test_a_token_that_http_cannot_carry_is_told_without_it(pim: StandIn) -> None:
    source = pim.open(token=Secret("app-canary\nsecond line"))
    with pytest.raises(SyncEngineError) as caught:
        source.describe(())
    source.close()
    assert "canary" not in "".join(traceback.format_exception(caught.value))
