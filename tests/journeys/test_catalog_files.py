"""``catalogs create``, ``copy``, ``rename`` and ``delete``."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.journeys.small import Shop, open_shop, product

from sync_engine.ledger.renaming import TABLES
from sync_engine.ledger.schema import MIGRATIONS

CATALOG = """\
# Mugs, and nothing else.
version: 1
name: "mugs"   # the name
source: {connection: pim, channel: web, locales: [en_US]}
target: {connection: crm}
streams:
  items: {from: products, to: Item__c, key: {Key__c: sku}, fields: {Name: name}, on_missing: delete}
"""
TESTS = """\
version: 1
catalog: mugs
tests:
  - given: {stream: items, record: {values: {sku: a, name: Mug}}}
    expect: {Name: Mug}
"""


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    products = [product(sku, name=f"Mug {sku}") for sku in ("a", "b")]
    with open_shop(tmp_path_factory.mktemp("shop"), products=products) as opened:
        yield opened


@pytest.fixture
def shop(servers: Shop) -> Shop:
    """With one catalog and an empty ledger."""
    folder = servers.project.folder
    for path in (*folder.glob("catalogs/*"), *folder.glob("tests/*"), *folder.glob(".sync-engine/*")):
        path.unlink()
    (folder / "tests").mkdir(exist_ok=True)
    (folder / "catalogs" / "mugs.yaml").write_text(CATALOG, encoding="utf-8")
    return servers


def files(shop: Shop) -> set[str]:
    return {each.name for each in (shop.project.folder / "catalogs").iterdir()}


def text(shop: Shop, name: str) -> str:
    return (shop.project.folder / name).read_text(encoding="utf-8")


def test_a_created_catalog_has_the_connections_of_the_project_and_is_valid(shop: Shop) -> None:
    assert shop.run("catalogs", "create", "cups").out == "catalogs/cups.yaml\n"
    shop.run("validate")
    created = next(each for each in shop.run("catalogs", "list", "--json").data["catalogs"] if each["name"] == "cups")
    assert (created["source"], created["target"], created["objects"]) == ("pim", "crm", ["Product2"])


def test_a_copy_differs_in_its_name_only(shop: Shop) -> None:
    shop.run("catalogs", "copy", "mugs", "cups")
    assert text(shop, "catalogs/cups.yaml") == CATALOG.replace('"mugs"', "cups")
    assert text(shop, "catalogs/mugs.yaml") == CATALOG


def test_a_renamed_catalog_goes_on_with_what_it_has_written(shop: Shop) -> None:
    (shop.project.folder / "tests" / "all.yaml").write_text(TESTS, encoding="utf-8")
    shop.run("apply", "--yes")
    renamed = shop.run("catalogs", "rename", "mugs", "cups")
    assert renamed.out.splitlines() == ["catalogs/cups.yaml", "tests/all.yaml"]
    assert "The ledger knows mugs as cups now." in renamed.err
    assert files(shop) == {"cups.yaml"}
    assert text(shop, "tests/all.yaml") == TESTS.replace("mugs", "cups")
    assert [each["catalog"] for each in shop.run("transfers", "list", "--json").data["transfers"]] == ["cups"]
    path = shop.project.folder / "catalogs" / "cups.yaml"
    path.write_text(path.read_text(encoding="utf-8") + "safety: {max_delete_percent: 100}\n", encoding="utf-8")
    shop.project.edit("catalogs/cups.yaml", ("streams:", 'filter: [{field: sku, operator: "=", value: a}]\nstreams:'))
    (plan,) = shop.run("plan", "--format", "json").data["catalogs"]
    assert plan["summary"]["delete"] == 1  # it owns the record that left the filter


def test_of_another_environment_only_the_ledger_is_renamed(shop: Shop) -> None:
    shop.run("apply", "--yes")
    shop.run("catalogs", "rename", "mugs", "cups", "--ledger-only")
    assert files(shop) == {"mugs.yaml"}
    assert [each["catalog"] for each in shop.run("transfers", "list", "--json").data["transfers"]] == ["cups"]
    refused = shop.run("catalogs", "rename", "mugs", "cups", "--ledger-only", code=1)
    assert "the ledger knows a catalog `cups`" in refused.err


def test_a_name_that_is_taken_or_no_name_is_refused_before_anything_changes(shop: Shop) -> None:
    shop.run("catalogs", "create", "cups")
    for arguments, code in (
        (("create", "mugs"), 1),
        (("create", "Big Mugs"), 64),
        (("copy", "mugs", "cups"), 1),
        (("rename", "mugs", "cups"), 1),
        (("copy", "mgus", "new"), 1),
        (("delete", "mgus", "--yes"), 1),
    ):
        shop.run("catalogs", *arguments, code=code)
    assert files(shop) == {"mugs.yaml", "cups.yaml"}


def test_a_deleted_catalog_leaves_its_records_and_its_log(shop: Shop) -> None:
    shop.run("apply", "--yes")
    rows = shop.rows()
    shop.run("catalogs", "create", "cups")
    assert shop.run("catalogs", "delete", "mugs", "--yes").out == "catalogs/mugs.yaml\n"
    assert files(shop) == {"cups.yaml"}
    assert shop.rows() == rows
    assert len(shop.run("transfers", "list", "--json").data["transfers"]) == 1


def test_every_table_with_a_catalog_is_renamed() -> None:
    tables = [each for script in MIGRATIONS.values() for each in script.split("CREATE TABLE ")[1:]]
    assert {each.split()[0] for each in tables if "catalog {text}" in each.split(";")[0]} == set(TABLES)
