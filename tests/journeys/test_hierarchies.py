"""Models of two levels, variants, trees: parents are written first, and no child without its parent."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.journeys.small import KEY, Json, Shop, category, model, open_shop, product

PARENT: Json = {"name": "Parent__c", "type": "reference", "references": ["Item__c"], "relationship": "Parent__r"}
OTHER: Json = {"name": "Other__c", "type": "reference", "references": ["Item__c"], "relationship": "Other__r"}
MODEL: Json = {"name": "Model__c", "type": "reference", "references": ["Model__c"], "relationship": "Model__r"}
KIND: Json = {"name": "Kind__c", "type": "string", "length": 20}
AXES: Json = {"name": "Axes__c", "type": "string", "length": 80}
MODELS: Json = {
    "name": "Model__c",
    "fields": [
        KEY,
        AXES,
        {"name": "Parent__c", "type": "reference", "references": ["Model__c"], "relationship": "Parent__r"},
    ],
}
# The PIM gives models by code: here every child comes before its parent.
SHIRT = [
    model("z-shirt", name="Shirt"),
    model("m-shirt-red", parent="z-shirt", name="Shirt", colour="red"),
    model("a-shirt-blue", parent="z-shirt", name="Shirt", colour="blue"),
    model("b-polo", variant="shirts_size", name="Polo"),
]
VARIANTS = [
    product("red-s", parent="m-shirt-red", name="Shirt", colour="red", size="s"),
    product("blue-l", parent="a-shirt-blue", name="Shirt", colour="blue", size="l"),
    product("polo-s", parent="b-polo", name="Polo", size="s"),
    product("mug", name="Mug"),
]
MODEL_FIELDS = {"Name": "name", "Axes__c": {"value": "axes", "join": "+"}}


def stream(from_: str, to: str, key: str, **fields: Any) -> Json:
    return {"from": from_, "to": to, "key": {"Key__c": key}, "fields": {"Name": "name", **fields}}


def parents(shop: Shop, object_: str, field: str, parent_object: str) -> dict[str, str | None]:
    """Key of the parent by key, as the org holds them."""
    keys: dict[str | None, str] = {row["Id"]: row["Key__c"] for row in shop.sandbox.org.rows(parent_object)}
    return {row["Key__c"]: keys.get(row.get(field)) for row in shop.sandbox.org.rows(object_)}


@pytest.fixture(params=["collections", "bulk"])
def shop(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Shop]:
    """Shirts in two levels, a polo in one, a mug; in both ways of writing."""
    with open_shop(
        tmp_path, fields=[PARENT, MODEL, KIND, AXES], objects=[MODELS], products=VARIANTS, models=SHIRT
    ) as made:
        if request.param == "bulk":
            made.connect(bulk_threshold=0)
        yield made


def test_models_and_variants_arrive_in_one_object(shop: Shop) -> None:
    shop.write(
        {
            "variants": stream(
                "products",
                "Item__c",
                "sku",
                Kind__c={"const": "Product"},
                Parent__c={"lookup": "models", "value": "parent"},
            ),
            "models": stream(
                "product_models",
                "Item__c",
                "code",
                Kind__c={"const": "Model"},
                Axes__c={"value": "axes", "labels": True, "join": "+"},
                Parent__c={"lookup": "models", "value": "parent"},
            ),
        }
    )
    assert [each["name"] for each in shop.plan()["streams"]] == ["models", "variants"], "parents first"
    assert shop.apply()["summary"]["created"] == 8
    assert parents(shop, "Item__c", "Parent__c", "Item__c") == {
        "z-shirt": None, "m-shirt-red": "z-shirt", "a-shirt-blue": "z-shirt", "b-polo": None,
        "red-s": "m-shirt-red", "blue-l": "a-shirt-blue", "polo-s": "b-polo", "mug": None,
    }  # fmt: skip
    axes = {key: row.get("Axes__c") for key, row in shop.rows().items() if row["Kind__c"] == "Model"}
    assert axes == {"z-shirt": "Colour", "m-shirt-red": "size", "a-shirt-blue": "size", "b-polo": "size"}
    shop.settled()


def test_models_and_variants_arrive_in_two_objects(shop: Shop) -> None:
    shop.write(
        {
            "variants": stream("products", "Item__c", "sku", Model__c={"lookup": "models", "value": "parent"}),
            "models": stream("product_models", "Model__c", "code", Parent__c={"lookup": "models", "value": "parent"}),
        }
    )
    assert shop.apply()["summary"]["created"] == 8
    assert parents(shop, "Model__c", "Parent__c", "Model__c") == {
        "z-shirt": None, "m-shirt-red": "z-shirt", "a-shirt-blue": "z-shirt", "b-polo": None,
    }  # fmt: skip
    assert parents(shop, "Item__c", "Model__c", "Model__c") == {
        "red-s": "m-shirt-red", "blue-l": "a-shirt-blue", "polo-s": "b-polo", "mug": None,
    }  # fmt: skip
    shop.settled()

    # A variant moves to another model: one field changes, and the plan says it by the parents' keys.
    moved = shop.sandbox.pim.edit_product(VARIANTS[2]["uuid"], parent="a-shirt-blue")
    (change,) = shop.streams()["variants"]["changes"]
    assert (change["key"], change["fields"]) == (
        "polo-s", [{"field": "Model__c", "before": "b-polo", "after": moved["parent"], "cause": "pim"}],
    )  # fmt: skip
    shop.apply()
    assert parents(shop, "Item__c", "Model__c", "Model__c")["polo-s"] == "a-shirt-blue"
    shop.settled()

    # A simple product becomes a variant: the same record, which now refers to its model.
    shop.sandbox.pim.edit_product(VARIANTS[3]["uuid"], parent="b-polo", family="shirts")
    (change,) = shop.streams()["variants"]["changes"]
    assert (change["operation"], change["key"]) == ("update", "mug")
    shop.apply()
    assert parents(shop, "Item__c", "Model__c", "Model__c")["mug"] == "b-polo"
    shop.settled()


def test_a_variant_can_refer_to_its_top_model(shop: Shop) -> None:
    shop.write(
        {
            "models": stream("product_models", "Model__c", "code"),
            "variants": stream("products", "Item__c", "sku", Model__c={"lookup": "models", "value": "root_parent"}),
        }
    )
    shop.apply()
    assert parents(shop, "Item__c", "Model__c", "Model__c") == {
        "red-s": "z-shirt", "blue-l": "z-shirt", "polo-s": "b-polo", "mug": None,
    }  # fmt: skip
    shop.settled()


def test_a_deep_tree_is_written_level_by_level(tmp_path: Path) -> None:
    chain = [category(f"c{20 - depth:02}", f"c{21 - depth:02}" if depth > 1 else "master") for depth in range(1, 21)]
    with open_shop(tmp_path, fields=[PARENT], categories=chain) as shop:
        tree = stream("categories", "Item__c", "code", Parent__c={"lookup": "tree", "value": "parent"})
        shop.write({"tree": {**tree, "fields": {**tree["fields"], "Name": "code"}}})
        assert shop.apply()["summary"]["created"] == 21
        found = parents(shop, "Item__c", "Parent__c", "Item__c")
        assert found == {"master": None} | {each["code"]: each["parent"] for each in chain}
        shop.settled()


def linked(name: str, *, to: str = "", other: str = "") -> Json:
    """A product that names two others: its parent in `ean`, another one in `notes`."""
    return product(name, name=name, ean=to or None, notes=other or None)


def links(*, parent: str = "reject", other: str = "reject") -> Json:
    return stream(
        "products", "Item__c", "sku",
        Name={"value": "name", "required": True},
        Parent__c={"lookup": "items", "value": "ean", "missing": parent},
        Other__c={"lookup": "items", "value": "notes", "missing": other},
    )  # fmt: skip


def reasons(stream_: Json) -> dict[str, list[tuple[str, str]]]:
    """Code and field of every reason by key."""
    return {
        each["key"]: [(reason["code"], reason["field"]) for reason in each["reasons"]] for each in stream_["rejections"]
    }


def test_what_hangs_on_a_rejected_record_is_rejected_with_it(tmp_path: Path) -> None:
    products = [
        linked("grandchild", to="child"),
        linked("child", to="root"),
        product("root", ean="nobody"),
        linked("sound", to="whole"),
        linked("whole"),
    ]
    with open_shop(tmp_path, fields=[PARENT, OTHER], products=products) as shop:
        shop.write({"items": links()})
        items = shop.streams()["items"]
        assert reasons(items) == {
            "root": [("REQUIRED_EMPTY", "Name")],
            "child": [("MISSING_PARENT", "Parent__c")],
            "grandchild": [("MISSING_PARENT", "Parent__c")],
        }
        assert [each["key"] for each in items["changes"]] == ["whole", "sound"]
        assert shop.apply(code=4)["summary"] | {"created": 2, "rejected": 3} == shop.shown()["summary"]

        # The root is mended: the rest follows by itself.
        shop.change("root", name="root", ean=None)
        assert shop.apply()["summary"]["created"] == 3
        shop.settled()


def test_a_missing_parent_rejects_or_leaves_the_field_as_the_lookup_says(tmp_path: Path) -> None:
    products = [
        linked("both", to="nobody", other="nowhere"),
        linked("only-other", other="nowhere"),
        linked("fine", other="only-other"),
    ]
    with open_shop(tmp_path, fields=[PARENT, OTHER], products=products) as shop:
        shop.write({"items": links(other="leave")})
        assert reasons(shop.streams()["items"]) == {"both": [("MISSING_PARENT", "Parent__c")]}
        shop.apply(code=4)
        assert parents(shop, "Item__c", "Other__c", "Item__c") == {"only-other": None, "fine": "only-other"}
        shop.settled(rejected=1)

        # The parent went from the PIM's data, not from the org: what the org holds is left alone.
        shop.change("fine", notes="nowhere")
        shop.settled(rejected=1)
        shop.change("fine", notes=None)
        shop.apply(code=4)
        assert parents(shop, "Item__c", "Other__c", "Item__c")["fine"] is None


def test_a_record_is_held_until_its_parent_is_there(tmp_path: Path) -> None:
    products = [linked("child", to="late"), linked("grandchild", to="child"), linked("fine")]
    with open_shop(tmp_path, fields=[PARENT, OTHER], products=products) as shop:
        shop.write({"items": links(parent="hold")})
        items = shop.streams()["items"]
        assert [each["key"] for each in items["waiting"]] == ["child", "grandchild"]
        assert items["waiting"][0]["reasons"][0]["code"] == "WAITS_FOR_PARENT"
        assert items["rejections"] == []
        assert items["summary"] | {"create": 1, "rejected": 0} == items["summary"]
        planned = shop.run("plan").out
        assert "… waits child" in planned
        assert "0 rejected, 2 waiting." in planned
        assert "<summary>waiting: 2</summary>" in shop.run("plan", "--format", "markdown").out
        assert shop.run("plan", "--format", "html").out.count('<span class="tag kept">waits</span>') == 2

        # Nobody has to do anything: this is no failure, and no gate counts it.
        assert shop.apply(code=0)["summary"] | {"created": 1, "rejected": 0} == shop.shown()["summary"]
        shown = shop.run("transfers", "show").out
        assert "WAITS_FOR_PARENT Parent__c: 2 records" in shown
        assert "The transfer that finds the parent sends the record." in shown
        assert {each["key"]: each["outcome"] for each in shop.shown()["outcomes"]} == {
            "fine": "created",
            "child": "waiting",
            "grandchild": "waiting",
        }

        # The PIM does not call the child changed when its parent comes, and it is sent all the same.
        pim = shop.sandbox.pim
        pim.add_product(**{**linked("late"), "updated": pim.now_text()})
        assert shop.apply("--changed")["summary"]["created"] == 3
        assert parents(shop, "Item__c", "Parent__c", "Item__c") | {"child": "late", "grandchild": "child"} == parents(
            shop, "Item__c", "Parent__c", "Item__c"
        )
        shop.settled()


@pytest.mark.parametrize(
    ("parent", "other", "rejecting"),
    [("reject", "leave", "Parent"), ("leave", "reject", "Other"), ("hold", "reject", "Other")],
)
def test_of_two_missing_parents_the_one_that_matters_rejects(
    tmp_path: Path, parent: str, other: str, rejecting: str
) -> None:
    with open_shop(tmp_path, fields=[PARENT, OTHER], products=[linked("one"), linked("two")]) as shop:
        shop.write({"items": links(parent=parent, other=other)})
        shop.apply()
        shop.change("one", ean="nobody", notes="nowhere")
        assert reasons(shop.streams()["items"]) == {"one": [("MISSING_PARENT", f"{rejecting}__c")]}


def test_a_record_left_without_both_parents_is_unchanged(tmp_path: Path) -> None:
    with open_shop(tmp_path, fields=[PARENT, OTHER], products=[linked("one"), linked("two")]) as shop:
        shop.write({"items": links(parent="leave", other="leave")})
        shop.apply()
        shop.change("one", ean="nobody", notes="nowhere")
        assert shop.plan()["summary"]["unchanged"] == 2
        shop.settled()


def test_a_circle_of_parents_is_rejected_with_all_that_hangs_on_it(tmp_path: Path) -> None:
    products = [
        linked("first", to="second"),
        linked("second", to="first"),
        linked("own", to="own"),
        linked("hanging", to="first"),
        linked("sound"),
    ]
    with open_shop(tmp_path, fields=[PARENT, OTHER, MODEL], objects=[MODELS], products=products) as shop:
        of_circle = stream("products", "Item__c", "{{ sku }}-copy", Parent__c={"lookup": "items", "value": "sku"})
        shop.write({"items": links(), "copies": of_circle})
        streams = shop.streams(code=5)
        circle = ("PARENT_CYCLE", "")
        assert reasons(streams["items"]) == {name: [circle] for name in ("first", "second", "own", "hanging")}
        assert [each["key"] for each in streams["items"]["changes"]] == ["sound"]
        # The copies refer to the records themselves, in another stream.
        missing = [("MISSING_PARENT", "Parent__c")]
        assert reasons(streams["copies"]) == {f"{name}-copy": missing for name in ("first", "second", "own", "hanging")}
