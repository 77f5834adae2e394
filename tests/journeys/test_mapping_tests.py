"""``test``: tests of mappings run without a network, say what came out otherwise and where, and can be recorded."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from tests.journeys.conftest import Project
from tests.journeys.small import Shop, open_shop, product

FIELDS = [
    {"name": "Weight__c", "type": "double", "precision": 8, "scale": 3},
    {"name": "Price__c", "type": "currency", "precision": 8, "scale": 2},
    {"name": "Day__c", "type": "date"},
    {"name": "Flag__c", "type": "boolean"},
    {"name": "Title__c", "type": "string", "length": 80},
    {"name": "Colour__c", "type": "string", "length": 20},
    {"name": "Uses__c", "type": "multipicklist", "values": ["At home", "On a trip", "At work"]},
    {"name": "Parent__c", "type": "reference", "references": ["Item__c"], "relationship": "Parent__r"},
]
STREAMS: dict[str, Any] = {
    "items": {
        "from": "products",
        "to": "Item__c",
        "key": {"Key__c": "uuid"},
        "fields": {
            "Name": {"value": "name", "required": True},
            "Weight__c": {"value": "weight", "unit": "KILOGRAM", "round": 2},
            "Price__c": {"value": "price", "currency": "EUR"},
            "Day__c": "released",
            "Flag__c": {"value": "washable", "default": False},
            "Title__c": "title",
            "Colour__c": {"value": "colour", "labels": True},
            "Uses__c": {"value": "uses", "labels": True},
            "Parent__c": {"lookup": "items", "value": "uuid", "missing": "leave"},
        },
    },
    "translations": {
        "from": "products",
        "for_each": {"locale": ["en_US", "de_DE"]},
        "to": "Text__c",
        "key": {"Key__c": "{{ uuid }}-{{ locale }}"},
        "fields": {"Name": "title", "Language__c": "locale"},
    },
}
KETTLE: dict[str, Any] = {
    "uuid": "6ba7b812-9dad-11d1-80b4-00c04fd430c8",
    "values": {
        "name": "Kettle",
        "weight": {"amount": 1234.5, "unit": "GRAM"},
        "price": {"EUR": 19.9, "USD": 25},
        "released": "2024-02-29",
        "title": {"en_US": "The kettle", "de_DE": "Der Kessel"},
        "colour": "red",
        "uses": ["trip", "home"],
    },
}
EXPECTED: dict[str, Any] = {
    "Key__c": KETTLE["uuid"],
    "Name": "Kettle",
    "Weight__c": 1.23,
    "Price__c": 19.9,
    "Day__c": "2024-02-29",
    "Flag__c": False,
    "Title__c": "The kettle",
    "Colour__c": "Red",
    "Uses__c": ["At home", "On a trip"],
    "Parent__c": KETTLE["uuid"],
}


@pytest.fixture(scope="module")
def online(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    folder = tmp_path_factory.mktemp("mapping-tests")
    key = {"name": "Key__c", "type": "string", "length": 80, "externalId": True, "unique": True}
    text = {"name": "Text__c", "fields": [key, {"name": "Language__c", "type": "string", "length": 10}]}
    title = {"en_US": 'The "kettle": #1', "de_DE": "Der\nKessel"}
    products = [
        product(
            "KETTLE-1", name="Kettle", title=title, weight={"amount": "533.0000", "unit": "GRAM"},
            price=[{"amount": "19.90", "currency": "EUR"}], washable=True, released="2024-02-29T00:00:00+00:00",
            colour="red", uses=["home", "trip"], notes="12E4",
        ),
        product("NAMELESS"),
    ]  # fmt: skip
    with open_shop(folder, fields=FIELDS, objects=[text], products=products) as shop:
        shop.write(STREAMS)
        shop.run("snapshot")
        yield shop


@pytest.fixture
def shop(online: Shop) -> Iterator[Shop]:
    """The project without any tests; with the address of no server, so that nothing can be asked."""
    for path in (online.project.folder / "tests").glob("*"):
        path.unlink()
    nowhere = {"PIM_URL": "http://127.0.0.1:9", "CRM_URL": "http://127.0.0.1:9"}
    project = Project(online.project.folder, {**online.project.environment, **nowhere})
    yield replace(online, project=project)
    online.write(STREAMS)


def with_tests(shop: Shop, *tests: dict[str, Any]) -> None:
    shop.write(STREAMS, tests=list(tests))


def of_items(expect: dict[str, Any] | None = None, values: dict[str, Any] | None = None, **rest: Any) -> dict[str, Any]:
    record = {**KETTLE, "values": {**KETTLE["values"], **(values or {})}}
    written = {"name": "the kettle", "given": {"stream": "items", "record": record}, **rest}
    return written if expect is None else {**written, "expect": expect}


def test_every_kind_of_value_is_compared_in_the_type_of_its_field(shop: Shop) -> None:
    with_tests(shop, of_items(EXPECTED))
    shown = shop.run("test").out
    assert "✓ the kettle" in shown
    assert "1 test: 1 passed, 0 failed. 10 of 13 mappings tested (76 %)." in shown
    assert "not tested: translations (all 3)" in shown


WRONG = {
    "Name": "Pan",
    "Weight__c": 1.24,
    "Price__c": None,
    "Day__c": "2024-03-01",
    "Flag__c": True,
    "Title__c": "Der Kessel",
    "Colour__c": "red",
    "Uses__c": ["At home"],
    "Parent__c": "another",
}


@pytest.mark.parametrize(("field", "wrong"), WRONG.items())
def test_another_value_fails_and_is_shown_with_its_place(shop: Shop, field: str, wrong: object) -> None:
    with_tests(shop, of_items({**EXPECTED, field: wrong}))
    data = shop.run("test", "--format", "json", code=1).data
    (failure,) = data["catalogs"][0]["tests"][0]["failures"]
    assert (failure["field"], failure["expected"]) == (field, wrong)
    assert failure["actual"] == EXPECTED[field]
    line = (shop.project.folder / failure["file"]).read_text(encoding="utf-8").splitlines()[failure["line"] - 1]
    assert line[failure["column"] - 1 :].startswith(json.dumps(wrong)[:1])
    assert f'"{field}"' in line


def test_a_failing_test_says_expected_actual_and_where_the_value_comes_from(shop: Shop) -> None:
    with_tests(shop, of_items({"Weight__c": 2}))
    shown = shop.run("test", code=1).out
    assert "✗ the kettle  catalogs/shop.yaml:" in shown
    assert "expected  2" in shown
    assert "actual    1.23" in shown
    assert "weight 1234.5 GRAM; unit: KILOGRAM: 1.2345; round: 2: 1.23" in shown


def test_a_rejection_can_be_expected_and_comes_as_a_failure_where_it_is_not(shop: Shop) -> None:
    empty = {"name": None}
    with_tests(shop, of_items(values=empty, reject={"Name": "REQUIRED_EMPTY"}))
    assert "1 passed" in shop.run("test").out
    with_tests(shop, of_items({"Name": "Kettle"}, values=empty), of_items(reject={"Name": "TOO_LONG"}))
    shown = shop.run("test", code=1).out
    assert "Name has no value, and the mapping requires it [REQUIRED_EMPTY]" in shown
    assert "2 failed" in shown


def test_of_several_rows_the_test_names_one(shop: Shop) -> None:
    given = {"stream": "translations", "record": KETTLE}
    titled = {**KETTLE, "values": {"title": {"de_DE": "Der Kessel"}}}
    with_tests(shop, {"given": {**given, "row": "de_DE"}, "expect": {"Name": "Der Kessel", "Language__c": "de_DE"}})
    assert "1 passed" in shop.run("test").out
    with_tests(shop, {"given": {"stream": "translations", "record": titled}, "expect": {"Language__c": "de_DE"}})
    assert "1 passed" in shop.run("test").out
    with_tests(shop, {"given": {**given, "row": "fr_FR"}, "expect": {"Name": "x"}})
    assert "makes no row 'fr_FR' of this record; it makes en_US, de_DE" in shop.run("test", code=1).out


@pytest.mark.parametrize(
    ("test", "code", "says"),
    [
        ({"given": {"stream": "itemz", "record": {}}, "expect": {"Name": "x"}}, "SE215", "itemz"),
        (of_items({"Nome": "x"}), "SE614", "Did you mean `Name`?"),
        (of_items({"Name": "x"}, values={"nane": "x"}), "SE302", "Did you mean `name`?"),
        (of_items({"Name": "x"}, values={"weight": 12}), "SE616", "{amount: a number, unit: a code}"),
        (
            {"given": {"stream": "items", "record": {"values": 5}}, "expect": {"Name": "x"}},
            "SE616",
            "`values` must be a",
        ),
        (of_items({"Name": "x"}, values={"name": 12}), "SE616", "a text; put numbers in quotes"),
        (of_items({"Name": "x"}, values={"released": "soon"}), "SE616", "a date (YYYY-MM-DD)"),
        (of_items({"Day__c": "soon"}), "SE617", "no date"),
        (of_items({"Weight__c": "much"}), "SE617", "no number"),
        ({"given": {"stream": "translations", "record": KETTLE}, "expect": {"Name": "x"}}, "SE618", "en_US, de_DE"),
        (of_items(), "SE208", "`expect`, `reject` or both"),
    ],
)
def test_a_test_that_makes_no_sense_is_invalid_and_not_failed(
    shop: Shop, test: dict[str, Any], code: str, says: str
) -> None:
    with_tests(shop, test)
    shown = shop.run("test", code=3).err
    assert f"error {code}" in shown
    assert says in shown
    assert "catalogs/shop.yaml:" in shown


def test_a_record_is_written_as_a_test_that_passes_offline_and_nothing_else_in_the_file_changes(
    online: Shop, shop: Shop
) -> None:
    assert "3 tests written to tests/shop.yaml" in online.run("test", "shop", "--record", "KETTLE-1").err
    assert "1 test written" in online.run("test", "shop", "--record", "NAMELESS", "--streams", "items").err
    path = shop.project.folder / "tests" / "shop.yaml"
    before = path.read_text(encoding="utf-8").replace("tests:\n", "tests:   # of the shop\n", 1)
    path.write_text(before, encoding="utf-8")
    online.run("test", "shop", "--record", "KETTLE-1", "--streams", "items")
    after = path.read_text(encoding="utf-8")
    assert after.startswith(before)
    assert "REQUIRED_EMPTY" in after
    shown = shop.run("test").out
    assert "0 failed. 13 of 13 mappings tested (100 %)" in shown
    path.write_text(after.replace("0.53", "0.54"), encoding="utf-8")
    assert "actual    0.53" in shop.run("test", code=1).out


def test_a_file_that_cannot_be_added_to_is_left_alone(online: Shop, shop: Shop) -> None:
    path = shop.project.folder / "tests" / "shop.yaml"
    path.parent.mkdir(exist_ok=True)
    text = "tests: []\nversion: 1\ncatalog: shop\n"
    path.write_text(text, encoding="utf-8")
    assert "does not end with a list of tests" in online.run("test", "shop", "--record", "KETTLE-1", code=1).err
    assert path.read_text(encoding="utf-8") == text


def test_a_file_of_tests_for_no_catalog_is_invalid(shop: Shop) -> None:
    path = shop.project.folder / "tests" / "other.yaml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({"version": 1, "catalog": "shup", "tests": [of_items(EXPECTED)]}), encoding="utf-8")
    shown = shop.run("test", code=3).err
    assert "error SE615" in shown
    assert "Did you mean `shop`?" in shown
    assert "error SE615" in shop.run("validate", code=3).out


def test_junit_has_a_case_per_test_and_the_place_of_each_failure(shop: Shop) -> None:
    with_tests(shop, of_items(EXPECTED), {**of_items({"Name": "<Pan>"}), "name": "a pan"})
    root = ET.fromstring(  # noqa: S314 - our own output
        shop.run("test", "--format", "junit", code=1).out
    )
    (suite,) = root
    assert (suite.get("name"), suite.get("tests"), suite.get("failures")) == ("shop", "2", "1")
    passed, failed = suite
    assert not list(passed)
    assert failed.get("classname") == "shop.items"
    assert "catalogs/shop.yaml:" in (failed[0].text or "")


def test_without_a_snapshot_nothing_is_tested(shop: Shop) -> None:
    with_tests(shop, of_items(EXPECTED))
    path = shop.project.folder / "snapshots" / "crm.json"
    moved = Path(f"{path}.away")
    path.rename(moved)
    try:
        assert "error SE619" in shop.run("test", code=3).err
    finally:
        moved.rename(path)


def test_tests_change_nothing_about_what_a_plan_was_made_for(online: Shop, shop: Shop, tmp_path: Path) -> None:
    online.run("plan", "--out", str(tmp_path / "plan"))
    with_tests(shop, of_items(EXPECTED))
    assert online.run("apply", str(tmp_path / "plan"), code=None).code != 6
