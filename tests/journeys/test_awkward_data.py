"""What a source may hold and a target cannot take: named by record, field and reason, while the rest is written."""

from __future__ import annotations

from pathlib import Path

from tests.journeys.small import KEY, Json, Shop, category, open_shop, product, uuid_of

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


def items(**fields: Json | str) -> dict[str, Json]:
    return {
        "items": {"from": "products", "to": "Item__c", "key": {"Key__c": "sku"}, "fields": {"Name": "sku", **fields}}
    }


def rejected(shop: Shop) -> dict[str, tuple[str, str]]:
    """Field and code by the key of what the plan rejects."""
    return {
        each["key"]: (each["reasons"][0]["field"], each["reasons"][0]["code"])
        for each in shop.streams()["items"]["rejections"]
    }


def label(shop: Shop, attribute: str, code: str, text: str) -> None:
    """Change the English label of an option in the PIM."""
    option = shop.sandbox.pim.table("attribute-options", attribute)[code]
    shop.sandbox.pim.put_row(("attribute-options", attribute), {**option, "labels": {"en_US": text}})


def test_choices_that_are_called_alike_are_one_choice_of_the_target(tmp_path: Path) -> None:
    uses = {"name": "Uses__c", "type": "multipicklist", "values": ["Kitchen", "On a trip"], "restricted": True}
    products = [product("a", uses=["home", "trip", "work"])]
    with open_shop(tmp_path, fields=[uses, {"name": "Text__c", **TEXT}], products=products) as shop:
        label(shop, "uses", "home", "Kitchen")
        label(shop, "uses", "work", "Kitchen")
        of_uses = {"value": "uses", "labels": True}
        shop.write(items(Uses__c=of_uses, Text__c={**of_uses, "join": ", "}))
        shop.apply()
        assert shop.rows()["a"]["Uses__c"] == "Kitchen;On a trip"
        assert shop.rows()["a"]["Text__c"] == "Kitchen, On a trip, Kitchen"
        shop.settled()


def test_a_label_with_a_semicolon_rejects_its_records_and_no_others(tmp_path: Path) -> None:
    uses = {"name": "Uses__c", "type": "multipicklist", "values": ["At home", "On a trip"]}
    products = [product("a", uses=["home"]), product("b", uses=["home", "trip"])]
    with open_shop(tmp_path, fields=[uses], products=products) as shop:
        label(shop, "uses", "trip", "On a trip; outside")
        shop.write(items(Uses__c={"value": "uses", "labels": True}))
        assert "SE362" in shop.run("validate", "--live").out
        assert rejected(shop) == {"b": ("Uses__c", "SEPARATOR_IN_VALUE")}
        shop.apply(code=4)
        assert {key: row["Uses__c"] for key, row in shop.rows().items()} == {"a": "At home"}


def test_a_unit_of_another_family_rejects_its_record(tmp_path: Path) -> None:
    weight = {"name": "Weight__c", "type": "double", "precision": 8, "scale": 2}
    held = {"a": "KILOGRAM", "b": "METER"}
    products = [product(sku, weight={"amount": "2", "unit": unit}) for sku, unit in held.items()]
    with open_shop(tmp_path, fields=[weight], products=products) as shop:
        shop.write(items(Weight__c={"value": "weight", "unit": "GRAM"}))
        (problem,) = shop.streams()["items"]["rejections"]
        assert rejected(shop) == {"b": ("Weight__c", "UNKNOWN_UNIT")}
        assert "`METER` is no unit of the family Weight" in problem["reasons"][0]["message"]


TREE: Json = {
    "from": "categories",
    "to": "Item__c",
    "key": {"Key__c": "code"},
    "fields": {"Name": "code", "Parent__c": {"lookup": "tree", "value": "parent"}},
}
UP: Json = {"name": "Parent__c", "type": "reference", "references": ["Item__c"], "relationship": "Parent__r"}


def test_a_category_whose_parent_the_filter_leaves_out_is_rejected_or_becomes_a_root(tmp_path: Path) -> None:
    with open_shop(tmp_path, fields=[UP], categories=[category("a", "master"), category("b", "a")]) as shop:
        below = {**TREE, "filter": [{"field": "code", "operator": "IN", "value": ["master", "b"]}]}
        shop.write({"tree": below})
        (problem,) = shop.streams()["tree"]["rejections"]
        assert (problem["key"], problem["reasons"][0]["code"]) == ("b", "MISSING_PARENT")
        leaving = {"lookup": "tree", "value": "parent", "missing": "leave"}
        shop.write({"tree": {**below, "fields": {"Name": "code", "Parent__c": leaving}}})
        shop.apply()
        assert {key: row.get("Parent__c") for key, row in shop.rows().items()} == {"master": None, "b": None}
        shop.settled()


def test_a_tree_that_is_not_there_is_a_mistake_and_no_empty_tree(tmp_path: Path) -> None:
    with open_shop(tmp_path, categories=[category("a", "master"), category("b", "a")]) as shop:
        tree = {**TREE, "fields": {"Name": "code"}, "on_missing": "delete"}
        assignments: Json = {
            "from": "products",
            "for_each": "category",
            "to": "Item__c",
            "fields": {"Name": "category"},
        }
        assignments |= {"key": {"Key__c": "{{ sku }}-{{ category }}"}, "on_missing": "delete"}
        shop.write({"tree": {**tree, "root": "master"}, "assignments": {**assignments, "root": "MASTER"}})
        shop.apply()
        assert shop.rows().keys() == {"master", "a", "b"}
        shop.write({"tree": {**tree, "root": "mastre"}, "assignments": {**assignments, "root": "zzz"}})
        refused = shop.run("plan", code=3).err
        assert "SE505: `mastre` is none of the codes of `categories`" in refused
        assert "Did you mean `master`?" in refused
        assert "SE505: `zzz` is none of the codes of `categories`" in refused
        shop.run("snapshot", code=None)
        offline = shop.run("validate", "--format", "json", code=3).data["problems"]
        assert [each["code"] for each in offline if each["severity"] == "error"] == ["SE505", "SE505"]


def test_completeness_and_quality_are_read_in_their_channel_and_locale(tmp_path: Path) -> None:
    number = {"type": "double", "precision": 5, "scale": 0}
    fields = [{"name": f"{name}__c", **number} for name in ("Here", "German", "Print")] + [{"name": "Score__c", **TEXT}]
    with open_shop(tmp_path, fields=fields, products=[product("a", name="A", title={"en_US": "Mug"})]) as shop:
        family = shop.sandbox.pim.table("families")["mugs"]
        needed = {"web": ["sku", "title"], "print": ["sku", "title", "notes"]}
        shop.sandbox.pim.put_row(("families",), {**family, "attribute_requirements": needed})
        mapped: dict[str, Json | str] = {
            "Here__c": "completeness",
            "German__c": {"value": "completeness", "locale": "de_DE"},
            "Print__c": {"value": "completeness", "channel": "print"},
            "Score__c": {"expression": "'good' if quality_score <= 'B' else 'poor'"},
        }
        shop.write(items(**mapped))
        shop.apply()
        row = shop.rows()["a"]
        assert (row["Here__c"], row["German__c"], row["Print__c"]) == (100, 50, 66)
        assert row["Score__c"] in ("good", "poor")
        shop.settled()
