"""What tests of all folders use."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.postgresql import Server, running_server


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Server]:
    """A PostgreSQL server; each process that runs tests has its own."""
    with running_server() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def ledger_address(request: pytest.FixtureRequest) -> str:
    """The address of a ledger that does not exist yet, of either kind."""
    if request.param == "sqlite":
        return "sqlite:///.sync-engine/ledger.db"
    server: Server = request.getfixturevalue("postgresql")
    return server.new_ledger()
