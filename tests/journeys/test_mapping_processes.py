"""A large catalog is mapped by several processes, and nothing of the outcome tells."""

from __future__ import annotations

import os
import pickle
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import chain
from pathlib import Path
from unittest.mock import patch

import pytest
from tests.journeys.small import Shop, open_shop, product

from sync_engine.cli.console import Console
from sync_engine.cli.session import Connections, compile_live, load
from sync_engine.compiler.compiled import CompiledCatalog
from sync_engine.planner.mapped import Reading, Recipe, page_mapper
from sync_engine.planner.processes import Mappers
from sync_engine.sdk.errors import BrokenContract, SyncEngineError
from sync_engine.sdk.source import Page, Unread
from sync_engine.sdk.target import FieldDescription
from sync_engine.sdk.values import TargetValue

FIELDS = [
    {"name": "Colour__c", "type": "string", "length": 40},
    {"name": "Weight__c", "type": "double", "precision": 18, "scale": 4},
    {"name": "Title__c", "type": "string", "length": 40},
]
PRODUCTS = [
    product(
        f"P{number:04}",
        name=f"Mug {number}" if number % 7 else None,
        colour=("red", "blue", "teal")[number % 3],
        weight={"amount": f"{number}.5", "unit": "GRAM"} if number % 5 else None,
    )
    for number in range(1500)
]
STREAM = {
    "items": {
        "from": "products",
        "to": "Item__c",
        "key": {"Key__c": "sku"},
        "filter": [{"field": "sku", "operator": "!=", "value": "P0003"}],
        "fields": {
            "Name": {"value": "name", "required": True},
            "Colour__c": {"value": "colour", "labels": True},
            "Weight__c": {"value": "weight", "unit": "KILOGRAM"},
            "Title__c": {"expression": "name | upper if colour == 'red' else sku"},
        },
    }
}


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    with open_shop(tmp_path, fields=FIELDS, products=PRODUCTS) as opened:
        opened.write(STREAM)
        yield opened


@contextmanager
def mapping(shop: Shop) -> Iterator[tuple[CompiledCatalog, Recipe, list[Page]]]:
    """The compiled catalog, what other processes get of it, and its pages."""
    console = Console()
    console.folder = str(shop.project.folder)
    with patch.dict(os.environ, shop.project.environment):
        project, catalogs = load(console)
        with Connections(project, console) as connections:
            (compiled,), _ = compile_live(catalogs, connections)
            source = connections.source("pim")
            pushdown = source.pushdown(compiled.streams[0].query)
            pages = [page for each in pushdown.partitions for page in source.read(each)]
            reading = Reading(("items",), pushdown.residual)
            schemas = compiled.source_schema, compiled.target_schema
            normal_form = connections.target("crm").normal_form
            recipe = Recipe(compiled.catalog, *schemas, compiled.today, normal_form, (reading,))
            yield compiled, recipe, pages


def again_and_again(pages: list[Page], mappers: Mappers, helped: int) -> Iterator[Page]:
    """The pages, over and over, until other processes have been given that many."""
    while mappers.helped < helped:
        yield from pages


def children() -> set[int]:
    tasks = Path(f"/proc/{os.getpid()}/task").glob("*/children")
    return {int(each) for task in tasks for each in task.read_text().split()}


def test_other_processes_map_pages_as_this_one_does_and_in_the_same_order(shop: Shop) -> None:
    with mapping(shop) as (compiled, recipe, pages), Mappers(compiled, recipe, 2) as mappers:
        here = page_mapper({each.name: each for each in compiled.streams}, recipe.readings[0], recipe.normal_form)
        expected = [here(page.records) for page in pages]
        done = list(mappers.pages(0, again_and_again(pages, mappers, 3 * len(pages))))
        assert mappers.helped >= 3 * len(pages)
        for number, (page, mapped) in enumerate(done):
            assert page is pages[number % len(pages)]
            assert mapped == expected[number % len(pages)]


def test_a_page_that_another_process_cannot_read_fails_as_if_it_had_been_read_here(shop: Shop) -> None:
    with mapping(shop) as (compiled, recipe, pages), Mappers(compiled, recipe, 1) as mappers:
        unread = pages[0].given
        assert isinstance(unread, Unread)
        cut = Page(replace(unread, body=unread.body[:-30]), None)
        with pytest.raises(BrokenContract) as here:
            assert cut.records
        assert "the PIM answered products-uuid with JSON that cannot be read" in str(here.value)
        mapped = mappers.pages(0, chain(again_and_again(pages, mappers, 3), [cut], again_and_again(pages, mappers, 9)))
        with pytest.raises(BrokenContract) as elsewhere:
            list(mapped)
        assert str(elsewhere.value) == str(here.value)


def test_what_another_process_gets_to_read_pages_with_holds_no_secret(shop: Shop) -> None:
    with mapping(shop) as (_, _, pages):
        unread = pages[0].given
        assert isinstance(unread, Unread)
        sent = pickle.dumps(unread.reader)
    given = [each.encode() for name, each in shop.project.environment.items() if "URL" not in name]
    assert given
    assert not [each for each in given if each in sent]


class Stateful:
    def normal_form(self, _: FieldDescription, value: TargetValue) -> TargetValue:
        return value


def test_a_target_whose_normal_form_no_other_process_can_import_is_asked_here_only(shop: Shop) -> None:
    with mapping(shop) as (compiled, recipe, pages):
        here = replace(recipe, normal_form=Stateful().normal_form)
        with Mappers(compiled, here, 2) as mappers:
            done = [page for _ in range(20) for page, _ in mappers.pages(0, pages)]
        assert len(done) == 20 * len(pages)
        assert not mappers.helped


def test_nothing_is_left_running_when_a_plan_ends_early(shop: Shop) -> None:
    before = children()
    with mapping(shop) as (compiled, recipe, pages), Mappers(compiled, recipe, 2) as mappers:
        for _ in mappers.pages(0, again_and_again(pages, mappers, 3)):
            if mappers.helped:
                break
        assert len(children() - before) == 2
    assert not children() - before


def test_a_process_that_is_killed_ends_the_plan_with_a_hint(shop: Shop) -> None:
    before = children()
    with mapping(shop) as (compiled, recipe, pages), Mappers(compiled, recipe, 1) as mappers:
        mapped = mappers.pages(0, again_and_again(pages, mappers, 1000))
        while mappers.helped < 5:
            next(mapped)
        (helper,) = children() - before
        os.kill(helper, signal.SIGKILL)
        with pytest.raises(SyncEngineError, match="ended with code -9") as raised:
            list(mapped)
        assert "mapping_processes" in raised.value.hint


def test_the_plan_is_the_same_however_many_processes_make_it(shop: Shop) -> None:
    digests = []
    path = shop.project.folder / "sync-engine.yaml"
    text = path.read_text(encoding="utf-8")
    for count in (0, 2):
        path.write_text(f"{text}\nmapping_processes: {count}\n", encoding="utf-8")
        data = shop.run("plan", "--format", "json", code=None).data
        digests.append(data["digest"])
        summary = data["catalogs"][0]["summary"]
        assert (summary["create"], summary["rejected"]) == (1284, 215)
    assert digests[0] == digests[1]


def test_a_wrong_number_of_processes_is_a_problem_at_its_place(shop: Shop) -> None:
    path = shop.project.folder / "sync-engine.yaml"
    path.write_text(path.read_text(encoding="utf-8") + "\nmapping_processes: -1\n", encoding="utf-8")
    found = shop.run("validate", code=3)
    assert "sync-engine.yaml:" in found.out
    assert "mapping_processes" in found.out
