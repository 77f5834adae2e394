"""What a plan says it costs is what it then takes; a budget refuses what would take more."""

from __future__ import annotations

import random
import sqlite3
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.journeys.small import Json, Shop, open_shop, product, uuid_of

FIELDS = [{"name": "Notes__c", "type": "longtextarea", "length": 100_000}]
STREAM: Json = {
    "from": "products",
    "to": "Item__c",
    "key": {"Key__c": "sku"},
    "fields": {"Name": "name", "Notes__c": "notes"},
    "on_missing": "delete",
}
ALL = {"max_delete_percent": 100, "max_collapse_percent": 100}
WRITES = {"POST", "PATCH", "PUT", "DELETE"}


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    products = [product(f"mug-{number:03}", name=f"Mug {number}", notes="old") for number in range(450)]
    with open_shop(tmp_path, fields=FIELDS, products=products) as opened:
        opened.write({"items": STREAM}, safety=ALL)
        yield opened


def cost(shop: Shop, *, code: int = 0) -> Json:
    return dict(shop.plan(code=code)["cost"])


def sent(shop: Shop, transfer: Json) -> Counter[str]:
    """The batches that a transfer sent, by their way."""
    with sqlite3.connect(shop.project.folder / ".sync-engine" / "ledger.db") as ledger:
        found = ledger.execute("SELECT mode FROM batches WHERE transfer = ?", (transfer["id"],)).fetchall()
    ledger.close()
    return Counter(mode for (mode,) in found)


def budget(shop: Shop, **limits: int) -> None:
    lines = "".join(f"  {name}: {value}\n" for name, value in limits.items())
    shop.project.edit("sync-engine.yaml", ("version: 1\n", f"version: 1\nbudget:\n{lines}"))


def test_collections_cost_a_request_for_each_batch(shop: Shop) -> None:
    said = cost(shop)
    assert (said["batches"], said["target_requests"]) == ({"collections": 3}, 3)
    log = shop.sandbox.org.requests.log
    before = len(log)
    assert sent(shop, shop.apply()) == said["batches"]
    assert sum(call.method in WRITES and "composite" in call.path for call in log[before:]) == 3


def test_bulk_jobs_cost_all_their_requests(shop: Shop) -> None:
    shop.connect(bulk_threshold=10, bulk_rows=200)
    said = cost(shop)
    assert said["batches"] == {"bulk": 3}
    log = shop.sandbox.org.requests.log
    before = len(log)
    assert sent(shop, shop.apply()) == said["batches"]
    made = sum("/jobs/ingest" in call.path for call in log[before:])
    assert said["target_requests"] <= made <= said["target_requests"] + 3 * 2  # some jobs are asked more than once


def test_records_to_delete_are_asked_for_once_more_on_both_sides(shop: Shop) -> None:
    shop.apply()
    for number in range(250):
        shop.sandbox.pim.delete_product(uuid_of(f"mug-{number:03}"))
    said = cost(shop)
    assert said["source_requests_to_apply"] == 3
    assert said["target_requests"] == 2 + 2
    assert said["batches"] == {"collections": 2}


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.slow
def test_the_batches_of_a_plan_are_those_that_are_sent_however_large_the_records(tmp_path: Path, seed: int) -> None:
    """Of each kind, and of a size at which bytes matter, rows matter, or both."""
    chosen = random.Random(seed)
    sizes = [chosen.choice([10, 30_000, 60_000]) for _ in range(300)]
    products = [product(f"p{number}", name=f"P {number}", notes="x" * size) for number, size in enumerate(sizes)]
    with open_shop(tmp_path, fields=FIELDS, products=products) as shop:
        shop.write({"items": STREAM}, safety=ALL)
        first = cost(shop)
        assert first["batches"]["collections"] > 2
        assert sent(shop, shop.apply()) == first["batches"]
        for number in range(60):
            shop.sandbox.pim.delete_product(uuid_of(f"p{number}"))
        for number in range(60, 250):
            shop.change(f"p{number}", notes="y" * chosen.choice([10, 60_000]))
        for number in range(90):
            new = product(f"q{number}", name=f"Q {number}", notes="z" * chosen.choice([10, 60_000]))
            shop.sandbox.pim.add_product(**new)
        second = cost(shop)
        assert sent(shop, shop.apply()) == second["batches"]


def test_requests_to_the_pim_are_counted(shop: Shop) -> None:
    pim = shop.sandbox.pim
    before = len(pim.requests)
    said = cost(shop)
    assert said["source_requests"] == len(pim.requests) - before
    assert said["pages_read"] == 5


def test_a_plan_states_its_share_of_the_daily_limit(shop: Shop) -> None:
    said = cost(shop)
    left = said["requests_remaining"]
    assert left == 15_000 - shop.sandbox.org.requests.used
    assert said["share_percent"] == round(100 * 3 / left, 3)
    text = shop.run("plan").out
    assert "to send 3 batches by collections, 3 requests to the target (under 0.1 % of the 14,9" in text
    shop.apply()
    assert "nothing to send, 14,9" in shop.run("plan").out


def test_cost_that_was_only_measured_is_no_part_of_the_digest(shop: Shop) -> None:
    first, second = (shop.run("plan", "--format", "json").data for _ in range(2))
    assert first["digest"] == second["digest"]
    assert first["catalogs"][0]["cost"] != second["catalogs"][0]["cost"]


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        ({"max_target_requests": 2}, "budget.max_target_requests = 2, found 3 requests"),
        ({"max_source_requests": 5}, "budget.max_source_requests = 5, found "),
    ],
)
def test_a_plan_over_the_budget_is_shown_and_refused(shop: Shop, limits: dict[str, int], said: str) -> None:
    budget(shop, **limits)
    for form in ("text", "markdown", "html"):
        assert said in shop.run("plan", "--format", form, code=5).out
    (gate,) = shop.run("plan", "--format", "json", code=5).data["budget"]
    assert (gate["tripped"], gate["allow"]) == (True, None)
    assert "budget:" in shop.run("apply", "--yes", code=5).err
    path = str(shop.project.folder / "plan")
    shop.run("plan", "--out", path, code=5)
    assert said in shop.run("show", path).out
    shop.run("apply", path, code=5)
    assert not shop.rows()


def test_a_plan_within_the_budget_is_written(shop: Shop) -> None:
    budget(shop, max_target_requests=3, max_source_requests=1000, max_minutes=1, max_daily_limit_percent=1)
    shop.plan()
    shop.apply()
    assert len(shop.rows()) == 450


def test_minutes_are_those_of_the_last_large_transfer(shop: Shop) -> None:
    """It wrote 1,000 records in two hours, so 450 take 54 minutes."""
    shop.plan()  # which makes the ledger
    with sqlite3.connect(shop.project.folder / ".sync-engine" / "ledger.db") as ledger:
        ledger.execute(
            "INSERT INTO transfers (id, catalog, digest, trigger, started, finished, status, summary) "
            "VALUES ('1', 'shop', '', '', '2026-11-23T10:00:00.000Z', '2026-11-23T12:00:00.000Z', 'done', ?)",
            ('{"created": 1000}',),
        )
    ledger.close()
    assert "about 54 minutes" in shop.run("plan").out
    budget(shop, max_minutes=53)
    assert "budget.max_minutes = 53, found about 54.0 minutes" in shop.run("apply", "--yes", code=5).err
    shop.project.edit("sync-engine.yaml", ("max_minutes: 53", "max_minutes: 54"))
    shop.apply()


def test_a_saved_plan_is_held_against_what_is_left_when_it_is_applied(shop: Shop) -> None:
    budget(shop, max_daily_limit_percent=10)
    path = str(shop.project.folder / "plan")
    shop.run("plan", "--out", path)
    requests = shop.sandbox.org.requests
    used = requests.used
    requests.used = 14_980
    said = shop.run("apply", path, code=5).err
    assert "budget.max_daily_limit_percent = 10 %, found crm: 3 of " in said
    requests.used = used
    shop.apply(path)


def test_several_catalogs_share_a_budget(shop: Shop) -> None:
    first = shop.project.folder / "catalogs" / "shop.yaml"
    text = first.read_text(encoding="utf-8").replace('"shop"', '"second"').replace('"sku"', '"{{ sku }}-2"')
    (first.parent / "second.yaml").write_text(text, encoding="utf-8")
    budget(shop, max_target_requests=5)
    shop.run("plan", "shop")
    assert "max_target_requests = 5, found 6 requests" in shop.run("plan", code=5).out


def test_a_budget_of_nothing_is_a_mistake(shop: Shop) -> None:
    budget(shop, max_minutes=0, max_hours=1)
    said = shop.run("validate", code=3)
    assert "max_minutes" in said.out + said.err
    assert "max_hours" in said.out + said.err
