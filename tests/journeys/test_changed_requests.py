"""What a transfer of what changed asks of both services, counted on the demo's catalog and its products."""

from __future__ import annotations

import dataclasses
import shutil
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tests.journeys.conftest import Project
from tests.journeys.small import Shop

from sync_engine_sandbox.sandbox import DEMO_PROJECT, running

STRUCTURE = 9
"""Requests for the PIM's structure: a token; channels, families, attributes, units; options of three, brands."""
DESCRIBED = 4
"""Requests to the org before anything is read: a session, and what its two objects and its users' languages are."""
QUIET = {"records": 2, "structure": STRUCTURE}
"""Without any change: once for models and once for products, and nothing of the org."""

TENTS = {
    "source": {"connection": "pim", "channel": "ecommerce", "locales": ["en_US"]},
    "filter": [{"field": "family", "operator": "IN", "value": ["tents"]}],
}


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    with running() as sandbox:
        shutil.copytree(DEMO_PROJECT, tmp_path / "project")
        opened = Shop(Project(tmp_path / "project", sandbox.environment), sandbox)
        opened.run("apply", "outdoor", "--yes")
        yield opened


def asked(shop: Shop, *arguments: str, catalog: str = "outdoor") -> Counter[str]:
    """The requests of a transfer: for records of the PIM and of the org, and all others of each."""
    pim, org = shop.sandbox.pim.requests, shop.sandbox.org.requests.log
    pim.clear()
    org.clear()
    shop.run("apply", catalog, "--yes", *arguments)
    of_records = ("/products-uuid", "/product-models")
    counted = Counter("records" if each.path.endswith(of_records) else "structure" for each in pim)
    return counted + Counter("queries" if each.path.endswith("/query") else "described" for each in org)


def test_a_transfer_without_any_change_takes_eleven_requests_to_the_pim_and_none_to_the_org(shop: Shop) -> None:
    assert asked(shop, "--changed") == QUIET
    assert asked(shop, "--changed") == QUIET


def test_a_catalog_without_labels_of_options_takes_seven(shop: Shop) -> None:
    weight, price = {"value": "weight", "unit": "KILOGRAM", "round": 3}, {"value": "price", "currency": "EUR"}
    fields = {"Name": "sku", "Family": {"value": "family", "labels": True}, "Weight_kg__c": weight}
    of_products = {"from": "products", "to": "Product2", "key": {"PIM_Id__c": "uuid"}}
    shop.write({"products": {**of_products, "fields": {**fields, "List_Price__c": price}}}, **TENTS)
    assert asked(shop, "--changed", catalog="shop").total() > 7
    assert asked(shop, "--changed", catalog="shop") == {"records": 2, "structure": 5}


def test_a_changed_field_of_the_org_is_found_as_soon_as_a_record_has_changed(shop: Shop) -> None:
    org = shop.sandbox.org
    field = org.objects.by_name["product2"].by_name["color__c"]
    org.change_field("Product2", dataclasses.replace(field, length=field.length + 1))
    assert asked(shop, "--changed") == QUIET
    save_a_product(shop)
    (planned,) = shop.run("plan", "outdoor", "--changed", "--format", "json").data["catalogs"]
    assert "a field of the target has changed" in planned["streams"][0]["all_read_because"]
    shop.run("apply", "outdoor", "--yes", "--changed")
    shop.run("apply", "outdoor", "--yes", "--changed")
    assert asked(shop, "--changed")["described"] == DESCRIBED, "that product lies in the overlap"


@pytest.mark.parametrize("text", ["", "{}", "not JSON"])
def test_the_org_is_described_where_it_is_not_known_what_it_was(shop: Shop, text: str) -> None:
    with closing(sqlite3.connect(shop.project.folder / ".sync-engine" / "ledger.db")) as ledger, ledger:
        ledger.execute("UPDATE descriptions SET target = ?", (text,))
    assert asked(shop, "--changed") == {**QUIET, "described": DESCRIBED}
    assert asked(shop, "--changed") == QUIET


def test_the_org_is_asked_for_the_record_that_a_catalog_names_which_may_be_another(shop: Shop) -> None:
    org = shop.sandbox.org
    first = org.add("Product2", {"Name": "Found"})
    of_models = {"from": "product_models", "to": "Product2", "key": {"PIM_Id__c": "code"}}
    fields = {"Name": "name", "PIM_Parent__c": {"find": {"Name": "Found"}}}
    shop.write({"models": {**of_models, "fields": fields}}, **TENTS)
    shop.run("apply", "shop", "--yes")
    assert asked(shop, "--changed", catalog="shop")["queries"] == 1
    org.remove("Product2", first)
    second = org.add("Product2", {"Name": "Found"})
    shop.run("apply", "shop", "--yes", "--changed")
    assert second in {row.get("PIM_Parent__c") for row in org.rows("Product2")}


def save_a_product(shop: Shop) -> None:
    """Save a product as it is."""
    pim = shop.sandbox.pim
    uuid, product = next((key, each) for key, each in pim.products.by_key.items() if each["family"] == "tents")
    pim.edit_product(uuid, values=product["values"])
