"""``plan --base`` shows what the change of the catalogs causes, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.engine.repositories import commit, git
from tests.journeys.small import LOCALES, Json, Shop, category, open_shop, product, uuid_of

FIELDS = [
    {"name": "Notes__c", "type": "string", "length": 40},
    {"name": "Title__c", "type": "string", "length": 40},
    {"name": "Stock__c", "type": "double", "precision": 10, "scale": 0},
    {"name": "Gone__c", "type": "boolean"},
]
SKUS = [f"mug-{number:02}" for number in range(20)]


def stream(**changed: Any) -> Json:
    """The stream of all tests, or another version of it."""
    return {
        "from": "products",
        "to": "Item__c",
        "key": {"Key__c": "sku"},
        "filter": [{"field": "stock", "operator": ">=", "value": 5}],
        **changed,
        "fields": {"Name": "name", "Notes__c": "notes", **changed.pop("fields", {})},
    }


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    products = [
        product(
            sku,
            name=f"Mug {number}",
            notes=f"note {number}" if number % 4 else None,
            stock=number,
            title={"en_US": f"Cup {number}", "de_DE": f"Tasse {number}"},
            categories=["cups" if number < 15 else "jugs"],
        )
        for number, sku in enumerate(SKUS)
    ]
    trees = [category("drinking", "master"), category("cups", "drinking"), category("jugs", "master")]
    with open_shop(tmp_path, fields=FIELDS, products=products, categories=trees) as opened:
        folder = opened.project.folder
        (folder / ".gitignore").write_text(".sync-engine/\n", encoding="utf-8")
        git(folder, "init", "--quiet", "--initial-branch", "main")
        opened.write({"items": stream()})
        commit(folder)
        yield opened


def write(shop: Shop, *, items: Json | None = None, **rest: Any) -> None:
    """Another version of the catalog, which nobody has committed."""
    shop.write({"items": items if items is not None else stream()}, **rest)


def compared(shop: Shop, *arguments: str, base: str = "main") -> Json:
    return dict(shop.run("plan", "--base", base, "--format", "json", *arguments).data)


def only(shop: Shop, *arguments: str) -> Json:
    """The one stream of the one catalog that differs."""
    (catalog,) = compared(shop, *arguments)["catalogs"]
    (found,) = catalog["streams"]
    return dict(found)


def counted(found: Json) -> dict[str, int]:
    return {name: count for name, count in found["summary"].items() if count}


def rows(found: Json, operation: str) -> dict[str, Any]:
    """Records of a kind: their fields with before, after and cause."""
    return {
        each["key"]: {one["field"]: (one["before"], one["after"], one["cause"]) for one in each["fields"]}
        for each in found["changes"]
        if each["operation"] == operation
    }


def said(of: Mapping[str, Any]) -> set[tuple[str, str]]:
    return {(each["part"], each["said"]) for each in of["config"]}


def record_requests(shop: Shop) -> int:
    return sum("/products-uuid" in each.path for each in shop.sandbox.pim.requests)


def test_a_changed_template_shows_its_field_alone_without_churn_of_data_and_drift_of_the_org(shop: Shop) -> None:
    shop.apply()
    shop.change("mug-06", name="Changed in the PIM")
    shop.sandbox.org.edit("Item__c", shop.rows()["mug-07"]["Id"], {"Notes__c": "Changed in the org"})
    template = "{{ notes ~ '!' if stock > 16 else notes }}"
    write(shop, items=stream(fields={"Notes__c": {"template": template}}))
    found = only(shop)
    assert counted(found) == {"update": 3, "unchanged": 12}
    assert rows(found, "update") == {
        f"mug-{number}": {"Notes__c": (f"note {number}", f"note {number}!", "mapping")} for number in (17, 18, 19)
    }
    assert found["causes"] == {"mapping": 3}
    assert said(found) == {("Notes__c", "mapping changed")}
    place = found["config"][0]["place"].split(":")
    line = (shop.project.folder / place[0]).read_text(encoding="utf-8").splitlines()[int(place[1]) - 1]
    assert '"Notes__c"' in line


def test_a_widened_filter_shows_the_records_that_enter(shop: Shop) -> None:
    write(shop, items=stream(filter=[{"field": "stock", "operator": ">=", "value": 3}]))
    found = only(shop)
    assert counted(found) == {"create": 2, "unchanged": 15}
    assert rows(found, "create") == {
        "mug-03": {"Name": (None, "Mug 3", "filter"), "Notes__c": (None, "note 3", "filter")},
        "mug-04": {"Name": (None, "Mug 4", "filter")},
    }
    assert said(found) == {("filter", "added: stock >= 3"), ("filter", "removed: stock >= 5")}


@pytest.mark.parametrize(
    ("on_missing", "operation", "fields"),
    [
        ("keep", "leave", {"Name": ("Mug 5", "Mug 5", "filter"), "Notes__c": ("note 5", "note 5", "filter")}),
        ({"set": {"Gone__c": True}}, "deactivate", {"Gone__c": (None, True, "filter")}),
        ("delete", "delete", {"Name": ("Mug 5", None, "filter"), "Notes__c": ("note 5", None, "filter")}),
    ],
)
def test_a_narrowed_filter_shows_what_becomes_of_the_records_that_leave(
    shop: Shop, on_missing: Any, operation: str, fields: Json
) -> None:
    narrow = [{"field": "stock", "operator": ">=", "value": 6}, {"field": "enabled", "operator": "=", "value": True}]
    write(shop, items=stream(filter=narrow, on_missing=on_missing))
    found = only(shop)
    assert counted(found) == {operation: 1, "unchanged": 14}
    assert rows(found, operation) == {"mug-05": fields}


def test_one_reading_serves_both_versions_of_all_streams_where_only_the_pim_need_not_filter(shop: Shop) -> None:
    write(shop, items=stream(filter=[], fields={"Notes__c": "{{ notes }}.", "Stock__c": "stock"}))
    before = record_requests(shop)
    found = only(shop)
    assert record_requests(shop) == before + 1
    assert counted(found) == {"create": 5, "update": 15}
    assert found["causes"] == {"mapping": 15, "field": 15, "filter": 5}


def below(code: str) -> list[Json]:
    return [{"field": "categories", "operator": "IN CHILDREN", "value": [code]}]


@pytest.mark.parametrize(
    ("old", "new", "counts"),
    [
        (below("drinking"), below("master"), {"create": 5, "update": 15}),
        ([], below("drinking"), {"update": 15, "leave": 5}),
        (below("drinking"), [], {"create": 5, "update": 15}),
    ],
)
def test_a_filter_that_only_the_pim_evaluates_is_read_by_each_version(
    shop: Shop, old: list[Json], new: list[Json], counts: dict[str, int]
) -> None:
    write(shop, items=stream(filter=old))
    commit(shop.project.folder)
    write(shop, items=stream(filter=new, fields={"Notes__c": "sku"}))
    before = record_requests(shop)
    found = only(shop)
    assert record_requests(shop) == before + 2
    assert counted(found) == counts
    assert rows(found, "update")["mug-03"] == {"Notes__c": ("note 3", "mug-03", "mapping")}
    assert found["causes"] == {"mapping": 15, "filter": 5}


def test_a_new_field_shows_its_values_and_a_dropped_one_only_that(shop: Shop) -> None:
    write(shop, items={**stream(), "fields": {"Name": "name", "Stock__c": "stock"}})
    found = only(shop)
    assert counted(found) == {"update": 15}
    assert rows(found, "update")["mug-09"] == {"Stock__c": (None, 9, "field")}
    assert said(found) == {
        ("Stock__c", "new field; emptied where there is no value"),
        ("Notes__c", "no longer mapped: what the org holds stays"),
    }


def test_what_an_empty_value_does_is_a_difference(shop: Shop) -> None:
    write(shop, items=stream(fields={"Notes__c": {"value": "notes", "when_empty": "keep"}}))
    found = only(shop)
    assert rows(found, "update") == {key: {"Notes__c": (None, None, "left")} for key in ("mug-08", "mug-12", "mug-16")}
    commit(shop.project.folder)
    write(shop)
    text = shop.run("plan", "--base", "main").out
    assert "Notes__c  (left alone) → (empty)  (emptied now where there is no value)" in text


def test_a_new_stream_a_removed_one_and_a_renamed_one_are_told_apart(shop: Shop) -> None:
    other = {**stream(filter=[{"field": "stock", "operator": "<", "value": 2}]), "fields": {"Name": "name"}}
    shop.write({"items": stream(), "few": other, "old": {**other, "filter": []}})
    git(shop.project.folder, "add", "--all")
    commit(shop.project.folder)
    new = {**other, "filter": [{"field": "stock", "operator": "=", "value": 19}], "key": {"Key__c": "uuid"}}
    shop.write({"items": stream(), "little": other, "new": new})
    (catalog,) = compared(shop)["catalogs"]
    found = {each["name"]: each for each in catalog["streams"]}
    assert set(found) == {"little", "new", "old"}
    assert said(found["little"]) == {("name", "renamed from few, under which the ledger knows what was written")}
    assert counted(found["little"]) == {}
    assert rows(found["new"], "create") == {uuid_of("mug-19"): {"Name": (None, "Mug 19", "stream")}}
    assert counted(found["old"]) == {"leave": 20}
    assert said(found["old"]) == {("stream", "removed: what it wrote stays as it is")}


def test_a_catalog_that_is_new_removed_or_renamed_is_said(shop: Shop) -> None:
    folder = shop.project.folder / "catalogs"
    written = json.loads((folder / "shop.yaml").read_text(encoding="utf-8"))
    (folder / "shop.yaml").rename(folder / "renamed.yaml")
    (folder / "renamed.yaml").write_text(json.dumps({**written, "name": "renamed"}, indent=1), encoding="utf-8")
    few = {**written, "name": "few", "streams": {"items": stream(filter=[])}}
    (folder / "few.yaml").write_text(json.dumps(few), encoding="utf-8")
    found = {each["name"]: each for each in compared(shop)["catalogs"]}
    assert set(found) == {"renamed", "few"}
    assert [part for part, _ in said(found["renamed"])] == ["name"]
    assert "renamed from shop, under which the ledger knows" in found["renamed"]["config"][0]["said"]
    assert found["renamed"]["streams"] == []
    assert counted(found["few"]) == {"create": 20}
    assert rows(found["few"]["streams"][0], "create")["mug-00"] == {"Name": (None, "Mug 0", "catalog")}
    commit(shop.project.folder)
    (folder / "few.yaml").unlink()
    (gone,) = compared(shop)["catalogs"]
    assert (gone["name"], counted(gone)) == ("few", {"leave": 20})
    assert said(gone) == {("catalog", "removed: what it wrote stays as it is")}
    assert compared(shop, "renamed")["catalogs"] == []


def test_another_key_shows_what_goes_and_what_comes(shop: Shop) -> None:
    write(shop, items=stream(key={"Key__c": "uuid"}, on_missing="delete"))
    found = only(shop)
    assert counted(found) == {"create": 15, "delete": 15}
    assert found["causes"] == {"key": 30}
    assert ("key", "Key__c is filled in another way") in said(found)


def test_records_that_get_the_same_key_are_rejected_now(shop: Shop) -> None:
    write(shop, items=stream(key={"Key__c": "{{ 'one' if stock in (7, 8) else sku }}"}))
    found = only(shop)
    assert counted(found) == {"unchanged": 13, "rejected": 2}
    assert {each["reasons"][0]["code"] for each in found["rejections"]} == {"DUPLICATE_KEY"}


def test_what_can_be_written_no_more_and_what_can_be_written_again_is_told(shop: Shop) -> None:
    strict = {"Notes__c": {"value": "notes", "required": True}}
    write(shop, items=stream(fields=strict))
    found = only(shop)
    assert counted(found) == {"unchanged": 12, "rejected": 3}
    assert [each["key"] for each in found["rejections"]] == ["mug-08", "mug-12", "mug-16"]
    commit(shop.project.folder)
    write(shop, items=stream(fields={"Notes__c": {"value": "notes", "default": "none"}}))
    found = only(shop)
    assert counted(found) == {"create": 3, "unchanged": 12}
    assert rows(found, "create")["mug-08"]["Notes__c"] == (None, "none", "rejected")
    commit(shop.project.folder)
    write(shop, items=stream(fields={**strict, "Stock__c": "stock"}))
    commit(shop.project.folder)
    write(shop, items=stream(fields={**strict, "Stock__c": {"expression": "stock + 1"}}))
    assert counted(only(shop)) == {"update": 12}  # what both reject for the same reason is no news


def test_rows_of_a_record_enter_and_leave_on_their_own(shop: Shop) -> None:
    texts = {
        **stream(filter=[{"field": "stock", "operator": "<", "value": 2}], for_each="locale"),
        "key": {"Key__c": "{{ sku }}-{{ locale }}"},
        "fields": {"Name": "sku", "Title__c": "title"},
    }
    write(shop, items=texts)
    commit(shop.project.folder)
    write(shop, items={**texts, "for_each": {"locale": ["en_US", "de_DE"]}})
    found = only(shop)
    assert counted(found) == {"create": 2, "unchanged": 2}
    assert rows(found, "create")["mug-00-en_US"] == {
        "Name": (None, "mug-00", "rows"),
        "Title__c": (None, "Cup 0", "rows"),
    }


def test_the_default_locale_changes_what_reads_values_per_locale_and_nothing_else(shop: Shop) -> None:
    both = stream(fields={"Title__c": "title"})
    write(shop, items=both)
    commit(shop.project.folder)
    source = {"connection": "pim", "channel": "web", "locales": list(reversed(LOCALES))}
    write(shop, items=both, source=source)
    (catalog,) = compared(shop)["catalogs"]
    assert said(catalog) == {("source.locales", "en_US, de_DE → de_DE, en_US")}
    (found,) = catalog["streams"]
    assert counted(found) == {"update": 15}
    assert rows(found, "update")["mug-09"] == {"Title__c": ("Cup 9", "Tasse 9", "settings")}


def test_another_on_missing_is_about_the_records_that_left_before(shop: Shop) -> None:
    shop.apply()
    shop.sandbox.pim.delete_product(uuid_of("mug-06"))
    shop.change("mug-07", stock=0)
    write(shop, items=stream(on_missing={"set": {"Gone__c": True}}))
    found = only(shop)
    assert counted(found) == {"deactivate": 2, "unchanged": 13}
    assert rows(found, "deactivate") == {key: {"Gone__c": (None, True, "on_missing")} for key in ("mug-06", "mug-07")}
    assert said(found) == {("on_missing", "keep → set {Gone__c: true}")}


def test_gates_and_policies_are_said_without_reading_anything(shop: Shop) -> None:
    items = stream(fields={"Notes__c": {"value": "notes", "conflict": "keep"}})
    write(shop, items=items, safety={"max_delete_percent": 50})
    before = record_requests(shop)
    (catalog,) = compared(shop)["catalogs"]
    assert record_requests(shop) == before
    assert said(catalog) == {("safety.max_delete_percent", "10 → 50")}
    assert said(catalog["streams"][0]) == {("Notes__c", "conflict: overwrite → keep")}


def test_a_catalog_that_is_laid_out_anew_asks_nothing_of_anybody(shop: Shop) -> None:
    path = shop.project.folder / "catalogs" / "shop.yaml"
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8"))), encoding="utf-8")
    done = shop.run("plan", "--base", "main", "--detailed-exitcode")
    assert "The change of the catalogs causes nothing." in done.out
    assert shop.sandbox.pim.requests == []


def test_what_others_changed_on_the_branch_meanwhile_does_not_show(shop: Shop) -> None:
    folder = shop.project.folder
    git(folder, "checkout", "--quiet", "-b", "change")
    write(shop, items=stream(fields={"Stock__c": "stock"}))
    commit(folder)
    git(folder, "checkout", "--quiet", "main")
    write(shop, items=stream(fields={"Notes__c": "sku"}))
    commit(folder)
    git(folder, "checkout", "--quiet", "change")
    found = only(shop)
    assert found["causes"] == {"field": 15}
    assert shop.run("plan", "--base", "main", "--detailed-exitcode", code=2)
    assert git(folder, "status", "--short") == ""


def test_a_base_that_is_not_valid_is_said_and_not_compared(shop: Shop) -> None:
    folder = shop.project.folder
    write(shop, items=stream(form="products"))
    commit(folder)
    write(shop)
    (catalog,) = compared(shop)["catalogs"]
    (said_,) = catalog["config"]
    assert said_["said"].startswith("not compared: the old version was not valid: catalogs/shop.yaml:")
    assert catalog["streams"] == []
    write(shop, items=stream(fields={"Notes__c": "no_such_attribute"}))
    commit(folder)
    write(shop)
    (catalog,) = compared(shop)["catalogs"]
    assert "does not fit what the connections describe now" in catalog["config"][0]["said"]
    assert "no_such_attribute" in catalog["config"][0]["said"]
    assert "not compared" in shop.run("plan", "--base", "main").out
    write(shop, items=stream(fields={"Notes__c": "no_such_attribute"}))
    shop.run("plan", "--base", "HEAD~2", code=3)


def test_a_project_that_the_base_does_not_have_is_new(shop: Shop) -> None:
    folder = shop.project.folder
    git(folder, "checkout", "--quiet", "--orphan", "empty")
    git(folder, "rm", "-r", "--quiet", "--cached", ".")
    git(folder, "commit", "--quiet", "--allow-empty", "--message", "Begin")
    git(folder, "checkout", "--quiet", "-b", "first")
    commit(folder)
    (catalog,) = compared(shop, base="empty")["catalogs"]
    assert said(catalog) == {("catalog", "new")}
    assert counted(catalog) == {"create": 15}


@pytest.mark.parametrize("name", ["nowhere", "--output=x", ""])
def test_an_unknown_commit_is_refused(shop: Shop, name: str) -> None:
    done = shop.run("plan", f"--base={name}", code=1)
    assert "no commit" in done.err or "no name of a commit" in done.err


def test_a_project_outside_of_git_is_refused(shop: Shop) -> None:
    (shop.project.folder / ".git").rename(shop.project.folder / "git")
    assert "in no git repository" in shop.run("plan", "--base", "main", code=1).err


def test_all_formats_show_it_and_it_can_be_saved_but_never_applied(shop: Shop) -> None:
    write(shop, items=stream(fields={"Notes__c": "{{ notes }}!"}, filter=[]))
    path = str(shop.project.folder.parent / "change")
    assert "show it with" in shop.run("plan", "--base", "main", "--out", path).err
    text = shop.run("show", path).out
    head = f"Compared with main, at {git(shop.project.folder, 'rev-parse', 'HEAD')[:12]};"
    assert text.startswith(head)
    assert "    + enters mug-00  (filter changed)\n" in text
    assert '        Notes__c  "note 5" → "note 5!"  (mapping changed)\n' in text
    assert "In all: 5 enter, 15 differ, 0 to deactivate, 0 to delete, 0 leave, 0 the same, 0 rejected now.\n" in text
    markdown = shop.run("show", path, "--format", "markdown").out
    assert head in markdown
    assert "| shop | 5 | 15 | 0 | 0 | 0 | 0 | 0 |" in markdown
    assert "- Notes__c: mapping changed" in markdown
    assert "Digest" not in markdown
    html = shop.run("show", path, "--format", "html").out
    assert "<h1>What the change of the catalogs causes</h1>" in html
    assert '<option value="create">enter</option>' in html
    assert html.count('<tr data-kind="create">') == 5
    done = shop.run("apply", path, code=1)
    assert "compares the catalogs with those of main; it is no plan that can be applied" in done.err
    assert shop.rows() == {}
    assert "leave out --changed" in shop.run("plan", "--base", "main", "--changed", code=64).err


def test_only_the_chosen_streams_and_catalogs_are_compared(shop: Shop) -> None:
    second = {**stream(key={"Key__c": "uuid"}), "fields": {"Name": "name"}}
    shop.write({"items": stream(), "more": second})
    (found,) = compared(shop, "shop", "--streams", "more")["catalogs"][0]["streams"]
    assert found["name"] == "more"
    assert "no catalog `shopp`" in shop.run("plan", "shopp", "--base", "main", code=1).err
