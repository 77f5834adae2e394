from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.plugins.akeneo.standin import StandIn, running

SHARED = Path(__file__).parents[3].parent / "shared" / "data"


@pytest.fixture(scope="session")
def listening() -> Iterator[StandIn]:
    with running() as standin:
        yield standin


@pytest.fixture
def pim(listening: StandIn) -> StandIn:
    """A stand-in that knows nothing yet."""
    listening.reset()
    return listening
