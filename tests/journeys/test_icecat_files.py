"""The pictures of the real catalogue in Salesforce Files, byte by byte."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.journeys.conftest import ICECAT, ROOT, NewProject, Project
from tests.journeys.test_icecat import data, raw

from sync_engine_sandbox.sandbox import Sandbox

CATALOG = "icecat-files"


@pytest.fixture
def project(icecat: Sandbox, new_project: NewProject) -> Project:
    return new_project(ROOT / "catalogs" / "icecat", icecat)


def expected() -> tuple[dict[str, bytes], set[str]]:
    """By key, the bytes of each picture that the PIM holds; and the keys of those whose bytes it does not have."""
    held: dict[str, bytes] = {}
    lost: set[str] = set()
    for product in raw("products"):
        for attribute in ("picture", "image"):
            code = data(product, attribute)
            if not code:
                continue
            key, path = f"{product['uuid']}-{attribute}", Path(ICECAT, "media", code)
            if path.is_file():
                held[key] = path.read_bytes()
            else:
                lost.add(key)
    return held, lost


def latest(sandbox: Sandbox) -> dict[str, dict[str, Any]]:
    return {row["PIM_Key__c"]: row for row in sandbox.org.rows("ContentVersion") if row["IsLatest"]}


def contents(sandbox: Sandbox) -> dict[str, bytes]:
    return {key: sandbox.org.store.blobs[row["Id"]] for key, row in latest(sandbox).items()}


def test_each_picture_arrives_in_the_files_of_its_product_and_follows_it(project: Project, icecat: Sandbox) -> None:
    held, lost = expected()
    assert held
    assert lost
    project.run("apply", CATALOG, "--yes", code=4)
    assert contents(icecat) == held
    shown = project.run("transfers", "show", "--json").data["transfer"]
    rejected = {each["key"]: each["reasons"][0] for each in shown["outcomes"] if each["outcome"] == "rejected"}
    assert rejected.keys() == lost
    assert {each["code"] for each in rejected.values()} == {"FILE_REFUSED"}
    ids = {row["Id"]: row["PIM_Id__c"] for row in icecat.org.rows("Product2")}
    linked = {
        row["ContentDocumentId"]: ids[row["LinkedEntityId"]]
        for row in icecat.org.rows("ContentDocumentLink")
        if row["LinkedEntityId"] in ids
    }
    documents = {key: row["ContentDocumentId"] for key, row in latest(icecat).items()}
    assert {key: linked[document] for key, document in documents.items()} == {
        key: key.rpartition("-")[0] for key in held
    }

    by_uuid = {each["uuid"]: each for each in raw("products")}
    first, donor = [key for key in sorted(held) if not by_uuid[key.rpartition("-")[0]]["parent"]][:2]
    uuid, _, attribute = first.rpartition("-")
    donor_uuid, _, donor_attribute = donor.rpartition("-")
    value = [{"locale": None, "scope": None, "data": data(by_uuid[donor_uuid], donor_attribute)}]
    icecat.pim.edit_product(uuid, values={**by_uuid[uuid]["values"], attribute: value})
    (files,) = [
        each
        for each in project.run("plan", CATALOG, "--format", "json").data["catalogs"][0]["streams"]
        if each["name"] == "files"
    ]
    assert {each["key"] for each in files["changes"]} == {first, *lost}
    project.run("apply", CATALOG, "--yes", code=4)
    assert contents(icecat) == {**held, first: held[donor]}
    assert latest(icecat)[first]["ContentDocumentId"] == documents[first]
    assert latest(icecat)[first]["VersionNumber"] == "2"
