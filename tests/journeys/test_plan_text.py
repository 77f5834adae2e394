"""A plan in a terminal: grouped by stream and kind, with symbols and colours, totals last."""

from __future__ import annotations

from pathlib import Path

from tests.journeys.small import open_shop, product, uuid_of

from sync_engine.planner.plan_file import read_plan
from sync_engine.report.plan_text import render

FIELDS = [{"name": "Text__c", "type": "textarea", "length": 4000}, {"name": "Active__c", "type": "boolean"}]
STREAMS = {
    "items": {
        "from": "products",
        "to": "Item__c",
        "key": {"Key__c": "uuid"},
        "filter": [{"field": "enabled", "operator": "=", "value": True}],
        "fields": {"Name": "name", "Text__c": "notes", "Active__c": "enabled"},
        "on_missing": {"set": {"Active__c": False}},
    },
}
NOTES = "The short end turns into the weather; everything else stays quiet. " * 3


def test_changes_stand_kind_by_kind_and_long_values_one_below_the_other(tmp_path: Path) -> None:
    products = [product(f"P{number}", name=f"Product {number}", notes=NOTES) for number in range(6)]
    with open_shop(tmp_path, fields=FIELDS, products=products) as shop:
        shop.write(STREAMS)
        shop.apply()
        shop.change("P0", notes=NOTES.replace("weather", "storm", 1))
        shop.change("P1", name="Another")
        shop.sandbox.pim.edit_product(uuid_of("P2"), enabled=False)
        new = product("P9", name="New")
        shop.sandbox.pim.add_product(**{name: new[name] for name in ("uuid", "enabled", "family", "values")})
        path = tmp_path / "plan"
        shop.run("plan", "--out", str(path))
    lines = list(render(read_plan(path), 5, lambda text, colour: f"<{colour}>{text}</>" if colour else text))
    symbols = [line.lstrip().split(">")[1].split()[0] for line in lines if " (a0" in line or "+ create" in line]
    assert symbols == ["+", "~", "~", "○"]
    place = next(number for number, line in enumerate(lines) if "weather" in line)
    shown = [" ".join(each.split()) for each in lines[place : place + 2]]
    assert shown[0] == "Text__c …hort end turns into the <red>weather</>; everything else stays …<dim> (PIM changed)</>"
    assert shown[1] == "→ …hort end turns into the <green>storm</>; everything else stays …"
    assert lines[place].index("…") == lines[place + 1].index("…")
    assert '        Name  <red>"Product 1"</> → <green>"Another"</><dim>  (PIM changed)</>' in lines
    assert lines[-2].startswith(
        "<bold>Plan: </><green>1 to create</>, <yellow>2 to update</>, <magenta>1 to deactivate</>"
    )
    assert "<dim>0 to delete</>, 3 unchanged" in lines[-2]
    assert lines[-1].startswith("Digest: ")


def test_where_all_is_rejected_the_plan_does_not_say_that_nothing_is_to_do(tmp_path: Path) -> None:
    with open_shop(tmp_path, fields=FIELDS, products=[product("P1", notes=NOTES)]) as shop:
        needed = {"Name": {"value": "name", "required": True}}
        shop.write({"items": {**STREAMS["items"], "fields": needed, "on_missing": "keep"}})
        shown = shop.run("plan", code=None).out
        assert "Nothing to write." in shown
        assert "Nothing to do." not in shown
