"""References to records that no stream of the catalog writes, found by an external id that the PIM knows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.journeys.small import Json, Shop, open_shop, product

CODE = {"name": "Code__c", "type": "string", "length": 40, "externalId": True, "unique": True}
MAKERS: Json = {"name": "Maker__c", "fields": [CODE, {"name": "City__c", "type": "string", "length": 40}]}
MAKER: Json = {"name": "Maker__c", "type": "reference", "references": ["Maker__c"], "relationship": "Maker__r"}


def items(**maker: Any) -> Json:
    fields = {"Name": "name", "Maker__c": {"find": "Code__c", "value": "ean", **maker}}
    return {"items": {"from": "products", "to": "Item__c", "key": {"Key__c": "sku"}, "fields": fields}}


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    products = [
        product("a", name="A", ean="acme"),
        product("b", name="B", ean="ACME"),
        product("c", name="C"),
        product("d", name="D", ean="nobody"),
    ]
    with open_shop(tmp_path, fields=[MAKER], objects=[MAKERS], products=products) as made:
        made.sandbox.org.add("Maker__c", {"Name": "Acme", "Code__c": "acme"})
        made.sandbox.org.add("Maker__c", {"Name": "Other", "Code__c": "other"})
        made.write(items(), safety={"max_rejected_percent": 100})
        yield made


def makers(shop: Shop) -> dict[str, str | None]:
    names: dict[str | None, str] = {row["Id"]: row["Name"] for row in shop.sandbox.org.rows("Maker__c")}
    return {key: names.get(row.get("Maker__c")) for key, row in shop.rows().items()}


def test_a_record_is_found_by_its_external_id_and_a_missing_one_rejects(shop: Shop) -> None:
    (rejected,) = shop.streams()["items"]["rejections"]
    assert (rejected["key"], rejected["reasons"][0]["code"]) == ("d", "MISSING_PARENT")
    shop.apply(code=4)
    assert makers(shop) == {"a": "Acme", "b": "Acme", "c": None}
    shop.settled(rejected=1)

    shop.change("a", ean="other")
    (change,) = shop.streams()["items"]["changes"]
    (field,) = change["fields"]
    assert (field["field"], field["before"], field["after"]) == ("Maker__c", "acme", "other")
    shop.apply(code=4)
    assert makers(shop)["a"] == "Other"
    assert "Maker__c" in shop.run("explain", "shop", "d").out
    assert shop.run("drift").code == 0


def test_a_missing_record_can_leave_the_field_alone(shop: Shop) -> None:
    shop.write(items(missing="leave"))
    shop.apply()
    assert makers(shop) == {"a": "Acme", "b": "Acme", "c": None, "d": None}
    shop.settled()


def test_a_snapshot_holds_the_object_that_is_referred_to(shop: Shop) -> None:
    shop.run("snapshot")
    assert shop.run("validate").code == 0
    shop.write(items(find="Cod__c"))
    assert "Did you mean `Code__c`?" in shop.run("validate", code=3).out


MISTAKES = {
    "no external id": ({"find": "City__c"}, "SE335"),
    "no field": ({"find": "Cod__c"}, "SE304"),
    "no attribute": ({"value": "eam"}, "SE302"),
    "an option of values": ({"labels": True}, "SE209"),
    "a constant and a value": ({"find": {"Code__c": "acme"}}, "SE208"),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_what_cannot_be_found_is_refused_at_its_place(shop: Shop, case: str) -> None:
    maker, code = MISTAKES[case]
    shop.write(items(**maker))
    found = shop.run("validate", "--live", "--format", "json", code=3).data["problems"]
    assert code in {each["code"] for each in found}, found


def test_records_that_a_stream_writes_are_looked_up_instead(shop: Shop) -> None:
    streams = items()
    streams["makers"] = {"from": "products", "to": "Maker__c", "key": {"Code__c": "ean"}, "fields": {"Name": "name"}}
    shop.write(streams)
    assert "lookup: makers" in shop.run("validate", "--live", code=3).out
