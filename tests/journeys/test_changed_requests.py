"""What a transfer of what changed asks of both services, counted on the demo's catalog with its 202 records."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.journeys.conftest import Project
from tests.journeys.small import Shop

from sync_engine_sandbox.sandbox import DEMO_PROJECT, running

STRUCTURE = 9
"""Requests for the PIM's structure: a token; channels, families, attributes, units; options of three, brands."""
DESCRIBED = 4
"""Requests to the org before anything is read: a session, and what its two objects and its users' languages are."""


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    with running() as sandbox:
        shutil.copytree(DEMO_PROJECT, tmp_path / "project")
        opened = Shop(Project(tmp_path / "project", sandbox.environment), sandbox)
        opened.run("apply", "outdoor", "--yes")
        yield opened


def asked(shop: Shop, *arguments: str) -> Counter[str]:
    """The requests of a transfer: for records of the PIM and of the org, and all others of each."""
    pim, org = shop.sandbox.pim.requests, shop.sandbox.org.requests.log
    pim.clear()
    org.clear()
    shop.run("apply", "outdoor", "--yes", *arguments)
    of_records = ("/products-uuid", "/product-models")
    counted = Counter("records" if each.path.endswith(of_records) else "structure" for each in pim)
    return counted + Counter("queries" if each.path.endswith("/query") else "described" for each in org)


def test_a_transfer_without_any_change_asks_once_for_models_and_once_for_products(shop: Shop) -> None:
    assert asked(shop, "--changed") == {"records": 2, "structure": STRUCTURE, "described": DESCRIBED}
