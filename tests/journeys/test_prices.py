"""Records without an external id: prices in price books, found by price book, product and currency together."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.journeys.small import KEY, Json, Shop, open_shop, product

STANDARD: Json = {"find": {"IsStandard": True}}
PRODUCTS: Json = {"from": "products", "to": "Product2", "key": {"Key__c": "sku"}, "fields": {"Name": "name"}}


def prices(book: Json = STANDARD, **more: Any) -> Json:
    """A stream of prices into a price book."""
    return {
        "from": "products",
        "for_each": "price",
        "to": "PricebookEntry",
        "key": {
            "Pricebook2Id": book,
            "Product2Id": {"lookup": "products", "value": "sku"},
            "CurrencyIsoCode": "currency",
        },
        "fields": {"UnitPrice": "amount", "IsActive": {"const": True}},
        **more,
    }


def price(**amounts: str) -> list[Json]:
    return [{"amount": amount, "currency": currency} for currency, amount in amounts.items()]


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    """Two mugs, one of them with a price in two currencies, and an org with two currencies."""
    with open_shop(
        tmp_path,
        objects=[{"name": "Product2", "fields": [KEY]}],
        products=[
            product("a", name="Mug A", price=price(EUR="10.00", USD="12.50")),
            product("b", name="Mug B", price=price(EUR="8.00")),
        ],
        currencies=["EUR", "USD"],
    ) as made:
        made.write({"products": PRODUCTS, "prices": prices()})
        yield made


def entries(shop: Shop, book: str = "Standard Price Book") -> dict[tuple[str, str], tuple[float, bool]]:
    """Price and whether it is active by product and currency."""
    org = shop.sandbox.org
    keys = {row["Id"]: row["Key__c"] for row in org.rows("Product2")}
    books = {row["Id"]: row["Name"] for row in org.rows("Pricebook2")}
    return {
        (keys[row["Product2Id"]], row["CurrencyIsoCode"]): (float(row["UnitPrice"]), row["IsActive"])
        for row in org.rows("PricebookEntry")
        if books[row["Pricebook2Id"]] == book
    }


def test_each_price_becomes_an_entry_and_the_second_plan_is_empty(shop: Shop) -> None:
    shop.apply()
    assert entries(shop) == {("a", "EUR"): (10, True), ("a", "USD"): (12.5, True), ("b", "EUR"): (8, True)}
    shop.settled()


def test_a_plan_names_an_entry_by_all_parts_of_its_key(shop: Shop) -> None:
    book = next(row["Id"] for row in shop.sandbox.org.rows("Pricebook2"))
    plan = shop.streams()["prices"]
    assert plan["key"] == "Pricebook2Id + Product2Id + CurrencyIsoCode"
    assert sorted(each["key"] for each in plan["changes"]) == [
        f"{book} / {key} / {currency}" for key, currency in (("a", "EUR"), ("a", "USD"), ("b", "EUR"))
    ]


def test_a_changed_price_is_an_update_of_that_entry_alone(shop: Shop) -> None:
    shop.apply()
    shop.change("a", price=price(EUR="11.00", USD="12.50"))
    assert shop.apply()["summary"]["updated"] == 1
    assert entries(shop)["a", "EUR"] == (11, True)
    shop.settled()


def test_a_price_that_is_gone_is_made_inactive(shop: Shop) -> None:
    shop.write({"products": PRODUCTS, "prices": prices(on_missing={"set": {"IsActive": False}})})
    shop.apply()
    shop.change("a", price=price(EUR="10.00"))
    assert shop.apply()["summary"]["deactivated"] == 1
    assert entries(shop)["a", "USD"] == (12.5, False)
    shop.settled()


def test_a_price_that_is_gone_can_be_deleted(shop: Shop) -> None:
    shop.write({"products": PRODUCTS, "prices": prices(on_missing="delete")}, safety={"max_delete_percent": 100})
    shop.apply()
    shop.change("b", price=None)
    assert shop.apply()["summary"]["deleted"] == 1
    assert ("b", "EUR") not in entries(shop)
    shop.settled()


def test_the_standard_price_comes_before_that_of_another_book(shop: Shop) -> None:
    shop.sandbox.org.add("Pricebook2", {"Name": "Dealers", "IsActive": True})
    dealers = prices({"find": {"Name": "Dealers"}})
    shop.write({"products": PRODUCTS, "standard": prices(), "dealers": dealers})
    shop.apply()
    assert entries(shop, "Dealers") == entries(shop)
    shop.settled()


def test_without_a_standard_price_the_platform_says_why(shop: Shop) -> None:
    shop.sandbox.org.add("Pricebook2", {"Name": "Dealers", "IsActive": True})
    shop.write({"products": PRODUCTS, "dealers": prices({"find": {"Name": "Dealers"}})})
    shop.apply(code=4)
    reasons = {reason["code"] for each in shop.shown()["outcomes"] for reason in each["reasons"]}
    assert reasons == {"STANDARD_PRICE_NOT_DEFINED"}


def test_a_price_in_a_currency_that_the_org_lacks_is_rejected(tmp_path: Path) -> None:
    with open_shop(
        tmp_path,
        objects=[{"name": "Product2", "fields": [KEY]}],
        products=[product("a", name="Mug", price=price(EUR="10.00", USD="12.50"))],
        currencies=["EUR", "CHF"],
    ) as shop:
        shop.write({"products": PRODUCTS, "prices": prices()})
        (rejected,) = shop.streams()["prices"]["rejections"]
        assert [(each["code"], each["field"]) for each in rejected["reasons"]] == [
            ("NOT_IN_PICKLIST", "CurrencyIsoCode")
        ]


def test_a_reference_that_finds_no_record_is_told_at_its_place(shop: Shop) -> None:
    shop.write({"products": PRODUCTS, "prices": prices({"find": {"Name": "Nobody"}})})
    said = shop.run("plan", code=3).err
    assert "SE359" in said
    assert "no records of Pricebook2 have Name `Nobody`" in said
    assert "catalogs/shop.yaml:" in said


def test_a_reference_that_finds_two_records_is_not_guessed(shop: Shop) -> None:
    for _ in range(2):
        shop.sandbox.org.add("Pricebook2", {"Name": "Twice", "IsActive": True})
    shop.write({"products": PRODUCTS, "prices": prices({"find": {"Name": "Twice"}})})
    assert "2 records of Pricebook2 have Name `Twice`" in shop.run("plan", code=3).err


def test_a_saved_plan_is_stale_where_an_entry_was_made_meanwhile(shop: Shop) -> None:
    shop.run("plan", "--out", str(shop.project.folder / "prices.plan"))
    shop.apply("--streams", "products")
    org = shop.sandbox.org
    mug = next(row["Id"] for row in org.rows("Product2") if row["Key__c"] == "b")
    book = next(row["Id"] for row in org.rows("Pricebook2"))
    entry = {"Pricebook2Id": book, "Product2Id": mug, "CurrencyIsoCode": "EUR", "UnitPrice": 1, "IsActive": True}
    org.add("PricebookEntry", entry)
    summary = shop.apply(str(shop.project.folder / "prices.plan"), code=6)["summary"]
    assert (summary["created"], summary["stale"]) == (2, 3)
    assert entries(shop)["b", "EUR"] == (1, True)
