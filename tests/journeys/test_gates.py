"""A gate that trips writes nothing, names number, records and the one override; that is for one plan, and is logged."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from tests.journeys.between import between
from tests.journeys.small import Shop, open_shop, product, uuid_of

NOTES = {"name": "Notes__c", "type": "string", "length": 80}
SKUS = [f"mug-{number:02}" for number in range(40)]
STREAM = {
    "from": "products",
    "to": "Item__c",
    "key": {"Key__c": "uuid"},
    "fields": {"Name": "name", "Notes__c": "notes"},
    "on_missing": "delete",
}


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    """A shop whose 40 products have been transferred."""
    products = [product(sku, name=f"Mug {sku}", notes="old") for sku in SKUS]
    with open_shop(tmp_path, fields=[NOTES], products=products) as opened:
        opened.write({"items": STREAM})
        opened.apply()
        yield opened


def remove(shop: Shop, *skus: str) -> None:
    for sku in skus:
        shop.sandbox.pim.delete_product(uuid_of(sku))


def tripped(shop: Shop) -> dict[str, Any]:
    return {gate["name"]: gate for gate in shop.plan(code=5)["gates"] if gate["tripped"]}


def digest(shop: Shop, *, code: int = 5) -> str:
    return str(shop.run("plan", "--format", "json", code=code).data["digest"])


def test_a_source_that_is_empty_all_at_once_deletes_nothing(shop: Shop) -> None:
    remove(shop, *SKUS)
    gates = tripped(shop)
    assert gates.keys() == {"max_delete_percent", "expect.min", "max_collapse_percent"}
    assert gates["max_delete_percent"]["actual"] == "40 of 40 (100.0 %)"
    assert gates["max_collapse_percent"]["actual"] == "items: 0, 40 at the last complete transfer (100.0 % fewer)"
    shop.run("apply", "--yes", code=5)
    assert len(shop.rows()) == len(SKUS)


@pytest.mark.slow
def test_where_there_were_ten_thousand_an_empty_list_deletes_nothing(tmp_path: Path) -> None:
    products = [product(f"p{number}", name=f"P {number}") for number in range(10_000)]
    with open_shop(tmp_path, fields=[NOTES], products=products) as shop:
        shop.write({"items": STREAM}, safety={"expect": {"min": 0}})
        assert shop.apply()["summary"]["created"] == 10_000

        def empty(request: Request) -> Response | None:
            here = str(request.url)
            links = {"self": {"href": here}, "first": {"href": here}}
            page = {"_links": links, "_embedded": {"items": []}}
            return JSONResponse(page) if request.url.path.endswith("/products-uuid") else None

        with between(shop.project.environment["PIM_URL"], empty) as url:
            shop.project.environment["PIM_URL"] = url
            assert "10000 of 10000 (100.0 %)" in shop.run("apply", "--yes", code=5).err
        assert len(shop.rows()) == 10_000


def test_a_source_that_collapsed_is_told_even_where_nothing_would_be_deleted(shop: Shop) -> None:
    shop.write({"items": {**STREAM, "on_missing": "keep"}})
    remove(shop, *SKUS[:20])
    assert shop.plan()["summary"]["unchanged"] == 20
    remove(shop, SKUS[20])
    gate = tripped(shop)["max_collapse_percent"]
    assert gate["actual"] == "items: 19, 40 at the last complete transfer (52.5 % fewer)"
    shop.write({"items": {**STREAM, "on_missing": "keep"}}, safety={"max_collapse_percent": 60})
    shop.plan()


def test_one_stream_may_collapse_while_another_does_not(shop: Shop) -> None:
    other = {**STREAM, "filter": [{"field": "name", "operator": "STARTS WITH", "value": "Mug"}]}
    other |= {"key": {"Key__c": {"expression": "'other-' ~ uuid"}}, "on_missing": "keep"}
    shop.write({"items": {**STREAM, "on_missing": "keep"}, "others": other})
    shop.apply()
    for sku in SKUS[:30]:
        shop.change(sku, name="Cup")
    assert tripped(shop)["max_collapse_percent"]["actual"].startswith("others: 10, 40 at")


def test_a_gate_names_a_few_of_the_records(shop: Shop) -> None:
    remove(shop, *SKUS[:6])
    gate = tripped(shop)["max_delete_percent"]
    assert (gate["actual"], gate["allow"]) == ("6 of 40 (15.0 %)", "deletes=6")
    gone = {uuid_of(sku) for sku in SKUS[:6]}
    assert len(gate["records"]) == 3
    assert {each["key"] for each in gate["records"]} < gone
    said = shop.run("apply", "--yes", code=5).err
    assert f"such as items {gate['records'][0]['key']}" in said
    assert "--allow deletes=6" in said


def test_gates_count_updates_emptied_fields_and_rejections(shop: Shop) -> None:
    limits = {"max_update_percent": 10, "max_emptied_percent": 10, "max_rejected_percent": 10, "max_deletes": 0}
    shop.write({"items": STREAM}, safety=limits)
    for sku in SKUS[:5]:
        shop.change(sku, notes=None)
        shop.change(SKUS[-1 - SKUS.index(sku)], name="x" * 81)
    remove(shop, SKUS[10])
    gates = tripped(shop)
    assert {name: gate["allow"] for name, gate in gates.items()} == {
        "max_update_percent": "updates=5",
        "max_emptied_percent": "emptied.items.Notes__c=5",
        "max_rejected_percent": "rejected=5",
        "max_deletes": "deletes=1",
    }
    assert {each["key"] for each in gates["max_emptied_percent"]["records"]} < {uuid_of(sku) for sku in SKUS[:5]}
    assert {each["key"] for each in gates["max_rejected_percent"]["records"]} < {uuid_of(sku) for sku in SKUS[-5:]}
    assert gates["max_deletes"]["records"] == [{"stream": "items", "key": uuid_of(SKUS[10])}]


def test_an_allowed_gate_writes_that_plan_and_is_in_the_log_with_its_reason(shop: Shop) -> None:
    remove(shop, *SKUS[:6])
    path = str(shop.project.folder / "plan")
    shop.run("plan", "--out", path, code=5)
    assert "deletes=6" in shop.run("apply", path, "--allow", "deletes=7", "--reason", "cleared", code=5).err
    assert len(shop.rows()) == len(SKUS)
    done = shop.apply(path, "--allow", "deletes=6", "--reason", "cleared out, see ticket 7")
    assert done["summary"]["deleted"] == 6
    (override,) = shop.shown(done["id"])["overrides"]
    assert override == {
        "gate": "max_delete_percent",
        "limit": "10 %",
        "found": "6 of 40 (15.0 %)",
        "allowed": "deletes=6",
        "reason": "cleared out, see ticket 7",
    }
    assert "allowed   deletes=6" in shop.run("transfers", "show", done["id"]).out


def test_without_a_file_an_override_is_bound_to_the_approved_digest(shop: Shop) -> None:
    remove(shop, *SKUS[:6])
    options = ["--allow", "deletes=6", "--reason", "cleared"]
    approved = digest(shop)
    assert "--approve" in shop.run("apply", *options, "--yes", code=64).err
    shop.sandbox.pim.add_product(**product(SKUS[0], name="Mug", notes="old"))
    remove(shop, SKUS[6])
    assert "not the approved" in shop.run("apply", "--approve", approved, *options, code=6).err
    assert len(shop.rows()) == len(SKUS)
    assert shop.apply("--approve", digest(shop), *options)["summary"]["deleted"] == 6


def test_an_approved_digest_needs_no_further_question_and_no_other_plan_will_do(shop: Shop) -> None:
    shop.change(SKUS[0], notes="new")
    approved = digest(shop, code=0)
    path = str(shop.project.folder / "plan")
    shop.run("plan", "--out", path)
    shop.run("apply", path, "--approve", "0" * 64, code=6)
    shop.change(SKUS[1], notes="new")
    assert "not the approved" in shop.run("apply", "--approve", approved, code=6).err
    shop.run("apply", "--approve", digest(shop, code=0))
    assert {shop.rows()[uuid_of(sku)]["Notes__c"] for sku in SKUS[:2]} == {"new"}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--allow", "deletes=6"], "--reason"),
        (["--reason", "because"], "--allow"),
        (["--allow", "deletes=6", "--reason", " "], "--reason"),
        (["--allow", "updates=1", "--reason", "because"], "passes no gate"),
    ],
)
def test_options_that_make_no_sense_are_refused(shop: Shop, options: list[str], said: str) -> None:
    shop.change(SKUS[0], notes="new")
    path = str(shop.project.folder / "plan")
    shop.run("plan", "--out", path)
    assert said in shop.run("apply", path, *options, code=64).err
    assert shop.rows()[uuid_of(SKUS[0])]["Notes__c"] == "old"


def test_text_and_pages_say_the_number_the_records_and_the_override(shop: Shop) -> None:
    remove(shop, *SKUS[:6])
    path = str(shop.project.folder / "plan")
    text = shop.run("plan", "--out", path, code=5).out
    assert re.search(r"Gate max_delete_percent = 10 %, found 6 of 40 .*nothing will be written\n +such as items ", text)
    for form in ("text", "markdown", "html"):
        shown = shop.run("show", path, "--format", form).out
        assert "--allow deletes=6" in shown
        assert "max_delete_percent = 10 %, found 6 of 40" in shown


def test_an_answer_that_says_error_in_place_of_products_is_no_plan(shop: Shop) -> None:
    """What a disabled catalog of the PIM answers, with status 200 (Akeneo REST API, "Catalogs for apps")."""
    message = 'No products to synchronize. The catalog "x" has been disabled on the PIM side.'

    def disabled(request: Request) -> Response | None:
        return JSONResponse({"error": message}) if request.url.path.endswith("/products-uuid") else None

    with between(shop.project.environment["PIM_URL"], disabled) as url:
        shop.project.environment["PIM_URL"] = url
        assert "has been disabled on the PIM side" in shop.run("apply", "--yes", code=1).err
    assert len(shop.rows()) == len(SKUS)


def test_a_source_that_fails_in_the_middle_is_no_plan(tmp_path: Path) -> None:
    products = [product(sku, name=f"Mug {sku}") for sku in SKUS]
    with open_shop(tmp_path, fields=[NOTES], products=products) as shop:
        shop.write({"items": STREAM}, safety={"max_delete_percent": 100})
        shop.project.edit(
            "sync-engine.yaml", ("adapter: akeneo\n", "adapter: akeneo\n    page_size: 10\n    retry_minutes: 0\n")
        )
        shop.apply()
        pages: list[str] = []

        def fails(request: Request) -> Response | None:
            if request.url.path.endswith("/products-uuid"):
                pages.append(request.url.query)
                if len(pages) == 3:
                    return Response(status_code=503)
            return None

        with between(shop.project.environment["PIM_URL"], fails) as url:
            shop.project.environment["PIM_URL"] = url
            path = shop.project.folder / "plan"
            shop.run("plan", "--out", str(path), code=69)
            pages.clear()
            shop.run("apply", "--yes", code=69)
        assert not path.exists()
        assert len(shop.rows()) == len(SKUS)
