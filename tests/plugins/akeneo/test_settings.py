"""What a connection may be set to."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from jsonschema import Draft7Validator

from sync_engine.sdk.adapter import CONTRACT_VERSION
from sync_engine.sdk.errors import Refused
from sync_engine.sdk.values import Secret
from sync_engine_akeneo import adapter

GRANT = {"client_id": "a", "client_secret": "b", "username": "c", "password": "d"}
URL = {"url": "https://pim.example"}


def accepts(settings: dict[str, Any]) -> bool:
    return Draft7Validator(adapter.settings_schema).is_valid(settings)


def test_the_schema_is_one_and_documents_every_setting() -> None:
    Draft7Validator.check_schema(adapter.settings_schema)
    properties: Any = adapter.settings_schema["properties"]
    for name, each in properties.items():
        assert each["description"].endswith("."), name
        assert each["examples"], name
    assert (adapter.name, adapter.contract_version) == ("akeneo", CONTRACT_VERSION)


def test_there_are_exactly_two_ways_to_authenticate() -> None:
    assert accepts(URL | GRANT)
    assert accepts(URL | {"token": "t"})
    assert not accepts(URL)
    assert not accepts(GRANT)
    assert not accepts(URL | GRANT | {"token": "t"})
    assert not accepts(URL | {"token": "t", "password": "d"})
    assert not accepts(URL | {"username": "c", "password": "d"})
    assert not accepts(URL | GRANT | {"colour": "red"})
    assert not accepts(URL | GRANT | {"concurrency": 5})


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://pim.example", "plain http"),
        ("http://127.0.0.1.example", "plain http"),
        ("ftp://pim.example", "not an address"),
        ("pim.example", "not an address"),
        ("https://", "not an address"),
        ("https://pim.example:port", "not an address"),
        ("https://user:canary@pim.example", "more than an address"),
        ("https://canary@pim.example", "more than an address"),
        ("https://pim.example?token=canary", "more than an address"),
    ],
)
def test_an_address_that_cannot_be_used_is_refused(url: str, words: str) -> None:
    with pytest.raises(Refused, match=words) as caught:
        adapter.open("pim", GRANT | {"url": url})
    assert "canary" not in str(caught.value)
    assert caught.value.hint


@pytest.mark.parametrize(
    "url", ["http://localhost:8080", "http://127.0.0.1", "http://[::1]:81/", "https://pim.example/"]
)
def test_https_and_loopback_are_accepted(url: str) -> None:
    adapter.open("pim", GRANT | {"url": Secret(url)}).close()


def test_an_unknown_time_zone_is_refused() -> None:
    with pytest.raises(Refused, match="Mars/Base"):
        adapter.open("pim", GRANT | URL | {"server_timezone": "Mars/Base"})


def test_closing_twice_does_no_harm() -> None:
    source = adapter.open("pim", GRANT | URL)
    source.close()
    source.close()


def test_importing_the_package_does_not_load_the_http_library() -> None:
    code = "import sys, sync_engine_akeneo; sys.exit('httpx' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
