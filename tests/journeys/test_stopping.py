"""Ctrl-C and SIGTERM end a transfer within ten seconds, also while a request hangs; the next one goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from tests.journeys.crashing import Crashing
from tests.journeys.small import Shop, open_shop, product

from sync_engine_sandbox.faults import Rule

NOTES = {"name": "Notes__c", "type": "string", "length": 80}
STREAM = {
    "from": "products",
    "to": "Item__c",
    "key": {"Key__c": "sku"},
    "fields": {"Name": "name", "Notes__c": "notes"},
}
BULK = {"crm.create", "crm.upload", "crm.close", "crm.poll", "crm.results"}
PLACES = ["pim.login", "pim.schema", "pim.page", "crm.login", "crm.schema", "crm.query", "crm.write", *sorted(BULK)]
FAST = [("pim.page", signal.SIGINT), ("crm.write", signal.SIGTERM)]


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    products = [product(sku, name=f"Mug {sku}", notes="old") for sku in "abc"]
    with open_shop(tmp_path, fields=[NOTES], products=products) as opened:
        opened.write({"items": STREAM})
        yield opened


def start(shop: Shop, *command: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "sync_engine", *(command or ("apply", "--yes"))],
        cwd=shop.project.folder,
        env={**os.environ, **shop.project.environment, "NO_COLOR": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def await_fault(process: subprocess.Popen[str], happened: Sequence[object]) -> None:
    """Wait until the process has met with it."""
    deadline = time.monotonic() + 60
    while not happened:
        assert time.monotonic() < deadline
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)


def stop(process: subprocess.Popen[str], how: signal.Signals) -> str:
    """What it said on stderr; it ended in time, and as it should."""
    began = time.monotonic()
    process.send_signal(how)
    _, said = process.communicate(timeout=60)
    assert time.monotonic() - began < 10, said
    assert process.returncode == 130, said
    assert "Traceback" not in said
    assert "topped" in said
    return said


@pytest.mark.parametrize(
    ("place", "how"),
    [
        pytest.param(place, how, marks=() if (place, how) in FAST else pytest.mark.slow)
        for place in PLACES
        for how in (signal.SIGINT, signal.SIGTERM)
    ],
)
@pytest.mark.slow
def test_a_transfer_whose_request_hangs_ends_in_time_and_goes_on_later(
    shop: Shop, place: str, how: signal.Signals
) -> None:
    if place in BULK:
        shop.connect(bulk_threshold=1)
    with shop.sandbox.faults.during(Rule("hang", place)) as happened:
        process = start(shop)
        await_fault(process, happened)
        stop(process, how)
    shop.apply()
    assert sorted(row["Key__c"] for row in shop.sandbox.org.rows("Item__c")) == ["a", "b", "c"]
    shop.settled()


def test_a_transfer_that_waits_for_a_service_ends_in_time(shop: Shop) -> None:
    with shop.sandbox.faults.during(Rule("429", "pim.page", seconds=500)) as happened:
        process = start(shop)
        await_fault(process, happened)
        time.sleep(0.3)
        stop(process, signal.SIGINT)
    shop.apply()
    shop.settled()


def test_taking_up_ends_in_time_too_and_goes_on_later(shop: Shop, processes: Crashing) -> None:
    assert processes.run(shop.project, "apply", "--yes", at=("after PATCH", 0)).code == -9
    with shop.sandbox.faults.during(Rule("hang", "crm.query")) as happened:
        process = start(shop, "transfers", "resume")
        await_fault(process, happened)
        stop(process, signal.SIGTERM)
    assert "1 batch under way, 3 created" in shop.run("transfers", "resume").err
    shop.settled()
