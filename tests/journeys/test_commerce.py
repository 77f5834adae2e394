"""The example of a B2B store, on the demo's own data: every record compared with what the PIM holds."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.journeys.conftest import ROOT, NewProject, Project

from sync_engine_sandbox.sandbox import DEMO_DATA, Sandbox, running

AXES = {"color": "Color__c", "volume": "Volume_l__c"}
COMMERCE = ROOT / "catalogs" / "commerce"


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with running(DEMO_DATA, COMMERCE / "org.json") as made:
        yield made


@pytest.fixture
def project(new_project: NewProject, sandbox: Sandbox) -> Project:
    return new_project(COMMERCE, sandbox)


def lines(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (DEMO_DATA / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()]


def drinkware_variants() -> list[dict[str, Any]]:
    return [each for each in lines("family-variants") if each["_family"] == "drinkware"]


def axes(variant: dict[str, Any]) -> list[str]:
    return [axis for level in variant["variant_attribute_sets"] for axis in level["axes"]]


def label(name: str, code: str) -> str:
    return next(str(each["labels"]["en_US"]) for each in lines(name) if each["code"] == code)


def drinkware(name: str) -> list[dict[str, Any]]:
    return [each for each in lines(name) if each["family"] == "drinkware"]


def value(product: dict[str, Any], code: str) -> Any:
    """What a product, or its model, holds in an attribute without locale and channel."""
    inherited = {each["code"]: each["values"] for each in lines("product-models")}.get(product["parent"], {})
    (entry,) = {**inherited, **product["values"]}[code]
    return entry["data"]


def test_the_store_gets_what_the_pim_holds_and_nothing_is_left_to_do(project: Project, sandbox: Sandbox) -> None:
    project.run("apply", "--yes")
    org = sandbox.org
    models, products = drinkware("product-models"), drinkware("products")
    variants = [each for each in products if each["parent"]]
    keys = {row["Id"]: row["PIM_Id__c"] for row in org.rows("Product2")}
    assert {row["PIM_Id__c"]: row["ProductClass"] for row in org.rows("Product2")} == {
        **{each["code"]: "VariationParent" for each in models},
        **{each["uuid"]: "Variation" if each["parent"] else "Simple" for each in products},
    }
    family_variants = drinkware_variants()
    sets = {row["Id"]: row["DeveloperName"] for row in org.rows("ProductAttributeSet")}
    assert sorted(
        (row["DeveloperName"], row["MasterLabel"], row["Description"]) for row in org.rows("ProductAttributeSet")
    ) == sorted(
        (each["code"], each["labels"]["en_US"], ", ".join(label("attributes", axis) for axis in axes(each)))
        for each in family_variants
    )
    assert sorted(
        (sets[row["ProductAttributeSetId"]], row["Field"], row["Sequence"])
        for row in org.rows("ProductAttributeSetItem")
    ) == sorted(
        (each["code"], AXES[axis], position)
        for each in family_variants
        for position, axis in enumerate(axes(each), start=1)
    )
    assert sorted(
        (keys[row["ProductId"]], sets[row["ProductAttributeSetId"]]) for row in org.rows("ProductAttributeSetProduct")
    ) == sorted((each["code"], each["family_variant"]) for each in models)
    litres = {"LITER": 1, "MILLILITER": 0.001, "CENTILITER": 0.01}
    assert {
        (keys[row["ProductId"]], keys[row["VariantParentId"]]): row["Volume_l__c"]
        for row in org.rows("ProductAttribute")
    } == {
        (each["uuid"], each["parent"]): pytest.approx(float(volume["amount"]) * litres[volume["unit"]])
        for each in variants
        for volume in (value(each, "volume"),)
    }
    assert {
        (keys[row["Product2Id"]], row["CurrencyIsoCode"]): row["UnitPrice"] for row in org.rows("PricebookEntry")
    } == {
        (each["uuid"], price["currency"]): pytest.approx(float(price["amount"]))
        for each in products
        for price in value(each, "price")
    }
    parents = {each["code"]: each["parent"] for each in lines("categories")}
    shop_codes = {row["Id"]: row["PIM_Code__c"] for row in org.rows("ProductCategory")}
    assert {
        (keys[row["ProductId"]], shop_codes[row["ProductCategoryId"]]) for row in org.rows("ProductCategoryProduct")
    } == {(each["uuid"], code) for each in products for code in each["categories"] if in_tree(code, parents)}
    assert {(keys[row["ParentId"]], row["Language"]) for row in org.rows("Product2DataTranslation")} == {
        (each["uuid"], language) for each in products for language in ("de", "fr")
    }

    (plan,) = project.run("plan", "--format", "json").data["catalogs"]
    assert not any(plan["summary"][name] for name in ("create", "update", "deactivate", "delete", "rejected"))
    (record,) = org.rows("PIM_Transfer__c")
    assert (record["Catalog__c"], record["Status__c"], record["Rejected__c"]) == ("drinkware", "done", 0)
    assert record["Created__c"] > len(products)


def test_sets_items_and_their_order_follow_the_pim(project: Project, sandbox: Sandbox) -> None:
    project.run("apply", "--yes")
    (variant,) = drinkware_variants()
    code = variant["code"]

    def planned() -> set[tuple[str, str, tuple[str, ...]]]:
        (plan,) = project.run("plan", "--format", "json").data["catalogs"]
        return {
            (stream["name"], each["key"], tuple(field["field"] for field in each["fields"]))
            for stream in plan["streams"]
            for each in stream["changes"]
        }

    def edit(*table: str, code: str, **properties: Any) -> None:
        sandbox.pim.put_row(table, {**sandbox.pim.table(*table)[code], **properties})

    edit("family-variants", "drinkware", code=code, labels={"en_US": "Colors and sizes"})
    assert planned() == {("attribute_sets", code, ("MasterLabel",))}
    edit("attributes", code="volume", labels={"en_US": "Capacity"})
    assert planned() == {("attribute_sets", code, ("MasterLabel", "Description"))}
    project.run("apply", "--yes")
    (row,) = sandbox.org.rows("ProductAttributeSet")
    assert (row["MasterLabel"], row["Description"]) == ("Colors and sizes", "Color, Capacity")

    level = {"level": 1, "axes": ["volume"], "attributes": ["volume"]}
    edit("family-variants", "drinkware", code=code, variant_attribute_sets=[level])
    assert {each[:2] for each in planned()} == {
        ("attribute_sets", code),
        ("set_items", f"{code} / Color__c"),
        ("set_items", f"{code} / Volume_l__c"),
    }
    project.run("apply", "--yes")
    (item,) = sandbox.org.rows("ProductAttributeSetItem")
    assert (item["ProductAttributeSetId"], item["Field"], item["Sequence"]) == (row["Id"], "Volume_l__c", 1)
    assert planned() == set()


def in_tree(code: str | None, parents: dict[str, str | None]) -> bool:
    """Whether a category is in the tree ``master``."""
    while code is not None and code != "master":
        code = parents[code]
    return code == "master"


@pytest.mark.slow
def test_a_variation_that_changes_its_parent_is_rejected_with_the_platforms_reason(
    project: Project, sandbox: Sandbox
) -> None:
    project.run("apply", "--yes")
    first = next(each for each in drinkware("products") if each["parent"])
    other = next(each["code"] for each in drinkware("product-models") if each["code"] != first["parent"])
    sandbox.pim.edit_product(first["uuid"], parent=other)
    done = project.run("apply", "--yes", "--json", code=4)
    assert done.data["transfers"][0]["summary"]["rejected"] == 1
    said = project.run("transfers", "show").out
    assert f"{first['uuid']} / {other}" in said
    assert "DUPLICATE_VALUE" in said
    # By then it has left its old parent, so that the next transfer gives it the new one.
    project.run("apply", "--yes")
    keys = {row["Id"]: row["PIM_Id__c"] for row in sandbox.org.rows("Product2")}
    parents = {keys[row["ProductId"]]: keys[row["VariantParentId"]] for row in sandbox.org.rows("ProductAttribute")}
    assert parents[first["uuid"]] == other


@pytest.mark.slow
def test_a_variation_becomes_a_product_of_its_own_and_a_variation_again(project: Project, sandbox: Sandbox) -> None:
    def kind(uuid: str) -> str:
        return str(next(row["ProductClass"] for row in sandbox.org.rows("Product2") if row["PIM_Id__c"] == uuid))

    project.run("apply", "--yes")
    variant = next(each for each in drinkware("products") if each["parent"])
    assert kind(variant["uuid"]) == "Variation"
    sandbox.pim.edit_product(variant["uuid"], parent=None)
    project.run("apply", "--yes")
    assert kind(variant["uuid"]) == "Simple"
    sandbox.pim.edit_product(variant["uuid"], parent=variant["parent"])
    project.run("apply", "--yes")
    assert kind(variant["uuid"]) == "Variation"


def test_every_tree_can_become_a_catalog_of_the_store(new_project: NewProject, tmp_path: Path) -> None:
    org = json.loads((COMMERCE / "org.json").read_text(encoding="utf-8"))
    (code,) = next(each["fields"] for each in org["objects"] if each["name"] == "ProductCategory")
    next(each for each in org["objects"] if each["name"] == "ProductCatalog")["fields"] = [code]
    (tmp_path / "org.json").write_text(json.dumps(org), encoding="utf-8")
    with running(DEMO_DATA, tmp_path / "org.json") as sandbox:
        project = new_project(COMMERCE, sandbox)
        project.edit(
            "catalogs/drinkware.yaml",
            (
                "  categories:\n    from: categories\n    root: master\n",
                """  trees:
    from: categories
    filter: [{field: level, operator: "=", value: 1}]
    to: ProductCatalog
    key: {PIM_Code__c: code}
    fields: {Name: {expression: "label or code"}}

  categories:
    from: categories
""",
            ),
            ("{find: {Name: Webshop}}", "{lookup: trees, value: root}"),
            ("    root: master\n    to: ProductCategoryProduct", "    to: ProductCategoryProduct"),
        )
        project.run("apply", "--yes")
        trees = {row["Id"]: row["PIM_Code__c"] for row in sandbox.org.rows("ProductCatalog") if row.get("PIM_Code__c")}
        parents = {each["code"]: each["parent"] for each in lines("categories")}
        held = {row["PIM_Code__c"]: trees[row["CatalogId"]] for row in sandbox.org.rows("ProductCategory")}
        assert held == {code: root_of(code, parents) for code in parents}
        assert len(set(held.values())) > 1
        (plan,) = project.run("plan", "--format", "json").data["catalogs"]
        assert not any(plan["summary"][name] for name in ("create", "update", "deactivate", "delete", "rejected"))


def root_of(code: str, parents: dict[str, str | None]) -> str:
    above = parents[code]
    return code if above is None else root_of(above, parents)
