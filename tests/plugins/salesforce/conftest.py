from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.plugins.salesforce import orgs, standin


@pytest.fixture(scope="session")
def listening_org(tmp_path_factory: pytest.TempPathFactory) -> Iterator[orgs.Crm]:
    with orgs.running(tmp_path_factory.mktemp("org")) as running:
        yield running


@pytest.fixture
def crm(listening_org: orgs.Crm) -> orgs.Crm:
    """The sandbox CRM with nothing in it."""
    listening_org.reset()
    return listening_org


@pytest.fixture(scope="session")
def listening_standin() -> Iterator[standin.StandIn]:
    with standin.running() as running:
        yield running


@pytest.fixture
def odd(listening_standin: standin.StandIn) -> standin.StandIn:
    """A stand-in that knows an object ``Item__c`` and nothing else."""
    listening_standin.reset()
    return listening_standin
