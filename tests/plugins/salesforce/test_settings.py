"""Settings of a connection: what is asked for, and what is refused before anything is sent."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from jsonschema import Draft7Validator

from sync_engine.sdk.adapter import CONTRACT_VERSION, TargetAdapter
from sync_engine.sdk.errors import Refused
from sync_engine.sdk.values import Secret
from sync_engine_salesforce import adapter
from sync_engine_salesforce.settings import read_settings

URL = "https://acme.my.salesforce.com"
COMPLETE: dict[str, dict[str, str]] = {
    "client_credentials": {"client_id": "a", "client_secret": "b"},
    "password": {"username": "a", "password": "b"},
    "token": {"access_token": "a"},
    "jwt": {"client_id": "a", "username": "b", "private_key": "c"},
}


def mistakes(settings: dict[str, Any]) -> list[str]:
    return [each.message for each in Draft7Validator(adapter.settings_schema).iter_errors(settings)]


def test_the_package_loads_no_http_library() -> None:
    code = (
        "import sys, sync_engine_salesforce; print([m for m in sys.modules if m in ('simple_salesforce','requests')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_adapter_is_what_the_contract_asks_for() -> None:
    typed: TargetAdapter = adapter
    assert (typed.name, typed.contract_version) == ("salesforce", CONTRACT_VERSION)


def test_every_setting_is_described_with_an_example_that_is_valid() -> None:
    Draft7Validator.check_schema(adapter.settings_schema)
    properties: Any = adapter.settings_schema["properties"]
    for name, each in properties.items():
        assert each["description"].endswith("."), name
        assert all(Draft7Validator(each).is_valid(example) for example in each["examples"]), name


@pytest.mark.parametrize("auth", COMPLETE)
def test_each_way_to_log_in_asks_for_its_own_settings(auth: str) -> None:
    settings = {"url": URL, "auth": auth, **COMPLETE[auth]}
    assert mistakes(settings) == []
    for name in COMPLETE[auth]:
        found = mistakes({key: value for key, value in settings.items() if key != name})
        assert found == [f"'{name}' is a required property"]


def test_an_unknown_setting_or_way_is_a_mistake() -> None:
    settings = {"url": URL, "auth": "token", "access_token": "a"}
    assert mistakes(settings | {"usrname": "x"})
    assert mistakes(settings | {"auth": "saml"})
    assert mistakes(settings | {"api_version": "v62"})


def test_defaults_are_those_of_the_documentation() -> None:
    made = read_settings("crm", {"url": URL + "/", "auth": "token", "access_token": Secret("t")})
    assert made.base.reveal() == URL
    assert (made.api_version, made.bulk_threshold, made.bulk_rows, made.parallel) == ("62.0", 2000, 10_000, 4)
    assert (made.timeout, made.retry_seconds, made.poll_seconds) == (120.0, 900.0, 30.0)
    schema: Any = adapter.settings_schema["properties"]
    assert (schema["bulk_threshold"]["default"], schema["bulk_rows"]["default"]) == (2000, 10_000)
    assert (schema["api_version"]["default"], schema["retry_minutes"]["default"]) == ("62.0", 15)


@pytest.mark.parametrize("host", ["127.0.0.1:80", "localhost:1234", "[::1]:8080"])
def test_plain_http_is_taken_on_this_machine(host: str) -> None:
    assert read_settings("crm", {"url": f"http://{host}", "auth": "token", "access_token": "t"}).loopback


@pytest.mark.parametrize("host", ["acme.example", "10.0.0.1", "127.0.0.1.example", "localhost.example", "[::2]"])
def test_plain_http_to_another_machine_is_refused(host: str) -> None:
    with pytest.raises(Refused, match="plain http"):
        adapter.open("crm", {"url": f"http://{host}", "auth": "token", "access_token": "t"})


@pytest.mark.parametrize(
    "url",
    ["canary", "ftp://canary", "https://", "https://canary:canary/", "https://me:canary@host", "https://host/canary"],
)
def test_a_url_that_cannot_be_used_is_refused_without_being_shown(url: str) -> None:
    with pytest.raises(Refused, match="`crm`") as caught:
        adapter.open("crm", {"url": url, "auth": "token", "access_token": "t"})
    assert "canary" not in str(caught.value) + caught.value.hint


def test_client_credentials_need_the_my_domain_url() -> None:
    settings = {"url": "https://login.salesforce.com", "auth": "client_credentials", **COMPLETE["client_credentials"]}
    with pytest.raises(Refused, match="client_credentials") as caught:
        adapter.open("crm", settings)
    assert "My Domain" in caught.value.hint


def test_settings_never_show_a_secret() -> None:
    settings = {"url": "https://canary.example", "auth": "password", "username": "canary", "password": "canary"}
    assert "canary" not in repr(read_settings("crm", settings))
