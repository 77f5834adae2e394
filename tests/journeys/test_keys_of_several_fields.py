"""Records found by what is no external id: several fields together, or one that is unique; lost answers."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from tests.journeys.conftest import Project
from tests.journeys.small import KEY, Json, Shop, category, open_shop, product

PRODUCTS: Json = {"from": "products", "to": "Product2", "key": {"Key__c": "sku"}, "fields": {"Name": "name"}}
TRANSLATIONS: Json = {
    "from": "products",
    "for_each": {"locale": ["de_DE"]},
    "to": "Product2DataTranslation",
    "key": {
        "ParentId": {"lookup": "products", "value": "sku"},
        "Language": {"value": "locale", "translate": {"de_DE": "de"}},
    },
    "fields": {"Name": "title"},
    "on_missing": "delete",
}
CATEGORIES: Json = {
    "from": "categories",
    "to": "ProductCategory",
    "key": {"Key__c": "code"},
    "fields": {
        "Name": "{{ label or code }}",
        "CatalogId": {"find": {"Name": "Webshop"}},
        "ParentCategoryId": {"lookup": "categories", "value": "parent"},
    },
}
ASSIGNMENTS: Json = {
    "from": "products",
    "for_each": "category",
    "to": "ProductCategoryProduct",
    "key": {
        "ProductCategoryId": {"lookup": "categories", "value": "category"},
        "ProductId": {"lookup": "products", "value": "sku"},
    },
    "fields": {"IsPrimaryCategory": {"const": False}},
    "on_missing": "delete",
}
FREE = {"max_delete_percent": 100}


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    """Two mugs in a tree of two categories, one of them with a German title."""
    with open_shop(
        tmp_path,
        fields=[
            {"name": "Rank__c", "type": "double", "precision": 6, "scale": 0},
            {"name": "Set__c", "type": "reference", "references": ["ProductAttributeSet"]},
        ],
        objects=[
            {"name": "Product2", "fields": [KEY]},
            {"name": "ProductCategory", "fields": [KEY]},
        ],
        products=[
            product("a", name="Mug A", title={"de_DE": "Becher A"}, categories=["mugs", "gifts"]),
            product("b", name="Mug B", categories=["mugs"]),
        ],
        categories=[
            category("gifts", "mugs", en_US="Gifts"),
            category("mugs", "master", en_US="Mugs"),
        ],
    ) as made:
        made.sandbox.org.add("ProductCatalog", {"Name": "Webshop"})
        yield made


def translations(shop: Shop) -> dict[tuple[str, str], str]:
    """Names by product and language."""
    keys = {row["Id"]: row["Key__c"] for row in shop.sandbox.org.rows("Product2")}
    rows = shop.sandbox.org.rows("Product2DataTranslation")
    return {(keys[row["ParentId"]], row["Language"]): row["Name"] for row in rows}


def assignments(shop: Shop) -> set[tuple[str, str]]:
    """Product and category."""
    org = shop.sandbox.org
    keys = {row["Id"]: row["Key__c"] for name in ("Product2", "ProductCategory") for row in org.rows(name)}
    return {(keys[row["ProductId"]], keys[row["ProductCategoryId"]]) for row in org.rows("ProductCategoryProduct")}


@pytest.mark.parametrize("most", [2000, 0], ids=["collections", "bulk"])
def test_a_translation_is_made_changed_and_removed(shop: Shop, most: int) -> None:
    shop.connect(bulk_threshold=most)
    shop.write({"products": PRODUCTS, "translations": TRANSLATIONS}, safety=FREE)
    shop.apply()
    assert translations(shop) == {("a", "de"): "Becher A"}
    shop.settled()

    shop.change("a", title={"de_DE": "Tasse A"})
    assert shop.apply()["summary"]["updated"] == 1
    assert translations(shop) == {("a", "de"): "Tasse A"}

    shop.change("a", title=None)
    assert shop.apply()["summary"]["deleted"] == 1
    assert translations(shop) == {}
    shop.settled()


def test_a_translation_that_says_the_same_is_left_out_where_only_different_ones_are_wanted(shop: Shop) -> None:
    only = {**TRANSLATIONS, "for_each": {"locale": ["de_DE"], "only": "different"}}
    shop.write({"products": PRODUCTS, "translations": only}, safety=FREE)
    shop.change("a", title={"en_US": "Cup A", "de_DE": "Becher A"})
    shop.change("b", title={"en_US": "Muggy", "de_DE": "Muggy"})
    shop.apply()
    assert translations(shop) == {("a", "de"): "Becher A"}
    shop.change("a", title={"en_US": "Cup A", "de_DE": "Cup A"})
    assert shop.apply()["summary"]["deleted"] == 1
    shop.settled()


def test_a_product_is_assigned_to_the_categories_of_a_catalog(shop: Shop) -> None:
    shop.write({"categories": CATEGORIES, "products": PRODUCTS, "assignments": ASSIGNMENTS}, safety=FREE)
    shop.apply()
    assert assignments(shop) == {("a", "mugs"), ("a", "gifts"), ("b", "mugs")}
    shop.settled()

    shop.sandbox.pim.edit_product(next(iter(products(shop))), categories=["gifts"])
    assert shop.apply()["summary"]["deleted"] == 1
    assert len(assignments(shop)) == 2
    shop.settled()


def test_assignments_can_be_limited_to_one_tree(shop: Shop) -> None:
    shop.write({"categories": CATEGORIES, "products": PRODUCTS, "assignments": {**ASSIGNMENTS, "root": "gifts"}})
    shop.apply()
    assert assignments(shop) == {("a", "gifts")}
    shop.settled()


def products(shop: Shop) -> Iterator[str]:
    return (key for key, row in shop.sandbox.pim.products.by_key.items() if row["categories"] == ["mugs", "gifts"])


def test_a_part_that_is_empty_rejects_the_row_and_deletes_nothing(shop: Shop) -> None:
    shop.write({"products": PRODUCTS, "translations": TRANSLATIONS}, safety=FREE)
    shop.apply()
    broken = {**TRANSLATIONS, "key": {**TRANSLATIONS["key"], "Language": {"value": "locale", "translate": {"x": "de"}}}}
    shop.write({"products": PRODUCTS, "translations": broken}, safety={**FREE, "max_rejected_percent": 100})
    (rejected,) = shop.streams()["translations"]["rejections"]
    assert [(each["code"], each["field"]) for each in rejected["reasons"]] == [("NOT_IN_TABLE", "Language")]
    shop.apply(code=4)
    assert translations(shop) == {("a", "de"): "Becher A"}


def items(**more: Any) -> Json:
    """An object where nothing keeps two records of the same name and rank apart."""
    key = {"Name": "name", "Rank__c": {"expression": "7"}}
    return {"from": "products", "to": "Item__c", "key": key, "fields": {"Key__c": "sku"}, **more}


def test_two_records_with_the_same_key_are_not_guessed_between(shop: Shop) -> None:
    for _ in range(2):
        shop.sandbox.org.add("Item__c", {"Name": "Mug A", "Rank__c": 7})
    shop.write({"items": items()}, safety={"max_rejected_percent": 100})
    stream = shop.streams()["items"]
    assert [each["key"] for each in stream["changes"]] == ["Mug B / 7"]
    (reason,) = stream["rejections"][0]["reasons"]
    assert (reason["code"], reason["owner"]) == ("AMBIGUOUS_KEY", "org")
    assert "2 records have Name + Rank__c 'Mug A / 7'" in reason["message"]


@contextmanager
def losing(url: str, method: str, path: str) -> Iterator[str]:
    """A way to a server on which the answer to the first fitting request is lost, after the server has done it."""
    lost: list[str] = []
    host = urlsplit(url).netloc

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _pass_on(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name: value for name, value in self.headers.items() if name.lower() != "accept-encoding"}
            connection = http.client.HTTPConnection(host, timeout=30)
            connection.request(self.command, self.path, body, {**headers, "Host": host})
            answer = connection.getresponse()
            content = answer.read().replace(url.encode(), here.encode())
            connection.close()
            if self.command == method and path in self.path and not lost:
                lost.append(self.path)
                self.close_connection = True
                return
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in ("content-length", "transfer-encoding", "connection"):
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PATCH = do_DELETE = _pass_on  # noqa: N815 - as the library calls them

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    here = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield here
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
    assert lost, "no answer was lost"


def test_an_insert_whose_answer_was_lost_is_found_and_not_sent_again(shop: Shop) -> None:
    shop.write({"items": items()})
    environment = dict(shop.project.environment)
    with losing(environment["CRM_URL"], "POST", "/composite/sobjects") as url:
        project = Project(shop.project.folder, {**environment, "CRM_URL": url})
        assert Shop(project, shop.sandbox).apply()["summary"]["created"] == 2
    assert sorted(row["Name"] for row in shop.sandbox.org.rows("Item__c")) == ["Mug A", "Mug B"]
    shop.settled()


SETS: Json = {
    "from": "categories",
    "root": "mugs",
    "to": "ProductAttributeSet",
    "key": {"DeveloperName": "code"},  # unique, and no external id
    "fields": {"MasterLabel": "{{ label or code }}"},
}
IN_SETS: Json = {
    "from": "products",
    "to": "Item__c",
    "key": {"Key__c": "sku"},
    "fields": {"Set__c": {"lookup": "sets", "value": "notes"}},
}


def in_sets(shop: Shop) -> dict[str, str | None]:
    """Name of the set of each item."""
    sets = {row["Id"]: row["DeveloperName"] for row in shop.sandbox.org.rows("ProductAttributeSet")}
    return {row["Key__c"]: sets.get(row.get("Set__c")) for row in shop.sandbox.org.rows("Item__c")}


@pytest.mark.parametrize("most", [2000, 0], ids=["collections", "bulk"])
def test_a_unique_field_finds_records_that_others_refer_to(shop: Shop, most: int) -> None:
    shop.connect(bulk_threshold=most)
    shop.sandbox.org.add("ProductAttributeSet", {"DeveloperName": "Gifts", "MasterLabel": "Before"})
    shop.change("a", notes="mugs")
    shop.change("b", notes="gifts")
    shop.write({"items": IN_SETS, "sets": SETS})
    sets = shop.streams()["sets"]
    assert {each["key"]: each["operation"] for each in sets["changes"]} == {"mugs": "create", "Gifts": "update"}
    shop.apply()
    assert {key: row["MasterLabel"] for key, row in shop.rows("ProductAttributeSet", "DeveloperName").items()} == {
        "Gifts": "Gifts",
        "mugs": "Mugs",
    }
    assert in_sets(shop) == {"a": "mugs", "b": "Gifts"}
    shop.settled()
    shop.change("a", notes="gifts")
    shop.change("b", notes=None)
    assert shop.apply()["summary"]["updated"] == 2
    assert in_sets(shop) == {"a": "Gifts", "b": None}
    shop.settled()


@pytest.mark.parametrize("most", [2000, 0], ids=["collections", "bulk"])
def test_a_record_that_refers_to_what_is_gone_by_then_is_refused_by_the_org(shop: Shop, most: int) -> None:
    shop.connect(bulk_threshold=most)
    shop.write({"sets": SETS})
    shop.apply()
    shop.change("a", notes="mugs")
    shop.change("b", notes="gifts")
    shop.write({"items": IN_SETS, "sets": SETS}, safety={"max_rejected_percent": 100})
    shop.run("plan", "--out", "saved.plan")
    gone = next(row for row in shop.sandbox.org.rows("ProductAttributeSet") if row["DeveloperName"] == "mugs")
    shop.sandbox.org.remove("ProductAttributeSet", gone["Id"])
    done = shop.run("apply", "saved.plan", "--yes", "--json", code=4)
    assert done.data["transfers"][0]["summary"]["rejected"] == 1
    assert in_sets(shop) == {"b": "gifts"}
    said = shop.run("transfers", "show").out
    assert "MALFORMED_ID" in said
    assert "mugs" in said


def test_a_reference_is_no_key_of_its_own_though_it_is_unique(shop: Shop) -> None:
    fields = {"VariantParentId": {"lookup": "products", "value": "sku"}}
    axes = {"from": "products", "to": "ProductAttribute", "key": {"ProductId": "sku"}, "fields": fields}
    shop.write({"products": PRODUCTS, "axes": axes})
    problems = shop.run("validate", "--live", "--format", "json", code=3).data["problems"]
    assert "SE306" in {each["code"] for each in problems}


def test_a_record_with_a_unique_key_is_not_sent_again_when_the_answer_was_lost(shop: Shop) -> None:
    shop.write({"sets": SETS})
    environment = dict(shop.project.environment)
    with losing(environment["CRM_URL"], "POST", "/composite/sobjects") as url:
        project = Project(shop.project.folder, {**environment, "CRM_URL": url})
        assert Shop(project, shop.sandbox).apply()["summary"]["created"] == 2
    assert sorted(shop.rows("ProductAttributeSet", "DeveloperName")) == ["gifts", "mugs"]
    shop.settled()
