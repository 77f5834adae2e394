"""What fits where, found by `validate` in YAML against snapshots: every kind of attribute with every type of field."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.journeys.conftest import ROOT, Project
from tests.journeys.small import Shop

from sync_engine.sdk.source import (
    Attribute,
    Channel,
    Kind,
    Option,
    RecordCollection,
    SourceSchema,
    Unit,
    UnitFamily,
)
from sync_engine.sdk.target import FieldDescription, FieldType, ObjectSchema, PicklistValue, TargetSchema
from sync_engine.snapshots import to_text

# By hand, from what each type of field takes. A row is a kind, a column a type. `.` fits as it is, `-` never fits,
# a letter names the option that it needs: j `join`, u `unit`, c `currency`, n `number`, h `table`; m means `media`.
COLUMNS = (
    "text", "textarea", "rich_text", "picklist", "multipicklist", "boolean", "integer", "decimal", "percent",
    "currency", "date", "datetime", "time", "email", "phone", "url", "reference", "id", "file", "other",
)  # fmt: skip
MATRIX = {
    #               t a r p m b i d p c d d t e p u r i f o
    "identifier": " . . . . - - n n n n - - . . . . . - - -",
    "text": "       . . . . . - n n n n - - . . . . . - - -",
    "textarea": "   . . . . - - n n n n - - - . . . . - - -",
    "number": "     . . . - - - . . . . - - - - - - - - - -",
    "measurement": "u u u - - - u u u u - - - - - - - - - -",
    "prices": "     c c c - - - c c c c - - - - - - - - - -",
    "boolean": "    . . . - - . - - - - - - - - - - - - - -",
    "date": "       . . . - - - - - - - . . - - - - - - - -",
    "datetime": "   . . . - - - - - - - . . - - - - - - - -",
    "select": "     . . . . . - n n n n - - - . . . . - - -",
    "multiselect": "j j j j . - - - - - - - j j j j j - - -",
    "record": "     . . . . - - n n n n - - - . . . . - - -",
    "records": "    j j j j . - - - - - - - j j j j j - - -",
    "assets": "     j j j j . - - - - - - - j j j j j - - -",
    "link": "       . . . . - - n n n n - - - . . . . - - -",
    "uuid": "       . . . . - - n n n n - - - . . . - - - -",
    "family": "     . . . . - - n n n n - - - . . . . - - -",
    "categories": " j j j j . - - - - - - - j j j j j - - -",
    "groups": "     j j j j . - - - - - - - j j j j j - - -",
    "parent": "     . . . . - - n n n n - - - . . . . - - -",
    "completeness": ". . . - - - . . . . - - - - - - - - - -",
    "quality": "    . . . . - - n n n n - - - . . . . - - -",
    "image": "      - - - - - - - - - - - - - - - - - - m -",
    "file": "       - - - - - - - - - - - - - - - - - - m -",
    "table": "      h h h - - - - - - - - - - - - - - - - -",
    "associations": "- - - - - - - - - - - - - - - - - - - -",
    "other": "      - - - - - - - - - - - - - - - - - - - -",
}
CELLS = {kind: dict(zip(COLUMNS, row.split(), strict=True)) for kind, row in MATRIX.items()}
OPTIONS: Mapping[str, tuple[str, object]] = {
    "j": ("join", ", "),
    "u": ("unit", "GRAM"),
    "c": ("currency", "EUR"),
    "n": ("number", True),
    "h": ("table", "json"),
    "m": ("media", ""),
}
SIZES = {"length": 255, "precision": 18, "scale": 2}
KEY = FieldDescription("Key__c", "Key", FieldType.TEXT, length=80, external_id=True, unique=True)


def field_of(type_: str) -> FieldDescription:
    found = FieldDescription(f"{type_}__c", type_, FieldType(type_), **SIZES)  # type: ignore[arg-type]
    if type_ == "id":
        return replace(found, createable=False, updateable=False)
    return replace(found, not_writable="it is a formula") if type_ == "other" else found


def item(name: str, *fields: FieldDescription) -> ObjectSchema:
    return ObjectSchema(name, name, True, True, True, {each.name: each for each in (KEY, *fields)})


def source(*attributes: Attribute, properties: Sequence[Attribute] = ()) -> SourceSchema:
    uuid = Attribute("id", Kind.UUID, is_property=True)
    of_products = {each.code: each for each in (uuid, *properties)}
    return SourceSchema(
        "akeneo",
        "7.0",
        {"products": RecordCollection("products", "id", of_products, True)},
        {each.code: each for each in attributes},
        (),
        {each: Channel(each, ("en_US", "de_DE"), ("EUR",), "master") for each in ("web", "print")},
        ("en_US", "de_DE"),
        ("EUR",),
        {"Weight": UnitFamily("Weight", "GRAM", {"GRAM": Unit("GRAM", "g", ())})},
    )


def shop(folder: Path, schema: SourceSchema, *objects: ObjectSchema) -> Shop:
    """A project with snapshots and no servers."""
    (folder / "catalogs").mkdir()
    (folder / "snapshots").mkdir()
    text = (ROOT / "catalogs" / "icecat" / "sync-engine.yaml").read_text(encoding="utf-8")
    (folder / "sync-engine.yaml").write_text(text, encoding="utf-8")
    target = TargetSchema("salesforce", "62.0", {each.name: each for each in objects})
    (folder / "snapshots" / "pim.json").write_text(to_text(schema), encoding="utf-8")
    (folder / "snapshots" / "crm.json").write_text(to_text(target), encoding="utf-8")
    return Shop(Project(folder, {}), None)  # type: ignore[arg-type]


def problems(shop: Shop) -> dict[int, list[dict[str, Any]]]:
    """What `validate` finds, by line; L codes are another matter."""
    found: dict[int, list[dict[str, Any]]] = {}
    for each in shop.run("validate", "--format", "json", code=None).data["problems"]:
        if not each["code"].startswith("L"):
            found.setdefault(each["line"], []).append(each)
    return found


@pytest.fixture(scope="module")
def every(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """An attribute of each kind, an object with a field of each type for each of them."""
    attributes = [
        Attribute(f"a_{kind}", Kind(kind), kind, unit_family="Weight" if kind == "measurement" else None)
        for kind in CELLS
    ]
    objects = [item(f"For_{kind}__c", *map(field_of, COLUMNS)) for kind in CELLS]
    return shop(tmp_path_factory.mktemp("every"), source(*attributes), *objects)


def written(every: Shop, kinds: Sequence[str], option: str) -> dict[int, tuple[str, str]]:
    """Write a catalog that maps these kinds to all types; gives the cell by the line it is written on."""
    lines = [
        "version: 1",
        "name: every",
        "source: {connection: pim, channel: web, locales: [en_US, de_DE]}",
        "target: {connection: crm}",
        "streams:",
    ]
    cells = {}
    more = f", {OPTIONS[option][0]}: {json.dumps(OPTIONS[option][1])}" if option else ""
    for kind in kinds:
        lines += [
            f"  s_{kind}:",
            "    from: products",
            f"    to: For_{kind}__c",
            "    key: {Key__c: id}",
            "    fields:",
        ]
        for column in COLUMNS:
            mapping = f"media: a_{kind}" if option == "m" else f"value: a_{kind}{more}"
            lines.append(f"      {column}__c: {{{mapping}}}")
            cells[len(lines)] = (kind, column)
    (every.project.folder / "catalogs" / "every.yaml").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return cells


def test_every_kind_of_attribute_has_a_row_and_every_type_of_field_a_column() -> None:
    assert set(CELLS) == set(Kind)
    assert set(COLUMNS) == set(FieldType)


def test_validate_refuses_exactly_what_does_not_fit_as_it_is(every: Shop) -> None:
    cells = written(every, list(CELLS), "")
    found = problems(every)
    refused = {cells[line] for line, some in found.items() if any(each["severity"] == "error" for each in some)}
    assert refused == {cell for cell in cells.values() if CELLS[cell[0]][cell[1]] != "."}
    for line, some in found.items():
        for each in some:
            assert (each["code"] in ("SE305", "SE309", "SE320"), each["column"] > 6) == (True, True), (line, each)
            if each["code"] == "SE309":
                assert cells[line][0] in each["message"]
                assert "take" in each["hint"] or "ask for" in each["hint"]


@pytest.mark.parametrize("option", OPTIONS)
def test_an_option_makes_fit_what_it_is_meant_for_and_nothing_else(every: Shop, option: str) -> None:
    kinds = [kind for kind, row in CELLS.items() if option in row.values()]
    cells = written(every, kinds, option)
    found = problems(every)
    refused = {cells[line] for line, some in found.items() if any(each["severity"] == "error" for each in some)}
    for kind, column in cells.values():
        if CELLS[kind][column] == option:
            assert (kind, column) not in refused
        elif CELLS[kind][column] != ".":
            assert (kind, column) in refused


def test_fields_and_attributes_show_the_same_matrix_from_both_sides(every: Shop) -> None:
    written(every, ["text"], "")
    words = {None: ".", **{name: letter for letter, (name, _) in OPTIONS.items()}}
    listed = {each["kind"]: each for each in every.run("attributes", "--json").data["attributes"]}
    fields = {each["type"]: each for each in every.run("fields", "For_text__c", "--json").data["fields"]}
    for kind, row in CELLS.items():
        fitting = {column: cell for column, cell in row.items() if cell != "-"}
        if kind != "uuid":  # the key of the products is one too
            names = listed[kind]["fields"]["For_text__c"]
            of_object = {each["name"]: words[each["option"]] for each in names if each["name"] != "Key__c"}
            assert of_object == {f"{column}__c": cell for column, cell in fitting.items()}
        for column in COLUMNS:
            kinds = {each["kind"]: words[each["option"]] for each in fields[column]["takes"]}
            codes = {each["code"]: words[each["option"]] for each in fields[column]["attributes"]}
            assert kinds.get(kind, "-") == row[column]
            assert codes.get(f"a_{kind}", "-") == row[column]
    table = every.run("fields", "For_text__c").out
    assert "lists (join), numbers, measurements (unit), prices (currency), yes/no, dates" in table
    assert "a_multiselect (join)" in every.run("fields", "For_text__c", "--names").out
    assert "text (unit), numbers (unit)" in every.run("attributes").out
    assert "integer__c (unit)" in every.run("attributes", "--names").out


CHOICES = (
    Option("red", {"en_US": "Red", "de_DE": "Rot"}),
    Option("blue", {"en_US": "Blue"}),
    Option("x;y", {"en_US": "X;Y", "de_DE": "X;Y"}),
)
LISTED = tuple(PicklistValue(each, each, active=each != "Old") for each in ("Red", "Blue", "Old"))
ONE = source(
    Attribute("colour", Kind.SELECT, options=CHOICES),
    Attribute("colours", Kind.MULTISELECT, options=CHOICES),
    Attribute("size", Kind.NUMBER, decimals=True),
    Attribute("name", Kind.TEXT, max_length=255, localizable=True),
    Attribute("stock", Kind.NUMBER, scopable=True),
)
FIELDS = item(
    "Item__c",
    FieldDescription("Choice__c", "", FieldType.PICKLIST, length=255, restricted=True, picklist=LISTED),
    FieldDescription("Choices__c", "", FieldType.MULTIPICKLIST, length=4099, restricted=True, picklist=LISTED),
    FieldDescription("Open__c", "", FieldType.PICKLIST, length=255, picklist=LISTED),
    FieldDescription("Two__c", "", FieldType.TEXT, length=2),
    FieldDescription("Whole__c", "", FieldType.INTEGER, precision=8),
)
# The mapping, the code, and what its sentence and its hint say.
DOUBTS: Mapping[str, tuple[dict[str, Any], str, list[str]]] = {
    "codes instead of labels": (
        {"Choice__c": "colour"},
        "SE360",
        ["3 of 3 choices of `colour`", "`red`, `blue`, `x;y`", "Did you mean `Red`?"],
    ),
    "a label that is not there": (
        {"Choice__c": {"value": "colour", "labels": True}},
        "SE360",
        ["1 of 3 choices of `colour`", "`x;y`", "It takes: `Red`, `Blue`"],
    ),
    "labels of another locale": (
        {"Choice__c": {"value": "colour", "labels": True, "locale": "de_DE"}},
        "SE360",
        ["2 of 3 choices of `colour`", "`red`, `x;y`"],
    ),
    "a table that leads nowhere": (
        {"Choice__c": {"value": "colour", "translate": {"red": "Red", "blue": "Blue"}}},
        "SE363",
        ["1 of 3 choices of `colour`", "`x;y`"],
    ),
    "an entry of a table that is no choice": (
        {"Open__c": {"value": "colour", "translate": {"red": "Red", "blu": "Blue"}, "otherwise": "keep"}},
        "SE336",
        ["no choice of `colour`: `blu`", "Did you mean `blue`?"],
    ),
    "an entry of a table that is a code and no label": (
        {"Open__c": {"value": "colour", "labels": True, "translate": {"Red": "R", "blue": "B"}, "otherwise": "keep"}},
        "SE336",
        ["no choice of `colour`: `blue`", "Did you mean `Blue`?"],
    ),
    "a semicolon in a value": (
        {"Choices__c": {"value": "colours", "labels": True}},
        "SE362",
        ["1 of 3 choices of `colours`", "`x;y`", "Choices__c"],
    ),
    "choices that are too long": ({"Two__c": "colour"}, "SE361", ["3 of 3 choices of `colour`", "Two__c"]),
    "a missing label": (
        {"Open__c": {"value": "colour", "labels": True, "locale": "de_DE"}},
        "SE323",
        ["`colour` has choices without a label in de_DE: `blue`"],
    ),
    "longer texts than the field takes": ({"Two__c": "name"}, "SE324", ["255", "only 2"]),
    "a key that is always too long": ({"Two__c": "id"}, "SE364", ["36 characters", "takes 2"]),
    "decimals for a whole number": ({"Whole__c": "size"}, "SE365", ["may have decimals"]),
}
FITS: Sequence[dict[str, Any]] = (
    {"Open__c": "colour"},
    {"Choice__c": {"value": "colour", "translate": {"red": "Red", "blue": "Blue", "x;y": "Red"}}},
    {"Choice__c": {"value": "colour", "translate": {"red": "Red"}, "otherwise": "clear"}},
    {"Two__c": {"value": "colour", "truncate": 2}},
    {"Two__c": {"value": "name", "truncate": 2}},
    {"Whole__c": {"value": "size", "round": 0}},
)


def write(shop: Shop, fields: dict[str, Any], **rest: Any) -> None:
    shop.write({"items": {"from": "products", "to": "Item__c", "key": {"Key__c": "id"}, "fields": fields}}, **rest)


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    return shop(tmp_path_factory.mktemp("one"), ONE, FIELDS)


@pytest.mark.parametrize("case", DOUBTS)
def test_what_a_field_will_not_hold_is_told_before_any_record_is_read(one: Shop, case: str) -> None:
    fields, code, texts = DOUBTS[case]
    write(one, fields)
    (found,) = [each for some in problems(one).values() for each in some if each["code"] == code]
    for text in texts:
        assert text in f"{found['message']} {found['hint']}"
    line = (one.project.folder / "catalogs" / "shop.yaml").read_text(encoding="utf-8").splitlines()[found["line"] - 1]
    (mapping,) = fields.values()
    part = {"SE323": "labels", "SE336": "translate"}.get(code, "colour")
    assert (mapping if isinstance(mapping, str) else part) in line


@pytest.mark.parametrize("fields", FITS)
def test_what_fits_is_passed_over(one: Shop, fields: dict[str, Any]) -> None:
    write(one, fields)
    assert problems(one) == {}


def test_choices_that_the_filter_leaves_out_do_not_count(one: Shop) -> None:
    wanted = [{"field": "colour", "operator": "IN", "value": ["red", "blue"]}]
    write(one, {"Choice__c": {"value": "colour", "labels": True}}, filter=wanted)
    assert problems(one) == {}


@pytest.mark.parametrize(
    ("mapping", "code", "hint"),
    [
        ({"value": "name", "truncate": 2, "locale": "it_IT"}, "SE312", "There are: `de_DE`, `en_US`."),
        ({"value": "stock", "channel": "shop"}, "SE313", "There are: `print`, `web`."),
        ({"value": "zzz"}, "SE302", "`sync-engine attributes` lists what there is."),
        ({"expression": "zzz"}, "SE302", "`sync-engine attributes` lists what there is."),
    ],
)
def test_what_can_be_named_instead_is_said_where_no_name_is_near(
    one: Shop, mapping: dict[str, Any], code: str, hint: str
) -> None:
    write(one, {"Two__c": mapping})
    (found,) = [each for some in problems(one).values() for each in some]
    assert (found["code"], found["hint"]) == (code, hint)


def test_a_field_that_is_not_there_leads_to_the_list_of_those_that_are(one: Shop) -> None:
    write(one, {"Zzz": "colour"})
    (found,) = [each for some in problems(one).values() for each in some]
    assert (found["code"], found["hint"]) == ("SE304", "`sync-engine fields Item__c` lists them.")


def test_an_object_that_the_snapshot_lacks_leads_to_a_new_snapshot(one: Shop) -> None:
    one.write({"items": {"from": "products", "to": "Zzz__c", "key": {"Key__c": "id"}, "fields": {"Name": "name"}}})
    (found,) = [each for some in problems(one).values() for each in some]
    assert (found["code"], "`sync-engine snapshot` saves it anew" in found["hint"]) == ("SE303", True)


def test_a_value_per_channel_or_locale_needs_one_and_the_hint_names_them(one: Shop) -> None:
    write(one, {"Two__c": {"value": "name", "truncate": 2}, "Whole__c": "stock"}, source={"connection": "pim"})
    found = {each["code"]: each for some in problems(one).values() for each in some}
    assert found.keys() == {"SE310", "SE311"}
    assert found["SE310"]["hint"] == "The source has: print, web"
    assert found["SE311"]["hint"] == "The source has: de_DE, en_US"
