"""Reference entity records and assets: their labels, attributes and files, through the products that link to them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.journeys.conftest import Project
from tests.journeys.small import KEY, PROJECT_FILE

from sync_engine_sandbox.sandbox import DEMO_DATA, Sandbox, running

Json = dict[str, Any]
TEXT = {"type": "string", "length": 255}
FIELDS = {
    "Brand__c": {"value": "brand", "labels": True},
    "Brand_Code__c": "brand",
    "Story_de__c": {"value": "brand.story", "locale": "de_DE"},
    "Founded__c": "brand.founded",
    "Range__c": {"value": "brand.positioning", "labels": True},
    "Country__c": "brand.country",
    "Designers__c": {"value": "designers", "labels": True, "join": " + "},
    "Maker__c": {"template": "{{ brand | label }} ({{ brand.country | label }}, {{ brand.founded }})"},
}


def raw(name: str) -> list[Json]:
    lines = (DEMO_DATA / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines if line]


def of(item: Json, code: str, locale: str | None = None) -> Any:
    """A value of a record, an asset or a product, in one locale or without any."""
    return next((each["data"] for each in item["values"].get(code, ()) if each["locale"] in (None, locale)), None)


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    item = [KEY, *({"name": name, **TEXT, "type": "textarea" if "Story" in name else "string"} for name in FIELDS)]
    file = {"name": "ContentVersion", "fields": [{"name": "PIM_Key__c", **TEXT, "externalId": True}]}
    org = tmp_path / "org.json"
    org.write_text(json.dumps({"objects": [{"name": "Item__c", "fields": item}, file]}), encoding="utf-8")
    with running(DEMO_DATA, org) as opened:
        yield opened


@pytest.fixture
def project(tmp_path: Path, sandbox: Sandbox) -> Project:
    folder = tmp_path / "project"
    (folder / "catalogs").mkdir(parents=True)
    (folder / "sync-engine.yaml").write_bytes(PROJECT_FILE.read_bytes())
    return Project(folder, sandbox.environment)


def write(project: Project, streams: Json) -> None:
    catalog = {
        "version": 1,
        "name": "linked",
        "source": {"connection": "pim", "channel": "ecommerce", "locales": ["en_US", "de_DE"]},
        "target": {"connection": "crm"},
        "streams": streams,
    }
    (project.folder / "catalogs" / "linked.yaml").write_text(json.dumps(catalog), encoding="utf-8")


def test_labels_and_attributes_of_linked_records_arrive_with_the_product(project: Project, sandbox: Sandbox) -> None:
    fields = {"Name": {"template": "{{ sku }}"}, **FIELDS}
    write(project, {"items": {"from": "products", "to": "Item__c", "key": {"Key__c": "uuid"}, "fields": fields}})
    project.run("apply", "--yes")
    records = {(each["_reference_entity"], each["code"]): each for each in raw("reference-entity-records")}
    options = {
        each["code"]: each["labels"].get("en_US", each["code"]) for each in raw("reference-entity-attribute-options")
    }
    models = {each["code"]: each for each in raw("product-models")}

    def inherited(product: Json, code: str) -> Any:
        found, parent = of(product, code), product["parent"]
        while found is None and parent:
            found, parent = of(models[parent], code), models[parent]["parent"]
        return found

    seen: set[str] = set()
    rows = {row["Key__c"]: row for row in sandbox.org.rows("Item__c")}
    for product in raw("products"):
        code, designers = inherited(product, "brand"), inherited(product, "designers") or []
        brand = records.get(("brand", code), {"values": {}})
        label = of(brand, "label", "en_US") or code
        land = records.get(("country", of(brand, "country") or ""))
        country = (of(land, "label", "en_US") if land else None) or of(brand, "country") or ""
        names = [of(records[("designer", each)], "label", "en_US") or each for each in designers]
        expected = {
            "Brand__c": label,
            "Brand_Code__c": code,
            "Story_de__c": of(brand, "story", "de_DE"),
            "Founded__c": of(brand, "founded"),
            "Range__c": options.get(of(brand, "positioning")),
            "Country__c": of(brand, "country"),
            "Designers__c": " + ".join(names) or None,
            "Maker__c": f"{label or ''} ({country}, {of(brand, 'founded') or ''})".strip(),
        }
        row = rows[product["uuid"]]
        assert {name: row.get(name) for name in FIELDS} == expected
        seen.update(name for name, value in expected.items() if value)
    assert seen == set(FIELDS), "the demo data has a case of each"
    assert project.run("plan", "--format", "json").data["catalogs"][0]["summary"]["update"] == 0


def test_a_part_of_a_linked_record_that_does_not_exist_is_refused(project: Project) -> None:
    fields = {"Name": "sku", "Brand__c": {"template": "{{ brand.cuntry }}"}}
    write(project, {"items": {"from": "products", "to": "Item__c", "key": {"Key__c": "uuid"}, "fields": fields}})
    assert "SE302: `brand.cuntry` is no attribute" in project.run("plan", code=3).err


@pytest.mark.parametrize(
    ("attribute", "table", "owner"),
    [("designers", "reference-entity-records", "designer"), ("gallery", "assets", "packshots")],
)
def test_each_linked_record_is_a_row_with_its_label(
    project: Project, sandbox: Sandbox, attribute: str, table: str, owner: str
) -> None:
    fields = {"Name": {"template": "{{ sku }}"}, "Brand_Code__c": "reference"}
    fields["Brand__c"] = {"value": "reference", "labels": True}
    key = {"Key__c": "{{ uuid }}-{{ position }}"}
    stream = {"from": "products", "for_each": {"reference": [attribute]}, "to": "Item__c", "key": key}
    write(project, {"designs": {**stream, "fields": fields}})
    project.run("apply", "--yes")
    labels = {
        each["code"]: of(each, "label", "en_US") or each["code"]
        for each in raw(table)
        if owner in (each.get("_reference_entity"), each.get("_asset_family"))
    }
    wanted = {
        f"{product['uuid']}-{position}": (code, labels[code])
        for product in sandbox.pim.products.by_key.values()
        for position, code in enumerate(of(product, attribute) or (), start=1)
    }
    rows = {row["Key__c"]: (row["Brand_Code__c"], row["Brand__c"]) for row in sandbox.org.rows("Item__c")}
    assert rows == wanted
    assert all(code != label for code, label in rows.values()), "the labels are seen to be no codes"
    assert len({key.rpartition("-")[0] for key in rows}) < len(rows), "some product has several"


def test_assets_of_a_product_are_sent_by_their_labels_and_listed_only_where_these_are_asked_for(
    project: Project, sandbox: Sandbox
) -> None:
    labels = {each["code"]: of(each, "label", "de_DE") or of(each, "label", "en_US") for each in raw("assets")}
    fields: Json = {"Name": {"template": "{{ sku }}"}, "Brand_Code__c": {"value": "gallery", "join": ","}}
    shown = {"Designers__c": {"value": "gallery", "labels": True, "locale": "de_DE", "join": " + "}}
    lists = "/asset-families/packshots/assets"
    for each in ({}, shown):
        sandbox.pim.requests.clear()
        stream = {"from": "products", "to": "Item__c", "key": {"Key__c": "uuid"}, "fields": {**fields, **each}}
        write(project, {"items": stream})
        project.run("apply", "--yes")
        assert bool(each) == any(call.path.endswith(lists) for call in sandbox.pim.requests)
    sent = {
        row["Brand_Code__c"]: row["Designers__c"] for row in sandbox.org.rows("Item__c") if row.get("Brand_Code__c")
    }
    assert sent == {codes: " + ".join(labels[code] for code in codes.split(",")) for codes in sent}
    assert any("," in codes for codes in sent), "some product has several"


def test_the_files_of_linked_assets_are_sent(project: Project, sandbox: Sandbox) -> None:
    key = {"PIM_Key__c": "{{ uuid }}-{{ attribute }}-{{ position }}"}
    fields = {"Title": "filename", "PathOnClient": "filename", "VersionData": {"media": "media"}}
    stream = {"from": "products", "for_each": {"media": ["guides"]}, "to": "ContentVersion", "key": key}
    write(project, {"files": {**stream, "fields": fields}})
    done = project.run("apply", "--yes", code=None)
    assert done.code in (0, 4)
    bodies = {path.name: path.read_bytes() for path in (DEMO_DATA / "media").rglob("*") if path.is_file()}
    assets = {each["code"]: each for each in raw("assets") if each["_asset_family"] == "guides"}
    wanted: dict[str, bytes] = {}
    lost: set[str] = set()
    for product in raw("products"):
        files = [of(assets[code], "document") for code in of(product, "guides") or () if code in assets]
        for position, code in enumerate(filter(None, files), start=1):
            name = f"{product['uuid']}-guides-{position}"
            content = bodies.get(Path(code).name)
            if content is None:
                lost.add(name)
            else:
                wanted[name] = content
    found = {row["PIM_Key__c"]: sandbox.org.store.blobs[row["Id"]] for row in sandbox.org.rows("ContentVersion")}
    assert found == wanted
    assert (done.code == 4) == bool(lost)
    assert found or lost


def test_each_asset_stays_a_document_of_its_own_when_others_leave_or_get_another_file(
    project: Project, sandbox: Sandbox
) -> None:
    """A key by position would hand the documents of the assets behind it on, and those of other attributes."""
    tent, key = "008027c2-b995-52ad-9c51-aa45639448ea", "{{ uuid }}-{{ attribute }}-{{ asset or position }}"
    stream: Json = {"from": "products", "for_each": {"media": ["gallery", "image"]}, "to": "ContentVersion"}
    stream |= {"filter": [{"field": "uuid", "operator": "IN", "value": [tent]}], "key": {"PIM_Key__c": key}}
    fields = {"Title": "filename", "PathOnClient": "filename", "VersionData": {"media": "media"}}
    write(project, {"files": {**stream, "fields": fields, "on_missing": "delete"}})
    pim, assets = sandbox.pim, ("assets", "packshots")

    def newest() -> dict[str, Json]:
        rows = sandbox.org.rows("ContentVersion")
        return {row["PIM_Key__c"].removeprefix(f"{tent}-"): row for row in rows if row["IsLatest"]}

    def summary() -> Json:
        counts: Json = project.run("apply", "--yes", "--json").data["transfers"][0]["summary"]
        return {name: count for name, count in counts.items() if count}

    assert summary() == {"created": 3}
    before = newest()
    assert before.keys() == {"gallery-ps_tent_rim", "gallery-ps_tent_snow", "image-1"}
    product = pim.products.by_key[tent]
    gallery = [{"locale": None, "scope": None, "data": ["ps_tent_snow"]}]
    pim.edit_product(tent, values={**product["values"], "gallery": gallery})
    assert summary() == {"deleted": 1, "unchanged": 2}
    snow = pim.table(*assets)["ps_tent_snow"]
    swatch = pim.table(*assets)["ps_swatch_moss"]
    pim.put_row(
        assets,
        {**snow, "values": {**snow["values"], "media": swatch["values"]["media"]}},
    )
    assert summary() == {"updated": 1, "unchanged": 1}
    after = newest()["gallery-ps_tent_snow"]
    assert after["ContentDocumentId"] == before["gallery-ps_tent_snow"]["ContentDocumentId"]
    assert (after["VersionNumber"], after["Title"]) == ("2", "ps_swatch_moss.jpg")
    assert project.run("plan", "--format", "json").data["catalogs"][0]["summary"]["update"] == 0


def test_a_link_to_a_file_elsewhere_is_no_file_and_its_address_goes_where_text_goes(
    project: Project, sandbox: Sandbox
) -> None:
    each = {"from": "products", "for_each": {"media": ["gallery.film"]}}
    file = {"Title": "filename", "PathOnClient": "filename", "VersionData": {"media": "media"}}
    write(project, {"files": {**each, "to": "ContentVersion", "key": {"PIM_Key__c": "{{ uuid }}"}, "fields": file}})
    rejected = project.run("plan", "--format", "json", code=None).data["catalogs"][0]["streams"][0]["rejections"]
    assert {reason["code"] for each in rejected for reason in each["reasons"]} == {"NOT_A_FILE"}
    fields = {"Name": "asset", "Story_de__c": "media", "Maker__c": {"template": "{{ gallery.film | join }}"}}
    write(project, {"links": {**each, "to": "Item__c", "key": {"Key__c": "{{ uuid }}"}, "fields": fields}})
    project.run("apply", "--yes")
    film = {"ps_tent_hollow": "hollow-at-dawn", "ps_film_only": "rain-chamber"}
    rows = sandbox.org.rows("Item__c")
    assert len(rows) == len(rejected) > 0
    for row in rows:
        address = f"https://media.nordhain.example/films/{film[row['Name']]}.mp4"
        assert row["Story_de__c"] == address
        assert address in row["Maker__c"]
