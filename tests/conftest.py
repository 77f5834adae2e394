"""What tests of all folders use."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from tests.postgresql import Server, running_server

FIGURE = "figure"


@pytest.fixture
def figure(record_property: Callable[[str, object], None]) -> Callable[[str], None]:
    """Called with a sentence that says what was proved, in figures; it is printed when all tests have ended."""
    return lambda sentence: record_property(FIGURE, sentence)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    found = [
        str(value)
        for report in terminalreporter.getreports("passed")
        for name, value in report.user_properties
        if name == FIGURE
    ]
    if found:
        terminalreporter.section("figures")
        for each in sorted(found):
            terminalreporter.line(each)


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
