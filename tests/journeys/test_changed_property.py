"""Whatever happens in the PIM, after ``apply --changed`` a comparison of everything finds nothing to create or update.

What left the PIM or the filter, and what was edited in the org, are not looked for by a transfer of what changed.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from tests.journeys.small import KEY, Json, Shop, category, model, open_shop, product, uuid_of, values_of
from tests.journeys.test_changed import save_model

from sync_engine.planner import changed

SKUS = [*(f"mug-{each}" for each in range(12)), *(f"shirt-{each}" for each in range(4))]
CODES = {
    ("attribute-options", "colour"): ("red", "blue", "teal"),
    ("attribute-options", "uses"): ("home", "trip", "work"),
    ("families",): ("mugs", "shirts"),
    ("categories",): ("cups", "sale", "new", "old"),
}
TREE = CODES["categories",]
OBJECTS = [
    {"name": "Model__c", "fields": [KEY, {"name": "Notes__c", "type": "string", "length": 40}]},
    {
        "name": "Row__c",
        "fields": [
            KEY,
            {"name": "Item__c", "type": "reference", "references": ["Item__c"], "relationship": "Item__r"},
            {"name": "Path__c", "type": "string", "length": 255},
            {"name": "Label__c", "type": "string", "length": 80},
        ],
    },
]
FIELDS: list[Json] = [
    {"name": "Model__c", "type": "reference", "references": ["Model__c"], "relationship": "Model__r"},
    *({"name": f"{name}__c", "type": "string", "length": 40} for name in ("Notes", "Colour", "Uses", "Family")),
]
COMPLETE = {"field": "completeness", "operator": "=", "value": 100}
BELOW = {"field": "categories", "operator": "IN CHILDREN", "value": ["cups"]}
STREAMS: Json = {
    "models": {
        "from": "product_models",
        "to": "Model__c",
        "key": {"Key__c": "code"},
        "fields": {"Name": "code", "Notes__c": "notes"},
    },
    "items": {
        "from": "products",
        "to": "Item__c",
        "key": {"Key__c": "sku"},
        "filter": [{"field": "enabled", "operator": "=", "value": True}, COMPLETE],
        "fields": {
            "Name": "name",
            "Notes__c": "notes",
            "Colour__c": {"value": "colour", "labels": True},
            "Uses__c": {"template": "{{ uses | map('label') | join(', ') }}"},
            "Family__c": {"value": "family", "labels": True},
            "Model__c": {"lookup": "models", "value": "parent"},
        },
    },
    "rows": {
        "from": "products",
        "to": "Row__c",
        "for_each": "category",
        "key": {"Key__c": "{{ uuid }}-{{ category }}"},
        "filter": [BELOW],
        "fields": {
            "Item__c": {"lookup": "items", "value": "sku"},
            "Path__c": "category_path",
            "Label__c": {"value": "category", "labels": True},
        },
    },
}
FREE = {f"max_{each}_percent": 100 for each in ("delete", "update", "emptied", "rejected", "collapse")}

text = st.text("abcé'\\ ", min_size=1, max_size=12).map(lambda each: f"x{each}")
some_labels = st.lists(st.sampled_from(TREE), max_size=2, unique=True)
edits = st.one_of(
    st.tuples(st.just("value"), st.sampled_from(SKUS), st.sampled_from(["name", "notes"]), text),
    st.tuples(st.just("value"), st.sampled_from(SKUS), st.just("notes"), st.just("too long" * 10)),
    st.tuples(st.just("value"), st.sampled_from(SKUS), st.just("colour"), st.sampled_from(["red", "blue", None])),
    st.tuples(st.just("value"), st.sampled_from(SKUS), st.just("uses"), st.just(["home", "trip"])),
    st.tuples(st.just("value"), st.sampled_from(SKUS), st.just("sku"), st.sampled_from(SKUS[:6])),
    st.tuples(st.just("properties"), st.sampled_from(SKUS), st.just("categories"), some_labels),
    st.tuples(st.just("properties"), st.sampled_from(SKUS), st.just("enabled"), st.booleans()),
    st.tuples(
        st.just("label"), st.sampled_from([(name, code) for name, codes in CODES.items() for code in codes]), text
    ),
    st.tuples(st.just("move"), st.sampled_from(TREE), st.sampled_from(["master", *TREE])),
    st.tuples(st.just("requires"), st.sampled_from(["mugs", "shirts"]), st.sampled_from([["sku"], ["sku", "colour"]])),
    st.tuples(st.just("model"), st.sampled_from(["shirt", "top"]), text),
    st.tuples(st.just("new"), st.integers(0, 99), st.sampled_from(SKUS)),
    st.tuples(st.just("delete"), st.sampled_from(SKUS)),
)


@contextmanager
def opened(folder: Path) -> Iterator[Shop]:
    mugs = [product(sku, name=sku, colour="red", categories=["cups"]) for sku in SKUS if sku.startswith("mug")]
    shirts = [
        product(sku, name=sku, parent="shirt" if index % 2 else "low", colour="blue", size="s")
        for index, sku in enumerate(each for each in SKUS if each.startswith("shirt"))
    ]
    models = [
        model("top"),
        model("low", parent="top"),
        model("shirt", variant="shirts_size", notes="of the shirt"),
    ]
    tree = [category(code, "master", en_US=code) for code in TREE]
    with open_shop(
        folder, fields=FIELDS, objects=OBJECTS, products=[*mugs, *shirts], models=models, categories=tree
    ) as shop:
        shop.write(STREAMS, safety={**FREE, "expect": {"min": 0}})
        yield shop


def make(shop: Shop, edit: tuple[Any, ...]) -> None:
    """Do what an edit says, in the PIM; what is not there any more cannot be edited."""
    pim, (kind, what, *rest) = shop.sandbox.pim, edit
    uuid = uuid_of(what) if isinstance(what, str) else ""
    if kind in ("value", "properties", "delete") and uuid not in pim.products.by_key:
        return
    if kind == "value":
        shop.change(what, **{rest[0]: rest[1]})
    elif kind == "properties":
        pim.edit_product(uuid, **{rest[0]: rest[1]})
    elif kind == "delete":
        pim.delete_product(uuid)
    elif kind == "new":
        new = product(f"new-{what}", name="New", colour="red")
        values = {**new["values"], **values_of({"sku": f"new-{what}" if what % 3 else rest[0]})}
        pim.save_product({**new, "values": values, "updated": pim.now_text()})
    elif kind == "model":
        save_model(shop, what, notes=rest[0])
    elif kind == "requires":
        put(shop, ("families",), what, attribute_requirements={"web": rest[0]})
    elif kind == "label":
        put(shop, *what, labels={"en_US": rest[0]})
    elif kind == "move" and what not in above(shop, rest[0]):
        put(shop, ("categories",), what, parent=rest[0])


def above(shop: Shop, code: str | None) -> Iterator[str]:
    """A category and those above it."""
    while code is not None:
        yield code
        code = shop.sandbox.pim.tables["categories",][code]["parent"]


def unwritten(shop: Shop) -> set[tuple[str, str]]:
    """Stream and source key of the records that the ledger knows it could not write."""
    with closing(sqlite3.connect(shop.project.folder / ".sync-engine" / "ledger.db")) as ledger:
        return set(ledger.execute("SELECT stream, source_key FROM unwritten"))


def put(shop: Shop, name: tuple[str, ...], code: str, **changed: Any) -> None:
    pim = shop.sandbox.pim
    pim.put_row(name, {**pim.tables[name][code], **changed})


@pytest.mark.slow
def test_nothing_that_should_be_written_is_missed(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The PIM's clock counts in seconds; anything more would read again what an earlier transfer has missed.
    monkeypatch.setattr(changed, "OVERLAP", timedelta(seconds=1))
    with opened(tmp_path_factory.mktemp("shop")) as shop:
        shop.run("apply", "--yes")
        history: list[Any] = []
        in_part: list[bool] = []

        @settings(
            max_examples=20,
            deadline=None,
            phases=[Phase.generate],  # a smaller example would begin with another shop
            suppress_health_check=list(HealthCheck),
        )
        @given(st.lists(edits, min_size=3, max_size=6, unique_by=lambda edit: edit[:2]))
        def after_any_edits(made: list[tuple[Any, ...]]) -> None:
            history.append(made)
            for each in made:
                make(shop, each)
            done = shop.run("apply", "--changed", "--yes", code=None)
            assert done.code in (0, 4), done.err
            (left,) = shop.run("plan", "--format", "json").data["catalogs"]
            assert (left["summary"]["create"], left["summary"]["update"]) == (0, 0), (history, left["streams"])
            rejected = {(each["name"], one["source_key"]) for each in left["streams"] for one in each["rejections"]}
            known = unwritten(shop)
            assert rejected == known, (rejected - known, known - rejected, history)
            in_part.append("all records are read" not in done.out)

        after_any_edits()
        assert sum(in_part) > len(in_part) / 2, "else this proves nothing"
