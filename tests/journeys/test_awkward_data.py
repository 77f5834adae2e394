"""What a source may hold and a target cannot take: named by record, field and reason, while the rest is written."""

from __future__ import annotations

from pathlib import Path

from tests.journeys.small import KEY, Json, open_shop, product, uuid_of

TEXT: Json = {"type": "string", "length": 80}


def test_a_price_in_a_currency_that_the_org_lacks_is_rejected_by_name(tmp_path: Path) -> None:
    prices = {
        "from": "products",
        "for_each": "price",
        "to": "Price__c",
        "key": {"Key__c": "{{ sku }}-{{ currency }}"},
        "fields": {"Name": "sku", "Amount__c": "amount", "CurrencyIsoCode": "currency"},
    }
    amount = {"name": "Amount__c", "type": "currency", "precision": 12, "scale": 2}
    held = [{"amount": "10.00", "currency": "EUR"}, {"amount": "12.50", "currency": "USD"}]
    objects = [{"name": "Price__c", "fields": [KEY, amount]}]
    mug = product("mug", price=held)
    with open_shop(tmp_path, objects=objects, products=[mug], currencies=["EUR"]) as shop:
        shop.write({"prices": prices}, safety={"max_rejected_percent": 100})
        assert shop.apply(code=4)["summary"]["rejected"] == 1
        (rejected,) = [each for each in shop.shown()["outcomes"] if each["outcome"] == "rejected"]
        assert rejected["key"] == "mug-USD"
        assert rejected["reasons"][0]["field"] == "CurrencyIsoCode"
        assert shop.rows("Price__c").keys() == {"mug-EUR"}


def test_an_association_with_a_product_outside_the_filter_is_rejected_and_the_others_go(tmp_path: Path) -> None:
    items = {"from": "products", "to": "Item__c", "key": {"Key__c": "uuid"}, "fields": {"Name": "name"}}
    links = {
        "from": "products",
        "for_each": {"association": ["X_SELL"]},
        "to": "Link__c",
        "key": {"Key__c": "{{ uuid }}-{{ associated }}"},
        "fields": {
            "Item__c": {"lookup": "items", "value": "uuid"},
            "Other__c": {"lookup": "items", "value": "associated"},
        },
    }
    reference = {"type": "reference", "references": ["Item__c"]}
    fields = [KEY] + [{"name": f"{name}__c", "relationship": f"{name}__r", **reference} for name in ("Item", "Other")]
    first, second, hidden = (product(sku, name=f"Mug {sku}") for sku in ("first", "second", "hidden"))
    others = [uuid_of("second"), uuid_of("hidden")]
    first["associations"] = {"X_SELL": {"products": others, "product_models": [], "groups": []}}
    hidden["enabled"] = False
    enabled = [{"field": "enabled", "operator": "=", "value": True}]
    objects = [{"name": "Link__c", "fields": fields}]
    with open_shop(tmp_path, objects=objects, products=[first, second, hidden]) as shop:
        shop.write({"items": items, "links": links}, filter=enabled)
        shop.apply(code=4)
        (rejected,) = [each for each in shop.shown()["outcomes"] if each["outcome"] == "rejected"]
        assert rejected["key"] == f"{uuid_of('first')}-{uuid_of('hidden')}"
        assert (rejected["reasons"][0]["code"], rejected["reasons"][0]["field"]) == ("MISSING_PARENT", "Other__c")
        assert shop.rows("Link__c").keys() == {f"{uuid_of('first')}-{uuid_of('second')}"}


def test_a_choice_without_a_label_arrives_as_its_code(tmp_path: Path) -> None:
    colours = {"a": "red", "b": "teal"}
    products = [product(sku, name=sku, colour=colour) for sku, colour in colours.items()]
    items = {
        "from": "products",
        "to": "Item__c",
        "key": {"Key__c": "sku"},
        "fields": {"Name": "name", "Colour__c": {"value": "colour", "labels": True}},
    }
    with open_shop(tmp_path, fields=[{"name": "Colour__c", **TEXT}], products=products) as shop:
        shop.write({"items": items})
        shop.apply()
        assert {key: row["Colour__c"] for key, row in shop.rows().items()} == {"a": "Red", "b": "teal"}
        shop.settled()


def test_a_locale_without_any_value_makes_no_rows(tmp_path: Path) -> None:
    translations = {
        "from": "products",
        "for_each": "locale",
        "to": "Item__c",
        "key": {"Key__c": "{{ sku }}-{{ locale }}"},
        "fields": {"Name": "sku", "Title__c": "title"},
    }
    products = [product("a", title={"en_US": "Mug", "de_DE": "Becher"}), product("b", title={"en_US": "Cup"})]
    with open_shop(tmp_path, fields=[{"name": "Title__c", **TEXT}], products=products) as shop:
        shop.write({"translations": translations})
        shop.apply()
        assert {key: row["Title__c"] for key, row in shop.rows().items()} == {"a-de_DE": "Becher"}
        shop.settled()
