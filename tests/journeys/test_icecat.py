"""The real catalogue into Product2: every value is what the raw data say, and then nothing is left to do."""

from __future__ import annotations

import json
import re
from decimal import ROUND_HALF_UP, Decimal
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.journeys.conftest import ICECAT, ROOT, NewProject, Project

from sync_engine_sandbox.sandbox import Sandbox

TEMPLATE = ROOT / "catalogs" / "icecat"
CATALOG = "icecat-products"
NAMELESS = "dressshoe"
SEGMENTS = {
    "Video": ("camcorders", "led_tvs"),
    "Photo": ("digital_cameras",),
    "Computing": ("pc_monitors", "scanners", "laser_led_printers", "multifunctionals"),
    "Audio": ("mp3_players",),
    "Fashion": ("clothing", "accessories", "shoes"),
}
CENTIMETER = {"CENTIMETER": Decimal(1), "INCH": Decimal("2.54"), "MILLIMETER": Decimal("0.1"), "METER": Decimal(100)}
KILOGRAM = {"KILOGRAM": Decimal(1), "GRAM": Decimal("0.001"), "POUND": Decimal("0.45359237")}


def raw(name: str) -> list[dict[str, Any]]:
    with (ICECAT / f"{name}.jsonl").open(encoding="utf-8") as lines:
        return [json.loads(line, parse_float=Decimal) for line in lines]


class Expected:
    """The target rows, computed from the raw JSON alone."""

    def __init__(self) -> None:
        self.families = {each["code"]: each["labels"]["en_US"] for each in raw("families")}
        self.options = {
            (each["attribute"], each["code"]): each["labels"].get("en_US", each["code"])
            for each in raw("attribute-options")
        }
        self.axes = {
            (each["_family"], each["code"], group["level"]): group["axes"]
            for each in raw("family-variants")
            for group in each["variant_attribute_sets"]
        }

    def model(self, item: dict[str, Any]) -> dict[str, Any]:
        level = 2 if item["parent"] else 1
        axes = self.axes.get((item["family"], item["family_variant"], level), [])
        return {
            "Name": (data(item, "name") or "(no name)").strip(),
            "ProductCode": item["code"],
            "PIM_Type__c": "Model",
            "PIM_Axes__c": ", ".join(axes) or None,
            "PIM_Model__c": item["parent"],
            "Family": self.families[item["family"]],
            "Description": text_of(data(item, "description", "en_US", "ecommerce")),
            "PIM_Collections__c": self.labels(item, "collection"),
            "PIM_Price_EUR__c": price(item, "EUR"),
        }

    def product(self, item: dict[str, Any]) -> dict[str, Any]:
        released = data(item, "release_date", None, "ecommerce")
        html = data(item, "description", "en_US", "print")
        title = f"{data(item, 'name')} ({data(item, 'sku')})"
        segment = next((name for name, families in SEGMENTS.items() if item["family"] in families), None)
        color = data(item, "color")
        return {
            "Name": data(item, "name").strip(),
            "ProductCode": data(item, "sku"),
            "IsActive": item["enabled"],
            "PIM_Type__c": "Variant" if item["parent"] else "Simple",
            "PIM_Model__c": item["parent"],
            "Family": self.families.get(item["family"]),
            "Description": text_of(html),
            "PIM_Description_HTML__c": html.replace("\r\n", "\n").strip() if html else None,
            "PIM_Title__c": title[:120].strip(),
            "PIM_EAN__c": data(item, "ean"),
            "PIM_Weight_kg__c": amount(item, "weight", KILOGRAM, 3),
            "PIM_Diagonal_cm__c": amount(item, "display_diagonal", CENTIMETER, 2),
            "PIM_Price_EUR__c": price(item, "EUR"),
            "PIM_Price_USD__c": price(item, "USD"),
            "PIM_Release_Date__c": released[:10] if released else None,
            "PIM_Is_New__c": bool(released) and released >= "2012-06-01",
            "PIM_Optical_Zoom__c": data(item, "optical_zoom"),
            "PIM_Color_Scanning__c": bool(data(item, "color_scanning")),
            "PIM_Color__c": self.options[("color", color)] if color else None,
            "PIM_Collections__c": self.labels(item, "collection"),
            "PIM_Segment__c": segment,
        }

    def labels(self, item: dict[str, Any], code: str) -> frozenset[str] | None:
        return frozenset(self.options[(code, each)] for each in data(item, code) or ()) or None


def data(item: dict[str, Any], code: str, locale: str | None = None, scope: str | None = None) -> Any:
    for entry in item["values"].get(code, []):
        if (entry["locale"], entry["scope"]) == (locale, scope):
            return entry["data"]
    return None


def amount(item: dict[str, Any], code: str, units: dict[str, Decimal], places: int) -> Decimal | None:
    value = data(item, code)
    if value is None:
        return None
    exact = Decimal(str(value["amount"])) * units[value["unit"]]
    return exact.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)


def price(item: dict[str, Any], currency: str) -> Decimal | None:
    found = [each["amount"] for each in data(item, "price") or () if each["currency"] == currency]
    return Decimal(found[0]) if found else None


class TextOnly(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.pieces: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag in ("p", "br", "div", "li", "ul", "tr", "table", "h1", "h2", "h3", "h4"):
            self.pieces.append("\n")

    def handle_endtag(self, tag: str) -> None:
        self.handle_starttag(tag, None)

    def handle_data(self, data: str) -> None:
        self.pieces.append(data)


def text_of(html: str | None, length: int = 4000) -> str | None:
    """The text of a description, cut to what the field takes."""
    if not html:
        return None
    parser = TextOnly()
    # Some texts hold "<US$600" or "</b.": no tag closes there, so it is text, and the words behind it are kept.
    parser.feed(re.sub(r"<(?![a-zA-Z/][^<>]*>)", "&lt;", html))
    parser.close()
    lines = (" ".join(line.split()) for line in "".join(parser.pieces).split("\n"))
    return "\n".join(line for line in lines if line)[:length].strip()


def folded(text: str | None) -> str | None:
    """White space folded: how much of it markup leaves behind is not what this test is about."""
    return " ".join(text.split()) if text else None


def stored(sandbox: Sandbox) -> dict[str, dict[str, Any]]:
    """What Salesforce holds, by PIM id, with parents by their PIM id and picklists as sets."""
    rows = {row["Id"]: row for row in sandbox.org.rows("Product2")}
    found = {}
    for row in rows.values():
        shown = dict(row)
        if row.get("PIM_Model__c"):
            shown["PIM_Model__c"] = rows[row["PIM_Model__c"]]["PIM_Id__c"]
        if row.get("PIM_Collections__c"):
            shown["PIM_Collections__c"] = frozenset(row["PIM_Collections__c"].split(";"))
        found[row["PIM_Id__c"]] = shown
    return found


def same(field: str, found: Any, expected: Any) -> bool:
    if field == "Description":
        return folded(found) == folded(expected)
    if isinstance(expected, Decimal) or (isinstance(expected, int) and not isinstance(expected, bool)):
        return found is not None and Decimal(str(found)) == Decimal(expected)
    return bool(found == expected)


def differences(sandbox: Sandbox) -> list[str]:
    """Every value that is not what the raw data say."""
    expected = Expected()
    wanted = {each["code"]: expected.model(each) for each in raw("product-models")}
    wanted |= {each["uuid"]: expected.product(each) for each in raw("products")}
    held = stored(sandbox)
    wrong = [f"missing or too much: {key}" for key in wanted.keys() ^ held.keys()]
    for key in wanted.keys() & held.keys():
        wrong += [
            f"{key} {field}: holds {held[key].get(field)!r}, expected {value!r}"
            for field, value in wanted[key].items()
            if not same(field, held[key].get(field), value)
        ]
    return wrong


def edit_three(sandbox: Sandbox) -> dict[str, dict[str, Any]]:
    """Edit three products over the PIM's API; returns the changes that a plan must show."""
    access = sandbox.access["pim"]
    products = [each for each in raw("products") if each["family"] in ("camcorders", "scanners") and data(each, "name")]
    first, second, third = products[0], products[1], products[2]
    with httpx.Client(base_url=access["url"]) as client:
        login = {"grant_type": "password", "username": access["username"], "password": access["password"]}
        answer = client.post("/api/oauth/v1/token", json=login, auth=(access["client_id"], access["client_secret"]))
        client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"

        def patch(item: dict[str, Any], body: dict[str, Any]) -> None:
            client.patch(f"/api/rest/v1/products-uuid/{item['uuid']}", json=body).raise_for_status()

        patch(first, {"values": {"name": [{"locale": None, "scope": None, "data": "012"}]}})
        patch(second, {"enabled": False})
        weight = {"amount": "2.5000", "unit": "KILOGRAM"}
        patch(third, {"values": {"weight": [{"locale": None, "scope": None, "data": weight}]}})
    before = amount(third, "weight", KILOGRAM, 3)
    return {
        first["uuid"]: {
            "Name": (data(first, "name"), "012"),
            "PIM_Title__c": (f"{data(first, 'name')} ({data(first, 'sku')})", f"012 ({data(first, 'sku')})"),
        },
        second["uuid"]: {"IsActive": (True, False)},
        third["uuid"]: {"PIM_Weight_kg__c": (None if before is None else float(before), 2.5)},
    }


def plan(project: Project) -> dict[str, Any]:
    (catalog,) = project.run("plan", CATALOG, "--format", "json").data["catalogs"]
    return dict(catalog)


@pytest.fixture
def project(icecat: Sandbox, new_project: NewProject) -> Project:
    return new_project(TEMPLATE, icecat)


def test_the_whole_catalogue_arrives_as_the_raw_data_say(project: Project, icecat: Sandbox) -> None:
    first = plan(project)
    assert first["summary"] == {
        "create": 1061, "update": 0, "deactivate": 0, "delete": 0, "unchanged": 0, "rejected": 1,
    }  # fmt: skip
    (rejection,) = first["streams"][0]["rejections"]
    assert (rejection["source_key"], [each["field"] for each in rejection["reasons"]]) == (NAMELESS, ["Name"])
    assert not icecat.org.rows("Product2"), "a plan writes nothing"

    project.edit("catalogs/products.yaml", ("      Name: name\n", '      Name: {value: name, default: "(no name)"}\n'))
    assert plan(project)["summary"]["create"] == 1062
    (transfer,) = project.run("apply", CATALOG, "--yes", "--json").data["transfers"]
    assert (transfer["status"], transfer["summary"]["created"], transfer["summary"]["rejected"]) == ("done", 1062, 0)
    assert differences(icecat) == []

    settled = plan(project)
    assert settled["summary"] == {
        "create": 0, "update": 0, "deactivate": 0, "delete": 0, "unchanged": 1062, "rejected": 0,
    }  # fmt: skip

    expected = edit_three(icecat)
    changed = plan(project)
    assert changed["summary"]["update"] == 3
    assert changed["summary"]["create"] == 0
    found = {
        change["key"]: {each["field"]: (each["before"], each["after"]) for each in change["fields"]}
        for stream in changed["streams"]
        for change in stream["changes"]
    }
    assert found == expected
    project.run("apply", CATALOG, "--yes")
    assert plan(project)["summary"]["unchanged"] == 1062


@pytest.mark.slow
def test_the_same_catalogue_by_bulk_jobs_is_the_same(project: Project, icecat: Sandbox) -> None:
    project.edit(
        "sync-engine.yaml", ("    auth: client_credentials\n", "    auth: client_credentials\n    bulk_threshold: 10\n")
    )
    project.edit("catalogs/products.yaml", ("      Name: name\n", '      Name: {value: name, default: "(no name)"}\n'))
    planned = project.run("plan", CATALOG, "--format", "json").data["catalogs"][0]
    assert {stream["mode"] for stream in planned["streams"]} == {"bulk"}
    project.run("apply", CATALOG, "--yes")
    assert differences(icecat) == []
    assert plan(project)["summary"]["unchanged"] == 1062


def test_only_what_the_mapping_needs_is_asked_of_the_pim(project: Project, icecat: Sandbox) -> None:
    project.run("plan", CATALOG)
    reads = [call for call in icecat.pim.requests if call.path.endswith("/products-uuid")]
    assert len(reads) == 10
    asked = set(reads[0].query["attributes"].split(","))
    assert {"name", "sku", "description", "weight"} <= asked
    assert len(asked) == 12
    assert reads[0].query["locales"] == "en_US"
    assert "scope" not in reads[0].query


def test_the_shipped_catalog_is_valid_against_snapshots(project: Project) -> None:
    project.run("snapshot")
    found = project.run("validate", "--format", "json").data
    assert [each for each in found["problems"] if each["severity"] == "error"] == []
    assert Path(project.folder / "snapshots" / "pim.json").is_file()
    assert project.run("snapshot", "--check").code == 0
