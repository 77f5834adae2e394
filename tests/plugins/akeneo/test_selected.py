"""What a catalog for apps selects: read completely, behind any cursor, and never taken for empty."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse
from tests.plugins.akeneo.standin import StandIn

from sync_engine.sdk.errors import BrokenContract, Refused, SyncEngineError
from sync_engine.sdk.filters import Criterion
from sync_engine.sdk.source import Page, Query, Source

OWN = "65f5a521-e65c-4d7b-8be8-1f267fa2729c"
KEYS = [f"00000000-0000-4000-8000-{number:012d}" for number in range(150)]
UUIDS = f"catalogs/{OWN}/product-uuids"
DISABLED = {"error": f'No products to synchronize. The catalog "{OWN}" has been disabled on the PIM side.'}


@pytest.fixture
def source(pim: StandIn) -> Iterator[Source]:
    """Of a PIM whose catalog selects ``KEYS``, in two pages."""
    pim.structure([{"code": "sku", "type": "pim_catalog_identifier"}, {"code": "name", "type": "pim_catalog_text"}])
    pim.on(f"catalogs/{OWN}", {"id": OWN, "name": "Store US", "enabled": True})
    pim.on(UUIDS, lambda request: listed(pim, request))
    pim.on("products-uuid", lambda request: found(pim, request))
    opened = pim.open()
    yield opened
    opened.close()


def listed(pim: StandIn, request: Request) -> JSONResponse:
    left = [each for each in KEYS if each > request.query_params.get("search_after", "")]
    following = pim.link(UUIDS, search_after=left[99]) if len(left) > 100 else None
    return JSONResponse(pim.page(left[:100], following))


def found(pim: StandIn, request: Request) -> JSONResponse:
    (condition,) = json.loads(request.query_params["search"])["uuid"]
    items = [{"uuid": each, "enabled": True, "values": {}} for each in condition["value"]]
    return JSONResponse(pim.page(items))


def pages(source: Source, cursor: str | None = None, filters: tuple[Criterion, ...] = ()) -> list[Page]:
    query = Query("products", frozenset(), frozenset({"uuid", "enabled"}), (), frozenset(), filters, source_catalog=OWN)
    (partition,) = source.pushdown(query).partitions
    return list(source.read(partition, cursor))


def keys(read: list[Page]) -> list[str]:
    return [record.key for page in read for record in page.records]


def failure(source: Source) -> SyncEngineError:
    with pytest.raises(SyncEngineError) as caught:
        pages(source)
    assert "canary" not in str(caught.value) + caught.value.hint
    return caught.value


def test_all_pages_of_keys_are_read_and_each_record_comes_once(source: Source, pim: StandIn) -> None:
    assert keys(pages(source)) == KEYS
    assert pim.paths().count(UUIDS) == 2
    assert all(len(asked.get("search", "")) < 8000 for _, asked in pim.asked)


def test_reading_goes_on_behind_the_cursor_of_a_page(source: Source) -> None:
    first, *rest = pages(source)
    assert first.cursor is not None
    assert keys(pages(source, first.cursor)) == keys(rest)
    assert rest[-1].cursor is None


def test_where_the_filter_names_keys_no_others_are_asked_for(source: Source, pim: StandIn) -> None:
    two = (KEYS[3].upper(), KEYS[140])
    pim.on("products-uuid", pim.page([{"uuid": KEYS[140], "enabled": True, "values": {}}]))
    assert keys(pages(source, filters=(Criterion("uuid", "IN", two),))) == [KEYS[140]]
    (search,) = [json.loads(asked["search"]) for path, asked in pim.asked if path == "products-uuid"]
    assert [KEYS[3], KEYS[140]] in [each["value"] for each in search["uuid"]]


def test_a_long_filter_leaves_room_for_keys_in_the_address(source: Source, pim: StandIn) -> None:
    pim.on("products-uuid", pim.page([]))
    long = tuple(Criterion("sku", "IN", tuple(f"{part}-{number:020d}" for number in range(40))) for part in "abcd")
    pages(source, filters=long)
    assert all(len(asked.get("search", "")) < 4500 for _, asked in pim.asked)


@pytest.mark.parametrize("moment", [0, 1])
def test_a_catalog_that_is_disabled_between_two_pages_is_refused(source: Source, pim: StandIn, moment: int) -> None:
    pim.on(UUIDS, *[lambda request: listed(pim, request)] * moment, DISABLED)
    error = failure(source)
    assert isinstance(error, Refused)
    assert "has been disabled" in str(error)
    assert f"/connect/apps/v1/catalogs/{OWN}" in error.hint


def test_records_that_were_not_asked_for_stop_the_reading(source: Source, pim: StandIn) -> None:
    pim.on("products-uuid", pim.page([{"uuid": "another", "enabled": True, "values": {}}]))
    assert isinstance(failure(source), BrokenContract)


@pytest.mark.parametrize("answer", [{}, [], {"_embedded": {"items": []}}, {"_links": {"self": {}}}])
def test_an_answer_of_another_shape_is_no_empty_selection(source: Source, pim: StandIn, answer: Any) -> None:
    pim.on(UUIDS, answer)
    assert isinstance(failure(source), BrokenContract)


@pytest.mark.parametrize("items", [[None], [7], [{"uuid": KEYS[0]}]])
def test_keys_that_are_no_texts_stop_the_reading(source: Source, pim: StandIn, items: list[Any]) -> None:
    pim.on(UUIDS, pim.page(items))
    assert isinstance(failure(source), BrokenContract)


@pytest.mark.parametrize("shown", [{"id": OWN, "name": "Store US"}, {"id": OWN, "name": "Store US", "enabled": "yes"}])
def test_a_catalog_that_does_not_say_whether_it_is_enabled_stops_the_reading(
    source: Source, pim: StandIn, shown: dict[str, Any]
) -> None:
    pim.on(f"catalogs/{OWN}", shown)
    assert isinstance(failure(source), BrokenContract)
