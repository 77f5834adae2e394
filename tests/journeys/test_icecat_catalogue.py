"""The whole real catalogue in custom objects: every row is what the raw data say, and follows the PIM."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from tests.journeys.conftest import ROOT, NewProject, Project
from tests.journeys.test_icecat import data, folded, raw, text_of

from sync_engine_sandbox.sandbox import Sandbox

CATALOG = "icecat-catalogue"
OTHER_LOCALES = ("de_DE", "fr_FR")
FIRST_LABEL = "en_US"


@pytest.fixture
def project(icecat: Sandbox, new_project: NewProject) -> Project:
    return new_project(ROOT / "catalogs" / "icecat", icecat)


def plan(project: Project) -> dict[str, Any]:
    (catalog,) = project.run("plan", CATALOG, "--format", "json").data["catalogs"]
    return dict(catalog)


def rows(sandbox: Sandbox, name: str, key: str = "PIM_Id__c") -> dict[str, dict[str, Any]]:
    return {row[key]: row for row in sandbox.org.rows(name)}


def by_id(sandbox: Sandbox, name: str, key: str) -> dict[str, str]:
    return {row["Id"]: row[key] for row in sandbox.org.rows(name)}


def expected_assignments() -> set[tuple[str, str]]:
    return {(product["uuid"], category) for product in raw("products") for category in product["categories"]}


def expected_translations() -> dict[str, tuple[str, str, str | None, str | None]]:
    families = {each["code"]: each["labels"] for each in raw("families")}
    found = {}
    for product in raw("products"):
        for locale in OTHER_LOCALES:
            text = data(product, "description", locale, "print")
            if text:
                family = families[product["family"]].get(locale) if product["family"] else None
                found[f"{product['uuid']}-{locale}"] = (product["uuid"], locale, folded(text_of(text, 32_000)), family)
    return found


def expected_prices() -> dict[str, tuple[str, str, float]]:
    return {
        f"{product['uuid']}-{price['currency']}": (product["uuid"], price["currency"], float(price["amount"]))
        for product in raw("products")
        for price in data(product, "price") or ()
    }


def expected_pictures() -> dict[str, tuple[str, str]]:
    return {
        f"{product['uuid']}-{code}": (code, data(product, code))
        for product in raw("products")
        for code in ("picture", "image")
        if data(product, code)
    }


def check_everything(sandbox: Sandbox) -> None:
    products = by_id(sandbox, "Product2", "PIM_Id__c")
    categories = by_id(sandbox, "PIM_Category__c", "PIM_Code__c")
    held = rows(sandbox, "PIM_Category__c", "PIM_Code__c")
    wanted = {each["code"]: each for each in raw("categories")}
    assert held.keys() == wanted.keys()
    for code, category in wanted.items():
        assert held[code]["Name"] == (category["labels"].get("en_US") or code)[:80].strip()
        assert held[code].get("Name_de__c") == category["labels"].get("de_DE")
        assert categories.get(held[code].get("Parent__c") or "") == category["parent"]
    assigned = {
        (products[row["Product__c"]], categories[row["Category__c"]])
        for row in sandbox.org.rows("PIM_Product_Category__c")
    }
    assert assigned == expected_assignments()
    assert {
        key: (products[row["Product__c"]], row["Language__c"], folded(row["Description__c"]), row.get("Family__c"))
        for key, row in rows(sandbox, "PIM_Product_Translation__c").items()
    } == expected_translations()
    assert {
        key: (products[row["Product__c"]], row["Currency__c"], float(row["Amount__c"]))
        for key, row in rows(sandbox, "PIM_Price__c").items()
    } == expected_prices()
    assert {
        key: (row["Attribute__c"], row["Path__c"]) for key, row in rows(sandbox, "PIM_Media__c").items()
    } == expected_pictures()


def patcher(sandbox: Sandbox) -> Callable[[str, dict[str, Any]], None]:
    """Writes to the PIM over its API."""
    access = sandbox.access["pim"]
    login = {"grant_type": "password", "username": access["username"], "password": access["password"]}

    def patch(path: str, body: dict[str, Any]) -> None:
        with httpx.Client(base_url=f"{access['url']}/api") as client:
            auth = (access["client_id"], access["client_secret"])
            token = client.post("/oauth/v1/token", json=login, auth=auth).json()["access_token"]
            answer = client.patch(f"/rest/v1/{path}", json=body, headers={"Authorization": f"Bearer {token}"})
            answer.raise_for_status()

    return patch


def change_the_pim(sandbox: Sandbox) -> dict[tuple[str, str], Any]:
    """One change of every kind; returns what the plan must hold, by (stream, key): operation and changed fields."""
    patch = patcher(sandbox)
    products = raw("products")
    expected: dict[tuple[str, str], Any] = {}
    used: set[str] = set()

    def pick(wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        found = next(each for each in products if each["uuid"] not in used and not each["parent"] and wanted(each))
        used.add(found["uuid"])
        return found

    def german(product: dict[str, Any]) -> list[dict[str, Any]]:
        return [each for each in product["values"].get("description", []) if each["locale"] == "de_DE"]

    patch("categories/headphones", {"parent": "master", "labels": {"de_DE": "Ohrhörer"}})
    expected[("categories", "headphones")] = ("update", {"Parent__c", "Name_de__c", "Level__c"})

    untranslated = pick(lambda each: bool(german(each)))
    patch(
        f"products-uuid/{untranslated['uuid']}",
        {"values": {"description": [{**german(untranslated)[0], "data": None}]}},
    )
    expected[("translations", f"{untranslated['uuid']}-de_DE")] = ("delete", None)

    unassigned = pick(lambda each: len(each["categories"]) > 1)
    patch(f"products-uuid/{unassigned['uuid']}", {"categories": unassigned["categories"][1:]})
    expected[("product_categories", f"{unassigned['uuid']}-{unassigned['categories'][0]}")] = ("delete", None)

    # Prices stand on models here; taking one away takes it from every variant below.
    model = next(each for each in raw("product-models") if not each["parent"] and data(each, "price"))
    patch(f"product-models/{model['code']}", {"values": {"price": [{"locale": None, "scope": None, "data": None}]}})
    below = {model["code"], *(each["code"] for each in raw("product-models") if each["parent"] == model["code"])}
    for variant in products:
        if variant["parent"] in below:
            for price in data(variant, "price"):
                expected[("prices", f"{variant['uuid']}-{price['currency']}")] = ("deactivate", {"Active__c"})

    pictured = [each for each in products if data(each, "picture") and not each["parent"]]
    replaced, donor = pictured[0], pictured[1]
    used.update((replaced["uuid"], donor["uuid"]))
    value = {"locale": None, "scope": None, "data": data(donor, "picture")}
    patch(f"products-uuid/{replaced['uuid']}", {"values": {"picture": [value]}})
    expected[("pictures", f"{replaced['uuid']}-picture")] = ("update", {"Name", "Path__c"})

    disabled = pick(lambda each: each["family"] == "scanners")
    patch(f"products-uuid/{disabled['uuid']}", {"enabled": False})
    expected[("products", disabled["uuid"])] = ("update", {"IsActive"})

    deleted = pick(lambda each: bool(each["categories"]))
    sandbox.pim.delete_product(deleted["uuid"])
    gone = deleted["uuid"]
    expected[("products", gone)] = ("deactivate", {"IsActive"})
    for category in deleted["categories"]:
        expected[("product_categories", f"{gone}-{category}")] = ("delete", None)
    for locale in OTHER_LOCALES:
        if data(deleted, "description", locale, "print"):
            expected[("translations", f"{gone}-{locale}")] = ("delete", None)
    for attribute in ("picture", "image"):
        if data(deleted, attribute):
            expected[("pictures", f"{gone}-{attribute}")] = ("delete", None)
    return expected


def test_the_whole_catalogue_arrives_and_follows_the_pim(project: Project, icecat: Sandbox) -> None:
    project.run("apply", CATALOG, "--yes")
    check_everything(icecat)
    settled = plan(project)["summary"]
    assert {name: count for name, count in settled.items() if name != "unchanged"} == dict.fromkeys(
        ("create", "update", "deactivate", "delete", "rejected"), 0
    )

    expected = change_the_pim(icecat)
    found = {
        (stream["name"], change["key"]): (
            change["operation"],
            None if change["operation"] == "delete" else {each["field"] for each in change["fields"]},
        )
        for stream in plan(project)["streams"]
        for change in stream["changes"]
    }
    assert found == expected

    project.run("apply", CATALOG, "--yes")
    assert plan(project)["summary"]["unchanged"] == settled["unchanged"] - sum(
        operation in ("delete", "deactivate") for operation, _ in expected.values()
    )
    assert plan(project)["summary"]["delete"] == 0


def test_streams_that_read_the_same_records_share_one_reading(project: Project, icecat: Sandbox) -> None:
    project.run("plan", CATALOG)
    reads = [call for call in icecat.pim.requests if call.path.endswith("/products-uuid")]
    assert len(reads) == 10


def test_a_read_that_fails_half_way_is_no_plan_and_no_deletion(project: Project, icecat: Sandbox) -> None:
    project.run("apply", CATALOG, "--yes")
    before = len(icecat.org.rows("PIM_Product_Category__c"))

    async def fail(request: Any) -> Any:
        from starlette.responses import Response

        late = request.url.path.endswith("/products-uuid") and "search_after" in request.query_params
        return Response("<html>maintenance</html>", 200, media_type="text/html") if late else None

    icecat.pim.before.append(fail)
    failed = project.run("apply", CATALOG, "--yes", code=1)
    assert "pim" in failed.err
    assert len(icecat.org.rows("PIM_Product_Category__c")) == before


def test_a_rejected_record_is_not_taken_for_a_missing_one(project: Project, icecat: Sandbox) -> None:
    project.run("apply", CATALOG, "--yes")
    nameless = next(each for each in raw("products") if not each["parent"] and data(each, "name"))
    entry = {"locale": None, "scope": None, "data": None}
    patcher(icecat)(f"products-uuid/{nameless['uuid']}", {"values": {"name": [entry]}})
    (products,) = [each for each in plan(project)["streams"] if each["name"] == "products"]
    assert products["summary"]["rejected"] == 1
    assert products["changes"] == []


def test_records_that_others_wrote_are_never_deleted(project: Project, icecat: Sandbox) -> None:
    project.run("apply", CATALOG, "--yes")
    icecat.org.add("PIM_Category__c", {"Name": "By hand", "PIM_Code__c": "by-hand"})
    (categories, *_) = plan(project)["streams"]
    assert categories["summary"]["delete"] == 0


def test_a_selection_plans_just_these_streams(project: Project, icecat: Sandbox) -> None:
    project.run("apply", CATALOG, "--yes", "--streams", "categories")
    assert len(icecat.org.rows("PIM_Category__c")) == len(raw("categories"))
    assert icecat.org.rows("Product2") == []
    assert not [call for call in icecat.pim.requests if call.path.endswith("/products-uuid")]

    project.run("apply", CATALOG, "--yes", "--streams", "products, prices")
    found = project.run("plan", CATALOG, "--format", "json", "--streams", "product_categories").data
    (stream,) = found["catalogs"][0]["streams"]
    assert stream["summary"]["create"] == len(expected_assignments()), "parents are looked up in Salesforce"
    assert stream["summary"]["rejected"] == 0

    unknown = project.run("plan", CATALOG, "--streams", "catgories", code=1)
    assert "`categories`" in unknown.err


def test_a_selection_never_widens_deletes(project: Project, icecat: Sandbox) -> None:
    """Two streams write to one object; while only one is planned, records of the other are not missing."""
    project.edit(
        "catalogs/products.yaml",
        ("      Name: name\n", '      Name: {value: name, default: "(no name)"}\n'),
        (
            "      PIM_Segment__c:\n",
            "      PIM_Title__c: sku\n    on_missing: delete\n\n  unused:\n    from: products\n",
        ),
    )
    text = (project.folder / "catalogs" / "products.yaml").read_text(encoding="utf-8")
    (project.folder / "catalogs" / "products.yaml").write_text(text.split("\n\n  unused:")[0] + "\n", encoding="utf-8")
    project.edit(
        "catalogs/products.yaml", ('      PIM_Title__c: {template: "{{ name }} ({{ sku }})", truncate: 120}\n', "")
    )
    project.run("apply", "icecat-products", "--yes")
    icecat.pim.delete_product(next(each["uuid"] for each in raw("products") if not each["parent"]))
    whole = project.run("plan", "icecat-products", "--format", "json").data
    assert whole["catalogs"][0]["summary"]["delete"] == 1
    part = project.run("plan", "icecat-products", "--format", "json", "--streams", "products").data
    assert part["catalogs"][0]["summary"]["delete"] == 0
