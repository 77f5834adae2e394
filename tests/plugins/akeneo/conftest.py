from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from tests.plugins.akeneo.standin import StandIn, running

from sync_engine.sdk.source import Query, Source, SourceRecord, SourceSchema
from sync_engine_akeneo import adapter
from sync_engine_sandbox import server
from sync_engine_sandbox.pim.app import create_app
from sync_engine_sandbox.pim.data import load
from sync_engine_sandbox.pim.settings import PimSettings

SHARED = Path(__file__).parents[4] / "shared" / "data"
ICECAT = SHARED / "icecat"


@pytest.fixture(scope="session")
def listening() -> Iterator[StandIn]:
    with running() as standin:
        yield standin


@pytest.fixture
def pim(listening: StandIn) -> StandIn:
    """A stand-in that knows nothing yet."""
    listening.reset()
    return listening


@cache
def rows(name: str) -> list[dict[str, Any]]:
    """The rows of a file of the Icecat catalogue, to be read only."""
    with (ICECAT / f"{name}.jsonl").open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


@dataclass
class Icecat:
    """The sandbox PIM with the Icecat catalogue, and a source that is connected to it."""

    state: Any
    url: str
    source: Source
    schema: SourceSchema

    def open(self, **settings: Any) -> Source:
        given = {"url": self.url, "client_id": "id", "client_secret": "secret", "username": "user", "password": "word"}
        return adapter.open("pim", given | settings)

    def query(self, collection: str = "products", **parts: Any) -> Query:
        key = "uuid" if collection == "products" else "code"
        given: dict[str, Any] = {
            "attributes": frozenset(),
            "properties": frozenset({key}),
            "locales": (),
            "channels": frozenset(),
            "filters": (),
        }
        return Query(collection=collection, **(given | parts))

    def read(self, query: Query, source: Source | None = None) -> list[SourceRecord]:
        """Everything that the source gives for a query, residual filters not applied."""
        source = source or self.source
        return [
            record
            for partition in source.pushdown(query).partitions
            for page in source.read(partition)
            for record in page.records
        ]

    def calls(self, since: int = 0) -> list[tuple[str, dict[str, str]]]:
        """Paths below the API's root and parameters of the calls since then, without those for tokens."""
        root = "/api/rest/v1/"
        calls = self.state.requests[since:]
        return [(each.path.removeprefix(root), each.query) for each in calls if each.path.startswith(root)]


@pytest.fixture(scope="session")
def icecat() -> Iterator[Icecat]:
    if not ICECAT.is_dir():
        pytest.skip("the Icecat catalogue is not beside the repository")
    app = create_app(load(ICECAT), settings=PimSettings("id", "secret", "user", "word"))
    listening = server.start(app)
    made = Icecat(app.state.pim, listening.url, None, None)  # type: ignore[arg-type]
    made.source = made.open()
    made.schema = made.source.describe()
    yield made
    made.source.close()
    listening.stop()
