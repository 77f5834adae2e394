"""What tests of all folders use."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from itertools import groupby
from typing import Protocol

import pytest
from hypothesis import HealthCheck, settings
from tests.journeys.crashing import Crashing, crashing
from tests.postgresql import Server, running_server

FIGURE = "figure"

# How long one example takes says nothing where others use the machine, too.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")


# As the command line does for itself, see ``sync_engine.cli.main.run``.
gc.set_threshold(100_000, 50, 50)


class Figure(Protocol):
    """See ``figure``."""

    def __call__(self, of: str, count: int, sentence: str) -> None: ...


@pytest.fixture
def figure(record_property: Callable[[str, object], None]) -> Figure:
    """Called with what was proved in figures: of what, how many, and a sentence; printed when all tests have ended."""
    return lambda of, count, sentence: record_property(FIGURE, (of, count, sentence))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long tests first: none of them is left over for one process while the others have nothing to do any more."""
    items.sort(key=lambda each: each.get_closest_marker("slow") is None and each.get_closest_marker("soak") is None)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    found = sorted(
        value
        for report in terminalreporter.getreports("passed")
        for name, value in report.user_properties
        if name == FIGURE
    )
    if not found:
        return
    terminalreporter.section("figures")
    for of, group in groupby(found, key=lambda each: each[0]):
        counted = list(group)
        terminalreporter.line(f"{of}: {sum(count for _, count, _ in counted)}")
        for _, _, sentence in counted:
            terminalreporter.line(f"  {sentence}")


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Server]:
    """A PostgreSQL server; each process that runs tests has its own."""
    with running_server() as server:
        yield server


@pytest.fixture(scope="session")
def processes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crashing]:
    """Runs ``sync-engine`` in real processes that can be killed; each process that runs tests has its own of these."""
    with crashing(tmp_path_factory.mktemp("processes") / "runs") as opened:
        yield opened


@pytest.fixture(params=["sqlite", "postgresql"])
def ledger_address(request: pytest.FixtureRequest) -> str:
    """The address of a ledger that does not exist yet, of either kind."""
    if request.param == "sqlite":
        return "sqlite:///.sync-engine/ledger.db"
    server: Server = request.getfixturevalue("postgresql")
    return server.new_ledger()
