"""A plan as Markdown fits a comment, whatever its size, and never leaves out what one must know."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from sync_engine.planner.fields import FieldChange
from sync_engine.planner.plan import (
    CatalogPlan,
    Change,
    ChangeKind,
    Cost,
    Gate,
    PlannedField,
    ReadStep,
    Rejection,
    StreamPlan,
    Summary,
    WriteStep,
)
from sync_engine.planner.plan_file import PlanFile, PlanWriter
from sync_engine.report.plan_markdown import render
from sync_engine.sdk.target import FieldRequest, FieldType, Owner, Reason

NASTY = "``` </details> | <b> @all `x` \n" * 4
FIELDS = tuple(f"Very_Long_Name_Of_A_Field_{number:02}__c" for number in range(30))
GATES = tuple(
    Gate(
        "max_deletes", "10", f"{number}", tripped=True, allow=f"deletes={number}", records=(("products", "k" * 90),) * 3
    )
    for number in range(20)
)


def changes(count: int) -> Iterator[Change]:
    for number in range(count):
        kind = KINDS[number % 4]
        fields = tuple(FieldChange(each, f"before {number} {NASTY}", f"{NASTY} after {number}") for each in FIELDS)
        yield Change(kind, f"key {number} {NASTY}", "", "01t", 0, fields)


def stream(name: str, count: int) -> StreamPlan:
    each = count // 4
    return StreamPlan(
        name,
        ReadStep("products"),
        WriteStep("Product2", ("Key__c",), "bulk", 1),
        tuple(PlannedField(field, FieldType.TEXT, FieldRequest(field)) for field in FIELDS),
        Summary(create=each, update=each, deactivate=each, delete=each, rejected=5),
    )


KINDS = [each for each in ChangeKind if each is not ChangeKind.LEAVE]


def made(folder: Path, catalogs: int, streams: int, count: int) -> PlanFile:
    """A plan of so many catalogs with so many streams with so many changes."""
    names = [f"stream-{number}" for number in range(streams)]
    plans = [
        CatalogPlan(
            name=f"catalog-{number}",
            path="catalogs/x.yaml",
            fingerprint={"catalog": "abc"},
            streams=tuple(stream(name, count) for name in names),
            warnings=(f"L4: {NASTY}",) * 15,
            gates=GATES,
            cost=Cost(12, {"bulk": 3}, 21, 0, 600.0, 14, 1000),
        )
        for number in range(catalogs)
    ]
    writer = PlanWriter(folder / "plan", pack=False)
    reasons = tuple(Reason("TOO_LONG", f"too long: {NASTY}", field, Owner.DATA) for field in FIELDS)
    for plan in plans:
        writer.catalog(plan.name, plan.path)
        for name in names:
            for each in changes(count):
                writer.change(name, each.packed())
            writer.rejections(name, [Rejection(f"key {number} {NASTY}", "", reasons) for number in range(5)])
        writer.catalog_end(plan)
    return PlanFile(folder / "plan", writer.seal(plans), tuple(plans))


@pytest.mark.parametrize(
    ("catalogs", "streams", "count"), [(1, 1, 8), (1, 1, 4000), (1, 40, 12), (8, 10, 8), (300, 2, 4), (1, 300, 4)]
)
def test_it_never_exceeds_60000_characters_and_always_says_what_matters(
    tmp_path: Path, catalogs: int, streams: int, count: int
) -> None:
    file = made(tmp_path, catalogs, streams, count)
    text = "".join(render(file))
    assert len(text) < 60_000
    of_kind = f"{streams * (count // 4):,}"
    assert f"| catalog-0 | {of_kind} | {of_kind} | {of_kind} | {of_kind} | 0 | {streams * 5:,} |" in text
    assert f"Digest `{file.digest}`" in text
    for known in (
        "--allow deletes=0",
        "Warning: L4",
        "21 requests to the target (2.1 % of the 1,000",
        "about 10 minutes",
    ):
        assert known in text
    # Nothing is cut in the middle, and nothing of the data breaks out of its place.
    fences = re.findall(r"^```(\w*)$", text, re.MULTILINE)
    assert fences == ["diff", ""] * (len(fences) // 2)
    prose = re.sub(r"^```diff\n.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    assert prose.count("<details>") == prose.count("</details>")
    assert not set(re.findall(r"<\w+>", prose)) - {"<details>", "<summary>"}
    assert "@all" not in prose


def test_a_plan_of_one_stream_shows_the_most_changed_fields_and_samples_of_each_kind(tmp_path: Path) -> None:
    text = "".join(render(made(tmp_path, 1, 1, 400)))
    assert "Most changed: `Very_Long_Name_Of_A_Field_00__c` 400" in text
    for kind in KINDS:
        assert f"<details><summary>{kind}: 100</summary>" in text
        assert len(re.findall(rf"^. {kind} key", text, re.MULTILINE)) == 3
    assert "<summary>rejected: 5</summary>" in text
    assert "not shown here" not in text


def test_what_there_is_no_room_for_is_said(tmp_path: Path) -> None:
    many = "".join(render(made(tmp_path, 1, 300, 4)))
    shown = len(re.findall(r"^\*\*stream-\d+\*\* → Product2$", many, re.MULTILINE))
    assert shown > 20
    assert f"… {300 - shown:,} streams not shown here" in many
    assert re.search(r"… \d+ catalogs and \d+ streams not shown here", "".join(render(made(tmp_path, 300, 2, 4))))


def test_a_stream_in_which_nothing_changes_takes_no_room(tmp_path: Path) -> None:
    unchanged = StreamPlan("quiet", ReadStep("x"), WriteStep("Y", ("K",), "bulk", 0), (), Summary(unchanged=9))
    plan = CatalogPlan("one", "x.yaml", {"catalog": "a"}, (unchanged,))
    writer = PlanWriter(tmp_path / "plan")
    writer.catalog_end(plan)
    text = "".join(render(PlanFile(tmp_path / "plan", writer.seal([plan]), (plan,))))
    assert "quiet" not in text
    assert "| one | 0 | 0 | 0 | 0 | 9 | 0 |" in text
