"""The PIM's own catalogs, for apps: as the selection of what a catalog transfers, and as commands."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from tests.engine.repositories import commit, git
from tests.journeys.apps import (
    catalog,
    chosen,
    connect_as_app,
    enabled,
    refused_when_disabled_meanwhile,
    refused_while_disabled,
    stays_when_selected_again,
)
from tests.journeys.conftest import Finished
from tests.journeys.small import Json, Shop, model, open_shop, product, uuid_of

from sync_engine_sandbox.faults import Rule
from sync_engine_sandbox.pim.app_catalogs import set_up

FIELDS = [
    {"name": "Parent__c", "type": "reference", "references": ["Item__c"], "relationship": "Parent__r"},
    {"name": "German__c", "type": "string", "length": 80},
]
THING = {
    "name": "Thing__c",
    "fields": [
        {"name": "Uuid__c", "type": "string", "length": 36, "externalId": True, "unique": True},
        {"name": "Text__c", "label": "Text", "type": "string", "length": 80},
        {"name": "Weight__c", "type": "double", "precision": 12, "scale": 3},
        {"name": "Price__c", "type": "currency", "precision": 12, "scale": 2},
        {"name": "Washable__c", "type": "boolean"},
        {"name": "Day__c", "type": "date"},
        {"name": "Page__c", "type": "url"},
        {"name": "Tone__c", "label": "Tone", "type": "picklist", "values": ["Warm", "Cold"], "restricted": True},
        {"name": "Tags__c", "type": "multipicklist", "values": ["New", "Old"], "restricted": True},
        {"name": "Owner__c", "type": "reference", "references": ["Item__c"], "relationship": "Owner__r"},
    ],
}
WIDE = {
    "name": "Wide__c",
    "fields": [{"name": f"Text_{number}__c", "type": "string", "length": 10} for number in range(600)],
}
SHAPES = {
    "uuid": "string",
    "Name": "string",
    "Text__c": "string",
    "Weight__c": "number",
    "Price__c": "object",
    "Washable__c": "boolean",
    "Day__c": "string",
    "Page__c": "string",
    "Tone__c": "string",
    "Tags__c": "array",
}
LOGIN = """client_id: "${PIM_CLIENT_ID}"
    client_secret: "${PIM_SECRET}"
    username: "${PIM_USER}"
    password: "${PIM_PASSWORD}\""""
MODELS = {"from": "product_models", "to": "Item__c", "key": {"Key__c": "code"}, "fields": {"Name": "code"}}
PRODUCTS = {
    "from": "products",
    "to": "Item__c",
    "key": {"Key__c": "uuid"},
    "fields": {"Name": "name", "German__c": {"value": "title", "locale": "de_DE"}},
    "on_missing": "delete",
}
SAFETY = {"max_delete_percent": 100, "max_collapse_percent": 100}
MANY = 130
"""Products that the PIM lists in one page of keys and gives, by these, in several."""


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    mugs = [product(f"mug-{n:03}", name=f"Mug {n}", title={"de_DE": f"Becher {n}"}) for n in range(MANY)]
    shirts = [product(f"shirt-{size}", parent="shirt-low", name=size, size=size) for size in ("s", "l")]
    models = [model("shirt-root"), model("shirt-low", parent="shirt-root"), model("other-root")]
    with open_shop(tmp_path, fields=FIELDS, objects=[THING, WIDE], products=[*mugs, *shirts], models=models) as opened:
        connect_as_app(opened.project.folder)
        yield opened


def write(shop: Shop, own: str, streams: Json | None = None, **rest: Any) -> None:
    """The catalog of the project, which reads what that catalog of the PIM selects."""
    source = {"connection": "pim", "channel": "web", "locales": ["en_US", "de_DE"], "catalog": own}
    shop.write(streams or {"products": PRODUCTS}, source=source, safety=SAFETY, **rest)


def names(shop: Shop) -> list[str]:
    return sorted(str(row["Name"]) for row in shop.rows().values())


def test_every_selected_product_is_read_once_and_no_other(shop: Shop) -> None:
    pim = shop.sandbox.pim
    pim.edit_product(uuid_of("mug-005"), enabled=False)
    write(shop, enabled(shop))
    shop.apply()
    assert len(shop.rows()) == MANY + 2 - 1
    assert uuid_of("mug-005") not in shop.rows()
    shop.settled()


def test_the_models_above_the_selected_products_are_read(shop: Shop) -> None:
    with_parent = {**MODELS, "fields": {"Name": "code", "Parent__c": {"lookup": "models", "value": "parent"}}}
    variants = {**PRODUCTS, "fields": {"Name": "name", "Parent__c": {"lookup": "models", "value": "parent"}}}
    write(shop, enabled(shop, criteria=chosen("shirt-s")), {"models": with_parent, "products": variants})
    shop.apply()
    assert names(shop) == ["s", "shirt-low", "shirt-root"]


def test_the_filter_holds_on_top_of_the_selection(shop: Shop) -> None:
    own = enabled(shop, criteria=chosen("mug-001", "mug-002", "mug-003", "shirt-s"))
    by_the_pim = {"field": "family", "operator": "IN", "value": ["mugs"]}
    by_the_engine = {"any": [{"field": "name", "operator": "=", "value": each} for each in ("Mug 1", "Mug 3", "s")]}
    write(shop, own, filter=[by_the_pim, by_the_engine])
    shop.apply()
    assert names(shop) == ["Mug 1", "Mug 3"]
    asked = [each.query["search"] for each in shop.sandbox.pim.requests if each.path.endswith("/products-uuid")]
    assert any('"uuid":[{"operator":"IN"' in each and '"family":[{' in each for each in asked)


def test_what_leaves_the_selection_goes_with_proof_and_changed_does_not_miss_it(shop: Shop) -> None:
    own = enabled(shop, criteria=chosen("mug-001", "mug-002", "mug-003"))
    write(shop, own)
    shop.apply()
    set_up(shop.sandbox.pim, own, criteria=chosen("mug-003", "mug-004"))
    (planned,) = shop.run("plan", "--changed", "--format", "json").data["catalogs"]
    assert not planned["streams"][0]["changed_since"]
    summary = shop.apply("--changed")["summary"]
    assert (summary["created"], summary["deleted"]) == (1, 2)
    assert names(shop) == ["Mug 3", "Mug 4"]


def test_what_is_in_the_selection_again_before_it_is_deleted_stays(shop: Shop) -> None:
    own = enabled(shop, criteria=chosen("mug-001", "mug-002"))
    write(shop, own)
    stays_when_selected_again(shop, own)


def test_values_that_the_app_may_not_see_in_the_catalog_are_not_emptied(shop: Shop) -> None:
    write(shop, enabled(shop, criteria=chosen("mug-001"), values={"locales": ["en_US"]}))
    shop.apply()
    assert [row["German__c"] for row in shop.rows().values()] == ["Becher 1"]


def test_a_disabled_catalog_stops_everything_and_says_who_enables_it(shop: Shop) -> None:
    own = enabled(shop, criteria=chosen("mug-001"))
    write(shop, own)
    shop.apply()
    refused_while_disabled(shop, own)
    assert names(shop) == ["Mug 1"]
    shop.run("validate", "--live")
    assert f'"Store US" ({own}), enabled' in shop.run("doctor").out


def test_a_catalog_that_is_disabled_while_it_is_read_is_no_empty_one(shop: Shop) -> None:
    own = enabled(shop, criteria=chosen("mug-001"))
    write(shop, own)
    shop.apply()
    refused_when_disabled_meanwhile(shop, own, "/product-uuids")
    assert names(shop) == ["Mug 1"]


def test_a_catalog_is_found_by_its_name_where_only_one_has_it(shop: Shop) -> None:
    enabled(shop, criteria=chosen("mug-001"))
    write(shop, "Store US")
    shop.apply()
    assert names(shop) == ["Mug 1"]
    second = catalog(shop)
    assert second in shop.run("plan", code=1).err
    write(shop, "Store FR")
    done = shop.run("plan", code=1)
    assert 'no catalog "Store FR"' in done.err
    assert "pim-catalogs list" in done.err


def test_a_catalog_that_is_gone_or_of_another_app_is_refused(shop: Shop) -> None:
    write(shop, "7dd6a4a1-0000-4000-8000-000000000000")
    done = shop.run("plan", code=1)
    assert "does not exist or you can't access it" in done.err
    assert "pim-catalogs list" in done.err


def test_without_the_scope_it_is_said_which_one_is_needed(shop: Shop) -> None:
    write(shop, enabled(shop))
    pim = shop.sandbox.pim
    pim.settings = replace(pim.settings, app_scopes=frozenset({"read_products"}))
    done = shop.run("plan", code=1)
    assert "not allowed to access app catalogs" in done.err
    assert "read_catalogs" in done.err


def test_explain_says_whether_the_catalog_selects_a_record(shop: Shop) -> None:
    write(shop, enabled(shop, criteria=chosen("mug-001")))
    inside, outside = (shop.run("explain", "shop", each).out for each in ("mug-001", "mug-002"))
    assert re.search(r"Filter: passes\n *✓ the source's catalog .* selects it", inside)
    assert re.search(r"Filter: leaves it out\n *✗ the source's catalog .* selects it", outside)
    assert "Mug 1" in shop.run("preview", "shop", "--key", "mug-001").out
    assert "Mug 2" not in shop.run("preview", "shop", "--key", "mug-002", code=1).out


def test_another_selection_is_a_change_whose_effect_is_shown(shop: Shop) -> None:
    folder = shop.project.folder
    git(folder, "init", "--quiet", "--initial-branch", "main")
    write(shop, enabled(shop, criteria=chosen("mug-001", "mug-002")))
    shop.apply()
    commit(folder)
    write(shop, enabled(shop, criteria=chosen("mug-002", "mug-003")))
    (planned,) = shop.run("plan", "--base", "main", "--format", "json").data["catalogs"]
    assert [each["part"] for each in planned["config"]] == ["source.catalog"]
    (found,) = planned["streams"]
    changed = {each["operation"]: each["key"] for each in found["changes"]}
    assert changed == {"create": uuid_of("mug-003"), "delete": uuid_of("mug-001")}


def test_the_list_of_catalogs_says_what_they_select(shop: Shop) -> None:
    write(shop, "Store US")
    assert "catalog Store US of pim" in shop.run("catalogs", "list").out
    (found,) = shop.run("catalogs", "list", "--json").data["catalogs"]
    assert found["source_catalog"] == "Store US"


def pim(shop: Shop, *arguments: str, code: int = 0) -> Finished:
    """A command of ``pim-catalogs``; nobody is there to answer a question."""
    with patch("sys.stdin", io.StringIO()):
        return shop.run("pim-catalogs", *arguments, code=code)


def test_catalogs_for_apps_are_made_listed_copied_and_deleted(shop: Shop) -> None:
    made = pim(shop, "create", "Store US")
    first = made.out.strip()
    assert f"/connect/apps/v1/catalogs/{first}" in made.err
    second = pim(shop, "duplicate", "Store US", "Store FR", "--json").data["catalog"]
    assert (second["name"], second["enabled"]) == ("Store FR", False)
    set_up(shop.sandbox.pim, first)
    assert pim(shop, "list").out.splitlines() == [
        f"{first}  enabled   Store US",
        f"{second['id']}  disabled  Store FR",
    ]
    listed = pim(shop, "list", "--json").data["catalogs"]
    assert [(each["id"], each["enabled"]) for each in listed] == [(first, True), (second["id"], False)]
    assert "already" in pim(shop, "create", "Store FR", code=1).err
    assert pim(shop, "delete", "Store FR", code=130).err.count("Delete the catalog") == 1
    assert pim(shop, "delete", "Store FR", "--yes").out.strip() == second["id"]
    assert [each["name"] for each in pim(shop, "list", "--json").data["catalogs"]] == ["Store US"]
    assert 'no catalog "Store FR"' in pim(shop, "delete", "Store FR", "--yes", code=1).err


def test_a_catalog_whose_making_was_not_answered_is_not_made_twice(shop: Shop) -> None:
    with shop.sandbox.faults.during(Rule("lost", "pim", skip=1, times=1)):
        lost = pim(shop, "create", "Store US", code=69)
    assert "may have been done" in lost.err
    (made,) = pim(shop, "list", "--json").data["catalogs"]
    assert made["id"] in pim(shop, "create", "Store US", code=1).err
    assert len(pim(shop, "list", "--json").data["catalogs"]) == 1


def test_a_mapping_schema_is_made_of_the_fields_of_an_object_and_pushed(shop: Shop) -> None:
    own = catalog(shop)
    dry = pim(shop, "push-schema", own, "Thing__c", "--dry-run")
    targets = dry.data["properties"]
    assert {name: each["type"] for name, each in targets.items() if name in SHAPES} == SHAPES
    assert targets["Day__c"]["format"] == "date-time"
    assert targets["Page__c"]["format"] == "uri"
    assert targets["Price__c"]["required"] == ["amount", "currency"]
    assert targets["Tone__c"]["enum"] == ["Warm", "Cold"]
    assert targets["Tags__c"]["items"] == {"type": "string", "enum": ["New", "Old"]}
    assert (targets["Text__c"]["title"], targets["Text__c"]["maxLength"]) == ("Text", 80)
    assert "left out: Owner__c: it refers to another record" in dry.err
    assert "has no mapping schema" in pim(shop, "show-schema", own, code=1).err
    assert f"{len(targets) - 1} targets" in pim(shop, "push-schema", own, "Thing__c").out
    assert pim(shop, "show-schema", own).data == dry.data


def test_a_schema_that_loses_targets_is_asked_about_first(shop: Shop) -> None:
    own = catalog(shop)
    pim(shop, "push-schema", own, "Thing__c")
    stopped = pim(shop, "push-schema", own, "Thing__c", "--fields", "Text__c", code=130)
    assert "Tone__c" in stopped.err
    assert "Tone__c" in pim(shop, "show-schema", own).data["properties"]
    pim(shop, "push-schema", own, "Thing__c", "--fields", "Text__c,Tone__c", "--yes")
    assert list(pim(shop, "show-schema", own).data["properties"]) == ["uuid", "Text__c", "Tone__c"]


def test_what_cannot_be_a_schema_is_refused_with_the_reason(shop: Shop) -> None:
    own = catalog(shop)
    assert "no field Nothing__c" in pim(shop, "push-schema", own, "Thing__c", "--fields", "Nothing__c", code=1).err
    assert "refers to another" in pim(shop, "push-schema", own, "Thing__c", "--fields", "Owner__c", code=1).err
    assert "600 targets" in pim(shop, "push-schema", own, "Wide__c", code=1).err
    assert "no object Nowhere__c" in pim(shop, "push-schema", own, "Nowhere__c", code=1).err
    assert "--connection: pim" in pim(shop, "list", "--connection", "crm", code=64).err


def test_a_catalog_for_apps_becomes_a_catalog_of_the_project(shop: Shop) -> None:
    own = enabled(shop, criteria=chosen("mug-001", "mug-002"))
    pim(shop, "push-schema", own, "Thing__c")
    done = pim(shop, "import", "Store US", "things", "Thing__c")
    assert done.out.strip() == "catalogs/things.yaml"
    text = (shop.project.folder / "catalogs" / "things.yaml").read_text(encoding="utf-8")
    assert 'catalog: "Store US"' in text
    assert "Weight__c: {value: weight, unit: KILOGRAM}" in text
    assert "Price__c: {value: price, currency: EUR}" in text
    assert "# Tone__c: …   Tone: no attribute has that name" in text
    shop.run("validate", "--live")
    shop.run("apply", "--yes")
    assert sorted(row["Name"] for row in shop.rows("Thing__c", "Uuid__c").values()) == ["Mug 1", "Mug 2"]
    assert "things" in pim(shop, "import", "Store US", "things", "Thing__c", code=1).err


def test_a_catalog_without_a_schema_gives_its_selection(shop: Shop) -> None:
    own = catalog(shop)
    done = pim(shop, "import", own, "items", "Item__c")
    assert "It is disabled" in done.err
    set_up(shop.sandbox.pim, own, criteria=chosen("mug-001"))
    shop.run("apply", "--yes")
    assert names(shop) == ["mug-001"]


def test_without_an_apps_token_it_is_said_what_the_connection_needs(shop: Shop) -> None:
    shop.project.edit("sync-engine.yaml", ('token: "${PIM_TOKEN}"', LOGIN))
    done = pim(shop, "list", code=1)
    assert "not allowed to access app catalogs" in done.err
    assert "an app's `token`" in done.err
