"""A plan file is whole and unaltered, or it is refused."""

from __future__ import annotations

import gzip
import json
from importlib.resources import files
from pathlib import Path

import pytest
from jsonschema import Draft7Validator

from sync_engine.planner.fields import FieldChange, NewFields
from sync_engine.planner.plan import (
    CatalogPlan,
    Change,
    ChangeKind,
    Gate,
    Kept,
    KeptField,
    PlannedField,
    ReadStep,
    Rejection,
    StreamPlan,
    Summary,
    WriteStep,
)
from sync_engine.planner.plan_file import PlanWriter, read_plan
from sync_engine.sdk.errors import Refused
from sync_engine.sdk.target import Actor, FieldRequest, FieldType, Modified, Owner, Reason

CHANGES = (
    Change(ChangeKind.CREATE, "k1", "s1", "", 0, NewFields({"Name": "A \u2028 \r\n \U0001f600"})),
    Change(
        ChangeKind.UPDATE,
        "k2",
        "s2",
        "01t",
        1,
        (FieldChange("Price", "1.5", None, "pim"), FieldChange("Tags", ["a"], [], "org")),
        Modified("Pat Person", "2026-01-02T03:04:05Z", Actor.PERSON),
    ),
)
KEPT = Kept(
    "k4",
    "s4",
    "01t",
    (KeptField("Name", "By hand", "New", "org", "keep"), KeptField("Price", None, "2", "pim", "report")),
)
REJECTION = Rejection("k3", "s3", (Reason("TOO_LONG", "too long", "Name", Owner.DATA),))
PLAN = CatalogPlan(
    name="shop",
    path="catalogs/shop.yaml",
    fingerprint={"catalog": "abc"},
    streams=(
        StreamPlan(
            "products",
            ReadStep("products", ("enabled = true",)),
            WriteStep("Product2", ("Key__c",), "collections", 1),
            (PlannedField("Name", FieldType.TEXT, FieldRequest("Name"), "b1946ac92492d234"),),
            Summary(create=1, update=1, rejected=1),
            causes={"pim": 1, "org": 1},
            kept={"keep": 1, "report": 1},
        ),
    ),
    gates=(
        Gate("expect.min", "1", "3 records", tripped=False, allow="matched=3"),
        Gate("max_deletes", "0", "1", tripped=True, allow="deletes=1", records=(("products", "k2"),)),
    ),
)


def write(path: Path, plan: CatalogPlan = PLAN) -> str:
    writer = PlanWriter(path)
    writer.catalog(plan.name, plan.path)
    for each in CHANGES:
        writer.change("products", each.packed())
    writer.kept("products", [KEPT])
    writer.rejections("products", [REJECTION])
    writer.catalog_end(plan)
    return writer.seal()


def test_what_was_written_is_read_back(tmp_path: Path) -> None:
    digest = write(tmp_path / "plan")
    file = read_plan(tmp_path / "plan")
    assert file.digest == digest
    assert file.catalogs == (PLAN,)
    assert tuple(file.changes("shop", "products")) == CHANGES
    assert tuple(file.kept("shop", "products")) == (KEPT,)
    assert tuple(file.rejections("shop", "products")) == (REJECTION,)
    assert list(file.changes("shop", "other")) == []
    assert list(file.changes("other", "products")) == []


def test_equal_plans_are_equal_bytes(tmp_path: Path) -> None:
    assert write(tmp_path / "a") == write(tmp_path / "b")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_file_cut_off_anywhere_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "plan")
    content = (tmp_path / "plan").read_bytes()
    for length in range(0, len(content), 7):
        (tmp_path / "cut").write_bytes(content[:length])
        with pytest.raises(Refused):
            read_plan(tmp_path / "cut")


def test_a_file_that_lacks_its_last_line_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "plan")
    lines = gzip.decompress((tmp_path / "plan").read_bytes()).splitlines(keepends=True)
    (tmp_path / "cut").write_bytes(gzip.compress(b"".join(lines[:-1])))
    with pytest.raises(Refused, match="cut off or altered"):
        read_plan(tmp_path / "cut")


def test_a_file_altered_in_one_character_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "plan")
    text = gzip.decompress((tmp_path / "plan").read_bytes())
    assert b'"k2"' in text
    (tmp_path / "altered").write_bytes(gzip.compress(text.replace(b'"k2"', b'"k9"')))
    with pytest.raises(Refused, match="altered"):
        read_plan(tmp_path / "altered")


@pytest.mark.parametrize("fingerprint", [{}, {"catalog": ""}])
def test_a_plan_without_a_fingerprint_is_refused(tmp_path: Path, fingerprint: dict[str, str]) -> None:
    plan = CatalogPlan(PLAN.name, PLAN.path, fingerprint, PLAN.streams)
    write(tmp_path / "plan", plan)
    with pytest.raises(Refused, match="no fingerprint"):
        read_plan(tmp_path / "plan")


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "not a whole plan file"),
        (b"no gzip at all", "not a whole plan file"),
        (gzip.compress(b'{"head":{"format":"other"}}\n', mtime=0), "does not begin as one"),
        (gzip.compress(b'{"head":{"format":"sync-engine plan","version":99}}\n', mtime=0), "is a plan of format 99"),
    ],
)
def test_something_else_is_refused_with_the_reason(tmp_path: Path, content: bytes, why: str) -> None:
    (tmp_path / "plan").write_bytes(content)
    with pytest.raises(Refused, match=why):
        read_plan(tmp_path / "plan")


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="no plan file"):
        read_plan(tmp_path / "nothing")


def test_every_line_is_as_its_schema_says(tmp_path: Path) -> None:
    schema = json.loads(files("sync_engine_schemas").joinpath("plan.v1.json").read_bytes())
    Draft7Validator.check_schema(schema)
    validator = Draft7Validator(schema)
    write(tmp_path / "plan")
    lines = [json.loads(line) for line in gzip.decompress((tmp_path / "plan").read_bytes()).splitlines()]
    assert [next(iter(line)) for line in lines] == [
        "head", "catalog", "change", "change", "kept", "rejection", "catalog_end", "end",
    ]  # fmt: skip
    for line in lines:
        validator.validate(line)
    assert not validator.is_valid({"change": ["products", "upsert", "k", "s", "", 0, []]})


def test_the_fields_of_a_new_record_are_like_those_of_any_other_change() -> None:
    fields = NewFields({"Name": "A", "Price": "1.5"})
    plain = (FieldChange("Name", None, "A"), FieldChange("Price", None, "1.5"))
    assert fields == plain
    assert fields != plain[:1]
    assert (fields[1], fields[:1], len(fields), [*fields]) == (plain[1], plain[:1], 2, [*plain])
